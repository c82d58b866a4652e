/* SPDX-License-Identifier: MIT */
/*
 * A pipe, socket or file of the host as a stream that guest programs read or write: standard input
 * and output of commands from outside. To the guest it looks like a pipe.
 */
#include "control/control.h"

#include <stdio.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "host/host.h"
#include "host/term.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "vfs/vfs.h"

#define CHUNK 65536

struct hostfile {
	struct refcount ref;
	int fd;				/* ours */
	bool out;
	struct host_stream st;
	struct event_source *source;
	struct wait_queue wq;
};

static void hostfile_put(struct hostfile *h)
{
	if (!ref_put(&h->ref))
		return;
	if (h->source)
		event_del(h->source);
	host_stream_close(&h->st);
	host_close(h->fd);
	kfree(h);
}

static void on_event(void *arg, u32 events)
{
	struct hostfile *h = arg;

	wake_up_events(&h->wq, events);
}

static int wait_ready(struct hostfile *h, struct file *f)
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	/* The event comes under the kernel lock, so not between the look and the sleep. */
	return wait_event_interruptible(&h->wq, host_stream_ready(&h->st, h->out), "hostfile");
}

/* Regular files never make one wait for long, but may for a disk. */
static ssize transfer(struct hostfile *h, void *buf, size_t n)
{
	bool block = h->st.kind == HOST_STREAM_FILE;
	ssize r;

	if (block)
		host_block_begin();
	r = h->out ? host_stream_write(&h->st, buf, n) : host_stream_read(&h->st, buf, n);
	if (block)
		host_block_end();
	return r;
}

static ssize hostfile_read(struct file *f, struct iter *to, off64 *pos)
{
	struct hostfile *h = f->private;
	void *buf;
	ssize n, r;
	int err;

	if (h->out)
		return -EBADF;
	for (;;) {
		n = iter_stage_to(to, &buf, MIN(to->count, (size_t)CHUNK));
		if (n <= 0)
			return n;
		r = transfer(h, buf, (size_t)n);
		if (r != -EAGAIN)
			break;
		err = wait_ready(h, f);
		if (err)
			return err;
	}
	if (r <= 0)
		return r == -EIO ? 0 : r;	/* a terminal that went away */
	err = iter_commit_to(to, (size_t)r);
	return err ? err : r;
}

static ssize broken(ssize done)
{
	if (done)
		return done;
	send_signal_task(SIGPIPE, NULL, current);
	return -EPIPE;
}

static ssize hostfile_write(struct file *f, struct iter *from, off64 *pos)
{
	struct hostfile *h = f->private;
	const void *buf;
	ssize done = 0, n, r;
	int err;

	if (!h->out)
		return -EBADF;
	while (from->count) {
		n = iter_stage_from(from, &buf, CHUNK);
		if (n <= 0)
			return done ? done : n;
		r = transfer(h, (void *)buf, (size_t)n);
		if (r == -EPIPE || r == -EIO)
			return broken(done);
		if (r < 0 && r != -EAGAIN)
			return done ? done : r;
		if (r > 0) {
			iter_advance(from, (size_t)r);
			done += r;
			continue;
		}
		err = wait_ready(h, f);
		if (err)
			return done ? done : err;
	}
	return done;
}

static u32 hostfile_poll(struct file *f, struct poll_table *pt)
{
	struct hostfile *h = f->private;

	poll_wait(f, &h->wq, pt);
	if (!host_stream_ready(&h->st, h->out))
		return 0;
	return h->out ? EPOLLOUT | EPOLLWRNORM : EPOLLIN | EPOLLRDNORM;
}

static int hostfile_reopen(struct inode *inode, struct file *f)
{
	struct hostfile *h = inode->private;

	ref_get(&h->ref);
	f->private = h;
	return 0;
}

static void hostfile_release(struct file *f)
{
	hostfile_put(f->private);
}

static int hostfile_name(struct file *f, char *buf, size_t n)
{
	snprintf(buf, n, "pipe:[%lu]", (unsigned long)f->inode->ino);
	return 0;
}

static const struct file_ops hostfile_fops = {
	.open = hostfile_reopen,
	.release = hostfile_release,
	.read = hostfile_read,
	.write = hostfile_write,
	.poll = hostfile_poll,
	.llseek = file_noseek,
	.name = hostfile_name,
	.stream = true,
};

static void hostfile_evict(struct inode *inode)
{
	hostfile_put(inode->private);
}

static const struct inode_ops hostfile_iops = {
	.evict = hostfile_evict,
};

static struct hostfile *hostfile_new(int fd, bool out)
{
	struct hostfile *h = kzalloc(sizeof(*h));

	if (!h)
		return NULL;
	ref_init(&h->ref);
	h->fd = fd;
	h->out = out;
	wq_init(&h->wq);
	if (host_stream_open(fd, out, &h->st)) {
		kfree(h);
		return NULL;
	}
	/* What cannot be watched never makes anybody wait. */
	if (h->st.kind != HOST_STREAM_FILE &&
	    event_add(h->st.fd, out ? EPOLLOUT : EPOLLIN, true, on_event, h, &h->source))
		h->source = NULL;
	return h;
}

/* The inode has one reference to h, each open file another. */
static int make_file(struct hostfile *h, u32 uid, struct file **file)
{
	struct super *sb = anon_super("pipefs");
	struct inode *inode = sb ? inode_new(sb, S_IFIFO | 0600) : NULL;
	int err;

	if (!inode)
		return -ENOMEM;
	inode->ino = anon_ino();
	inode->uid = uid;
	inode->ops = &hostfile_iops;
	inode->fops = &hostfile_fops;
	inode->private = h;
	ref_get(&h->ref);
	ref_get(&h->ref);
	err = anon_inode_file(inode, &hostfile_fops, h, h->out ? O_WRONLY : O_RDONLY, file);
	if (err) {
		hostfile_put(h);
		iput(inode);
	}
	return err;
}

int hostfile_open(int fd, bool out, u32 uid, struct file **file)
{
	struct hostfile *h = hostfile_new(fd, out);
	int err;

	if (!h) {
		host_close(fd);
		return -ENOMEM;
	}
	err = make_file(h, uid, file);
	hostfile_put(h);
	return err;
}
