/* SPDX-License-Identifier: MIT */
/*
 * Giving a loop device a file, and taking it away.
 */
#include "dev/loop.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"
#include "block/blkdev.h"
#include "dev/blk.h"
#include "vfs/vfs.h"

#define FLAGS_CONFIGURE (LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO)
#define FLAGS_SET (LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
#define FLAGS_CLEAR LO_FLAGS_AUTOCLEAR
#define NESTING 8			/* loops over loops */

static int file_size(struct file *f, u64 *size)
{
	const struct blkdev *b = block_of_file(f);
	struct kstat st;
	int err;

	if (b) {
		*size = b->size;
		return 0;
	}
	err = inode_getattr(f->inode, &st);
	if (!err)
		*size = st.size;
	return err;
}

static int loop_size(struct file *f, u64 offset, u64 limit, u64 *size)
{
	u64 n;
	int err = file_size(f, &n);

	if (err)
		return err;
	n = offset < n ? n - offset : 0;
	if (limit)
		n = MIN(n, limit);
	*size = ALIGN_DOWN(n, (u64)SECTOR_SIZE);
	return 0;
}

/* A file, or a device that does not end in this very loop. */
static int check_file(const struct loop *l, struct file *f)
{
	const struct blkdev *b = block_of_file(f);
	int depth = 0;

	if (!f->ops->read || (!b && !S_ISREG(f->inode->mode)))
		return -EINVAL;
	while (b) {
		const struct loop *under = loop_of(b->whole);

		if (under == l || depth++ == NESTING)
			return -EBADF;
		if (!under)
			return 0;
		if (!under->file)
			return -EINVAL;
		b = block_of_file(under->file);
	}
	return 0;
}

static int check_info(const struct loop_info64 *info)
{
	if (info->lo_encrypt_type || info->lo_encrypt_key_size)
		return -EINVAL;
	if ((s64)info->lo_offset < 0 || (s64)info->lo_sizelimit < 0)
		return -EOVERFLOW;
	return 0;
}

static bool block_size_ok(u32 n)
{
	return n >= SECTOR_SIZE && n <= PAGE_SIZE && !(n & (n - 1));
}

static void take_info(struct loop *l, const struct loop_info64 *info)
{
	l->offset = info->lo_offset;
	l->sizelimit = info->lo_sizelimit;
	memcpy(l->file_name, info->lo_file_name, LO_NAME_SIZE);
	memcpy(l->crypt_name, info->lo_crypt_name, LO_NAME_SIZE);
	l->file_name[LO_NAME_SIZE - 1] = l->crypt_name[LO_NAME_SIZE - 1] = 0;
}

static void scan(struct loop *l)
{
	if (l->flags & LO_FLAGS_PARTSCAN)
		blkdev_reread(l->bdev);		/* partitions in use stay */
}

/* All checks are done: l gets f (a reference). */
static int attach(struct loop *l, struct file *f, u32 block_size, const struct loop_info64 *info, u64 size)
{
	struct blkdev *b = l->bdev;
	int err = loop_start(l);

	if (err)
		return err;
	l->file = f;
	take_info(l, info);
	b->logical_size = b->physical_size = block_size ? block_size : SECTOR_SIZE;
	b->readonly = b->fixed_readonly = l->flags & LO_FLAGS_READ_ONLY;
	b->discard = b->write_zeroes = f->ops->fallocate && !block_of_file(f);
	blkdev_resized(b, size);
	return 0;
}

static int bind_file(struct loop *l, struct file *f, u32 block_size, const struct loop_info64 *info, bool write)
{
	u64 size;
	int err = check_file(l, f);

	if (!err && (info->lo_flags & ~(u32)FLAGS_CONFIGURE))
		err = -EINVAL;
	if (!err && block_size && !block_size_ok(block_size))
		err = -EINVAL;
	if (!err)
		err = check_info(info);
	if (!err)
		err = loop_size(f, info->lo_offset, info->lo_sizelimit, &size);
	if (err)
		return err;
	l->flags = info->lo_flags;
	if (!(f->mode & FMODE_WRITE) || !write || !f->ops->write)
		l->flags |= LO_FLAGS_READ_ONLY;
	return attach(l, f, block_size, info, size);
}

