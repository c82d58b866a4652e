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

static int may_change(struct file *f)
{
	int err = mnt_want_write(f->path.mnt);

	if (err)
		return err;
	return inode_owner_or_capable(f->inode) ? 0 : -EPERM;
}

static int set_flags(struct inode *i, u32 flags)
{
	if (flags & ~(u32)MODIFIABLE)
		return -EOPNOTSUPP;
	if (((flags ^ i->fsflags) & (FS_IMMUTABLE_FL | FS_APPEND_FL)) &&
	    !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	i->fsflags = flags;
	inode_set_now(i, 0);
	return 0;
}

/* The flags under their other names. */
static const struct {
	u32 flag, x;
} xflags[] = {
	{ FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE }, { FS_APPEND_FL, FS_XFLAG_APPEND },
	{ FS_NODUMP_FL, FS_XFLAG_NODUMP },	 { FS_NOATIME_FL, FS_XFLAG_NOATIME },
};

int tmpfs_get_fsx(struct inode *i, struct fsx_k *x)
{
	size_t k;

	*x = (struct fsx_k){ 0 };
	for (k = 0; k < ARRAY_SIZE(xflags); k++)
		if (i->fsflags & xflags[k].flag)
			x->xflags |= xflags[k].x;
	return 0;
}

int tmpfs_set_fsx(struct inode *i, const struct fsx_k *x)
{
	u32 flags = 0, known = 0;
	size_t k;

	for (k = 0; k < ARRAY_SIZE(xflags); k++) {
		known |= xflags[k].x;
		if (x->xflags & xflags[k].x)
			flags |= xflags[k].flag;
	}
	if ((x->xflags & ~known) || x->projid)
		return -EOPNOTSUPP;
	return set_flags(i, flags);
}

static long ioc_setflags(struct file *f, u64 arg)
{
	u32 flags;
	int err = may_change(f);

	if (err)
		return err;
	return get_user(flags, arg) ? -EFAULT : set_flags(f->inode, flags);
}

static long ioc_fsgetxattr(struct file *f, u64 arg)
{
	struct fsxattr out = { 0 };
	struct fsx_k x;

	tmpfs_get_fsx(f->inode, &x);
	out.fsx_xflags = x.xflags;
	return copy_to_user(arg, &out, sizeof(out));
}

static long ioc_fssetxattr(struct file *f, u64 arg)
{
	struct fsxattr in;
	int err;

	if (copy_from_user(&in, arg, sizeof(in)))
		return -EFAULT;
	err = may_change(f);
	return err ? err : tmpfs_set_fsx(f->inode, &(struct fsx_k){ in.fsx_xflags, in.fsx_projid });
}

long tmpfs_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case FS_IOC_GETFLAGS:
		return put_user(f->inode->fsflags, arg);
	case FS_IOC_SETFLAGS:
		return ioc_setflags(f, arg);
	case FS_IOC_FSGETXATTR:
		return ioc_fsgetxattr(f, arg);
	case FS_IOC_FSSETXATTR:
		return ioc_fssetxattr(f, arg);
	default:
		return -ENOIOCTLCMD_K;
	}
}
