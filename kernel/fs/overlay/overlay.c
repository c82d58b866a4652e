/* SPDX-License-Identifier: MIT */
/*
 * Mounting an overlay: lowerdir=DIR, upperdir=DIR, workdir=DIR (accepted and not needed: the upper
 * layer has nameless files). One lower directory.
 */
#include "fs/overlay/overlay.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "fs/overlay/priv.h"
#include "lib/alloc.h"

#ifndef OVERLAYFS_SUPER_MAGIC
#define OVERLAYFS_SUPER_MAGIC 0x794c7630
#endif

static int ovl_statfs(struct super *sb, struct statfs_k *st)
{
	const struct ovl_sb *o = sb->private;
	struct path p = { o->upper ? o->upper : o->lower,
			  o->upper ? o->upper_root : o->lower_root };
	int err = vfs_statfs(&p, st);

	st->type = OVERLAYFS_SUPER_MAGIC;
	return err;
}

static void free_layers(struct ovl_sb *o)
{
	if (o->lower) {
		dput(o->lower_root);
		mntput(o->lower);
	}
	if (o->upper) {
		dput(o->upper_root);
		mntput(o->upper);
	}
	kfree(o->options);
	kfree(o);
}

static void ovl_kill(struct super *sb)
{
	free_layers(sb->private);
}

static void ovl_show_options(struct super *sb, struct seq_buf *s)
{
	const struct ovl_sb *o = sb->private;

	if (o->options)
		seq_printf(s, ",%s", o->options);
}

static const struct super_ops ovl_super_ops = {
	.statfs = ovl_statfs,
	.kill = ovl_kill,
	.show_options = ovl_show_options,
};

static struct ovl_sb *sb_new(void)
{
	struct ovl_sb *o = kzalloc(sizeof(*o));

	if (!o)
		return NULL;
	for (int i = 0; i < BUCKETS; i++) {
		list_init(&o->by_lower[i]);
		list_init(&o->by_upper[i]);
	}
	mutex_init(&o->copy_lock, "overlay.copy", RANK_INODE);
	return o;
}

/* Takes o on success. */
static int make_super(const struct fs_type *t, u32 flags, struct ovl_sb *o, struct super **out)
{
	struct super *sb = super_alloc(t, &ovl_super_ops, flags | (o->upper ? 0 : MS_RDONLY));
	struct inode *root;
	int err;

	if (!sb)
		return -ENOMEM;
	sb->private = o;
	err = ovl_inode_get(sb, o->lower_root, o->upper_root, &root);
	if (!err) {
		sb->root = d_make_root(sb, root);
		if (!sb->root) {
			iput(root);
			err = -ENOMEM;
		}
	}
	if (err)
		super_put(sb);		/* frees o */
	else
		*out = sb;
	return err;
}

/* --- mount(2) --- */

static int set_layer(const char *name, struct mount **m, struct dentry **d)
{
	struct path p;
	int err;

	if (*m)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);
	if (err)
		return err;
	*m = p.mnt;
	*d = p.dentry;
	return 0;
}

static int one_option(struct ovl_sb *o, const char *text)
{
	if (!strncmp(text, "lowerdir=", 9))
		return strchr(text, ':') ? -EINVAL : set_layer(text + 9, &o->lower, &o->lower_root);
	if (!strncmp(text, "upperdir=", 9))
		return set_layer(text + 9, &o->upper, &o->upper_root);
	if (!strncmp(text, "workdir=", 8) || !strcmp(text, "index=off") ||
	    !strcmp(text, "xino=off") || !strcmp(text, "redirect_dir=off") ||
	    !strcmp(text, "metacopy=off"))
		return 0;
	return -EINVAL;
}

static int parse(struct ovl_sb *o, const char *data)
{
	char *copy = kstrdup(data), *p, *next;
	int err = copy ? 0 : -ENOMEM;

	o->options = kstrdup(data);
	for (p = copy; p && *p && !err; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		err = one_option(o, p);
	}
	kfree(copy);
	return err ? err : o->lower ? 0 : -EINVAL;
}

static struct ovl_sb *boot_layers;	/* what overlay_over() mounts */

static int ovl_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
		     struct super **out)
{
	struct ovl_sb *o = boot_layers;
	int err = 0;

	if (!o) {
		o = sb_new();
		err = !o ? -ENOMEM : data ? parse(o, data) : -EINVAL;
	}
	boot_layers = NULL;
	if (!err)
		return make_super(t, flags, o, out);
	if (o)
		free_layers(o);
	return err;
}

const struct fs_type overlay_type = {
	.name = "overlay",
	.nodev = true,
	.mount = ovl_mount,
};

int overlay_over(struct mount *lower, struct mount **out)
{
	const struct fs_type *tmpfs = fs_type_find("tmpfs");
	struct ovl_sb *o = sb_new();
	int err = !o ? -ENOMEM : !tmpfs ? -ENODEV : 0;

	if (!err)
		err = vfs_kern_mount(tmpfs, "overlay", 0, "mode=755", &o->upper);
	if (err) {
		kfree(o);
		return err;
	}
	o->upper_root = dget(o->upper->root);
	o->lower = lower;
	o->lower_root = dget(lower->root);
	/* The root looks like the one below. */
	o->upper_root->inode->mode = lower->root->inode->mode;
	o->upper_root->inode->uid = lower->root->inode->uid;
	o->upper_root->inode->gid = lower->root->inode->gid;
	boot_layers = o;
	return vfs_kern_mount(&overlay_type, "overlay", 0, NULL, out);
}
