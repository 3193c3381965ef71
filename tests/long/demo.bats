#!/usr/bin/env bats
# The demo as `make demo` runs it, in full: real images, a fixed number of epochs.

load ../cli/helper

@test "the demo reaches 88.5 % on the 10,000 test images, and a second run does nothing" {
	[[ -d /usr/share/datasets/fashion-mnist ]] || skip "no Fashion-MNIST"
	demo() { make -s -C "$REPO" -f pipelines/demo.mk BUILD="$BUILD" D="$BATS_TEST_TMPDIR/demo"; }
	run demo
	assert_success
	cd "$BATS_TEST_TMPDIR/demo"
	top1=$(sed -n 's/^  "top1": \([0-9.]*\),$/\1/p' report.json)
	count=$(sed -n 's/^  "count": \([0-9]*\),$/\1/p' report.json)
	echo "top1 $top1 count $count"
	assert_equal "$count" 10000
	awk "BEGIN { exit !($top1 >= 88.5 && $top1 < 100) }"
	for f in report.txt confusion.json curve.txt curve.png model.vit; do assert_file_not_empty "$f"; done
	stamp=$(stat -c %Y model.vit report.json)
	demo
	assert_equal "$(stat -c %Y model.vit report.json)" "$stamp"
}
