/* SPDX-License-Identifier: MIT */
/*
 * signalfd: taking pending signals by read(). The signals are those of the task that reads, not
 * of the one that made the descriptor.
 */
#include "vfs/poll.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/iter.h"

struct signalfd {
	sigmask_t mask;
	/* Processes whose queue a poller was put on: they must outlive the registration. */
	struct process **seen;
	unsigned int nseen;
};

static const struct file_ops signalfd_ops;

static void fill_fault(struct signalfd_siginfo *out, const siginfo_t *in)
{
	out->ssi_addr = (u64)(uintptr_t)in->si_addr;
	if (in->si_signo == SIGBUS && (in->si_code == BUS_MCEERR_AR || in->si_code == BUS_MCEERR_AO))
		out->ssi_addr_lsb = in->si_addr_lsb;
}

static void fill_kernel(struct signalfd_siginfo *out, const siginfo_t *in)
{
	switch (in->si_signo) {
	case SIGCHLD:
		out->ssi_pid = in->si_pid;
		out->ssi_uid = in->si_uid;
		out->ssi_status = in->si_status;
		out->ssi_utime = in->si_utime;
		out->ssi_stime = in->si_stime;
		break;
	case SIGILL:
	case SIGFPE:
	case SIGSEGV:
	case SIGBUS:
	case SIGTRAP:
		fill_fault(out, in);
		break;
	case SIGPOLL:
		out->ssi_band = in->si_band;
		out->ssi_fd = in->si_fd;
		break;
	case SIGSYS:
		out->ssi_call_addr = (u64)(uintptr_t)in->si_call_addr;
		out->ssi_syscall = in->si_syscall;
		out->ssi_arch = in->si_arch;
		break;
	}
}

static void fill_siginfo(struct signalfd_siginfo *out, const siginfo_t *in)
{
	memset(out, 0, sizeof(*out));
	out->ssi_signo = in->si_signo;
	out->ssi_errno = in->si_errno;
	out->ssi_code = in->si_code;
	if (in->si_code == SI_TIMER) {
		out->ssi_tid = in->si_tid;
		out->ssi_overrun = in->si_overrun;
		out->ssi_ptr = (u64)(uintptr_t)in->si_ptr;
		out->ssi_int = in->si_int;
	} else if (in->si_code <= 0) {
		out->ssi_pid = in->si_pid;
		out->ssi_uid = in->si_uid;
		if (in->si_code != SI_USER && in->si_code != SI_TKILL) {
			out->ssi_ptr = (u64)(uintptr_t)in->si_ptr;
			out->ssi_int = in->si_int;
		}
	} else if (in->si_code == SI_KERNEL) {
		return;
	} else {
		fill_kernel(out, in);
	}
}

static int signalfd_next(struct file *f, struct signalfd *s, bool wait, siginfo_t *info)
{
	int sig = dequeue_signal(current, ~s->mask, info);
	int err;

	while (!sig) {
		if (!wait || (f->flags & O_NONBLOCK))
			return -EAGAIN;
		err = wait_event_interruptible(&current->proc->signalfd_wq,
					       pending_signals(current) & s->mask,
					       "signalfd_read");
		if (err)
			return err;
		sig = dequeue_signal(current, ~s->mask, info);
	}
	return sig;
}

static ssize signalfd_read(struct file *f, struct iter *to, off64 *pos)
{
	struct signalfd *s = f->private;
	struct signalfd_siginfo out;
	ssize done = 0;
	siginfo_t info;
	int sig;

	if (to->count < sizeof(out))
		return -EINVAL;
	while (to->count >= sizeof(out)) {
		sig = signalfd_next(f, s, !done, &info);
		if (sig < 0)
			return done ? done : sig;
		fill_siginfo(&out, &info);
		if (iter_copy_to(to, &out, sizeof(out)) != sizeof(out))
			return done ? done : -EFAULT;
		done += sizeof(out);
	}
	return done;
}

static bool signalfd_remember(struct signalfd *s, struct process *p)
{
	struct process **new;
	unsigned int i;

	for (i = 0; i < s->nseen; i++)
		if (s->seen[i] == p)
			return true;
	new = krealloc(s->seen, (s->nseen + 1) * sizeof(*new));
	if (!new)
		return false;
	s->seen = new;
	s->seen[s->nseen++] = process_get(p);
	return true;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->private;

	if (!current || !current->proc)
		return 0;
	if (pt && pt->queue && signalfd_remember(s, current->proc))
		poll_wait(f, &current->proc->signalfd_wq, pt);
	return pending_signals(current) & s->mask ? EPOLLIN : 0;
}

static void signalfd_fdinfo(struct file *f, struct seq_buf *s)
{
	seq_printf(s, "sigmask:\t%016llx\n",
		   (unsigned long long)((struct signalfd *)f->private)->mask);
}

static void signalfd_release(struct file *f)
{
	struct signalfd *s = f->private;
	unsigned int i;

	for (i = 0; i < s->nseen; i++)
		process_put(s->seen[i]);
	kfree(s->seen);
	kfree(s);
}

static const struct file_ops signalfd_ops = {
	.release = signalfd_release,
	.read = signalfd_read,
	.llseek = file_seek_null,
	.poll = signalfd_poll,
	.fdinfo = signalfd_fdinfo,
	.stream = true,
};

int signalfd_create(sigmask_t mask, u32 flags, struct file **out)
{
	struct signalfd *s = kzalloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->mask = mask & ~SIG_UNBLOCKABLE;
	err = anon_file("[signalfd]", &signalfd_ops, s, O_RDWR | (flags & O_NONBLOCK), out);
	if (err)
		kfree(s);
	return err;
}

int signalfd_set(struct file *f, sigmask_t mask)
{
	struct signalfd *s = f->private;

	if (f->ops != &signalfd_ops)
		return -EINVAL;
	s->mask = mask & ~SIG_UNBLOCKABLE;
	wake_up(&current->proc->signalfd_wq);
	return 0;
}
