/* SPDX-License-Identifier: MIT */
/*
 * ids=xattr: owner, mode and device numbers as the guest set them, while on the host all files are plain
 * ones of the host user. What that user owns is root's in the guest. Where that and the
 * host's mode say all, nothing is kept. Else the xattr user.umlaut has "UID GID MODE MAJOR:MINOR", mode
 * in octal with the type, and the host file's sticky bit is the mark to look for it: it comes
 * with every stat, and nobody needs it on files; a marked file without the xattr is as the host shows it.
 *
 * A device, FIFO or socket is an empty regular file on the host; a directory that got one is marked with
 * user.umlaut.special, because readdir cannot trust the host's types there. Symlinks cannot carry user
 * xattrs: they are always root's, and a chown of one succeeds without effect.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "vfs/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTR_NAME "user.umlaut"
#define ATTR_SPECIAL "user.umlaut.special"
#define TEXT_MAX 80
#define MARK S_ISVTX

bool hostfs_ids_is_private(const char *attr)
{
	return !strcmp(attr, ATTR_NAME) || !strcmp(attr, ATTR_SPECIAL);
}

static bool can_carry(u32 host_mode)
{
	return S_ISREG(host_mode) || S_ISDIR(host_mode);
}

static bool is_marked(const struct host_stat *st)
{
	return can_carry(st->mode) && st->mode & MARK;
}

/* The permissions of a host file such that its user can work with it, whatever the guest's mode. */
static u32 own_bits(u32 mode)
{
	return (mode & 0777) | (S_ISDIR(mode) ? 0700 : 0600);
}

u32 hostfs_ids_host_mode(u32 mode)
{
	const struct cred *c = current_cred();
	bool plain = !c->fsuid && !c->fsgid && can_carry(mode) &&
		     own_bits(mode) == (mode & S_IALLUGO);

	return own_bits(mode) | (plain ? 0 : MARK);
}

u32 hostfs_ids_uid(u32 host_uid)
{
	return host_uid == host_euid() ? 0 : host_uid;
}

u32 hostfs_ids_gid(u32 host_gid)
{
	return host_in_group(host_gid) ? 0 : host_gid;
}

static bool parse(char *text, struct hostfs_ids *ids)
{
	u64 v[5];
	char *end = text;
	static const int base[5] = { 10, 10, 8, 10, 10 };

	for (int i = 0; i < 5; i++) {
		if (i == 4 && *end++ != ':')
			return false;
		text = end;
		v[i] = strtoul(text, &end, base[i]);
		if (end == text)
			return false;
	}
	ids->uid = (u32)v[0];
	ids->gid = (u32)v[1];
	ids->mode = (u32)v[2] & (S_IFMT | S_IALLUGO);
	ids->rdev = makedev_k((u32)v[3], (u32)v[4]);
	return true;
}

/* The host user may have put anything there: only types that such a host file can stand for. */
static bool type_fits(u32 host_mode, u32 mode)
{
	if (S_ISDIR(host_mode) || S_ISDIR(mode))
		return S_ISDIR(host_mode) && S_ISDIR(mode);
	return S_ISREG(mode) || S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
}

static bool is_of(const struct hostfs_ids *ids, const struct host_stat *st)
{
	return ids->known && ids->ctime.sec == st->ctime.sec && ids->ctime.nsec == st->ctime.nsec;
}

bool hostfs_ids_stale(const struct inode *inode, const struct host_stat *st)
{
	const struct hostfs_ids *ids = &HI(inode)->ids;

	if (!HSB(inode->sb)->ids)
		return false;
	return is_marked(st) ? !is_of(ids, st) : ids->set;
}

void hostfs_ids_read(const struct host_stat *st, int dirfd, const char *name,
		     struct hostfs_ids *out)
{
	char text[TEXT_MAX + 1];
	ssize n;

	out->known = true;
	out->set = false;
	out->ctime = st->ctime;
	if (!is_marked(st))
		return;
	n = HOST(host_path_getxattr(dirfd, name, ATTR_NAME, text, TEXT_MAX));
	if (n <= 0)
		return;
	text[n] = '\0';
	out->set = parse(text, out) && type_fits(st->mode, out->mode);
}

void hostfs_ids_load(struct inode *inode, const struct host_stat *st, int dirfd, const char *name)
{
	struct hostfs_ids got;

	if (!hostfs_ids_stale(inode, st))
		return;
	hostfs_ids_read(st, dirfd, name, &got);
	HI(inode)->ids = got;
}

