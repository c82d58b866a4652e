/* SPDX-License-Identifier: MIT */
/*
 * Block devices in devtmpfs: nodes that come and go with the devices, and the names that ubd disks had in the days
 * of devfs, /dev/ubd0 and /dev/ubd/0.
 */
#include "fs/tmpfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"
#include "block/blkdev.h"
#include "core/log.h"
#include "fs/tmpfs/tmpfs.h"
#include "vfs/dcache.h"

#define UBD_MAJOR 98

static struct dentry *root;		/* of the one devtmpfs; it lives for ever */

/* The name came or went behind the cache's back. */
static void forget(struct dentry *dir, const char *name)
{
	struct qname q = qname_make(name, strlen(name));
	struct dentry *d = d_find(dir, &q);

	if (!d)
		return;
	dget(d);
	d_drop(d);
	dput(d);
}

static void make(struct dentry *parent, const char *name, u32 mode, u32 rdev, const char *target)
{
	struct inode *dir = parent->inode, *i;
	int err;

	mutex_lock(&dir->lock);
	err = tmpfs_make(dir, name, mode, rdev, target, &i);
	if (!err)
		i->uid = i->gid = 0;	/* whoever it was that made the device appear */
	mutex_unlock(&dir->lock);
	forget(parent, name);
	if (err && err != -EEXIST)
		pr_warn("devtmpfs: no node for %s (error %d)", name, err);
}

static void unmake(struct dentry *parent, const char *name, u32 mode, u32 rdev)
{
	mutex_lock(&parent->inode->lock);
	tmpfs_unmake(parent->inode, name, mode, rdev);
	mutex_unlock(&parent->inode->lock);
	forget(parent, name);
}

static bool is_ubd_disk(const struct blkdev *b)
{
	return major_k(b->dev) == UBD_MAJOR && !b->partno;
}

/* Made with the first disk, and again when somebody has removed it. NULL: it cannot be. */
static struct dentry *ubd_dir(void)
{
	static struct dentry *dir;	/* a reference */
	struct qname q = qname_make("ubd", 3);

	if (dir && dir->inode->nlink)
		return dir;
	dput(dir);
	dir = NULL;
	make(root, "ubd", S_IFDIR | 0755, 0, NULL);
	if (lookup_qname(root, &q, &dir))
		return NULL;
	if (dir->inode && S_ISDIR(dir->inode->mode))
		return dir;
	dput(dir);
	return dir = NULL;
}

/* /dev/ubd0 and /dev/ubd/0 for /dev/ubda. */
static void make_old_names(const struct blkdev *b)
{
	struct dentry *dir = ubd_dir();
	char name[16], target[40];

	snprintf(name, sizeof(name), "ubd%u", minor_k(b->dev) / BLKDEV_PARTS);
	snprintf(target, sizeof(target), "../%s", b->name);
	make(root, name, S_IFLNK | 0777, 0, b->name);
	if (dir)
		make(dir, name + 3, S_IFLNK | 0777, 0, target);
}

static void unmake_old_names(const struct blkdev *b)
{
	struct dentry *dir = ubd_dir();
	char name[16];

	snprintf(name, sizeof(name), "ubd%u", minor_k(b->dev) / BLKDEV_PARTS);
	unmake(root, name, S_IFLNK, 0);
	if (dir)
		unmake(dir, name + 3, S_IFLNK, 0);
}

static void added(struct blkdev *b)
{
	make(root, b->name, S_IFBLK | 0600, b->dev, NULL);
	if (is_ubd_disk(b))
		make_old_names(b);
}

static void removed(struct blkdev *b)
{
	unmake(root, b->name, S_IFBLK, b->dev);
	if (is_ubd_disk(b))
		unmake_old_names(b);
}

static struct blk_listener listener = { .added = added, .removed = removed };

void devtmpfs_follow_block(struct dentry *devtmpfs_root)
{
	root = devtmpfs_root;
	blkdev_listen(&listener);
}
