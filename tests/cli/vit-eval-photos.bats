#!/usr/bin/env bats
# vit-eval on photos: what operands may be, forms of predictions, a coprocess.

load helper

setup_file() {
	load helper
	need vit-fetch vit-train cjpeg
	cd "$BATS_FILE_TMPDIR" || return 1
	tiny_idx idx
	vit-fetch idx >train.vits
	vit-train --model vit:patch=4,dim=8,depth=1,heads=2,mlp=2 --steps 1 -o m.vit train.vits
	vit-fetch idx@test >test.vits
	photo a.jpg 60 40 200 80 60 1
	photo b.jpg 33 47 60 90 200 2 -grayscale
	head -c 700 a.jpg >cut.jpg
	export DATA=$BATS_FILE_TMPDIR
}

setup() {
	cd "$DATA" || return 1
}

@test "photos, one line each: by name, on stdin, from a FIFO; the model anywhere" {
	quietly vit-eval m.vit a.jpg b.jpg
	assert_equal "${#lines[@]}" 2
	local a=${lines[0]} b=${lines[1]}
	assert_equal "$(cut -f1 <<<"$a") $(cut -f1 <<<"$b")" "a.jpg b.jpg"
	assert_equal "$(awk -F'\t' '{ print NF }' <<<"$a")" 11
	assert_equal "$(vit-eval b.jpg m.vit a.jpg)" "$b"$'\n'"$a"
	assert_equal "$(vit-eval m.vit <a.jpg | cut -f2-)" "$(cut -f2- <<<"$a")"
	assert_equal "$(vit-eval m.vit - <a.jpg | cut -f1)" "<stdin>"
	assert_equal "$(vit-eval m.vit <(cat a.jpg) | cut -f2-)" "$(cut -f2- <<<"$a")"
	assert_equal "$(vit-eval --top 1 a.jpg <m.vit | cut -f1-3)" "$(cut -f1-3 <<<"$a")"
}

@test "the same lines for any -j and batch" {
	local many=() i
	for i in 1 2 3 4 5 6; do many+=(a.jpg b.jpg); done
	vit-eval -j 1 m.vit "${many[@]}" >want
	vit-eval -j 4 -b 5 m.vit "${many[@]}" >got
	assert_equal "$(wc -l <want)" 12
	cmp want got
	vit-eval -j 4 --limit 7 m.vit "${many[@]}" >got
	cmp <(head -7 want) got
}

@test "JSON lines" {
	quietly vit-eval --predict=json --top 2 m.vit a.jpg test.vits
	python3 - "$output" <<-'EOF'
		import json, sys
		lines = [json.loads(l) for l in sys.argv[1].splitlines()]
		assert len(lines) == 11 and lines[0]["id"] == "a.jpg", lines
		for l in lines:
		    assert list(l) == ["id", "predictions"] and len(l["predictions"]) == 2
		    assert l["predictions"][0]["p"] >= l["predictions"][1]["p"] and isinstance(l["predictions"][0]["class"], str)
	EOF
	assert_equal "$(vit-eval --report json m.vit a.jpg)" "$(vit-eval --predict=json m.vit a.jpg)"
	# names of any bytes, as vit-fetch makes ids of them
	local odd=$'gr\xc3\xbc\xff"\n.jpg'
	cp a.jpg "$odd"
	assert_equal "$(vit-eval --predict=json --top 1 m.vit "$odd" | cut -d, -f1)" $'{"id":"gr\xc3\xbc%FF\\"\\n.jpg"'
	assert_equal "$(vit-show --json "$odd" | cut -d, -f1)" $'{"file":"gr\xc3\xbc%FF\\"\\n.jpg"'
	rm "$odd"
}

