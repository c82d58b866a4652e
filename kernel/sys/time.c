/* SPDX-License-Identifier: MIT */
/*
 * Clocks and sleeping. The guest's clocks are the host's: they can be read, not set.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/time.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "mm/user.h"
#include "process/process.h"
#include "sys/clock.h"
#include "sys/sys.h"
#include "sys/timespec.h"

#ifndef ADJ_ADJTIME
#define ADJ_ADJTIME 0x8000		/* not in the user headers: marks the adjtime() forms */
#endif
#define COARSE_RES (4 * NSEC_PER_MSEC)
#define SEC_MAX (INT64_MAX / NSEC_PER_SEC)

/* ---- times across the boundary ---- */

int get_timespec(ktime_t *out, uaddr_t from)
{
	struct __kernel_timespec ts;

	if (get_user(ts, from))
		return -EFAULT;
	if (ts.tv_sec < 0 || (u64)ts.tv_nsec >= (u64)NSEC_PER_SEC)
		return -EINVAL;
	*out = ts.tv_sec >= SEC_MAX ? KTIME_NEVER : ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	return 0;
}

int put_timespec(uaddr_t to, ktime_t ns)
{
	struct __kernel_timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	return copy_to_user(to, &ts, sizeof(ts));
}

ktime_t deadline_after(ktime_t rel)
{
	ktime_t now = ktime_get();

	return rel >= KTIME_NEVER - now ? KTIME_NEVER : now + rel;
}

ktime_t real_to_mono(ktime_t real)
{
	ktime_t off = ktime_get_real() - ktime_get();

	if (real == KTIME_NEVER)
		return real;
	return real > off ? real - off : 0;
}

/* ---- clocks ---- */

/* Clocks of one process or thread: ~pid << 3 | 4 when a thread | which (0 prof, 1 virt, 2 sched). */
static int cpu_clock(int clock, ktime_t *out)
{
	int pid = ~(clock >> 3), which = clock & 3;
	struct acct a;
	struct task *t;

	if (which == 3)
		return -EINVAL;
	t = pid ? find_task(pid) : current;
	if (!t || !t->proc)
		return -EINVAL;
	if (clock & 4) {
		if (t->proc != current->proc)
			return -EINVAL;
		task_times(t, &a);
	} else {
		if (pid && !task_is_leader(t))
			return -EINVAL;
		process_times(t->proc, &a);
	}
	*out = which == 1 ? a.utime : a.utime + a.stime;
	return 0;
}

int clock_read(int clock, ktime_t *out)
{
	struct acct a;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		*out = ktime_get_real();
		return 0;
	case CLOCK_MONOTONIC:
		*out = ktime_get();
		return 0;
	case CLOCK_BOOTTIME_ALARM:
		clock = CLOCK_BOOTTIME;
		/* fall through */
	case CLOCK_TAI:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*out = ktime_get_clock(clock);
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		process_times(current->proc, &a);
		*out = a.utime + a.stime;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		task_times(current, &a);
		*out = a.utime + a.stime;
		return 0;
	}
	return clock < 0 ? cpu_clock(clock, out) : -EINVAL;
}

long sys_clock_gettime(int clock, uaddr_t ts)
{
	ktime_t now;
	int err = clock_read(clock, &now);

	return err ? err : put_timespec(ts, now);
}

long sys_clock_getres(int clock, uaddr_t ts)
{
	ktime_t now, res = 1;
	int err = clock_read(clock, &now);

	if (err)
		return err;
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		res = COARSE_RES;
	return ts ? put_timespec(ts, res) : 0;
}

long sys_clock_settime(int clock, uaddr_t ts)
{
	ktime_t val;
	int err;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	err = get_timespec(&val, ts);
	return err ? err : -EPERM;
}

long sys_time(uaddr_t tloc)
{
	s64 now = ktime_get_real() / NSEC_PER_SEC;

	return tloc && put_user(now, tloc) ? -EFAULT : now;
}

long sys_gettimeofday(uaddr_t tv, uaddr_t tz)
{
	ktime_t now = ktime_get_real();
	struct __kernel_old_timeval val = { now / NSEC_PER_SEC, now % NSEC_PER_SEC / NSEC_PER_USEC };
	struct timezone zone = { 0 };

	if (tv && copy_to_user(tv, &val, sizeof(val)))
		return -EFAULT;
	return tz && copy_to_user(tz, &zone, sizeof(zone)) ? -EFAULT : 0;
}