static int write_attr(int dirfd, const char *name, const struct hostfs_ids *ids)
{
	char text[TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%u %u %o %u:%u", ids->uid, ids->gid, ids->mode,
			 major_k(ids->rdev), minor_k(ids->rdev));
	int err = HOST(host_path_setxattr(dirfd, name, ATTR_NAME, text, (size_t)n, 0));

	return err == -EACCES ? -EPERM : err;
}

/* Does the host file as it is say the same, but for its mode? */
static bool same_owner(const struct hostfs_ids *ids, const struct host_stat *st)
{
	return ids->uid == hostfs_ids_uid(st->uid) && ids->gid == hostfs_ids_gid(st->gid) &&
	       (ids->mode & S_IFMT) == (st->mode & S_IFMT);
}

static int set_mode(int dirfd, const char *name, const struct host_stat *st, u32 mode)
{
	if ((st->mode & S_IALLUGO) == mode)
		return 0;
	return HOST(host_path_chmod(dirfd, name, mode));
}

/* Files as they mostly are: the host says it already. */
static bool says_it(const struct hostfs_ids *ids, const struct host_stat *st)
{
	return same_owner(ids, st) && ids->mode == st->mode && own_bits(ids->mode) == (ids->mode & S_IALLUGO);
}

/* The xattr before the mark, and the mark goes before the xattr: a reader never believes an old one. */
static int store(int dirfd, const char *name, const struct host_stat *st, const struct hostfs_ids *ids)
{
	u32 mode = own_bits(ids->mode);
	bool plain = same_owner(ids, st);
	int err = -EOPNOTSUPP;

	if (plain && mode == (ids->mode & S_IALLUGO)) {
		err = set_mode(dirfd, name, st, mode);
		if (!err && is_marked(st))
			HOST(host_path_removexattr(dirfd, name, ATTR_NAME));
		return err;
	}
	if (can_carry(st->mode))
		err = write_attr(dirfd, name, ids);
	if (!err)
		return set_mode(dirfd, name, st, mode | MARK);
	/* No xattrs here: what the host can say by itself must do. */
	if (err == -EOPNOTSUPP)
		err = plain ? set_mode(dirfd, name, st, ids->mode & S_IALLUGO) : -EPERM;
	return err;
}

int hostfs_ids_store(int dirfd, const char *name, const struct host_stat *st,
		     const struct hostfs_ids *ids)
{
	int err;

	if (says_it(ids, st))
		return 0;
	err = store(dirfd, name, st, ids);
	return err ? err : 1;
}

int hostfs_ids_setattr(struct inode *inode, const struct iattr *a, const struct hostfs_place *p)
{
	struct hostfs_inode *hi = HI(inode);
	const struct host_stat st = { .mode = hi->h_mode, .uid = hi->h_uid, .gid = hi->h_gid };
	struct hostfs_ids ids = {
		.mode = inode->mode, .uid = inode->uid, .gid = inode->gid, .rdev = inode->rdev,
		.set = true,
	};
	int err;

	if (S_ISLNK(inode->mode))
		return 0;
	if (a->valid & ATTR_UID)
		ids.uid = a->uid;
	if (a->valid & ATTR_GID)
		ids.gid = a->gid;
	if (a->valid & ATTR_MODE)
		ids.mode = (ids.mode & S_IFMT) | (a->mode & S_IALLUGO);
	if (!p) {
		/* It has no name any more: nobody will read the xattr. */
		hi->ids = ids;
		return 0;
	}
	err = hostfs_ids_store(p->fd, p->name, &st, &ids);
	if (err < 0)
		return err;
	hi->ids.known = false;
	return 0;
}

/* Group by the set-gid rule of directories. */
void hostfs_ids_of_new(const struct inode *dir, u32 mode, u32 rdev, struct hostfs_ids *ids)
{
	const struct cred *c = current_cred();

	*ids = (struct hostfs_ids){
		.set = true, .uid = c->fsuid, .gid = c->fsgid, .mode = mode, .rdev = rdev,
	};
	if (dir->mode & S_ISGID) {
		ids->gid = dir->gid;
		if (S_ISDIR(mode))
			ids->mode |= S_ISGID;
	}
}

void hostfs_ids_mark_special(int dirfd)
{
	HOST(host_path_setxattr(dirfd, ".", ATTR_SPECIAL, "1", 1, 0));
}

bool hostfs_ids_has_special(struct inode *dir)
{
	int fd = hostfs_get_dirfd(dir);
	bool has;
	char c;

	if (fd < 0)
		return true;
	has = HOST(host_path_getxattr(fd, ".", ATTR_SPECIAL, &c, 1)) > 0;
	hostfs_put_dirfd(dir);
	return has;
}
