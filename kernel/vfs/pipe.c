/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs.
 *
 * A write of up to PIPE_BUF bytes is atomic: it waits until all of it fits. Larger writes go in as
 * room appears. With O_DIRECT each write makes packets and a read takes at most one. The buffer
 * is a byte ring (pipe.h); what Linux does in pages (a slot is free or not) shows only in
 * poll(): writable means PIPE_BUF bytes of room.
 */
#include "vfs/vfs.h"

#include <stdio.h>
#include <string.h>

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/tty.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "vfs/file.h"
#include "vfs/pipe.h"

unsigned int pipe_max_size = 1024 * 1024;

/* What is copied in one go: readers and writers of more see each other's progress. */
#define PIPE_CHUNK 16384UL

static const struct file_ops pipe_ops;

/* ---- the ring ---- */

static u32 pipe_slots(const struct pipe *p)
{
	return p->cap / PAGE_SIZE;
}

size_t pipe_room(const struct pipe *p)
{
	size_t taken = p->used + p->resv;

	if (p->segs >= pipe_slots(p) || taken >= p->cap)
		return 0;
	return p->cap - taken;
}

bool pipe_writable(const struct pipe *p)
{
	return pipe_room(p) >= PIPE_BUF_K;
}

/* Where byte off of the unread data lies, and how many bytes (at most n) follow in one piece. */
static u8 *ring_at(const struct pipe *p, size_t off, size_t *n)
{
	size_t pos = (p->head + off) & (p->size - 1);

	*n = MIN(*n, p->size - pos);
	return p->buf + pos;
}

/* Lets go of the buffer, at once or when the reader that is inside has left. */
static bool ring_retire(struct pipe *p)
{
	int i;

	if (!p->draining) {
		kfree(p->buf);
		return true;
	}
	for (i = 0; i < PIPE_STALE; i++) {
		if (!p->stale[i]) {
			p->stale[i] = p->buf;
			return true;
		}
	}
	return false;
}

static void ring_free_stale(struct pipe *p)
{
	int i;

	for (i = 0; i < PIPE_STALE && p->stale[i]; i++) {
		kfree(p->stale[i]);
		p->stale[i] = NULL;
	}
}

/* Moves the ring into a buffer of newsize bytes, which is at least what is used. wr_lock held. */
static int ring_resize(struct pipe *p, size_t newsize)
{
	u8 *buf = kmalloc(newsize);

	if (!buf)
		return -ENOMEM;
	if (p->used)
		pipe_peek(p, 0, buf, p->used);
	if (!ring_retire(p)) {
		kfree(buf);
		return -ENOMEM;
	}
	p->buf = buf;
	p->size = newsize;
	p->head = 0;
	return 0;
}

static int ring_reserve(struct pipe *p, size_t n)
{
	size_t size = p->size ? p->size : PAGE_SIZE;

	while (size < p->used + n)
		size *= 2;
	return size == p->size ? 0 : ring_resize(p, size);
}

void pipe_peek(const struct pipe *p, size_t off, void *dst, size_t n)
{
	while (n) {
		size_t len = n;
		u8 *src = ring_at(p, off, &len);

		memcpy(dst, src, len);
		dst = (u8 *)dst + len;
		off += len;
		n -= len;
	}
}

/* ---- records ---- */

static u32 *seg_at(const struct pipe *p, u32 i)
{
	return &p->seg[(p->seg_head + i) % p->seg_cap];
}

static int seg_grow(struct pipe *p)
{
	u32 cap = p->seg_cap ? p->seg_cap * 2 : 16, i;
	u32 *seg;

	if (p->segs + 2 <= p->seg_cap)
		return 0;
	seg = kmalloc(cap * sizeof(*seg));
	if (!seg)
		return -ENOMEM;
	for (i = 0; i < p->segs; i++)
		seg[i] = *seg_at(p, i);
	kfree(p->seg);
	p->seg = seg;
	p->seg_cap = cap;
	p->seg_head = 0;
	return 0;
}

/* Before n bytes are added (p->used is still without them): 0 or -ENOMEM. */
static int seg_prepare(struct pipe *p, bool packet)
{
	return packet || p->segs ? seg_grow(p) : 0;
}

/* Room for the record was made by seg_prepare(). */
static void seg_push(struct pipe *p, size_t n, bool packet)
{
	u32 *last;

	if (!packet && !p->segs)
		return;
	if (!p->segs && p->used)
		*seg_at(p, p->segs++) = (u32)p->used;
	last = p->segs ? seg_at(p, p->segs - 1) : NULL;
	if (!packet && last && !(*last & SEG_PACKET))
		*last += (u32)n;
	else
		*seg_at(p, p->segs++) = (u32)n | (packet ? SEG_PACKET : 0);
}

