/* SPDX-License-Identifier: MIT */
/*
 * Sending and taking signals. A signal that cannot do anything (ignored and not blocked) is
 * dropped when sent; a fatal one marks all threads killed at once, so that nobody sleeps on; every other
 * one is queued and one thread that can take it is woken or kicked.
 */
#include "core/signal.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
#include "abi/prctl.h"
#include "core/sched.h"
#include "core/task.h"

#define SYNCHRONOUS_SET (SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | \
			 SIGBIT(SIGFPE) | SIGBIT(SIGSYS))
#define CORE_SET (SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | \
		  SIGBIT(SIGFPE) | SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGSYS) | \
		  SIGBIT(SIGXCPU) | SIGBIT(SIGXFSZ))
#define IGNORE_SET (SIGBIT(SIGCONT) | SIGBIT(SIGCHLD) | SIGBIT(SIGWINCH) | SIGBIT(SIGURG))

#define HANDLER_DFL 0
#define HANDLER_IGN 1

void (*task_kick)(struct task *t);
void (*task_sync_mask)(struct task *t, sigmask_t pending);
void (*ptrace_continued)(struct task *t);
void (*sigqueue_timer_taken)(struct sigqueue *q, siginfo_t *info);

bool sig_default_ignore(int sig)
{
	return SIGBIT(sig) & IGNORE_SET;
}

bool sig_default_stop(int sig)
{
	return SIGBIT(sig) & SIG_STOP_SET;
}

bool sig_default_core(int sig)
{
	return SIGBIT(sig) & CORE_SET;
}

static uaddr_t handler_of(const struct task *t, int sig)
{
	return sighand_handler(t->proc->sighand, sig);
}

static bool sig_kernel_only(int sig)
{
	return SIGBIT(sig) & SIG_UNBLOCKABLE;
}

/* force: from the kernel itself, which may kill and stop even init. */
static bool disposition_ignores(const struct task *t, int sig, bool force)
{
	uaddr_t h = handler_of(t, sig);

	if (t->proc->unkillable && h == HANDLER_DFL && !(force && sig_kernel_only(sig)))
		return true;
	return h == HANDLER_IGN || (h == HANDLER_DFL && sig_default_ignore(sig));
}

bool sig_ignored(const struct task *t, int sig)
{
	return disposition_ignores(t, sig, false);
}

/* A blocked signal is kept even when ignored: its handler may be set before it is unblocked. */
static bool drop_at_once(const struct task *t, int sig, bool force)
{
	if (t->blocked & SIGBIT(sig))
		return false;
	if (t->ptrace && sig != SIGKILL)
		return false;
	return disposition_ignores(t, sig, force);
}

bool signal_pending(const struct task *t)
{
	return t->sigpending;
}

bool fatal_signal_pending(const struct task *t)
{
	return t->killed;
}

sigmask_t pending_signals(const struct task *t)
{
	return t->pending.set | (t->proc ? t->proc->shared_pending.set : 0);
}

void recalc_sigpending(struct task *t)
{
	sigmask_t want = ~t->blocked | t->sigwait_mask;

	t->sigpending = t->killed || t->stop_pending || t->trap_pending || (pending_signals(t) & want);
}

void signal_wake(struct task *t, bool fatal)
{
	t->sigpending = true;
	if (fatal)
		t->killed = true;
	if (t->state == TASK_STOPPED || t->state == TASK_TRACED) {
		if (fatal)
			sched_wake(t);
		return;
	}
	if (t->state == TASK_SLEEPING || t->state == TASK_DISK_SLEEP)
		sched_wake(t);
	else if (t->state == TASK_GUEST && task_kick)
		task_kick(t);
}

void signal_kill_threads(struct process *p, struct task *except)
{
	struct task *t;

	p->group_stop_count = 0;
	list_for_each(t, &p->threads, thread_node) {
		t->stop_pending = false;
		if (t != except && !t->exiting)
			signal_wake(t, true);
	}
}

void set_blocked(struct task *t, sigmask_t mask)
{
	mask &= ~SIG_UNBLOCKABLE;
	if (mask != t->blocked) {
		t->blocked = mask;
		t->publish = true;
	}
	recalc_sigpending(t);
}

void siginfo_user(siginfo_t *info, int sig, int code)
{
	const struct task *t = current;

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = t && t->proc ? t->proc->tgid : 0;
	info->si_uid = current_cred()->uid;
}

int signal_may_send(int sig, const struct process *target)
{
	const struct task *me = current;
	const struct cred *c = current_cred(), *tc = target->leader->cred;

	if (me && me->proc == target)
		return 0;
	if (c->euid == tc->suid || c->euid == tc->uid || c->uid == tc->suid || c->uid == tc->uid)
		return 0;
	if (capable(CAP_KILL))
		return 0;
	if (sig == SIGCONT && me && me->proc && me->proc->session == target->session)
		return 0;
	return -EPERM;
}

