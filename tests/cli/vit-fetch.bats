#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154,SC2238
# vit-fetch: the same samples from every container, selection, refusals.

load helper

same() { # FILE-OF-REFERENCE OPTION...: the source gives these very bytes
	local want=$1
	shift
	vit-fetch "$@" >got
	cmp "$want" got
}

zip_of() { # ARCHIVE DIR
	need zip
	zip -qr "$1" "$2"
}

@test "IDX: directory, tar.gz, zip, files, pipe: the same bytes" {
	tiny_idx d
	vit-fetch d >want
	tar czf d.tgz d
	tar cJf d.txz -C d .
	zip_of d.zip d
	for s in d.tgz d.txz d.zip ./d/; do same want "$s"; done
	same want d/train-images-idx3-ubyte d/train-labels-idx1-ubyte
	for s in d.tgz d.zip; do same want - <"$s"; done
	vit-fetch <d.tgz >got
	cmp want got
	same want <(cat d.tgz)
}

@test "compression is told by content" {
	tiny_idx d
	vit-fetch d --split test >want
	gzip -n d/*
	same want d --split test
	for f in d/*.gz; do mv "$f" "${f%.gz}"; done
	same want d --split test
	bzip2 d/*
	same want d --split test
}

@test "CIFAR-10: row counts and labels; directory, tar.gz, zip, 7z, pipe: the same bytes" {
	shared cifar10-binary
	mkdir c
	cp "$shared"/*.bin c
	vit-fetch c --split test >want
	run -0 vit-show --json want
	assert_output --partial '"records":1017'
	vit-fetch c | vit-show --json >got
	assert grep -q '"records":1102' got
	tar czf c.tgz c
	for s in c.tgz c/test_batch.bin; do same want "$s" --split test; done
	for s in c.tgz c/test_batch.bin; do same want - --split test <"$s"; done
	gzip -c c/test_batch.bin >odd.name
	same want odd.name --split test
	zip_of c.zip c
	same want c.zip --split test
	same want - --split test <c.zip
	need 7z
	7z a c.7z c >/dev/null
	same want c.7z --split test
	same want - --split test <c.7z
}

@test "CIFAR-10: labels and pixels are the file's" {
	need python3
	shared cifar10-binary
	vit-fetch "$shared" --split test --limit 50 >got
	python3 - "$shared/test_batch.bin" got <<-'END'
		import sys
		raw, s = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
		at = 0
		for i in range(50):
		    row = raw[i * 3073:(i + 1) * 3073]
		    at = s.index(b"\xa2id\xaatest/%05d" % i, at)
		    label = s.index(b"\xa5label", at)
		    assert s[label + 6] == row[0], i
		    pixels = bytes(row[1 + c * 1024 + p] for p in range(1024) for c in range(3))
		    assert pixels in s[at:at + 4000], i
	END
}

@test "CIFAR-100: 300 rows, fine labels, coarse ones beside" {
	shared cifar100-binary
	vit-fetch "$shared" --split test >got
	run -0 vit-show --json got
	assert_output --partial '"records":300'
	assert_equal "$(grep -ac coarse_label got)" "$(grep -ac 'test/' got)"
}

@test "Python batches are read, and nothing in them is run" {
	need python3
	mkdir p
	python3 - <<-'END'
		import pickle
		class Evil:
		    def __reduce__(self):
		        import os
		        return os.system, ("touch evil",)
		open("p/data_batch_1", "wb").write(pickle.dumps({"data": Evil(), "labels": [1]}, 2))
	END
	run --separate-stderr -1 vit-fetch p
	assert_said 'data_batch_1: pickle: wants to call posix.system'
	assert_not_exist evil
}

@test "a split that is not there is named with those that are" {
	tiny_idx d
	run --separate-stderr -2 vit-fetch d --split val
	assert_said 'd: no split val; it has: train test; --holdout 10% --split val takes a tenth of train'
	assert_equal "$output" ""
	run --separate-stderr -2 vit-fetch d@nope
	assert_said 'no split nope'
	quietly vit-show <(vit-fetch d@test)
	assert_output --partial 'records     10 '
	run --separate-stderr -2 vit-fetch d@test --split train
	assert_said 'give one'
}

@test "hold-out: two sides, no overlap, by SOURCE@val too" {
	tiny_idx d
	vit-fetch d --holdout 20% --order source >a
	vit-fetch d --holdout 20% --split val --order source >b
	vit-fetch d@val --holdout 20% --order source >c
	cmp b c
	ids() { grep -ao 'train/0[0-9]*' "$@"; }
	ids -h a b | sort >both
	ids -h <(vit-fetch d --order source) | cmp - both
	assert [ -n "$(ids b)" ]
}

@test "order: permuted for training, the source's on demand and for tests" {
	tiny_idx d
	ids() { grep -ao "$1/0[0-9]*"; }
	vit-fetch d | ids train >a
	vit-fetch d --order source | ids train >b
	run ! cmp -s a b
	sort a | cmp - b
	vit-fetch d@test | ids test | sort -c
	vit-fetch d --seed 1 | ids train >c
	run ! cmp -s a c
	vit-fetch d --epochs 2 | ids train >two
	head -40 two | cmp - a
	tail -40 two | sort | cmp - b
	run ! cmp -s a <(tail -40 two)
	run --separate-stderr -2 vit-fetch d --shuffle --order source
	assert_said 'contradict'
}

@test "limit, skip, shards and conditions" {
	tiny_idx d
	ids() { grep -ao 'train/0[0-9]*'; }
	vit-fetch d | ids >whole
	vit-fetch d --skip 5 --limit 7 | ids | cmp - <(sed -n 6,12p whole)
	for i in 0 1 2; do vit-fetch d --shard $i/3 >s$i; done
	cat s0 s1 s2 >joined
	quietly vit-show joined
	assert_output --partial 'records     40 '
	# a joined file is counted, joined pipes are of unknown length; no shard is left
	quietly vit-show <(vit-fetch joined)
	assert_output --partial 'records     40 (announced: 40 x 1 epochs)'
	refute_output --partial '  shard  '
	quietly vit-show <(cat s0 s1 s2 | vit-fetch -)
	assert_output --partial 'records     40,'
	refute_output --partial '  shard  '
	quietly vit-show <(vit-fetch s1)
	assert_output --partial 'index=1 of=3 total=40'
	run -0 vit-show --json <(vit-fetch d --where label=4)
	assert_output --partial '"records":4,'
	run --separate-stderr -2 vit-fetch d --where label=cat
	assert_said 'labels are 0 to 9'
	run --separate-stderr -2 vit-fetch d --shard 3/3
}

@test "a stream is a source: file and pipe" {
	tiny_idx d
	vit-fetch d --order source >s
	vit-fetch s --order source >a
	vit-fetch - --order source <s >b
	cmp a b
	vit-fetch s --limit 8 >c
	vit-fetch d --limit 8 >e
	assert_equal "$(grep -ao 'train/0[0-9]*' c)" "$(grep -ao 'train/0[0-9]*' e)"
	run --separate-stderr -2 vit-fetch - --epochs 2 <s
	assert_said 'vit-augment --epochs 2'
	run --separate-stderr -2 vit-fetch - --shuffle <s
	assert_said 'vit-augment --shuffle'
	head -c 1000 s >cut
	run --separate-stderr -1 vit-fetch cut -o out
	assert_said 'cut'
	assert_not_exist out
}

@test "what unpacks to more than its header announces is refused when it gets there" {
	tiny_idx d
	# 400 MB of zeros behind 10 images: refused long before they are all unpacked
	{ cat d/train-images-idx3-ubyte; head -c 400000000 /dev/zero; } | gzip -1 >x && mv x d/train-images-idx3-ubyte
	ulimit -f 20000         # KiB a file may have, the temporary one too
	run --separate-stderr -1 vit-fetch d --memory 1M -o out
	assert_said 'train-images-idx3-ubyte: goes on after the 2576 bytes that it may have'
	assert_not_exist out
}

@test "broken and missing input" {
	tiny_idx d
	head -c 500 d/train-images-idx3-ubyte >x && mv x d/train-images-idx3-ubyte
	run --separate-stderr -1 vit-fetch d -o out
	assert_said 'train-images-idx3-ubyte: 484 bytes after the header, which announces 2560'
	assert_not_exist out
	run --separate-stderr -1 vit-fetch absent
	assert_said 'absent: no such file or data set (vit-fetch --list'
	echo words >text
	run --separate-stderr -1 vit-fetch text
	assert_said 'no known format; there are: text'
	: >empty
	run --separate-stderr -1 vit-fetch empty
	assert_said 'empty: is empty'
	run --separate-stderr -1 vit-fetch - </dev/null
	assert_said '<stdin>: is empty (did the program before it fail?)'
	tiny_idx e
	tar czf e.tgz e
	head -c 150 e.tgz >cut.tgz
	run --separate-stderr -1 vit-fetch cut.tgz
	https_proxy=http://127.0.0.1:9 run --separate-stderr -1 vit-fetch cifar10 --cache "$PWD"
	assert_said 'give them as SOURCE'
}

@test "two sets at once are refused, one set twice is one" {
	tiny_idx d
	vit-fetch d >want
	same want d d
	tiny_idx e 20
	run --separate-stderr -1 vit-fetch d e
	assert_said 'two different files train-images-idx3-ubyte; give one set at a time'
	gzip -kn d/*
	same want d
}

@test "limits of whole numbers are written as such; a source without a name" {
	run --separate-stderr -2 vit-fetch x --seed -1
	assert_said 'from 0 to 4611686018427387904'
	run --separate-stderr -2 vit-fetch ''
	assert_said "a source's name is empty"
}

@test "a hard link in an archive is refused, not left out" {
	tiny_idx d
	ln d/t10k-labels-idx1-ubyte d/again
	tar cf d.tar --sort=name d
	run --separate-stderr -1 vit-fetch d.tar --split test
	assert_said 'd.tar: d/t10k-labels-idx1-ubyte is a link to d/again'
	assert_said 'unpack it and name the directory'
	quietly vit-fetch d --split test -o /dev/null
}

@test "data beyond --memory lie in a temporary file" {
	tiny_idx d
	tar czf d.tgz d
	vit-fetch d >want
	mkdir tmp
	TMPDIR=$PWD/tmp same want d.tgz --memory 1K
	assert_equal "$(ls -A tmp)" ""
	TMPDIR=$PWD/absent run --separate-stderr -1 vit-fetch d.tgz --memory 1K
	assert_said 'set TMPDIR'
}

@test "a bad record ends the stream, or is left out and counted" {
	mkdir c
	for i in 1 2 3 4; do
		printf '\3'
		head -c 3072 /dev/zero
	done >c/data_batch_1.bin
	for i in {1..30}; do
		# past the part that tells the format
		[[ $i == 28 ]] && printf '\77' || printf '\4'
		head -c 3072 /dev/zero
	done >c/data_batch_2.bin
	run --separate-stderr -1 vit-fetch c -o out
	assert_said 'record 31 (train/00031): label 63, CIFAR-10 has 0 to 9'
	assert_not_exist out
	run --separate-stderr -0 vit-fetch c --max-bad 1 -o out
	assert_said 'record 31'
	quietly vit-show out
	assert_output --partial 'records     33, 1 skipped'
}

@test "data sets lie in the cache, as files or as an archive" {
	mkdir -p cache/vit/cifar10 c
	for i in 1 2 3; do
		printf '\3'
		head -c 3072 /dev/zero
	done | tee c/data_batch_1.bin >c/test_batch.bin
	tar czf cache/vit/cifar10/cifar-10-binary.tar.gz c
	XDG_CACHE_HOME=$PWD/cache vit-fetch cifar10 --split test >got
	vit-fetch cifar10@test --cache cache/vit | cmp - got
	XDG_CACHE_HOME=$PWD/cache run --separate-stderr -1 vit-fetch cifar10 --verify
	assert_said 'cifar10@train: 3 records, the published set has 50000'
}

@test "what came is passed on before waiting for more" {
	tiny_idx d
	vit-fetch d --order source >s
	mkfifo in out
	vit-fetch - --order source <in >out &
	exec 7>in 8<out
	head -c 4000 s >&7
	# the header and some records come although the stream is not at its end
	run timeout 20 head -c 500 <&8
	assert_output --partial 'train/00000'
	tail -c +4001 s >&7
	exec 7>&-
	cat <&8 >/dev/null
	wait
}

@test "the reader's end is no error, a full disk is" {
	tiny_idx d
	set -o pipefail
	run --separate-stderr bash -c 'set -o pipefail; vit-fetch d --epochs 1000 | head -c 100 >/dev/null'
	assert_success
	assert_equal "$stderr" ""
	run --separate-stderr -1 bash -c 'vit-fetch d >/dev/full'
	assert_said 'No space left'
}

@test "--sha256 is checked first" {
	tiny_idx d
	tar czf d.tgz d
	sum=$(sha256sum d.tgz | cut -d' ' -f1)
	quietly vit-fetch d.tgz --sha256 "$sum" -o out
	assert_exist out
	run --separate-stderr -1 vit-fetch d.tgz --sha256 "${sum/[0-8]/9}" -o other
	assert_said "its SHA-256 is $sum"
	assert_not_exist other
	run --separate-stderr -2 vit-fetch d.tgz --sha256 abc
	assert_said '64 hexadecimal digits'
	run --separate-stderr -2 vit-fetch - --sha256 "$sum" <d.tgz
}

@test "two inputs from stdin are refused" {
	run --separate-stderr -2 vit-fetch - - </dev/null
}

@test "--list names formats and data sets; no archive library is loaded for help" {
	quietly vit-fetch --list
	assert_line --regexp '^  idx '
	assert_line --regexp '^  cifar '
	assert_line --regexp '^  vits '
	assert_line --regexp '^  fashion-mnist '
	run -0 env LD_DEBUG=files vit-fetch --help
	refute_output --partial libarchive
}

@test "Fashion-MNIST is what was published" {
	[[ -d /usr/share/datasets/fashion-mnist ]] || skip "no dataset-fashion-mnist"
	for split in train test; do
		run --separate-stderr -0 vit-fetch fashion-mnist --verify --split $split --limit 1 -o $split
	done
	run -0 vit-show --json <(vit-fetch fashion-mnist --split all)
	assert_output --partial '"records":70000'
	assert_output --partial '"Ankle boot"'
}

# ---- a plug-in, built out of tree ------------------------------------------------------

build_plugin() { # DIR [CFLAG...]: against staged headers alone
	need cc pkg-config
	local dir=$1 to
	shift
	mkdir -p stage/include/vit "$dir"
	for h in "$REPO"/libvit/*.h "$REPO"/libvit/*/*.h; do
		to=stage/include/vit/${h#"$REPO"/libvit/}
		mkdir -p "$(dirname "$to")"
		cp "$h" "$to"
	done
	# shellcheck disable=SC2046
	PKG_CONFIG_PATH=$BUILD/lib/pkgconfig cc -std=c11 -shared -fPIC "$@" \
		$(PKG_CONFIG_PATH=$BUILD/lib/pkgconfig pkg-config --define-variable=prefix="$PWD/stage" --cflags vit) \
		-o "$dir/tiles.so" "$REPO/tests/formats/plugin/tiles.c"
	chmod 755 "$dir" "$dir/tiles.so"
}
tiles() { printf 'TILE\3abcdefghijklmnop\4ABCDEFGHIJKLMNOP'; }

@test "a third party's format: found, probed, named, listed" {
	build_plugin plug
	export VIT_PLUGIN_PATH=$PWD/plug
	tiles >t
	quietly vit-show <(vit-fetch t)
	assert_output --partial 'images      4 x 4 x 1 uint8'
	assert_output --partial 'records     2'
	vit-fetch t >want
	same want t --format plugin:tiles
	same want - <t
	run -0 vit-fetch --list
	assert_line '  plugin:tiles'
	run -0 vit-fetch t --epochs 2 -o two
	assert_equal "$(grep -ao 'train/0000[01]' two | tr '\n' ' ')" 'train/00000 train/00001 train/00000 train/00001 '
	run --separate-stderr -2 vit-fetch t --shuffle
	printf x >>t
	run --separate-stderr -1 vit-fetch t
}

@test "epochs of a format that reads forward only hold nothing" {
	[[ -z ${VIT_SANITIZED-} ]] || skip "an address space as large as a sanitizer's has no limit"
	build_plugin plug -DNAMES=4096
	export VIT_PLUGIN_PATH=$PWD/plug
	tiles >t
	# 100 KiB of names an epoch would be 300 MiB
	quietly bash -o pipefail -c 'ulimit -v 200000; vit-fetch t --where label=3 --epochs 3000 >many'
	assert_equal "$(grep -ao train/00000 many | wc -l)" 3000
}

@test "plug-ins that others may write, of relative folders or of another interface are refused" {
	build_plugin plug
	tiles >t
	VIT_PLUGIN_PATH=plug run --separate-stderr -2 vit-fetch t --format plugin:tiles
	assert_said 'no plugin tiles.so in the absolute directories'
	VIT_PLUGIN_PATH=$PWD/plug run --separate-stderr -2 vit-fetch t --format plugin:../plug/tiles
	export VIT_PLUGIN_PATH=$PWD/plug
	chmod o+w plug/tiles.so
	run --separate-stderr -2 vit-fetch t --format plugin:tiles
	assert_said 'others may write it; run chmod go-w'
	run --separate-stderr -1 vit-fetch t
	assert_said 'no known format'
	assert_said 'passed over: plugin'
	chmod 755 plug/tiles.so
	mkdir -m 777 open
	mkdir -m 755 link fifo
	mv plug/tiles.so open
	ln -s ../open/tiles.so link/tiles.so
	VIT_PLUGIN_PATH=$PWD/link run --separate-stderr -2 vit-fetch t --format plugin:tiles
	assert_said "$PWD/open: others may write it"
	mv open/tiles.so plug
	mkfifo -m 644 fifo/tiles.so
	VIT_PLUGIN_PATH=$PWD/fifo run --separate-stderr -2 timeout 10 vit-fetch t --format plugin:tiles
	assert_said "fifo/tiles.so: is no file"
	chmod g+w plug
	run --separate-stderr -2 vit-fetch t --format plugin:tiles
	chmod 755 plug
	build_plugin plug -DABI=99
	run --separate-stderr -1 vit-fetch t --format plugin:tiles
	assert_said 'built for format interface 99'
}

@test "built-in formats are never shadowed" {
	build_plugin plug
	cp plug/tiles.so plug/idx.so
	tiny_idx d
	vit-fetch d >want
	export VIT_PLUGIN_PATH=$PWD/plug
	same want d
	same want d --format idx
	run --separate-stderr -1 vit-fetch d --format plugin:idx
	assert_said 'has no symbol vit_format_idx'
}
