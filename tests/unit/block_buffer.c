/* SPDX-License-Identifier: MIT */
/*
 * Buffers against arrays of bytes: what users of buffers and of the device node see, and what is on the disk, with
 * buffers that a journal holds and a disk that fails.
 */
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/pagecache.c"
#include "tests/unit/fake/sched.c"

#include "block/buffer.h"
#include "tests/unit/test.h"

#define BYTES (24 * PAGE_SIZE + 1024)	/* the last page is cut short */

static u8 disk[BYTES], now[BYTES];
static bool held[BYTES / 1024];
static u8 stays[BYTES];			/* of held blocks: what the disk keeps */
static int disk_error;
static unsigned int nwrites, nflushes;

int blk_submit_wait(struct blk_req *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		u64 at = r[i].off, end = r[i].off + r[i].len;

		assert_true(end <= BYTES);
		r[i].error = disk_error;
		for (unsigned int j = 0; j < r[i].nvec && !disk_error; j++) {
			if (r[i].op == BLK_WRITE)
				memcpy(disk + at, r[i].vec[j].base, r[i].vec[j].len);
			else
				memcpy(r[i].vec[j].base, disk + at, r[i].vec[j].len);
			at += r[i].vec[j].len;
		}
		assert_true(disk_error || at == end);
		nwrites += r[i].op == BLK_WRITE;
	}
	return disk_error;
}

int blk_flush(struct blkdev *b)
{
	nflushes++;
	return disk_error;
}

static struct blkdev dev;
static u32 seed;

static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void fresh(u32 size)
{
	dev = (struct blkdev){ .size = BYTES, .logical_size = 512, .dev = 5 };
	for (u64 i = 0; i < BYTES; i++)
		disk[i] = now[i] = (u8)rnd(256);
	memset(held, 0, sizeof(held));
	disk_error = 0;
	assert_int_equal(buffer_set_size(&dev, size), 0);
}

static void gone(void)
{
	blkdev_cache_free(&dev);
	assert_int_equal(pc_stats.cached, 0);
	assert_int_equal(fake_file_bytes, 0);
}

static void change(struct buffer *bh)
{
	u64 at = bh->block * bh->size;

	for (u32 i = 0; i < bh->size; i++)
		bh->data[i] = now[at + i] = (u8)rnd(256);
	buffer_mark_dirty(bh);
}

static void check_sync(u32 size)
{
	assert_int_equal(buffers_sync(&dev), 0);
	for (u64 b = 0; b < BYTES / size; b++)
		assert_memory_equal(disk + b * size, (held[b] ? stays : now) + b * size, size);
}

static void use_block(u32 size, u64 block)
{
	struct buffer *bh;

	if (rnd(4) == 0) {
		assert_int_equal(buffer_get(&dev, block, &bh), 0);
		change(bh);
	} else {
		assert_int_equal(buffer_read(&dev, block, &bh), 0);
		assert_memory_equal(bh->data, now + block * size, size);
		if (rnd(2))
			change(bh);
	}
	if (rnd(4) == 0 && !held[block]) {
		check_sync(size);
		held[block] = true;
		memcpy(stays + block * size, disk + block * size, size);
		buffer_hold(bh);
		change(bh);
	} else if (held[block] && rnd(2)) {
		held[block] = false;
		buffer_release_hold(bh, true);
	}
	if (rnd(4) == 0 && !held[block]) {
		assert_int_equal(buffer_write(&bh, 1), 0);
		assert_memory_equal(disk + block * size, now + block * size, size);
		assert_false(bh->dirty);
	}
	buffer_put(bh);
}

static void node_io(void)
{
	static u8 buf[BYTES];
	u64 at = rnd(BYTES), n = 1 + rnd(9000);
	off64 pos = (off64)at;
	struct iter it;

	n = MIN(n, BYTES - at);
	iter_init_kernel(&it, buf, n);
	if (rnd(2)) {
		assert_int_equal(pagecache_read(dev.cache, &it, &pos), n);
		assert_memory_equal(buf, now + at, n);
		return;
	}
	for (u64 i = 0; i < n; i++)
		buf[i] = now[at + i] = (u8)rnd(256);
	assert_int_equal(pagecache_write(dev.cache, &it, &pos), n);
}

static void release_all(u32 size)
{
	struct buffer *bh;

	for (u64 b = 0; b < BYTES / size; b++) {
		if (!held[b])
			continue;
		assert_int_equal(buffer_read(&dev, b, &bh), 0);
		held[b] = false;
		buffer_release_hold(bh, true);
		buffer_put(bh);
	}
}

static void agree(u32 size)
{
	struct pagecache *pc;

	fresh(size);
	assert_int_equal(blkdev_cache(&dev, &pc), 0);
	for (int i = 0; i < 3000; i++) {
		switch (rnd(6)) {
		case 0: case 1: case 2:
			use_block(size, rnd(BYTES / size));
			break;
		case 3:
			node_io();
			break;
		case 4:
			check_sync(size);
			break;
		case 5:
			pagecache_drop_clean();
			break;
		}
	}
	release_all(size);
	check_sync(size);
	buffers_invalidate(&dev);
	assert_int_equal(pc_stats.cached, 0);
	gone();
}

static void agrees_1k(void **state)
{
	seed = 1;
	agree(1024);
}

static void agrees_2k(void **state)
{
	seed = 2;
	agree(2048);
}

static void agrees_4k(void **state)
{
	seed = 3;
	agree(4096);
}

static void forgotten_is_not_written(void **state)
{
	struct buffer *bh, *again;
	u8 old;

	fresh(4096);
	old = disk[4096];
	assert_int_equal(buffer_read(&dev, 1, &bh), 0);
	bh->data[0] = (u8)~old;
	buffer_mark_dirty(bh);
	buffer_forget(bh);
	assert_int_equal(buffers_sync(&dev), 0);
	assert_int_equal(disk[4096], old);
	buffer_put(bh);
	assert_int_equal(buffer_read(&dev, 1, &again), 0);
	assert_int_equal(again->data[0], old);
	buffer_put(again);
	/* Got to be written, but never was. */
	assert_int_equal(buffer_get(&dev, 2, &bh), 0);
	assert_false(bh->uptodate);
	buffer_put(bh);
	assert_int_equal(buffer_read(&dev, 2, &bh), 0);
	assert_memory_equal(bh->data, disk + 8192, 4096);
	buffer_put(bh);
	gone();
}

static void errors(void **state)
{
	struct buffer *bh;

	fresh(4096);
	assert_int_equal(buffer_read(&dev, BYTES / 4096, &bh), -EIO);
	disk_error = -EIO;
	assert_int_equal(buffer_read(&dev, 0, &bh), -EIO);
	disk_error = 0;
	assert_int_equal(buffer_read(&dev, 0, &bh), 0);
	buffer_mark_dirty(bh);
	assert_int_equal(buffer_set_size(&dev, 1024), -EBUSY);
	assert_int_equal(buffer_set_size(&dev, 3000), -EINVAL);
	buffer_mark_dirty(bh);
	disk_error = -EIO;
	assert_int_equal(buffer_write(&bh, 1), -EIO);
	assert_int_equal(bh->error, -EIO);
	assert_false(bh->dirty);
	disk_error = 0;
	buffer_put(bh);
	gone();
}

RUN(CASE(agrees_1k), CASE(agrees_2k), CASE(agrees_4k), CASE(forgotten_is_not_written), CASE(errors))
