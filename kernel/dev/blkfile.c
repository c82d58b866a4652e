/* SPDX-License-Identifier: MIT */
/*
 * Open files of block devices.
 */
#include "dev/blk.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "block/buffer.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/pagecache.h"
#include "vfs/cached.h"
#include "vfs/vfs.h"

#define BOUNCE (256u << 10)

struct blkdev *block_of_file(const struct file *f)
{
	return f->ops == &block_fops ? f->private : NULL;
}

static int block_open(struct inode *inode, struct file *f)
{
	struct blkdev *b = blkdev_get(inode->rdev);
	struct pagecache *pc;
	int err;

	if (!b)
		return -ENXIO;
	err = blkdev_cache(b, &pc);
	if (!err)
		err = blkdev_open(b, f->mode & FMODE_WRITE, f->flags & O_EXCL ? f : NULL);
	blkdev_put(b);			/* an open one keeps a reference of its own */
	if (err)
		return err == -EROFS ? -EACCES : err;
	cached_open(f, pc);
	f->private = b;
	f->version = (f->flags & O_EXCL) != 0;
	return 0;
}

static void block_release(struct file *f)
{
	blkdev_close(f->private, f->version ? f : NULL);
}

static struct pagecache *block_cache(struct file *f)
{
	return ((struct blkdev *)f->private)->cache;
}

/* --- past the cache: O_DIRECT --- */

/* Whole sectors at sector addresses of memory, as Linux asks. */
static bool aligned(const struct blkdev *b, const struct iter *it, u64 pos)
{
	u64 bits = pos | it->off;

	for (unsigned int i = 0; i < it->nvec; i++)
		bits |= it->vec[i].base | it->vec[i].len;
	return !((bits | it->count) & (b->logical_size - 1));
}

static ssize direct_piece(struct blkdev *b, struct iter *it, u64 pos, u8 *buf, size_t n, bool write)
{
	ssize ret = write ? iter_copy_from(it, buf, n) : blk_read(b, pos, buf, n);
	int err;

	if (ret < 0)
		return ret;
	if (!write)
		return iter_copy_to(it, buf, n);
	ret = ALIGN_DOWN(ret, (ssize)b->logical_size);
	err = ret ? blk_write(b, pos, buf, (size_t)ret) : -EFAULT;
	return err ? err : ret;
}

static ssize direct_loop(struct blkdev *b, struct iter *it, off64 *pos, bool write)
{
	ssize done = 0, n = 0;
	size_t room = PAGE_ALIGN(MIN(MAX((u64)it->count, 1), BOUNCE));	/* its pages are fresh: no more than are used */
	u8 *buf = host_pages_alloc(room);

	if (!buf)
		return -ENOMEM;
	while (it->count && (u64)*pos < b->size) {
		size_t part = MIN(MIN((u64)it->count, b->size - (u64)*pos), room);

		n = direct_piece(b, it, (u64)*pos, buf, part, write);
		if (n <= 0)
			break;
		done += n;
		*pos += n;
	}
	host_pages_free(buf, room);
	return done ? done : n;
}

static ssize direct(struct file *f, struct iter *it, off64 *pos, bool write)
{
	struct blkdev *b = f->private;
	u64 start = (u64)*pos, end = start + it->count;
	ssize ret;

	if (!aligned(b, it, start))
		return -EINVAL;
	ret = pagecache_direct(b->cache, start, end, write);
	if (ret < 0)
		return ret;
	if (ret) {	/* a mapping or file system has pages of it: through them */
		ret = pagecache_write(b->cache, it, pos);
		if (ret > 0 && cached_sync(f, b->cache, start, end))
			ret = -EIO;
		return ret;
	}
	ret = direct_loop(b, it, pos, write);
	if (write)
		pagecache_direct(b->cache, start, end, true);
	return ret;
}

/* --- through the cache --- */

static ssize block_read(struct file *f, struct iter *to, off64 *pos)
{
	struct blkdev *b = f->private;

	if (f->flags & O_DIRECT && (u64)*pos < b->size)
		return direct(f, to, pos, false);
	return cached_read(f, b->cache, to, pos);
}

/* A device does not grow. */
static ssize block_write(struct file *f, struct iter *from, off64 *pos)
{
	struct blkdev *b = f->private;
	size_t cut = 0;
	ssize ret;

	if (!from->count)
		return 0;
	if ((u64)*pos >= b->size)
		return -ENOSPC;
	if (b->readonly || b->whole->readonly)
		return -EPERM;
	if (from->count > b->size - (u64)*pos)
		cut = from->count - (b->size - (u64)*pos);
	from->count -= cut;
	ret = f->flags & O_DIRECT ? direct(f, from, pos, true) : pagecache_write(b->cache, from, pos);
	from->count += cut;
	return ret;
}

static int block_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	return cached_mmap(f, block_cache(f), flags, out);
}

static off64 block_llseek(struct file *f, off64 off, int whence)
{
	const struct blkdev *b = f->private;
	static const off64 none;
	off64 base = none;

	if (whence == SEEK_CUR)
		base = f->pos;
	else if (whence == SEEK_END)
		base = (off64)b->size;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, off, &base) || base < 0 || (u64)base > b->size)
		return -EINVAL;
	return f->pos = base;
}

static int block_fsync(struct file *f, bool datasync)
{
	int err = cached_sync(f, block_cache(f), 0, ~0ULL), flushed = blk_flush(f->private);

	return err ? err : flushed;
}

static u32 block_dio_align(const struct inode *inode)
{
	struct blkdev *b = blkdev_get(inode->rdev);
	u32 align = b ? b->logical_size : 0;

	if (b)
		blkdev_put(b);
	return align;
}

const struct file_ops block_fops = {
	.open = block_open,
	.release = block_release,
	.read = block_read,
	.write = block_write,
	.llseek = block_llseek,
	.mmap = block_mmap,
	.fsync = block_fsync,
	.cache = block_cache,
	.dio_align = block_dio_align,
	.ioctl = block_ioctl,
};

static int path_device(const struct path *p, struct blkdev **out)
{
	const struct inode *inode = p->dentry->inode;
	struct blkdev *b;

	if (!S_ISBLK(inode->mode))
		return -ENOTBLK;
	if (p->mnt->flags & MS_NODEV)
		return -EACCES;
	b = blkdev_get(inode->rdev);
	if (!b)
		return -ENXIO;
	*out = b;
	return 0;
}

int block_source(const char *source, struct blkdev **out)
{
	struct blkdev *b;
	struct path p;
	int err;

	if (!source)
		return -EINVAL;
	if (!fs_ctx_current()) {
		b = blkdev_by_root(source);
		if (!b)
			return -ENXIO;
		*out = b;
		return 0;
	}
	err = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	err = path_device(&p, out);
	path_put(&p);
	return err;
}
