/* SPDX-License-Identifier: MIT
 *
 * vit_config.c - one table of keys gives the spec's text, the JSON of meta.arch
 * and the struct that build reads.
 */
#include "model/vit_config.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { INT, REAL, FLAG, SIZE, CHOICE };
static const struct key {
	const char *key;
	enum type type;
	size_t at;
	const char *def;        /* NULL: must be said or known from the samples */
	double min, max;
	const char *choices;
} keys[] = {
#define KEY(name, type, def, min, max, choices) { #name, type, offsetof(struct vit_vit_config, name), def, min, max, choices }
	KEY(image, SIZE, NULL, 1, 65536, NULL),
	KEY(patch, SIZE, "4", 1, 4096, NULL),
	KEY(channels, INT, NULL, 1, 16, NULL),
	KEY(classes, INT, NULL, 1, 1e7, NULL),
	KEY(dim, INT, "192", 1, 65536, NULL),
	KEY(depth, INT, "9", 1, 1000, NULL),
	KEY(heads, INT, "3", 1, 1024, NULL),
	KEY(mlp, REAL, "4", 0.01, 64, NULL),
	KEY(pool, CHOICE, "cls", 0, 0, "cls|mean"),
	KEY(class_token, FLAG, NULL, 0, 1, NULL),
	KEY(act, CHOICE, "gelu", 0, 0, "gelu|gelu_tanh"),
	KEY(eps, REAL, "1e-6", 1e-12, 1, NULL),
	KEY(qkv_bias, FLAG, "1", 0, 1, NULL),
	KEY(layer_scale, REAL, "0", 0, 1, NULL),
	KEY(reg_tokens, INT, "0", 0, 5, NULL),
	KEY(no_embed_class, FLAG, "0", 0, 1, NULL),
	KEY(init, CHOICE, "trunc02", 0, 0, "trunc02|fan_in"),
};
enum { N_KEY = sizeof keys / sizeof keys[0] };

static const struct preset {
	const char *line, *spec;        /* what --help shows: name/patch, tab, sizes */
	int size;                       /* image where the samples' does not fit; 0: theirs or none */
} presets[] = {
	{ "vit-tiny/16\tD192 L12 H3 mlp 4", "dim=192,depth=12,heads=3,mlp=4", 224 },
	{ "vit-small/16\tD384 L12 H6 mlp 4", "dim=384,depth=12,heads=6,mlp=4", 224 },
	{ "vit-base/16\tD768 L12 H12 mlp 4", "dim=768,depth=12,heads=12,mlp=4", 224 },
	{ "vit-large/16\tD1024 L24 H16 mlp 4", "dim=1024,depth=24,heads=16,mlp=4", 224 },
	{ "vit-lite/4\tD256 L7 H4 mlp 2", "dim=256,depth=7,heads=4,mlp=2", 0 },
};
enum { N_PRESET = sizeof presets / sizeof presets[0] };

const char *vit_vit_presets(int i)
{
	return i >= 0 && i < N_PRESET ? presets[i].line : NULL;
}

static const struct key *find_key(const char *name, size_t n)
{
	for (int i = 0; i < N_KEY; i++)
		if (strlen(keys[i].key) == n && !strncmp(keys[i].key, name, n))
			return &keys[i];
	return NULL;
}

/* Index of a word in "a|b|c", -1. */
static int64_t choice(const char *choices, const char *word)
{
	size_t n = strlen(word);
	for (int64_t i = 0; *choices; i++) {
		size_t m = strcspn(choices, "|");
		if (m == n && !strncmp(choices, word, n))
			return i;
		choices += m + (choices[m] == '|');
	}
	return -1;
}

/* ---- text to JSON ------------------------------------------------------------------- */

static int bad_value(const struct key *k, const char *value)
{
	if (k->type == CHOICE)
		return vit_fail(VIT_EUSAGE, "model: %s=%s is none of %s", k->key, value, k->choices);
	return vit_fail(VIT_EUSAGE, "model: %s=%s is not %s between %g and %g", k->key, value,
	                k->type == REAL ? "a number" : k->type == SIZE ? "a size N or HxW" : "a whole number", k->min, k->max);
}

static int number(const char *text, const char *stop, double *x, const char **end)
{
	char *e;
	*x = strtod(text, &e);
	*end = e;
	return e != text && strchr(stop, *e) && isfinite(*x);
}

