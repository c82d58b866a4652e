/* SPDX-License-Identifier: MIT */
/*
 * Workers: the host threads that run tasks, and what they do when there is none to run.
 *
 * A lane is a CPU (several, on hosts with many) with a doorbell and two workers that run nowhere else. A guest thread
 * rings the lane of the CPU it is on; the worker takes its place there, does what was asked and sleeps again. Such
 * a call costs two switches of one CPU, needs no other and takes none from other guest threads.
 *
 * Rovers run where the host puts them. One sleeps in epoll, where host descriptors, the timer and the host's signals
 * arrive.
 *
 * Each lane has an attendant, too, and the host is told that it is in no hurry. Attendants do the work that nobody waits for, and
 * when a CPU is spare and calls are frequent the one there polls: calls are then noticed without a host call.
 *
 * Decision record: docs/decisions/handoff.md.
 */
#include "core/sched.h"

#include "core/lock.h"
#include "core/log.h"
#include "core/schedpriv.h"
#include "core/task.h"
#include "core/time.h"
#include "host/host.h"

#define POLL_NS 200000			/* a few times what waking a sleeping CPU costs */
#define MISSING_NS 40000		/* a longer gap means that somebody else ran */
#define FREQUENT_NS 150000		/* calls that come sooner after one another are worth a polling attendant: */
#define FREQUENT_CALLS 2		/* so many in a row */
#define OVERDUE_NS (1000 * 1000LL)	/* a brief host call that takes longer is none */
#define POLITE_NS 20000			/* how long others wait for a CPU on which an attendant finds nothing */
#define POLL_ROUNDS 32			/* looks between two readings of the clock */
#define LATE_NS (1000 * 1000LL)		/* how long timers and events wait while there are tasks to run */
#define ATTEND_TASKS 16			/* tasks run between two readings of the clock for that */
#define SLICE_NS 100000			/* what a worker asks of the host's scheduler: its turns are short, and soon */
#define LANE_WORKERS 2			/* one to answer while the other is in a host call */
#define LANE_SHARE 16			/* so many descriptors must be allowed for each lane */
#define ROVERS_MAX 4
#define WAKE_MAX 2			/* guest threads that wait for this while other tasks run */

/* Workers that sleep on the same doorbell. */
struct crew {
	int bell[2];
	int sleepers;
	ktime_t rested;			/* when one of them last had nothing left to do */
	int frequent;
};

struct sched_hooks sched_hooks;

static struct crew rovers = { .bell = { -1, -1 } };
static struct crew lanes[LANES_MAX], attendants[LANES_MAX];
static int nlanes;
static __thread struct crew *mine;
static __thread bool in_the_way;	/* an attendant's CPU is a guest thread's, too, who needs it now */
static __thread u32 *to_wake[WAKE_MAX];	/* guest threads' futexes */
static __thread int nto_wake;
static __thread bool rover_wanted;
static __thread struct crew *attendant_wanted;

static bool epoll_busy;			/* a worker sleeps in epoll */
static bool epoll_attended;		/* that, or one was sent there */
static struct crew *poller;		/* the attendant that polls: guest threads need not ring; NULL: none */
static int awake;			/* workers that do not sleep; of these in a host call: */
static int in_host;
static ktime_t attend_at;
static struct ktimer overdue;

/* --- calling for workers --- */

static void ring(struct crew *c)
{
	u32 none = ~0u;

	host_write(c->bell[1], &none, sizeof(none));
}

/* Rung when the caller leaves the kernel, which it is about to do: before that whoever wakes could do nothing. */
static void send_rover(void)
{
	if (!rovers.sleepers)
		return;
	epoll_attended = true;
	if (mine)
		rover_wanted = true;	/* leave_kernel() */
	else
		ring(&rovers);
}

/* The epoll sleeper is woken by its timer when there is no other. */
void sched_notice(void)
{
	if (!runq_len || awake > in_host)
		return;
	if (rovers.sleepers)
		ring(&rovers);
	else
		event_kick();
}

