#!/usr/bin/env bats
# vit-train killed with SIGKILL at random moments, again and again: the bytes of
# the model and of --best are those of an uninterrupted run.

load ../cli/helper

@test "forty random kills" {
	need vit-fetch vit-augment vit-train
	vit-fetch fashion-mnist --limit 2000 --epochs 6 --shuffle 2>/dev/null | vit-augment --recipe fashion >train.vits || skip "no fashion-mnist"
	vit-fetch fashion-mnist --split test --limit 300 >val.vits
	train() {
		vit-train --model vit:patch=7,dim=64,depth=2,heads=2,mlp=2 --batch-size 32 -j 2 --model-ema --model-ema-decay 0.99 \
			--grad-accum-steps 2 --drop 0.1 --drop-path 0.1 --val val.vits "$@" train.vits
	}
	train --best whole.best -o whole.vit
	local i kills=0 pid
	RANDOM=7
	for ((i = 0; i < 40; i++)); do
		train --best cut.best --checkpoint c --every 5it --resume -o cut.vit 2>/dev/null &
		pid=$!
		sleep "0.$((RANDOM % 60 + 20))"
		if kill -9 "$(pgrep -P "$pid" vit-train || echo "$pid")" 2>/dev/null; then
			kills=$((kills + 1))
		fi
		wait "$pid" 2>/dev/null || true
		[[ ! -e cut.vit ]] || break
	done
	echo "$kills kills"
	((kills > 2))
	[[ -e cut.vit ]] || train --best cut.best --checkpoint c --every 5it --resume -o cut.vit 2>/dev/null
	cmp whole.vit cut.vit
	cmp whole.best cut.best
}

@test "kills in a pipe that goes on with --start" {
	need vit-fetch vit-augment vit-train
	[[ -d /usr/share/datasets/fashion-mnist ]] || skip "no fashion-mnist"
	fetch() { vit-fetch fashion-mnist --limit 2000 --epochs 16 --shuffle "$@"; }
	train() { vit-train --model vit:patch=7,dim=64,depth=2,heads=2,mlp=2 --batch-size 32 -j 2 "$@"; }
	fetch | vit-augment --recipe fashion | train -o whole.vit
	local i kills=0 start=0
	RANDOM=3
	for ((i = 0; i < 20; i++)); do
		rm -f pid
		fetch --start "$start" | vit-augment --recipe fashion 2>/dev/null |
			{ echo "$BASHPID" >pid && train --checkpoint c --every 5it --resume -o cut.vit 2>/dev/null; } &
		sleep "0.$((RANDOM % 60 + 20))"
		if pkill -9 -P "$(<pid)" -x vit-train; then
			kills=$((kills + 1))
		fi
		wait || true
		[[ ! -e cut.vit ]] || break
		[[ ! -e c ]] || start=$(vit-show --json c | sed 's/.*"epoch":\([0-9]*\),"in_epoch":\([0-9]*\).*/\1:\2/')
	done
	echo "$kills kills, the last start $start"
	((kills > 2))
	[[ -e cut.vit ]] || fetch --start "$start" | vit-augment --recipe fashion | train --checkpoint c --every 5it --resume -o cut.vit 2>/dev/null
	cmp whole.vit cut.vit
}

@test "three seeds learn" {
	need vit-fetch vit-augment vit-train vit-eval
	local seed
	for seed in 1 2 3; do
		vit-fetch fashion-mnist --limit 12800 --epochs 6 --shuffle --seed "$seed" | vit-augment --recipe fashion --seed "$seed" |
			vit-train --recipe fashion --seed "$seed" --model vit:patch=7,dim=64,depth=2,heads=2,mlp=2,init=fan_in -o "$seed.vit"
		quietly vit-eval --min-top1 72% -o "$seed.txt" "$seed.vit" - < <(vit-fetch fashion-mnist --split test)
	done
}
