/* SPDX-License-Identifier: MIT */
/*
 * Copying an object to the upper layer before it is changed. A file is made without a name and gets
 * one when it is complete, so nobody sees half of it.
 */
#include "fs/overlay/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

#define CHUNK (256 * 1024)

static int copy_xattrs(struct inode *from, struct inode *to)
{
	ssize n = from->ops->listxattr ? from->ops->listxattr(from, NULL, 0) : 0, len;
	char *names, *value, *p;
	int err = 0;

	if (n <= 0 || !to->ops->setxattr)
		return 0;
	names = kmalloc((size_t)n);
	value = kmalloc(65536);
	n = names && value ? from->ops->listxattr(from, names, (size_t)n) : -ENOMEM;
	for (p = names; n > 0 && p < names + n && !err; p += strlen(p) + 1) {
		len = from->ops->getxattr(from, p, value, 65536);
		if (len >= 0)
			err = to->ops->setxattr(to, p, value, (size_t)len, 0);
		if (err == -EOPNOTSUPP)
			err = 0;
	}
	kfree(names);
	kfree(value);
	return n == -ENOMEM ? -ENOMEM : err;
}

/* What the copy inherits; it keeps the inode number, too (inode.c). */
static int copy_attrs(struct inode *from, struct inode *to)
{
	struct iattr a = { .valid = ATTR_UID | ATTR_GID | ATTR_ATIME | ATTR_MTIME };
	struct kstat st;
	int err = inode_getattr(from, &st);

	if (err)
		return err;
	err = copy_xattrs(from, to);
	if (err)
		return err;
	if (!S_ISLNK(st.mode))
		a.valid |= ATTR_MODE;
	a.mode = st.mode & 07777;
	a.uid = st.uid;
	a.gid = st.gid;
	a.atime = st.atime;
	a.mtime = st.mtime;
	if (to->ops->setattr)
		err = to->ops->setattr(to, &a);
	else
		inode_apply_attr(to, &a);
	to->ino = st.ino | 1ULL << 63;
	return err;
}

