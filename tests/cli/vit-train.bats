#!/usr/bin/env bats
# vit-train: runs, their repetition, interruption and going on, refusals.

load helper

MODEL=vit:patch=7,dim=16,depth=1,heads=2,mlp=2

setup_file() {
	load helper
	need vit-fetch
	cd "$BATS_FILE_TMPDIR" || return 1
	vit-fetch fashion-mnist --limit 320 --shuffle >one.vits 2>/dev/null || skip "no fashion-mnist"
	vit-fetch fashion-mnist --limit 320 --shuffle --epochs 12 >twelve.vits
	vit-fetch fashion-mnist --split test --limit 100 >test.vits
	export DATA=$BATS_FILE_TMPDIR
}

train() { # OPTION...: a small fixed run
	vit-train --model "$MODEL" --batch-size 32 --lr 2e-3 -j 2 "$@"
}

left() { # files that a test made, temporaries included, but for those of bats
	find . -type f ! -name 'separate-stderr*' -printf '%P\n' | LC_ALL=C sort
}

@test "trains, writes a model, logs epochs, says nothing" {
	quietly train --log log --val "$DATA/test.vits" -o m.vit "$DATA/twelve.vits"
	run vit-show m.vit
	assert_output --partial "fashion-mnist"
	assert_equal "$(grep -c '"event":"epoch"' log)" 12
	assert_equal "$(head -n 1 log | grep -c '"event":"start"')" 1
	assert_equal "$(tail -n 1 log | grep -c '"event":"end"')" 1
	# it learns: the last loss is below the first
	run awk -F'"loss":' '/"epoch"/ { split($2, a, ","); if (!n++) first = a[1]; last = a[1] } END { exit !(last < first - 0.3) }' log
	assert_success
}

@test "the same model from two runs, from a pipe and from a file" {
	quietly train -o a.vit "$DATA/twelve.vits"
	cat "$DATA/twelve.vits" | train >b.vit
	cmp a.vit b.vit
	train --seed 1 -o c.vit "$DATA/twelve.vits"
	run cmp -s a.vit c.vit
	assert_failure
}

@test "killed again and again, the same line gives the same bytes" {
	quietly train --model-ema --val "$DATA/test.vits" --best whole.best -o whole.vit "$DATA/twelve.vits"
	local size kill
	size=$(stat -c %s "$DATA/twelve.vits")
	# each time a little more arrives, then nothing, then the axe
	for kill in 1 3 4 7 9; do
		run bash -c "(head -c $((size * kill / 10)) '$DATA/twelve.vits'; sleep 3) | timeout -s KILL 1.2 vit-train --model $MODEL --batch-size 32 --lr 2e-3 -j 2 \
			--model-ema --val '$DATA/test.vits' --best cut.best --checkpoint c --every 2it --resume -o cut.vit"
		assert_failure 137
		assert_exists c
		assert_not_exists cut.vit
	done
	train --model-ema --val "$DATA/test.vits" --best cut.best --checkpoint c --every 2it --resume -o cut.vit "$DATA/twelve.vits" 2>err
	grep -q "going on from c: step" err
	cmp whole.vit cut.vit
	cmp whole.best cut.best
	assert_exists c~
	# a run that is complete goes on to the same model, too
	train --model-ema --checkpoint c --resume -o again.vit "$DATA/twelve.vits" 2>/dev/null
	cmp whole.vit again.vit
}

@test "a signal: the step is finished, the state kept, nothing left over" {
	quietly train -o whole.vit "$DATA/twelve.vits"
	run --separate-stderr bash -c "(head -c 400000 '$DATA/twelve.vits'; sleep 3) | timeout --preserve-status -s TERM 1 vit-train --model $MODEL --batch-size 32 --lr 2e-3 -j 2 \
		--checkpoint c -o cut.vit; exit \${PIPESTATUS[1]}"
	assert_equal "$status" 143
	assert_said "--resume"
	assert_equal "$(left)" "$(printf 'c\nc~\nwhole.vit')"
	train --checkpoint c --resume -o cut.vit "$DATA/twelve.vits" 2>/dev/null
	cmp whole.vit cut.vit
}

