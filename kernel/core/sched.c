/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: workers, run queue, the kernel lock, idling.
 *
 * A worker holds the kernel lock, takes the next runnable task and switches to its stack; the task
 * switches back when it blocks. With nothing to run a worker first polls (the guest threads' next calls are then
 * noticed without a host call), for longer if a CPU is idle, then sleeps: one worker in epoll, where host
 * descriptors, the timer and the host's signals arrive, the others in read() on the doorbell pipe.
 * Decision record: docs/decisions/handoff.md.
 */
#include "core/sched.h"

#include <string.h>

#include "abi/errno.h"
#include "core/arena.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/schedpriv.h"
#include "core/task.h"
#include "core/time.h"
#include "host/host.h"
#include "lib/alloc.h"

#define POLL_NS 200000			/* a few times what waking a sleeping CPU costs */
#define POLL_SCARCE_NS 15000		/* what going to sleep and being woken cost when no CPU is idle */
#define ASIDE_NS 3000			/* a yield that took longer let somebody else run */
#define TOGETHER_MAX 6
#define MISSING_NS 40000		/* a longer gap means that somebody else ran */
#define HELD_NS (1000 * 1000LL)		/* a guest thread that keeps the CPU for so long computes */
#define KEPT_MAX 2
#define QUICK_MAX 16			/* yields that prove that one which was not quick was an accident */
#define OVERDUE_NS (1000 * 1000LL)	/* a brief host call that takes longer is none */
#define YIELD_LOOKS 2000
#define POLL_ROUNDS 32			/* looks between two readings of the clock */
#define LATE_NS (1000 * 1000LL)		/* how long timers and events wait while there are tasks to run */
#define ATTEND_TASKS 16			/* tasks run between two readings of the clock for that */
#define STACK_CACHE 64

struct sched_hooks sched_hooks;

static __thread struct task *cur;
static __thread void *worker_sp, *worker_fake;
static __thread const void *worker_stack;
static __thread size_t worker_stack_size;

static LIST_HEAD(runq);
static int runq_len;
static int ncpus = 1, nworkers;
static int bell[2] = { -1, -1 };
static int bell_sleepers;		/* workers in read() on the doorbell */
static bool epoll_busy;			/* a worker sleeps in epoll */
static bool epoll_attended;		/* that, or one was sent there */
static int awake;			/* workers that do not sleep; of these in a host call: */
static int in_host;
static ktime_t attend_at;
static int attending;			/* workers that will look at the guests before they sleep */
static struct ktimer overdue;
static int together;			/* times in a row that the only guest thread ran on our CPU */
static bool woke_guest;			/* since the last look */
struct crowd {
	ktime_t until, len, min, max;
};
/* Somebody else wants our CPU while another is idle; one that gets it by a yield keeps it. */
static struct crowd others = { .min = NSEC_PER_MSEC / 2, .max = 4 * NSEC_PER_MSEC };
static struct crowd keepers = { .min = NSEC_PER_MSEC, .max = 16 * NSEC_PER_MSEC };
static bool stopping;
static struct sched_stats stats;
int guests_running;
static void *stack_cache[STACK_CACHE];
static int nstacks;

void task_switch(void **save_sp, void *load_sp);
void task_first_run(void);

__attribute__((noinline)) struct task *current_task(void)
{
	__asm__ volatile("");		/* never cached over a switch: the task may move to another worker */
	return cur;
}

/* --- the kernel lock: a spin of a few hundred tries, then a futex --- */

static u32 klock;			/* 0 free, 1 taken, 2 taken with waiters */
static u32 klock_waiters;

