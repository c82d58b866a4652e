/* SPDX-License-Identifier: MIT */
/*
 * Moving data between files inside the kernel: splice, tee, vmsplice, sendfile, copy_file_range.
 *
 * Everything goes through one bounce buffer. Room in a pipe is reserved before a source is read, so that what was
 * read always fits; what a sink refuses is put back to the front of the pipe it came from.
 */
#include "vfs/poll.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/resource.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "vfs/pipe.h"

#ifndef SPLICE_F_MOVE
#define SPLICE_F_MOVE 1
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE 4
#define SPLICE_F_GIFT 8
#endif
#define SPLICE_F_ALL (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)
#define BOUNCE_SIZE 65536UL

static bool file_is(const struct file *f, u32 type)
{
	return f->inode && (f->inode->mode & S_IFMT) == type;
}

/* Takes up to n bytes off the pipe into buf. rd_lock held. */
static size_t pipe_take(struct pipe *p, void *buf, size_t n)
{
	bool packet;
	size_t got = MIN(n, pipe_readable(p, &packet));

	pipe_peek(p, 0, buf, got);
	pipe_consume(p, got);
	return got;
}

/* ---- pipe to file ---- */

/* The sink did not take n bytes of them: back to the front. */
static int pipe_give_back(struct pipe *p, const void *buf, size_t n)
{
	int err;

	mutex_lock(&p->rd_lock);
	mutex_lock_nested(&p->wr_lock);
	err = pipe_unread(p, buf, n);
	mutex_unlock(&p->wr_lock);
	mutex_unlock(&p->rd_lock);
	return err;
}

/* One bounce buffer full. Bytes written, or negative errno; 0 at the end of the pipe. */
static ssize pipe_to_file_once(struct pipe *p, struct file *out, off64 *off, void *buf, size_t n)
{
	struct iter it;
	size_t got, kept;
	ssize done;

	mutex_lock(&p->rd_lock);
	got = pipe_take(p, buf, n);
	p->resv += got;
	mutex_unlock(&p->rd_lock);
	if (!got)
		return 0;
	iter_init_kernel(&it, buf, got);
	done = vfs_write(out, &it, off);
	kept = MAX(done, 0);
	if (kept < got && pipe_give_back(p, (u8 *)buf + kept, got - kept) && !done)
		done = -ENOMEM;
	p->resv -= got;
	pipe_wake_writers(p);
	return done;
}

static ssize splice_pipe_to_file(struct file *in, struct file *out, off64 *off, size_t len,
				 bool nonblock, void *buf)
{
	struct pipe *p = file_pipe(in);
	ssize done = 0, ret;

	while ((size_t)done < len) {
		if (done && !p->used)
			break;
		ret = pipe_wait_data(p, nonblock);
		if (ret > 0)
			ret = pipe_to_file_once(p, out, off, buf, MIN(len - done, BOUNCE_SIZE));
		if (ret <= 0)
			return done ? done : ret;
		done += ret;
	}
	return done;
}

/* ---- file to pipe ---- */

static ssize splice_file_to_pipe(struct file *in, off64 *off, struct file *out, size_t len,
				 bool nonblock, void *buf)
{
	struct pipe *p = file_pipe(out);
	struct iter it;
	ssize ret;
	size_t n;

	if (nonblock && in->ops->stream && !(vfs_poll(in, NULL) & (EPOLLIN | EPOLLHUP)))
		return -EAGAIN;
	ret = pipe_wait_room(p, 1, nonblock);
	if (ret)
		return ret;
	n = MIN(MIN(len, BOUNCE_SIZE), pipe_room(p));
	p->resv += n;
	iter_init_kernel(&it, buf, n);
	ret = vfs_read(in, &it, off);
	mutex_lock(&p->wr_lock);
	p->resv -= n;
	if (ret > 0 && pipe_append(p, buf, ret, false))
		ret = -ENOMEM;
	if (ret > 0)
		pipe_wake_readers(p);
	mutex_unlock(&p->wr_lock);
	return ret;
}

/* ---- pipe to pipe ---- */

