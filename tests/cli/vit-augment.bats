# vit-augment: operations, epochs, order, and what a filter must keep.
# shellcheck shell=bash disable=SC2154

load helper

# samples FILE: 40 images of 8x8
samples() {
	need vit-fetch
	tiny_idx idx
	vit-fetch idx -q >"$1"
}
@test "no operation: the same bytes" {
	samples in.vits
	quietly vit-augment -o out.vits -i in.vits
	cmp in.vits out.vits
	vit-augment <in.vits >same.vits
	cmp in.vits same.vits
}

@test "-j1, -j2 and -j5 give the same bytes" {
	samples in.vits
	for j in 1 2 5; do
		quietly vit-augment -j$j -i in.vits -o $j.vits random-crop:padding=2 hflip random-erasing:p=1,value=pixel
	done
	cmp 1.vits 2.vits
	cmp 1.vits 5.vits
	run cmp -s 1.vits in.vits
	assert_failure
}

@test "A B equals A | B, header and all" {
	samples in.vits
	vit-augment -i in.vits --epochs 2 --shuffle hflip random-crop:padding=2 >one.vits
	vit-augment -i in.vits --epochs 2 --shuffle hflip | vit-augment random-crop:padding=2 >two.vits
	cmp one.vits two.vits
	vit-augment -i in.vits --epochs 2 --shuffle | vit-augment hflip | vit-augment random-crop:padding=2 | cmp - one.vits
	# a size that the header forgets
	vit-augment -i in.vits hflip rotate:degrees=45,expand=1 >one.vits
	vit-augment -i in.vits hflip | vit-augment rotate:degrees=45,expand=1 | cmp - one.vits
}

@test "shards give the records of the whole" {
	need vit-fetch vit-show
	tiny_idx idx
	vit-fetch idx -q | vit-augment random-crop:padding=2 | vit-show --dump | sort >whole
	for i in 0 1 2; do
		vit-fetch idx -q --shard $i/3 | vit-augment random-crop:padding=2 | vit-show --dump
	done | sort | diff - whole
	[[ $(wc -l <whole) == 40 ]]
}

@test "another seed gives other images" {
	samples in.vits
	vit-augment -i in.vits --seed 1 random-crop:padding=2 >1.vits
	vit-augment -i in.vits --seed 2 random-crop:padding=2 >2.vits
	run cmp -s 1.vits 2.vits
	assert_failure
}

@test "--epochs: spooled to a file or in memory, the same bytes and nothing left" {
	samples in.vits
	mkdir spool
	vit-augment -i in.vits --epochs 3 --shuffle hflip >memory.vits
	TMPDIR=$PWD/spool vit-augment -i in.vits --epochs 3 --shuffle --memory 2000 hflip >file.vits
	cmp memory.vits file.vits
	run ls -A spool
	assert_output ""
	quietly vit-show --json memory.vits
	assert_output --partial '"epochs"'
}

@test "an input without a name" {
	run --separate-stderr -1 vit-augment -i "" hflip
	assert_said "the name of an input is empty"
}

@test "a stream of other epochs is refused, of the same passed" {
	samples in.vits
	vit-augment -i in.vits --epochs 3 >3.vits
	run --separate-stderr -2 vit-augment -i 3.vits --epochs 2 -o out.vits
	assert_said "3 epochs already"
	assert_not_exist out.vits
	quietly vit-augment -i 3.vits --epochs 3 -o out.vits
}

@test "--epochs after random operations warns" {
	samples in.vits
	vit-augment -i in.vits hflip >r.vits
	run --separate-stderr -0 vit-augment -i r.vits --epochs 2 -o out.vits
	assert_said "same images"
}

@test "--shuffle=WINDOW keeps every record" {
	samples in.vits
	vit-augment -i in.vits --shuffle=7 -o out.vits
	run cmp -s in.vits out.vits
	assert_failure
	assert_equal "$(vit-show --dump out.vits | grep -o '"id":[^,]*' | sort)" "$(vit-show --dump in.vits | grep -o '"id":[^,]*' | sort)"
	vit-augment -i in.vits --shuffle=7 | cmp - out.vits
}

@test "--shuffle=WINDOW beyond --memory: the same bytes and nothing left" {
	samples in.vits
	mkdir spool
	vit-augment -i in.vits --shuffle=30 -o memory.vits
	for n in 1 900 3000; do
		TMPDIR=$PWD/spool quietly vit-augment -i in.vits --shuffle=30 --memory $n -o file.vits
		cmp memory.vits file.vits
	done
	run ls -A spool
	assert_output ""
}

