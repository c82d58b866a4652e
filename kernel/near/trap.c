/* SPDX-License-Identifier: MIT */
/*
 * Traps of guest code: the signal handler that all of them reach first, the patched path's C half, and
 * the handoff to the far kernel.
 *
 * In a signal handler ("full") the host has saved every register in a frame on the area's signal stack; the
 * frame is the guest's context and is what we return through. NEAR_SIGKICK is blocked there, so a kick
 * arrives right after the return, in guest code.
 */
#include "near/near.h"

#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/resource.h>
#include <linux/time_types.h>

#define PATIENCE_NS 200000
#define DEAF_NS 20000000	/* longer than anything that a worker of a lane should do */

struct near_leave near_fast_call(struct near_area *a, struct near_frame *f);

static void ring(struct near_area *a, u32 bell)
{
	u32 id = a->bell_id;

	near_syscall3(__NR_write, NEAR_FD_BELL + bell, &id, sizeof(id));
}

static bool answered(const struct near_area *a)
{
	return __atomic_load_n(&a->state, __ATOMIC_SEQ_CST) != ST_CALL;
}

static bool spin_for(struct near_area *a, u32 n)
{
	for (u32 i = 0; i < n && !READ_ONCE(a->blocked); i++) {
		if (answered(a))
			return true;
		__builtin_ia32_pause();
	}
	return answered(a);
}

/* As the vDSO does it: the limit of this segment holds the CPU's number. */
static u32 this_cpu(void)
{
	u32 v;

	__asm__ volatile("lsl %1, %0" : "=r"(v) : "r"(0x7b));
	return v & 0xfff;
}

/* Nobody's bell if the host runs us where the kernel process may not: then the one that is heard anywhere. */
static u32 bell_here(void)
{
	u32 cpu = this_cpu();

	return cpu < NEAR_CPUS ? near_watch()->bell[cpu] : 0;
}

static void sleep_for(struct near_area *a, u32 ns)
{
	const struct __kernel_timespec limit = { 0, ns };

	if (!answered(a))
		near_syscall6(__NR_futex, (u64)&a->state, FUTEX_WAIT, ST_CALL, ns ? (u64)&limit : 0, 0, 0);
}

static bool unheard(const struct near_area *a)
{
	return !answered(a) && !READ_ONCE(a->blocked);
}

/*
 * Who polls will see the call, so no bell is needed, if only it gets on: one that has run nothing since
 * then may be in the middle of something long, and another one is to look. The same when the answer is long in coming.
 */
static bool answered_unrung(struct near_area *a)
{
	u32 beat;

	if (spin_for(a, a->spin))
		return true;
	beat = near_watch()->beat;
	if (spin_for(a, a->spin))
		return true;
	__atomic_store_n(&a->sleeping, 1, __ATOMIC_SEQ_CST);
	if (near_watch()->beat != beat && near_watch()->awake && unheard(a))
		sleep_for(a, PATIENCE_NS);
	if (unheard(a))
		ring(a, bell_here());
	return answered(a);
}

/* The workers of a lane may all be in host calls that last: then one that runs anywhere is to look. */
static void sleep_rung(struct near_area *a)
{
	__atomic_store_n(&a->sleeping, 1, __ATOMIC_SEQ_CST);
	if (unheard(a)) {
		sleep_for(a, DEAF_NS);
		if (unheard(a))
			ring(a, 0);
	}
	while (!answered(a))
		sleep_for(a, 0);
}

static void wait_for_orders(struct near_area *a, bool rung)
{
	if (rung || !answered_unrung(a))
		sleep_rung(a);
	WRITE_ONCE(a->sleeping, 0);
}

/* It is the far kernel's turn. True: that took the bell. One who polls on this very CPU does not while we are here. */
static bool call_out(struct near_area *a)
{
	u32 cpu = this_cpu();

	WRITE_ONCE(a->cpu, cpu);
	__atomic_store_n(&a->state, ST_CALL, __ATOMIC_SEQ_CST);
	if (READ_ONCE(a->polled) && near_watch()->awake && near_watch()->cpu != cpu)
		return false;
	ring(a, bell_here());
	return true;
}

