/* SPDX-License-Identifier: MIT */
/*
 * What no message tells: guest processes that broke the rules quietly. Looked for every two seconds.
 *
 * Strangers: guest code can jump to the near kernel's clone and so have a child that we never ordered. It is
 * our child (CLONE_PARENT), held by the same filter, but belongs to no space. Such children are killed. While a
 * fork is under way its child is not known either, so a stranger gets time if there is one.
 *
 * Deaf threads: a thread whose task was killed or is ending must come in, or carry out the orders it was given.
 * One that blocks the kick, or never answers, costs its process; one that only waits for a CPU gets time. So does one
 * that keeps another task waiting which has borrowed it.
 */
#include "guest/priv.h"

#include "core/task.h"
#include "core/time.h"
#include "host/host.h"
#include "lib/alloc.h"
#include <string.h>

#define PERIOD (2 * NSEC_PER_SEC)
#define STRANGER_AGE 5		/* rounds; longer than any fork takes */
#define DEAF_ROUNDS 2
#define BORROWED_ROUNDS 10	/* nobody died: it may just be slow */
#define STARVED_ROUNDS 60	/* with a thousand threads each waits long for its turn */

int forks_pending;

static int children_fd = -1;		/* -ENOENT and the like: the host does not list children */
static struct ktimer timer;
static struct stranger {
	int pid;
	u32 age, round;
} *strangers;				/* grows: to kill what finds no room could hit a fork under way */
static u32 strangers_max;
static u32 round;

static bool grow_strangers(void)
{
	u32 max = strangers_max ? 2 * strangers_max : 64;
	struct stranger *more = krealloc(strangers, max * sizeof(*more));

	if (!more)
		return false;
	memset(more + strangers_max, 0, (max - strangers_max) * sizeof(*more));
	strangers = more;
	strangers_max = max;
	return true;
}

/* How often this one was seen before. */
static u32 stranger_age(int pid)
{
	u32 free = strangers_max;

	for (u32 i = 0; i < strangers_max; i++) {
		bool current_entry = strangers[i].pid && strangers[i].round + 1 >= round;

		if (strangers[i].pid == pid && current_entry) {
			strangers[i].round = round;
			return ++strangers[i].age;
		}
		if (!current_entry)
			free = i;
	}
	if (free == strangers_max && !grow_strangers())
		return 0;		/* its turn comes when others are gone */
	strangers[free].pid = pid;
	strangers[free].age = 0;
	strangers[free].round = round;
	return 0;
}

/* All guest processes are in the template's process group, and cannot leave it. */
static void look_at_child(void *arg, int pid)
{
	u32 age;

	if (space_by_pid(pid) || host_pgid(pid) != template_hostpid())
		return;
	age = stranger_age(pid);
	if (age >= STRANGER_AGE || (age && !forks_pending))
		host_kill(pid, 9);
}

static bool ending(const struct task *t)
{
	return t && (t->killed || t->exiting);
}

static void look_at_thread(struct uthread *ut)
{
	u32 limit;

	if (ending(ut->task) || ending(ut->waiter))
		limit = DEAF_ROUNDS;
	else if (ut->borrowed)
		limit = BORROWED_ROUNDS;
	else
		limit = ~0u;
	/* It has come in, but the workers are too busy to see it: that is not its fault. */
	if (uthread_called(ut))
		uthread_trapped(ut);
	if (!ut->running || limit == ~0u)
		ut->deaf = ut->starved = 0;
	else if (host_thread_starves(ut->space->hostpid, ut->tid, &ut->ran) && ++ut->starved < STARVED_ROUNDS)
		return;
	else if (++ut->deaf > limit)
		space_kill(ut->space);
}

/* One that lied about its end. */
static void look_at_leaving(struct space *s)
{
	if (s->put && s->leaving && ++s->overdue > 1)
		space_kill(s);
}

static void look_at_space(struct space *s)
{
	struct uthread *ut;

	list_for_each(ut, &s->uthreads, node)
		look_at_thread(ut);
	look_at_leaving(s);
}

static void sweep(struct ktimer *t)
{
	round++;
	forks_look();
	if (children_fd >= 0)
		host_children(children_fd, look_at_child, NULL);
	spaces_each(look_at_space);
	ktimer_start(t, ktime_get() + PERIOD);
}

/* On the thread that makes the template: children are listed by the thread whose children they are. */
void sweep_init(void)
{
	children_fd = host_children_open();
	ktimer_init(&timer, sweep);
	ktimer_start(&timer, ktime_get() + PERIOD);
}
