/* SPDX-License-Identifier: MIT */
/*
 * Partitions as devices: those of a disk's table, and those that are made, removed and resized one by one (BLKPG).
 */
#include "block/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "lib/alloc.h"
#include "lib/devnum.h"
#include "mm/pagecache.h"

#define EXTENDED_MAJOR 259		/* Linux's "blkext" */
#define PARTNO_MAX 255

static u32 partition_number(const struct blkdev *disk, int no)
{
	u32 minor = 0;
	struct blkdev *b;

	if ((u32)no < disk->minors)
		return makedev_k(major_k(disk->dev), minor_k(disk->dev) + (u32)no);
	list_for_each(b, &blk_devices, node)
		if (b->dev == makedev_k(EXTENDED_MAJOR, minor))
			minor++;
	return makedev_k(EXTENDED_MAJOR, minor);
}

static int add_partition(struct blkdev *disk, const struct blk_part *p)
{
	size_t n = strlen(disk->name);
	bool digit = disk->name[n - 1] >= '0' && disk->name[n - 1] <= '9';
	struct blkdev *b = kzalloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	ref_init(&b->ref);
	snprintf(b->name, sizeof(b->name), "%.20s%s%d", disk->name, digit ? "p" : "", p->no);
	b->dev = partition_number(disk, p->no);
	b->size = p->len;
	b->start = p->start;
	b->partno = p->no;
	b->logical_size = disk->logical_size;
	b->physical_size = disk->physical_size;
	b->readonly = disk->readonly;
	b->fixed_readonly = disk->fixed_readonly;
	b->discard = disk->discard;
	b->write_zeroes = disk->write_zeroes;
	b->readahead = disk->readahead;
	strcpy(b->uuid, p->uuid);
	strcpy(b->label, p->label);
	b->whole = blkdev_ref(disk);
	blkdev_enlist(b);
	return 0;
}

static struct blkdev *partition_after(struct blkdev *disk, int no)
{
	struct blkdev *b, *best = NULL;

	list_for_each(b, &blk_devices, node)
		if (b->whole == disk && b->partno > no && (!best || b->partno < best->partno))
			best = b;
	return best;
}

void blkdev_drop_partitions(struct blkdev *disk)
{
	struct blkdev *b;

	while ((b = partition_after(disk, 0))) {
		blkdev_delist(b);
		blkdev_put(b);
	}
}

static bool partitions_used(struct blkdev *disk)
{
	struct blkdev *b = NULL;

	while ((b = partition_after(disk, b ? b->partno : 0)))
		if (b->users)
			return true;
	return false;
}

int blkdev_reread(struct blkdev *b)
{
	struct blk_table *t;
	int err;

	if (b->whole != b)
		return -EINVAL;
	if (partitions_used(b))
		return -EBUSY;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	err = blk_parse_partitions(b, t);
	/* Reading took time. */
	if (!err && (b->dead || partitions_used(b)))
		err = -EBUSY;
	if (!err)
		blkdev_drop_partitions(b);
	for (unsigned int i = 0; !err && i < t->n; i++)
		err = add_partition(b, &t->part[i]);
	kfree(t);
	return err;
}

/* --- one by one --- */

static struct blkdev *partition(struct blkdev *disk, int no)
{
	struct blkdev *b = partition_after(disk, no - 1);

	return b && b->partno == no ? b : NULL;
}

static bool overlaps(struct blkdev *disk, u64 start, u64 len, const struct blkdev *not_this)
{
	struct blkdev *b = NULL;

	while ((b = partition_after(disk, b ? b->partno : 0)))
		if (b != not_this && start < b->start + b->size && b->start < start + len)
			return true;
	return false;
}

/* On the disk, in whole blocks of it. */
static bool is_range(const struct blkdev *disk, u64 start, u64 len)
{
	return len && !((start | len) % disk->logical_size) && start < disk->size && len <= disk->size - start;
}

int blkdev_part_add(struct blkdev *disk, int no, u64 start, u64 len)
{
	struct blk_part p = { .no = no, .start = start, .len = len };

	if (no < 1 || no > PARTNO_MAX || !is_range(disk, start, len))
		return -EINVAL;
	if (partition(disk, no) || overlaps(disk, start, len, NULL))
		return -EBUSY;
	return add_partition(disk, &p);
}

int blkdev_part_del(struct blkdev *disk, int no)
{
	struct blkdev *b = no < 1 ? NULL : partition(disk, no);

	if (!b)
		return -ENXIO;
	if (b->users)
		return -EBUSY;
	blkdev_delist(b);
	blkdev_put(b);
	return 0;
}

int blkdev_part_resize(struct blkdev *disk, int no, u64 start, u64 len)
{
	struct blkdev *b = no < 1 ? NULL : partition(disk, no);

	if (!b)
		return -ENXIO;
	if (start != b->start || !is_range(disk, start, len))
		return -EINVAL;
	if (overlaps(disk, start, len, b))
		return -EBUSY;
	blkdev_resized(b, len);
	return 0;
}
