/* SPDX-License-Identifier: MIT */
/*
 * Counting towards the next failure.
 */
#include "host/inject.h"

#ifdef CONFIG_DEBUG
struct countdown {
	u32 every, count;
};

static struct countdown mallocs, calls;
static bool started;

void inject_setup(u32 every_malloc, u32 every_call)
{
	if (every_malloc)
		mallocs.every = every_malloc;
	if (every_call)
		calls.every = every_call;
}

void inject_start(void)
{
	__atomic_store_n(&started, true, __ATOMIC_RELAXED);
}

static bool next(struct countdown *c)
{
	if (!c->every || !__atomic_load_n(&started, __ATOMIC_RELAXED))
		return false;
	return __atomic_add_fetch(&c->count, 1, __ATOMIC_RELAXED) % c->every == 0;
}

bool inject_malloc(void)
{
	return next(&mallocs);
}

bool inject_call(void)
{
	return next(&calls);
}
#endif
