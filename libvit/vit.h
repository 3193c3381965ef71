/* SPDX-License-Identifier: MIT
 *
 * vit.h - the public API of libvit: what programs and plug-ins include.
 *
 * Every function returns 0, VIT_END or a negative code and leaves a message
 * (core/err.h); the library never prints and never exits.
 */
#ifndef VIT_H
#define VIT_H

#include "augment/augment.h"
#include "format/format.h"
#include "model/model.h"
#include "stream/stream.h"
#include "train/feed.h"
#include "train/train.h"

#endif
