/* SPDX-License-Identifier: MIT */
/*
 * Futex queues: a hash table of waiters in order of arrival.
 */
#include "core/futex.h"

#define BUCKETS 256

static struct list_head table[BUCKETS];
static u32 wakes_unseen;
u32 *futex_wakes = &wakes_unseen;

static void note_wake(void)
{
	__atomic_store_n(futex_wakes, *futex_wakes + 1, __ATOMIC_SEQ_CST);
}

static struct list_head *bucket(const struct futex_key *k)
{
	u64 h = (k->object ^ k->sub ^ (k->offset >> 2)) * 0x9e3779b97f4a7c15ULL;
	struct list_head *b = &table[h >> 56];

	if (!b->next)
		list_init(b);
	return b;
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->offset == b->offset && a->object == b->object && a->sub == b->sub;
}

void futex_queue(struct futex_waiter *w, const struct futex_key *key, u32 bitset, struct wait_queue *wq)
{
	w->key = *key;
	w->bitset = bitset;
	w->woken = false;
	w->wq = wq;
	list_add_tail(&w->node, bucket(key));
}

void futex_unqueue(struct futex_waiter *w)
{
	list_del_init(&w->node);
}

void futex_wake_waiter(struct futex_waiter *w)
{
	note_wake();
	list_del_init(&w->node);
	w->woken = true;
	wake_up_all(w->wq);
}

int futex_wake_key(const struct futex_key *key, int n, u32 bitset)
{
	struct list_head *b = bucket(key);
	struct futex_waiter *w, *tmp;
	int done = 0;

	note_wake();
	list_for_each_safe(w, tmp, b, node) {
		if (!same(&w->key, key) || !(w->bitset & bitset))
			continue;
		futex_wake_waiter(w);
		if (++done >= n)
			break;
	}
	return done;
}

int futex_requeue_key(const struct futex_key *from, const struct futex_key *to, int wake, int move)
{
	struct list_head *b = bucket(from);
	struct futex_waiter *w, *tmp;
	int done = 0;

	note_wake();
	list_for_each_safe(w, tmp, b, node) {
		if (!same(&w->key, from))
			continue;
		if (done >= wake + move)
			break;
		if (done++ < wake) {
			futex_wake_waiter(w);
		} else if (!same(from, to)) {
			list_del_init(&w->node);
			w->key = *to;
			list_add_tail(&w->node, bucket(to));
		}
	}
	return done;
}

struct futex_waiter *futex_first(const struct futex_key *key, bool *more)
{
	struct futex_waiter *w, *first = NULL;

	*more = false;
	list_for_each(w, bucket(key), node) {
		if (!same(&w->key, key))
			continue;
		if (first) {
			*more = true;
			break;
		}
		first = w;
	}
	return first;
}
