/* SPDX-License-Identifier: MIT */
/*
 * Futex queues. A key names a word of memory whoever maps it; computing it from an address
 * is process/futex_key.c's work. A waiter is queued before it looks at the word, so that no wakeup is lost while
 * the look blocks. Kernel lock held; nothing blocks.
 */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include "core/wait.h"
#include "lib/list.h"
#include "lib/types.h"

struct futex_key {
	u64 object, sub;	/* address space, or device and inode of what is mapped shared */
	u64 offset;		/* address, or offset in the object */
};

struct futex_waiter {
	struct list_head node;
	struct futex_key key;
	u32 bitset;
	bool woken;
	struct wait_queue *wq;	/* woken too */
	u32 tid;		/* priority-inheriting locks: who wants it */
};

void futex_queue(struct futex_waiter *w, const struct futex_key *key, u32 bitset, struct wait_queue *wq);
void futex_unqueue(struct futex_waiter *w);	/* idempotent */
int futex_wake_key(const struct futex_key *key, int n, u32 bitset);	/* how many */
/* Wakes up to wake waiters of from and moves up to move others to to: how many in all. */
int futex_requeue_key(const struct futex_key *from, const struct futex_key *to, int wake, int move);

/* The longest waiting one, NULL: none; *more: others wait behind it. Returns borrowed. */
struct futex_waiter *futex_first(const struct futex_key *key, bool *more);
void futex_wake_waiter(struct futex_waiter *w);

#define FUTEX_ANY 0xffffffffu

/*
 * Counts each wish to wake or move waiters. Who read the word when it stood where it stands now was not late: nobody was
 * woken since. Where guest processes can read it, once guest/ has begun.
 */
extern u32 *futex_wakes;

#endif
