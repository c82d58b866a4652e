/* SPDX-License-Identifier: MIT */
/*
 * Between sched.c (tasks, run queue, kernel lock), idle.c (workers), spare.c (is a CPU to spare?) and event.c (the host's events).
 */
#ifndef CORE_SCHEDPRIV_H
#define CORE_SCHEDPRIV_H

#include "core/time.h"

/* sched.c; all with the kernel lock held. */
extern int runq_len;
extern struct sched_stats sched_counts;
extern int background_len;	/* tasks that only attendants run; not in runq_len */
/* Runs the first runnable task until it blocks; false: there is none. attendant: one in the background, too. */
bool sched_run_next(bool attendant);
void sched_wait_while_lent(void);	/* the current task came back from the host: may it go on? Blocks */
bool klock_wanted(void);
void klock_yield(void);		/* lets a waiter have the lock */

/* spare.c; the same. */
extern int spare_cpus;		/* the host's CPUs that we may use */
/* A worker that was to run on a CPU nobody wanted did not: somebody else wants it. */
void spare_crowd(ktime_t now);
/* polled: somebody does. To be asked at each call that is answered, because it counts what goes on. */
bool spare_worth_polling(ktime_t now, bool polled);

/* idle.c */
int workers_init(void);
void sched_beat(void);		/* a task is about to run */
void sched_want_attendant(void);	/* if one sleeps; those awake look before they sleep */
void workers_run(void) __noreturn;	/* starts the others, turns the caller into one */

/* event.c */
int event_init(void);
void event_arm_timer(void);	/* the host timer follows ktimer_next() */
void event_idle(void);		/* lock held; sleeps in epoll without it, runs callbacks with it */
void event_poll(void);		/* runs the callbacks of what is there; lock held */
void event_kick(void);	/* ends that sleep, or the next; lock held */

#endif