/* Moves (or, for tee, copies) what there is. Bytes, 0 nothing to do, negative errno. in->rd_lock and out->wr_lock held. */
static ssize pipe_transfer(struct pipe *in, struct pipe *out, size_t len, bool move, void *buf)
{
	size_t done = 0, off = 0;

	while (done < len && off < in->used && pipe_room(out)) {
		bool packet;
		size_t n = pipe_readable(in, &packet);

		/* tee: records do not shrink, so go by bytes */
		n = move ? n : in->used - off;
		n = MIN(MIN(n, len - done), MIN(pipe_room(out), BOUNCE_SIZE));
		pipe_peek(in, off, buf, n);
		if (pipe_append(out, buf, n, move && packet))
			return done ? (ssize)done : -ENOMEM;
		if (move)
			pipe_consume(in, n);
		else
			off += n;
		done += n;
	}
	if (done) {
		pipe_wake_readers(out);
		if (move)
			pipe_wake_writers(in);
	}
	return (ssize)done;
}

static ssize pipe_to_pipe(struct file *fin, struct file *fout, size_t len, bool nonblock, bool move)
{
	struct pipe *in = file_pipe(fin), *out = file_pipe(fout);
	void *buf;
	ssize ret;

	if (in == out)
		return -EINVAL;
	buf = kmalloc(BOUNCE_SIZE);
	if (!buf)
		return -ENOMEM;
	for (;;) {
		ret = pipe_wait_data(in, nonblock);
		if (ret <= 0)
			break;
		ret = pipe_wait_room(out, 1, nonblock);
		if (ret)
			break;
		mutex_lock(&in->rd_lock);
		mutex_lock_nested(&out->wr_lock);
		ret = pipe_transfer(in, out, len, move, buf);
		mutex_unlock(&out->wr_lock);
		mutex_unlock(&in->rd_lock);
		if (ret)
			break;
	}
	kfree(buf);
	return ret;
}

/* ---- splice and tee ---- */

static int splice_check(struct file *in, off64 *off_in, struct file *out, off64 *off_out)
{
	struct pipe *pin = file_pipe(in), *pout = file_pipe(out);

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if ((pin && off_in) || (pout && off_out))
		return -ESPIPE;
	if (!pin && !pout)
		return -EINVAL;
	if (pin && !pout) {
		if ((off_out && out->ops->stream) || (out->flags & O_APPEND) || !out->ops->write)
			return -EINVAL;
	}
	if (!pin && ((off_in && in->ops->stream) || !in->ops->read || file_is(in, S_IFDIR)))
		return -EINVAL;
	if ((off_in && *off_in < 0) || (off_out && *off_out < 0))
		return -EINVAL;
	return 0;
}

ssize vfs_splice(struct file *in, off64 *off_in, struct file *out, off64 *off_out, size_t len,
		 u32 flags)
{
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	void *buf;
	ssize ret;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	ret = splice_check(in, off_in, out, off_out);
	if (ret || !len)
		return ret;
	len = MIN(len, MAX_RW_COUNT);
	if (file_pipe(in) && file_pipe(out))
		return pipe_to_pipe(in, out, len,
				    nonblock || ((in->flags | out->flags) & O_NONBLOCK), true);
	buf = kmalloc(BOUNCE_SIZE);
	if (!buf)
		return -ENOMEM;
	if (file_pipe(in))
		ret = splice_pipe_to_file(in, out, off_out, len,
					  nonblock || (in->flags & O_NONBLOCK), buf);
	else
		ret = splice_file_to_pipe(in, off_in, out, len,
					  nonblock || (out->flags & O_NONBLOCK), buf);
	kfree(buf);
	return ret;
}

ssize vfs_tee(struct file *in, struct file *out, size_t len, u32 flags)
{
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!file_pipe(in) || !file_pipe(out))
		return -EINVAL;
	return pipe_to_pipe(in, out, len, (flags & SPLICE_F_NONBLOCK) ||
			    ((in->flags | out->flags) & O_NONBLOCK), false);
}

ssize vfs_vmsplice(struct file *f, struct iter *it, u32 flags)
{
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	struct pipe *p = file_pipe(f);
	size_t room;
	int err;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!p)
		return -EBADF;
	if (!it->count)
		return 0;
	if (!(f->mode & FMODE_WRITE)) {
		err = pipe_wait_data(p, nonblock);
		return err <= 0 ? err : vfs_read(f, it, NULL);
	}
	err = pipe_wait_room(p, 1, nonblock);
	if (err)
		return err;
	room = pipe_room(p);
	it->count = MIN(it->count, room);
	return vfs_write(f, it, NULL);
}

