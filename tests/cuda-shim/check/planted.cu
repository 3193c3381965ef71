/* SPDX-License-Identifier: MIT
 *
 * planted - run one planted bug: planted NAME; without a name: list them.
 */
#include "planted.h"

cudaStream_t planted_stream(void)
{
	cudaStream_t s;
	if (cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking))
		abort();
	return s;
}

float *planted_zeros(cudaStream_t s, int n)
{
	float *p;
	if (cudaMalloc(&p, (size_t)n * sizeof *p) || cudaMemsetAsync(p, 0, (size_t)n * sizeof *p, s) || cudaStreamSynchronize(s))
		abort();
	return p;
}

int planted_compare(cudaStream_t s, const float *dev, int n, float (*want)(int))
{
	float *host = static_cast<float *>(malloc((size_t)n * sizeof *host));
	int bad = 0;
	if (!host || cudaMemcpyAsync(host, dev, (size_t)n * sizeof *host, cudaMemcpyDeviceToHost, s) || cudaStreamSynchronize(s))
		abort();
	for (int i = 0; i < n && !bad; i++)
		if (host[i] != want(i)) {
			printf("wrong result: %s%g at %d, wanted is %g\n", host[i] != host[i] ? "NaN, " : "", host[i], i, want(i));
			bad = 1;
		}
	free(host);
	return bad;
}

int planted_refused(cudaError_t e)
{
	if (e)
		printf("refused: %s\n", cudaGetErrorString(e));
	return e != cudaSuccess;
}

int main(int argc, char **argv)
{
	const struct planted *const all[] = { planted_memory, planted_threads, planted_streams };
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int k = 0; k < 3; k++)
		for (const struct planted *p = all[k]; p->name; p++) {
			if (argc < 2)
				puts(p->name);
			else if (!strcmp(p->name, argv[1]))
				return p->run();
		}
	if (argc >= 2)
		fprintf(stderr, "planted: no case '%s'\n", argv[1]);
	return argc < 2 ? 0 : 2;
}
