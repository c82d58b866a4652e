/* SPDX-License-Identifier: MIT */
/*
 * ioctls of files and directories: flags (chattr), project, generation, where the blocks are, trim.
 */
#include "fs/ext4/priv.h"

#include "abi/fiemap.h"
#include "abi/ioctl.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "mm/user.h"

/* The first three and DAX only are kept, as Linux does where they mean nothing. */
#define MODIFIABLE                                                                                 \
	(EXT4_SECRM_FL | EXT4_UNRM_FL | EXT4_COMPR_FL |                                            \
	 EXT4_SYNC_FL | EXT4_IMMUTABLE_FL | EXT4_APPEND_FL | EXT4_NODUMP_FL | EXT4_NOATIME_FL |    \
	 EXT4_DIRSYNC_FL | EXT4_TOPDIR_FL | EXT4_NOTAIL_FL | EXT4_PROJINHERIT_FL | EXT4_DAX_FL)
#define VISIBLE                                                                                    \
	(MODIFIABLE | EXT4_ENCRYPT_FL | EXT4_INDEX_FL | EXT4_JOURNAL_DATA_FL | EXT4_EXTENTS_FL |   \
	 EXT4_VERITY_FL | EXT4_INLINE_DATA_FL | EXT4_HUGE_FILE_FL)
#define KEPT                                                                                       \
	(EXT4_SYNC_FL | EXT4_IMMUTABLE_FL | EXT4_APPEND_FL | EXT4_NODUMP_FL | EXT4_NOATIME_FL |    \
	 EXT4_DIRSYNC_FL)

static int may_change(struct file *f)
{
	int err = mnt_want_write(f->path.mnt);

	if (err)
		return err;
	return inode_owner_or_capable(f->inode) ? 0 : -EPERM;
}

static int write_back(struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err = ext4_start(fs, 2, &h);

	if (err)
		return err;
	inode_set_now(inode, 0);
	err = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	return err;
}

static int set_flags(struct inode *inode, u32 flags)
{
	struct ext4_inode *ei = ext4_i(inode);
	u32 old = ei->flags & VISIBLE;

	/* What is visible only may be asked for in vain. */
	if (flags & ~(u32)VISIBLE || ((flags ^ old) & (EXT4_JOURNAL_DATA_FL | EXT4_EXTENTS_FL)))
		return -EOPNOTSUPP;
	if (((flags ^ old) & (EXT4_IMMUTABLE_FL | EXT4_APPEND_FL)) && !capable(CAP_LINUX_IMMUTABLE))
		return -EPERM;
	if (!S_ISDIR(inode->mode))
		flags &= ~(u32)(EXT4_DIRSYNC_FL | EXT4_TOPDIR_FL);
	ei->flags = (ei->flags & ~(u32)MODIFIABLE) | (flags & MODIFIABLE);
	inode->fsflags = ei->flags & KEPT;
	return write_back(inode);
}

static long ioc_setflags(struct file *f, uaddr_t arg)
{
	u32 flags;
	int err = may_change(f);

	if (err)
		return err;
	return get_user(flags, arg) ? -EFAULT : set_flags(f->inode, flags);
}

static long ioc_getflags(struct file *f, uaddr_t arg)
{
	return put_user(ext4_i(f->inode)->flags & VISIBLE, arg);
}

static long ioc_getversion(struct file *f, uaddr_t arg)
{
	return put_user(ext4_i(f->inode)->generation, arg);
}

/* The flags under their other names. */
static const struct {
	u32 flag, x;
} xflags[] = {
	{ EXT4_SYNC_FL, FS_XFLAG_SYNC },       { EXT4_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE },
	{ EXT4_APPEND_FL, FS_XFLAG_APPEND },   { EXT4_NODUMP_FL, FS_XFLAG_NODUMP },
	{ EXT4_NOATIME_FL, FS_XFLAG_NOATIME }, { EXT4_PROJINHERIT_FL, FS_XFLAG_PROJINHERIT },
	{ EXT4_DAX_FL, FS_XFLAG_DAX },
};

int ext4_get_fsx(struct inode *inode, struct fsx_k *x)
{
	const struct ext4_inode *ei = ext4_i(inode);

	*x = (struct fsx_k){ .projid = ei->projid };
	for (size_t i = 0; i < ARRAY_SIZE(xflags); i++)
		if (ei->flags & xflags[i].flag)
			x->xflags |= xflags[i].x;
	return 0;
}

