/* SPDX-License-Identifier: MIT */
/*
 * Partition tables: GPT first, whose protective MBR would otherwise be taken for a table of its own. Whatever is on
 * the disk may be hostile: ranges are checked against it, chains are limited, sums are verified.
 */
#include "block/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "lib/alloc.h"
#include "lib/endian.h"

#define MBR_SIGNATURE 510
#define MBR_TABLE 446
#define MBR_DISK_ID 440
#define LOGICAL_MAX 100			/* links of a chain that are followed */

void blk_table_add(struct blk_table *t, const struct blk_part *p)
{
	u64 size = t->disk->size;

	if (p->no < 1 || p->no >= BLKDEV_PARTS || t->n == ARRAY_SIZE(t->part))
		return;
	if (!p->len || p->start >= size)
		return;
	t->part[t->n] = *p;
	/* As Linux: a partition that reaches over the end is cut. */
	t->part[t->n].len = MIN(p->len, size - p->start);
	t->n++;
}

struct mbr_entry {
	u8 type;
	u64 start, len;			/* bytes */
};

static struct mbr_entry entry(const struct blk_table *t, const u8 *sector, int i)
{
	const u8 *e = sector + MBR_TABLE + 16 * i;
	u64 unit = t->disk->logical_size;

	return (struct mbr_entry){ e[4], get_le32(e + 8) * unit, get_le32(e + 12) * unit };
}

static bool is_extended(u8 type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static void add_mbr(struct blk_table *t, const struct mbr_entry *e, int no, u32 disk_id)
{
	struct blk_part p = { .start = e->start, .len = e->len, .no = no };

	snprintf(p.uuid, sizeof(p.uuid), "%08x-%02x", disk_id, (unsigned int)no & 0xff);
	blk_table_add(t, &p);
}

/*
 * Logical partitions: each link of the chain has one, relative to itself, and the place of the next link, relative
 * to the extended partition.
 */
static int add_logical(struct blk_table *t, const struct mbr_entry *ext, u8 *sector, u32 disk_id)
{
	u64 at = ext->start;
	int no = 5;

	for (int links = 0; links < LOGICAL_MAX && no < BLKDEV_PARTS; links++) {
		struct mbr_entry part, next;
		int err;

		if (at + t->disk->logical_size > t->disk->size)
			return 0;
		err = blk_read(t->disk, at, sector, t->disk->logical_size);
		if (err)
			return err;
		if (get_le16(sector + MBR_SIGNATURE) != 0xaa55)
			return 0;
		part = entry(t, sector, 0);
		next = entry(t, sector, 1);
		if (part.len && !is_extended(part.type)) {
			part.start += at;
			add_mbr(t, &part, no++, disk_id);
		}
		if (!is_extended(next.type) || !next.len)
			return 0;
		at = ext->start + next.start;
	}
	return 0;
}

/* A file system may begin with the signature, too (FAT): then the flags of the entries are none. */
static bool looks_like_table(const u8 *mbr)
{
	if (get_le16(mbr + MBR_SIGNATURE) != 0xaa55)
		return false;
	for (int i = 0; i < 4; i++)
		if (mbr[MBR_TABLE + 16 * i] & 0x7f)
			return false;
	return true;
}

int blk_parse_mbr(struct blk_table *t, const u8 *mbr)
{
	u32 disk_id = get_le32(mbr + MBR_DISK_ID);
	struct mbr_entry e[4];
	u8 *sector;
	int err = 0;

	if (!looks_like_table(mbr))
		return 0;
	sector = kmalloc(t->disk->logical_size);
	if (!sector)
		return -ENOMEM;
	for (int i = 0; i < 4; i++)
		e[i] = entry(t, mbr, i);
	for (int i = 0; i < 4; i++) {
		struct mbr_entry shown = e[i];

		if (!e[i].type)
			continue;
		/* Of an extended partition only its first sectors can be seen: enough for a boot loader. */
		if (is_extended(e[i].type))
			shown.len = MIN(shown.len, 2 * (u64)SECTOR_SIZE);
		add_mbr(t, &shown, i + 1, disk_id);
	}
	for (int i = 0; i < 4 && !err; i++)
		if (is_extended(e[i].type))
			err = add_logical(t, &e[i], sector, disk_id);
	kfree(sector);
	t->kind = "dos";
	return err ? err : 1;
}

static void say(const struct blk_table *t)
{
	char text[160];
	int at = snprintf(text, sizeof(text), " %s:", t->disk->name);

	for (unsigned int i = 0; i < t->n && at < (int)sizeof(text) - 8; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, " p%d", t->part[i].no);
	pr_info("%s", text);
}

int blk_parse_partitions(struct blkdev *disk, struct blk_table *t)
{
	u32 unit = disk->logical_size;
	u8 *mbr;
	int err;

	memset(t, 0, sizeof(*t));
	t->disk = disk;
	if (disk->size < 2 * (u64)unit)
		return 0;
	t->last_lba = disk->size / unit - 1;
	mbr = kmalloc(unit);
	if (!mbr)
		return -ENOMEM;
	err = blk_read(disk, 0, mbr, unit);
	if (!err)
		err = blk_parse_gpt(t, mbr);
	if (!err)
		err = blk_parse_mbr(t, mbr);
	kfree(mbr);
	if (err > 0)
		say(t);
	return MIN(err, 0);
}
