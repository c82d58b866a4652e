/* SPDX-License-Identifier: MIT */
/*
 * Limits and usage: the rlimit calls, getrusage, times.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/time.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/rusage.h"
#include "sys/sys.h"

static void set_timeval(struct __kernel_old_timeval *tv, u64 ns)
{
	tv->tv_sec = ns / NSEC_PER_SEC;
	tv->tv_usec = ns % NSEC_PER_SEC / NSEC_PER_USEC;
}

int put_rusage(uaddr_t to, const struct acct *a)
{
	struct rusage ru;

	memset(&ru, 0, sizeof(ru));
	set_timeval(&ru.ru_utime, a->utime);
	set_timeval(&ru.ru_stime, a->stime);
	ru.ru_maxrss = a->maxrss;
	ru.ru_minflt = a->minflt;
	ru.ru_majflt = a->majflt;
	ru.ru_inblock = a->inblock;
	ru.ru_oublock = a->oublock;
	ru.ru_nvcsw = a->nvcsw;
	ru.ru_nivcsw = a->nivcsw;
	return copy_to_user(to, &ru, sizeof(ru));
}

static void note_rss(struct acct *a)
{
	u64 kib = current->mm ? mm_rss_pages(current->mm) * (PAGE_SIZE / 1024) : 0;

	a->maxrss = MAX(a->maxrss, kib);
}

long sys_getrusage(int who, uaddr_t ru)
{
	struct process *p = current->proc;
	struct acct a;

	switch (who) {
	case RUSAGE_SELF:
		process_times(p, &a);
		note_rss(&a);
		break;
	case RUSAGE_THREAD:
		task_times(current, &a);
		note_rss(&a);
		break;
	case RUSAGE_CHILDREN:
		a = p->child_acct;
		break;
	default:
		return -EINVAL;
	}
	return put_rusage(ru, &a) ? -EFAULT : 0;
}

static s64 to_ticks(u64 ns)
{
	return ns / (NSEC_PER_SEC / USER_HZ);
}

long sys_times(uaddr_t buf)
{
	const struct process *p = current->proc;
	struct tms tms;
	struct acct a;

	if (buf) {
		process_times(p, &a);
		tms.tms_utime = to_ticks(a.utime);
		tms.tms_stime = to_ticks(a.stime);
		tms.tms_cutime = to_ticks(p->child_acct.utime);
		tms.tms_cstime = to_ticks(p->child_acct.stime);
		if (copy_to_user(buf, &tms, sizeof(tms)))
			return -EFAULT;
	}
	return to_ticks(ktime_get_boottime());
}

/* ---- rlimits ---- */

static int limit_check(const struct rlimit_k *old, const struct rlimit_k *new, int which)
{
	if (new->cur > new->max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && new->max > 1048576 && new->max != RLIM64_INFINITY)
		return -EPERM;
	if (which == RLIMIT_NOFILE && new->max > 1048576)
		return -EPERM;
	if (new->max > old->max && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return 0;
}

/*
 * Guest processes know their limits. They write to files by themselves only while there is no limit on their size, and let
 * their heaps grow while there is none on memory. (One that is lowered by somebody else holds from the next brk call on
 * that is made here.)
 */
static void publish_limits(struct process *p)
{
	struct task *t;

	list_for_each(t, &p->threads, thread_node)
		if (t->ut)
			uthread_publish(t->ut);
}

static int limit_set(struct process *p, int which, const struct rlimit_k *new)
{
	struct rlimit_k *cur = &p->rlim[which];
	int err = limit_check(cur, new, which);

	if (err)
		return err;
	*cur = *new;
	if (which == RLIMIT_CPU)
		cpu_timers_tick(p);
	publish_limits(p);
	if (p == current->proc)
		uthread_publish_brk(current->ut, 0, 0);
	return 0;
}

long sys_getrlimit(int resource, uaddr_t rlim)
{
	if ((u32)resource >= RLIM_NLIMITS_K)
		return -EINVAL;
	return copy_to_user(rlim, &current->proc->rlim[resource], sizeof(struct rlimit_k));
}

long sys_setrlimit(int resource, uaddr_t rlim)
{
	struct rlimit_k new;

	if ((u32)resource >= RLIM_NLIMITS_K)
		return -EINVAL;
	if (copy_from_user(&new, rlim, sizeof(new)))
		return -EFAULT;
	return limit_set(current->proc, resource, &new);
}

static int prlimit_may(const struct process *p)
{
	const struct cred *c = current->cred, *tc = p->leader->cred;

	if (p == current->proc)
		return 0;
	if (c->uid == tc->euid && c->uid == tc->suid && c->uid == tc->uid &&
	    c->gid == tc->egid && c->gid == tc->sgid && c->gid == tc->gid)
		return 0;
	return capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

long sys_prlimit64(int pid, int resource, uaddr_t new_limit, uaddr_t old_limit)
{
	struct rlimit_k new, old;
	struct task *t;
	int err;

	if ((u32)resource >= RLIM_NLIMITS_K)
		return -EINVAL;
	if (new_limit && copy_from_user(&new, new_limit, sizeof(new)))
		return -EFAULT;
	t = pid ? find_task(pid) : current;
	if (!t || !t->proc || !t->proc->leader)
		return -ESRCH;
	err = prlimit_may(t->proc);
	if (err)
		return err;
	old = t->proc->rlim[resource];
	if (new_limit) {
		err = limit_set(t->proc, resource, &new);
		if (err)
			return err;
	}
	return old_limit && copy_to_user(old_limit, &old, sizeof(old)) ? -EFAULT : 0;
}
