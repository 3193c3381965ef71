#!/usr/bin/env bats
# vit-show: names and describes.

load helper

samples() {
	printf '\x84\xa3vit\xa6stream\xa7version\x01\xa4kind\xa7samples\xa4meta\x82\xa7classes\x92\xa3cat\xa3dog\xa6labels\xa5index'
	printf '\x84\xa2id\xa1a\xa3seq\x00\xa5label\x01\xa5image\x83\xa5shape\x93\x01\x02\x03\xa5dtype\xa5uint8\xa4data\xc4\x06abcdef'
	printf '\x82\xa2id\xa1b\xa3seq\x01'
	printf '\x82\xa3end\xc3\xa5count\x02'
}
model() {
	printf '\x84\xa3vit\xa6stream\xa7version\x01\xa4kind\xa5model\xa4meta\x81\xa4arch\x81\xa4type\xa3vit'
	printf '\x82\xa4name\xa9head.bias\xa6tensor'
	printf '\x83\xa5shape\x91\x02\xa5dtype\xa7float32\xa4data\xc4\x08\x00\x00\x80\x3f\x00\x00\x40\xc0'
	printf '\x82\xa3end\xc3\xa5count\x01'
}
log() {
	cat <<-'END'
		{"event":"start","seed":0}
		{"event":"epoch","epoch":1,"step":10,"loss":2.0,"top1":25,"lr":0.001,"val_loss":1.5,"val_top1":50}
		{"event":"epoch","epoch":2,"step":20,"loss":1.0,"top1":50,"lr":0.0005,"val_loss":0.75,"val_top1":62.5}
	END
}

@test "samples: counts per class" {
	samples >s
	quietly vit-show s
	assert_line --regexp '^s: samples'
	assert_line --regexp '0 +cat +0'
	assert_line --regexp '1 +dog +1'
	assert_line --partial '1 without label'
	assert_line --regexp 'images +1 x 2 x 3 uint8'
}

@test "samples through a pipe, as JSON that a program can read" {
	need python3
	samples | vit-show --json >out
	run python3 -c 'import json; d = json.load(open("out")); print(d["kind"], d["records"], [c["count"] for c in d["classes"]], d["unlabelled"])'
	assert_output 'samples 2 [0, 1] 1'
}

@test "--dump gives a line a record, images as shape and hash" {
	samples >s
	quietly vit-show --dump s
	assert_line --index 0 --regexp '^\{"id":"a","seq":0,"epoch":0,"label":1,"image":\{"shape":\[1,2,3\],"dtype":"uint8","xxh3":"[0-9a-f]{16}"\}\}$'
	assert_line --index 1 '{"id":"b","seq":1,"epoch":0}'
	quietly vit-show --dump --limit 1 s
	assert_equal "${#lines[@]}" 1
}

@test "a model: tensors, parameters, statistics" {
	model >m
	quietly vit-show m
	assert_line --regexp 'head.bias +\[2\] +float32 +2'
	assert_line --partial '1 tensors, 2 parameters'
	quietly vit-show --dump m
	assert_output --partial '"min":-3.0,"max":1.0,"mean":-1.0,"std":2.0,"zeros":0,"nonfinite":0'
}

@test "a training log: table, lines, and a picture" {
	log >log.jsonl
	quietly vit-show log.jsonl --curve curve.png
	assert_line --regexp '^ +1 +10 +2.0000 +25.00 +1.5000 +50.00'
	assert_line --regexp '^val top1 .*50 to 62.5'
	[ "$(head -c 4 curve.png | tail -c 3)" = PNG ]
	quietly vit-show curve.png
	assert_output --partial 'curve.png: a PNG image, read by vit-fetch as folder'
	quietly vit-show --json log.jsonl
	assert_output --partial '"val_top1":62.5'
}

@test "a log in progress, and one resumed, are read" {
	{ log; log | sed 's/2.0/1.75/'; printf '{"event":"epo'; } >log.jsonl
	quietly vit-show log.jsonl
	assert_line --index 0 'log.jsonl: training log, 2 epochs'
	assert_output --partial 1.7500
	refute_output --partial 2.0000
}

@test "--curve to a place that cannot be written leaves nothing" {
	log >log.jsonl
	run --separate-stderr -1 vit-show log.jsonl --curve nowhere/c.png
	assert_said nowhere
	run --separate-stderr -1 vit-show --curve c.png /etc/passwd
	assert_said 'no training log'
	assert_file_not_exist c.png
}

@test "any file is named by its content" {
	printf '\xff\xd8\xff\xe0' >jpeg
	printf '\x1f\x8b\x08' >gz
	printf 'hello\n' >text
	quietly vit-show jpeg gz text
	assert_line --index 0 --partial 'jpeg: a JPEG image'
	assert_line --index 1 --partial 'gz: gzip data'
	assert_line --index 2 --partial 'text: text'
	printf '\x01\x02\x03\x04' >what
	run --separate-stderr -1 vit-show what
	assert_said 'what: of an unknown format'
}

@test "one bad file does not hide the others, and the exit code is 1" {
	samples >s
	: >e
	run --separate-stderr -1 vit-show e s
	assert_said 'e: empty'
	assert_line --regexp '^s: samples'
}

@test "names in a file do not drive the terminal" {
	samples | sed 's/cat/\x1b[2/' >s
	quietly vit-show s
	refute_output --partial $'\x1b'
}

@test "usage: what excludes each other, and a terminal as input" {
	run --separate-stderr -2 vit-show --json --dump x
	assert_said exclude
	run --separate-stderr -2 vit-show --curve c.png a b
	assert_said 'one training log'
	need script
	run script -qec 'vit-show' /dev/null
	assert_failure 2
}
