#!/bin/bash
# lint.sh - cppcheck and shellcheck where they are installed, and the rules of
# the house that a grep can hold: sizes, imports that go one way, no stray paths.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() { printf '%s\n' "$*"; bad=1; }

mapfile -t c < <(git ls-files '*.c' '*.h' '*.cu')
mapfile -t text < <(git ls-files | grep -vE '\.(png|npy|gz|vit|vits|bin)$')

# sizes
for f in "${c[@]}"; do
	n=$(wc -l <"$f")
	[ "$n" -le 1000 ] || complain "$f: $n lines, at most 1000"
done

# a folder may include only itself and those named with it (core <- tensor <- ...)
allowed() {
	case $1 in
	core) echo core ;;
	tensor) echo core tensor ;;
	image|codec) echo core tensor image codec ;;
	net) echo core net ;;
	stream) echo core tensor stream ;;
	format|archive) echo core tensor image stream format archive net ;;
	augment) echo core tensor image stream augment ;;
	op) echo core tensor op graph ;;
	graph) echo core tensor op graph ;;
	cpu) echo core tensor op graph cpu ;;
	cuda) echo core tensor op graph cuda ;;
	draw) echo core tensor image stream train draw ;;
	model) echo core tensor image stream op graph model ;;
	train) echo core tensor image stream format augment op graph model train ;;
	*) return 1 ;;
	esac
}
for f in "${c[@]}"; do
	case $f in libvit/*/*) ;; *) continue ;; esac
	folder=${f#libvit/}; folder=${folder%%/*}
	may=$(allowed "$folder") || continue
	while read -r inc; do
		case " $may " in *" ${inc%%/*} "*) ;; *) complain "$f: includes \"$inc\"; $folder may use: $may" ;; esac
	done < <(sed -n 's/^#include "\([a-z]*\/[^"]*\)".*/\1/p' "$f")
done

# libvit never prints and never exits
mapfile -t lib < <(printf '%s\n' "${c[@]}" | grep -E '^(libvit|formats|datasets)/' | grep -v '^libvit/cli/')
grep -nE '\b(printf|fprintf|puts|perror|exit|abort)\(' "${lib[@]}" |
	grep -vE '^[^:]*:[0-9]+:[[:space:]]*(\*|/\*|//)' && complain 'libvit prints or exits'

# no machine's paths, no trailing blanks
grep -nE '(^|[^.a-z])/(work|root|home/[a-z])/' "${text[@]}" | grep -v '^tools/lint.sh' && complain 'a path of some machine'
grep -nE '[[:space:]]+$' "${c[@]}" Makefile && complain 'trailing blanks'

if command -v shellcheck >/dev/null; then
	mapfile -t sh < <(git ls-files '*.sh' '*.bash')
	shellcheck -x -s bash "${sh[@]}" .ci/run || bad=1
else
	echo 'shellcheck is not installed: shell scripts not checked'
fi
if command -v cppcheck >/dev/null; then
	# left to the compiler and to UBSan, which know loop bounds: uninitvar, invalidFunctionArg
	cppcheck -q --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -j"$(nproc)" \
		--suppress=missingIncludeSystem --suppress=unknownMacro \
		--suppress=invalidFunctionArg --suppress=uninitvar -D__GNUC__ -Ilibvit libvit formats datasets cmd || bad=1
else
	echo 'cppcheck is not installed: C not checked'
fi
[ $bad = 0 ] && echo 'lint: clean'
exit $bad
