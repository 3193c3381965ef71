#!/usr/bin/env bats
# Millions of records and tens of gigabytes in little memory: the peak of each
# program, as the system counts it.

load ../cli/helper

setup_file() {
	${CC:-cc} -O2 -o "$BATS_FILE_TMPDIR/memory_tool" "$BATS_TEST_DIRNAME/memory_tool.c"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	[[ -z ${VIT_SANITIZED-} ]] || skip "a sanitizer's memory is not ours"
	tool=$BATS_FILE_TMPDIR/memory_tool
}

peak() { "$tool" peak peaks "$@"; }

# Two programs said less than 200 MB each.
assert_little() {
	cat peaks
	assert_equal "$(wc -l <peaks)" 2
	awk '$2 * 1.048576 >= 200 { bad = 1 } END { exit bad }' peaks
}

assert_records() { # FILE N
	run -0 vit-show "$1"
	assert_output --partial "records     $2 (announced: $2 x 1 epochs)"
}

@test "2,000,000 images in a tar" {
	need zstd
	"$tool" tar 2000000 | zstd -q -1 >set.tar.zst
	peak vit-fetch set.tar.zst | peak vit-augment resize:size=2 >out.vits
	assert_little
	assert_records out.vits 2000000
}

@test "2,000,000 images in a directory, permuted" {
	mkdir set
	"$tool" files 2000000 set || skip "no room for 2,000,000 names"
	peak vit-fetch set --seed 1 | peak vit-augment resize:size=2 >out.vits
	assert_little
	assert_records out.vits 2000000
}

@test "2,000,000 records of a stream, permuted" {
	mkdir set
	{ be32 $((0x803)) 2000000 2 2; head -c 8000000 /dev/zero; } >set/train-images-idx3-ubyte
	{ be32 $((0x801)) 2000000; head -c 2000000 /dev/zero; } >set/train-labels-idx1-ubyte
	vit-fetch set -o set.vits
	peak vit-fetch set.vits | peak vit-augment hflip >out.vits
	assert_little
	assert_records out.vits 2000000
}

@test "20 GB" {
	mkdir set
	be32 $((0x803)) 320000 256 256 >set/train-images-idx3-ubyte
	truncate -s $((16 + 320000 * 65536)) set/train-images-idx3-ubyte || skip "no sparse files of 20 GB"
	peak vit-fetch set --order source | peak vit-augment hflip >/dev/null
	assert_little
	rm peaks
	peak vit-fetch set --limit 30000 | peak vit-augment hflip >/dev/null
	assert_little
}
