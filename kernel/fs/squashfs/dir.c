/* SPDX-License-Identifier: MIT */
/*
 * Directories: one listing, sorted by name, which is read from the start or, in large ones, from a place that an
 * index has for the name.
 */
#include "fs/squashfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"
#include "lib/alloc.h"

/* A place between two entries of a listing. */
struct scan {
	u64 pos;			/* bytes of the listing before it */
	struct sq_cursor at;
	u32 left;			/* entries that the last header is still good for */
	struct sq_disk_header header;
};

struct found {
	u64 ref, ino;
	u32 type;
	size_t len;
	char name[SQ_NAME_MAX + 1];
};

static u64 listing_size(const struct inode *dir)
{
	return dir->size > SQ_LISTING_EXTRA ? dir->size - SQ_LISTING_EXTRA : 0;
}

static int damaged(struct inode *dir, const char *what)
{
	return sq_error(sq_of(dir), "directory %llu: %s", (unsigned long long)dir->ino, what);
}

static int take(struct inode *dir, struct scan *s, void *buf, size_t n)
{
	if (n > listing_size(dir) - s->pos)
		return damaged(dir, "the listing ends too soon");
	s->pos += n;
	return sq_meta_read(sq_of(dir), &s->at, buf, n);
}

/* What could lead elsewhere than into this directory is no name. */
static bool is_name(const char *name, size_t len)
{
	return !memchr(name, '/', len) && !memchr(name, 0, len) && strcmp(name, ".") && strcmp(name, "..");
}

static int next_header(struct inode *dir, struct scan *s)
{
	int err = take(dir, s, &s->header, sizeof(s->header));

	if (err)
		return err;
	if (s->header.count >= SQ_DIR_ENTRIES_MAX)
		return damaged(dir, "too many entries behind a header");
	s->left = s->header.count + 1;
	return 0;
}

/* 1: *e is the next entry; 0: there is none. */
static int next_entry(struct inode *dir, struct scan *s, struct found *e)
{
	struct sq_disk_entry d;
	int err = 0;

	if (s->pos >= listing_size(dir))
		return 0;
	if (!s->left)
		err = next_header(dir, s);
	if (!err)
		err = take(dir, s, &d, sizeof(d));
	if (!err && d.len >= SQ_NAME_MAX)
		err = damaged(dir, "a name is too long");
	if (err)
		return err;
	e->len = d.len + 1u;
	err = take(dir, s, e->name, e->len);
	if (err)
		return err;
	e->name[e->len] = 0;
	if (!is_name(e->name, e->len))
		return damaged(dir, "an entry has no proper name");
	s->left--;
	e->ref = (u64)s->header.block << 16 | d.offset;
	e->ino = s->header.number + (u32)(short)d.number;
	e->type = d.type;
	return 1;
}

static void rewind_scan(const struct inode *dir, struct scan *s)
{
	*s = (struct scan){ .at = sq_i(dir)->listing };
}

/* To the last place of the index that is not behind name. */
static int use_index(struct inode *dir, const char *name, struct scan *s)
{
	struct sq_inode *si = sq_i(dir);
	struct sq_cursor c = si->at;
	char first[SQ_NAME_MAX + 1];

	for (u32 i = 0; i < si->nindex; i++) {
		struct sq_disk_index d;
		int err = sq_meta_read(sq_of(dir), &c, &d, sizeof(d));

		if (!err && d.len >= SQ_NAME_MAX)
			err = damaged(dir, "a name in its index is too long");
		if (!err)
			err = sq_meta_read(sq_of(dir), &c, first, d.len + 1);
		if (err)
			return err;
		first[d.len + 1] = 0;
		if (strcmp(first, name) > 0)
			return 0;
		if (d.index >= listing_size(dir))
			return damaged(dir, "its index leads behind the listing");
		*s = (struct scan){
			.pos = d.index,
			.at = { sq_of(dir)->s.dir_table + d.block, (si->listing.offset + d.index) % SQ_META_SIZE },
		};
	}
	return 0;
}

