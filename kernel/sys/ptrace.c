/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): the requests, as a table. Most need a tracee that stands in a stop; while one
 * works on it (which may block) it is held there by pt->users.
 */
#include <string.h>

#include "abi/ptrace.h"
#include "abi/elf.h"
#include "abi/errno.h"
#include "abi/prctl.h"
#include "core/arena.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/process.h"
#include "process/ptrace.h"
#include "sys/sys.h"

#define OPTIONS_KNOWN (PTRACE_O_MASK & ~PTRACE_O_SUSPEND_SECCOMP)
#define USER_REGS_SIZE sizeof(struct regs)
#define USER_DEBUGREG 848		/* offset in struct user */
#define USER_SIZE 912
#define FPREGS_SIZE 512
#define XSTATE_MAX 16384
#ifndef PTRACE_GETREGS
#define PTRACE_GETREGS 12
#define PTRACE_SETREGS 13
#define PTRACE_GETFPREGS 14
#define PTRACE_SETFPREGS 15
#endif
#ifndef PTRACE_ARCH_PRCTL
#define PTRACE_ARCH_PRCTL 30
#endif
#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif

/* ---- registers ---- */

static int get_regs(struct task *t, struct regs *r)
{
	int err = uthread_get_regs(t->ut, r);

	if (!err)
		err = uthread_get_bases(t->ut, &r->fs_base, &r->gs_base);
	r->orig_rax = (u64)t->syscall_nr;
	return err ? -EIO : 0;
}

static int set_regs(struct task *t, const struct regs *r)
{
	struct regs old;
	int err = get_regs(t, &old);

	if (!err)
		err = uthread_set_regs(t->ut, r);
	if (!err && r->fs_base != old.fs_base)
		err = r->fs_base >= GUEST_TASK_SIZE ? -EIO : uthread_set_fsbase(t->ut, r->fs_base);
	if (!err && r->gs_base != old.gs_base)
		err = r->gs_base >= GUEST_TASK_SIZE ? -EIO : uthread_set_gsbase(t->ut, r->gs_base);
	if (!err)
		t->syscall_nr = (int)r->orig_rax;
	return err ? -EIO : 0;
}

static long req_getregs(struct ptrace *pt, u64 addr, u64 data)
{
	struct regs r;
	int err = get_regs(pt->tracee, &r);

	return err ? err : copy_to_user(data, &r, sizeof(r));
}

static long req_setregs(struct ptrace *pt, u64 addr, u64 data)
{
	struct regs r;

	return copy_from_user(&r, data, sizeof(r)) ? -EFAULT : set_regs(pt->tracee, &r);
}

static long req_getfpregs(struct ptrace *pt, u64 addr, u64 data)
{
	u8 buf[FPREGS_SIZE] = { 0 };
	ssize n = uthread_get_fpu(pt->tracee->ut, buf, sizeof(buf));

	return n < 0 ? n : copy_to_user(data, buf, sizeof(buf));
}

static long req_setfpregs(struct ptrace *pt, u64 addr, u64 data)
{
	u8 buf[FPREGS_SIZE];

	if (copy_from_user(buf, data, sizeof(buf)))
		return -EFAULT;
	return uthread_set_fpu(pt->tracee->ut, buf, sizeof(buf));
}

/* One set into or out of buf; its size. */
static ssize regset_get(struct task *t, u64 type, void *buf)
{
	int err;

	switch (type) {
	case NT_PRSTATUS:
		err = get_regs(t, buf);
		return err ? err : (ssize)USER_REGS_SIZE;
	case NT_PRFPREG:
		return uthread_get_fpu(t->ut, buf, FPREGS_SIZE);
	case NT_X86_XSTATE:
		return uthread_get_fpu(t->ut, buf, XSTATE_MAX);
	}
	return -EINVAL;
}

