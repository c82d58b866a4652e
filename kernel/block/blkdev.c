/* SPDX-License-Identifier: MIT */
/*
 * The register of block devices: who there is, who uses them, who claims them for himself.
 * Partitions (partitions.c) are devices of their own, which hold a reference to their disk.
 */
#include "block/blkdev.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "block/buffer.h"
#include "block/priv.h"
#include "core/time.h"
#include "lib/alloc.h"
#include "lib/devnum.h"
#include "mm/pagecache.h"

#define MAJORS_MAX 8
#define READAHEAD_SECTORS 256

LIST_HEAD(blk_devices);			/* each holds a reference of whoever made it */
static LIST_HEAD(listeners);

static struct {
	u32 major;
	const char *name;
} majors[MAJORS_MAX];

/* --- finding --- */

struct blkdev *blkdev_ref(struct blkdev *b)
{
	ref_get(&b->ref);
	return b;
}

void blkdev_put(struct blkdev *b)
{
	struct blkdev *whole;

	if (!b || !ref_put(&b->ref))
		return;
	whole = b->whole;
	blkdev_cache_free(b);
	blk_queue_free(b);
	if (b->ops && b->ops->free)
		b->ops->free(b);
	else
		kfree(b);
	if (whole != b)
		blkdev_put(whole);
}

struct blkdev *blkdev_get(u32 dev)
{
	struct blkdev *b;

	list_for_each(b, &blk_devices, node)
		if (b->dev == dev)
			return blkdev_ref(b);
	return NULL;
}

struct blkdev *blkdev_by_name(const char *name)
{
	struct blkdev *b;

	list_for_each(b, &blk_devices, node)
		if (!strcmp(b->name, name))
			return blkdev_ref(b);
	return NULL;
}

struct blkdev *blkdev_next(struct blkdev *b)
{
	const struct list_head *n = b ? b->node.next : blk_devices.next;
	struct blkdev *next = NULL;

	/* A device that was removed meanwhile is its own neighbour. */
	if (n != &blk_devices && !(b && b->dead))
		next = blkdev_ref(list_entry(n, struct blkdev, node));
	blkdev_put(b);
	return next;
}

/* --- use --- */

static bool may_claim(const struct blkdev *b, const void *holder)
{
	if (b->holder)
		return b->holder == holder;
	if (b->whole == b)
		return !b->part_holders;
	return !b->whole->holder || b->whole->holder == holder;
}

static void claim(struct blkdev *b, void *holder)
{
	b->holder = holder;
	if (!b->holders++ && b->whole != b)
		b->whole->part_holders++;
}

static void unclaim(struct blkdev *b)
{
	if (--b->holders)
		return;
	b->holder = NULL;
	if (b->whole != b)
		b->whole->part_holders--;
}

int blkdev_open(struct blkdev *b, bool write, void *holder)
{
	struct blkdev *disk = b->whole;
	int err = 0;

	if (b->dead)
		return -ENXIO;
	if (write && (b->readonly || disk->readonly))
		return -EROFS;
	if (holder && !may_claim(b, holder))
		return -EBUSY;
	if (holder)
		claim(b, holder);
	b->users++;
	if (!disk->disk_users++ && disk->ops->open)
		err = disk->ops->open(disk, write);
	if (err)
		blkdev_close(b, holder);
	else
		blkdev_ref(b);
	return err;
}

void blkdev_close(struct blkdev *b, void *holder)
{
	struct blkdev *disk = b->whole;

	if (holder)
		unclaim(b);
	if (b->users == 1)
		blkdev_cache_close(b);
	b->users--;
	if (!--disk->disk_users && disk->ops->release)
		disk->ops->release(disk);
	blkdev_put(b);
}

/* --- coming and going --- */

static void announce(struct blkdev *b, bool added)
{
	struct blk_listener *l;

	list_for_each(l, &listeners, node)
		(added ? l->added : l->removed)(b);
}

void blkdev_listen(struct blk_listener *l)
{
	struct blkdev *b = NULL;

	list_add_tail(&l->node, &listeners);
	while ((b = blkdev_next(b)))
		l->added(b);
}

void blkdev_enlist(struct blkdev *b)
{
	struct blkdev *at;

	list_for_each(at, &blk_devices, node)
		if (at->dev > b->dev)
			break;
	list_add_tail(&b->node, &at->node);
	b->dead = false;
	announce(b, true);
}

void blkdev_delist(struct blkdev *b)
{
	b->dead = true;
	list_del_init(&b->node);
	announce(b, false);
}

int blkdev_add(struct blkdev *b, bool scan)
{
	struct blkdev *old = blkdev_get(b->dev);
	int err;

	if (old) {
		blkdev_put(old);
		return -EBUSY;
	}
	err = blk_queue_init(b);
	if (err)
		return err;
	ref_init(&b->ref);
	b->whole = b;
	b->readahead = READAHEAD_SECTORS;
	blkdev_enlist(b);
	if (scan)
		blkdev_reread(b);	/* a disk without a readable table is a disk */
	return 0;
}

int blkdev_del(struct blkdev *b)
{
	if (b->disk_users)
		return -EBUSY;
	blkdev_drop_partitions(b);
	blkdev_delist(b);
	/* What was read ahead is nobody's, and still on its way. */
	while (b->inflight)
		(void)!wq_sleep(NULL, WAIT_UNINTERRUPTIBLE, ktime_get() + NSEC_PER_MSEC, "blkdev_del");
	blkdev_put(b);
	return 0;
}

void blkdev_resized(struct blkdev *b, u64 size)
{
	bool shrinks = size < b->size;

	b->size = size;
	if (b->cache && shrinks)
		pagecache_truncate(b->cache, size);
}

int blkdev_change_begin(struct blkdev *b)
{
	return b->cache ? pagecache_sync(b->cache, 0, ~0ULL) : 0;
}

void blkdev_change_end(struct blkdev *b)
{
	if (b->cache)
		pagecache_drop(b->cache, 0, ~0ULL, false);
}

/* --- numbers --- */

int blkdev_register_major(u32 major, const char *name)
{
	for (unsigned int i = 0; i < MAJORS_MAX; i++) {
		if (majors[i].name)
			continue;
		majors[i].major = major;
		majors[i].name = name;
		return 0;
	}
	return -EBUSY;
}

bool blkdev_major(unsigned int i, u32 *major, const char **name)
{
	if (i >= MAJORS_MAX || !majors[i].name)
		return false;
	*major = majors[i].major;
	*name = majors[i].name;
	return true;
}
