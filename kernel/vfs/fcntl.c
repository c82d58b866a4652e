/* SPDX-License-Identifier: MIT */
/*
 * fcntl() and ioctl() on open files, as far as the VFS answers them: status flags, owner and signal of
 * asynchronous I/O, pipe sizes, seals, hints.
 *
 * O_ASYNC needs nothing from drivers: a file that has it is polled by a callback on its wait queues, which
 * sends the owner SIGIO.
 */
#include "vfs/vfs.h"

#include <string.h>

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/stat.h"
#include "abi/tty.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/user.h"
#include "vfs/file.h"
#include "vfs/pipe.h"

#define FASYNC_MAX_QUEUES 4
#define F_CREATED_QUERY_K (F_LINUX_SPECIFIC_BASE + 4)
#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_NDELAY | O_DIRECT | O_NOATIME)

/* ---- SIGIO ---- */

struct fasync {
	struct poll_table pt;
	struct file *file;		/* borrowed: ends with the file */
	int fd;
	unsigned int n;
	struct wait_entry we[FASYNC_MAX_QUEUES];
};

static bool owner_may_signal(const struct file *f, const struct task *t)
{
	const struct cred *c = t->cred;

	return !f->owner.euid || f->owner.euid == c->suid || f->owner.euid == c->uid ||
	       f->owner.uid == c->suid || f->owner.uid == c->uid;
}

static void sigio_fill(siginfo_t *info, int sig, int fd, u32 events)
{
	static const struct {
		u32 events;
		int code;
	} codes[] = {
		{ EPOLLHUP, POLL_HUP }, { EPOLLERR, POLL_ERR }, { EPOLLPRI, POLL_PRI },
		{ EPOLLIN, POLL_IN }, { EPOLLOUT, POLL_OUT }, { EPOLLMSG, POLL_MSG },
	};
	unsigned int i;

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_fd = fd;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		if (events & codes[i].events) {
			info->si_code = codes[i].code;
			info->si_band = events;
			return;
		}
	}
	info->si_code = POLL_IN;
	info->si_band = EPOLLIN;
}

static void sigio_task(const struct file *f, struct task *t, const siginfo_t *info, bool thread)
{
	if (!owner_may_signal(f, t))
		return;
	/* Queued with details when a signal was chosen; plain SIGIO when not, or when the queue is full. */
	if (thread) {
		if (!f->owner.sig || send_signal_task(f->owner.sig, info, t))
			send_signal_task(SIGIO, NULL, t);
	} else if (!f->owner.sig || send_signal_process(f->owner.sig, info, t->proc)) {
		send_signal_process(SIGIO, NULL, t->proc);
	}
}

void file_send_sigio(struct file *f, int fd, u32 events)
{
	struct process *p;
	struct pgrp *pg;
	struct task *t;
	siginfo_t info;

	sigio_fill(&info, f->owner.sig ? f->owner.sig : SIGIO, fd, events);
	switch (f->owner.pid_type) {
	case F_OWNER_TID:
		t = find_task(f->owner.pid);
		if (t && t->proc)
			sigio_task(f, t, &info, true);
		break;
	case F_OWNER_PID:
		p = find_process(f->owner.pid);
		if (p && p->leader)
			sigio_task(f, p->leader, &info, false);
		break;
	case F_OWNER_PGRP:
		pg = find_pgrp(f->owner.pid);
		if (!pg)
			break;
		list_for_each(p, &pg->procs, pgrp_node)
			if (p->leader)
				sigio_task(f, p->leader, &info, false);
		break;
	}
}

static bool fasync_wake(struct wait_entry *we, u32 events)
{
	struct fasync *fa = we->private;

	if (!events)
		events = vfs_poll(fa->file, NULL);
	if (fa->file->owner.pid && events)
		file_send_sigio(fa->file, fa->fd, events);
	return false;
}

static void fasync_queue(struct poll_table *pt, struct file *f, struct wait_queue *wq)
{
	struct fasync *fa = container_of(pt, struct fasync, pt);
	struct wait_entry *we;

	if (fa->n == FASYNC_MAX_QUEUES)
		return;
	we = &fa->we[fa->n++];
	list_init(&we->node);
	we->fn = fasync_wake;
	we->private = fa;
	wq_add(wq, we);
}

void fasync_free(struct file *f)
{
	struct fasync *fa = f->fasync;
	unsigned int i;

	if (!fa)
		return;
	for (i = 0; i < fa->n; i++)
		wq_remove(&fa->we[i]);
	f->fasync = NULL;
	kfree(fa);
}

