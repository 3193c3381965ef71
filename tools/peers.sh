#!/bin/sh
# peers.sh - print the Python of the peers' environment, building it if it is
# not there: a virtual environment in the user's cache under the hash of the
# pinned list, shared by `make test-interop` and `make bench`, never in the clone.
set -eu
list=$(dirname "$0")/../tests/interop/requirements.txt
hash=$(sha256sum "$list" | cut -c1-12)
dir=${XDG_CACHE_HOME:-$HOME/.cache}/vit-tools/peers-$hash
py=$dir/bin/python
mkdir -p "${dir%/*}"
exec 9>"$dir.lock"
flock 9
if [ ! -e "$dir/complete" ]; then
	free=$(df -Pk "${dir%/*}" | awk 'NR == 2 { print int($4 / 1048576) }')
	if [ "$free" -lt 8 ]; then
		echo "peers.sh: PyTorch and its companions take 6 GB, ${dir%/*} has $free GB free" >&2
		exit 1
	fi
	echo "peers.sh: installing the pinned peers (some minutes, 6 GB, once)" >&2
	rm -rf "$dir"
	python3 -m venv "$dir" >&2 || { echo "peers.sh: python3 has no venv; try: apt-get install python3-venv" >&2; exit 1; }
	"$py" -m pip install -q --disable-pip-version-check -r "$list" >&2
	touch "$dir/complete"
fi
echo "$py"
