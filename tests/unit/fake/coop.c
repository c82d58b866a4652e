/* SPDX-License-Identifier: MIT */
/*
 * A scheduler for unit tests of code that blocks: tasks are coroutines of one host thread. Which
 * of the runnable ones goes on at a blocking point is chosen by a seeded generator, so a test
 * sees many orders of events and each can be had again. Time is virtual: it moves a little at
 * each switch, and to the next deadline when nobody can run. If nobody waits for a deadline
 * either, that is a deadlock: everybody's reason is printed. Included by a test's .c file, after
 * alloc.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/fiber.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "core/wait.h"

#define COOP_MAX 32
#define COOP_STACK (256 * 1024)

struct coop {
	struct task task;
	void *sp, *stack, *fake_stack;
	const void *bottom;		/* of the stack, for the sanitizer */
	size_t size;
	void (*fn)(void *arg);
	void *arg;
	bool used, runnable;
	ktime_t deadline;
	const char *reason;
};

static struct coop coops[COOP_MAX];	/* 0: the test itself */
static struct coop *coop_now = coops, *coop_before, *coop_next;
static u64 coop_rng = 1;
static ktime_t coop_time = 1000 * NSEC_PER_SEC;
static char coop_log[4096];		/* what was logged, the last of it */
static bool coop_verbose;

/* core/switch.S */
void task_switch(void **save_sp, void *load_sp);
void task_first_run(void);

static u32 coop_random(u32 n)
{
	coop_rng ^= coop_rng << 13;
	coop_rng ^= coop_rng >> 7;
	coop_rng ^= coop_rng << 17;
	return (u32)(coop_rng >> 20) % n;
}

/* Before the first task: forget everything, choose the order of events. */
static void coop_start(u64 seed)
{
	coop_rng = seed * 0x9e3779b97f4a7c15ULL + 1;
	coop_log[0] = 0;
	coops[0].used = coops[0].runnable = true;
	for (int i = 0; i < 8; i++)
		coop_random(2);
}

static void coop_deadlock(void)
{
	fprintf(stderr, "deadlock:\n");
	for (int i = 0; i < COOP_MAX; i++)
		if (coops[i].used)
			fprintf(stderr, "  task %d waits: %s\n", i, coops[i].reason);
	abort();
}

static struct coop *coop_choose(void)
{
	struct coop *ready[COOP_MAX], *first = NULL;
	u32 n = 0;

	for (struct coop *c = coops; c < coops + COOP_MAX; c++) {
		if (c->used && c->runnable)
			ready[n++] = c;
		else if (c->used && (!first || c->deadline < first->deadline))
			first = c;
	}
	if (n)
		return ready[coop_random(n)];
	if (!first || first->deadline == KTIME_NEVER)
		coop_deadlock();
	coop_time = MAX(coop_time, first->deadline);
	return first;
}

static void coop_arrived(struct coop *self)
{
	fiber_arrive(self->fake_stack, &coop_before->bottom, &coop_before->size);
	coop_now = self;
}

static void coop_switch(bool last)
{
	struct coop *self = coop_now, *to = coop_choose();

	coop_time += 1000 * (1 + coop_random(100));
	if (to == self)
		return;
	coop_before = self;
	coop_next = to;
	fiber_leave(last ? NULL : &self->fake_stack, to->bottom, to->size);
	task_switch(&self->sp, to->sp);
	coop_arrived(self);
}

/* A moment in which others may run. */
static void coop_pause(void)
{
	if (coop_random(2))
		coop_switch(false);
}

static void coop_body(void *unused)
{
	struct coop *self = coop_next;

	coop_arrived(self);
	self->fn(self->arg);
	self->used = false;
	coop_switch(true);
	abort();
}

/* What task_switch() pops: the function goes to rbx, its argument to r12. */
static void *coop_first_frame(void *stack)
{
	void **sp = (void **)((char *)stack + COOP_STACK) - 9;

	memset(sp, 0, 9 * sizeof(*sp));
	sp[4] = (void *)coop_body;
	sp[6] = (void *)task_first_run;
	return sp;
}

int kthread_run(const char *name, void (*fn)(void *arg), void *arg)
{
	struct coop *c = coops + 1;

	while (c->used)
		if (++c == coops + COOP_MAX)
			return -ENOMEM;
	if (!c->stack)
		c->stack = malloc(COOP_STACK);
	fiber_fresh(c->stack, COOP_STACK);
	c->bottom = c->stack;
	c->size = COOP_STACK;
	c->fake_stack = NULL;
	c->fn = fn;
	c->arg = arg;
	c->used = c->runnable = true;
	c->sp = coop_first_frame(c->stack);
	return 0;
}

struct task *current_task(void)
{
	return &coop_now->task;
}

static bool coop_wake(struct wait_entry *we, u32 events)
{
	((struct coop *)we->private)->runnable = true;
	return true;
}

int wq_sleep(struct wait_queue *wq, enum wait_mode mode, ktime_t deadline, const char *reason)
{
	struct wait_entry we = { .fn = coop_wake, .private = coop_now };

	if (deadline <= coop_time)
		return -ETIME;
	list_init(&we.node);
	if (wq)
		list_add_tail(&we.node, &wq->entries);
	coop_now->runnable = false;
	coop_now->deadline = deadline;
	coop_now->reason = reason;
	coop_switch(false);
	list_del_init(&we.node);
	if (coop_now->runnable)
		return 0;
	coop_now->runnable = true;
	return -ETIME;
}

static void coop_sleep(ktime_t ns)
{
	(void)!wq_sleep(NULL, WAIT_INTERRUPTIBLE, coop_time + ns, "sleep");
}

void wq_init(struct wait_queue *wq)
{
	list_init(&wq->entries);
}

void wake_up_all(struct wait_queue *wq)
{
	struct wait_entry *we;

	list_for_each(we, &wq->entries, node)
		we->fn(we, 0);
}

void wake_up(struct wait_queue *wq)
{
	wake_up_all(wq);
}

ktime_t ktime_get(void)
{
	return coop_time;
}

ktime_t ktime_get_real(void)
{
	return coop_time;
}

void log_at(enum log_level lvl, const char *fmt, ...)
{
	size_t have = strlen(coop_log);
	va_list ap;

	if (have > sizeof(coop_log) - 512)
		have = 0;
	va_start(ap, fmt);
	vsnprintf(coop_log + have, sizeof(coop_log) - have - 2, fmt, ap);
	va_end(ap);
	if (coop_verbose)
		fprintf(stderr, "[%s]\n", coop_log + have);
	strcat(coop_log, "\n");
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}
