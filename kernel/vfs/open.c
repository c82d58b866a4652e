/* SPDX-License-Identifier: MIT */
/*
 * open(2), openat(2), openat2(2): from a name and flags to an open file. The file itself is made
 * by file.c; here are the lookup, O_CREAT, O_TMPFILE, O_TRUNC and the question of rights.
 */
#include "vfs/namei.h"

#include <stdio.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "vfs/mount.h"
#include "vfs/perm.h"

struct opening {
	u32 flags, mode;
	u32 acc;			/* MAY_* */
	u32 lookup;			/* LOOKUP_* */
	bool created;			/* by us: rights were those of making it */
	u32 dir_mode, dir_uid;		/* with O_CREAT: of the directory where it lies */
};

static int parse_flags(struct opening *o)
{
	static const u32 acc[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
				    MAY_READ | MAY_WRITE };

	if (o->flags & O_PATH) {
		o->flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
		o->acc = 0;
	} else {
		o->acc = acc[o->flags & O_ACCMODE];
		if (o->flags & O_TRUNC)
			o->acc |= MAY_WRITE;
		if (o->flags & O_APPEND)
			o->acc |= MAY_APPEND;
	}
	if (o->flags & __O_TMPFILE) {
		if ((o->flags & O_TMPFILE) != O_TMPFILE || (o->flags & O_CREAT) ||
		    !(o->acc & MAY_WRITE))
			return -EINVAL;
	} else if ((o->flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return -EINVAL;
	}
	if (o->flags & O_DIRECTORY)
		o->lookup |= LOOKUP_DIRECTORY;
	if ((o->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		o->flags |= O_NOFOLLOW;
	if (!(o->flags & O_NOFOLLOW))
		o->lookup |= LOOKUP_FOLLOW;
	o->mode &= S_IALLUGO;
	return 0;
}

/* May what is there already be opened this way? */
static int may_open(const struct path *p, struct opening *o)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (!inode)
		return -ENOENT;
	if (S_ISLNK(inode->mode))
		return -ELOOP;
	if (S_ISDIR(inode->mode) && (o->acc & MAY_WRITE))
		return -EISDIR;
	if ((S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) && (p->mnt->flags & MS_NODEV))
		return -EACCES;
	if (!S_ISREG(inode->mode))
		o->flags &= ~(u32)O_TRUNC;
	if (S_ISREG(inode->mode) && (o->acc & MAY_WRITE)) {
		err = mnt_want_write(p->mnt);
		if (err)
			return err;
	}
	err = inode_permission(inode, MAY_OPEN | o->acc);
	if (err)
		return err;
	/* Append-only files are only appended to. */
	if (inode->fsflags & FS_APPEND_FL)
		if (((o->flags & O_ACCMODE) != O_RDONLY && !(o->flags & O_APPEND)) ||
		    (o->flags & O_TRUNC))
			return -EPERM;
	if ((o->flags & O_NOATIME) && !inode_owner_or_capable(inode))
		return -EPERM;
	return 0;
}

static int truncate_opened(struct file *f)
{
	struct iattr a = { .valid = ATTR_SIZE | ATTR_OPEN, .size = 0, .file = f };

	if (f->inode->writers < 0)
		return -ETXTBSY;
	return notify_change(&f->path, &a);
}

/* The last step, for a place that is known. */
static int open_path(const struct path *p, struct opening *o, struct file **out)
{
	struct file *f;
	int err;

	if (!o->created && !(o->flags & O_PATH)) {
		err = may_open(p, o);
		if (err)
			return err;
	}
	err = file_open_checked(p, o->flags, &f);
	if (err)
		return err;
	if (o->created)
		f->mode |= FMODE_CREATED;
	if ((o->flags & O_TRUNC) && !o->created && S_ISREG(f->inode->mode)) {
		err = truncate_opened(f);
		if (err) {
			fput(f);
			return err;
		}
	}
	*out = f;
	return 0;
}

/* At d, which is negative; the directory's lock is held. */
static int make_at(struct walk *w, struct opening *o, struct dentry *d)
{
	struct dentry *dir = w->path.dentry;
	int err = mnt_want_write(w->path.mnt);

	if (!err)
		err = may_create(dir->inode);
	if (!err)
		err = create_file(dir, d, o->mode, o->flags & O_EXCL);
	o->created = !err;
	return err;
}

/*
 * The same without asking the file system whether the name is there, as create() finds out. True: made. Why it was not
 * is for the ordinary way to say: that a file exists comes before all other reasons.
 */
static bool make_unasked(struct walk *w, struct opening *o, struct dentry **out)
{
	struct dentry *dir = w->path.dentry, *d;

	if (!dir->inode->ops->create_tells || w->last.len > NAME_MAX)
		return false;
	d = d_find(dir, &w->last);
	d = d ? dget(d) : d_alloc(dir, &w->last);
	if (d && !d->inode && !make_at(w, o, d)) {
		*out = d;
		return true;
	}
	dput(d);
	return false;
}

/* The name is not there, as it seemed without the lock. Gives the dentry, new or just found. */
static int open_make(struct walk *w, struct opening *o, struct dentry **out)
{
	struct dentry *dir = w->path.dentry, *d;
	int err = 0;

	mutex_lock(&dir->inode->lock);
	if (make_unasked(w, o, out))
		goto unlock;
	err = lookup_locked(dir, &w->last, &d);
	if (err)
		goto unlock;
	if (!d->inode)
		err = make_at(w, o, d);
	if (err)
		dput(d);
	else
		*out = d;
unlock:
	mutex_unlock(&dir->inode->lock);
	return err;
}

/* Nobody wants the file if it is there: so it is enough to try. */
static bool make_only(const struct walk *w, const struct opening *o)
{
	const struct dentry *dir = w->path.dentry, *d;

	if (!(o->flags & O_EXCL) || !dir->inode->ops->create_tells)
		return false;
	d = d_find(dir, &w->last);
	return !d || !d->inode;
}

/*
 * The dentry of the last component, made if it was absent. A file system may make a file without
 * saying which (create gave no inode): then it is looked up again.
 */
static int open_last(struct walk *w, struct opening *o, struct dentry **out)
{
	int err;

	if (!make_only(w, o)) {
		err = lookup_qname(w->path.dentry, &w->last, out);
		if (err || (*out)->inode)
			return err;
		dput(*out);
	}
	err = open_make(w, o, out);
	if (err || (*out)->inode)
		return err;
	dput(*out);
	return lookup_qname(w->path.dentry, &w->last, out);
}

/* Walks to the file that O_CREAT means. */
static int open_create_walk(struct walk *w, struct opening *o)
{
	struct dentry *d;
	int err = walk_parent(w);

	for (;;) {
		if (err)
			return err;
		if (w->last_type != LAST_NORM) {
			w->flags &= ~(u32)LOOKUP_DIRECTORY;
			return walk_last(w);
		}
		if (w->trailing_slash)
			return -EISDIR;
		if (!w->path.dentry->inode || !S_ISDIR(w->path.dentry->inode->mode))
			return -ENOTDIR;
		err = open_last(w, o, &d);
		if (err)
			return err;
		if (!d->inode || !S_ISLNK(d->inode->mode) || (o->flags & O_NOFOLLOW)) {
			o->dir_mode = w->path.dentry->inode->mode;
			o->dir_uid = w->path.dentry->inode->uid;
			return walk_enter(w, d);
		}
		err = walk_follow_last(w, d);
		dput(d);
	}
}

static int open_create(int dirfd, const char *name, struct opening *o, struct file **out)
{
	struct inode *inode;
	struct walk w;
	int err = walk_start(&w, dirfd, name, o->lookup);

	if (!err)
		err = open_create_walk(&w, o);
	if (err)
		goto out;
	inode = w.path.dentry->inode;
	if (!o->created && (o->flags & O_EXCL))
		err = -EEXIST;
	else if (inode && S_ISDIR(inode->mode))
		err = -EISDIR;
	else if (inode && !o->created)
		err = may_open_in_sticky(o->dir_mode, o->dir_uid, inode);
	if (!err)
		err = open_path(&w.path, o, out);
out:
	walk_end(&w);
	return err;
}

static int make_tmpfile(const struct path *dir, struct opening *o, struct dentry **out)
{
	struct inode *di = dir->dentry->inode, *inode = NULL;
	struct dentry *d;
	struct qname q;
	char name[24];
	int err = mnt_want_write(dir->mnt);

	if (!err)
		err = may_create(di);
	if (err)
		return err;
	if (!di->ops->tmpfile)
		return -EOPNOTSUPP;
	err = di->ops->tmpfile(di, S_IFREG | create_mode(di, o->mode), &inode);
	if (err)
		return err;
	q = qname_make(name, (size_t)snprintf(name, sizeof(name), "#%llu",
					      (unsigned long long)inode->ino));
	d = d_alloc(dir->dentry, &q);
	if (!d) {
		iput(inode);
		return -ENOMEM;
	}
	inode->linkable = !(o->flags & O_EXCL);
	d_instantiate(d, inode);
	*out = d;
	return 0;
}

static int open_tmpfile(int dirfd, const char *name, struct opening *o, struct file **out)
{
	struct path dir, p;
	int err = path_lookup(dirfd, name, o->lookup, &dir);

	if (err)
		return err;
	err = make_tmpfile(&dir, o, &p.dentry);
	if (!err) {
		p.mnt = dir.mnt;
		o->created = true;
		err = open_path(&p, o, out);
		dput(p.dentry);
	}
	path_put(&dir);
	return err;
}

int vfs_open(int dirfd, const char *name, u32 flags, u32 mode, u32 lookup_flags, struct file **out)
{
	struct opening o = { .flags = flags, .mode = mode, .lookup = lookup_flags };
	struct path p;
	int err = parse_flags(&o);

	if (err)
		return err;
	if (o.flags & __O_TMPFILE)
		return open_tmpfile(dirfd, name, &o, out);
	if (o.flags & O_CREAT)
		return open_create(dirfd, name, &o, out);
	err = path_lookup(dirfd, name, o.lookup, &p);
	if (err)
		return err;
	err = open_path(&p, &o, out);
	path_put(&p);
	return err;
}