static bool polling(void)
{
	return mine && poller == mine;
}

static bool among(const struct crew *c, const struct crew *all)
{
	return c >= all && c < all + nlanes;
}

static bool on_lane(void)
{
	return among(mine, lanes);
}

/* Not ours: the guest thread that we answer goes on there. */
static int quiet_lane(void)
{
	return sched_hooks.quiet_lane ? sched_hooks.quiet_lane(on_lane() ? (int)(mine - lanes) : -1) : -1;
}

static void want_attendant_of(int lane)
{
	struct crew *h = &attendants[lane];

	if (poller || among(mine, attendants) || !h->sleepers)
		return;
	if (mine)
		attendant_wanted = h;	/* leave_kernel() */
	else
		ring(h);
}

/* One that takes no CPU from the guest thread that we answer, nor from others if it can be helped. */
void sched_want_attendant(void)
{
	int lane = quiet_lane();

	want_attendant_of(lane >= 0 ? lane : on_lane() ? (int)(mine - lanes + 1) % nlanes : 0);
}

/* Somebody who is free at once and takes no other CPU, else anybody. */
static void send_for_worker(void)
{
	if (on_lane() && mine->sleepers)
		ring(mine);
	else
		send_rover();
}

static void wake_guests(void)
{
	for (int i = 0; i < nto_wake; i++)
		host_futex_wake_shared(to_wake[i], 1);
	nto_wake = 0;
}

/*
 * A guest thread that wakes up on the CPU of a bound worker may take it from that, who then must not hold the kernel lock:
 * they wake when they have given it up. It does no harm if the futex is gone by then or is somebody else's.
 */
void sched_wake_guest(u32 *futex, u32 cpu)
{
	if (!mine || mine == &rovers) {
		host_futex_wake_shared(futex, 1);
		return;
	}
	if (polling() && cpu == (u32)host_current_cpu())
		in_the_way = true;
	if (nto_wake == WAKE_MAX)
		wake_guests();
	to_wake[nto_wake++] = futex;
}

static void leave_kernel(void)
{
	kernel_unlock();
	wake_guests();
	if (rover_wanted)
		ring(&rovers);
	if (attendant_wanted)
		ring(attendant_wanted);
	rover_wanted = false;
	attendant_wanted = NULL;
}

/* On: nothing if another one does already. */
static void attend(bool on)
{
	if (on ? poller != NULL : !polling())
		return;
	poller = on ? mine : NULL;
	if (sched_hooks.attend)
		sched_hooks.attend(on);
	/* No call may stay unseen. */
	if (!on && sched_hooks.poll)
		sched_hooks.poll();
}

void sched_beat(void)
{
	if (polling() && sched_hooks.beat)
		sched_hooks.beat();
}

/*
 * Leaving the kernel for a while: whoever could run meanwhile needs a worker, and so do the host's events
 * when it was us who attended them.
 */
void host_block_begin(void)
{
	attend(false);
	if (!epoll_attended)
		send_rover();
	else if (runq_len)
		send_for_worker();
	in_host++;
	leave_kernel();
}

static void is_overdue(struct ktimer *t)
{
	/* The worker that runs timers finds the tasks that wait. */
}

static void keep_watch(void)
{
	if (ktimer_start(&overdue, ktime_get() + OVERDUE_NS))
		send_for_worker();
	else
		event_arm_timer();
}

/* Whoever could run is worth another worker only if that has a CPU, or when we stay away. */
void host_brief_begin(void)
{
	if (!epoll_attended || (runq_len && sched_cpu_spare()))
		send_rover();
	else if (runq_len && !ktimer_pending(&overdue))
		keep_watch();
	in_host++;
	leave_kernel();
}

void host_block_end(void)
{
	kernel_lock();
	in_host--;
	sched_wait_while_lent();
}

void host_brief_end(void)
{
	host_block_end();
}

/* --- polling --- */

static bool timers_due(void)
{
	ktime_t next = ktimer_next();

	if (next == KTIME_NEVER || ktime_get() < next)
		return false;
	ktimer_run();
	return runq_len != 0;
}

