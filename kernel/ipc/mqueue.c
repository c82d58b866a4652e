/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: messages by priority, oldest first among equals. A queue lives as long as it
 * has a name or a descriptor.
 */
#include "ipc/mqueue.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/poll.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/wait.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "vfs/vfs.h"

#define HARD_MSGS 65536
#define HARD_SIZE (16 * 1024 * 1024)

struct mq_msg {
	struct list_head node;
	u32 prio;
	size_t size;
	char text[];
};

struct mqueue {
	struct refcount ref;		/* the name, each open file */
	struct list_head node;		/* in queues, while named */
	char *name;
	u32 uid, gid, mode;
	long max, size;
	struct list_head msgs;
	long count;
	u64 bytes;
	struct wait_queue wq;
	int receivers;			/* that sleep in mq_receive: no notification then */
	int notify_pid;			/* 0: nobody */
	sigevent_t notify;
};

static LIST_HEAD(queues);
static int nqueues;

static void queue_put(struct mqueue *q)
{
	if (!ref_put(&q->ref))
		return;
	while (!list_empty(&q->msgs)) {
		struct mq_msg *m = list_first(&q->msgs, struct mq_msg, node);

		list_del_init(&m->node);
		kfree(m);
	}
	nqueues--;
	kfree(q->name);
	kfree(q);
}

/* --- the file --- */

static void mq_release(struct file *f)
{
	queue_put(f->private);
}

/* A process that closes a descriptor of the queue gets no notification any more. */
static int mq_flush(struct file *f)
{
	struct mqueue *q = f->private;

	if (q->notify_pid && current->proc && q->notify_pid == current->proc->tgid)
		q->notify_pid = 0;
	return 0;
}

static u32 mq_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = f->private;
	u32 mask = 0;

	poll_wait(f, &q->wq, pt);
	if (q->count)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (q->count < q->max)
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static ssize mq_read(struct file *f, struct iter *to, off64 *pos)
{
	struct mqueue *q = f->private;
	char line[80];
	int signo = q->notify_pid && q->notify.sigev_notify == SIGEV_SIGNAL ?
		    q->notify.sigev_signo : 0;
	ssize n = snprintf(line, sizeof(line), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d "
			   "NOTIFY_PID:%-6d\n", (unsigned long)q->bytes,
			   q->notify_pid ? q->notify.sigev_notify : 0, signo, q->notify_pid);

	if (*pos >= n)
		return 0;
	n = iter_copy_to(to, line + *pos, n - *pos);
	if (n > 0)
		*pos += n;
	return n;
}

static const struct file_ops mq_ops = {
	.release = mq_release,
	.flush = mq_flush,
	.read = mq_read,
	.poll = mq_poll,
};

static struct mqueue *file_queue(const struct file *f)
{
	return f->ops == &mq_ops ? f->private : NULL;
}

/* --- names --- */

static struct mqueue *find(const char *name)
{
	struct mqueue *q;

	list_for_each(q, &queues, node) {
		if (!strcmp(q->name, name))
			return q;
	}
	return NULL;
}

static int check_attr(const struct mq_attr *a)
{
	bool privileged = capable(CAP_SYS_RESOURCE);
	long msgs = privileged ? HARD_MSGS : sysctl.mq_msg_max;
	long size = privileged ? HARD_SIZE : sysctl.mq_msgsize_max;

	if (a->mq_maxmsg <= 0 || a->mq_msgsize <= 0)
		return -EINVAL;
	return a->mq_maxmsg > msgs || a->mq_msgsize > size ? -EINVAL : 0;
}

static int create(const char *name, u32 mode, const struct mq_attr *attr, struct mqueue **out)
{
	struct mqueue *q;
	int err = attr ? check_attr(attr) : 0;

	if (err)
		return err;
	if (nqueues >= sysctl.mq_queues_max && !capable(CAP_SYS_RESOURCE))
		return -ENOSPC;
	q = kzalloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->name = kstrdup(name);
	if (!q->name) {
		kfree(q);
		return -ENOMEM;
	}
	ref_init(&q->ref);
	wq_init(&q->wq);
	list_init(&q->msgs);
	q->uid = current_cred()->fsuid;
	q->gid = current_cred()->fsgid;
	q->mode = mode & 0777 & ~current->fs->umask;
	q->max = attr ? attr->mq_maxmsg : MIN(sysctl.mq_msg_default, sysctl.mq_msg_max);
	q->size = attr ? attr->mq_msgsize : MIN(sysctl.mq_msgsize_default, sysctl.mq_msgsize_max);
	list_add(&q->node, &queues);
	nqueues++;
	*out = q;
	return 0;
}

