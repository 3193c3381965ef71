#!/bin/sh
# ptxas.sh FILE SOURCE - what `nvcc -Xptxas -v` said about a file of kernels. A kernel
# that spills registers or keeps an array in local memory is several times as slow
# as it looks, so it fails the build, unless tools/ptxas.allow has a line
#     KERNEL ARCH[,ARCH]... BYTES reason
# for it (KERNEL: part of its mangled name; BYTES: of stack and spills, at most).
# Warnings of the compiler are passed on. No word of ptxas on a file that has kernels
# is a failure too: a wrapper around nvcc may have kept it.
set -eu
grep -vE '^(ptxas info|    [0-9]+ bytes stack frame)|^$' "$1" >&2 || :
kernels=$(grep -c '__global__' "$2" || :)
awk -v kernels="$kernels" -v allow="$(dirname "$0")/ptxas.allow" -v file="$1" '
	BEGIN {
		while ((getline line < allow) > 0)
			if (line !~ /^#/ && split(line, f, " ") >= 4) { kernel[++n] = f[1]; arch[n] = f[2]; most[n] = f[3] }
	}
	/Compiling entry function/ { split($0, q, "\047"); name = q[2]; sm = q[4]; seen = 1 }
	/Function properties for/ { name = $NF }
	/bytes stack frame/ {
		bytes = ($1 > $5 ? $1 : $5)
		if ($9 > bytes) bytes = $9
		if (!bytes) next
		for (i = 1; i <= n; i++)
			if (index(name, kernel[i]) && index("," arch[i] ",", "," sm ",") && bytes <= most[i]) next
		printf "%s: %s (%s): %s\n", file, name, sm, $0
		bad = 1
	}
	END {
		if (!seen && kernels) {
			printf "%s: ptxas said nothing of its kernels; is nvcc wrapped by something that hides it?\n", file
			bad = 1
		}
		exit bad
	}' "$1" >&2