int ext4_set_fsx(struct inode *inode, const struct fsx_k *x)
{
	struct ext4_inode *ei = ext4_i(inode);
	u32 flags = ei->flags & VISIBLE, known = 0, old = ei->projid;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(xflags); i++) {
		known |= xflags[i].x;
		flags = x->xflags & xflags[i].x ? flags | xflags[i].flag :
						  flags & ~xflags[i].flag;
	}
	if (x->xflags & ~known)
		return -EOPNOTSUPP;
	if (x->projid != ei->projid && !ext4_ro_compat(ext4_of(inode), RO_COMPAT_PROJECT))
		return -EOPNOTSUPP;
	ei->projid = x->projid;
	err = set_flags(inode, flags);
	if (err)
		ei->projid = old;
	return err;
}

static long ioc_getxattr(struct file *f, uaddr_t arg)
{
	struct fsxattr out = { 0 };
	struct fsx_k x;

	ext4_get_fsx(f->inode, &x);
	out.fsx_xflags = x.xflags;
	out.fsx_projid = x.projid;
	return copy_to_user(arg, &out, sizeof(out)) ? -EFAULT : 0;
}

static long ioc_setxattr(struct file *f, uaddr_t arg)
{
	struct fsxattr in;
	int err;

	if (copy_from_user(&in, arg, sizeof(in)))
		return -EFAULT;
	err = may_change(f);
	if (err)
		return err;
	return ext4_set_fsx(f->inode, &(struct fsx_k){ in.fsx_xflags, in.fsx_projid });
}

static long ioc_trim(struct file *f, uaddr_t arg)
{
	struct ext4 *fs = ext4_of(f->inode);
	struct fstrim_range r;
	u64 first, end, min, done = 0;
	int err = 0;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!fs->bdev->discard)
		return -EOPNOTSUPP;
	/* The bitmaps are those from before the log: what looks free may be in use. */
	if (fs->opts.noload && ext4_compat(fs, COMPAT_HAS_JOURNAL))
		return -EROFS;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	first = r.start >> fs->block_bits;
	end = r.len >> fs->block_bits > fs->blocks_count - MIN(first, fs->blocks_count) ?
		      fs->blocks_count :
		      first + (r.len >> fs->block_bits);
	min = r.minlen >> fs->block_bits;
	if (min > fs->blocks_per_group || first >= fs->blocks_count || r.len < fs->block_size)
		return -EINVAL;
	first = MAX(first, (u64)fs->first_data_block);
	for (u32 g = (u32)((first - fs->first_data_block) / fs->blocks_per_group);
	     g < fs->ngroups && !err; g++) {
		u64 start = ext4_group_start(fs, g), stop = start + ext4_group_blocks(fs, g);

		if (start >= end)
			break;
		err = ext4_trim_group(fs, g, (u32)(MAX(first, start) - start),
				      (u32)(MIN(end, stop) - start), (u32)MAX(min, 1ULL), &done);
	}
	r.len = done << fs->block_bits;
	return err ? err : copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static const struct {
	u32 cmd;
	long (*fn)(struct file *f, uaddr_t arg);
} table[] = {
	{ FS_IOC_GETFLAGS, ioc_getflags },     { FS_IOC_SETFLAGS, ioc_setflags },
	{ FS_IOC_GETVERSION, ioc_getversion }, { FS_IOC_FSGETXATTR, ioc_getxattr },
	{ FS_IOC_FSSETXATTR, ioc_setxattr },   { FITRIM, ioc_trim },
	{ FS_IOC_FIEMAP, ext4_ioc_fiemap },    { EXT4_IOC_SHUTDOWN, ext4_ioc_shutdown },
	{ FIFREEZE, ext4_ioc_freeze },	       { FITHAW, ext4_ioc_thaw },
	{ FIBMAP, ext4_ioc_fibmap },	       { FS_IOC_GETFSLABEL, ext4_ioc_get_label },
	{ FS_IOC_SETFSLABEL, ext4_ioc_set_label },
};

long ext4_ioctl(struct file *f, u32 cmd, u64 arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].cmd == cmd)
			return table[i].fn(f, arg);
	return -ENOIOCTLCMD_K;
}
