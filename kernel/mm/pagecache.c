/* SPDX-License-Identifier: MIT */
/*
 * The page cache of one object: its life, filling and reading pages, throwing them out. Writing is in
 * pcwrite.c.
 *
 * Read-ahead keeps no state per reader: how much is read on follows from how many pages before the missing one
 * are cached, so several readers of one file do not disturb each other. A mark in the middle of what was read
 * ahead starts the next piece in a thread before the reader gets there.
 */
#include "mm/pcpriv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "lib/alloc.h"

#define AHEAD_MIN 16			/* pages */
#define AHEAD_MAX PAGE_RUN_MAX
#define QUEUE_MAX 64			/* pieces that wait to be read ahead */

/* --- life --- */

int pagecache_new(const struct pagecache_ops *ops, void *private, const struct pagecache_id *id,
		  struct pagecache **out)
{
	struct pagecache *pc = kzalloc(sizeof(*pc));

	if (!pc)
		return -ENOMEM;
	pc->ops = ops;
	pc->private = private;
	pc->id = *id;
	list_init(&pc->dirty_node);
	list_init(&pc->runs);
	wq_init(&pc->wq);
	*out = pc;
	return 0;
}

void *pagecache_private(const struct pagecache *pc)
{
	return pc->private;
}

u64 pc_size(struct pagecache *pc)
{
	u64 size = pc->ops->size(pc);

	if (pc->write_end <= size)
		pc->write_end = 0;
	return MAX(size, pc->write_end);
}

/* --- throwing out --- */

/* Is somebody at work on the page, so that it cannot go yet? */
static bool busy(const struct cpage *p)
{
	return p->flags & (CP_LOCKED | CP_WRITEBACK | CP_GOING) || p->pins > p->fixed;
}

/* Pages [first, last) go, dirty or not. Blocks. */
static void drop_range(struct pagecache *pc, u64 first, u64 last)
{
	u64 i = first, punched = first;
	struct cpage *p;

	while (pg_next(&pc->pages, &i) && i < last) {
		p = pc_page(pc, i);
		if (busy(p)) {
			pc_sleep(pc, "page_drop");
			continue;
		}
		if (!p->pins)
			pc_clear_dirty(p);
		if (cpage_idle(p)) {
			cpage_free(p);
		} else {	/* stays with its owner */
			if (pc->map && i > punched)
				pcmap_punch(pc, punched, i);
			punched = i + 1;
		}
		i++;
	}
	if (pc->map && last > punched)
		pcmap_punch(pc, punched, last);
}

static void zero_cached(struct pagecache *pc, u64 start, u64 end)
{
	struct cpage *p;

	for (;;) {
		p = pc_page(pc, start / PAGE_SIZE);
		if (!p || !(p->flags & CP_LOCKED))
			break;
		pc_sleep(pc, "page_zero");
	}
	if (p && p->flags & CP_UPTODATE && start < end)
		memset(p->data + start % PAGE_SIZE, 0, end - start);
}

/*
 * After the pages: what a guest process writes to their place until its rights are gone counts as written
 * before. Where that fails it only sees zeros, in a file of its own.
 */
static void revoke_gone(struct pagecache *pc, u64 first, u64 last)
{
	if (pc->map && pcmap_revoke(pc, first, last, false))
		pr_debug("page cache: rights on %lu:%lu stay", pc->id.dev, pc->id.ino);
}

void pagecache_truncate(struct pagecache *pc, u64 size)
{
	pc->write_end = 0;
	if (size % PAGE_SIZE)
		zero_cached(pc, size, PAGE_ALIGN(size));
	drop_range(pc, pages_of(size), ~0ULL / PAGE_SIZE);
	if (pc->map)
		pcmap_resize(pc, size);
	revoke_gone(pc, pages_of(size), ~0ULL / PAGE_SIZE);
}

