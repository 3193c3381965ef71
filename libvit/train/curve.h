/* SPDX-License-Identifier: MIT
 *
 * curve.h - the learning curve in a training log.
 *
 * A log is what `vit-train --log` writes: one JSON object a line, "event" saying
 * what it is. Used here: {"event":"epoch","epoch":1,"step":N,"loss":x,"top1":x,
 * "lr":x,"val_loss":x,"val_top1":x,"images_per_second":x,"seconds":x}, any
 * number absent; where a log has no epochs, its {"event":"step",...}. top1 is in
 * percent, seconds count from the start of the run.
 */
#ifndef VIT_TRAIN_CURVE_H
#define VIT_TRAIN_CURVE_H

#include "stream/stream.h"

struct vit_point {              /* NAN: not in the log */
	double epoch, step, loss, top1, lr, val_loss, val_top1, images_per_second, seconds;
};
struct vit_curve {
	struct vit_point *point;        /* in order of epoch (or step); a resumed epoch counts once, as logged last */
	size_t n;
	int by_step;                    /* the points are steps: epoch may be NAN */
	json_t *start, *end;            /* the last events of these names; NULL */
};

/* Does a file that begins with these bytes look like a training log? */
int vit_curve_probe(const uint8_t *p, size_t n);
/* Read all of `in`. VIT_EFORMAT names the line. A last line without its newline
 * (a run in progress) may be incomplete. */
int vit_curve_read(struct vit_curve *, struct vit_input *in) VIT_MUST_CHECK;
void vit_curve_release(struct vit_curve *);
/* Table and sparklines for a person. `utf8`: block characters may be used. */
int vit_curve_text(struct vit_buf *, const struct vit_curve *, int utf8) VIT_MUST_CHECK;
/* {"points":[{...}],"start":{},"end":{}}; NULL when memory is short. */
json_t *vit_curve_json(const struct vit_curve *);

#endif
