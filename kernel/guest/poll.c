/* SPDX-License-Identifier: MIT */
/*
 * The poll set: guest threads whose state word workers look at while one is awake, so that they need not ring. And
 * the doorbell's other end. All under the kernel lock.
 */
#include "guest/priv.h"

#include "abi/errno.h"
#include "core/futex.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

#define HOT_MAX 64			/* who finds no place rings */

static struct uthread *hot[HOT_MAX];
static int nhot;
static int host_cpus;
static struct near_watch *watch;	/* written here only; all guest processes read it */

_Static_assert(NEAR_BELLS == 1 + LANES_MAX, "a doorbell for each lane, and one");

static void show_bells(void)
{
	int nlanes = sched_bells(NULL) - 1, n = 0;

	watch->nbells = (u32)nlanes + 1;
	for (int cpu = 0; cpu < NEAR_CPUS; cpu++)
		watch->bell[cpu] = host_cpu_ours(cpu) ? (u8)(1 + n++ % nlanes) : 0;
}

int poll_share(void)
{
	int fd = host_memfd("umlaut-watch", NEAR_WATCH_SIZE), ro;

	if (fd < 0)
		return fd;
	ro = host_reopen_readonly(fd);
	if (ro >= 0)
		watch = host_map_shared(fd, 0, NEAR_WATCH_SIZE);
	host_close(fd);
	if (ro >= 0 && !watch) {
		host_close(ro);
		return -ENOMEM;
	}
	if (watch) {
		show_bells();
		futex_wakes = &watch->wakes;
	}
	return ro;
}

void poll_add(struct uthread *ut)
{
	if (!ut->hot && nhot < HOT_MAX) {
		ut->hot = true;
		hot[nhot++] = ut;
	}
	__atomic_store_n(&ut->area->polled, ut->hot, __ATOMIC_RELAXED);
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

static void attend(bool on)
{
	if (on)
		__atomic_store_n(&watch->cpu, (u32)host_current_cpu(), __ATOMIC_RELAXED);
	__atomic_store_n(&watch->awake, on, __ATOMIC_SEQ_CST);
}

static void beat(void)
{
	__atomic_store_n(&watch->beat, watch->beat + 1, __ATOMIC_RELAXED);
}

/* A bit for each lane where a guest thread was when it last called, and runs since. */
static u32 lanes_in_use(void)
{
	u32 used = 0;

	for (int i = 0; i < nhot; i++) {
		u32 cpu = READ_ONCE(hot[i]->area->cpu);

		if (hot[i]->running && cpu < NEAR_CPUS && watch->bell[cpu])
			used |= 1u << (watch->bell[cpu] - 1);
	}
	return used;
}

_Static_assert(LANES_MAX <= 32, "a bit each");

static int busy_lanes(void)
{
	return __builtin_popcount(lanes_in_use());
}

static bool lane_busy(int lane)
{
	return lanes_in_use() >> lane & 1;
}

static int quiet_lane(int but)
{
	u32 all = (u32)((1ULL << (watch->nbells - 1)) - 1), quiet = all & ~lanes_in_use();

	if (but >= 0)
		quiet &= ~(1u << but);
	return quiet ? __builtin_ctz(quiet) : -1;
}

static int polled_guests(void)
{
	return nhot;
}

static void look_at(struct uthread *ut)
{
	if (uthread_called(ut))
		uthread_trapped(ut);
}

static void look_at_space(struct space *s)
{
	struct uthread *ut;

	list_for_each(ut, &s->uthreads, node)
		look_at(ut);
}

static void answer(u32 id)
{
	struct space *s = space_by_slot(id / AREA_MAX);
	struct uthread *ut = s ? space_thread(s, id % AREA_MAX) : NULL;

	if (ut)
		look_at(ut);
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
		spaces_each(look_at_space);
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
	sched_hooks.polled = polled_guests;
	sched_hooks.attend = attend;
	sched_hooks.beat = beat;
	sched_hooks.lane_busy = lane_busy;
	sched_hooks.quiet_lane = quiet_lane;
	sched_hooks.busy_lanes = busy_lanes;
	sched_hooks.bell = bell;
	sched_hooks.blocking = blocking;
}
