/* SPDX-License-Identifier: MIT
 *
 * output.h - where data goes: a file that appears only when complete, or
 * stdout, a FIFO, a device, which are written straight.
 *
 * A regular target is written to a file without a name in the same directory
 * (a hidden one, ".NAME.PID-N.tmp", where the file system has none such), which
 * commit syncs, names and renames: a killed program leaves nothing behind. A symbolic link's target is replaced, not the link; the
 * mode of an existing file is kept, a new one follows the umask. Input and
 * output may be the same file. /dev/stdout and /dev/fd/N are the descriptors
 * themselves, whatever they lead to.
 */
#ifndef VIT_STREAM_OUTPUT_H
#define VIT_STREAM_OUTPUT_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

struct vit_output;

/* `path` NULL or "-" is stdout, called "<stdout>". Fails at once where the
 * directory or an existing file cannot be written (VIT_EIO) or the path is a
 * directory (VIT_EUSAGE); then the output is NULL. */
int vit_output_open(struct vit_output **, const char *path) VIT_MUST_CHECK;
int vit_output_write(struct vit_output *, const void *p, size_t n) VIT_MUST_CHECK;   /* all of it; VIT_EPIPE: reader gone */
const char *vit_output_name(const struct vit_output *);
int vit_output_is_tty(const struct vit_output *);
uint64_t vit_output_tell(const struct vit_output *);

/* Sync, rename and free. `suffix` is appended to the target's name ("" for the
 * target itself; ".rejected" for exit 3). `backup`: keep what the target held
 * as "TARGET~". If only the rename fails, the finished temporary stays and the
 * message names it. */
int vit_output_commit(struct vit_output *, const char *suffix, int backup) VIT_MUST_CHECK;
void vit_output_discard(struct vit_output *);           /* remove the temporary; NULL is fine */

/* Remove every temporary that is still open: async-signal-safe, for the second
 * signal and for exit paths. */
void vit_output_cleanup(void);

#endif
