/* SPDX-License-Identifier: MIT */
/*
 * Files without a name in any directory.
 *
 * Two kinds: those of anon_file() share one inode and have no dentry (eventfd, epoll, ...); those
 * of anon_inode_file() have an inode of their own in an internal mount (pipes, sockets,
 * memfds), because fstat() tells them apart and /proc/PID/fd/N can open some of them again.
 */
#include "vfs/vfs.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "lib/alloc.h"
#include "vfs/file.h"

#define ANON_MAX 6

/* Internal mounts, made on first use and kept for ever. */
static struct mount *anon_mounts[ANON_MAX];
static struct inode *anon_shared_inode;

static int anon_statfs(struct super *sb, struct statfs_k *st)
{
	memset(st, 0, sizeof(*st));
	st->type = strcmp(sb->type->name, "pipefs") ? SOCKFS_MAGIC : PIPEFS_MAGIC;
	if (!strcmp(sb->type->name, "anon_inodefs"))
		st->type = ANON_INODE_FS_MAGIC;
	if (!strcmp(sb->type->name, "tmpfs"))
		st->type = TMPFS_MAGIC;
	st->bsize = PAGE_SIZE;
	st->frsize = PAGE_SIZE;
	st->namelen = 255;
	return 0;
}

static const struct super_ops anon_super_ops = {
	.statfs = anon_statfs,
};

static const struct inode_ops anon_inode_ops;

static int anon_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
		      struct super **out)
{
	struct super *sb = super_alloc(t, &anon_super_ops, flags);
	struct inode *root;

	if (!sb)
		return -ENOMEM;
	root = inode_new(sb, S_IFDIR | 0555);
	if (root) {
		root->ops = &anon_inode_ops;
		root->ino = anon_ino();
		sb->root = d_make_root(sb, root);
	}
	if (!sb->root) {
		super_put(sb);
		return -ENOMEM;
	}
	*out = sb;
	return 0;
}

static const struct fs_type anon_types[ANON_MAX] = {
	{ .name = "anon_inodefs", .nodev = true, .mount = anon_mount },
	{ .name = "pipefs", .nodev = true, .mount = anon_mount },
	{ .name = "sockfs", .nodev = true, .mount = anon_mount },
	{ .name = "tmpfs", .nodev = true, .mount = anon_mount },
	{ .name = "nsfs", .nodev = true, .mount = anon_mount },
};

static struct mount *anon_mount_find(const char *name)
{
	struct mount *m;
	int i;

	for (i = 0; i < ANON_MAX && anon_types[i].name; i++)
		if (!strcmp(anon_types[i].name, name))
			break;
	if (i == ANON_MAX || !anon_types[i].name)
		return NULL;
	if (!anon_mounts[i] && !vfs_kern_mount(&anon_types[i], name, 0, NULL, &m)) {
		if (anon_mounts[i])	/* another task was faster while we blocked */
			mntput(m);
		else
			anon_mounts[i] = m;
	}
	return anon_mounts[i];
}

struct super *anon_super(const char *fsname)
{
	struct mount *m = anon_mount_find(fsname);

	return m ? m->sb : NULL;
}

static struct mount *mount_of_super(const struct super *sb)
{
	int i;

	for (i = 0; i < ANON_MAX; i++)
		if (anon_mounts[i] && anon_mounts[i]->sb == sb)
			return anon_mounts[i];
	return NULL;
}

int anon_inode_file(struct inode *inode, const struct file_ops *ops, void *priv, u32 flags,
		    struct file **out)
{
	struct mount *m = mount_of_super(inode->sb);
	struct dentry *d;
	struct file *f;

	if (!m)
		return -ENOMEM;
	f = file_alloc(ops, flags);
	if (!f)
		return -ENOMEM;
	d = d_make_root(inode->sb, iget(inode));
	if (!d) {
		iput(inode);
		file_free(f);
		return -ENOMEM;
	}
	mntget(m);
	f->path.mnt = m;
	f->path.dentry = d;
	f->inode = inode;
	f->private = priv;
	*out = f;
	return 0;
}

static struct inode *shared_inode(void)
{
	struct super *sb;
	struct inode *inode;

	if (anon_shared_inode)
		return anon_shared_inode;
	sb = anon_super("anon_inodefs");
	inode = sb ? inode_new(sb, 0600) : NULL;
	if (!inode)
		return NULL;
	inode->ops = &anon_inode_ops;
	inode->ino = anon_ino();
	inode->uid = inode->gid = 0;
	if (anon_shared_inode)
		iput(inode);
	else
		anon_shared_inode = inode;
	return anon_shared_inode;
}

int anon_file(const char *name, const struct file_ops *ops, void *priv, u32 flags,
	      struct file **out)
{
	struct inode *inode = shared_inode();
	struct file *f;

	if (!inode)
		return -ENOMEM;
	f = file_alloc(ops, flags);
	if (!f)
		return -ENOMEM;
	f->inode = iget(inode);
	f->private = priv;
	f->anon_name = name;
	f->mode |= FMODE_NONOTIFY;
	*out = f;
	return 0;
}

int file_name(struct file *f, char *buf, size_t n, char **out)
{
	int err = 0;

	if (f->ops->name)
		err = f->ops->name(f, buf, n);
	else if (f->anon_name)
		snprintf(buf, n, "anon_inode:%s", f->anon_name);
	else if (f->path.dentry)
		return d_path(&f->path, buf, n, out);
	else
		return -ENOENT;
	if (err < 0)
		return err;
	*out = buf;
	return 0;
}
