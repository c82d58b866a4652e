/* SPDX-License-Identifier: MIT */
/*
 * Timers of a process. Real-time ones are kernel timers. CPU-time ones (ITIMER_VIRTUAL and PROF, POSIX
 * timers on CPU clocks, RLIMIT_CPU) share one kernel timer that looks when, at the earliest, one could be due.
 *
 * A periodic POSIX timer that has queued its signal is started again when that signal is taken; the
 * periods missed by then are its overrun.
 */
#include "process/itimer.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/resource.h"
#include "abi/time.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "process/process.h"

#define CPU_LOOK_MIN (NSEC_PER_MSEC)
#define OVERRUN_MAX 0x7fffffff

struct cpu_itimer {
	u64 expires, interval;		/* CPU time; 0: not armed */
};

struct ptimer {
	struct list_head node;
	struct process *proc;
	struct task *target;		/* reference */
	int id;
	enum timer_clock clock;
	int notify;
	ktime_t deadline;		/* monotonic, or CPU time; 0: not armed */
	ktime_t interval;
	int overrun, overrun_last;
	bool queued;			/* signal sent, not taken yet */
	struct sigqueue *sq;
	struct ktimer timer;
};

struct itimers {
	struct process *proc;
	struct ktimer real;
	ktime_t real_deadline, real_interval;
	struct cpu_itimer virt, prof;
	struct ktimer look;		/* CPU clocks */
	u64 xcpu_sent;			/* seconds of CPU at the last SIGXCPU */
	struct list_head posix;
	int next_id;
};

/* When a periodic timer is due next after now; counts the periods that are over. */
static ktime_t forward(ktime_t deadline, ktime_t interval, ktime_t now, s64 *missed)
{
	s64 n;

	*missed = 0;
	if (deadline > now || !interval)
		return deadline;
	n = (now - deadline) / interval + 1;
	*missed = n;
	return deadline + n * interval;
}

/* ---- ITIMER_REAL ---- */

static void real_fires(struct ktimer *kt)
{
	struct itimers *it = container_of(kt, struct itimers, real);
	s64 missed;

	send_signal_process(SIGALRM, NULL, it->proc);
	if (!it->real_interval) {
		it->real_deadline = 0;
		return;
	}
	it->real_deadline = forward(it->real_deadline, it->real_interval, ktime_get(), &missed);
	if (ktimer_start(&it->real, it->real_deadline))
		it->real_deadline = 0;
}

/* ---- CPU time ---- */

static u64 cpu_prof(const struct process *p)
{
	struct acct a;

	process_times(p, &a);
	return a.utime + a.stime;
}

static u64 cpu_virt(const struct process *p)
{
	struct acct a;

	process_times(p, &a);
	return a.utime;
}

static u64 cpu_thread(const struct task *t)
{
	struct acct a;

	task_times(t, &a);
	return a.utime + a.stime;
}

static void earlier(u64 *left, u64 now, u64 expires)
{
	u64 l = expires > now ? expires - now : 0;

	if (expires && l < *left)
		*left = l;
}

static void cpu_itimer_check(struct process *p, struct cpu_itimer *ci, u64 now, int sig, u64 *left)
{
	s64 missed;

	if (ci->expires && now >= ci->expires) {
		send_signal_process(sig, NULL, p);
		ci->expires = ci->interval ? (u64)forward(ci->expires, ci->interval, now, &missed) : 0;
	}
	earlier(left, now, ci->expires);
}

static void cpu_limit_check(struct itimers *it, u64 now, u64 *left)
{
	const struct rlimit_k *rl = &it->proc->rlim[RLIMIT_CPU];
	u64 sec = now / NSEC_PER_SEC;

	if (rl->cur == RLIM64_INFINITY)
		return;
	if (rl->max != RLIM64_INFINITY && sec >= rl->max) {
		kill_process(it->proc);
		return;
	}
	if (sec >= rl->cur && sec > it->xcpu_sent) {
		it->xcpu_sent = sec;
		send_signal_process(SIGXCPU, NULL, it->proc);
	}
	earlier(left, now, (MAX(rl->cur, sec + 1)) * NSEC_PER_SEC);
}

static u64 ptimer_cpu_now(const struct ptimer *pt)
{
	if (pt->clock == TC_THREAD_CPU)
		return pt->target ? cpu_thread(pt->target) : 0;
	return cpu_prof(pt->proc);
}

static void ptimer_expire(struct ptimer *pt);

static void look(struct itimers *it)
{
	struct process *p = it->proc;
	u64 left = ~0ULL, threads = MAX(p->nthreads, 1), now = cpu_prof(p);
	struct ptimer *pt;

	cpu_itimer_check(p, &it->prof, now, SIGPROF, &left);
	cpu_itimer_check(p, &it->virt, cpu_virt(p), SIGVTALRM, &left);
	cpu_limit_check(it, now, &left);
	list_for_each(pt, &it->posix, node) {
		if (pt->clock < TC_PROCESS_CPU || !pt->deadline || pt->queued)
			continue;
		if (ptimer_cpu_now(pt) >= (u64)pt->deadline)
			ptimer_expire(pt);
		if (!pt->queued)
			earlier(&left, ptimer_cpu_now(pt), pt->deadline);
	}
	if (left == ~0ULL || !p->nthreads)
		ktimer_cancel(&it->look);
	else
		(void)ktimer_start(&it->look, ktime_get() + MAX((s64)(left / threads), CPU_LOOK_MIN));
}