void pagecache_drop(struct pagecache *pc, u64 start, u64 end, bool zero_edges)
{
	u64 first = pages_of(start), last = end / PAGE_SIZE;

	if (zero_edges && start / PAGE_SIZE == end / PAGE_SIZE) {
		zero_cached(pc, start, end);
	} else if (zero_edges) {
		if (start % PAGE_SIZE)
			zero_cached(pc, start, first * PAGE_SIZE);
		if (end % PAGE_SIZE)
			zero_cached(pc, last * PAGE_SIZE, end);
	}
	if (first >= last)
		return;
	drop_range(pc, first, last);
	revoke_gone(pc, first, last);
}

void pagecache_invalidate(struct pagecache *pc, u64 start, u64 end)
{
	u64 i = pages_of(start), last = end == ~0ULL ? end : end / PAGE_SIZE;

	if (pagecache_mapped(pc))
		return;
	for (; pg_next(&pc->pages, &i) && i < last; i++) {
		struct cpage *p = pc_page(pc, i);

		if (!cpage_idle(p))
			continue;
		cpage_free(p);
		if (pc->map)
			pcmap_punch(pc, i, i + 1);
	}
}

int pagecache_direct(struct pagecache *pc, u64 start, u64 end, bool write)
{
	u64 i = start / PAGE_SIZE, last = pages_of(end);
	int err = pagecache_sync(pc, start, end);

	if (err || !write)
		return err;
	if (pagecache_mapped(pc))
		return 1;
	pagecache_drop(pc, i * PAGE_SIZE, last * PAGE_SIZE, false);
	return pg_next(&pc->pages, &i) && i < last;
}

void pagecache_free(struct pagecache *pc)
{
	if (!pc)
		return;
	while (pc->users)
		pc_sleep(pc, "page_cache_free");
	drop_range(pc, 0, ~0ULL / PAGE_SIZE);
	while (pc->users)
		pc_sleep(pc, "page_cache_free");
	BUG_ON(pc->pages.count);
	pcmap_free(pc);
	pc_dirty_list(pc, false);
	kfree(pc);
}

/* --- filling --- */

static int call_read(struct pagecache *pc, u64 index, void **pages, unsigned int n)
{
	struct page_run run = { .index = index, .n = n, .pages = pages };
	int err = pc->ops->read(pc, &run);

	if (!err)
		pc_stats.read += n;
	return err;
}

/* The read of a locked page is over. A page that could not be read goes, if it was only made for that. */
static void end_read(struct cpage *p, bool ok)
{
	if (ok)
		p->flags |= CP_UPTODATE;
	cpage_unlock(p);
	if (!ok && cpage_idle(p)) {
		struct pagecache *pc = p->pc;
		u64 i = p->index;

		cpage_free(p);
		if (pc->map)
			pcmap_punch(pc, i, i + 1);
	}
}

/* A page to be filled: locked. NULL: it is there, somebody fills it, or there is no memory. */
static struct cpage *lock_empty(struct pagecache *pc, u64 index)
{
	struct cpage *p = pc_page(pc, index);

	if (p && p->flags & (CP_UPTODATE | CP_LOCKED))
		return NULL;
	if (!p)
		p = cpage_new(pc, index);
	if (p)
		p->flags |= CP_LOCKED;
	return p;
}

/* Locks a run of empty pages from index on and reads it. Only the first one's error counts. */
static int read_run(struct pagecache *pc, u64 index, u64 max)
{
	struct cpage *p[PAGE_RUN_MAX];
	void *data[PAGE_RUN_MAX];
	unsigned int n, i;
	int err;

	for (n = 0; n < MIN(max, (u64)PAGE_RUN_MAX); n++) {
		p[n] = lock_empty(pc, index + n);
		if (!p[n])
			break;
		data[n] = p[n]->data;
	}
	if (!n)
		return -ENOMEM;
	err = call_read(pc, index, data, n);
	for (i = 1; i < n; i++)
		end_read(p[i], !err);
	if (err && n > 1)
		err = call_read(pc, index, data, 1);
	end_read(p[0], !err);
	return err;
}

