/* SPDX-License-Identifier: MIT
 *
 * partial.h - a file that is on its way: PATH.part, which is also its lock.
 */
#ifndef VIT_FORMAT_PARTIAL_H
#define VIT_FORMAT_PARTIAL_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

struct vit_partial {
	char *path, *part, *from;       /* the target, PATH.part, PATH.part.from */
	int fd;                         /* of PATH.part, locked; -1: closed */
	int64_t have;                   /* its bytes */
	int pieces;                     /* transfers they came in; a part found there counts as one */
	/* of these bytes: digest of the URL and the server's validator; "": not known */
	char origin[65], validator[256];
};

/* Make the folders, open and lock the part. While another process holds it `wait`
 * is called ten times a second; its nonzero ends the waiting and is returned.
 * VIT_END: the target is there; nothing is open then. */
int vit_partial_open(struct vit_partial *, const char *path, int (*wait)(void *ctx), void *ctx) VIT_MUST_CHECK;
/* Forget what came; the next bytes are those of this version. */
int vit_partial_restart(struct vit_partial *, const char *origin, const char *validator) VIT_MUST_CHECK;
/* Append. A full disk is said with what helps. */
int vit_partial_write(struct vit_partial *, const void *p, size_t n) VIT_MUST_CHECK;
/* VIT_EIO when the disk has less than `need` bytes free. */
int vit_partial_room(const struct vit_partial *, int64_t need) VIT_MUST_CHECK;
/* Synced and given its name; closed. */
int vit_partial_finish(struct vit_partial *) VIT_MUST_CHECK;
/* Unlock. A part without a byte is removed, any other stays. */
void vit_partial_close(struct vit_partial *);

#endif
