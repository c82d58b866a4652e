/* SPDX-License-Identifier: MIT */
/*
 * A byte ring of fixed capacity (a power of two), allocated at first use. head and tail run free;
 * their difference is the fill.
 */
#ifndef TTY_RING_H
#define TTY_RING_H

#include <string.h>

#include "lib/alloc.h"
#include "lib/types.h"

struct ring {
	u8 *buf;
	u32 cap, head, tail;
};

static inline u32 ring_len(const struct ring *r)
{
	return r->head - r->tail;
}

static inline u32 ring_room(const struct ring *r)
{
	return r->cap - ring_len(r);
}

static inline bool ring_ready(struct ring *r)
{
	if (!r->buf)
		r->buf = kmalloc(r->cap);
	return r->buf;
}

static inline void ring_clear(struct ring *r)
{
	r->tail = r->head;
}

static inline void ring_free(struct ring *r)
{
	kfree(r->buf);
	r->buf = NULL;
	r->head = r->tail = 0;
}

/* The longest piece at the front that is contiguous in memory. */
static inline u32 ring_front(const struct ring *r, const u8 **p)
{
	u32 at = r->tail & (r->cap - 1);

	*p = r->buf + at;
	return MIN(ring_len(r), r->cap - at);
}

/* Bytes stored: short when there is no room, 0 also without memory. */
static inline u32 ring_put(struct ring *r, const u8 *src, u32 n)
{
	u32 at, first;

	n = MIN(n, ring_room(r));
	if (!n || !ring_ready(r))
		return 0;
	at = r->head & (r->cap - 1);
	first = MIN(n, r->cap - at);
	memcpy(r->buf + at, src, first);
	memcpy(r->buf, src + first, n - first);
	r->head += n;
	return n;
}

/* Bytes taken, up to n. */
static inline u32 ring_get(struct ring *r, u8 *dst, u32 n)
{
	u32 at, first;

	n = MIN(n, ring_len(r));
	if (!n)
		return 0;
	at = r->tail & (r->cap - 1);
	first = MIN(n, r->cap - at);
	memcpy(dst, r->buf + at, first);
	memcpy(dst + first, r->buf, n - first);
	r->tail += n;
	return n;
}

#endif
