/* SPDX-License-Identifier: MIT */
/*
 * Random bytes for kernel and guest: one door, so that a seeded kernel can be made
 * deterministic later. Never blocks.
 */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include "lib/types.h"

void random_bytes(void *buf, size_t n);
u64 random_u64(void);

#endif
