/* SPDX-License-Identifier: MIT
 *
 * send.cu - from the host's memory to the device's, in the order of the kernels,
 * while those before it still run.
 *
 * The bytes are put into a pinned buffer at once, so the sender has his back.
 * A large one then travels on a stream of its own to a buffer on the device,
 * and the kernels' stream, when it gets there, moves it to its place: at the
 * device's speed, after the kernels that still read the old ones. A small one
 * (the step block, labels) is not worth two events and goes in one copy.
 *
 * Buffers go round. One is free again when the device has passed its event; only
 * when all are under way does the sender wait, which is what keeps the host
 * from running ahead without end.
 */
#include "cuda/device.h"
extern "C" {
#include "core/mem.h"
}

#include <stdlib.h>
#include <string.h>

enum { SMALL = 32 << 10, N_SMALL = 32, N_LARGE = 4 };

struct slot {
	char *host, *dev;               /* pinned; on the device: large ones only */
	size_t size;
	cudaEvent_t arrived, taken;     /* in the device's buffer; read from it (small: from the host's) */
};

struct cuda_stage {
	cudaStream_t stream;
	struct slot small[N_SMALL], large[N_LARGE];
	unsigned next_small, next_large;
	char *block;                    /* of all small ones */
};

int cuda_stage_open(struct vit_dev *d)
{
	struct cuda_stage *s = d->stage = (struct cuda_stage *)vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	VIT_TRY(cuda_check(cudaStreamCreateWithFlags(&s->stream, cudaStreamNonBlocking)));
	s->block = (char *)cuda_alloc(d, (size_t)N_SMALL * SMALL, 1);
	if (!s->block)
		return VIT_ENOMEM;
	for (int i = 0; i < N_SMALL; i++) {
		s->small[i].host = s->block + (size_t)i * SMALL;
		s->small[i].size = SMALL;
		VIT_TRY(cuda_event(&s->small[i].taken));
	}
	for (int i = 0; i < N_LARGE; i++) {
		VIT_TRY(cuda_event(&s->large[i].arrived));
		VIT_TRY(cuda_event(&s->large[i].taken));
	}
	return 0;
}

static void drop_event(cudaEvent_t *e)
{
	if (*e)
		cudaEventDestroy(*e);
	*e = NULL;
}

void cuda_stage_close_events(struct vit_dev *d)
{
	struct cuda_stage *s = d->stage;
	if (!s)
		return;
	for (int i = 0; i < N_SMALL; i++)
		drop_event(&s->small[i].taken);
	for (int i = 0; i < N_LARGE; i++) {
		drop_event(&s->large[i].arrived);
		drop_event(&s->large[i].taken);
	}
	if (s->stream)
		cudaStreamDestroy(s->stream);
	s->stream = NULL;
}

void cuda_stage_close(struct vit_dev *d)
{
	struct cuda_stage *s = d->stage;
	if (!s)
		return;
	for (int i = 0; i < N_LARGE; i++) {
		cuda_free(d, s->large[i].host, 1);
		cuda_free(d, s->large[i].dev, 0);
	}
	cuda_free(d, s->block, 1);
	free(s);
	d->stage = NULL;
}

/* Nothing of it is under way when this is called. */
static int grow(struct vit_dev *d, struct slot *s, size_t n)
{
	cuda_free(d, s->host, 1);
	cuda_free(d, s->dev, 0);
	s->size = 0;
	s->dev = NULL;
	s->host = (char *)cuda_alloc(d, n, 1);
	if (s->host)
		s->dev = (char *)cuda_alloc(d, n, 0);
	if (!s->dev)
		return vit_wrap(VIT_ENOMEM, "a buffer for what goes to the device");
	s->size = n;
	/* the buffer is zeroed on one stream and filled on the other */
	return cuda_sync(d);
}

static int send_small(struct vit_dev *d, void *to, const void *from, size_t n)
{
	struct slot *s = &d->stage->small[d->stage->next_small++ % N_SMALL];
	VIT_TRY(cuda_wait(s->taken));
	memcpy(s->host, from, n);
	VIT_TRY(cuda_check(cudaMemcpyAsync(to, s->host, n, cudaMemcpyHostToDevice, d->stream)));
	return cuda_check(cudaEventRecord(s->taken, d->stream));
}

static int send_large(struct vit_dev *d, void *to, const void *from, size_t n)
{
	struct cuda_stage *g = d->stage;
	struct slot *s = &g->large[g->next_large++ % N_LARGE];
	VIT_TRY(cuda_wait(s->taken));
	if (s->size < n)
		VIT_TRY(grow(d, s, n));
	memcpy(s->host, from, n);
	VIT_TRY(cuda_check(cudaMemcpyAsync(s->dev, s->host, n, cudaMemcpyHostToDevice, g->stream)));
	VIT_TRY(cuda_check(cudaEventRecord(s->arrived, g->stream)));
	VIT_TRY(cuda_check(cudaStreamWaitEvent(d->stream, s->arrived, 0)));
	VIT_TRY(cuda_check(cudaMemcpyAsync(to, s->dev, n, cudaMemcpyDeviceToDevice, d->stream)));
	return cuda_check(cudaEventRecord(s->taken, d->stream));
}

int cuda_send(struct vit_dev *d, void *to, const void *from, size_t n)
{
	VIT_TRY(cuda_use(d));
	VIT_TRY(cuda_not_recording(d, "sending"));
	if (!n)
		return 0;
	return n <= SMALL ? send_small(d, to, from, n) : send_large(d, to, from, n);
}
