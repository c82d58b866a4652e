/* SPDX-License-Identifier: MIT */
/*
 * The list of caches that can give memory up (shrinker.h).
 */
#include "mm/shrinker.h"

static LIST_HEAD(shrinkers);

void shrinker_add(struct shrinker *s)
{
	list_add_tail(&s->node, &shrinkers);
}

void shrinker_del(struct shrinker *s)
{
	list_del_init(&s->node);
}

u64 shrinkers_run(u64 bytes)
{
	struct shrinker *s;
	u64 done = 0;

	list_for_each(s, &shrinkers, node) {
		if (done >= bytes)
			break;
		done += s->shrink(s, bytes - done);
	}
	return done;
}
