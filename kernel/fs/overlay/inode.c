/* SPDX-License-Identifier: MIT */
/*
 * Inodes of the overlay: found by what they stand for, attributes those of the real object.
 */
#include "fs/overlay/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "lib/alloc.h"

#define UPPER_INO (1ULL << 48)		/* numbers of the upper layer start here */
#define COPIED_INO (1ULL << 63)		/* mark of a copy: it keeps the number of its original */

static size_t bucket(const struct inode *real)
{
	return ((u64)real / sizeof(struct inode)) % BUCKETS;
}

bool ovl_is_whiteout(const struct dentry *d)
{
	return d->inode && S_ISCHR(d->inode->mode) && !d->inode->rdev;
}

u64 ovl_ino(const struct inode *i, u64 ino)
{
	return ino & COPIED_INO ? ino & ~COPIED_INO : ino + UPPER_INO;
}

int ovl_refresh(struct inode *i)
{
	const struct onode *n = onode(i);
	struct kstat st;
	int err = inode_getattr(oreal(i), &st);

	if (err)
		return err;
	i->ino = n->upper ? ovl_ino(i, st.ino) : st.ino;
	i->mode = st.mode;
	i->uid = st.uid;
	i->gid = st.gid;
	i->nlink = st.nlink > n->gone ? st.nlink - n->gone : 0;
	i->size = st.size;
	i->blocks = st.blocks;
	i->rdev = st.rdev;
	i->atime = st.atime;
	i->mtime = st.mtime;
	i->ctime = st.ctime;
	i->btime = st.btime;
	return 0;
}

static struct inode *find(struct ovl_sb *o, const struct dentry *lower, const struct dentry *upper)
{
	struct onode *n;

	if (upper)
		list_for_each(n, &o->by_upper[bucket(upper->inode)], by_upper)
			if (n->upper->inode == upper->inode)
				return n->inode;
	return lower ? ovl_find_lower(o, lower->inode) : NULL;
}

struct inode *ovl_find_lower(struct ovl_sb *o, const struct inode *lower)
{
	struct onode *n;

	list_for_each(n, &o->by_lower[bucket(lower)], by_lower)
		if (n->lower->inode == lower)
			return n->inode;
	return NULL;
}

void onode_set_upper(struct inode *i, struct dentry *upper)
{
	struct onode *n = onode(i);

	n->upper = upper;
	n->gone = 0;
	list_add(&n->by_upper, &osb(i)->by_upper[bucket(upper->inode)]);
}

static void set_ops(struct inode *i)
{
	i->ops = S_ISDIR(i->mode) ? &ovl_dir_iops : &ovl_iops;
	if (S_ISDIR(i->mode))
		i->fops = &ovl_dir_fops;
	else if (S_ISREG(i->mode))
		i->fops = &ovl_file_fops;
	else if (!S_ISLNK(i->mode))
		inode_init_special(i, i->mode, i->rdev);
}

static int make(struct super *sb, struct dentry *lower, struct dentry *upper, struct inode **out)
{
	struct inode *i = inode_new(sb, (upper ? upper : lower)->inode->mode);
	struct onode *n = i ? kzalloc(sizeof(*n)) : NULL;
	struct ovl_sb *o = sb->private;

	if (!n) {
		if (i)
			iput(i);
		return -ENOMEM;
	}
	list_init(&n->by_lower);
	list_init(&n->by_upper);
	n->inode = i;
	i->private = n;
	if (lower) {
		n->lower = dget(lower);
		list_add(&n->by_lower, &o->by_lower[bucket(lower->inode)]);
	}
	if (upper)
		onode_set_upper(i, dget(upper));
	i->ops = &ovl_iops;		/* evict, should the next fail */
	*out = i;
	return 0;
}

int ovl_inode_get(struct super *sb, struct dentry *lower, struct dentry *upper, struct inode **out)
{
	struct inode *i = find(sb->private, lower, upper);
	int err;

	if (i) {
		*out = iget(i);
		return 0;
	}
	err = make(sb, lower, upper, &i);
	if (err)
		return err;
	err = ovl_refresh(i);
	if (err) {
		iput(i);
		return err;
	}
	set_ops(i);
	*out = i;
	return 0;
}