void kernel_lock(void)
{
	u32 free = 0;

	if (__atomic_compare_exchange_n(&klock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	__atomic_fetch_add(&klock_waiters, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < (ncpus > 1 ? 200 : 0); i++) {
		free = 0;
		if (__atomic_compare_exchange_n(&klock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			goto out;
		host_cpu_relax();
	}
	while (__atomic_exchange_n(&klock, 2, __ATOMIC_ACQUIRE) != 0)
		host_futex_wait(&klock, 2, -1);
out:
	__atomic_fetch_sub(&klock_waiters, 1, __ATOMIC_SEQ_CST);
}

void kernel_unlock(void)
{
	if (__atomic_exchange_n(&klock, 0, __ATOMIC_RELEASE) == 2)
		host_futex_wake(&klock, 1);
}

static bool klock_wanted(void)
{
	return __atomic_load_n(&klock_waiters, __ATOMIC_RELAXED) != 0;
}

/* Let a waiter have the lock: without the pause the one who gives it up would mostly win it again. */
static void klock_yield(void)
{
	kernel_unlock();
	for (int i = 0; i < YIELD_LOOKS && klock_wanted() && !__atomic_load_n(&klock, __ATOMIC_RELAXED); i++)
		host_cpu_relax();
	kernel_lock();
}

static void ring(void)
{
	u32 none = ~0u;

	host_write(bell[1], &none, sizeof(none));
}

/* The epoll sleeper is woken by its timer when there is no other. */
void sched_notice(void)
{
	if (!runq_len || awake > in_host)
		return;
	if (bell_sleepers)
		ring();
	else
		event_kick();
}

static void attend(int n)
{
	bool before = attending > 0;

	attending += n;
	if (sched_hooks.attend && before != (attending > 0))
		sched_hooks.attend(attending > 0);
}

/* The last one that attends the guests stops doing so: no call may stay unseen. */
static void attend_no_more(void)
{
	attend(-1);
	if (attending <= 0 && sched_hooks.poll)
		sched_hooks.poll();
}

static void send_for_worker(void)
{
	if (!bell_sleepers)
		return;
	epoll_attended = true;
	ring();
}

/*
 * Leaving the kernel for a while: whoever could run meanwhile needs a worker, and so do the host's events
 * when it was us who attended them.
 */
void host_block_begin(void)
{
	attend_no_more();
	if (runq_len || !epoll_attended)
		send_for_worker();
	in_host++;
	kernel_unlock();
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
		send_for_worker();
	else if (runq_len && !ktimer_pending(&overdue))
		keep_watch();
	in_host++;
	kernel_unlock();
}

/* --- stacks --- */

int sched_stack_alloc(struct task *t)
{
	if (nstacks) {
		t->kstack = stack_cache[--nstacks];
		return 0;
	}
	t->kstack = host_stack_alloc(KSTACK_SIZE);
	if (!t->kstack)
		return -ENOMEM;
	fiber_made((char *)t->kstack + PAGE_SIZE, KSTACK_SIZE - PAGE_SIZE);
	return 0;
}

void sched_stack_free(struct task *t)
{
	arena_free(t);
	if (nstacks < STACK_CACHE) {
		stack_cache[nstacks++] = t->kstack;
	} else {
		fiber_gone((char *)t->kstack + PAGE_SIZE, KSTACK_SIZE - PAGE_SIZE);
		host_stack_free(t->kstack, KSTACK_SIZE);
	}
	t->kstack = NULL;
}

/* --- run queue --- */

void sched_wake(struct task *t)
{
	if (t->on_runq)
		return;
	if (t->sched_running) {
		t->wake_pending = true;
		return;
	}
	t->on_runq = true;
	list_add_tail(&t->run_node, &runq);
	runq_len++;
}

/* On t's stack, perhaps on another worker than before: its thread variables are looked up anew. */
static __attribute__((noinline)) void arrived(struct task *t, void *fake)
{
	fiber_arrive(fake, &worker_stack, &worker_stack_size);
}

static void switch_out(struct task *t)
{
	fiber_leave(t->sched_exited ? NULL : &t->fake_stack, worker_stack, worker_stack_size);
	task_switch(&t->sp, worker_sp);
	arrived(t, t->fake_stack);
}

/* Until another task has given the guest thread back; the wakeups of the time are spurious to the caller. */
static void wait_while_lent(struct task *t)
{
	while (unlikely(t->lent))
		switch_out(t);
}

static void back_from_host(int n)
{
	kernel_lock();
	in_host--;
	attend(n);
	if (cur)
		wait_while_lent(cur);
}

void host_brief_end(void)
{
	back_from_host(0);
}

void host_block_end(void)
{
	back_from_host(1);
}

void sched_block(void)
{
	struct task *t = current;

	if (t->wake_pending) {
		t->wake_pending = false;
		return;
	}
	if (sched_hooks.blocking && t->ut)
		sched_hooks.blocking(t);
	switch_out(t);
	wait_while_lent(t);
}

void sched_yield_kernel(void)
{
	struct task *t = current;

	if (!runq_len)
		return;
	t->wake_pending = true;
	switch_out(t);
	wait_while_lent(t);
}

void sched_exit(void)
{
	struct task *t = current;

	t->state = t->state == TASK_ZOMBIE ? TASK_ZOMBIE : TASK_DEAD;
	t->sched_exited = true;
	switch_out(t);
	__builtin_trap();
}

static struct task *pick(void)
{
	struct task *t;

	if (list_empty(&runq))
		return NULL;
	t = list_first(&runq, struct task, run_node);
	list_del_init(&t->run_node);
	runq_len--;
	t->on_runq = false;
	return t;
}

static void run_task(struct task *t)
{
	cur = t;
	t->sched_running = true;
	stats.switches++;
	if (sched_hooks.beat)
		sched_hooks.beat();
	fiber_leave(&worker_fake, t->kstack, KSTACK_SIZE);
	task_switch(&worker_sp, t->sp);
	fiber_arrive(worker_fake, NULL, NULL);
	cur = NULL;
	t->sched_running = false;
	if (t->sched_exited) {
		sched_stack_free(t);	/* others may hold the task for long */
		task_put(t);		/* the scheduler's reference, taken by task_start() */
		return;
	}
	if (t->wake_pending) {
		t->wake_pending = false;
		sched_wake(t);
	}
}

static void first_entry(struct task *t)
{
	arrived(t, NULL);
	t->entry(t);
	sched_exit();
}

void task_start(struct task *t, void (*entry)(struct task *t), void *arg)
{
	u64 *sp = (u64 *)((char *)t->kstack + KSTACK_SIZE - 64);

	fiber_fresh(t->kstack, KSTACK_SIZE);
	t->entry = entry;
	t->entry_arg = arg;
	*--sp = 0;			/* task_first_run() calls on an aligned stack */
	*--sp = 0;
	*--sp = (u64)task_first_run;
	*--sp = 0;			/* rbp */
	*--sp = (u64)first_entry;	/* rbx */
	*--sp = (u64)t;			/* r12 */
	*--sp = 0;
	*--sp = 0;
	*--sp = 0;
	t->sp = sp;
	task_get(t);
	sched_wake(t);
}

struct kthread_arg {
	void (*fn)(void *arg);
	void *arg;
};

static void kthread_entry(struct task *t)
{
	struct kthread_arg *ka = t->entry_arg;
	struct kthread_arg copy = *ka;

	kfree(ka);
	copy.fn(copy.arg);
	task_unhash(t);
	task_put(t);
}

int kthread_run(const char *name, void (*fn)(void *arg), void *arg)
{
	struct kthread_arg *ka = kmalloc(sizeof(*ka));
	struct task *t;
	int err;

	if (!ka)
		return -ENOMEM;
	err = task_alloc(&t);
	if (err) {
		kfree(ka);
		return err;
	}
	*ka = (struct kthread_arg){ fn, arg };
	task_set_comm(t, name);
	task_start(t, kthread_entry, ka);
	return 0;
}

/* --- idling --- */

static bool timers_due(void)
{
	ktime_t next = ktimer_next();

	if (next == KTIME_NEVER || ktime_get() < next)
		return false;
	ktimer_run();
	return runq_len != 0;
}

/*
 * Looking all the time is only for a CPU that nobody else wants. The sign of a crowd is time that went missing between
 * two readings of the clock: then not for a while.
 */
static void note_crowd(struct crowd *c, ktime_t now)
{
	c->len = now - c->until < 8 * c->len ? MIN(2 * c->len, c->max) : c->min;
	c->until = now + c->len;
	stats.crowds++;
}

static void let_others_run(void)
{
	kernel_unlock();
	host_yield();
	kernel_lock();
	sched_hooks.here();
}

/* A guest thread that we woke may be waiting for this CPU: let it go first, and see whether one was. */
static bool step_aside(void)
{
	ktime_t before = ktime_get(), now;
	bool found;

	woke_guest = false;
	let_others_run();
	now = ktime_get();
	if (now - before > ASIDE_NS && guests_running == 1 && ++together == TOGETHER_MAX) {
		together = 0;
		host_change_cpu();
		sched_hooks.here();
	}
	found = sched_hooks.poll() || runq_len;
	if (!found && now - before > MISSING_NS)
		note_crowd(&others, now);
	return found;
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

/* Look until something turns up or the time is over. Lock held; given up when another thread wants it. */
static bool look_around(void)
{
	ktime_t last = ktime_get(), end = last + POLL_NS, now;

	while (!klock_wanted()) {
		if (look_a_little()) {
			together = 0;
			return true;
		}
		if (timers_due())
			return true;
		now = ktime_get();
		if (now - last > MISSING_NS)
			note_crowd(&others, now);
		if (now >= end || now < others.until)
			break;
		last = now;
	}
	return runq_len;
}

/*
 * Did the yield that took so long find what it was for? One that hands the CPU to a guest thread which computes, or to a
 * stranger with the same right to it, is the more expensive way to wait: twice in a row, and we sleep for a while instead.
 */
static void judge_yield(ktime_t now, ktime_t took, bool found)
{
	static int kept, quick;

	if (took < (found ? HELD_NS : MISSING_NS)) {
		if (++quick == QUICK_MAX)
			kept = quick = 0;
		return;
	}
	quick = 0;
	if (!found || ++kept >= KEPT_MAX) {
		kept = 0;
		note_crowd(&keepers, now);
	}
}

/*
 * The same where no CPU is idle: whoever wants this one, a guest thread first of all, has it between two looks. With a
 * guest thread on the same CPU a call so costs two yields and two switches, and nobody is woken.
 */
static bool look_between(void)
{
	ktime_t last = ktime_get(), end = last + POLL_SCARCE_NS, now;
	bool found = look_a_little();

	while (!found && !klock_wanted()) {
		if (woke_guest || sched_hooks.cpu_shared())
			let_others_run();
		woke_guest = false;
		found = look_a_little() || runq_len || timers_due();
		now = ktime_get();
		judge_yield(now, now - last, found);
		if (now >= end || now < keepers.until)
			break;
		last = now;
	}
	return found || runq_len;
}

static bool poll_guests(void)
{
	bool found = false;

	if (sched_cpu_spare())
		found = (woke_guest && step_aside()) || look_around();
	else if (guests_running >= nworkers && ktime_get() >= keepers.until)
		found = look_between();
	woke_guest = false;
	if (found)
		stats.polls_hit++;
	else
		stats.polls_missed++;
	return found;
}

/* True: there is something to run, do not sleep. */
static bool before_sleep(void)
{
	if (timers_due() || stopping)
		return true;
	/* Another worker is up and will look after the guests: one is enough. */
	if (!sched_hooks.poll || attending > 1)
		return false;
	if (sched_hooks.polled()) {
		if (poll_guests())
			return true;
		if (klock_wanted()) {
			klock_yield();
			return true;
		}
	}
	return false;
}

static void heard(const u32 *ids, ssize bytes)
{
	stats.doorbells++;
	if (bytes > 0 && sched_hooks.bell)
		sched_hooks.bell(ids, (int)((size_t)bytes / sizeof(u32)));
}

/*
 * With tasks to run at any time nobody sleeps, so nobody hears the bell, timers, events and guest threads that need not
 * ring: look after them now and then. Who sleeps on the bell or in epoll hears it himself.
 */
static void look_after_rest(void)
{
	u32 ids[SCHED_BELL_MAX];
	ktime_t now = ktime_get();

	if (sched_hooks.poll)
		sched_hooks.poll();
	if (now < attend_at)
		return;
	attend_at = now + LATE_NS;
	timers_due();
	if (!bell_sleepers && host_readable(bell[0]))
		heard(ids, host_read(bell[0], ids, sizeof(ids)));
	if (!epoll_busy)
		event_poll();
}

static void sleep_on_bell(void)
{
	u32 ids[SCHED_BELL_MAX];
	ssize n;

	event_arm_timer();
	bell_sleepers++;
	kernel_unlock();
	n = host_read(bell[0], ids, sizeof(ids));
	kernel_lock();
	bell_sleepers--;
	heard(ids, n);
}

static void sleep_somewhere(void)
{
	if (epoll_busy) {
		sleep_on_bell();
		return;
	}
	epoll_busy = epoll_attended = true;
	event_idle();
	epoll_busy = epoll_attended = false;
}

static void idle(void)
{
	attend_no_more();
	if (!runq_len) {
		awake--;
		sleep_somewhere();
		awake++;
	}
	attend(1);
}

static void work(void *arg)
{
	struct task *t;
	u32 n = 0;

	kernel_lock();
	awake++;
	attend(1);
	while (!stopping) {
		while ((t = pick())) {
			run_task(t);
			if (klock_wanted())
				klock_yield();
			if (++n % ATTEND_TASKS == 0)
				look_after_rest();
		}
		if (!before_sleep())
			idle();
	}
	kernel_unlock();
}

int sched_ncpus(void)
{
	return ncpus;
}

int sched_bell_fd(void)
{
	return bell[1];
}

bool sched_cpu_spare(void)
{
	return guests_running < nworkers && ktime_get() >= others.until;
}

void sched_woke_guest(void)
{
	woke_guest = true;
}

void sched_get_stats(struct sched_stats *st)
{
	*st = stats;
	st->runnable = runq_len;
	st->guests_running = guests_running;
}

int sched_init(int n)
{
	int err = host_pipe(bell, true);

	if (err)
		return err;
	ncpus = n;
	nworkers = host_ncpus();
	ktimer_init(&overdue, is_overdue);
	return event_init();
}

void sched_start(void)
{
	int workers = MIN(MAX(nworkers, 1), 4);

	for (int i = 0; i < workers; i++) {
		int err = host_thread_start("worker", work, NULL);

		if (err)
			panic("cannot start a worker thread: %d", err);
	}
	work(NULL);
}

void sched_stop(void)
{
	stopping = true;
	for (int i = 0; i < bell_sleepers; i++)
		ring();
}