/* ---- file to file ---- */

/* Copies up to len bytes; stops at a short read or write. Positions are advanced by what was written. */
static ssize copy_loop(struct file *in, off64 *off_in, struct file *out, off64 *off_out, size_t len)
{
	void *buf = kmalloc(MIN(len, BOUNCE_SIZE));
	size_t done = 0;
	ssize ret = 0;

	if (!buf)
		return -ENOMEM;
	while (done < len) {
		size_t n = MIN(len - done, BOUNCE_SIZE);
		off64 pos = *off_in;
		struct iter it;

		iter_init_kernel(&it, buf, n);
		ret = vfs_read(in, &it, &pos);
		if (ret <= 0)
			break;
		n = ret;
		iter_init_kernel(&it, buf, n);
		ret = vfs_write(out, &it, off_out);
		if (ret <= 0)
			break;
		*off_in += ret;
		done += ret;
		if ((size_t)ret < n)
			break;
		if (signal_pending(current))
			break;
	}
	kfree(buf);
	return done ? (ssize)done : ret;
}

ssize vfs_sendfile(struct file *out, struct file *in, off64 *off_in, size_t len)
{
	off64 pos;
	ssize ret;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (off_in && in->ops->stream)
		return -ESPIPE;
	if (in->ops->stream || !in->ops->read || file_is(in, S_IFDIR) || !out->ops->write)
		return -EINVAL;
	if ((off_in && *off_in < 0) || (out->flags & O_APPEND))
		return -EINVAL;
	len = MIN(len, MAX_RW_COUNT);
	if (!len)
		return 0;
	if (off_in)
		return copy_loop(in, off_in, out, NULL, len);
	pos = file_pos(in);
	ret = copy_loop(in, &pos, out, NULL, len);
	file_pos_set(in, pos);
	return ret;
}

static ssize copy_range_check(struct file *in, off64 pin, struct file *out, off64 pout, size_t *len)
{
	u64 limit = rlimit(RLIMIT_FSIZE);
	struct kstat st;
	int err;

	if (file_is(in, S_IFDIR) || file_is(out, S_IFDIR))
		return -EISDIR;
	if (!file_is(in, S_IFREG) || !file_is(out, S_IFREG))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	if (out->inode->fsflags & FS_IMMUTABLE_FL)	/* since it was opened */
		return -EPERM;
	if (pin < 0 || pout < 0)
		return -EINVAL;
	/* Only a sum beyond 64 bits is refused: "all there is" may come as SSIZE_MAX at any position. */
	if ((u64)pin + *len < (u64)pin || (u64)pout + *len < (u64)pout)
		return -EOVERFLOW;
	err = inode_getattr(in->inode, &st);
	if (err)
		return err;
	*len = (u64)pin >= st.size ? 0 : MIN(*len, st.size - (u64)pin);
	if ((u64)pout >= limit && *len) {
		send_signal_task(SIGXFSZ, NULL, current);
		return -EFBIG;
	}
	if (in->inode == out->inode && pin < pout + (off64)*len && pout < pin + (off64)*len)
		return -EINVAL;
	return 0;
}

static void put_pos(struct file *f, off64 *off, off64 pos)
{
	if (off)
		*off = pos;
	else
		file_pos_set(f, pos);
}

ssize vfs_copy_file_range(struct file *in, off64 *off_in, struct file *out, off64 *off_out,
			  size_t len, u32 flags)
{
	off64 pin = off_in ? *off_in : file_pos(in), pout = off_out ? *off_out : file_pos(out);
	ssize ret;

	if (flags)
		return -EINVAL;
	ret = copy_range_check(in, pin, out, pout, &len);
	if (ret)
		return ret;
	len = MIN(len, MAX_RW_COUNT);
	if (!len)
		return 0;
	ret = copy_loop(in, &pin, out, &pout, len);
	if (ret > 0) {
		put_pos(in, off_in, pin);
		put_pos(out, off_out, pout);
	}
	return ret;
}
