/* SPDX-License-Identifier: MIT */
/*
 * tmpfs as a file system type: mount options, limits, statfs. ramfs is the same without limits.
 */
#include "fs/tmpfs/tmpfs.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "fs/fs.h"
#include "fs/tmpfs/priv.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "vfs/dcache.h"

struct options {
	u64 max_pages, max_inodes;
	u32 mode, uid, gid;
	bool has_pages, has_inodes, has_mode, has_uid, has_gid;
};

static u64 default_pages(void)
{
	return mem_total() / PAGE_SIZE / 2;
}

/* A number with K, M, G or (of all memory) %. */
static int parse_size(const char *s, u64 *out)
{
	char *end;
	u64 v = strtoull(s, &end, 0);

	if (end == s)
		return -EINVAL;
	switch (*end) {
	case '%':
		v = mem_total() / 100 * v;
		end++;
		break;
	case 'k': case 'K':
		v <<= 10;
		end++;
		break;
	case 'm': case 'M':
		v <<= 20;
		end++;
		break;
	case 'g': case 'G':
		v <<= 30;
		end++;
		break;
	}
	*out = v;
	return *end ? -EINVAL : 0;
}

static int parse_u32(const char *s, int base, u32 *out)
{
	char *end;
	unsigned long v = strtoul(s, &end, base);

	if (end == s || *end || v > UINT32_MAX)
		return -EINVAL;
	*out = (u32)v;
	return 0;
}

static int opt_size(struct options *o, const char *v)
{
	int err = parse_size(v, &o->max_pages);

	o->max_pages = (o->max_pages + PAGE_SIZE - 1) / PAGE_SIZE;
	o->has_pages = true;
	return err;
}

static int opt_blocks(struct options *o, const char *v)
{
	o->has_pages = true;
	return parse_size(v, &o->max_pages);
}

static int opt_inodes(struct options *o, const char *v)
{
	o->has_inodes = true;
	return parse_size(v, &o->max_inodes);
}

static int opt_mode(struct options *o, const char *v)
{
	o->has_mode = true;
	return parse_u32(v, 8, &o->mode);
}

static int opt_uid(struct options *o, const char *v)
{
	o->has_uid = true;
	return parse_u32(v, 10, &o->uid);
}

static int opt_gid(struct options *o, const char *v)
{
	o->has_gid = true;
	return parse_u32(v, 10, &o->gid);
}

static int opt_ignored(struct options *o, const char *v)
{
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct options *o, const char *value);
	bool flag;			/* without a value */
} option_table[] = {
	{ "size", opt_size, false },	{ "nr_blocks", opt_blocks, false },
	{ "nr_inodes", opt_inodes, false }, { "mode", opt_mode, false },
	{ "uid", opt_uid, false },	{ "gid", opt_gid, false },
	{ "huge", opt_ignored, false },	{ "mpol", opt_ignored, false },
	{ "inode32", opt_ignored, true }, { "inode64", opt_ignored, true },
	{ "noswap", opt_ignored, true },
};

static int parse_one(struct options *o, char *opt)
{
	char *value = strchr(opt, '=');
	size_t i;

	if (value)
		*value++ = 0;
	for (i = 0; i < ARRAY_SIZE(option_table); i++) {
		if (strcmp(opt, option_table[i].name))
			continue;
		if (!value != option_table[i].flag)
			return -EINVAL;
		return option_table[i].fn(o, value);
	}
	return -EINVAL;
}

static int parse(struct options *o, const char *data)
{
	char *copy, *p, *opt;
	int err = 0;

	memset(o, 0, sizeof(*o));
	if (!data || !*data)
		return 0;
	copy = kstrdup(data);
	if (!copy)
		return -ENOMEM;
	for (p = copy; !err && (opt = strsep(&p, ",")) != NULL;)
		if (*opt)
			err = parse_one(o, opt);
	kfree(copy);
	return err;
}

static int tmpfs_statfs(struct super *sb, struct statfs_k *st)
{
	const struct tmpfs_sb *t = sb->private;

	st->type = sb->type == &ramfs_type ? RAMFS_MAGIC : TMPFS_MAGIC;
	st->bsize = st->frsize = PAGE_SIZE;
	st->namelen = 255;
	st->fsid = sb->dev;
	if (t->max_pages) {
		st->blocks = t->max_pages;
		st->bfree = st->bavail = t->max_pages - MIN(t->used_pages, t->max_pages);
	}
	if (t->max_inodes) {
		st->files = t->max_inodes;
		st->ffree = t->max_inodes - MIN(t->used_inodes, t->max_inodes);
	}
	return 0;
}

