#!/usr/bin/env bats
# vit-fetch on WebDataset shards, tables and numpy arrays as they lie on disks and
# come through pipes.

load helper

setup_file() {
	DATA=$BATS_FILE_TMPDIR
	export DATA
	mkdir "$DATA/im" "$DATA/wds"
	local i
	for i in 0 1 2 3 4 5; do
		printf 'P6 2 2 255\n%012d' "$i" >"$DATA/im/$i.ppm"
		cp "$DATA/im/$i.ppm" "$DATA/wds/$i.ppm"
		printf '%d\n' $((i % 3)) >"$DATA/wds/$i.cls"
	done
	tar -C "$DATA/wds" -cf "$DATA/a-000.tar" 0.cls 0.ppm 1.cls 1.ppm 2.cls 2.ppm
	tar -C "$DATA/wds" -cf "$DATA/a-001.tar" 3.cls 3.ppm 4.cls 4.ppm 5.cls 5.ppm
	{
		echo path,label
		for i in 0 1 2 3 4 5; do echo "im/$i.ppm,$((i % 3))"; done
	} >"$DATA/t.csv"
}

records() { # without the header: ids, labels, digests of images
	vit-show --dump "$@" | grep -v '"end"'
}

@test "shards, one after the other and compressed" {
	quietly vit-fetch "$DATA"/a-00{0,1}.tar -o two.vits
	run records two.vits
	assert_line --index 0 --partial '"id":"0","seq":0,"epoch":0,"label":0'
	assert_line --index 5 --partial '"id":"5","seq":5,"epoch":0,"label":2'
	gzip <"$DATA/a-000.tar" >a-000.tgz
	zstd -q <"$DATA/a-001.tar" >a-001.tar.zst
	quietly vit-fetch a-000.tgz a-001.tar.zst -o packed.vits
	cmp two.vits packed.vits
	# a pipe is kept for the survey of its labels
	cat "$DATA/a-000.tar" | quietly vit-fetch - -o piped.vits
	cmp <(records piped.vits) <(records two.vits | head -3)
	vit-fetch "$DATA"/a-00{0,1}.tar --epochs 2 | vit-augment --start 1 >second.vits
	cmp <(records second.vits | sed 's/"epoch":1/"epoch":0/') <(records two.vits)
}

@test "a directory of unpacked samples is shards too" {
	quietly vit-fetch "$DATA/wds" -o d.vits
	quietly vit-fetch "$DATA"/a-00{0,1}.tar -o t.vits
	cmp d.vits t.vits
}

@test "a cut shard fails and says where" {
	head -c 2600 "$DATA/a-000.tar" >cut.tar
	run --separate-stderr -1 vit-fetch cut.tar -o x.vits
	assert_said "cut.tar"
	assert_said "damaged or cut"
	assert_file_not_exists x.vits
}

@test "real shards" {
	shared webdataset/sample.tgz
	vit-fetch "$shared" | vit-show >out
	grep -q 'records     90' out
	grep -q 'classes     10' out
	local odd
	for odd in mpdata tendata compressed; do
		run --separate-stderr -1 vit-fetch "$VIT_SHARED/data/webdataset/$odd.tar"
		assert_said "no known format; there are: "
	done
}

@test "a table, from its folder or from stdin" {
	quietly vit-fetch "$DATA/t.csv" --order source -o t.vits
	run records t.vits
	assert_line --index 5 --partial '"id":"im/5.ppm","seq":5,"epoch":0,"label":2'
	cd "$DATA"
	vit-fetch --order source - <t.csv >"$BATS_TEST_TMPDIR/stdin.vits"
	cd "$BATS_TEST_TMPDIR"
	cmp t.vits stdin.vits
	gzip <"$DATA/t.csv" >"$DATA/t.csv.gz"
	vit-fetch --order source "$DATA/t.csv.gz" >packed.vits
	cmp t.vits packed.vits
	# the images are the files
	cmp <(records t.vits | grep -o xxh3.*) <(vit-fetch "$DATA"/a-00{0,1}.tar | records - | grep -o xxh3.*)
}

@test "classes and bad rows of a table" {
	printf 'zero\none\ntwo\n' >names
	vit-fetch "$DATA/t.csv" --classes names | vit-show >out
	grep -q 'classes     zero, one, two' out
	sed 's/im.3/im\/9/' "$DATA/t.csv" >"$DATA/bad.csv"
	run --separate-stderr -1 vit-fetch --order source "$DATA/bad.csv" -o x.vits
	assert_said "bad.csv: line 5: $DATA/im/9.ppm: No such file or directory"
	vit-fetch --order source "$DATA/bad.csv" --max-bad 1 2>err >x.vits
	grep -q "left out" err
	[[ $(records x.vits | wc -l) == 5 ]]
	vit-fetch "$DATA/t.csv" --where label=two --classes names --order source | records - >two
	[[ $(cut -d'"' -f4 two | tr '\n' ' ') == "im/2.ppm im/5.ppm " ]]
}

npy() { # SHAPE BYTES: a u8 array's header
	local text="{'descr': '|u1', 'fortran_order': False, 'shape': $1, }"
	printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$text"
}

@test "arrays, named or by a pipe" {
	{ npy '(6, 2, 2)' && printf 'abcdefghijklmnopqrstuvwx'; } >x.npy
	{ npy '(6,)' && printf '\0\1\2\0\1\2'; } >y.npy
	quietly vit-fetch x.npy y.npy --order source -o a.vits
	run records a.vits
	assert_line --index 4 --partial '"id":"train/00004","seq":4,"epoch":0,"label":1,"image":{"shape":[2,2,1]'
	mkdir d
	cp x.npy y.npy d
	quietly vit-fetch d --order source -o b.vits
	cmp a.vits b.vits
	# a zip of them, as numpy.savez writes
	bsdtar --format zip -cf z.npz x.npy y.npy 2>/dev/null || python3 -m zipfile -c z.npz x.npy y.npy || skip "no zip program"
	quietly vit-fetch z.npz --order source -o c.vits
	cmp a.vits c.vits
	vit-fetch --order source - <x.npy | records - | grep -o 'xxh3.*' >piped
	cmp piped <(records a.vits | grep -o 'xxh3.*')
	head -c 140 x.npy >cut.npy
	run --separate-stderr -1 vit-fetch cut.npy
	assert_said "cut.npy: 140 bytes are there, its header announces 152: the file is cut"
}

@test "a training on a table of images" {
	quietly vit-fetch "$DATA/t.csv" -o t.vits
	vit-train --model vit:patch=2,dim=8,depth=1,heads=1,mlp=1,image=2 --steps 2 --batch-size 3 t.vits -o m.vit 2>/dev/null
	vit-eval m.vit "$DATA/t.csv@all" >out
	assert_file_exists m.vit
	[[ -s out ]]
}

@test "a pipe that is not surveyed is not kept: no temporary file, whatever --memory is" {
	local i
	mkdir d
	for i in {1..40}; do
		{
			printf 'P6 2 2 255\n'
			head -c 200000 /dev/zero
		} >d/$i.ppm
		echo 0 >d/$i.cls
	done
	tar cf d.tar --sort=name -C d .
	echo ants >names
	cat d.tar | TMPDIR=/nonexistent vit-fetch - --memory 1M --classes names >got
	run -0 vit-show --json got
	assert_output --partial '"records":40,'
}
