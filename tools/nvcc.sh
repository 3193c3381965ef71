#!/bin/sh
# nvcc.sh - print the CUDA compiler to build with: on PATH or in the toolkit's
# usual place, of CUDA 12 or later (whose graphs and headers are used). Nothing
# where there is none; one line on stderr where it is too old.
command -v "${CXX:-g++}" >/dev/null || exit 0
for nvcc in "$(command -v nvcc)" /usr/local/cuda/bin/nvcc; do
	[ -x "$nvcc" ] || continue
	release=$("$nvcc" --version | sed -n 's/.*release \([0-9]*\)\..*/\1/p')
	if [ "${release:-0}" -ge 12 ]; then
		echo "$nvcc"
		exit
	fi
	echo "$nvcc is of CUDA ${release:-?}, 12 or later is wanted: building without CUDA" >&2
done
