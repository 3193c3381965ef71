/* SPDX-License-Identifier: MIT */
#include "format/encoded.h"

#include "core/utf8.h"
#include "image/decode.h"

#include <string.h>

int vit_encoded_id(struct vit_record *r, struct vit_buf *buf, const char *name, size_t n)
{
	buf->n = 0;
	VIT_TRY(vit_utf8_escape(buf, name, n));
	r->id = (struct vit_str){ (const char *)buf->p, buf->n };
	return 0;
}

int vit_encoded_image(struct vit_record *r, const char *where, const uint8_t *p, size_t n)
{
	const char *type = vit_image_type(p, n), *what = type ? NULL : vit_magic(p, n);
	if (!type)
		return vit_fail(VIT_ERECORD, "%s: %.*s: is %s, no image that can be read", where, (int)r->id.n, r->id.p,
		                what ? what : "nothing that is known");
	r->encoded = (struct vit_str){ (const char *)p, n };
	r->type = (struct vit_str){ type, strlen(type) };
	return 0;
}
