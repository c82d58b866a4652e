/* SPDX-License-Identifier: MIT */
/*
 * Names and attributes of tmpfs.
 */
#include "fs/tmpfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "lib/alloc.h"

#define CHATTR_SHOWN (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP)

static const struct inode_ops tmpfs_symlink_inode_ops;

/* All inodes of all superblocks: for those who come with a number. */
#define INODE_BUCKETS 1024
static struct list_head inodes[INODE_BUCKETS];

static struct list_head *bucket(u64 ino)
{
	struct list_head *b = &inodes[ino % INODE_BUCKETS];

	if (!b->next)
		list_init(b);
	return b;
}

u32 tmpfs_generation(const struct inode *i)
{
	return tsb(i)->generation;
}

int tmpfs_by_number(struct super *sb, u64 ino, u32 generation, struct inode **out)
{
	const struct tmpfs_sb *t = sb->private;
	struct inode *i;

	if (generation != t->generation)
		return -ESTALE;
	list_for_each(i, bucket(ino), hash_node) {
		if (i->ino != ino || i->sb != sb)
			continue;
		*out = iget(i);
		return 0;
	}
	return -ESTALE;
}

static int tnode_alloc(struct inode *i, u32 mode)
{
	struct tnode *n = kzalloc(sizeof(*n));

	if (!n)
		return -ENOMEM;
	if (S_ISDIR(mode))
		list_init(&n->dir.order);
	i->private = n;
	return 0;
}

int tmpfs_inode_new(struct super *sb, const struct inode *dir, u32 mode, u32 rdev,
		    struct inode **out)
{
	struct tmpfs_sb *t = sb->private;
	struct inode *i;

	if (t->max_inodes && t->used_inodes >= t->max_inodes)
		return -ENOSPC;
	i = inode_new(sb, mode);
	if (!i)
		return -ENOMEM;
	if (tnode_alloc(i, mode)) {
		iput(i);
		return -ENOMEM;
	}
	t->used_inodes++;
	inode_init_owner(i, dir, mode);
	i->ino = ++t->last_ino;
	list_add(&i->hash_node, bucket(i->ino));
	i->ops = &tmpfs_inode_ops;
	if (S_ISDIR(mode)) {
		i->ops = &tmpfs_dir_inode_ops;
		i->fops = &tmpfs_dir_fops;
	} else if (S_ISLNK(mode)) {
		i->ops = &tmpfs_symlink_inode_ops;
	} else if (S_ISREG(mode)) {
		i->fops = &tmpfs_file_fops;
	} else {
		inode_init_special(i, i->mode, rdev);
	}
	*out = i;
	return 0;
}

static int tmpfs_lookup(struct inode *dir, struct dentry *d, struct inode **out)
{
	struct tdirent *e = tdir_find(&tnode(dir)->dir, d->name, d->len, d->hash);

	*out = e ? iget(e->inode) : NULL;
	return 0;
}

/* Makes an object and its first name. */
static int make(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out)
{
	struct inode *i;
	int err = tmpfs_inode_new(dir->sb, dir, mode, rdev, &i);

	if (err)
		return err;
	err = tdir_add(dir, d->name, d->len, d->hash, i);
	if (err) {
		i->nlink = 0;
		iput(i);
		return err;
	}
	*out = i;
	return 0;
}

static int tmpfs_create(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	return make(dir, d, mode, 0, out);
}

static int tmpfs_mkdir(struct inode *dir, struct dentry *d, u32 mode, struct inode **out)
{
	int err = make(dir, d, mode, 0, out);

	if (!err)
		dir->nlink++;
	return err;
}

static int tmpfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, struct inode **out)
{
	return make(dir, d, mode, rdev, out);
}

static int tmpfs_symlink(struct inode *dir, struct dentry *d, const char *target,
			 struct inode **out)
{
	char *copy = kstrdup(target);
	struct inode *i;
	int err;

	if (!copy)
		return -ENOMEM;
	err = make(dir, d, S_IFLNK | 0777, 0, &i);
	if (err) {
		kfree(copy);
		return err;
	}
	tnode(i)->target = copy;
	i->size = strlen(copy);
	*out = i;
	return 0;
}

