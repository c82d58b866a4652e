/* SPDX-License-Identifier: MIT */
/*
 * devtmpfs: a tmpfs with a node for every device of dev/table.c whose number someone registered,
 * for every block device that there is, and the usual links. There is one; every mount shows the same.
 */
#include "dev/dev.h"
#include "fs/fs.h"
#include "fs/tmpfs/priv.h"
#include "fs/tmpfs/tmpfs.h"

#include <stdio.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "vfs/vfs.h"

static struct super *the_super;		/* a reference, kept for ever */

static const struct {
	const char *name, *target;
} links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

static const struct {
	const char *name;
	u32 mode;
} dirs[] = {
	{ "pts", 0755 },
	{ "shm", 01777 },
};

static int add_device(struct inode *root, const struct dev_entry *d)
{
	u32 i, count = d->count ? d->count : 1;
	char name[32];
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		u32 rdev = makedev_k(d->major, d->minor + i);

		if (!dev_find_chr(rdev))
			continue;
/* The table's names are formats for the index; it is ours, not input. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
		snprintf(name, sizeof(name), d->name, i);
#pragma GCC diagnostic pop
		err = tmpfs_make(root, name, S_IFCHR | d->mode, rdev, NULL, NULL);
	}
	return err;
}

static int fill(struct inode *root)
{
	const struct dev_entry *d;
	int err = 0;
	size_t i;

	for (d = dev_table; d->name && !err; d++)
		err = add_device(root, d);
	for (i = 0; i < ARRAY_SIZE(links) && !err; i++)
		err = tmpfs_make(root, links[i].name, S_IFLNK | 0777, 0, links[i].target, NULL);
	for (i = 0; i < ARRAY_SIZE(dirs) && !err; i++)
		err = tmpfs_make(root, dirs[i].name, S_IFDIR | dirs[i].mode, 0, NULL, NULL);
	return err;
}

static int devtmpfs_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
			  struct super **out)
{
	struct super *sb;
	int err;

	if (!the_super) {
		err = tmpfs_super_new(t, 0, "mode=755,uid=0,gid=0", &sb);
		if (err)
			return err;
		err = fill(sb->root->inode);
		if (err) {
			super_put(sb);
			return err;
		}
		the_super = sb;
		devtmpfs_follow_block(sb->root);
	}
	ref_get(&the_super->ref);
	*out = the_super;
	return 0;
}

const struct fs_type devtmpfs_type = {
	.name = "devtmpfs",
	.nodev = true,
	.mount = devtmpfs_mount,
	.remount = tmpfs_remount,
};