@test "photographs: decoded late, early or by another program, the same pixels" {
	need vit-fetch vit-show
	photos p 4
	photo p/bees/progressive.jpg 77 61 60 90 200 9 -progressive
	photo p/ants/gray.jpg 50 81 200 80 60 8 -grayscale
	vit-fetch p -q --split all >in.vits
	for op in random-resized-crop:size=32x24 center-crop:size=40 random-crop:size=48,padding=10 resize:size=20x30 rotate:degrees=30; do
		vit-augment -i in.vits --epochs 2 $op hflip | vit-show --dump >late
		vit-augment -i in.vits --epochs 2 decode | vit-augment $op hflip | vit-show --dump | diff - late
		vit-augment -j2 -i in.vits --epochs 2 decode $op hflip | vit-show --dump | diff - late
		[[ $(grep -c '"shape":\[' late) == 20 ]]
	done
	for cpu in scalar avx2; do
		VIT_CPU=$cpu vit-augment -i in.vits random-resized-crop:size=32 hflip gaussian-blur:kernel=5 -o $cpu.vits
	done
	cmp scalar.vits avx2.vits
}

@test "several -i are one stream" {
	samples in.vits
	vit-augment -i in.vits --limit 5 -o a.vits
	quietly vit-augment -i a.vits -i in.vits --limit 45 -o out.vits
	quietly vit-show --json out.vits
	[[ $output =~ \"count\":\ *45 ]]
	run --separate-stderr -1 vit-augment -i in.vits -i nothing.vits
	assert_said "nothing.vits"
}

@test "inputs of several sizes announce their channels" {
	samples in.vits
	vit-augment -i in.vits --limit 3 resize:size=4 -o small.vits
	quietly vit-augment -i in.vits -i small.vits -o both.vits
	quietly vit-show --json both.vits
	assert_output --partial '"shape":null'
	assert_output --partial '"channels":1'
	vit-augment -i both.vits decode -o rgb.vits
	run --separate-stderr -1 vit-augment -i both.vits -i rgb.vits -o out.vits
	assert_said '"channels": 1, then 3'
	vit-augment -i both.vits resize:size=6x6 -o six.vits
	quietly vit-show --json six.vits
	assert_output --partial '"shape":[6,6,1]'
}

@test "inputs that do not agree are refused before anything is written" {
	samples in.vits
	vit-augment -i in.vits --epochs 2 -o 2.vits
	run --separate-stderr -1 vit-augment -i in.vits -i 2.vits -o out.vits
	assert_said "epochs"
	assert_not_exist out.vits
}

@test "what an operation wants is said" {
	samples in.vits
	run --separate-stderr -2 vit-augment -i in.vits center-crop:size=9
	assert_said "9x9 is larger than the image of 8x8"
	run --separate-stderr -2 vit-augment -i in.vits hflip:p=2
	assert_said "p=2 is not a number 0 to 1"
	run --separate-stderr -2 vit-augment -i in.vits flip
	assert_said "there are auto-contrast, "
	run --separate-stderr -2 vit-augment in.vits
	assert_said "name input files with -i"
	run --separate-stderr -2 vit-augment -i in.vits --recipe nope
	assert_said "there are cifar, fashion, "
}

@test "--list" {
	quietly vit-augment --list
	assert_line --partial "random-crop"
	assert_line --partial "fashion"
	quietly vit-augment --list hflip
	assert_line --partial "p=0.5"
	run --separate-stderr -2 vit-augment --list nope
	assert_said "no operation"
}

@test "a recipe is its operations; operands follow it" {
	samples in.vits
	printf '# mine\naugment:\nhflip:p=1\ntrain:\nlr 1\n' >mine.txt
	vit-augment -i in.vits --recipe ./mine.txt random-crop:padding=1 >recipe.vits
	vit-augment -i in.vits hflip:p=1 random-crop:padding=1 | cmp - recipe.vits
	vit-augment -i in.vits --recipe none | cmp - in.vits
	quietly vit-augment -i in.vits --recipe fashion -o fashion.vits
	printf 'augment:\nflop\n' >bad.txt
	run --separate-stderr -2 vit-augment -i in.vits --recipe ./bad.txt
	assert_said "flop"
	printf 'test:\n' >bad.txt
	run --separate-stderr -2 vit-augment -i in.vits --recipe ./bad.txt
	assert_said "line 1"
}

@test "header fields: shape, mean, std, ops" {
	samples in.vits
	vit-augment -i in.vits resize:size=4x6 normalize:mean=.25,std=.5 -o out.vits
	quietly vit-show --json out.vits
	assert_output --partial "resize:size=4x6,interpolation=bilinear,antialias=1"
	assert_output --partial "normalize:mean=0.25,std=0.5"
}

@test "a cut stream: exit 1, no -o, and the last of a pipe tells the first cause" {
	samples in.vits
	head -c 2000 in.vits >cut.vits
	run --separate-stderr -1 vit-augment -i cut.vits hflip -o out.vits
	assert_said "cut"
	assert_not_exist out.vits
	run --separate-stderr -1 bash -o pipefail -c 'vit-augment -i cut.vits hflip 2>/dev/null | vit-augment hflip'
	assert_said "cut.vits"
	: >empty
	run --separate-stderr -1 vit-augment -i empty
	assert_said "empty"
}

@test "a damaged byte shows in the hash: exit 1, no output" {
	samples in.vits
	cp in.vits bad.vits
	printf '\377' | dd of=bad.vits bs=1 seek=2000 conv=notrunc status=none
	run cmp -s in.vits bad.vits
	assert_failure
	run --separate-stderr -1 vit-augment -i bad.vits hflip -o out.vits
	assert_not_exist out.vits
}

@test "--max-bad: bad records are named once and counted, in every epoch" {
	samples in.vits
	vit-augment -i in.vits --limit 3 resize:size=4 -o small.vits
	cat in.vits small.vits >both.vits
	run --separate-stderr -1 vit-augment -i both.vits center-crop:size=5 -o out.vits
	assert_said "record 41 ("
	assert_not_exist out.vits
	run --separate-stderr -1 vit-augment -i small.vits -i in.vits --max-bad 2 center-crop:size=5 -o out.vits
	assert_said "3 bad records"
	assert_not_exist out.vits
	for j in 1 2; do
		run --separate-stderr -0 vit-augment -j$j -i small.vits -i in.vits --max-bad 3 --epochs 2 center-crop:size=5 -o $j.vits
		assert_said "small.vits: record 1 ("
		assert_equal "$(grep -c 'left out' <<<"$stderr")" 3
	done
	cmp 1.vits 2.vits
	assert_equal "$(vit-show --dump 1.vits | grep -c '"id"')" 80
	quietly vit-augment -i 1.vits -o again.vits
	# one that fails in a later epoch is missing from there on: what is there and what is skipped are all
	vit-augment -i in.vits --epochs 4 --max-bad 100% resize:size=16x16 rotate:degrees=45,expand=1 center-crop:size=20 -o turned.vits 2>/dev/null
	vit-show --json turned.vits >turned
	local there skipped
	there=$(sed 's/.*"records":\([0-9]*\).*/\1/' turned)
	skipped=$(sed 's/.*"skipped":\([0-9]*\).*/\1/' turned)
	((there > 0 && skipped > 0))
	assert_equal $((there + skipped)) 160
}

@test "the reader leaves: exit 0 and silence" {
	samples in.vits
	run --separate-stderr -0 bash -o pipefail -c 'vit-augment -i in.vits --epochs 500 hflip | head -c 100 >/dev/null'
	assert_equal "$stderr" ""
}

@test "full disk: exit 1 and the reason" {
	[[ -w /dev/full ]] || skip "no /dev/full"
	samples in.vits
	run --separate-stderr -1 bash -c 'vit-augment -i in.vits hflip >/dev/full'
	assert_said "No space left"
}

@test "input and output may be one file" {
	samples in.vits
	vit-augment -i in.vits hflip -o out.vits
	quietly vit-augment -i in.vits hflip -o in.vits
	cmp in.vits out.vits
}

@test "a signal ends the stream honestly" {
	samples in.vits
	mkfifo pipe
	vit-augment hflip <pipe >out.vits 2>err &
	local pid=$!
	exec 9>pipe
	head -c 3000 in.vits >&9
	sleep 0.3
	kill -TERM $pid
	# not under run: its subshell may not wait for this shell's child
	local rc=0
	wait $pid || rc=$?
	assert_equal $rc 143
	exec 9>&-
	assert_file_empty err
	run --separate-stderr -1 vit-augment -i out.vits -o x.vits
	assert_said "signal 15"
}

@test "what came is given before waiting for more" {
	samples in.vits
	mkfifo pipe
	vit-augment -j2 hflip <pipe >out.vits &
	local pid=$! i
	exec 9>pipe
	head -c 3000 in.vits >&9
	for ((i = 0; i < 50; i++)); do
		[[ $(stat -c %s out.vits) -gt 1500 ]] && break
		sleep 0.1
	done
	((i < 50))
	tail -c +3001 in.vits >&9
	exec 9>&-
	wait $pid
	vit-augment -i in.vits hflip | cmp - out.vits
}
