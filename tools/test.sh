#!/bin/bash
# test.sh TIER... - run test tiers and end with one total.
#
#   unit fuzz ops   programs in $BUILD/tests; cmocka's speak TAP, check-ops ends
#                   with "N passed, N failed", the others are one test each
#   cli pipelines long   Bats files in tests/TIER
#   shim            the CUDA module on the CPU (tests/cuda-shim): plain, under ASan
#                   with alignment checks, and TSan
#   sanitized       unit, fuzz, ops and cli once more in the sanitizer builds
#   interop         tests/interop/test_*.py in the peers' environment
#
# BUILD is the build directory (absolute). Exits 1 if anything failed or nothing ran.
# shellcheck disable=SC2030,SC2031  # counts of a subshell are read from a file
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=$PWD/build}"
export BUILD PATH="$BUILD/bin:$PATH" LC_ALL=C.UTF-8
export VIT_SHARED="${VIT_SHARED:-$PWD/../shared}"
log=$(mktemp -d) && trap 'rm -rf "$log"' EXIT
passed=0 failed=0 skipped=0

say() { printf '%s\n' "$*"; }

# count TAP in a file; show what failed with the lines after it
count() { # title status file
	local p f s
	# cmocka writes a skipped test as "not ok N # SKIP name", Bats as "ok N name # skip"
	s=$(grep -ciE '^(not )?ok .*# *skip' "$3")
	f=$(grep '^not ok ' "$3" | grep -cviE '# *skip')
	p=$(grep '^ok ' "$3" | grep -cviE '# *skip')
	[ "$2" = 0 ] || [ "$f" != 0 ] || { f=1; say "# $1: exit status $2"; tail -40 "$3"; }
	[ $((p + f + s)) != 0 ] || { f=1; say "# $1: no test ran"; }
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-34s %4d passed %3d failed %3d skipped\n' "$1" "$p" "$f" "$s"
	[ "$f" = 0 ] || awk '/^not ok /{show=1} /^ok |# SKIP/{show=0} show' "$3" | head -200
}
run_tap() { # title command...
	local title=$1 rc; shift
	"$@" >"$log/out" 2>"$log/err" </dev/null; rc=$?
	count "$title" "$rc" "$log/out"
	[ "$rc" = 0 ] || tail -40 "$log/err"
}
run_one() { # title command...: one test by its exit status, or its own "N passed, N failed"
	local title=$1 rc line; shift
	"$@" >"$log/out" 2>&1 </dev/null; rc=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log/out" | tail -1)
	if [ -n "$line" ]; then
		local p=${line%% *} f=${line#*, }; f=${f%% *}
		[ "$rc" = 0 ] || [ "$f" != 0 ] || f=1
		passed=$((passed + p)) failed=$((failed + f))
		printf '%-34s %4d passed %3d failed\n' "$title" "$p" "$f"
		[ "$f" = 0 ] || tail -60 "$log/out"
	elif [ "$rc" = 0 ]; then
		passed=$((passed + 1)); printf '%-34s %4d passed\n' "$title" 1
	elif [ "$rc" = 77 ]; then
		skipped=$((skipped + 1)); say "$title skipped: $(tail -1 "$log/out")"
	else
		failed=$((failed + 1)); say "$title FAILED (exit $rc)"; tail -60 "$log/out"
	fi
}
bats_dir() { # dir
	local f
	for f in tests/"$1"/*.bats; do
		[ -e "$f" ] && run_tap "$f" bats --tap "$f"
	done
}

# two functions at once, each with a core; the lines of the second after the first's
both() {
	local sub p f s
	( log=$log/second; mkdir "$log"; passed=0 failed=0 skipped=0
	  "$2" >"$log/text"; echo "$passed $failed $skipped" >"$log/sub" ) &
	"$1"
	wait $!
	sub=$log/second
	cat "$sub/text"
	read -r p f s <"$sub/sub"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}
shim_plain() {
	local b="$BUILD/shim" t
	run_one shim/headers tests/cuda-shim/check/headers.sh "${CXX:-g++}"
	run_one shim/unit "$b/tests/unit"
	for t in "$b"/tests/test_cuda*; do
		run_tap "shim/${t##*/}" env CMOCKA_MESSAGE_OUTPUT=TAP "$t"
	done
	# the order of streams: what no event holds back comes as late, or as early, as it may
	for t in late copies; do
		run_tap "shim/test_cuda-$t" env VIT_SHIM_STREAMS=$t CMOCKA_MESSAGE_OUTPUT=TAP "$b/tests/test_cuda"
	done
	run_one shim/check-ops "$b/tests/check-ops" --backend cuda
	# what else a card may be, on the ops that it concerns
	run_one shim/check-ops-shuffled env VIT_SHIM_ORDER=shuffled VIT_SHIM_STREAMS=late "$b/tests/check-ops" --backend cuda 'B=2,' n=1031
	run_one shim/check-ops-sm_86 env VIT_SHIM_CARD=86 "$b/tests/check-ops" --backend cuda attention
	run_tap shim/test_cuda_large-sm_86 env VIT_SHIM_CARD=86 CMOCKA_MESSAGE_OUTPUT=TAP "$b/tests/test_cuda_large"
	for t in tests/cuda-shim/*.bats; do run_tap "$t" bats --tap "$t"; done
}
shim_checked() {
	local a="$BUILD/shim-address" h="$BUILD/shim-thread" t
	run_one shim-address/unit "$a/tests/unit"
	for t in shim shim-address shim-thread; do
		run_one "$t/planted" tests/cuda-shim/check/planted.sh "$t" "$BUILD/$t/tests/planted"
	done
	# every op at small shapes; all cases take minutes
	local some=('B=2,' 'B=3,' '(B=7' n=1031 n=33)
	run_one shim-address/check-ops env ASAN_OPTIONS=detect_leaks=0 "$a/tests/check-ops" --backend cuda "${some[@]}"
	run_one shim-thread/check-ops env TSAN_OPTIONS=halt_on_error=1 "$h/tests/check-ops" --backend cuda "${some[@]}"
	# a cublasLt that refuses some epilogues, all of them, everything
	for t in bias plain none; do
		run_one "shim/check-ops-cublasLt-$t" env VIT_SHIM_LT=$t "$BUILD/shim/tests/check-ops" --backend cuda 'linear('
	done
}

tier() {
	case $1 in
	unit) for t in "$BUILD"/tests/test_*; do
		[ -x "$t" ] && run_tap "unit/${t##*/}" env CMOCKA_MESSAGE_OUTPUT=TAP "$t"; done ;;
	fuzz) for t in "$BUILD"/tests/fuzz_*; do [ -x "$t" ] && run_one "fuzz/${t##*/}" "$t"; done ;;
	ops) # each instruction set that this machine has: all ship, one is chosen; the references are the same
		for t in scalar avx2 avx512vl; do
			if [ -x "$BUILD/tests/check-ops" ] && grep -qw "$t" - /proc/cpuinfo <<<scalar; then
				local only=(); [ "$t" = scalar ] || only=(--backend cpu)
				run_one "check-ops/${t%vl}" env VIT_CPU="${t%vl}" "$BUILD/tests/check-ops" "${only[@]}"
			fi
		done ;;
	cli|pipelines|long) bats_dir "$1" ;;
	shim) both shim_plain shim_checked ;;
	sanitized)
		# a library without its sanitizer's runtime cannot be loaded by a plain program, so
		# each build's own programs run; leaks of the loader and of libgomp's threads are not ours
		( export BUILD="$PWD/build/address" PATH="$PWD/build/address/bin:$PATH"
		  # oneDNN keeps thread-local memory where the leak search does not expect it and crashes
		  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:intercept_tls_get_addr=0 UBSAN_OPTIONS=print_stacktrace=1
		  export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0" VIT_SANITIZED=1
		  for t in unit fuzz ops cli; do tier $t; done
		  echo "$passed $failed $skipped" >"$log/sub" )
		read -r passed failed skipped <"$log/sub"
		# the data path's threads; TSan does not know OpenMP's, so the engine stays out
		export TSAN_OPTIONS="suppressions=$PWD/tests/tsan.supp"
		for t in test_core test_train_feed test_train_ahead; do
			run_tap "thread/$t" env CMOCKA_MESSAGE_OUTPUT=TAP "build/thread/tests/$t"
		done
		run_tap "thread/vit-augment.bats" env BUILD="$PWD/build/thread" bats --tap tests/cli/vit-augment.bats
		unset TSAN_OPTIONS ;;
	interop)
		local py; py=$(tools/peers.sh) || { say "interop: no environment for the peers"; failed=$((failed + 1)); return; }
		for t in tests/interop/test_*.py; do [ -e "$t" ] && run_one "interop/${t##*/}" "$py" "$t"; done ;;
	*) say "test.sh: no tier '$1'"; exit 2 ;;
	esac
}
for t in "$@"; do tier "$t"; done
say
[ $((passed + failed)) != 0 ] || { say "no test ran"; failed=1; }
say "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
