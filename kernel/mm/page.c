/* SPDX-License-Identifier: MIT */
/*
 * Pages of the page cache one by one: where their memory comes from, and how they go again. Memory is
 * taken from the host in slabs of a MiB and kept; what is free beyond a stock is given back in batches.
 *
 * Reclaim is a clock: all cached pages stand in one list, the hand takes the oldest. One that was used since
 * the hand came by, is dirty, or is in use, gets another round.
 */
#include "mm/pcpriv.h"
#include "mm/shrinker.h"

#include "core/sched.h"
#include "host/host.h"
#include "lib/alloc.h"

#define SLAB_PAGES 256
#define WARM_MAX 2048			/* free pages that keep their memory, give or take a batch */
#define COOL_BATCH 512
#define LOOK_EVERY 256			/* new pages between two looks at what is left of mem= */

struct pagecache_stats pc_stats;
static LIST_HEAD(lru);			/* newest first */
static LIST_HEAD(warm_pages);		/* free; freed last first */
static LIST_HEAD(cold_pages);
static u64 nwarm;

/* --- memory --- */

static bool slab_new(void)
{
	struct cpage *slab = kzalloc(SLAB_PAGES * sizeof(*slab));
	char *mem = slab ? host_pages_alloc(SLAB_PAGES * PAGE_SIZE) : NULL;

	if (!mem) {
		kfree(slab);
		return false;
	}
	for (int i = 0; i < SLAB_PAGES; i++) {
		slab[i].own = mem + (u64)i * PAGE_SIZE;
		list_add_tail(&slab[i].lru, &cold_pages);
	}
	return true;
}

/* Pages that were freed one after the other mostly lie side by side: one host call for each run of them. */
static void cool(void)
{
	u64 start = 0, end = 0;

	for (int i = 0; i < COOL_BATCH; i++, nwarm--) {
		struct cpage *p = list_last(&warm_pages, struct cpage, lru);
		u64 at = (u64)p->own;

		list_del_init(&p->lru);
		list_add_tail(&p->lru, &cold_pages);
		if (at == end) {
			end += PAGE_SIZE;
		} else if (at + PAGE_SIZE == start) {
			start = at;
		} else {
			if (start < end)
				host_dontneed((void *)start, end - start);
			start = at;
			end = at + PAGE_SIZE;
		}
	}
	host_dontneed((void *)start, end - start);
}

static struct cpage *take_free(void)
{
	struct cpage *p;

	if (!list_empty(&warm_pages)) {
		p = list_first(&warm_pages, struct cpage, lru);
		nwarm--;
	} else {
		if (list_empty(&cold_pages) && !slab_new())
			return NULL;
		p = list_first(&cold_pages, struct cpage, lru);
	}
	list_del_init(&p->lru);
	p->flags = 0;
	return p;
}

static void put_free(struct cpage *p)
{
	bool cold = p->flags & CP_MEMFD;	/* its memory went when it moved into the memfd */

	p->pc = NULL;
	p->private = NULL;
	p->flags = 0;
	if (cold) {
		list_add_tail(&p->lru, &cold_pages);
		return;
	}
	list_add(&p->lru, &warm_pages);
	if (++nwarm >= WARM_MAX + COOL_BATCH)
		cool();
}

static void count(struct pagecache *pc, int n)
{
	pc_stats.cached += (u64)(s64)n;
	if (pc->id.device)
		pc_stats.buffers += (u64)(s64)n;
	mem_charge_file(n * (s64)PAGE_SIZE);
}

static u64 reclaim(u64 pages, bool may_block);

/* Before the guests' own memory is squeezed the cache makes room for what it takes. */
static void make_room(void)
{
	static unsigned int since;
	u64 excess;

	if (++since < LOOK_EVERY)
		return;
	since = 0;
	excess = mem_excess();
	if (excess && reclaim(excess / PAGE_SIZE + LOOK_EVERY, false) < LOOK_EVERY)
		pc_flush_wake();
}

struct cpage *cpage_new(struct pagecache *pc, u64 index)
{
	struct cpage *p;

	make_room();
	p = take_free();
	if (!p && reclaim(SLAB_PAGES, false))
		p = take_free();
	if (!p)
		return NULL;
	p->data = p->own;
	p->pc = pc;
	p->index = index;
	p->pins = p->fixed = 0;
	if ((pc->map && pcmap_page_data(pc, p)) || pg_set(&pc->pages, index, p)) {
		if (p->flags & CP_MEMFD)
			pcmap_page_gone(p);
		put_free(p);
		return NULL;
	}
	list_add(&p->lru, &lru);
	count(pc, 1);
	return p;
}

void cpage_free(struct cpage *p)
{
	pc_clear_dirty(p);
	pg_remove(&p->pc->pages, p->index);
	list_del_init(&p->lru);
	count(p->pc, -1);
	if (p->flags & CP_MEMFD)
		pcmap_page_gone(p);
	put_free(p);
}

