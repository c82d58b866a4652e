/* SPDX-License-Identifier: MIT */
/*
 * Calls on open host files that path.h promises: attributes, appending, directory entries; and who
 * we are on the host.
 */
#include "host/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define RETRY(expr)                                                                                \
	({                                                                                         \
		long __r;                                                                          \
		do                                                                                 \
			__r = (expr);                                                              \
		while (__r < 0 && errno == EINTR);                                                 \
		__r < 0 ? -errno : __r;                                                            \
	})

int host_file_statfs(int fd, struct host_statfs *st)
{
	struct statfs s;
	int err = RETRY(fstatfs(fd, &s));

	if (err)
		return err;
	*st = (struct host_statfs){
		.type = (u64)s.f_type,
		.bsize = (u64)s.f_bsize,
		.blocks = s.f_blocks,
		.bfree = s.f_bfree,
		.bavail = s.f_bavail,
		.files = s.f_files,
		.ffree = s.f_ffree,
		.frsize = (u64)s.f_frsize,
		.namelen = (u64)s.f_namelen,
		.fsid = (u32)s.f_fsid.__val[0] | (u64)(u32)s.f_fsid.__val[1] << 32,
	};
	return 0;
}

int host_file_chmod(int fd, u32 mode)
{
	return RETRY(fchmod(fd, mode));
}

int host_file_chown(int fd, u32 uid, u32 gid)
{
	return RETRY(fchown(fd, uid, gid));
}

ssize host_file_append(int fd, const void *buf, size_t n, off64 *end)
{
	ssize done = RETRY(write(fd, buf, n));

	if (done >= 0)
		*end = lseek(fd, 0, SEEK_CUR);
	return done;
}

ssize host_file_getdents(int fd, void *buf, size_t n)
{
	return RETRY(syscall(SYS_getdents64, fd, buf, n));
}

int host_file_syncfs(int fd)
{
	return RETRY(syncfs(fd));
}

int host_file_setfl(int fd, int flags)
{
	return RETRY(fcntl(fd, F_SETFL, flags));
}

int host_file_inode_flags(int fd, bool set, u32 *flags)
{
	int v = (int)*flags;
	int err = RETRY(ioctl(fd, set ? FS_IOC_SETFLAGS : FS_IOC_GETFLAGS, &v));

	if (!err)
		*flags = (u32)v;
	return err;
}

int host_file_link(int fd, int ndir, const char *nname)
{
	char proc[40];
	int err = RETRY(linkat(fd, "", ndir, nname, AT_EMPTY_PATH));

	if (err != -ENOENT && err != -EPERM)
		return err;
	/* AT_EMPTY_PATH needs a capability on most hosts. */
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return RETRY(linkat(AT_FDCWD, proc, ndir, nname, AT_SYMLINK_FOLLOW));
}

/* Asked for with every file that is made or looked at; the process never changes who it is. */
u32 host_euid(void)
{
	static uid_t uid;
	static bool known;

	if (!known) {
		uid = geteuid();
		known = true;
	}
	return uid;
}

bool host_in_group(u32 gid)
{
	static gid_t groups[1024];
	static int n = -1;
	static gid_t own;

	if (n < 0) {
		own = getegid();
		n = getgroups(1024, groups);
	}
	if (gid == own)
		return true;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

void host_clear_umask(void)
{
	umask(0);
}
