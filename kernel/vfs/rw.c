/* SPDX-License-Identifier: MIT */
/*
 * Reading, writing, seeking and truncating open files: mode, position and limits are dealt with
 * here, the bytes by file_ops.
 *
 * A call without an explicit position uses the file's, under pos_lock: so that two threads that
 * read one file get different bytes. Streams have no position.
 */
#include "vfs/vfs.h"

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/resource.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "mm/iter.h"
#include "vfs/file.h"
#include "vfs/perm.h"

#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

/* Shortens the iter to n bytes; the number cut off, to be given back with iter_uncut(). */
static size_t iter_cut(struct iter *it, size_t n)
{
	size_t cut = it->count > n ? it->count - n : 0;

	it->count -= cut;
	return cut;
}

static void iter_uncut(struct iter *it, size_t cut)
{
	it->count += cut;
}

static bool is_reg(const struct file *f)
{
	return f->inode && S_ISREG(f->inode->mode);
}

/* O_SYNC means something. */
static bool is_stored(const struct file *f)
{
	return f->inode && (S_ISREG(f->inode->mode) || S_ISBLK(f->inode->mode));
}

static bool is_dir(const struct file *f)
{
	return f->inode && S_ISDIR(f->inode->mode);
}

static int read_check(struct file *f, const off64 *pos)
{
	if (pos && f->ops->stream)
		return -ESPIPE;
	if (!(f->mode & FMODE_READ))
		return -EBADF;
	if (is_dir(f))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	if (pos && *pos < 0)
		return -EINVAL;
	return 0;
}

static int write_check(struct file *f, const off64 *pos)
{
	if (pos && f->ops->stream)
		return -ESPIPE;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	if (pos && *pos < 0)
		return -EINVAL;
	return 0;
}

/* Calls op on the explicit position, or on the file's own under its lock. */
static ssize with_pos(struct file *f, struct iter *it, off64 *pos,
		      ssize (*op)(struct file *f, struct iter *it, off64 *pos))
{
	off64 none = 0;
	ssize ret;

	if (f->ops->stream)
		return op(f, it, &none);
	if (pos)
		return op(f, it, pos);
	mutex_lock(&f->pos_lock);
	ret = file_pos_begin(f);
	if (!ret) {
		ret = op(f, it, &f->pos);
		file_pos_end(f);
	}
	mutex_unlock(&f->pos_lock);
	return ret;
}

static ssize read_at(struct file *f, struct iter *to, off64 *pos)
{
	size_t cut = iter_cut(to, MAX_RW_COUNT);
	ssize ret;

	if (!f->ops->stream && *pos > INT64_MAX - (off64)to->count)
		ret = -EINVAL;
	else
		ret = f->ops->read(f, to, pos);
	iter_uncut(to, cut);
	return ret;
}

ssize vfs_read(struct file *f, struct iter *to, off64 *pos)
{
	ssize ret = read_check(f, pos);

	if (ret)
		return ret;
	ret = with_pos(f, to, pos, read_at);
	if (ret > 0) {
		if (!(f->mode & FMODE_NONOTIFY))
			notify_file(f, IN_ACCESS);
		current->acct.rchar += ret;
	}
	current->acct.syscr++;
	return ret;
}

int file_remove_privs(struct file *f)
{
	struct inode *inode = f->inode;
	struct iattr a = { .valid = ATTR_MODE, .file = f };
	u32 kill = inode->mode & S_ISUID;

	if (inode->mode & S_ISGID && (inode->mode & S_IXGRP || !mode_keeps_sgid(inode->gid)))
		kill |= S_ISGID;
	if (likely(!kill) || capable(CAP_FSETID))
		return 0;
	a.mode = inode->mode & ~kill;
	if (inode->ops && inode->ops->setattr)
		return inode->ops->setattr(inode, &a);
	inode->mode = a.mode;
	inode_changed(inode);
	return 0;
}

