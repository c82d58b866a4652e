/* SPDX-License-Identifier: MIT */
/*
 * System calls on extended attributes: four operations, each by path, by path without following,
 * by descriptor, and in the "at" form of Linux 6.13.
 */
#include "sys/sys.h"

#include <string.h>

#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/xattr.h"
#include "core/arena.h"
#include "lib/alloc.h"
#include "mm/user.h"
#include "sys/arg.h"

/* Of linux/xattr.h, which is younger than the headers we build with. */
struct xattr_args_k {
	u64 value;
	u32 size;
	u32 flags;
};

static int arg_name(ustr_t uname, char *name)
{
	ssize n = strncpy_from_user(name, uname, XATTR_NAME_MAX + 1);

	if (n < 0)
		return n;
	if (n == 0 || n > XATTR_NAME_MAX)
		return -ERANGE;
	name[n] = '\0';
	return 0;
}

/* --- the four operations on a target --- */

static long no_name(const struct at_target *t)
{
	return t->path.dentry ? 0 : -EOPNOTSUPP;
}

static long set_on(const struct at_target *t, ustr_t uname, ubuf_t uval, size_t size, u32 flags)
{
	char name[XATTR_NAME_MAX + 1];
	void *val = NULL;
	long err;

	if (flags & ~(u32)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = arg_name(uname, name);
	if (err)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	if (size) {
		val = arena_alloc(size);
		err = val ? copy_from_user(val, uval, size) : -ENOMEM;
	}
	if (!err)
		err = no_name(t);
	return err ? err : vfs_setxattr(&t->path, name, size ? val : "", size, flags);
}

static long get_from(const struct at_target *t, ustr_t uname, ubuf_t uval, size_t size)
{
	char name[XATTR_NAME_MAX + 1];
	void *val = NULL;
	long n = arg_name(uname, name);

	if (!n)
		n = no_name(t);
	if (n)
		return n;
	size = MIN(size, XATTR_SIZE_MAX);
	if (size) {
		val = arena_alloc(size);
		if (!val)
			return -ENOMEM;
	}
	n = vfs_getxattr(&t->path, name, val, size);
	if (n > 0 && size && copy_to_user(uval, val, n))
		return -EFAULT;
	return n;
}

static long list_of(const struct at_target *t, ubuf_t ulist, size_t size)
{
	char *list = NULL;
	long n = no_name(t);

	if (n)
		return n == -EOPNOTSUPP ? 0 : n;
	size = MIN(size, XATTR_LIST_MAX);
	if (size) {
		list = arena_alloc(size);
		if (!list)
			return -ENOMEM;
	}
	n = vfs_listxattr(&t->path, list, size);
	if (n > 0 && size && copy_to_user(ulist, list, n))
		return -EFAULT;
	return n;
}

static long remove_from(const struct at_target *t, ustr_t uname)
{
	char name[XATTR_NAME_MAX + 1];
	long err = arg_name(uname, name);

	if (!err)
		err = no_name(t);
	return err ? err : vfs_removexattr(&t->path, name);
}

/* --- set --- */

static long set_at(int dirfd, upath_t path, u32 at_flags, ustr_t name, ubuf_t val, size_t size,
		   u32 flags)
{
	struct at_target t;
	long err = at_target(dirfd, path, at_flags, 0, &t);

	if (err)
		return err;
	err = set_on(&t, name, val, size, flags);
	at_target_put(&t);
	return err;
}

long sys_setxattr(upath_t path, ustr_t name, ubuf_t value, size_t size, uhex_t flags)
{
	return set_at(AT_FDCWD, path, 0, name, value, size, flags);
}

long sys_lsetxattr(upath_t path, ustr_t name, ubuf_t value, size_t size, uhex_t flags)
{
	return set_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, name, value, size, flags);
}

long sys_fsetxattr(ufd_t fd, ustr_t name, ubuf_t value, size_t size, uhex_t flags)
{
	struct at_target t;
	long err = fd_target(fd, false, &t);

	if (err)
		return err;
	err = set_on(&t, name, value, size, flags);
	at_target_put(&t);
	return err;
}

