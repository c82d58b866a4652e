/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: tasks' stacks, the run queue, the kernel lock, kernel threads.
 *
 * A worker (idle.c) holds the kernel lock, takes the next runnable task and switches to its stack; the task
 * switches back when it blocks.
 */
#include "core/sched.h"

#include <string.h>

#include "abi/errno.h"
#include "core/arena.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/schedpriv.h"
#include "core/task.h"
#include "core/time.h"
#include "host/host.h"
#include "lib/alloc.h"

#define STACK_CACHE 64
#define YIELD_LOOKS 40

static __thread struct task *cur;
static __thread void *worker_sp, *worker_fake;
static __thread const void *worker_stack;
static __thread size_t worker_stack_size;

static LIST_HEAD(runq);
static LIST_HEAD(background);
int runq_len, background_len;
struct sched_stats sched_counts;
static int ncpus = 1;
static void *stack_cache[STACK_CACHE];
static int nstacks;

void task_switch(void **save_sp, void *load_sp);
void task_first_run(void);

__attribute__((noinline)) struct task *current_task(void)
{
	__asm__ volatile("");		/* never cached over a switch: the task may move to another worker */
	return cur;
}

/* --- the kernel lock: a spin of a few hundred tries, then a futex --- */

static u32 klock;			/* 0 free, 1 taken, 2 taken with waiters */
static u32 klock_waiters;

