/* SPDX-License-Identifier: MIT */
/*
 * Open files on hostfs: one host descriptor per open file, with the guest's access mode. Data goes
 * straight between the host file and the bytes shared with the guest; there is no cache. mmap() hands
 * out that descriptor, so a mapping can do exactly what the guest opened the file for.
 *
 * Opening is by place, and what was opened is compared with the inode: the host may have put something else
 * there, and neither a FIFO nor a device of the host is ever read or written.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/ioctl.h"
#include "core/signal.h"
#include "core/task.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "vfs/vfs.h"

#define PASSED_FLAGS (O_APPEND | O_DIRECT | O_SYNC | O_DSYNC | O_NOATIME)
#define SETFL_FLAGS (O_APPEND | O_DIRECT | O_NOATIME)

static int open_place(struct inode *inode, int flags)
{
	struct hostfs_place p;
	struct host_stat st;
	int fd, err;

	err = hostfs_get_place(inode, &p);
	if (err)
		return err;
	host_block_begin();
	fd = host_path_open(p.fd, p.name, flags | O_NONBLOCK, 0);
	if (fd == -EPERM && flags & O_NOATIME)
		fd = host_path_open(p.fd, p.name, (flags & ~O_NOATIME) | O_NONBLOCK, 0);
	if (fd >= 0)
		err = host_file_stat(fd, &st);
	host_block_end();
	hostfs_put_place(&p);
	if (fd == -ELOOP)
		return -ESTALE;		/* a symlink now */
	if (fd >= 0 && !err && !hostfs_same(inode, &st) && !hostfs_copied_up(inode, &st))
		err = -ESTALE;
	if (fd >= 0 && err) {
		host_close(fd);
		return err;
	}
	if (fd >= 0)
		hostfs_opened(inode, &st);
	return fd;
}

/*
 * By the place, and if that is out of date by the name that was just looked up: a file with several
 * links may have been seen last under one that is gone.
 */
static int open_file(struct inode *inode, struct file *f, int flags)
{
	struct dentry *d = f->path.dentry;
	int fd = open_place(inode, flags);

	if ((fd != -ENOENT && fd != -ESTALE) || !d || d->unhashed || !d->parent->inode)
		return fd;
	hostfs_set_place(inode, d->parent->inode, d->name);
	return open_place(inode, flags);
}

/* A directory has a descriptor already, whatever became of its name. */
static int open_dir(struct inode *inode)
{
	int fd, dirfd = hostfs_get_dirfd(inode);

	if (dirfd < 0)
		return dirfd;
	fd = HOST(host_path_open(dirfd, ".", O_RDONLY | O_DIRECTORY, 0));
	hostfs_put_dirfd(inode);
	return fd;
}

/* The descriptor that created the file, if it does what f wants. */
static int take_created(struct inode *inode, u32 flags)
{
	struct hostfs_inode *hi = HI(inode);
	int fd = hi->created;

	if (fd < 0 || (flags & O_ACCMODE) == O_RDONLY || flags & (O_SYNC | O_DSYNC))
		return -1;
	hi->created = -1;
	/* The others can be set afterwards. */
	if (flags & SETFL_FLAGS && HOST(host_file_setfl(fd, (int)(flags & SETFL_FLAGS))) < 0) {
		host_close(fd);
		return -1;
	}
	return fd;
}

/* Without a name (O_TMPFILE): all that is left is a copy of what we hold. */
static int open_nameless(struct inode *inode, u32 flags)
{
	struct hostfs_inode *hi = HI(inode);

	if (hi->dir || hi->created < 0 || flags & PASSED_FLAGS)
		return -ENOENT;
	return host_dup(hi->created);
}

int hostfs_open(struct inode *inode, struct file *f)
{
	struct hostfs_file *hf = kzalloc(sizeof(*hf));
	u32 flags = f->flags & (O_ACCMODE | PASSED_FLAGS);
	int fd = -1;

	if (!hf)
		return -ENOMEM;
	if (HSB(inode->sb)->append && (flags & O_ACCMODE) != O_RDONLY)
		flags |= O_APPEND;
	if (S_ISDIR(inode->mode)) {
		fd = open_dir(inode);
	} else {
		fd = take_created(inode, flags);
		if (fd < 0)
			fd = open_file(inode, f, (int)flags);
		if (fd == -ENOENT)
			fd = open_nameless(inode, flags);
	}
	if (fd < 0) {
		kfree(hf);
		return fd;
	}
	hf->fd = fd;
	hf->mode = f->mode & (FMODE_READ | FMODE_WRITE);
	hf->special = -1;
	list_add(&hf->node, &HI(inode)->files);
	f->private = hf;
	if (HI(inode)->created >= 0) {
		host_close(HI(inode)->created);
		HI(inode)->created = -1;
	}
	return 0;
}

