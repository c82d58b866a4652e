/* SPDX-License-Identifier: MIT */
/*
 * The poll set: guest threads whose state word an idle worker looks at, so that they need not ring. And the
 * doorbell's other end. All under the kernel lock.
 */
#include "guest/priv.h"

#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

#define HOT_MAX 16

static struct uthread *hot[HOT_MAX];
static int nhot;
static int host_cpus;

void poll_add(struct uthread *ut)
{
	bool want = sched_poll_possible() && nhot < HOT_MAX && guests_running <= host_cpus;

	__atomic_store_n(&ut->area->polled, want, __ATOMIC_RELAXED);
	if (want && !ut->hot) {
		ut->hot = true;
		hot[nhot++] = ut;
	}
}

void poll_remove(struct uthread *ut)
{
	if (!ut->hot)
		return;
	ut->hot = false;
	for (int i = 0; i < nhot; i++) {
		if (hot[i] == ut) {
			hot[i] = hot[--nhot];
			return;
		}
	}
}

int poll_cpus(void)
{
	return host_cpus;
}

bool uthread_called(const struct uthread *ut)
{
	return ut->running && __atomic_load_n(&ut->area->state, __ATOMIC_ACQUIRE) == ST_CALL;
}

static bool look(void)
{
	bool found = false;

	for (int i = nhot - 1; i >= 0; i--) {
		if (i < nhot && uthread_called(hot[i])) {
			uthread_trapped(hot[i]);
			found = true;
		}
	}
	return found;
}

static bool stop(void)
{
	struct uthread *list[HOT_MAX];
	int n = nhot;
	bool found = false;

	for (int i = 0; i < n; i++) {
		list[i] = hot[i];
		list[i]->hot = false;
		__atomic_store_n(&list[i]->area->polled, 0, __ATOMIC_SEQ_CST);
	}
	nhot = 0;
	for (int i = 0; i < n; i++) {
		if (uthread_called(list[i])) {
			uthread_trapped(list[i]);
			found = true;
		}
	}
	return found;
}

static bool want_poll(void)
{
	return nhot && guests_running <= host_cpus && sched_poll_possible();
}

static void answer(u32 id)
{
	struct space *s = space_by_slot(id / AREA_MAX);
	struct uthread *ut = s ? space_thread(s, id % AREA_MAX) : NULL;

	if (ut && uthread_called(ut))
		uthread_trapped(ut);
}

static void look_at_all(void)
{
	for (u32 slot = 0; slot < SPACES_MAX; slot++) {
		struct space *s = space_by_slot(slot);
		struct uthread *ut;

		if (!s)
			continue;
		list_for_each(ut, &s->uthreads, node)
			if (uthread_called(ut))
				uthread_trapped(ut);
	}
}

/*
 * A full batch: the pipe may have been full, too, and a ring lost. Whoever rang in vain did so before this
 * batch was read, and has its state word set.
 */
static void bell(const u32 *ids, int n)
{
	for (int i = 0; i < n; i++)
		answer(ids[i]);
	if (n == SCHED_BELL_MAX)
		look_at_all();
}

static void blocking(struct task *t)
{
	if (!t->ut->running)
		__atomic_store_n(&t->ut->area->blocked, 1, __ATOMIC_RELAXED);
}

void poll_init(void)
{
	host_cpus = host_ncpus();
	sched_hooks.poll = look;
	sched_hooks.poll_stop = stop;
	sched_hooks.want_poll = want_poll;
	sched_hooks.bell = bell;
	sched_hooks.blocking = blocking;
}
