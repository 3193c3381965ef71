#!/usr/bin/env bats
# pipelines/demo.mk in small: its files, a second run, an interrupted one.

load ../cli/helper

demo() {
	make --no-print-directory -f "$REPO/pipelines/demo.mk" BUILD="$BUILD" D=demo EPOCHS=2 FETCH='--limit 1500' \
		MODEL=vit:patch=7,dim=32,depth=1,heads=2,mlp=2,init=fan_in "$@"
}

@test "the demo's files appear; a second run makes nothing" {
	need vit-fetch vit-augment vit-train vit-eval vit-show
	vit-fetch fashion-mnist --limit 1 >/dev/null 2>&1 || skip "no fashion-mnist"
	run demo
	assert_success
	assert_output --partial "top-1"
	assert_output --regexp "images +10000 of fashion-mnist, split test"
	local f
	for f in model.vit report.json report.txt confusion.json curve.txt curve.png; do
		assert_exists "demo/$f"
	done
	run python3 -c 'import json; r = json.load(open("demo/report.json")); assert r["count"] == 10000 and 20 < r["top1"] <= 100'
	assert_success
	local before
	before=$(stat -c '%Y %n' demo/*)
	run demo
	assert_success
	assert_equal "$(stat -c '%Y %n' demo/*)" "$before"
	refute_output --partial "vit-train"
	# lost after the last checkpoint: made again from it, the same
	cp demo/model.vit first.vit
	rm demo/model.vit
	run demo
	assert_success
	assert_output --partial "going on from"
	cmp first.vit demo/model.vit
}
