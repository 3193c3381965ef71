/* SPDX-License-Identifier: MIT
 *
 * utf8.h - is text what others will take for text?
 */
#ifndef VIT_CORE_UTF8_H
#define VIT_CORE_UTF8_H

#include "core/mem.h"

/* Length 1..4 of the well-formed UTF-8 sequence at p (no overlong forms, no
 * surrogates, at most U+10FFFF); 0: there is none. `n` bytes are there. */
size_t vit_utf8_one(const char *p, size_t n);
/* 1: all n bytes are well-formed. */
int vit_utf8_valid(const char *p, size_t n);
/* Appended to `to`; bytes that are no UTF-8 as %XX, so that names stay apart. VIT_ENOMEM. */
int vit_utf8_escape(struct vit_buf *to, const char *p, size_t n) VIT_MUST_CHECK;

#endif
