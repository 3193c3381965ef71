/* SPDX-License-Identifier: MIT
 *
 * launch.h - LAUNCH: arguments are converted to the kernel's parameters and
 * frozen where it stands, as CUDA does; the kernel runs when its stream gets there.
 */
#ifndef SHIM_LAUNCH_H
#define SHIM_LAUNCH_H

#include "cuda_api.h"

#include <tuple>
#include <type_traits>

struct shim_launch {
	const char *name;
	const void *kernel;             /* for its attributes */
	void (*thread)(const void *args);       /* one thread of it */
	dim3 grid, block;
	size_t smem;
};

/* Queue it, with a copy of args. What CUDA would refuse sets the last error. */
void shim_launch(const struct shim_launch *, const void *args, size_t bytes, cudaStream_t);

template<class... P> struct shim_args {
	void (*kernel)(P...);
	std::tuple<P...> values;

	static void thread(const void *args)
	{
		const shim_args *a = static_cast<const shim_args *>(args);
		std::apply(a->kernel, a->values);
	}
};

template<class... P, class... A>
static inline void shim_launch_as(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t smem, cudaStream_t stream, A... arg)
{
	static_assert((std::is_trivially_copyable<P>::value && ...), "kernel parameters are copied by bytes");
	const shim_args<P...> args = { kernel, std::tuple<P...>(static_cast<P>(arg)...) };
	const struct shim_launch l = { name, reinterpret_cast<const void *>(kernel), shim_args<P...>::thread, grid, block, smem };
	shim_launch(&l, &args, sizeof args, stream);
}

#define LAUNCH(kernel, grid, block, smem, stream, ...) shim_launch_as(#kernel, kernel, grid, block, smem, stream, __VA_ARGS__)

#endif
