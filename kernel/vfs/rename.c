/* SPDX-License-Identifier: MIT */
/*
 * rename(2) and renameat2(2).
 *
 * Locks, in this order: the superblock's rename lock when two directories take part (so that no
 * directory moves while ancestry is looked at), the parents (ancestor first, else by address), then
 * a directory that is to be replaced.
 */
#include "vfs/namei.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "vfs/mount.h"
#include "vfs/perm.h"

struct rename {
	struct walk from, to;
	struct dentry *od, *nd;		/* references */
	struct dentry *trap;		/* an ancestor of the other side: neither may be it */
	u32 flags;
};

/* The child of top through which d hangs below it, or NULL. */
static struct dentry *child_towards(struct dentry *d, const struct dentry *top)
{
	for (; d->parent != d; d = d->parent)
		if (d->parent == top)
			return d;
	return NULL;
}

static void lock_parents(struct rename *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry, *t;

	r->trap = NULL;
	if (a == b) {
		mutex_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&a->sb->rename_lock);
	r->trap = child_towards(b, a);
	if (!r->trap) {
		r->trap = child_towards(a, b);
		if (r->trap || a > b) {
			t = a;
			a = b;
			b = t;
		}
	}
	mutex_lock(&a->inode->lock);
	if (a->inode != b->inode)
		mutex_lock_nested(&b->inode->lock);
}

static void unlock_parents(struct rename *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry;

	mutex_unlock(&a->inode->lock);
	if (a == b)
		return;
	if (a->inode != b->inode)
		mutex_unlock(&b->inode->lock);
	mutex_unlock(&a->sb->rename_lock);
}

/* The rules about names: what may be renamed to what. */
static int check_names(const struct rename *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;

	if (!r->od->inode)
		return -ENOENT;
	if ((r->flags & RENAME_NOREPLACE) && r->nd->inode)
		return -EEXIST;
	if (exchange) {
		if (!r->nd->inode)
			return -ENOENT;
		if (!S_ISDIR(r->nd->inode->mode) && r->to.trailing_slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR(r->od->inode->mode)) {
		if (r->from.trailing_slash || (!exchange && r->to.trailing_slash))
			return -ENOTDIR;
	}
	if (r->od == r->trap)
		return -EINVAL;
	if (r->nd == r->trap)
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_rights(const struct rename *r)
{
	struct inode *odir = r->from.path.dentry->inode, *ndir = r->to.path.dentry->inode;
	struct inode *source = r->od->inode, *target = r->nd->inode;
	bool isdir = S_ISDIR(source->mode);
	bool exchange = r->flags & RENAME_EXCHANGE;
	int err = may_delete(odir, r->od, isdir);

	if (err)
		return err;
	if (!target)
		err = may_create(ndir);
	else
		err = may_delete(ndir, r->nd, exchange ? S_ISDIR(target->mode) : isdir);
	if (err)
		return err;
	if (!odir->ops->rename)
		return -EPERM;
	if (odir == ndir)
		return 0;
	/* A directory that changes its parent has its ".." written. */
	if (isdir)
		err = inode_permission(source, MAY_WRITE);
	if (!err && exchange && S_ISDIR(target->mode))
		err = inode_permission(target, MAY_WRITE);
	return err;
}

static void tell(const struct rename *r, const char *oldname, const char *newname,
		 struct inode *source, struct inode *target)
{
	struct inode *odir = r->from.path.dentry->inode, *ndir = r->to.path.dentry->inode;
	u32 dirflag = S_ISDIR(source->mode) ? IN_ISDIR : 0, cookie = notify_cookie();

	notify_event(odir, oldname, source, IN_MOVED_FROM | dirflag, cookie);
	notify_event(ndir, newname, source, IN_MOVED_TO | dirflag, cookie);
	notify_event(NULL, NULL, source, IN_MOVE_SELF, 0);
	if (!target)
		return;
	if (!(r->flags & RENAME_EXCHANGE)) {
		notify_event(NULL, NULL, target, IN_ATTRIB, 0);
		return;
	}
	dirflag = S_ISDIR(target->mode) ? IN_ISDIR : 0;
	cookie = notify_cookie();
	notify_event(ndir, newname, target, IN_MOVED_FROM | dirflag, cookie);
	notify_event(odir, oldname, target, IN_MOVED_TO | dirflag, cookie);
	notify_event(NULL, NULL, target, IN_MOVE_SELF, 0);
}

/* Everything is allowed: do it, and bring the cache in line. */
static int rename_commit(struct rename *r)
{
	struct dentry *ndir = r->to.path.dentry;
	struct inode *odir = r->from.path.dentry->inode;
	struct inode *source = r->od->inode, *target = r->nd->inode;
	bool exchange = r->flags & RENAME_EXCHANGE;
	bool lock_target = target && S_ISDIR(target->mode) && !exchange;
	int err;

	/* A directory with two names, on a damaged disk: it is not empty, or locked already. */
	if (lock_target && (target == odir || target == ndir->inode))
		return -ENOTEMPTY;
	iget(source);
	if (target)
		iget(target);
	if (lock_target)
		mutex_lock_nested(&target->lock);
	err = odir->ops->rename(odir, r->od, ndir->inode, r->nd, r->flags);
	if (!err && lock_target)
		target->dead = true;
	if (lock_target)
		mutex_unlock(&target->lock);
	if (err)
		goto out;
	if (lock_target)
		d_shrink_children(r->nd);
	/* The names change hands below: od has the old one until then. */
	tell(r, r->od->name, r->nd->name, source, target);
	if (exchange)
		d_exchange(r->od, r->nd);
	else
		d_move(r->od, ndir, r->nd);
out:
	if (target)
		iput(target);
	iput(source);
	return err;
}

static int rename_locked(struct rename *r)
{
	int err = lookup_locked(r->from.path.dentry, &r->from.last, &r->od);

	if (!err)
		err = lookup_locked(r->to.path.dentry, &r->to.last, &r->nd);
	if (!err)
		err = check_names(r);
	if (err)
		return err;
	if (r->od->inode == r->nd->inode)
		return 0;
	err = check_rights(r);
	if (!err && r->flags & RENAME_WHITEOUT && !r->from.path.dentry->sb->type->whiteouts)
		err = -EINVAL;
	if (err)
		return err;
	if (r->od->nmounts || r->nd->nmounts)
		return -EBUSY;
	return rename_commit(r);
}

static int rename_walks(struct rename *r)
{
	int err = walk_parent(&r->from);

	if (!err)
		err = walk_parent(&r->to);
	if (err)
		return err;
	if (r->from.path.mnt != r->to.path.mnt)
		return -EXDEV;
	if (r->from.last_type != LAST_NORM)
		return -EBUSY;
	if (r->to.last_type != LAST_NORM)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return mnt_want_write(r->from.path.mnt);
}

int vfs_rename(int odirfd, const char *o, int ndirfd, const char *n, u32 flags)
{
	struct rename r = { .flags = flags, .od = NULL, .nd = NULL };
	int err, err2;

	if (flags & ~(u32)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && (flags & ~(u32)RENAME_EXCHANGE))
		return -EINVAL;
	err = walk_start(&r.from, odirfd, o, 0);
	err2 = walk_start(&r.to, ndirfd, n, 0);
	if (!err)
		err = err2;
	if (!err)
		err = rename_walks(&r);
	if (!err) {
		lock_parents(&r);
		err = rename_locked(&r);
		unlock_parents(&r);
	}
	dput(r.od);
	dput(r.nd);
	walk_end(&r.from);
	walk_end(&r.to);
	return err;
}