@test "a damaged photo among others is named; --max-bad goes on" {
	run --separate-stderr -1 vit-eval m.vit a.jpg cut.jpg b.jpg
	assert_said "cut.jpg: "
	assert_said "jpeg"
	assert_said "--max-bad"
	run --separate-stderr -0 vit-eval --max-bad 1 m.vit a.jpg cut.jpg b.jpg
	assert_equal "$(cut -f1 <<<"$output")" a.jpg$'\n'b.jpg
	assert_said "cut.jpg"
	assert_equal "${#stderr_lines[@]}" 1
	echo nothing >text.jpg
	run --separate-stderr -0 vit-eval --max-bad 50% m.vit a.jpg text.jpg b.jpg
	assert_equal "$(cut -f1 <<<"$output")" a.jpg$'\n'b.jpg
	assert_said "text.jpg"
	# a share counts from the whole at the end
	run --separate-stderr -1 vit-eval --max-bad 10% m.vit a.jpg cut.jpg cut.jpg b.jpg
	assert_said "2 bad records of 4 are more than --max-bad 10%"
}

@test "SOURCE and SOURCE@SPLIT: test is taken where none is named, and said" {
	run --separate-stderr -0 vit-eval m.vit idx
	assert_output --partial "samples  10 of"
	assert_said "idx: test is evaluated"
	quietly vit-eval m.vit idx@train
	assert_output --partial "samples  40 of"
	run --separate-stderr -2 vit-eval m.vit idx@val
	assert_said "no split val"
	run --separate-stderr -2 vit-eval m.vit idx@test a.jpg
	assert_said "idx@test has labels, a.jpg has none; --predict"
	quietly vit-eval --predict m.vit idx@test a.jpg
	assert_equal "${#lines[@]}" 11
	run --separate-stderr -2 vit-eval --holdout 10% m.vit test.vits
	assert_said "--holdout cuts a SOURCE"
	quietly vit-eval --holdout 50% m.vit idx
	assert_output --partial "of idx, val"
	run --separate-stderr -1 vit-eval --confusion nowhere/c.png m.vit idx@test
	assert_said "--confusion: nowhere/c.png"
	run --separate-stderr -1 vit-eval nothing.vit a.jpg
	assert_said "nothing.vit: there is no such file"
}

@test "streams joined on a pipe are scored to the end" {
	cat test.vits test.vits | vit-eval m.vit - >got
	grep -q "samples  20 of" got
}

# Answers come within ten seconds while stdin stays open. One coprocess after the
# other: a second would inherit the first one's pipe, which then never ends.
@test "as a coprocess: an answer to each record before more comes" {
	local line i pid
	vit-fetch idx --limit 1 --split test >one.vits
	coproc EVAL { timeout 60 vit-eval m.vit - --predict=json; }
	# shellcheck disable=SC2154 # coproc sets it
	pid=$EVAL_PID
	for i in 1 2 3; do
		cat test.vits >&"${EVAL[1]}"
		for ((k = 0; k < 10; k++)); do
			read -r -t 10 -u "${EVAL[0]}" line || fail "no answer $k to segment $i"
			[[ $line == '{"id":'* ]] || fail "$line"
		done
	done
	# half a stream: its header and first record
	head -c $(($(stat -c %s one.vits) - 30)) one.vits >&"${EVAL[1]}"
	read -r -t 10 -u "${EVAL[0]}" line || fail "no answer before the trailer"
	tail -c 30 one.vits >&"${EVAL[1]}"
	eval "exec ${EVAL[1]}>&-"
	wait "$pid"
}

@test "as a coprocess: photos, a stream each" {
	local line i pid
	coproc EVAL { timeout 60 vit-eval m.vit -; }
	pid=$EVAL_PID
	for i in a b a; do
		vit-fetch "$i.jpg" >&"${EVAL[1]}"
		read -r -t 10 -u "${EVAL[0]}" line || fail "no answer to $i.jpg"
		assert_equal "$(cut -f1 <<<"$line")" "$i.jpg"
	done
	eval "exec ${EVAL[1]}>&-"
	wait "$pid"
}

# ---- classes, damage, folders ---------------------------------------------------------

# DIR/ants and DIR/bees, and a model of theirs.
ants_and_bees() {
	[[ -e ab.vit ]] && return
	photos ab 6
	vit-fetch ab | vit-train --model vit:patch=8,dim=16,depth=1,heads=2,mlp=2,image=32 --steps 2 -b 4 -o ab.vit 2>/dev/null
}

