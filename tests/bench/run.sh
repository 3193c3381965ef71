#!/bin/bash
# run.sh - ours beside its peers in one interleaved run; medians; the machine's
# FMA peak is measured beside every turn, because it drifts. Writes
# $BUILD/bench.json: [{work, peer, ours, theirs, unit, ratio}], ratio > 1: ours
# is better. An absent peer is reported absent.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
: "${BUILD:=$PWD/build}"
turns=${BENCH_TURNS:-5}
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
json=$BUILD/bench.json rows=$tmp/rows
: >"$rows"

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { # work peer ours theirs unit smaller|larger
	local ratio=null
	if [ "$4" != null ]; then
		[ "$6" = smaller ] && ratio=$(awk "BEGIN { printf \"%.3f\", $4 / $3 }") || ratio=$(awk "BEGIN { printf \"%.3f\", $3 / $4 }")
	fi
	printf '{"work":"%s","peer":"%s","ours":%s,"theirs":%s,"unit":"%s","ratio":%s}\n' "$1" "$2" "$3" "$4" "$5" "$ratio" >>"$rows"
	printf '%-44s %-22s %10s %10s %-9s %s\n' "$1" "$2" "$3" "$4" "$5" "$ratio"
}
head_row() { printf '%-44s %-22s %10s %10s %-9s %s\n' work peer ours theirs unit ratio; }

py=$(tools/peers.sh 2>"$tmp/peers.err") || { py=; echo "PyTorch: absent ($(tail -1 "$tmp/peers.err"))"; }
torch=PyTorch
[ -z "$py" ] || torch="PyTorch $("$py" -c 'import torch; print(torch.__version__.split("+")[0])')"
head_row

# whole training steps: work, then size channels classes patch dim depth heads mlp batch
step() {
	local work=$1 size=$2 ch=$3 k=$4 patch=$5 dim=$6 depth=$7 heads=$8 mlp=$9 batch=${10} i
	local spec=vit:patch=$patch,dim=$dim,depth=$depth,heads=$heads,mlp=$mlp
	rm -f "$tmp"/ours "$tmp"/theirs "$tmp"/peak
	for ((i = 0; i < turns; i++)); do
		"$BUILD/tests/bench_step" "$spec" "$size" "$ch" "$k" "$batch" 5 >"$tmp/o" || exit 1
		cut -d' ' -f1 "$tmp/o" >>"$tmp/ours"; flops=$(cut -d' ' -f3 "$tmp/o")
		"$BUILD/tests/bench_peak" >>"$tmp/peak" || exit 1
		[ -z "$py" ] || "$py" tests/bench/peer_step.py "$size" "$ch" "$k" "$patch" "$dim" "$depth" "$heads" "$mlp" "$batch" 5 |
			cut -d' ' -f1 >>"$tmp/theirs" || exit 1
	done
	local ms theirs=null peak
	ms=$(median <"$tmp/ours") peak=$(median <"$tmp/peak")
	[ -z "$py" ] || theirs=$(median <"$tmp/theirs")
	row "train $work, step" "$torch" "$ms" "$theirs" ms smaller
	row "train $work, speed" "" "$(awk "BEGIN { printf \"%.0f\", 1e3 * $batch / $ms }")" null images/s larger
	row "train $work, products and the rest" "FMA peak" "$(awk "BEGIN { printf \"%.1f\", 1e-6 * $flops / $ms }")" "$peak" GFLOP/s larger
}
step "P7 D128 L4 T17 B128 (demo)" 28 1 10 7 128 4 4 2 128
step "P4 D192 L9 T65 B64" 32 3 10 4 192 9 3 4 64

# the pass-through filter beside cat: a pipe with one program between
stream() { # work bytes-per-record
	local f=$tmp/in.vits i s
	rm -f "$tmp"/ours "$tmp"/theirs
	"$BUILD/tests/bench_stream" "$2" 400000000 >"$f" || exit 1
	s=$(stat -c %s "$f")
	for ((i = 0; i < turns; i++)); do
		for who in ours theirs; do
			local t0 t1
			t0=$(date +%s.%N)
			if [ $who = ours ]; then "$BUILD/bin/vit-augment" <"$f" | cat >/dev/null; else cat <"$f" | cat >/dev/null; fi || exit 1
			t1=$(date +%s.%N)
			awk "BEGIN { printf \"%.0f\n\", $s / ($t1 - $t0) / 1e6 }" >>"$tmp/$who"
		done
	done
	row "vit-augment without ops, $1" cat "$(median <"$tmp/ours")" "$(median <"$tmp/theirs")" MB/s larger
	rm -f "$f"
}
stream "3 KB records" 3072
stream "150 KB records" 150528

# training images, one core each: vit-augment from a file of records to nowhere
# beside torchvision in process; each at its best settings (peer_data.py)
data() { # work kind records peer-argument... -- OP...
	local work=$1 kind=$2 n=$3 i t0 t1 args=()
	shift 3
	while [ "$1" != -- ]; do args+=("$1"); shift; done
	shift
	rm -f "$tmp"/ours "$tmp"/theirs "$tmp"/peer
	for ((i = 0; i < turns; i++)); do
		t0=$(date +%s.%N)
		taskset -c 0 "$BUILD/bin/vit-augment" -j1 -i "$tmp/in.vits" --epochs "$epochs" "$@" >/dev/null || exit 1
		t1=$(date +%s.%N)
		awk "BEGIN { printf \"%.1f\n\", $n * $epochs / ($t1 - $t0) }" >>"$tmp/ours"
		[ -z "$py" ] || taskset -c 0 "$py" tests/bench/peer_data.py "$kind" "${args[@]}" | head -1 | tee -a "$tmp/peer" | cut -d' ' -f1 >>"$tmp/theirs"
	done
	local theirs=null name=torchvision
	[ -z "$py" ] || { theirs=$(median <"$tmp/theirs"); name="torchvision, $(tail -1 "$tmp/peer" | cut -d' ' -f2-)"; }
	row "$work" "$name" "$(median <"$tmp/ours")" "$theirs" images/s larger
}
shared=${VIT_SHARED:-../shared}/data
if [ -d "$shared/hymenoptera" ]; then
	mapfile -t jpg < <(find "$shared/hymenoptera" -name '*.jpg' | sort)
	"$BUILD/bin/vit-fetch" -q "$shared/hymenoptera" --split all >"$tmp/in.vits" || exit 1
	epochs=20
	data "photographs: decode, resized crop 224, flip" photos ${#jpg[@]} "${jpg[@]}" -- random-resized-crop:size=224 hflip
	"$BUILD/bin/vit-fetch" -q "$shared/cifar10-binary" --split train >"$tmp/in.vits" || exit 1
	# read as one long epoch, not from the records that --epochs keeps
	"$BUILD/bin/vit-augment" -i "$tmp/in.vits" --epochs 200 -o "$tmp/long.vits" && mv "$tmp/long.vits" "$tmp/in.vits"
	epochs=200
	data "32x32 records: crop with padding 4, flip" cifar 1102 5000 -- random-crop:padding=4 hflip
else
	echo "photographs: absent (no $shared/hymenoptera)"
fi

{ echo '['; sed '$!s/$/,/' "$rows"; echo ']'; } >"$json"
echo "written: $json"
