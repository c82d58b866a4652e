/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: in the inode behind its fields, and in a block of their own. Here is how they
 * are found and listed; xattr_set.c changes them.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/prctl.h"
#include "abi/xattr.h"
#include "core/cred.h"

static const struct prefix {
	u8 index;
	bool whole; /* the name ends with the prefix */
	const char *text;
} prefixes[] = {
	{ XATTR_USER, false, "user." },
	{ XATTR_TRUSTED, false, "trusted." },
	{ XATTR_SECURITY, false, "security." },
	{ XATTR_ACL_ACCESS, true, "system.posix_acl_access" },
	{ XATTR_ACL_DEFAULT, true, "system.posix_acl_default" },
};

static const struct prefix *prefix_of(const char *name, const char **rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].text);

		if (strncmp(name, prefixes[i].text, n) || (prefixes[i].whole && name[n]))
			continue;
		*rest = name + n;
		return &prefixes[i];
	}
	return NULL;
}

static bool shown(const struct ext4 *fs, u8 index)
{
	if (index == XATTR_USER)
		return fs->opts.xattr_user;
	if (index == XATTR_ACL_ACCESS || index == XATTR_ACL_DEFAULT)
		return fs->opts.acl;
	return index != XATTR_TRUSTED || capable(CAP_SYS_ADMIN);
}

/* Every entry inside the area, every value inside and behind the entries. */
int ext4_xarea_check(struct inode *inode, const struct ext4_xarea *a)
{
	struct ext4 *fs = ext4_of(inode);
	const struct ext4_xattr_entry *e;
	const u8 *names_end;

	for (e = a->first;; e = ext4_xentry_next(e)) {
		if ((const u8 *)e + sizeof(u32) > a->end)
			return ext4_error(fs, (u32)inode->ino, 0,
					  "corrupted xattr: no end of entries");
		if (ext4_xentry_last(e))
			break;
		if ((const u8 *)e + sizeof(*e) > a->end || (const u8 *)ext4_xentry_next(e) > a->end)
			return ext4_error(fs, (u32)inode->ino, 0, "corrupted xattr: entry");
	}
	names_end = (const u8 *)e + sizeof(u32);
	for (e = a->first; !ext4_xentry_last(e); e = ext4_xentry_next(e)) {
		size_t room = (size_t)(a->end - a->base);

		if (e->inum)
			return ext4_error(fs, (u32)inode->ino, 0,
					  "xattr in an inode without ea_inode");
		if (e->size &&
		    (e->offs > room || e->size > room - e->offs || a->base + e->offs < names_end))
			return ext4_error(fs, (u32)inode->ino, 0, "corrupted xattr: value");
	}
	return 0;
}

