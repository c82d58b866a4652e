/* SPDX-License-Identifier: MIT */
/*
 * Buffers: one struct per block that somebody asked for, in a list at its page. A buffer that is used, dirty,
 * held or being written pins its page, so data stays where it is; others go with the page.
 *
 * What a page has to write is known per buffer. Bytes that came through the device node or a mapping make all of the
 * page's buffers dirty, and what has no buffer (struct bufpage, whole). Held buffers are left out in any case.
 */
#include "block/buffer.h"

#include "abi/errno.h"
#include "core/log.h"
#include "core/wait.h"
#include "lib/alloc.h"
#include "mm/pagecache.h"

#define BATCH 32			/* pieces that are sent to the disk together */

struct bufpage {			/* cpage.private */
	struct buffer *first;
	bool whole;			/* bytes without a buffer are dirty, too */
};

static struct wait_queue written_wq = WAIT_QUEUE_INIT(written_wq);

static u32 block_size(const struct blkdev *b)
{
	return b->block_size ? b->block_size : (u32)PAGE_SIZE;
}

/* --- pins --- */

static void update_pin(struct buffer *bh)
{
	bool want = bh->refs || bh->dirty || bh->held || bh->writing;

	if (want == bh->pinned)
		return;
	bh->pinned = want;
	if (!want) {
		pagecache_release(bh->page);
		return;
	}
	bh->page->pins++;
	bh->page->fixed++;
	bh->data = bh->page->data + bh->block * bh->size % PAGE_SIZE;
}

static bool page_clean(const struct cpage *p)
{
	const struct bufpage *bp = p->private;
	const struct buffer *bh;

	if (bp->whole)
		return false;
	for (bh = bp->first; bh; bh = bh->next)
		if (bh->dirty && !bh->held)
			return false;
	return true;
}

/* Buffers were written or forgotten by themselves: perhaps nothing of the page is left to write. */
static void settle(struct cpage *p)
{
	if (page_clean(p))
		pagecache_mark_clean(p);
}

/* --- finding --- */

static struct buffer *on_page(const struct cpage *p, u64 block)
{
	const struct bufpage *bp = p->private;
	struct buffer *bh = bp ? bp->first : NULL;

	while (bh && bh->block != block)
		bh = bh->next;
	return bh;
}

static struct bufpage *bufpage_of(struct cpage *p, bool dirty)
{
	struct bufpage *bp = p->private;

	if (bp)
		return bp;
	bp = kzalloc(sizeof(*bp));
	if (!bp)
		return NULL;
	bp->whole = dirty;
	return p->private = bp;
}

/* The buffer of a pinned page, made if there is none: with a reference. NULL: no memory. */
static struct buffer *buffer_at(struct blkdev *b, struct cpage *p, u64 block)
{
	struct buffer *bh = on_page(p, block);
	struct bufpage *bp;

	if (!bh) {
		bh = kzalloc(sizeof(*bh));
		bp = bh ? bufpage_of(p, pagecache_page_dirty(p)) : NULL;
		if (!bp) {
			kfree(bh);
			return NULL;
		}
		bh->bdev = b;
		bh->block = block;
		bh->size = block_size(b);
		bh->page = p;
		bh->dirty = bp->whole;
		bh->next = bp->first;
		bp->first = bh;
	}
	bh->refs++;
	update_pin(bh);
	return bh;
}

static int lookup(struct blkdev *b, u64 block, bool read, struct buffer **out)
{
	u32 size = block_size(b);
	u64 index = block * size / PAGE_SIZE;
	struct pagecache *pc;
	struct buffer *bh;
	struct cpage *p;
	bool had;
	int err = blkdev_cache(b, &pc);

	if (block >= b->size / size)
		return -EIO;
	if (err)
		return err;
	had = pagecache_cached(pc, index);
	/* Part of a page is read even when it will be written: the rest must be right. */
	err = pagecache_grab(pc, index, read || size < PAGE_SIZE, &p);
	if (err)
		return err == -ENOMEM ? err : -EIO;
	bh = buffer_at(b, p, block);
	if (bh && (read || had || size < PAGE_SIZE))
		bh->uptodate = true;
	pagecache_release(p);
	if (!bh)
		return -ENOMEM;
	*out = bh;
	return 0;
}

