/* SPDX-License-Identifier: MIT */
/*
 * Removing and moving names. A name that the lower layer has gets a whiteout.
 */
#include "fs/overlay/priv.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/stat.h"

int ovl_remove_upper(struct dentry *udir, struct dentry *ud)
{
	struct inode *dir = udir->inode, *victim = iget(ud->inode);
	int err;

	mutex_lock_nested(&dir->lock);
	err = S_ISDIR(victim->mode) ? dir->ops->rmdir(dir, ud, victim) :
				      dir->ops->unlink(dir, ud, victim);
	mutex_unlock(&dir->lock);
	if (!err)
		d_delete(ud);
	iput(victim);
	return err;
}

static int lower_has(const struct inode *dir, const struct dentry *d, bool *yes)
{
	struct dentry *lower = onode(dir)->lower, *found;
	int err;

	*yes = false;
	if (!lower)
		return 0;
	err = lookup_one(lower, d->name, d->len, &found);
	if (err)
		return err;
	*yes = found->inode != NULL;
	dput(found);
	return 0;
}

static int make_whiteout(struct dentry *udir, const struct dentry *d)
{
	struct inode *dir = udir->inode, *made;
	struct dentry *ud;
	int err = lookup_one(udir, d->name, d->len, &ud);

	if (err)
		return err;
	mutex_lock_nested(&dir->lock);
	err = dir->ops->mknod(dir, ud, S_IFCHR, 0, &made);
	mutex_unlock(&dir->lock);
	if (!err)
		iput(made);
	d_drop(ud);
	dput(ud);
	return err;
}

/* Takes d's object away from the upper layer, if it is there, and hides the lower one. */
static int remove_name(struct inode *dir, struct dentry *d, struct inode *victim)
{
	struct dentry *udir, *ud;
	bool covers;
	int err = ovl_copy_up(dir, OVL_ALL);

	if (!err)
		err = lower_has(dir, d, &covers);
	if (err)
		return err;
	udir = onode(dir)->upper;
	err = lookup_one(udir, d->name, d->len, &ud);
	if (err)
		return err;
	if (ud->inode)
		err = ovl_remove_upper(udir, ud);
	dput(ud);
	if (!err && covers)
		err = make_whiteout(udir, d);
	(void)!ovl_refresh(dir);
	return err;
}

int ovl_unlink(struct inode *dir, struct dentry *d, struct inode *victim)
{
	int err = remove_name(dir, d, victim);

	if (err)
		return err;
	if (!onode(victim)->upper)
		onode(victim)->gone++;
	(void)!ovl_refresh(victim);
	return 0;
}

int ovl_rmdir(struct inode *dir, struct dentry *d, struct inode *victim)
{
	int err = ovl_dir_empty(victim);

	if (!err)
		err = ovl_clear_whiteouts(victim);
	if (!err)
		err = remove_name(dir, d, victim);
	if (!err)
		victim->nlink = 0;
	return err;
}

/* What stands at the target gives way: only a whiteout, or an empty directory's whiteouts, must go beforehand. */
static int clear_target(struct inode *ndir, struct dentry *nd)
{
	struct dentry *ud;
	int err = 0;

	if (nd->inode && S_ISDIR(nd->inode->mode)) {
		err = ovl_dir_empty(nd->inode);
		if (!err)
			err = ovl_clear_whiteouts(nd->inode);
	}
	if (!err)
		err = lookup_one(onode(ndir)->upper, nd->name, nd->len, &ud);
	if (err)
		return err;
	if (ovl_is_whiteout(ud))
		err = ovl_remove_upper(onode(ndir)->upper, ud);
	dput(ud);
	return err;
}

static int move_upper(struct dentry *from, struct dentry *od, struct dentry *to, struct dentry *nd)
{
	struct dentry *uo, *un;
	struct inode *a = from->inode, *b = to->inode;
	int err = lookup_one(from, od->name, od->len, &uo);

	if (err)
		return err;
	err = lookup_one(to, nd->name, nd->len, &un);
	if (!err) {
		mutex_lock_nested(&a->lock);
		if (a != b)
			mutex_lock_nested(&b->lock);
		err = a->ops->rename(a, uo, b, un, 0);
		if (a != b)
			mutex_unlock(&b->lock);
		mutex_unlock(&a->lock);
		if (!err)
			d_move(uo, to, un);
		dput(un);
	}
	dput(uo);
	return err;
}

int ovl_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd,
	       u32 flags)
{
	struct inode *source = od->inode, *target = nd->inode;
	bool leaves, covers;
	int err;

	if (flags & RENAME_EXCHANGE)
		return -EINVAL;
	if (S_ISDIR(source->mode) && onode(source)->lower)
		return -EXDEV;
	err = ovl_copy_up(source, OVL_ALL);
	if (!err)
		err = ovl_copy_up(odir, OVL_ALL);
	if (!err)
		err = ovl_copy_up(ndir, OVL_ALL);
	if (!err)
		err = lower_has(odir, od, &leaves);
	if (!err)
		err = lower_has(ndir, nd, &covers);
	if (!err)
		err = clear_target(ndir, nd);
	if (!err && covers && S_ISDIR(source->mode))
		err = ovl_opaque(onode(source)->upper, true);
	if (!err)
		err = move_upper(onode(odir)->upper, od, onode(ndir)->upper, nd);
	if (err)
		return err;
	if (leaves)
		err = make_whiteout(onode(odir)->upper, od);
	if (target && !onode(target)->upper)
		onode(target)->gone++;
	if (target)
		(void)!ovl_refresh(target);
	(void)!ovl_refresh(odir);
	(void)!ovl_refresh(ndir);
	(void)!ovl_refresh(source);
	return err;
}
