/* SPDX-License-Identifier: MIT
 *
 * near.h - what may have been meant.
 */
#ifndef VIT_CORE_NEAR_H
#define VIT_CORE_NEAR_H

/* Letters to insert, delete, replace or swap to get from `a` to `b`; 40 for
 * anything longer. */
int vit_text_distance(const char *a, const char *b);

#endif