void kernel_lock(void)
{
	u32 free = 0;

	if (__atomic_compare_exchange_n(&klock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	__atomic_fetch_add(&klock_waiters, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < (ncpus > 1 ? 200 : 0); i++) {
		free = 0;
		if (__atomic_compare_exchange_n(&klock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			goto out;
		host_cpu_relax();
	}
	while (__atomic_exchange_n(&klock, 2, __ATOMIC_ACQUIRE) != 0)
		host_futex_wait(&klock, 2, -1);
out:
	__atomic_fetch_sub(&klock_waiters, 1, __ATOMIC_SEQ_CST);
}

void kernel_unlock(void)
{
	if (__atomic_exchange_n(&klock, 0, __ATOMIC_RELEASE) == 2)
		host_futex_wake(&klock, 1);
}

bool klock_wanted(void)
{
	return __atomic_load_n(&klock_waiters, __ATOMIC_RELAXED) != 0;
}

/* Let a waiter have the lock: without the pause the one who gives it up would mostly win it again. */
void klock_yield(void)
{
	kernel_unlock();
	for (int i = 0; i < YIELD_LOOKS && klock_wanted() && !__atomic_load_n(&klock, __ATOMIC_RELAXED); i++)
		host_cpu_relax();
	kernel_lock();
}

/* --- stacks --- */

int sched_stack_alloc(struct task *t)
{
	if (nstacks) {
		t->kstack = stack_cache[--nstacks];
		return 0;
	}
	t->kstack = host_stack_alloc(KSTACK_SIZE);
	if (!t->kstack)
		return -ENOMEM;
	fiber_made((char *)t->kstack + PAGE_SIZE, KSTACK_SIZE - PAGE_SIZE);
	return 0;
}

void sched_stack_free(struct task *t)
{
	arena_free(t);
	if (nstacks < STACK_CACHE) {
		stack_cache[nstacks++] = t->kstack;
	} else {
		fiber_gone((char *)t->kstack + PAGE_SIZE, KSTACK_SIZE - PAGE_SIZE);
		host_stack_free(t->kstack, KSTACK_SIZE);
	}
	t->kstack = NULL;
}

/* --- run queue --- */

void sched_wake(struct task *t)
{
	if (t->on_runq)
		return;
	if (t->sched_running) {
		t->wake_pending = true;
		return;
	}
	t->on_runq = true;
	list_add_tail(&t->run_node, t->background ? &background : &runq);
	if (t->background) {
		background_len++;
		sched_want_attendant();
	} else {
		runq_len++;
	}
}

/* On t's stack, perhaps on another worker than before: its thread variables are looked up anew. */
static __attribute__((noinline)) void arrived(struct task *t, void *fake)
{
	fiber_arrive(fake, &worker_stack, &worker_stack_size);
}

static void switch_out(struct task *t)
{
	fiber_leave(t->sched_exited ? NULL : &t->fake_stack, worker_stack, worker_stack_size);
	task_switch(&t->sp, worker_sp);
	arrived(t, t->fake_stack);
}

/* Until another task has given the guest thread back; the wakeups of the time are spurious to the caller. */
static void wait_while_lent(struct task *t)
{
	while (unlikely(t->lent))
		switch_out(t);
}

void sched_wait_while_lent(void)
{
	if (cur)
		wait_while_lent(cur);
}

void sched_block(void)
{
	struct task *t = current;

	if (t->wake_pending) {
		t->wake_pending = false;
		return;
	}
	if (sched_hooks.blocking && t->ut)
		sched_hooks.blocking(t);
	switch_out(t);
	wait_while_lent(t);
}

void sched_yield_kernel(void)
{
	struct task *t = current;

	if (!runq_len)
		return;
	t->wake_pending = true;
	switch_out(t);
	wait_while_lent(t);
}

void sched_exit(void)
{
	struct task *t = current;

	t->state = t->state == TASK_ZOMBIE ? TASK_ZOMBIE : TASK_DEAD;
	t->sched_exited = true;
	switch_out(t);
	__builtin_trap();
}

static struct task *take(struct list_head *queue, int *len)
{
	struct task *t = list_first(queue, struct task, run_node);

	list_del_init(&t->run_node);
	--*len;
	t->on_runq = t->background = false;
	return t;
}

static struct task *pick(bool attendant)
{
	if (!list_empty(&runq))
		return take(&runq, &runq_len);
	return attendant && !list_empty(&background) ? take(&background, &background_len) : NULL;
}

static void run_task(struct task *t)
{
	cur = t;
	t->sched_running = true;
	sched_counts.switches++;
	sched_beat();
	fiber_leave(&worker_fake, t->kstack, KSTACK_SIZE);
	task_switch(&worker_sp, t->sp);
	fiber_arrive(worker_fake, NULL, NULL);
	cur = NULL;
	t->sched_running = false;
	if (t->sched_exited) {
		sched_stack_free(t);	/* others may hold the task for long */
		task_put(t);		/* the scheduler's reference, taken by task_start() */
		return;
	}
	if (t->wake_pending) {
		t->wake_pending = false;
		sched_wake(t);
	}
}

bool sched_run_next(bool attendant)
{
	struct task *t = pick(attendant);

	if (t)
		run_task(t);
	return t != NULL;
}

static void first_entry(struct task *t)
{
	arrived(t, NULL);
	t->entry(t);
	sched_exit();
}

void task_start(struct task *t, void (*entry)(struct task *t), void *arg)
{
	u64 *sp = (u64 *)((char *)t->kstack + KSTACK_SIZE - 64);

	fiber_fresh(t->kstack, KSTACK_SIZE);
	t->entry = entry;
	t->entry_arg = arg;
	*--sp = 0;			/* task_first_run() calls on an aligned stack */
	*--sp = 0;
	*--sp = (u64)task_first_run;
	*--sp = 0;			/* rbp */
	*--sp = (u64)first_entry;	/* rbx */
	*--sp = (u64)t;			/* r12 */
	*--sp = 0;
	*--sp = 0;
	*--sp = 0;
	t->sp = sp;
	task_get(t);
	sched_wake(t);
}

struct kthread_arg {
	void (*fn)(void *arg);
	void *arg;
};

static void kthread_entry(struct task *t)
{
	struct kthread_arg *ka = t->entry_arg;
	struct kthread_arg copy = *ka;

	kfree(ka);
	copy.fn(copy.arg);
	task_unhash(t);
	task_put(t);
}

int kthread_run(const char *name, void (*fn)(void *arg), void *arg)
{
	struct kthread_arg *ka = kmalloc(sizeof(*ka));
	struct task *t;
	int err;

	if (!ka)
		return -ENOMEM;
	err = task_alloc(&t);
	if (err) {
		kfree(ka);
		return err;
	}
	*ka = (struct kthread_arg){ fn, arg };
	task_set_comm(t, name);
	task_start(t, kthread_entry, ka);
	return 0;
}

int sched_ncpus(void)
{
	return ncpus;
}

void sched_get_stats(struct sched_stats *st)
{
	*st = sched_counts;
	st->runnable = runq_len;
	st->guests_running = guests_running;
}

int sched_init(int n)
{
	int err = workers_init();

	ncpus = n;
	return err ? err : event_init();
}

void sched_start(void)
{
	workers_run();
}