static void post(struct near_area *a)
{
	wait_for_orders(a, call_out(a));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* Do what is ordered until an answer lets guest code run. */
static u32 obey(struct near_area *a)
{
	for (;;) {
		s64 err = near_run_orders(a);

		if (!err && (a->resume & RESUME_GUEST)) {
			__atomic_store_n(&a->state, ST_GUEST, __ATOMIC_SEQ_CST);
			return a->resume;
		}
		a->trap = TRAPN_ORDERS;
		post(a);
	}
}

u32 near_far_call(struct near_area *a)
{
	post(a);
	return obey(a);
}

void near_run_context(struct near_area *a)
{
	struct near_uc *uc = (struct near_uc *)((u64)a + a->ctx);
	u32 how;

	wait_for_orders(a, true);
	how = obey(a);
	/* Who wanted to kick a process that was not yet there could only set the flag. */
	while ((how & RESUME_TRAP) || __atomic_load_n(&a->kicked, __ATOMIC_SEQ_CST)) {
		a->kicked = 0;
		if (how & RESUME_RESULT)
			uc->r.rax = (u64)a->result;
		a->nr = -1;
		a->trap = TRAPN_KICK;
		how = near_far_call(a);
	}
	if (how & RESUME_RESULT)
		uc->r.rax = (u64)a->result;
	near_resume_context(a, uc);
	near_sigreturn(uc);
}

/* Calls that need every register saved: they make contexts or replace them. */
static bool needs_full(long nr)
{
	return nr == __NR_clone || nr == __NR_fork || nr == __NR_vfork || nr == __NR_clone3 ||
	       nr == __NR_execve || nr == __NR_execveat || nr == __NR_rt_sigreturn;
}

/* What a program leaves behind: the far kernel would have to look for it in /proc. */
static void note_usage(struct near_area *a, long nr)
{
	struct rusage ru;

	a->maxrss = 0;
	if ((NEAR_ENDS(nr) || nr == __NR_execve || nr == __NR_execveat) &&
	    !near_syscall3(__NR_getrusage, RUSAGE_SELF, &ru, 0))
		a->maxrss = (u64)ru.ru_maxrss;
}

/* None of the locks in the list has this thread as its owner. False also where that cannot be read. */
static bool owns_none(const struct near_area *a, const struct robust_list_head *head)
{
	u64 entry = (u64)head->list.next, next;
	u32 word;

	for (int i = 0; entry != a->robust_list && i < ROBUST_LIST_LIMIT; i++, entry = next) {
		entry &= ~1ULL;		/* of a lock with priority inheritance */
		if (near_copy(&next, (const void *)entry, sizeof(next)) ||
		    near_copy(&word, (const void *)(entry + (u64)head->futex_offset), sizeof(word)) ||
		    (word & FUTEX_TID_MASK) == a->tid)
			return false;
	}
	return true;
}

/* The far kernel would have to ask for each entry. */
static void drop_robust(struct near_area *a)
{
	struct robust_list_head head;

	if (a->robust_list && !near_copy(&head, (const void *)a->robust_list, sizeof(head)) &&
	    !head.list_op_pending && owns_none(a, &head))
		a->robust_list = 0;
}

/*
 * What pthread_join() waits for. Whoever sees the zero may make a thread with the same TLS, so that is given up before. The
 * far kernel wakes; with locks left it has to go through these first.
 */
static void clear_tid(struct near_area *a)
{
	const u32 zero = 0;

	a->cleared = 0;
	if (a->alone || a->robust_list || !a->clear_child_tid)
		return;
	near_leaving(a);
	a->cleared = !near_copy((void *)a->clear_child_tid, &zero, sizeof(zero));
}

/* Arguments and all are in place: what is left to do before the far kernel is asked. */
static void before_call(struct near_area *a, long nr, const u64 *args)
{
	if (a->fast && NEAR_ENDS(nr))
		drop_robust(a);
	if (a->fast && nr == __NR_exit)
		clear_tid(a);
	near_prefetch(a, nr, args);
	if (!a->fast)
		return;
	note_usage(a, nr);
	if (!NEAR_ENDS(nr) || !a->alone || a->robust_list)
		return;
	/* Nothing of this process is needed any more: it does not wait for the answer. */
	a->left = 1;
	call_out(a);
	for (;;)
		near_syscall3(__NR_exit_group, 0, 0, 0);
}

static struct near_leave far_call(struct near_area *a, struct near_frame *f, long nr)
{
	u32 how;

	a->trap = TRAPN_SYSCALL;
	a->full = 0;
	a->nr = nr;
	for (int i = 0; i < 6; i++)
		a->args[i] = f->args[i];
	a->site = 0;
	before_call(a, nr, f->args);
	how = near_far_call(a);
	return (struct near_leave){ (u64)a->result, how & RESUME_TRAP ? LEAVE_TRAP : LEAVE_RETURN };
}

struct near_leave near_fast_call(struct near_area *a, struct near_frame *f)
{
	long nr = (s32)f->nr;
	long result;

	if (needs_full(nr))
		return (struct near_leave){ (u64)nr, LEAVE_REDO };
	if (near_selfsig_wants(a, nr, f->args))
		return (struct near_leave){ (u64)nr, near_data()->fpu.magic1 ? LEAVE_SIGNAL : LEAVE_REDO };
	a->moved = 0;
	if (near_local(a, nr, f->args, &result))
		return (struct near_leave){ (u64)result, LEAVE_RETURN };
	return far_call(a, f, nr);
}

static void full_trap(struct near_area *a, struct near_uc *uc, u32 kind)
{
	u32 how;

	a->trap = kind;
	a->full = 1;
	a->ctx = (u64)uc - (u64)a;
	do {
		how = near_far_call(a);
		if (how & RESUME_RESULT)
			uc->r.rax = (u64)a->result;
		a->trap = TRAPN_KICK;
	} while (how & RESUME_TRAP);
	near_resume_context(a, uc);
}

static void kicked_trap(struct near_area *a, struct near_uc *uc)
{
	a->kicked = 0;
	a->nr = -1;
	full_trap(a, uc, TRAPN_KICK);
}

/* Code that is made at run time cannot be learnt: after so many reports in vain there are no more. */
#define REPORTS_MAX 512
/*
 * The first patch of a program costs as much as some thirty traps, because its text has to be made writable and copied,
 * each further one as much as a few: the program and the site must be worth it.
 */
#define WORTH_PROGRAM 40
#define WORTH_SITE 4
#define REPORTED 255

/*
 * Is it time to tell the far kernel of the site (a->site)? A call that is answered here must reach it then all the
 * same. Calls that end or replace the program, or save all registers anyway, are never worth it.
 */
static bool report_site(struct near_area *a, long nr)
{
	struct near_data *d = near_data();
	u32 h = a->site / 2 % 256;

	if (!a->site || !d->fsgsbase || d->reports >= REPORTS_MAX || needs_full(nr) || NEAR_ENDS(nr))
		return false;
	if (d->reported[h] != a->site) {
		d->reported[h] = a->site;
		d->traps[h] = 0;
	}
	if (d->traps[h] == REPORTED)
		return false;
	d->trapped += d->trapped < WORTH_PROGRAM;
	d->traps[h] += d->traps[h] < WORTH_SITE;
	if (d->trapped < WORTH_PROGRAM || d->traps[h] < WORTH_SITE)
		return false;
	d->traps[h] = REPORTED;
	d->reports++;
	return true;
}

static void guest_syscall(struct near_area *a, struct near_uc *uc, long nr)
{
	u64 args[6] = { uc->r.rdi, uc->r.rsi, uc->r.rdx, uc->r.r10, uc->r.r8, uc->r.r9 };
	bool local = false;
	long result;

	near_fs_register(a);
	a->moved = 0;
	if (!report_site(a, nr)) {
		a->site = 0;
		local = near_local(a, nr, args, &result);
	}
	if (local)
		uc->r.rax = (u64)result;
	else if (!a->site)
		local = near_selfsig(a, uc, nr, args);
	if (local) {
		if (a->kicked)
			kicked_trap(a, uc);
		else
			near_resume_context(a, uc);
		return;
	}
	a->nr = nr;
	for (int i = 0; i < 6; i++)
		a->args[i] = args[i];
	a->trap = TRAPN_SYSCALL;
	a->full = 0;
	before_call(a, nr, args);
	full_trap(a, uc, TRAPN_SYSCALL);
}

/* The patched path asks for a full context: put the guest's registers back into the frame. */
static void restore_patched(struct near_area *a, struct near_uc *uc)
{
	uc->r.rax = a->b_rax;
	uc->r.eflags = a->b_flags;
	uc->r.rsp = a->b_rsp;
	uc->r.rip = near_island_ret(a->b_ret);
	uc->r.rcx = uc->r.rip;
	uc->r.r11 = a->b_flags;
}

static bool in_near(u64 ip)
{
	return ip - NEAR_TEXT < NEAR_TEXT_MAX;
}

static void on_sigsys(struct near_area *a, siginfo_t *info, struct near_uc *uc)
{
	long nr = (s32)uc->r.rax;

	if (info->si_arch != AUDIT_ARCH_X86_64) {
		uc->r.rax = (u64)-ENOSYS;	/* int 0x80: no 32-bit calls here */
		return;
	}
	if (in_near(uc->r.rip)) {
		if (nr == NEAR_NR_TRAP) {
			restore_patched(a, uc);
			a->kicked = 0;
			a->nr = -1;
			full_trap(a, uc, TRAPN_KICK);
			return;
		}
		if (nr == NEAR_NR_REDO) {
			restore_patched(a, uc);
			a->site = 0;
			guest_syscall(a, uc, (s32)a->b_rax);
			return;
		}
		uc->r.rax = (u64)-ENOSYS;	/* a call of ours that the host refuses */
		return;
	}
	a->site = 0;
	if (near_in_islands(uc->r.rip))
		near_canonical(uc);
	else
		a->site = uc->r.rip;
	guest_syscall(a, uc, nr);
}

static void on_kick(struct near_area *a, struct near_uc *uc)
{
	u64 ip = uc->r.rip;

	if (in_near(ip)) {
		a->kicked = 1;
		if (ip >= (u64)near_exit_check && ip < (u64)near_exit_end) {
			uc->r.rip = (u64)near_exit_trap;
			uc->r.rcx = (u64)a;
		}
		return;
	}
	near_canonical(uc);
	kicked_trap(a, uc);
}

static void on_fault(struct near_area *a, int sig, siginfo_t *info, struct near_uc *uc)
{
	const u64 *from = (const u64 *)info;
	u64 *to = (u64 *)a->siginfo;

	if (uc->r.rip >= (u64)near_uaccess_begin && uc->r.rip < (u64)near_uaccess_end) {
		uc->r.rip = (u64)near_uaccess_fault;
		return;
	}
	if (sig == SIGILL && near_site2_tail(uc->r.rip)) {
		near_resume_context(a, uc);	/* somebody jumped behind a replaced syscall */
		return;
	}
	for (size_t i = 0; i < sizeof(a->siginfo) / 8; i++)
		to[i] = from[i];
	near_canonical(uc);
	a->nr = -1;
	a->args[0] = uc->r.err;
	a->args[1] = uc->r.trapno;
	a->args[2] = uc->r.cr2;
	full_trap(a, uc, TRAPN_FAULT);
}

/*
 * A program that steps itself or is stepped (TF) also traps behind each instruction of ours: those are
 * not its own, so it goes on until it is back in its text.
 */
static bool hidden_step(int sig, const siginfo_t *info, const struct near_uc *uc)
{
	return sig == SIGTRAP && info->si_code == TRAP_TRACE &&
	       (in_near(uc->r.rip) || near_in_islands(uc->r.rip));
}

void near_signal(int sig, void *siginfo, struct near_uc *uc)
{
	siginfo_t *info = siginfo;
	struct near_area *a = near_area_at((u64)uc);

	if (sig == SIGSYS)
		on_sigsys(a, info, uc);
	else if (sig == NEAR_SIGKICK)
		on_kick(a, uc);
	else if (hidden_step(sig, info, uc))
		return;
	else
		on_fault(a, sig, info, uc);
}
