/* SPDX-License-Identifier: MIT */
/*
 * chattr and lsattr on tmpfs: the flags are kept in the inode, the VFS acts on them.
 */
#include "fs/tmpfs/priv.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "mm/user.h"

#define MODIFIABLE (FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL)

static int set_flags(struct file *f, u32 flags)
{
	struct inode *i = f->inode;
	int err = mnt_want_write(f->path.mnt);

	if (err)
		return err;
	if (!inode_owner_or_capable(i))
		return -EPERM;
	if (flags & ~(u32)MODIFIABLE)
		return -EOPNOTSUPP;
	if (((flags ^ i->fsflags) & (FS_IMMUTABLE_FL | FS_APPEND_FL)) &&
	    !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	i->fsflags = flags;
	inode_set_now(i, 0);
	return 0;
}

long tmpfs_ioctl(struct file *f, u32 cmd, u64 arg)
{
	u32 flags;

	switch (cmd) {
	case FS_IOC_GETFLAGS:
		return put_user(f->inode->fsflags, arg);
	case FS_IOC_SETFLAGS:
		if (get_user(flags, arg))
			return -EFAULT;
		return set_flags(f, flags);
	default:
		return -ENOIOCTLCMD_K;
	}
}