@test "replay of a stream of one epoch, and going on in the middle of it" {
	quietly train --epochs 4 --log log -o whole.vit "$DATA/one.vits"
	assert_equal "$(grep -c '"event":"epoch"' log)" 4
	run bash -c "(head -c 150000 '$DATA/one.vits'; sleep 3) | timeout -s KILL 1 vit-train --model $MODEL --batch-size 32 --lr 2e-3 -j 2 --epochs 4 --checkpoint c --every 1it -o cut.vit"
	assert_failure 137
	train --epochs 4 --checkpoint c --resume -o cut.vit <"$DATA/one.vits" 2>/dev/null
	cmp whole.vit cut.vit
	vit-augment -i "$DATA/one.vits" hflip >flipped.vits
	run --separate-stderr -0 train --epochs 2 -o flipped.vit flipped.vits
	assert_said "random operations"
	run --separate-stderr -2 train --epochs 5 --checkpoint c --resume -o cut.vit "$DATA/one.vits"
	assert_said "--epochs was 4"
}

@test "cut and aborted streams: no model, the checkpoint stays, how to go on is said" {
	head -c 500000 "$DATA/twelve.vits" >cut.vits
	run --separate-stderr -1 train --checkpoint c --every 1it -o m.vit cut.vits
	assert_said "cut.vits"
	assert_said "to go on"
	assert_said "--resume"
	assert_not_exists m.vit
	assert_exists c
	train --checkpoint c --every 1it --resume -o m.vit "$DATA/twelve.vits" 2>/dev/null
	quietly train -o whole.vit "$DATA/twelve.vits"
	cmp whole.vit m.vit
	: >empty
	run --separate-stderr -1 train -o n.vit empty
	assert_not_exists n.vit
}

@test "going on with other options, other samples or nothing" {
	run --separate-stderr -0 train --checkpoint c --every 3it --resume -o m.vit "$DATA/twelve.vits"
	assert_said "starting afresh"
	run --separate-stderr -2 train --checkpoint c --resume --wd 0.1 -o n.vit "$DATA/twelve.vits"
	assert_said "--weight-decay was the default"
	run --separate-stderr -2 train --checkpoint c --resume --seed 4 -o n.vit "$DATA/twelve.vits"
	assert_said "--seed was 0"
	vit-fetch fashion-mnist --limit 320 --shuffle --seed 5 --epochs 12 >other.vits
	run --separate-stderr -1 train --checkpoint c --resume -o n.vit other.vits
	assert_said "the first 3840"
	run --separate-stderr -2 train --checkpoint c --resume -o n.vit "$DATA/test.vits"
	assert_said "the length of the run"
	assert_not_exists n.vit
	run --separate-stderr -2 train --resume -o n.vit "$DATA/twelve.vits"
	assert_said "--checkpoint"
}

@test "lengths: other epochs, steps, and one label in the first batches" {
	run --separate-stderr -2 train --epochs 3 -o m.vit "$DATA/twelve.vits"
	assert_said "12 epochs"
	quietly train --steps 7 --log log -o m.vit "$DATA/twelve.vits"
	run grep -c '"step":7,' log
	assert_output 2
	vit-fetch fashion-mnist --where label=3 --limit 320 >sorted.vits
	run --separate-stderr -0 train -o m.vit sorted.vits
	assert_said "one label"
	run --separate-stderr -2 train --drop-last --batch-size 1000 -o m.vit "$DATA/one.vits"
	assert_said "no full batch"
	run --separate-stderr -2 timeout 20 vit-train --model "$MODEL" --steps 5 --drop-last --batch-size 1000 -o m.vit "$DATA/one.vits"
	assert_said "no full batch"
	quietly train --drop-last --batch-size 100 --val "$DATA/test.vits" --log log2 -o m.vit "$DATA/twelve.vits"
	assert_equal "$(grep -c '"event":"epoch".*"val_top1"' log2)" 12
}

