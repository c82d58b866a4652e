/* SPDX-License-Identifier: MIT */
/*
 * Signal calls: dispositions, masks, sending, waiting, the alternate stack.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/time.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "guest/guest.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/sys.h"
#include "sys/timespec.h"
#include "vfs/vfs.h"

static bool sig_valid(int sig)
{
	return sig >= 1 && sig <= NSIG_K;
}

/* ---- dispositions and masks ---- */

/* As the guest lays it out. */
struct user_sigaction {
	uaddr_t handler;
	u64 flags;
	uaddr_t restorer;
	u64 mask;
};

/* A signal that is now ignored is forgotten where it is pending, blocked or not. */
static void flush_if_ignored(struct process *p, int sig)
{
	struct task *t;

	if (!sig_ignored(current, sig))
		return;
	sigqueue_flush_sig(&p->shared_pending, SIGBIT(sig));
	list_for_each(t, &p->threads, thread_node) {
		sigqueue_flush_sig(&t->pending, SIGBIT(sig));
		recalc_sigpending(t);
	}
}

long sys_rt_sigaction(int sig, uaddr_t act, uaddr_t oldact, size_t sigsetsize)
{
	struct sighand *sh = current->proc->sighand;
	struct user_sigaction new, old;
	struct sigaction_k sa;

	if (sigsetsize != sizeof(sigmask_t))
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (!sig_valid(sig) || (act && (SIGBIT(sig) & SIG_UNBLOCKABLE)))
		return -EINVAL;
	sa = sighand_action(sh, sig);
	old = (struct user_sigaction){ sa.handler, sa.flags, sa.restorer, sa.mask };
	if (act) {
		sa = (struct sigaction_k){ .handler = new.handler, .flags = new.flags & SA_KNOWN,
					   .restorer = new.restorer, .mask = new.mask & ~SIG_UNBLOCKABLE };
		sighand_set(sh, sig, &sa);
		flush_if_ignored(current->proc, sig);
	}
	uthread_lend_actions(current->ut, LEND_IF_ASKED_OFTEN);
	return oldact && copy_to_user(oldact, &old, sizeof(old)) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(int how, uaddr_t set, uaddr_t oldset, size_t sigsetsize)
{
	struct task *t = current;
	sigmask_t old = t->blocked, new;

	if (sigsetsize != sizeof(sigmask_t))
		return -EINVAL;
	if (set) {
		if (get_user(new, set))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			new |= old;
			break;
		case SIG_UNBLOCK:
			new = old & ~new;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		set_blocked(t, new);
	}
	return oldset && put_user(old, oldset) ? -EFAULT : 0;
}

long sys_rt_sigpending(uaddr_t set, size_t sigsetsize)
{
	sigmask_t mask = pending_signals(current) & current->blocked;

	if (sigsetsize > sizeof(mask))
		return -EINVAL;
	return copy_to_user(set, &mask, sigsetsize);
}

long sys_rt_sigreturn(void)
{
	return signal_return(current);
}

long sys_restart_syscall(void)
{
	struct restart_block *rb = &current->restart;

	return rb->fn ? rb->fn(rb) : -EINTR;
}

struct user_stack {
	uaddr_t sp;
	int flags, pad;
	u64 size;
};

long sys_sigaltstack(uaddr_t ss, uaddr_t oss)
{
	struct sigaltstack_k new, old;
	struct user_stack u = { 0 };
	struct regs regs;
	int err;

	if (ss) {
		if (copy_from_user(&u, ss, sizeof(u)))
			return -EFAULT;
		new = (struct sigaltstack_k){ u.sp, u.flags, u.size };
	}
	regs.rsp = 0;
	/* Only a task that has such a stack can be on it. */
	if (current->altstack.size && uthread_get_regs(current->ut, &regs))
		return -EFAULT;
	err = do_sigaltstack(current, ss ? &new : NULL, &old, regs.rsp);
	if (err || !oss)
		return err;
	memset(&u, 0, sizeof(u));
	u.sp = old.sp;
	u.flags = old.flags;
	u.size = old.size;
	return copy_to_user(oss, &u, sizeof(u));
}

/* ---- sending ---- */

static int send_checked(int sig, const siginfo_t *info, struct process *p)
{
	int err;

	if (!p->leader)
		return -ESRCH;
	err = signal_may_send(sig, p);
	if (err || !sig)
		return err;
	return send_signal_process(sig, info, p);
}

static long kill_group(int sig, const siginfo_t *info, int pgid)
{
	struct pgrp *pg = find_pgrp(pgid);
	struct process *p, *tmp;
	bool ok = false;
	int err = -ESRCH;

	if (!pg)
		return -ESRCH;
	pgrp_get(pg);
	list_for_each_safe(p, tmp, &pg->procs, pgrp_node) {
		err = send_checked(sig, info, p);
		ok |= !err;
	}
	pgrp_put(pg);
	return ok ? 0 : err;
}

static long kill_all(int sig, const siginfo_t *info)
{
	struct process *p, *tmp;
	int ret = 0, count = 0;

	list_for_each_safe(p, tmp, &process_list, all_node) {
		int err;

		if (p->tgid == 1 || p == current->proc)
			continue;
		err = send_checked(sig, info, p);
		count++;
		if (err != -EPERM)
			ret = err;
	}
	return count ? ret : -ESRCH;
}

static long kill_anyone(int pid, int sig, const siginfo_t *info)
{
	struct task *t;

	if (pid > 0) {
		t = find_task(pid);
		return t && t->proc ? send_checked(sig, info, t->proc) : -ESRCH;
	}
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid == -1)
		return kill_all(sig, info);
	return kill_group(sig, info, pid ? -pid : pgrp_id(current->proc));
}