/* --- use --- */

void pc_sleep(struct pagecache *pc, const char *why)
{
	if (wq_sleep(&pc->wq, WAIT_UNINTERRUPTIBLE, KTIME_NEVER, why))
		return;
}

void cpage_unpin(struct cpage *p)
{
	if (!--p->pins)
		wake_up_all(&p->pc->wq);
}

void cpage_unlock(struct cpage *p)
{
	p->flags &= ~(u32)CP_LOCKED;
	wake_up_all(&p->pc->wq);
}

bool cpage_idle(struct cpage *p)
{
	if (p->pins || p->flags & (CP_DIRTY | CP_WRITEBACK | CP_LOCKED | CP_GOING))
		return false;
	return !p->private || p->pc->ops->gone(p->pc, p);
}

/* --- reclaim --- */

/* A run around p that can be taken from mappings together: one exchange with each process. */
static void run_around(struct cpage *p, u64 *first, u64 *last)
{
	u64 low = ALIGN_DOWN(p->index, 64UL), high = low + 64;
	struct cpage *q;

	for (*first = p->index; *first > low; --*first) {
		q = pc_page(p->pc, *first - 1);
		if (!q || !cpage_idle(q))
			break;
	}
	for (*last = p->index + 1; *last < high; ++*last) {
		q = pc_page(p->pc, *last);
		if (!q || !cpage_idle(q))
			break;
	}
}

static u64 free_run(struct pagecache *pc, u64 first, u64 last, bool revoked)
{
	u64 i, n = 0, from = first;

	for (i = first; i < last; i++) {
		struct cpage *p = pc_page(pc, i);

		if (p)
			p->flags &= ~(u32)CP_GOING;
		if (p && revoked && cpage_idle(p)) {
			cpage_free(p);
			n++;
			continue;
		}
		if (i > from)
			pcmap_punch(pc, from, i);
		from = i + 1;
	}
	if (last > from)
		pcmap_punch(pc, from, last);
	return n;
}

/* Pages that a guest process may have mapped. Blocks. */
static u64 reclaim_mapped(struct cpage *p)
{
	struct pagecache *pc = p->pc;
	u64 first, last, i, n;
	int err;

	run_around(p, &first, &last);
	for (i = first; i < last; i++)
		pc_page(pc, i)->flags |= CP_GOING;
	pc->users++;
	err = pcmap_revoke(pc, first, last, false);
	n = free_run(pc, first, last, !err);
	pc->users--;
	wake_up_all(&pc->wq);
	return n;
}

/* One step of the hand. Pages freed; 0: another round for this one. */
static u64 reclaim_one(struct cpage *p, bool may_block)
{
	struct pagecache *pc = p->pc;
	u64 index = p->index;

	if (p->flags & CP_REFERENCED || !cpage_idle(p)) {
		p->flags &= ~(u32)CP_REFERENCED;
		return 0;
	}
	if (!(p->flags & CP_MEMFD)) {
		cpage_free(p);
		return 1;
	}
	if (pcmap_has_text(pc) || (pagecache_mapped(pc) && !may_block))
		return 0;
	if (pagecache_mapped(pc))
		return reclaim_mapped(p);
	return free_run(pc, index, index + 1, true);
}

static u64 reclaim(u64 pages, bool may_block)
{
	u64 done = 0, left = 2 * pc_stats.cached + 1;

	while (done < pages && left-- && !list_empty(&lru)) {
		struct cpage *p = list_last(&lru, struct cpage, lru);

		list_del_init(&p->lru);
		list_add(&p->lru, &lru);
		done += reclaim_one(p, may_block);
	}
	if (done < pages)
		done += shrinkers_run(MIN(pages - done, ~0ULL / PAGE_SIZE) * PAGE_SIZE) / PAGE_SIZE;
	return done;
}

u64 pagecache_shrink(u64 bytes)
{
	return reclaim(pages_of(bytes), true) * PAGE_SIZE;
}

/* As on Linux whatever is clean and not in use goes, mapped or not; dirty pages stay. */
void pagecache_drop_clean(void)
{
	reclaim(~0ULL, true);
}

void pagecache_get_stats(struct pagecache_stats *st)
{
	*st = pc_stats;
}

void pagecache_count(const struct pagecache *pc, u64 first, u64 last, u64 *filled, u64 *dirty, u64 *writing)
{
	const struct cpage *p;
	u64 i;

	*filled = *dirty = *writing = 0;
	for (i = first; pg_next(&pc->pages, &i) && i <= last; i++) {
		p = pc_page(pc, i);
		*filled += !!(p->flags & CP_UPTODATE);
		*dirty += !!(p->flags & CP_DIRTY);
		*writing += !!(p->flags & CP_WRITEBACK);
	}
}
