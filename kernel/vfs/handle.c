/* SPDX-License-Identifier: MIT */
/*
 * File handles: from a path to (number, generation), and back to a dentry.
 *
 * The way back ends at the name in the dentry cache, if there is one. A file without gets a dentry of its own, which
 * is in no directory; a directory must not have two, so there must be one in the cache.
 */
#include "vfs/handle.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "vfs/dcache.h"

int handle_encode(const struct path *p, bool only_fid, struct file_handle_k *out)
{
	const struct super_ops *ops = p->dentry->sb->ops;
	const struct inode *i = p->dentry->inode;

	if (!i)
		return -ENOENT;
	if (!only_fid && (!ops || !ops->by_number))
		return -EOPNOTSUPP;
	*out = (struct file_handle_k){
		.ino_lo = (u32)i->ino, .ino_hi = (u32)(i->ino >> 32),
		.generation = ops && ops->generation ? ops->generation(i) : 0,
	};
	return 0;
}

/* The next dentry of the tree below top, depth first. */
static struct dentry *d_next(struct dentry *d, struct dentry *top)
{
	if (!list_empty(&d->children))
		return list_first(&d->children, struct dentry, sibling);
	while (d != top) {
		struct dentry *parent = d->parent;

		if (d->sibling.next != &parent->children)
			return list_entry(d->sibling.next, struct dentry, sibling);
		d = parent;
	}
	return NULL;
}

/* A cached name of inode; borrowed, NULL. nb */
static struct dentry *find_alias(const struct inode *inode)
{
	struct dentry *top = inode->sb->root, *d;

	for (d = top; d; d = d_next(d, top))
		if (d->inode == inode && (!d->unhashed || d == top))
			return d;
	return NULL;
}

static struct dentry *dentry_for(struct inode *inode)
{
	struct dentry *d = find_alias(inode);

	if (d)
		return dget(d);
	if (S_ISDIR(inode->mode))
		return NULL;
	d = d_make_root(inode->sb, inode);
	if (d)
		iget(inode);
	return d;
}

int handle_decode(const struct path *anchor, const struct file_handle_k *h, struct path *out)
{
	struct super *sb = anchor->dentry->sb;
	struct inode *inode;
	struct dentry *d;
	int err;

	if (!sb->ops || !sb->ops->by_number)
		return -ESTALE;
	err = sb->ops->by_number(sb, h->ino_lo | (u64)h->ino_hi << 32, h->generation, &inode);
	if (err)
		return err == -ENOMEM ? err : -ESTALE;
	d = dentry_for(inode);
	if (!d)
		err = S_ISDIR(inode->mode) ? -ESTALE : -ENOMEM;
	iput(inode);
	if (err)
		return err;
	out->mnt = anchor->mnt;
	mntget(out->mnt);
	out->dentry = d;
	return 0;
}
