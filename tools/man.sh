#!/bin/sh
# man.sh PROGRAM PAGE - the page with the options of the program's own table in
# place of the line `.\" OPTIONS`, so that the two cannot drift apart.
set -eu
options=$("$1" --help=man | awk '/^\.SH/ { on = /OPTIONS/; next } on')
[ -n "$options" ] || { echo "man.sh: $1 --help=man has no section OPTIONS" >&2; exit 1; }
grep -q '^\.\\" OPTIONS$' "$2" || { echo "man.sh: $2 has no line .\\\" OPTIONS" >&2; exit 1; }
OPTIONS=$options awk '/^\.\\" OPTIONS$/ { print ENVIRON["OPTIONS"]; next } { print }' "$2"
