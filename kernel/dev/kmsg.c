/* SPDX-License-Identifier: MIT */
/*
 * /dev/kmsg: the kernel log, one record per read; what is written becomes a record. The place in the
 * log is the file's own (f->private), not a byte position.
 */
#include "dev/dev.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "core/cred.h"
#include "core/log.h"
#include "core/wait.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "vfs/vfs.h"

#define KMSG_RECORD_MAX 8192
#define KMSG_WRITE_MAX 992	/* Linux: a longer message is -EINVAL */

struct kmsg_reader {
	u64 seq;
};

static int kmsg_open(struct inode *inode, struct file *f)
{
	struct kmsg_reader *r;

	if (!(f->mode & FMODE_READ))
		return 0;
	r = kzalloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->seq = log_first_seq();
	f->private = r;
	return 0;
}

static void kmsg_release(struct file *f)
{
	kfree(f->private);
}

static ssize kmsg_read(struct file *f, struct iter *to, off64 *pos)
{
	struct kmsg_reader *r = f->private;
	ssize n = 0;
	char *buf;
	int err;

	if (!r)
		return -EBADF;
	if (r->seq >= log_next_seq()) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(log_wait_queue(), r->seq < log_next_seq(), "kmsg");
		if (err)
			return err;
	}
	buf = kmalloc(KMSG_RECORD_MAX);
	if (!buf)
		return -ENOMEM;
	n = log_read(&r->seq, buf, MIN(to->count, (size_t)KMSG_RECORD_MAX), true);
	if (n == -ENOBUFS)
		n = -EINVAL;
	else if (!n)
		n = -EAGAIN;
	else if (n > 0)
		n = iter_copy_to(to, buf, n);
	kfree(buf);
	return n;
}

/* "<N>" in front gives facility and level. */
static const char *kmsg_level(const char *s, int *level)
{
	unsigned int n = 0;
	const char *p = s + 1;

	*level = LOG_WARNING;
	if (*s != '<')
		return s;
	while (*p >= '0' && *p <= '9' && n < 100000)
		n = n * 10 + (*p++ - '0');
	if (p == s + 1 || *p != '>')
		return s;
	*level = n & 7;
	return p + 1;
}

static ssize kmsg_write(struct file *f, struct iter *from, off64 *pos)
{
	char line[KMSG_WRITE_MAX + 1];
	size_t len = from->count;
	const char *text;
	int level;
	ssize n;

	if (len > KMSG_WRITE_MAX)
		return -EINVAL;
	n = iter_copy_from(from, line, len);
	if (n < (ssize)len)
		return -EFAULT;
	line[n] = 0;
	text = kmsg_level(line, &level);
	log_at(level, "%s", text);
	return len;
}

static off64 kmsg_llseek(struct file *f, off64 off, int whence)
{
	struct kmsg_reader *r = f->private;

	if (!r)
		return -EBADF;
	if (off)
		return -ESPIPE;
	switch (whence) {
	case SEEK_SET:
	case SEEK_DATA:		/* after the last "clear": we keep no such mark */
		r->seq = log_first_seq();
		return 0;
	case SEEK_END:
		r->seq = log_next_seq();
		return 0;
	}
	return -EINVAL;
}

static u32 kmsg_poll(struct file *f, struct poll_table *pt)
{
	struct kmsg_reader *r = f->private;

	if (!r)
		return EPOLLOUT | EPOLLWRNORM;
	poll_wait(f, log_wait_queue(), pt);
	if (r->seq < log_first_seq())
		return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLPRI;
	return r->seq < log_next_seq() ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct file_ops kmsg_fops = {
	.open = kmsg_open,
	.release = kmsg_release,
	.read = kmsg_read,
	.write = kmsg_write,
	.llseek = kmsg_llseek,
	.poll = kmsg_poll,
};
