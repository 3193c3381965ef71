/* SPDX-License-Identifier: MIT
 *
 * tape.cu - what the kernels of a run queue, recorded once as a CUDA graph and
 * launched as one from then on.
 *
 * The capture is the thread's: other threads (data, another device) may go on
 * allocating. It ends in any case, or the stream would stay unusable.
 */
#include "cuda/device.h"

static int begin(struct vit_dev *d)
{
	if (!d->tapes)
		return VIT_END;
	VIT_TRY(cuda_not_recording(d, "recording"));
	VIT_TRY(cuda_check(cudaStreamBeginCapture(d->stream, cudaStreamCaptureModeThreadLocal)));
	d->recording = 1;
	return 0;
}

static int end(struct vit_dev *d, void **tape)
{
	cudaGraph_t graph = NULL;
	cudaGraphExec_t exec = NULL;
	d->recording = 0;
	int rc = cuda_check(cudaStreamEndCapture(d->stream, &graph));
	if (rc || !tape)
		goto out;
	rc = cuda_check(cudaGraphInstantiate(&exec, graph, 0));
	/* the first launch would do this otherwise */
	if (!rc)
		rc = cuda_check(cudaGraphUpload(exec, d->stream));
	if (!rc) {
		*tape = exec;
		exec = NULL;
	}
out:
	if (exec)
		cudaGraphExecDestroy(exec);
	if (graph)
		cudaGraphDestroy(graph);
	return rc ? vit_wrap(rc, "recording a tape (VIT_CUDA_TAPES=0 goes without)") : 0;
}

int cuda_record(struct vit_dev *d, int on, void **tape)
{
	VIT_TRY(cuda_use(d));
	return on ? begin(d) : end(d, tape);
}

int cuda_play(struct vit_dev *d, void *tape)
{
	VIT_TRY(cuda_use(d));
	return cuda_check(cudaGraphLaunch((cudaGraphExec_t)tape, d->stream));
}

void cuda_erase(struct vit_dev *d, void *tape)
{
	/* it may be under way */
	if (!tape || cuda_sync(d))
		return;
	if (cudaGraphExecDestroy((cudaGraphExec_t)tape) != cudaSuccess)
		cudaGetLastError();
}
