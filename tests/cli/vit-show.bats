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
	assert_output 'curve.png: a PNG image, 520 x 1200 pixels (height x width), colour'
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
	printf 'hello\n' >text
	gzip -k text
	printf '%%PDF-1.4' >pdf
	quietly vit-show text text.gz pdf
	assert_line --index 0 'text: text'
	assert_line --index 1 'text.gz: text, in gzip data'
	assert_line --index 2 'pdf: a PDF document'
	# what is damaged is named, and no success
	printf '\xff\xd8\xff\xe0' >jpeg
	run --separate-stderr -1 vit-show jpeg
	assert_said 'jpeg: a JPEG image: '
	printf '\x1f\x8b\x08' >gz
	run --separate-stderr -1 vit-show gz
	assert_said 'gz: '
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

@test "an image: type, size, channels; as JSON" {
	need cjpeg python3
	photo p.jpg 90 60 200 80 60 1
	photo g.jpg 40 50 200 80 60 1 -grayscale
	quietly vit-show p.jpg g.jpg
	assert_line --index 0 'p.jpg: a JPEG image, 60 x 90 pixels (height x width), colour'
	assert_line --index 1 'g.jpg: a JPEG image, 50 x 40 pixels (height x width), gray'
	vit-show --json - <p.jpg >out
	run python3 -c 'import json; d = json.load(open("out")); print(d["height"], d["width"], d["channels"], d["format"])'
	assert_output '60 90 3 a JPEG image'
}

@test "what is compressed is looked into" {
	samples | zstd -q >s.zst
	model | gzip >m.gz
	log | xz >log.xz 2>/dev/null || log >log.xz
	quietly vit-show s.zst m.gz log.xz
	assert_line --partial 's.zst: samples (vit stream, version 1, in zstd data)'
	assert_line --partial 'm.gz: model (vit stream, version 1, in gzip data)'
	assert_line --partial 'log.xz: training log, 2 epochs'
	vit-show --dump s.zst | grep -q '"id":"a"'
}

@test "what vit-eval writes has a name" {
	echo '{"rows":"true","columns":"predicted","classes":["a"],"matrix":[[1]]}' >c.json
	echo '{"top1":50.0,"classes":[]}' >r.json
	echo '{"a":1}' >other.json
	quietly vit-show c.json r.json other.json
	assert_line --index 0 'c.json: a confusion matrix (vit-eval --confusion)'
	assert_line --index 1 'r.json: a report (vit-eval --report json)'
	assert_line --index 2 'other.json: JSON text'
}

@test "a directory of class folders, and an archive of it" {
	need cjpeg
	photos birds 3
	vit-fetch birds --limit 1 >/dev/null 2>&1 || skip "directories are not read by this build"
	mkdir -p all/train all/val && cp -r birds/* all/train && cp birds/ants/0.jpg all/val && mkdir all/val/ants && mv all/val/0.jpg all/val/ants && cp -r birds/bees all/val
	quietly vit-show all
	assert_line --index 0 --regexp '^all: a directory, read by vit-fetch as folder'
	assert_line --regexp 'split +train'
	assert_line --regexp '0 +ants +3'
	assert_line --regexp 'split +val'
	assert_line --regexp '0 +ants +1 '
	tar cf all.tar all
	quietly vit-show all.tar
	assert_line --index 0 --regexp '^all.tar: a tar archive, read by vit-fetch as folder'
	assert_line --regexp '1 +bees +3'
	mkdir empty
	run --separate-stderr vit-show empty
	assert_failure
	assert_said 'empty'
}

@test "--grid: of streams, images, directories" {
	need cjpeg
	samples >s
	run --separate-stderr -0 vit-show --grid 2x3 s -o s.png
	assert_output ''
	assert_said 's: b: a record without an image'
	quietly vit-show s.png
	assert_output --partial 'a PNG image'
	# the same bytes again, and through a pipe
	vit-show --grid 2x3 s 2>/dev/null | cmp s.png
	photo p.jpg 90 60 200 80 60 1
	quietly vit-show --grid 1x2 p.jpg p.jpg -o p.png
	head -c 400 p.jpg >cut.jpg
	run --separate-stderr -0 vit-show --grid 1x2 p.jpg cut.jpg -o cut.png
	assert_said cut.jpg
	run cmp -s p.png cut.png
	assert_failure
}

@test "--grid refuses what has no images" {
	model >m
	run --separate-stderr -1 vit-show --grid 2x2 m -o m.png
	assert_file_not_exist m.png
	run --separate-stderr -2 vit-show --grid 2 m -o m.png
	assert_said 'like 8x8'
	run --separate-stderr -2 vit-show --grid 0x4 m -o m.png
	run --separate-stderr -2 vit-show --grid 2x2 --json m -o m.png
	assert_said 'leave out --json'
	run --separate-stderr -1 bash -c ': | vit-show --grid 2x2 -o m.png'
	assert_said empty
	need script
	samples >s
	vit-augment --limit 0 -i s -o none
	run --separate-stderr -1 vit-show --grid 2x2 none -o m.png
	assert_said "none: no image to draw"
	run script -qec 'vit-show --grid 2x2 s' /dev/null
	assert_failure 2
}