static int fasync_set(struct file *f, bool on)
{
	struct fasync *fa;

	if (!on) {
		fasync_free(f);
		return 0;
	}
	if (f->fasync || !f->ops->poll)
		return 0;
	fa = kzalloc(sizeof(*fa));
	if (!fa)
		return -ENOMEM;
	fa->file = f;
	fa->fd = files_fd_of(current->files, f);
	fa->pt.queue = fasync_queue;
	fa->pt.key = ~0u;
	f->fasync = fa;
	vfs_poll(f, &fa->pt);
	return 0;
}

void file_set_owner(struct file *f, int type, int pid)
{
	f->owner.pid_type = type;
	f->owner.pid = pid;
	f->owner.uid = current_cred()->uid;
	f->owner.euid = current_cred()->euid;
}

static long fcntl_setown(struct file *f, u64 arg)
{
	int who = (int)arg;

	if (who == INT32_MIN)
		return -EINVAL;
	if (who > 0 && !find_process(who) && !find_task(who))
		return -ESRCH;
	if (who < 0 && !find_pgrp(-who))
		return -ESRCH;
	file_set_owner(f, who < 0 ? F_OWNER_PGRP : F_OWNER_PID, who < 0 ? -who : who);
	return 0;
}

static long fcntl_getown(struct file *f, u64 arg)
{
	return f->owner.pid_type == F_OWNER_PGRP ? -f->owner.pid : f->owner.pid;
}

static long fcntl_setown_ex(struct file *f, u64 arg)
{
	struct f_owner_ex ex;
	bool found;

	if (get_user(ex, (uaddr_t)arg))
		return -EFAULT;
	switch (ex.type) {
	case F_OWNER_TID:
		found = find_task(ex.pid);
		break;
	case F_OWNER_PID:
		found = find_process(ex.pid);
		break;
	case F_OWNER_PGRP:
		found = find_pgrp(ex.pid);
		break;
	default:
		return -EINVAL;
	}
	if (ex.pid && !found)
		return -ESRCH;
	file_set_owner(f, ex.type, ex.pid);
	return 0;
}

static long fcntl_getown_ex(struct file *f, u64 arg)
{
	struct f_owner_ex ex = { .type = f->owner.pid_type, .pid = f->owner.pid };

	return put_user(ex, (uaddr_t)arg);
}

static long fcntl_getowner_uids(struct file *f, u64 arg)
{
	u32 ids[2] = { f->owner.uid, f->owner.euid };

	return copy_to_user((uaddr_t)arg, ids, sizeof(ids));
}

static long fcntl_setsig(struct file *f, u64 arg)
{
	if (arg > NSIG_K)
		return -EINVAL;
	f->owner.sig = (int)arg;
	return 0;
}

static long fcntl_getsig(struct file *f, u64 arg)
{
	return f->owner.sig;
}

/* ---- flags ---- */

int file_set_flags(struct file *f, u32 flags)
{
	int err = 0;

	/* Only the owner may stop access times from being kept. */
	if ((flags & ~f->flags & O_NOATIME) && f->inode && f->inode->uid != current_cred()->fsuid &&
	    !capable(CAP_FOWNER))
		return -EPERM;
	if ((f->flags ^ flags) & FASYNC)
		err = fasync_set(f, flags & FASYNC);
	if (!err && f->ops->setfl)
		err = f->ops->setfl(f, (f->flags & ~SETFL_MASK) | (flags & SETFL_MASK));
	if (err)
		return err;
	if ((f->flags ^ flags) & O_APPEND && f->inode)
		served_revoke(f->inode);
	f->flags = (f->flags & ~(SETFL_MASK | FASYNC)) | (flags & (SETFL_MASK | FASYNC));
	return 0;
}

static long fcntl_getfl(struct file *f, u64 arg)
{
	return f->flags;
}

static long fcntl_setfl(struct file *f, u64 arg)
{
	return file_set_flags(f, (u32)arg);
}

/* ---- leases, notification, hints ---- */

static long fcntl_getlease(struct file *f, u64 arg)
{
	return lease_get(f);
}

static long fcntl_setlease(struct file *f, u64 arg)
{
	return lease_set(f, arg);
}

static long fcntl_notify(struct file *f, u64 arg)
{
	return dnotify_set(f, (u32)arg);
}

static long fcntl_created(struct file *f, u64 arg)
{
	return !!(f->mode & FMODE_CREATED);
}

/* Write life-time hints are accepted and forgotten. */
static long fcntl_get_hint(struct file *f, u64 arg)
{
	return put_user((u64)0, (uaddr_t)arg);
}

