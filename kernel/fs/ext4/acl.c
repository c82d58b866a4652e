/* SPDX-License-Identifier: MIT */
/*
 * POSIX access control lists, as attributes of their own form on disk: entries of owner, mask and the
 * like have no number. Programs see the form with numbers everywhere (system.posix_acl_access).
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "lib/alloc.h"

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 0x10, OTHER = 0x20 };

#define MAX_ENTRIES 500
#define DISK_VERSION 1
#define USER_VERSION 2
#define NO_ID 0xffffffffu

struct entry {
	u16 tag, perm;
	u32 id;
};

struct acl {
	u32 n;
	struct entry e[MAX_ENTRIES];
};

static bool has_id(u16 tag)
{
	return tag == USER || tag == GROUP;
}

/* Both forms start with a version; entries on disk have a number only where it means something. */
static int parse(const u8 *p, size_t n, u32 version, struct acl *a)
{
	const u8 *end = p + n;

	a->n = 0;
	if (n < 4 || memcmp(p, &version, 4))
		return version == USER_VERSION ? -EOPNOTSUPP : -EUCLEAN;
	for (p += 4; p < end; a->n++) {
		struct entry *e = &a->e[a->n];
		size_t len = 4;

		if (a->n == MAX_ENTRIES || end - p < 4)
			return -EINVAL;
		memcpy(&e->tag, p, 2);
		memcpy(&e->perm, p + 2, 2);
		e->id = NO_ID;
		if (version == USER_VERSION || has_id(e->tag))
			len = 8;
		if ((size_t)(end - p) < len)
			return -EINVAL;
		if (has_id(e->tag))
			memcpy(&e->id, p + 4, 4);
		p += len;
	}
	return 0;
}

static size_t build(const struct acl *a, u32 version, u8 *out)
{
	u8 *p = out;

	memcpy(p, &version, 4);
	p += 4;
	for (u32 i = 0; i < a->n; i++) {
		const struct entry *e = &a->e[i];

		memcpy(p, &e->tag, 2);
		memcpy(p + 2, &e->perm, 2);
		p += 4;
		if (version == USER_VERSION || has_id(e->tag)) {
			memcpy(p, &e->id, 4);
			p += 4;
		}
	}
	return (size_t)(p - out);
}

/* The order owner, users, group, groups, mask, other; one of each but users and groups; a mask with these. */
static bool valid(const struct acl *a)
{
	u32 seen = 0;
	u16 last = 0;

	for (u32 i = 0; i < a->n; i++) {
		const struct entry *e = &a->e[i];

		if ((e->perm & ~7) || e->tag < last || !e->tag || (e->tag & (e->tag - 1)) ||
		    e->tag > OTHER)
			return false;
		if (!has_id(e->tag) && (seen & e->tag))
			return false;
		if (has_id(e->tag) && e->id == NO_ID)
			return false;
		seen |= e->tag;
		last = e->tag;
	}
	if ((seen & (USER | GROUP)) && !(seen & MASK))
		return false;
	return (seen & (USER_OBJ | GROUP_OBJ | OTHER)) == (USER_OBJ | GROUP_OBJ | OTHER);
}

static struct entry *entry_of(struct acl *a, u16 tag)
{
	for (u32 i = 0; i < a->n; i++)
		if (a->e[i].tag == tag)
			return &a->e[i];
	return NULL;
}

/* 0 with n 0: there is none. *out is kmalloc()ed. */
static int load(struct inode *inode, u8 index, struct acl **out)
{
	const size_t max = 4 + MAX_ENTRIES * 8;
	u8 *buf = kmalloc(max);
	struct acl *a = kmalloc(sizeof(*a));
	ssize n = buf && a ? ext4_xattr_get(inode, index, "", buf, max) : -ENOMEM;
	int err = n < 0 && n != -ENODATA ? (int)n : 0;

	if (!err) {
		a->n = 0;
		if (n > 0)
			err = parse(buf, (size_t)n, DISK_VERSION, a);
		if (!err && a->n && !valid(a))
			err = ext4_error(ext4_of(inode), (u32)inode->ino, 0,
					 "access control list is not valid");
	}
	kfree(buf);
	if (err)
		kfree(a);
	else
		*out = a;
	return err;
}

static int store(struct handle *h, struct inode *inode, u8 index, const struct acl *a)
{
	u8 *buf = NULL;
	int err;

	ext4_i(inode)->acl_known = false;
	if (a) {
		buf = kmalloc(4 + a->n * 8);
		if (!buf)
			return -ENOMEM;
	}
	err = ext4_xattr_set(h, inode, index, "", buf, a ? build(a, DISK_VERSION, buf) : 0, 0);
	kfree(buf);
	return err;
}

/* The mode bits that say the same; true: they say all. */
static bool to_mode(struct acl *a, u32 *mode)
{
	struct entry *mask = entry_of(a, MASK), *group = entry_of(a, GROUP_OBJ);

	*mode = (*mode & ~0777u) | (u32)entry_of(a, USER_OBJ)->perm << 6 |
		(u32)(mask ? mask : group)->perm << 3 | entry_of(a, OTHER)->perm;
	return !mask && a->n == 3;
}

ssize ext4_acl_get(struct inode *inode, u8 index, void *buf, size_t n)
{
	struct acl *a;
	ssize len;
	int err = load(inode, index, &a);

	if (err)
		return err;
	len = a->n ? (ssize)(4 + a->n * 8) : -ENODATA;
	if (len > 0 && n) {
		if (n < (size_t)len)
			len = -ERANGE;
		else
			build(a, USER_VERSION, buf);
	}
	kfree(a);
	return len;
}