size_t pipe_readable(const struct pipe *p, bool *packet)
{
	u32 first;

	*packet = false;
	if (!p->segs)
		return p->used;
	first = *seg_at(p, 0);
	*packet = first & SEG_PACKET;
	return first & ~SEG_PACKET;
}

static void seg_consume(struct pipe *p, size_t n)
{
	u32 *first;

	if (!p->segs)
		return;
	first = seg_at(p, 0);
	*first -= (u32)n;
	if (*first & ~SEG_PACKET)
		return;
	p->seg_head = (p->seg_head + 1) % p->seg_cap;
	p->segs--;
}

/* ---- data in and out ---- */

void pipe_wake_readers(struct pipe *p)
{
	wake_up_events(&p->rd_wait, EPOLLIN | EPOLLRDNORM);
}

void pipe_wake_writers(struct pipe *p)
{
	if (pipe_writable(p) || !p->used)
		wake_up_events(&p->wr_wait, EPOLLOUT | EPOLLWRNORM);
}

void pipe_consume(struct pipe *p, size_t n)
{
	seg_consume(p, n);
	p->used -= n;
	p->head = p->used || p->filling ? (p->head + n) & (p->size - 1) : 0;
}

static void pipe_commit(struct pipe *p, size_t n, bool packet)
{
	seg_push(p, n, packet);
	p->used += n;
}

int pipe_append(struct pipe *p, const void *src, size_t n, bool packet)
{
	size_t off = p->used, left = n;

	if (ring_reserve(p, n) || seg_prepare(p, packet))
		return -ENOMEM;
	while (left) {
		size_t len = left;
		u8 *dst = ring_at(p, off, &len);

		memcpy(dst, src, len);
		src = (const u8 *)src + len;
		off += len;
		left -= len;
	}
	pipe_commit(p, n, packet);
	return 0;
}

int pipe_unread(struct pipe *p, const void *src, size_t n)
{
	size_t left = n, off = 0;

	if (ring_reserve(p, n))
		return -ENOMEM;
	p->head = (p->head - n) & (p->size - 1);
	while (left) {
		size_t len = left;
		u8 *dst = ring_at(p, off, &len);

		memcpy(dst, (const u8 *)src + off, len);
		off += len;
		left -= len;
	}
	p->used += n;
	if (p->segs)
		*seg_at(p, 0) += (u32)n;
	return 0;
}

int pipe_wait_data(struct pipe *p, bool nonblock)
{
	int err = 0;

	if (!p->used && p->writers) {
		if (nonblock)
			return -EAGAIN;
		err = wait_event_interruptible(&p->rd_wait, p->used || !p->writers, "pipe_read");
	}
	return err ? err : p->used > 0;
}

static int pipe_broken(void)
{
	send_signal_task(SIGPIPE, NULL, current);
	return -EPIPE;
}

int pipe_wait_room(struct pipe *p, size_t need, bool nonblock)
{
	int err;

	if (!p->readers)
		return pipe_broken();
	if (pipe_room(p) >= need)
		return 0;
	if (nonblock)
		return -EAGAIN;
	err = wait_event_interruptible(&p->wr_wait, pipe_room(p) >= need || !p->readers,
				       "pipe_write");
	if (err)
		return err;
	return p->readers ? 0 : pipe_broken();
}

/* n bytes from the front, not consumed; bytes or -EFAULT. A writer may add, and resize, meanwhile. */
static ssize ring_copy_out(struct pipe *p, struct iter *to, size_t n)
{
	size_t done = 0;

	p->draining = true;
	while (done < n) {
		size_t len = n - done;
		u8 *src = ring_at(p, done, &len);
		ssize got = iter_copy_to(to, src, len);

		if (got > 0)
			done += got;
		if (got != (ssize)len)
			break;
	}
	p->draining = false;
	ring_free_stale(p);
	return done ? (ssize)done : -EFAULT;
}

/* Takes one packet, or plain bytes up to the next one, a chunk at a time. Bytes or -EFAULT. */
static ssize pipe_copy_out(struct pipe *p, struct iter *to)
{
	size_t done = 0;

	while (to->count && p->used) {
		bool packet;
		size_t avail = pipe_readable(p, &packet), n;
		ssize got;

		if (packet && done)
			break;
		n = MIN(avail, to->count);
		got = ring_copy_out(p, to, packet ? n : MIN(n, PIPE_CHUNK));
		if (got < 0)
			return done ? (ssize)done : got;
		pipe_consume(p, packet ? avail : (size_t)got);
		done += got;
		if (wq_active(&p->wr_wait))
			pipe_wake_writers(p);
		if (packet || done >= p->cap)
			break;
	}
	return (ssize)done;
}

