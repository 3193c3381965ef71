#!/usr/bin/env bats
# What every vit program promises: tried on all of $BUILD/bin at once.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return 1
	tiny_idx idx
	[[ ! -x $BUILD/bin/vit-fetch ]] || vit-fetch idx >samples.vits
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	shopt -s nullglob
	programs=("$BUILD"/bin/vit-*)
	programs=("${programs[@]##*/}")
	[[ ${#programs[@]} -gt 0 ]] || skip "no programs"
}

# A short command line that writes tensor bytes to stdout and reads stdin, or nothing.
data_command() {
	case $1 in
	vit-fetch) echo "vit-fetch idx" ;;
	vit-augment) echo "vit-augment hflip" ;;
	vit-train) echo "vit-train --model vit:image=8,patch=4,dim=16,depth=1,heads=2 --epochs 1 --batch-size 8 -q" ;;
	esac
}

# An option that takes a checked value, with what is said of a bad one.
checked_option() {
	local help
	help=$("$1" --help)
	if [[ $help == *--threads* ]]; then
		echo "--threads|a whole number from 0 to 4096"
	elif [[ $help == *--progress* ]]; then
		echo "--progress|one of auto|always|never"
	elif [[ $help == *--max-record* ]]; then
		echo "--max-record|a number of bytes"
	fi
}

@test "--help is on stdout, fits 80 columns, has an example, and equals -h" {
	for p in "${programs[@]}"; do
		quietly "$p" --help
		assert_output --partial "usage: $p"
		assert_output --regexp "example:.*$p"
		long=$output
		# commands in the example and long words are not broken
		run awk '/^example:/ { exit } length > 80 && NF > 1' <<<"$output"
		assert_output ""
		quietly "$p" -h
		assert_equal "$output" "$long"
	done
}

@test "--help=man is a page that groff accepts" {
	need groff
	for p in "${programs[@]}"; do
		run bash -c "'$p' --help=man | groff -man -Tascii -ww -z"
		assert_success
		assert_output ""
	done
}

@test "--completion=bash completes options" {
	for p in "${programs[@]}"; do
		run bash -c "source <('$p' --completion=bash) && complete -p '$p'
			COMP_WORDS=('$p' --vers) COMP_CWORD=1; _${p//-/_}; echo \"\${COMPREPLY[*]}\""
		assert_success
		assert_line --index 0 --partial "-F _${p//-/_} $p"
		assert_line --index 1 "--version"
	done
}

@test "--version names build, backends and formats" {
	for p in "${programs[@]}"; do
		quietly "$p" --version
		assert_line --index 0 --regexp "^$p [0-9]+\.[0-9]+\.[0-9]+ .*build [0-9a-f]{24}"
		assert_line --regexp "^backends: reference"
		assert_line --regexp "^formats:"
	done
}

@test "an unknown option suggests the nearest and is exit 2" {
	for p in "${programs[@]}"; do
		run --separate-stderr -2 "$p" --verison
		assert_output ""
		assert_said "$p: unknown option '--verison', did you mean '--version'?"
	done
}

@test "a bad value names option, value and what is expected" {
	for p in "${programs[@]}"; do
		IFS='|' read -r option expected <<<"$(checked_option "$p")"
		[[ -n $option ]] || continue
		run --separate-stderr -2 "$p" "$option" lots
		assert_output ""
		assert_said "$p: $option 'lots' is not $expected"
	done
}

@test "two inputs from stdin are exit 2, both named" {
	need vit-fetch
	tried=0
	for p in "${programs[@]}"; do
		case $p in
		vit-train) names=("SAMPLES" "--val") args=(--model vit-lite/4 --val -) ;;
		vit-augment) names=("-i") args=(-i - -i - hflip) ;;
		vit-show) names=("FILE") args=(- -) ;;
		vit-eval) names=("MODEL" "SAMPLES") args=(- -) ;;
		*) continue ;;
		esac
		tried=1
		run --separate-stderr -2 "$p" "${args[@]}" <samples.vits
		assert_output ""
		assert_said "cannot both be read from stdin"
		for name in "${names[@]}"; do
			assert_said "$name"
		done
	done
	((tried)) || skip "no such program"
}

@test "tensor bytes are refused to a terminal" {
	need vit-fetch script
	for p in "${programs[@]}"; do
		command=$(data_command "$p")
		[[ -n $command ]] || continue
		run script -qec "$command <samples.vits" /dev/null
		assert_equal "$status" 2
		assert_output --partial "$p: tensor bytes are not written to a terminal"
	done
}

