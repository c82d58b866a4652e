/* SPDX-License-Identifier: MIT */
/*
 * Block devices in /sys: what lsblk, udev, blkid and losetup read. The devices hang below /sys/devices; block/,
 * class/block/ and dev/block/ are links to them.
 */
#include "fs/sysfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "block/blkdev.h"
#include "core/log.h"
#include "dev/loop.h"
#include "lib/devnum.h"

#define PATH_LEN 120
#define MAX_TRANSFER_KB 1024

/* --- attributes of disks and partitions --- */

static void show_dev(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u:%u\n", major_k(b->dev), minor_k(b->dev));
}

static void show_size(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%llu\n", (unsigned long long)(b->size / SECTOR_SIZE));
}

static void show_ro(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%d\n", b->readonly || b->whole->readonly);
}

static void show_stat(struct seq_buf *s, struct blkdev *b)
{
	u64 v[BLK_STAT_FIELDS];

	blk_get_stat(b, v);
	for (int i = 0; i < BLK_STAT_FIELDS; i++)
		seq_printf(s, "%s%8llu", i ? " " : "", (unsigned long long)v[i]);
	seq_putc(s, '\n');
}

static void show_inflight(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%8u %8u\n", 0, b->inflight);
}

static void show_uevent(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\n", major_k(b->dev), minor_k(b->dev), b->name,
		   b->partno ? "partition" : "disk");
	if (!b->partno)
		return;
	seq_printf(s, "PARTN=%d\n", b->partno);
	if (*b->uuid)
		seq_printf(s, "PARTUUID=%s\n", b->uuid);
	if (*b->label)
		seq_printf(s, "PARTNAME=%s\n", b->label);
}

static void show_range(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->minors);
}

static void show_serial(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%s\n", b->serial ? b->serial : "");
}

static void show_partition(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%d\n", b->partno);
}

static void show_start(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%llu\n", (unsigned long long)(b->start / SECTOR_SIZE));
}

/* --- of queues --- */

static void show_logical(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->logical_size);
}

/* What a buffer's address may not have: a mask. */
static void show_dma_alignment(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->logical_size - 1);
}

static void show_physical(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->physical_size);
}

static void show_readahead(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->readahead / 2);
}

static void show_discard_unit(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->discard ? b->logical_size : 0);
}

static void show_discard_max(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->discard ? 64u << 20 : 0);
}

static void show_zeroes_max(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", b->write_zeroes ? 64u << 20 : 0);
}

static void show_transfer_max(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%u\n", MAX_TRANSFER_KB);
}

/* --- of loop devices that have a file --- */

static bool is_bound(const struct blkdev *b)
{
	return loop_of(b)->file;
}

static void show_backing_file(struct seq_buf *s, struct blkdev *b)
{
	struct file *f = loop_of(b)->file;
	char buf[1024], *name;

	if (f && !file_name(f, buf, sizeof(buf), &name))
		seq_printf(s, "%s\n", name);
}

static void show_offset(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%llu\n", (unsigned long long)loop_of(b)->offset);
}

static void show_sizelimit(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%llu\n", (unsigned long long)loop_of(b)->sizelimit);
}

static void show_autoclear(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%d\n", !!(loop_of(b)->flags & LO_FLAGS_AUTOCLEAR));
}

static void show_partscan(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%d\n", !!(loop_of(b)->flags & LO_FLAGS_PARTSCAN));
}

static void show_dio(struct seq_buf *s, struct blkdev *b)
{
	seq_printf(s, "%d\n", !!(loop_of(b)->flags & LO_FLAGS_DIRECT_IO));
}

/* --- tables --- */

enum { WHOLE = 1, PART = 2, LOOP = 4, SERIAL = 8 };

#define SHOW(w, p, f) { w, { .path = p, .show_dev = f } }
#define TEXT(w, p, t) { w, { .path = p, .text = t } }

