/* SPDX-License-Identifier: MIT */
/*
 * Operations that make or remove a name: mkdir, mknod, symlink, link, unlink, rmdir, readlink.
 *
 * All have one shape: walk to the parent, lock it, look the last component up, check, let
 * the file system do it, bring the dentry cache in line, tell inotify.
 */
#include "vfs/namei.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "vfs/mount.h"
#include "vfs/perm.h"

u32 create_mode(const struct inode *dir, u32 mode)
{
	/*
	 * A program that runs with the directory's group cannot be made by a stranger to the group.
	 * Before the umask: what was asked for counts.
	 */
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && (dir->mode & S_ISGID) &&
	    !S_ISDIR(mode) && !mode_keeps_sgid(dir->gid))
		mode &= ~S_ISGID;
	/* A default access control list takes the place of the umask: the file system knows. */
	if (dir->sb->flags & MS_POSIXACL)
		return mode;
	return mode & ~fs_ctx_current()->umask;
}

int new_name_begin(struct walk *w, bool isdir, struct dentry **out)
{
	struct dentry *dir = w->path.dentry, *d;
	int err;

	if (w->last_type != LAST_NORM)
		return -EEXIST;
	if (!dir->inode || !S_ISDIR(dir->inode->mode))
		return -ENOTDIR;
	mutex_lock(&dir->inode->lock);
	err = lookup_locked(dir, &w->last, &d);
	if (err)
		goto unlock;
	if (d->inode)
		err = -EEXIST;
	else if (!isdir && w->trailing_slash)
		err = -ENOENT;
	else
		err = mnt_want_write(w->path.mnt);
	if (!err)
		err = may_create(dir->inode);
	if (err) {
		dput(d);
		goto unlock;
	}
	*out = d;
	return 0;
unlock:
	mutex_unlock(&dir->inode->lock);
	return err;
}

void new_name_end(struct walk *w, struct dentry *d)
{
	mutex_unlock(&w->path.dentry->inode->lock);
	dput(d);
}

/* The file system made inode (a reference, or NULL: look it up again when asked for) at d. */
static void name_made(struct dentry *dir, struct dentry *d, struct inode *inode)
{
	u32 event = IN_CREATE;

	if (!inode) {
		d_drop(d);
	} else {
		d_instantiate(d, inode);
		d_hash(d);
		if (S_ISDIR(inode->mode))
			event |= IN_ISDIR;
	}
	notify_event(dir->inode, d->name, inode, event, 0);
}

int create_file(struct dentry *dir, struct dentry *d, u32 mode, bool excl)
{
	struct inode *inode = NULL;
	int err;

	if (!dir->inode->ops->create)
		return -EROFS;
	err = dir->inode->ops->create(dir->inode, d, S_IFREG | create_mode(dir->inode, mode),
				      &inode);
	if (!err)
		name_made(dir, d, inode);
	return err;
}

/* --- making names --- */

/* What to make; the arguments that one kind does not have are not looked at. */
struct make {
	u32 mode, rdev;
	const char *target;
};

typedef int (*make_fn)(struct dentry *dir, struct dentry *d, const struct make *m,
		       struct inode **out);

static int make_name(int dirfd, const char *name, make_fn fn, const struct make *m)
{
	struct inode *inode = NULL;
	struct dentry *d;
	struct walk w;
	int err = walk_start(&w, dirfd, name, 0);

	if (!err)
		err = walk_parent(&w);
	if (!err)
		err = new_name_begin(&w, S_ISDIR(m->mode), &d);
	if (err)
		goto out;
	err = fn(w.path.dentry, d, m, &inode);
	if (!err)
		name_made(w.path.dentry, d, inode);
	new_name_end(&w, d);
out:
	walk_end(&w);
	return err;
}

static int make_dir(struct dentry *dir, struct dentry *d, const struct make *m, struct inode **out)
{
	u32 mode = S_IFDIR | create_mode(dir->inode, m->mode & (S_IRWXUGO | S_ISVTX));

	if (!dir->inode->ops->mkdir)
		return -EPERM;
	return dir->inode->ops->mkdir(dir->inode, d, mode, out);
}

