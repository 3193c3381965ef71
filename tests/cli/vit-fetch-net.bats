#!/usr/bin/env bats
# vit-fetch and the network: a local server that cuts, stalls, redirects and lies.

load helper
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

# Downloads one URL; $output is what the cache holds afterwards. The file is right
# and nothing lies beside it.
fetches() { # HOW [OPTION...]
	local how=$1
	shift
	run --separate-stderr -0 vit-fetch "$URL/$how/pictures" "$@" -o got
	cmp "$WWW/pictures" cache/vit/url/*/pictures
	run find cache -type f
	assert_output --regexp '^cache/vit/url/[0-9a-f]{16}/pictures$'
}

# Fails as it should; the cache holds no file of that name.
refuses() { # HOW WORDS [OPTION...]
	local how=$1 words=$2
	shift 2
	run --separate-stderr -1 vit-fetch "$URL/$how/pictures" "$@" -o got
	assert_said "$words"
	assert_not_exist got
	run find cache -name pictures
	assert_output ""
}

@test "a URL is downloaded once, into the cache" {
	fetches ok
	assert_said "vit-fetch: pictures: downloading from 127.0.0.1:"
	assert_equal "$(asked)" "ok pictures - 200"
	vit-fetch "$WWW/pictures" | cmp - got
	quietly vit-fetch "$URL/ok/pictures" -o again
	cmp got again
	assert_equal "$(asked | wc -l)" 1
	vit-fetch "$URL/ok/pictures@test" --cache other | vit-show | grep -q 'split *test'
	assert_equal "$(asked | wc -l)" 2
	find other -name pictures | grep .
}

@test "a server that cuts again and again: the rest is asked for" {
	fetches cut/500000
	assert_equal "$(asked | head -3)" "cut pictures - 200
cut pictures bytes=500000- 206
cut pictures bytes=1000000- 206"
	assert_said 'the transfer was cut after 500000 of 2352016 bytes; trying again in'
}

@test "a server that gives up at the same place is given up" {
	refuses cut/0 'times'
	assert_equal "$(asked | wc -l)" 5
	run find cache -type f
	assert_output ""
}

@test "a server that stalls is asked again" {
	fetches stall
	assert_said 'nothing came for 1 s'
	assert_equal "$(asked)" "stall pictures - 200
stall pictures bytes=1176008- 206"
}

@test "a server without ranges sends the whole again" {
	fetches norange
	assert_equal "$(asked)" "norange pictures - 200
norange pictures bytes=1176008- 200"
}

@test "nothing is glued without proof that it belongs together" {
	fetches anonymous
	assert_equal "$(asked)" "anonymous pictures - 200
anonymous pictures - 200"
}

@test "a digest is proof" {
	fetches anonymous/b --sha256 "$SUM"
	assert_equal "$(asked)" "anonymous pictures - 200
anonymous pictures bytes=1176008- 206"
}

@test "a file that changes between two attempts comes anew" {
	fetches change
	assert_equal "$(asked)" "change pictures - 200
change pictures bytes=1176008- 200"
}

@test "... also when the server does not look at If-Range" {
	fetches sly
	assert_equal "$(asked)" "sly pictures - 200
sly pictures bytes=1176008- 206
sly pictures - 200"
}

@test "less than was promised is not enough" {
	refuses short 'was cut after 2352016 of 2353016 bytes'
}

@test "a length that is too small shows by the digest" {
	refuses long "not $SUM" --sha256 "$SUM"
	assert_said "its SHA-256 is $(head -c 1176008 "$WWW/pictures" | sha256sum | cut -d' ' -f1)"
}

@test "more than the disk has is refused before it comes" {
	refuses huge 'are free on its disk; make room or name another disk by --cache DIR'
}

@test "redirects are followed, not in circles, and never to files" {
	fetches redirect
	rm -r cache got
	refuses loop 'redirects'
	refuses tofile 'none of http, https and ftp'
}

@test "no such file is said at once" {
	refuses nosuch 'status 404, no such file'
	assert_equal "$(asked | wc -l)" 1
}

@test "a page about the file is not the file" {
	refuses page 'a web page comes in place of the file'
	assert_equal "$(asked | wc -l)" 1
}

@test "a busy server is asked again when it says" {
	local t=$SECONDS
	fetches busy
	assert_said 'status 503; trying again in 1 s'
	((SECONDS > t))
	assert_equal "$(asked | wc -l)" 2
}

@test "a server that is down is asked five times, one that wants an hour not again" {
	refuses down 'status 500, 5 times'
	assert_equal "$(asked | wc -l)" 5
	refuses patience 'it asks to wait 4000 s'
	assert_equal "$(asked | wc -l)" 6
}

@test "a Content-Encoding stays: the digest is that of the bytes that came" {
	run --separate-stderr -0 vit-fetch "$URL/gzip/pictures" -o got
	gzip -t <cache/vit/url/*/pictures
	# the reader undoes it by content
	vit-fetch "$WWW/pictures" | cmp - got
}

