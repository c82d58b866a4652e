/* SPDX-License-Identifier: MIT */
/*
 * Leases (F_SETLEASE): the holder is told by a signal before somebody opens the file in a way that
 * conflicts, and has some time to give the lease up; meanwhile the other open() waits.
 */
#include "vfs/vfs.h"

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "lib/alloc.h"
#include "vfs/file.h"

#define BREAK_TIME (45 * NSEC_PER_SEC)		/* fs.lease-break-time */

struct lease {
	struct list_head node;
	struct file *file;			/* borrowed */
	int fd, type;				/* F_RDLCK, F_WRLCK */
	int target;				/* while breaking: what it must become; else equal to type */
	ktime_t deadline;			/* while breaking */
};

struct lease_list {
	struct list_head leases;
	struct wait_queue wq;			/* those who wait for a break */
	int waiters;
};

static struct lease *lease_find(const struct lease_list *l, const struct file *f)
{
	struct lease *it;

	list_for_each(it, &l->leases, node)
		if (it->file == f)
			return it;
	return NULL;
}

static void list_put_if_empty(struct inode *inode)
{
	struct lease_list *l = inode->leases;

	if (!l || l->waiters || !list_empty(&l->leases))
		return;
	inode->leases = NULL;
	kfree(l);
}

static void lease_drop(struct inode *inode, struct lease *it)
{
	list_del_init(&it->node);
	kfree(it);
	wake_up_all(&((struct lease_list *)inode->leases)->wq);
}

void lease_free(struct file *f)
{
	struct lease *it = lease_find(f->inode->leases, f);

	if (it)
		lease_drop(f->inode, it);
	list_put_if_empty(f->inode);
}

int lease_get(struct file *f)
{
	struct lease *it = f->inode && f->inode->leases ? lease_find(f->inode->leases, f) : NULL;

	return it ? it->target : F_UNLCK;
}

static int lease_allowed(const struct file *f, int type)
{
	const struct inode *inode = f->inode;
	const struct lease_list *l = inode->leases;
	struct lease *it;

	if (type == F_RDLCK && inode->writers > 0)
		return -EAGAIN;
	if (type == F_WRLCK && inode->opens > 1)
		return -EAGAIN;
	if (l)
		list_for_each(it, &l->leases, node)
			if (it->file != f && (type == F_WRLCK || it->target != F_RDLCK))
				return -EAGAIN;
	return 0;
}

static struct lease_list *list_get(struct inode *inode)
{
	struct lease_list *l = inode->leases;

	if (l)
		return l;
	l = kzalloc(sizeof(*l));
	if (!l)
		return NULL;
	list_init(&l->leases);
	wq_init(&l->wq);
	inode->leases = l;
	return l;
}

static int lease_take(struct file *f, int type)
{
	struct lease_list *l = list_get(f->inode);
	struct lease *it = l ? lease_find(l, f) : NULL;

	if (l && !it) {
		it = kzalloc(sizeof(*it));
		if (it)
			list_add_tail(&it->node, &l->leases);
		else
			list_put_if_empty(f->inode);
	}
	if (!it)
		return -ENOMEM;
	it->file = f;
	it->fd = files_fd_of(current->files, f);
	it->type = it->target = type;
	if (!f->owner.pid)
		file_set_owner(f, F_OWNER_PID, current->proc->tgid);
	wake_up_all(&l->wq);
	return 0;
}

int lease_set(struct file *f, u64 type)
{
	int err;

	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (!f->inode || !S_ISREG(f->inode->mode))
		return -EINVAL;
	if (f->inode->uid != current_cred()->fsuid && !capable(CAP_LEASE))
		return -EACCES;
	if (type == F_UNLCK) {
		if (!f->inode->leases || !lease_find(f->inode->leases, f))
			return -EAGAIN;
		lease_free(f);
		return 0;
	}
	err = lease_allowed(f, (int)type);
	return err ? err : lease_take(f, (int)type);
}

/* A lease that stands in the way; starts to break it. NULL: none. */
static struct lease *lease_conflict(struct inode *inode, bool write)
{
	struct lease_list *l = inode->leases;
	struct lease *it;

	if (!l)
		return NULL;
	list_for_each(it, &l->leases, node) {
		if (it->type == F_RDLCK && !write)
			continue;
		if (it->target == it->type || (write && it->target != F_UNLCK)) {
			it->target = write ? F_UNLCK : F_RDLCK;
			it->deadline = ktime_get() + BREAK_TIME;
			file_send_sigio(it->file, it->fd, EPOLLMSG);
		}
		return it;
	}
	return NULL;
}

int lease_break(struct inode *inode, u32 flags)
{
	bool write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
	struct lease_list *l;
	struct lease *it;
	int err = 0;

	while (!err && (it = lease_conflict(inode, write))) {
		if (flags & O_NONBLOCK)
			return -EWOULDBLOCK;
		l = inode->leases;
		l->waiters++;
		err = wq_sleep(&l->wq, WAIT_INTERRUPTIBLE, it->deadline, "lease_break");
		l->waiters--;
		if (err == -ETIME) {
			/* Time is over: the lease ends without its holder. */
			it = lease_conflict(inode, write);
			if (it && it->deadline <= ktime_get())
				lease_drop(inode, it);
			err = 0;
		}
	}
	list_put_if_empty(inode);
	return err;
}