static void look_timer(struct ktimer *kt)
{
	look(container_of(kt, struct itimers, look));
}

static struct itimers *itimers_of(struct process *p)
{
	struct itimers *it = p->itimers;

	if (it)
		return it;
	it = kzalloc(sizeof(*it));
	if (!it)
		return NULL;
	it->proc = p;
	list_init(&it->posix);
	ktimer_init(&it->real, real_fires);
	ktimer_init(&it->look, look_timer);
	p->itimers = it;
	return it;
}

void cpu_timers_tick(struct process *p)
{
	struct itimers *it = itimers_of(p);

	if (it)
		look(it);
}

/* ---- setitimer ---- */

static void real_get(const struct itimers *it, struct timer_value *out)
{
	ktime_t left = it->real_deadline - ktime_get();

	out->interval = it->real_interval;
	out->value = it->real_deadline ? MAX(left, NSEC_PER_USEC) : 0;
}

static void cpu_get(const struct cpu_itimer *ci, u64 now, struct timer_value *out)
{
	out->interval = ci->interval;
	out->value = !ci->expires ? 0 : ci->expires > now ? ci->expires - now : NSEC_PER_USEC;
}

int itimer_get(struct process *p, int which, struct timer_value *out)
{
	struct itimers *it = itimers_of(p);

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	if (!it)
		return -ENOMEM;
	if (which == ITIMER_REAL)
		real_get(it, out);
	else if (which == ITIMER_VIRTUAL)
		cpu_get(&it->virt, cpu_virt(p), out);
	else
		cpu_get(&it->prof, cpu_prof(p), out);
	return 0;
}

static int real_set(struct itimers *it, const struct timer_value *new)
{
	ktimer_cancel(&it->real);
	it->real_deadline = 0;
	it->real_interval = new->interval;
	if (!new->value)
		return 0;
	it->real_deadline = ktime_get() + new->value;
	return ktimer_start(&it->real, it->real_deadline);
}

int itimer_set(struct process *p, int which, const struct timer_value *new, struct timer_value *old)
{
	struct timer_value scratch;
	struct itimers *it;
	int err = itimer_get(p, which, old ? old : &scratch);

	if (err)
		return err;
	it = p->itimers;
	if (which == ITIMER_REAL)
		return real_set(it, new);
	if (which == ITIMER_VIRTUAL)
		it->virt = (struct cpu_itimer){ new->value ? cpu_virt(p) + new->value : 0,
						new->interval };
	else
		it->prof = (struct cpu_itimer){ new->value ? cpu_prof(p) + new->value : 0,
						new->interval };
	look(it);
	return 0;
}

/* ---- POSIX timers ---- */

static bool on_cpu_clock(const struct ptimer *pt)
{
	return pt->clock >= TC_PROCESS_CPU;
}

static ktime_t clock_now(const struct ptimer *pt)
{
	return on_cpu_clock(pt) ? (ktime_t)ptimer_cpu_now(pt) : ktime_get();
}

static void ptimer_start(struct ptimer *pt)
{
	if (on_cpu_clock(pt))
		look(pt->proc->itimers);
	else if (pt->deadline && ktimer_start(&pt->timer, pt->deadline))
		pt->deadline = 0;
}

static int clamp_overrun(s64 n)
{
	return n > OVERRUN_MAX ? OVERRUN_MAX : (int)n;
}

/* Due. Without a signal in between, periods simply go on. */
static void ptimer_expire(struct ptimer *pt)
{
	s64 missed;
	bool ignored;

	if (pt->notify == SIGEV_NONE) {
		ignored = true;
	} else {
		struct task *t = pt->target && pt->notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID)
					 ? pt->target : pt->proc->leader;

		ignored = !t || send_sigqueue(pt->sq, t, pt->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID));
	}
	if (!ignored) {
		pt->queued = true;
		return;
	}
	pt->deadline = pt->interval ? forward(pt->deadline, pt->interval, clock_now(pt), &missed) : 0;
	if (!on_cpu_clock(pt) && pt->deadline && ktimer_start(&pt->timer, pt->deadline))
		pt->deadline = 0;
}

static void ptimer_fires(struct ktimer *kt)
{
	ptimer_expire(container_of(kt, struct ptimer, timer));
}

static void ptimer_taken(struct sigqueue *q, siginfo_t *info)
{
	struct ptimer *pt = q->timer;
	s64 missed = 0;

	info->si_overrun = 0;
	if (!pt->queued)
		return;			/* set anew since: the signal of an earlier setting */
	pt->queued = false;
	if (pt->interval && pt->deadline) {
		pt->deadline = forward(pt->deadline, pt->interval, clock_now(pt), &missed);
		pt->overrun_last = clamp_overrun(missed > 0 ? missed - 1 : 0);
		ptimer_start(pt);
	} else {
		pt->deadline = 0;
		pt->overrun_last = 0;
	}
	info->si_overrun = pt->overrun_last;
}

