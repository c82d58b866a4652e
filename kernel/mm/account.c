/* SPDX-License-Identifier: MIT */
/*
 * How much of mem= is used. Guest memory is the host's, so it is not counted as it is touched but
 * sampled: private memory of each guest process as the host reports it, plus file data that the kernel
 * holds (tmpfs, shared memory). Sampling costs nothing while all that could be touched fits into
 * mem= anyway; after that its interval follows the room that is left.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "core/wait.h"
#include "guest/guest.h"
#include "host/host.h"
#include "host/pss.h"
#include "mm/oom.h"
#include "mm/pcpriv.h"
#include "mm/vma.h"

#define SAMPLE_MAX_AGE (50 * NSEC_PER_MSEC)
#define FILL_RATE 4			/* bytes a guest may touch per ns, times a few CPUs */

static u64 total_bytes;
static s64 file_bytes;
static u64 sampled_private;
static ktime_t sampled_at = -1;
static struct wait_queue watch_wq = WAIT_QUEUE_INIT(watch_wq);
static bool watching, danger;

u64 mem_total(void)
{
	return total_bytes ? total_bytes : 1ULL << 40;
}

void mem_set_total(u64 bytes)
{
	total_bytes = bytes;
}

u64 mem_file_bytes(void)
{
	return file_bytes > 0 ? file_bytes : 0;
}

/* What areas allow to be touched: no process can use more without asking us first. */
static u64 possible_bytes(void)
{
	return mem_file_bytes() + vma_touchable_pages() * PAGE_SIZE;
}

static void check_danger(void)
{
	bool was = danger;

	danger = possible_bytes() > mem_total();
	if (danger && !was)
		wake_up_all(&watch_wq);
}

void mm_account_poke(struct mm *mm)
{
	if (watching && !danger)
		check_danger();
}

void mem_charge_file(s64 bytes)
{
	file_bytes += bytes;
	if (watching && bytes > 0 && !danger)
		check_danger();
}

/* --- samples --- */

static u64 private_pages(struct mm *mm)
{
	u64 size, rss, shared;

	if (!mm->space || host_statm(space_hostpid(mm->space), &size, &rss, &shared))
		return 0;
	return rss > shared ? rss - shared : 0;
}

u64 mm_rss_pages(struct mm *mm)
{
	u64 size, rss, shared;

	if (!mm->space || host_statm(space_hostpid(mm->space), &size, &rss, &shared))
		return 0;
	return MIN(rss, mm->total_pages);
}

/*
 * Pages that processes share after a fork are in the count of each. So the sum is an upper bound, good
 * enough to see that all is well; only when it is over mem= is the exact share asked for.
 */
static u64 sample(bool exact)
{
	struct mm *mm;
	u64 sum = 0, bytes;

	list_for_each(mm, &mm_list, all_node) {
		bytes = private_pages(mm) * PAGE_SIZE;
		if (exact && bytes && mm->space)
			host_pss_anon(space_hostpid(mm->space), &bytes);
		sum += bytes;
	}
	return sum;
}

static void take_sample(void)
{
	sampled_private = sample(false);
	if (sampled_private + mem_file_bytes() > mem_total() / 8 * 7)
		sampled_private = sample(true);
	sampled_at = ktime_get();
}

u64 mem_used(void)
{
	if (sampled_at < 0 || ktime_get() - sampled_at > SAMPLE_MAX_AGE)
		take_sample();
	return sampled_private + mem_file_bytes();
}

u64 mem_free(void)
{
	u64 used = mem_used();

	return used < mem_total() ? mem_total() - used : 0;
}

/* --- what the page cache gives up --- */

/* So much of mem= is kept free by reclaim. */
static u64 reserve(void)
{
	return MIN(mem_total() / 32, 64UL << 20);
}

u64 mem_excess(void)
{
	u64 free = mem_free();

	return free < reserve() ? reserve() - free : 0;
}

/* Room in the cache, by what is clean or soon will be. Blocks. */
static bool cache_gives(u64 used)
{
	static u64 written;
	struct pagecache_stats st;

	pagecache_get_stats(&st);
	if (!st.cached)
		return false;
	if (pagecache_shrink(used - mem_total() + reserve()) > used - mem_total())
		return true;
	pc_flush_wake();
	pagecache_get_stats(&st);
	if (st.written == written)
		return false;
	written = st.written;
	return true;
}

/* --- the watcher --- */

static ktime_t next_sample(u64 used)
{
	u64 room = used < mem_total() ? mem_total() - used : 0;
	s64 ns = room / FILL_RATE / (sched_ncpus() ? sched_ncpus() : 1);

	return ktime_get() + MIN(MAX(ns, 5 * NSEC_PER_MSEC), NSEC_PER_SEC);
}

static void watch(void *arg)
{
	u64 used;

	for (;;) {
		check_danger();
		if (!danger) {
			wait_event(&watch_wq, danger, "memory watch");
			continue;
		}
		take_sample();
		used = sampled_private + mem_file_bytes();
		if (used > mem_total() && !cache_gives(used))
			oom_kill(used);
		if (wq_sleep(&watch_wq, WAIT_UNINTERRUPTIBLE, next_sample(used), "memory watch"))
			continue;
	}
}

void mm_account_start(void)
{
	int err = kthread_run("oom_reaper", watch, NULL);

	if (err)
		pr_err("mm: no thread to watch memory: %d", err);
	else
		watching = true;
}

void mem_resize(u64 bytes)
{
	total_bytes = bytes;
	if (watching && !danger)
		check_danger();
}
