#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154
# Images in folders and archives: layouts, ids, order, what is left out.

load helper

image() { # FILE...: an image of 2x2 pixels each
	local f
	for f; do
		mkdir -p "$(dirname "$f")"
		printf 'P6 2 2 255\n%.12s' "$f            " >"$f"
	done
}

classes() { # DIR: three classes, nested folders, capital letters before small ones
	image "$1"/{bees,ants,Zebras}/{1,2,10}.ppm "$1/ants/nested/deep/3.ppm"
}

splits() { # DIR
	image "$1"/train/{ants,bees}/{1,2,3}.ppm "$1"/validation/{ants,wasps}/1.ppm "$1/test/bees/9.ppm"
}

# id, label (- for none) and seq of each record
table() { vit-fetch "$@" | vit-show --dump | sed 's/^{"id":"\(.*\)","seq":\([0-9]*\),"epoch":[0-9]*\(,"label":\([0-9]*\)\)*.*/\1 \4 \2/; s/  / - /'; }

# epoch and id
epochs_of() { vit-fetch "$@" | vit-show --dump | sed 's/^{"id":"\(.*\)","seq":[0-9]*,"epoch":\([0-9]*\).*/\2 \1/'; }

classes_of() { vit-fetch "$@" | vit-show --json | sed 's/.*"split":[^[]*"classes":\[\([^]]*\)\].*/\1/; s/"//g'; }

@test "class folders: ids are paths, classes in code-point order, nested folders belong to the class" {
	classes d
	run --separate-stderr -0 table d --order source
	assert_output "Zebras/1.ppm 0 0
Zebras/10.ppm 0 1
Zebras/2.ppm 0 2
ants/1.ppm 1 3
ants/10.ppm 1 4
ants/2.ppm 1 5
ants/nested/deep/3.ppm 1 6
bees/1.ppm 2 7
bees/10.ppm 2 8
bees/2.ppm 2 9"
	assert_equal "$stderr" ""
	assert_equal "$(classes_of d)" "Zebras,ants,bees"
	# training reads a permutation of the same
	run -0 table d
	refute_line -n 0 "Zebras/1.ppm 0 0"
	assert_equal "$(sort <<<"$output")" "$(table d --order source | sort)"
}

@test "the same bytes from a directory, a zip and, in its order, from every archive" {
	need zip 7z
	classes d
	vit-fetch d --order source >want
	tar cf d.tar --sort=name d
	gzip -k d.tar
	zip -qr d.zip d
	(cd d && zip -qr ../bare.zip bees ants Zebras)
	(cd d && tar czf ../bare.tgz --sort=name *)
	LC_ALL=C 7z a -bso0 d.7z d
	for s in d/ d.zip bare.zip; do
		vit-fetch "$s" --order source >got
		cmp want got
		vit-fetch "$s" | vit-show --dump | grep -c '"id"' | grep -qx 10
	done
	for s in d.tar d.tar.gz bare.tgz d.7z; do
		assert_equal "$(table "$s" | cut -d' ' -f1,2 | sort)" "$(table d | cut -d' ' -f1,2 | sort)"
	done
	LC_ALL=C tar cf sorted.tar --sort=name d
	vit-fetch sorted.tar --order source >got
	cmp want got
	vit-fetch <sorted.tar --order source >got
	cmp want got
	for s in d.zip d.7z; do
		assert_equal "$(table - <"$s" | cut -d' ' -f1,2 | sort)" "$(table d | cut -d' ' -f1,2 | sort)"
	done
	need zstd
	zstd -q sorted.tar
	vit-fetch <(cat sorted.tar.zst) --order source >got
	cmp want got
}

@test "splits and their other names; classes are those of all splits" {
	splits d
	run -0 table d --split train --order source
	assert_output "ants/1.ppm 0 0
ants/2.ppm 0 1
ants/3.ppm 0 2
bees/1.ppm 1 3
bees/2.ppm 1 4
bees/3.ppm 1 5"
	run -0 table d@val
	assert_output "ants/1.ppm 0 0
wasps/1.ppm 2 1"
	run -0 table d@test
	assert_output "bees/9.ppm 1 0"
	assert_equal "$(table d --split all | wc -l)" 9
	for s in train val test all; do assert_equal "$(classes_of d --split $s)" "ants,bees,wasps"; done
	tar cf d.tar d
	assert_equal "$(table d.tar@val | cut -d' ' -f1,2 | sort)" "$(table d@val | cut -d' ' -f1,2 | sort)"
	# a directory around everything is not looked at
	mkdir e
	mv d e
	assert_equal "$(table e@test)" "bees/9.ppm 1 0"
}

