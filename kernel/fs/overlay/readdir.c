/* SPDX-License-Identifier: MIT */
/*
 * Listing: one layer alone is read through; two are merged into a list when reading starts, names
 * of the upper layer first. A position in the list is its index.
 */
#include "fs/overlay/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "lib/alloc.h"

#define DT_CHR_K 2
#define HASH 1024

struct entry {
	struct entry *next;		/* with the same hash */
	u64 ino;
	u32 type, len;
	bool whiteout;
	char name[];
};

struct listing {
	struct entry **all;
	size_t n, cap;
	struct entry *hash[HASH];
	struct dentry *upper;		/* while it is read; NULL: the lower one is */
	const struct inode *dir;
	int err;
};

struct odir {
	struct file *real;		/* the only layer, or NULL: merged */
	struct listing *list;
};

static u32 hash_of(const char *s, size_t n)
{
	u32 h = 5381;

	while (n--)
		h = h * 33 + (u8)*s++;
	return h % HASH;
}

static struct entry *find(struct listing *l, const char *name, size_t len)
{
	struct entry *e = l->hash[hash_of(name, len)];

	while (e && (e->len != len || memcmp(e->name, name, len)))
		e = e->next;
	return e;
}

static int add(struct listing *l, const char *name, size_t len, u64 ino, u32 type)
{
	struct entry *e, **all;
	u32 h = hash_of(name, len);

	if (l->n == l->cap) {
		all = krealloc(l->all, (l->cap ? l->cap * 2 : 64) * sizeof(*all));
		if (!all)
			return -ENOMEM;
		l->all = all;
		l->cap = l->cap ? l->cap * 2 : 64;
	}
	e = kmalloc(sizeof(*e) + len + 1);
	if (!e)
		return -ENOMEM;
	*e = (struct entry){ .next = l->hash[h], .ino = ino, .type = type, .len = (u32)len };
	memcpy(e->name, name, len);
	e->name[len] = 0;
	l->hash[h] = e;
	l->all[l->n++] = e;
	return 0;
}

struct collector {
	struct dir_ctx ctx;
	struct listing *l;
};

