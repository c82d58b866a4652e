/* SPDX-License-Identifier: MIT */
/*
 * Interval timers and POSIX timers of a process, in kernel values (nanoseconds). Kernel lock held,
 * nothing blocks.
 */
#ifndef PROCESS_ITIMER_H
#define PROCESS_ITIMER_H

#include "abi/signal.h"
#include "core/signal.h"
#include "core/time.h"

struct process;
struct task;

struct timer_value {
	ktime_t value, interval;	/* value: until the next expiry, 0: not armed */
};

/* setitimer(2): ITIMER_*. 0, -ENOMEM, -EINVAL. old may be NULL. */
int itimer_get(struct process *p, int which, struct timer_value *out);
int itimer_set(struct process *p, int which, const struct timer_value *new, struct timer_value *old);

/* Clocks that timers and sleeps know, beyond Linux's numbers. */
enum timer_clock { TC_REAL, TC_MONO, TC_PROCESS_CPU, TC_THREAD_CPU };

struct ptimer_spec {
	enum timer_clock clock;
	int notify, signo;		/* SIGEV_* */
	u64 value;			/* sigev_value */
	struct task *target;		/* SIGEV_THREAD_ID, else NULL; borrowed */
};
int ptimer_create(struct process *p, const struct ptimer_spec *spec);		/* id, -EAGAIN, -ENOMEM */
/* -EINVAL: no such id. */
int ptimer_delete(struct process *p, int id);
int ptimer_get(struct process *p, int id, struct timer_value *out);
/* deadline: absolute on the timer's own clock when abs. */
int ptimer_set(struct process *p, int id, const struct timer_value *new, bool abs, struct timer_value *old);
bool ptimer_is_real(struct process *p, int id);		/* on CLOCK_REALTIME */
int ptimer_default_value(struct process *p, int id);	/* no sigevent given: its value is the id */
int ptimer_overrun(struct process *p, int id);

void process_timers_init(void);		/* hooks, once */

#endif