static int tmpfs_link(struct inode *dir, struct dentry *d, struct inode *target)
{
	struct tmpfs_sb *t = tsb(dir);
	int err;

	/* Every name costs an inode's worth of the limit, as in Linux, except the first. */
	if (target->nlink && t->max_inodes && t->used_inodes >= t->max_inodes)
		return -ENOSPC;
	err = tdir_add(dir, d->name, d->len, d->hash, target);
	if (err)
		return err;
	if (target->nlink)
		t->used_inodes++;
	target->nlink++;
	inode_set_now(target, 0);
	return 0;
}

/* One name of inode less. */
static void drop_link(struct inode *inode)
{
	if (inode->nlink > 1)
		tsb(inode)->used_inodes--;
	inode->nlink--;
	inode_set_now(inode, 0);
}

static struct tdirent *entry_of(struct inode *dir, const struct dentry *d)
{
	return tdir_find(&tnode(dir)->dir, d->name, d->len, d->hash);
}

static int tmpfs_unlink(struct inode *dir, struct dentry *d, struct inode *victim)
{
	struct tdirent *e = entry_of(dir, d);

	if (!e)
		return -ENOENT;
	drop_link(victim);
	tdir_remove(dir, e);
	return 0;
}

static int tmpfs_rmdir(struct inode *dir, struct dentry *d, struct inode *victim)
{
	struct tdirent *e = entry_of(dir, d);

	if (!e)
		return -ENOENT;
	if (tnode(victim)->dir.count)
		return -ENOTEMPTY;
	victim->nlink = 0;
	inode_set_now(victim, 0);
	dir->nlink--;
	tdir_remove(dir, e);
	return 0;
}

static int exchange(struct inode *odir, struct tdirent *oe, struct inode *ndir, struct tdirent *ne)
{
	struct inode *i = oe->inode;
	bool odirectory = S_ISDIR(i->mode), ndirectory = S_ISDIR(ne->inode->mode);

	oe->inode = ne->inode;
	ne->inode = i;
	if (odir != ndir && odirectory != ndirectory) {
		odir->nlink += ndirectory ? 1 : -1u;
		ndir->nlink += odirectory ? 1 : -1u;
	}
	inode_set_now(odir, ATTR_MTIME);
	inode_set_now(ndir, ATTR_MTIME);
	inode_set_now(oe->inode, 0);
	inode_set_now(ne->inode, 0);
	return 0;
}

/* The name nd of ndir stands for e's object from now on; what it stood for is let go. */
static int replace(struct inode *ndir, const struct dentry *nd, struct tdirent *target,
		   struct inode *inode)
{
	struct inode *old;

	if (!target)
		return tdir_add(ndir, nd->name, nd->len, nd->hash, inode);
	old = target->inode;
	target->inode = iget(inode);
	if (S_ISDIR(old->mode)) {
		old->nlink = 0;
		ndir->nlink--;
		inode_set_now(old, 0);
	} else {
		drop_link(old);
	}
	inode_set_now(ndir, ATTR_MTIME);
	iput(old);
	return 0;
}

static int tmpfs_rename(struct inode *odir, struct dentry *od, struct inode *ndir,
			struct dentry *nd, u32 flags)
{
	struct tdirent *oe = entry_of(odir, od), *ne = entry_of(ndir, nd);
	struct inode *inode;
	int err;

	if (!oe)
		return -ENOENT;
	if (flags & RENAME_EXCHANGE)
		return ne ? exchange(odir, oe, ndir, ne) : -ENOENT;
	if (ne && S_ISDIR(ne->inode->mode) && tnode(ne->inode)->dir.count)
		return -ENOTEMPTY;
	inode = oe->inode;
	err = replace(ndir, nd, ne, inode);
	if (err)
		return err;
	if (S_ISDIR(inode->mode) && odir != ndir) {
		odir->nlink--;
		ndir->nlink++;
	}
	/* In the case of one directory the replaced target's link went with it already. */
	inode_set_now(inode, 0);
	tdir_remove(odir, oe);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	int err = tmpfs_inode_new(dir->sb, dir, mode, 0, out);

	if (!err)
		(*out)->nlink = 0;
	return err;
}