/* Who signals itself often does so without us, once it has its handlers (near/selfsig.c). */
static void sent_to_self(int tgid)
{
	if (tgid == current->proc->tgid)
		uthread_lend_actions(current->ut, LEND_IF_ASKED_OFTEN);
}

long sys_kill(int pid, int sig)
{
	siginfo_t info;

	sent_to_self(pid);
	if (sig < 0 || sig > NSIG_K)
		return pid == INT32_MIN ? -ESRCH : -EINVAL;
	siginfo_user(&info, sig, SI_USER);
	return kill_anyone(pid, sig, &info);
}

/* tgid 0: whatever process tid belongs to. */
static long kill_thread(int tgid, int tid, int sig, const siginfo_t *info)
{
	struct task *t = find_task(tid);
	int err;

	if (!t || !t->proc || (tgid && t->proc->tgid != tgid) || !t->proc->leader)
		return -ESRCH;
	if (sig < 0 || sig > NSIG_K)
		return -EINVAL;
	err = signal_may_send(sig, t->proc);
	if (err || !sig)
		return err;
	return send_signal_task(sig, info, t);
}

long sys_tkill(int tid, int sig)
{
	siginfo_t info;

	if (tid <= 0)
		return -EINVAL;
	siginfo_user(&info, sig, SI_TKILL);
	return kill_thread(0, tid, sig, &info);
}

long sys_tgkill(int tgid, int tid, int sig)
{
	siginfo_t info;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	sent_to_self(tgid);
	siginfo_user(&info, sig, SI_TKILL);
	return kill_thread(tgid, tid, sig, &info);
}

/* Others may not be told that a signal came from the kernel or from kill(). */
static int info_from_user(siginfo_t *info, uaddr_t uinfo, int sig, bool own)
{
	if (copy_from_user(info, uinfo, sizeof(*info)))
		return -EFAULT;
	info->si_signo = sig;
	return (info->si_code >= 0 || info->si_code == SI_TKILL) && !own ? -EPERM : 0;
}