@test "chunks without a length are read to the end" {
	fetches chunked
}

@test "a wrong digest: both are named, nothing is kept" {
	refuses wrong "its SHA-256 is $(head -c 2352016 /dev/zero | sha256sum | cut -d' ' -f1), not $SUM" --sha256 "$SUM"
	run find cache -type f
	assert_output ""
	# a file that is there already is looked at too, and fetched again
	fetches ok --sha256 "$SUM"
	cp "$WWW/pictures" "$WWW/next"
	vit-fetch "$URL/ok/next" -o got 2>/dev/null
	printf x | dd of="$WWW/next" bs=1 seek=1000 conv=notrunc status=none
	run -0 vit-fetch "$URL/ok/next" --sha256 "$(sha256sum "$WWW/next" | cut -d' ' -f1)" -o got
	cmp "$WWW/next" cache/vit/url/*/next
	run --separate-stderr -2 vit-fetch "$URL/ok/pictures" --sha256 abc
	run --separate-stderr -2 vit-fetch "$URL/ok/pictures" "$URL/ok/next" --sha256 "$SUM"
}

@test "killed in the middle, the next run goes on" {
	vit-fetch "$URL/slow/pictures" -o got 2>/dev/null 3>&- &
	local pid=$! i
	for ((i = 0; i < 100; i++)); do
		[[ $(stat -c %s cache/vit/url/*/pictures.part 2>/dev/null || echo 0) -gt 200000 ]] && break
		sleep 0.05
	done
	kill -9 $pid
	wait $pid || true
	assert_not_exist got
	fetches slow
	run asked
	assert_line --index 1 --regexp '^slow pictures bytes=[1-9][0-9]{5,}- 206$'
}

@test "interrupted, it ends at once and keeps what came" {
	vit-fetch "$URL/slow/b/pictures" -o got 2>err 3>&- &
	local pid=$! i
	for ((i = 0; i < 100; i++)); do
		[[ $(stat -c %s cache/vit/url/*/pictures.part 2>/dev/null || echo 0) -gt 200000 ]] && break
		sleep 0.05
	done
	kill -TERM $pid
	local rc=0
	wait $pid || rc=$?
	assert_equal $rc 143
	[[ $(stat -c %s cache/vit/url/*/pictures.part) -gt 200000 ]]
	fetches slow/b
}

@test "a full disk is said, what came is kept, and the rest comes later" {
	# the limit on file sizes stands for it
	run --separate-stderr -1 bash -c "trap '' XFSZ; ulimit -f 1000; vit-fetch $URL/ok/pictures -o got"
	assert_said 'after 1024000 bytes; make room or name another disk by --cache DIR, what came is kept: File too large'
	fetches ok
	assert_equal "$(asked | tail -1)" "ok pictures bytes=1024000- 206"
}

