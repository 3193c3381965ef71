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
# what is promised byte for byte is the CPU's; tests of the GPU ask for it
export CUDA_VISIBLE_DEVICES=

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

# A photograph of sorts: stripes with noise, of one colour and one direction.
photo() { # FILE.jpg WIDTH HEIGHT R G B SEED [cjpeg option...]: upright stripes if R > B, else lying ones
	awk -v w="$2" -v h="$3" -v r="$4" -v g="$5" -v b="$6" -v seed="$7" 'BEGIN {
		srand(seed)
		printf "P3\n%d %d\n255\n", w, h
		for (y = 0; y < h; y++) for (x = 0; x < w; x++) {
			k = int((r > b ? x : y) / 8) % 2 ? 1 : 0.6
			n = rand() * 40 - 20
			printf "%d %d %d\n", level(r * k + n), level(g * k + n), level(b * k + n)
		}
	}
	function level(v) { return v < 0 ? 0 : v > 255 ? 255 : int(v) }' | cjpeg -quality 90 "${@:8}" >"$1"
}

# Class folders DIR/{ants,bees}: N (12) photographs each, no two of one size.
photos() { # DIR [N]
	local i
	mkdir -p "$1/ants" "$1/bees"
	for ((i = 0; i < ${2:-12}; i++)); do
		photo "$1/ants/$i.jpg" $((60 + 5 * i)) $((90 - 3 * i)) 200 80 60 "$i"
		photo "$1/bees/$i.jpg" $((70 + 3 * i)) $((50 + 4 * i)) 60 90 200 "$i"
	done
}
