/* SPDX-License-Identifier: MIT
 *
 * port.h - what a kernel may use of CUDA, and the only place with inline PTX.
 *
 * The same .cu files are compiled by nvcc, and by g++ against tests/cuda-shim,
 * which runs every CUDA thread as a fiber. So, in kernels:
 * - launch with LAUNCH only; shared memory is dynamic, by DYN_SMEM, one per
 *   kernel and cut by hand (the shim poisons it; static arrays it cannot see);
 * - warp operations, barriers and mma below, nothing else of the hardware:
 *   __syncthreads __syncwarp __shfl_sync __shfl_xor_sync __shfl_down_sync
 *   __ballot_sync; threadIdx blockIdx blockDim gridDim;
 * - f32 functions of C: fabsf fmaxf fminf fmaf expf exp2f logf log2f sqrtf
 *   rsqrtf erff tanhf powf; double ones are for a few values a step;
 * - no atomics: sums have one order.
 */
#ifndef VIT_CUDA_PORT_H
#define VIT_CUDA_PORT_H

#include <stdint.h>

#if defined(VIT_CUDA_SHIM)

#include "shim.h"

static inline int afresh(int x) { return x; }
static inline float exp2_fast(float x) { return exp2f(x); }

template<class T> static inline uint32_t shim_pack(T lo, T hi)
{
	union { T v[2]; uint32_t u; } x;
	x.v[0] = lo;
	x.v[1] = hi;
	return x.u;
}
static inline uint32_t pack_16(float lo, float hi, bf16) { return shim_pack(__float2bfloat16(lo), __float2bfloat16(hi)); }
static inline uint32_t pack_16(float lo, float hi, f16) { return shim_pack(__float2half(lo), __float2half(hi)); }

#else

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

typedef __nv_bfloat16 bf16;
typedef __half f16;

/* A template with a comma in its name goes in parentheses. */
#define LAUNCH(kernel, grid, block, smem, stream, ...) kernel<<<grid, block, smem, stream>>>(__VA_ARGS__)
#define DYN_SMEM(type, name) \
	extern __shared__ __align__(128) unsigned char vit_smem[]; \
	type *name = reinterpret_cast<type *>(vit_smem)

static __device__ __forceinline__ uint32_t smem_address(const void *p)
{
	return (uint32_t)__cvta_generic_to_shared(p);
}

/* x, as if the compiler had not seen it: what is computed from it is computed
 * here, and takes no registers between an earlier place and this one. */
static __device__ __forceinline__ int afresh(int x)
{
	asm volatile("" : "+r"(x));
	return x;
}

/* 2^x within 2 units in the last place, one instruction where exp2f takes four;
 * a result that is not normal is 0 (PTX ISA, ex2.approx.ftz). -inf gives 0. */
static __device__ __forceinline__ float exp2_fast(float x)
{
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}

/* Both rounded to the type of the last argument, to nearest even, lo in the lower
 * half: one instruction where two conversions and a merge are three (PTX ISA,
 * cvt to packed formats: the first source becomes the upper half). */
static __device__ __forceinline__ uint32_t pack_16(float lo, float hi, bf16)
{
	uint32_t y;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo));
	return y;
}

static __device__ __forceinline__ uint32_t pack_16(float lo, float hi, f16)
{
	uint32_t y;
	asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo));
	return y;
}

/* D[16x8] += A[16x16] B[16x8], f32 sums; lane l holds, with g = l / 4, t = l % 4:
 *   a[0] A[g][2t..], a[1] A[g+8][2t..], a[2] A[g][2t+8..], a[3] A[g+8][2t+8..]
 *   b[0] B[2t..][g], b[1] B[2t+8..][g];  d[0,1] D[g][2t..], d[2,3] D[g+8][2t..]
 * (PTX ISA, mma.m16n8k16). The lower half of a register is the lower index. */
static __device__ __forceinline__ void mma_16816(float *d, const uint32_t *a, const uint32_t *b, bf16)
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
	             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

static __device__ __forceinline__ void mma_16816(float *d, const uint32_t *a, const uint32_t *b, f16)
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
	             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Four 8x8 matrices of 16-bit elements from shared memory: lane l gives the row
 * address (16-byte aligned) of row l % 8 of matrix l / 8, and gets of matrix k
 * in r[k] row l / 4, elements 2 (l % 4) and the next; _t: of the transposed one. */
static __device__ __forceinline__ void ldmatrix_x4(uint32_t *r, const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(smem_address(row)) : "memory");
}

static __device__ __forceinline__ void ldmatrix_x4_t(uint32_t *r, const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(smem_address(row)) : "memory");
}

/* 16 bytes to shared memory while the thread goes on. Visible to it after
 * cp_async_wait<n>, which leaves the n youngest groups under way; to others
 * after a barrier that follows. */
static __device__ __forceinline__ void cp_async_16(void *smem, const void *from)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" :: "r"(smem_address(smem)), "l"(from) : "memory");
}

static __device__ __forceinline__ void cp_async_commit(void)
{
	asm volatile("cp.async.commit_group;\n" ::: "memory");
}

template<int n> static __device__ __forceinline__ void cp_async_wait(void)
{
	asm volatile("cp.async.wait_group %0;\n" :: "n"(n) : "memory");
}

#endif
#endif