static void ovl_evict(struct inode *i)
{
	struct onode *n = onode(i);

	if (!n)
		return;
	i->private = NULL;
	list_del_init(&n->by_lower);
	list_del_init(&n->by_upper);
	if (n->upper)
		dput(n->upper);
	if (n->lower)
		dput(n->lower);
	kfree(n);
}

/* --- attributes --- */

static int ovl_getattr(struct inode *i, struct kstat *st)
{
	struct inode *real = oreal(i);
	int err = ovl_refresh(i);

	if (!err)
		err = inode_getattr(real, st);
	if (err)
		return err;
	st->ino = i->ino;
	st->nlink = i->nlink;
	st->dev = i->sb->dev;
	return 0;
}

static int ovl_setattr(struct inode *i, const struct iattr *want)
{
	struct iattr a = *want;
	struct inode *up;
	int err = ovl_copy_up(i, a.valid & ATTR_SIZE ? a.size : OVL_ALL);

	if (err)
		return err;
	up = onode(i)->upper->inode;
	a.file = NULL;
	if (up->ops->setattr)
		err = up->ops->setattr(up, &a);
	else
		inode_apply_attr(up, &a);
	return err ? err : ovl_refresh(i);
}

static ssize ovl_readlink(struct inode *i, char *buf, size_t n)
{
	struct inode *real = oreal(i);

	return real->ops->readlink ? real->ops->readlink(real, buf, n) : -EINVAL;
}

static bool is_private(const char *name)
{
	return !strncmp(name, "trusted.overlay.", 16);
}

static ssize ovl_getxattr(struct inode *i, const char *name, void *buf, size_t n)
{
	struct inode *real = oreal(i);

	if (is_private(name) || !real->ops->getxattr)
		return is_private(name) ? -ENODATA : -EOPNOTSUPP;
	return real->ops->getxattr(real, name, buf, n);
}

static int ovl_setxattr(struct inode *i, const char *name, const void *val, size_t n, int flags)
{
	int err = is_private(name) ? -EPERM : ovl_copy_up(i, OVL_ALL);
	struct inode *real;

	if (err)
		return err;
	real = oreal(i);
	return real->ops->setxattr ? real->ops->setxattr(real, name, val, n, flags) : -EOPNOTSUPP;
}

static int ovl_removexattr(struct inode *i, const char *name)
{
	int err = is_private(name) ? -ENODATA : ovl_copy_up(i, OVL_ALL);
	struct inode *real;

	if (err)
		return err;
	real = oreal(i);
	return real->ops->removexattr ? real->ops->removexattr(real, name) : -EOPNOTSUPP;
}

/* Names without ours; they are NUL terminated, one behind the other. */
static ssize ovl_listxattr(struct inode *i, char *buf, size_t n)
{
	struct inode *real = oreal(i);
	ssize len = real->ops->listxattr ? real->ops->listxattr(real, buf, n) : -EOPNOTSUPP;
	char *p = buf, *end = buf + len;

	if (len <= 0 || !n)
		return len;
	while (p < end) {
		size_t one = strnlen(p, (size_t)(end - p)) + 1;

		if (is_private(p) && p + one <= end) {
			memmove(p, p + one, (size_t)(end - p) - one);
			end -= one;
		} else {
			p += one;
		}
	}
	return end - buf;
}

#define COMMON                                                                                     \
	.getattr = ovl_getattr, .setattr = ovl_setattr, .getxattr = ovl_getxattr,                  \
	.setxattr = ovl_setxattr, .removexattr = ovl_removexattr, .listxattr = ovl_listxattr,      \
	.evict = ovl_evict

const struct inode_ops ovl_iops = { .readlink = ovl_readlink, COMMON };

const struct inode_ops ovl_dir_iops = {
	.lookup = ovl_lookup,
	.create = ovl_create,
	.mkdir = ovl_mkdir,
	.mknod = ovl_mknod,
	.symlink = ovl_symlink,
	.link = ovl_link,
	.tmpfile = ovl_tmpfile,
	.unlink = ovl_unlink,
	.rmdir = ovl_rmdir,
	.rename = ovl_rename,
	COMMON
};