static int set_parsed(struct handle *h, struct inode *inode, u8 index, struct acl *a)
{
	u32 mode = inode->mode;
	int err;

	if (!a->n)
		return store(h, inode, index, NULL);
	if (!valid(a))
		return -EINVAL;
	if (index == XATTR_ACL_DEFAULT)
		return store(h, inode, index, a);
	err = store(h, inode, index, to_mode(a, &mode) ? NULL : a);
	if (err)
		return err;
	if (!cred_in_group(current_cred(), inode->gid) && !capable(CAP_FSETID))
		mode &= ~(u32)S_ISGID;
	inode->mode = mode;
	return 0;
}

int ext4_acl_set(struct handle *h, struct inode *inode, u8 index, const void *val, size_t n)
{
	struct acl *a;
	int err;

	if (!inode_owner_or_capable(inode))
		return -EPERM;
	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	if (index == XATTR_ACL_DEFAULT && !S_ISDIR(inode->mode))
		return val && n ? -EACCES : 0;
	a = kzalloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	err = val && n ? parse(val, n, USER_VERSION, a) : 0;
	if (!err)
		err = set_parsed(h, inode, index, a);
	kfree(a);
	return err;
}

/* chmod: owner, mask (or group) and others follow. */
int ext4_acl_chmod(struct handle *h, struct inode *inode)
{
	struct entry *mask;
	struct acl *a;
	int err;

	if (!ext4_of(inode)->opts.acl || S_ISLNK(inode->mode))
		return 0;
	err = load(inode, XATTR_ACL_ACCESS, &a);
	if (err)
		return err;
	if (a->n) {
		mask = entry_of(a, MASK) ? entry_of(a, MASK) : entry_of(a, GROUP_OBJ);
		entry_of(a, USER_OBJ)->perm = inode->mode >> 6 & 7;
		mask->perm = inode->mode >> 3 & 7;
		entry_of(a, OTHER)->perm = inode->mode & 7;
		err = store(h, inode, XATTR_ACL_ACCESS, a);
	}
	kfree(a);
	return err;
}

/* The directory's default becomes the new object's list, cut by the mode that was asked for. */
static int inherit(struct handle *h, struct inode *inode, struct acl *a)
{
	struct entry *mask = entry_of(a, MASK) ? entry_of(a, MASK) : entry_of(a, GROUP_OBJ);
	u32 mode = inode->mode;
	bool plain;
	int err = S_ISDIR(mode) ? store(h, inode, XATTR_ACL_DEFAULT, a) : 0;

	if (err)
		return err;
	entry_of(a, USER_OBJ)->perm &= mode >> 6 & 7;
	mask->perm &= mode >> 3 & 7;
	entry_of(a, OTHER)->perm &= mode & 7;
	plain = to_mode(a, &mode);
	inode->mode = mode;
	return plain ? 0 : store(h, inode, XATTR_ACL_ACCESS, a);
}

int ext4_acl_init(struct handle *h, struct inode *dir, struct inode *inode)
{
	struct acl *a;
	int err;

	if (!(dir->sb->flags & MS_POSIXACL) || S_ISLNK(inode->mode))
		return 0;
	err = load(dir, XATTR_ACL_DEFAULT, &a);
	if (err)
		return err;
	if (a->n)
		err = inherit(h, inode, a);
	else
		inode->mode &= ~(fs_ctx_current()->umask & 0777);
	kfree(a);
	return err;
}

/* The owner was dealt with before: for him the mode bits count. */
static int check(struct acl *a, const struct inode *inode, u32 want)
{
	const struct cred *c = current_cred();
	u16 mask = entry_of(a, MASK) ? entry_of(a, MASK)->perm : 7;
	bool in_group = false;

	for (u32 i = 0; i < a->n; i++) {
		const struct entry *e = &a->e[i];

		if (e->tag == USER && e->id == c->fsuid)
			return want & ~(u32)(e->perm & mask) ? -EACCES : 0;
		if ((e->tag == GROUP_OBJ && cred_in_group(c, inode->gid)) ||
		    (e->tag == GROUP && cred_in_group(c, e->id))) {
			in_group = true;
			if (!(want & ~(u32)(e->perm & mask)))
				return 0;
		}
		if (e->tag == OTHER && !in_group)
			return want & ~(u32)e->perm ? -EACCES : 0;
	}
	return -EACCES;
}

/* What the list refuses, capabilities may allow. */
static int by_capability(const struct inode *inode, u32 want)
{
	if (S_ISDIR(inode->mode)) {
		if (!(want & MAY_WRITE) && capable(CAP_DAC_READ_SEARCH))
			return 0;
		return capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (want == MAY_READ && capable(CAP_DAC_READ_SEARCH))
		return 0;
	if (!(want & MAY_EXEC) || (inode->mode & 0111))
		return capable(CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	return -EACCES;
}

int ext4_acl_permission(struct inode *inode, u32 mask)
{
	struct ext4_inode *ei = ext4_i(inode);
	u32 want = mask & (MAY_READ | MAY_WRITE | MAY_EXEC);
	struct acl *a;
	int err;

	if (!ext4_of(inode)->opts.acl || !(inode->mode & S_IRWXG) ||
	    current_cred()->fsuid == inode->uid || S_ISLNK(inode->mode) ||
	    (ei->acl_known && !ei->acl_there))
		return generic_permission(inode, mask);
	err = load(inode, XATTR_ACL_ACCESS, &a);
	if (err)
		return err;
	ei->acl_known = true;
	ei->acl_there = a->n;
	err = a->n ? check(a, inode, want) : generic_permission(inode, mask);
	if (a->n && err == -EACCES)
		err = by_capability(inode, want);
	kfree(a);
	return err;
}