void hostfs_file_free(struct hostfs_file *hf)
{
	if (hf->backing)
		backing_put(hf->backing);
	else
		host_close(hf->fd);
	kfree(hf->buf);
	kfree(hf);
}

void hostfs_release(struct file *f)
{
	struct hostfs_file *hf = f->private;

	if (!hf)
		return;
	list_del_init(&hf->node);
	hf->released = true;
	if (!hf->pins)
		hostfs_file_free(hf);
}

/*
 * On a mount that only appends, a descriptor that writes stays here: with it guest code could map the file and
 * change what is in it.
 */
static bool may_hand_out(const struct file *f)
{
	return !HSB(f->inode->sb)->append || !(f->mode & FMODE_WRITE);
}

/* One step of a large read without a copy: bytes, or as iter_pread_host(). */
static ssize read_direct(struct file *f, struct iter *to, off64 *pos)
{
	struct hostfs_file *hf = f->private;
	ssize got = may_hand_out(f) ? iter_pread_host(to, hf->fd, *pos) : -EOPNOTSUPP;

	if (got > 0)
		*pos += got;
	return got;
}

static ssize hostfs_read(struct file *f, struct iter *to, off64 *pos)
{
	struct hostfs_file *hf = f->private;
	ssize done = 0, room, got = 0;
	void *p;

	while (to->count && !(done && fatal_signal_pending(current))) {
		got = read_direct(f, to, pos);
		if (got > 0) {
			done += got;
			continue;
		}
		if (got != -EOPNOTSUPP)
			break;
		room = iter_stage_to(to, &p, to->count);
		if (room <= 0) {
			got = room;
			break;
		}
		got = HOST(host_pread(hf->fd, p, (size_t)room, (u64)*pos));
		if (got <= 0)
			break;
		if (iter_commit_to(to, (size_t)got)) {
			got = -EFAULT;
			break;
		}
		*pos += got;
		done += got;
		if (got < room)
			break;
	}
	return done ? done : got;
}

/* At the end of the file, wherever that is now: only the host knows. */
static ssize put(struct hostfs_file *hf, bool append, const void *p, size_t n, off64 *pos)
{
	ssize put;

	if (append)
		return HOST(host_file_append(hf->fd, p, n, pos));
	put = HOST(host_pwrite(hf->fd, p, n, (u64)*pos));
	if (put > 0)
		*pos += put;
	return put;
}

static ssize hostfs_write(struct file *f, struct iter *from, off64 *pos)
{
	bool append = f->flags & O_APPEND || HSB(f->inode->sb)->append;
	struct hostfs_file *hf = f->private;
	ssize done = 0, have, got = 0;
	const void *p;

	while (from->count && !(done && fatal_signal_pending(current))) {
		got = append ? -EOPNOTSUPP : iter_pwrite_host(from, hf->fd, *pos);
		if (got > 0) {
			*pos += got;
			done += got;
			continue;
		}
		if (got != -EOPNOTSUPP)
			break;
		have = iter_stage_from(from, &p, from->count);
		if (have <= 0) {
			got = have;
			break;
		}
		got = put(hf, append, p, (size_t)have, pos);
		if (got <= 0)
			break;
		iter_advance(from, (size_t)got);
		done += got;
		if (got < have)
			break;
	}
	hostfs_changed(f->inode);
	if (done && (u64)*pos > f->inode->size)
		f->inode->size = (u64)*pos;
	return done ? done : got;
}

/* Inode flags (lsattr, chattr): the host's. */
static long hostfs_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct hostfs_file *hf = f->private;
	u32 flags = 0;
	int err;

	if (cmd != FS_IOC_GETFLAGS && cmd != FS_IOC_SETFLAGS)
		return -ENOIOCTLCMD_K;
	if (cmd == FS_IOC_GETFLAGS) {
		err = HOST(host_file_inode_flags(hf->fd, false, &flags));
		return err ? err : put_user(flags, arg);
	}
	if (HSB(f->inode->sb)->append)
		return -EPERM;
	if (get_user(flags, arg))
		return -EFAULT;
	if (!inode_owner_or_capable(f->inode))
		return -EACCES;
	return HOST(host_file_inode_flags(hf->fd, true, &flags));
}

