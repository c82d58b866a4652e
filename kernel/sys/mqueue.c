/* SPDX-License-Identifier: MIT */
/* System calls of POSIX message queues; the queues are in ipc/mqueue.c. */
#include "sys/sys.h"

#include "abi/fcntl.h"
#include "core/wait.h"
#include "ipc/mqueue.h"
#include "mm/user.h"
#include "sys/arg.h"
#include "sys/timespec.h"

long sys_mq_open(ustr_t uname, uoflags_t flags, umode_t mode, uaddr_t uattr)
{
	struct mq_attr attr;
	const char *name;
	struct file *f;
	int fd, err;

	if (uattr && copy_from_user(&attr, uattr, sizeof(attr)))
		return -EFAULT;
	err = path_from_user(uname, &name);
	if (err)
		return err;
	fd = fd_alloc(0, O_CLOEXEC);
	if (fd < 0)
		return fd;
	err = mq_open(name, flags, mode, uattr ? &attr : NULL, &f);
	if (err) {
		fd_cancel(fd);
		return err;
	}
	fd_install(fd, f);
	return fd;
}

long sys_mq_unlink(ustr_t uname)
{
	const char *name;
	int err = path_from_user(uname, &name);

	return err ? err : mq_unlink(name);
}

/* The time limit is a moment of CLOCK_REALTIME. */
static int get_deadline(uaddr_t ts, ktime_t *out)
{
	ktime_t real;
	int err;

	*out = KTIME_NEVER;
	if (!ts)
		return 0;
	err = get_timespec(&real, ts);
	if (!err)
		*out = real_to_mono(real);
	return err;
}

static long send_on(struct file *f, ubuf_t umsg, size_t len, u32 prio, ktime_t deadline)
{
	struct mq_attr attr;
	struct mq_msg *m;
	void *text;
	int err = mq_getsetattr(f, NULL, &attr);

	if (err || !(f->mode & FMODE_WRITE))
		return -EBADF;
	if (len > (size_t)attr.mq_msgsize)
		return -EMSGSIZE;
	m = mq_msg_alloc(len, prio, &text);
	if (!m)
		return -ENOMEM;
	err = copy_from_user(text, umsg, len);
	if (!err)
		err = mq_send(f, m, deadline);
	if (err)
		mq_msg_free(m);
	return err;
}

long sys_mq_timedsend(ufd_t mq, ubuf_t msg, size_t len, u32 prio, uaddr_t ts)
{
	ktime_t deadline;
	struct file *f;
	long err = get_deadline(ts, &deadline);

	if (err)
		return err;
	if (prio >= MQ_PRIO_MAX)
		return -EINVAL;
	f = fd_get(mq);
	if (!f)
		return -EBADF;
	err = send_on(f, msg, len, prio, deadline);
	fput(f);
	return err;
}

long sys_mq_timedreceive(ufd_t mq, ubuf_t umsg, size_t len, uaddr_t uprio, uaddr_t ts)
{
	ktime_t deadline;
	struct mq_msg *m;
	struct file *f;
	long err = get_deadline(ts, &deadline);

	if (err)
		return err;
	f = fd_get(mq);
	if (!f)
		return -EBADF;
	err = mq_receive(f, len, deadline, &m);
	fput(f);
	if (err)
		return err;
	err = copy_to_user(umsg, mq_msg_text(m), mq_msg_size(m));
	if (!err && uprio)
		err = put_user(mq_msg_prio(m), uprio);
	if (!err)
		err = mq_msg_size(m);
	mq_msg_free(m);
	return err;
}

long sys_mq_notify(ufd_t mq, uaddr_t uevent)
{
	sigevent_t event;
	struct file *f;
	int err;

	if (uevent && copy_from_user(&event, uevent, sizeof(event)))
		return -EFAULT;
	err = uevent ? mq_check_event(&event) : 0;
	if (err)
		return err;
	f = fd_get(mq);
	if (!f)
		return -EBADF;
	err = mq_notify(f, uevent ? &event : NULL);
	fput(f);
	return err;
}

long sys_mq_getsetattr(ufd_t mq, uaddr_t unew, uaddr_t uold)
{
	struct mq_attr new_attr, old;
	struct file *f;
	int err;

	if (unew && copy_from_user(&new_attr, unew, sizeof(new_attr)))
		return -EFAULT;
	f = fd_get(mq);
	if (!f)
		return -EBADF;
	err = mq_getsetattr(f, unew ? &new_attr : NULL, &old);
	fput(f);
	if (!err && uold)
		err = copy_to_user(uold, &old, sizeof(old));
	return err;
}