/* ---- sending ---- */

static void flush_everywhere(struct process *p, sigmask_t which)
{
	struct task *t;

	sigqueue_flush_sig(&p->shared_pending, which);
	list_for_each(t, &p->threads, thread_node)
		sigqueue_flush_sig(&t->pending, which);
}

void notify_parent_jobctl(struct process *p, int code, int status)
{
	struct process *parent = p->parent;
	struct sigaction_k sa;
	siginfo_t info;

	if (!parent)
		return;
	sa = sighand_action(parent->sighand, SIGCHLD);
	if (sa.handler != HANDLER_IGN && !(sa.flags & SA_NOCLDSTOP)) {
		memset(&info, 0, sizeof(info));
		info.si_signo = SIGCHLD;
		info.si_code = code;
		info.si_pid = p->tgid;
		info.si_uid = p->leader->cred->uid;
		info.si_status = status;
		info.si_utime = p->acct.utime / (NSEC_PER_SEC / USER_HZ);
		info.si_stime = p->acct.stime / (NSEC_PER_SEC / USER_HZ);
		send_signal_process(SIGCHLD, &info, parent);
	}
	wake_up_all(&parent->wait_chld);
}

/* SIGCONT works when it is sent, whether or not it will be delivered. */
static void continue_process(struct process *p)
{
	bool was_stopped = p->group_stopped;
	bool was_stopping = p->group_stop_count > 0;
	struct task *t;

	flush_everywhere(p, SIG_STOP_SET);
	list_for_each(t, &p->threads, thread_node) {
		t->stop_pending = false;
		if (t->stopped) {
			t->stopped = false;
			sched_wake(t);
		}
		recalc_sigpending(t);
		if (t->ptrace && ptrace_continued)
			ptrace_continued(t);
	}
	p->group_stop_count = 0;
	p->group_stopped = false;
	if (was_stopped || was_stopping) {
		p->cont_pending = true;
		if (was_stopped)
			notify_parent_jobctl(p, CLD_CONTINUED, SIGCONT);
		else
			notify_parent_jobctl(p, CLD_STOPPED, p->group_stop_sig);
	}
	p->group_stop_sig = 0;
}

/* The effects of sending that do not depend on delivery. False: drop it. */
static bool prepare_signal(int sig, struct task *t, bool force)
{
	struct process *p = t->proc;

	if (p->group_exit)
		return sig == SIGKILL;
	if (sig_default_stop(sig))
		flush_everywhere(p, SIGBIT(SIGCONT));
	else if (sig == SIGCONT)
		continue_process(p);
	return !drop_at_once(t, sig, force);
}

/* The masks of the threads that may get sig, as they are now. */
static void sync_masks(struct task *t, int sig, bool group)
{
	struct task *o;

	if (!task_sync_mask)
		return;
	if (t->state == TASK_GUEST)
		task_sync_mask(t, pending_signals(t) | SIGBIT(sig));
	if (!group)
		return;
	list_for_each(o, &t->proc->threads, thread_node)
		if (o != t && o->state == TASK_GUEST)
			task_sync_mask(o, pending_signals(o) | SIGBIT(sig));
}

static bool wants_signal(const struct task *t, int sig)
{
	if ((t->blocked & ~t->sigwait_mask) & SIGBIT(sig))
		return false;
	if (t->exiting)
		return false;
	if (sig == SIGKILL)
		return true;
	if (t->state == TASK_STOPPED || t->state == TASK_TRACED)
		return false;
	return t == current || !t->sigpending;
}

static struct task *pick_thread(struct task *t, int sig, bool group)
{
	struct task *o;

	if (wants_signal(t, sig))
		return t;
	if (!group)
		return NULL;
	list_for_each(o, &t->proc->threads, thread_node)
		if (wants_signal(o, sig))
			return o;
	return NULL;
}

static bool sig_fatal(const struct task *t, int sig)
{
	return handler_of(t, sig) == HANDLER_DFL && !sig_default_ignore(sig) &&
	       !sig_default_stop(sig);
}

static void complete_signal(int sig, struct task *t, bool group, bool force)
{
	struct process *p = t->proc;
	struct task *target = pick_thread(t, sig, group);
	bool may_kill = !p->unkillable || (force && sig == SIGKILL);

	if (!target)
		return;
	if (sig_fatal(target, sig) && may_kill && !p->group_exit &&
	    !(target->blocked & SIGBIT(sig)) && (sig == SIGKILL || !target->ptrace) &&
	    !sig_default_core(sig)) {
		p->group_exit = true;
		p->group_exit_code = sig;
		p->group_stopped = false;
		signal_kill_threads(p, NULL);
		return;
	}
	signal_wake(target, sig == SIGKILL && may_kill);
}

static void fill_info(siginfo_t *dst, int sig, const siginfo_t *src)
{
	if (src) {
		*dst = *src;
	} else {
		memset(dst, 0, sizeof(*dst));
		dst->si_code = SI_KERNEL;
	}
	dst->si_signo = sig;
}

