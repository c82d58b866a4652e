/* SPDX-License-Identifier: MIT */
/*
 * Block devices as files: what open, read, write and ioctl do on /dev/ubda and the like.
 */
#ifndef DEV_BLK_H
#define DEV_BLK_H

#include "lib/types.h"

struct blkdev;
struct file;
struct file_ops;
struct path;

#ifdef CONFIG_BLOCK
extern const struct file_ops block_fops;
#define BLOCK_FOPS (&block_fops)
#else
#define BLOCK_FOPS NULL			/* opening a node of a block device is ENXIO */
#endif

/* blkioctl.c. -ENOIOCTLCMD_K: not ours. May block. */
long block_ioctl(struct file *f, u32 cmd, u64 arg);

/*
 * The device that a mount's source names, for file systems on disks: a path of a device node; or, when the machine
 * boots and nothing is mounted yet, what root= says. A reference. -ENOTBLK, -ENXIO, -EACCES (MS_NODEV), errors of the
 * walk. May block.
 */
int block_source(const char *source, struct blkdev **out);
/* Of an open file of a block device; borrowed. NULL: f is none. nb */
struct blkdev *block_of_file(const struct file *f);

#endif
