/* SPDX-License-Identifier: MIT */
/*
 * The page cache of one object: writing. Bytes of write(2) go into pages, which become dirty; runs of
 * dirty pages go to the object; errors are kept for fsync.
 *
 * A page that is written whole need not be filled first. It becomes UPTODATE in the moment in which all its bytes are
 * there; if another reader has begun to fill it, the writer waits for that.
 */
#include "mm/pcpriv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "core/time.h"

/* --- dirty or not --- */

void pc_set_dirty(struct cpage *p)
{
	struct pagecache *pc = p->pc;

	p->flags |= CP_UPTODATE;
	if (p->flags & CP_DIRTY)
		return;
	p->flags |= CP_DIRTY;
	pg_tag(&pc->pages, p->index, true);
	pc_stats.dirty++;
	if (!pc->ndirty++)
		pc_dirty_list(pc, true);
}

void pc_clear_dirty(struct cpage *p)
{
	struct pagecache *pc = p->pc;

	if (!(p->flags & CP_DIRTY))
		return;
	p->flags &= ~(u32)(CP_DIRTY | CP_MAPWRITE);
	pg_tag(&pc->pages, p->index, false);
	pc_stats.dirty--;
	if (!--pc->ndirty)
		pc_dirty_list(pc, false);
}

void pagecache_mark_dirty(struct cpage *p)
{
	pc_set_dirty(p);
}

void pagecache_mark_clean(struct cpage *p)
{
	pc_clear_dirty(p);
}

bool pagecache_page_dirty(const struct cpage *p)
{
	return p->flags & CP_DIRTY;
}

bool pagecache_dirty(const struct pagecache *pc)
{
	return pc->ndirty || !list_empty(&pc->runs);
}

/* --- errors --- */

void pagecache_set_error(struct pagecache *pc, int error)
{
	pc->err = error;
	pc->err_seq++;
	pc->err_seen = false;
}

u32 pagecache_err_sample(const struct pagecache *pc)
{
	return pc->err_seq && !pc->err_seen ? pc->err_seq - 1 : pc->err_seq;
}

int pagecache_err_check(struct pagecache *pc, u32 *since)
{
	if (*since == pc->err_seq)
		return 0;
	*since = pc->err_seq;
	pc->err_seen = true;
	return pc->err;
}

/* --- to the object --- */

/* A mapping may have written behind the end in the last page. */
static void zero_behind(struct pagecache *pc, struct cpage *p, u64 size)
{
	if (size / PAGE_SIZE == p->index && size % PAGE_SIZE)
		memset(p->data + size % PAGE_SIZE, 0, PAGE_SIZE - size % PAGE_SIZE);
}

static u64 run_seq;
static LIST_HEAD(all_runs);
static struct wait_queue all_runs_wq = WAIT_QUEUE_INIT(all_runs_wq);

static int write_run(struct pagecache *pc, struct cpage **p, void **data, unsigned int n)
{
	struct page_run run = { .index = p[0]->index, .n = n, .pages = data };
	struct wb_run wb = { .first = run.index, .last = run.index + n, .seq = ++run_seq };
	unsigned int i;
	int err;

	list_add_tail(&wb.node, &pc->runs);
	list_add_tail(&wb.all, &all_runs);
	pc_stats.writeback += n;
	/* Where rights cannot be taken away nobody will tell of the next write: they stay dirty. */
	if (pc->map && pcmap_revoke(pc, wb.first, wb.last, true)) {
		for (i = 0; i < n; i++)
			pc_set_dirty(p[i]);
	}
	zero_behind(pc, p[n - 1], pc_size(pc));
	err = pc->ops->write(pc, &run);
	for (i = 0; i < n; i++)
		p[i]->flags &= ~(u32)CP_WRITEBACK;
	pc_stats.writeback -= n;
	pc_stats.written += err ? 0 : n;
	if (err)
		pagecache_set_error(pc, err);
	list_del_init(&wb.node);
	list_del_init(&wb.all);
	wake_up_all(&pc->wq);
	wake_up_all(&all_runs_wq);
	return err;
}

