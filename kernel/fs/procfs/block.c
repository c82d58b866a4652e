/* SPDX-License-Identifier: MIT */
/*
 * /proc/partitions and /proc/diskstats. Empty devices (loop devices without a file) are left out, as Linux does.
 */
#include "block/blkdev.h"
#include "fs/procfs/priv.h"
#include "lib/devnum.h"

int proc_show_partitions(struct seq_buf *s, struct proc_node *n)
{
	struct blkdev *b = NULL;

	seq_puts(s, "major minor  #blocks  name\n\n");
	while ((b = blkdev_next(b)))
		if (b->size)
			seq_printf(s, "%4u  %7u %10llu %s\n", major_k(b->dev), minor_k(b->dev),
				   (unsigned long long)(b->size >> 10), b->name);
	return 0;
}

int proc_show_diskstats(struct seq_buf *s, struct proc_node *n)
{
	struct blkdev *b = NULL;
	u64 v[BLK_STAT_FIELDS];

	while ((b = blkdev_next(b))) {
		if (!b->size)
			continue;
		seq_printf(s, "%4u %7u %s", major_k(b->dev), minor_k(b->dev), b->name);
		blk_get_stat(b, v);
		for (int i = 0; i < BLK_STAT_FIELDS; i++)
			seq_printf(s, " %llu", (unsigned long long)v[i]);
		seq_putc(s, '\n');
	}
	return 0;
}
