/* SPDX-License-Identifier: MIT */
/*
 * Locks whose word holds the owner's tid. The protocol of Linux's priority-inheriting futexes without
 * the boosting: the host schedules. The unlocker writes the next owner's tid into the word and wakes it.
 */
#include "sys/futex.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "process/futex_key.h"
#include "sys/timespec.h"

#define RETRY 1

/* 0: now ours; RETRY: the word changed; -EAGAIN: wait, the word says so; other errors. */
static int try_take(uaddr_t addr, bool wait)
{
	u32 me = current->tid, val, old, new;

	if (get_user(val, addr))
		return -EFAULT;
	if ((val & FUTEX_TID_MASK) == me)
		return -EDEADLK;
	if (!(val & FUTEX_TID_MASK))
		new = (val & (FUTEX_WAITERS | FUTEX_OWNER_DIED)) | me;
	else if (!wait || (val & FUTEX_WAITERS))
		return find_task(val & FUTEX_TID_MASK) ? -EAGAIN : -ESRCH;
	else
		new = val | FUTEX_WAITERS;
	if (cmpxchg_user_u32(addr, val, new, &old))
		return -EFAULT;
	if (old != val)
		return RETRY;
	return val & FUTEX_TID_MASK ? -EAGAIN : 0;
}

static int take(uaddr_t addr, bool wait)
{
	int err;

	do
		err = try_take(addr, wait);
	while (err == RETRY);
	return err;
}

static bool is_mine(uaddr_t addr)
{
	u32 val;

	return !get_user(val, addr) && (val & FUTEX_TID_MASK) == (u32)current->tid;
}

/* Woken: either the unlocker gave the lock to us, or the owner died and it is to be had. */
static int wait_for_lock(uaddr_t addr, const struct futex_key *key, ktime_t deadline)
{
	struct futex_waiter w = { .tid = current->tid };
	struct wait_queue wq;
	int err;

	wq_init(&wq);
	for (;;) {
		futex_queue(&w, key, FUTEX_ANY, &wq);
		err = take(addr, true);
		if (err == -EAGAIN)
			err = wait_event_full(&wq, w.woken, WAIT_INTERRUPTIBLE, deadline, "futex_lock_pi");
		futex_unqueue(&w);
		if (w.woken && is_mine(addr))
			return 0;
		if (!w.woken || (err && err != -EDEADLK))
			return err;
	}
}

static long lock(uaddr_t addr, const struct futex_key *key, ktime_t deadline)
{
	int err = take(addr, true);

	if (err == -EAGAIN)
		err = wait_for_lock(addr, key, deadline);
	if (err == -ETIME)
		return -ETIMEDOUT;
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

static long unlock(uaddr_t addr, const struct futex_key *key)
{
	struct futex_waiter *next;
	u32 val, new, old;
	bool more;

	for (;;) {
		if (get_user(val, addr))
			return -EFAULT;
		if ((val & FUTEX_TID_MASK) != (u32)current->tid)
			return -EPERM;
		next = futex_first(key, &more);
		new = next ? next->tid | (more ? FUTEX_WAITERS : 0) : 0;
		if (next)	/* off the queue before the word is written: that may block */
			futex_unqueue(next);
		if (cmpxchg_user_u32(addr, val, new, &old)) {
			if (next)
				futex_wake_waiter(next);
			return -EFAULT;
		}
		if (next)
			futex_wake_waiter(next);
		if (old == val)
			return 0;
	}
}

long futex_pi(int cmd, uaddr_t addr, bool shared, bool realtime, uaddr_t timeout)
{
	ktime_t deadline = KTIME_NEVER;
	struct futex_key key;
	int err;

	if (timeout && cmd != FUTEX_UNLOCK_PI && cmd != FUTEX_TRYLOCK_PI) {
		err = get_timespec(&deadline, timeout);
		if (err)
			return err;
		if (realtime)
			deadline = real_to_mono(deadline);
	}
	err = futex_key_get(addr, shared, &key);
	if (err)
		return err;
	if (cmd == FUTEX_UNLOCK_PI)
		return unlock(addr, &key);
	if (cmd == FUTEX_TRYLOCK_PI)
		return take(addr, false);
	return lock(addr, &key, deadline);
}