int vfs_mkdir(int dirfd, const char *name, u32 mode)
{
	struct make m = { .mode = S_IFDIR | (mode & S_IALLUGO) };

	return make_name(dirfd, name, make_dir, &m);
}

static int make_node(struct dentry *dir, struct dentry *d, const struct make *m, struct inode **out)
{
	const struct inode_ops *ops = dir->inode->ops;
	u32 mode = create_mode(dir->inode, m->mode);

	if (S_ISREG(mode)) {
		if (!ops->create)
			return -EROFS;
		return ops->create(dir->inode, d, mode, out);
	}
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !capable(CAP_MKNOD))
		return -EPERM;
	if (!ops->mknod)
		return -EPERM;
	return ops->mknod(dir->inode, d, mode, m->rdev, out);
}

int vfs_mknod(int dirfd, const char *name, u32 mode, u32 rdev)
{
	struct make m = { .mode = mode, .rdev = rdev };

	switch (mode & S_IFMT) {
	case 0:
		m.mode |= S_IFREG;
		break;
	case S_IFREG: case S_IFCHR: case S_IFBLK: case S_IFIFO: case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	if (!S_ISCHR(mode) && !S_ISBLK(mode))
		m.rdev = 0;
	return make_name(dirfd, name, make_node, &m);
}

static int make_symlink(struct dentry *dir, struct dentry *d, const struct make *m,
			struct inode **out)
{
	if (!dir->inode->ops->symlink)
		return -EPERM;
	return dir->inode->ops->symlink(dir->inode, d, m->target, out);
}

int vfs_symlink(const char *target, int dirfd, const char *name)
{
	struct make m = { .target = target };

	if (!*target)
		return -ENOENT;
	if (strlen(target) >= PATH_MAX)
		return -ENAMETOOLONG;
	return make_name(dirfd, name, make_symlink, &m);
}

/* --- link --- */

static int link_locked(struct walk *w, struct dentry *d, struct dentry *old)
{
	struct inode *dir = w->path.dentry->inode, *inode = old->inode;
	int err;

	if (dir->sb != inode->sb)
		return -EXDEV;
	if (S_ISDIR(inode->mode) || !dir->ops->link || inode_is_fixed(inode))
		return -EPERM;
	if (!inode->nlink && !inode->linkable)
		return -ENOENT;
	err = dir->ops->link(dir, d, inode);
	if (err)
		return err;
	inode->linkable = false;
	d_instantiate(d, iget(inode));
	d_hash(d);
	notify_event(NULL, NULL, inode, IN_ATTRIB, 0);
	notify_event(dir, d->name, inode, IN_CREATE, 0);
	return 0;
}

static int link_to(struct path *old, int newdirfd, const char *name)
{
	struct dentry *d;
	struct walk w;
	int err = walk_start(&w, newdirfd, name, 0);

	if (!err)
		err = walk_parent(&w);
	if (!err)
		err = new_name_begin(&w, false, &d);
	if (err)
		goto out;
	err = w.path.mnt == old->mnt ? may_link_to(old->dentry->inode) : -EXDEV;
	if (!err)
		err = link_locked(&w, d, old->dentry);
	new_name_end(&w, d);
out:
	walk_end(&w);
	return err;
}

/* A descriptor may be given a name by whoever opened it, or with the capability. */
static bool may_link_by_fd(int fd)
{
	struct file *f = fd == AT_FDCWD ? NULL : fd_get_path(fd);
	bool ok = capable(CAP_DAC_READ_SEARCH) || (f && f->cred == current_cred());

	fput(f);
	return ok;
}

int vfs_link(int olddirfd, const char *old, int newdirfd, const char *name, int flags)
{
	struct path from;
	u32 lookup = 0;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH) {
		if (!may_link_by_fd(olddirfd))
			return -ENOENT;
		lookup |= LOOKUP_EMPTY;
	}
	if (flags & AT_SYMLINK_FOLLOW)
		lookup |= LOOKUP_FOLLOW;
	err = path_lookup(olddirfd, old, lookup, &from);
	if (err)
		return err;
	err = from.dentry->inode ? link_to(&from, newdirfd, name) : -ENOENT;
	path_put(&from);
	return err;
}