long sys_rt_sigqueueinfo(int pid, int sig, uaddr_t uinfo)
{
	siginfo_t info;
	struct task *t;
	int err;

	err = info_from_user(&info, uinfo, sig, pid == current->proc->tgid);
	if (err)
		return err;
	if (sig < 0 || sig > NSIG_K)
		return -EINVAL;
	t = find_task(pid);
	return t && t->proc ? send_checked(sig, &info, t->proc) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, uaddr_t uinfo)
{
	siginfo_t info;
	int err;

	err = info_from_user(&info, uinfo, sig, tid == current->tid);
	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return kill_thread(tgid, tid, sig, &info);
}

static long send_by_pidfd(struct process *p, int sig, uaddr_t uinfo)
{
	siginfo_t info;

	if (!uinfo) {
		siginfo_user(&info, sig, SI_USER);
	} else {
		if (copy_from_user(&info, uinfo, sizeof(info)))
			return -EFAULT;
		if (info.si_signo != sig)
			return -EINVAL;
		if (p != current->proc && (info.si_code >= 0 || info.si_code == SI_TKILL))
			return -EPERM;
	}
	return send_checked(sig, &info, p);
}

long sys_pidfd_send_signal(int pidfd, int sig, uaddr_t uinfo, u32 flags)
{
	struct process *p;
	struct file *f;
	long ret;

	if (flags)
		return -EINVAL;
	f = fd_get(pidfd);
	if (!f)
		return -EBADF;
	p = pidfd_or_proc_process(f);
	if (!p)
		ret = -EBADF;
	else if (sig < 0 || sig > NSIG_K)
		ret = -EINVAL;
	else
		ret = send_by_pidfd(p, sig, uinfo);
	fput(f);
	return ret;
}

/* ---- waiting ---- */

static void sleep_for_signal(const char *reason)
{
	while (!signal_pending(current))
		if (wq_sleep(NULL, WAIT_INTERRUPTIBLE, KTIME_NEVER, reason))
			break;
}

long sys_pause(void)
{
	sleep_for_signal("pause");
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(uaddr_t set, size_t sigsetsize)
{
	struct task *t = current;
	sigmask_t mask;

	if (sigsetsize != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, set))
		return -EFAULT;
	t->saved_blocked = t->blocked;
	set_blocked(t, mask);
	sleep_for_signal("sigsuspend");
	t->restore_blocked = true;
	return -ERESTARTNOHAND;
}

static int sigwait(struct task *t, sigmask_t which, ktime_t deadline, siginfo_t *info)
{
	int sig = dequeue_signal(t, ~which, info), err;

	if (sig)
		return sig;
	if (deadline <= ktime_get())
		return -EAGAIN;
	t->sigwait_mask = which;
	recalc_sigpending(t);
	do
		err = wq_sleep(NULL, WAIT_INTERRUPTIBLE, deadline, "sigtimedwait");
	while (!err && !signal_pending(t));
	t->sigwait_mask = 0;
	sig = dequeue_signal(t, ~which, info);
	if (sig)
		return sig;
	return err == -ETIME ? -EAGAIN : -EINTR;
}

long sys_rt_sigtimedwait(uaddr_t set, uaddr_t uinfo, uaddr_t uts, size_t sigsetsize)
{
	ktime_t deadline = KTIME_NEVER, rel;
	sigmask_t which;
	siginfo_t info;
	int sig, err;

	if (sigsetsize != sizeof(which))
		return -EINVAL;
	if (get_user(which, set))
		return -EFAULT;
	if (uts) {
		err = get_timespec(&rel, uts);
		if (err)
			return err;
		deadline = deadline_after(rel);
	}
	sig = sigwait(current, which & ~SIG_UNBLOCKABLE, deadline, &info);
	if (sig > 0 && uinfo && copy_to_user(uinfo, &info, sizeof(info)))
		return -EFAULT;
	return sig;
}
