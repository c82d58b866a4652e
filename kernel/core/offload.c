/* SPDX-License-Identifier: MIT */
/*
 * The helper threads. They are started when there is more to do than threads that do it, and stay.
 * The queue has a spinlock of its own, because helpers take from it without the kernel lock.
 */
#include "core/offload.h"

#include "core/sched.h"
#include "core/wait.h"
#include "host/host.h"

#define THREADS_MAX 8

static LIST_HEAD(queue);
static u32 lock;
static u32 posted;			/* futex: changes with each submission */
static int nthreads, nidle;

static void take(void)
{
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		host_cpu_relax();
}

static void drop(void)
{
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}

static struct offload *next(void)
{
	struct offload *o;

	take();
	while (list_empty(&queue)) {
		u32 seen = posted;

		nidle++;
		drop();
		host_futex_wait(&posted, seen, -1);
		take();
		nidle--;
	}
	o = list_first(&queue, struct offload, node);
	list_del_init(&o->node);
	drop();
	return o;
}

static void help(void *arg)
{
	for (;;) {
		struct offload *o = next();

		o->run(o);
		kernel_lock();
		o->done(o);
		sched_notice();
		kernel_unlock();
	}
}

struct call {
	struct offload off;
	int (*fn)(void *arg);
	void *arg;
	int ret;
	bool done;
	struct wait_queue wq;
};

static void call_run(struct offload *o)
{
	struct call *c = container_of(o, struct call, off);

	c->ret = c->fn(c->arg);
}

static void call_done(struct offload *o)
{
	struct call *c = container_of(o, struct call, off);

	c->done = true;
	wake_up(&c->wq);
}

int offload_call(int (*fn)(void *arg), void *arg)
{
	struct call c = { .off = { .run = call_run, .done = call_done }, .fn = fn, .arg = arg };

	wq_init(&c.wq);
	offload_submit(&c.off);
	wait_event(&c.wq, c.done, "offload");
	return c.ret;
}

void offload_submit(struct offload *o)
{
	bool idle, none;

	take();
	list_add_tail(&o->node, &queue);
	posted++;
	idle = nidle > 0;
	none = nthreads == 0;
	drop();
	if (idle) {
		host_futex_wake(&posted, 1);
		return;
	}
	if (nthreads == THREADS_MAX)
		return;
	nthreads++;
	if (!host_thread_start("blkio", help, NULL))
		return;
	nthreads--;
	if (!none)
		return;
	/* No thread at all: better late than never. */
	take();
	list_del_init(&o->node);
	drop();
	o->run(o);
	o->done(o);
}