@test "four at once under make -j download once" {
	printf 'all: a b c d\na b c d:\n\tvit-fetch %s/slow/e/pictures -o $@ 2>$@.err\n' "$URL" >Makefile
	run -0 make -s -j4 all
	assert_equal "$(asked)" "slow pictures - 200"
	cmp a b
	cmp a c
	cmp a d
	[[ $(cat ./*.err | grep -c 'waiting for another process that downloads it') == 3 ]]
	run find cache -type f
	assert_output --regexp '^cache/vit/url/[0-9a-f]{16}/pictures$'
}

@test "who waits can be interrupted, and looks at the digest itself" {
	vit-fetch "$URL/slow/d/pictures" -o a 2>/dev/null 3>&- &
	local first=$! second third i
	for ((i = 0; i < 100; i++)); do
		compgen -G 'cache/vit/url/*/pictures.part' >/dev/null && break
		sleep 0.02
	done
	vit-fetch "$URL/slow/d/pictures" -o b 2>b.err 3>&- &
	second=$!
	vit-fetch "$URL/slow/d/pictures" --sha256 "${SUM/[0-8]/9}" -o c 2>c.err 3>&- &
	third=$!
	sleep 0.3
	kill -TERM $second
	local rc=0
	wait $second || rc=$?
	assert_equal $rc 143
	kill -0 $first
	grep -q waiting b.err
	wait $first
	rc=0
	wait $third || rc=$?
	assert_equal $rc 1
	grep -q "its SHA-256 is $SUM, not" c.err
	assert_equal "$(asked | wc -l)" 1
}

@test "where the first gives up, the one that waits tries for itself" {
	export VIT_NET_RETRY=0.1
	vit-fetch "$URL/recover/pictures" -o a 2>/dev/null 3>&- &
	local first=$! second=0 i
	for ((i = 0; i < 100; i++)); do
		compgen -G 'cache/vit/url/*/pictures.part' >/dev/null && break
		sleep 0.01
	done
	run --separate-stderr -0 vit-fetch "$URL/recover/pictures" -o b
	assert_said waiting
	wait $first || second=$?
	assert_equal $second 1
	cmp "$WWW/pictures" cache/vit/url/*/pictures
}

@test "the second goes on where the first was killed" {
	vit-fetch "$URL/slow/c/pictures" -o a 2>/dev/null 3>&- &
	local pid=$! i
	for ((i = 0; i < 100; i++)); do
		[[ $(stat -c %s cache/vit/url/*/pictures.part 2>/dev/null || echo 0) -gt 200000 ]] && break
		sleep 0.05
	done
	vit-fetch "$URL/slow/c/pictures" -o b 2>/dev/null 3>&- &
	local second=$!
	sleep 0.3
	kill -9 $pid
	wait $pid || true
	wait $second
	cmp "$WWW/pictures" cache/vit/url/*/pictures
	run asked
	assert_line --index 1 --regexp '^slow pictures bytes=[1-9][0-9]{5,}- 206$'
}

@test "a secret in a URL is used and never shown" {
	local with=${URL/:\/\//:\/\/me:pa55@}
	run --separate-stderr -0 vit-fetch "$with/secret/pictures?token=s3same" -o got
	# shellcheck disable=SC2154
	[[ $stderr != *pa55* && $stderr != *s3same* ]]
	run -1 grep -c -a -e pa55 -e s3same -e 127.0.0.1 got
	run -1 grep -r -e pa55 -e s3same cache
	run --separate-stderr -1 vit-fetch "${with/pa55/pa66}/secret/other?token=s3same"
	[[ $stderr != *pa66* && $stderr != *s3same* ]]
	run --separate-stderr -1 vit-fetch "${with/pa55/pa66}/secret/pictures?a=s3same@x"
	assert_said 'status 401'
	[[ $stderr != *pa66* && $stderr != *s3same* ]]
}

@test "a proxy of the environment is asked" {
	http_proxy=$URL run --separate-stderr -0 vit-fetch http://no.such.host.invalid/ok/pictures -o got
	vit-fetch "$WWW/pictures" | cmp - got
}

@test "https: only who can show a certificate is believed" {
	[[ $TLS ]] || skip 'no openssl to make a certificate'
	run --separate-stderr -1 vit-fetch "$TLS/ok/pictures" -o got
	assert_said 'certificate'
	assert_equal "$(asked)" ""
	CURL_CA_BUNDLE=$BATS_FILE_TMPDIR/cert run --separate-stderr -0 vit-fetch "$TLS/ok/pictures" -o got
	cmp "$WWW/pictures" cache/vit/url/*/pictures
}

