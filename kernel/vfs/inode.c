/* SPDX-License-Identifier: MIT */
/*
 * Inodes: making them, counting references, default attributes.
 *
 * An inode counts in its superblock (ninodes), so that the file system's kill() runs only when
 * the last inode is gone. evict() runs with the count at zero: a file system that keeps a table
 * of its inodes takes the inode out of it before it does anything that may block.
 */
#include "vfs/vfs.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/time.h"
#include "lib/alloc.h"
#include "vfs/super.h"

static const struct inode_ops empty_inode_ops;
static const struct file_ops empty_file_ops;

struct ts_k current_ts(void)
{
	ktime_t now = ktime_get_real();

	return (struct ts_k){ .sec = now / NSEC_PER_SEC, .nsec = (u32)(now % NSEC_PER_SEC) };
}

struct ts_k inode_time(const struct inode *i, struct ts_k t)
{
	if (i->sb && i->sb->time_unit)
		t.nsec -= t.nsec % i->sb->time_unit;
	return t;
}

u64 anon_ino(void)
{
	static u64 last = 1000;

	return ++last;
}

struct inode *inode_new(struct super *sb, u32 mode)
{
	const struct cred *c = current_cred();
	struct inode *i = kzalloc(sizeof(*i));

	if (!i)
		return NULL;
	ref_init(&i->ref);
	i->sb = sb;
	if (sb)
		sb->ninodes++;
	i->mode = mode;
	i->uid = c->fsuid;
	i->gid = c->fsgid;
	i->nlink = S_ISDIR(mode) ? 2 : 1;
	i->atime = i->mtime = i->ctime = i->btime = inode_time(i, current_ts());
	i->ops = &empty_inode_ops;
	i->fops = &empty_file_ops;
	mutex_init(&i->lock, "inode", S_ISDIR(mode) ? RANK_DIR : RANK_INODE);
	list_init(&i->hash_node);
	return i;
}

void inode_init_owner(struct inode *i, const struct inode *dir, u32 mode)
{
	const struct cred *c = current_cred();

	i->uid = c->fsuid;
	i->gid = c->fsgid;
	if (dir && (dir->mode & S_ISGID)) {
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	i->mode = mode;
}

struct inode *iget(struct inode *i)
{
	ref_get(&i->ref);
	return i;
}

void iput(struct inode *i)
{
	struct super *sb;

	if (!i || !ref_put(&i->ref))
		return;
	sb = i->sb;
	if (i->ops->evict)
		i->ops->evict(i);
	kfree(i);
	if (sb)
		super_inode_gone(sb);
}

static int special_open_enxio(struct inode *inode, struct file *f)
{
	return -ENXIO;
}

/* What a device that nobody registered, a block device or a bound socket answers. */
static const struct file_ops no_device_fops = {
	.open = special_open_enxio,
};

/* Character devices: the driver is found when the file is opened. */
static int chr_open(struct inode *inode, struct file *f)
{
	const struct file_ops *ops = dev_find_chr(inode->rdev);

	if (!ops)
		return -ENXIO;
	f->ops = ops;
	return ops->open ? ops->open(inode, f) : 0;
}

static const struct file_ops chr_fops = {
	.open = chr_open,
	.llseek = file_noseek,
};

void inode_init_special(struct inode *i, u32 mode, u32 rdev)
{
	i->mode = mode;
	i->rdev = 0;
	if (S_ISCHR(mode)) {
		i->fops = &chr_fops;
		i->rdev = rdev;
	} else if (S_ISBLK(mode)) {
		i->fops = &no_device_fops;
		i->rdev = rdev;
	} else if (S_ISFIFO(mode)) {
		i->fops = &fifo_ops;
	} else if (S_ISSOCK(mode)) {
		i->fops = &no_device_fops;
	}
}

void inode_set_now(struct inode *i, u32 attr)
{
	struct ts_k now = inode_time(i, current_ts());

	if (attr & ATTR_ATIME)
		i->atime = now;
	if (attr & ATTR_MTIME)
		i->mtime = i->ctime = now;
	if (!(attr & (ATTR_ATIME | ATTR_MTIME)))
		i->ctime = now;
	inode_changed(i);
}

static void default_getattr(const struct inode *i, struct kstat *st)
{
	*st = (struct kstat){
		.ino = i->ino, .size = i->size, .blocks = i->blocks,
		.mode = i->mode, .nlink = i->nlink, .uid = i->uid, .gid = i->gid,
		.dev = i->sb ? i->sb->dev : 0, .rdev = i->rdev, .blksize = 4096,
		.atime = i->atime, .mtime = i->mtime, .ctime = i->ctime, .btime = i->btime,
		.has_btime = i->btime.sec != 0,
	};
}

int inode_getattr(struct inode *i, struct kstat *st)
{
	int err = 0;

	st->attributes = st->attributes_mask = 0;
	st->dio_align = 0;
	if (i->ops->getattr)
		err = i->ops->getattr(i, st);
	else
		default_getattr(i, st);
	if (!err && S_ISBLK(i->mode) && dev_block_ops && dev_block_ops->dio_align)
		st->dio_align = dev_block_ops->dio_align(i);
	return err;
}

int vfs_getattr(const struct path *p, struct kstat *st)
{
	if (!p->dentry->inode)
		return -ENOENT;
	return inode_getattr(p->dentry->inode, st);
}

#define DAY 86400

static bool older(struct ts_k a, struct ts_k b)
{
	return a.sec < b.sec || (a.sec == b.sec && a.nsec <= b.nsec);
}

void touch_atime(const struct path *p)
{
	struct inode *i = p->dentry->inode;
	u32 flags = p->mnt ? p->mnt->flags | p->mnt->sb->flags : 0;
	struct ts_k now;

	if (flags & (MS_NOATIME | MS_RDONLY))
		return;
	if ((flags & MS_NODIRATIME) && S_ISDIR(i->mode))
		return;
	now = inode_time(i, current_ts());
	if ((flags & MS_RELATIME) && !older(i->atime, i->mtime) && !older(i->atime, i->ctime) &&
	    now.sec - i->atime.sec < DAY)
		return;
	i->atime = now;
	inode_changed(i);
}

void file_accessed(struct file *f)
{
	if (!(f->flags & O_NOATIME) && f->path.dentry)
		touch_atime(&f->path);
}
