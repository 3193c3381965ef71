/* SPDX-License-Identifier: MIT
 *
 * csv_row.h - rows and fields of a CSV file (RFC 4180).
 *
 * Rows end in LF or CRLF, a quoted field may hold delimiters, newlines and, as
 * "", quotes. Around a field that is not quoted, spaces are not part of it.
 */
#ifndef VIT_FORMAT_CSV_ROW_H
#define VIT_FORMAT_CSV_ROW_H

#include "core/mem.h"

enum { VIT_CSV_FIELDS = 256 };
struct vit_csv_field {
	const char *p;
	size_t n;
	int doubled;                    /* some "" stands for a quote */
};
struct vit_csv {
	const char *p, *end;            /* the text that is left */
	char delimiter;
	int64_t line;                   /* of p, from 1 */
	/* the row read last */
	int64_t row_line;
	const char *row;
	int n;
	struct vit_csv_field field[VIT_CSV_FIELDS];
};
/* A UTF-8 byte-order mark is passed over; the delimiter is whichever of comma,
 * tab and semicolon the first row has most of. VIT_EFORMAT: no UTF-8 text. */
int vit_csv_open(struct vit_csv *, const void *p, size_t n) VIT_MUST_CHECK;
/* The next row that is not blank. VIT_END; VIT_EFORMAT names the line. */
int vit_csv_next(struct vit_csv *) VIT_MUST_CHECK;
/* Field `i`, "" where the row is shorter; in the text itself or in `buf`. */
int vit_csv_text(const struct vit_csv *, int i, struct vit_buf *buf, const char **p, size_t *n) VIT_MUST_CHECK;

#endif
