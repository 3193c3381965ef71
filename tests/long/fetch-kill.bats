#!/usr/bin/env bats
# Downloads killed with SIGKILL at random moments, several at once: the file is
# whole or not there, and what came before a kill is not asked for again.

load ../cli/helper
load ../net/net

setup_file() {
	net_up
}

teardown_file() {
	net_down
}

setup() {
	net_fresh
}

@test "a hundred random kills of two processes" {
	local i pid kills=0 done=0
	RANDOM=7
	for ((i = 0; i < 100; i++)); do
		vit-fetch "$URL/steady/$((done))/pictures" -o a 2>/dev/null 3>&- &
		pid=$!
		vit-fetch "$URL/steady/$((done))/pictures" -o b 2>/dev/null 3>&- &
		local second=$!
		sleep "0.$((RANDOM % 70 + 10))"
		kill -9 $pid 2>/dev/null && kills=$((kills + 1))
		sleep "0.$((RANDOM % 20 + 10))"
		kill -9 $second 2>/dev/null || true
		wait
		for f in cache/vit/url/*/pictures; do
			[[ -e $f ]] || continue
			cmp "$WWW/pictures" "$f"
			done=$((done + 1))
			rm -r cache
		done
	done
	echo "$kills kills, $done downloads"
	((kills > 50 && done > 10))
	# a request for the rest follows nearly every kill
	run grep -c bytes= "$BATS_FILE_TMPDIR/log"
	((output > 20))
}