static bool collect(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type,
		    off64 next)
{
	struct listing *l = container_of(ctx, struct collector, ctx)->l;

	ctx->pos = next;
	if ((len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.') ||
	    find(l, name, len))
		return true;
	if (l->upper)
		ino = ovl_ino(l->dir, ino);
	l->err = add(l, name, len, ino, type);
	return !l->err;
}

/* A device in the upper layer may be a whiteout. */
static int mark_whiteouts(struct listing *l)
{
	struct dentry *d;
	int err;

	for (size_t i = 0; i < l->n; i++) {
		if (l->all[i]->type != DT_CHR_K)
			continue;
		err = lookup_one(l->upper, l->all[i]->name, l->all[i]->len, &d);
		if (err)
			return err;
		l->all[i]->whiteout = ovl_is_whiteout(d);
		dput(d);
	}
	return 0;
}

static int read_layer(struct listing *l, struct mount *m, struct dentry *d)
{
	struct collector c = { .l = l, .ctx.actor = collect };
	struct path p = { m, d };
	struct file *f;
	size_t before;
	int err = file_open_checked(&p, O_RDONLY | O_DIRECTORY, &f);

	if (err)
		return err;
	do {
		before = l->n;
		err = f->ops->readdir(f, &c.ctx);
		f->pos = c.ctx.pos;
	} while (!err && !l->err && l->n != before);
	fput(f);
	return err ? err : l->err;
}

static void listing_free(struct listing *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		kfree(l->all[i]);
	kfree(l->all);
	kfree(l);
}

static int merge(const struct inode *dir, struct listing **out)
{
	const struct onode *n = onode(dir);
	struct listing *l = kzalloc(sizeof(*l));
	int err = l ? 0 : -ENOMEM;

	if (!err && n->upper) {
		l->dir = dir;
		l->upper = n->upper;
		err = read_layer(l, osb(dir)->upper, n->upper);
		if (!err)
			err = mark_whiteouts(l);
		l->upper = NULL;
	}
	if (!err && n->lower)
		err = read_layer(l, osb(dir)->lower, n->lower);
	if (err)
		listing_free(l);
	else
		*out = l;
	return err;
}

int ovl_dir_empty(struct inode *dir)
{
	struct listing *l;
	int err = merge(dir, &l);

	if (err)
		return err;
	for (size_t i = 0; i < l->n && !err; i++)
		if (!l->all[i]->whiteout)
			err = -ENOTEMPTY;
	listing_free(l);
	return err;
}

int ovl_clear_whiteouts(struct inode *dir)
{
	struct dentry *upper = onode(dir)->upper, *d;
	struct listing *l;
	int err = upper ? merge(dir, &l) : 0;

	if (err || !upper)
		return err;
	for (size_t i = 0; i < l->n && !err; i++) {
		if (!l->all[i]->whiteout)
			continue;
		err = lookup_one(upper, l->all[i]->name, l->all[i]->len, &d);
		if (err)
			break;
		err = ovl_remove_upper(upper, d);
		dput(d);
	}
	listing_free(l);
	return err;
}

/* --- the open directory --- */

static void reset(struct odir *o)
{
	if (o->real)
		fput(o->real);
	listing_free(o->list);
	o->real = NULL;
	o->list = NULL;
}

static int start(struct file *f, struct odir *o)
{
	const struct onode *n = onode(f->inode);
	struct path p = { osb(f->inode)->lower, n->lower };

	reset(o);
	if (n->upper)
		return merge(f->inode, &o->list);
	return file_open_checked(&p, O_RDONLY | O_DIRECTORY, &o->real);
}

static bool dots(struct file *f, struct dir_ctx *ctx)
{
	static const char *const names[] = { ".", ".." };
	const struct inode *of[] = { f->inode, f->path.dentry->parent->inode };

	while (ctx->pos < 2) {
		if (!ctx->actor(ctx, names[ctx->pos], (size_t)ctx->pos + 1, of[ctx->pos]->ino, 4,
				ctx->pos + 1))
			return false;
		ctx->pos++;
	}
	return true;
}

static int list_merged(struct file *f, struct listing *l, struct dir_ctx *ctx)
{
	const struct entry *e;

	if (!dots(f, ctx))
		return 0;
	for (; (size_t)ctx->pos - 2 < l->n; ctx->pos++) {
		e = l->all[ctx->pos - 2];
		if (!e->whiteout &&
		    !ctx->actor(ctx, e->name, e->len, e->ino, e->type, ctx->pos + 1))
			return 0;
	}
	return 0;
}

static int ovl_readdir(struct file *f, struct dir_ctx *ctx)
{
	struct odir *o = f->private;
	int err = 0;

	if (!ctx->pos || (!o->real && !o->list))
		err = start(f, o);
	if (err)
		return err;
	if (o->list)
		return list_merged(f, o->list, ctx);
	err = o->real->ops->readdir(o->real, ctx);
	o->real->pos = ctx->pos;
	return err;
}

static int ovl_dir_open(struct inode *inode, struct file *f)
{
	f->private = kzalloc(sizeof(struct odir));
	return f->private ? 0 : -ENOMEM;
}

static void ovl_dir_release(struct file *f)
{
	reset(f->private);
	kfree(f->private);
}

static off64 ovl_dir_llseek(struct file *f, off64 off, int whence)
{
	if (whence == 1)	/* SEEK_CUR */
		off += f->pos;
	else if (whence != 0)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static int ovl_dir_fsync(struct file *f, bool datasync)
{
	return 0;
}

const struct file_ops ovl_dir_fops = {
	.open = ovl_dir_open,
	.release = ovl_dir_release,
	.readdir = ovl_readdir,
	.llseek = ovl_dir_llseek,
	.fsync = ovl_dir_fsync,
};
