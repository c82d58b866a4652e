/* SPDX-License-Identifier: MIT */
/*
 * Wait queues. A sleeping task puts an entry of its own on the queue and gives the stack away; the
 * wakeup makes it runnable. wq_sleep() also ends by deadline (a timer that wakes the task) or signal.
 */
#include "core/wait.h"

#include "abi/errno.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "core/time.h"

void wq_init(struct wait_queue *wq)
{
	list_init(&wq->entries);
}

void wq_add(struct wait_queue *wq, struct wait_entry *we)
{
	if (we->exclusive)
		list_add_tail(&we->node, &wq->entries);
	else
		list_add(&we->node, &wq->entries);
}

void wq_remove(struct wait_entry *we)
{
	list_del_init(&we->node);
}

bool wq_active(const struct wait_queue *wq)
{
	return !list_empty(&wq->entries);
}

static void wake_n(struct wait_queue *wq, u32 events, bool all)
{
	struct wait_entry *we, *tmp;
	bool one_done = false;

	list_for_each_safe(we, tmp, &wq->entries, node) {
		bool exclusive = we->exclusive && !all;

		if (exclusive && one_done)
			continue;	/* sleepers, which are not exclusive, may stand behind it */
		if (we->fn(we, events) && exclusive)
			one_done = true;
	}
}

void wake_up(struct wait_queue *wq)
{
	wake_n(wq, 0, false);
}

void wake_up_all(struct wait_queue *wq)
{
	wake_n(wq, 0, true);
}

void wake_up_events(struct wait_queue *wq, u32 events)
{
	wake_n(wq, events, false);
}

struct sleeper {
	struct wait_entry we;
	struct ktimer timer;
	struct task *task;
	bool woken, expired;
};

static bool wake_sleeper(struct wait_entry *we, u32 events)
{
	struct sleeper *s = container_of(we, struct sleeper, we);

	if (s->woken)
		return false;
	s->woken = true;
	sched_wake(s->task);
	return true;
}

static void sleeper_expired(struct ktimer *t)
{
	struct sleeper *s = container_of(t, struct sleeper, timer);

	s->expired = true;
	sched_wake(s->task);
}

static int interrupted(struct task *t, enum wait_mode mode)
{
	if (mode == WAIT_INTERRUPTIBLE && signal_pending(t))
		return -ERESTARTSYS;
	if (mode == WAIT_KILLABLE && fatal_signal_pending(t))
		return -EINTR;
	return 0;
}

/* Returns when woken, expired or interrupted; other wakeups of the task mean "look again". */
static int sleep_until(struct sleeper *s, enum wait_mode mode, ktime_t deadline)
{
	int err;

	for (;;) {
		if (s->woken)
			return 0;
		if (s->expired || (deadline != KTIME_NEVER && ktime_get() >= deadline))
			return -ETIME;
		err = interrupted(s->task, mode);
		if (err)
			return err;
		sched_block();
	}
}

int wq_sleep(struct wait_queue *wq, enum wait_mode mode, ktime_t deadline, const char *reason)
{
	struct task *t = current;
	struct sleeper s = { .task = t };
	enum task_state old = t->state;
	int err;

	s.we.fn = wake_sleeper;
	list_init(&s.we.node);
	ktimer_init(&s.timer, sleeper_expired);
	if (deadline != KTIME_NEVER && ktimer_start(&s.timer, deadline))
		return -ENOMEM;
	if (wq)
		list_add_tail(&s.we.node, &wq->entries);
	t->wait_reason = reason;
	t->wait_wq = wq;
	t->wait_mode = mode;
	if (old == TASK_RUNNING)
		t->state = mode == WAIT_INTERRUPTIBLE ? TASK_SLEEPING : TASK_DISK_SLEEP;
	t->acct.nvcsw++;
	err = sleep_until(&s, mode, deadline);
	if (t->state == TASK_SLEEPING || t->state == TASK_DISK_SLEEP)
		t->state = old;
	t->wait_reason = NULL;
	t->wait_wq = NULL;
	wq_remove(&s.we);
	ktimer_cancel(&s.timer);
	return err;
}
