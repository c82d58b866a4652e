/* SPDX-License-Identifier: MIT */
/*
 * Disks in memory and their buffers for unit tests, on top of coop.c and alloc.c. Every write and
 * flush is kept: crash_image() gives what a disk may look like when the power fails after the
 * first n of them. What a completed flush covers, and what was written with FUA, is there; of
 * other writes each sector may be there or not. Included by a test's .c file.
 */
#include <assert.h>
#include <string.h>

#include "block/blkdev.h"
#include "block/buffer.h"

struct disk_event {
	struct disk *disk;
	bool flush, fua;
	u32 covers;			/* of a flush: events before this one */
	u64 off;
	size_t len;
	u8 *data;
};

struct disk {
	struct blkdev b;
	u8 *base, *now;			/* at the start of the history, and after it */
	struct list_head buffers;
};

struct fake_buffer {
	struct buffer bh;
	struct list_head node;
};

static struct disk_event *disk_log;
static u32 disk_nlog, disk_caplog;
/* this many writes and flushes from now they begin to fail; 0: never */
static u32 disk_fail_after;
static bool disk_failing;
static struct wait_queue fake_buffer_wq = WAIT_QUEUE_INIT(fake_buffer_wq);

/* image: borrowed, copied. */
static void disk_open(struct disk *d, const u8 *image, size_t size)
{
	memset(d, 0, sizeof(*d));
	d->b.size = size;
	d->b.private = d;
	d->base = malloc(size);
	d->now = malloc(size);
	memcpy(d->base, image, size);
	memcpy(d->now, image, size);
	list_init(&d->buffers);
}

static void disk_forget_log(void)
{
	for (u32 i = 0; i < disk_nlog; i++)
		free(disk_log[i].data);
	disk_nlog = 0;
}

static void disk_record(struct disk_event e)
{
	if (disk_nlog == disk_caplog) {
		disk_caplog = disk_caplog ? disk_caplog * 2 : 1024;
		disk_log = realloc(disk_log, disk_caplog * sizeof(e));
	}
	disk_log[disk_nlog++] = e;
}

static bool disk_fails(void)
{
	if (disk_fail_after && !--disk_fail_after)
		disk_failing = true;
	return disk_failing;
}

/* The history's first n events; sectors of what is not durable are there in `of` cases out of 8. */
static u8 *crash_image(const struct disk *d, u32 n, u32 of)
{
	u8 *image = malloc(d->b.size);
	u32 covered = 0;

	memcpy(image, d->base, d->b.size);
	for (u32 i = 0; i < n; i++)
		if (disk_log[i].flush && disk_log[i].disk == d)
			covered = MAX(covered, disk_log[i].covers);
	for (u32 i = 0; i < n; i++) {
		const struct disk_event *e = &disk_log[i];

		if (e->flush || e->disk != d)
			continue;
		for (size_t at = 0; at < e->len; at += SECTOR_SIZE)
			if (i < covered || e->fua || coop_random(8) < of)
				memcpy(image + e->off + at, e->data + at, SECTOR_SIZE);
	}
	return image;
}

static int disk_write(struct blkdev *b, u64 off, const void *buf, size_t n, bool fua)
{
	struct disk *d = b->private;

	coop_pause();
	assert(off % SECTOR_SIZE == 0 && n % SECTOR_SIZE == 0 && !b->readonly);
	if (off + n > b->size || disk_fails())
		return -EIO;
	memcpy(d->now + off, buf, n);
	disk_record((struct disk_event){ .disk = d, .fua = fua, .off = off, .len = n,
					 .data = memcpy(malloc(n), buf, n) });
	coop_pause();
	return 0;
}

int blk_write(struct blkdev *b, u64 off, const void *buf, size_t n)
{
	return disk_write(b, off, buf, n, false);
}

int blk_submit_wait(struct blk_req *r, unsigned int n)
{
	assert(n == 1 && r->op == BLK_WRITE && r->nvec == 1);
	return disk_write(r->bdev, r->off, r->vec->base, r->len, r->fua);
}

int blk_read(struct blkdev *b, u64 off, void *buf, size_t n)
{
	struct disk *d = b->private;

	coop_pause();
	if (off + n > b->size)
		return -EIO;
	memcpy(buf, d->now + off, n);
	return 0;
}

int blk_flush(struct blkdev *b)
{
	u32 covers = disk_nlog;

	coop_pause();
	if (disk_fails())
		return -EIO;
	disk_record((struct disk_event){ .disk = b->private, .flush = true, .covers = covers });
	coop_pause();
	return 0;
}

/* ---- buffers ---- */

#define FAKE_BLOCK 1024u

static struct fake_buffer *fake_lookup(struct blkdev *b, u64 block)
{
	struct disk *d = b->private;
	struct fake_buffer *f;

	list_for_each(f, &d->buffers, node)
		if (f->bh.block == block)
			return f;
	return NULL;
}