static int arg_xattr_args(struct xattr_args_k *args, uaddr_t uargs, size_t size)
{
	if (size < sizeof(*args))
		return -EINVAL;
	return arg_sized_struct(args, sizeof(*args), uargs, size);
}

long sys_setxattrat(udirfd_t dirfd, upath_t path, uhex_t at_flags, ustr_t name, uaddr_t uargs,
		    size_t size)
{
	struct xattr_args_k args;
	int err = arg_xattr_args(&args, uargs, size);

	return err ? err : set_at(dirfd, path, at_flags, name, args.value, args.size, args.flags);
}

/* --- get --- */

static long get_at(int dirfd, upath_t path, u32 at_flags, ustr_t name, ubuf_t val, size_t size)
{
	struct at_target t;
	long ret = at_target(dirfd, path, at_flags, 0, &t);

	if (ret)
		return ret;
	ret = get_from(&t, name, val, size);
	at_target_put(&t);
	return ret;
}

long sys_getxattr(upath_t path, ustr_t name, ubuf_t value, size_t size)
{
	return get_at(AT_FDCWD, path, 0, name, value, size);
}

long sys_lgetxattr(upath_t path, ustr_t name, ubuf_t value, size_t size)
{
	return get_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, name, value, size);
}

long sys_fgetxattr(ufd_t fd, ustr_t name, ubuf_t value, size_t size)
{
	struct at_target t;
	long ret = fd_target(fd, false, &t);

	if (ret)
		return ret;
	ret = get_from(&t, name, value, size);
	at_target_put(&t);
	return ret;
}

long sys_getxattrat(udirfd_t dirfd, upath_t path, uhex_t at_flags, ustr_t name, uaddr_t uargs,
		    size_t size)
{
	struct xattr_args_k args;
	int err = arg_xattr_args(&args, uargs, size);

	if (!err && args.flags)
		err = -EINVAL;
	return err ? err : get_at(dirfd, path, at_flags, name, args.value, args.size);
}

/* --- list --- */

static long list_at(int dirfd, upath_t path, u32 at_flags, ubuf_t list, size_t size)
{
	struct at_target t;
	long ret = at_target(dirfd, path, at_flags, 0, &t);

	if (ret)
		return ret;
	ret = list_of(&t, list, size);
	at_target_put(&t);
	return ret;
}

long sys_listxattr(upath_t path, ubuf_t list, size_t size)
{
	return list_at(AT_FDCWD, path, 0, list, size);
}

long sys_llistxattr(upath_t path, ubuf_t list, size_t size)
{
	return list_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, list, size);
}

long sys_flistxattr(ufd_t fd, ubuf_t list, size_t size)
{
	struct at_target t;
	long ret = fd_target(fd, false, &t);

	if (ret)
		return ret;
	ret = list_of(&t, list, size);
	at_target_put(&t);
	return ret;
}

long sys_listxattrat(udirfd_t dirfd, upath_t path, uhex_t at_flags, ubuf_t list, size_t size)
{
	return list_at(dirfd, path, at_flags, list, size);
}

/* --- remove --- */

static long remove_at(int dirfd, upath_t path, u32 at_flags, ustr_t name)
{
	struct at_target t;
	long err = at_target(dirfd, path, at_flags, 0, &t);

	if (err)
		return err;
	err = remove_from(&t, name);
	at_target_put(&t);
	return err;
}

long sys_removexattr(upath_t path, ustr_t name)
{
	return remove_at(AT_FDCWD, path, 0, name);
}

long sys_lremovexattr(upath_t path, ustr_t name)
{
	return remove_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, name);
}

long sys_fremovexattr(ufd_t fd, ustr_t name)
{
	struct at_target t;
	long err = fd_target(fd, false, &t);

	if (err)
		return err;
	err = remove_from(&t, name);
	at_target_put(&t);
	return err;
}

long sys_removexattrat(udirfd_t dirfd, upath_t path, uhex_t at_flags, ustr_t name)
{
	return remove_at(dirfd, path, at_flags, name);
}