static int fsize_exceeded(void)
{
	send_signal_task(SIGXFSZ, NULL, current);
	return -EFBIG;
}

/* Rules of regular files: append, size limits, set-id bits. */
static ssize write_reg(struct file *f, struct iter *from, off64 *pos)
{
	u64 limit = rlimit(RLIMIT_FSIZE);
	size_t cut = 0;
	ssize ret;

	if (!from->count)
		return 0;
	if (f->flags & O_APPEND)
		*pos = (off64)f->inode->size;
	if (limit != RLIM_INFINITY) {
		if ((u64)*pos >= limit)
			return fsize_exceeded();
		cut = iter_cut(from, limit - (u64)*pos);
	}
	if (*pos > INT64_MAX - (off64)from->count)
		ret = -EFBIG;
	else
		ret = file_remove_privs(f);
	if (!ret)
		ret = f->ops->write(f, from, pos);
	iter_uncut(from, cut);
	return ret;
}

static ssize write_at(struct file *f, struct iter *from, off64 *pos)
{
	size_t cut = iter_cut(from, MAX_RW_COUNT);
	ssize ret;

	if (is_reg(f))
		ret = write_reg(f, from, pos);
	else
		ret = f->ops->write(f, from, pos);
	iter_uncut(from, cut);
	return ret;
}

static int write_sync(struct file *f, bool datasync)
{
	return f->ops->fsync ? f->ops->fsync(f, datasync) : 0;
}

ssize vfs_write(struct file *f, struct iter *from, off64 *pos)
{
	ssize ret = write_check(f, pos);

	if (ret)
		return ret;
	ret = with_pos(f, from, pos, write_at);
	if (ret > 0) {
		if (!(f->mode & FMODE_NONOTIFY))
			notify_file(f, IN_MODIFY);
		current->acct.wchar += ret;
		if (unlikely(f->flags & O_DSYNC) && is_stored(f)) {
			int err = write_sync(f, !(f->flags & (O_SYNC & ~O_DSYNC)));

			if (err)
				ret = err;
		}
	}
	current->acct.syscw++;
	return ret;
}