static ssize pipe_read(struct file *f, struct iter *to, off64 *pos)
{
	struct pipe *p = f->private;
	ssize ret;

	if (!to->count)
		return 0;
	mutex_lock(&p->rd_lock);
	while (!p->used) {
		mutex_unlock(&p->rd_lock);
		ret = pipe_wait_data(p, f->flags & O_NONBLOCK);
		if (ret <= 0)
			return ret;
		mutex_lock(&p->rd_lock);
	}
	ret = pipe_copy_out(p, to);
	mutex_unlock(&p->rd_lock);
	return ret;
}

/* Puts up to n bytes in, one packet or plain. Bytes, -EFAULT, -ENOMEM. A reader may take meanwhile. */
static ssize pipe_copy_in(struct pipe *p, struct iter *from, size_t n, bool packet)
{
	size_t done = 0;

	if (ring_reserve(p, n) || seg_prepare(p, packet))
		return -ENOMEM;
	p->filling = true;
	while (done < n) {
		size_t len = n - done;
		u8 *dst = ring_at(p, p->used + done, &len);
		ssize got = iter_copy_from(from, dst, len);

		if (got > 0)
			done += got;
		if (got != (ssize)len)
			break;
	}
	p->filling = false;
	if (!done)
		return -EFAULT;
	pipe_commit(p, done, packet);
	return (ssize)done;
}

/* Room that a writer of left more bytes, of total, waits for. */
static size_t pipe_need(size_t left, size_t total, bool nonblock)
{
	if (total > PIPE_BUF_K && nonblock)
		return 1;
	return MIN(left, PIPE_BUF_K);
}

static ssize pipe_write(struct file *f, struct iter *from, off64 *pos)
{
	struct pipe *p = f->private;
	bool packet = f->flags & O_DIRECT, nonblock = f->flags & O_NONBLOCK;
	size_t total = from->count, done = 0;
	ssize ret = 0;

	if (!total)
		return 0;
	mutex_lock(&p->wr_lock);
	while (done < total) {
		size_t need = pipe_need(total - done, total, nonblock), n;

		if (!p->readers || pipe_room(p) < need) {
			mutex_unlock(&p->wr_lock);
			ret = pipe_wait_room(p, need, nonblock);
			mutex_lock(&p->wr_lock);
			if (ret)
				break;
			continue;
		}
		n = MIN(total - done, pipe_room(p));
		ret = pipe_copy_in(p, from, MIN(n, packet ? PIPE_BUF_K : PIPE_CHUNK), packet);
		if (ret < 0)
			break;
		done += ret;
		pipe_wake_readers(p);
	}
	mutex_unlock(&p->wr_lock);
	return done ? (ssize)done : ret;
}

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->private;
	u32 mask = 0;

	if (f->mode & FMODE_READ) {
		poll_wait(f, &p->rd_wait, pt);
		if (p->used)
			mask |= EPOLLIN | EPOLLRDNORM;
		if (!p->writers && f->version != p->w_count)
			mask |= EPOLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		poll_wait(f, &p->wr_wait, pt);
		if (pipe_writable(p))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (!p->readers)
			mask |= EPOLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe *p = f->private;

	if (cmd != FIONREAD)
		return -ENOIOCTLCMD_K;
	return put_user((int)p->used, (uaddr_t)arg);
}

static int pipe_name(struct file *f, char *buf, size_t n)
{
	return snprintf(buf, n, "pipe:[%llu]", (unsigned long long)f->inode->ino);
}

/* ---- life ---- */

static struct pipe *pipe_new(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	mutex_init(&p->rd_lock, "pipe.rd", RANK_PIPE);
	mutex_init(&p->wr_lock, "pipe.wr", RANK_PIPE);
	wq_init(&p->rd_wait);
	wq_init(&p->wr_wait);
	wq_init(&p->open_wait);
	p->cap = PIPE_DEF_SIZE;
	return p;
}

static void pipe_put_file(struct inode *inode, struct pipe *p)
{
	if (--p->files)
		return;
	inode->fifo = NULL;
	kfree(p->buf);
	kfree(p->seg);
	kfree(p);
}