static bool look_a_little(void)
{
	for (int i = 0; i < POLL_ROUNDS && !klock_wanted(); i++) {
		if (sched_hooks.poll())
			return true;
		host_cpu_relax();
	}
	return false;
}

/* It was not a guest thread that had our CPU. */
static bool stranger_was_here(void)
{
	return guests_running < spare_cpus && !sched_hooks.lane_busy((int)(mine - attendants));
}

/* Whoever waits for this CPU gets it. Nobody polls meanwhile, or somebody else, since it may last. True: something turned up. */
static bool let_others(void)
{
	attend(false);
	if (runq_len)
		return true;
	kernel_unlock();
	host_yield();
	kernel_lock();
	attend(true);
	return runq_len;
}

/*
 * Look until something turns up or the time is over. Lock held; given up when another thread wants it.
 * Only for a CPU that nobody else wants: the sign of a crowd is time that went missing between two readings of the clock.
 */
static bool look_around(ktime_t now)
{
	ktime_t last = now, end = now + POLL_NS, polite = now + POLITE_NS;

	while (!klock_wanted()) {
		if (look_a_little() || timers_due() || background_len)
			return true;
		now = ktime_get();
		if (now >= polite) {
			if (let_others())
				return true;
			last = ktime_get();
			polite = last + POLITE_NS;
			if (last - now > MISSING_NS && stranger_was_here())
				spare_crowd(last);
			if (!polling())
				break;
			now = last;
		}
		if (now - last > MISSING_NS && stranger_was_here())
			spare_crowd(now);
		if (now >= end || !spare_worth_polling(now, poller != NULL))
			break;
		last = now;
	}
	return runq_len || background_len;
}

/* True: there is something to run, do not sleep. */
static bool poll_guests(void)
{
	ktime_t now = ktime_get();
	bool found;

	if (!sched_hooks.poll || (poller && !polling()) || !sched_hooks.polled())
		return false;
	if (!spare_worth_polling(now, poller != NULL))
		return false;
	attend(true);
	found = look_around(now);
	if (found)
		sched_counts.polls_hit++;
	else
		sched_counts.polls_missed++;
	return found || klock_wanted();
}

/* --- sleeping --- */

static void heard(const u32 *ids, ssize bytes)
{
	sched_counts.doorbells++;
	if (bytes > 0 && sched_hooks.bell)
		sched_hooks.bell(ids, (int)((size_t)bytes / sizeof(u32)));
}

static void sleep_on_bell(struct crew *c)
{
	u32 ids[SCHED_BELL_MAX];
	ssize n;

	event_arm_timer();
	c->sleepers++;
	leave_kernel();
	n = host_read(c->bell[0], ids, sizeof(ids));
	kernel_lock();
	c->sleepers--;
	heard(ids, n);
}

static void sleep_in_epoll(void)
{
	epoll_busy = epoll_attended = true;
	event_idle();
	epoll_busy = epoll_attended = false;
}

/* Calls that follow one another closely, and a CPU for an attendant to poll on. */
static void judge_calls(struct crew *c)
{
	ktime_t now = ktime_get();

	c->frequent = now - c->rested < FREQUENT_NS ? c->frequent + 1 : 0;
	c->rested = now;
	if (spare_worth_polling(now, poller != NULL) && c->frequent >= FREQUENT_CALLS && !poller && sched_hooks.polled() &&
	    quiet_lane() >= 0) {
		c->frequent = 0;
		want_attendant_of(quiet_lane());
	}
}

static void lane_idle(void)
{
	judge_calls(mine);
	sleep_on_bell(mine);
}

/* Who wakes here takes this CPU, and it may be long until we go on. */
static void wake_before_polling(void)
{
	if (!nto_wake)
		return;
	if (in_the_way)
		attend(false);
	leave_kernel();
	if (in_the_way)
		host_yield();
	in_the_way = false;
	kernel_lock();
}