/* Only files that keep O_NONBLOCK's promise, and regular files that never wait, know RWF_NOWAIT. */
static int rwf_check(struct file *f, int rwf)
{
	if (rwf & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((rwf & RWF_NOWAIT) && !f->ops->stream && !is_reg(f))
		return -EOPNOTSUPP;
	return 0;
}

ssize vfs_read_flags(struct file *f, struct iter *to, off64 *pos, int rwf)
{
	int err = rwf_check(f, rwf);

	if (err)
		return err;
	if ((rwf & RWF_NOWAIT) && f->ops->stream && !(f->flags & O_NONBLOCK)) {
		/* Nothing between the question and the read can take the bytes away. */
		if (!(vfs_poll(f, NULL) & 0x11 /* IN, HUP */))
			return -EAGAIN;
	}
	return vfs_read(f, to, pos);
}

ssize vfs_write_flags(struct file *f, struct iter *from, off64 *pos, int rwf)
{
	int err = rwf_check(f, rwf);
	off64 end;
	ssize ret;

	if (err)
		return err;
	if ((rwf & RWF_NOWAIT) && f->ops->stream && !(f->flags & O_NONBLOCK))
		return -EOPNOTSUPP;
	if ((rwf & RWF_APPEND) && is_reg(f)) {
		end = (off64)f->inode->size;
		pos = &end;
	}
	ret = vfs_write(f, from, pos);
	if (ret > 0 && (rwf & (RWF_DSYNC | RWF_SYNC)) && is_stored(f)) {
		err = write_sync(f, !(rwf & RWF_SYNC));
		if (err)
			ret = err;
	}
	return ret;
}

ssize kernel_read(struct file *f, void *buf, size_t n, off64 pos)
{
	struct iter it;
	size_t done = 0;
	ssize ret;

	if (is_dir(f))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	iter_init_kernel(&it, buf, n);
	while (done < n) {
		ret = f->ops->read(f, &it, &pos);
		if (ret < 0)
			return done ? (ssize)done : ret;
		if (!ret)
			break;
		done += ret;
	}
	return (ssize)done;
}

ssize kernel_write(struct file *f, const void *buf, size_t n, off64 pos)
{
	struct iter it;
	size_t done = 0;
	ssize ret;

	if (!f->ops->write)
		return -EINVAL;
	iter_init_kernel(&it, (void *)buf, n);
	while (done < n) {
		ret = f->ops->write(f, &it, &pos);
		if (ret <= 0)
			return done ? (ssize)done : ret;
		done += ret;
	}
	return (ssize)done;
}

/* ---- seeking ---- */

off64 file_noseek(struct file *f, off64 off, int whence)
{
	return -ESPIPE;
}

off64 file_seek_null(struct file *f, off64 off, int whence)
{
	return f->pos = 0;
}

/* The file's size now: what getattr says, because a host file grows behind our back. */
static off64 file_size(struct file *f)
{
	struct kstat st;
	int err;

	if (!f->inode)
		return 0;
	err = inode_getattr(f->inode, &st);
	return err ? err : (off64)st.size;
}

off64 generic_llseek(struct file *f, off64 off, int whence)
{
	off64 size = 0, pos;

	if (whence == SEEK_END || whence == SEEK_DATA || whence == SEEK_HOLE) {
		size = file_size(f);
		if (size < 0)
			return size;
	}
	switch (whence) {
	case SEEK_SET:
		pos = off;
		break;
	case SEEK_CUR:
		pos = (off64)((u64)f->pos + (u64)off);	/* wraps to negative: EINVAL */
		break;
	case SEEK_END:
		pos = (off64)((u64)size + (u64)off);
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (off < 0 || off >= size)
			return -ENXIO;
		pos = whence == SEEK_DATA ? off : size;
		break;
	default:
		return -EINVAL;
	}
	if (pos < 0)
		return -EINVAL;
	return f->pos = pos;
}

off64 vfs_llseek(struct file *f, off64 off, int whence)
{
	off64 ret;

	if ((unsigned int)whence > SEEK_MAX)
		return -EINVAL;
	if (f->ops->stream && !f->ops->llseek)
		return -ESPIPE;
	mutex_lock(&f->pos_lock);
	ret = file_pos_begin(f);
	if (!ret) {
		ret = f->ops->llseek ? f->ops->llseek(f, off, whence) : generic_llseek(f, off, whence);
		file_pos_end(f);
	}
	mutex_unlock(&f->pos_lock);
	return ret;
}

/* ---- truncation ---- */

static int truncate_check(const struct path *p, struct inode *inode, struct file *f)
{
	int err;

	if (f) {
		if (!S_ISREG(inode->mode) || !(f->mode & FMODE_WRITE))
			return -EINVAL;
		return 0;
	}
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	err = p->mnt ? mnt_want_write(p->mnt) : 0;
	if (!err)
		err = inode_permission(inode, MAY_WRITE);
	if (!err && inode->writers < 0)
		err = -ETXTBSY;
	if (!err && inode->leases)
		err = lease_break(inode, O_WRONLY);
	return err;
}

int vfs_may_grow(const struct inode *inode, u64 size)
{
	return size > inode->size && size > rlimit(RLIMIT_FSIZE) ? fsize_exceeded() : 0;
}

int vfs_truncate(const struct path *p, u64 size, struct file *f)
{
	struct iattr a = { .valid = ATTR_SIZE | ATTR_MTIME | ATTR_MTIME_NOW, .size = size,
			   .file = f };
	const struct path *path = f ? &f->path : p;
	struct inode *inode = f ? f->inode : p->dentry->inode;
	int err;

	if ((s64)size < 0)
		return -EINVAL;
	err = truncate_check(path, inode, f);
	if (!err)
		err = vfs_may_grow(inode, size);
	return err ? err : notify_change(path, &a);
}