int buffer_read(struct blkdev *b, u64 block, struct buffer **out)
{
	return lookup(b, block, true, out);
}

int buffer_get(struct blkdev *b, u64 block, struct buffer **out)
{
	return lookup(b, block, false, out);
}

struct buffer *buffer_find(struct blkdev *b, u64 block)
{
	u64 index = block * block_size(b) / PAGE_SIZE;
	struct buffer *bh;
	struct cpage *p;

	if (!b->cache || block >= b->size / block_size(b))
		return NULL;
	p = pagecache_find(b->cache, index);
	if (!p)
		return NULL;
	bh = on_page(p, block);
	if (bh) {
		bh->refs++;
		update_pin(bh);
	} else {
		bh = buffer_at(b, p, block);
		if (bh)
			bh->uptodate = true;
	}
	pagecache_release(p);
	return bh;
}

struct buffer *buffer_ref(struct buffer *bh)
{
	bh->refs++;
	return bh;
}

void buffer_put(struct buffer *bh)
{
	if (!bh)
		return;
	BUG_ON(bh->refs <= 0);
	/* Never filled: its zeros must not be taken for the disk's. */
	if (bh->refs == 1 && !bh->uptodate && bh->size == PAGE_SIZE && !bh->held)
		pagecache_forget(bh->page);
	bh->refs--;
	update_pin(bh);
}

void buffer_readahead(struct blkdev *b, u64 block, unsigned int n)
{
	u64 first = block * block_size(b) / PAGE_SIZE;
	u64 last = ((block + n) * block_size(b) + PAGE_SIZE - 1) / PAGE_SIZE;
	struct pagecache *pc;

	if (n && !blkdev_cache(b, &pc) && !pagecache_cached(pc, first))
		pagecache_readahead(pc, first, last - first);
}

/* --- changing --- */

void buffer_mark_dirty(struct buffer *bh)
{
	bh->uptodate = true;
	bh->dirty = true;
	if (!bh->held)
		pagecache_mark_dirty(bh->page);
	update_pin(bh);
}

void buffer_hold(struct buffer *bh)
{
	bh->held = true;
	update_pin(bh);
}

void buffer_release_hold(struct buffer *bh, bool dirty)
{
	bh->held = false;
	bh->dirty |= dirty;
	if (bh->dirty) {
		bh->uptodate = true;
		pagecache_mark_dirty(bh->page);
	}
	update_pin(bh);
}

void buffer_forget(struct buffer *bh)
{
	bh->dirty = bh->verified = false;
	settle(bh->page);
	if (bh->size == PAGE_SIZE && !bh->held && bh->page->pins == 1) {
		bh->uptodate = false;
		pagecache_forget(bh->page);
	}
	update_pin(bh);
}

/* --- writing --- */

struct piece {
	struct buffer *bh;		/* NULL: of a page, see at */
	u8 *data;
	u64 off, len;
};

struct batch {
	struct blkdev *b;
	struct piece piece[BATCH];
	unsigned int n;
	int err;
};

static void end_piece(struct piece *pc, int err)
{
	struct buffer *bh = pc->bh;

	if (!bh)
		return;
	bh->writing = false;
	if (err)
		bh->error = err;
	if (!bh->held)
		settle(bh->page);
	update_pin(bh);
}