@test "a split that is not there" {
	splits d
	rm -r d/test
	run --separate-stderr -2 vit-fetch d@test
	# and it has a val: nothing is to be cut off train
	assert_said "no split test; it has: train val
"
	classes e
	run --separate-stderr -2 vit-fetch e@val
	assert_said "no split val; it has: train; --holdout 10%"
	assert_equal "$(table e@all | wc -l)" 10
	image f/test/a/1.ppm f/test/b/2.ppm
	run --separate-stderr -2 vit-fetch f
	assert_said "no split train; it has: test"
}

@test "only when all folders are splits are they: else they are classes" {
	image d/{train,bus,boat}/1.ppm
	assert_equal "$(classes_of d)" "boat,bus,train"
	# without folders below, these are classes too
	image e/{train,test}/1.ppm
	assert_equal "$(classes_of e)" "test,train"
}

@test "a test split without class folders has no labels" {
	splits d
	rm -r d/test
	image d/test/{7,8}.ppm
	run -0 table d@test
	assert_output "7.ppm - 0
8.ppm - 1"
	run --separate-stderr -0 vit-fetch d@all -o all.vits
	assert_equal "$stderr" "vit-fetch: d: left out: 2 images outside the class folders"
}

@test "images alone have no labels and any split" {
	image d/{b,a}.ppm
	run -0 table d --order source
	assert_output "a.ppm - 0
b.ppm - 1"
	run -0 table d@test
	assert_output "a.ppm - 0
b.ppm - 1"
	run -0 table d/b.ppm d/a.ppm --split all
	assert_output "b.ppm - 0
a.ppm - 1"
	run -0 table - <d/a.ppm
	assert_output "stdin - 0"
	cp d/a.ppm photo
	cp d/a.ppm photo.gif
	assert_equal "$(table photo)" "photo - 0"
	assert_equal "$(table photo.gif)" "photo.gif - 0"
	tar cf d.tar d
	assert_equal "$(table d.tar --split all | cut -d' ' -f1,2 | sort)" "a.ppm -
b.ppm -"
	# one folder that the user did not name is a class
	mkdir e
	mv d e
	assert_equal "$(classes_of e)" "d"
}

