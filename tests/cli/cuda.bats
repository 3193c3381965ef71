#!/usr/bin/env bats
# The CUDA module's place: found, refused in words, fallen back from, listed,
# never opened unasked. With and without nvcc, with and without a GPU.

load helper

PLUGIN=$BUILD/lib/vit/libvit-cuda.so

plugin() {
	[[ -e $PLUGIN ]] || skip "built without nvcc"
	unset CUDA_VISIBLE_DEVICES
}

has_gpu() {
	[[ $(vit-train --version) == *$'\n'*" cuda:0 "* ]]
}

train() {
	vit-train --model vit:patch=4,dim=16,depth=1,heads=1,mlp=1 --batch-size 16 --lr 0.01 --steps 2 "$@" d.vits
}

data() {
	tiny_idx d
	vit-fetch d >d.vits
}

# A copy of the programs that may have another CUDA module, first on PATH.
copy() {
	mkdir -p t/bin t/lib/vit
	cp "$BUILD"/bin/vit-{train,eval,fetch} t/bin
	cp -P "$BUILD"/lib/libvit.so* t/lib
	cp "$BUILD"/lib/vit/*.so t/lib/vit
	PATH=$PWD/t/bin:$PATH
}

@test "auto without a GPU: one line, and the CPU" {
	plugin
	! has_gpu || skip "there is a GPU"
	data
	train --device cpu -o cpu.vit
	run --separate-stderr -0 train -o auto.vit
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr == "vit-train: no CUDA: no NVIDIA "*"; using the CPU" ]] || fail "$stderr"
	cmp cpu.vit auto.vit
	run --separate-stderr -0 vit-eval cpu.vit d.vits
	[[ ${stderr_lines[0]} == "vit-eval: no CUDA: no NVIDIA "*"; using the CPU" ]] || fail "$stderr"
	quietly train -q -o auto.vit
}

@test "cuda without a GPU: exit 1 with the reason, and nothing is made" {
	plugin
	! has_gpu || skip "there is a GPU"
	data
	train --device cpu -o cpu.vit
	local p
	for p in cuda cuda:0 cuda:3; do
		run --separate-stderr -1 train --device $p -o no.vit
		assert_equal "${#stderr_lines[@]}" 1
		[[ $stderr == "vit-train: device $p: no NVIDIA "* ]] || fail "$stderr"
	done
	run --separate-stderr -1 vit-eval --device cuda cpu.vit d.vits
	assert_said "vit-eval: device cuda: no NVIDIA "
	assert_file_not_exists no.vit
}

@test "a number that no device has, and what is no number" {
	data
	run --separate-stderr -2 train --device cuda:x -o no.vit
	assert_said "--device 'cuda:x' is not auto, cpu, cuda or cuda:N"
	run --separate-stderr -2 train --device cuda: -o no.vit
	plugin
	run --separate-stderr -1 train --device cuda:999 -o no.vit
	has_gpu && assert_said "cuda:0"
	assert_said "device cuda:999: "
	assert_file_not_exists no.vit
}

@test "a GPU that is hidden on purpose is not worth a word" {
	plugin
	data
	local v
	for v in "" -1; do
		export CUDA_VISIBLE_DEVICES=$v
		quietly train -o m.vit
		run --separate-stderr -1 train --device cuda -o no.vit
	done
}

@test "no CUDA module, one of another build, one that is none" {
	data
	copy
	rm -f t/lib/vit/libvit-cuda.so
	unset CUDA_VISIBLE_DEVICES
	quietly train -o m.vit
	run --separate-stderr -1 train --device cuda -o no.vit
	assert_said "this build of vit-tools has no CUDA"
	cp t/lib/vit/libvit-archive.so t/lib/vit/libvit-cuda.so
	run --separate-stderr -0 train -o m.vit
	[[ $stderr == "vit-train: no CUDA: "*"has no symbol vit_module_cuda; using the CPU" ]] || fail "$stderr"
	run --separate-stderr -1 train --device cuda -o no.vit
	assert_said "has no symbol vit_module_cuda"
	run -0 vit-train --version
	assert_line --partial "has no symbol vit_module_cuda"
	plugin
	local id
	id=$(vit-train --version | sed -n 's/.*build \([0-9a-f]*\).*/\1/p')
	LC_ALL=C sed "s/$id/${id//[0-9a-f]/0}/" "$PLUGIN" >t/lib/vit/libvit-cuda.so
	run --separate-stderr -0 train -o m.vit
	assert_said "belongs to another build"
	assert_equal "${#stderr_lines[@]}" 1
	run --separate-stderr -1 train --device cuda -o no.vit
	assert_said "belongs to another build"
}

@test "--version lists devices where there is something to compute" {
	run -0 vit-train --version
	assert_line --regexp '^devices: cpu \(.*, [0-9]+ threads?, '
	run -0 vit-fetch --version
	refute_line --partial "devices"
	plugin
	run -0 vit-eval --version
	if has_gpu; then
		assert_line --regexp '^ +cuda:0 .*, [0-9]+ GiB, sm_[0-9]+'
	else
		assert_line --regexp '^ +cuda: no NVIDIA '
	fi
}

@test "nothing of CUDA is opened unasked" {
	plugin
	data
	opened() { LD_DEBUG=files "$@" 2>&1 >/dev/null | grep -E "file=.*(libvit-cuda|libcublas|libcuda)" | grep -v "$PLUGIN.*needed by"; }
	run ! opened vit-train --help
	run ! opened vit-fetch --version
	run ! opened train --device cpu -o m.vit
	# and not even when it is: half a gigabyte
	run -0 opened vit-train --version
	refute_output --partial cublas
}

