/* SPDX-License-Identifier: MIT */
/*
 * Waiting. The kernel runs under one lock, so between testing a condition and going to
 * sleep nothing can happen: a waiter loops "while (!cond) wq_sleep()", a waker changes
 * the state and calls wake_up(). Spurious wakeups are allowed; every caller re-tests.
 *
 * A wait queue may also hold callbacks (poll, epoll): they run inside wake_up() and must
 * not block.
 *
 * Everything here: caller holds the kernel lock. wq_sleep() blocks, nothing else does.
 */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include "lib/list.h"
#include "lib/types.h"

struct wait_queue {
	struct list_head entries;
};

struct wait_entry;
/*
 * events: what became ready (EPOLL* bits, 0 = unknown). Returns true when the wakeup was
 * consumed (counts against an exclusive wakeup).
 */
typedef bool (*wake_fn)(struct wait_entry *we, u32 events);

struct wait_entry {
	struct list_head node;
	wake_fn fn;
	void *private;		/* the callback's own */
	bool exclusive;
};

#define WAIT_QUEUE_INIT(wq) { LIST_HEAD_INIT((wq).entries) }
#define KTIME_NEVER INT64_MAX

enum wait_mode {
	WAIT_UNINTERRUPTIBLE,	/* nothing ends it but a wakeup */
	WAIT_KILLABLE,		/* a fatal signal gives -EINTR */
	WAIT_INTERRUPTIBLE,	/* a deliverable signal gives -ERESTARTSYS */
};

void wq_init(struct wait_queue *wq);
/* Adds at the end (exclusive) or at the front. The entry stays until wq_remove(). */
void wq_add(struct wait_queue *wq, struct wait_entry *we);
void wq_remove(struct wait_entry *we);		/* idempotent for an initialised entry */
bool wq_active(const struct wait_queue *wq);

void wake_up(struct wait_queue *wq);			/* all shared, one exclusive */
void wake_up_all(struct wait_queue *wq);
void wake_up_events(struct wait_queue *wq, u32 events);	/* with EPOLL* bits, for pollers */

/*
 * Sleep once on wq (may be NULL: only the deadline or a signal ends it).
 * deadline: absolute CLOCK_MONOTONIC time, KTIME_NEVER for none. reason: static string,
 * shown by /proc/PID/wchan and sysrq-t.
 * 0: woken; -ETIME: deadline passed; -ERESTARTSYS / -EINTR: signal, by mode.
 */
int wq_sleep(struct wait_queue *wq, enum wait_mode mode, ktime_t deadline, const char *reason)
	__must_check;

/*
 * wait_event family: evaluate cond (must not block) until true.
 * Value: 0, or -ERESTARTSYS (interruptible), -EINTR (killable), -ETIME (timeout).
 */
#define wait_event_full(wq, cond, mode, deadline, reason)                                          \
	({                                                                                         \
		int __wret = 0;                                                                    \
		while (!(cond)) {                                                                  \
			__wret = wq_sleep(wq, mode, deadline, reason);                             \
			if (__wret)                                                                \
				break;                                                             \
		}                                                                                  \
		if (__wret == -62 /* ETIME */ && (cond))                                           \
			__wret = 0;                                                                \
		__wret;                                                                            \
	})
#define wait_event(wq, cond, reason)                                                               \
	((void)wait_event_full(wq, cond, WAIT_UNINTERRUPTIBLE, KTIME_NEVER, reason))
#define wait_event_killable(wq, cond, reason)                                                      \
	wait_event_full(wq, cond, WAIT_KILLABLE, KTIME_NEVER, reason)
#define wait_event_interruptible(wq, cond, reason)                                                 \
	wait_event_full(wq, cond, WAIT_INTERRUPTIBLE, KTIME_NEVER, reason)
#define wait_event_interruptible_timeout(wq, cond, deadline, reason)                               \
	wait_event_full(wq, cond, WAIT_INTERRUPTIBLE, deadline, reason)

#endif
