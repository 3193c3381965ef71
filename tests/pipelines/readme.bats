#!/usr/bin/env bats
# The README's commands, literally: each ```sh block is run in the order of the
# page, in one scratch directory, under `set -eu -o pipefail`. Blocks marked
# ```console are what `make` does and are covered by the tests of those targets.

load ../cli/helper

@test "every sh block of the README runs" {
	local readme=$BATS_TEST_DIRNAME/../../README.md
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$readme" >commands.sh
	[ "$(grep -c vit- commands.sh)" -ge 5 ]
	# the reader's own photographs
	photos photos 20
	photo photo.jpg 120 90 200 80 60 77
	run bash -eu -o pipefail commands.sh
	assert_success
}

@test "every program has a row in the README, a manual page and a help text that agree" {
	local readme=$BATS_TEST_DIRNAME/../../README.md
	for p in "$BUILD"/bin/vit-*; do
		n=${p##*/}
		grep -q "^| \[\?\`$n\`" "$readme" || fail "$n has no row in the README's table"
		[ -s "$BUILD/share/man/man1/$n.1" ] || fail "$n has no manual page"
		# every long option that --help shows is in the page
		for o in $("$p" --help | grep -oE -- '--[a-z0-9-]+' | sort -u); do
			grep -qF -- "$(echo "$o" | sed 's/-/\\-/g')" "$BUILD/share/man/man1/$n.1" || grep -qF -- "$o" "$BUILD/share/man/man1/$n.1" ||
				fail "$n: $o is in --help and not in the manual page"
		done
	done
}
