/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of host files, by directory descriptor and name. Old hosts have no call of
 * that shape, and the calls on descriptors refuse O_PATH ones; so, in this order: the *xattrat() calls
 * (Linux 6.13), the path /proc/self/fd/DIR/NAME, and a descriptor opened for reading.
 */
#include "host/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

#define RETRY(expr)                                                                                \
	({                                                                                         \
		long __r;                                                                          \
		do                                                                                 \
			__r = (expr);                                                              \
		while (__r < 0 && errno == EINTR);                                                 \
		__r < 0 ? -errno : __r;                                                            \
	})

/* The kernel's struct xattr_args. */
struct xargs {
	u64 value;
	u32 size, flags;
};

enum op { OP_GET, OP_SET, OP_LIST, OP_REMOVE };

struct req {
	enum op op;
	const char *attr;
	void *buf;
	size_t n;
	int flags;
};

static bool no_xattrat;

static long by_call(int dirfd, const char *name, const struct req *r)
{
	struct xargs a = { (u64)(uintptr_t)r->buf, (u32)r->n, (u32)r->flags };
	int at = AT_SYMLINK_NOFOLLOW;

	switch (r->op) {
	case OP_GET:
		return RETRY(syscall(SYS_getxattrat, dirfd, name, at, r->attr, &a, sizeof(a)));
	case OP_SET:
		return RETRY(syscall(SYS_setxattrat, dirfd, name, at, r->attr, &a, sizeof(a)));
	case OP_LIST:
		return RETRY(syscall(SYS_listxattrat, dirfd, name, at, r->buf, r->n));
	default:
		return RETRY(syscall(SYS_removexattrat, dirfd, name, at, r->attr));
	}
}

static long by_path(const char *path, const struct req *r)
{
	switch (r->op) {
	case OP_GET:
		return RETRY(lgetxattr(path, r->attr, r->buf, r->n));
	case OP_SET:
		return RETRY(lsetxattr(path, r->attr, r->buf, r->n, r->flags));
	case OP_LIST:
		return RETRY(llistxattr(path, r->buf, r->n));
	default:
		return RETRY(lremovexattr(path, r->attr));
	}
}

static long by_fd(int fd, const struct req *r)
{
	switch (r->op) {
	case OP_GET:
		return RETRY(fgetxattr(fd, r->attr, r->buf, r->n));
	case OP_SET:
		return RETRY(fsetxattr(fd, r->attr, r->buf, r->n, r->flags));
	case OP_LIST:
		return RETRY(flistxattr(fd, r->buf, r->n));
	default:
		return RETRY(fremovexattr(fd, r->attr));
	}
}

static long do_xattr(int dirfd, const char *name, const struct req *r)
{
	char path[32 + NAME_MAX];
	long ret;
	int fd;

	if (!no_xattrat) {
		ret = by_call(dirfd, name, r);
		if (ret != -ENOSYS)
			return ret;
		no_xattrat = true;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	ret = by_path(path, r);
	if (ret != -ENOENT && ret != -EACCES)
		return ret;
	fd = RETRY(openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	ret = by_fd(fd, r);
	close(fd);
	return ret;
}

ssize host_path_getxattr(int dirfd, const char *name, const char *attr, void *buf, size_t n)
{
	return do_xattr(dirfd, name, &(struct req){ OP_GET, attr, buf, n, 0 });
}

int host_path_setxattr(int dirfd, const char *name, const char *attr, const void *val, size_t n,
		       int flags)
{
	return do_xattr(dirfd, name, &(struct req){ OP_SET, attr, (void *)val, n, flags });
}

int host_path_removexattr(int dirfd, const char *name, const char *attr)
{
	return do_xattr(dirfd, name, &(struct req){ OP_REMOVE, attr, NULL, 0, 0 });
}

ssize host_path_listxattr(int dirfd, const char *name, char *buf, size_t n)
{
	return do_xattr(dirfd, name, &(struct req){ OP_LIST, NULL, buf, n, 0 });
}