static struct ptimer *ptimer_find(struct process *p, int id)
{
	struct itimers *it = p->itimers;
	struct ptimer *pt;

	if (!it)
		return NULL;
	list_for_each(pt, &it->posix, node)
		if (pt->id == id)
			return pt;
	return NULL;
}

static struct sigqueue *ptimer_sigqueue(struct ptimer *pt, const struct ptimer_spec *spec)
{
	struct sigqueue *q = sigqueue_alloc(pt->proc->leader, spec->signo, false);

	if (!q)
		return NULL;
	q->timer = pt;
	q->info.si_signo = spec->signo;
	q->info.si_code = SI_TIMER;
	q->info.si_tid = pt->id;
	q->info.si_value.sival_ptr = (void *)spec->value;
	return q;
}

static int fresh_id(struct process *p, struct itimers *it)
{
	while (ptimer_find(p, it->next_id))
		it->next_id = it->next_id == OVERRUN_MAX ? 0 : it->next_id + 1;
	return it->next_id++;
}

int ptimer_create(struct process *p, const struct ptimer_spec *spec)
{
	struct itimers *it = itimers_of(p);
	struct ptimer *pt;

	pt = it ? kzalloc(sizeof(*pt)) : NULL;
	if (!pt)
		return -ENOMEM;
	pt->proc = p;
	pt->id = fresh_id(p, it);
	pt->clock = spec->clock;
	pt->notify = spec->notify;
	pt->sq = ptimer_sigqueue(pt, spec);
	if (!pt->sq) {
		kfree(pt);
		return -EAGAIN;
	}
	if (spec->target)
		pt->target = task_get(spec->target);
	ktimer_init(&pt->timer, ptimer_fires);
	list_add_tail(&pt->node, &it->posix);
	return pt->id;
}

/* A signal that is on its way stays; its entry then belongs to the queue. */
static void ptimer_free(struct ptimer *pt)
{
	bool in_queue = !list_empty(&pt->sq->node);

	ktimer_cancel(&pt->timer);
	list_del_init(&pt->node);
	pt->sq->timer = NULL;
	if (!in_queue)
		sigqueue_free(pt->sq);
	task_put(pt->target);
	kfree(pt);
}

int ptimer_delete(struct process *p, int id)
{
	struct ptimer *pt = ptimer_find(p, id);

	if (!pt)
		return -EINVAL;
	ptimer_free(pt);
	return 0;
}

static void ptimer_value(const struct ptimer *pt, struct timer_value *out)
{
	ktime_t now = clock_now(pt), due;
	s64 missed;

	out->interval = pt->interval;
	out->value = 0;
	if (!pt->deadline)
		return;
	due = forward(pt->deadline, pt->interval, now, &missed);
	out->value = due > now ? due - now : pt->notify == SIGEV_NONE ? 0 : 1;
}

int ptimer_get(struct process *p, int id, struct timer_value *out)
{
	struct ptimer *pt = ptimer_find(p, id);

	if (!pt)
		return -EINVAL;
	ptimer_value(pt, out);
	return 0;
}

int ptimer_set(struct process *p, int id, const struct timer_value *new, bool abs, struct timer_value *old)
{
	struct ptimer *pt = ptimer_find(p, id);

	if (!pt)
		return -EINVAL;
	if (old)
		ptimer_value(pt, old);
	ktimer_cancel(&pt->timer);
	pt->queued = false;
	pt->overrun_last = 0;
	pt->interval = new->interval;
	pt->deadline = 0;
	if (!new->value)
		return 0;
	pt->deadline = abs ? new->value : clock_now(pt) + new->value;
	if (pt->deadline <= 0)
		pt->deadline = 1;
	ptimer_start(pt);
	return 0;
}

bool ptimer_is_real(struct process *p, int id)
{
	struct ptimer *pt = ptimer_find(p, id);

	return pt && pt->clock == TC_REAL;
}

int ptimer_default_value(struct process *p, int id)
{
	struct ptimer *pt = ptimer_find(p, id);

	if (!pt)
		return -EINVAL;
	pt->sq->info.si_value.sival_int = id;
	return 0;
}

int ptimer_overrun(struct process *p, int id)
{
	struct ptimer *pt = ptimer_find(p, id);

	return pt ? pt->overrun_last : -EINVAL;
}

/* ---- exec and exit ---- */

void itimers_exec(struct process *p)
{
	struct itimers *it = p->itimers;

	while (it && !list_empty(&it->posix))
		ptimer_free(list_first(&it->posix, struct ptimer, node));
}

void itimers_exit(struct process *p)
{
	struct itimers *it = p->itimers;

	if (!it)
		return;
	itimers_exec(p);
	ktimer_cancel(&it->real);
	ktimer_cancel(&it->look);
	p->itimers = NULL;
	kfree(it);
}

void process_timers_init(void)
{
	sigqueue_timer_taken = ptimer_taken;
}
