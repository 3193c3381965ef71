#!/bin/sh
# deps.sh - what vit-tools is built and tested with, on Debian and Ubuntu.
#
#   deps.sh --missing            print what is missing, one package a line; exit 1 if any
#   deps.sh --install            install it with apt
#   deps.sh --ensure             nothing missing: silent. Otherwise install as root,
#                                under CI or with passwordless sudo; ask on a terminal;
#                                else stop with the exact line to type
#
# Only this script changes the system, and only through apt.
set -eu

# package alternatives: the first that apt knows is taken (Debian 12, 13, Ubuntu)
# test to see whether it is there | packages
needs='
cc:cc                            build-essential
cmd:pkg-config                   pkg-config pkgconf
pc:msgpack-c,msgpack             libmsgpack-c-dev libmsgpack-dev
pc:libarchive                    libarchive-dev
pc:libzip                        libzip-dev
pc:libcurl                       libcurl4-openssl-dev libcurl4-gnutls-dev
pc:libjpeg                       libjpeg-dev libjpeg62-turbo-dev
pc:libpng                        libpng-dev
pc:libwebp                       libwebp-dev
pc:jansson                       libjansson-dev
pc:libxxhash                     libxxhash-dev
pc:cairo                         libcairo2-dev
header:dnnl.h                    libdnnl-dev
pc:cmocka                        libcmocka-dev
cmd:bats                         bats
file:bats-support/load.bash      bats-support
file:bats-assert/load.bash       bats-assert
file:bats-file/load.bash         bats-file
cmd:zstd                         zstd
cmd:xz                           xz-utils
cmd:patchelf                     patchelf
cmd:zip                          zip
cmd:cjpeg                        libjpeg-turbo-progs
cmd:script                       bsdutils
cmd:python3                      python3
py:ensurepip                     python3-venv
data:fashion-mnist               dataset-fashion-mnist
'

here() { # kind:what -> is it there?
	case $1 in
	cc:*) echo 'int main(void){return 0;}' | ${CC:-cc} -x c - -o /dev/null 2>/dev/null ;;
	cmd:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
	pc:*) for p in $(echo "${1#*:}" | tr , ' '); do pkg-config --exists "$p" 2>/dev/null && return 0; done; return 1 ;;
	header:*) echo "#include <${1#*:}>" | ${CC:-cc} -E -x c - >/dev/null 2>&1 ;;
	file:*) for d in /usr/lib/bats /usr/share/bats /usr/lib/bats-core; do [ -e "$d/${1#*:}" ] && return 0; done; return 1 ;;
	py:*) python3 -c "import ${1#*:}" 2>/dev/null ;;
	data:*) [ -d "/usr/share/datasets/${1#*:}" ] ;;
	esac
}
missing() { # lines: test and packages
	echo "$needs" | while read -r test packages; do
		[ -n "$test" ] || continue
		here "$test" || echo "$test $packages"
	done
}
choose() { # packages -> the first one apt knows
	for p in "$@"; do apt-cache show "$p" >/dev/null 2>&1 && { echo "$p"; return; }; done
	echo "$1"
}
names() { # what apt would install, a package a line
	# shellcheck disable=SC2086  # word splitting of package names is meant
	echo "$list" | while read -r _ packages; do choose $packages; done
}

list=$(missing)
[ -n "$list" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "vit-tools: this system has no apt; still missing (pkg-config name, command or header):" >&2
	echo "$list" | sed 's/ .*//; s/^[a-z]*:/  /' >&2
	exit 1
fi

case ${1:-} in
--missing)
	names
	exit 1 ;;
--install) ;;
--ensure)
	if [ "$(id -u)" = 0 ] || [ -n "${CI:-}" ] || sudo -n true 2>/dev/null; then
		:
	elif [ -t 0 ] && [ -t 2 ]; then
		echo "vit-tools: missing: $(names | tr '\n' ' ')" >&2
		printf 'Install with apt? [Y/n] ' >&2
		read -r answer
		case $answer in ''|[Yy]*) ;; *) exit 1 ;; esac
	else
		echo "vit-tools: packages are missing; run as a user who may install them:" >&2
		echo "  make deps" >&2
		echo "which installs: $(names | tr '\n' ' ')" >&2
		exit 1
	fi ;;
*) echo "usage: deps.sh --missing|--install|--ensure" >&2; exit 2 ;;
esac

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get update -qq
# shellcheck disable=SC2046  # word splitting of package names is meant
set -- $(names)
echo "vit-tools: installing $*" >&2
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
list=$(missing)
[ -z "$list" ] || { echo "vit-tools: still missing after apt: $(echo "$list" | sed 's/ .*//' | tr '\n' ' ')" >&2; exit 1; }
