/* SPDX-License-Identifier: MIT
 *
 * device.h - the frame's own parts, which together are the backend; files of
 * kernels need none of it.
 *
 *   module.cu   open and close, what there is, the look-up of kernels
 *   memory.cu   blocks, copies that are waited for, errors in words
 *   send.cu     host to device while kernels run
 *   tape.cu     CUDA graphs
 *   lt.cu       cublasLt
 */
#ifndef VIT_CUDA_DEVICE_H
#define VIT_CUDA_DEVICE_H

#include "cuda/cuda.h"

/* CUDA's present device belongs to the thread: at the start of all that follows. */
int cuda_use(const struct vit_dev *) VIT_MUST_CHECK;
/* VIT_EDEVICE while a tape is recorded: what waits or allocates would spoil it. */
int cuda_not_recording(const struct vit_dev *, const char *what) VIT_MUST_CHECK;
/* Until all before this event is done. */
int cuda_wait(cudaEvent_t) VIT_MUST_CHECK;
int cuda_event(cudaEvent_t *) VIT_MUST_CHECK;           /* one to wait for */

/* As backend.h says. */
void *cuda_alloc(struct vit_dev *, size_t, int pinned);
void cuda_free(struct vit_dev *, void *, int pinned);
int cuda_copy(struct vit_dev *, void *to, const void *from, size_t, int dir);
int cuda_sync(struct vit_dev *);
int cuda_send(struct vit_dev *, void *to, const void *from, size_t);
int cuda_record(struct vit_dev *, int on, void **tape);
int cuda_play(struct vit_dev *, void *tape);
void cuda_erase(struct vit_dev *, void *tape);

/* send.cu */
int cuda_stage_open(struct vit_dev *) VIT_MUST_CHECK;
void cuda_stage_close_events(struct vit_dev *);         /* events and stream go before memory */
void cuda_stage_close(struct vit_dev *);

#endif
