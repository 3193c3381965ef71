#!/usr/bin/env bats
# make install: DESTDIR, a PREFIX given only now, programs that find their parts, and uninstall.

load helper

make_() {
	[[ -z ${VIT_SANITIZED-} ]] || skip "the build under test is another"
	need make
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$REPO" BUILD="$BUILD" "$@" >log 2>&1 || { cat log; return 1; }
}

@test "install below DESTDIR and another PREFIX, run, uninstall" {
	need pkg-config
	make_ all
	make_ install DESTDIR="$PWD/stage" PREFIX=/opt/vit
	[[ ! -e $BUILD/lib/vit/libvit-cuda.so ]] || cmp "$BUILD/lib/vit/libvit-cuda.so" stage/opt/vit/lib/vit/libvit-cuda.so
	PKG_CONFIG_PATH=$PWD/stage/opt/vit/lib/pkgconfig run -0 pkg-config --variable=prefix vit
	assert_output /opt/vit
	tiny_idx d
	vit-fetch d >want
	stage/opt/vit/bin/vit-fetch d | cmp - want
	stage/opt/vit/bin/vit-augment --recipe fashion <want >got
	vit-augment --recipe fashion <want | cmp - got
	# what others put beside ours is theirs
	touch stage/opt/vit/lib/vit/theirs.so stage/opt/vit/share/vit/recipes/theirs.txt
	make_ uninstall DESTDIR="$PWD/stage" PREFIX=/opt/vit
	run find stage ! -type d -printf '%P\n'
	assert_equal "$(LC_ALL=C sort <<<"$output")" $'opt/vit/lib/vit/theirs.so\nopt/vit/share/vit/recipes/theirs.txt'
	assert_not_exists stage/opt/vit/include/vit
}