static bool same_listing(const struct inode *a, const struct inode *b)
{
	const struct sq_cursor *x = &sq_i(a)->listing, *y = &sq_i(b)->listing;

	return a == b || (listing_size(a) && listing_size(b) && x->block == y->block && x->offset == y->offset);
}

/*
 * A damaged disk may lead from a directory to one above it, or to what that lists: a tree without an end, or nearly so,
 * for whoever walks it.
 */
static bool leads_up(const struct dentry *d, const struct inode *found)
{
	for (d = d->parent; !same_listing(d->inode, found); d = d->parent)
		if (d->parent == d)
			return false;
	return true;
}

int sq_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	struct found *e = kmalloc(sizeof(*e));
	struct scan s;
	int err = e ? 0 : -ENOMEM;

	*out = NULL;
	rewind_scan(dir, &s);
	if (!err)
		err = use_index(dir, d->name, &s);
	while (!err) {
		err = next_entry(dir, &s, e);
		if (err <= 0 || (u8)*e->name > (u8)*d->name)
			break;
		err = strcmp(e->name, d->name) ? 0 : 1;
	}
	if (err == 1 && !strcmp(e->name, d->name))
		err = sq_iget(dir->sb, e->ref, out);
	else if (err == 1)
		err = 0;
	kfree(e);
	if (!err && *out && S_ISDIR((*out)->mode) && leads_up(d, *out)) {
		iput(*out);
		*out = NULL;
		damaged(dir, "is inside of itself");
		err = -ELOOP;
	}
	return err;
}

/* --- reading a directory: positions are 0, 1 for the dots, then 2 and the place in the listing --- */

static int sq_dir_open(struct inode *inode, struct file *f)
{
	struct scan *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	rewind_scan(inode, s);
	f->private = s;
	return 0;
}

static void sq_dir_release(struct file *f)
{
	kfree(f->private);
}

static bool emit_dot(struct file *f, struct dir_ctx *ctx)
{
	bool up = ctx->pos == 1;
	const struct dentry *d = f->path.dentry;
	u64 ino = up && d && d->parent->inode ? d->parent->inode->ino : f->inode->ino;

	if (!ctx->actor(ctx, "..", up ? 2 : 1, ino, S_IFDIR >> 12, ctx->pos + 1))
		return false;
	ctx->pos++;
	return true;
}

static u32 dir_type(u32 type)
{
	static const u8 types[] = {
		[SQ_DIR] = S_IFDIR >> 12, [SQ_REG] = S_IFREG >> 12, [SQ_LNK] = S_IFLNK >> 12, [SQ_BLK] = S_IFBLK >> 12,
		[SQ_CHR] = S_IFCHR >> 12, [SQ_FIFO] = S_IFIFO >> 12, [SQ_SOCK] = S_IFSOCK >> 12,
	};

	return type < ARRAY_SIZE(types) ? types[type] : 0;
}

/* To where the reader was; a place that is in no gap becomes the next one. */
static int seek_to(struct inode *dir, struct scan *s, u64 pos, struct found *e)
{
	int ret = 1;

	if (s->pos != pos)
		rewind_scan(dir, s);
	while (ret > 0 && s->pos < pos)
		ret = next_entry(dir, s, e);
	return MIN(ret, 0);
}

static int list(struct file *f, struct dir_ctx *ctx, struct found *e)
{
	struct scan *s = f->private, before;
	int ret = seek_to(f->inode, s, (u64)ctx->pos - 2, e);

	if (ret < 0)
		return ret;
	for (;;) {
		before = *s;
		ret = next_entry(f->inode, s, e);
		if (ret <= 0)
			return ret;
		if (!ctx->actor(ctx, e->name, e->len, e->ino, dir_type(e->type), (off64)s->pos + 2))
			break;
		ctx->pos = (off64)s->pos + 2;
	}
	*s = before;
	return 0;
}

static int sq_readdir(struct file *f, struct dir_ctx *ctx)
{
	struct found *e;
	int err;

	while (ctx->pos < 2)
		if (!emit_dot(f, ctx))
			return 0;
	e = kmalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	err = list(f, ctx, e);
	kfree(e);
	return err;
}

const struct file_ops sq_dir_fops = { .open = sq_dir_open, .release = sq_dir_release, .readdir = sq_readdir };
