# net.bash - the local server for Bats files: `load ../net/net` after the helper.
#
# Call net_up in setup_file, net_down in teardown_file, net_fresh in setup. $WWW holds
# what is served, "pictures" at first, whose digest is $SUM; $URL, $FTP and $TLS are
# where. Nothing else of a network is asked: proxies are unset.
# shellcheck shell=bash

net_up() {
	export WWW=$BATS_FILE_TMPDIR/www
	mkdir "$WWW"
	# 3,000 pictures, 2.4 MB, no two blocks alike
	{
		be32 $((0x803)) 3000 28 28
		seq 1 1000000 | head -c $((3000 * 784))
	} >"$WWW/pictures"
	export SUM
	SUM=$(sha256sum "$WWW/pictures" | cut -d' ' -f1)
	cd "$BATS_FILE_TMPDIR" || return 1
	mkfifo alive
	local both='' i
	if command -v openssl >/dev/null; then
		{
			openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
				-keyout key -out cert && cat key cert >both && both=1
		} 2>/dev/null
	fi
	python3 "$REPO/tests/net/server.py" "$WWW" "$PWD/port" "$PWD/log" ${both:+"$PWD/both"} <alive >/dev/null 2>&1 3>&- &
	# the server ends when nobody holds the other end
	exec 7>alive
	for ((i = 0; i < 100; i++)); do
		[[ -e port ]] && break
		sleep 0.1
	done
	[[ -e port ]] || return 1
	export URL FTP TLS
	{
		read -r URL && read -r FTP && read -r TLS
	} <port || true
	URL=http://127.0.0.1:$URL FTP=ftp://127.0.0.1:$FTP TLS=${TLS:+https://127.0.0.1:$TLS}
	unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY ftp_proxy no_proxy NO_PROXY CURL_CA_BUNDLE
	export VIT_NET_RETRY=0.02 VIT_NET_STALL=1
}

net_down() {
	exec 7>&-
	wait
}

net_fresh() {
	cd "$BATS_TEST_TMPDIR" || return 1
	export HOME=$PWD XDG_CACHE_HOME=$PWD/cache
	: >"$BATS_FILE_TMPDIR/log"
}

# What the server was asked, a line a request.
asked() {
	cat "$BATS_FILE_TMPDIR/log"
}