static int regset_set(struct task *t, u64 type, void *buf, size_t n)
{
	struct regs r;
	int err;

	switch (type) {
	case NT_PRSTATUS:
		err = get_regs(t, &r);
		if (err)
			return err;
		memcpy(&r, buf, MIN(n, sizeof(r)));
		return set_regs(t, &r);
	case NT_PRFPREG:
	case NT_X86_XSTATE:
		return uthread_set_fpu(t->ut, buf, n);
	}
	return -EINVAL;
}

static long req_getregset(struct ptrace *pt, u64 addr, u64 data)
{
	struct { uaddr_t base; u64 len; } iov;
	void *buf = arena_alloc(XSTATE_MAX);
	ssize n;

	if (!buf)
		return -ENOMEM;
	if (get_user(iov, data))
		return -EFAULT;
	n = regset_get(pt->tracee, addr, buf);
	if (n < 0)
		return n;
	iov.len = MIN(iov.len, (u64)n);
	if (copy_to_user(iov.base, buf, iov.len))
		return -EFAULT;
	return copy_to_user(data, &iov, sizeof(iov));
}

static long req_setregset(struct ptrace *pt, u64 addr, u64 data)
{
	struct { uaddr_t base; u64 len; } iov;
	void *buf = arena_alloc(XSTATE_MAX);
	int err;

	if (!buf)
		return -ENOMEM;
	if (get_user(iov, data))
		return -EFAULT;
	iov.len = MIN(iov.len, XSTATE_MAX);
	if (copy_from_user(buf, iov.base, iov.len))
		return -EFAULT;
	err = regset_set(pt->tracee, addr, buf, iov.len);
	return err ? err : copy_to_user(data, &iov, sizeof(iov));
}

/* ---- memory and the user area ---- */

static long req_peek(struct ptrace *pt, u64 addr, u64 data)
{
	u64 word;

	if (!pt->tracee->mm || access_mm(pt->tracee->mm, addr, &word, sizeof(word), false) !=
				       sizeof(word))
		return -EIO;
	return put_user(word, data);
}

static long req_poke(struct ptrace *pt, u64 addr, u64 data)
{
	if (!pt->tracee->mm || access_mm(pt->tracee->mm, addr, &data, sizeof(data), true) !=
				       sizeof(data))
		return -EIO;
	return 0;
}

static long req_peekusr(struct ptrace *pt, u64 addr, u64 data)
{
	struct regs r;
	u64 word = 0;
	int err;

	if (addr & 7 || addr >= USER_SIZE)
		return -EIO;
	if (addr < USER_REGS_SIZE) {
		err = get_regs(pt->tracee, &r);
		if (err)
			return err;
		memcpy(&word, (char *)&r + addr, sizeof(word));
	} else if (addr >= USER_DEBUGREG) {
		word = debugreg_get(pt, (int)(addr - USER_DEBUGREG) / 8);
	}
	return put_user(word, data);
}

static long req_pokeusr(struct ptrace *pt, u64 addr, u64 data)
{
	struct regs r;
	int err;

	if (addr & 7 || addr >= USER_SIZE)
		return -EIO;
	if (addr >= USER_REGS_SIZE)
		return addr < USER_DEBUGREG ? -EIO :
		       debugreg_set(pt, (int)(addr - USER_DEBUGREG) / 8, data);
	err = get_regs(pt->tracee, &r);
	if (err)
		return err;
	memcpy((char *)&r + addr, &data, sizeof(data));
	return set_regs(pt->tracee, &r);
}

/* ---- going on ---- */

static long go_on(struct ptrace *pt, enum ptrace_mode mode, bool step, u64 sig)
{
	if (sig > NSIG_K)
		return -EIO;
	pt->stepping = step;
	pt->mode = mode;
	ptrace_resume(pt, sig);
	return 0;
}

static long req_cont(struct ptrace *pt, u64 addr, u64 data)
{
	return go_on(pt, PT_RUN, false, data);
}

