/* SPDX-License-Identifier: MIT */
/*
 * Clocks and timers. Pending timers stand in a binary heap ordered by deadline.
 */
#include "core/time.h"

#include "abi/errno.h"
#include "host/host.h"
#include "lib/alloc.h"

static struct ktimer **heap;
static unsigned int heap_len, heap_cap;
static ktime_t boot_offset_real, boot_start;

ktime_t ktime_get(void)
{
	return host_clock_monotonic();
}

ktime_t ktime_get_real(void)
{
	return host_clock_realtime();
}

ktime_t ktime_get_clock(int clock)
{
	return host_clock(clock);
}

static void note_boot(void)
{
	if (boot_start)
		return;
	boot_start = host_clock_boottime();
	boot_offset_real = host_clock_realtime();
}

ktime_t ktime_get_boottime(void)
{
	note_boot();
	return host_clock_boottime() - boot_start;
}

ktime_t time_boot_real(void)
{
	note_boot();
	return boot_offset_real;
}

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t))
{
	t->deadline = 0;
	t->fn = fn;
	t->slot = 0;
}

static void place(unsigned int i, struct ktimer *t)
{
	heap[i] = t;
	t->slot = i + 1;
}

static void sift_up(unsigned int i, struct ktimer *t)
{
	while (i && heap[(i - 1) / 2]->deadline > t->deadline) {
		place(i, heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(i, t);
}

static void sift_down(unsigned int i, struct ktimer *t)
{
	for (;;) {
		unsigned int c = 2 * i + 1;

		if (c >= heap_len)
			break;
		if (c + 1 < heap_len && heap[c + 1]->deadline < heap[c]->deadline)
			c++;
		if (heap[c]->deadline >= t->deadline)
			break;
		place(i, heap[c]);
		i = c;
	}
	place(i, t);
}

static int grow(void)
{
	unsigned int n = heap_cap ? heap_cap * 2 : 64;
	struct ktimer **h = krealloc(heap, n * sizeof(*h));

	if (!h)
		return -ENOMEM;
	heap = h;
	heap_cap = n;
	return 0;
}

int ktimer_start(struct ktimer *t, ktime_t deadline)
{
	int err;

	ktimer_cancel(t);
	if (heap_len == heap_cap) {
		err = grow();
		if (err)
			return err;
	}
	t->deadline = deadline;
	sift_up(heap_len++, t);
	return 0;
}

bool ktimer_cancel(struct ktimer *t)
{
	unsigned int i = t->slot;
	struct ktimer *last;

	if (!i--)
		return false;
	t->slot = 0;
	last = heap[--heap_len];
	if (last == t)
		return true;
	if (i && heap[(i - 1) / 2]->deadline > last->deadline)
		sift_up(i, last);
	else
		sift_down(i, last);
	return true;
}

bool ktimer_pending(const struct ktimer *t)
{
	return t->slot != 0;
}

ktime_t ktimer_next(void)
{
	return heap_len ? heap[0]->deadline : INT64_MAX;
}

void ktimer_run(void)
{
	ktime_t now;

	if (!heap_len)
		return;
	now = ktime_get();
	while (heap_len && heap[0]->deadline <= now) {
		struct ktimer *t = heap[0];

		ktimer_cancel(t);
		t->fn(t);
	}
}
