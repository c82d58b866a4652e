/* SPDX-License-Identifier: MIT */
/*
 * The queue over a disk in memory: merging, plugs, flushes, errors, claims.
 */
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/pagecache.c"
#include "tests/unit/fake/sched.c"

#include "tests/unit/test.h"

#include "tests/unit/fake/disk.c"

#define SECTOR(n) ((u64)(n) * SECTOR_SIZE)

struct tracked {
	struct blk_req r;
	struct blk_vec v;
	u8 data[SECTOR_SIZE];
	int done;			/* times */
};

static void note_done(struct blk_req *r)
{
	container_of(r, struct tracked, r)->done++;
}

static void start(struct blkdev *b, struct tracked *t, enum blk_op op, u64 sector)
{
	memset(t, 0, sizeof(*t));
	memset(t->data, (int)sector, sizeof(t->data));
	t->v = (struct blk_vec){ t->data, sizeof(t->data) };
	t->r = (struct blk_req){ .bdev = b, .op = op, .off = SECTOR(sector), .len = SECTOR_SIZE, .vec = &t->v,
				 .nvec = 1, .done = note_done };
	if (op == BLK_FLUSH)
		t->r = (struct blk_req){ .bdev = b, .op = op, .done = note_done };
	blk_submit(&t->r);
}

static void plugged(void **state)
{
	struct blkdev *b = fake_disk(SECTOR(100));
	struct tracked t[6];
	static const u64 order[6] = { 7, 5, 6, 20, 8, 21 };

	blk_plug();
	for (int i = 0; i < 6; i++)
		start(b, &t[i], BLK_WRITE, order[i]);
	assert_int_equal(fake_submitted, 0);
	blk_unplug();
	assert_int_equal(fake_submitted, 2);	/* 5..8 and 20..21 */
	for (int i = 0; i < 6; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].r.error, 0);
		assert_int_equal(fake_bytes[SECTOR(order[i])], order[i]);
	}
	assert_int_equal(b->stat[BLK_STAT_WRITE].ios, 6);
	assert_int_equal(b->stat[BLK_STAT_WRITE].merges, 4);
	assert_int_equal(b->stat[BLK_STAT_WRITE].sectors, 6);
	assert_int_equal(b->inflight, 0);
	assert_int_equal(blkdev_del(b), 0);
}

/* While the driver has all it takes, what waits is merged, in front and behind. */
static void waiting(void **state)
{
	struct blkdev *b = fake_disk(SECTOR(1000));
	struct tracked busy[16], t[3];

	fake_hold = true;
	for (int i = 0; i < 16; i++)
		start(b, &busy[i], BLK_WRITE, (u64)i * 3);
	assert_int_equal(fake_nheld, 16);
	start(b, &t[0], BLK_WRITE, 501);
	start(b, &t[1], BLK_WRITE, 502);
	start(b, &t[2], BLK_WRITE, 500);
	assert_int_equal(fake_nheld, 16);
	for (int i = 0; i < 16; i++)
		fake_answer();
	assert_int_equal(fake_nheld, 1);
	assert_true(fake_held[0]->pos == SECTOR(500));
	assert_true(fake_held[0]->chain_len == SECTOR(3));
	fake_fail = 0;			/* one error is everybody's */
	fake_answer();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].r.error, -EIO);
	}
	assert_int_equal(blkdev_del(b), 0);
}

/* Those that come while one is under way are answered by one more, not by the one that began before them. */
static void flushes(void **state)
{
	struct blkdev *b = fake_disk(SECTOR(100));
	struct tracked t[4];

	fake_hold = true;
	for (int i = 0; i < 4; i++)
		start(b, &t[i], BLK_FLUSH, 0);
	assert_int_equal(fake_flushes, 1);
	fake_answer();
	assert_int_equal(t[0].done, 1);
	assert_int_equal(t[1].done, 0);
	assert_int_equal(fake_flushes, 2);
	fake_fail = 0;
	fake_answer();
	for (int i = 1; i < 4; i++) {
		assert_int_equal(t[i].done, 1);
		assert_int_equal(t[i].r.error, -EIO);
	}
	assert_int_equal(fake_flushes, 2);
	assert_int_equal(blkdev_del(b), 0);
}

static void fua(void **state)
{
	struct blkdev *b = fake_disk(SECTOR(100));
	struct tracked t;

	fake_hold = true;
	memset(&t, 0, sizeof(t));
	t.v = (struct blk_vec){ t.data, sizeof(t.data) };
	t.r = (struct blk_req){ .bdev = b, .op = BLK_WRITE, .fua = true, .len = SECTOR_SIZE, .vec = &t.v, .nvec = 1,
				.done = note_done };
	blk_submit(&t.r);
	fake_answer();
	assert_int_equal(t.done, 0);		/* written, not durable */
	assert_int_equal(fake_flushes, 1);
	fake_answer();
	assert_int_equal(t.done, 1);
	assert_int_equal(blkdev_del(b), 0);
}

