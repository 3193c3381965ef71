/* SPDX-License-Identifier: MIT
 *
 * stream.c - streams of samples and models: summed up, or record by record.
 */
#include "command.h"

#include "stream/show.h"

#include <stdlib.h>

/* Names come from the file: none of them may drive the terminal. JSON escapes
 * them itself. */
static void disarm(struct vit_buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((b->p[i] < 32 && b->p[i] != '\n') || b->p[i] == 127)
			b->p[i] = '?';
}

int show_flush(struct show *s)
{
	disarm(&s->text);
	int rc = s->text.n ? vit_output_write(s->out, s->text.p, s->text.n) : 0;
	s->text.n = 0;
	return rc;
}

int show_put_json(struct show *s, const json_t *v)
{
	char *line = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(9));
	int rc = line ? vit_buf_printf(&s->text, "%s\n", line) : vit_fail(VIT_ENOMEM, "out of memory");
	free(line);
	return rc ? rc : s->text.n >= 64 << 10 ? show_flush(s) : 0;
}

static int dump(struct show *s, struct vit_reader *r)
{
	const uint8_t *raw;
	size_t n;
	int rc = 0, kind = vit_reader_header(r)->kind;
	int64_t left = s->cfg->common.limit;
	while (left != 0 && (rc = vit_reader_next(r, &raw, &n)) == 0) {
		json_t *v;
		rc = vit_show_record(&v, kind, raw, n);
		if (rc)
			return vit_reader_fail(r, rc, NULL, "%s", vit_errmsg());
		rc = show_put_json(s, v);
		json_decref(v);
		if (rc)
			return rc;
		left -= left > 0;
	}
	return rc == VIT_END ? 0 : rc;
}

static int summary(struct show *s, struct vit_reader *r, json_t *about)
{
	const char *packed = json_string_value(json_object_get(about, "compression"));
	json_object_set_new(about, "format", json_string("vit stream"));
	int rc = vit_show_stream(r, about);
	if (s->cfg->json) {
		if (rc)
			json_object_set_new(about, "error", json_string(vit_errmsg()));
		VIT_TRY(show_put_json(s, about));
		return rc;
	}
	/* what was found before the damage is worth seeing; the message comes last */
	char *words = rc ? vit_strdup(vit_errmsg()) : NULL;
	int text_rc = vit_buf_printf(&s->text, "%s: %s (vit stream, version 1%s%s)\n", vit_input_name(vit_reader_input(r)),
	                             json_string_value(json_object_get(about, "kind")), packed ? ", in " : "", packed ? packed : "");
	if (!text_rc)
		text_rc = vit_show_text(&s->text, about);
	if (words)
		vit_fail(rc, "%s", words);
	free(words);
	return rc ? rc : text_rc;
}

int show_stream(struct show *s, struct vit_input *in, json_t *about)
{
	struct vit_reader *r;
	VIT_TRY(vit_reader_open(&r, in, &(struct vit_reader_opt){ .max_record = (size_t)s->cfg->common.max_record }));
	int rc = s->cfg->dump ? dump(s, r) : summary(s, r, about);
	vit_reader_close(r);
	return rc;
}
