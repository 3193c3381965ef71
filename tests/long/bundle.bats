#!/usr/bin/env bats
# make bundle: a folder that runs in a root of its own, where there is glibc and nothing else.

load ../cli/helper

setup_file() {
	[[ -z ${VIT_SANITIZED-} ]] || return 0
	command -v patchelf >/dev/null || return 0
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$REPO" BUILD="$BUILD" TESTS=1 bundle >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
	local archive
	archive=$(sed -n 's/^\(.*\.tar\.xz\): .*/\1/p' "$BATS_FILE_TMPDIR/log")
	mkdir "$BATS_FILE_TMPDIR/jail"
	tar -C "$BATS_FILE_TMPDIR/jail" -xf "$archive"
	mv "$BATS_FILE_TMPDIR"/jail/vit-tools-* "$BATS_FILE_TMPDIR/jail/somewhere else"
}

bundled() {
	need patchelf
	[[ -z ${VIT_SANITIZED-} ]] || skip "the build under test is another"
	bundle="$BATS_FILE_TMPDIR/jail/somewhere else"
	jail=$BATS_FILE_TMPDIR/jail
}

# A root with glibc alone; programs run in it by inside PROGRAM [ARGUMENT]...
alone() {
	local so
	[[ -e $jail/lib64 ]] && return
	unshare -Ur true 2>/dev/null || [[ $(id -u) == 0 ]] || skip "neither root nor user namespaces"
	ldd "$(command -v sh)" | sed -n 's/.*[[:space:]]\(\/[^ ]*ld-linux[^ ]*\) .*/\1/p' | while read -r so; do mkdir -p "$jail${so%/*}" && cp -L "$so" "$jail$so"; done
	local dir
	dir=$(dirname "$(ldd "$(command -v sh)" | sed -n 's/.*libc\.so\.6 => \([^ ]*\).*/\1/p')")
	mkdir -p "$jail$dir" "$jail/tmp" "$jail/dev" "$jail/lib64"
	for so in libc.so.6 libm.so.6 libdl.so.2 librt.so.1 libpthread.so.0 libresolv.so.2; do cp -L "$dir/$so" "$jail$dir/$so"; done
}
inside() {
	local user=()
	[[ $(id -u) == 0 ]] || user=(unshare -Ur)
	# there is no /proc, by which the loader would know where the program lies
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/tmp LD_ORIGIN_PATH="${1%/*}" "${user[@]}" chroot "$jail" "$@"
}

@test "bundle: every program and plug-in works where there is only glibc" {
	bundled
	alone
	local bin="/somewhere else/bin" p
	for p in "$bundle"/bin/*; do
		inside "$bin/${p##*/}" --version >version
		assert_file_contains version "vit-tools"
	done
	tiny_idx "$jail/d"
	cp "$REPO/tests/golden/"*.jpg "$jail/" 2>/dev/null || :
	inside "$bin/vit-fetch" /d --epochs 2 --shuffle >s.vits
	vit-fetch "$jail/d" --epochs 2 --shuffle | cmp - s.vits
	inside "$bin/vit-augment" random-crop:padding=2 hflip <s.vits >a.vits
	inside "$bin/vit-train" -q --device cpu --model vit:image=28,patch=7,dim=32,depth=1,heads=2,mlp=2 --batch-size 8 -o /m.vit <a.vits
	inside "$bin/vit-eval" -q --device cpu /m.vit - <a.vits >report
	assert_file_contains report "top-1"
	inside "$bin/vit-show" /m.vit >/dev/null
}

@test "bundle: an archive and a picture go through the libraries it brought" {
	bundled
	alone
	tiny_idx d
	tar -C d -czf "$jail/d.tar.gz" .
	inside "/somewhere else/bin/vit-fetch" -q /d.tar.gz >s.vits
	inside "/somewhere else/bin/vit-show" --grid 2x2 -o /g.png - <s.vits
	assert_file_not_empty "$jail/g.png"
}

@test "bundle: no library comes from elsewhere" {
	bundled
	local f
	while read -r f; do
		env -i ldd "$f" 2>/dev/null | sed -n 's/^[[:space:]]*[^ ]* => \(\/.*\) (0x.*/\1/p' | grep -vE '/(lib(c|m|dl|rt|pthread|resolv|util|mvec)\.so\.[0-9]+|ld-linux[^/]*)$' | grep -v "^$bundle/" && return 1
	done < <(find "$bundle" -type f \( -path '*/bin/vit-*' -o -name '*.so*' \))
	true
}

@test "bundle: test-cuda and bench-cuda run from it, or say why not" {
	bundled
	if "$bundle/bin/vit-train" --version | grep -q 'cuda:0'; then skip "there is a GPU: make test-cuda"; fi
	# no programs but its own
	run -0 env -i PATH=/usr/bin:/bin "$bundle/test-cuda"
	assert_line --partial "nothing was tested"
	assert_line "0 passed, 0 failed, 1 skipped"
	run -0 env -i PATH=/usr/bin:/bin "$bundle/bench-cuda"
	assert_line --partial "nothing was measured"
}

@test "make test-cuda and bench-cuda without a GPU: plain words, exit 0" {
	[[ -z ${VIT_SANITIZED-} ]] || skip "the build under test is another"
	if vit-train --version | grep -q 'cuda:0'; then skip "there is a GPU"; fi
	run -0 "$REPO/tests/cuda/card.sh"
	assert_line --partial "nothing was tested"
	run -0 "$REPO/tests/bench/cuda.sh"
	assert_line --partial "nothing was measured"
}
