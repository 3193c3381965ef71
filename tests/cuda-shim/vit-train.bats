#!/usr/bin/env bats
# Mixed precision from end to end: vit-train and vit-eval with --amp, on the CUDA
# module that runs on the CPU.

load ../cli/helper

MODEL=vit:patch=4,dim=32,depth=2,heads=2,mlp=2,init=fan_in

setup_file() {
	load ../cli/helper
	cd "$BATS_FILE_TMPDIR" || return 1
	[[ -x $BUILD/shim/bin/vit-train ]] || skip "no shim: make shim"
	tiny_idx data 48
	vit-fetch data --split train --shuffle >s.vits
	export DATA=$BATS_FILE_TMPDIR
}

train() { # OPTION...
	"$BUILD/shim/bin/vit-train" --model "$MODEL" --batch-size 16 --lr 2e-3 --device cuda --deterministic "$@" "$DATA/s.vits"
}

losses() { # LOG
	sed -n 's/.*"event":"epoch".*"loss":\([0-9.]*\).*/\1/p' "$1"
}

near() { # LOG LOG: losses of epochs, 1 % apart at most, falling by a third
	paste <(losses "$1") <(losses "$2") |
		awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 0.01 * $1) bad = 1; if (!n++) first = $2 } END { exit bad || !(3 * $2 < 2 * first) }'
}

@test "16 bits learn what float32 does; model files are float32" {
	local run=(--limit 16 --epochs 20 --lr 5e-3 --smoothing 0)
	train "${run[@]}" --amp none --log none -o none.vit
	for type in tf32 bf16 fp16; do
		train "${run[@]}" --amp "$type" --log "$type" -o "$type.vit"
		near none "$type" || fail "$type: $(losses "$type") against $(losses none)"
		grep -q "\"amp\":\"$type\"" "$type"
		assert_equal "$(vit-show --dump "$type.vit" | grep -c float32)" "$(vit-show --dump none.vit | grep -c float32)"
	done
	run ! cmp -s bf16.vit fp16.vit
	run ! cmp -s bf16.vit none.vit
}

@test "--amp bfloat16 is bf16, and another one is refused when going on" {
	train --epochs 2 --amp bf16 --checkpoint c -o m.vit
	run --separate-stderr -0 train --epochs 2 --amp bfloat16 --checkpoint c --resume -o m.vit
	run --separate-stderr -2 train --epochs 2 --amp fp16 --checkpoint c --resume -o m.vit
	assert_said "--amp was bf16"
	run --separate-stderr -2 train --epochs 2 --checkpoint c --resume -o m.vit
	assert_said "--amp was bf16 in the run that wrote the checkpoint and is the default now"
}

@test "fp16: an interrupted run ends in the same bytes, average and loss scale too" {
	local run=(--epochs 3 --amp fp16 --model-ema --model-ema-decay 0.8 --clip-grad 1 --drop-path 0.2 --every 5it)
	train "${run[@]}" -o a.vit --log a
	# the checkpoint before the last is of step 5 of 9
	train "${run[@]}" --checkpoint c -o b.vit
	mv c~ c
	train "${run[@]}" --checkpoint c --resume -o c.vit --log c.log
	cmp a.vit b.vit
	cmp a.vit c.vit
	assert_equal "$(grep -o '"loss_scale":[0-9.]*' a | tail -n 1)" "$(grep -o '"loss_scale":[0-9.]*' c.log | tail -n 1)"
}

@test "--explain: half the activations, and copies of the parameters" {
	run train --epochs 3 --explain --batch-size 64 --limit 64
	assert_output --partial "precision   float32"
	all=$(sed -n 's/.*activations \([0-9.]*\),.*/\1/p' <<<"$output")
	run train --epochs 3 --explain --batch-size 64 --limit 64 --amp bf16
	assert_output --partial "precision   bfloat16"
	assert_output --partial "products 32.0"
	half=$(sed -n 's/.*activations \([0-9.]*\),.*/\1/p' <<<"$output")
	awk -v a="$all" -v h="$half" 'BEGIN { exit !(h < 0.62 * a && h > 0.4 * a) }'
}

@test "too little memory: what was wanted, what there is, what takes less; nothing is written" {
	VIT_SHIM_MEMORY=31 run --separate-stderr -1 train --epochs 1 -o no.vit
	assert_said "device cuda: cuda:0 has no room for 0.03 GiB: 0.03 of its 0.03 GiB are free"
	VIT_SHIM_MEMORY=33 run --separate-stderr -1 train --epochs 1 --batch-size 48 --model vit:patch=4,dim=128,depth=2,heads=2 -o no.vit
	assert_said "too little memory, a smaller --batch-size or --recompute takes less: "
	[ ! -e no.vit ]
	VIT_SHIM_MEMORY=64 train --epochs 1 --batch-size 48 --model vit:patch=4,dim=128,depth=2,heads=2 -o yes.vit
}

@test "vit-eval --amp: nearly the same answers" {
	train --epochs 3 -o m.vit
	for type in none bf16 fp16; do
		"$BUILD/shim/bin/vit-eval" --device cuda --amp "$type" --report json m.vit "$DATA/s.vits" >"$type.json"
	done
	for type in bf16 fp16; do
		python3 -c '
import json, sys
a, b = (json.load(open(f)) for f in sys.argv[1:])
assert abs(a["loss"] - b["loss"]) < 0.02 * a["loss"], (a["loss"], b["loss"])
assert a["loss"] != b["loss"]
' none.json "$type.json"
	done
}

@test "kill -9 at any moment, --resume: the same bytes" {
	local run=(--epochs 8 --model-ema --model-ema-decay 0.9 --grad-accum-steps 2 --every 1it) type p
	for type in none bf16; do
		train "${run[@]}" --amp "$type" -o want.vit
		rm -f c c~
		train "${run[@]}" --amp "$type" --checkpoint c -o got.vit &
		p=$!
		# the second checkpoint: the first is on its way to c~
		while [[ ! -e c~ ]] && kill -0 $p; do sleep 0.02; done
		kill -9 $p
		wait $p || true
		assert_file_not_exists got.vit
		train "${run[@]}" --amp "$type" --checkpoint c --resume -o got.vit
		cmp want.vit got.vit
		rm got.vit
	done
}

@test "what CUDA trained the CPU reads, and answers alike" {
	local type
	for type in none tf32 bf16 fp16; do
		train --epochs 6 --lr 5e-3 --amp "$type" -o m.vit
		vit-eval --device cpu --predict m.vit "$DATA/s.vits" >cpu
		"$BUILD/shim/bin/vit-eval" --device cuda --predict m.vit "$DATA/s.vits" >cuda
		assert_equal "$(wc -l <cuda)" 48
		# id, class, probability of the best
		paste cpu cuda | awk -F '\t' -v n="$(head -1 cpu | awk -F '\t' '{ print NF }')" '
			{ d = $3 - $(n + 3); if (d < 0) d = -d; if ($1 != $(n + 1) || $2 != $(n + 2) || d > 1e-3) { print; bad = 1 } } END { exit bad }'
	done
}
