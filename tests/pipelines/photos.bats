#!/usr/bin/env bats
# pipelines/photos.mk: a folder of photos to a model, its report and predictions.

load ../cli/helper

birds() { # VARIABLE=VALUE...
	make --no-print-directory -f "$REPO/pipelines/photos.mk" BUILD="$BUILD" OUT=out "$@"
}

results="confusion.png curve.png curve.txt model.vit predictions.tsv report.json report.txt sheet.png train.jsonl"

there() { # DIR
	local f
	for f in $results; do
		assert_file_not_empty "$1/$f"
	done
}

@test "photos of two kinds: told apart, every result there, a second run makes nothing" {
	need vit-fetch vit-augment vit-train vit-eval vit-show cjpeg
	photos birds 20
	run birds PHOTOS=birds EPOCHS=25 HOLDOUT=25%
	assert_success
	assert_output --partial "photos not trained on"
	there out
	run sed -n 's/.*"top1": *\([0-9]*\).*/\1/p' out/report.json
	[ "$(head -n 1 <<<"$output")" -ge 90 ]
	# as many predictions as photos scored
	assert_equal "$(wc -l <out/predictions.tsv)" "$(vit-fetch birds --split val --holdout 25% | vit-show --dump | wc -l)"
	local before
	before=$(stat -c '%Y %n' out/*)
	run birds PHOTOS=birds EPOCHS=25 HOLDOUT=25%
	assert_success
	assert_equal "$(stat -c '%Y %n' out/*)" "$before"
	# lost after the last checkpoint: the same again
	cp out/model.vit first.vit
	rm out/model.vit
	run birds PHOTOS=birds EPOCHS=25 HOLDOUT=25%
	assert_success
	assert_output --partial "going on from"
	cmp first.vit out/model.vit
}

@test "a split that is there is used; nothing to read is said before anything is made" {
	need vit-fetch vit-augment vit-train vit-eval vit-show cjpeg
	photos all 6
	mkdir -p "bob's birds/train" "bob's birds/val"
	cp -r all/* "bob's birds/train"
	cp -r all/* "bob's birds/val"
	run birds PHOTOS="bob's birds" EPOCHS=2 SIZE=32
	assert_success
	refute_output --partial "--holdout"
	assert_output --partial "of 12 photos"
	there out
	run birds OUT=none
	assert_failure
	assert_output --partial "PHOTOS="
	run birds PHOTOS=nowhere OUT=none
	assert_failure
	assert_output --partial nowhere
	assert_not_exists none/model.vit
}

@test "real photos" {
	need vit-fetch vit-augment vit-train vit-eval vit-show
	shared hymenoptera
	run birds PHOTOS="$shared" EPOCHS=3
	assert_success
	assert_output --partial "of 16 photos"
	there out
}
