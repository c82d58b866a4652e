/* SPDX-License-Identifier: MIT */
/*
 * Reference counts. They trap on use after the last put. Atomic, so that a reference may
 * be dropped from any host thread.
 */
#ifndef LIB_REFCOUNT_H
#define LIB_REFCOUNT_H

#include "lib/types.h"

struct refcount {
	int n;
};

static inline void ref_init(struct refcount *r)
{
	r->n = 1;
}

static inline void ref_get(struct refcount *r)
{
	if (__atomic_fetch_add(&r->n, 1, __ATOMIC_RELAXED) <= 0)
		__builtin_trap();
}

/* True when this was the last reference: the caller frees the object. */
static inline bool ref_put(struct refcount *r)
{
	int old = __atomic_fetch_sub(&r->n, 1, __ATOMIC_ACQ_REL);

	if (old <= 0)
		__builtin_trap();
	return old == 1;
}

static inline int ref_read(const struct refcount *r)
{
	return __atomic_load_n(&r->n, __ATOMIC_RELAXED);
}

#endif
