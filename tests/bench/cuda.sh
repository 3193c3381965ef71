#!/bin/bash
# cuda.sh - ours on a GPU beside PyTorch on the same card, taking turns; medians.
# One command, within 8 minutes, a short table last. Works in the repository
# (`make bench-cuda`) and in a bundle (`bench-cuda`): $BUILD holds bin, lib and
# tests. Where there is no GPU it says so; where there is no PyTorch (python3, or
# $PYTHON) its columns are absent. Writes $BUILD/bench-cuda.json.
# shellcheck disable=SC2016  # what sh -c runs
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:=$(dirname "$here")}"
[ -x "$BUILD/bin/vit-train" ] || BUILD=$(cd "$here/../.." && pwd)/build
[ -x "$BUILD/bin/vit-train" ] || { echo "${0##*/}: no programs in $BUILD; make builds them" >&2; exit 1; }
: "${PYTHON:=python3}"
turns=${BENCH_TURNS:-3} amp=bf16
seconds=${BENCH_SECONDS:-460}           # of all; rows that no longer fit are named
reserve=0                               # of them, for the pipe that comes last: compilers must not eat it
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
json=$BUILD/bench-cuda.json rows=$tmp/rows table=$tmp/table
[ -w "$BUILD" ] || json=./bench-cuda.json
: >"$rows" && : >"$table"

card=$("$BUILD/bin/vit-train" --version | grep -o 'cuda:0 .*')
if [ -z "$card" ]; then
	why=$("$BUILD/bin/vit-train" --version | grep -o 'cuda: .*')
	echo "bench-cuda: ${why:-cuda: this build has no CUDA}; nothing was measured"
	exit 0
fi
torch=$("$PYTHON" -c 'import timm, torch; torch.cuda.is_available() or exit("it sees no GPU"); print(torch.__version__)' 2>"$tmp/py.err") ||
	echo "PyTorch: absent ($PYTHON: $(tail -1 "$tmp/py.err"))"

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
left() { echo $((seconds - reserve - SECONDS)); }
within() { echo $(($(left) < 1 ? 1 : $(left) < $1 ? $(left) : $1)); }          # seconds, at most what is left
row() { # work peer ours theirs unit smaller|larger need
	local ratio=-
	[ "$4" = - ] || ratio=$(awk -v a="$3" -v b="$4" -v s="$6" 'BEGIN { printf "%.2f", s == "smaller" ? b / a : a / b }')
	printf '{"work":"%s","peer":"%s","ours":%s,"theirs":%s,"unit":"%s","ratio":%s}\n' "$1" "$2" "$3" "${4/#-/null}" "$5" "${ratio/#-/null}" >>"$rows"
	printf '%-30s %-24s %10s %10s %-8s %6s  %s\n' "$1" "$2" "$3" "$4" "$5" "$ratio" "$7" | tee -a "$table"
}
ours() { # train|infer group spec size channels classes batch steps -> ms best flops bytes
	local options=(-d cuda -a "$amp" -g "$2")
	[ "$1" != infer ] || options+=(-i)
	shift 2
	timeout "$(within 120)" "$BUILD/tests/bench_step" "${options[@]}" "$@" 2>"$tmp/err" || { cat "$tmp/err" >&2; echo failed >"$tmp/failed"; }
}
theirs() { # peer_gpu.py's arguments
	[ -n "$torch" ] || return
	timeout "$(within 200)" "$PYTHON" "$here/peer_gpu.py" "$@" 2>"$tmp/err" || tail -2 "$tmp/err" >&2
}

