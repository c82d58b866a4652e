/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: who may see and change which namespace, and a store in memory for file
 * systems that have none of their own.
 */
#include "vfs/vfs.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "vfs/perm.h"

struct xattr_entry {
	struct xattr_entry *next;
	size_t len;
	char *name;
	u8 value[];
};

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int check_name(const char *name)
{
	static const char *const prefixes[] = { XATTR_USER_PREFIX, XATTR_TRUSTED_PREFIX,
						XATTR_SECURITY_PREFIX, XATTR_SYSTEM_PREFIX };
	size_t i, len = strlen(name);

	if (!len || len > XATTR_NAME_MAX)
		return -ERANGE;
	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (has_prefix(name, prefixes[i]))
			return name[strlen(prefixes[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

static int check_rights(struct inode *inode, const char *name, u32 mask)
{
	bool write = mask & MAY_WRITE;

	if (has_prefix(name, XATTR_SECURITY_PREFIX)) {
		if (!write)
			return 0;
		if (!strcmp(name, XATTR_NAME_CAPS))
			return capable(CAP_SETFCAP) ? 0 : -EPERM;
		return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	}
	if (has_prefix(name, XATTR_SYSTEM_PREFIX))
		return 0;
	if (has_prefix(name, XATTR_TRUSTED_PREFIX)) {
		if (!capable(CAP_SYS_ADMIN))
			return write ? -EPERM : -ENODATA;
	} else {
		if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
			return write ? -EPERM : -ENODATA;
		if (S_ISDIR(inode->mode) && (inode->mode & S_ISVTX) && write &&
		    !inode_owner_or_capable(inode))
			return -EPERM;
	}
	return inode_permission(inode, mask);
}

ssize vfs_getxattr(const struct path *p, const char *name, void *buf, size_t n)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (!inode)
		return -ENOENT;
	err = check_name(name);
	if (!err)
		err = check_rights(inode, name, MAY_READ);
	if (err)
		return err;
	if (!inode->ops->getxattr)
		return -EOPNOTSUPP;
	return inode->ops->getxattr(inode, name, buf, n);
}

static int prepare_change(const struct path *p, const char *name)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (!inode)
		return -ENOENT;
	err = check_name(name);
	if (!err && p->mnt)
		err = mnt_want_write(p->mnt);
	if (!err && inode_is_fixed(inode))
		err = -EPERM;
	if (!err)
		err = check_rights(inode, name, MAY_WRITE);
	return err;
}

int vfs_setxattr(const struct path *p, const char *name, const void *val, size_t n, int flags)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	if (n > XATTR_SIZE_MAX)
		return -E2BIG;
	err = prepare_change(p, name);
	if (err)
		return err;
	if (!inode->ops->setxattr)
		return -EOPNOTSUPP;
	err = inode->ops->setxattr(inode, name, val, n, flags);
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

int vfs_removexattr(const struct path *p, const char *name)
{
	struct inode *inode = p->dentry->inode;
	int err = prepare_change(p, name);

	if (err)
		return err;
	if (!inode->ops->removexattr)
		return -EOPNOTSUPP;
	err = inode->ops->removexattr(inode, name);
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

ssize vfs_listxattr(const struct path *p, char *buf, size_t n)
{
	struct inode *inode = p->dentry->inode;

	if (!inode)
		return -ENOENT;
	/* Linux shows an empty list where a file system knows no attributes at all. */
	return inode->ops->listxattr ? inode->ops->listxattr(inode, buf, n) : 0;
}

static struct xattr_entry **find_entry(const struct xattr_list *l, const char *name)
{
	struct xattr_entry **pe = (struct xattr_entry **)&l->first;

	while (*pe && strcmp((*pe)->name, name))
		pe = &(*pe)->next;
	return pe;
}

ssize xattr_list_get(const struct xattr_list *l, const char *name, void *buf, size_t n)
{
	const struct xattr_entry *e = *find_entry(l, name);

	if (!e)
		return -ENODATA;
	if (!n)
		return (ssize)e->len;
	if (n < e->len)
		return -ERANGE;
	memcpy(buf, e->value, e->len);
	return (ssize)e->len;
}

int xattr_list_set(struct xattr_list *l, const char *name, const void *val, size_t n, int flags)
{
	struct xattr_entry **pe = find_entry(l, name), *old = *pe, *e;

	if (old && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!old && (flags & XATTR_REPLACE))
		return -ENODATA;
	e = kmalloc(sizeof(*e) + n);
	if (!e)
		return -ENOMEM;
	e->name = kstrdup(name);
	if (!e->name) {
		kfree(e);
		return -ENOMEM;
	}
	e->len = n;
	if (n)
		memcpy(e->value, val, n);
	e->next = old ? old->next : NULL;
	*pe = e;
	if (old) {
		kfree(old->name);
		kfree(old);
	}
	return 0;
}

int xattr_list_remove(struct xattr_list *l, const char *name)
{
	struct xattr_entry **pe = find_entry(l, name), *e = *pe;

	if (!e)
		return -ENODATA;
	*pe = e->next;
	kfree(e->name);
	kfree(e);
	return 0;
}

ssize xattr_list_names(const struct xattr_list *l, char *buf, size_t n)
{
	bool admin = capable(CAP_SYS_ADMIN);
	const struct xattr_entry *e;
	size_t done = 0;

	for (e = l->first; e; e = e->next) {
		size_t len = strlen(e->name) + 1;

		if (has_prefix(e->name, XATTR_TRUSTED_PREFIX) && !admin)
			continue;
		if (n && done + len > n)
			return -ERANGE;
		if (n)
			memcpy(buf + done, e->name, len);
		done += len;
	}
	return (ssize)done;
}

void xattr_list_free(struct xattr_list *l)
{
	struct xattr_entry *e, *next;

	for (e = l->first; e; e = next) {
		next = e->next;
		kfree(e->name);
		kfree(e);
	}
	l->first = NULL;
}