int loop_bind(struct loop *l, int fd, u32 block_size, const struct loop_info64 *info, bool write)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	if (l->file || l->busy) {
		fput(f);
		return -EBUSY;
	}
	l->busy = true;
	err = bind_file(l, f, block_size, info, write);
	if (err)
		fput(f);
	else
		scan(l);
	l->busy = false;
	return err;
}

int loop_unbind(struct loop *l)
{
	struct file *f = l->file;

	if (!f)
		return -ENXIO;
	if (l->busy)
		return -EBUSY;
	l->busy = true;
	blkdev_drop_partitions(l->bdev);
	blkdev_change_begin(l->bdev);	/* an error has been told to whoever asked by fsync() */
	loop_stop(l);
	l->file = NULL;
	l->offset = l->sizelimit = 0;
	l->flags = 0;
	memset(l->file_name, 0, sizeof(l->file_name));
	l->bdev->readonly = l->bdev->fixed_readonly = false;
	l->bdev->discard = l->bdev->write_zeroes = false;
	l->bdev->logical_size = l->bdev->physical_size = SECTOR_SIZE;
	blkdev_resized(l->bdev, 0);
	blkdev_change_end(l->bdev);
	fput(f);
	l->busy = false;
	return 0;
}

/* Only under a read-only device, and by one of the same size: an image moves below those who use it. */
int loop_change_file(struct loop *l, int fd)
{
	struct file *f, *old = l->file;
	u64 size;
	int err;

	if (!old)
		return -ENXIO;
	if (!(l->flags & LO_FLAGS_READ_ONLY))
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	err = check_file(l, f);
	if (!err)
		err = loop_size(f, l->offset, l->sizelimit, &size);
	if (!err && (size != l->bdev->size || l->file != old))
		err = -EINVAL;
	if (!err) {
		l->file = f;
		f = old;
		blkdev_change_end(l->bdev);
	}
	fput(f);
	return err;
}

int loop_set_status(struct loop *l, const struct loop_info64 *info)
{
	bool scanned = l->flags & LO_FLAGS_PARTSCAN, moved;
	u64 size;
	int err;

	if (!l->file)
		return -ENXIO;
	err = check_info(info);
	if (!err)
		err = loop_size(l->file, info->lo_offset, info->lo_sizelimit, &size);
	if (err)
		return err;
	moved = info->lo_offset != l->offset;
	if (moved)
		err = blkdev_change_begin(l->bdev);
	if (err || !l->file)
		return err ? err : -ENXIO;
	take_info(l, info);
	if (size != l->bdev->size)
		blkdev_resized(l->bdev, size);
	if (moved)
		blkdev_change_end(l->bdev);
	l->flags = (l->flags & ~(u32)FLAGS_CLEAR) | (info->lo_flags & FLAGS_SET);
	if (!scanned)
		scan(l);
	return 0;
}

int loop_resize(struct loop *l)
{
	u64 size;
	int err = l->file ? loop_size(l->file, l->offset, l->sizelimit, &size) : -ENXIO;

	if (!err)
		blkdev_resized(l->bdev, size);
	return err;
}

int loop_get_status(struct loop *l, struct loop_info64 *info)
{
	struct kstat st;
	int err;

	if (!l->file)
		return -ENXIO;
	memset(info, 0, sizeof(*info));
	info->lo_number = l->nr;
	info->lo_offset = l->offset;
	info->lo_sizelimit = l->sizelimit;
	info->lo_flags = l->flags;
	memcpy(info->lo_file_name, l->file_name, LO_NAME_SIZE);
	memcpy(info->lo_crypt_name, l->crypt_name, LO_NAME_SIZE);
	err = inode_getattr(l->file->inode, &st);
	if (err)
		return err;
	info->lo_device = st.dev;
	info->lo_inode = st.ino;
	info->lo_rdevice = st.rdev;
	return 0;
}