/* Dirty pages from index on become a run under write-back. How many; 0: the first has to be waited for. */
static unsigned int collect(struct pagecache *pc, u64 index, u64 last, struct cpage **p, void **data)
{
	unsigned int n;

	for (n = 0; n < PAGE_RUN_MAX && index + n < last; n++) {
		struct cpage *q = pc_page(pc, index + n);

		if (!q || (q->flags & (CP_DIRTY | CP_WRITEBACK)) != CP_DIRTY)
			break;
		pc_clear_dirty(q);
		q->flags |= CP_WRITEBACK;
		p[n] = q;
		data[n] = q->data;
	}
	return n;
}

ssize pc_write_pages(struct pagecache *pc, u64 first, u64 last, u64 max)
{
	struct cpage *p[PAGE_RUN_MAX];
	void *data[PAGE_RUN_MAX];
	ssize done = 0;
	int err = 0, ret;
	unsigned int n;
	u64 end;

	while ((u64)done < max && pg_next_tagged(&pc->pages, &first) && first < last) {
		end = pages_of(pc_size(pc));
		if (first >= end) {	/* behind the end: nobody will ask for it */
			pc_clear_dirty(pc_page(pc, first));
			continue;
		}
		n = collect(pc, first, MIN(last, end), p, data);
		if (!n) {
			pc_sleep(pc, "page_writeback");
			continue;
		}
		ret = write_run(pc, p, data, n);
		err = err ? err : ret;
		first += n;
		done += n;
	}
	return err ? err : done;
}

static bool overlaps(const struct pagecache *pc, u64 first, u64 last, u64 seq)
{
	const struct wb_run *r;

	list_for_each(r, &pc->runs, node)
		if (r->seq <= seq && r->first < last && first < r->last)
			return true;
	return false;
}

/* Runs that began up to now; later ones are no matter of the caller. */
static void wait_runs(struct pagecache *pc, u64 first, u64 last)
{
	u64 seq = run_seq;

	while (overlaps(pc, first, last, seq))
		pc_sleep(pc, "page_writeback");
}

void pc_wait_all_runs(void)
{
	u64 seq = run_seq;

	wait_event(&all_runs_wq,
		   list_empty(&all_runs) || list_first(&all_runs, struct wb_run, all)->seq > seq,
		   "page_writeback");
}

int pagecache_wait(struct pagecache *pc, u64 start, u64 end)
{
	u32 before = pc->err_seq;

	wait_runs(pc, start / PAGE_SIZE, end / PAGE_SIZE + 1);
	return pc->err_seq != before ? pc->err : 0;
}

int pagecache_sync(struct pagecache *pc, u64 start, u64 end)
{
	u64 first = start / PAGE_SIZE, last = end == ~0ULL ? end / PAGE_SIZE : pages_of(end);
	u32 before = pc->err_seq;
	ssize n = pc_write_pages(pc, first, last, ~0ULL >> 1);

	wait_runs(pc, first, last);
	if (n < 0)
		return (int)n;
	return pc->err_seq != before ? pc->err : 0;
}

/* --- write(2) --- */

#define BATCH 16			/* pages: what staging passes at a time */

struct batch {
	struct pagecache *pc;
	struct cpage *p[BATCH];
	unsigned int n;
};

/* A page to be written, pinned; it may not be filled if whole. */
static int prepare_page(struct pagecache *pc, u64 index, bool whole, struct cpage **out)
{
	struct cpage *p;
	int err = 0;

	if (!whole && index >= pages_of(pc_size(pc)) && !pc_page(pc, index)) {
		p = cpage_new(pc, index);
		if (!p)
			return -ENOMEM;
		memset(p->data, 0, PAGE_SIZE);
		p->flags |= CP_UPTODATE;
	} else if (!whole) {
		err = pc_fill(pc, index, 1);
	}
	if (err)
		return err;
	p = pc_page(pc, index);
	if (!p)
		p = cpage_new(pc, index);
	if (!p)
		return -ENOMEM;
	p->pins++;
	if (!(p->flags & CP_DIRTY) && pc->ops->reserve)
		err = pc->ops->reserve(pc, index);
	if (err)
		cpage_unpin(p);
	else
		*out = p;
	return err;
}

/* Pages for up to n bytes at pos. 0, or the error if there is none at all. */
static int prepare(struct batch *b, u64 pos, size_t n, bool read)
{
	u64 index = pos / PAGE_SIZE, last = pages_of(pos + n);
	int err = 0;

	for (b->n = 0; b->n < BATCH && index < last && !err; index++) {
		bool whole = !read && index * PAGE_SIZE >= pos && (index + 1) * PAGE_SIZE <= pos + n;

		err = prepare_page(b->pc, index, whole, &b->p[b->n]);
		if (!err)
			b->n++;
	}
	return b->n ? 0 : err;
}

