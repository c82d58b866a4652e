/* SPDX-License-Identifier: MIT */
/*
 * Scheduler: worker host threads run tasks. Each task has a kernel stack; blocking
 * switches stacks in user mode. One worker at a time holds the kernel lock and so runs kernel
 * code; guests run beside it.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/fiber.h"			/* KSTACK_SIZE */
#include "lib/types.h"

struct task;

struct task *current_task(void);	/* NULL on a host thread that runs no task */
#define current current_task()

/* Make t runnable; harmless when it already is. Kernel lock held. */
void sched_wake(struct task *t);
/* Give way to other runnable tasks. Blocks. */
void sched_yield_kernel(void);
/* Give the CPU away until sched_wake(). The wait.h functions use it; nobody else should. */
void sched_block(void);
/* Gives t a kernel stack (t->kstack; t->sp so that the first switch to t calls t->entry(t)): from task_alloc(). */
int sched_stack_alloc(struct task *t);	/* 0 or -ENOMEM; in sched.c */
/* For a task that was never started (undone fork). sched_exit() recycles the stack of one that ran. */
void sched_stack_free(struct task *t);
/* Never returns: drops the scheduler's reference (task_start() took it) once the stack is left. */
void sched_exit(void) __noreturn;

void kernel_lock(void);			/* for host threads that are not workers */
void kernel_unlock(void);
/* After a host thread that is no worker made tasks runnable: a worker wakes up if none is awake. Kernel lock held. */
void sched_notice(void);

/*
 * Around a host call that may block for long: drops the kernel lock, so that other tasks
 * run on other workers meanwhile. No kernel state may be touched in between.
 * brief: the call mostly needs no longer than it takes to wake another worker. Then none is woken before it has shown
 * that it needs longer, unless a CPU is free.
 */
void host_block_begin(void);
void host_block_end(void);
void host_brief_begin(void);
void host_brief_end(void);

/* A kernel thread: fn(arg) runs as a task of its own. 0 or -ENOMEM. */
int kthread_run(const char *name, void (*fn)(void *arg), void *arg);

/*
 * Host descriptors as event sources: fn(arg, EPOLL* events) runs under the kernel lock in the
 * event thread, must not block. Edge triggered when edge is set. 0 or -errno.
 */
struct event_source;
int event_add(int hostfd, u32 events, bool edge, void (*fn)(void *arg, u32 events), void *arg,
	      struct event_source **out);
void event_mod(struct event_source *es, u32 events);
void event_del(struct event_source *es);	/* no callback runs after this returns; fd stays open */

/*
 * What the guest layer adds to the idle loop, set once at start:
 * poll: look at the threads that run guest code; true when a task became runnable. polled: how many it looks at.
 * attend: they need not ring as long as this is on; after it was put off one more poll() finds whoever relied on it.
 * beat: who polls gets on.
 * lane_busy: a guest thread runs there, or was there last. quiet_lane: one but this where no guest thread runs, as far as
 * is known, or -1. busy_lanes: how many others. bell: a guest thread rang.
 * blocking: t goes to sleep in the kernel, so its guest thread need not spin.
 */
struct sched_hooks {
	bool (*poll)(void);
	int (*polled)(void);
	void (*attend)(bool on);
	void (*beat)(void);
	bool (*lane_busy)(int lane);
	int (*quiet_lane)(int but);
	int (*busy_lanes)(void);
	void (*bell)(const u32 *ids, int n);
	void (*blocking)(struct task *t);
};
extern struct sched_hooks sched_hooks;
#define SCHED_BELL_MAX 64		/* rings read at a time */
#define LANES_MAX 32
/*
 * Write ends of the doorbells, of which guest processes get copies: [0] is heard by workers that run anywhere, [1 + n] by
 * those of lane n, on its CPU. How many (up to 1 + LANES_MAX); fds may be NULL.
 */
int sched_bells(int *fds);
/* One that sleeps on a word in a page that it shares; where it ran last. Soon. Kernel lock held */
void sched_wake_guest(u32 *futex, u32 cpu);
bool sched_cpu_spare(void);		/* there seems to be a CPU that neither guest threads nor others want */

int sched_init(int ncpus);		/* starts nothing yet */
void sched_start(void) __noreturn;	/* starts workers, turns the caller into one */
int sched_ncpus(void);			/* guest CPUs */

struct sched_stats {
	u64 crowds, switches, polls_hit, polls_missed, doorbells;
	int runnable, guests_running;
};
void sched_get_stats(struct sched_stats *st);
extern int guests_running;		/* host threads that run guest code; guest/ counts */
extern u64 sched_calls;			/* how often they came to the kernel; guest/ counts */

#endif
