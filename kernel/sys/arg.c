/* SPDX-License-Identifier: MIT */
/* Taking arguments in: see sys/arg.h. */
#include "sys/arg.h"

#include <string.h>

#include "abi/fcntl.h"
#include "core/arena.h"
#include "core/task.h"
#include "mm/user.h"

int arg_path(upath_t upath, const char **out)
{
	return path_from_user(upath, out);
}

int arg_lookup(int dirfd, upath_t upath, u32 lookup_flags, struct path *out)
{
	const char *name;
	int err = path_from_user(upath, &name);

	return err ? err : path_lookup(dirfd, name, lookup_flags, out);
}

int fd_target(int fd, bool path_too, struct at_target *out)
{
	out->file = path_too ? fd_get_path(fd) : fd_get(fd);
	if (!out->file)
		return -EBADF;
	out->path = out->file->path;
	return 0;
}

int at_target(int dirfd, upath_t upath, u32 flags, u32 allowed, struct at_target *out)
{
	const char *name = "";
	u32 lookup = 0;
	int err = 0;

	if (flags & ~(allowed | AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (upath || !(flags & AT_EMPTY_PATH))
		err = path_from_user(upath, &name);
	if (err)
		return err;
	if (!*name && flags & AT_EMPTY_PATH && dirfd != AT_FDCWD)
		return fd_target(dirfd, true, out);
	if (flags & AT_EMPTY_PATH)
		lookup |= LOOKUP_EMPTY;
	if (!(flags & AT_SYMLINK_NOFOLLOW))
		lookup |= LOOKUP_FOLLOW;
	out->file = NULL;
	return path_lookup(dirfd, name, lookup, &out->path);
}

void at_target_put(struct at_target *t)
{
	if (t->file)
		fput(t->file);
	else
		path_put(&t->path);
}

/* A file without a name (pipe, socket, eventfd) has attributes, too. */
static int anon_setattr(struct inode *inode, struct iattr *a)
{
	if (!inode)
		return -EINVAL;
	if (!inode_owner_or_capable(inode))
		return -EPERM;
	inode_apply_attr(inode, a);
	return 0;
}

int at_target_setattr(const struct at_target *t, struct iattr *a)
{
	if (!t->path.dentry)
		return anon_setattr(t->file->inode, a);
	if (t->file && !(t->file->mode & FMODE_PATH))
		a->file = t->file;
	return notify_change(&t->path, a);
}

static bool all_zero(const u8 *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i])
			return false;
	}
	return true;
}

int arg_sized_struct(void *dst, size_t ksize, uaddr_t src, size_t usize)
{
	u8 *buf;
	int err;

	if (usize > PAGE_SIZE)
		return -E2BIG;
	buf = arena_alloc(MAX(usize, ksize));
	if (!buf)
		return -ENOMEM;
	memset(buf, 0, MAX(usize, ksize));
	err = copy_from_user(buf, src, usize);
	if (err)
		return err;
	if (usize > ksize && !all_zero(buf + ksize, usize - ksize))
		return -E2BIG;
	memcpy(dst, buf, ksize);
	return 0;
}
