/* SPDX-License-Identifier: MIT */
/*
 * A scheduler for unit tests: one task, current_task(), that never really sleeps. Included by a
 * test's .c file, so that the real core/sched.c and wait.c are not linked in.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "core/wait.h"

static struct process fake_process;
static struct task fake_task = { .proc = &fake_process, .tid = 1 };
u64 sched_calls;
static bool fake_no_task;		/* as on a host thread that runs none */

struct task *current_task(void)
{
	return fake_no_task ? NULL : &fake_task;
}

void sched_wake(struct task *t)
{
}

void sched_block(void)
{
	__builtin_trap();
}

void sched_yield_kernel(void)
{
}

int kthread_run(const char *name, void (*fn)(void *arg), void *arg)
{
	return -ENOMEM;
}

void sched_notice(void)
{
}

void kernel_lock(void)
{
}

void kernel_unlock(void)
{
}

void host_block_begin(void)
{
}

void host_block_end(void)
{
}

void host_brief_begin(void)
{
}

void host_brief_end(void)
{
}

/* Nobody would wake us: a wait that a signal may end, ends so; any other is a bug of the test. */
int wq_sleep(struct wait_queue *wq, enum wait_mode mode, ktime_t deadline, const char *reason)
{
	if (mode == WAIT_INTERRUPTIBLE)
		return -ERESTARTSYS;
	if (mode == WAIT_KILLABLE)
		return -EINTR;
	if (deadline != KTIME_NEVER)
		return -ETIME;
	fprintf(stderr, "sleeps for ever: %s\n", reason);
	__builtin_trap();
}

void wq_init(struct wait_queue *wq)
{
	list_init(&wq->entries);
}

void wq_add(struct wait_queue *wq, struct wait_entry *we)
{
	list_add_tail(&we->node, &wq->entries);
}

void wq_remove(struct wait_entry *we)
{
	list_del_init(&we->node);
}

bool wq_active(const struct wait_queue *wq)
{
	return !list_empty(&wq->entries);
}

void wake_up_events(struct wait_queue *wq, u32 events)
{
	struct wait_entry *we, *next;

	list_for_each_safe(we, next, &wq->entries, node)
		we->fn(we, events);
}

void wake_up(struct wait_queue *wq)
{
	wake_up_events(wq, 0);
}

void wake_up_all(struct wait_queue *wq)
{
	wake_up_events(wq, 0);
}

int sched_stack_alloc(struct task *t)
{
	return 0;
}

void sched_stack_free(struct task *t)
{
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	__builtin_trap();
}
