#!/usr/bin/env bats
# vit-eval: reports, predictions, thresholds, classes by name, refusals.

load helper

setup_file() {
	load helper
	need vit-fetch vit-train
	cd "$BATS_FILE_TMPDIR" || return 1
	vit-fetch fashion-mnist --limit 640 --shuffle --epochs 4 >train.vits 2>/dev/null || skip "no fashion-mnist"
	vit-fetch fashion-mnist --split test --limit 300 >test.vits
	vit-train --model vit:patch=7,dim=32,depth=1,heads=2,mlp=2,init=fan_in --batch-size 32 --lr 3e-3 -o m.vit train.vits
	export DATA=$BATS_FILE_TMPDIR
}

@test "a report: text and JSON agree, models and samples in any order and on stdin" {
	quietly vit-eval "$DATA/m.vit" "$DATA/test.vits"
	assert_output --partial "samples  300 of fashion-mnist, test"
	assert_output --partial "Ankle boot"
	local top1
	top1=$(sed -n 's/^top-1 *\([0-9.]*\) %$/\1/p' <<<"$output")
	run awk -v t="$top1" 'BEGIN { exit !(t > 40 && t <= 100) }'
	assert_success
	quietly vit-eval --report json -o r.json "$DATA/test.vits" "$DATA/m.vit"
	grep -q '"count": 300' r.json
	run awk -v t="$top1" -F'[:,]' '/"top1"/ { d = $2 - t; exit !(d < 0.006 && d > -0.006) }' r.json
	assert_success
	local want
	want=$(vit-eval "$DATA/m.vit" "$DATA/test.vits" | grep -v speed | tail -n +2)
	assert_equal "$(vit-eval "$DATA/m.vit" <"$DATA/test.vits" | grep -v speed | tail -n +2)" "$want"
	assert_equal "$(vit-eval "$DATA/m.vit" - <"$DATA/test.vits" | grep -v speed | tail -n +2)" "$want"
	assert_equal "$(vit-eval "$DATA/test.vits" <"$DATA/m.vit" | grep -v speed | tail -n +2)" "$want"
	assert_equal "$(vit-eval -b 7 "$DATA/m.vit" "$DATA/test.vits" | grep top-1)" "$(grep top-1 <<<"$want")"
}

@test "a checkpoint is no model, and says what it is" {
	vit-fetch fashion-mnist --limit 64 >few.vits
	vit-train --model vit:patch=7,dim=16,depth=1,heads=2,mlp=2 --checkpoint run.ckpt.vit -o m.vit few.vits
	run --separate-stderr -1 vit-eval run.ckpt.vit "$DATA/test.vits"
	assert_said "run.ckpt.vit: is a checkpoint of vit-train"
	assert_said "--resume"
}

@test "the confusion matrix sums to the count, its diagonal to the hits" {
	quietly vit-eval --report json --confusion c.json -o r.json "$DATA/m.vit" "$DATA/test.vits"
	run python3 -c '
import json
c, r = json.load(open("c.json")), json.load(open("r.json"))
m = c["matrix"]
assert len(c["classes"]) == len(m) == 10 and c["classes"][9] == "Ankle boot"
assert sum(map(sum, m)) == 300
assert abs(sum(m[i][i] for i in range(10)) / 3 - r["top1"]) < 1e-6
assert [sum(row) for row in m] == [k["support"] for k in r["classes"]]
'
	assert_success
	quietly vit-eval --confusion c.png -o r.txt "$DATA/m.vit" "$DATA/test.vits"
	assert_equal "$(head -c 4 c.png | tail -c 3)" PNG
}

