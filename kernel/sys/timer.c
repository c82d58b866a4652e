/* SPDX-License-Identifier: MIT */
/*
 * Interval timers, alarm, POSIX timers: the calls.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/signal.h"
#include "abi/time.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "process/itimer.h"
#include "process/process.h"
#include "sys/clock.h"
#include "sys/sys.h"
#include "sys/timespec.h"

struct old_itimerval {
	struct __kernel_old_timeval interval, value;
};

static int timeval_ns(const struct __kernel_old_timeval *tv, ktime_t *out)
{
	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return -EINVAL;
	*out = tv->tv_sec >= INT64_MAX / NSEC_PER_SEC / 2
		       ? INT64_MAX / 2
		       : tv->tv_sec * NSEC_PER_SEC + tv->tv_usec * NSEC_PER_USEC;
	return 0;
}

static struct __kernel_old_timeval ns_timeval(ktime_t ns)
{
	return (struct __kernel_old_timeval){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / NSEC_PER_USEC };
}

static int put_itimerval(uaddr_t to, const struct timer_value *v)
{
	struct old_itimerval u = { ns_timeval(v->interval), ns_timeval(v->value) };

	return copy_to_user(to, &u, sizeof(u));
}

long sys_getitimer(int which, uaddr_t val)
{
	struct timer_value v;
	int err = itimer_get(current->proc, which, &v);

	return err ? err : put_itimerval(val, &v);
}

long sys_setitimer(int which, uaddr_t val, uaddr_t oval)
{
	struct timer_value new = { 0 }, old;
	struct old_itimerval u;
	int err = 0;

	if (val) {
		if (get_user(u, val))
			return -EFAULT;
		err = timeval_ns(&u.value, &new.value);
		if (!err)
			err = timeval_ns(&u.interval, &new.interval);
	}
	if (!err)
		err = itimer_set(current->proc, which, &new, &old);
	if (err)
		return err;
	return oval && put_itimerval(oval, &old) ? -EFAULT : 0;
}

long sys_alarm(u32 seconds)
{
	struct timer_value new = { seconds * NSEC_PER_SEC, 0 }, old;
	ktime_t left;

	if (itimer_set(current->proc, ITIMER_REAL, &new, &old))
		return 0;
	if (!old.value)
		return 0;
	/* To the nearest second, but never 0 while it runs. */
	left = (old.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return left ? left : 1;
}

/* ---- POSIX timers ---- */

static int timer_clock(int clock, enum timer_clock *out)
{
	ktime_t now;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		*out = TC_REAL;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		*out = TC_MONO;
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*out = TC_PROCESS_CPU;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*out = TC_THREAD_CPU;
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return capable(CAP_WAKE_ALARM) ? -EOPNOTSUPP : -EPERM;
	}
	if (clock >= 0)
		return -EINVAL;
	if (clock_read(clock, &now))
		return -EINVAL;
	*out = clock & 4 ? TC_THREAD_CPU : TC_PROCESS_CPU;
	return 0;
}

static int sigev_check(const struct sigevent *ev, struct ptimer_spec *spec)
{
	struct task *t;

	spec->notify = ev->sigev_notify;
	spec->signo = ev->sigev_signo;
	spec->value = (u64)ev->sigev_value.sival_ptr;
	switch (ev->sigev_notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		t = find_task(ev->_sigev_un._tid);
		if (!t || t->proc != current->proc)
			return -EINVAL;
		spec->target = t;
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		break;
	default:
		return -EINVAL;
	}
	return ev->sigev_signo < 1 || ev->sigev_signo > NSIG_K ? -EINVAL : 0;
}

long sys_timer_create(int clock, uaddr_t uev, uaddr_t uid)
{
	struct ptimer_spec spec = { .notify = SIGEV_SIGNAL, .signo = SIGALRM };
	struct sigevent ev;
	int err, id;

	err = timer_clock(clock, &spec.clock);
	if (err)
		return err;
	if (uev) {
		if (get_user(ev, uev))
			return -EFAULT;
		err = sigev_check(&ev, &spec);
		if (err)
			return err;
	}
	if (spec.clock == TC_THREAD_CPU && !spec.target)
		spec.target = current;
	id = ptimer_create(current->proc, &spec);
	if (id < 0)
		return id;
	if (!uev && ptimer_default_value(current->proc, id))
		return -EINVAL;
	if (put_user(id, uid)) {
		ptimer_delete(current->proc, id);
		return -EFAULT;
	}
	return 0;
}

static int get_timer_value(struct timer_value *v, uaddr_t from)
{
	int err = get_timespec(&v->interval, from);

	return err ? err : get_timespec(&v->value, from + sizeof(struct __kernel_timespec));
}

static int put_timer_value(uaddr_t to, const struct timer_value *v)
{
	struct __kernel_timespec ts[2] = {
		{ v->interval / NSEC_PER_SEC, v->interval % NSEC_PER_SEC },
		{ v->value / NSEC_PER_SEC, v->value % NSEC_PER_SEC },
	};

	return copy_to_user(to, ts, sizeof(ts));
}

long sys_timer_settime(int id, u32 flags, uaddr_t new_value, uaddr_t old_value)
{
	struct timer_value new, old;
	bool abs = flags & TIMER_ABSTIME;
	int err;

	if (!new_value)
		return -EINVAL;
	err = get_timer_value(&new, new_value);
	if (err)
		return err;
	if (abs && new.value && ptimer_is_real(current->proc, id))
		new.value = MAX(real_to_mono(new.value), 1);
	err = ptimer_set(current->proc, id, &new, abs, &old);
	if (err)
		return err;
	return old_value && put_timer_value(old_value, &old) ? -EFAULT : 0;
}

long sys_timer_gettime(int id, uaddr_t value)
{
	struct timer_value v;
	int err = ptimer_get(current->proc, id, &v);

	return err ? err : put_timer_value(value, &v);
}

long sys_timer_getoverrun(int id)
{
	return ptimer_overrun(current->proc, id);
}

long sys_timer_delete(int id)
{
	return ptimer_delete(current->proc, id);
}
