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
	run --separate-stderr -1 vit-eval nothing.vit a.jpg
	assert_said "nothing.vit: there is no such file"
}

@test "streams joined on a pipe are scored to the end" {
	cat test.vits test.vits | vit-eval m.vit - >got
	grep -q "samples  20 of" got
}

# A line within ten seconds of its request, while stdin stays open.
@test "as a coprocess: an answer to each record before more comes" {
	local line i
	coproc EVAL { vit-eval m.vit - --predict=json; }
	for i in 1 2 3; do
		cat test.vits >&"${EVAL[1]}"
		read -r -t 10 -u "${EVAL[0]}" line || fail "no answer to segment $i"
		[[ $line == '{"id":'* ]] || fail "$line"
		for ((k = 1; k < 10; k++)); do read -r -t 10 -u "${EVAL[0]}" line || fail "answer $k of segment $i"; done
	done
	# half a stream: its header and first record
	vit-fetch idx --limit 1 --split test >one.vits
	head -c $(($(stat -c %s one.vits) - 30)) one.vits >&"${EVAL[1]}"
	read -r -t 10 -u "${EVAL[0]}" line || fail "no answer before the trailer"
	# shellcheck disable=SC2154 # coproc sets it
	local pid=$EVAL_PID
	tail -c 30 one.vits >&"${EVAL[1]}"
	eval "exec ${EVAL[1]}>&-"
	wait "$pid"
}