@test "what is left out is said in a line" {
	classes d
	: >d/ants/empty.jpg
	: >d/ants/.DS_Store
	mkdir d/ants/__MACOSX d/.git
	echo x >d/ants/Thumbs.db
	echo x >d/desktop.ini
	echo x >d/ants/a.heic
	echo x >d/ants/b.HEIC
	echo x >d/ants/c.gif
	image d/stray.ppm
	run --separate-stderr -0 vit-fetch d -o d.vits
	assert_equal "$stderr" "vit-fetch: d: left out: 3 hidden files, 1 empty file, 2 files that are no images
vit-fetch: d: left out: 2 .heic, 1 .gif, image types that are not read; convert them to JPEG or PNG
vit-fetch: d: left out: 1 image outside the class folders"
	assert_equal "$(table d -q | wc -l)" 10
	quietly vit-fetch -q d -o d.vits
	rm -r d/.git d/ants/__MACOSX
	tar cf d.tar d
	run --separate-stderr -0 vit-fetch d.tar -o t.vits
	assert_said "d.tar: left out: 1 hidden file, 1 empty file, 2 files that are no images"
	assert_said "1 image outside"
	mkdir e
	cp d/ants/*.heic e
	cp d/ants/a.heic e/1.heic
	run --separate-stderr -1 vit-fetch e
	assert_said "e: no image in it that can be read; convert to JPEG or PNG: 2 .heic"
	mkdir f
	run --separate-stderr -1 vit-fetch f
	assert_said "f: no files in it"
}

@test "empty classes stay, from directories and archives" {
	classes d
	mkdir d/cats d/dogs
	echo x >d/dogs/notes.txt
	tar cf d.tar d
	need zip
	zip -qr d.zip d
	for s in d d.tar d.zip; do
		run --separate-stderr -0 classes_of $s
		assert_output "Zebras,ants,bees,cats,dogs"
		assert_said "$s: no images in classes cats, dogs; they stay in the list of classes"
	done
}

@test "a file that is not what its name says is a bad record" {
	classes d
	echo 'GIF89a and so on' >d/ants/1.ppm
	printf '<!DOCTYPE html><html>' >d/bees/1.ppm
	head -c 100 /dev/zero >d/bees/2.ppm
	run --separate-stderr -1 vit-fetch d --order source -o d.vits
	assert_said "is a GIF image, no image that can be read"
	assert_not_exist d.vits
	tar cf d.tar d
	for s in d d.tar; do
		run --separate-stderr -0 vit-fetch $s --order source --max-bad 3 -o d.vits
		assert_said "$s: ants/1.ppm: is a GIF image"
		assert_said "$s: bees/1.ppm: is"
		assert_said "$s: bees/2.ppm: is nothing that is known"
		run -0 vit-show d.vits --json
		assert_output --partial '"records":7,'
		assert_output --partial '"skipped":3}'
	done
}

@test "an image that cannot be had is a bad record, also where it is the first" {
	local as
	need python3
	mkdir d
	image d/a/{1,2}.ppm d/b/3.ppm
	python3 - <<-'end'
		import zipfile
		with zipfile.ZipFile("d.zip", "w") as z:
		    for name in "a/1", "a/2", "b/3":
		        z.write(f"d/{name}.ppm", f"d/{name}.ppm")
		# of a kind of compression that nobody knows
		b = bytearray(open("d.zip", "rb").read())
		b[8:10] = b[(at := b.index(b"PK\x01\x02")) + 10:at + 12] = b"\x55\0"
		open("d.zip", "wb").write(b)
	end
	run --separate-stderr -1 vit-fetch d.zip --order source -o d.vits
	assert_said "a/1.ppm"
	assert_equal "$(table d.zip --order source --max-bad 1 2>said)" "a/2.ppm 0 1
b/3.ppm 1 2"
	assert_file_contains said 'd.zip: d/a/1.ppm: .*, left out'
	((EUID == 0)) && ! command -v setpriv >/dev/null && skip "no setpriv"
	chmod 0 d/a/1.ppm
	chmod 755 "$BATS_TEST_TMPDIR"
	as=(env)
	((EUID == 0)) && as=(setpriv --reuid 65534 --clear-groups)
	"${as[@]}" test -r d/a/2.ppm || skip "others may not come here"
	"${as[@]}" vit-fetch d --order source --max-bad 1 >d.vits 2>said
	assert_file_contains said 'd/a/1.ppm: Permission denied, left out'
	run -0 vit-show d.vits --json
	assert_output --partial '"records":2'
}

@test "odd names: blanks, newlines, UTF-8, bytes that are no text" {
	image $'d/a b/new\nline.ppm' 'd/été/日本.ppm' d/q/$'\xff'.ppm
	run -0 table d --order source
	assert_output 'a b/new\nline.ppm 0 0
q/%FF.ppm 1 1
été/日本.ppm 2 2'
	need zip 7z
	rm d/q/*
	image d/q/2.ppm
	table d --order source >want
	zip -qr d.zip d
	LC_ALL=C.UTF-8 7z a -bso0 d.7z d
	tar --sort=name --format=pax -cf d.tar d
	for s in d.zip d.7z d.tar; do
		table $s | cut -d' ' -f1,2 | sort | cmp - <(cut -d' ' -f1,2 want | sort)
	done
	mv d/q d/$'caf\xe9'
	run --separate-stderr -1 vit-fetch d -o e.vits
	assert_said 'is not UTF-8; rename it'
}

@test "hold-out by ids alone: the same sides from every container" {
	image d/{a,b,c,d}/{1,2,3,4,5,6,7,8,9}.ppm
	tar cf d.tar d
	table d --holdout 25% --split val | cut -d' ' -f1 | sort >val
	table d --holdout 25% | cut -d' ' -f1 | sort >train
	assert_equal "$(sort val train)" "$(table d | cut -d' ' -f1 | sort)"
	[ -s val ] && [ -s train ]
	table d.tar --holdout 25% --split val | cut -d' ' -f1 | sort | cmp val
	# shards are a partition, conditions take lists
	for i in 0 1 2; do table d --shard $i/3; done | sort | cmp - <(table d | sort)
	assert_equal "$(table d --where label=a,c | cut -c1 | sort -u | tr -d '\n')" ac
	run --separate-stderr -2 vit-fetch d --where label=a,z
	assert_said "no such class; there are a, b, c, d"
}

@test "epochs: every one has its order; archives are read again; a directory may change" {
	image d/{a,b}/{1,2,3,4,5,6}.ppm
	tar cf d.tar d
	epochs_of d --epochs 3 >out
	assert_equal "$(wc -l <out)" 36
	refute [ "$(grep ^0 out | cut -c3-)" = "$(grep ^1 out | cut -c3-)" ]
	epochs_of d.tar --epochs 3 >out
	assert_equal "$(grep ^2 out | cut -c3-)" "$(grep ^0 out | cut -c3-)"
	epochs_of - <d.tar --epochs 2 >out
	assert_equal "$(wc -l <out)" 24
	run --separate-stderr -2 vit-fetch d.tar --epochs 3 --shuffle
	assert_said "pipe it through vit-augment --epochs 3 --shuffle"
	# large enough that the pipe holds the program while a file goes away
	for i in 1 2 3 4 5 6; do head -c 300000 /dev/zero >>d/a/$i.ppm; done
	{ vit-fetch d --order source --max-bad 1 2>said || echo failed >said; } | { head -c 10 >/dev/null; rm d/b/6.ppm; cat >rest; }
	grep -q 'd/b/6.ppm' said
}

@test "files that may not be read are bad records" {
	[ "$(id -u)" != 0 ] || skip "root may read everything"
	classes d
	chmod 000 d/ants/1.ppm
	run --separate-stderr -1 vit-fetch d -o d.vits
	assert_said "d/ants/1.ppm: Permission denied"
}

@test "large members, damaged archives, links" {
	classes d
	head -c 100000 /dev/zero >>d/bees/1.ppm
	run --separate-stderr -1 vit-fetch d --max-record 50K -o d.vits
	assert_said "bees/1.ppm: 100023 bytes, at most 51200 are read (--max-record)"
	ln -s ../ants/1.ppm d/bees/link.ppm
	ln -s .. d/bees/up
	run --separate-stderr -0 vit-fetch d -o d.vits
	assert_said "d/bees/up: a link to a directory that it lies in; not followed"
	assert_equal "$(table d -q | wc -l)" 11
	tar czf d.tgz d
	run --separate-stderr -0 vit-fetch d.tgz -o d.vits
	assert_said "d.tgz: 2 links within the archive are not followed"
	head -c 300 d.tgz >cut.tgz
	run --separate-stderr -1 vit-fetch cut.tgz -o c.vits
	assert_not_exist c.vits
}

@test "braces name shards where the shell did not expand them" {
	for i in 08 09 10; do
		image s$i/k/$i.ppm
		tar cf s-$i.tar -C s$i k
	done
	run -0 table 's-{08..10}.tar' --order source
	assert_output "08.ppm - 0
09.ppm - 1
10.ppm - 2"
	run -0 table '{s09,s10}/{k,k}@all' --order source
	assert_equal "$(wc -l <<<"$output")" 4
	assert_line -n 3 "10.ppm - 3"
	run --separate-stderr -1 vit-fetch 's-{08..12}.tar'
	assert_said "s-11.tar: no such file"
	run --separate-stderr -2 vit-fetch '{1..999}{1..999}'
	assert_said "more than 65536 sources"
	# a file of that very name comes first
	mv s09 's{1..2}'
	run -0 table 's{1..2}'
	assert_line "k/09.ppm 0 0"
}

@test "a misspelt data set" {
	run --separate-stderr -1 vit-fetch cifar-10
	assert_said "cifar-10: no such file or data set; did you mean cifar10? (vit-fetch --list"
	run --separate-stderr -1 vit-fetch ./cifar-10
	assert_said "./cifar-10: No such file or directory"
}

@test "10,000 test images of CIFAR-10 as JPEG, 1,000 a class, from the archive" {
	shared cifar10-jpeg.tar.gz
	vit-fetch "$shared" --split test -o test.vits
	run -0 vit-show test.vits
	assert_output --partial "records     10000 (announced: 10000 x 1 epochs)"
	assert_equal "$(grep -cE '^ +[0-9] +[a-z]+ +1000 ' <<<"$output")" 10
}

@test "told to stop while an archive is listed" {
	classes d
	tar cf d.tar d
	mkfifo p
	exec 4<>p
	head -c 5000 d.tar >p
	run --separate-stderr -143 timeout --preserve-status -s TERM 2 vit-fetch p -o out.vits
	exec 4>&-
	assert_not_exist out.vits
}

@test "tars that cat joined are one source; one that is cut between two members is an error" {
	local z
	mkdir one two
	image one/a/1.ppm two/b/2.ppm two/b/3.ppm
	tar cf one.tar -C one a
	tar cf two.tar --sort=name -C two b
	vit-fetch one.tar two.tar --order source >want
	cat one.tar two.tar >both.tar
	vit-fetch both.tar --order source >got
	cmp want got
	for z in gzip bzip2 xz; do
		cat <($z <one.tar) <($z <two.tar) | vit-fetch - --order source >got
		cmp want got
	done
	# a directory, the first image
	head -c 1536 two.tar >cut.tar
	run --separate-stderr -1 vit-fetch cut.tar
	assert_said "cut.tar: the archive is cut"
	run --separate-stderr -1 vit-fetch - <cut.tar
	assert_said "<stdin>: the archive is cut"
	# the remedy; one block is enough for other programs too
	head -c 512 /dev/zero >>cut.tar
	assert_equal "$(table cut.tar)" "2.ppm - 0"
	rm two/b/*.ppm
	tar cf none.tar -C two b
	run --separate-stderr -1 vit-fetch none.tar
	assert_said "none.tar: no files in it"
}

@test "one folder: a class in a directory, nothing in an archive made of it" {
	local s
	need zip
	mkdir d
	image d/ants/{1,2}.ppm
	tar cf d.tar d
	tar cf ants.tar -C d ants
	(cd d && zip -qr ../ants.zip ants)
	# an archive made of "." has the same root as the directory
	tar cf dot.tar -C d .
	for s in d d.tar dot.tar; do
		assert_equal "$(table $s | cut -d' ' -f1,2 | sort)" "ants/1.ppm 0
ants/2.ppm 0"
		assert_equal "$(classes_of $s)" ants
	done
	for s in ants.tar ants.zip; do
		assert_equal "$(table $s | cut -d' ' -f1,2 | sort)" "1.ppm -
2.ppm -"
	done
}

@test "--verify: what is read from front to back too" {
	classes d
	tar cf d.tar d
	vit-fetch d.tar >want
	vit-fetch d.tar --verify >got
	cmp want got
	vit-fetch d.tar --verify --epochs 2 --limit 3 >got
	vit-fetch d.tar --epochs 2 --limit 3 | cmp - got
	# its names were read first, so it is kept
	cat d.tar | vit-fetch - --verify | cmp - want
	# the same of a stream, which is not
	vit-fetch want --verify --order source >got
	cmp <(vit-show --dump <want) <(vit-show --dump <got)
	run --separate-stderr -2 vit-fetch - --verify < <(cat want)
	assert_said "a pipe comes only once; name a file"
	echo nothing >d/bees/2.ppm
	tar cf d.tar d
	run --separate-stderr -1 vit-fetch d.tar --verify
	assert_output ""
	assert_said "--verify: d.tar: bees/2.ppm: "
}

@test "classes whose images all lie a level deeper are asked about" {
	mkdir -p part1/{a,b} part2/{a,b}
	for f in part1/a/1 part1/b/1 part2/a/2 part2/b/2; do printf 'P5 1 1 255 x' >$f.pgm; done
	tar cf part1.tar part1 && tar cf part2.tar part2
	run --separate-stderr vit-fetch part1.tar part2.tar -o s.vits
	assert_success
	assert_equal "$stderr" "vit-fetch: part1.tar: classes are part1, part2, and all images lie in directories below them; where those are the classes, give each part alone"
	quietly vit-fetch part1.tar -o s.vits
	# one image of its own, and it is meant
	printf 'P5 1 1 255 x' >part1/0.pgm
	mkdir d && mv part1 part2 d
	quietly vit-fetch d -o s.vits
}