/* Sends what was gathered, waits. */
static void send(struct batch *t)
{
	struct blk_req req[BATCH] = { 0 };
	struct blk_vec vec[BATCH];
	int err;

	if (!t->n)
		return;
	for (unsigned int i = 0; i < t->n; i++) {
		vec[i] = (struct blk_vec){ t->piece[i].data, t->piece[i].len };
		req[i].bdev = t->b;
		req[i].op = BLK_WRITE;
		req[i].off = t->piece[i].off;
		req[i].len = t->piece[i].len;
		req[i].vec = &vec[i];
		req[i].nvec = 1;
	}
	err = blk_submit_wait(req, t->n);
	t->err = t->err ? t->err : err;
	for (unsigned int i = 0; i < t->n; i++)
		end_piece(&t->piece[i], req[i].error ? -EIO : 0);
	t->n = 0;
	wake_up_all(&written_wq);
}

static void add(struct batch *t, struct buffer *bh, u8 *data, u64 off, u64 len)
{
	if (t->n == BATCH)
		send(t);
	t->piece[t->n++] = (struct piece){ bh, data, off, len };
}

/* Whoever waits for another's write has none of his own unsent: else two could wait for each other. */
static void wait_written(struct batch *t, struct buffer *bh)
{
	while (bh->writing) {
		send(t);
		wait_event(&written_wq, !bh->writing, "buffer_write");
	}
}

static void add_buffer(struct batch *t, struct buffer *bh)
{
	bh->refs++;
	wait_written(t, bh);
	if (bh->dirty && !bh->held) {
		bh->dirty = false;
		bh->writing = true;
		add(t, bh, bh->data, bh->block * bh->size, bh->size);
	}
	bh->refs--;
	update_pin(bh);
}

void buffer_wait(struct buffer *bh)
{
	wait_event(&written_wq, !bh->writing, "buffer_wait");
}

int buffer_write(struct buffer **bh, unsigned int n)
{
	struct batch t = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		t.b = bh[i]->bdev;
		add_buffer(&t, bh[i]);
	}
	send(&t);
	return t.err ? -EIO : 0;
}

/* --- the device's pages --- */

/* The part of a page from off on that has no buffer (up to the next one's start); its length. */
static u64 bare_part(const struct bufpage *bp, u64 start, u64 *off, u32 size)
{
	u64 at = *off, end;
	const struct buffer *bh;

	for (bh = bp->first; bh; bh = bh->next) {
		if (bh->block * size == start + at) {
			*off += size;
			return 0;
		}
	}
	for (end = at + size; end < PAGE_SIZE; end += size) {
		for (bh = bp->first; bh && bh->block * size != start + end; bh = bh->next)
			;
		if (bh)
			break;
	}
	*off = end;
	return end - at;
}

static void write_bare(struct batch *t, struct cpage *p, u8 *data)
{
	struct bufpage *bp = p->private;
	u64 start = p->index * PAGE_SIZE, off = 0;
	u32 size = block_size(t->b);

	while (off < PAGE_SIZE && start + off < t->b->size) {
		u64 at = off, n = bare_part(bp, start, &off, size);

		n = MIN(n, t->b->size - (start + at));
		if (n)
			add(t, NULL, data + at, start + at, n);
	}
}

static void write_page(struct batch *t, struct pagecache *pc, u64 index, u8 *data)
{
	struct cpage *p = pagecache_find(pc, index);
	struct bufpage *bp = p ? p->private : NULL;
	struct buffer *bh;

	if (!p)		/* forgotten meanwhile */
		return;
	if (!bp) {
		add(t, NULL, data, index * PAGE_SIZE, MIN(PAGE_SIZE, t->b->size - index * PAGE_SIZE));
	} else {
		if (bp->whole)
			write_bare(t, p, data);
		bp->whole = false;
		/* New ones are put in front, and none goes: the page is pinned. */
		for (bh = bp->first; bh; bh = bh->next)
			add_buffer(t, bh);
	}
	pagecache_release(p);
}

