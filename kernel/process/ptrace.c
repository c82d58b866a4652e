/* SPDX-License-Identifier: MIT */
/*
 * Tracing: links between tracer and tracee, stops and events, and what wait() tells the
 * tracer. The requests themselves are sys/ptrace.c.
 */
#include "process/ptrace.h"

#include <string.h>

#include "abi/ptrace.h"
#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/sched.h"
#include "abi/wait.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "process/process.h"

/* ---- links ---- */

int ptrace_link(struct task *tracee, struct task *tracer, bool seized, u32 options)
{
	struct ptrace *pt = kzalloc(sizeof(*pt));

	if (!pt)
		return -ENOMEM;
	pt->tracee = tracee;
	pt->tracer = tracer;
	pt->seized = seized;
	pt->options = options;
	list_add_tail(&pt->node, &tracer->tracees);
	tracee->ptrace = pt;
	/* The near kernel must answer nothing on its own any more. */
	if (tracee->ut)
		uthread_publish(tracee->ut);
	return 0;
}

static bool other_tracees(const struct task *t)
{
	struct task *o;

	list_for_each(o, &t->proc->threads, thread_node)
		if (o != t && o->ptrace)
			return true;
	return false;
}

bool ptrace_traced_by(const struct task *t, const struct process *p)
{
	const struct ptrace *pt = t->ptrace;

	return pt && pt->tracer->proc == p;
}

bool ptrace_tracer_capable(const struct task *t, int cap)
{
	const struct ptrace *pt = t->ptrace;

	return !pt || cred_capable(pt->tracer->cred, cap);
}

void ptrace_unlink(struct task *t)
{
	struct ptrace *pt = t->ptrace;

	t->ptrace = NULL;
	t->trap_pending = 0;
	list_del_init(&pt->node);
	kfree(pt);
	if (t->ut && !other_tracees(t))
		guest_text_patchable(uthread_space(t->ut));
	if (t->ut)
		uthread_publish(t->ut);
	if (t->state == TASK_TRACED)
		sched_wake(t);
	/* A tracee that its tracer let run through a group stop takes part in it now. */
	if (t->proc->group_stopped && !t->exiting && !t->stopped) {
		t->stop_pending = true;
		t->proc->group_stop_count++;
	}
	recalc_sigpending(t);
}

int ptrace_may_attach(const struct task *t)
{
	const struct cred *c = current->cred, *tc = t->cred;

	if (t->proc == current->proc)
		return -EPERM;
	if (capable(CAP_SYS_PTRACE))
		return 0;
	if (!t->proc->dumpable)
		return -EPERM;
	return c->uid == tc->euid && c->uid == tc->suid && c->uid == tc->uid &&
	       c->gid == tc->egid && c->gid == tc->sgid && c->gid == tc->gid &&
	       !(tc->cap_permitted & ~c->cap_permitted) ? 0 : -EPERM;
}

void ptrace_resume(struct ptrace *pt, int sig)
{
	struct task *t = pt->tracee;

	pt->stopped = pt->listening = false;
	t->ptrace_sig = sig;
	sched_wake(t);
}

/* ---- stops ---- */

static void notify_tracer(const struct task *t, int why, int status)
{
	const struct ptrace *pt = t->ptrace;
	struct process *p = pt->tracer->proc;
	struct sigaction_k sa = sighand_action(p->sighand, SIGCHLD);
	siginfo_t info;

	if (sa.handler != 1 && (!(sa.flags & SA_NOCLDSTOP) || why < CLD_TRAPPED)) {
		memset(&info, 0, sizeof(info));
		info.si_signo = SIGCHLD;
		info.si_code = why;
		info.si_pid = t->tid;
		info.si_uid = t->cred->uid;
		info.si_status = status;
		send_signal_process(SIGCHLD, &info, p);
	}
	wake_up_all(&p->wait_chld);
}

static bool held(const struct task *t)
{
	const struct ptrace *pt = t->ptrace;

	return pt && (pt->users || (pt->stopped && !t->killed));
}

/* Nothing may be under way in the guest thread while others look, and its text must be the program's own. */
static void settle(struct task *t)
{
	if (!t->ut || uthread_settle(t->ut) == -ESRCH)
		return;
	(void)!guest_text_original(t->ut);
}

