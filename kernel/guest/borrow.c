/* SPDX-License-Identifier: MIT */
/*
 * Borrowing: a task works on another address space (ptrace, /proc/PID/mem, process_vm_readv) through one of
 * its threads that waits for orders. When all of them run guest code one is kicked: its task comes in and
 * gives way. The task of a lent thread stays in the scheduler until the thread is given back, so that it
 * never uses its thread at the same time.
 */
#include "guest/priv.h"

#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"

static struct uthread *idle_thread(struct space *s)
{
	struct uthread *ut;

	/* Not one whose trap its own task has yet to see. */
	list_for_each(ut, &s->uthreads, node)
		if (!ut->running && !ut->waiter && !ut->borrowed && !ut->staged && !ut->batch && !ut->deferred)
			return ut;
	return NULL;
}

static void take(struct uthread *ut)
{
	ut->borrowed = true;
	if (ut->task && ut->task != current)
		ut->task->lent = true;
	ut->npre = 0;		/* memory may have changed since */
	/* What was queued for the return (new call sites) is not the borrower's matter. */
	if (ut->norders)
		(void)!uthread_flush(ut);
}

int uthread_borrow(struct uthread *ut)
{
	wait_event(&ut->wq, !ut->borrowed, "borrow");
	if (ut->space->dead)
		return -ESRCH;
	take(ut);
	return 0;
}

int space_borrow(struct space *s, struct uthread **out)
{
	struct uthread *ut;

	for (int tries = 0; tries < 100; tries++) {
		if (s->dead || list_empty(&s->uthreads))
			return -ESRCH;
		ut = idle_thread(s);
		if (ut) {
			take(ut);
			*out = ut;
			return 0;
		}
		ut = list_first(&s->uthreads, struct uthread, node);
		uthread_kick(ut);
		if (wq_sleep(&ut->wq, WAIT_KILLABLE, ktime_get() + 10 * NSEC_PER_MSEC, "borrow") == -EINTR)
			return -EINTR;
	}
	return -EAGAIN;
}

void space_return(struct uthread *ut)
{
	ut->borrowed = false;
	if (ut->task && ut->task->lent) {
		ut->task->lent = false;
		sched_wake(ut->task);
	}
	wake_up_all(&ut->wq);
}