static void pipe_side_gone(struct pipe *p, u32 mode)
{
	if (mode & FMODE_READ)
		p->readers--;
	if (mode & FMODE_WRITE)
		p->writers--;
	if (!p->readers != !p->writers) {
		wake_up_events(&p->rd_wait, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
		wake_up_events(&p->wr_wait, EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP);
	}
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->private;

	pipe_side_gone(p, f->mode);
	pipe_put_file(f->inode, p);
}

static int fifo_wait(struct pipe *p, const u32 *count)
{
	u32 seen = *count;

	return wait_event_interruptible(&p->open_wait, *count != seen, "fifo_open");
}

/* The rendezvous: a reader waits for the first writer and the other way round. */
static int fifo_join(struct pipe *p, struct file *f, bool anonymous)
{
	bool nonblock = f->flags & O_NONBLOCK, rd = f->mode & FMODE_READ, wr = f->mode & FMODE_WRITE;

	if (wr && !rd && !anonymous && nonblock && !p->readers)
		return -ENXIO;
	if (rd) {
		p->readers++;
		p->r_count++;
	}
	if (wr) {
		p->writers++;
		p->w_count++;
	}
	wake_up_all(&p->open_wait);
	if (anonymous || (rd && wr))
		return 0;
	if (rd && !p->writers) {
		if (!nonblock)
			return fifo_wait(p, &p->w_count);
		/* No hang-up is reported until a writer was there. */
		f->version = p->w_count;
	}
	if (wr && !p->readers)
		return fifo_wait(p, &p->r_count);
	return 0;
}

static int fifo_open(struct inode *inode, struct file *f)
{
	struct pipe *p = inode->fifo;
	bool anonymous = inode->sb == anon_super("pipefs");
	int err;

	if (!p) {
		p = pipe_new();
		if (!p)
			return -ENOMEM;
		inode->fifo = p;
	}
	p->files++;
	f->private = p;
	f->version = ~0ULL;
	f->ops = anonymous ? &pipe_ops : &fifo_ops;
	err = fifo_join(p, f, anonymous);
	if (err) {
		if (err != -ENXIO)
			pipe_side_gone(p, f->mode);
		pipe_put_file(inode, p);
	}
	return err;
}

const struct file_ops fifo_ops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.llseek = file_noseek,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.stream = true,
};

static const struct file_ops pipe_ops = {
	.open = fifo_open,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.llseek = file_noseek,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.name = pipe_name,
	.stream = true,
};

static int pipe_inode(struct inode **out)
{
	struct super *sb = anon_super("pipefs");
	struct inode *inode = sb ? inode_new(sb, S_IFIFO | 0600) : NULL;

	if (!inode)
		return -ENOMEM;
	inode->ino = anon_ino();
	inode->nlink = 1;
	inode->fops = &pipe_ops;
	inode->fifo = pipe_new();
	if (!inode->fifo) {
		iput(inode);
		return -ENOMEM;
	}
	*out = inode;
	return 0;
}

int pipe_create(struct file *out[2], u32 flags)
{
	struct inode *inode;
	struct file *rd, *wr;
	struct pipe *p;
	int err = pipe_inode(&inode);

	if (err)
		return err;
	p = inode->fifo;
	flags &= O_NONBLOCK | O_DIRECT;
	p->files = 1;
	err = anon_inode_file(inode, &pipe_ops, p, O_RDONLY | (flags & O_NONBLOCK), &rd);
	if (err) {
		pipe_put_file(inode, p);
		iput(inode);
		return err;
	}
	p->readers = 1;
	rd->version = ~0ULL;
	err = anon_inode_file(iget(inode), &pipe_ops, p, O_WRONLY | flags, &wr);
	if (err) {
		iput(inode);
		fput(rd);
		return err;
	}
	p->files = 2;
	p->writers = 1;
	p->r_count = p->w_count = 1;
	out[0] = rd;
	out[1] = wr;
	return 0;
}

/* ---- size ---- */

struct pipe *file_pipe(const struct file *f)
{
	return f->ops == &pipe_ops || f->ops == &fifo_ops ? f->private : NULL;
}

static long pipe_set_size(struct pipe *p, u64 arg)
{
	size_t size = PAGE_SIZE;
	int err = 0;

	if (arg > 1UL << 31)
		return -EINVAL;
	while (size < arg)
		size *= 2;
	if (size > p->cap && size > pipe_max_size && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&p->wr_lock);
	if (size < p->used + p->resv || size / PAGE_SIZE < p->segs)
		err = -EBUSY;
	else if (p->size > size)
		err = ring_resize(p, size);
	if (!err) {
		p->cap = size;
		pipe_wake_writers(p);
	}
	mutex_unlock(&p->wr_lock);
	return err ? err : (long)size;
}

long pipe_fcntl(struct file *f, u32 cmd, u64 arg)
{
	struct pipe *p = file_pipe(f);

	if (!p)
		return -EBADF;
	return cmd == F_GETPIPE_SZ ? (long)p->cap : pipe_set_size(p, (u32)arg);
}
