/* SPDX-License-Identifier: MIT */
/*
 * A disk in memory. It answers at once, or, with fake_hold set, when fake_answer() is called; with an error when
 * fake_fail counts down to 0. Included by a test's .c file, behind fake/sched.c.
 */
#include "block/blkdev.h"
#include "block/priv.h"
#include "lib/alloc.h"
#include "lib/devnum.h"

#define FAKE_SECTORS 4096u

static u8 fake_bytes[FAKE_SECTORS * SECTOR_SIZE];
static bool fake_hold;
static int fake_fail = -1;		/* submissions that still succeed; -1: all */
static struct blk_req *fake_held[64];	/* chains, in the order in which they came */
static unsigned int fake_nheld, fake_submitted, fake_flushes;

static void fake_transfer(struct blk_req *first)
{
	u64 pos = first->pos;

	for (struct blk_req *r = first; r; r = r->next)
		for (unsigned int i = 0; i < r->nvec; i++) {
			if (r->op == BLK_READ)
				memcpy(r->vec[i].base, fake_bytes + pos, r->vec[i].len);
			else if (r->op == BLK_WRITE)
				memcpy(fake_bytes + pos, r->vec[i].base, r->vec[i].len);
			pos += r->vec[i].len;
		}
	if (first->op == BLK_ZEROOUT || first->op == BLK_DISCARD)
		memset(fake_bytes + pos, 0, first->chain_len);
}

static void fake_carry_out(struct blk_req *r)
{
	if (fake_fail == 0) {
		blk_done(r, -EIO);
		return;
	}
	if (fake_fail > 0)
		fake_fail--;
	fake_transfer(r);
	blk_done(r, 0);
}

static void fake_submit(struct blkdev *b, struct blk_req *r)
{
	fake_submitted++;
	fake_flushes += r->op == BLK_FLUSH;
	if (fake_hold)
		fake_held[fake_nheld++] = r;
	else
		fake_carry_out(r);
}

/* The oldest that is held; more may be held afterwards. */
static inline void fake_answer(void)
{
	struct blk_req *r = fake_held[0];

	memmove(fake_held, fake_held + 1, --fake_nheld * sizeof(fake_held[0]));
	fake_carry_out(r);
}

static const struct blk_ops fake_ops = { .submit = fake_submit };

static struct blkdev *fake_disk(u64 size)
{
	struct blkdev *b = kzalloc(sizeof(*b));

	memset(fake_bytes, 0, sizeof(fake_bytes));
	fake_hold = false;
	fake_fail = -1;
	fake_nheld = fake_submitted = fake_flushes = 0;
	strcpy(b->name, "ubda");
	b->dev = makedev_k(98, 0);
	b->minors = BLKDEV_PARTS;
	b->size = size;
	b->logical_size = b->physical_size = SECTOR_SIZE;
	b->discard = b->write_zeroes = true;
	b->driver_dir = "virtual";
	b->ops = &fake_ops;
	assert_int_equal(blkdev_add(b, false), 0);
	return b;
}
