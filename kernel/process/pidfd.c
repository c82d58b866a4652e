/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that stand for a process: readable once it is dead.
 */
#include "process/process.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "core/cred.h"
#include "mm/user.h"
#include "vfs/vfs.h"

static void pidfd_release(struct file *f)
{
	process_put(f->private);
}

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct process *p = f->private;

	poll_wait(f, &p->exit_wq, pt);
	if (!p->leader)
		return POLLIN | POLLRDNORM | POLLHUP;
	return process_is_zombie(p) ? POLLIN | POLLRDNORM : 0;
}

static void pidfd_fdinfo(struct file *f, struct seq_buf *s)
{
	struct process *p = f->private;

	seq_printf(s, "Pid:\t%d\nNSpid:\t%d\n", p->leader ? p->tgid : -1, p->leader ? p->tgid : -1);
}

/* PIDFD_GET_INFO, newer than the headers of Debian 12. What lies behind is zero for callers with more room. */
#define PIDFS_IOCTL_TYPE 0xff
#define PIDFD_INFO_NR 11
enum { PIDFD_INFO_PID = 1, PIDFD_INFO_CREDS = 2, PIDFD_INFO_EXIT = 8 };
struct pidfd_info_k {
	u64 mask, cgroupid;
	u32 pid, tgid, ppid;
	u32 ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int exit_code;
};

static void fill_alive(struct pidfd_info_k *i, const struct process *p)
{
	const struct cred *c = p->leader->cred;

	*i = (struct pidfd_info_k){
		.mask = PIDFD_INFO_PID | PIDFD_INFO_CREDS,
		.pid = (u32)p->tgid, .tgid = (u32)p->tgid,
		.ppid = p->parent ? (u32)p->parent->tgid : 0,
		.ruid = c->uid, .euid = c->euid, .suid = c->suid, .fsuid = c->fsuid,
		.rgid = c->gid, .egid = c->egid, .sgid = c->sgid, .fsgid = c->fsgid,
	};
}

static long get_info(const struct process *p, uaddr_t arg, size_t room)
{
	struct pidfd_info_k i = { 0 };
	u64 asked;
	int err;

	if (!arg || room < sizeof(i))
		return -EINVAL;
	err = get_user(asked, arg);
	if (err)
		return err;
	/* The status is its parent's until that has seen it; then it is all that is left. */
	if (p->leader)
		fill_alive(&i, p);
	else if (asked & PIDFD_INFO_EXIT)
		i = (struct pidfd_info_k){ .mask = PIDFD_INFO_EXIT,
					   .exit_code = p->group_exit_code };
	else
		return -ESRCH;
	err = copy_to_user(arg, &i, sizeof(i));
	return err || room == sizeof(i) ? err : clear_user(arg + sizeof(i), room - sizeof(i));
}

static long pidfd_ioctl(struct file *f, u32 cmd, u64 arg)
{
	if (_IOC_TYPE(cmd) == PIDFS_IOCTL_TYPE && _IOC_NR(cmd) == PIDFD_INFO_NR &&
	    _IOC_DIR(cmd) == (_IOC_READ | _IOC_WRITE))
		return get_info(f->private, arg, _IOC_SIZE(cmd));
	return -ENOTTY;
}

static const struct file_ops pidfd_ops = {
	.ioctl = pidfd_ioctl,
	.release = pidfd_release,
	.llseek = file_noseek,
	.poll = pidfd_poll,
	.fdinfo = pidfd_fdinfo,
	.stream = true,
};

int pidfd_create(struct process *p, u32 flags, struct file **out)
{
	int err = anon_file("[pidfd]", &pidfd_ops, p, flags, out);

	if (!err)
		process_get(p);
	return err;
}

struct process *pidfd_process(struct file *f)
{
	return f->ops == &pidfd_ops ? f->private : NULL;
}

/* A directory /proc/PID names a process, too. */
struct process *pidfd_or_proc_process(struct file *f)
{
	const struct dentry *d = f->path.dentry;
	int pid = 0;

	if (!d || d->parent == d || d->parent != d->sb->root || strcmp(d->sb->type->name, "proc"))
		return pidfd_process(f);
	for (const char *p = d->name; *p; p++) {
		if (*p < '0' || *p > '9' || pid > PID_MAX_DEFAULT)
			return NULL;
		pid = pid * 10 + (*p - '0');
	}
	return find_process(pid);
}
