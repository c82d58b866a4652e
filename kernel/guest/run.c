/* SPDX-License-Identifier: MIT */
/*
 * Running guest code: what the thread is told before, what it says with its trap, kicks.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/unistd.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

void uthread_bind(struct uthread *ut, struct task *t)
{
	ut->task = t;
}

/* A tracer or filter must see every call. */
bool uthread_fast(const struct uthread *ut)
{
	return guest_fastpath && ut->task && !ut->task->ptrace && !ut->task->seccomp;
}

void uthread_publish(struct uthread *ut)
{
	struct near_area *a = ut->area;
	struct task *t = ut->task;
	struct process *p = t ? t->proc : NULL;
	const struct cred *c;

	if (!p)
		return;
	c = t->cred;
	a->fast = uthread_fast(ut);
	a->tid = (u32)t->tid;
	a->pid = (u32)p->tgid;
	a->ppid = p->parent ? (u32)p->parent->tgid : 0;
	a->uid = c->uid;
	a->euid = c->euid;
	a->gid = c->gid;
	a->egid = c->egid;
	a->files = fds_flags(ut);
	_Static_assert(sizeof(a->limits) == sizeof(p->rlim), "limits");
	memcpy(a->limits, p->rlim, sizeof(a->limits));
}

/* What the thread may change by itself while guest code runs, but for the mask: to its area before, back afterwards. */
static void lend_kept(struct uthread *ut)
{
	ut->area->robust_list = ut->task->robust_list;
	ut->area->clear_child_tid = ut->task->clear_child_tid;
}

void uthread_collect_kept(struct uthread *ut)
{
	struct task *t = ut->task;

	if (!t || !guest_fastpath)
		return;
	t->robust_list = READ_ONCE(ut->area->robust_list);
	t->clear_child_tid = READ_ONCE(ut->area->clear_child_tid);
}

static sigmask_t area_mask(const struct near_area *a)
{
	return __atomic_load_n(&a->sigmask, __ATOMIC_SEQ_CST) & ~SIG_UNBLOCKABLE;
}

/* The near kernel stores its mask, then looks at sigpending; here it is the other way round. */
void uthread_sync_mask(struct uthread *ut, sigmask_t pending)
{
	sigmask_t mask;

	if (!guest_fastpath || !ut->running || !ut->task)
		return;
	__atomic_store_n(&ut->area->sigpending, pending, __ATOMIC_SEQ_CST);
	mask = area_mask(ut->area);
	if (mask == ut->task->blocked)
		return;
	/* The thread comes in for what it has let loose; then nothing must tell us that the mask is old news. */
	ut->task->blocked = mask;
	if (pending_signals(ut->task) & ~mask)
		ut->task->sigpending = true;
}

void uthread_publish_brk(struct uthread *ut, u64 brk, u64 max)
{
	ut->area->brk = ut->brk = brk;
	ut->area->brk_max = ut->brk_max = max;
}

bool uthread_brk_moved(struct uthread *ut, u64 *brk)
{
	u64 now = READ_ONCE(ut->area->brk);

	if (likely(now == ut->brk) || !ut->brk || !guest_fastpath)
		return false;
	if (now < ut->brk || now > ut->brk_max) {
		space_kill(ut->space);
		return false;
	}
	*brk = ut->brk = now;
	return true;
}

static void collect_mask(struct uthread *ut)
{
	struct task *t = ut->task;
	sigmask_t mask;

	if (!t || !guest_fastpath)
		return;
	mask = area_mask(ut->area);
	if (mask == t->blocked)
		return;
	t->blocked = mask;
	recalc_sigpending(t);
}

/* Faults raise these and no others. */
static bool take_siginfo(const struct near_area *a, siginfo_t *out)
{
	memcpy(out, a->siginfo, sizeof(*out));
	return out->si_signo == SIGSEGV || out->si_signo == SIGBUS || out->si_signo == SIGFPE ||
	       out->si_signo == SIGILL || out->si_signo == SIGTRAP;
}

/* What comes with a call that is the last one of a program. */
static void take_end(struct uthread *ut)
{
	struct near_area *a = ut->area;

	if (NEAR_ENDS(ut->nr) && ut->space->nthreads == 1 && READ_ONCE(a->left))
		ut->space->leaving = true;
	ut->tid_cleared = ut->nr == __NR_exit && uthread_fast(ut) && ut->space->nthreads > 1 && READ_ONCE(a->cleared);
	if (guest_fastpath && (NEAR_ENDS(ut->nr) || ut->nr == __NR_execve || ut->nr == __NR_execveat))
		ut->max_rss = READ_ONCE(a->maxrss) / (PAGE_SIZE / 1024);
}