struct ext4_xattr_entry *ext4_xarea_find(const struct ext4_xarea *a, u8 index, const char *name,
					 size_t len)
{
	struct ext4_xattr_entry *e;

	for (e = a->first; !ext4_xentry_last(e); e = ext4_xentry_next(e))
		if (e->index == index && e->name_len == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

bool ext4_xarea_inode(struct inode *inode, struct ext4_raw_inode *raw, struct ext4_xarea *a)
{
	const struct ext4 *fs = ext4_of(inode);
	u32 used = EXT4_GOOD_OLD_INODE + ext4_i(inode)->extra_isize;
	u32 *magic = (u32 *)((u8 *)raw + used);

	if (fs->inode_size == EXT4_GOOD_OLD_INODE || used + 2 * sizeof(u32) > fs->inode_size ||
	    *magic != EXT4_XATTR_MAGIC)
		return false;
	a->first = (struct ext4_xattr_entry *)(magic + 1);
	a->base = (u8 *)a->first;
	a->end = (u8 *)raw + fs->inode_size;
	return true;
}

int ext4_xattr_block(struct inode *inode, struct buffer **bh, struct ext4_xarea *a)
{
	struct ext4 *fs = ext4_of(inode);
	u64 block = ext4_i(inode)->file_acl;
	const struct ext4_xattr_header *head;
	int err;

	*bh = NULL;
	if (!block)
		return 0;
	err = buffer_read(fs->bdev, block, bh);
	if (err)
		return err;
	head = (const struct ext4_xattr_header *)(*bh)->data;
	a->first = (struct ext4_xattr_entry *)(head + 1);
	a->base = (*bh)->data;
	a->end = (*bh)->data + fs->block_size;
	if (head->magic != EXT4_XATTR_MAGIC || head->blocks != 1)
		err = ext4_error(fs, (u32)inode->ino, block, "corrupted xattr block: header");
	else if (fs->csum && !(*bh)->verified && head->csum != ext4_csum_xattr(fs, block, head))
		err = ext4_error(fs, (u32)inode->ino, block, "corrupted xattr block: checksum");
	else
		err = ext4_xarea_check(inode, a);
	if (!err) {
		(*bh)->verified = true;
		return 0;
	}
	buffer_put(*bh);
	*bh = NULL;
	return err;
}

/* --- reading --- */

static ssize copy_value(const struct ext4_xarea *a, const struct ext4_xattr_entry *e, void *buf,
			size_t n)
{
	if (!n)
		return e->size;
	if (n < e->size)
		return -ERANGE;
	memcpy(buf, a->base + e->offs, e->size);
	return e->size;
}

static ssize get_locked(struct inode *inode, u8 index, const char *name, void *buf, size_t n)
{
	struct ext4_xattr_entry *e;
	struct ext4_xarea a;
	struct ext4_loc loc;
	struct buffer *bh;
	ssize ret = ext4_raw_get(ext4_of(inode), (u32)inode->ino, &loc);

	if (ret)
		return ret;
	ret = -ENODATA;
	if (ext4_xarea_inode(inode, loc.raw, &a)) {
		int err = ext4_xarea_check(inode, &a);

		e = err ? NULL : ext4_xarea_find(&a, index, name, strlen(name));
		if (err)
			ret = err;
		else if (e)
			ret = copy_value(&a, e, buf, n);
	}
	buffer_put(loc.bh);
	if (ret != -ENODATA)
		return ret;
	ret = ext4_xattr_block(inode, &bh, &a);
	if (ret || !bh)
		return ret ? ret : -ENODATA;
	e = ext4_xarea_find(&a, index, name, strlen(name));
	ret = e ? copy_value(&a, e, buf, n) : -ENODATA;
	buffer_put(bh);
	return ret;
}

ssize ext4_xattr_get(struct inode *inode, u8 index, const char *name, void *buf, size_t n)
{
	ssize ret;

	mutex_lock(&ext4_i(inode)->xattr_lock);
	ret = get_locked(inode, index, name, buf, n);
	mutex_unlock(&ext4_i(inode)->xattr_lock);
	return ret;
}

ssize ext4_getxattr(struct inode *inode, const char *name, void *buf, size_t n)
{
	const char *rest;
	const struct prefix *p = prefix_of(name, &rest);

	if (!p || (!shown(ext4_of(inode), p->index) && p->index != XATTR_TRUSTED))
		return -EOPNOTSUPP;
	return p->whole ? ext4_acl_get(inode, p->index, buf, n) :
			  ext4_xattr_get(inode, p->index, rest, buf, n);
}

/* --- listing --- */

struct list {
	char *buf;
	size_t room, len;
};

static int list_area(const struct ext4 *fs, const struct ext4_xarea *a, struct list *l)
{
	const struct ext4_xattr_entry *e;

	for (e = a->first; !ext4_xentry_last(e); e = ext4_xentry_next(e)) {
		const struct prefix *p = NULL;
		size_t n, total;

		for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
			if (prefixes[i].index == e->index)
				p = &prefixes[i];
		if (!p || !shown(fs, e->index))
			continue;
		n = strlen(p->text);
		total = n + (p->whole ? 0 : e->name_len) + 1;
		if (l->room) {
			if (l->len + total > l->room)
				return -ERANGE;
			memcpy(l->buf + l->len, p->text, n);
			memcpy(l->buf + l->len + n, e->name, total - n - 1);
			l->buf[l->len + total - 1] = 0;
		}
		l->len += total;
	}
	return 0;
}

static int list_all(struct inode *inode, struct list *l)
{
	struct ext4_xarea a;
	struct ext4_loc loc;
	struct buffer *bh;
	int err = ext4_raw_get(ext4_of(inode), (u32)inode->ino, &loc);

	if (err)
		return err;
	if (ext4_xarea_inode(inode, loc.raw, &a)) {
		err = ext4_xarea_check(inode, &a);
		if (!err)
			err = list_area(ext4_of(inode), &a, l);
	}
	buffer_put(loc.bh);
	if (!err)
		err = ext4_xattr_block(inode, &bh, &a);
	if (err || !bh)
		return err;
	err = list_area(ext4_of(inode), &a, l);
	buffer_put(bh);
	return err;
}

ssize ext4_listxattr(struct inode *inode, char *buf, size_t n)
{
	struct list l = { buf, n, 0 };
	int err;

	mutex_lock(&ext4_i(inode)->xattr_lock);
	err = list_all(inode, &l);
	mutex_unlock(&ext4_i(inode)->xattr_lock);
	return err ? err : (ssize)l.len;
}

/* --- changing: by name --- */

static int set_by_name(struct inode *inode, const char *name, const void *val, size_t n, int flags)
{
	struct ext4 *fs = ext4_of(inode);
	const char *rest;
	const struct prefix *p = prefix_of(name, &rest);
	struct handle *h;
	int tries = 0, err = ext4_writable(fs);

	if (!p || !shown(fs, p->index))
		return -EOPNOTSUPP;
	if (err)
		return err;
	do {
		err = ext4_start(fs, EXT4_CREDITS_XATTR + EXT4_CREDITS_ALLOC, &h);
		if (err)
			return err;
		if (p->whole)
			err = ext4_acl_set(h, inode, p->index, val, n);
		else
			err = ext4_xattr_set(h, inode, p->index, rest, val, n, flags);
		if (!err) {
			inode_set_now(inode, 0);
			err = ext4_dirty(h, inode);
		}
		ext4_stop(fs, h);
	} while (err == -ENOSPC && ext4_retry_alloc(fs, &tries));
	return err;
}

int ext4_drop_caps(struct inode *inode)
{
	struct ext4_inode *ei = ext4_i(inode);
	ssize n = ei->no_caps ? -ENODATA : ext4_getxattr(inode, XATTR_NAME_CAPS, NULL, 0);

	if (n >= 0)
		return ext4_removexattr(inode, XATTR_NAME_CAPS);
	ei->no_caps = n == -ENODATA;
	return 0;
}

int ext4_setxattr(struct inode *inode, const char *name, const void *val, size_t n, int flags)
{
	ext4_i(inode)->no_caps = false;
	return set_by_name(inode, name, n ? val : "", n, flags);
}

int ext4_removexattr(struct inode *inode, const char *name)
{
	return set_by_name(inode, name, NULL, 0, XATTR_REPLACE);
}
