#!/bin/bash
# bundle.sh - one folder that runs where it is put: programs, plug-ins and every
# library they need but glibc, the driver's and CUDA's own, which are taken from
# the machine. With TESTS=1 also what `test-cuda` and `bench-cuda` there need.
# Called by `make bundle`, which has built everything. Writes
# $BUILD/bundle/vit-tools-VERSION-ARCH{/,.tar.xz}.
# shellcheck disable=SC2016  # $ORIGIN is the loader's
set -eu -o pipefail
cd "$(dirname "$0")/.."
: "${BUILD:=$PWD/build}" "${VERSION:?}"
name=vit-tools-$VERSION-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
out=$BUILD/bundle/$name
most=60                                 # MiB, compressed
command -v patchelf >/dev/null || { echo "make bundle: patchelf is missing; install it: apt-get install patchelf" >&2; exit 1; }

rm -rf "$out" "$out.tar.xz"
mkdir -p "$out"/{bin,lib/vit,share/doc/vit-tools/licences}
cp "$BUILD"/bin/vit-* "$out/bin"
cp -L "$BUILD"/lib/libvit.so.? "$out/lib"
cp "$BUILD"/lib/vit/libvit-*.so "$out/lib/vit"
cp -r "$BUILD/share/." "$out/share"
[ ! -e LICENSE ] || cp LICENSE "$out/share/doc/vit-tools"

if [ "${TESTS:-}" = 1 ]; then
	mkdir -p "$out/tests/data"
	cp "$BUILD"/tests/{check-ops,bench_step} "$out/tests"
	for t in "$BUILD"/tests/test_cuda*; do [ ! -x "$t" ] || cp "$t" "$out/tests"; done
	cp tests/cuda/card.sh tests/bench/cuda.sh tests/bench/peer_gpu.py "$out/tests"
	"$BUILD/bin/vit-fetch" -q fashion-mnist --limit 4000 >"$out/tests/data/fashion.vits" ||
		{ rm "$out/tests/data/fashion.vits"; echo "make bundle: without Fashion-MNIST, tests from the shell will be left out" >&2; }
	cifar=${VIT_SHARED:-../shared}/data/cifar10-jpeg.tar.gz
	if [ -e "$cifar" ]; then
		cp "$cifar" "$out/tests/data" && chmod u+w "$out/tests/data/cifar10-jpeg.tar.gz"
	else
		echo "make bundle: without cifar10-jpeg.tar.gz, bench-cuda will leave its run out" >&2
	fi
	for t in test-cuda:card.sh bench-cuda:cuda.sh; do
		# shellcheck disable=SC2016  # the bundle's own $0
		printf '#!/bin/sh\nexec "$(dirname "$0")/tests/%s" "$@"\n' "${t#*:}" >"$out/${t%:*}"
		chmod +x "$out/${t%:*}"
	done
fi

elf() { find "$out" -type f \( -path '*/bin/*' -o -name '*.so*' -o -path '*/tests/*' \) -exec sh -c 'head -c4 "$1" | grep -q "^.ELF"' _ {} \; -print; }
needed() { # name and path of what the programs and plug-ins load, with what these load
	elf | xargs -d '\n' ldd 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' | sort -u
}
# glibc's and the driver's parts must be the machine's; CUDA's are half a gigabyte
of_machine='^(ld-linux.*|linux-vdso.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl|mvec|thread_db|BrokenLocale)\.so\.[0-9]+|libcuda\.so.*|libcublas.*|libcudart.*|libnvidia.*)$'
# ldd must see the libraries of the build, not of the bundle
while read -r so path; do
	[[ $so =~ $of_machine || $so == libvit* ]] && continue
	cp -L "$path" "$out/lib/$so"
	chmod u+w "$out/lib/$so"
	package=$(dpkg -S "$(readlink -f "$path")" 2>/dev/null | head -1 | cut -d: -f1) || package=
	[ -z "$package" ] || cp -L "/usr/share/doc/$package/copyright" "$out/share/doc/vit-tools/licences/$package" 2>/dev/null || :
done < <(LD_LIBRARY_PATH=$BUILD/lib needed)

elf | while read -r f; do
	case $f in
	"$out"/bin/*|"$out"/tests/*) origin='$ORIGIN/../lib' ;;
	"$out"/lib/vit/*) origin='$ORIGIN/..' ;;
	*) origin='$ORIGIN' ;;
	esac
	strip --strip-unneeded "$f"
	patchelf --set-rpath "$origin" "$f"
done

# nothing may be left that the bundle lacks
lost=$(elf | xargs -d '\n' env -i ldd 2>&1 | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u)
[ -z "$lost" ] || { echo "make bundle: not found: $lost" >&2; exit 1; }
env -i "$out/bin/vit-train" --version >/dev/null

cat >"$out/README" <<R
vit-tools $VERSION, $(uname -m): put this folder anywhere and run bin/vit-train --help.
Wanted on the machine: glibc $(getconf GNU_LIBC_VERSION | cut -d' ' -f2) or newer; for --device cuda NVIDIA's driver and libcublasLt
(of the CUDA Toolkit or of the nvidia-cublas wheel; \$VIT_CUBLASLT names it where the loader does not find it).
$([ "${TESTS:-}" != 1 ] || echo './test-cuda tests on a card, ./bench-cuda measures; each within 8 minutes, a short table last.')
The licences of the libraries are in share/doc/vit-tools/licences.
R
tar -C "$(dirname "$out")" --sort=name --owner=0 --group=0 -cf - "$name" | xz -T2 -6 >"$out.tar.xz"
size=$(($(stat -c %s "$out.tar.xz") / 1048576))
echo "$out.tar.xz: $size MiB"
[ "$size" -le "$most" ] || { echo "make bundle: at most $most MiB are wanted" >&2; exit 1; }