int pc_fill(struct pagecache *pc, u64 index, u64 n)
{
	struct cpage *p;
	int err;

	for (;;) {
		p = pc_page(pc, index);
		if (p && p->flags & CP_UPTODATE)
			return 0;
		if (p && p->flags & CP_LOCKED) {
			pc_sleep(pc, "page_read");
			continue;
		}
		err = read_run(pc, index, n);
		if (err)
			return err;
	}
}

/* --- reading ahead --- */

struct ahead {
	struct list_head node;
	struct pagecache *pc;
	u64 index, n;
};

static LIST_HEAD(queue);
static unsigned int nqueued, nreaders;
static struct wait_queue queue_wq = WAIT_QUEUE_INIT(queue_wq);

static void read_ahead(struct pagecache *pc, u64 index, u64 n)
{
	u64 end = MIN(index + n, pages_of(pc->ops->size(pc)));

	while (index < end) {
		struct cpage *p = pc_page(pc, index);

		if ((!p || !(p->flags & (CP_UPTODATE | CP_LOCKED))) &&
		    read_run(pc, index, end - index))
			return;
		index++;
	}
}

static void reader(void *arg)
{
	struct ahead *a;

	for (;;) {
		wait_event(&queue_wq, !list_empty(&queue), "read_ahead");
		a = list_first(&queue, struct ahead, node);
		list_del_init(&a->node);
		nqueued--;
		read_ahead(a->pc, a->index, a->n);
		a->pc->users--;
		wake_up_all(&a->pc->wq);
		kfree(a);
	}
}

void pagecache_readahead(struct pagecache *pc, u64 index, u64 n)
{
	struct ahead *a;

	if (!nreaders || nqueued >= QUEUE_MAX)
		return;
	a = kmalloc(sizeof(*a));
	if (!a)
		return;
	*a = (struct ahead){ .pc = pc, .index = index, .n = n };
	pc->users++;
	list_add_tail(&a->node, &queue);
	nqueued++;
	wake_up(&queue_wq);
}

/* How many pages to read at a missing one: asked for, or more when what comes before is cached. */
static u64 ahead_of(struct pagecache *pc, u64 index, u64 asked)
{
	u64 before = 0, size = pages_of(pc->ops->size(pc));

	while (before < AHEAD_MAX / 2 && before < index && pc_page(pc, index - before - 1))
		before++;
	if (before || !index)
		asked = MAX(asked, MAX(2 * before, (u64)AHEAD_MIN));
	return MIN(MIN(asked, (u64)AHEAD_MAX), size > index ? size - index : 1);
}

static int fill_for_reader(struct pagecache *pc, u64 index, u64 asked)
{
	u64 n = ahead_of(pc, index, asked);
	int err = pc_fill(pc, index, n);
	struct cpage *mark = n > asked ? pc_page(pc, index + n / 2) : NULL;

	if (mark)
		mark->flags |= CP_READAHEAD;
	return err;
}

/* The mark was reached: the next piece, as large as what lies before it. */
static void reached_mark(struct pagecache *pc, struct cpage *p)
{
	u64 next = p->index, n, size = pages_of(pc->ops->size(pc));

	p->flags &= ~(u32)CP_READAHEAD;
	while (next < p->index + AHEAD_MAX && pc_page(pc, next))
		next++;
	if (next >= size)
		return;
	n = ahead_of(pc, next, AHEAD_MIN);
	pagecache_readahead(pc, next, n);
}

/* --- read(2) --- */

/* Filled pages from pos on, up to n bytes, to buf; as many as there are. */
static size_t copy_out(struct pagecache *pc, u8 *buf, u64 pos, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t off = pos % PAGE_SIZE, part = MIN(n - done, PAGE_SIZE - off);
		struct cpage *p = pc_page(pc, pos / PAGE_SIZE);

		if (!p || !(p->flags & CP_UPTODATE))
			break;
		if (unlikely(p->flags & CP_READAHEAD))
			reached_mark(pc, p);
		memcpy(buf + done, p->data + off, part);
		p->flags |= CP_REFERENCED;
		done += part;
		pos += part;
	}
	return done;
}