@test "a stream that does not say how long it is; one that says too little" {
	# the count of 320 in the header becomes nil, and 300
	LC_ALL=C sed '1,/count/s/\xa5count\xcd\x01\x40/\xa5count\xc0/' "$DATA/one.vits" >unknown.vits
	LC_ALL=C sed '1,/count/s/\xa5count\xcd\x01\x40/\xa5count\xcd\x01\x2c/' "$DATA/one.vits" >short.vits
	run --separate-stderr -2 train -o m.vit unknown.vits
	assert_said "--steps"
	quietly train --steps 4 -o m.vit unknown.vits
	run --separate-stderr -1 train -o n.vit short.vits
	assert_said "more records in an epoch than the 300"
	assert_not_exists n.vit
}

@test "shards joined on a pipe: the remedies that are named work" {
	local through
	vit-fetch fashion-mnist --limit 128 --shuffle --shard 0/2 >s0
	vit-fetch fashion-mnist --limit 128 --shuffle --shard 1/2 >s1
	cat s0 s1 >joined.vits
	quietly train --epochs 1 -o joined.vit joined.vits
	quietly train --epochs 1 -o operands.vit s0 s1
	for through in cat "vit-augment resize:size=28"; do
		run --separate-stderr -1 bash -o pipefail -c "cat s0 s1 | $through | vit-train --model $MODEL --batch-size 32 -o m.vit"
		assert_said "join them in a file, name each as an operand, or give --steps"
		assert_not_exists m.vit
		quietly bash -o pipefail -c "cat s0 s1 | $through | vit-train --model $MODEL --batch-size 32 --steps 4 --log log -o m.vit"
		assert_file_contains log '"step":4,'
		rm m.vit log
	done
}

@test "usage: nothing to train, types, stdin twice, names that are not there" {
	run --separate-stderr -2 vit-train "$DATA/one.vits" -o m.vit
	assert_said "--model"
	# a device computes in some types, and that is asked before anything is written
	for type in bf16 fp16 tf32; do
		run --separate-stderr -2 train --device cpu --amp "$type" -o m.vit "$DATA/one.vits"
		assert_said "--amp $type: cpu computes in float32 only"
		assert_said "--device cuda"
	done
	printf 'augment:\ntrain:\namp bfloat16\n' >half.txt
	run --separate-stderr -2 train --device cpu --recipe ./half.txt -o m.vit "$DATA/one.vits"
	assert_said "--amp bf16: cpu"
	run --separate-stderr -2 train --amp bf17 -o m.vit "$DATA/one.vits"
	assert_said "none|tf32|bf16|fp16"
	rm half.txt
	assert_equal "$(left)" ""
	run --separate-stderr -2 bash -c "vit-train --model $MODEL --val - -o m.vit <'$DATA/one.vits'"
	assert_said "--val"
	run --separate-stderr -2 train --sched cosin -o m.vit "$DATA/one.vits"
	assert_said "cosine"
	run --separate-stderr -2 train --freeze 'bloks.*' -o m.vit "$DATA/one.vits"
	assert_said "bloks"
	run --separate-stderr -2 vit-train --model vit-tinny/16 -o m.vit "$DATA/one.vits"
	assert_said "vit-tiny/16"
	run --separate-stderr -1 train -o m.vit m-is-not-there.vits
	assert_said "m-is-not-there.vits"
	assert_equal "$(left)" ""
}

@test "a gradient that is not finite: the checkpoint stays before it" {
	local again
	for again in 1 2; do    # going on meets the same step
		run --separate-stderr -1 vit-train --model "$MODEL" --batch-size 32 --lr 100 --warmup 0 --epochs 40 --checkpoint c --every 1it --resume \
			-o m.vit "$DATA/one.vits"
		assert_said "not finite"
		assert_not_exists m.vit
		echo "$stderr" | grep -o 'step [0-9]*: a gradient' >"step$again"
	done
	cmp step1 step2
}

