/* SPDX-License-Identifier: MIT */
/* System calls that read attributes: stat family, access, statfs, readlink. */
#include "sys/sys.h"

#include <string.h>

#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/arena.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "sys/arg.h"

/* --- stat --- */

static int target_getattr(const struct at_target *t, struct kstat *st)
{
	if (t->path.dentry)
		return vfs_getattr(&t->path, st);
	return t->file->inode ? inode_getattr(t->file->inode, st) : -EBADF;
}

/* What is asked for again and again the process is told for good. */
static int fd_getattr(int fd, const struct at_target *t, struct kstat *st)
{
	u32 moves;
	bool show = t->path.dentry && t->path.dentry->inode == t->file->inode &&
		    fd_may_show(fd, t->file, &moves);
	int err = target_getattr(t, st);

	if (!err && show)
		fd_show(fd, t->file, st, moves);
	return err;
}

static int get_attr(int dirfd, upath_t path, u32 flags, struct kstat *st)
{
	struct at_target t;
	int err = at_target(dirfd, path, flags, AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE, &t);

	if (err)
		return err;
	err = t.file ? fd_getattr(dirfd, &t, st) : target_getattr(&t, st);
	at_target_put(&t);
	return err;
}

static long put_stat(uaddr_t ust, const struct kstat *k)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	st.st_dev = k->dev;
	st.st_ino = k->ino;
	st.st_mode = k->mode;
	st.st_nlink = k->nlink;
	st.st_uid = k->uid;
	st.st_gid = k->gid;
	st.st_rdev = k->rdev;
	st.st_size = k->size;
	st.st_blksize = k->blksize;
	st.st_blocks = k->blocks;
	st.st_atime = k->atime.sec;
	st.st_atime_nsec = k->atime.nsec;
	st.st_mtime = k->mtime.sec;
	st.st_mtime_nsec = k->mtime.nsec;
	st.st_ctime = k->ctime.sec;
	st.st_ctime_nsec = k->ctime.nsec;
	return copy_to_user(ust, &st, sizeof(st));
}

static long do_stat(int dirfd, upath_t path, uaddr_t ust, u32 flags)
{
	struct kstat k;
	int err = get_attr(dirfd, path, flags, &k);

	return err ? err : put_stat(ust, &k);
}

long sys_stat(upath_t path, uaddr_t st)
{
	return do_stat(AT_FDCWD, path, st, 0);
}

