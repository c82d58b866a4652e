/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that stand for a process: readable once it is dead.
 */
#include "process/process.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
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

static const struct file_ops pidfd_ops = {
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
