/* SPDX-License-Identifier: MIT */
/*
 * Caches other than the page cache that can give memory up when it is short. What they hold they count themselves
 * (mem_charge_file()). Kernel lock held.
 */
#ifndef MM_SHRINKER_H
#define MM_SHRINKER_H

#include "lib/list.h"
#include "lib/types.h"

struct shrinker {
	/* Frees about so many bytes of what nobody uses, and counts them; how many. nb */
	u64 (*shrink)(struct shrinker *s, u64 bytes);
	struct list_head node;
};

/* s is the caller's. nb */
void shrinker_add(struct shrinker *s);
void shrinker_del(struct shrinker *s);
/* By reclaim, when the page cache has not enough: what was given. nb */
u64 shrinkers_run(u64 bytes);

#endif
