/* SPDX-License-Identifier: MIT */
/*
 * The proc file system type. Every mount shows the same tree.
 */
#include "fs/procfs/procfs.h"

#include "fs/procfs/priv.h"

#include "abi/errno.h"
#include "abi/mount.h"

static int procfs_statfs(struct super *sb, struct statfs_k *st)
{
	*st = (struct statfs_k){
		.type = PROC_SUPER_MAGIC, .bsize = 4096, .frsize = 4096, .namelen = 255,
	};
	return 0;
}

/* Names below a process would pin it long after its end. */
static bool procfs_drop_unused(const struct dentry *d)
{
	return d->inode && PN(d->inode)->task;
}

static const struct super_ops procfs_super_ops = {
	.statfs = procfs_statfs,
	.drop_unused = procfs_drop_unused,
};

static int procfs_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
			struct super **out)
{
	const struct proc_node root = { .e = &proc_root };
	struct super *sb = super_alloc(t, &procfs_super_ops, flags);
	struct inode *inode;
	int err;

	if (!sb)
		return -ENOMEM;
	sb->no_cache = true;
	err = proc_make_inode(sb, &root, &inode);
	if (!err) {
		sb->root = d_make_root(sb, inode);
		if (!sb->root) {
			iput(inode);
			err = -ENOMEM;
		}
	}
	if (err) {
		super_put(sb);
		return err;
	}
	*out = sb;
	return 0;
}

/* Options (hidepid=, gid=, subset=) are taken and have no effect. */
static int procfs_remount(struct super *sb, u32 flags, const char *data)
{
	return 0;
}

const struct fs_type procfs_type = {
	.name = "proc",
	.nodev = true,
	.mount = procfs_mount,
	.remount = procfs_remount,
};