/* Up to n bytes; 0: the end, or once more. */
static ssize read_piece(struct pagecache *pc, struct iter *to, u64 pos, size_t n)
{
	ssize room;
	size_t got;
	void *buf;
	int err;

	if (!pagecache_cached(pc, pos / PAGE_SIZE)) {
		err = fill_for_reader(pc, pos / PAGE_SIZE, pages_of(pos % PAGE_SIZE + n));
		if (err)
			return err;
	}
	/* This may wait; the page may be gone afterwards. */
	room = iter_stage_to(to, &buf, n);
	if (room <= 0)
		return room ? room : -EFAULT;
	got = copy_out(pc, buf, pos, MIN((size_t)room, n));
	if (!got) {
		iter_unstage(to);
		return 0;
	}
	err = iter_commit_to(to, got);
	return err ? err : (ssize)got;
}

ssize pagecache_read(struct pagecache *pc, struct iter *to, off64 *pos)
{
	ssize done = 0, n = 0;
	u64 size;

	while (to->count && (u64)*pos < (size = pc->ops->size(pc))) {
		n = read_piece(pc, to, (u64)*pos, MIN(to->count, size - (u64)*pos));
		if (n < 0)
			break;
		*pos += n;
		done += n;
		if (done && fatal_signal_pending(current))
			break;
	}
	return done ? done : MIN(n, 0);
}

bool pagecache_cached(const struct pagecache *pc, u64 index)
{
	const struct cpage *p = pc_page(pc, index);

	return p && p->flags & CP_UPTODATE;
}

/* --- pages for direct use --- */

/* A page that is to be written whole counts as filled from the start, with zeros. */
static int make_zero(struct pagecache *pc, u64 index)
{
	struct cpage *p;

	while ((p = pc_page(pc, index)) && p->flags & CP_LOCKED)
		pc_sleep(pc, "page_grab");
	if (p && p->flags & CP_UPTODATE)
		return 0;
	if (!p)
		p = cpage_new(pc, index);
	if (!p)
		return -ENOMEM;
	memset(p->data, 0, PAGE_SIZE);
	p->flags |= CP_UPTODATE;
	return 0;
}

static struct cpage *pin_fixed(struct cpage *p)
{
	p->pins++;
	p->fixed++;
	p->flags |= CP_REFERENCED;
	return p;
}

struct cpage *pagecache_find(struct pagecache *pc, u64 index)
{
	struct cpage *p = pc_page(pc, index);

	return p && p->flags & CP_UPTODATE ? pin_fixed(p) : NULL;
}

int pagecache_grab(struct pagecache *pc, u64 index, bool read, struct cpage **out)
{
	int err = read ? pc_fill(pc, index, ahead_of(pc, index, 1)) : make_zero(pc, index);

	if (err)
		return err;
	*out = pin_fixed(pc_page(pc, index));
	return 0;
}

void pagecache_release(struct cpage *p)
{
	p->fixed--;
	cpage_unpin(p);
}

int pagecache_pin(struct pagecache *pc, u64 index, void **page)
{
	struct cpage *p;
	int err = pagecache_grab(pc, index, true, &p);

	if (!err)
		*page = p->data;
	return err;
}

void pagecache_unpin(struct pagecache *pc, u64 index, bool dirty)
{
	struct cpage *p = pc_page(pc, index);

	if (dirty)
		pc_set_dirty(p);
	pagecache_release(p);
}

bool pagecache_pinned(const struct pagecache *pc)
{
	for (u64 i = 0; pg_next(&pc->pages, &i); i++)
		if (pc_page(pc, i)->pins)
			return true;
	return false;
}

void pagecache_forget(struct cpage *p)
{
	pc_clear_dirty(p);
	if (p->pins == 1 && !(p->flags & (CP_WRITEBACK | CP_LOCKED)))
		p->flags &= ~(u32)CP_UPTODATE;
}

/* --- start --- */

void pagecache_readers_start(void)
{
	while (nreaders < 2) {
		if (kthread_run("kreadahead", reader, NULL))
			break;
		nreaders++;
	}
}