@test "ftp: the rest is asked for where a digest is proof" {
	run --separate-stderr -0 vit-fetch "$FTP/pictures" --sha256 "$SUM" -o got
	cmp "$WWW/pictures" cache/vit/url/*/pictures
	assert_equal "$(asked)" "ftp pictures 0
ftp pictures 1176008"
	run --separate-stderr -1 vit-fetch "$FTP/pictures" --cache other
	assert_said 'after 1176008 of 2352016 bytes'
}

@test "file: is read where it lies" {
	quietly vit-fetch "file://$WWW/pictures" -o got
	vit-fetch "$WWW/pictures" | cmp - got
	cp "$WWW/pictures" 'a b'
	quietly vit-fetch "file:$PWD/a%20b" --sha256 "$SUM" -o got
	assert_not_exist cache
	run --separate-stderr -2 vit-fetch file://elsewhere/x
	assert_said 'names a file of another machine'
	run --separate-stderr -2 vit-fetch s3://bucket/x
	assert_said 'neither a file nor an address that is read'
}

@test "an unreachable host is said at once, with what else can be done" {
	run --separate-stderr -1 vit-fetch http://127.0.0.1:9/x
	assert_said 'http://127.0.0.1:9/x: '
	https_proxy=http://127.0.0.1:9 run --separate-stderr -1 vit-fetch cifar10
	assert_said 'downloading from www.cs.toronto.edu, 170 MB'
	assert_said 'https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz'
	assert_said "or give them as SOURCE (the cache is $PWD/cache/vit)"
	https_proxy=http://127.0.0.1:9 run --separate-stderr -1 vit-fetch -q cifar10
	[[ $stderr != *downloading* ]]
}

@test "--list tells what is here and what a download weighs" {
	mkdir -p cache/vit/mnist
	run -0 vit-fetch --list
	assert_output --regexp 'cifar10 .*\(not here, a download of 170 MB\)'
	assert_output --regexp ' mnist .*\(not here, a download of 12 MB\)'
	tiny_idx cache/vit/mnist
	run -0 vit-fetch --list
	assert_output --regexp " mnist .*\(here: $PWD/cache/vit/mnist\)"
	# one of the four files that are downloaded: the others are wanted
	rm cache/vit/mnist/*
	: >cache/vit/mnist/train-labels-idx1-ubyte.gz
	run -0 vit-fetch --list
	assert_output --regexp ' mnist .*\(not here'
}

@test "progress is drawn in a pipeline too, with bytes" {
	need script
	script -qec "vit-fetch $URL/steady/b/pictures -o got" typescript </dev/null >/dev/null
	run tr '\r' '\n' <typescript
	assert_output --regexp 'pictures: downloading from 127.0.0.1:[0-9]+: [0-9.]+ [kM]B of 2.4 MB'
}

@test "a data set of photographs is read from its zip in the cache" {
	need zip
	shared hymenoptera
	mkdir -p z cache/vit/hymenoptera
	cp -r "$shared" z/hymenoptera_data
	(cd z && zip -qr0 ../cache/vit/hymenoptera/hymenoptera_data.zip hymenoptera_data)
	vit-fetch hymenoptera@val -o got
	quietly vit-show got
	assert_output --regexp 'dataset +hymenoptera'
	assert_output --regexp 'classes +ants, bees'
	assert_output --partial 'records     16'
	run --separate-stderr -1 vit-fetch hymenoptera --verify
	assert_said '30 records, the published set has 244'
}
