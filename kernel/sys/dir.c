/* SPDX-License-Identifier: MIT */
/* System calls on names: directories, links, renames, the working directory. */
#include "sys/sys.h"

#include <string.h>

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/stat.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "sys/arg.h"

/* --- make and remove --- */

long sys_mkdirat(udirfd_t dirfd, upath_t upath, umode_t mode)
{
	const char *name;
	int err = arg_path(upath, &name);

	return err ? err : vfs_mkdir(dirfd, name, mode);
}

long sys_mkdir(upath_t path, umode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(udirfd_t dirfd, upath_t upath, umode_t mode, u32 dev)
{
	const char *name;
	int err = arg_path(upath, &name);

	return err ? err : vfs_mknod(dirfd, name, mode, dev);
}

long sys_mknod(upath_t path, umode_t mode, u32 dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_unlinkat(udirfd_t dirfd, upath_t upath, uhex_t flags)
{
	const char *name;
	int err;

	if (flags & ~(u32)AT_REMOVEDIR)
		return -EINVAL;
	err = arg_path(upath, &name);
	if (err)
		return err;
	return flags & AT_REMOVEDIR ? vfs_rmdir(dirfd, name) : vfs_unlink(dirfd, name);
}

long sys_unlink(upath_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(upath_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* --- links --- */

long sys_symlinkat(upath_t utarget, udirfd_t dirfd, upath_t upath)
{
	const char *target, *name;
	int err = arg_path(utarget, &target);

	if (!err)
		err = arg_path(upath, &name);
	return err ? err : vfs_symlink(target, dirfd, name);
}

long sys_symlink(upath_t target, upath_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(udirfd_t olddirfd, upath_t uold, udirfd_t newdirfd, upath_t unew, uhex_t flags)
{
	const char *old, *new;
	int err;

	if (flags & ~(u32)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = arg_path(uold, &old);
	if (!err)
		err = arg_path(unew, &new);
	return err ? err : vfs_link(olddirfd, old, newdirfd, new, flags);
}

long sys_link(upath_t old, upath_t new)
{
	return sys_linkat(AT_FDCWD, old, AT_FDCWD, new, 0);
}

long sys_renameat2(udirfd_t olddirfd, upath_t uold, udirfd_t newdirfd, upath_t unew, uhex_t flags)
{
	const char *old, *new;
	int err;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE && flags & (RENAME_NOREPLACE | RENAME_WHITEOUT))
		return -EINVAL;
	err = arg_path(uold, &old);
	if (!err)
		err = arg_path(unew, &new);
	return err ? err : vfs_rename(olddirfd, old, newdirfd, new, flags);
}

long sys_renameat(udirfd_t olddirfd, upath_t old, udirfd_t newdirfd, upath_t new)
{
	return sys_renameat2(olddirfd, old, newdirfd, new, 0);
}

long sys_rename(upath_t old, upath_t new)
{
	return sys_renameat2(AT_FDCWD, old, AT_FDCWD, new, 0);
}

/* --- working directory and root --- */

long sys_chdir(upath_t upath)
{
	struct path path;
	int err = arg_lookup(AT_FDCWD, upath, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = vfs_chdir(&path);
	path_put(&path);
	return err;
}

long sys_fchdir(ufd_t fd)
{
	struct file *f = fd_get_path(fd);
	int err;

	if (!f)
		return -EBADF;
	if (!f->path.dentry || !f->inode || !S_ISDIR(f->inode->mode))
		err = -ENOTDIR;
	else
		err = vfs_chdir(&f->path);
	fput(f);
	return err;
}

long sys_chroot(upath_t upath)
{
	const char *name;
	int err = arg_path(upath, &name);

	return err ? err : vfs_chroot(name);
}

long sys_getcwd(ubuf_t ubuf, u64 size)
{
	char buf[PATH_MAX];
	ssize n = vfs_getcwd(buf, sizeof(buf));
	int err;

	if (n < 0)
		return n == -ERANGE ? -ENAMETOOLONG : n;
	if ((u64)n > size)
		return -ERANGE;
	err = copy_to_user(ubuf, buf, n);
	return err ? err : n;
}

/* --- reading directories --- */

/* Entries are put together here and copied out at the end of each buffer. */
#define CHUNK 32768

struct fill {
	struct dir_ctx ctx;
	bool old;			/* struct linux_dirent: the type stands in the last byte */
	char *buf;
	size_t len, size;
	int err;
};

struct dirent64_k {
	u64 ino;
	s64 off;
	u16 reclen;
	u8 type;
	char name[];
} __attribute__((packed));

struct dirent_k {
	u64 ino;
	u64 off;
	u16 reclen;
	char name[];
} __attribute__((packed));

static size_t entry_size(const struct fill *fl, size_t namelen)
{
	size_t head = fl->old ? offsetof(struct dirent_k, name) + 1 :
				offsetof(struct dirent64_k, name);

	return ALIGN_UP(head + namelen + 1, 8);
}

static bool fill_entry(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type,
		       off64 next)
{
	struct fill *fl = container_of(ctx, struct fill, ctx);
	size_t size = entry_size(fl, len);
	char *p = fl->buf + fl->len;

	if (fl->len + size > fl->size) {
		fl->err = -EINVAL;
		return false;
	}
	memset(p, 0, size);
	if (fl->old) {
		struct dirent_k *d = (struct dirent_k *)p;

		d->ino = ino;
		d->off = next;
		d->reclen = size;
		memcpy(d->name, name, len);
		p[size - 1] = type;
	} else {
		struct dirent64_k *d = (struct dirent64_k *)p;

		d->ino = ino;
		d->off = next;
		d->reclen = size;
		d->type = type;
		memcpy(d->name, name, len);
	}
	fl->len += size;
	return true;
}

static int read_entries(struct file *f, struct fill *fl)
{
	struct inode *dir = f->inode;
	int err;

	mutex_lock(&f->pos_lock);
	fl->ctx.pos = f->pos;
	if (dir->dead)
		err = -ENOENT;
	else
		err = f->ops->readdir(f, &fl->ctx);
	/* Also after an error: what was given out before it is not given out again. */
	f->pos = fl->ctx.pos;
	mutex_unlock(&f->pos_lock);
	return err < 0 ? err : 0;
}

static long do_getdents(int fd, uaddr_t ubuf, u32 count, bool old)
{
	struct fill fl = { .ctx.actor = fill_entry, .old = old, .size = MIN(count, CHUNK) };
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	if (!f->inode || !S_ISDIR(f->inode->mode) || !f->ops->readdir)
		err = -ENOTDIR;
	else if (!(fl.buf = arena_alloc(fl.size ? fl.size : 1)))
		err = -ENOMEM;
	else
		err = read_entries(f, &fl);
	fput(f);
	if (err && !fl.len)
		return err;
	/* Nothing fitted: the buffer is too small for one entry, unless there is none. */
	if (!fl.len)
		return fl.err;
	err = copy_to_user(ubuf, fl.buf, fl.len);
	return err ? err : (long)fl.len;
}

long sys_getdents(ufd_t fd, uaddr_t buf, u32 count)
{
	return do_getdents(fd, buf, count, true);
}

long sys_getdents64(ufd_t fd, uaddr_t buf, u32 count)
{
	return do_getdents(fd, buf, count, false);
}
