/* SPDX-License-Identifier: MIT */
/*
 * The sys file system type, its inodes and files. Nothing in it can be changed by writing.
 */
#include "fs/sysfs/sysfs.h"

#include "fs/sysfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "mm/iter.h"

static int make_inode(struct super *sb, const struct sys_node *n, struct inode **out);

static struct sys_node *node_of(const struct inode *inode)
{
	return inode->private;
}

static int sysfs_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	const struct sys_node *n;

	*out = NULL;
	list_for_each(n, &node_of(dir)->children, sibling)
		if (sys_visible(n) && !strcmp(n->name, d->name))
			return make_inode(dir->sb, n, out);
	return 0;
}

/* Devices come and go, and with them names. */
static int sysfs_revalidate(struct inode *dir, struct dentry *d)
{
	return !d->inode || sys_visible(node_of(d->inode));
}

static void sysfs_evict(struct inode *inode)
{
	sys_node_put(node_of(inode));
}

static ssize sysfs_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct sys_node *n = node_of(inode);
	const char *plain = n->target ? n->target : n->e->text, *hole = strstr(plain, "%d");
	char text[192];
	size_t len;

	if (hole)
		snprintf(text, sizeof(text), "%.*s%d%s", (int)(hole - plain), plain, n->cpu,
			 hole + 2);
	else
		snprintf(text, sizeof(text), "%s", plain);
	len = MIN(strlen(text), size);
	memcpy(buf, text, len);
	return (ssize)len;
}

static ssize sysfs_read(struct file *f, struct iter *to, off64 *pos)
{
	const struct sys_node *n = node_of(f->inode);
	struct seq_buf s = { .buf = NULL };
	ssize ret = 0;

	if (n->e->show_dev)
		n->e->show_dev(&s, n->dev);
	else if (n->e->show)
		n->e->show(&s, n->cpu);
	else
		seq_puts(&s, n->e->text);
	if (s.overflow)
		ret = -ENOMEM;
	else if ((u64)*pos < s.len)
		ret = iter_copy_to(to, s.buf + *pos, MIN(s.len - (size_t)*pos, to->count));
	if (ret > 0)
		*pos += ret;
	seq_free(&s);
	return ret;
}

static u32 type_of(const struct sys_node *n)
{
	if (n->target)
		return S_IFLNK;
	if (!n->e)
		return S_IFDIR;
	return n->e->link ? S_IFLNK : S_IFREG;
}

static bool emit(struct dir_ctx *ctx, const char *name, u64 ino, u32 type)
{
	if (!ctx->actor(ctx, name, strlen(name), ino, type >> 12, ctx->pos + 1))
		return false;
	ctx->pos++;
	return true;
}

static int sysfs_readdir(struct file *f, struct dir_ctx *ctx)
{
	const struct sys_node *dir = node_of(f->inode), *n;
	off64 at = 2;

	if (ctx->pos == 0 && !emit(ctx, ".", dir->ino, S_IFDIR))
		return 0;
	if (ctx->pos == 1 && !emit(ctx, "..", dir->parent->ino, S_IFDIR))
		return 0;
	list_for_each(n, &dir->children, sibling)
		if (sys_visible(n) && at++ >= ctx->pos && !emit(ctx, n->name, n->ino, type_of(n)))
			break;
	return 0;
}

static const struct inode_ops dir_iops = {
	.lookup = sysfs_lookup, .revalidate = sysfs_revalidate, .evict = sysfs_evict,
};
static const struct inode_ops link_iops = { .readlink = sysfs_readlink, .evict = sysfs_evict };
static const struct inode_ops file_iops = { .evict = sysfs_evict };
static const struct file_ops dir_fops = { .readdir = sysfs_readdir };
static const struct file_ops file_fops = { .read = sysfs_read };

static int make_inode(struct super *sb, const struct sys_node *n, struct inode **out)
{
	u32 type = type_of(n);
	struct inode *inode = inode_new(sb, type | (type == S_IFDIR ? 0555 : type == S_IFLNK ? 0777 : 0444));

	if (!inode)
		return -ENOMEM;
	ref_get(&((struct sys_node *)n)->ref);
	inode->private = (void *)n;
	inode->ino = n->ino;
	inode->uid = inode->gid = 0;
	inode->ops = type == S_IFDIR ? &dir_iops : type == S_IFLNK ? &link_iops : &file_iops;
	inode->fops = type == S_IFDIR ? &dir_fops : &file_fops;
	inode->size = type == S_IFREG ? PAGE_SIZE : 0;
	*out = inode;
	return 0;
}

static int sysfs_statfs(struct super *sb, struct statfs_k *st)
{
	*st = (struct statfs_k){
		.type = SYSFS_MAGIC, .bsize = 4096, .frsize = 4096, .namelen = 255,
	};
	return 0;
}

static const struct super_ops sysfs_super_ops = { .statfs = sysfs_statfs };

static int sysfs_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
		       struct super **out)
{
	struct sys_node *root = sys_tree();
	struct super *sb = root ? super_alloc(t, &sysfs_super_ops, flags) : NULL;
	struct inode *inode;

	if (!sb)
		return -ENOMEM;
	sb->no_cache = true;
	if (!make_inode(sb, root, &inode)) {
		sb->root = d_make_root(sb, inode);
		if (!sb->root)
			iput(inode);
	}
	if (!sb->root) {
		super_put(sb);
		return -ENOMEM;
	}
	*out = sb;
	return 0;
}

static int sysfs_remount(struct super *sb, u32 flags, const char *data)
{
	return 0;
}

const struct fs_type sysfs_type = {
	.name = "sysfs",
	.nodev = true,
	.mount = sysfs_mount,
	.remount = sysfs_remount,
};