static const struct {
	u32 which;
	struct sys_entry e;
} attributes[] = {
	SHOW(WHOLE | PART, "dev", show_dev),
	SHOW(WHOLE | PART, "size", show_size),
	SHOW(WHOLE | PART, "ro", show_ro),
	SHOW(WHOLE | PART, "stat", show_stat),
	SHOW(WHOLE | PART, "inflight", show_inflight),
	SHOW(WHOLE | PART, "uevent", show_uevent),
	TEXT(WHOLE | PART, "alignment_offset", "0\n"),
	TEXT(WHOLE | PART, "discard_alignment", "0\n"),
	TEXT(WHOLE | PART, "holders/", NULL),
	SHOW(PART, "partition", show_partition),
	SHOW(PART, "start", show_start),
	SHOW(WHOLE, "range", show_range),
	TEXT(WHOLE, "ext_range", "256\n"),
	TEXT(WHOLE, "removable", "0\n"),
	TEXT(WHOLE, "hidden", "0\n"),
	TEXT(WHOLE, "capability", "0\n"),
	TEXT(WHOLE, "slaves/", NULL),
	SHOW(SERIAL, "serial", show_serial),
	SHOW(WHOLE, "queue/logical_block_size", show_logical),
	SHOW(WHOLE, "queue/hw_sector_size", show_logical),
	SHOW(WHOLE, "queue/dma_alignment", show_dma_alignment),
	SHOW(WHOLE, "queue/physical_block_size", show_physical),
	SHOW(WHOLE, "queue/minimum_io_size", show_physical),
	TEXT(WHOLE, "queue/optimal_io_size", "0\n"),
	SHOW(WHOLE, "queue/read_ahead_kb", show_readahead),
	SHOW(WHOLE, "queue/discard_granularity", show_discard_unit),
	SHOW(WHOLE, "queue/discard_max_bytes", show_discard_max),
	SHOW(WHOLE, "queue/discard_max_hw_bytes", show_discard_max),
	TEXT(WHOLE, "queue/discard_zeroes_data", "0\n"),
	SHOW(WHOLE, "queue/write_zeroes_max_bytes", show_zeroes_max),
	TEXT(WHOLE, "queue/write_same_max_bytes", "0\n"),
	SHOW(WHOLE, "queue/max_sectors_kb", show_transfer_max),
	SHOW(WHOLE, "queue/max_hw_sectors_kb", show_transfer_max),
	TEXT(WHOLE, "queue/max_segments", "256\n"),
	TEXT(WHOLE, "queue/nr_requests", "64\n"),
	TEXT(WHOLE, "queue/rotational", "0\n"),
	TEXT(WHOLE, "queue/scheduler", "[none]\n"),
	TEXT(WHOLE, "queue/write_cache", "write back\n"),
	TEXT(WHOLE, "queue/fua", "0\n"),
	TEXT(WHOLE, "queue/zoned", "none\n"),
	TEXT(WHOLE, "queue/dax", "0\n"),
	TEXT(WHOLE, "queue/add_random", "0\n"),
	SHOW(LOOP, "loop/backing_file", show_backing_file),
	SHOW(LOOP, "loop/offset", show_offset),
	SHOW(LOOP, "loop/sizelimit", show_sizelimit),
	SHOW(LOOP, "loop/autoclear", show_autoclear),
	SHOW(LOOP, "loop/partscan", show_partscan),
	SHOW(LOOP, "loop/dio", show_dio),
};

static u32 kind_of(const struct blkdev *b)
{
	if (b->partno)
		return PART;
	return WHOLE | (loop_of(b) ? LOOP : 0) | (b->serial ? SERIAL : 0);
}

static void device_path(const struct blkdev *b, char *path)
{
	const struct blkdev *disk = b->whole;

	snprintf(path, PATH_LEN, "devices/%s/block/%s%s%s", disk->driver_dir, disk->name, b->partno ? "/" : "",
		 b->partno ? b->name : "");
}

/* The places from which a device is linked to: the i-th; false: no more. */
static bool link_path(const struct blkdev *b, int i, char *path, const char **up)
{
	switch (i) {
	case 0:
		snprintf(path, PATH_LEN, "class/block/%s", b->name);
		*up = "../../";
		return true;
	case 1:
		snprintf(path, PATH_LEN, "dev/block/%u:%u", major_k(b->dev), minor_k(b->dev));
		*up = "../../";
		return true;
	case 2:
		snprintf(path, PATH_LEN, "block/%s", b->name);
		*up = "../";
		return !b->partno;
	default:
		return false;
	}
}

static bool add_attributes(struct blkdev *b, const char *dir)
{
	u32 kind = kind_of(b);
	char path[PATH_LEN + 40];

	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		if (!(attributes[i].which & kind))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, attributes[i].e.path);
		if (!sys_add(path, &attributes[i].e, b))
			return false;
	}
	return true;
}

/* "subsystem" and, of a disk with a driver, "device": both are found by going up. */
static bool add_up_links(const struct blkdev *b, const char *dir)
{
	char path[PATH_LEN + 40], up[PATH_LEN + 40];
	size_t n = 0;

	for (const char *p = dir; *p; p++)
		n += *p == '/';
	*up = 0;
	for (size_t i = 0; i <= n; i++)
		strcat(up, "../");
	strcat(up, "class/block");
	snprintf(path, sizeof(path), "%s/subsystem", dir);
	if (!sys_add_link(path, up))
		return false;
	if (b->partno || loop_of(b))
		return true;
	snprintf(path, sizeof(path), "%s/device", dir);
	return sys_add_link(path, "../..");
}

static bool add_links(const struct blkdev *b, const char *dir)
{
	char path[PATH_LEN], target[PATH_LEN + 8];
	const char *up;

	for (int i = 0; link_path(b, i, path, &up); i++) {
		snprintf(target, sizeof(target), "%s%s", up, dir);
		if (!sys_add_link(path, target))
			return false;
	}
	return true;
}

static void added(struct blkdev *b)
{
	char dir[PATH_LEN], path[PATH_LEN + 8];
	struct sys_node *loop;

	device_path(b, dir);
	if (!add_attributes(b, dir) || !add_up_links(b, dir) || !add_links(b, dir))
		pr_warn("sysfs: not all of %s can be shown: no memory", b->name);
	if (!loop_of(b) || b->partno)
		return;
	snprintf(path, sizeof(path), "%s/loop", dir);
	loop = sys_add(path, NULL, b);
	if (loop)
		loop->visible = is_bound;
}

static void removed(struct blkdev *b)
{
	char path[PATH_LEN];
	const char *up;

	for (int i = 0; link_path(b, i, path, &up); i++)
		sys_remove(path);
	device_path(b, path);
	sys_remove(path);
}

static struct blk_listener listener = { .added = added, .removed = removed };

void sys_follow_block(void)
{
	blkdev_listen(&listener);
}
