/* SPDX-License-Identifier: MIT */
/*
 * The register of block devices: who there is, who uses them, who claims them for himself.
 * Partitions are devices of their own, which hold a reference to their disk.
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
#define EXTENDED_MAJOR 259		/* Linux's "blkext" */

static LIST_HEAD(devices);		/* each holds a reference of whoever made it */
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

	list_for_each(b, &devices, node)
		if (b->dev == dev)
			return blkdev_ref(b);
	return NULL;
}

struct blkdev *blkdev_by_name(const char *name)
{
	struct blkdev *b;

	list_for_each(b, &devices, node)
		if (!strcmp(b->name, name))
			return blkdev_ref(b);
	return NULL;
}

struct blkdev *blkdev_next(struct blkdev *b)
{
	const struct list_head *n = b ? b->node.next : devices.next;
	struct blkdev *next = NULL;

	/* A device that was removed meanwhile is its own neighbour. */
	if (n != &devices && !(b && b->dead))
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

static void enlist(struct blkdev *b)
{
	struct blkdev *at;

	list_for_each(at, &devices, node)
		if (at->dev > b->dev)
			break;
	list_add_tail(&b->node, &at->node);
	b->dead = false;
	announce(b, true);
}

static void delist(struct blkdev *b)
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
	enlist(b);
	if (scan)
		blkdev_reread(b);	/* a disk without a readable table is a disk */
	return 0;
}

static u32 partition_number(const struct blkdev *disk, int no)
{
	u32 minor = 0;
	struct blkdev *b;

	if ((u32)no < disk->minors)
		return makedev_k(major_k(disk->dev), minor_k(disk->dev) + (u32)no);
	list_for_each(b, &devices, node)
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
	enlist(b);
	return 0;
}

static struct blkdev *partition_after(struct blkdev *disk, int no)
{
	struct blkdev *b, *best = NULL;

	list_for_each(b, &devices, node)
		if (b->whole == disk && b->partno > no && (!best || b->partno < best->partno))
			best = b;
	return best;
}

void blkdev_drop_partitions(struct blkdev *disk)
{
	struct blkdev *b;

	while ((b = partition_after(disk, 0))) {
		delist(b);
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

int blkdev_del(struct blkdev *b)
{
	if (b->disk_users)
		return -EBUSY;
	blkdev_drop_partitions(b);
	delist(b);
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