static int check_rights(const struct mqueue *q, u32 flags)
{
	static const u32 need[] = { 4, 2, 6, 6 };
	const struct cred *c = current_cred();
	u32 have = q->mode;

	if (c->fsuid == q->uid)
		have >>= 6;
	else if (cred_in_group(c, q->gid))
		have >>= 3;
	if (!(need[flags & O_ACCMODE] & ~have) || capable(CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

static int check_name(const char *name)
{
	if (!*name)
		return -ENOENT;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	return strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ? -EACCES : 0;
}

int mq_open(const char *name, u32 flags, u32 mode, const struct mq_attr *attr, struct file **out)
{
	struct mqueue *q = find(name);
	int err = check_name(name);

	if (err)
		return err;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (q && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (!q && !(flags & O_CREAT))
		return -ENOENT;
	err = q ? check_rights(q, flags) : create(name, mode, attr, &q);
	if (err)
		return err;
	err = anon_file("mqueue", &mq_ops, q, flags & (O_ACCMODE | O_NONBLOCK), out);
	if (!err)
		ref_get(&q->ref);
	return err;
}

int mq_unlink(const char *name)
{
	struct mqueue *q = find(name);
	int err = check_name(name);

	if (err)
		return err;
	if (!q)
		return -ENOENT;
	/* The directory of queues is sticky: only the owner takes a name away. */
	if (current_cred()->fsuid != q->uid && !capable(CAP_FOWNER))
		return -EACCES;
	list_del_init(&q->node);
	queue_put(q);
	return 0;
}

/* --- messages --- */

struct mq_msg *mq_msg_alloc(size_t n, u32 prio, void **text)
{
	struct mq_msg *m = kmalloc(sizeof(*m) + n);

	if (!m)
		return NULL;
	m->size = n;
	m->prio = prio;
	*text = m->text;
	return m;
}

void mq_msg_free(struct mq_msg *m)
{
	kfree(m);
}

size_t mq_msg_size(const struct mq_msg *m)
{
	return m->size;
}

u32 mq_msg_prio(const struct mq_msg *m)
{
	return m->prio;
}

const void *mq_msg_text(const struct mq_msg *m)
{
	return m->text;
}

/* The first message of an empty queue that nobody waits for: tell who asked, once. */
static void notify(struct mqueue *q)
{
	struct process *p = q->notify_pid ? find_process(q->notify_pid) : NULL;
	siginfo_t info;

	q->notify_pid = 0;
	if (!p || q->notify.sigev_notify != SIGEV_SIGNAL)
		return;
	siginfo_user(&info, q->notify.sigev_signo, SI_MESGQ);
	info.si_value = q->notify.sigev_value;
	send_signal_process(q->notify.sigev_signo, &info, p);
}

static void enqueue(struct mqueue *q, struct mq_msg *m)
{
	struct mq_msg *at;

	list_for_each(at, &q->msgs, node) {
		if (at->prio < m->prio)
			break;
	}
	list_add_tail(&m->node, &at->node);	/* before at; the head when none is lower */
	q->bytes += m->size;
	if (q->count++ == 0 && !q->receivers && q->notify_pid)
		notify(q);
	wake_up_events(&q->wq, EPOLLIN | EPOLLRDNORM);
}

static int wait_result(int err)
{
	return err == -ETIME ? -ETIMEDOUT : err;
}

int mq_send(struct file *f, struct mq_msg *m, s64 deadline)
{
	struct mqueue *q = file_queue(f);
	int err = 0;

	if (!q || !(f->mode & FMODE_WRITE))
		return -EBADF;
	if (m->size > (size_t)q->size)
		return -EMSGSIZE;
	if (q->count >= q->max && f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (q->count >= q->max)
		err = wait_event_interruptible_timeout(&q->wq, q->count < q->max, deadline,
						       "mq_send");
	if (!err)
		enqueue(q, m);
	return wait_result(err);
}

int mq_receive(struct file *f, size_t room, s64 deadline, struct mq_msg **out)
{
	struct mqueue *q = file_queue(f);
	struct mq_msg *m;
	int err = 0;

	if (!q || !(f->mode & FMODE_READ))
		return -EBADF;
	if (room < (size_t)q->size)
		return -EMSGSIZE;
	if (!q->count && f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (!q->count) {
		q->receivers++;
		err = wait_event_interruptible_timeout(&q->wq, q->count, deadline, "mq_receive");
		q->receivers--;
	}
	if (err)
		return wait_result(err);
	m = list_first(&q->msgs, struct mq_msg, node);
	list_del_init(&m->node);
	q->bytes -= m->size;
	q->count--;
	wake_up_events(&q->wq, EPOLLOUT | EPOLLWRNORM);
	*out = m;
	return 0;
}

int mq_check_event(const sigevent_t *event)
{
	if (event->sigev_notify != SIGEV_NONE && event->sigev_notify != SIGEV_SIGNAL &&
	    event->sigev_notify != SIGEV_THREAD)
		return -EINVAL;
	if (event->sigev_notify == SIGEV_SIGNAL &&
	    (event->sigev_signo < 0 || event->sigev_signo > NSIG_K))
		return -EINVAL;
	return 0;
}

int mq_notify(struct file *f, const sigevent_t *event)
{
	struct mqueue *q = file_queue(f);

	if (!q)
		return -EBADF;
	if (!event) {
		mq_flush(f);
		return 0;
	}
	/* The C library's threads are woken through a netlink socket: there is none. */
	if (event->sigev_notify == SIGEV_THREAD)
		return -EBADF;
	if (q->notify_pid)
		return -EBUSY;
	q->notify = *event;
	q->notify_pid = current->proc->tgid;
	return 0;
}

int mq_getsetattr(struct file *f, const struct mq_attr *new_attr, struct mq_attr *old)
{
	struct mqueue *q = file_queue(f);

	if (new_attr && new_attr->mq_flags & ~(long)O_NONBLOCK)
		return -EINVAL;
	if (!q)
		return -EBADF;
	memset(old, 0, sizeof(*old));
	old->mq_maxmsg = q->max;
	old->mq_msgsize = q->size;
	old->mq_curmsgs = q->count;
	old->mq_flags = f->flags & O_NONBLOCK;
	if (new_attr)
		f->flags = (f->flags & ~O_NONBLOCK) | (new_attr->mq_flags & O_NONBLOCK);
	return 0;
}
