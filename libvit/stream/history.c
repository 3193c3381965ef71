/* SPDX-License-Identifier: MIT
 *
 * history.c - how a stream or model came to be: a flat list of entries, each
 * naming those it builds on by digest. No dates, hosts or paths: the same
 * commands give the same bytes.
 */
#include "core/module.h"
#include "stream/wire.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* XXH3-64 of the entry's msgpack, 16 hex digits. `from` is part of the entry,
 * so a digest stands for everything before it too. */
static int digest(const json_t *entry, char hex[17])
{
	struct vit_buf b = { 0 };
	int rc = vit_json_pack(&b, entry);
	if (rc == 0)
		snprintf(hex, 17, "%016llx", (unsigned long long)XXH3_64bits(b.p, b.n));
	vit_buf_release(&b);
	return rc;
}

static int contains(const json_t *list, const json_t *v)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) {
		if (json_equal(item, v))
			return 1;
	}
	return 0;
}

static int check_size(const json_t *history)
{
	struct vit_buf b = { 0 };
	int rc = vit_json_pack(&b, history);
	if (rc == 0 && b.n > VIT_MAX_HISTORY)
		rc = vit_fail(VIT_EFORMAT, "history of %zu bytes: %d at most; shorten the options or join fewer streams", b.n, VIT_MAX_HISTORY);
	vit_buf_release(&b);
	return rc;
}

static int out_of_memory(void)
{
	return vit_fail(VIT_ENOMEM, "out of memory");
}

/* Digests of the entries that no other entry builds on, in order. */
static int heads(const json_t *history, json_t *out)
{
	json_t *used = json_object(), *entry, *d;
	size_t i, j;
	char hex[17];
	int rc = used ? 0 : out_of_memory();
	json_array_foreach(history, i, entry) {
		json_array_foreach(json_object_get(entry, "from"), j, d) {
			if (json_is_string(d))
				json_object_set_new(used, json_string_value(d), json_true());
		}
	}
	json_array_foreach(history, i, entry) {
		if (rc == 0)
			rc = digest(entry, hex);
		if (rc == 0 && !json_object_get(used, hex) && json_array_append_new(out, json_string(hex)))
			rc = out_of_memory();
	}
	json_decref(used);
	return rc;
}

static int append(json_t *history, json_t *entry)
{
	if (contains(history, entry))
		return 0;
	if (json_array_append(history, entry))
		return out_of_memory();
	int rc = check_size(history);
	if (rc)
		json_array_remove(history, json_array_size(history) - 1);
	return rc;
}

int vit_history_add(json_t *history, const char *tool, json_t *options, uint64_t seed)
{
	json_t *from = json_array();
	json_t *entry = json_pack("{s:s,s:s,s:o,s:I,s:O}", "tool", tool, "version", vit_version(), "options",
	                          options ? options : json_object(), "seed", (json_int_t)seed, "from", from);
	int rc = from && entry ? heads(history, from) : out_of_memory();
	if (rc == 0)
		rc = append(history, entry);
	json_decref(entry);
	json_decref(from);
	return rc;
}

int vit_history_merge(json_t *history, const json_t *other)
{
	size_t i, before = json_array_size(history);
	json_t *entry;
	int rc = 0;
	json_array_foreach(other, i, entry) {
		if (rc == 0 && !contains(history, entry) && json_array_append(history, entry))
			rc = out_of_memory();
	}
	if (rc == 0)
		rc = check_size(history);
	while (rc && json_array_size(history) > before)
		json_array_remove(history, json_array_size(history) - 1);
	return rc;
}
