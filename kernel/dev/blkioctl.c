/* SPDX-License-Identifier: MIT */
/*
 * ioctls that all block devices have. A driver's own come first.
 */
#include "dev/blk.h"

#include "abi/block.h"
#include "abi/errno.h"
#include "abi/prctl.h"
#include "block/buffer.h"
#include "core/cred.h"
#include "mm/pagecache.h"
#include "mm/user.h"
#include "vfs/vfs.h"

#define SOFT_BLOCK 4096
#define MAX_TRANSFER (1u << 20)

static long get_size(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((unsigned long)(b->size / SECTOR_SIZE), arg);
}

static long get_size64(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user(b->size, arg);
}

static long get_logical(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((int)b->logical_size, arg);
}

static long get_physical(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user(b->physical_size, arg);
}

static long get_zero_uint(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((u32)0, arg);
}

static long get_zero_ushort(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((u16)0, arg);
}

static long get_max_sectors(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((u16)(MAX_TRANSFER / SECTOR_SIZE), arg);
}

static long get_readonly(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((int)(b->readonly || b->whole->readonly), arg);
}

static long set_readonly(struct file *f, struct blkdev *b, u64 arg)
{
	int on;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(on, arg))
		return -EFAULT;
	if (!on && b->fixed_readonly)
		return -EACCES;
	b->readonly = on;
	return 0;
}

static long get_readahead(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((long)b->readahead, arg);
}

static long set_readahead(struct file *f, struct blkdev *b, u64 arg)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	b->readahead = (u32)MIN(arg, 65536UL);
	return 0;
}

static long get_soft_block(struct file *f, struct blkdev *b, u64 arg)
{
	return put_user((int)SOFT_BLOCK, arg);
}

/* The size of a block is no property of a device here: blocks of any size are views of the same pages. */
static long set_soft_block(struct file *f, struct blkdev *b, u64 arg)
{
	int n;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(n, arg))
		return -EFAULT;
	if (n < (int)b->logical_size || n > (int)PAGE_SIZE || (n & (n - 1)))
		return -EINVAL;
	return 0;
}

static long flush_buffers(struct file *f, struct blkdev *b, u64 arg)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	err = buffers_sync(b);
	buffers_invalidate(b);
	return err;
}

static long reread(struct file *f, struct blkdev *b, u64 arg)
{
	if (b->whole != b)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	return blkdev_reread(b);
}

/* The range that a discard names: checked. */
static int get_range(struct file *f, struct blkdev *b, u64 arg, u64 range[2])
{
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (copy_from_user(range, arg, 2 * sizeof(range[0])))
		return -EFAULT;
	if ((range[0] | range[1]) & (b->logical_size - 1))
		return -EINVAL;
	if (range[0] > b->size || range[1] > b->size - range[0])
		return -EINVAL;
	return 0;
}

/* What the cache has of the range goes, before and after. */
static int past_cache(struct blkdev *b, const u64 range[2], int (*fn)(struct blkdev *b, u64 off, u64 len))
{
	u64 end = range[0] + range[1];
	int err = pagecache_direct(b->cache, range[0], end, true);

	if (err < 0)
		return err;
	err = fn(b, range[0], range[1]);
	pagecache_direct(b->cache, range[0], end, true);
	return err;
}

static long discard(struct file *f, struct blkdev *b, u64 arg)
{
	u64 range[2];
	int err = b->whole->discard ? get_range(f, b, arg, range) : -EOPNOTSUPP;

	return err ? err : past_cache(b, range, blk_discard);
}

static long secure_discard(struct file *f, struct blkdev *b, u64 arg)
{
	return f->mode & FMODE_WRITE ? -EOPNOTSUPP : -EBADF;
}

static long zeroout(struct file *f, struct blkdev *b, u64 arg)
{
	u64 range[2];
	int err = get_range(f, b, arg, range);

	return err ? err : past_cache(b, range, blk_zeroout);
}

static long get_geometry(struct file *f, struct blkdev *b, u64 arg)
{
	struct hd_geometry g = {
		.heads = 128, .sectors = 32, .start = b->start / SECTOR_SIZE,
		.cylinders = (u16)(b->whole->size / (128 * 32 * SECTOR_SIZE)),
	};

	return arg ? put_user(g, arg) : -EINVAL;
}

static long one_partition(struct file *f, struct blkdev *b, u64 arg)
{
	struct blkpg_ioctl_arg a;
	struct blkpg_partition p;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&p, (uaddr_t)a.data, sizeof(p)))
		return -EFAULT;
	if (b->whole != b || p.pno <= 0)
		return -EINVAL;
	if (a.op == BLKPG_DEL_PARTITION)
		return blkdev_part_del(b, p.pno);
	if (p.start < 0 || p.length <= 0)
		return -EINVAL;
	if (a.op == BLKPG_ADD_PARTITION)
		return blkdev_part_add(b, p.pno, (u64)p.start, (u64)p.length);
	if (a.op == BLKPG_RESIZE_PARTITION)
		return blkdev_part_resize(b, p.pno, (u64)p.start, (u64)p.length);
	return -EINVAL;
}

static const struct {
	u32 cmd;
	long (*fn)(struct file *f, struct blkdev *b, u64 arg);
} ioctls[] = {
	{ BLKGETSIZE, get_size },
	{ BLKGETSIZE64, get_size64 },
	{ BLKSSZGET, get_logical },
	{ BLKPBSZGET, get_physical },
	{ BLKIOMIN, get_physical },
	{ BLKIOOPT, get_zero_uint },
	{ BLKALIGNOFF, get_zero_uint },
	{ BLKDISCARDZEROES, get_zero_uint },
	{ BLKROTATIONAL, get_zero_ushort },
	{ BLKSECTGET, get_max_sectors },
	{ BLKROGET, get_readonly },
	{ BLKROSET, set_readonly },
	{ BLKRAGET, get_readahead },
	{ BLKFRAGET, get_readahead },
	{ BLKRASET, set_readahead },
	{ BLKFRASET, set_readahead },
	{ BLKBSZGET, get_soft_block },
	{ BLKBSZSET, set_soft_block },
	{ BLKFLSBUF, flush_buffers },
	{ BLKRRPART, reread },
	{ BLKPG, one_partition },
	{ BLKDISCARD, discard },
	{ BLKSECDISCARD, secure_discard },
	{ BLKZEROOUT, zeroout },
	{ HDIO_GETGEO, get_geometry },
};

long block_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct blkdev *b = f->private;
	const struct blk_ops *ops = b->whole->ops;
	long ret = ops->ioctl ? ops->ioctl(b, f->mode & FMODE_WRITE, cmd, arg) : -ENOIOCTLCMD_K;

	for (size_t i = 0; ret == -ENOIOCTLCMD_K && i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].cmd == cmd)
			return ioctls[i].fn(f, b, arg);
	return ret;
}