@test "required input from a terminal is exit 2 with synopsis and example" {
	need vit-fetch script
	for p in vit-augment vit-train vit-show; do
		[[ -x $BUILD/bin/$p ]] || continue
		command=$(data_command "$p")
		run script -qec "${command:-$p} >ignored" /dev/null
		assert_equal "$status" 2
		assert_output --partial "stdin is a terminal"
		assert_output --partial "usage: $p"
		assert_output --partial "example:"
	done
}

@test "a filter whose reader leaves ends in silence" {
	need vit-fetch
	run --separate-stderr bash -c 'vit-fetch idx --epochs 20000 | head -c 1; exit "${PIPESTATUS[0]}"'
	assert_success
	assert_equal "$stderr" ""
	need vit-augment
	run --separate-stderr bash -c 'vit-fetch idx --epochs 20000 | vit-augment hflip | head -c 1; exit "$((PIPESTATUS[0] + PIPESTATUS[1]))"'
	assert_success
	assert_equal "$stderr" ""
}

@test "a full disk is exit 1, said once" {
	need vit-fetch
	for p in "${programs[@]}"; do
		command=$(data_command "$p")
		[[ -n $command ]] || continue
		run --separate-stderr -1 bash -c "$command <samples.vits >/dev/full"
		assert_said "No space left on device"
		run --separate-stderr -1 bash -c "$command -o /dev/full <samples.vits"
		assert_said "/dev/full: No space left on device"
		assert_equal "$(grep -c "No space" <<<"$stderr")" 1
	done
	for p in "${programs[@]}"; do
		run --separate-stderr -1 bash -c "'$p' --help >/dev/full"
		assert_said "$p: <stdout>: No space left on device"
	done
}

@test "an output that fails leaves nothing, one that succeeds appears whole" {
	need vit-fetch
	mkdir -p out
	head -c 300 samples.vits >cut.vits
	for p in "${programs[@]}"; do
		command=$(data_command "$p")
		[[ -n $command ]] || continue
		run $command -o out/made <samples.vits
		assert_success
		assert_equal "$(ls -A out)" made
		rm out/made
		[[ $p != vit-fetch ]] || continue
		run --separate-stderr -1 $command -o out/made <cut.vits
		assert_said "$p: <stdin>"
		assert_equal "$(ls -A out)" ""
		run --separate-stderr -1 $command -o out/made </dev/null
		assert_equal "$(ls -A out)" ""
		run --separate-stderr -1 $command -o out/nowhere/made <samples.vits
		assert_said "out/nowhere/made: cannot create"
	done
}

@test "SIGTERM ends a waiting program with 143, without a file" {
	need vit-augment
	mkdir -p signal
	mkfifo fifo
	vit-augment hflip -o signal/made <fifo &
	pid=$!
	exec 9>fifo
	sleep 0.3
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	exec 9>&-
	assert_equal "$rc" 143
	assert_equal "$(ls -A signal)" ""
}

@test "SIGTERM and SIGHUP end a busy program, without a file" {
	need vit-fetch
	mkdir -p busy
	for name in TERM HUP; do
		vit-fetch idx --epochs 100000000 -o busy/made 2>busy-stderr &
		pid=$!
		sleep 0.3
		assert_file_not_exist busy/made
		kill -s "$name" "$pid"          # fails if it is not running
		rc=0
		wait "$pid" || rc=$?
		assert_equal "$rc" "$((128 + $(kill -l "$name")))"
		assert_equal "$(ls -A busy)" ""
		assert_equal "$(cat busy-stderr)" ""
	done
}

@test "SIGTERM ends a program whose reader has stalled" {
	need vit-fetch
	mkfifo stalled
	sleep 10 <stalled &
	reader=$!
	vit-fetch idx --epochs 100000000 >stalled 2>stderr &
	pid=$!
	sleep 0.5
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	kill "$reader"
	assert_equal "$rc" 143
	assert_equal "$(cat stderr)" ""
}

@test "input and output may be one file, through a link, its mode kept" {
	need vit-fetch vit-augment
	cp samples.vits same.vits
	chmod 640 same.vits
	ln -sf same.vits link.vits
	vit-augment hflip <samples.vits >expected.vits
	quietly vit-augment -i same.vits hflip -o link.vits
	cmp same.vits expected.vits
	assert_equal "$(stat -c %a same.vits)" 640
	assert_symlink_to "$PWD/same.vits" "$PWD/link.vits"
}
