/* SPDX-License-Identifier: MIT */
/*
 * Failures on purpose, for tests (Kconfig DEBUG): every n-th allocation, every n-th host call that takes a
 * resource. They begin when init has started: a boot that fails is no news.
 */
#ifndef HOST_INJECT_H
#define HOST_INJECT_H

#include "lib/types.h"

#ifdef CONFIG_DEBUG
void inject_setup(u32 every_malloc, u32 every_call);	/* 0: leave as it is */
void inject_start(void);
bool inject_malloc(void);				/* true: fail */
bool inject_call(void);
#else
static inline void inject_setup(u32 every_malloc, u32 every_call)
{
}

static inline void inject_start(void)
{
}

static inline bool inject_malloc(void)
{
	return false;
}

static inline bool inject_call(void)
{
	return false;
}
#endif

#endif
