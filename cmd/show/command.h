/* SPDX-License-Identifier: MIT
 *
 * command.h - what vit-show is made of: a part for each kind of file.
 */
#ifndef CMD_SHOW_COMMAND_H
#define CMD_SHOW_COMMAND_H

#include "cli/cli.h"
#include "draw/draw.h"
#include "vit.h"

struct show_config {
	struct cli_common common;
	int json, dump;
	const char *curve, *grid;
};

/* What is written at the end of one file, or as its records pass. */
struct show {
	struct show_config *cfg;
	struct vit_output *out;
	struct vit_buf text;
	int rows, columns;              /* of --grid */
};

/* These return 0 or a VIT_ code. `in` belongs to the caller but for show_stream(),
 * which takes it over; `about` is the object for --json, with "file" in it. */
int show_stream(struct show *, struct vit_input *in, json_t *about);
int show_log(struct show *, struct vit_input *in, json_t *about);
int show_other(struct show *, struct vit_input **in, json_t *about);    /* whatever else it is */
int show_source(struct show *, const char *path, const char *what, json_t *about);      /* directory or archive, by vit-fetch's eyes */
int show_image(struct show *, struct vit_input *in, const char *what, json_t *about);

/* The contact sheet of all operands; an exit status. */
int show_grid(struct show *, int argc, char **argv);

int show_put_json(struct show *, const json_t *);
int show_flush(struct show *);

/* The rest of `in` in memory. VIT_EFORMAT beyond 1 GiB. */
int show_whole(struct vit_buf *, struct vit_input *in);

/* The module "draw". */
int show_draw(const struct vit_draw **);

#endif
