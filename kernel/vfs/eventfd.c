/* SPDX-License-Identifier: MIT */
/*
 * eventfd: a 64-bit counter behind a descriptor. Writing adds, reading takes everything (or one, with
 * EFD_SEMAPHORE); both wait when they cannot.
 */
#include "vfs/poll.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "lib/alloc.h"
#include "mm/iter.h"

struct eventfd {
	struct wait_queue wq;
	u64 count;
	bool semaphore;
	int id;
};

static ssize eventfd_read(struct file *f, struct iter *to, off64 *pos)
{
	struct eventfd *e = f->private;
	u64 val;
	int err;

	if (to->count < sizeof(val))
		return -EINVAL;
	if (!e->count) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, e->count, "eventfd_read");
		if (err)
			return err;
	}
	val = e->semaphore ? 1 : e->count;
	e->count -= val;
	wake_up_events(&e->wq, EPOLLOUT);
	return iter_copy_to(to, &val, sizeof(val));
}

static ssize eventfd_write(struct file *f, struct iter *from, off64 *pos)
{
	struct eventfd *e = f->private;
	u64 val;
	int err;

	if (from->count < sizeof(val))
		return -EINVAL;
	if (iter_copy_from(from, &val, sizeof(val)) != sizeof(val))
		return -EFAULT;
	if (val == UINT64_MAX)
		return -EINVAL;
	if (UINT64_MAX - e->count <= val) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&e->wq, UINT64_MAX - e->count > val,
					       "eventfd_write");
		if (err)
			return err;
	}
	e->count += val;
	wake_up_events(&e->wq, EPOLLIN);
	return sizeof(val);
}

/* As Linux's eventfd_signal(): may reach the value that writing cannot, which poll calls an error. */
void eventfd_signal(struct file *f)
{
	struct eventfd *e = f->private;

	if (e->count < UINT64_MAX)
		e->count++;
	wake_up_events(&e->wq, EPOLLIN);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private;
	u32 mask = 0;

	poll_wait(f, &e->wq, pt);
	if (e->count > 0)
		mask |= EPOLLIN;
	if (e->count == UINT64_MAX)
		mask |= EPOLLERR;
	if (e->count < UINT64_MAX - 1)
		mask |= EPOLLOUT;
	return mask;
}

static void eventfd_fdinfo(struct file *f, struct seq_buf *s)
{
	struct eventfd *e = f->private;

	seq_printf(s, "eventfd-count: %16llx\neventfd-id: %d\neventfd-semaphore: %d\n",
		   (unsigned long long)e->count, e->id, e->semaphore);
}

static void eventfd_release(struct file *f)
{
	kfree(f->private);
}

static const struct file_ops eventfd_ops = {
	.release = eventfd_release,
	.read = eventfd_read,
	.write = eventfd_write,
	.llseek = file_seek_null,
	.poll = eventfd_poll,
	.fdinfo = eventfd_fdinfo,
	.stream = true,
};

bool file_is_eventfd(const struct file *f)
{
	return f->ops == &eventfd_ops;
}

int eventfd_create(u64 count, u32 flags, struct file **out)
{
	static int last_id;
	struct eventfd *e = kzalloc(sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	wq_init(&e->wq);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	e->id = last_id++;
	err = anon_file("[eventfd]", &eventfd_ops, e, O_RDWR | (flags & EFD_NONBLOCK), out);
	if (err)
		kfree(e);
	return err;
}
