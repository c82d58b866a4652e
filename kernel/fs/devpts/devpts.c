/* SPDX-License-Identifier: MIT */
/*
 * devpts: the slaves of pseudo terminals, by number, and a ptmx of its own. Every mount is an
 * instance with its own numbers. The terminals themselves belong to tty/pty.c; here they get inodes,
 * which live as long as their terminal so that a chmod is not lost.
 */
#include "fs/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/mount.h"
#include "abi/errno.h"
#include "abi/stat.h"
#include "lib/alloc.h"
#include "tty/tty.h"
#include "vfs/vfs.h"

#define DEFAULT_MODE 0600
#define MAX_PTYS (1u << 20)
#define ROOT_INO 1
#define PTMX_INO 2
#define FIRST_INO 3		/* of /dev/pts/0; the same numbers are directory positions */
#define MODE_MASK 07777
#define DT_CHR_K 2
#define DT_DIR_K 4

struct devpts {
	struct pts_instance pts;
	u32 ptmx_mode, ptmx_uid, ptmx_gid;	/* of the node, while it has no inode */
};

static const struct inode_ops pts_ops, ptmx_ops;

static struct devpts *devpts_of(const struct super *sb)
{
	return sb->private;
}

/* --- names --- */

static struct inode *make_inode(struct super *sb, u64 ino, u32 mode, u32 rdev)
{
	struct inode *i = inode_new(sb, mode);

	if (!i)
		return NULL;
	inode_init_special(i, mode, rdev);
	i->ino = ino;
	return i;
}

static struct inode *ptmx_inode(struct super *sb)
{
	struct devpts *dp = devpts_of(sb);
	struct inode *i = make_inode(sb, PTMX_INO, S_IFCHR | dp->ptmx_mode, PTMX_RDEV);

	if (i) {
		i->ops = &ptmx_ops;
		i->uid = dp->ptmx_uid;
		i->gid = dp->ptmx_gid;
	}
	return i;
}

static void ptmx_evict(struct inode *i)
{
	struct devpts *dp = devpts_of(i->sb);

	dp->ptmx_mode = i->mode & MODE_MASK;
	dp->ptmx_uid = i->uid;
	dp->ptmx_gid = i->gid;
}

/* The terminal keeps one reference, until its master is closed. */
static struct inode *pts_inode(struct super *sb, const struct pts_info *info)
{
	struct inode *i = *info->inode;

	if (i)
		return iget(i);
	i = make_inode(sb, FIRST_INO + info->index, S_IFCHR | info->mode, info->rdev);
	if (!i)
		return NULL;
	i->ops = &pts_ops;
	i->uid = info->uid;
	i->gid = info->gid;
	*info->inode = iget(i);
	return i;
}

/* "0", "17", no leading zeros. */
static bool parse_index(const char *name, u32 *out)
{
	u32 n = 0;
	const char *p;

	if (!*name || (name[0] == '0' && name[1]))
		return false;
	for (p = name; *p; p++) {
		if (*p < '0' || *p > '9' || n >= MAX_PTYS)
			return false;
		n = n * 10 + (*p - '0');
	}
	*out = n;
	return true;
}

static int devpts_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	struct pts_info info;
	u32 index;

	if (!strcmp(d->name, "ptmx")) {
		*out = ptmx_inode(dir->sb);
		return *out ? 0 : -ENOMEM;
	}
	if (!parse_index(d->name, &index) || !pts_find(&devpts_of(dir->sb)->pts, index, &info)) {
		*out = NULL;
		return 0;
	}
	*out = pts_inode(dir->sb, &info);
	return *out ? 0 : -ENOMEM;
}

static int devpts_revalidate(struct inode *dir, struct dentry *d)
{
	struct pts_info info;
	u32 index;

	if (!d->inode)
		return 0;
	if (!parse_index(d->name, &index))
		return 1;
	return pts_find(&devpts_of(dir->sb)->pts, index, &info) && *info.inode == d->inode;
}

static int devpts_readdir(struct file *f, struct dir_ctx *ctx)
{
	static const struct {
		const char *name;
		u64 ino;
		u32 type;
	} fixed[] = {
		{ ".", ROOT_INO, DT_DIR_K },
		{ "..", ROOT_INO, DT_DIR_K },
		{ "ptmx", PTMX_INO, DT_CHR_K },
	};
	struct pts_instance *pi = &devpts_of(f->inode->sb)->pts;
	struct pts_info info;
	char name[16];

	for (; ctx->pos < FIRST_INO; ctx->pos++) {
		const char *s = fixed[ctx->pos].name;

		if (!ctx->actor(ctx, s, strlen(s), fixed[ctx->pos].ino, fixed[ctx->pos].type,
				ctx->pos + 1))
			return 0;
	}
	while (pts_next(pi, ctx->pos - FIRST_INO, &info)) {
		u32 at = FIRST_INO + info.index;

		snprintf(name, sizeof(name), "%u", info.index);
		if (!ctx->actor(ctx, name, strlen(name), at, DT_CHR_K, at + 1))
			return 0;
		ctx->pos = at + 1;
	}
	return 0;
}

static const struct inode_ops root_ops = {
	.lookup = devpts_lookup,
	.revalidate = devpts_revalidate,
};

static const struct inode_ops pts_ops;

static const struct inode_ops ptmx_ops = {
	.evict = ptmx_evict,
};