static bool all_zero(const char *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

static int copy_chunks(struct file *in, struct file *out, u64 size)
{
	char *buf = kmalloc(CHUNK);
	ssize n = buf ? 0 : -ENOMEM, w;
	u64 pos = 0;

	while (buf && pos < size) {
		n = kernel_read(in, buf, MIN(size - pos, (u64)CHUNK), (off64)pos);
		if (n <= 0)
			break;
		w = all_zero(buf, (size_t)n) ? n : kernel_write(out, buf, (size_t)n, (off64)pos);
		if (w != n) {
			n = w < 0 ? w : -ENOSPC;
			break;
		}
		pos += (u64)n;
	}
	kfree(buf);
	return n < 0 ? (int)n : 0;
}

/* size: where the copy ends. Holes are kept. */
static int copy_data(struct ovl_sb *o, struct dentry *lower, struct dentry *tmp, u64 size)
{
	struct path from = { o->lower, lower }, to = { o->upper, tmp };
	struct iattr a = { .valid = ATTR_SIZE };
	struct file *in, *out;
	struct kstat st;
	int err = inode_getattr(lower->inode, &st);

	if (err)
		return err;
	size = MIN(size, st.size);
	err = file_open_checked(&from, O_RDONLY, &in);
	if (err)
		return err;
	err = file_open_checked(&to, O_WRONLY, &out);
	if (!err) {
		err = copy_chunks(in, out, size);
		fput(out);
	}
	fput(in);
	a.size = size;
	if (!err && tmp->inode->size < size)
		err = tmp->inode->ops->setattr(tmp->inode, &a);
	return err;
}

static int make_symlink(struct dentry *lower, struct inode *udir, struct dentry *ud,
			struct inode **out)
{
	char *target = kmalloc(PATH_MAX);
	ssize n =
		target ? lower->inode->ops->readlink(lower->inode, target, PATH_MAX - 1) : -ENOMEM;
	int err = n < 0 ? (int)n : 0;

	if (!err) {
		target[n] = 0;
		err = udir->ops->symlink(udir, ud, target, out);
	}
	kfree(target);
	return err;
}

static int make_file(struct ovl_sb *o, struct dentry *lower, struct inode *udir, struct dentry *ud,
		     u64 size, struct inode **out)
{
	struct inode *i;
	struct dentry *tmp;
	int err = udir->ops->tmpfile(udir, S_IFREG | 0600, &i);

	if (err)
		return err;
	tmp = d_make_root(udir->sb, iget(i));
	if (!tmp) {
		iput(i);
		iput(i);
		return -ENOMEM;
	}
	err = copy_data(o, lower, tmp, size);
	if (!err && ud)
		err = udir->ops->link(udir, ud, i);
	dput(tmp);
	if (err)
		iput(i);
	else
		*out = i;
	return err;
}

static int make_object(struct ovl_sb *o, struct dentry *lower, struct inode *udir,
		       struct dentry *ud, u64 size, struct inode **out)
{
	u32 mode = lower->inode->mode;

	if (S_ISREG(mode))
		return make_file(o, lower, udir, ud, size, out);
	if (S_ISDIR(mode))
		return udir->ops->mkdir(udir, ud, S_IFDIR | 0700, out);
	if (S_ISLNK(mode))
		return make_symlink(lower, udir, ud, out);
	return udir->ops->mknod(udir, ud, mode, lower->inode->rdev, out);
}

/* The copy of lower in udir, which does not have it yet. *out: a reference. */
static int copy_into(struct ovl_sb *o, struct dentry *lower, struct dentry *udir, u64 size,
		     struct dentry **out)
{
	struct ts_k mtime = udir->inode->mtime, ctime = udir->inode->ctime;
	struct inode *i;
	struct dentry *ud;
	int err = lookup_one(udir, lower->name, lower->len, &ud);

	if (err)
		return err;
	err = make_object(o, lower, udir->inode, ud, size, &i);
	if (!err) {
		err = copy_attrs(lower->inode, i);
		iput(i);
	}
	d_drop(ud);
	dput(ud);
	/* Nothing has changed for those who look at the directory. */
	udir->inode->mtime = mtime;
	udir->inode->ctime = ctime;
	return err ? err : lookup_one(udir, lower->name, lower->len, out);
}

/* The upper directory for a lower one, made if need be. *out: a reference. */
static int upper_of_dir(struct super *sb, struct dentry *lower, struct dentry **out)
{
	struct ovl_sb *o = sb->private;
	struct inode *known;
	struct dentry *up, *d;
	int err;

	if (lower == o->lower_root) {
		*out = dget(o->upper_root);
		return 0;
	}
	known = ovl_find_lower(o, lower->inode);
	if (known && onode(known)->upper) {
		*out = dget(onode(known)->upper);
		return 0;
	}
	err = upper_of_dir(sb, lower->parent, &up);
	if (err)
		return err;
	err = lookup_one(up, lower->name, lower->len, &d);
	if (!err && !d->inode) {
		dput(d);
		err = copy_into(o, lower, up, 0, &d);
	}
	dput(up);
	if (err)
		return err;
	known = ovl_find_lower(o, lower->inode);
	if (known && !onode(known)->upper)
		onode_set_upper(known, dget(d));
	*out = d;
	return 0;
}

/* An object whose last name is gone but that is still open: its copy has no name either. */
static int copy_nameless(struct inode *i, u64 size)
{
	struct ovl_sb *o = osb(i);
	struct dentry *lower = onode(i)->lower, *d;
	struct inode *up;
	int err;

	if (!S_ISREG(i->mode))
		return -ENOENT;
	err = make_file(o, lower, o->upper_root->inode, NULL, size, &up);
	if (err)
		return err;
	err = copy_attrs(lower->inode, up);
	d = err ? NULL : d_make_root(up->sb, up);
	if (!d) {
		iput(up);
		return err ? err : -ENOMEM;
	}
	onode_set_upper(i, d);
	return 0;
}

static int copy_up_locked(struct inode *i, u64 size)
{
	struct onode *n = onode(i);
	struct dentry *up, *d;
	int err;

	if (n->upper)
		return 0;
	if (!i->nlink)
		return copy_nameless(i, size);
	if (S_ISDIR(i->mode)) {
		err = upper_of_dir(i->sb, n->lower, &d);
		if (!err && !n->upper)
			onode_set_upper(i, dget(d));
		if (!err)
			dput(d);
		return err;
	}
	err = upper_of_dir(i->sb, n->lower->parent, &up);
	if (err)
		return err;
	err = copy_into(osb(i), n->lower, up, size, &d);
	dput(up);
	if (!err)
		onode_set_upper(i, d);
	return err;
}

int ovl_copy_up(struct inode *i, u64 size)
{
	struct ovl_sb *o = osb(i);
	int err;

	if (onode(i)->upper)
		return 0;
	if (!o->upper)
		return -EROFS;
	mutex_lock(&o->copy_lock);
	err = copy_up_locked(i, size);
	mutex_unlock(&o->copy_lock);
	return err;
}
