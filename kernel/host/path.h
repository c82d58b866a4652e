/* SPDX-License-Identifier: MIT */
/*
 * Host files: names below a directory descriptor, and what host.h lacks for open files.
 *
 * Contract: every function may block (wrap it in host_block_begin/host_block_end), repeats a call
 * that a signal interrupted, and returns 0 or a count, or a negative errno. New descriptors are
 * close-on-exec. Flags are Linux's numbers (abi/fcntl.h).
 *
 * A "name" is one component, never "..": with a directory descriptor it cannot lead out of
 * that directory, and no function here follows a symlink at its end. host_path_stat_rel(), host_path_absent()
 * and host_path_open_in_root() take several components.
 */
#ifndef HOST_PATH_H
#define HOST_PATH_H

#include "lib/types.h"

struct host_ts {
	s64 sec;
	u32 nsec;
};

struct host_stat {
	u64 dev, ino, size, blocks;	/* blocks of 512 bytes */
	u32 mode, nlink, uid, gid, blksize;
	u32 rdev_major, rdev_minor;
	struct host_ts atime, mtime, ctime, btime;
	bool has_btime;
};

struct host_statfs {
	u64 type, bsize, blocks, bfree, bavail, files, ffree, frsize, namelen, fsid;
};

/* Attributes. */
int host_path_stat(int dirfd, const char *name, struct host_stat *st);
/*
 * Several components. Symlinks in the middle are followed by the host, so the result may be of a
 * file that is out of bounds: use it only after comparing dev, ino and btime with known ones.
 */
int host_path_stat_rel(int dirfd, const char *rel, struct host_stat *st);
/* Nothing is there, and on the way there is no symlink. False may mean that the host cannot say. */
bool host_path_absent(int dirfd, const char *rel);
int host_file_stat(int fd, struct host_stat *st);
int host_file_statfs(int fd, struct host_statfs *st);

/* Opening. flags: O_ACCMODE, O_PATH, O_DIRECTORY, O_CREAT, O_EXCL, ...; O_NOFOLLOW is added. */
int host_path_open(int dirfd, const char *name, int flags, u32 mode);
/* The start of a mount: symlinks are followed by the host. */
int host_path_open_start(const char *path);
/*
 * The same below a root that must not be left: ".." stops and absolute links start at rootfd. On a host without
 * openat2() links and ".." are refused (-ELOOP, -EXDEV).
 */
int host_path_open_in_root(int rootfd, const char *path);

/* Changing names. */
int host_path_mkdir(int dirfd, const char *name, u32 mode);
int host_path_unlink(int dirfd, const char *name, bool dir);
int host_path_rename(int odir, const char *oname, int ndir, const char *nname, u32 flags);
int host_path_link(int odir, const char *oname, int ndir, const char *nname);
int host_path_symlink(const char *target, int dirfd, const char *name);
int host_path_mknod(int dirfd, const char *name, u32 mode, u32 major, u32 minor);
ssize host_path_readlink(int dirfd, const char *name, char *buf, size_t n);

/* Changing attributes. Ids of -1 and NULL times stay; nsec may be UTIME_NOW or UTIME_OMIT. */
int host_path_chmod(int dirfd, const char *name, u32 mode);
int host_path_chown(int dirfd, const char *name, u32 uid, u32 gid);
int host_path_utimens(int dirfd, const char *name, const struct host_ts t[2]);
int host_path_access(int dirfd, const char *name, int mode);	/* R_OK 4, W_OK 2, X_OK 1 */
int host_file_chmod(int fd, u32 mode);
int host_file_chown(int fd, u32 uid, u32 gid);
int host_file_utimens(int fd, const struct host_ts t[2]);

/* Data: what host.h has not got. */
/* Through an O_APPEND descriptor; *end is the position behind what was written. */
ssize host_file_append(int fd, const void *buf, size_t n, off64 *end);
ssize host_file_getdents(int fd, void *buf, size_t n);	/* struct linux_dirent64 */
int host_file_syncfs(int fd);
int host_file_setfl(int fd, int flags);			/* O_APPEND, O_DIRECT, O_NOATIME, O_NONBLOCK */
int host_file_inode_flags(int fd, bool set, u32 *flags);	/* FS_IOC_GETFLAGS, FS_IOC_SETFLAGS */
int host_file_link(int fd, int ndir, const char *nname);	/* give an O_TMPFILE file a name */

/* Extended attributes of a regular file or directory; name "." is the directory itself. */
ssize host_path_getxattr(int dirfd, const char *name, const char *attr, void *buf, size_t n);
int host_path_setxattr(int dirfd, const char *name, const char *attr, const void *val, size_t n,
		       int flags);
int host_path_removexattr(int dirfd, const char *name, const char *attr);
ssize host_path_listxattr(int dirfd, const char *name, char *buf, size_t n);

/* Who we are on the host; never blocks. */
u32 host_euid(void);
bool host_in_group(u32 gid);			/* effective or supplementary */
void host_clear_umask(void);			/* modes are passed as they are from now on */

#endif