static const struct file_ops root_fops = {
	.readdir = devpts_readdir,
	.llseek = generic_llseek,
};

/* --- options --- */

struct options {
	u32 uid, gid, mode, ptmxmode, max;
	bool setuid, setgid;
};

static int parse_number(const char *text, int base, u32 limit, u32 *out)
{
	unsigned long n;
	char *end;

	n = strtoul(text, &end, base);
	if (end == text || *end || n > limit)
		return -EINVAL;
	*out = (u32)n;
	return 0;
}

static int parse_option(struct options *o, const char *opt)
{
	const char *val = strchr(opt, '=');

	if (!*opt || !strcmp(opt, "newinstance"))
		return 0;
	if (!val)
		return -EINVAL;
	val++;
	if (!strncmp(opt, "uid=", 4)) {
		o->setuid = true;
		return parse_number(val, 10, UINT32_MAX - 1, &o->uid);
	}
	if (!strncmp(opt, "gid=", 4)) {
		o->setgid = true;
		return parse_number(val, 10, UINT32_MAX - 1, &o->gid);
	}
	if (!strncmp(opt, "mode=", 5))
		return parse_number(val, 8, MODE_MASK, &o->mode);
	if (!strncmp(opt, "ptmxmode=", 9))
		return parse_number(val, 8, MODE_MASK, &o->ptmxmode);
	if (!strncmp(opt, "max=", 4))
		return parse_number(val, 10, MAX_PTYS, &o->max);
	return -EINVAL;
}

static int parse_options(struct options *o, const char *data)
{
	char *copy, *opt, *rest;
	int err = 0;

	memset(o, 0, sizeof(*o));
	o->mode = DEFAULT_MODE;
	o->max = MAX_PTYS;
	if (!data)
		return 0;
	copy = kstrdup(data);
	if (!copy)
		return -ENOMEM;
	for (opt = copy; opt && !err; opt = rest) {
		rest = strchr(opt, ',');
		if (rest)
			*rest++ = 0;
		err = parse_option(o, opt);
	}
	kfree(copy);
	return err;
}

static void apply_options(struct pts_instance *pi, const struct options *o)
{
	pi->uid = o->uid;
	pi->gid = o->gid;
	pi->setuid = o->setuid;
	pi->setgid = o->setgid;
	pi->mode = o->mode;
	pi->ptmxmode = o->ptmxmode;
	pi->max = o->max;
}

static void devpts_show_options(struct super *sb, struct seq_buf *s)
{
	const struct pts_instance *pi = &devpts_of(sb)->pts;

	if (pi->setuid)
		seq_printf(s, ",uid=%u", pi->uid);
	if (pi->setgid)
		seq_printf(s, ",gid=%u", pi->gid);
	seq_printf(s, ",mode=%03o,ptmxmode=%03o", pi->mode, pi->ptmxmode);
	if (pi->max < MAX_PTYS)
		seq_printf(s, ",max=%u", pi->max);
}

/* --- the superblock --- */

static int devpts_statfs(struct super *sb, struct statfs_k *st)
{
	st->type = DEVPTS_SUPER_MAGIC;
	st->bsize = st->frsize = PAGE_SIZE;
	st->namelen = 255;
	return 0;
}

static void devpts_kill(struct super *sb)
{
	struct devpts *dp = devpts_of(sb);

	if (!dp)
		return;
	pts_instance_del(&dp->pts);
	kfree(dp);
}

static const struct super_ops devpts_super_ops = {
	.statfs = devpts_statfs,
	.kill = devpts_kill,
	.show_options = devpts_show_options,
};

static struct dentry *devpts_root(struct super *sb)
{
	struct inode *root = inode_new(sb, S_IFDIR | 0755);

	if (!root)
		return NULL;
	root->ino = ROOT_INO;
	root->uid = root->gid = 0;
	root->ops = &root_ops;
	root->fops = &root_fops;
	return d_make_root(sb, root);
}

static int devpts_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
			struct super **out)
{
	struct options o;
	struct devpts *dp;
	struct super *sb;
	int err;

	err = parse_options(&o, data);
	if (err)
		return err;
	sb = super_alloc(t, &devpts_super_ops, flags);
	if (!sb)
		return -ENOMEM;
	dp = kzalloc(sizeof(*dp));
	if (!dp) {
		super_put(sb);
		return -ENOMEM;
	}
	apply_options(&dp->pts, &o);
	dp->ptmx_mode = o.ptmxmode;
	dp->pts.sb = sb;
	pts_instance_add(&dp->pts);
	sb->private = dp;
	sb->no_cache = true;
	sb->root = devpts_root(sb);
	if (!sb->root) {
		super_put(sb);
		return -ENOMEM;
	}
	*out = sb;
	return 0;
}

static int devpts_remount(struct super *sb, u32 flags, const char *data)
{
	struct devpts *dp = devpts_of(sb);
	struct options o;
	struct dentry *d;
	int err;

	err = parse_options(&o, data);
	if (err)
		return err;
	apply_options(&dp->pts, &o);
	dp->ptmx_mode = o.ptmxmode;
	if (!lookup_one(sb->root, "ptmx", 4, &d)) {
		if (d->inode)
			d->inode->mode = S_IFCHR | o.ptmxmode;
		dput(d);
	}
	return 0;
}

const struct fs_type devpts_type = {
	.name = "devpts",
	.nodev = true,
	.mount = devpts_mount,
	.remount = devpts_remount,
};
