/* SPDX-License-Identifier: MIT */
/*
 * Open file descriptions: making them from a path, reference counting, the end.
 *
 * The operations table of a file comes from its inode, for character devices from the device
 * table. A file holds references to its path (mount and dentry), its inode and the opener's
 * credentials. Descriptor tables are fdtable.c, data transfer is rw.c.
 */
#include "vfs/vfs.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "core/task.h"
#include "core/sched.h"
#include "lib/alloc.h"
#include "vfs/file.h"
#include "vfs/mount.h"

/* A 64-bit Linux sets it by itself, and F_GETFL shows it. */
#define O_LARGEFILE_K 0100000

static const struct file_ops empty_ops;

struct file *file_alloc(const struct file_ops *ops, u32 flags)
{
	static const u32 modes[4] = { FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE, 0 };
	struct file *f = kzalloc(sizeof(*f));

	if (!f)
		return NULL;
	ref_init(&f->ref);
	list_init(&f->epoll_links);
	mutex_init(&f->pos_lock, "file.pos", RANK_FILE);
	f->ops = ops ? ops : &empty_ops;
	f->flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
	f->mode = modes[flags & O_ACCMODE];
	f->cred = cred_get((struct cred *)current_cred());
	return f;
}

/* Frees a file that was never opened, or whose release ran. */
void file_free(struct file *f)
{
	if (f->path.dentry)
		path_put(&f->path);
	if (f->inode)
		iput(f->inode);
	cred_put(f->cred);
	kfree(f);
}

struct file *fget_ref(struct file *f)
{
	ref_get(&f->ref);
	return f;
}

void file_count(struct file *f, int delta)
{
	if (!f->inode || !S_ISREG(f->inode->mode))
		return;
	f->inode->opens += delta;
	if (f->mode & FMODE_WRITE) {
		f->inode->writers += delta;
		mnt_count_writers(f->path.mnt, delta);
	}
}

static void file_put_counts(struct file *f)
{
	file_count(f, -1);
	if (f->mode & FMODE_EXEC)		/* exec kept writers out (ETXTBSY) */
		f->inode->writers++;
}

void fput(struct file *f)
{
	if (!f || !ref_put(&f->ref))
		return;
	/* The last moment at which others may still find the file: through an epoll set. */
	epoll_file_gone(f);
	fasync_free(f);
	if (!(f->mode & FMODE_PATH)) {
		if (!(f->mode & FMODE_NONOTIFY))
			notify_file(f, (f->mode & FMODE_WRITE) ? IN_CLOSE_WRITE
							       : IN_CLOSE_NOWRITE);
		if (f->inode && f->inode->flock)
			locks_remove_file(f);
		if (f->inode && f->inode->leases)
			lease_free(f);
		if (f->inode && f->inode->dnotify)
			dnotify_free(f);
		if (f->ops->release)
			f->ops->release(f);
		file_put_counts(f);
	}
	if (f->mode & FMODE_UNMOUNT)
		mount_file_close(f->path.mnt);
	file_free(f);
}

/* The rules that depend on what kind of thing is opened, not on who asks. */
static int open_kind(const struct path *p, struct inode *inode, u32 flags)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	u32 type = inode->mode & S_IFMT;

	if (type == S_IFLNK)
		return -ELOOP;
	if (type == S_IFSOCK)
		return -ENXIO;
	if (type == S_IFDIR && write)
		return -EISDIR;
	if ((type == S_IFCHR || type == S_IFBLK) && p->mnt && (p->mnt->flags & MS_NODEV))
		return -EACCES;
	if (write && (type == S_IFREG) && p->mnt)
		return mnt_want_write(p->mnt);
	return 0;
}

static int open_rights(struct inode *inode, u32 flags)
{
	static const u32 masks[4] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
				      MAY_READ | MAY_WRITE };
	u32 mask = masks[flags & O_ACCMODE] | MAY_OPEN;

	if (flags & O_TRUNC)
		mask |= MAY_WRITE;
	return inode_permission(inode, mask);
}

static const struct file_ops *inode_file_ops(struct inode *inode)
{
	const struct file_ops *ops = inode->fops;

	if (S_ISBLK(inode->mode))
		return dev_block_ops;
	if (S_ISCHR(inode->mode)) {
		const struct file_ops *dev = dev_find_chr(inode->rdev);

		if (dev)
			ops = dev;
	}
	return ops;
}

static int file_open_path_only(const struct path *p, u32 flags, struct file **out)
{
	struct file *f = file_alloc(NULL, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW));

	if (!f)
		return -ENOMEM;
	f->path = *p;
	path_get(&f->path);
	f->inode = iget(p->dentry->inode);
	f->mode = FMODE_PATH;
	*out = f;
	return 0;
}

/* Runs ops->open; the file is complete but nobody else sees it yet. */
static int file_run_open(struct file *f)
{
	struct inode *inode = f->inode;
	int err = 0;

	if (inode->leases)
		err = lease_break(inode, f->flags);
	if (err)
		return err;
	if (S_ISREG(inode->mode) && (f->mode & FMODE_WRITE) && inode->writers < 0)
		return -ETXTBSY;
	file_count(f, 1);
	if (f->ops->open)
		err = f->ops->open(inode, f);
	f->flags &= ~(O_NOCTTY | O_EXCL);	/* terminals and block devices look at them in open */
	if (err)
		file_count(f, -1);
	return err;
}

int file_open_checked(const struct path *p, u32 flags, struct file **out)
{
	struct inode *inode = p->dentry->inode;
	const struct file_ops *ops;
	struct file *f;
	int err;

	if (!inode)
		return -ENOENT;
	if (flags & O_PATH)
		return file_open_path_only(p, flags, out);
	err = open_kind(p, inode, flags);
	if (err)
		return err;
	ops = inode_file_ops(inode);
	if (!ops && (S_ISCHR(inode->mode) || S_ISBLK(inode->mode)))
		return -ENXIO;
	f = file_alloc(ops, flags | O_LARGEFILE_K);
	if (!f)
		return -ENOMEM;
	f->path = *p;
	path_get(&f->path);
	f->inode = iget(inode);
	f->flags |= flags & O_EXCL;
	err = file_run_open(f);
	if (err) {
		file_free(f);
		return err;
	}
	notify_file(f, IN_OPEN);
	*out = f;
	return 0;
}

int file_open_path(const struct path *p, u32 flags, struct file **out)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (inode && !(flags & O_PATH)) {
		err = open_kind(p, inode, flags);
		if (!err)
			err = open_rights(inode, flags);
		if (err)
			return err;
	}
	return file_open_checked(p, flags, out);
}
