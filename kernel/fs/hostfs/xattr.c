/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: the host's. Passed through are user.*, trusted.* and security.*, with the
 * host's answer. Access lists are not: the guest's permission check does not
 * know them. What ids.c keeps there is not shown.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#include <string.h>

static bool passes(const char *name)
{
	return (!strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
		!strncmp(name, "security.", 9)) &&
	       !hostfs_ids_is_private(name);
}

static int begin(struct inode *inode, const char *name, struct hostfs_place *p)
{
	if (name && !passes(name))
		return -EOPNOTSUPP;
	/* As in Linux; and what ids=xattr shows as a device is a regular file there. */
	if (name && !strncmp(name, "user.", 5) && !S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
		return -EPERM;
	return hostfs_get_place(inode, p);
}

ssize hostfs_getxattr(struct inode *inode, const char *name, void *buf, size_t n)
{
	struct hostfs_place p;
	ssize ret = begin(inode, name, &p);

	if (ret)
		return ret == -EPERM ? -ENODATA : ret;
	ret = HOST(host_path_getxattr(p.fd, p.name, name, buf, n));
	hostfs_put_place(&p);
	return ret;
}

int hostfs_setxattr(struct inode *inode, const char *name, const void *val, size_t n, int flags)
{
	struct hostfs_place p;
	int err = begin(inode, name, &p);

	if (err)
		return err;
	err = HOST(host_path_setxattr(p.fd, p.name, name, val, n, flags));
	hostfs_put_place(&p);
	return err;
}

int hostfs_removexattr(struct inode *inode, const char *name)
{
	struct hostfs_place p;
	int err = begin(inode, name, &p);

	if (err)
		return err;
	err = HOST(host_path_removexattr(p.fd, p.name, name));
	hostfs_put_place(&p);
	return err;
}

/* Keeps the names that pass. */
static size_t strain(char *buf, size_t n)
{
	size_t out = 0, len;

	for (size_t at = 0; at < n; at += len) {
		len = strnlen(buf + at, n - at) + 1;
		if (at + len > n)
			break;
		if (!passes(buf + at))
			continue;
		memmove(buf + out, buf + at, len);
		out += len;
	}
	return out;
}

ssize hostfs_listxattr(struct inode *inode, char *buf, size_t n)
{
	struct hostfs_place p;
	char *all = NULL;
	ssize ret = begin(inode, NULL, &p);

	if (ret)
		return ret;
	ret = HOST(host_path_listxattr(p.fd, p.name, NULL, 0));
	if (ret > 0) {
		all = kmalloc((size_t)ret);
		ret = all ? HOST(host_path_listxattr(p.fd, p.name, all, (size_t)ret)) : -ENOMEM;
	}
	hostfs_put_place(&p);
	if (ret > 0) {
		ret = (ssize)strain(all, (size_t)ret);
		if (n && (size_t)ret > n)
			ret = -ERANGE;
		else if (n)
			memcpy(buf, all, (size_t)ret);
	}
	kfree(all);
	return ret;
}