/* --- removing names --- */

static int unlink_locked(struct walk *w, struct dentry *d)
{
	struct inode *dir = w->path.dentry->inode, *inode = d->inode;
	int err;

	if (!inode)
		return -ENOENT;
	if (w->trailing_slash)
		return S_ISDIR(inode->mode) ? -EISDIR : -ENOTDIR;
	err = mnt_want_write(w->path.mnt);
	if (!err)
		err = may_delete(dir, d, false);
	if (err)
		return err;
	if (!dir->ops->unlink)
		return -EPERM;
	if (d->nmounts)
		return -EBUSY;
	iget(inode);
	err = dir->ops->unlink(dir, d, inode);
	if (!err) {
		notify_event(NULL, NULL, inode, IN_ATTRIB, 0);
		notify_event(dir, d->name, inode, IN_DELETE, 0);
		d_delete(d);
	}
	iput(inode);
	return err;
}

static int rmdir_locked(struct walk *w, struct dentry *d)
{
	struct inode *dir = w->path.dentry->inode, *inode = d->inode;
	int err;

	if (!inode)
		return -ENOENT;
	err = mnt_want_write(w->path.mnt);
	if (!err)
		err = may_delete(dir, d, true);
	if (err)
		return err;
	if (!dir->ops->rmdir)
		return -EPERM;
	iget(inode);
	mutex_lock_nested(&inode->lock);
	err = d->nmounts ? -EBUSY : dir->ops->rmdir(dir, d, inode);
	if (!err)
		inode->dead = true;
	mutex_unlock(&inode->lock);
	if (!err) {
		d_shrink_children(d);
		notify_event(dir, d->name, inode, IN_DELETE | IN_ISDIR, 0);
		d_delete(d);
	}
	iput(inode);
	return err;
}

/* What unlink and rmdir answer when the last component is no name. */
static const int unlink_errors[] = {
	[LAST_ROOT] = -EISDIR, [LAST_DOT] = -EISDIR, [LAST_DOTDOT] = -EISDIR,
};
static const int rmdir_errors[] = {
	[LAST_ROOT] = -EBUSY, [LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY,
};

static int remove_name(int dirfd, const char *name, const int *errors,
		       int (*fn)(struct walk *w, struct dentry *d))
{
	struct dentry *d;
	struct inode *dir;
	struct walk w;
	int err = walk_start(&w, dirfd, name, 0);

	if (!err)
		err = walk_parent(&w);
	if (!err && w.last_type != LAST_NORM)
		err = errors[w.last_type];
	if (err)
		goto out;
	dir = w.path.dentry->inode;
	mutex_lock(&dir->lock);
	err = lookup_locked(w.path.dentry, &w.last, &d);
	if (!err)
		err = fn(&w, d);
	else
		d = NULL;
	mutex_unlock(&dir->lock);
	/* May free the inode and its data: not under the lock. */
	dput(d);
out:
	walk_end(&w);
	return err;
}

int vfs_unlink(int dirfd, const char *name)
{
	return remove_name(dirfd, name, unlink_errors, unlink_locked);
}

int vfs_rmdir(int dirfd, const char *name)
{
	return remove_name(dirfd, name, rmdir_errors, rmdir_locked);
}

ssize vfs_readlink(const struct path *p, char *buf, size_t n)
{
	struct inode *inode = p->dentry->inode;

	if (!inode)
		return -ENOENT;
	if (!S_ISLNK(inode->mode) || !inode->ops->readlink)
		return -EINVAL;
	return inode->ops->readlink(inode, buf, n);
}
