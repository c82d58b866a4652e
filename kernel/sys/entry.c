/* SPDX-License-Identifier: MIT */
/*
 * The main loop of a task that runs guest code: run it, answer why it stopped, act on
 * signals. An interrupted call without a handler is simply made again here, without
 * going back to the guest; registers are only looked at when a handler is to run.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/signal.h"
#include "abi/unistd.h"
#include "core/arena.h"
#include "core/freeze.h"
#include "core/log.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/mm.h"
#include "process/process.h"
#include "process/ptrace.h"
#include "sys/sys.h"

#define SYSCALL_INSN_SIZE 2

static bool is_restart(long ret)
{
	return ret == -ERESTARTSYS || ret == -ERESTARTNOINTR || ret == -ERESTARTNOHAND ||
	       ret == -ERESTART_RESTARTBLOCK;
}

static long dispatch(struct task *t)
{
	long ret, nr = t->syscall_nr;	/* exec ends the call: afterwards there is no number */

	if (unlikely(t->seccomp) && !seccomp_allows(t, &ret))
		return ret;
	if (unlikely(trace_enabled)) {
		trace_enter(nr, t->syscall_args);
		ret = syscall_dispatch(nr, t->syscall_args);
		trace_exit(nr, t->syscall_args, ret);
		return ret;
	}
	return syscall_dispatch(t->syscall_nr, t->syscall_args);
}

/* A handler runs in the middle of a call: it fails with EINTR, or is made again afterwards. */
static void interrupted_result(struct task *t, long ret, const struct sigaction_k *sa)
{
	struct regs regs;

	if (ret != -ERESTARTNOINTR && !(ret == -ERESTARTSYS && (sa->flags & SA_RESTART))) {
		uthread_set_result(t->ut, -EINTR);
		return;
	}
	if (uthread_get_regs(t->ut, &regs))
		return;
	regs.rip -= SYSCALL_INSN_SIZE;
	regs.rax = t->syscall_nr;
	uthread_set_regs(t->ut, &regs);
}

static long call_again(struct task *t, long ret)
{
	signal_restore_mask(t);
	arena_reset();
	if (ret == -ERESTART_RESTARTBLOCK)
		return t->restart.fn ? t->restart.fn(&t->restart) : -EINTR;
	return dispatch(t);
}

/*
 * The end of an interrupted call of a tracee, by its registers, which the tracer may have changed: the call
 * is made again by running its instruction again, so that the tracer sees it begin anew.
 */
static void finish_traced(struct task *t, long ret, const struct sigaction_k *sa)
{
	struct regs regs;

	if (t->syscall_nr < 0 || uthread_get_regs(t->ut, &regs) || (long)regs.rax != ret)
		return;
	if (sa && ret != -ERESTARTNOINTR && !(ret == -ERESTARTSYS && (sa->flags & SA_RESTART))) {
		regs.rax = -EINTR;
	} else {
		regs.rip -= SYSCALL_INSN_SIZE;
		regs.rax = ret == -ERESTART_RESTARTBLOCK ? __NR_restart_syscall : t->syscall_nr;
	}
	uthread_set_regs(t->ut, &regs);
}

/* Signals in the middle of a call. True: call again. */
static bool interrupted(struct task *t, long ret)
{
	bool traced = t->ptrace, handler;
	struct sigaction_k sa;
	siginfo_t info;

	uthread_set_result(t->ut, ret);		/* what a tracer sees */
	handler = get_signal(t, &info, &sa);
	if (unlikely(traced || t->ptrace))
		finish_traced(t, ret, handler ? &sa : NULL);
	else if (handler)
		interrupted_result(t, ret, &sa);
	else
		return true;
	if (handler)
		signal_setup_frame(t, &info, &sa);
	return false;
}

static void traced_syscall(struct task *t)
{
	struct regs regs;
	long ret;

	if (ptrace_enter(t, PT_ENTRY)) {
		ret = dispatch(t);
		if (guest_sync(t->ut) == -EFAULT)
			ret = -EFAULT;
		if (!t->regs_replaced)
			uthread_set_result(t->ut, ret);
	} else {
		ret = uthread_get_regs(t->ut, &regs) ? -ENOSYS : (long)regs.rax;
		if (t->killed)
			return;
	}
	if (t->ptrace)
		ptrace_leave(t, ret);
	if (is_restart(ret) && !t->regs_replaced)
		interrupted(t, ret);
}

static void handle_syscall(struct task *t, const struct trap *trap)
{
	long ret;

	t->syscall_nr = (int)trap->nr;
	memcpy(t->syscall_args, trap->args, sizeof(t->syscall_args));
	t->moved = trap->moved;
	t->regs_replaced = false;
	if (unlikely(t->ptrace)) {
		traced_syscall(t);
		return;
	}
	ret = dispatch(t);
	while (unlikely(is_restart(ret))) {
		if (!interrupted(t, ret))
			return;
		ret = call_again(t, ret);
	}
	if (likely(!t->regs_replaced))
		uthread_set_result(t->ut, ret);
}

