/* SPDX-License-Identifier: MIT
 *
 * utf8.h - is text what others will take for text?
 */
#ifndef VIT_CORE_UTF8_H
#define VIT_CORE_UTF8_H

#include <stddef.h>

/* Length 1..4 of the well-formed UTF-8 sequence at p (no overlong forms, no
 * surrogates, at most U+10FFFF); 0: there is none. `n` bytes are there. */
size_t vit_utf8_one(const char *p, size_t n);
/* 1: all n bytes are well-formed. */
int vit_utf8_valid(const char *p, size_t n);

#endif