static ssize tmpfs_readlink(struct inode *inode, char *buf, size_t n)
{
	size_t len = MIN(n, (size_t)inode->size);

	memcpy(buf, tnode(inode)->target, len);
	return (ssize)len;
}

static int tmpfs_getattr(struct inode *i, struct kstat *st)
{
	if (S_ISREG(i->mode)) {
		tdata_recount(i);
		tdata_times(i);
	}
	*st = (struct kstat){
		.ino = i->ino, .size = i->size, .mode = i->mode, .nlink = i->nlink,
		.uid = i->uid, .gid = i->gid, .dev = i->sb->dev, .rdev = i->rdev,
		.blksize = PAGE_SIZE, .atime = i->atime, .mtime = i->mtime, .ctime = i->ctime,
		.btime = i->btime, .has_btime = true,
		/* The flags have the same values. */
		.attributes = i->fsflags & CHATTR_SHOWN, .attributes_mask = CHATTR_SHOWN,
	};
	if (S_ISREG(i->mode))
		st->blocks = tnode(i)->data.charged * (PAGE_SIZE / 512);
	return 0;
}

static int tmpfs_setattr(struct inode *i, const struct iattr *a)
{
	int err = 0;

	if (S_ISREG(i->mode))
		tdata_times(i);
	if ((a->valid & ATTR_SIZE) && S_ISREG(i->mode)) {
		mutex_lock(&i->lock);
		err = tdata_truncate(i, a->size);
		mutex_unlock(&i->lock);
	}
	if (!err)
		inode_apply_attr(i, a);
	return err;
}

/* POSIX ACLs and whatever else lives under system. are not kept. */
static bool kept(const char *name)
{
	return strncmp(name, XATTR_SYSTEM_PREFIX, XATTR_SYSTEM_PREFIX_LEN) != 0;
}

static ssize tmpfs_getxattr(struct inode *i, const char *name, void *buf, size_t n)
{
	if (!kept(name))
		return -EOPNOTSUPP;
	return xattr_list_get(&tnode(i)->xattrs, name, buf, n);
}

static int tmpfs_setxattr(struct inode *i, const char *name, const void *val, size_t n, int flags)
{
	int err;

	if (!kept(name))
		return -EOPNOTSUPP;
	err = xattr_list_set(&tnode(i)->xattrs, name, val, n, flags);
	if (!err)
		inode_set_now(i, 0);
	return err;
}

static int tmpfs_removexattr(struct inode *i, const char *name)
{
	int err;

	if (!kept(name))
		return -EOPNOTSUPP;
	err = xattr_list_remove(&tnode(i)->xattrs, name);
	if (!err)
		inode_set_now(i, 0);
	return err;
}

static ssize tmpfs_listxattr(struct inode *i, char *buf, size_t n)
{
	return xattr_list_names(&tnode(i)->xattrs, buf, n);
}

static void tmpfs_evict(struct inode *i)
{
	struct tnode *n = tnode(i);

	list_del_init(&i->hash_node);
	if (!n)
		return;
	tsb(i)->used_inodes--;
	if (S_ISDIR(i->mode))
		tdir_free(&n->dir);
	else if (S_ISLNK(i->mode))
		kfree(n->target);
	else if (S_ISREG(i->mode))
		tdata_free(i);
	xattr_list_free(&n->xattrs);
	kfree(n);
}

#define COMMON_OPS \
	.getattr = tmpfs_getattr, .setattr = tmpfs_setattr, .settled = tmpfs_settled, .getxattr = tmpfs_getxattr, \
	.setxattr = tmpfs_setxattr, .removexattr = tmpfs_removexattr, \
	.listxattr = tmpfs_listxattr, .evict = tmpfs_evict, .get_fsx = tmpfs_get_fsx, \
	.set_fsx = tmpfs_set_fsx

const struct inode_ops tmpfs_inode_ops = { COMMON_OPS };

static const struct inode_ops tmpfs_symlink_inode_ops = {
	.readlink = tmpfs_readlink,
	COMMON_OPS,
};

const struct inode_ops tmpfs_dir_inode_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.mknod = tmpfs_mknod,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	COMMON_OPS,
};
