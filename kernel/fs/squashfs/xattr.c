/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: an inode has the number of a set of them.
 */
#include "fs/squashfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "lib/alloc.h"

static const char *const prefixes[] = { "user.", "trusted.", "security." };

struct walk {
	struct sqfs *fs;
	struct sq_cursor at;
	u32 left, type;
	size_t total;			/* of the names so far */
	char name[16 + XATTR_NAME_MAX + 1];
};

/* 0; -ENODATA: the inode has none. */
static int start(struct inode *inode, struct walk *w)
{
	struct sqfs *fs = sq_of(inode);
	u32 n = sq_i(inode)->xattr;
	struct sq_disk_xattr_id id;
	int err;

	if (n == SQ_NONE || fs->xattr_list == SQ_NO_TABLE)
		return -ENODATA;
	if (n >= fs->xattrs)
		return sq_error(fs, "attributes %u of %u", n, fs->xattrs);
	err = sq_table_read(fs, fs->xattr_list, n, &id, sizeof(id));
	if (err)
		return err;
	w->fs = fs;
	w->at = (struct sq_cursor){ fs->xattr_data + (id.ref >> 16), (u32)(id.ref & 0xffff) };
	w->left = id.count;
	w->total = 0;
	return 0;
}

/* 1: w->name is the next one's, its value follows; 0: no more. */
static int next(struct walk *w)
{
	struct sq_disk_name d;
	u32 kind;
	size_t n;
	int err;

	if (!w->left--)
		return 0;
	err = sq_meta_read(w->fs, &w->at, &d, sizeof(d));
	if (err)
		return err;
	kind = d.type & SQ_XATTR_TYPE;
	n = strlen(kind < ARRAY_SIZE(prefixes) ? prefixes[kind] : "");
	if (!n || !d.len || d.len > XATTR_NAME_MAX - n)
		return sq_error(w->fs, "attribute of type %x with a name of %u bytes", d.type, d.len);
	memcpy(w->name, prefixes[kind], n);
	err = sq_meta_read(w->fs, &w->at, w->name + n, d.len);
	if (err)
		return err;
	w->name[n + d.len] = 0;
	w->type = d.type;
	w->total += n + d.len + 1;
	return w->total > XATTR_LIST_MAX ? sq_error(w->fs, "too many attributes") : 1;
}

/* Behind a name: the value, of which up to n bytes are taken; its length. n 0: only that. */
static ssize value(struct walk *w, void *buf, size_t n)
{
	struct sq_cursor c = w->at;
	u64 ref;
	u32 len;
	int err = sq_meta_read(w->fs, &c, &len, sizeof(len));

	if (!err && w->type & SQ_XATTR_ELSEWHERE) {
		err = len == sizeof(ref) ? sq_meta_read(w->fs, &c, &ref, sizeof(ref)) :
					   sq_error(w->fs, "attribute's place of %u bytes", len);
		if (err)
			return err;
		c = (struct sq_cursor){ w->fs->xattr_data + (ref >> 16), (u32)(ref & 0xffff) };
		err = sq_meta_read(w->fs, &c, &len, sizeof(len));
	}
	if (!err && len > XATTR_SIZE_MAX)
		err = sq_error(w->fs, "attribute of %u bytes", len);
	if (!err && n && len > n)
		err = -ERANGE;
	if (!err && n)
		err = sq_meta_read(w->fs, &c, buf, len);
	return err ? err : (ssize)len;
}

static int skip_value(struct walk *w)
{
	u32 len;
	int err = sq_meta_read(w->fs, &w->at, &len, sizeof(len));

	if (!err && len > XATTR_SIZE_MAX)
		err = sq_error(w->fs, "attribute of %u bytes", len);
	return err ? err : sq_meta_read(w->fs, &w->at, NULL, len);
}

ssize sq_getxattr(struct inode *inode, const char *name, void *buf, size_t n)
{
	struct walk *w = kmalloc(sizeof(*w));
	ssize ret = w ? start(inode, w) : -ENOMEM;

	while (!ret) {
		ret = next(w);
		if (ret <= 0) {
			ret = ret ? ret : -ENODATA;
			break;
		}
		ret = strcmp(w->name, name) ? skip_value(w) : 1;
	}
	if (ret == 1)
		ret = value(w, buf, n);
	kfree(w);
	return ret;
}

static bool may_see(const struct walk *w)
{
	return (w->type & SQ_XATTR_TYPE) != 1 || capable(CAP_SYS_ADMIN);
}

ssize sq_listxattr(struct inode *inode, char *buf, size_t n)
{
	struct walk *w = kmalloc(sizeof(*w));
	size_t len = 0;
	ssize ret = w ? start(inode, w) : -ENOMEM;

	while (!ret) {
		size_t part;

		ret = next(w);
		if (ret <= 0)
			break;
		part = may_see(w) ? strlen(w->name) + 1 : 0;
		if (n && part > n - len) {
			ret = -ERANGE;
			break;
		}
		if (n && part)
			memcpy(buf + len, w->name, part);
		len += part;
		ret = skip_value(w);
	}
	kfree(w);
	return ret && ret != -ENODATA ? ret : (ssize)len;
}