int ptrace_stop(struct task *t, int code, int why, const siginfo_t *info)
{
	struct ptrace *pt;
	int sig;

	settle(t);
	pt = t->ptrace;
	if (!pt || t->killed)
		return 0;
	pt->stepping = false;
	pt->dr.stale = true;
	t->trap_pending &= ~PT_TRAP_STOP;
	pt->code = code;
	pt->reported = false;
	pt->stopped = true;
	pt->has_info = info != NULL;
	if (info)
		pt->info = *info;
	t->ptrace_sig = 0;
	notify_tracer(t, why, code & 0x7f);
	t->wait_reason = "ptrace_stop";
	while (held(t)) {
		t->state = TASK_TRACED;
		sched_block();
	}
	t->state = TASK_RUNNING;
	t->wait_reason = NULL;
	pt = t->ptrace;
	if (pt) {
		pt->stopped = false;
		pt->place = PT_ELSEWHERE;
	}
	sig = t->ptrace_sig;
	t->ptrace_sig = 0;
	recalc_sigpending(t);
	return sig;
}

static void trap_info(siginfo_t *info, int code)
{
	siginfo_user(info, SIGTRAP, code);
}

void ptrace_event(struct task *t, int event, u64 msg)
{
	struct ptrace *pt = t->ptrace;
	bool killed = t->killed;
	siginfo_t info;

	if (!pt || !(pt->options & 1U << event))
		return;
	pt->msg = msg;
	trap_info(&info, event << 8 | SIGTRAP);
	/* A dying task stops for this one all the same; the next SIGKILL ends it. */
	if (event == PTRACE_EVENT_EXIT)
		t->killed = false;
	ptrace_stop(t, event << 8 | SIGTRAP, CLD_TRAPPED, &info);
	t->killed |= killed;
}

void ptrace_trap(struct task *t)
{
	struct ptrace *pt = t->ptrace;
	const struct process *p = t->proc;
	bool group = p->group_stopped || p->group_stop_count;
	int sig = group && p->group_stop_sig ? p->group_stop_sig : SIGTRAP;
	siginfo_t info;

	t->trap_pending = 0;
	recalc_sigpending(t);
	if (!pt)
		return;
	if (!pt->seized) {
		ptrace_stop(t, sig, CLD_STOPPED, NULL);
		return;
	}
	siginfo_user(&info, sig, PTRACE_EVENT_STOP << 8 | sig);
	ptrace_stop(t, PTRACE_EVENT_STOP << 8 | sig, CLD_STOPPED, &info);
}

/* A seized tracee hears of every SIGCONT: it may end a group stop. */
static void continued(struct task *t)
{
	struct ptrace *pt = t->ptrace;

	pt->continued = true;
	if (!pt->seized)
		return;
	t->trap_pending |= PT_TRAP_NOTIFY;
	if (pt->listening)
		ptrace_resume(pt, 0);
	else
		signal_wake(t, false);
}

void ptrace_init(void)
{
	ptrace_continued = continued;
}

/* The call as the tracer may have changed it. */
static void reread_call(struct task *t)
{
	struct regs r;

	if (uthread_get_regs(t->ut, &r))
		return;
	t->syscall_args[0] = r.rdi;
	t->syscall_args[1] = r.rsi;
	t->syscall_args[2] = r.rdx;
	t->syscall_args[3] = r.r10;
	t->syscall_args[4] = r.r8;
	t->syscall_args[5] = r.r9;
}

static void stop_at_call(struct task *t, enum ptrace_place place)
{
	struct ptrace *pt = t->ptrace;
	int code = SIGTRAP | (pt->options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0);
	siginfo_t info;
	int sig;

	pt->place = place;
	pt->msg = place == PT_ENTRY ? PTRACE_EVENTMSG_SYSCALL_ENTRY : PTRACE_EVENTMSG_SYSCALL_EXIT;
	trap_info(&info, code);
	sig = ptrace_stop(t, code, CLD_TRAPPED, &info);
	if (sig) {
		siginfo_user(&info, sig, SI_USER);
		send_signal_task(sig, &info, t);
	}
}

