/* SPDX-License-Identifier: MIT */
/*
 * Directory entries of tmpfs: a hash table for lookup and a list in order of creation for readdir.
 * The position of an entry is a number that is never given again, so that a reader goes on at
 * the right place whatever was deleted meanwhile.
 */
#include "fs/tmpfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"
#include "lib/alloc.h"

#define FIRST_OFF 2			/* after "." and ".." */
#define DIRENT_SIZE 20			/* what an entry adds to the directory's size: Linux's */

struct tdirent *tdir_find(const struct tdir *d, const char *name, u32 len, u32 hash)
{
	struct tdirent *e;

	if (!d->nbuckets)
		return NULL;
	for (e = d->buckets[hash & (d->nbuckets - 1)]; e; e = e->hash_next)
		if (e->hash == hash && e->len == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

/* Keeps about one entry per bucket. An old table that is too small still works. */
static int grow_table(struct tdir *d)
{
	u32 n = d->nbuckets ? d->nbuckets * 2 : 8, i;
	struct tdirent **table, *e, *next;

	if (d->count < d->nbuckets)
		return 0;
	table = kzalloc(n * sizeof(*table));
	if (!table)
		return d->nbuckets ? 0 : -ENOMEM;
	for (i = 0; i < d->nbuckets; i++) {
		for (e = d->buckets[i]; e; e = next) {
			next = e->hash_next;
			e->hash_next = table[e->hash & (n - 1)];
			table[e->hash & (n - 1)] = e;
		}
	}
	kfree(d->buckets);
	d->buckets = table;
	d->nbuckets = n;
	return 0;
}

int tdir_add(struct inode *dir, const char *name, u32 len, u32 hash, struct inode *inode)
{
	struct tdir *d = &tnode(dir)->dir;
	struct tdirent *e, **b;
	int err = grow_table(d);

	if (err)
		return err;
	e = kmalloc(sizeof(*e) + len + 1);
	if (!e)
		return -ENOMEM;
	memcpy(e->name, name, len);
	e->name[len] = 0;
	e->len = (u8)len;
	e->hash = hash;
	e->inode = iget(inode);
	if (d->next_off < FIRST_OFF)
		d->next_off = FIRST_OFF;
	e->off = d->next_off++;
	b = &d->buckets[hash & (d->nbuckets - 1)];
	e->hash_next = *b;
	*b = e;
	list_add_tail(&e->order, &d->order);
	d->count++;
	dir->size += DIRENT_SIZE;
	inode_set_now(dir, ATTR_MTIME);
	return 0;
}

void tdir_remove(struct inode *dir, struct tdirent *e)
{
	struct tdir *d = &tnode(dir)->dir;
	struct tdirent **pe = &d->buckets[e->hash & (d->nbuckets - 1)];

	while (*pe != e)
		pe = &(*pe)->hash_next;
	*pe = e->hash_next;
	if (d->hint == e)
		d->hint = e->order.next == &d->order
				  ? NULL
				  : list_entry(e->order.next, struct tdirent, order);
	list_del_init(&e->order);
	d->count--;
	dir->size -= DIRENT_SIZE;
	inode_set_now(dir, ATTR_MTIME);
	iput(e->inode);
	kfree(e);
}

void tdir_free(struct tdir *d)
{
	struct tdirent *e, *next;

	list_for_each_safe(e, next, &d->order, order) {
		list_del_init(&e->order);
		iput(e->inode);
		kfree(e);
	}
	kfree(d->buckets);
}

/* The first entry at or after position off. */
static struct tdirent *entry_from(struct tdir *d, u64 off)
{
	struct tdirent *e = d->hint;

	if (!e || e->off > off)
		e = list_first(&d->order, struct tdirent, order);
	for (; &e->order != &d->order; e = list_entry(e->order.next, struct tdirent, order))
		if (e->off >= off)
			return e;
	return NULL;
}

static u32 dirent_type(u32 mode)
{
	return (mode & S_IFMT) >> 12;
}

static bool emit_dots(struct file *f, struct dir_ctx *ctx)
{
	struct dentry *d = f->path.dentry;

	if (ctx->pos == 0) {
		if (!ctx->actor(ctx, ".", 1, f->inode->ino, dirent_type(S_IFDIR), 1))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->actor(ctx, "..", 2, d->parent->inode->ino, dirent_type(S_IFDIR), 2))
			return false;
		ctx->pos = 2;
	}
	return true;
}

/* The actor only fills a kernel buffer, but may drop the lock's protection nowhere: we hold it. */
static int tmpfs_readdir(struct file *f, struct dir_ctx *ctx)
{
	struct tdir *d = &tnode(f->inode)->dir;
	struct tdirent *e;

	mutex_lock(&f->inode->lock);
	if (f->inode->dead || ctx->pos < 0 || !emit_dots(f, ctx))
		goto out;
	for (e = entry_from(d, (u64)ctx->pos); e && &e->order != &d->order;
	     e = list_entry(e->order.next, struct tdirent, order)) {
		d->hint = e;
		if (!ctx->actor(ctx, e->name, e->len, e->inode->ino, dirent_type(e->inode->mode),
				(off64)e->off + 1))
			goto out;
		ctx->pos = (off64)e->off + 1;
	}
out:
	mutex_unlock(&f->inode->lock);
	file_accessed(f);
	return 0;
}

static off64 dir_llseek(struct file *f, off64 off, int whence)
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

static int dir_fsync(struct file *f, bool datasync)
{
	return 0;
}

const struct file_ops tmpfs_dir_fops = {
	.readdir = tmpfs_readdir,
	.llseek = dir_llseek,
	.fsync = dir_fsync,
	.ioctl = tmpfs_ioctl,
};
