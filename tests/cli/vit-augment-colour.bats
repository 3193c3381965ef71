# vit-augment: operations on colours, policies, what --list tells.
# shellcheck shell=bash disable=SC2154

load helper

# colours FILE: 30 RGB images of 32x32
colours() {
	need vit-fetch
	local i
	mkdir -p cifar
	for ((i = 0; i < 30; i++)); do
		# shellcheck disable=SC2059
		printf "$(printf '\\x%02x' $((i % 10)))"
		awk -v i=$i 'BEGIN { for (k = 0; k < 3072; k++) printf "%c", 1 + (k * (i + 3) + int(k / 1024) * 60 + i * 7) % 127 }'
	done >cifar/data_batch_1.bin
	vit-fetch cifar -q >"$1"
}

@test "-j1 and -j3 give the same bytes, A B C equals A | B | C" {
	colours in.vits
	ops=(color-jitter:hue=0.1 grayscale auto-contrast equalize invert posterize solarize sharpness rand-augment trivial-augment)
	quietly vit-augment -j1 -i in.vits "${ops[@]}" -o 1.vits
	vit-augment -j3 -i in.vits "${ops[@]}" | cmp - 1.vits
	vit-augment -i in.vits "${ops[@]:0:8}" | vit-augment "${ops[8]}" | vit-augment "${ops[9]}" | cmp - 1.vits
}

@test "each operation changes images, none with p=0" {
	colours in.vits
	pixels() { vit-augment -i in.vits "$1" | vit-show --dump | md5sum; }
	before=$(vit-show --dump in.vits | md5sum)
	for op in color-jitter grayscale auto-contrast equalize invert posterize solarize:threshold=50 sharpness rand-augment trivial-augment; do
		[[ $op == *:* ]] && sep=, || sep=:
		[[ $(pixels "$op${sep}p=1") != "$before" ]] || fail "$op:p=1 changes nothing"
		[[ $(pixels "$op${sep}p=0") == "$before" ]] || fail "$op:p=0 changes images"
	done
}

@test "--list: every operation in a line, its parameters, whose it is, an example that runs" {
	colours in.vits
	quietly vit-augment --list
	assert_line --regexp '^  color-jitter +[a-z]'
	mapfile -t names < <(sed -n '/^operations:/,/^recipes:/s/^  \([a-z-]*\) .*/\1/p' <<<"$output")
	((${#names[@]} >= 16))
	for name in "${names[@]}"; do
		quietly vit-augment --list "$name"
		assert_line --regexp "^$name: [a-z]"
		assert_line --regexp "^  as (torchvision|timm|Pillow) "
		example=$(sed -n 's/^  example: vit-augment //p' <<<"$output")
		[[ $example == "$name" || $example == "$name":* ]]
		# larger than any example's crop
		vit-augment -i in.vits --limit 2 resize:size=300 "$example" -o out.vits || fail "$example"
	done
	quietly vit-augment --list center-crop
	assert_line --regexp '^  size= .*must be given'
	quietly vit-augment --list posterize solarize
	assert_line --regexp '^  bits=4 .*a whole number 0 to 8'
	assert_line --regexp '^  threshold=128 .*a number 0 to 255'
	quietly vit-augment --list finetune
	assert_line "augment:"
	assert_line --partial "  random-resized-crop:size=224"
	assert_line "train:"
	assert_line "  lr 1e-4"
	run --separate-stderr -1 vit-augment --list ./finetune
	assert_said "recipe ./finetune: No such file"
	run --separate-stderr -2 vit-augment --list nope
	assert_said 'no operation or recipe "nope"'
}

@test "what a policy or a jitter cannot be is said" {
	colours in.vits
	run --separate-stderr -2 vit-augment -i in.vits rand-augment:magnitude=31
	assert_said "magnitude=31 is not below bins=31"
	run --separate-stderr -2 vit-augment -i in.vits color-jitter:hue=-0.1
	assert_said "hue is one number from 0"
	run --separate-stderr -1 vit-augment -i in.vits trivial-augment:fill=1/2,bins=2 -o out.vits
	assert_said "3 channels, fill 2 levels"
	assert_not_exist out.vits
}

@test "every recipe is known to vit-augment and vit-train, and runs" {
	need vit-train
	colours in.vits
	mapfile -t recipes < <(cd "$REPO/recipes" && printf '%s\n' *.txt)
	((${#recipes[@]} >= 5))
	quietly vit-augment --list
	for r in "${recipes[@]}"; do
		assert_line --regexp "^  ${r%.txt} +[^ ]"
	done
	for r in "${recipes[@]%.txt}"; do
		vit-augment -i in.vits --limit 8 --recipe "$r" -o out.vits || fail "$r"
		# its own batch size is looked at, not allocated
		vit-train --recipe "$r" --model vit:patch=16,dim=16,depth=1,heads=1,mlp=1 --explain out.vits >/dev/null || fail "$r"
		vit-train -q --recipe "$r" --model vit:patch=16,dim=16,depth=1,heads=1,mlp=1 --batch-size 4 --steps 2 out.vits -o $r.vit || fail "$r"
		assert_exist $r.vit
	done
}

@test "a recipe names no files" {
	need vit-train
	colours in.vits
	for option in output checkpoint best log init val recipe; do
		printf 'augment:\ntrain:\nlr 1e-3\n%s there\n' $option >mine.txt
		run --separate-stderr -2 vit-train --recipe ./mine.txt --model vit-lite/4 in.vits -o out.vit
		assert_said "recipe ./mine.txt: --$option names a file, which a recipe may not do"
		assert_not_exist there
		assert_not_exist out.vit
	done
	# what it sets for the other program is none of vit-augment's business
	vit-augment -i in.vits --recipe ./mine.txt | cmp - in.vits
}

@test "recipes for photographs take files of any size, gray ones too" {
	need vit-train cjpeg
	photos p 4
	photo p/ants/gray.jpg 90 70 90 90 90 1 -grayscale
	for r in finetune imagenet; do
		quietly vit-augment --recipe $r -i <(vit-fetch p) -o out.vits
		quietly vit-show out.vits
		assert_line --regexp 'images +224 x 224 x 3 uint8'
		assert_line --regexp 'records +9 '
		vit-train -q --recipe $r --model vit:patch=32,dim=16,depth=1,heads=1,mlp=1 --batch-size 4 --epochs 1 out.vits -o $r.vit
	done
	quietly vit-eval imagenet.vit p/ants/gray.jpg
}