bool ptrace_enter(struct task *t, enum ptrace_place place)
{
	struct ptrace *pt = t->ptrace;
	bool emulated = pt->mode == PT_SYSEMU;

	if (place == PT_ENTRY) {
		if (pt->mode == PT_RUN)
			return true;
		uthread_set_result(t->ut, -ENOSYS);
		stop_at_call(t, PT_ENTRY);
	}
	if (t->killed)
		return false;
	reread_call(t);
	return t->syscall_nr >= 0 && !(place == PT_ENTRY && emulated);
}

void ptrace_leave(struct task *t, long rval)
{
	struct ptrace *pt = t->ptrace;
	siginfo_t info;
	bool step = pt->stepping && pt->mode != PT_SYSEMU;

	pt->dr.stale = true;
	if (pt->mode == PT_SYSCALL) {
		pt->rval = rval;
		stop_at_call(t, PT_EXIT);
	} else if (step && !t->killed) {
		pt->stepping = false;
		trap_info(&info, TRAP_BRKPT);
		force_signal(&info, t);
	}
}

bool ptrace_step(struct task *t)
{
	struct ptrace *pt = t->ptrace;

	if (likely(!debugreg_active(pt)))
		return pt->stepping && uthread_step(t->ut, true);
	debugreg_sample(t);
	return uthread_step(t->ut, true);
}

bool ptrace_stepped(struct task *t, siginfo_t *info)
{
	struct ptrace *pt = t->ptrace;

	if (!pt || !debugreg_active(pt))
		return true;
	if (debugreg_hit(t)) {
		info->si_code = TRAP_HWBKPT;
		return true;
	}
	pt = t->ptrace;
	return pt && pt->stepping;
}

void ptrace_step_handler(struct task *t)
{
	struct ptrace *pt = t->ptrace;
	siginfo_t info;

	if (!pt || !pt->stepping)
		return;
	trap_info(&info, SIGTRAP);
	ptrace_stop(t, SIGTRAP, CLD_TRAPPED, &info);
}

int ptrace_signal(struct task *t, int sig, siginfo_t *info)
{
	struct ptrace *pt = t->ptrace;
	siginfo_t seen = *info;
	int now;

	pt->continued = false;
	now = ptrace_stop(t, sig, CLD_TRAPPED, info);
	pt = t->ptrace;
	if (pt && pt->has_info)
		seen = pt->info;
	if (!now)
		return 0;
	if (now == sig) {
		*info = seen;
		info->si_signo = sig;
	} else {
		siginfo_user(info, now, SI_USER);
	}
	/* A stop signal is void when SIGCONT came meanwhile. */
	if (pt && pt->continued && sig_default_stop(now) && !sighand_handler(t->proc->sighand, now))
		return 0;
	if (t->blocked & SIGBIT(now)) {
		send_signal_task(now, info, t);
		return 0;
	}
	return now;
}

/* ---- exec, fork ---- */

void ptrace_exec(struct task *t, int old_tid)
{
	struct ptrace *pt = t->ptrace;
	siginfo_t info;

	if (!pt)
		return;
	memset(&pt->dr, 0, sizeof(pt->dr));
	if (pt->options & PTRACE_O_TRACEEXEC) {
		ptrace_event(t, PTRACE_EVENT_EXEC, old_tid);
	} else if (!pt->seized) {
		siginfo_user(&info, SIGTRAP, SI_USER);
		send_signal_task(SIGTRAP, &info, t);
	}
}

int ptrace_fork_event(struct task *t, u64 flags, int exit_signal)
{
	struct ptrace *pt = t->ptrace;
	int event;

	if (!pt || (flags & CLONE_UNTRACED))
		return 0;
	if (flags & CLONE_VFORK)
		event = PTRACE_EVENT_VFORK;
	else
		event = exit_signal == SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
	return pt->options & 1U << event ? event : 0;
}

void ptrace_fork_child(struct task *child, struct task *t)
{
	struct ptrace *pt = t->ptrace;

	if (!pt || ptrace_link(child, pt->tracer, pt->seized, pt->options))
		return;
	if (pt->seized) {
		child->trap_pending = PT_TRAP_STOP;
	} else {
		child->pending.set |= SIGBIT(SIGSTOP);
	}
	recalc_sigpending(child);
}