@test "class folders are scored, flat ones predicted, archives read" {
	need cjpeg
	ants_and_bees
	run --separate-stderr -0 vit-eval ab.vit ab
	assert_output --partial "samples  12 of ab, "
	assert_said "trained on"
	quietly vit-eval ab.vit ab/bees --limit 5
	assert_equal "${#lines[@]}" 5
	tar cf ab.tar ab
	assert_equal "$(vit-eval -q ab.vit ab.tar | grep top-1)" "$(vit-eval -q ab.vit ab | grep top-1)"
	assert_equal "$(vit-fetch ab/bees --order source | vit-eval ab.vit - --limit 5)" "$(vit-eval ab.vit ab/bees --limit 5)"
	mkdir -p splits/train splits/val
	cp -r ab/* splits/train
	cp -r ab/* splits/val
	run --separate-stderr -0 vit-eval ab.vit splits
	assert_said "splits: val is evaluated"
	assert_output --partial "samples  12 of splits, val"
}

@test "classes: another order, a subset, others, --class-map, names that come twice" {
	need cjpeg
	ants_and_bees
	mkdir -p more few others
	cp -r ab/bees few
	cp -r ab/ants others/formicidae
	cp -r ab/bees others/bees
	run --separate-stderr -0 vit-eval ab.vit few
	assert_said "1 of 2 classes are there"
	run --separate-stderr -1 vit-eval ab.vit others
	assert_said '"formicidae" of 2 classes'
	assert_said '"ants"'
	assert_said "--class-map FILE"
	printf '# ours\nformicidae\tants\n' >map
	vit-eval -q ab.vit others --class-map map | grep top-1 >got
	vit-eval -q ab.vit ab | grep top-1 | cmp got -
	echo "formicidae => ants" >map
	vit-eval -q ab.vit others --class-map map | grep top-1 | cmp got -
	echo "formicidae = ants" >map
	run --separate-stderr -1 vit-eval ab.vit others --class-map map
	assert_said "map:1:"
	vit-fetch ab | sed 's/\xa4bees/\xa4ants/' >twice.vits
	run --separate-stderr -1 vit-eval ab.vit twice.vits
	assert_said '"ants" twice'
}

@test "vit-train: --init takes its head along where class names are equal in any order or by --class-map" {
	need cjpeg
	ants_and_bees
	local train=(vit-train --init ab.vit --steps 1 -b 4 --lr 1e-12 --min-lr 0)
	vit-fetch ab >ab.vits
	head_of() { vit-show --json "$1" >/dev/null; vit-eval -q --predict=json "$1" ab/ants/0.jpg; }
	quietly "${train[@]}" -q -o same.vit ab.vits
	vit-eval --predict ab.vit ab | cut -f2,3 >want
	vit-eval --predict same.vit ab | cut -f2,3 | cmp want -
	# other names for the same
	rm -rf other
	mkdir other
	cp -r ab/ants other/wasps
	cp -r ab/bees other/apes
	vit-fetch other >other.vits
	run --separate-stderr -0 "${train[@]}" -o anew.vit other.vits
	assert_said "the head begins anew"
	printf 'wasps => ants\napes => bees\n' >map
	run --separate-stderr -0 "${train[@]}" --class-map map -o mapped.vit other.vits
	assert_said "classes are in another order"
	refute [ "$(grep -c anew <<<"$stderr")" -gt 0 ]
	vit-eval --predict mapped.vit ab | cut -f2,3 | cmp want -
	printf 'wasps => ants\n' >map
	run --separate-stderr -1 "${train[@]}" --class-map map -o m2.vit other.vits
	assert_said '"apes"'
	run --separate-stderr -2 vit-train --model vit-tiny/16 --class-map map -o m2.vit other.vits
	assert_said "--init or --val"
	# --val calls them otherwise
	printf 'wasps => ants\napes => bees\n' >map
	vit-train --init ab.vit --steps 1 -b 4 --class-map map --val other.vits -q -o m2.vit ab.vits
	run --separate-stderr -2 vit-train --init ab.vit --steps 1 -b 4 --val other -o m2.vit ab.vits
	assert_said "--val other: other: which split of it? name it as in other@val"
	run --separate-stderr -1 vit-train --init ab.vit --steps 1 -b 4 --val other.vits -q -o m2.vit ab.vits
	assert_said "--val other.vits"
}

@test "a damaged photo: every program names it once, however many epochs; shares at the end" {
	need cjpeg
	ants_and_bees
	rm -rf bad
	photos bad 6
	head -c 500 bad/ants/1.jpg >bad/ants/broken.jpg
	local train=(vit-train --model vit:patch=8,dim=8,depth=1,heads=2,mlp=2,image=32 -b 4)
	run --separate-stderr -1 "${train[@]}" -o x.vit < <(vit-fetch bad --epochs 3)
	assert_said "ants/broken.jpg"
	assert_said "--max-bad"
	assert_not_exists x.vit
	run --separate-stderr -0 "${train[@]}" -o x.vit --max-bad 1 < <(vit-fetch bad --epochs 3)
	assert_equal "$(grep -c broken <<<"$stderr")" 1
	run --separate-stderr -0 "${train[@]}" --epochs 3 -o x.vit --max-bad 1 < <(vit-fetch bad)
	assert_equal "$(grep -c broken <<<"$stderr")" 1
	run --separate-stderr -0 "${train[@]}" --epochs 3 -o x.vit --max-bad 1 --val bad@train < <(vit-fetch ab)
	assert_equal "$(grep -c broken <<<"$stderr")" 1
	run --separate-stderr -0 vit-augment --max-bad 1 center-crop:size=16 < <(vit-fetch bad --epochs 3)
	assert_equal "$(grep -c broken <<<"$stderr")" 1
	vit-fetch bad --epochs 3 | vit-augment -q --max-bad 10% center-crop:size=16 | vit-show | grep -q "3 skipped"
	run --separate-stderr -1 vit-eval -o r --max-bad 2% ab.vit bad/ants/broken.jpg bad/ants/broken.jpg ab/ants/1.jpg
	assert_said "2 bad records of 3"
	assert_not_exists r
	run --separate-stderr -0 vit-eval --max-bad 20% ab.vit bad
	assert_output --partial "(1 more were bad and left out)"
}

@test "photos of several sizes: 224x224 for patches of 16, else a clear word; no label names the remedy" {
	need cjpeg
	ants_and_bees
	vit-fetch ab >ab.vits
	run --separate-stderr -2 vit-train --model vit:patch=8,dim=16,depth=1,heads=2 -o x.vit ab.vits
	assert_said "image=224"
	quietly vit-train --explain --model vit-tiny/16:depth=1 ab.vits
	assert_output --partial "input       224x224x3"
	run --separate-stderr -0 vit-train --model vit:patch=8,dim=16,depth=1,heads=2,image=16 --steps 1 -o x.vit ab.vits
	assert_equal "$(grep -c 'resized to 16x16' <<<"$stderr")" 1
	run --separate-stderr -1 vit-train --model vit-tiny/16 -o x.vit < <(vit-fetch ab/ants)
	assert_said "no labels"
	assert_said "a folder for each class"
}

@test "warned of training data: splits, the two sides of a hold-out, none without a reason" {
	vit-fetch fashion-mnist --holdout 10% --limit 64 >side.vits 2>/dev/null || skip "no fashion-mnist"
	local m=(vit-train --model vit:patch=7,dim=8,depth=1,heads=1,mlp=1 --steps 1 -b 4 -q -o seen.vit) line
	"${m[@]}" side.vits
	for line in "train:0:1" "train:10%:1" "val:10%:0" "val:20%:1" "val:5%:0" "test:0:0" "all:0:1"; do
		IFS=: read -r split holdout warned <<<"$line"
		run --separate-stderr -0 vit-eval seen.vit - < <(vit-fetch fashion-mnist --split "$split" --holdout "$holdout" --limit 5)
		assert_equal "$line $(grep -c 'trained on' <<<"$stderr")" "$line $warned"
	done
	quietly vit-eval --holdout 10% seen.vit fashion-mnist@val --limit 5
	run --separate-stderr -0 vit-eval seen.vit fashion-mnist@train --limit 5
	assert_said "trained on this split"
}