static json_t *value_of(const struct key *k, const char *text)
{
	double a, b;
	const char *end;
	if (k->type == CHOICE)
		return choice(k->choices, text) < 0 ? NULL : json_string(text);
	if (!number(text, k->type == SIZE ? "x" : "", &a, &end))
		return NULL;
	b = a;
	if (*end && !number(end + 1, "", &b, &end))
		return NULL;
	if (a < k->min || a > k->max || b < k->min || b > k->max)
		return NULL;
	if (k->type == REAL)
		return json_real(a);
	if (floor(a) < a || floor(b) < b)
		return NULL;
	if (k->type == SIZE)
		return json_pack("[I,I]", (json_int_t)a, (json_int_t)b);
	return k->type == FLAG ? json_boolean(a > 0) : json_integer((json_int_t)a);
}

static int set(json_t *config, const struct key *k, const char *text)
{
	json_t *v = value_of(k, text);
	if (!v)
		return bad_value(k, text);
	return json_object_set_new(config, k->key, v) ? vit_fail(VIT_ENOMEM, "out of memory") : 0;
}

static int unknown_key(const char *name, size_t n)
{
	char list[256] = "";
	for (int i = 0; i < N_KEY; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? " " : "", keys[i].key);
	return vit_fail(VIT_EUSAGE, "model: vit has no key \"%.*s\"; it has %s", (int)n, name, list);
}

/* "key=value,key=value" over what config has. */
static int set_all(json_t *config, const char *spec)
{
	while (*spec) {
		size_t n = strcspn(spec, ","), eq = strcspn(spec, "=,");
		const struct key *k = find_key(spec, eq);
		char text[64];
		if (!k)
			return unknown_key(spec, eq);
		if (eq == n || n - eq - 1 >= sizeof text)
			return vit_fail(VIT_EUSAGE, "model: %s wants a value, as in %s=%s", k->key, k->key, k->def ? k->def : "32");
		memcpy(text, spec + eq + 1, n - eq - 1);
		text[n - eq - 1] = 0;
		VIT_TRY(set(config, k, text));
		spec += n + (spec[n] == ',');
	}
	return 0;
}

static int set_defaults(json_t *config)
{
	for (int i = 0; i < N_KEY; i++)
		if (keys[i].def && !json_object_get(config, keys[i].key))
			VIT_TRY(set(config, &keys[i], keys[i].def));
	if (json_object_get(config, "class_token"))
		return 0;
	const char *pool = json_string_value(json_object_get(config, "pool"));
	return set(config, find_key("class_token", 11), pool && !strcmp(pool, "mean") ? "0" : "1");
}

static int divides(const json_t *image, const json_t *patch)
{
	for (size_t i = 0; i < 2; i++) {
		json_int_t a = json_integer_value(json_array_get(image, i)), b = json_integer_value(json_array_get(patch, i));
		if (a < 1 || b < 1 || a % b)
			return 0;
	}
	return 1;
}

/* "vit-tiny/16" and what follows its colon; 1: no preset of ours. */
static int parse_preset(const char *spec, json_t *config)
{
	size_t n = strcspn(spec, "/:"), all = strcspn(spec, ":");
	const struct preset *p = presets;
	while (p < presets + N_PRESET && (strcspn(p->line, "/") != n || strncmp(p->line, spec, n)))
		p++;
	if (p == presets + N_PRESET)
		return 1;
	char patch[32] = "";
	if (all > n + 1 && all - n - 1 < sizeof patch) {
		memcpy(patch, spec + n + 1, all - n - 1);
		patch[all - n - 1] = 0;
	}
	if (!*patch)
		return vit_fail(VIT_EUSAGE, "model: %.*s wants its patch size after a slash, as in %.*s", (int)n, spec, (int)strcspn(p->line, "\t"), p->line);
	VIT_TRY(set_all(config, p->spec));
	VIT_TRY(set(config, find_key("patch", 5), patch));
	json_t *known = json_incref(json_object_get(config, "image"));
	int rc = spec[all] ? set_all(config, spec + all + 1) : 0;
	int said = json_object_get(config, "image") != known;
	json_decref(known);
	if (!rc && p->size && !said && !divides(json_object_get(config, "image"), json_object_get(config, "patch")))
		rc = set(config, find_key("image", 5), "224");
	return rc;
}

int vit_vit_parse(const char *spec, json_t *config)
{
	int preset = !strncmp(spec, "vit-", 4);
	if (!preset && *spec && !strchr(spec, '=') && !find_key(spec, strcspn(spec, ",")))
		return 1;
	int rc = preset ? parse_preset(spec, config) : set_all(config, spec);
	if (!rc)
		rc = set_defaults(config);
	if (rc)
		return rc;
	struct vit_vit_config check;
	return vit_vit_config_read(&check, config);
}