/* As Linux does for faults that kill. */
static void log_fault(struct task *t, const struct trap *trap)
{
	struct regs regs;

	if (sighand_handler(t->proc->sighand, trap->info.si_signo) > 1)
		return;
	if (uthread_get_regs(t->ut, &regs))
		return;
	log_at(t->proc->tgid == 1 ? LOG_EMERG : LOG_INFO,
	       "%s[%d]: %s at %lx ip %016lx sp %016lx error %lx", t->comm, t->tid,
	       trap->info.si_signo == SIGSEGV ? "segfault" : "trap", trap->cr2, regs.rip, regs.rsp,
	       trap->error_code);
}

#define FAULT_WRITE 2			/* in the error code of a page fault */

/* A page that comes on demand. True: the instruction is to be tried again. */
static bool demanded(struct task *t, struct trap *trap)
{
	int err;

	if (!t->mm->ndemand || (trap->info.si_signo != SIGSEGV && trap->info.si_signo != SIGBUS))
		return false;
	err = demand_fault(t->mm, t->ut, trap->cr2, trap->error_code & FAULT_WRITE);
	if (err && err != -EFAULT) {
		trap->info.si_signo = SIGBUS;
		trap->info.si_code = BUS_ADRERR;
	}
	return !err;
}

static void handle_fault(struct task *t, struct trap *trap)
{
	if (unlikely(t->ptrace) && trap->info.si_signo == SIGTRAP &&
	    trap->info.si_code == TRAP_TRACE && !ptrace_stepped(t, &trap->info))
		return;
	if (trap->info.si_signo == SIGSEGV && trap->info.si_code == SEGV_MAPERR &&
	    !mm_grow_stack(t->mm, t->ut, trap->cr2))
		return;
	if (demanded(t, trap))
		return;
	if (!t->ptrace)
		log_fault(t, trap);
	force_signal(&trap->info, t);
}

/* A tracer may have put back the registers of a call that was interrupted at an earlier stop. */
static void restart_after_tracer(struct task *t, const struct sigaction_k *sa)
{
	struct regs regs;

	if (t->syscall_nr >= 0 && !uthread_get_regs(t->ut, &regs) && is_restart((long)regs.rax))
		finish_traced(t, (long)regs.rax, sa);
}

static bool next_handler(struct task *t, siginfo_t *info, struct sigaction_k *sa)
{
	bool traced = t->ptrace, handler = t->sigpending && get_signal(t, info, sa);

	if (unlikely(traced || t->ptrace))
		restart_after_tracer(t, handler ? sa : NULL);
	return handler;
}

static void handle_signals(struct task *t)
{
	struct sigaction_k sa;
	siginfo_t info;

	do {
		while (next_handler(t, &info, &sa))
			signal_setup_frame(t, &info, &sa);
		signal_restore_mask(t);
	} while (t->sigpending);
}

static void run_guest(struct task *t, struct trap *trap)
{
	bool step = unlikely(t->ptrace) && ptrace_step(t);

	ktime_t now;
	u64 brk;

	if (t->publish) {
		t->publish = false;
		uthread_publish(t->ut);
	}
	now = ktime_get();
	/* Time in a call that slept is not told from sleep. */
	if (t->kernel_since && t->acct.nvcsw == t->kernel_switches)
		t->acct.stime += now - t->kernel_since;
	t->nruns++;
	t->run_since = now;
	t->state = TASK_GUEST;
	uthread_run(t->ut, trap);
	if (uthread_brk_moved(t->ut, &brk) && mm_brk_moved(t->mm, brk))
		kill_process(t->proc);
	if (unlikely(step))
		uthread_step(t->ut, false);
	t->state = TASK_RUNNING;
	t->kernel_since = ktime_get();
	t->kernel_switches = t->acct.nvcsw;
	t->acct.utime += t->kernel_since - t->run_since;
	t->run_since = 0;
}

void user_loop(struct task *t)
{
	struct trap trap;

	for (;;) {
		if (unlikely(t->sigpending || t->restore_blocked))
			handle_signals(t);
		t->syscall_nr = -1;
		arena_reset();
		if (unlikely(tasks_frozen)) {
			freeze_wait();
			continue;
		}
		run_guest(t, &trap);
		if (likely(trap.kind == TRAP_SYSCALL))
			handle_syscall(t, &trap);
		else if (trap.kind == TRAP_FAULT)
			handle_fault(t, &trap);
		else if (trap.kind == TRAP_DEAD)
			do_group_exit(SIGKILL);
	}
}