/* ---- the end of tracer or tracee ---- */

void ptrace_exit(struct task *t)
{
	while (!list_empty(&t->tracees)) {
		struct ptrace *pt = list_first(&t->tracees, struct ptrace, node);
		struct task *tracee = pt->tracee;
		bool zombie = tracee->state == TASK_ZOMBIE;

		if ((pt->options & PTRACE_O_EXITKILL) && !zombie)
			kill_process(tracee->proc);
		ptrace_unlink(tracee);
		if (zombie)
			zombie_untraced(tracee);
	}
}

bool ptrace_notify_exit(struct task *t)
{
	struct ptrace *pt = t->ptrace;
	struct sigaction_k sa;

	if (!pt)
		return false;
	/* The real parent reaps its own child in one go. */
	if (t->proc->leader == t && pt->tracer->proc == t->proc->parent) {
		ptrace_unlink(t);
		return false;
	}
	pt->stopped = false;
	sa = sighand_action(pt->tracer->proc->sighand, SIGCHLD);
	if (t->exit_code & 0x7f)
		notify_tracer(t, t->exit_code & 0x80 ? CLD_DUMPED : CLD_KILLED, t->exit_code & 0x7f);
	else
		notify_tracer(t, CLD_EXITED, t->exit_code >> 8 & 0xff);
	if (sa.handler == 1 || (sa.flags & SA_NOCLDWAIT)) {
		ptrace_unlink(t);	/* it will not wait */
		return false;
	}
	return true;
}

/* ---- wait ---- */

static bool wanted(const struct wait_request *rq, const struct task *t)
{
	if (rq->kind == WAIT_PID)
		return rq->pidfd ? rq->pidfd == t->proc : rq->id == t->tid;
	return rq->kind == WAIT_ALL || pgrp_id(t->proc) == rq->id;
}

static void fill(struct wait_result *out, const struct task *t)
{
	memset(out, 0, sizeof(*out));
	out->pid = t->tid;
	out->uid = t->cred->uid;
	task_times(t, &out->acct);
}

static bool take_dead(const struct wait_request *rq, struct task *t, struct wait_result *out)
{
	int code = t->exit_code;

	if (!(rq->options & WEXITED) || t->state != TASK_ZOMBIE)
		return false;
	if (t->proc->leader == t && !process_is_zombie(t->proc))
		return false;
	fill(out, t);
	out->status = code;
	out->code = code & 0x80 ? CLD_DUMPED : code & 0x7f ? CLD_KILLED : CLD_EXITED;
	out->code_status = code & 0x7f ? code & 0x7f : code >> 8 & 0xff;
	if (rq->options & WNOWAIT)
		return true;
	ptrace_unlink(t);
	zombie_untraced(t);
	return true;
}

static bool take_stop(const struct wait_request *rq, struct ptrace *pt, struct wait_result *out)
{
	if (!pt->stopped || pt->reported || pt->listening)
		return false;
	fill(out, pt->tracee);
	out->status = pt->code << 8 | 0x7f;
	out->code = CLD_TRAPPED;
	out->code_status = pt->code;
	if (!(rq->options & WNOWAIT))
		pt->reported = true;
	return true;
}

static long wait_thread(const struct wait_request *rq, struct task *tracer, struct wait_result *out)
{
	struct ptrace *pt, *tmp;
	long ret = -ECHILD;

	list_for_each_safe(pt, tmp, &tracer->tracees, node) {
		if (!wanted(rq, pt->tracee))
			continue;
		if (take_stop(rq, pt, out) || take_dead(rq, pt->tracee, out))
			return out->pid;
		ret = 0;
	}
	return ret;
}

long ptrace_wait(const struct wait_request *rq, struct wait_result *out)
{
	long ret = -ECHILD, r;
	struct task *t;

	list_for_each(t, &current->proc->threads, thread_node) {
		if ((rq->options & __WNOTHREAD) && t != current)
			continue;
		r = wait_thread(rq, t, out);
		if (r > 0)
			return r;
		if (!r)
			ret = 0;
	}
	return ret;
}
