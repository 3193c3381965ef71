#!/bin/bash
# planted.sh VARIANT PROGRAM - run every planted bug of planted.txt under one
# variant of the shim (shim, shim-address, shim-thread), each in a process of its
# own. One line per failure; the last line is "N passed, N failed".
set -u
here=$(dirname "$0")
case $1 in
shim) column=3 ;;
shim-address) column=4 ;;
shim-thread) column=5 ;;
*) echo "planted.sh: no variant '$1'"; exit 2 ;;
esac
export ASAN_OPTIONS=detect_leaks=0:exitcode=66 UBSAN_OPTIONS=print_stacktrace=0 TSAN_OPTIONS=halt_on_error=1:exitcode=66
ulimit -c 0
passed=0 failed=0
fail() { failed=$((failed + 1)); printf '%s%s: %s\n' "$name" "${env:+ ($env)}" "$1"; [ -z "$out" ] || printf '%s\n' "$out" | head -20; }

seen=
while IFS=$'\t' read -r -a f; do
	case ${f[0]} in '#'*|'') continue ;; esac
	name=${f[0]} env=${f[1]#-} want=${f[column - 1]} out=
	seen="$seen $name "
	[ "$want" != = ] || want=${f[2]}
	# shellcheck disable=SC2086  # no or one assignment
	out=$(env $env timeout 60 "$2" "$name" 2>&1)
	rc=$?
	if [ "$rc" = 124 ]; then
		fail 'did not end'
	elif [ "$want" = - ]; then
		if [ "$rc" = 0 ]; then passed=$((passed + 1)); else fail "exit status $rc, but nothing is to be noticed here"; fi
	elif [ "$rc" = 0 ]; then
		fail "not noticed; wanted are the words '$want'"
	elif printf '%s\n' "$out" | grep -qE -- "$want"; then
		passed=$((passed + 1))
	else
		fail "noticed (exit status $rc), but not in the words '$want'"
	fi
done <"$here/planted.txt"
for name in $("$2"); do
	case $seen in *" $name "*) ;; *) env='' out=''; fail 'not in planted.txt' ;; esac
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