static void wait_unlocked(struct batch *b)
{
	for (unsigned int i = 0; i < b->n; i++)
		while (b->p[i]->flags & CP_LOCKED)
			pc_sleep(b->pc, "page_write");
}

static void made_dirty(struct cpage *p)
{
	pc_set_dirty(p);
	p->flags |= CP_REFERENCED;
	if (p->pc->ops->dirtied)
		p->pc->ops->dirtied(p->pc, p);
}

/* Never blocks. Bytes taken: all but what would fill an empty page only in part. */
static size_t copy_in(struct batch *b, const u8 *src, u64 pos, size_t n)
{
	size_t done = 0;

	for (unsigned int i = 0; i < b->n && done < n; i++) {
		size_t off = pos % PAGE_SIZE, part = MIN(n - done, PAGE_SIZE - off);
		struct cpage *p = b->p[i];

		if (!(p->flags & CP_UPTODATE) && part < PAGE_SIZE)
			break;
		memcpy(p->data + off, src + done, part);
		done += part;
		pos += part;
		if (pos > b->pc->ops->size(b->pc))
			b->pc->write_end = MAX(b->pc->write_end, pos);
		made_dirty(p);
	}
	return done;
}

/* A page that was reserved but not written is written as it was: the object's books stay right. */
static void finish(struct batch *b)
{
	for (unsigned int i = 0; i < b->n; i++) {
		struct cpage *p = b->p[i];
		u64 index = p->index;

		if (!(p->flags & (CP_DIRTY | CP_WRITEBACK)) && b->pc->ops->reserve &&
		    !pc_fill(b->pc, index, 1))
			made_dirty(p);
		cpage_unpin(p);
		if (!(p->flags & CP_UPTODATE) && cpage_idle(p))
			cpage_free(p);
	}
}

/* One piece. Bytes, 0: to be tried again after reading (*read), or an error. */
static ssize write_piece(struct pagecache *pc, struct iter *from, u64 pos, bool *read)
{
	struct batch b = { .pc = pc };
	const void *src;
	size_t max;
	ssize n = prepare(&b, pos, from->count, *read);

	if (n)
		return n;
	max = MIN(from->count, b.n * PAGE_SIZE - pos % PAGE_SIZE);
	n = iter_stage_from(from, &src, max);
	if (n > 0) {
		wait_unlocked(&b);
		n = (ssize)copy_in(&b, src, pos, (size_t)n);
		*read = !n;
		iter_unstage(from);
		iter_advance(from, (size_t)n);
	} else if (!n) {
		n = -EFAULT;
	}
	finish(&b);
	return n;
}

/* Bytes behind the end of the object that a mapping may have left in its last page. */
static int clean_gap(struct pagecache *pc, u64 pos)
{
	u64 size = pc_size(pc);

	if (pos <= size || !(size % PAGE_SIZE) || !pc->map || !pc_page(pc, size / PAGE_SIZE))
		return 0;
	return pagecache_zero(pc, size, MIN(pos, PAGE_ALIGN(size)));
}

ssize pagecache_write(struct pagecache *pc, struct iter *from, off64 *pos)
{
	ssize done = 0, n = clean_gap(pc, (u64)*pos);
	bool read = false;

	while (!n && from->count) {
		n = write_piece(pc, from, (u64)*pos, &read);
		if (n < 0)
			break;
		*pos += n;
		done += n;
		n = 0;
		if (done && fatal_signal_pending(current))
			break;
		pc_throttle();
	}
	return done ? done : n;
}

int pagecache_zero(struct pagecache *pc, u64 start, u64 end)
{
	struct cpage *p;
	int err = 0;

	while (start < end && !err) {
		u64 part = MIN(end - start, PAGE_SIZE - start % PAGE_SIZE);

		err = prepare_page(pc, start / PAGE_SIZE, false, &p);
		if (err)
			break;
		memset(p->data + start % PAGE_SIZE, 0, part);
		made_dirty(p);
		cpage_unpin(p);
		start += part;
	}
	return err;
}
