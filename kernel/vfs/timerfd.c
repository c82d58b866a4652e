/* SPDX-License-Identifier: MIT */
/*
 * timerfd: a timer whose expirations are read from a descriptor.
 *
 * All timers run on CLOCK_MONOTONIC; one on CLOCK_REALTIME with an absolute time is moved
 * when that clock is set. An interval timer fires once and is started again when somebody reads
 * or asks, which then counts the periods that passed: so a tiny interval costs nothing.
 */
#include "vfs/poll.h"

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/time.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "mm/iter.h"

#ifndef TFD_TIMER_ABSTIME
#define TFD_TIMER_ABSTIME 1
#define TFD_TIMER_CANCEL_ON_SET 2
#endif

struct timerfd {
	struct ktimer timer;
	struct wait_queue wq;
	struct list_head node;		/* in timerfds, for clock changes */
	ktime_t expiry;			/* CLOCK_MONOTONIC, valid when armed or expired */
	ktime_t real_expiry;		/* the absolute CLOCK_REALTIME asked for, or -1 */
	ktime_t interval;
	u64 ticks;
	int clock, settime_flags;
	bool armed, expired;		/* expired: fired and not started again yet */
	bool cancelled;
};

static LIST_HEAD(timerfds);

static const struct file_ops timerfd_ops;

static bool is_realtime(const struct timerfd *t)
{
	return t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM;
}

static void timerfd_fire(struct ktimer *kt)
{
	struct timerfd *t = container_of(kt, struct timerfd, timer);

	t->expired = true;
	t->armed = false;
	t->ticks++;
	wake_up_events(&t->wq, EPOLLIN);
}

static int timerfd_arm(struct timerfd *t)
{
	int err = ktimer_start(&t->timer, t->expiry);

	t->armed = !err;
	return err;
}

/* The periods that passed since an interval timer fired; starts it again. */
static void timerfd_catch_up(struct timerfd *t)
{
	ktime_t now = ktime_get();
	u64 n;

	if (!t->expired || !t->interval)
		return;
	n = now >= t->expiry ? (u64)(now - t->expiry) / t->interval + 1 : 1;
	t->expiry += n * t->interval;
	if (t->real_expiry >= 0)
		t->real_expiry += n * t->interval;
	t->ticks += n - 1;
	t->expired = false;
	timerfd_arm(t);
}

static ssize timerfd_read(struct file *f, struct iter *to, off64 *pos)
{
	struct timerfd *t = f->private;
	u64 ticks;
	int err;

	if (to->count < sizeof(ticks))
		return -EINVAL;
	if (!t->ticks && !t->cancelled) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&t->wq, t->ticks || t->cancelled, "timerfd_read");
		if (err)
			return err;
	}
	if (t->cancelled) {
		t->cancelled = false;
		t->ticks = 0;
		return -ECANCELED;
	}
	timerfd_catch_up(t);
	ticks = t->ticks;
	t->ticks = 0;
	return iter_copy_to(to, &ticks, sizeof(ticks));
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private;

	poll_wait(f, &t->wq, pt);
	return t->ticks || t->cancelled ? EPOLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	ktimer_cancel(&t->timer);
	list_del_init(&t->node);
	kfree(t);
}

static void timerfd_remaining(const struct timerfd *t, struct timerfd_spec *spec)
{
	ktime_t left = t->expiry - ktime_get();

	spec->interval = t->interval;
	spec->value = 0;
	if (t->armed)
		spec->value = MAX(left, 1);
}

static void timerfd_fdinfo(struct file *f, struct seq_buf *s)
{
	struct timerfd *t = f->private;
	struct timerfd_spec sp;

	timerfd_remaining(t, &sp);
	seq_printf(s, "clockid: %d\nticks: %llu\nsettime flags: 0%o\n", t->clock,
		   (unsigned long long)t->ticks, t->settime_flags);
	seq_printf(s, "it_value: (%lld, %lld)\nit_interval: (%lld, %lld)\n",
		   (long long)(sp.value / NSEC_PER_SEC), (long long)(sp.value % NSEC_PER_SEC),
		   (long long)(sp.interval / NSEC_PER_SEC),
		   (long long)(sp.interval % NSEC_PER_SEC));
}

static const struct file_ops timerfd_ops = {
	.release = timerfd_release,
	.read = timerfd_read,
	.llseek = file_seek_null,
	.poll = timerfd_poll,
	.fdinfo = timerfd_fdinfo,
	.stream = true,
};

int timerfd_create_file(int clock, u32 flags, struct file **out)
{
	struct timerfd *t;
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_REALTIME_ALARM && clock != CLOCK_BOOTTIME_ALARM)
		return -EINVAL;
	if ((clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM) &&
	    !capable(CAP_WAKE_ALARM))
		return -EPERM;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	ktimer_init(&t->timer, timerfd_fire);
	wq_init(&t->wq);
	list_init(&t->node);
	t->clock = clock;
	t->real_expiry = -1;
	err = anon_file("[timerfd]", &timerfd_ops, t, O_RDWR | (flags & O_NONBLOCK), out);
	if (err)
		kfree(t);
	return err;
}

/* When value on the timer's clock is, on CLOCK_MONOTONIC. Cut at the end of time. */
static ktime_t timerfd_expiry(struct timerfd *t, ktime_t value, bool abs)
{
	ktime_t now = ktime_get();

	if (!abs)
		return value > KTIME_NEVER - 1 - now ? KTIME_NEVER - 1 : now + value;
	if (!is_realtime(t))
		return value;
	return value - ktime_get_real() + now;
}

int timerfd_set(struct file *f, int flags, const struct timerfd_spec *spec, struct timerfd_spec *old)
{
	struct timerfd *t = f->private;
	bool abs = flags & TFD_TIMER_ABSTIME;

	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || f->ops != &timerfd_ops)
		return -EINVAL;
	timerfd_catch_up(t);
	timerfd_remaining(t, old);
	ktimer_cancel(&t->timer);
	list_del_init(&t->node);
	t->armed = t->expired = t->cancelled = false;
	t->ticks = 0;
	t->settime_flags = flags;
	t->interval = spec->interval;
	t->real_expiry = -1;
	if (is_realtime(t) && abs) {
		t->real_expiry = spec->value;
		list_add_tail(&t->node, &timerfds);
	}
	if (!spec->value)
		return 0;
	t->expiry = timerfd_expiry(t, spec->value, abs);
	return timerfd_arm(t);
}

int timerfd_get(struct file *f, struct timerfd_spec *spec)
{
	struct timerfd *t = f->private;

	if (f->ops != &timerfd_ops)
		return -EINVAL;
	timerfd_catch_up(t);
	timerfd_remaining(t, spec);
	return 0;
}

void timerfd_clock_was_set(void)
{
	ktime_t now = ktime_get(), real = ktime_get_real();
	struct timerfd *t;

	list_for_each(t, &timerfds, node) {
		if (t->settime_flags & TFD_TIMER_CANCEL_ON_SET) {
			t->cancelled = true;
			wake_up_events(&t->wq, EPOLLIN);
		}
		if (!t->armed)
			continue;
		t->expiry = t->real_expiry - real + now;
		timerfd_arm(t);
	}
}
