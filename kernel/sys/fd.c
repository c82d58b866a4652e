/* SPDX-License-Identifier: MIT */
/* System calls on descriptors: close, duplicate, fcntl, ioctl, locks. */
#include "sys/sys.h"

#include "abi/fcntl.h"
#include "abi/resource.h"
#include "abi/stat.h"
#include "abi/tty.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "sys/arg.h"

long sys_close(ufd_t fd)
{
	return fd_close(fd);
}

long sys_close_range(u32 first, u32 last, uhex_t flags)
{
	return fd_close_range(first, last, flags);
}

static long dup_from(int fd, int min, u32 flags)
{
	struct file *f = fd_get_path(fd);
	int newfd;

	if (!f)
		return -EBADF;
	newfd = fd_alloc(min, flags);
	if (newfd < 0)
		fput(f);
	else
		fd_install(newfd, f);
	return newfd;
}

long sys_dup(ufd_t fd)
{
	return dup_from(fd, 0, 0);
}

long sys_dup2(ufd_t oldfd, ufd_t newfd)
{
	struct file *f;

	if (oldfd != newfd)
		return fd_dup2(oldfd, newfd, 0);
	f = fd_get_path(oldfd);
	if (!f)
		return -EBADF;
	fput(f);
	return newfd;
}

long sys_dup3(ufd_t oldfd, ufd_t newfd, uoflags_t flags)
{
	if (flags & ~O_CLOEXEC || oldfd == newfd)
		return -EINVAL;
	return fd_dup2(oldfd, newfd, flags);
}

/* --- fcntl: commands about the descriptor here, those about the file in vfs/ --- */

static long cmd_dupfd(struct file *f, int fd, u32 cmd, u64 arg)
{
	if (arg >= rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	return dup_from(fd, arg, cmd == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
}

static long cmd_getfd(struct file *f, int fd, u32 cmd, u64 arg)
{
	return fd_get_flags(fd);
}

static long cmd_setfd(struct file *f, int fd, u32 cmd, u64 arg)
{
	return fd_set_flags(fd, arg & FD_CLOEXEC);
}

static long cmd_lock(struct file *f, int fd, u32 cmd, u64 arg)
{
	struct flock fl;
	int err;

	if (f->mode & FMODE_PATH)
		return -EBADF;
	if (get_user(fl, arg))
		return -EFAULT;
	err = vfs_fcntl_lock(f, cmd, &fl);
	if (!err && (cmd == F_GETLK || cmd == F_OFD_GETLK))
		err = put_user(fl, arg);
	return err;
}

static const struct {
	u32 cmd;
	long (*fn)(struct file *f, int fd, u32 cmd, u64 arg);
} fd_commands[] = {
	{ F_DUPFD, cmd_dupfd },
	{ F_DUPFD_CLOEXEC, cmd_dupfd },
	{ F_GETFD, cmd_getfd },
	{ F_SETFD, cmd_setfd },
	{ F_GETLK, cmd_lock },
	{ F_SETLK, cmd_lock },
	{ F_SETLKW, cmd_lock },
	{ F_OFD_GETLK, cmd_lock },
	{ F_OFD_SETLK, cmd_lock },
	{ F_OFD_SETLKW, cmd_lock },
};

static long do_fcntl(struct file *f, int fd, u32 cmd, u64 arg)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fd_commands); i++) {
		if (fd_commands[i].cmd == cmd)
			return fd_commands[i].fn(f, fd, cmd, arg);
	}
	return file_fcntl(f, cmd, arg);
}

long sys_fcntl(ufd_t fd, int cmd, uhex64_t arg)
{
	struct file *f = fd_get_path(fd);
	long ret;

	if (!f)
		return -EBADF;
	ret = do_fcntl(f, fd, cmd, arg);
	fput(f);
	return ret;
}

long sys_ioctl(ufd_t fd, uhex_t cmd, uhex64_t arg)
{
	struct file *f = fd_get(fd);
	long ret;

	if (!f)
		return -EBADF;
	if (cmd == FIOCLEX || cmd == FIONCLEX)
		ret = fd_set_flags(fd, cmd == FIOCLEX ? FD_CLOEXEC : 0);
	else
		ret = file_ioctl(f, cmd, arg);
	fput(f);
	return ret;
}

long sys_flock(ufd_t fd, int op)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = vfs_flock(f, op);
	fput(f);
	return err;
}
