#!/usr/bin/env bats
# The first hour of someone who has photographs and no patience: each test is
# what is typed, to the letter, and what must come of it.

load ../cli/helper

setup_file() {
	load ../cli/helper
	cd "$BATS_FILE_TMPDIR" || return 1
	photos photos 16
	# what a real folder has: a gray picture, a broken one, litter, notes
	photo photos/ants/gray.jpg 64 64 200 200 20 99 -grayscale
	head -c 700 photos/bees/3.jpg >photos/bees/cut.jpg
	printf x >photos/.DS_Store
	printf 'who took these?\n' >photos/ants/notes.txt
	# the same without the broken one, and held out photographs of both classes
	cp -r photos good && rm good/bees/cut.jpg
	mkdir -p new && photo new/a.jpg 99 77 200 80 60 501 && photo new/b.jpg 50 80 60 90 200 502
	vit-fetch good --epochs 12 --shuffle | vit-augment resize:size=32x32 hflip |
		vit-train --model vit:patch=8,dim=32,depth=2,heads=2 --lr 2e-3 -o birds.vit 2>train.err || return 1
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	ln -s "$BATS_FILE_TMPDIR"/{photos,good,new,birds.vit} .
}

MODEL=vit:patch=8,dim=32,depth=1,heads=2

@test "a model name is all that training needs" {
	vit-fetch good | vit-train --model vit:image=32 -o m.vit 2>err
	run --separate-stderr vit-show m.vit
	assert_success
	assert_output --partial "ants"
	assert_output --partial "bees"
}

@test "a broken photograph stops the run and is named, with the remedy" {
	run --separate-stderr bash -o pipefail -c "vit-fetch photos | vit-augment resize:size=32x32 | vit-train --model $MODEL -o m.vit"
	assert_failure 1
	assert_said "bees/cut.jpg"
	assert_said "--max-bad"
	assert_not_exists m.vit
}

@test "it is left out where that is allowed, and counted" {
	run --separate-stderr bash -o pipefail -c "vit-fetch photos | vit-augment --max-bad 1 resize:size=32x32 -o p.vits"
	assert_success
	assert_said "bees/cut.jpg"
	assert_equal "$(grep -o 'bees/cut.jpg' <<<"$stderr" | wc -l)" 1
	run --separate-stderr vit-show p.vits
	assert_output --partial "33"
	run --separate-stderr vit-show --json p.vits
	assert_equal "$(grep -c '"skipped": *1' <<<"$output")" 1
}

@test "litter and notes are skipped and said once" {
	run --separate-stderr vit-fetch good -o g.vits
	assert_success
	assert_equal "$stderr" "vit-fetch: good: left out: 1 hidden file, 1 file that is no image"
	run vit-show g.vits
	assert_output --partial "33"
}

@test "one photograph: its class first" {
	quietly vit-eval birds.vit new/a.jpg
	assert_equal "${#lines[@]}" 1
	[[ $output == *a.jpg$'\t'ants$'\t'* ]] || fail "$output"
	quietly vit-eval birds.vit new/b.jpg
	[[ $output == *b.jpg$'\t'bees$'\t'* ]] || fail "$output"
}

@test "several, a folder of them, a folder of classes" {
	quietly vit-eval birds.vit new/a.jpg new/b.jpg
	assert_equal "${#lines[@]}" 2
	quietly vit-eval birds.vit new
	assert_equal "${#lines[@]}" 2
	run --separate-stderr vit-eval birds.vit good
	assert_success
	assert_output --partial "top-1"
}

@test "JSON lines" {
	quietly vit-eval birds.vit --predict=json new/a.jpg new/b.jpg
	python3 -c 'import json, sys
rows = [json.loads(l) for l in sys.stdin]
assert len(rows) == 2 and rows[0]["id"].endswith("a.jpg"), rows
assert rows[0]["predictions"][0]["class"] == "ants", rows' <<<"$output"
}

@test "tensors are refused to a terminal, with what to do" {
	run script -qec "vit-fetch good" /dev/null
	assert_failure 2
	assert_output --partial "-o"
	run script -qec "vit-train --model $MODEL good.vits" /dev/null
	assert_failure 2
	# refused before a step is taken, and before the input is even there
	assert_output --partial "-o"
}