static void wrong_ranges(void **state)
{
	static const struct {
		enum blk_op op;
		u64 off, len;
		int err;
	} cases[] = {
		{ BLK_READ, SECTOR(100), 512, -EIO }, { BLK_READ, SECTOR(99), 1024, -EIO },
		{ BLK_WRITE, ~0ULL - 511, 512, -EIO }, { BLK_WRITE, 512, ~0ULL - 511, -EIO },
		{ BLK_READ, 1, 512, -EINVAL }, { BLK_READ, 0, 511, -EINVAL },
		{ BLK_READ, SECTOR(100), 0, 0 }, { BLK_DISCARD, 0, SECTOR(101), -EIO },
	};
	struct blkdev *b = fake_disk(SECTOR(100));

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct blk_req r = { .bdev = b, .op = cases[i].op, .off = cases[i].off, .len = cases[i].len };

		assert_int_equal(blk_submit_wait(&r, 1), cases[i].err);
	}
	assert_int_equal(fake_submitted, 0);
	b->readonly = true;
	assert_int_equal(blk_write(b, 0, "", 0), -EROFS);
	assert_int_equal(blk_zeroout(b, 0, 512), -EROFS);
	assert_int_equal(blkdev_del(b), 0);
}

/* Zeroes are written where the driver cannot make them. */
static void zeroout(void **state)
{
	struct blkdev *b = fake_disk(sizeof(fake_bytes));
	u64 from = SECTOR(3), to = SECTOR(FAKE_SECTORS - 3);

	memset(fake_bytes, 0xaa, sizeof(fake_bytes));
	b->write_zeroes = false;
	assert_int_equal(blk_zeroout(b, from, to - from), 0);
	for (u64 i = 0; i < sizeof(fake_bytes); i++)
		if (fake_bytes[i] != (i >= from && i < to ? 0 : 0xaa))
			fail_msg("byte %lu", (unsigned long)i);
	assert_int_equal(blkdev_del(b), 0);
}

/* The n-th request fails, for each n: the error arrives, and nothing stays behind. */
static void nth_failure(void **state)
{
	struct blkdev *b = fake_disk(SECTOR(1000));
	struct tracked t[8];

	for (int n = 0; n < 8; n++) {
		int errors = 0;

		fake_fail = n;
		for (int i = 0; i < 8; i++)
			start(b, &t[i], i % 3 ? BLK_WRITE : BLK_READ, (u64)i * 10);
		for (int i = 0; i < 8; i++) {
			assert_int_equal(t[i].done, 1);
			errors += t[i].r.error == -EIO;
		}
		assert_int_equal(errors, 8 - n);
		assert_int_equal(b->inflight, 0);
	}
	assert_int_equal(blkdev_del(b), 0);
}

static void claims(void **state)
{
	struct blkdev *b = fake_disk(SECTOR(1000)), *p;
	u8 seven[512];
	int a, c;

	fake_bytes[510] = 0x55;
	fake_bytes[511] = 0xaa;
	fake_bytes[446 + 4] = 0x83;
	fake_bytes[446 + 8] = 10;
	fake_bytes[446 + 12] = 50;
	assert_int_equal(blkdev_reread(b), 0);
	p = blkdev_by_name("ubda1");
	assert_non_null(p);
	assert_true(p->size == SECTOR(50) && p->start == SECTOR(10));
	assert_int_equal(blkdev_open(p, true, &a), 0);
	assert_int_equal(blkdev_open(p, true, &c), -EBUSY);
	assert_int_equal(blkdev_open(b, true, &c), -EBUSY);
	assert_int_equal(blkdev_open(p, true, NULL), 0);	/* no claim, no quarrel */
	assert_int_equal(blkdev_open(p, true, &a), 0);
	assert_int_equal(blkdev_reread(b), -EBUSY);
	assert_int_equal(blkdev_del(b), -EBUSY);
	blkdev_close(p, &a);
	blkdev_close(p, NULL);
	assert_int_equal(blkdev_open(b, true, &c), -EBUSY);
	blkdev_close(p, &a);
	assert_int_equal(blkdev_open(b, true, &c), 0);
	assert_int_equal(blkdev_open(p, false, &a), -EBUSY);
	blkdev_close(b, &c);
	/* Through the partition, within its bounds. */
	assert_int_equal(blk_write(p, SECTOR(49), memset(seven, 7, 512), 512), 0);
	assert_int_equal(fake_bytes[SECTOR(59)], 7);
	assert_int_equal(blk_write(p, SECTOR(50), seven, 512), -EIO);
	assert_int_equal(b->users + b->disk_users + p->users + b->part_holders, 0);
	assert_int_equal(blkdev_del(b), 0);
	assert_int_equal(blk_read(p, 0, seven, 512), -EIO);	/* the name is gone, the reference is ours */
	blkdev_put(p);
}

RUN(CASE(plugged), CASE(waiting), CASE(flushes), CASE(fua), CASE(wrong_ranges), CASE(zeroout), CASE(nth_failure),
    CASE(claims))
