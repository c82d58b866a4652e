/* SPDX-License-Identifier: MIT */
/* file_getattr, file_setattr: what FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR tell and change, by path. */
#include "sys/sys.h"

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "core/arena.h"
#include "mm/user.h"
#include "sys/arg.h"

/* Newer than the headers of Debian 12. */
struct file_attr_k {
	u64 xflags;
	u32 extsize, nextents, projid, cowextsize;
};
#define FILE_ATTR_SIZE_VER0 24

static int check_call(size_t size, u32 flags)
{
	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return size < FILE_ATTR_SIZE_VER0 ? -EINVAL : 0;
}

/* Sized by the reader: what it has more room for is zero. */
static int put_sized(uaddr_t dst, size_t usize, const struct file_attr_k *a)
{
	size_t n = MIN(usize, sizeof(*a));
	int err = copy_to_user(dst, a, n);

	if (!err && usize > n)
		err = clear_user(dst + n, usize - n);
	return err;
}

static int get_attr(struct inode *inode, struct file_attr_k *a)
{
	struct fsx_k x = { 0 };
	int err = inode->ops->get_fsx ? inode->ops->get_fsx(inode, &x) : -EOPNOTSUPP;

	if (!err)
		*a = (struct file_attr_k){ .xflags = x.xflags, .projid = x.projid };
	return err;
}

static int set_attr(const struct path *p, const struct file_attr_k *a)
{
	struct inode *inode = p->dentry->inode;
	struct fsx_k x = { .projid = a->projid };
	int err;

	if (!inode->ops->set_fsx)
		return -EOPNOTSUPP;
	/* No file system here has sizes of extents to choose. */
	if ((a->xflags >> 32) || a->extsize || a->cowextsize)
		return -EOPNOTSUPP;
	x.xflags = (u32)a->xflags;
	err = mnt_want_write(p->mnt);
	if (err)
		return err;
	return inode_owner_or_capable(inode) ? inode->ops->set_fsx(inode, &x) : -EPERM;
}

long sys_file_getattr(udirfd_t dirfd, upath_t path, uaddr_t uattr, size_t size, uhex_t flags)
{
	struct at_target t;
	struct file_attr_k a;
	int err = check_call(size, flags);

	if (!err)
		err = at_target(dirfd, path, flags, 0, &t);
	if (err)
		return err;
	err = t.path.dentry ? get_attr(t.path.dentry->inode, &a) : -EOPNOTSUPP;
	at_target_put(&t);
	return err ? err : put_sized(uattr, size, &a);
}

long sys_file_setattr(udirfd_t dirfd, upath_t path, uaddr_t uattr, size_t size, uhex_t flags)
{
	struct file_attr_k a;
	struct at_target t;
	int err = check_call(size, flags);

	if (!err)
		err = arg_sized_struct(&a, sizeof(a), uattr, size);
	if (!err)
		err = at_target(dirfd, path, flags, 0, &t);
	if (err)
		return err;
	err = t.path.dentry ? set_attr(&t.path, &a) : -EOPNOTSUPP;
	at_target_put(&t);
	return err;
}
