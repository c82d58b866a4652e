/* SPDX-License-Identifier: MIT */
/*
 * Scheduling calls. The host schedules; policies, priorities and masks are checked, kept
 * and reported.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/sys.h"
#include "sys/timespec.h"

#define MAX_NICE 19
#define MIN_NICE (-20)
#define RT_MAX 99
#define ATTR_SIZE_MIN 48

long sys_sched_yield(void)
{
	sched_yield_kernel();
	return 0;
}

static struct task *task_by_id(int pid)
{
	struct task *t = pid ? find_task(pid) : current;

	return t && t->proc ? t : NULL;
}

static bool same_owner(const struct task *t)
{
	const struct cred *c = current->cred;

	return c->euid == t->cred->euid || c->euid == t->cred->uid;
}

/* ---- policies ---- */

static bool is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_fair(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static int policy_may(const struct task *t, int policy, int prio, int nice)
{
	u64 rtlimit = t->proc->rlim[RLIMIT_RTPRIO].cur;

	if (capable(CAP_SYS_NICE))
		return 0;
	if (is_rt(policy)) {
		if (policy != t->policy && !rtlimit)
			return -EPERM;
		if (prio > t->rt_priority && (u64)prio > rtlimit)
			return -EPERM;
	}
	if (is_fair(policy) && nice < t->nice &&
	    (u64)(20 - nice) > t->proc->rlim[RLIMIT_NICE].cur)
		return -EPERM;
	if (!same_owner(t))
		return -EPERM;
	if (t->reset_on_fork)
		return 0;
	return 0;
}

static int set_policy(struct task *t, int policy, int prio, int nice, bool reset)
{
	int err;

	if (!is_rt(policy) && !is_fair(policy))
		return -EINVAL;
	if (prio < 0 || prio > RT_MAX || is_rt(policy) != (prio != 0))
		return -EINVAL;
	err = policy_may(t, policy, prio, nice);
	if (err)
		return err;
	if (t->reset_on_fork && !reset && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->policy = policy;
	t->rt_priority = prio;
	if (is_fair(policy))
		t->nice = nice;
	t->reset_on_fork = reset;
	return 0;
}

static long set_scheduler(int pid, int policy, uaddr_t param)
{
	bool reset = policy >= 0 && (policy & SCHED_RESET_ON_FORK);
	struct task *t;
	int prio;

	if (!param || pid < 0)
		return -EINVAL;
	if (get_user(prio, param))
		return -EFAULT;
	t = task_by_id(pid);
	if (!t)
		return -ESRCH;
	return set_policy(t, policy & ~SCHED_RESET_ON_FORK, prio, t->nice, reset);
}

long sys_sched_setscheduler(int pid, int policy, uaddr_t param)
{
	return policy < 0 ? -EINVAL : set_scheduler(pid, policy, param);
}

long sys_sched_setparam(int pid, uaddr_t param)
{
	struct task *t;
	int prio;

	if (!param || pid < 0)
		return -EINVAL;
	if (get_user(prio, param))
		return -EFAULT;
	t = task_by_id(pid);
	return t ? set_policy(t, t->policy, prio, t->nice, t->reset_on_fork) : -ESRCH;
}

long sys_sched_getscheduler(int pid)
{
	struct task *t;

	if (pid < 0)
		return -EINVAL;
	t = task_by_id(pid);
	return t ? t->policy | (t->reset_on_fork ? SCHED_RESET_ON_FORK : 0) : -ESRCH;
}

long sys_sched_getparam(int pid, uaddr_t param)
{
	struct task *t;
	int prio;

	if (!param || pid < 0)
		return -EINVAL;
	t = task_by_id(pid);
	if (!t)
		return -ESRCH;
	prio = is_rt(t->policy) ? t->rt_priority : 0;
	return put_user(prio, param);
}

static long priority_bound(int policy, int rt)
{
	if (is_rt(policy))
		return rt;
	return is_fair(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_max(int policy)
{
	return priority_bound(policy, RT_MAX);
}

long sys_sched_get_priority_min(int policy)
{
	return priority_bound(policy, 1);
}

long sys_sched_rr_get_interval(int pid, uaddr_t ts)
{
	struct task *t;

	if (pid < 0)
		return -EINVAL;
	t = task_by_id(pid);
	if (!t)
		return -ESRCH;
	return put_timespec(ts, t->policy == SCHED_RR ? 100 * NSEC_PER_MSEC :
				t->policy == SCHED_FIFO ? 0 : 4 * NSEC_PER_MSEC);
}

/* ---- sched_attr ---- */

/* The bytes behind what we know must be zero; size 0 is the first version. */
static int attr_from_user(struct sched_attr *a, uaddr_t from)
{
	u8 rest[256] = { 0 };
	u32 size;

	memset(a, 0, sizeof(*a));
	if (get_user(size, from))
		return -EFAULT;
	if (!size)
		size = ATTR_SIZE_MIN;
	if (size < ATTR_SIZE_MIN || size > sizeof(rest)) {
		size = sizeof(*a);
		return put_user(size, from) ? -EFAULT : -E2BIG;
	}
	if (copy_from_user(rest, from, size))
		return -EFAULT;
	for (u32 i = sizeof(*a); i < size; i++)
		if (rest[i])
			return -E2BIG;
	memcpy(a, rest, MIN((size_t)size, sizeof(*a)));
	return 0;
}

static int set_deadline(struct task *t, const struct sched_attr *a)
{
	u64 period = a->sched_period ? a->sched_period : a->sched_deadline;

	if (!a->sched_deadline || a->sched_runtime < 1024 || a->sched_runtime > a->sched_deadline ||
	    a->sched_deadline > period || (period | a->sched_deadline) >> 63 || a->sched_priority)
		return -EINVAL;
	if (!capable(CAP_SYS_NICE))
		return -EPERM;
	t->policy = SCHED_DEADLINE;
	t->rt_priority = 0;
	t->dl_runtime = a->sched_runtime;
	t->dl_deadline = a->sched_deadline;
	t->dl_period = period;
	t->reset_on_fork = a->sched_flags & SCHED_FLAG_RESET_ON_FORK;
	return 0;
}

long sys_sched_setattr(int pid, uaddr_t uattr, u32 flags)
{
	struct sched_attr a;
	struct task *t;
	int err;

	if (!uattr || pid < 0 || flags)
		return -EINVAL;
	err = attr_from_user(&a, uattr);
	if (err)
		return err;
	if ((int)a.sched_policy < 0 || (a.sched_flags & ~0x7fULL))
		return -EINVAL;
	t = task_by_id(pid);
	if (!t)
		return -ESRCH;
	if (a.sched_policy == SCHED_DEADLINE)
		return set_deadline(t, &a);
	if (a.sched_flags & SCHED_FLAG_KEEP_POLICY)
		a.sched_policy = t->policy;
	if (a.sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		a.sched_priority = t->rt_priority;
		a.sched_nice = t->nice;
	}
	a.sched_nice = MAX(MIN(a.sched_nice, MAX_NICE), MIN_NICE);
	return set_policy(t, a.sched_policy, a.sched_priority, a.sched_nice,
			  a.sched_flags & SCHED_FLAG_RESET_ON_FORK);
}

long sys_sched_getattr(int pid, uaddr_t uattr, u32 size, u32 flags)
{
	struct sched_attr a = { 0 };
	struct task *t;

	if (!uattr || pid < 0 || flags || size < ATTR_SIZE_MIN || size > PAGE_SIZE)
		return -EINVAL;
	t = task_by_id(pid);
	if (!t)
		return -ESRCH;
	a.size = MIN((size_t)size, sizeof(a));
	a.sched_policy = t->policy;
	a.sched_flags = t->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (t->policy == SCHED_DEADLINE) {
		a.sched_runtime = t->dl_runtime;
		a.sched_deadline = t->dl_deadline;
		a.sched_period = t->dl_period;
	} else if (is_rt(t->policy))
		a.sched_priority = t->rt_priority;
	else
		a.sched_nice = t->nice;
	a.sched_util_max = 1024;
	return copy_to_user(uattr, &a, a.size);
}

/* ---- affinity ---- */

static u64 possible_cpus(void)
{
	int n = sched_ncpus();

	return n >= 64 ? ~0ULL : (1ULL << n) - 1;
}

long sys_sched_setaffinity(int pid, u32 len, uaddr_t umask)
{
	u64 mask = 0;
	struct task *t;

	if (copy_from_user(&mask, umask, MIN(len, (u32)sizeof(mask))))
		return -EFAULT;
	t = task_by_id(pid);
	if (pid < 0 || !t)
		return -ESRCH;
	if (!same_owner(t) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (!(mask & possible_cpus()))
		return -EINVAL;
	t->cpu_mask = mask;
	if (t->ut)
		uthread_set_affinity(t->ut, mask);
	return 0;
}

long sys_sched_getaffinity(int pid, u32 len, uaddr_t umask)
{
	struct task *t;
	u64 mask;

	if (len * 8 < (u32)sched_ncpus() || (len & (sizeof(u64) - 1)))
		return -EINVAL;
	t = task_by_id(pid);
	if (pid < 0 || !t)
		return -ESRCH;
	mask = t->cpu_mask & possible_cpus();
	return copy_to_user(umask, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

long sys_getcpu(uaddr_t ucpu, uaddr_t unode, uaddr_t cache)
{
	u32 cpu = current->cpu, node = 0;

	if (ucpu && put_user(cpu, ucpu))
		return -EFAULT;
	return unode && put_user(node, unode) ? -EFAULT : 0;
}

/* ---- nice and I/O priority: of a process, a group, a user ---- */

struct each {
	int (*fn)(struct task *t, void *arg);
	void *arg;
	int found, err;
};

static void each_thread(struct each *e, struct process *p)
{
	struct task *t;
	int err;

	list_for_each(t, &p->threads, thread_node) {
		err = e->fn(t, e->arg);
		e->found++;
		if (err)
			e->err = err;
	}
}

static void each_in_group(struct each *e, struct pgrp *pg)
{
	struct process *p;

	if (!pg)
		return;
	list_for_each(p, &pg->procs, pgrp_node)
		each_thread(e, p);
}

static void each_of_user(struct each *e, u32 uid)
{
	struct process *p;

	list_for_each(p, &process_list, all_node)
		if (p->leader && p->leader->cred->uid == uid)
			each_thread(e, p);
}

/* kind: 0 a task, 1 a group, 2 a user. */
static int for_each_of(int kind, int who, int (*fn)(struct task *t, void *arg), void *arg)
{
	struct each e = { .fn = fn, .arg = arg };
	struct task *t;

	switch (kind) {
	case 0:
		t = task_by_id(who);
		if (t) {
			e.found = 1;
			e.err = fn(t, arg);
		}
		break;
	case 1:
		each_in_group(&e, who ? find_pgrp(who) : current->proc->pgrp);
		break;
	case 2:
		each_of_user(&e, who ? (u32)who : current->cred->uid);
		break;
	default:
		return -EINVAL;
	}
	return e.found ? e.err : -ESRCH;
}

static int nice_one(struct task *t, void *arg)
{
	int nice = *(int *)arg;

	if (!same_owner(t) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < t->nice && !capable(CAP_SYS_NICE) &&
	    (u64)(20 - nice) > t->proc->rlim[RLIMIT_NICE].cur)
		return -EACCES;
	t->nice = nice;
	return 0;
}

long sys_setpriority(int which, int who, int nice)
{
	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	nice = MAX(MIN(nice, MAX_NICE), MIN_NICE);
	return for_each_of(which, who, nice_one, &nice);
}

static int best_nice(struct task *t, void *arg)
{
	int *best = arg;

	*best = MAX(*best, 20 - t->nice);
	return 0;
}

/* 1..40, so that it cannot be mistaken for an error. */
long sys_getpriority(int which, int who)
{
	int best = 0, err;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	err = for_each_of(which, who, best_nice, &best);
	return err ? err : best;
}

#define IOPRIO_CLASS(p) ((p) >> 13 & 7)
#define IOPRIO_DATA(p) ((p) & 0x1fff)
#define IOPRIO_DEFAULT (2 << 13 | 4)
enum { IOPRIO_NONE, IOPRIO_RT, IOPRIO_BE, IOPRIO_IDLE };

static int ioprio_one(struct task *t, void *arg)
{
	if (!same_owner(t) && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->ioprio = *(int *)arg;
	return 0;
}

static int ioprio_check(int prio)
{
	switch (IOPRIO_CLASS(prio)) {
	case IOPRIO_RT:
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
			return -EPERM;
		/* fall through */
	case IOPRIO_BE:
		return (IOPRIO_DATA(prio) & 7) == IOPRIO_DATA(prio) ? 0 : -EINVAL;
	case IOPRIO_IDLE:
		return 0;
	case IOPRIO_NONE:
		return IOPRIO_DATA(prio) ? -EINVAL : 0;
	}
	return -EINVAL;
}

long sys_ioprio_set(int which, int who, int ioprio)
{
	int err = ioprio_check(ioprio);

	if (err)
		return err;
	return which < 1 ? -EINVAL : for_each_of(which - 1, who, ioprio_one, &ioprio);
}

static int best_ioprio(struct task *t, void *arg)
{
	int *best = arg, p = t->ioprio ? t->ioprio : IOPRIO_DEFAULT;

	*best = *best ? MIN(*best, p) : p;
	return 0;
}

long sys_ioprio_get(int which, int who)
{
	int best = 0, err;

	if (which < 1)
		return -EINVAL;
	err = for_each_of(which - 1, who, best_ioprio, &best);
	if (err)
		return err;
	/* One task that never set it reports "none". */
	if (which == 1 && task_by_id(who) && !task_by_id(who)->ioprio)
		return 0;
	return best;
}

/* ---- membarrier: whoever runs guest code is made to enter the kernel, which is a barrier ---- */

#define BARRIER_LOOK_NS 20000

static void barrier_wait(struct task *t, u64 nruns)
{
	task_get(t);
	while (t->state == TASK_GUEST && t->nruns == nruns && !current->killed)
		(void)!wq_sleep(NULL, WAIT_KILLABLE, ktime_get() + BARRIER_LOOK_NS, "membarrier");
	task_put(t);
}

/* Kick all first, then wait: one thread at a time, by number, since the list may change meanwhile. */
static void barrier_threads(struct process *p)
{
	struct task *t;
	u64 nruns;
	bool again = true;

	list_for_each(t, &p->threads, thread_node)
		if (t != current && t->state == TASK_GUEST && task_kick)
			task_kick(t);
	for (int tid = 0; again;) {
		struct task *next = NULL;

		again = false;
		list_for_each(t, &p->threads, thread_node)
			if (t->tid > tid && t != current && (!next || t->tid < next->tid))
				next = t;
		if (next) {
			tid = next->tid;
			nruns = next->nruns;
			again = true;
			barrier_wait(next, nruns);
		}
	}
}

static void barrier_all(bool registered)
{
	struct process *p;

	for (int tgid = 0;;) {
		struct process *next = NULL;

		list_for_each(p, &process_list, all_node)
			if (p->tgid > tgid && (!next || p->tgid < next->tgid))
				next = p;
		if (!next)
			return;
		tgid = next->tgid;
		if (registered && !(next->membarrier & MEMBARRIER_CMD_GLOBAL_EXPEDITED))
			continue;
		process_get(next);
		barrier_threads(next);
		process_put(next);
	}
}

long sys_membarrier(int cmd, u32 flags, int cpu)
{
	struct process *p = current->proc;

	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		       MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		barrier_all(cmd == MEMBARRIER_CMD_GLOBAL_EXPEDITED);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		if (!(p->membarrier & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
			return -EPERM;
		barrier_threads(p);
		return 0;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		p->membarrier |= MEMBARRIER_CMD_GLOBAL_EXPEDITED;
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		p->membarrier |= MEMBARRIER_CMD_PRIVATE_EXPEDITED;
		return 0;
	}
	return -EINVAL;
}
