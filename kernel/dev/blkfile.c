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
#include "block/blkdev.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "vfs/vfs.h"

#define BOUNCE (256u << 10)

struct blkdev *block_of_file(const struct file *f)
{
	return f->ops == &block_fops ? f->private : NULL;
}

static int block_open(struct inode *inode, struct file *f)
{
	struct blkdev *b = blkdev_get(inode->rdev);
	int err;

	if (!b)
		return -ENXIO;
	err = blkdev_open(b, f->mode & FMODE_WRITE, f->flags & O_EXCL ? f : NULL);
	blkdev_put(b);			/* an open one keeps a reference of its own */
	if (err)
		return err == -EROFS ? -EACCES : err;
	f->private = b;
	f->version = (f->flags & O_EXCL) != 0;
	return 0;
}

static void block_release(struct file *f)
{
	blkdev_close(f->private, f->version ? f : NULL);
}

/*
 * A piece of a transfer: whole sectors around it go through buf. Bytes, or -errno.
 */
static ssize piece(struct blkdev *b, struct iter *it, u64 pos, u8 *buf, bool write)
{
	u64 unit = b->logical_size, start = ALIGN_DOWN(pos, unit), skip = pos - start;
	u64 n = MIN(MIN((u64)it->count, b->size - pos), BOUNCE - skip), len = ALIGN_UP(skip + n, unit);
	ssize ret = 0;

	if (!write || skip || len != n)
		ret = blk_read(b, start, buf, len);
	if (ret)
		return ret;
	if (!write)
		return iter_copy_to(it, buf + skip, n);
	ret = iter_copy_from(it, buf + skip, n);
	if (ret > 0) {
		int err = blk_write(b, start, buf, len);

		if (err)
			return err;
	}
	return ret;
}

static ssize transfer(struct file *f, struct iter *it, off64 *pos, bool write)
{
	struct blkdev *b = f->private;
	size_t done = 0;
	ssize n = 0;
	u8 *buf;

	if (!it->count)
		return 0;
	if ((u64)*pos >= b->size)
		return write ? -ENOSPC : 0;
	buf = host_pages_alloc(BOUNCE);
	if (!buf)
		return -ENOMEM;
	while (it->count && (u64)*pos < b->size) {
		n = piece(b, it, (u64)*pos, buf, write);
		if (n <= 0)
			break;
		done += (size_t)n;
		*pos += n;
	}
	host_pages_free(buf, BOUNCE);
	return done ? (ssize)done : n;
}

static ssize block_read(struct file *f, struct iter *to, off64 *pos)
{
	return transfer(f, to, pos, false);
}

static ssize block_write(struct file *f, struct iter *from, off64 *pos)
{
	return transfer(f, from, pos, true);
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
	return blk_flush(f->private);
}

const struct file_ops block_fops = {
	.open = block_open,
	.release = block_release,
	.read = block_read,
	.write = block_write,
	.llseek = block_llseek,
	.fsync = block_fsync,
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
