# helper.bash - loaded by every .bats file: `load helper` here, `load ../cli/helper` elsewhere.
#
# Gives bats-support, bats-assert and bats-file, the programs of $BUILD/bin on
# PATH, and a directory of its own for each test, which is the present one.
# VIT_SHARED: real data (absent: tests that want it are skipped).
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
case ${BUILD:=build} in /*) ;; *) BUILD=$REPO/$BUILD ;; esac
: "${VIT_SHARED:=$REPO/../shared}"
PATH=$BUILD/bin:$PATH
export REPO BUILD VIT_SHARED PATH
export LC_ALL=C.UTF-8
unset VIT_PLUGIN_PATH

load_bats_library() {
	local dir
	for dir in ${BATS_LIB_PATH:+"$BATS_LIB_PATH"} /usr/lib/bats /usr/share/bats /usr/lib/bats-core /usr/local/lib/bats; do
		if [[ -e $dir/$1/load.bash ]]; then
			load "$dir/$1/load.bash"
			return
		fi
	done
	echo "$1 is not installed: make deps" >&2
	return 1
}
load_bats_library bats-support
load_bats_library bats-assert
load_bats_library bats-file

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

# Runs a command that must succeed and say nothing on stderr; $output is its
# stdout. Other expectations: `run --separate-stderr -N COMMAND`.
quietly() {
	run --separate-stderr "$@"
	assert_success
	# shellcheck disable=SC2154 # run assigns it
	assert_equal "$stderr" ""
}

# $stderr, as `run --separate-stderr` left it, holds $1.
assert_said() {
	# shellcheck disable=SC2154
	[[ $stderr == *"$1"* ]] || fail "stderr lacks '$1': $stderr"
}

need() { # PROGRAM...: skip without them
	local p
	for p in "$@"; do
		[[ -x $BUILD/bin/$p ]] || command -v "$p" >/dev/null || skip "no $p"
	done
}

# Not for $(...): skip ends only the shell that it runs in.
shared() { # PATH: its place in the shared data in $shared, or skip
	shared=$VIT_SHARED/data/$1
	[[ -e $shared ]] || skip "no $1 in the shared data"
}

be32() { # N...: big-endian
	local n
	for n; do
		# shellcheck disable=SC2059
		printf "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((n >> 24 & 255)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255)))"
	done
}

# An IDX data set of N (40) training and 10 test images, 8x8, ten classes.
tiny_idx() { # DIR [N]
	local split n i
	mkdir -p "$1"
	for split in train t10k; do
		n=${2:-40}
		[[ $split == t10k ]] && n=10
		{
			be32 $((0x803)) "$n" 8 8
			for ((i = 0; i < n; i++)); do
				printf '%64s' "" | tr ' ' "$(printf '\\%03o' $((i * 5 % 256)))"
			done
		} >"$1/$split-images-idx3-ubyte"
		{
			be32 $((0x801)) "$n"
			for ((i = 0; i < n; i++)); do
				# shellcheck disable=SC2059
				printf "$(printf '\\x%02x' $((i * 7 % 10)))"
			done
		} >"$1/$split-labels-idx1-ubyte"
	done
}
