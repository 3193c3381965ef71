/* SPDX-License-Identifier: MIT */
#include "stream/join.h"

#include "stream/wire.h"

#include <stdlib.h>
#include <string.h>

struct vit_join {
	struct vit_reader **reader;
	int n, at;
	struct vit_header header;
};

static const char *name_of(struct vit_reader *r)
{
	return vit_input_name(vit_reader_input(r));
}

/* Two shards of one stream differ in their number. */
static int check_shard(const struct vit_join *j, int i)
{
	const json_t *mine = json_object_get(vit_reader_header(j->reader[i])->meta, "shard");
	for (int k = 0; mine && !json_is_null(mine) && k < i; k++)
		if (json_equal(mine, json_object_get(vit_reader_header(j->reader[k])->meta, "shard")))
			return vit_fail(VIT_EMISMATCH, "%s: the same shard as %s", name_of(j->reader[i]), name_of(j->reader[k]));
	return 0;
}

static int open_one(struct vit_join *j, const char *path, size_t max_record)
{
	struct vit_reader_opt opt = { .max_record = max_record, .kind = VIT_SAMPLES };
	struct vit_input *in;
	VIT_TRY(vit_input_open(&in, path));
	VIT_TRY(vit_reader_open(&j->reader[j->n], in, &opt));
	j->n++;
	if (j->n == 1)
		return vit_header_copy(&j->header, vit_reader_header(j->reader[0]));
	const struct vit_header *h = vit_reader_header(j->reader[j->n - 1]);
	int rc = vit_segment_agrees(&j->header, h);
	if (rc)
		return vit_wrap(rc, "%s", name_of(j->reader[j->n - 1]));
	return check_shard(j, j->n - 1);
}

/* What all inputs announce of their images: a size, channels, or neither. */
static int common_shape(const struct vit_join *j, int64_t shape[3])
{
	for (int i = 1; i < j->n; i++) {
		struct vit_meta next;
		VIT_TRY(vit_meta_read(&next, vit_reader_header(j->reader[i])));
		if (next.shape[0] != shape[0] || next.shape[1] != shape[1])
			shape[0] = shape[1] = 0;
		if (next.shape[2] != shape[2])
			shape[2] = 0;
		vit_meta_release(&next);
	}
	return 0;
}

/* What the joined stream announces. */
static int sum_up(struct vit_join *j)
{
	struct vit_meta meta;
	VIT_TRY(vit_meta_read(&meta, &j->header));
	int64_t sum = 0;
	for (int i = 0; i < j->n; i++) {
		int64_t count = vit_reader_announced(j->reader[i]);
		sum = count < 0 || sum < 0 || count > INT64_MAX - sum ? -1 : sum + count;
	}
	int rc = 0;
	for (int i = 0; i < j->n && !rc; i++)
		rc = vit_reader_history(j->reader[i], j->header.history);
	/* one input of one segment keeps its header to the letter */
	if (!rc && (j->n > 1 || sum != meta.count)) {
		meta.count = sum;
		rc = common_shape(j, meta.shape);
		if (meta.n_shard == j->n)
			meta.n_shard = 0;
		if (rc == 0)
			rc = vit_meta_write(&meta, &j->header);
	}
	vit_meta_release(&meta);
	return rc;
}

int vit_join_open(struct vit_join **out, const char *const *path, int n, size_t max_record)
{
	struct vit_join *j = vit_calloc(1, sizeof *j);
	if (!j)
		return VIT_ENOMEM;
	j->reader = vit_calloc((size_t)n, sizeof *j->reader);
	int rc = j->reader ? 0 : VIT_ENOMEM;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = open_one(j, path[i], max_record);
	if (rc == 0)
		rc = sum_up(j);
	if (rc)
		vit_join_close(j);
	else
		*out = j;
	return rc;
}

void vit_join_close(struct vit_join *j)
{
	if (!j)
		return;
	for (int i = 0; i < j->n; i++)
		vit_reader_close(j->reader[i]);
	vit_header_release(&j->header);
	free(j->reader);
	free(j);
}

const struct vit_header *vit_join_header(const struct vit_join *j)
{
	return &j->header;
}

int vit_join_next(struct vit_join *j, const uint8_t **raw, size_t *n)
{
	for (; j->at < j->n; j->at++) {
		int rc = vit_reader_next(j->reader[j->at], raw, n);
		if (rc != VIT_END)
			return rc;
	}
	return VIT_END;
}

struct vit_reader *vit_join_reader(const struct vit_join *j)
{
	return j->reader[j->at < j->n ? j->at : j->n - 1];
}

uint64_t vit_join_skipped(const struct vit_join *j)
{
	uint64_t sum = 0;
	for (int i = 0; i < j->n; i++)
		sum += vit_reader_skipped(j->reader[i]);
	return sum;
}

void vit_join_on_wait(struct vit_join *j, void (*fn)(void *), void *ctx)
{
	for (int i = 0; i < j->n; i++)
		vit_input_on_wait(vit_reader_input(j->reader[i]), fn, ctx);
}