long sys_lstat(upath_t path, uaddr_t st)
{
	return do_stat(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

long sys_newfstatat(udirfd_t dirfd, upath_t path, uaddr_t st, uhex_t flags)
{
	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return do_stat(dirfd, path, st, flags);
}

long sys_fstat(ufd_t fd, uaddr_t st)
{
	struct at_target t;
	struct kstat k;
	int err = fd_target(fd, true, &t);

	if (err)
		return err;
	err = fd_getattr(fd, &t, &k);
	at_target_put(&t);
	return err ? err : put_stat(st, &k);
}

static struct statx_timestamp statx_time(struct ts_k t)
{
	return (struct statx_timestamp){ .tv_sec = t.sec, .tv_nsec = t.nsec };
}

static void fill_statx(struct statx *x, const struct kstat *k, const struct at_target *t, u32 mask)
{
	memset(x, 0, sizeof(*x));
	x->stx_mask = STATX_BASIC_STATS | (k->has_btime ? STATX_BTIME : 0);
	x->stx_blksize = k->blksize;
	x->stx_nlink = k->nlink;
	x->stx_uid = k->uid;
	x->stx_gid = k->gid;
	x->stx_mode = k->mode;
	x->stx_ino = k->ino;
	x->stx_size = k->size;
	x->stx_blocks = k->blocks;
	x->stx_atime = statx_time(k->atime);
	x->stx_mtime = statx_time(k->mtime);
	x->stx_ctime = statx_time(k->ctime);
	if (k->has_btime)
		x->stx_btime = statx_time(k->btime);
	x->stx_rdev_major = major_k(k->rdev);
	x->stx_rdev_minor = minor_k(k->rdev);
	x->stx_dev_major = major_k(k->dev);
	x->stx_dev_minor = minor_k(k->dev);
	if ((mask & STATX_DIOALIGN) && k->dio_align) {
		x->stx_mask |= STATX_DIOALIGN;
		x->stx_dio_mem_align = x->stx_dio_offset_align = k->dio_align;
	}
	x->stx_attributes = k->attributes;
	x->stx_attributes_mask = k->attributes_mask;
	if (!t->path.mnt)
		return;
	x->stx_mask |= mask & STATX_MNT_ID_UNIQUE ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID;
	x->stx_mnt_id = mask & STATX_MNT_ID_UNIQUE ? t->path.mnt->unique_id : (u64)t->path.mnt->id;
	x->stx_attributes_mask |= STATX_ATTR_MOUNT_ROOT;
	if (t->path.mnt->root == t->path.dentry)
		x->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
}

long sys_statx(udirfd_t dirfd, upath_t path, uhex_t flags, uhex_t mask, uaddr_t buf)
{
	struct at_target t;
	struct kstat k;
	struct statx x;
	int err;

	if (mask & STATX__RESERVED ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = at_target(dirfd, path, flags, AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE, &t);
	if (err)
		return err;
	err = target_getattr(&t, &k);
	if (!err)
		fill_statx(&x, &k, &t, mask);
	at_target_put(&t);
	return err ? err : copy_to_user(buf, &x, sizeof(x));
}

/* --- access: with the real ids, unless AT_EACCESS --- */

static struct cred *access_cred(void)
{
	struct cred *c = cred_dup(current->cred);

	if (!c)
		return NULL;
	c->fsuid = c->uid;
	c->fsgid = c->gid;
	if (!(c->securebits & (1 << SECURE_NO_SETUID_FIXUP)))
		c->cap_effective = c->uid ? 0 : c->cap_permitted;
	return c;
}

static int check_access(const struct at_target *t, u32 mode)
{
	struct inode *inode = t->path.dentry ? t->path.dentry->inode : t->file->inode;
	bool special;
	int err;

	if (!inode)
		return -ENOENT;
	if (t->path.mnt && mode & MAY_EXEC && S_ISREG(inode->mode) &&
	    t->path.mnt->flags & MS_NOEXEC)
		return -EACCES;
	err = inode_permission(inode, mode);
	if (err || !(mode & MAY_WRITE) || !t->path.mnt)
		return err;
	special = !S_ISREG(inode->mode) && !S_ISDIR(inode->mode) && !S_ISLNK(inode->mode);
	return special ? 0 : mnt_want_write(t->path.mnt);
}

static bool ids_differ(const struct cred *c)
{
	return c->fsuid != c->uid || c->fsgid != c->gid ||
	       c->cap_effective != (c->uid ? 0 : c->cap_permitted);
}

static long do_access(int dirfd, upath_t path, u32 mode, u32 flags)
{
	struct cred *mine = current->cred, *real = NULL;
	struct at_target t;
	int err;

	if (mode & ~(u32)(MAY_READ | MAY_WRITE | MAY_EXEC))
		return -EINVAL;
	if (flags & ~(u32)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_EACCESS) && ids_differ(mine)) {
		real = access_cred();
		if (!real)
			return -ENOMEM;
		current->cred = real;
	}
	err = at_target(dirfd, path, flags & ~(u32)AT_EACCESS, 0, &t);
	if (!err) {
		err = check_access(&t, mode);
		at_target_put(&t);
	}
	if (real) {
		current->cred = mine;
		cred_put(real);
	}
	return err;
}

long sys_access(upath_t path, umode_t mode)
{
	return do_access(AT_FDCWD, path, mode, 0);
}

long sys_faccessat(udirfd_t dirfd, upath_t path, umode_t mode)
{
	return do_access(dirfd, path, mode, 0);
}

long sys_faccessat2(udirfd_t dirfd, upath_t path, umode_t mode, uhex_t flags)
{
	return do_access(dirfd, path, mode, flags);
}

/* --- readlink --- */

static int find_link(int dirfd, upath_t upath, struct path *out)
{
	const char *name;
	int err = arg_path(upath, &name);
	struct inode *inode;

	if (err)
		return err;
	err = path_lookup(dirfd, name, LOOKUP_EMPTY, out);
	if (err)
		return err;
	inode = out->dentry->inode;
	if (!S_ISLNK(inode->mode)) {
		path_put(out);
		return *name ? -EINVAL : -ENOENT;
	}
	return 0;
}

long sys_readlinkat(udirfd_t dirfd, upath_t upath, ubuf_t buf, int size)
{
	struct path path;
	size_t room = MIN(size, PATH_MAX);
	ssize n;
	char *text;
	int err;

	if (size <= 0)
		return -EINVAL;
	err = find_link(dirfd, upath, &path);
	if (err)
		return err;
	text = arena_alloc(room);
	n = text ? vfs_readlink(&path, text, room) : -ENOMEM;
	path_put(&path);
	if (n <= 0)
		return n;
	err = copy_to_user(buf, text, n);
	return err ? err : n;
}

long sys_readlink(upath_t path, ubuf_t buf, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* --- statfs --- */

static long put_statfs(uaddr_t ubuf, const struct path *p)
{
	struct statfs_k k;
	struct statfs64 st;
	int err = vfs_statfs(p, &k);

	if (err)
		return err;
	memset(&st, 0, sizeof(st));
	st.f_type = k.type;
	st.f_bsize = k.bsize;
	st.f_blocks = k.blocks;
	st.f_bfree = k.bfree;
	st.f_bavail = k.bavail;
	st.f_files = k.files;
	st.f_ffree = k.ffree;
	st.f_fsid.val[0] = k.fsid;
	st.f_fsid.val[1] = k.fsid >> 32;
	st.f_namelen = k.namelen;
	st.f_frsize = k.frsize ? k.frsize : k.bsize;
	/* ST_* equal MS_* for the bits that exist in both, but for noatime and its like. */
	st.f_flags = 0x20 | (p->mnt ? p->mnt->flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC |
						       MS_SYNCHRONOUS | MS_NOATIME | MS_NODIRATIME)
				    : 0);
	st.f_flags |= p->dentry->sb->flags & (MS_RDONLY | MS_SYNCHRONOUS);
	if (p->mnt && p->mnt->flags & 256)	/* MS_NOSYMFOLLOW */
		st.f_flags |= 0x2000;
	if (p->mnt && p->mnt->flags & MS_RELATIME)
		st.f_flags |= 0x1000;
	return copy_to_user(ubuf, &st, sizeof(st));
}

long sys_statfs(upath_t upath, uaddr_t buf)
{
	struct path path;
	long err = arg_lookup(AT_FDCWD, upath, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	err = put_statfs(buf, &path);
	path_put(&path);
	return err;
}

/* What Linux says of the file system of pipes, sockets and other anonymous files. */
static long put_anon_statfs(uaddr_t ubuf, const struct file *f)
{
	struct statfs64 st;
	u32 fmt = f->inode ? f->inode->mode & S_IFMT : 0;

	memset(&st, 0, sizeof(st));
	st.f_type = fmt == S_IFIFO ? PIPEFS_MAGIC : fmt == S_IFSOCK ? SOCKFS_MAGIC
								    : ANON_INODE_FS_MAGIC;
	st.f_bsize = st.f_frsize = PAGE_SIZE;
	st.f_namelen = NAME_MAX;
	st.f_flags = 0x20;
	return copy_to_user(ubuf, &st, sizeof(st));
}

long sys_fstatfs(ufd_t fd, uaddr_t buf)
{
	struct at_target t;
	long err = fd_target(fd, true, &t);

	if (err)
		return err;
	err = t.path.dentry ? put_statfs(buf, &t.path) : put_anon_statfs(buf, t.file);
	at_target_put(&t);
	return err;
}

/* The structure that glibc has no name for any more. */
struct ustat_k {
	int tfree;
	u64 tinode;
	char fname[6], fpack[6];
};

long sys_ustat(u32 dev, uaddr_t ubuf)
{
	struct super *sb = super_find(dev);
	struct ustat_k out = { 0 };
	struct statfs_k st = { 0 };
	int err;

	if (!sb)
		return -EINVAL;
	err = sb->ops->statfs(sb, &st);
	super_put(sb);
	if (err)
		return err;
	out.tfree = (int)st.bfree;
	out.tinode = st.ffree;
	return copy_to_user(ubuf, &out, sizeof(out));
}
