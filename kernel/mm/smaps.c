/* SPDX-License-Identifier: MIT */
/*
 * From the host's areas to ours. They mostly agree; where the host joined two of ours, its numbers
 * are split by size.
 */
#include "mm/smaps.h"

#include "abi/errno.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "host/host.h"

int mm_rss_split(struct mm *mm, u64 *rss, u64 *shared)
{
	u64 size;
	int err;

	if (!mm->space)
		return -ESRCH;
	err = host_statm(space_hostpid(mm->space), &size, rss, shared);
	if (err)
		return err;
	/* The near kernel's own pages are in the host's count. */
	*rss = MIN(*rss, mm->total_pages);
	*shared = MIN(*shared, *rss);
	return 0;
}

ssize mm_smaps(struct mm *mm, struct smap **out)
{
	ssize n;
	int pid;

	if (!mm->space)
		return -ESRCH;
	pid = space_hostpid(mm->space);
	host_block_begin();
	n = host_smaps(pid, out);
	host_block_end();
	return n;
}

static u64 part(u64 value, u64 some, u64 all)
{
	return some == all ? value : value * (some >> 10) / (all >> 10) & ~3UL;
}

void smaps_add(struct smap *sum, const struct smap *v, size_t n, u64 start, u64 end)
{
	for (size_t i = 0; i < n; i++) {
		u64 lo = MAX(v[i].start, start), hi = MIN(v[i].end, end), all = v[i].end - v[i].start;

		if (lo >= hi)
			continue;
		sum->rss += part(v[i].rss, hi - lo, all);
		sum->pss += part(v[i].pss, hi - lo, all);
		sum->pss_dirty += part(v[i].pss_dirty, hi - lo, all);
		sum->shared_clean += part(v[i].shared_clean, hi - lo, all);
		sum->shared_dirty += part(v[i].shared_dirty, hi - lo, all);
		sum->private_clean += part(v[i].private_clean, hi - lo, all);
		sum->private_dirty += part(v[i].private_dirty, hi - lo, all);
		sum->referenced += part(v[i].referenced, hi - lo, all);
		sum->anonymous += part(v[i].anonymous, hi - lo, all);
		sum->lazy_free += part(v[i].lazy_free, hi - lo, all);
		sum->huge += part(v[i].huge, hi - lo, all);
		sum->swap += part(v[i].swap, hi - lo, all);
		sum->locked += part(v[i].locked, hi - lo, all);
	}
}

#define PM_FRAME ((1ULL << 55) - 1)

ssize mm_pagemap(struct mm *mm, u64 addr, u64 *entries, size_t npages)
{
	ssize got;
	int pid;

	if (!mm->space)
		return -ESRCH;
	pid = space_hostpid(mm->space);
	host_block_begin();
	got = host_pagemap(pid, entries, npages * sizeof(*entries), addr / PAGE_SIZE * sizeof(*entries));
	host_block_end();
	if (got < 0)
		return got;
	npages = (size_t)got / sizeof(*entries);
	for (size_t i = 0; i < npages; i++) {
		u64 a = addr + i * PAGE_SIZE;
		const struct vma *v = vma_find(mm, a);

		entries[i] = v && v->start <= a ? entries[i] & ~PM_FRAME : 0;
	}
	return (ssize)npages;
}
