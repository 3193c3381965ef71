#!/bin/bash
# headers.sh CXX - the shim's declarations beside CUDA's own: every value, size and
# signature. Ends with status 77 where there are no CUDA headers.
set -u -o pipefail
here=$(dirname "$0")
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
include=$(dirname "$(dirname "$(readlink -f "$nvcc")")")/include
[ -e "$include/cublasLt.h" ] || { echo 'no CUDA headers'; exit 77; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
"$1" -std=c++17 -DVIT_CUDA_SHIM -I"$here/.." -o "$dir/ours" "$here/print_api.cpp" || exit
"$1" -std=c++17 -I"$include" -o "$dir/theirs" "$here/print_api.cpp" || exit
"$dir/ours" >"$dir/ours.txt" && "$dir/theirs" >"$dir/theirs.txt" || exit
diff "$dir/ours.txt" "$dir/theirs.txt"
bad=$(diff "$dir/ours.txt" "$dir/theirs.txt" | grep -c '^<')
echo "$(($(wc -l <"$dir/ours.txt") - bad)) passed, $bad failed"
[ "$bad" = 0 ]
