/* SPDX-License-Identifier: MIT */
/*
 * ioctls of loop devices. The old structure of LOOP_SET_STATUS has narrower fields.
 */
#include "dev/loop.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "block/blkdev.h"
#include "core/cred.h"
#include "mm/user.h"
#include "vfs/vfs.h"

static long set_fd(struct loop *l, bool write, u64 arg)
{
	static const struct loop_info64 none;

	return loop_bind(l, (int)arg, 0, &none, write);
}

static long configure(struct loop *l, bool write, u64 arg)
{
	static const u64 reserved[8];
	struct loop_config c;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (memcmp(c.__reserved, reserved, sizeof(reserved)))
		return -EINVAL;
	return loop_bind(l, (int)c.fd, c.block_size, &c.info, write);
}

/* With other users it goes when they have gone. */
static long clear_fd(struct loop *l, bool write, u64 arg)
{
	if (!l->file)
		return -ENXIO;
	if (l->bdev->disk_users > 1) {
		l->flags |= LO_FLAGS_AUTOCLEAR;
		return 0;
	}
	return loop_unbind(l);
}

static long change_fd(struct loop *l, bool write, u64 arg)
{
	return loop_change_file(l, (int)arg);
}

static long set_status64(struct loop *l, bool write, u64 arg)
{
	struct loop_info64 info;

	return copy_from_user(&info, arg, sizeof(info)) ? -EFAULT : loop_set_status(l, &info);
}

static long set_status(struct loop *l, bool write, u64 arg)
{
	struct loop_info64 info = { 0 };
	struct loop_info old;

	if (copy_from_user(&old, arg, sizeof(old)))
		return -EFAULT;
	info.lo_offset = (u64)(s64)old.lo_offset;
	info.lo_encrypt_type = (u32)old.lo_encrypt_type;
	info.lo_encrypt_key_size = (u32)old.lo_encrypt_key_size;
	info.lo_flags = (u32)old.lo_flags;
	memcpy(info.lo_file_name, old.lo_name, LO_NAME_SIZE);
	return loop_set_status(l, &info);
}

static long get_status64(struct loop *l, bool write, u64 arg)
{
	struct loop_info64 info;
	int err = loop_get_status(l, &info);

	return err ? err : put_user(info, arg);
}

static long get_status(struct loop *l, bool write, u64 arg)
{
	struct loop_info64 info;
	struct loop_info old = { 0 };
	int err = loop_get_status(l, &info);

	if (err)
		return err;
	if (info.lo_offset > INT32_MAX)
		return -EOVERFLOW;
	old.lo_number = (int)info.lo_number;
	old.lo_device = (__kernel_old_dev_t)info.lo_device;
	old.lo_inode = (unsigned long)info.lo_inode;
	old.lo_rdevice = (__kernel_old_dev_t)info.lo_rdevice;
	old.lo_offset = (int)info.lo_offset;
	old.lo_flags = (int)info.lo_flags;
	memcpy(old.lo_name, info.lo_file_name, LO_NAME_SIZE);
	return put_user(old, arg);
}

static long set_capacity(struct loop *l, bool write, u64 arg)
{
	return loop_resize(l);
}

/* A hint here: the cache below is the file system's. Refused where O_DIRECT could not work. */
static long set_direct_io(struct loop *l, bool write, u64 arg)
{
	if (!l->file)
		return -ENXIO;
	if (arg && l->offset % l->bdev->logical_size)
		return -EINVAL;
	l->flags = arg ? l->flags | LO_FLAGS_DIRECT_IO : l->flags & ~(u32)LO_FLAGS_DIRECT_IO;
	return 0;
}

static long set_block_size(struct loop *l, bool write, u64 arg)
{
	if (!l->file)
		return -ENXIO;
	if (arg < SECTOR_SIZE || arg > PAGE_SIZE || (arg & (arg - 1)))
		return -EINVAL;
	l->bdev->logical_size = l->bdev->physical_size = (u32)arg;
	return 0;
}

static const struct {
	u32 cmd;
	bool writes;			/* needs a descriptor that may, or CAP_SYS_ADMIN */
	long (*fn)(struct loop *l, bool write, u64 arg);
} ioctls[] = {
	{ LOOP_SET_FD, false, set_fd },
	{ LOOP_CONFIGURE, false, configure },
	{ LOOP_CHANGE_FD, false, change_fd },
	{ LOOP_CLR_FD, false, clear_fd },
	{ LOOP_SET_STATUS, true, set_status },
	{ LOOP_SET_STATUS64, true, set_status64 },
	{ LOOP_GET_STATUS, false, get_status },
	{ LOOP_GET_STATUS64, false, get_status64 },
	{ LOOP_SET_CAPACITY, true, set_capacity },
	{ LOOP_SET_DIRECT_IO, true, set_direct_io },
	{ LOOP_SET_BLOCK_SIZE, true, set_block_size },
};

long loop_ioctl(struct blkdev *b, bool write, u32 cmd, u64 arg)
{
	if (b->whole != b)
		return -ENOIOCTLCMD_K;
	for (size_t i = 0; i < ARRAY_SIZE(ioctls); i++) {
		if (ioctls[i].cmd != cmd)
			continue;
		if (ioctls[i].writes && !write && !capable(CAP_SYS_ADMIN))
			return -EPERM;
		return ioctls[i].fn(b->private, write, arg);
	}
	return -ENOIOCTLCMD_K;
}