static long req_syscall(struct ptrace *pt, u64 addr, u64 data)
{
	return go_on(pt, PT_SYSCALL, false, data);
}

static long req_step(struct ptrace *pt, u64 addr, u64 data)
{
	return go_on(pt, PT_RUN, true, data);
}

static long req_sysemu(struct ptrace *pt, u64 addr, u64 data)
{
	return go_on(pt, PT_SYSEMU, false, data);
}

static long req_sysemu_step(struct ptrace *pt, u64 addr, u64 data)
{
	return go_on(pt, PT_SYSEMU, true, data);
}

static long req_detach(struct ptrace *pt, u64 addr, u64 data)
{
	struct task *t = pt->tracee;

	if (data > NSIG_K)
		return -EIO;
	pt->users--;
	ptrace_resume(pt, data);
	ptrace_unlink(t);
	return 0;
}

static long req_listen(struct ptrace *pt, u64 addr, u64 data)
{
	if (!pt->seized || pt->code >> 8 != PTRACE_EVENT_STOP)
		return -EIO;
	pt->listening = true;
	if (pt->tracee->trap_pending)
		ptrace_resume(pt, 0);
	return 0;
}

/* ---- facts ---- */

static long req_setoptions(struct ptrace *pt, u64 addr, u64 data)
{
	if (data & ~(u64)OPTIONS_KNOWN)
		return -EINVAL;
	pt->options = data;
	return 0;
}

static long req_geteventmsg(struct ptrace *pt, u64 addr, u64 data)
{
	return put_user(pt->msg, data);
}

static long req_getsiginfo(struct ptrace *pt, u64 addr, u64 data)
{
	return pt->has_info ? copy_to_user(data, &pt->info, sizeof(pt->info)) : -EINVAL;
}

static long req_setsiginfo(struct ptrace *pt, u64 addr, u64 data)
{
	siginfo_t info;

	if (copy_from_user(&info, data, sizeof(info)))
		return -EFAULT;
	if (!pt->has_info)
		return -EINVAL;
	pt->info = info;
	return 0;
}

/* Queued signals without taking them, from the off-th on. */
static long req_peeksiginfo(struct ptrace *pt, u64 addr, u64 data)
{
	struct ptrace_peeksiginfo_args a;
	struct task *t = pt->tracee;
	struct sigqueue *q;
	siginfo_t info;
	long done = 0;

	if (get_user(a, addr))
		return -EFAULT;
	if (a.nr < 0 || (a.flags & ~(u32)PTRACE_PEEKSIGINFO_SHARED))
		return -EINVAL;
	for (; done < a.nr; done++, a.off++) {
		u64 i = 0;
		bool found = false;

		list_for_each(q, a.flags ? &t->proc->shared_pending.list : &t->pending.list, node) {
			if (i++ == a.off) {
				info = q->info;
				found = true;
				break;
			}
		}
		if (!found)
			break;
		if (copy_to_user(data + (u64)done * sizeof(info), &info, sizeof(info)))
			return done ? done : -EFAULT;
	}
	return done;
}

static long req_getsigmask(struct ptrace *pt, u64 addr, u64 data)
{
	struct task *t = pt->tracee;
	sigmask_t mask = t->restore_blocked ? t->saved_blocked : t->blocked;

	return addr == sizeof(mask) ? put_user(mask, data) : -EINVAL;
}

static long req_setsigmask(struct ptrace *pt, u64 addr, u64 data)
{
	sigmask_t mask;

	if (addr != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, data))
		return -EFAULT;
	pt->tracee->restore_blocked = false;
	set_blocked(pt->tracee, mask);
	return 0;
}

