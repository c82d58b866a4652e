/* SPDX-License-Identifier: MIT */
/* System calls that change attributes: chmod, chown, utime families, umask. */
#include "sys/sys.h"

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/time.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "sys/arg.h"

/* --- change one target --- */

static bool is_link(const struct at_target *t)
{
	return t->path.dentry && t->path.dentry->inode && S_ISLNK(t->path.dentry->inode->mode);
}

static long change_at(int dirfd, upath_t path, u32 flags, struct iattr *a)
{
	struct at_target t;
	long err = at_target(dirfd, path, flags, 0, &t);

	if (err)
		return err;
	/* A link has no mode of its own. */
	if (a->valid & ATTR_MODE && is_link(&t))
		err = -EOPNOTSUPP;
	else
		err = at_target_setattr(&t, a);
	at_target_put(&t);
	return err;
}

static long change_fd(int fd, struct iattr *a)
{
	struct at_target t;
	long err = fd_target(fd, false, &t);

	if (err)
		return err;
	err = at_target_setattr(&t, a);
	at_target_put(&t);
	return err;
}

/* --- chmod --- */

static struct iattr mode_attr(u32 mode)
{
	return (struct iattr){ .valid = ATTR_MODE, .mode = mode & S_IALLUGO };
}

static long chmod_at(int dirfd, upath_t path, u32 mode, u32 flags)
{
	struct iattr a = mode_attr(mode);

	return change_at(dirfd, path, flags, &a);
}

long sys_chmod(upath_t path, umode_t mode)
{
	return chmod_at(AT_FDCWD, path, mode, 0);
}

long sys_fchmodat(udirfd_t dirfd, upath_t path, umode_t mode)
{
	return chmod_at(dirfd, path, mode, 0);
}

long sys_fchmodat2(udirfd_t dirfd, upath_t path, umode_t mode, uhex_t flags)
{
	return chmod_at(dirfd, path, mode, flags);
}

long sys_fchmod(ufd_t fd, umode_t mode)
{
	struct iattr a = mode_attr(mode);

	return change_fd(fd, &a);
}

/* --- chown --- */

static struct iattr owner_attr(u32 uid, u32 gid)
{
	struct iattr a = { .uid = uid, .gid = gid };

	if (uid != (u32)-1)
		a.valid |= ATTR_UID;
	if (gid != (u32)-1)
		a.valid |= ATTR_GID;
	return a;
}

long sys_fchownat(udirfd_t dirfd, upath_t path, uugid_t uid, uugid_t gid, uhex_t flags)
{
	struct iattr a = owner_attr(uid, gid);

	return change_at(dirfd, path, flags, &a);
}

long sys_chown(upath_t path, uugid_t uid, uugid_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(upath_t path, uugid_t uid, uugid_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(ufd_t fd, uugid_t uid, uugid_t gid)
{
	struct iattr a = owner_attr(uid, gid);

	return change_fd(fd, &a);
}

/* --- times --- */

/* Both NULL times and UTIME_NOW mean now; the difference is who may do it: the VFS sees to it. */
static struct iattr now_attr(void)
{
	return (struct iattr){ .valid = ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_NOW | ATTR_MTIME_NOW };
}

static int one_time(struct iattr *a, s64 sec, s64 nsec, u32 set, u32 set_now, struct ts_k *out)
{
	if (nsec == UTIME_OMIT)
		return 0;
	a->valid |= set;
	if (nsec == UTIME_NOW) {
		a->valid |= set_now;
		return 0;
	}
	if (nsec < 0 || nsec >= 1000000000)
		return -EINVAL;
	out->sec = sec;
	out->nsec = nsec;
	return 0;
}

static int times_attr(struct iattr *a, const s64 ts[4])
{
	int err;

	*a = (struct iattr){ 0 };
	err = one_time(a, ts[0], ts[1], ATTR_ATIME, ATTR_ATIME_NOW, &a->atime);
	if (!err)
		err = one_time(a, ts[2], ts[3], ATTR_MTIME, ATTR_MTIME_NOW, &a->mtime);
	return err;
}

/* Path NULL: the descriptor itself. */
static long change_times(int dirfd, upath_t path, u32 flags, struct iattr *a)
{
	if (path || dirfd == AT_FDCWD)
		return a->valid ? change_at(dirfd, path, flags, a) : 0;
	if (flags)
		return -EINVAL;
	return a->valid ? change_fd(dirfd, a) : 0;
}

long sys_utimensat(udirfd_t dirfd, upath_t path, uaddr_t times, uhex_t flags)
{
	struct iattr a = now_attr();
	s64 ts[4];
	int err = 0;

	if (times) {
		err = copy_from_user(ts, times, sizeof(ts));
		/* Nothing to change: the path is not even looked at. */
		if (!err && ts[1] == UTIME_OMIT && ts[3] == UTIME_OMIT)
			return 0;
		if (!err)
			err = times_attr(&a, ts);
	}
	return err ? err : change_times(dirfd, path, flags, &a);
}

static long do_futimes(int dirfd, upath_t path, uaddr_t utimes)
{
	struct iattr a = now_attr();
	s64 tv[4];
	int err = 0;

	if (utimes) {
		err = copy_from_user(tv, utimes, sizeof(tv));
		if (err)
			return err;
		if (tv[1] < 0 || tv[1] >= 1000000 || tv[3] < 0 || tv[3] >= 1000000)
			return -EINVAL;
		tv[1] *= 1000;
		tv[3] *= 1000;
		err = times_attr(&a, tv);
	}
	return err ? err : change_times(dirfd, path, 0, &a);
}

long sys_futimesat(udirfd_t dirfd, upath_t path, uaddr_t times)
{
	return do_futimes(dirfd, path, times);
}

long sys_utimes(upath_t path, uaddr_t times)
{
	return do_futimes(AT_FDCWD, path, times);
}

long sys_utime(upath_t path, uaddr_t times)
{
	struct iattr a = now_attr();
	s64 t[2];
	int err = 0;

	if (times) {
		err = copy_from_user(t, times, sizeof(t));
		a = (struct iattr){ .valid = ATTR_ATIME | ATTR_MTIME, .atime.sec = t[0],
				    .mtime.sec = t[1] };
	}
	return err ? err : change_at(AT_FDCWD, path, 0, &a);
}

long sys_umask(umode_t mask)
{
	u32 old = current->fs->umask;

	current->fs->umask = mask & S_IRWXUGO;
	return old;
}