/* Info is lost rather than the signal, except for queued real-time ones. 0 or -EAGAIN. */
static int enqueue(int sig, const siginfo_t *info, struct task *t, struct sigqueue_head *h)
{
	bool over = sig < SIGRTMIN && (!info || info->si_code >= 0 || info->si_code == SI_USER);
	struct sigqueue *q = sigqueue_alloc(t, sig, over);

	if (q) {
		fill_info(&q->info, sig, info);
		list_add_tail(&q->node, &h->list);
	} else if (info && sig >= SIGRTMIN && info->si_code != SI_USER) {
		return -EAGAIN;
	}
	return 0;
}

static int send_signal(int sig, const siginfo_t *info, struct task *t, bool group, bool force)
{
	struct process *p = t->proc;
	struct sigqueue_head *h;
	int err;

	if (!sig || !p || (t->exiting && !group))
		return 0;
	sync_masks(t, sig, group);
	if (!prepare_signal(sig, t, force))
		return 0;
	h = group ? &p->shared_pending : &t->pending;
	if (sig < SIGRTMIN && (h->set & SIGBIT(sig)))
		return 0;
	if (sig != SIGKILL) {
		err = enqueue(sig, info, t, h);
		if (err)
			return err;
	}
	h->set |= SIGBIT(sig);
	wake_up_events(&p->signalfd_wq, POLLIN);
	complete_signal(sig, t, group, force);
	return 0;
}

int send_signal_task(int sig, const siginfo_t *info, struct task *t)
{
	return send_signal(sig, info, t, false, !info);
}

int send_signal_process(int sig, const siginfo_t *info, struct process *p)
{
	return p->leader ? send_signal(sig, info, p->leader, true, !info) : 0;
}

int send_signal_pgrp(int sig, const siginfo_t *info, struct pgrp *pg)
{
	struct process *p, *tmp;

	pgrp_get(pg);
	list_for_each_safe(p, tmp, &pg->procs, pgrp_node)
		send_signal_process(sig, info, p);
	pgrp_put(pg);
	return 0;
}

int send_sigqueue(struct sigqueue *q, struct task *t, bool group)
{
	int sig = q->info.si_signo;
	struct sigqueue_head *h;

	if (!t->proc || !list_empty(&q->node))
		return 0;
	sync_masks(t, sig, group);
	if (!prepare_signal(sig, t, false))
		return 1;
	h = group ? &t->proc->shared_pending : &t->pending;
	list_add_tail(&q->node, &h->list);
	h->set |= SIGBIT(sig);
	wake_up_events(&t->proc->signalfd_wq, POLLIN);
	complete_signal(sig, t, group, false);
	return 0;
}

void force_signal(const siginfo_t *info, struct task *t)
{
	int sig = info->si_signo;

	if (handler_of(t, sig) == HANDLER_IGN || (t->blocked & SIGBIT(sig)))
		sighand_set_default(t->proc->sighand, sig);
	if (handler_of(t, sig) == HANDLER_DFL)
		t->proc->unkillable = false;
	if (t->blocked & SIGBIT(sig))
		set_blocked(t, t->blocked & ~SIGBIT(sig));
	send_signal(sig, info, t, false, true);
	recalc_sigpending(t);
}

void kill_process(struct process *p)
{
	if (p->group_exit || list_empty(&p->threads))
		return;
	p->group_exit = true;
	p->group_exit_code = SIGKILL;
	p->group_stopped = false;
	signal_kill_threads(p, NULL);
}

/* ---- taking ---- */

static int next_signal(const struct sigqueue_head *h, sigmask_t mask)
{
	sigmask_t x = h->set & ~mask;

	if (!x)
		return 0;
	if (x & SYNCHRONOUS_SET)
		x &= SYNCHRONOUS_SET;
	return __builtin_ctzll(x) + 1;
}

static void collect_signal(int sig, struct sigqueue_head *h, siginfo_t *info)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;

	list_for_each(q, &h->list, node) {
		if (q->info.si_signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		h->set &= ~SIGBIT(sig);
	if (!first) {
		memset(info, 0, sizeof(*info));
		info->si_signo = sig;
		info->si_code = SI_USER;
		return;
	}
	*info = first->info;
	list_del_init(&first->node);
	if (first->timer && sigqueue_timer_taken)
		sigqueue_timer_taken(first, info);
	else
		sigqueue_free(first);
}

int dequeue_signal(struct task *t, sigmask_t mask, siginfo_t *info)
{
	struct sigqueue_head *h = &t->pending;
	int sig = next_signal(h, mask);

	if (!sig) {
		h = &t->proc->shared_pending;
		sig = next_signal(h, mask);
	}
	if (sig)
		collect_signal(sig, h, info);
	recalc_sigpending(t);
	return sig;
}