static size_t fill_syscall_info(const struct ptrace *pt, struct ptrace_syscall_info *si)
{
	const struct task *t = pt->tracee;

	switch (pt->place) {
	case PT_ENTRY:
		si->op = PTRACE_SYSCALL_INFO_ENTRY;
		si->entry.nr = (u32)t->syscall_nr;
		memcpy(si->entry.args, t->syscall_args, sizeof(si->entry.args));
		return offsetof(struct ptrace_syscall_info, entry) + sizeof(si->entry);
	case PT_EXIT:
		si->op = PTRACE_SYSCALL_INFO_EXIT;
		si->exit.rval = pt->rval;
		si->exit.is_error = pt->rval < 0 && pt->rval >= -4095;
		return offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
	default:
		break;
	}
	if (pt->code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
		si->op = PTRACE_SYSCALL_INFO_SECCOMP;
		si->seccomp.nr = (u32)t->syscall_nr;
		memcpy(si->seccomp.args, t->syscall_args, sizeof(si->seccomp.args));
		si->seccomp.ret_data = pt->msg;
		return offsetof(struct ptrace_syscall_info, seccomp.ret_data) + sizeof(u32);
	}
	si->op = PTRACE_SYSCALL_INFO_NONE;
	return offsetof(struct ptrace_syscall_info, entry);
}

static long req_syscall_info(struct ptrace *pt, u64 addr, u64 data)
{
	struct ptrace_syscall_info si = { .arch = AUDIT_ARCH_X86_64 };
	struct regs r;
	size_t n;

	if (get_regs(pt->tracee, &r))
		return -ESRCH;
	si.instruction_pointer = r.rip;
	si.stack_pointer = r.rsp;
	n = fill_syscall_info(pt, &si);
	return copy_to_user(data, &si, MIN(n, (size_t)addr)) ? -EFAULT : (long)n;
}

static long req_arch_prctl(struct ptrace *pt, u64 addr, u64 data)
{
	struct regs r;
	int err = get_regs(pt->tracee, &r);

	if (err)
		return err;
	switch (data) {
	case ARCH_GET_FS:
		return put_user(r.fs_base, addr);
	case ARCH_GET_GS:
		return put_user(r.gs_base, addr);
	case ARCH_SET_FS:
		return addr >= GUEST_TASK_SIZE ? -EPERM : uthread_set_fsbase(pt->tracee->ut, addr);
	case ARCH_SET_GS:
		return addr >= GUEST_TASK_SIZE ? -EPERM : uthread_set_gsbase(pt->tracee->ut, addr);
	}
	return -EINVAL;
}

static const struct {
	int request;
	long (*fn)(struct ptrace *pt, u64 addr, u64 data);
} requests[] = {
	{ PTRACE_PEEKTEXT, req_peek },
	{ PTRACE_PEEKDATA, req_peek },
	{ PTRACE_PEEKUSR, req_peekusr },
	{ PTRACE_POKETEXT, req_poke },
	{ PTRACE_POKEDATA, req_poke },
	{ PTRACE_POKEUSR, req_pokeusr },
	{ PTRACE_CONT, req_cont },
	{ PTRACE_SINGLESTEP, req_step },
	{ PTRACE_SYSCALL, req_syscall },
	{ PTRACE_SYSEMU, req_sysemu },
	{ PTRACE_SYSEMU_SINGLESTEP, req_sysemu_step },
	{ PTRACE_GETREGS, req_getregs },
	{ PTRACE_SETREGS, req_setregs },
	{ PTRACE_GETFPREGS, req_getfpregs },
	{ PTRACE_SETFPREGS, req_setfpregs },
	{ PTRACE_DETACH, req_detach },
	{ PTRACE_ARCH_PRCTL, req_arch_prctl },
	{ PTRACE_SETOPTIONS, req_setoptions },
	{ PTRACE_GETEVENTMSG, req_geteventmsg },
	{ PTRACE_GETSIGINFO, req_getsiginfo },
	{ PTRACE_SETSIGINFO, req_setsiginfo },
	{ PTRACE_PEEKSIGINFO, req_peeksiginfo },
	{ PTRACE_GETREGSET, req_getregset },
	{ PTRACE_SETREGSET, req_setregset },
	{ PTRACE_LISTEN, req_listen },
	{ PTRACE_GETSIGMASK, req_getsigmask },
	{ PTRACE_SETSIGMASK, req_setsigmask },
	{ PTRACE_GET_SYSCALL_INFO, req_syscall_info },
};