static void tmpfs_show(struct super *sb, struct seq_buf *s)
{
	const struct tmpfs_sb *t = sb->private;

	if (sb->type == &ramfs_type)
		return;
	if (t->max_pages != default_pages())
		seq_printf(s, ",size=%lluk", (unsigned long long)t->max_pages * 4);
	if (t->max_inodes != default_pages())
		seq_printf(s, ",nr_inodes=%llu", (unsigned long long)t->max_inodes);
	if (t->mode != 01777)
		seq_printf(s, ",mode=%03o", t->mode);
	if (t->uid)
		seq_printf(s, ",uid=%u", t->uid);
	if (t->gid)
		seq_printf(s, ",gid=%u", t->gid);
	seq_puts(s, ",inode64");
}

static void tmpfs_kill(struct super *sb)
{
	kfree(sb->private);
}

static const struct super_ops tmpfs_super_ops = {
	.statfs = tmpfs_statfs,
	.kill = tmpfs_kill,
	.show_options = tmpfs_show,
	.generation = tmpfs_generation,
	.by_number = tmpfs_by_number,
};

static struct tmpfs_sb *make_private(const struct options *o, bool limits)
{
	static u32 last_generation;
	struct tmpfs_sb *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	if (limits) {
		t->max_pages = o->has_pages ? o->max_pages : default_pages();
		t->max_inodes = o->has_inodes ? o->max_inodes : default_pages();
	}
	t->generation = ++last_generation;
	t->mode = o->has_mode ? o->mode & S_IALLUGO : 01777;
	t->uid = o->has_uid ? o->uid : current_cred()->fsuid;
	t->gid = o->has_gid ? o->gid : current_cred()->fsgid;
	return t;
}

int tmpfs_super_new(const struct fs_type *t, u32 flags, const char *data, struct super **out)
{
	struct tmpfs_sb *priv;
	struct inode *root;
	struct options o;
	struct super *sb;
	int err = parse(&o, data);

	if (err)
		return err;
	sb = super_alloc(t, &tmpfs_super_ops, flags);
	if (!sb)
		return -ENOMEM;
	priv = make_private(&o, t != &ramfs_type);
	sb->private = priv;
	err = priv ? tmpfs_inode_new(sb, NULL, S_IFDIR | priv->mode, 0, &root) : -ENOMEM;
	if (err)
		goto fail;
	root->uid = priv->uid;
	root->gid = priv->gid;
	sb->root = d_make_root(sb, root);
	if (sb->root) {
		*out = sb;
		return 0;
	}
	err = -ENOMEM;
	iput(root);
fail:
	super_put(sb);
	return err;
}

int tmpfs_remount(struct super *sb, u32 flags, const char *data)
{
	struct tmpfs_sb *t = sb->private;
	struct options o;
	int err = parse(&o, data);

	if (err)
		return err;
	if (o.has_pages && o.max_pages && o.max_pages < t->used_pages)
		return -EINVAL;
	if (o.has_inodes && o.max_inodes && o.max_inodes < t->used_inodes)
		return -EINVAL;
	if (o.has_pages)
		t->max_pages = o.max_pages;
	if (o.has_inodes)
		t->max_inodes = o.max_inodes;
	return 0;
}

int tmpfs_make(struct inode *dir, const char *name, u32 mode, u32 rdev, const char *target,
	       struct inode **out)
{
	struct qname q = qname_make(name, strlen(name));
	struct inode *i;
	int err;

	if (tdir_find(&tnode(dir)->dir, q.name, q.len, q.hash))
		return -EEXIST;
	err = tmpfs_inode_new(dir->sb, dir, mode, rdev, &i);
	if (err)
		return err;
	if (S_ISLNK(mode)) {
		tnode(i)->target = kstrdup(target);
		i->size = strlen(target);
		err = tnode(i)->target ? 0 : -ENOMEM;
	}
	if (!err)
		err = tdir_add(dir, q.name, q.len, q.hash, i);
	if (!err && S_ISDIR(mode))
		dir->nlink++;
	if (!err && out)
		*out = i;
	iput(i);	/* the entry has its own reference */
	return err;
}

void tmpfs_unmake(struct inode *dir, const char *name, u32 mode, u32 rdev)
{
	struct qname q = qname_make(name, strlen(name));
	struct tdirent *e = tdir_find(&tnode(dir)->dir, q.name, q.len, q.hash);

	if (!e || (e->inode->mode & S_IFMT) != (mode & S_IFMT) || e->inode->rdev != rdev)
		return;
	e->inode->nlink = 0;
	tdir_remove(dir, e);
}

static int tmpfs_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
		       struct super **out)
{
	return tmpfs_super_new(t, flags, data, out);
}

const struct fs_type tmpfs_type = {
	.name = "tmpfs",
	.nodev = true,
	.mount = tmpfs_mount,
	.remount = tmpfs_remount,
};

const struct fs_type ramfs_type = {
	.name = "ramfs",
	.nodev = true,
	.mount = tmpfs_mount,
	.remount = tmpfs_remount,
};
