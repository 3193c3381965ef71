#!/usr/bin/env bats
# --start: a stream that begins in its middle, and a training that goes on with it.

load helper

setup_file() {
	DATA=$BATS_FILE_TMPDIR
	export DATA
	tiny_idx "$DATA/idx" 100
	cd "$DATA" || return 1
	fetch >three.vits
	vit-augment hflip random-crop:padding=2 <three.vits >whole.vits
	train -o whole.vit <whole.vits
	# 68 records of the second epoch, cut inside the one after them
	head -c $((168 * $(stat -c %s whole.vits) / 300)) whole.vits >cut.vits
	run -1 train --checkpoint three.ckpt.vit --every 3it -o no.vit <cut.vits
	run -1 train --checkpoint seven.ckpt.vit --every 7it -o no.vit <cut.vits
}

fetch() {
	vit-fetch "$DATA/idx" --epochs 3 --shuffle "$@"
}

augment() {
	vit-augment hflip random-crop:padding=2 "$@"
}

train() {
	vit-train --model vit:patch=4,dim=16,depth=1,heads=1,mlp=1 --batch-size 16 -j 1 "$@"
}

@test "the same records whoever passes over the others" {
	local s
	for s in 0:5 1 1:32 2:99 2:100; do
		fetch --start "$s" | vit-augment >a
		vit-augment --start "$s" <"$DATA/three.vits" >b
		cmp a b
		# a stream of several epochs as a source, from a file and from a pipe
		fetch --start "$s" | vit-fetch - >a
		vit-fetch --start "$s" "$DATA/three.vits" >b
		cmp a b
		vit-fetch --start "$s" - <"$DATA/three.vits" >b
		cmp a b
	done
	# in the stream's order it is the tail
	vit-fetch "$DATA/idx" --order source --start 0:60 >a
	vit-fetch "$DATA/idx" --order source --skip 60 >b
	cmp <(vit-show --dump a | tail -n +2 | grep -v '"end"') <(vit-show --dump b | tail -n +2 | grep -v '"end"')
}

@test "shards and limits count what they give" {
	fetch --shard 1/3 --limit 50 --start 1:7 | vit-augment >a
	fetch --shard 1/3 --limit 50 | vit-augment --start 1:7 >b
	cmp a b
}

@test "vit-augment's own order and epochs" {
	vit-fetch "$DATA/idx" --order source >one
	vit-augment --epochs 3 --shuffle hflip <one >whole
	vit-augment --epochs 3 --shuffle --start 1:40 hflip <one >part
	cmp <(vit-show --dump whole | tail -n +142 | grep -v '"end"') <(vit-show --dump part | tail -n +2 | grep -v '"end"')
	vit-augment --shuffle=20 hflip <one >whole
	vit-augment --shuffle=20 --start 0:40 hflip <one >part
	cmp <(vit-show --dump whole | tail -n +42 | grep -v '"end"') <(vit-show --dump part | tail -n +2 | grep -v '"end"')
}

@test "a training goes on to the same bytes" {
	local s
	for s in 1:32 1:10 1 0:90; do
		cp "$DATA/three.ckpt.vit" c
		fetch --start "$s" | augment | train --checkpoint c --every 3it --resume -o cut.vit 2>err
		grep -q "only the place is" err
		cmp "$DATA/whole.vit" cut.vit
		cp "$DATA/three.ckpt.vit" c
		rm cut.vit
		augment --start "$s" <"$DATA/three.vits" | train --checkpoint c --every 3it --resume -o cut.vit 2>err
		cmp "$DATA/whole.vit" cut.vit
		rm cut.vit
	done
	# the end of an epoch is where the next one begins
	for s in 0:100 1; do
		cp "$DATA/seven.ckpt.vit" c
		fetch --start "$s" | augment | train --checkpoint c --every 7it --resume -o cut.vit 2>err
		cmp "$DATA/whole.vit" cut.vit
		rm cut.vit
	done
}

@test "cut again, and then given the whole" {
	cp "$DATA/three.ckpt.vit" c
	fetch --start 1:32 | augment >rest.vits
	head -c $((100 * $(stat -c %s rest.vits) / 168)) rest.vits >cut.vits
	run --separate-stderr -1 train --checkpoint c --every 3it --resume -o cut.vit <cut.vits
	assert_said "--start 2:16"
	cp c later
	# what came before the first start was not hashed, what came after it was
	train --checkpoint c --every 3it --resume -o cut.vit <"$DATA/whole.vits" 2>err
	cmp "$DATA/whole.vit" cut.vit
	cp later c
	fetch --seed 5 | augment >other.vits
	run --separate-stderr -1 train --checkpoint c --every 3it --resume -o no.vit <other.vits
	assert_said "have hash"
}

@test "another place or another stream is refused" {
	cp "$DATA/three.ckpt.vit" c
	run --separate-stderr -1 train --checkpoint c --every 3it --resume -o no.vit < <(fetch --start 1:33 | augment)
	assert_said "the checkpoint stands at epoch 1, record 32: that is too late"
	run --separate-stderr -1 train --checkpoint c --every 3it --resume -o no.vit < <(fetch --seed 4 --start 1:32 | augment)
	assert_said "another record comes before that place"
	run --separate-stderr -2 train --checkpoint fresh --resume -o no.vit < <(fetch --start 1:32)
	assert_said "no checkpoint to go on from"
	run --separate-stderr -2 train -o no.vit < <(fetch --start 1:32)
	assert_said "leave --start out"
	run --separate-stderr -1 vit-augment -i <(fetch --start 1:32) -i "$DATA/three.vits"
	assert_said "it comes alone"
	assert_file_not_exists no.vit
}

@test "a start that is not there" {
	run --separate-stderr -2 fetch --start 3
	assert_said "there are 3 epochs, counted from 0"
	run --separate-stderr -2 fetch --start 2:101
	assert_said "an epoch has 100 records"
	run --separate-stderr -2 fetch --start 1:-1
	run --separate-stderr -2 fetch --start 1:
	run --separate-stderr -2 fetch --start x
	run --separate-stderr -2 vit-augment --start 3 <"$DATA/three.vits"
	assert_said "there are 3 epochs, counted from 0"
	run --separate-stderr -2 vit-augment --start 1:101 <"$DATA/three.vits"
	assert_said "epoch 1 has 100 records"
	run --separate-stderr -2 vit-fetch --start 2:101 - <"$DATA/three.vits"
	assert_said "an epoch has 100 records"
	fetch --start 1:32 >part.vits
	run --separate-stderr -2 vit-augment --shuffle=10 <part.vits
	assert_said "give --start to this vit-augment alone"
	run --separate-stderr -2 vit-augment --start 2 <part.vits
	run --separate-stderr -2 vit-fetch --start 2 - <part.vits
	assert_said "begins at record 32 of epoch 1 already"
}