static void take_trap(struct uthread *ut, struct trap *out)
{
	struct near_area *a = ut->area;
	u32 kind = READ_ONCE(a->trap);

	uthread_take_context(ut);
	collect_mask(ut);
	uthread_collect_kept(ut);
	ut->npre = 0;
	ut->max_rss = 0;
	ut->nr = -1;
	ut->kick_sent = false;
	for (int i = 0; i < 6; i++)
		out->args[i] = READ_ONCE(a->args[i]);
	if (kind == TRAPN_SYSCALL) {
		out->kind = TRAP_SYSCALL;
		out->nr = ut->nr = READ_ONCE(a->nr);
		out->moved = READ_ONCE(a->moved);
		ut->in_call = true;
		take_end(ut);
		ut->npre = MIN(READ_ONCE(a->npre), (u32)PRE_MAX);
		memcpy(ut->pre, a->pre, sizeof(ut->pre));
	} else if (kind == TRAPN_FAULT && ut->full && take_siginfo(a, &out->info)) {
		out->kind = TRAP_FAULT;
		out->error_code = out->args[0];
		out->trapno = out->args[1];
		out->cr2 = out->args[2];
	} else if (kind == TRAPN_KICK && ut->full) {
		out->kind = TRAP_KICK;
	} else {
		space_kill(ut->space);
		out->kind = TRAP_DEAD;
	}
}

/* Copies that were to happen on the way out failed: the call's result becomes EFAULT after all. */
static bool copy_failed(struct uthread *ut)
{
	return ut->deferred && READ_ONCE(ut->area->trap) == TRAPN_ORDERS;
}

int uthread_retrap(struct uthread *ut)
{
	bool again = true;
	int err;

	do {
		uthread_channel_release(ut);
		uthread_hand_over(ut, RESUME_GUEST | RESUME_TRAP);
		err = uthread_await_trap(ut, "guest_full");
		if (!err && defer_failed(ut, ut->norders))
			continue;
		if (!err && copy_failed(ut))
			ut->result = -EFAULT;
		else
			again = false;
		uthread_orders_over(ut);
	} while (!err && again);
	ut->npre = 0;
	return err;
}

static bool resume_and_wait(struct uthread *ut)
{
	/* Descriptors sent are taken in the order of the answers. */
	uthread_channel_release(ut);
	uthread_hand_over(ut, RESUME_GUEST | (ut->has_result ? RESUME_RESULT : 0));
	if (uthread_await_trap(ut, "guest"))
		return false;
	while (defer_failed(ut, ut->norders)) {
		ut->has_result = true;
		uthread_hand_over(ut, RESUME_GUEST | RESUME_RESULT);
		if (uthread_await_trap(ut, "guest"))
			return false;
	}
	if (!copy_failed(ut))
		return true;
	ut->norders = 0;
	ut->result = -EFAULT;
	ut->has_result = true;
	uthread_hand_over(ut, RESUME_GUEST | RESUME_RESULT);
	return uthread_await_trap(ut, "guest") == 0;
}

/* The process is gone; but its last call may have been to say so. */
static bool last_call(struct uthread *ut, struct trap *out)
{
	if (READ_ONCE(ut->area->state) != ST_CALL || READ_ONCE(ut->area->trap) != TRAPN_SYSCALL)
		return false;
	take_trap(ut, out);
	return out->kind == TRAP_SYSCALL && ut->space->leaving;
}

void uthread_run(struct uthread *ut, struct trap *out)
{
	u64 site;

	if (unlikely(wq_active(&ut->wq))) {
		/* Who wants to borrow the thread goes first. Then look at signals again: they kicked nobody. */
		sched_yield_kernel();
		out->kind = TRAP_KICK;
		if (!wq_active(&ut->wq))
			return;
	}
	if (ut->space->dead)
		goto dead;
	if (ut->task) {
		ut->area->sigmask = ut->task->blocked;
		ut->area->sigpending = pending_signals(ut->task);
		ut->area->ss_sp = ut->task->altstack.sp;
		ut->area->ss_size = ut->task->altstack.size;
		ut->area->ss_flags = (u32)ut->task->altstack.flags;
		lend_kept(ut);
	}
	ut->area->alone = ut->space->nthreads == 1;
	ut->in_call = ut->staged = false;
	if (!resume_and_wait(ut))
		goto dead;
	uthread_orders_over(ut);
	ut->has_result = ut->result_stays = false;
	take_trap(ut, out);
	site = READ_ONCE(ut->area->site);
	if (out->kind == TRAP_SYSCALL && ut->full && site && guest_patching)
		text_trap(ut, site);
	return;
dead:
	if (!last_call(ut, out))
		out->kind = TRAP_DEAD;
}

void uthread_set_result(struct uthread *ut, long result)
{
	struct guest_uc *uc = uthread_uc(ut);

	if (!ut->result_stays)
		ut->result = result;
	ut->has_result = true;
	if (uc)
		uc->r.rax = (u64)ut->result;
}

void uthread_set_affinity(struct uthread *ut, u64 mask)
{
	/* The number came from the guest: it must name a thread of that process. */
	if (!ut->space->dead && ut->tid && sched_ncpus() == poll_cpus() &&
	    !host_tgkill(ut->space->hostpid, ut->tid, 0))
		host_set_affinity(ut->tid, mask);
}

void uthread_kick(struct uthread *ut)
{
	if (!ut->running || ut->space->dead)
		return;
	if (!ut->space->hostpid) {
		/* One that is not yet born looks at this before it runs. */
		__atomic_store_n(&ut->area->kicked, 1, __ATOMIC_SEQ_CST);
		forks_look();
	}
	if (ut->space->hostpid)
		host_tgkill(ut->space->hostpid, ut->tid, NEAR_SIGKICK);
}
