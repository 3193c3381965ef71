#!/bin/bash
# card.sh - the tests that need a GPU: one command, within 8 minutes, a short
# table last and "N passed, N failed, N skipped". Works in the repository
# (`make test-cuda`) and in a bundle (`test-cuda`): $BUILD holds bin, lib, tests.
# shellcheck disable=SC2016,SC2317  # commands for bash -c, and a function they call
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:=$(dirname "$here")}"
[ -x "$BUILD/bin/vit-train" ] || BUILD=$(cd "$here/../.." && pwd)/build
[ -x "$BUILD/bin/vit-train" ] || { echo "${0##*/}: no programs in $BUILD; make builds them" >&2; exit 1; }
export PATH="$BUILD/bin:$PATH" LC_ALL=C.UTF-8
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0
: >"$tmp/table"
note() { printf '%-34s %6s passed %4s failed %4s skipped  %s\n' "$1" "$2" "$3" "$4" "${5:-}" | tee -a "$tmp/table"; passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4)); }
finish() {
	printf '\n%s\n' "${card:-no GPU}, $(date -u +%Y-%m-%d), $SECONDS s"
	cat "$tmp/table"
	printf '\n%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
	[ "$failed" = 0 ]
	exit
}

card=$(vit-train --version | grep -o 'cuda:0 .*')
if [ -z "$card" ]; then
	why=$(vit-train --version | grep -o 'cuda: .*')
	note "test-cuda" 0 0 1 "${why:-cuda: this build has no CUDA}; nothing was tested"
	finish
fi
echo "$card"

total() { # name seconds command...: a program that ends in "N passed, N failed"
	local name=$1 seconds=$2 rc line p f; shift 2
	timeout "$seconds" "$@" >"$tmp/out" 2>&1 </dev/null; rc=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$tmp/out" | tail -1)
	p=${line%% *} f=${line#*, } f=${f%% *}
	[ -n "$line" ] || { p=0 f=1; }
	[ "$rc" = 0 ] || [ "$f" != 0 ] || f=1
	[ "$p" != 0 ] || [ "$f" != 0 ] || f=1           # nothing ran
	note "$name" "$p" "$f" 0 "$([ "$rc" = 124 ] && echo "stopped after $seconds s")"
	[ "$f" = 0 ] || tail -30 "$tmp/out"
}
tap() { # name seconds command...: cmocka's
	local name=$1 seconds=$2 rc p f s; shift 2
	timeout "$seconds" env CMOCKA_MESSAGE_OUTPUT=TAP "$@" >"$tmp/out" 2>"$tmp/err" </dev/null; rc=$?
	s=$(grep -ciE '^(not )?ok .*# *skip' "$tmp/out") f=$(grep '^not ok ' "$tmp/out" | grep -cviE '# *skip') p=$(grep '^ok ' "$tmp/out" | grep -cviE '# *skip')
	[ "$rc" = 0 ] || [ "$f" != 0 ] || f=1
	note "$name" "$p" "$f" "$s"
	[ "$f" = 0 ] || tail -30 "$tmp/out" "$tmp/err"
}
one() { # name seconds command...: by its exit status
	local name=$1 seconds=$2; shift 2
	if timeout "$seconds" "$@" >"$tmp/out" 2>&1 </dev/null; then note "$name" 1 0 0; else note "$name" 0 1 0; tail -20 "$tmp/out"; fi
}

# every kernel against its reference, every type
total "check-ops on the card" 150 "$BUILD/tests/check-ops" --backend cuda
# whole steps beside the CPU backend, determinism, resume
for t in "$BUILD"/tests/test_cuda*; do [ -x "$t" ] && tap "${t##*/}" 90 "$t"; done

# from the shell: two runs alike, a killed run resumed alike, CPU and GPU agree
pipe() { ${go:-} vit-train -q --device cuda --amp "$amp" --deterministic --model vit:image=28,patch=7,dim=64,depth=2,heads=2,mlp=2 --batch-size 64 --lr 1e-3 --epochs 4 "$@"; }
samples=$BUILD/tests/data/fashion.vits
if [ ! -e "$samples" ]; then
	samples=$tmp/fashion.vits
	vit-fetch -q fashion-mnist --limit 4000 >"$samples" 2>"$tmp/err" || { note "from the shell" 0 0 1 "$(tail -1 "$tmp/err")"; samples=; }
fi
for amp in none bf16 fp16; do
	[ -n "$samples" ] || break
	export amp samples tmp; export -f pipe
	one "$amp: two runs, the same bytes" 60 bash -ec 'pipe -o "$tmp/a.vit" "$samples"; pipe -o "$tmp/b.vit" "$samples"; cmp "$tmp/a.vit" "$tmp/b.vit"'
	# the first run gets half of the samples and waits for more, so that it lives when it is killed
	one "$amp: killed and resumed, the same" 60 bash -c 'rm -f "$tmp"/c.*
		{ head -c $(($(stat -c %s "$samples") / 2)) "$samples"; exec sleep 30; } | go=exec pipe --checkpoint "$tmp/c.ckpt" --every 10it -o "$tmp/c.vit" - & p=$!
		while [ ! -e "$tmp/c.ckpt" ] && kill -0 $p; do sleep 0.05; done
		kill -9 $p || exit 1
		wait $p 2>/dev/null
		[ ! -e "$tmp/c.vit" ] && pipe --checkpoint "$tmp/c.ckpt" --every 10it --resume -o "$tmp/c.vit" "$samples" && cmp "$tmp/a.vit" "$tmp/c.vit"'
	one "$amp: the CPU gives its answers" 60 bash -ec 'vit-eval -q --device cpu "$tmp/a.vit" "$samples" --predict >"$tmp/cpu"; vit-eval -q --device cuda "$tmp/a.vit" "$samples" --predict >"$tmp/gpu"
		same=$(paste "$tmp/cpu" "$tmp/gpu" | awk -F "\t" -v n="$(head -1 "$tmp/cpu" | awk -F "\t" "{ print NF }")" "{ s += \$2 == \$(n + 2); k++ } END { print (k && s >= 0.99 * k) }"); [ "$same" = 1 ]'
done

# NVIDIA's own checkers on a small set
if command -v compute-sanitizer >/dev/null; then
	# a case or two of each kernel: attention's three, products with each end, both norms, the losses
	small=(--backend cuda 'B=2,T=7' 'n=33' 'attention(B=1,T=5,' 'attention(B=2,T=50' 'attention(B=3,T=48' 'T=513' 'T=17,K=64' 'B=2,T=5,C=768'
		'_xent(B=7' 'soft,B=5' 'kl_div(T=3' 'mse(B=7' 'image(B=2' 'image(mixup' 'patches(B=2,H=7' 'lower(n=33' 'zero(' 'step_done(')
	for tool in memcheck racecheck synccheck; do
		total "compute-sanitizer $tool" 100 compute-sanitizer --tool "$tool" --error-exitcode 9 "$BUILD/tests/check-ops" "${small[@]}"
	done
else
	note "compute-sanitizer" 0 0 1 "not on this machine"
fi
finish
