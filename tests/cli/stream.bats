#!/usr/bin/env bats
# The stream as bytes in a shell: what readers refuse, and in which words.
# The streams are written by printf, so that nothing of ours vouches for itself.

load helper

head_() { # KIND [META, as msgpack]
	printf '\x84\xa3vit\xa6stream\xa7version\x01\xa4kind'
	[ "$1" = model ] && printf '\xa5model' || printf '\xa7samples'
	printf '\xa4meta'
	printf "${2:-\x80}"
}
record() { # ID SEQ LABEL: one character and two small numbers
	printf '\x83\xa2id\xa1%s\xa3seq' "$1"
	printf "$(printf '\\x%02x' "$2")"'\xa5label'"$(printf '\\x%02x' "$3")"
}
trailer() { # COUNT
	printf '\x82\xa3end\xc3\xa5count'"$(printf '\\x%02x' "$1")"
}
three() { # [META]
	head_ samples "$@"
	record a 0 1
	record b 1 2
	record c 2 1
	trailer 3
}

@test "a stream without hash, as others may write it, is read" {
	three >s
	quietly vit-show s
	assert_line --regexp '^s: samples'
	assert_line --regexp ' 1 +2 +#+$'
	assert_line --regexp ' 2 +1 +#+$'
}

@test "cat joins streams, from files and in a pipe" {
	three '\x81\xa5count\x03' >s
	cat s s >two
	quietly vit-show --json two
	assert_output --partial '"records":6'
	cat s s | vit-show --json >out
	grep -q '"records":6.*"announced":6' out
}

@test "joined streams that differ are refused by the key" {
	three '\x81\xa7classes\x91\xa3cat' >a
	three '\x81\xa7classes\x91\xa3dog' >b
	cat a b >ab
	run --separate-stderr -1 vit-show ab
	assert_said 'vit-show: ab: joined streams differ in "classes": ["cat"], then ["dog"]'
}

@test "the same shard twice is refused" {
	three '\x81\xa5shard\x83\xa5index\x00\xa2of\x02\xa5total\x06' >a
	three '\x81\xa5shard\x83\xa5index\x01\xa2of\x02\xa5total\x06' >b
	cat a b >ok
	quietly vit-show ok
	cat a b a >bad
	run --separate-stderr -1 vit-show bad
	assert_said 'bad: shard 0 comes twice'
}

@test "models do not concatenate" {
	{ head_ model; trailer 0; } >m
	quietly vit-show m
	cat m m >mm
	run --separate-stderr -1 vit-show mm
	assert_said 'models do not concatenate'
}

@test "no trailer is an error, at every place of the cut" {
	three >s
	for n in $(seq 1 $(($(stat -c %s s) - 1))); do
		head -c "$n" s >cut
		run --separate-stderr -1 vit-show cut
		[ -n "$stderr" ]
	done
}

@test "empty input says so" {
	run --separate-stderr -1 vit-show /dev/null
	assert_said '/dev/null: empty'
	run --separate-stderr -1 vit-show </dev/null
	assert_said '<stdin>: empty'
}

@test "a wrong count in the trailer is damage" {
	{ head_ samples; record a 0 1; trailer 2; } >s
	run --separate-stderr -1 vit-show s
	assert_said 's: 1 records, the trailer says 2'
}

@test "an abort trailer gives the first program's own words" {
	{ head_ samples; record a 0 1; printf '\x83\xa3end\xc3\xa5count\x01\xa5error\xb5vit-fetch: x: is gone'; } >s
	run --separate-stderr -1 vit-show s
	assert_said 'vit-fetch: x: is gone'
}

@test "an unknown version and an unknown requirement are refused by name" {
	{ head_ samples | sed 's/version\x01/version\x07/'; trailer 0; } >s
	run --separate-stderr -1 vit-show s
	assert_said 'stream version 7 is not known'
	{ printf '\x84\xa3vit\xa6stream\xa7version\x01\xa4kind\xa7samples\xa8requires\x91\xa5tiles'; trailer 0; } >s
	run --separate-stderr -1 vit-show s
	assert_said 'requires "tiles"'
}

@test "counts and lengths that lie cost nothing and are named" {
	for lie in '\xdd\x0f\xff\xff\xff' '\xdf\xff\xff\xff\xff' '\xc6\xff\xff\xff\xff' '\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91'; do
		{ head_ samples; printf '\x83\xa2id\xa1a\xa3seq\x00\xa1x'; printf "$lie"; } >s
		# 1 GB of address space, but for a sanitizer, which wants terabytes
		run --separate-stderr -1 bash -c '[ -n "${VIT_SANITIZED-}" ] || ulimit -v 1000000; exec vit-show s'
		assert_said 's: record 1'
	done
}

@test "a bad record is named by number and id" {
	{ head_ samples; record a 0 1; printf '\x81\xa2id\xa1b'; trailer 2; } >s
	run --separate-stderr -1 vit-show s
	assert_said 's: record 2: has no "seq"'
}

@test "--max-record bounds a record" {
	{ head_ samples; printf '\x83\xa2id\xa1a\xa3seq\x00\xa1x\xc5\x10\x00'; head -c 4096 /dev/zero; trailer 1; } >s
	quietly vit-show s
	run --separate-stderr -1 vit-show --max-record 2K s
	assert_said 'the limit of 2048 bytes (--max-record)'
}

@test "files of version 1 are read for ever" {
	quietly vit-show --dump "$REPO"/tests/golden/v1.vits "$REPO"/tests/golden/v1.vit
	assert_output "$(cat "$REPO"/tests/golden/v1.jsonl)"
	quietly vit-show --json "$REPO"/tests/golden/v1.vits
	assert_output --partial '"classes":["cat","dog","ïgel"]'
	assert_output --partial '"shard":{"index":0,"of":2,"total":5}'
}

@test "joined streams have the history of both, where it can be known" {
	tiny_idx set 20
	vit-fetch set --limit 4 -o a
	vit-fetch set --limit 3 --skip 4 -o b
	cat a b >j
	tools() { vit-show --json "$@" | grep -o '"skip":"4"\|"limit":"[34]"' | sort -u | tr '\n' ' '; }
	local both='"limit":"3" "limit":"4" "skip":"4" '
	assert_equal "$(tools j)" "$both"
	assert_equal "$(vit-augment -i j | tools -)" "$both"
	assert_equal "$(vit-augment <j | tools -)" "$both"
	assert_equal "$(vit-fetch j | tools -)" "$both"
	assert_equal "$(vit-fetch a b | tools -)" "$both"
	vit-train --model vit:patch=4,dim=8,depth=1,heads=1,mlp=1 --steps 1 j -o m.vit 2>/dev/null
	assert_equal "$(tools m.vit)" "$both"
	# a pipe's reader has written its header before the second comes, but has it in the end
	assert_equal "$(cat j | vit-augment | tools -)" '"limit":"4" '
	assert_equal "$(cat j | tools -)" "$both"
}