@test "outputs of one name are refused, and runs longer than any" {
	run --separate-stderr -2 train --checkpoint m.vit -o m.vit "$DATA/one.vits"
	assert_said "--checkpoint"
	run --separate-stderr -2 train --checkpoint c --best c --val "$DATA/test.vits" -o m.vit "$DATA/one.vits"
	assert_said "--best"
	run --separate-stderr -2 train --epochs 1000000000 -o m.vit "$DATA/one.vits"
	assert_said "give --steps"
	assert_equal "$(left)" ""
}

@test "full disk and closed reader" {
	run --separate-stderr -1 bash -c "vit-train --model $MODEL --steps 2 '$DATA/one.vits' >/dev/full"
	assert_said "vit-train"
	run --separate-stderr bash -c "vit-train --model $MODEL --steps 2 '$DATA/one.vits' | true; exit \${PIPESTATUS[0]}"
	assert_equal "$status" 1
}

@test "--explain prints size and cost and makes nothing" {
	quietly train --explain -o m.vit "$DATA/twelve.vits"
	assert_output --partial "parameters  3514"
	assert_output --partial "GFLOP"
	assert_output --partial "12 epochs, 120 steps"
	assert_output --partial "precision   float32"
	assert_output --regexp 'memory +[0-9.]+ MiB: activations [0-9.]+, parameters [0-9.]+, optimiser [0-9.]+, batches [0-9.]+'
	run train --explain --val "$DATA/test.vits" "$DATA/twelve.vits"
	assert_output --regexp 'memory .* validation [0-9.]+, batches'
	quietly train --explain --amp none --deterministic "$DATA/twelve.vits"
	assert_equal "$(left)" ""
}

@test "--init: same classes keep the head, frozen parameters stay" {
	quietly train -o a.vit "$DATA/twelve.vits"
	quietly train --init a.vit --steps 3 --freeze 'blocks.*' --freeze 'head.*' -o b.vit "$DATA/twelve.vits"
	# the tensors of a.vit that b.vit has with the same values
	vit-show --dump a.vit | grep '"name"' | sort >a
	vit-show --dump b.vit | grep '"name"' | sort >b
	comm -12 a b >same
	assert_equal "$(grep -c -e blocks -e head same)" "$(grep -c -e blocks -e head a)"
	assert_equal "$(grep -c -e patch_embed -e pos_embed -e '"norm' same)" 0
}

@test "damaged and foreign checkpoints are refused" {
	train --steps 6 --checkpoint c -o m.vit "$DATA/twelve.vits"
	head -c 9000 c >cut
	run --separate-stderr -1 train --steps 6 --checkpoint cut --resume -o n.vit "$DATA/twelve.vits"
	assert_said "checkpoint cut"
	run --separate-stderr -2 train --steps 6 --checkpoint m.vit --resume -o n.vit "$DATA/twelve.vits"
	assert_said "no checkpoint"
	run --separate-stderr -1 train --steps 6 --checkpoint "$DATA/one.vits" --resume -o n.vit "$DATA/twelve.vits"
	assert_said "one.vits"
	assert_not_exists n.vit
}

@test "accumulation: the same step in parts" {
	# masks belong to samples, however a batch is cut
	train --steps 5 --drop 0.2 --attn-drop 0.1 --drop-path 0.3 --log a.log -o a.vit "$DATA/twelve.vits"
	train --steps 5 --drop 0.2 --attn-drop 0.1 --drop-path 0.3 --grad-accum-steps 4 --log b.log -o b.vit "$DATA/twelve.vits"
	loss() { sed -n 's/.*"event":"epoch".*"loss":\([0-9.]*\).*/\1/p' "$1"; }
	run awk -v a="$(loss a.log)" -v b="$(loss b.log)" 'BEGIN { d = a - b; exit !(a > 0 && d < 1e-5 && d > -1e-5) }'
	assert_success
}