long sys_settimeofday(uaddr_t tv, uaddr_t tz)
{
	struct __kernel_old_timeval val;

	if (tv) {
		if (get_user(val, tv))
			return -EFAULT;
		if (val.tv_sec < 0 || val.tv_usec < 0 || val.tv_usec >= 1000000)
			return -EINVAL;
	}
	return -EPERM;
}

/* ---- adjtimex: read only ---- */

static long adjust(uaddr_t utx)
{
	ktime_t now = ktime_get_real();
	struct timex tx;

	if (get_user(tx, utx))
		return -EFAULT;
	if (tx.modes & ADJ_ADJTIME && tx.modes != ADJ_OFFSET_SINGLESHOT &&
	    tx.modes != ADJ_OFFSET_SS_READ)
		return -EINVAL;
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	memset(&tx, 0, sizeof(tx));
	tx.maxerror = tx.esterror = 16000000;
	tx.status = STA_UNSYNC;
	tx.constant = 2;
	tx.precision = 1;
	tx.tolerance = 32768000;
	tx.time.tv_sec = now / NSEC_PER_SEC;
	tx.time.tv_usec = now % NSEC_PER_SEC / NSEC_PER_USEC;
	tx.tick = 10000;
	return copy_to_user(utx, &tx, sizeof(tx)) ? -EFAULT : TIME_ERROR;
}

long sys_adjtimex(uaddr_t tx)
{
	return adjust(tx);
}

long sys_clock_adjtime(int clock, uaddr_t tx)
{
	ktime_t now;

	if (clock_read(clock, &now))
		return -EINVAL;
	return clock == CLOCK_REALTIME ? adjust(tx) : -EOPNOTSUPP;
}

/* ---- sleeping ---- */

static int sleep_until(ktime_t deadline)
{
	int err;

	do
		err = wq_sleep(NULL, WAIT_INTERRUPTIBLE, deadline, "hrtimer_nanosleep");
	while (!err);
	return err == -ETIME ? 0 : err;
}

/* Interrupted: tell what is left, and how to go on. */
static long nanosleep_restart(struct restart_block *rb)
{
	ktime_t left;
	int err = sleep_until(rb->deadline);

	if (err != -ERESTARTSYS)
		return err;
	left = MAX(rb->deadline - ktime_get(), 0);
	if (rb->a && put_timespec(rb->a, left))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_relative(ktime_t rel, uaddr_t rem)
{
	struct restart_block *rb = &current->restart;

	rb->fn = nanosleep_restart;
	rb->deadline = deadline_after(rel);
	rb->a = rem;
	return nanosleep_restart(rb);
}

long sys_nanosleep(uaddr_t req, uaddr_t rem)
{
	ktime_t rel;
	int err = get_timespec(&rel, req);

	return err ? err : sleep_relative(rel, rem);
}

/* CPU time passes only while the process runs: look again each time enough could have. */
static long sleep_cpu(ktime_t until)
{
	ktime_t now;
	int err;

	for (;;) {
		clock_read(CLOCK_PROCESS_CPUTIME_ID, &now);
		if (now >= until)
			return 0;
		err = sleep_until(ktime_get() + MAX(until - now, NSEC_PER_MSEC));
		if (err)
			return err == -ERESTARTSYS ? -EINTR : err;
	}
}

static long sleep_absolute(int clock, ktime_t when)
{
	ktime_t now;
	int err;

	if (clock != CLOCK_MONOTONIC && when != KTIME_NEVER && !clock_read(clock, &now))
		when = MAX(when - (now - ktime_get()), 0);
	err = sleep_until(when);
	return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

long sys_clock_nanosleep(int clock, u32 flags, uaddr_t req, uaddr_t rem)
{
	ktime_t t, now;
	int err;

	if (clock_read(clock, &now))
		return -EINVAL;
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
	    clock == CLOCK_REALTIME_COARSE)
		return -EOPNOTSUPP;
	err = get_timespec(&t, req);
	if (err)
		return err;
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock < 0)
		return sleep_cpu(flags & TIMER_ABSTIME ? t : now + t);
	if (flags & TIMER_ABSTIME)
		return sleep_absolute(clock, t);
	return sleep_relative(t, rem);
}
