/* SPDX-License-Identifier: MIT */
/*
 * Block devices in devtmpfs: nodes that come and go with the devices, and the names that ubd disks had in the days
 * of devfs.
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

static void make(const char *name, u32 mode, u32 rdev, const char *target)
{
	struct inode *dir = root->inode, *i;
	int err;

	mutex_lock(&dir->lock);
	err = tmpfs_make(dir, name, mode, rdev, target, &i);
	if (!err)
		i->uid = i->gid = 0;	/* whoever it was that made the device appear */
	mutex_unlock(&dir->lock);
	forget(root, name);
	if (err && err != -EEXIST)
		pr_warn("devtmpfs: no node for %s (error %d)", name, err);
}

static void unmake(const char *name, u32 mode, u32 rdev)
{
	mutex_lock(&root->inode->lock);
	tmpfs_unmake(root->inode, name, mode, rdev);
	mutex_unlock(&root->inode->lock);
	forget(root, name);
}

/* "/dev/ubd0" for "/dev/ubda": false when b has no such name. */
static bool old_name(const struct blkdev *b, char *name, size_t n)
{
	if (major_k(b->dev) != UBD_MAJOR || b->partno)
		return false;
	snprintf(name, n, "ubd%u", minor_k(b->dev) / BLKDEV_PARTS);
	return true;
}

static void added(struct blkdev *b)
{
	char name[16];

	make(b->name, S_IFBLK | 0600, b->dev, NULL);
	if (old_name(b, name, sizeof(name)))
		make(name, S_IFLNK | 0777, 0, b->name);
}

static void removed(struct blkdev *b)
{
	char name[16];

	unmake(b->name, S_IFBLK, b->dev);
	if (old_name(b, name, sizeof(name)))
		unmake(name, S_IFLNK, 0);
}

static struct blk_listener listener = { .added = added, .removed = removed };

void devtmpfs_follow_block(struct dentry *devtmpfs_root)
{
	root = devtmpfs_root;
	blkdev_listen(&listener);
}
