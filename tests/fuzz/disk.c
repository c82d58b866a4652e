/* SPDX-License-Identifier: MIT */
/*
 * A disk whose bytes are the image that is being tested. It answers at once.
 */
#include <string.h>

#include "abi/errno.h"
#include "block/blkdev.h"
#include "lib/alloc.h"
#include "lib/devnum.h"
#include "tests/fuzz/fuzz.h"

#define MAJOR 240			/* for local use */

struct fuzz_disk {
	struct blkdev b;
	u32 fail_after;
};

static u32 ndisks;

static int transfer(struct blk_req *r)
{
	u8 *at = shared->image + r->pos;

	for (unsigned int i = 0; i < r->nvec; i++) {
		if (r->op == BLK_READ)
			memcpy(r->vec[i].base, at, r->vec[i].len);
		else
			memcpy(at, r->vec[i].base, r->vec[i].len);
		at += r->vec[i].len;
	}
	if (r->op == BLK_ZEROOUT || r->op == BLK_DISCARD)
		memset(at, 0, r->len);
	return 0;
}

static bool fails(struct fuzz_disk *d)
{
	if (d->fail_after > 1)
		d->fail_after--;
	return d->fail_after == 1;
}

static void submit(struct blkdev *b, struct blk_req *r)
{
	struct fuzz_disk *d = container_of(b, struct fuzz_disk, b);
	int err = fails(d) ? -EIO : 0;

	for (struct blk_req *i = r; i && !err; i = i->next)
		err = i->op == BLK_FLUSH ? 0 : transfer(i);
	blk_done(r, err);
}

static const struct blk_ops ops = { .submit = submit };

int fuzz_disk_add(const char *name, size_t size, struct blkdev **out)
{
	struct fuzz_disk *d = kzalloc(sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	strcpy(d->b.name, name);
	d->b.dev = makedev_k(MAJOR, BLKDEV_PARTS * ndisks++);
	d->b.minors = BLKDEV_PARTS;
	d->b.size = size / SECTOR_SIZE * SECTOR_SIZE;
	d->b.logical_size = d->b.physical_size = SECTOR_SIZE;
	d->b.discard = d->b.write_zeroes = true;
	d->b.driver_dir = "virtual";
	d->b.ops = &ops;
	err = blkdev_add(&d->b, false);
	if (err)
		kfree(d);
	else
		*out = &d->b;
	return err;
}

void fuzz_disk_fail_after(struct blkdev *b, u32 n)
{
	container_of(b, struct fuzz_disk, b)->fail_after = n;
}
