/* SPDX-License-Identifier: MIT */
/*
 * Host names: everything that takes a directory descriptor and a name. The second half of path.h,
 * calls on descriptors, is in path_file.c; extended attributes are in path_xattr.c.
 *
 * Calls younger than the oldest host we run on (statx, openat2, fchmodat2) are tried and, when the
 * host has not got them or a filter forbids them, replaced for good.
 */
#include "host/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/inject.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define RETRY(expr)                                                                                \
	({                                                                                         \
		long __r;                                                                          \
		do                                                                                 \
			__r = (expr);                                                              \
		while (__r < 0 && errno == EINTR);                                                 \
		__r < 0 ? -errno : __r;                                                            \
	})

/* What the host turned out to lack. Written once, to the same value, by whoever notices. */
static bool no_statx, no_openat2, no_fchmodat2;

static bool lacks(int err)
{
	return err == -ENOSYS || err == -EPERM;
}

static struct host_ts ts_of_statx(const struct statx_timestamp *t)
{
	return (struct host_ts){ t->tv_sec, t->tv_nsec };
}

static struct host_ts ts_of(const struct timespec *t)
{
	return (struct host_ts){ t->tv_sec, (u32)t->tv_nsec };
}

static void from_statx(const struct statx *sx, struct host_stat *st)
{
	st->dev = makedev(sx->stx_dev_major, sx->stx_dev_minor);
	st->ino = sx->stx_ino;
	st->size = sx->stx_size;
	st->blocks = sx->stx_blocks;
	st->mode = sx->stx_mode;
	st->nlink = sx->stx_nlink;
	st->uid = sx->stx_uid;
	st->gid = sx->stx_gid;
	st->blksize = sx->stx_blksize;
	st->rdev_major = sx->stx_rdev_major;
	st->rdev_minor = sx->stx_rdev_minor;
	st->atime = ts_of_statx(&sx->stx_atime);
	st->mtime = ts_of_statx(&sx->stx_mtime);
	st->ctime = ts_of_statx(&sx->stx_ctime);
	st->btime = ts_of_statx(&sx->stx_btime);
	st->has_btime = sx->stx_mask & STATX_BTIME;
}

static void from_stat(const struct stat *s, struct host_stat *st)
{
	memset(st, 0, sizeof(*st));
	st->dev = s->st_dev;
	st->ino = s->st_ino;
	st->size = s->st_size;
	st->blocks = s->st_blocks;
	st->mode = s->st_mode;
	st->nlink = s->st_nlink;
	st->uid = s->st_uid;
	st->gid = s->st_gid;
	st->blksize = s->st_blksize;
	st->rdev_major = major(s->st_rdev);
	st->rdev_minor = minor(s->st_rdev);
	st->atime = ts_of(&s->st_atim);
	st->mtime = ts_of(&s->st_mtim);
	st->ctime = ts_of(&s->st_ctim);
}

static int stat_at(int fd, const char *name, int flags, struct host_stat *st)
{
	struct statx sx;
	struct stat s;
	int err;

	if (!no_statx) {
		err = RETRY(syscall(SYS_statx, fd, name, flags | AT_NO_AUTOMOUNT,
				    STATX_BASIC_STATS | STATX_BTIME, &sx));
		if (!err)
			from_statx(&sx, st);
		if (!lacks(err))
			return err;
		no_statx = true;
	}
	err = RETRY(fstatat(fd, name, &s, flags | AT_NO_AUTOMOUNT));
	if (!err)
		from_stat(&s, st);
	return err;
}

int host_path_stat(int dirfd, const char *name, struct host_stat *st)
{
	return stat_at(dirfd, name, AT_SYMLINK_NOFOLLOW, st);
}

int host_path_stat_rel(int dirfd, const char *rel, struct host_stat *st)
{
	return stat_at(dirfd, rel, AT_SYMLINK_NOFOLLOW, st);
}

bool host_path_absent(int dirfd, const char *rel)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -ENOSYS;

	if (!no_openat2)
		fd = RETRY(syscall(SYS_openat2, dirfd, rel, &how, sizeof(how)));
	if (fd >= 0)
		close(fd);
	return fd == -ENOENT;
}

int host_file_stat(int fd, struct host_stat *st)
{
	return stat_at(fd, "", AT_EMPTY_PATH, st);
}

int host_path_open(int dirfd, const char *name, int flags, u32 mode)
{
	return inject_call() ? -EMFILE : RETRY(openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode));
}

