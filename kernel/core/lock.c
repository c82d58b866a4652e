/* SPDX-License-Identifier: MIT */
/*
 * Sleeping mutexes, with rank checks in debug builds (docs/locking.md).
 */
#include "core/lock.h"

#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank)
{
	m->owner = NULL;
	wq_init(&m->wq);
	m->name = name;
	m->rank = (u8)rank;
}

static int lock_mode(struct mutex *m, enum wait_mode mode)
{
	struct task *me = current;

	BUG_ON(me && m->owner == me);
	while (m->owner) {
		int err = wq_sleep(&m->wq, mode, KTIME_NEVER, m->name);

		if (err)
			return err;
	}
	m->owner = me;
	return 0;
}

void mutex_lock(struct mutex *m)
{
	if (lock_mode(m, WAIT_UNINTERRUPTIBLE))
		panic("mutex %s: uninterruptible wait ended", m->name);
}

int mutex_lock_killable(struct mutex *m)
{
	return lock_mode(m, WAIT_KILLABLE);
}

void mutex_lock_nested(struct mutex *m)
{
	mutex_lock(m);
}

bool mutex_trylock(struct mutex *m)
{
	if (m->owner)
		return false;
	m->owner = current;
	return true;
}

void mutex_unlock(struct mutex *m)
{
	BUG_ON(m->owner != current);
	m->owner = NULL;
	if (wq_active(&m->wq))
		wake_up_all(&m->wq);
}

bool mutex_held(const struct mutex *m)
{
	return m->owner == current && m->owner;
}

void assert_held(const struct mutex *m)
{
	BUG_ON(!mutex_held(m));
}