@test "the module: one symbol, small, nothing linked that may be missing" {
	plugin
	need nm readelf
	run -0 nm -D --defined-only "$PLUGIN"
	assert_output --regexp '^[0-9a-f]+ [A-Z] vit_module_cuda$'
	run -0 readelf -d "$PLUGIN"
	refute_output --regexp 'NEEDED.*(cublas|cudart|libcuda|stdc)'
	(($(stat -c %s "$PLUGIN") < 5000000)) || fail "$(stat -c %s "$PLUGIN") bytes"
}

@test "cublasLt: where it was looked for is said" {
	plugin
	local nvcc objects=$BUILD/obj/libvit/cuda
	nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
	[[ -x $nvcc && -e $objects/lt.o ]] || skip "no nvcc"
	cat >probe.cc <<-'C'
		#include <stdio.h>
		struct lt;
		int lt_open(struct lt **);
		extern "C" const char *vit_errmsg(void);
		int main(void) { struct lt *l; int rc = lt_open(&l); puts(rc ? vit_errmsg() : "opened"); return rc != 0; }
	C
	"$nvcc" -o probe probe.cc "$objects/lt.o" "$objects/memory.o" -L"$BUILD/lib" -lvit -Xlinker -rpath="$BUILD/lib"
	mkdir empty
	VIT_CUBLASLT=$PWD/empty run -1 ./probe
	assert_output "cublasLt, from VIT_CUBLASLT: $PWD/empty/libcublasLt.so.13: cannot open shared object file: No such file or directory"
	VIT_CUBLASLT=$PWD/probe.cc run -1 ./probe
	assert_output --regexp 'probe.cc: (file too short|invalid ELF header)'
	printf 'unsigned long cublasLtGetVersion(void) { return 120900; }\n' >lt.c
	cc -shared -o empty/libcublasLt.so.13 lt.c
	VIT_CUBLASLT=$PWD/empty run -1 ./probe
	assert_output --partial "the library found lacks cublasLt"
}

@test "the gate: a kernel that spills does not build" {
	local gate=$REPO/tools/ptxas.sh
	echo '__global__ void good(float *);' >k.cu
	cat >good <<-'E'
		ptxas info    : 0 bytes gmem
		ptxas info    : Compiling entry function '_Z4goodPf' for 'sm_90'
		ptxas info    : Function properties for _Z4goodPf
		    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
		ptxas info    : Used 32 registers, used 1 barriers
	E
	quietly "$gate" good k.cu
	sed 's/good/spills/; s/0 bytes spill loads/24 bytes spill loads/' good >spills
	run -1 --separate-stderr "$gate" spills k.cu
	assert_said "spills: _Z4spillsPf (sm_90):"
	sed 's/good/array/; s/0 bytes stack/16 bytes stack/' good >array
	run -1 --separate-stderr "$gate" array k.cu
	cat good array good >all
	run -1 --separate-stderr "$gate" all k.cu
	# silence on kernels is no good word; a file without any has nothing to be said of
	: >none
	run -1 --separate-stderr "$gate" none k.cu
	assert_said "ptxas said nothing"
	quietly "$gate" none none
	# what the compiler says is passed on
	echo 'x.cu(3): warning: of something' >>good
	run -0 --separate-stderr "$gate" good k.cu
	assert_said "x.cu(3): warning: of something"
	# exceptions are for one kernel, one architecture, and so much
	mkdir tools
	cp "$gate" tools
	echo 'arrayPf sm_90 16 a reason' >tools/ptxas.allow
	quietly tools/ptxas.sh array k.cu
	echo 'arrayPf sm_80,sm_90,sm_100 16 a reason' >tools/ptxas.allow
	quietly tools/ptxas.sh array k.cu
	echo 'arrayPf sm_90 8 a reason' >tools/ptxas.allow
	run -1 --separate-stderr tools/ptxas.sh array k.cu
	echo 'arrayPf sm_80 16 a reason' >tools/ptxas.allow
	run -1 --separate-stderr tools/ptxas.sh array k.cu
}

# The shim computes at once, as late as its streams allow, one by one or from
# tapes: the bits are the same.
@test "tapes, sending ahead and waiting for every kernel change no bit" {
	[[ -x $BUILD/shim/bin/vit-train ]] || skip "no shim: make shim"
	data
	PATH=$BUILD/shim/bin:$PATH
	cuda() { vit-train --model vit:patch=4,dim=32,depth=2,heads=2,mlp=2 --batch-size 16 --lr 0.01 --epochs 3 --device cuda "$@" d.vits; }
	local amp
	for amp in none bf16; do
		cuda --amp $amp -o want.vit
		VIT_CUDA_TAPES=0 cuda --amp $amp -o got.vit
		cmp want.vit got.vit
		VIT_CUDA_SYNC=1 cuda --amp $amp -o got.vit
		cmp want.vit got.vit
		VIT_SHIM_STREAMS=late cuda --amp $amp -o got.vit
		cmp want.vit got.vit
		cuda --amp $amp --model-ema --val d.vits --grad-accum-steps 2 -o want.vit
		VIT_CUDA_TAPES=0 VIT_SHIM_STREAMS=late cuda --amp $amp --model-ema --val d.vits --grad-accum-steps 2 -o got.vit
		cmp want.vit got.vit
	done
}