static int cache_write(struct pagecache *pc, struct page_run *run)
{
	struct batch t = { .b = pagecache_private(pc) };

	for (unsigned int i = 0; i < run->n; i++)
		write_page(&t, pc, run->index + i, run->pages[i]);
	send(&t);
	return t.err;
}

static int cache_read(struct pagecache *pc, struct page_run *run)
{
	struct blkdev *b = pagecache_private(pc);
	struct blk_vec vec[PAGE_RUN_MAX];
	struct blk_req r = { .bdev = b, .op = BLK_READ, .off = run->index * PAGE_SIZE, .vec = vec };
	u64 left = b->size > r.off ? b->size - r.off : 0;

	for (unsigned int i = 0; i < run->n; i++) {
		u64 part = MIN(left, PAGE_SIZE);

		__builtin_memset((u8 *)run->pages[i] + part, 0, PAGE_SIZE - part);
		if (part)
			vec[r.nvec++] = (struct blk_vec){ run->pages[i], part };
		r.len += part;
		left -= part;
	}
	return r.len ? blk_submit_wait(&r, 1) : 0;
}

static u64 cache_size(struct pagecache *pc)
{
	return ((struct blkdev *)pagecache_private(pc))->size;
}

static void cache_dirtied(struct pagecache *pc, struct cpage *p)
{
	struct bufpage *bp = p->private;
	struct buffer *bh;

	if (!bp)
		return;
	bp->whole = true;
	for (bh = bp->first; bh; bh = bh->next) {
		bh->uptodate = bh->dirty = true;
		bh->verified = false;
		update_pin(bh);
	}
}

static bool cache_gone(struct pagecache *pc, struct cpage *p)
{
	struct bufpage *bp = p->private;
	struct buffer *bh, *next;

	for (bh = bp->first; bh; bh = bh->next)
		if (bh->pinned)
			return false;
	for (bh = bp->first; bh; bh = next) {
		next = bh->next;
		kfree(bh);
	}
	kfree(bp);
	p->private = NULL;
	return true;
}

static const struct pagecache_ops cache_ops = {
	.read = cache_read,
	.write = cache_write,
	.size = cache_size,
	.dirtied = cache_dirtied,
	.gone = cache_gone,
};

int blkdev_cache(struct blkdev *b, struct pagecache **out)
{
	/* Above every host device number, so that no host file is ever mistaken for it. */
	struct pagecache_id id = { .dev = 1ULL << 40, .ino = b->dev, .dev_mm = b->dev, .device = true };
	int err = b->cache ? 0 : pagecache_new(&cache_ops, b, &id, &b->cache);

	if (!err)
		*out = b->cache;
	return err;
}

int buffer_set_size(struct blkdev *b, u32 size)
{
	struct pagecache *pc;
	int err;

	if (size < MAX(b->logical_size, SECTOR_SIZE) || size > PAGE_SIZE || size & (size - 1))
		return -EINVAL;
	if (size == block_size(b))
		return 0;
	err = blkdev_cache(b, &pc);
	if (!err)
		err = pagecache_sync(pc, 0, ~0ULL);
	if (err)
		return err;
	pagecache_drop(pc, 0, ~0ULL, false);
	if (pagecache_pinned(pc))
		return -EBUSY;
	b->block_size = size;
	return 0;
}

int buffers_sync(struct blkdev *b)
{
	int err = b->cache ? pagecache_sync(b->cache, 0, ~0ULL) : 0;
	int flushed = blk_flush(b);

	return err ? err : flushed;
}

void buffers_invalidate(struct blkdev *b)
{
	if (b->cache)
		pagecache_invalidate(b->cache, 0, ~0ULL);
}

void blkdev_cache_close(struct blkdev *b)
{
	if (!b->cache)
		return;
	pagecache_sync(b->cache, 0, ~0ULL);
	pagecache_invalidate(b->cache, 0, ~0ULL);
}

void blkdev_cache_free(struct blkdev *b)
{
	pagecache_free(b->cache);
	b->cache = NULL;
}