struct buffer *buffer_ref(struct buffer *bh)
{
	bh->refs++;
	return bh;
}

struct buffer *buffer_find(struct blkdev *b, u64 block)
{
	struct fake_buffer *f = fake_lookup(b, block);

	return f ? buffer_ref(&f->bh) : NULL;
}

int buffer_get(struct blkdev *b, u64 block, struct buffer **out)
{
	struct disk *d = b->private;
	struct fake_buffer *f = fake_lookup(b, block);

	if (block >= b->size / FAKE_BLOCK)
		return -EIO;
	if (!f) {
		f = kzalloc(sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->bh = (struct buffer){ .bdev = b, .block = block, .size = FAKE_BLOCK };
		f->bh.data = malloc(FAKE_BLOCK);
		memset(f->bh.data, 0x5a, FAKE_BLOCK);
		list_add(&f->node, &d->buffers);
	}
	*out = buffer_ref(&f->bh);
	return 0;
}

static void fake_evict(struct buffer *bh)
{
	struct fake_buffer *f = container_of(bh, struct fake_buffer, bh);

	assert(!bh->journal && !bh->held);
	list_del_init(&f->node);
	free(bh->data);
	kfree(f);
}

void buffer_put(struct buffer *bh)
{
	if (!bh)
		return;
	assert(bh->refs > 0);
	if (!--bh->refs && !bh->dirty && !bh->writing && !coop_random(4))
		fake_evict(bh);
}

int buffer_read(struct blkdev *b, u64 block, struct buffer **out)
{
	struct disk *d = b->private;
	int err = buffer_get(b, block, out);

	coop_pause();
	if (!err && !(*out)->uptodate) {
		memcpy((*out)->data, d->now + block * FAKE_BLOCK, FAKE_BLOCK);
		(*out)->uptodate = true;
	}
	return err;
}

void buffer_mark_dirty(struct buffer *bh)
{
	bh->uptodate = bh->dirty = true;
}

void buffer_hold(struct buffer *bh)
{
	assert(!bh->held && !bh->writing);
	bh->held = true;
}

void buffer_release_hold(struct buffer *bh, bool dirty)
{
	assert(bh->held);
	bh->held = false;
	if (dirty)
		buffer_mark_dirty(bh);
}

void buffer_forget(struct buffer *bh)
{
	bh->dirty = bh->uptodate = false;
}

void buffer_wait(struct buffer *bh)
{
	wait_event(&fake_buffer_wq, !bh->writing, "buffer");
}

/* What is being written must not change. */
static int fake_write_back(struct buffer *bh)
{
	u8 copy[FAKE_BLOCK];
	int err;

	buffer_ref(bh);
	bh->dirty = false;
	bh->writing = true;
	memcpy(copy, bh->data, FAKE_BLOCK);
	coop_pause();
	err = blk_write(bh->bdev, bh->block * FAKE_BLOCK, copy, FAKE_BLOCK);
	assert(!memcmp(copy, bh->data, FAKE_BLOCK));
	bh->writing = false;
	bh->error = err;
	wake_up_all(&fake_buffer_wq);
	buffer_put(bh);
	return err;
}

int buffer_write(struct buffer **bh, unsigned int n)
{
	int err, first = 0;

	for (unsigned int i = 0; i < n; i++) {
		buffer_wait(bh[i]);
		err = bh[i]->dirty && !bh[i]->held ? fake_write_back(bh[i]) : bh[i]->error;
		first = first ? first : err;
	}
	return first;
}

static struct buffer *fake_dirty_one(struct disk *d, u32 skip)
{
	struct fake_buffer *f;

	list_for_each(f, &d->buffers, node)
		if (f->bh.dirty && !f->bh.held && !f->bh.writing && !skip--)
			return &f->bh;
	return NULL;
}

int buffers_sync(struct blkdev *b)
{
	struct buffer *bh;
	int err = 0;

	while (!err && (bh = fake_dirty_one(b->private, 0)))
		err = fake_write_back(bh);
	return err ? err : blk_flush(b);
}

/* Write-back by age: a task of its own until *stop. */
struct fake_flusher {
	struct disk *disk;
	bool stop, ended;
};

static void fake_flusher(void *arg)
{
	struct fake_flusher *w = arg;
	struct buffer *bh;

	while (!w->stop) {
		bh = fake_dirty_one(w->disk, coop_random(3));
		if (bh)
			(void)fake_write_back(bh);
		coop_sleep(1000 * coop_random(400));
	}
	w->ended = true;
}

/* Nobody uses the disk; its image is the caller's. */
static u8 *disk_close(struct disk *d)
{
	struct fake_buffer *f, *next;
	u8 *image = d->now;

	list_for_each_safe(f, next, &d->buffers, node) {
		assert(!f->bh.refs);
		fake_evict(&f->bh);
	}
	free(d->base);
	return image;
}