@test "ctrl-C, and the same line again" {
	vit-fetch good --epochs 400 --shuffle | vit-augment resize:size=32x32 -o s.vits
	vit-train --model "$MODEL" --batch-size 1 -o whole.vit s.vits 2>/dev/null
	local line="vit-train --model $MODEL --batch-size 1 --checkpoint c --every 200it --resume -o cut.vit s.vits" rc=0
	# bash has background jobs ignore SIGINT, and may have been started so itself
	env --default-signal=INT $line 2>err &
	for ((i = 0; i < 400; i++)); do [ -e c ] && break || sleep 0.05; done
	kill -INT $!
	wait $! || rc=$?
	assert_equal "$rc" 130
	grep -q -- "--resume" err
	assert_not_exists cut.vit
	run $line
	assert_success
	assert_output --partial "going on from c"
	cmp whole.vit cut.vit
}

@test "a split that is not there" {
	run --separate-stderr vit-fetch good --split val
	assert_failure 2
	assert_said "train"
	assert_said "--holdout"
	run --separate-stderr vit-fetch good --split val --holdout 20% -o v.vits
	assert_success
	vit-fetch good --holdout 20% -o t.vits 2>/dev/null
	# the two sides are the whole
	n() { vit-show --json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["meta"]["count"])'; }
	assert_equal $(($(n v.vits) + $(n t.vits))) 33
}

@test "classes in another order, and one that is not known" {
	mkdir -p other/{bees,ants,zebras} && cp good/ants/1.jpg other/ants && cp good/bees/1.jpg other/bees
	cp good/bees/2.jpg other/zebras
	run --separate-stderr vit-eval birds.vit other
	assert_failure 1
	assert_said "zebras"
	assert_said "--class-map"
	rm -r other/zebras
	quietly vit-eval birds.vit other
	# the same photographs under names that a map brings together
	mv other/bees other/apis
	printf 'apis\tbees\n' >map
	run --separate-stderr vit-eval birds.vit --class-map map other
	assert_success
	assert_output --partial "100.00"
}

@test "the reader closes early: everyone before it is content" {
	run --separate-stderr bash -o pipefail -c "vit-fetch good --epochs 1000 --shuffle | vit-augment resize:size=32x32 | head -c 50000 >/dev/null"
	assert_success
	assert_equal "$stderr" "vit-fetch: good: left out: 1 hidden file, 1 file that is no image"
}

@test "a killed producer is no short epoch" {
	mkfifo p
	(
		exec >p
		exec vit-fetch good --epochs 100000 --shuffle 2>/dev/null
	) &
	local producer=$!
	(sleep 0.7; kill -9 "$producer") &
	run --separate-stderr bash -c "vit-augment resize:size=32x32 <p | vit-train --model $MODEL --checkpoint c -o m.vit"
	assert_failure 1
	assert_not_exists m.vit
	assert_said "the stream is cut"
	assert_said "--resume"
}

@test "cat, zstd and tee between any two" {
	vit-fetch good --order source --shard 0/2 -o s0 2>/dev/null
	vit-fetch good --order source --shard 1/2 -o s1 2>/dev/null
	cat s0 s1 | zstd -q | zstd -dcq | tee copy | vit-augment resize:size=32x32 | vit-train --model "$MODEL" --epochs 1 --steps 5 -o m.vit 2>/dev/null
	cat s0 s1 | cmp - copy
	zstd -q s0
	run vit-show s0.zst
	assert_success
}

@test "vit-show on every file made, on a photograph, on nothing" {
	vit-fetch good -o s.vits 2>/dev/null
	vit-augment -i s.vits resize:size=32x32 -o t.vits
	vit-train --model "$MODEL" --steps 4 --epochs 1 --checkpoint c --log log -o m.vit t.vits 2>/dev/null
	vit-eval birds.vit t.vits --report json --confusion k.png -o report.json
	vit-show --grid 4x2 s.vits -o grid.png
	for f in s.vits t.vits c m.vit log k.png report.json grid.png good/ants/0.jpg good new; do
		run --separate-stderr vit-show "$f"
		assert_success
		[ -n "$output" ] || fail "nothing on $f"
	done
	assert_equal "$(head -c 4 grid.png | tail -c 3)" PNG
	: >nothing
	run vit-show nothing
	assert_output --partial "empty"
	run vit-show </dev/null
	assert_output --partial "empty"
}

@test "photographs sorted by class: one warning, with the remedy" {
	run --separate-stderr bash -o pipefail -c "vit-fetch good --order source | vit-augment resize:size=32x32 | vit-train --model $MODEL --batch-size 2 --epochs 1 -o m.vit"
	assert_success
	assert_equal "$(grep -c 'one label\|same label' <<<"$stderr")" 1
	assert_said "--shuffle"
	run --separate-stderr bash -o pipefail -c "vit-fetch good | vit-augment resize:size=32x32 | vit-train --model $MODEL --batch-size 2 --epochs 1 -o m.vit"
	assert_success
	[[ $stderr != *label* ]] || fail "$stderr"
}