int host_path_open_start(const char *path)
{
	return RETRY(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* One component after the other; nothing that could lead out is followed. */
static int open_by_steps(int rootfd, const char *path)
{
	int fd = RETRY(openat(rootfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	char name[NAME_MAX + 1];

	while (fd >= 0) {
		size_t len;
		int next;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (!len)
			break;
		next = -ENAMETOOLONG;
		if (len <= NAME_MAX) {
			memcpy(name, path, len);
			name[len] = '\0';
			next = -EXDEV;
			if (strcmp(name, ".."))
				next = RETRY(openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW |
							      O_CLOEXEC));
		}
		close(fd);
		fd = next;
		path += len;
	}
	return fd;
}

int host_path_open_in_root(int rootfd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (!no_openat2) {
		/* EAGAIN: something was renamed meanwhile and the host cannot be sure. */
		do
			fd = RETRY(syscall(SYS_openat2, rootfd, *path ? path : ".", &how, sizeof(how)));
		while (fd == -EAGAIN);
		if (!lacks(fd))
			return fd;
		no_openat2 = true;
	}
	return open_by_steps(rootfd, path);
}

int host_path_mkdir(int dirfd, const char *name, u32 mode)
{
	return RETRY(mkdirat(dirfd, name, mode));
}

int host_path_unlink(int dirfd, const char *name, bool dir)
{
	return RETRY(unlinkat(dirfd, name, dir ? AT_REMOVEDIR : 0));
}

int host_path_rename(int odir, const char *oname, int ndir, const char *nname, u32 flags)
{
	if (!flags)
		return RETRY(renameat(odir, oname, ndir, nname));
	return RETRY(syscall(SYS_renameat2, odir, oname, ndir, nname, flags));
}

int host_path_link(int odir, const char *oname, int ndir, const char *nname)
{
	return RETRY(linkat(odir, oname, ndir, nname, 0));
}

int host_path_symlink(const char *target, int dirfd, const char *name)
{
	return RETRY(symlinkat(target, dirfd, name));
}

int host_path_mknod(int dirfd, const char *name, u32 mode, u32 major, u32 minor)
{
	return RETRY(mknodat(dirfd, name, mode, makedev(major, minor)));
}

ssize host_path_readlink(int dirfd, const char *name, char *buf, size_t n)
{
	return RETRY(readlinkat(dirfd, name, buf, n));
}

/* Without fchmodat2(): through a descriptor that pins the file, so that no link is followed. */
static int chmod_pinned(int dirfd, const char *name, u32 mode)
{
	char proc[40];
	struct stat s;
	int fd = RETRY(openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	int err;

	if (fd < 0)
		return fd;
	err = RETRY(fstat(fd, &s));
	if (!err && S_ISLNK(s.st_mode))
		err = -EOPNOTSUPP;
	if (!err) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		err = RETRY(chmod(proc, mode));
	}
	close(fd);
	if (err == -ENOENT && (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode))) {
		/* No /proc on this host. */
		fd = RETRY(openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
		if (fd < 0)
			return fd;
		err = RETRY(fchmod(fd, mode));
		close(fd);
	}
	return err;
}

int host_path_chmod(int dirfd, const char *name, u32 mode)
{
	int err;

	if (!no_fchmodat2) {
		err = RETRY(syscall(SYS_fchmodat2, dirfd, name, mode, AT_SYMLINK_NOFOLLOW));
		/* EPERM is also what a file of another user gives. */
		if (err != -ENOSYS)
			return err;
		no_fchmodat2 = true;
	}
	return chmod_pinned(dirfd, name, mode);
}

int host_path_chown(int dirfd, const char *name, u32 uid, u32 gid)
{
	return RETRY(fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW));
}

static void to_timespec(const struct host_ts t[2], struct timespec ts[2])
{
	for (int i = 0; i < 2; i++) {
		ts[i].tv_sec = t[i].sec;
		ts[i].tv_nsec = t[i].nsec;
	}
}

int host_path_utimens(int dirfd, const char *name, const struct host_ts t[2])
{
	struct timespec ts[2];

	to_timespec(t, ts);
	return RETRY(utimensat(dirfd, name, ts, AT_SYMLINK_NOFOLLOW));
}

int host_file_utimens(int fd, const struct host_ts t[2])
{
	struct timespec ts[2];

	to_timespec(t, ts);
	return RETRY(futimens(fd, ts));
}

int host_path_access(int dirfd, const char *name, int mode)
{
	/* The plain call: it knows no flags, but checks real ids, which are ours. */
	return RETRY(syscall(SYS_faccessat, dirfd, name, mode));
}