@test "what --val scores and what is written are the average" {
	train --model-ema --model-ema-decay 0.98 --val "$DATA/test.vits" --log log -o ema.vit "$DATA/twelve.vits"
	train -o plain.vit "$DATA/twelve.vits"
	loss() { vit-eval --report json "$1" "$DATA/test.vits" | sed -n 's/.*"loss": \([0-9.]*\).*/\1/p'; }
	run awk -v a="$(loss ema.vit)" -v b="$(sed -n 's/.*"val_loss":\([0-9.]*\).*/\1/p' log | tail -n 1)" -v c="$(loss plain.vit)" \
		'BEGIN { exit !(a > 0 && (a - b) ^ 2 < 1e-10 && (a - c) ^ 2 > 1e-6) }'
	assert_success
}

@test "nothing but a model: a small set is passed often, and that is said as options" {
	run --separate-stderr -0 timeout 60 vit-train --model "$MODEL" -j 2 --log log -o m.vit "$DATA/test.vits"
	assert_said "chosen for 100 samples, as not given: --epochs 100 --batch-size 8 --lr 0.00025"
	assert_equal "$(grep -c '"event":"epoch"' log)" 100
	quietly vit-train --model "$MODEL" -j 2 --epochs 100 --batch-size 8 --lr 0.00025 -o same.vit "$DATA/test.vits"
	vit-show --dump m.vit >a
	vit-show --dump same.vit | cmp a
	# what is said stays
	quietly vit-train --model "$MODEL" -j 2 --steps 2 --batch-size 32 -o m.vit "$DATA/test.vits"
	run --separate-stderr -0 vit-train --model "$MODEL" --epochs 1 -o m.vit "$DATA/test.vits"
	assert_said "as not given: --batch-size 8 --lr 0.00025"
}

@test "what is no stream is named with what to do" {
	mkdir photos
	run --separate-stderr -2 train -o m.vit photos
	assert_said "vit-fetch photos | vit-train"
	run --separate-stderr -2 train -o m.vit fashion-mnist
	assert_said "vit-fetch fashion-mnist | vit-train"
	run --separate-stderr -2 vit-train --model "$DATA/one.vits" -o m.vit "$DATA/one.vits"
	assert_said "--init $DATA/one.vits"
	run --separate-stderr -1 train --device cuda:7 -o m.vit "$DATA/one.vits"
	assert_said "device cuda:7"
	refute [ "${stderr/dlopen/}" != "$stderr" ]
	run --separate-stderr -0 vit-train --model vit-tiny/16 --explain "$DATA/one.vits"
	assert_said "--model vit-tiny/7 takes them as they are"
}

@test "--limit: so many records of each epoch, as if the stream had no more" {
	vit-augment -i "$DATA/one.vits" --limit 96 >cut.vits
	quietly train --epochs 3 -o want.vit cut.vits
	quietly train --epochs 3 --limit 96 -o m.vit "$DATA/one.vits"
	vit-show --dump want.vit >want
	vit-show --dump m.vit | cmp want
	quietly bash -o pipefail -c "vit-fetch fashion-mnist --limit 320 --shuffle | vit-train --model $MODEL --batch-size 32 --lr 2e-3 -j 2 --epochs 3 --limit 96 -o p.vit"
	vit-show --dump p.vit | cmp want
	# each epoch of several is cut
	quietly train --limit 96 --log log -o m.vit "$DATA/twelve.vits"
	assert_equal "$(grep -c '"event":"epoch"' log)" 12
	run tail -n 1 log
	assert_output --partial '"step":36,"samples":1152'
	# more than there is changes nothing; other limits are other runs
	quietly train --epochs 1 --limit 9999 --checkpoint c -o m.vit "$DATA/one.vits"
	run --separate-stderr -2 train --epochs 1 --limit 96 --checkpoint c --resume -o m.vit "$DATA/one.vits"
	assert_said "limit"
	run --separate-stderr -2 train --limit 0 -o m.vit "$DATA/one.vits"
	assert_said "--limit 0"
}