/* ---- requests that need no stop ---- */

static long traceme(void)
{
	struct task *t = current;

	if (t->ptrace || !t->proc->parent)
		return -EPERM;
	return ptrace_link(t, t->proc->parent_task, false, 0);
}

/* A stopped task is seen to stop anew, for the tracer, before the call returns. */
static void await_first_stop(struct task *t)
{
	struct ptrace *pt = t->ptrace;

	task_get(t);
	(void)!wait_event_killable(&current->proc->wait_chld,
				   t->ptrace != pt || pt->stopped || t->exiting, "ptrace_attach");
	task_put(t);
}

static long attach(struct task *t, bool seize, u64 options)
{
	int err;

	if (seize && (options & ~(u64)OPTIONS_KNOWN))
		return -EIO;
	err = ptrace_may_attach(t);
	if (err)
		return err;
	if (t->ptrace || t->exiting)
		return -EPERM;
	err = ptrace_link(t, current, seize, options);
	if (err)
		return err;
	if (!seize)
		send_signal_task(SIGSTOP, NULL, t);
	/* One that stands in a group stop comes out and stops for the tracer. */
	if (t->stopped) {
		t->trap_pending |= PT_TRAP_STOP;
		t->stopped = false;
		sched_wake(t);
		await_first_stop(t);
	}
	return 0;
}

static long interrupt(struct ptrace *pt)
{
	if (!pt->seized)
		return -EIO;
	pt->tracee->trap_pending |= PT_TRAP_STOP;
	if (pt->listening)
		ptrace_resume(pt, 0);
	else if (!pt->stopped)
		signal_wake(pt->tracee, false);
	return 0;
}

/* With the tracee's guest thread for itself; what moves memory borrows one on its own. */
static long run_request(struct task *t, long (*fn)(struct ptrace *pt, u64 addr, u64 data), u64 addr,
			u64 data)
{
	struct uthread *ut = t->ut;
	long ret;

	if (fn == req_peek || fn == req_poke)
		return fn(t->ptrace, addr, data);
	if (uthread_borrow(ut))
		return -ESRCH;
	ret = fn(t->ptrace, addr, data);
	space_return(ut);
	return ret;
}

static long stopped_request(struct ptrace *pt, int request, u64 addr, u64 data)
{
	struct task *t = pt->tracee;
	long ret = -EIO;

	if (!pt->stopped || t->state != TASK_TRACED || !t->ut)
		return -ESRCH;
	if (pt->listening && request != PTRACE_LISTEN)
		return -ESRCH;
	task_get(t);
	pt->users++;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].request == request) {
			ret = run_request(t, requests[i].fn, addr, data);
			break;
		}
	if (t->ptrace == pt)
		pt->users--;
	sched_wake(t);
	task_put(t);
	return ret;
}

long sys_ptrace(s64 request, upid_t pid, u64 addr, u64 data)
{
	struct task *t;
	struct ptrace *pt;

	if (request == PTRACE_TRACEME)
		return traceme();
	t = find_task(pid);
	if (!t || !t->proc)
		return -ESRCH;
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return request == PTRACE_SEIZE && addr ? -EIO :
		       attach(t, request == PTRACE_SEIZE, data);
	pt = t->ptrace;
	if (!pt || pt->tracer != current)
		return -ESRCH;
	if (request == PTRACE_KILL) {
		send_signal_task(SIGKILL, NULL, t);
		return 0;
	}
	if (request == PTRACE_INTERRUPT)
		return interrupt(pt);
	return stopped_request(pt, request, addr, data);
}