static void attendant_idle(void)
{
	wake_before_polling();
	if (poll_guests())
		return;
	attend(false);
	if (!runq_len && !background_len)
		sleep_on_bell(mine);
}

static void rover_idle(void)
{
	if (timers_due())
		return;
	if (epoll_busy)
		sleep_on_bell(&rovers);
	else
		sleep_in_epoll();
}

/*
 * With tasks to run at any time nobody sleeps, so nobody hears the bell, timers, events and guest threads that need not
 * ring: look after them now and then. Who sleeps on the bell or in epoll hears it himself.
 */
static void look_after_rest(void)
{
	u32 ids[SCHED_BELL_MAX];
	ktime_t now = ktime_get();

	if (polling())
		sched_hooks.poll();
	if (now < attend_at)
		return;
	attend_at = now + LATE_NS;
	timers_due();
	if (!mine->sleepers && host_readable(mine->bell[0]))
		heard(ids, host_read(mine->bell[0], ids, sizeof(ids)));
	if (!epoll_busy)
		event_poll();
}

/* It may be long until we have it again: nobody is to count on us meanwhile. */
static void give_lock_away(void)
{
	attend(false);
	if (!among(mine, attendants)) {
		klock_yield();
		return;
	}
	/* Whoever wants it may be waiting for this very CPU. */
	kernel_unlock();
	host_yield();
	kernel_lock();
}

/* --- life of a worker --- */

static __noreturn void work(struct crew *c, void (*idle)(void))
{
	bool attendant = among(c, attendants);
	u32 n = 0;

	mine = c;
	kernel_lock();
	awake++;
	for (;;) {
		while (sched_run_next(attendant)) {
			if (nto_wake == WAKE_MAX) {
				leave_kernel();
				kernel_lock();
			} else if (klock_wanted()) {
				give_lock_away();
			}
			if (++n % ATTEND_TASKS == 0)
				look_after_rest();
		}
		awake--;
		idle();
		awake++;
		if (klock_wanted())
			give_lock_away();
	}
}

static __noreturn void rove(void *arg)
{
	work(&rovers, rover_idle);
}

static void stand_by(void *arg)
{
	struct crew *c = arg;

	host_thread_bind((u32)(c - attendants), (u32)nlanes);
	work(c, attendant_idle);
}

static void keep_lane(void *arg)
{
	struct crew *c = arg;

	host_thread_bind((u32)(c - lanes), (u32)nlanes);
	work(c, lane_idle);
}

int sched_bells(int *fds)
{
	if (fds)
		fds[0] = rovers.bell[1];
	for (int i = 0; fds && i < nlanes; i++)
		fds[1 + i] = lanes[i].bell[1];
	return 1 + nlanes;
}

int workers_init(void)
{
	int err = host_pipe(rovers.bell, true);

	spare_cpus = host_ncpus();
	nlanes = MIN(spare_cpus, MIN(LANES_MAX, MAX(1, (int)(MIN(host_nofile_limit(), 1024) / LANE_SHARE))));
	for (int i = 0; i < nlanes && !err; i++) {
		err = host_pipe(lanes[i].bell, true);
		if (!err)
			err = host_pipe(attendants[i].bell, true);
	}
	ktimer_init(&overdue, is_overdue);
	return err;
}

static void start(void (*fn)(void *arg), void *arg)
{
	int err = host_thread_start("worker", fn, arg);

	if (err)
		panic("cannot start a worker thread: %d", err);
}

void workers_run(void)
{
	/* Threads inherit how soon the host gives them a CPU, and none may change it when the kernel is confined. */
	host_thread_patient();
	for (int i = 0; i < nlanes; i++)
		start(stand_by, &attendants[i]);
	host_thread_slice(SLICE_NS);
	for (int i = 0; i < nlanes * LANE_WORKERS; i++)
		start(keep_lane, &lanes[i % nlanes]);
	for (int i = 1; i < MIN(spare_cpus + 1, ROVERS_MAX); i++)
		start(rove, NULL);
	rove(NULL);
}