# name what size channels classes patch dim depth heads mlp batch group need mode...
work() {
	local name=$1 what=$2 size=$3 ch=$4 k=$5 patch=$6 dim=$7 depth=$8 heads=$9 mlp=${10} batch=${11} group=${12} need=${13} mode ms their speed
	shift 13
	[ "$(left)" -gt 40 ] || { echo "$name: left out, the time is over" | tee -a "$table"; return; }
	local spec=vit:patch=$patch,dim=$dim,depth=$depth,heads=$heads,mlp=$mlp
	rm -f "$tmp"/ours "$tmp"/theirs.*
	[ -n "$torch" ] || set --
	# PyTorch compiles anew in each process: one for each mode, between two of ours
	for mode in "$@" ours; do
		ours "$what" "$group" "$spec" "$size" "$ch" "$k" "$batch" "$turns" | cut -d' ' -f1 >>"$tmp/ours"
		[ "$mode" = ours ] || theirs "$what" "$mode" "$size" "$ch" "$k" "$patch" "$dim" "$depth" "$heads" "$mlp" "$batch" "$group" "$turns" |
			cut -d' ' -f1 >"$tmp/theirs.$mode"
	done
	ms=$(median <"$tmp/ours")
	[ -n "$ms" ] || { echo "$name: failed" | tee -a "$table"; return; }
	for mode in "$@"; do
		their=$(median <"$tmp/theirs.$mode")
		row "$name" "PyTorch $mode" "$ms" "${their:--}" ms smaller ""
	done
	[ $# -gt 0 ] || row "$name" "" "$ms" - ms smaller ""
	speed=$(awk -v b="$batch" -v ms="$ms" 'BEGIN { printf "%.0f", 1e3 * b / ms }')
	row "$name" "" "$speed" - img/s larger "$need"
}

for data in "${VIT_SHARED:-$BUILD/../../shared}/data/cifar10-jpeg.tar.gz" "$BUILD/tests/data/cifar10-jpeg.tar.gz" ""; do [ -z "$data" ] || [ ! -e "$data" ] || break; done
[ -z "$data" ] || reserve=130
echo "$card, $amp; PyTorch ${torch:-absent}; $(date -u +%Y-%m-%d)"
if [ -n "$torch" ]; then
	read -r tflops gbs < <(timeout 60 "$PYTHON" "$here/peer_gpu.py" peak)
	echo "ceilings: ${tflops:-?} TFLOP/s (8192-cubed bf16 product), ${gbs:-?} GB/s (copy)"
fi
work "ViT-B/16 224 train B256" train 224 3 1000 16 768 12 12 4 256 4 "want 1.1x compile, 4200 img/s" eager compile
work "D192 L12 T65 train B1024" train 32 3 10 4 192 12 3 4 1024 10 "want 1.1x compile" compile
work "D192 L12 T65 train B64" train 32 3 10 4 192 12 3 4 64 50 "want 3x eager, 1.0x reduce-overhead" eager reduce-overhead
work "ViT-B/16 infer B256" infer 224 3 1000 16 768 12 12 4 256 4 "want 14000 img/s" compile
work "ViT-B/16 infer B1" infer 224 3 1000 16 768 12 12 4 1 1 "want under 1 ms" reduce-overhead

# what values and parameters take, of which the plan knows every byte
for amp in f32 bf16; do
	[ "$(left)" -gt 40 ] || { echo "memory of ViT-B/16: left out, the time is over" | tee -a "$table"; break; }
	ours train 1 vit:patch=16,dim=768,depth=12,heads=12,mlp=4 224 3 1000 64 1 | cut -d' ' -f4 >"$tmp/bytes.$amp"
done
amp=bf16
[ ! -s "$tmp/bytes.bf16" ] || [ ! -s "$tmp/bytes.f32" ] || row "ViT-B/16 B64 memory, bf16:f32" "ours in f32" "$(awk '{ printf "%.0f", $1 / 1e6 }' "$tmp/bytes.bf16")" \
	"$(awk '{ printf "%.0f", $1 / 1e6 }' "$tmp/bytes.f32")" MB smaller "want 1.67x"

# the whole pipe, from JPEGs; the GPU's load is sampled while it trains
reserve=0
if [ -n "$data" ] && [ "$(left)" -gt 100 ]; then
	export PATH=$BUILD/bin:$PATH
	gpu=${CUDA_VISIBLE_DEVICES:-0} gpu=${gpu%%,*}
	start=$(date +%s.%N)
	vit-fetch -q "$data" | vit-augment -q decode -o "$tmp/train.vits"
	timeout "$(left)" nvidia-smi -i "$gpu" --query-gpu=utilization.gpu --format=csv,noheader,nounits -lms 200 >"$tmp/load" 2>/dev/null & sampler=$!
	timeout "$(left)" sh -c 'vit-fetch -q "$1" --epochs "$2" --shuffle | vit-augment -q random-crop:padding=4 hflip |
		vit-train -q --model vit-lite/4 --device cuda --amp bf16 --batch-size 1024 --lr 2e-3 --weight-decay 0.06 --warmup 10ep --smoothing 0.1 -o "$3" --log "$4"' \
		- "$tmp/train.vits" 200 "$tmp/lite.vit" "$tmp/log"
	took=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
	kill $sampler 2>/dev/null
	if [ -e "$tmp/lite.vit" ]; then
		row "CIFAR-10, ViT-Lite-7/4, 200 ep" "" "$took" - s smaller "want under 75 s"
		# idle moments count, but those before its first work and after its last
		busy=$(awk '{ v[NR] = $1 } $1 > 0 { if (!first) first = NR; last = NR } END { for (i = first; i <= last; i++) s += v[i]; if (first) printf "%.1f", s / (last - first + 1) }' "$tmp/load")
		[ -z "$busy" ] || row "   GPU busy" "" "$busy" - % larger "want 90 %"
		top1=$(vit-fetch -q "$data" --split test | vit-eval -q --device cuda "$tmp/lite.vit" - --report json | sed -n 's/.*"top1": *\([0-9.]*\).*/\1/p' | head -1)
		[ -z "$top1" ] || row "   top-1 on its test images" "" "$top1" - % larger ""
	else
		echo "CIFAR-10 from the shell: did not end in time" | tee -a "$table"
	fi
else
	echo "CIFAR-10 from the shell: left out (${data:-no cifar10-jpeg.tar.gz})" | tee -a "$table"
fi

{ echo '['; sed '$!s/$/,/' "$rows"; echo ']'; } >"$json"
printf '\n%s\n' "$card, PyTorch ${torch:-absent}, $(date -u +%Y-%m-%d), $SECONDS s"
printf '%-30s %-24s %10s %10s %-8s %6s  %s\n' work peer ours theirs unit ratio wanted
cat "$table"
echo "written: $json"
[ ! -e "$tmp/failed" ]
