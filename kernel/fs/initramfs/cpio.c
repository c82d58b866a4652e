/* SPDX-License-Identifier: MIT */
/*
 * Reading newc cpio archives: a header of hexadecimal numbers, the name, the data, each padded
 * to four bytes. Files with several names carry their data with the last of them.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/stat.h"
#include "fs/initramfs/priv.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#define HEADER_LEN 110

enum field { F_INO, F_MODE, F_UID, F_GID, F_NLINK, F_MTIME, F_SIZE, F_MAJ, F_MIN, F_RMAJ, F_RMIN,
	     F_NAMESIZE, F_CHECK, NFIELDS };

struct entry {
	u32 v[NFIELDS];
	char *name;			/* absolute, allocated */
	const u8 *data;
};

/* First names of files with several. */
struct hardlink {
	struct hardlink *next;
	u32 ino, major, minor;
	char name[];
};

static int parse_hex(const u8 *p, u32 *out)
{
	u32 v = 0;
	int i;

	for (i = 0; i < 8; i++) {
		u8 c = p[i] | 0x20;

		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (u32)(p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (u32)(c - 'a' + 10);
		else
			return -EINVAL;
	}
	*out = v;
	return 0;
}

/* Reads the entry at p; *used is its whole length. The end of an archive has the name TRAILER. */
static int parse_entry(const u8 *p, size_t len, struct entry *e, size_t *used)
{
	size_t name_end, data_end;
	const char *name;
	int i;

	if (len < HEADER_LEN || (memcmp(p, "070701", 6) && memcmp(p, "070702", 6)))
		return -EINVAL;
	for (i = 0; i < NFIELDS; i++)
		if (parse_hex(p + 6 + 8 * i, &e->v[i]))
			return -EINVAL;
	if (!e->v[F_NAMESIZE] || e->v[F_NAMESIZE] > PATH_MAX - 1)
		return -EINVAL;
	name_end = ALIGN_UP((size_t)HEADER_LEN + e->v[F_NAMESIZE], 4UL);
	data_end = name_end + e->v[F_SIZE];
	if (name_end > len || data_end > len)
		return -EINVAL;
	name = (const char *)p + HEADER_LEN;
	if (name[e->v[F_NAMESIZE] - 1])
		return -EINVAL;
	while (*name == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	e->name = kasprintf("/%s", name);
	if (!e->name)
		return -ENOMEM;
	e->data = p + name_end;
	*used = MIN(ALIGN_UP(data_end, 4UL), len);
	return 0;
}

static struct hardlink *find_link(struct hardlink *l, const struct entry *e)
{
	while (l && (l->ino != e->v[F_INO] || l->major != e->v[F_MAJ] || l->minor != e->v[F_MIN]))
		l = l->next;
	return l;
}

/* 1: e is another name of a known file; 0: it is not, or the first. */
static int link_known(struct hardlink **links, const struct entry *e)
{
	struct hardlink *l;
	size_t n = strlen(e->name) + 1;
	int err;

	if (e->v[F_NLINK] < 2)
		return 0;
	l = find_link(*links, e);
	if (l) {
		vfs_unlink(AT_FDCWD, e->name);
		err = vfs_link(AT_FDCWD, l->name, AT_FDCWD, e->name, 0);
		return err ? err : 1;
	}
	l = kmalloc(sizeof(*l) + n);
	if (!l)
		return -ENOMEM;
	l->ino = e->v[F_INO];
	l->major = e->v[F_MAJ];
	l->minor = e->v[F_MIN];
	memcpy(l->name, e->name, n);
	l->next = *links;
	*links = l;
	return 0;
}

static int write_data(const struct entry *e)
{
	struct file *f;
	ssize n = 0;
	int err = vfs_open(AT_FDCWD, e->name, O_WRONLY | O_CREAT | O_TRUNC | O_LARGEFILE, e->v[F_MODE], 0,
			   &f);

	if (err)
		return err;
	if (e->v[F_SIZE])
		n = kernel_write(f, e->data, e->v[F_SIZE], 0);
	fput(f);
	if (n < 0)
		return (int)n;
	return (size_t)n == e->v[F_SIZE] ? 0 : -ENOSPC;
}

static int set_attrs(const struct entry *e)
{
	struct iattr a = {
		.valid = ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME,
		.uid = e->v[F_UID], .gid = e->v[F_GID],
		.atime = { .sec = e->v[F_MTIME] }, .mtime = { .sec = e->v[F_MTIME] },
	};
	struct path p;
	int err = path_lookup(AT_FDCWD, e->name, 0, &p);

	if (err)
		return err;
	if (!S_ISLNK(e->v[F_MODE])) {
		a.valid |= ATTR_MODE;
		a.mode = e->v[F_MODE] & S_IALLUGO;
	}
	err = notify_change(&p, &a);
	path_put(&p);
	return err;
}

static int make_link(const struct entry *e)
{
	char *target = kstrndup((const char *)e->data, e->v[F_SIZE]);
	int err = target ? vfs_symlink(target, AT_FDCWD, e->name) : -ENOMEM;

	kfree(target);
	return err;
}

static int make_entry(const struct entry *e)
{
	u32 mode = e->v[F_MODE];
	int err;

	switch (mode & S_IFMT) {
	case S_IFDIR:
		err = strcmp(e->name, "/") ? vfs_mkdir(AT_FDCWD, e->name, mode & S_IALLUGO) : 0;
		return err == -EEXIST ? 0 : err;
	case S_IFREG:
		return write_data(e);
	case S_IFLNK:
		return make_link(e);
	case S_IFCHR: case S_IFBLK: case S_IFIFO: case S_IFSOCK:
		return vfs_mknod(AT_FDCWD, e->name, mode, makedev_k(e->v[F_RMAJ], e->v[F_RMIN]));
	default:
		return -EINVAL;
	}
}

/* A later entry replaces what an earlier one made: a file of another kind goes; other nodes go in any case. */
static void clear_place(const struct entry *e)
{
	u32 kind = e->v[F_MODE] & S_IFMT, old;
	struct path p;

	if (path_lookup(AT_FDCWD, e->name, 0, &p))
		return;
	old = p.dentry->inode->mode & S_IFMT;
	path_put(&p);
	if (old == kind && (S_ISDIR(kind) || S_ISREG(kind)))
		return;
	if (S_ISDIR(old))
		(void)!vfs_rmdir(AT_FDCWD, e->name);
	else
		(void)!vfs_unlink(AT_FDCWD, e->name);
}

static int unpack_entry(const struct entry *e, struct hardlink **links)
{
	int err = 0;

	if (S_ISREG(e->v[F_MODE]))
		err = link_known(links, e);
	if (err < 0)
		return err;
	if (!err) {
		clear_place(e);
		err = make_entry(e);
	} else {
		err = e->v[F_SIZE] ? write_data(e) : 0;
	}
	return err ? err : set_attrs(e);
}

static void free_links(struct hardlink **links)
{
	struct hardlink *l, *next;

	for (l = *links; l; l = next) {
		next = l->next;
		kfree(l);
	}
	*links = NULL;
}

int cpio_unpack(const u8 *data, size_t len, size_t *used)
{
	struct hardlink *links = NULL;
	struct entry e;
	size_t at = 0, n;
	int err = 0;

	while (at < len) {
		if (!data[at] && !(at & 3)) {	/* padding between archives */
			at += MIN((size_t)4, len - at);
			continue;
		}
		if (at && initramfs_is_packed(data + at, len - at))
			break;
		err = parse_entry(data + at, len - at, &e, &n);
		if (err)
			break;
		at += n;
		if (!strcmp(e.name, "/TRAILER!!!"))
			free_links(&links);
		else
			err = unpack_entry(&e, &links);
		kfree(e.name);
		if (err)
			break;
	}
	free_links(&links);
	*used = at;
	return err;
}