@test "predictions: a line for each sample, probabilities fall and sum to one" {
	quietly vit-eval --predict --top 10 --limit 40 "$DATA/m.vit" "$DATA/test.vits"
	assert_equal "${#lines[@]}" 40
	run awk -F'\t' '{ s = 0; last = 2; for (i = 3; i <= NF; i += 2) { s += $i; if ($i > last) exit 1; last = $i } if (NF != 21 || s < 0.998 || s > 1.002) exit 1 }' <<<"$output"
	assert_success
	vit-eval --predict --top 1 --limit 2 "$DATA/m.vit" "$DATA/test.vits" >two
	assert_equal "$(awk -F'\t' 'END { print NR, NF }' two)" "2 3"
}

@test "--min-top1: exit 3, the report is kept as FILE.rejected" {
	run --separate-stderr -3 vit-eval --min-top1 99.9% -o r "$DATA/m.vit" "$DATA/test.vits"
	assert_said "below --min-top1"
	assert_not_exists r
	assert_exists r.rejected
	quietly vit-eval --min-top1 0.2 -o r "$DATA/m.vit" "$DATA/test.vits"
	assert_exists r
}

@test "a warning on the split it was trained on" {
	vit-fetch fashion-mnist --limit 50 --order source >seen.vits
	run --separate-stderr -0 vit-eval "$DATA/m.vit" seen.vits
	assert_said "trained on this split"
}

@test "refusals: two models, no model, other things, cut streams, full disk" {
	run --separate-stderr -2 vit-eval "$DATA/m.vit" "$DATA/m.vit"
	assert_said "both models"
	run --separate-stderr -2 bash -c "vit-eval '$DATA/test.vits' <'$DATA/test.vits'"
	run --separate-stderr -2 vit-eval "$BATS_TEST_FILENAME" "$DATA/test.vits"
	assert_said "text"
	run --separate-stderr -2 vit-eval
	run --separate-stderr -2 vit-eval --device cpu --amp fp16 -o r "$DATA/m.vit" "$DATA/test.vits"
	assert_said "--amp fp16: cpu computes in float32 only"
	assert_not_exists r
	head -c 100000 "$DATA/test.vits" >cut.vits
	run --separate-stderr -1 vit-eval -o r "$DATA/m.vit" cut.vits
	assert_not_exists r
	head -c 5000 "$DATA/m.vit" >cut.vit
	run --separate-stderr -1 vit-eval -o r cut.vit "$DATA/test.vits"
	assert_not_exists r
	run --separate-stderr -1 bash -c "vit-eval '$DATA/m.vit' '$DATA/test.vits' >/dev/full"
	run --separate-stderr -1 vit-eval "$DATA/m.vit" not-there.vits
	assert_said "not-there.vits"
	# the program before it failed: nothing is wrong with this command line
	run --separate-stderr -1 vit-eval "$DATA/m.vit" - </dev/null
	assert_said "<stdin> is empty"
	run --separate-stderr -1 vit-eval "$DATA/m.vit" <(:)
	assert_said "is empty"
	run --separate-stderr -2 vit-eval "$DATA/test.vits" </dev/null
	assert_said "there is no model"
	run --separate-stderr -2 vit-eval "$DATA/m.vit" "$DATA/test.vits" -o r --confusion r
	assert_not_exists r
}

@test "a model whose outputs are no numbers: a warning, and JSON without a loss" {
	# the last bias becomes NaN, the hash is taken out
	python3 -c '
import sys
d = bytearray(open(sys.argv[1], "rb").read())
at = d.index(b"data\xc4", d.rindex(b"head.bias")) + 6
d[at:at + 4] = b"\0\0\xc0\x7f"
x = d.rindex(b"xxh3")
d[x:x + 4] = b"none"
open("nan.vit", "wb").write(d)
' "$DATA/m.vit"
	run --separate-stderr -0 vit-eval --report json -o r nan.vit "$DATA/test.vits"
	assert_said "not all finite"
	grep -q '"loss": null' r
	run --separate-stderr -3 vit-eval --min-top1 1% nan.vit "$DATA/test.vits"
	run --separate-stderr -1 vit-eval --confusion c.png nan.vit "$DATA/test.vits"
	assert_said "nothing to draw"
}
