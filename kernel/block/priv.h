/* SPDX-License-Identifier: MIT */
/*
 * Between the files of block/.
 */
#ifndef BLOCK_PRIV_H
#define BLOCK_PRIV_H

#include "block/blkdev.h"

/* blkdev.c: the list, sorted by number; takes b's reference, announces it. Block. */
extern struct list_head blk_devices;
void blkdev_enlist(struct blkdev *b);
void blkdev_delist(struct blkdev *b);		/* the caller has the reference again */

/* queue.c */
int blk_queue_init(struct blkdev *b);		/* 0 or -ENOMEM */
void blk_queue_free(struct blkdev *b);
bool blk_queue_busy(const struct blkdev *b);	/* requests under way */

/* part.c: the partitions of a table, in the order of their numbers. */
struct blk_part {
	u64 start, len;				/* bytes */
	int no;
	char uuid[40], label[112];
};

struct blk_table {
	struct blk_part part[BLKDEV_PARTS - 1];
	unsigned int n;
	u64 last_lba;				/* of the disk, in logical blocks */
	struct blkdev *disk;
	const char *kind;			/* "dos", "gpt"; NULL: no table */
};

/* Reads it. 0 (also: none found) or -errno. Blocks. */
int blk_parse_partitions(struct blkdev *disk, struct blk_table *t);
int blk_parse_gpt(struct blk_table *t, const u8 *mbr);	/* 1: that is it; 0: no; -errno */
int blk_parse_mbr(struct blk_table *t, const u8 *mbr);
/* One more; those out of the disk or beyond the last number are ignored. */
void blk_table_add(struct blk_table *t, const struct blk_part *p);

#endif
