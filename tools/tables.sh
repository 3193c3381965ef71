#!/bin/sh
# tables.sh library|codec|cuda SOURCE... - write C tables of every plug-in struct the
# sources end in: `const struct vit_KIND vit_KIND_NAME`. Ops are listed twice,
# f32 and f64. "codec", "cuda": those of the module of that name.
set -eu
export LC_ALL=C

names() { # kind: the NAMEs, sorted
	# shellcheck disable=SC2086  # a list of files
	sed -n "s/^const struct vit_$1 vit_$1_\([a-z0-9_]*\) .*/\1/p" $files | sort
}
table() { # kind, array
	for n in $(names "$1"); do echo "extern const struct vit_$1 vit_$1_$n;"; done
	echo "const struct vit_$1 *const $2[] = {"
	for n in $(names "$1"); do echo "	&vit_$1_$n,"; done
	printf '\tNULL,\n};\n\n'
}

what=$1
shift
files=$*
echo '/* written by tools/tables.sh */'
if [ "$what" = codec ]; then
	printf '#include "codec/codec.h"\n\n'
	echo 'extern const struct vit_codec *const vit_codecs[];'
	table codec vit_codecs
	exit 0
fi
if [ "$what" = cuda ]; then
	# addresses alone are wanted, so this needs none of the headers and no nvcc
	# shellcheck disable=SC2086  # a list of files
	ops=$(sed -n 's/^extern "C" const struct cuda_op CUDA_OP(\([a-z0-9_]*\)).*/\1/p' $files | sort)
	echo 'struct cuda_op;'
	for n in $ops; do echo "extern const struct cuda_op cuda_op_$n;"; done
	echo 'extern const struct cuda_op *const cuda_ops[];'
	echo 'const struct cuda_op *const cuda_ops[] = {'
	for n in $ops; do echo "	&cuda_op_$n,"; done
	printf '\t0,\n};\n'
	exit 0
fi
cat <<'H'
#include "augment/augment.h"
#include "format/format.h"
#include "train/train.h"

H
table format vit_formats
table dataset vit_datasets
table augment vit_augments
table arch vit_archs
table sched vit_scheds
# shellcheck disable=SC2086  # a list of files
ops=$(sed -n 's/^const struct vit_op VIT_OP(\([a-z0-9_]*\)).*/\1/p' $files | sort)
for suffix in '' _f64; do
	for n in $ops; do echo "extern const struct vit_op vit_op_$n$suffix;"; done
	echo "const struct vit_op *const vit_ops${suffix}[] = {"
	for n in $ops; do echo "	&vit_op_$n${suffix},"; done
	printf '\tNULL,\n};\n\n'
done
