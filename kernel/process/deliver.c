/* SPDX-License-Identifier: MIT */
/*
 * Acting on signals, in the context of the task they are for: default actions (death, stop),
 * frames for handlers, the alternate stack, return from handlers.
 */
#include "process/process.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/resource.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "process/coredump.h"
#include "process/ptrace.h"

#define HANDLER_DFL 0
#define HANDLER_IGN 1

/* ---- stopping ---- */

static void stop_begin(struct task *t, int sig)
{
	struct process *p = t->proc;
	struct task *o;

	if (!p->group_stopped)
		p->group_stop_sig = sig;
	p->group_stop_count = 0;
	list_for_each(o, &p->threads, thread_node) {
		if (o->exiting || o->stopped)
			continue;
		o->stop_pending = true;
		p->group_stop_count++;
		if (o != t)
			signal_wake(o, false);
	}
}

/* Stand still until SIGCONT or death. Blocks. */
static void stop_here(struct task *t)
{
	struct process *p = t->proc;

	t->stop_pending = false;
	t->stopped = true;
	if (p->group_stop_count && --p->group_stop_count == 0) {
		bool fresh = !p->group_stopped;

		p->group_stopped = true;
		if (fresh) {
			p->stop_reported = false;
			notify_parent_jobctl(p, CLD_STOPPED, p->group_stop_sig);
		}
	}
	if (t->ptrace) {
		t->stopped = false;
		ptrace_trap(t);
		return;
	}
	while (t->stopped && !t->killed) {
		t->state = TASK_STOPPED;
		t->wait_reason = "do_signal_stop";
		sched_block();
	}
	t->wait_reason = NULL;
	t->state = TASK_RUNNING;
	t->stopped = false;
	recalc_sigpending(t);
}

/* ---- default actions ---- */

static void default_stop(struct task *t, int sig)
{
	struct process *p = t->proc;

	if (sig != SIGSTOP && pgrp_is_orphaned(p->pgrp, NULL))
		return;
	if (p->group_exit || t->killed)
		return;
	stop_begin(t, sig);
	stop_here(t);
}

static void default_action(struct task *t, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (sig_default_ignore(sig))
		return;
	if (t->proc->unkillable && !(SIGBIT(sig) & SIG_UNBLOCKABLE))
		return;
	if (sig_default_stop(sig)) {
		default_stop(t, sig);
		return;
	}
	if (sig_default_core(sig) && coredump(t, info))
		sig |= 0x80;
	do_group_exit(sig);
}

int get_signal(struct task *t, siginfo_t *info, struct sigaction_k *sa)
{
	struct sighand *sh = t->proc->sighand;
	struct sigaction_k cur;
	int sig;

	for (;;) {
		if (t->killed)
			do_group_exit(SIGKILL);
		if (t->stop_pending) {
			stop_here(t);
			continue;
		}
		if (t->trap_pending) {
			ptrace_trap(t);
			continue;
		}
		sig = dequeue_signal(t, t->blocked, info);
		if (!sig)
			return 0;
		if (t->ptrace && sig != SIGKILL) {
			sig = ptrace_signal(t, sig, info);
			if (!sig)
				continue;
		}
		cur = sighand_action(sh, sig);
		if (cur.handler == HANDLER_IGN)
			continue;
		if (cur.handler == HANDLER_DFL) {
			default_action(t, info);
			continue;
		}
		*sa = cur;
		if (cur.flags & SA_ONESHOT)
			sighand_set_default(sh, sig);
		return sig;
	}
}

/* ---- frames ---- */

static bool on_altstack(const struct sigaltstack_k *ss, u64 sp)
{
	if (ss->flags & (int)SS_AUTODISARM)
		return false;
	return sp > ss->sp && sp - ss->sp <= ss->size;
}

static void altstack_reset(struct sigaltstack_k *ss)
{
	ss->sp = 0;
	ss->size = 0;
	ss->flags = SS_DISABLE;
}

static void force_sigsegv(struct task *t, int failed_sig)
{
	siginfo_t info;

	if (failed_sig == SIGSEGV)
		sighand_set_default(t->proc->sighand, SIGSEGV);
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSEGV;
	info.si_code = SI_KERNEL;
	force_signal(&info, t);
}

/* Where the handler's frame goes: below the interrupted code's, or onto the alternate stack. */
static int choose_stack(struct task *t, const struct sigaction_k *sa, bool *alt, u64 *sp)
{
	const struct sigaltstack_k *ss = &t->altstack;
	struct regs regs;
	int err;

	err = uthread_get_regs(t->ut, &regs);
	if (err)
		return err;
	*sp = regs.rsp;
	*alt = (sa->flags & SA_ONSTACK) && ss->size && !on_altstack(ss, regs.rsp);
	if (*alt)
		*sp = ss->sp + ss->size;
	return 0;
}

void signal_setup_frame(struct task *t, const siginfo_t *info, const struct sigaction_k *sa)
{
	sigmask_t old = t->restore_blocked ? t->saved_blocked : t->blocked;
	sigmask_t mask = t->blocked | sa->mask;
	bool alt;
	u64 sp;
	int err;

	err = choose_stack(t, sa, &alt, &sp);
	if (!err && !(sa->flags & SA_RESTORER))
		err = -EFAULT;
	if (!err)
		err = uthread_push_sigframe(t->ut, sa, info, old, &t->altstack, sp, alt);
	if (err) {
		force_sigsegv(t, info->si_signo);
		return;
	}
	if (t->altstack.flags & (int)SS_AUTODISARM)
		altstack_reset(&t->altstack);
	t->restore_blocked = false;
	if (!(sa->flags & SA_NODEFER))
		mask |= SIGBIT(info->si_signo);
	set_blocked(t, mask);
	ptrace_step_handler(t);
}

void signal_restore_mask(struct task *t)
{
	if (!t->restore_blocked)
		return;
	t->restore_blocked = false;
	set_blocked(t, t->saved_blocked);
}

long signal_return(struct task *t)
{
	struct sigaltstack_k ss;
	sigmask_t mask;
	siginfo_t info;

	if (uthread_pop_sigframe(t->ut, &mask, &ss) < 0) {
		memset(&info, 0, sizeof(info));
		info.si_signo = SIGSEGV;
		info.si_code = SI_KERNEL;
		force_signal(&info, t);
		return 0;
	}
	t->syscall_nr = -1;
	t->regs_replaced = true;
	t->restart.fn = NULL;
	set_blocked(t, mask);
	do_sigaltstack(t, &ss, NULL, 0);	/* errors are ignored, as on Linux */
	return 0;
}

int do_sigaltstack(struct task *t, const struct sigaltstack_k *ss, struct sigaltstack_k *old, u64 sp)
{
	int mode;

	if (old) {
		*old = t->altstack;
		old->flags = (t->altstack.flags & (int)SS_AUTODISARM) |
			     (!t->altstack.size ? SS_DISABLE :
			      on_altstack(&t->altstack, sp) ? SS_ONSTACK : 0);
	}
	if (!ss)
		return 0;
	if (sp && on_altstack(&t->altstack, sp))
		return -EPERM;
	mode = ss->flags & ~(int)SS_AUTODISARM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		altstack_reset(&t->altstack);
		t->altstack.flags = ss->flags;
		return 0;
	}
	if (ss->size < MINSIGSTKSZ)
		return -ENOMEM;
	t->altstack = *ss;
	return 0;
}
