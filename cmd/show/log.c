/* SPDX-License-Identifier: MIT
 *
 * log.c - training logs: a table, lines of characters, a picture.
 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

int show_draw(const struct vit_draw **draw)
{
	const struct vit_module *m;
	VIT_TRY(vit_module_open("draw", &m));
	*draw = (const struct vit_draw *)(const void *)m;
	return 0;
}

static int draw_curve(const struct show_config *cfg, const struct vit_curve *c, const char *name)
{
	const struct vit_draw *draw;
	struct vit_output *out;
	VIT_TRY(show_draw(&draw));
	VIT_TRY(vit_output_open(&out, cfg->curve));
	int rc = draw->curve(c, name, out);
	if (!rc)
		return vit_output_commit(out, "", 0);
	vit_output_discard(out);
	return rc;
}

static int may_use_utf8(void)
{
	static const char *const name[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (int i = 0; i < 3; i++) {
		const char *v = getenv(name[i]);
		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return 0;
}

static int describe(struct show *s, const struct vit_curve *c, const char *name, json_t *about)
{
	if (s->cfg->json) {
		json_t *v = vit_curve_json(c);
		json_object_set_new(about, "format", json_string("training log"));
		json_object_update(about, v);
		json_decref(v);
		return show_put_json(s, about);
	}
	VIT_TRY(vit_buf_printf(&s->text, "%s: training log, %zu %s\n", name, c->n, c->by_step ? "steps" : "epochs"));
	return vit_curve_text(&s->text, c, may_use_utf8());
}

int show_log(struct show *s, struct vit_input *in, json_t *about)
{
	struct vit_curve c;
	if (s->cfg->dump)
		return vit_fail(VIT_EFORMAT, "%s: a training log: only the records of a vit stream can be dumped", vit_input_name(in));
	VIT_TRY(vit_curve_read(&c, in));
	int rc = describe(s, &c, vit_input_name(in), about);
	if (rc == 0 && s->cfg->curve)
		rc = draw_curve(s->cfg, &c, vit_input_name(in));
	vit_curve_release(&c);
	return rc;
}
