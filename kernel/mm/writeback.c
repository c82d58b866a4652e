/* SPDX-License-Identifier: MIT */
/*
 * When dirty pages are written: when they are old (dirty_expire_centisecs), when there are many of them
 * (dirty_background_ratio), and when somebody asks. A writer waits when there are far too many (dirty_ratio).
 * Objects with dirty pages stand in a list, oldest first; one thread works on it.
 */
#include "mm/pcpriv.h"

#include "core/log.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/time.h"

#define NSEC_PER_CSEC (10 * NSEC_PER_MSEC)
#define TURN 4096			/* pages of one object before the next has its turn */
#define LIMITS_AGE (100 * NSEC_PER_MSEC)
#define PAUSE (200 * NSEC_PER_MSEC)
#define PAUSES 50

static LIST_HEAD(dirty_list);
static struct wait_queue flush_wq = WAIT_QUEUE_INIT(flush_wq);
static struct wait_queue throttle_wq = WAIT_QUEUE_INIT(throttle_wq);
static bool flushing, wanted;

void pc_dirty_list(struct pagecache *pc, bool on)
{
	list_del_init(&pc->dirty_node);
	if (!on)
		return;
	pc->dirtied_at = ktime_get();
	list_add_tail(&pc->dirty_node, &dirty_list);
}

/* --- limits, in pages --- */

static struct {
	u64 background, limit;
	ktime_t at;
} limits;

static u64 share(u64 pages, int ratio, u64 bytes)
{
	return bytes ? pages_of(bytes) : pages * (u64)ratio / 100;
}

/* Of the memory that the cache could have. */
static void look_at_limits(void)
{
	ktime_t now = ktime_get();
	u64 pages;

	if (limits.at && now - limits.at < LIMITS_AGE)
		return;
	limits.at = now;
	pages = mem_free() / PAGE_SIZE + pc_stats.cached;
	limits.limit = MAX(share(pages, sysctl.dirty_ratio, sysctl.dirty_bytes), 64UL);
	limits.background = share(pages, sysctl.dirty_background_ratio,
				  sysctl.dirty_background_bytes);
	if (limits.background >= limits.limit)
		limits.background = limits.limit / 2;
}

void writeback_limits_changed(void)
{
	limits.at = 0;
	pc_flush_wake();
}

static u64 unsafe_pages(void)
{
	return pc_stats.dirty + pc_stats.writeback;
}

void pc_throttle(void)
{
	u64 pages = unsafe_pages();

	if (!flushing || pages < 64 || !current || !current->mm)
		return;
	look_at_limits();
	if (pages > limits.background)
		pc_flush_wake();
	/* Not for ever: what is below the object may need whoever waits here. */
	for (int i = 0; i < PAUSES && unsafe_pages() > limits.limit; i++) {
		if (fatal_signal_pending(current))
			return;
		pc_flush_wake();
		if (wq_sleep(&throttle_wq, WAIT_UNINTERRUPTIBLE, ktime_get() + PAUSE,
			     "balance_dirty_pages"))
			continue;
	}
}

/* --- the thread --- */

void pc_flush_wake(void)
{
	if (wanted)
		return;
	wanted = true;
	wake_up(&flush_wq);
}

/* What the object gets from now on counts as new, even if the clock stands still. */
static void renew(struct pagecache *pc)
{
	pc_dirty_list(pc, true);
	pc->dirtied_at++;
}

/* The oldest object has its turn. */
static void flush_one(u64 max)
{
	struct pagecache *pc = list_first(&dirty_list, struct pagecache, dirty_node);

	pc->users++;
	renew(pc);
	if (pc_write_pages(pc, 0, ~0ULL / PAGE_SIZE, max) < 0)
		pr_debug("page cache: writing back %lu:%lu fails", pc->id.dev, pc->id.ino);
	pc->users--;
	wake_up_all(&pc->wq);
	wake_up_all(&throttle_wq);
}

static bool oldest_before(ktime_t when)
{
	return !list_empty(&dirty_list) &&
	       list_first(&dirty_list, struct pagecache, dirty_node)->dirtied_at <= when;
}

static void flush_old(ktime_t before)
{
	while (oldest_before(before))
		flush_one(~0ULL >> 1);
}

static void flush_many(void)
{
	u64 rounds = 0;

	for (;;) {
		look_at_limits();
		if (list_empty(&dirty_list) || pc_stats.dirty <= limits.background)
			return;
		/* Objects that cannot be written keep their pages dirty: one look at each is enough. */
		if (rounds++ > pc_stats.dirty)
			return;
		flush_one(TURN);
	}
}

static void flusher(void *arg)
{
	ktime_t age, period;

	for (;;) {
		period = sysctl.dirty_writeback_centisecs * NSEC_PER_CSEC;
		if (!wanted && wq_sleep(&flush_wq, WAIT_UNINTERRUPTIBLE,
					period ? ktime_get() + period : KTIME_NEVER, "flush") == 0)
			if (!wanted)
				continue;
		wanted = false;
		flush_many();
		age = sysctl.dirty_expire_centisecs * NSEC_PER_CSEC;
		if (sysctl.dirty_writeback_centisecs)
			flush_old(ktime_get() - age);
	}
}

void pagecache_sync_all(void)
{
	ktime_t start = ktime_get();

	while (oldest_before(start)) {
		struct pagecache *pc = list_first(&dirty_list, struct pagecache, dirty_node);

		pc->users++;
		renew(pc);
		pagecache_sync(pc, 0, ~0ULL);
		pc->users--;
		wake_up_all(&pc->wq);
	}
	pc_wait_all_runs();
}

void pagecache_init(void)
{
	int err = kthread_run("flush", flusher, NULL);

	if (err)
		pr_err("page cache: no thread to write back: %d", err);
	flushing = !err;
	pagecache_readers_start();
}
