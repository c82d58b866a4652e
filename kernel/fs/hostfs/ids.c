/* SPDX-License-Identifier: MIT */
/*
 * ids=xattr: owner, mode and device numbers as the guest set them, kept in the xattr
 * user.umlaut of the host file, while on the host all files are plain ones of the host user.
 *
 * The text is "UID GID MODE MAJOR:MINOR", mode in octal with the type. A device, FIFO or socket is an empty regular
 * file on the host; a directory that got one is marked with user.umlaut.special, because readdir
 * cannot trust the host's types there. Symlinks cannot carry user xattrs: they are always root's, and
 * a chown of one succeeds without effect.
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

bool hostfs_ids_is_private(const char *attr)
{
	return !strcmp(attr, ATTR_NAME) || !strcmp(attr, ATTR_SPECIAL);
}

/* A host file as its user needs it, whatever the guest's mode. */
u32 hostfs_ids_host_mode(u32 mode)
{
	return (mode & 0777) | (S_ISDIR(mode) ? 0700 : 0600);
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

void hostfs_ids_read(struct super *sb, const struct host_stat *st, int dirfd, const char *name,
		     struct hostfs_ids *out)
{
	char text[TEXT_MAX + 1];
	ssize n;

	out->known = true;
	out->set = false;
	out->ctime = st->ctime;
	if (!S_ISREG(st->mode) && !S_ISDIR(st->mode))
		return;
	n = HOST(host_path_getxattr(dirfd, name, ATTR_NAME, text, TEXT_MAX));
	if (n <= 0)
		return;
	text[n] = '\0';
	out->set = parse(text, out) && type_fits(st->mode, out->mode);
}

void hostfs_ids_load(struct inode *inode, const struct host_stat *st, int dirfd, const char *name)
{
	struct hostfs_ids *have = &HI(inode)->ids, got;

	if (have->known && have->ctime.sec == st->ctime.sec && have->ctime.nsec == st->ctime.nsec)
		return;
	hostfs_ids_read(inode->sb, st, dirfd, name, &got);
	*have = got;
}

int hostfs_ids_write(int dirfd, const char *name, const struct hostfs_ids *ids)
{
	char text[TEXT_MAX];
	int n = snprintf(text, sizeof(text), "%u %u %o %u:%u", ids->uid, ids->gid, ids->mode,
			 major_k(ids->rdev), minor_k(ids->rdev));

	return HOST(host_path_setxattr(dirfd, name, ATTR_NAME, text, (size_t)n, 0));
}

int hostfs_ids_setattr(struct inode *inode, const struct iattr *a, const struct hostfs_place *p)
{
	struct hostfs_inode *hi = HI(inode);
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
	err = hostfs_ids_write(p->fd, p->name, &ids);
	if (err)
		return err;
	hi->ids.known = false;
	if (a->valid & ATTR_MODE && (S_ISREG(inode->mode) || S_ISDIR(inode->mode)))
		err = HOST(host_path_chmod(p->fd, p->name, hostfs_ids_host_mode(ids.mode)));
	return err;
}

/* A new file: of the calling task, group by the set-gid rule of directories. */
int hostfs_ids_created(int dirfd, const char *name, u32 mode, u32 rdev, struct inode *dir)
{
	const struct cred *c = current_cred();
	struct hostfs_ids ids = {
		.uid = c->fsuid, .gid = c->fsgid, .mode = mode, .rdev = rdev,
	};

	if (dir->mode & S_ISGID) {
		ids.gid = dir->gid;
		if (S_ISDIR(mode))
			ids.mode |= S_ISGID;
	}
	return hostfs_ids_write(dirfd, name, &ids);
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