/* ---- JSON to numbers ---------------------------------------------------------------- */

static int wrong(const struct key *k)
{
	if (k->type == CHOICE)
		return vit_fail(VIT_EUSAGE, "model: %s is none of %s", k->key, k->choices);
	return vit_fail(VIT_EUSAGE, "model: %s is not %s between %g and %g", k->key,
	                k->type == REAL ? "a number" : k->type == SIZE ? "[H,W]" : "a whole number", k->min, k->max);
}

static int read_int(const struct key *k, const json_t *v, int64_t *to)
{
	if (!json_is_integer(v) && !json_is_boolean(v))
		return wrong(k);
	*to = json_is_integer(v) ? (int64_t)json_integer_value(v) : json_is_true(v);
	return (double)*to < k->min || (double)*to > k->max ? wrong(k) : 0;
}

static int read_key(struct vit_vit_config *c, const struct key *k, const json_t *v)
{
	int64_t *to = (int64_t *)(void *)((char *)c + k->at);
	switch (k->type) {
	case REAL: {
		double x = json_number_value(v);
		if (!json_is_number(v) || !(x >= k->min && x <= k->max))
			return wrong(k);
		memcpy(to, &x, sizeof x);
		return 0;
	}
	case SIZE:
		if (json_array_size(v) != 2)
			return wrong(k);
		VIT_TRY(read_int(k, json_array_get(v, 0), &to[0]));
		return read_int(k, json_array_get(v, 1), &to[1]);
	case CHOICE:
		*to = json_is_string(v) ? choice(k->choices, json_string_value(v)) : -1;
		return *to < 0 ? wrong(k) : 0;
	default:
		return read_int(k, v, to);
	}
}

static int check_patches(const struct vit_vit_config *c)
{
	if (c->image[0] % c->patch[0] == 0 && c->image[1] % c->patch[1] == 0)
		return 0;
	long long low[2], high[2];
	for (int i = 0; i < 2; i++) {
		low[i] = c->image[i] / c->patch[i] * c->patch[i];
		high[i] = c->image[i] % c->patch[i] ? low[i] + c->patch[i] : low[i];
		low[i] = low[i] ? low[i] : high[i];
	}
	return vit_fail(VIT_EUSAGE, "model: patches of %lldx%lld do not divide an image of %lldx%lld; the nearest sizes are image=%lldx%lld and image=%lldx%lld",
	                (long long)c->patch[0], (long long)c->patch[1], (long long)c->image[0], (long long)c->image[1],
	                low[0], low[1], high[0], high[1]);
}

int vit_vit_config_read(struct vit_vit_config *c, const json_t *config)
{
	memset(c, 0, sizeof *c);
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)config, name, value)
		if (strcmp(name, "type") && !find_key(name, strlen(name)))
			return unknown_key(name, strlen(name));
	for (int i = 0; i < N_KEY; i++) {
		const json_t *v = json_object_get(config, keys[i].key);
		if (!v && keys[i].type == SIZE)
			return vit_fail(VIT_EUSAGE, "model: the samples do not say the size of their images, as files do not; "
			                "say image=32, image=224, or whatever they are to be brought to: the cost goes with its square");
		if (!v)
			return vit_fail(VIT_EUSAGE, "model: %s is not known; say %s=%s", keys[i].key, keys[i].key, keys[i].def ? keys[i].def : "N");
		VIT_TRY(read_key(c, &keys[i], v));
	}
	VIT_TRY(check_patches(c));
	if (c->dim % c->heads)
		return vit_fail(VIT_EUSAGE, "model: heads=%lld does not divide dim=%lld", (long long)c->heads, (long long)c->dim);
	if (!c->pool && !c->class_token)
		return vit_fail(VIT_EUSAGE, "model: pool=cls needs the class token; say class_token=1 or pool=mean");
	c->hidden = (int64_t)((double)c->dim * c->mlp);
	if (c->hidden < 1)
		return vit_fail(VIT_EUSAGE, "model: mlp=%g of dim=%lld leaves nothing", c->mlp, (long long)c->dim);
	c->tokens = (c->image[0] / c->patch[0]) * (c->image[1] / c->patch[1]);
	c->prefix = c->class_token + c->reg_tokens;
	return 0;
}