static long fcntl_set_hint(struct file *f, u64 arg)
{
	u64 hint;

	if (get_user(hint, (uaddr_t)arg))
		return -EFAULT;
	return hint > RWH_WRITE_LIFE_EXTREME ? -EINVAL : 0;
}

static long fcntl_get_pipe(struct file *f, u64 arg)
{
	return pipe_fcntl(f, F_GETPIPE_SZ, arg);
}

static long fcntl_set_pipe(struct file *f, u64 arg)
{
	return pipe_fcntl(f, F_SETPIPE_SZ, arg);
}

static long fcntl_get_seals(struct file *f, u64 arg)
{
	return memfd_fcntl(f, F_GET_SEALS, arg);
}

static long fcntl_add_seals(struct file *f, u64 arg)
{
	return memfd_fcntl(f, F_ADD_SEALS, arg);
}

static const struct {
	u32 cmd;
	long (*fn)(struct file *f, u64 arg);
} fcntl_table[] = {
	{ F_GETFL, fcntl_getfl },
	{ F_SETFL, fcntl_setfl },
	{ F_SETOWN, fcntl_setown },
	{ F_GETOWN, fcntl_getown },
	{ F_SETOWN_EX, fcntl_setown_ex },
	{ F_GETOWN_EX, fcntl_getown_ex },
	{ F_GETOWNER_UIDS, fcntl_getowner_uids },
	{ F_SETSIG, fcntl_setsig },
	{ F_GETSIG, fcntl_getsig },
	{ F_GETLEASE, fcntl_getlease },
	{ F_SETLEASE, fcntl_setlease },
	{ F_NOTIFY, fcntl_notify },
	{ F_CREATED_QUERY_K, fcntl_created },
	{ F_GETPIPE_SZ, fcntl_get_pipe },
	{ F_SETPIPE_SZ, fcntl_set_pipe },
	{ F_GET_SEALS, fcntl_get_seals },
	{ F_ADD_SEALS, fcntl_add_seals },
	{ F_GET_RW_HINT, fcntl_get_hint },
	{ F_SET_RW_HINT, fcntl_set_hint },
	{ F_GET_FILE_RW_HINT, fcntl_get_hint },
	{ F_SET_FILE_RW_HINT, fcntl_set_hint },
};

long file_fcntl(struct file *f, u32 cmd, u64 arg)
{
	unsigned int i;

	if ((f->mode & FMODE_PATH) && cmd != F_GETFL)
		return -EBADF;
	for (i = 0; i < ARRAY_SIZE(fcntl_table); i++)
		if (fcntl_table[i].cmd == cmd)
			return fcntl_table[i].fn(f, arg);
	return -EINVAL;
}

/* ---- ioctl ---- */

static long ioctl_flag(struct file *f, u64 arg, u32 flag)
{
	int on;

	if (get_user(on, (uaddr_t)arg))
		return -EFAULT;
	return file_set_flags(f, on ? f->flags | flag : f->flags & ~flag);
}

/* What every regular file and directory answers. */
static long ioctl_plain(struct file *f, u32 cmd, u64 arg)
{
	struct kstat st;
	int err;

	if (!f->inode || (!S_ISREG(f->inode->mode) && !S_ISDIR(f->inode->mode)))
		return -ENOTTY;
	if (cmd == FICLONE || cmd == FICLONERANGE)
		return -EOPNOTSUPP;
	if (cmd != FIONREAD && cmd != FIGETBSZ && cmd != FIOQSIZE)
		return -ENOTTY;
	err = inode_getattr(f->inode, &st);
	if (err)
		return err;
	if (cmd == FIGETBSZ)
		return put_user((int)st.blksize, (uaddr_t)arg);
	if (cmd == FIOQSIZE)
		return put_user((s64)st.size, (uaddr_t)arg);
	if (!S_ISREG(f->inode->mode))
		return -ENOTTY;
	return put_user((int)((off64)st.size - file_pos(f)), (uaddr_t)arg);
}

long file_ioctl(struct file *f, u32 cmd, u64 arg)
{
	long ret = -ENOIOCTLCMD_K;

	if (f->mode & FMODE_PATH)
		return -EBADF;
	if (cmd == FIONBIO)
		return ioctl_flag(f, arg, O_NONBLOCK);
	if (cmd == FIOASYNC)
		return ioctl_flag(f, arg, FASYNC);
	if (f->ops->ioctl)
		ret = f->ops->ioctl(f, cmd, arg);
	if (ret == -ENOIOCTLCMD_K)
		ret = ioctl_plain(f, cmd, arg);
	return ret;
}
