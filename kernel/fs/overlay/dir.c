/* SPDX-License-Identifier: MIT */
/*
 * Looking up and making names. The lock of the overlay's directory is held; real directories are
 * locked only for the moment of a change.
 */
#include "fs/overlay/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"

#define OPAQUE "trusted.overlay.opaque"

int ovl_opaque(struct dentry *upper, bool set)
{
	struct inode *i = upper->inode;
	char value;

	if (set)
		return i->ops->setxattr ? i->ops->setxattr(i, OPAQUE, "y", 1, 0) : -EOPNOTSUPP;
	return i->ops->getxattr && i->ops->getxattr(i, OPAQUE, &value, 1) == 1 && value == 'y';
}

/* The object of that name in one layer: *out a reference, NULL when there is none. */
static int find_in(struct dentry *dir, const struct dentry *d, struct dentry **out)
{
	int err;

	*out = NULL;
	if (!dir || !dir->inode)
		return 0;
	err = lookup_one(dir, d->name, d->len, out);
	if (!err && !(*out)->inode) {
		dput(*out);
		*out = NULL;
	}
	return err;
}

static void drop(struct dentry **d)
{
	if (*d)
		dput(*d);
	*d = NULL;
}

/* Does what the upper layer has hide the lower one? */
static bool hides(const struct dentry *upper, const struct dentry *lower)
{
	return !S_ISDIR(upper->inode->mode) || !S_ISDIR(lower->inode->mode) ||
	       ovl_opaque((struct dentry *)upper, false) == 1;
}

int ovl_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	struct dentry *upper = NULL, *lower = NULL;
	int err = find_in(onode(dir)->upper, d, &upper);

	*out = NULL;
	if (!err && (!upper || S_ISDIR(upper->inode->mode)))
		err = find_in(onode(dir)->lower, d, &lower);
	if (!err && upper && lower && hides(upper, lower))
		drop(&lower);
	if (!err && !(upper && ovl_is_whiteout(upper)) && (upper || lower))
		err = ovl_inode_get(dir->sb, lower, upper, out);
	drop(&upper);
	drop(&lower);
	return err;
}

/* --- making --- */

struct place {
	struct dentry *udir, *ud;	/* ud: a reference, negative */
	bool covers;			/* the lower layer has that name */
};

static int begin(struct inode *dir, struct dentry *d, struct place *p)
{
	struct dentry *lower;
	int err = ovl_copy_up(dir, OVL_ALL);

	if (err)
		return err;
	p->udir = onode(dir)->upper;
	err = find_in(onode(dir)->lower, d, &lower);
	if (err)
		return err;
	p->covers = lower != NULL;
	drop(&lower);
	err = lookup_one(p->udir, d->name, d->len, &p->ud);
	if (err || !p->ud->inode)
		return err;
	err = ovl_is_whiteout(p->ud) ? ovl_remove_upper(p->udir, p->ud) : -EEXIST;
	dput(p->ud);
	return err ? err : lookup_one(p->udir, d->name, d->len, &p->ud);
}

/* The upper object was made (real: a reference) or not (err): the overlay's inode for it. */
static int end(struct inode *dir, struct dentry *d, struct place *p, int err, struct inode *real,
	       struct inode **out)
{
	struct dentry *made;

	d_drop(p->ud);
	dput(p->ud);
	if (err)
		return err;
	iput(real);
	err = lookup_one(p->udir, d->name, d->len, &made);
	if (err)
		return err;
	if (S_ISDIR(made->inode->mode) && p->covers)
		err = ovl_opaque(made, true);
	if (!err)
		err = ovl_inode_get(dir->sb, NULL, made, out);
	dput(made);
	(void)!ovl_refresh(dir);
	return err;
}

#define UPPER_OP(p, call)                                                                          \
	({                                                                                         \
		struct inode *u = (p).udir->inode;                                                 \
		mutex_lock_nested(&u->lock);                                                       \
		int __e = u->ops->call;                                                            \
		mutex_unlock(&u->lock);                                                            \
		__e;                                                                               \
	})

int ovl_create(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	struct inode *real = NULL;
	struct place p;
	int err = begin(dir, d, &p);

	if (err)
		return err;
	err = UPPER_OP(p, create(u, p.ud, mode, &real));
	return end(dir, d, &p, err, real, out);
}

int ovl_mkdir(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	struct inode *real = NULL;
	struct place p;
	int err = begin(dir, d, &p);

	if (err)
		return err;
	err = UPPER_OP(p, mkdir(u, p.ud, mode, &real));
	return end(dir, d, &p, err, real, out);
}

int ovl_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out)
{
	struct inode *real = NULL;
	struct place p;
	int err;

	if (S_ISCHR(mode) && !rdev)
		return -EPERM;		/* it would be a whiteout */
	err = begin(dir, d, &p);
	if (err)
		return err;
	err = UPPER_OP(p, mknod(u, p.ud, mode, rdev, &real));
	return end(dir, d, &p, err, real, out);
}

int ovl_symlink(struct inode *dir, struct dentry *d, const char *target, struct inode **out)
{
	struct inode *real = NULL;
	struct place p;
	int err = begin(dir, d, &p);

	if (err)
		return err;
	err = UPPER_OP(p, symlink(u, p.ud, target, &real));
	return end(dir, d, &p, err, real, out);
}

int ovl_link(struct inode *dir, struct dentry *d, struct inode *target)
{
	struct place p;
	int err = ovl_copy_up(target, OVL_ALL);

	if (!err)
		err = begin(dir, d, &p);
	if (err)
		return err;
	err = UPPER_OP(p, link(u, p.ud, onode(target)->upper->inode));
	d_drop(p.ud);
	dput(p.ud);
	(void)!ovl_refresh(dir);
	return err ? err : ovl_refresh(target);
}

int ovl_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	struct inode *real;
	struct dentry *d;
	int err = ovl_copy_up(dir, OVL_ALL);

	if (err)
		return err;
	err = onode(dir)->upper->inode->ops->tmpfile(onode(dir)->upper->inode, mode, &real);
	if (err)
		return err;
	d = d_make_root(real->sb, real);
	if (!d) {
		iput(real);
		return -ENOMEM;
	}
	err = ovl_inode_get(dir->sb, NULL, d, out);
	dput(d);
	return err;
}
