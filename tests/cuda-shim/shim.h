/* SPDX-License-Identifier: MIT
 *
 * shim.h - what libvit/cuda/port.h includes instead of CUDA's headers: the .cu
 * files become C++ that runs on the CPU, every CUDA thread a fiber.
 *
 *   cuda_api.h   the runtime API that the module calls
 *   half.h       bf16, f16
 *   thread.h     what a kernel may do: threadIdx, barriers, shuffles, mma, cp.async
 *   launch.h     LAUNCH
 *   shim_lt.h    cublasLt (included by cuda/lt.h)
 *
 * It is stricter than a card where CUDA leaves things undefined, and as bad as a
 * card may be: fresh memory is 0xff (NaN), cp.async is late, blocks come in
 * any order. Settings in the environment:
 *   VIT_SHIM_ORDER    forward, reverse, shuffled[:SEED]: of blocks, and of threads in a block
 *   VIT_SHIM_STREAMS  now; late: work runs when somebody waits for it; copies: late, but
 *                     copies to the device run at once: what no event holds back overtakes
 *   VIT_SHIM_CARD     90 (227 KiB shared memory a block), 80 (163), 86 (99)
 *   VIT_SHIM_MEMORY   MiB of device memory (8192)
 *   VIT_SHIM_DEVICES  cards (1); 0: none
 *   VIT_SHIM_DRIVER   version of the driver (13000); 0: there is none
 *   VIT_SHIM_LT       all; plain: no epilogue is supported; none: no product is; absent:
 *                     the library cannot be initialised
 */
#ifndef SHIM_H
#define SHIM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
/* a static array could be neither poisoned nor measured */
#define __shared__ _Pragma("GCC error \"shared memory is dynamic: use DYN_SMEM\"")

struct uint3 {
	unsigned x, y, z;
};
struct dim3 {
	unsigned x, y, z;
	constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#include "cuda_api.h"
#include "half.h"
#include "thread.h"
#include "launch.h"

#endif