static off64 hostfs_llseek(struct file *f, off64 off, int whence)
{
	struct hostfs_file *hf = f->private;
	struct host_stat st;
	off64 pos;
	int err;

	switch (whence) {
	case SEEK_SET:
		pos = off;
		break;
	case SEEK_CUR:
		pos = f->pos + off;
		break;
	case SEEK_END:
		err = HOST(host_file_stat(hf->fd, &st));
		if (err)
			return err;
		pos = (off64)st.size + off;
		break;
	default:
		/* SEEK_DATA, SEEK_HOLE; EINVAL for what is none. */
		pos = HOST(host_lseek(hf->fd, off, whence));
	}
	if (pos < 0)
		return whence <= SEEK_END ? -EINVAL : pos;
	f->pos = pos;
	return pos;
}

static off64 hostfs_dir_llseek(struct file *f, off64 off, int whence)
{
	/* Positions are the host's cookies; there is no end to count from. */
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

int hostfs_fsync(struct file *f, bool datasync)
{
	struct hostfs_file *hf = f->private;

	return HOST_LONG(host_fsync(hf->fd, datasync));
}

static int hostfs_fallocate(struct file *f, int mode, off64 off, off64 len)
{
	struct hostfs_file *hf = f->private;
	int err;

	if (HSB(f->inode->sb)->append && mode & ~FALLOC_FL_KEEP_SIZE)
		return -EPERM;
	err = HOST_LONG(host_fallocate(hf->fd, mode, (u64)off, (u64)len));
	if (!err)
		hostfs_reload(f->inode);
	return err;
}

int hostfs_setfl(struct file *f, u32 newflags)
{
	struct hostfs_file *hf = f->private;

	if (HSB(f->inode->sb)->append && f->mode & FMODE_WRITE && !(newflags & O_APPEND))
		return -EPERM;
	return HOST(host_file_setfl(hf->fd, (int)(newflags & SETFL_FLAGS)));
}

static void release_backing(struct backing *b)
{
	host_close(b->hostfd);
	kfree(b);
}

static const struct backing_ops hostfs_backing_ops = {
	.release = release_backing,
};

static int hostfs_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	struct hostfs_file *hf = f->private;
	const struct hostfs_inode *hi = HI(f->inode);
	struct backing *b = hf->backing;

	if (!may_hand_out(f))
		return -EACCES;
	if (!b) {
		b = kzalloc(sizeof(*b));
		if (!b)
			return -ENOMEM;
		ref_init(&b->ref);
		b->hostfd = hf->fd;
		b->may_write = hf->mode & FMODE_WRITE;
		b->may_exec = true;
		b->dev = hi->dev;
		b->ino = f->inode->ino;
		b->dev_mm = hi->guest_dev;
		b->ops = &hostfs_backing_ops;
		hf->backing = b;
	}
	*out = backing_get(b);
	return 0;
}

/* Where appending puts the bytes only the host knows: the position would be wrong. */
static bool hostfs_serve(struct file *f, struct file_serve *out)
{
	struct hostfs_file *hf = f->private;
	bool append = f->flags & O_APPEND || HSB(f->inode->sb)->append;

	if (!may_hand_out(f))
		return false;
	*out = (struct file_serve){ SERVE_FILE, hf->fd, append ? 0 : ~0ULL };
	return true;
}

const struct file_ops hostfs_file_ops = {
	.open = hostfs_open,
	.release = hostfs_release,
	.read = hostfs_read,
	.write = hostfs_write,
	.llseek = hostfs_llseek,
	.mmap = hostfs_mmap,
	.fsync = hostfs_fsync,
	.fallocate = hostfs_fallocate,
	.setfl = hostfs_setfl,
	.ioctl = hostfs_ioctl,
	.serve = hostfs_serve,
};

const struct file_ops hostfs_dir_fops = {
	.open = hostfs_open,
	.release = hostfs_release,
	.llseek = hostfs_dir_llseek,
	.readdir = hostfs_readdir,
	.fsync = hostfs_fsync,
	.ioctl = hostfs_ioctl,
};
