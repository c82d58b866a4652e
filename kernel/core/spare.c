/* SPDX-License-Identifier: MIT */
/*
 * Is a CPU to spare for a worker that polls? From what guest threads did lately, and from signs of strangers.
 */
#include "core/sched.h"

#include "core/schedpriv.h"
#include "core/time.h"

int guests_running;
u64 sched_calls;
int spare_cpus = 1;

/* While this lasts no attendant polls: strangers want the CPU. */
static struct crowd {
	ktime_t until, len;
} crowd;
#define CROWD_MIN (NSEC_PER_MSEC / 2)
#define CROWD_MAX (4 * NSEC_PER_MSEC)

/*
 * What guest threads did lately. crowded: they want all CPUs. dense: their calls follow one another so closely that a CPU
 * is better spent on nothing else than answering them. An exchange takes the guest's CPU for a microsecond when an attendant
 * polls, for seven on a lane: with less than seven between the calls on a lane, one CPU for all of them is more than two.
 */
static struct load {
	ktime_t since, last;
	u64 calls;			/* sched_calls then */
	s64 ran, busy;			/* since then: guest threads all together; lanes with such */
	int running, lanes;		/* from last on */
	bool crowded, dense;
} load;
#define LOAD_NS (500 * 1000LL)		/* how long that is counted */
#define DENSE_POLLED_NS 7000
#define DENSE_LANES_NS 14000

void spare_crowd(ktime_t now)
{
	crowd.len = now - crowd.until < 8 * crowd.len ? MIN(2 * crowd.len, CROWD_MAX) : CROWD_MIN;
	crowd.until = now + crowd.len;
	sched_counts.crowds++;
}

static void judge_load(struct load *l, s64 ns, bool polled)
{
	s64 calls = (s64)(sched_calls - l->calls), all = ns * spare_cpus;

	if (polled) {
		l->dense = calls * DENSE_POLLED_NS > ns;
		l->crowded = l->ran > all - all / 16;
	} else {
		l->dense = calls * DENSE_LANES_NS > MAX(l->busy, ns);
		l->crowded = l->ran > all - all / 4;
	}
}

static void measure_load(ktime_t now, bool polled)
{
	struct load *l = &load;

	l->ran += l->running * (now - l->last);
	l->busy += l->lanes * (now - l->last);
	l->last = now;
	l->running = guests_running;
	l->lanes = sched_hooks.busy_lanes && guests_running > 1 ? sched_hooks.busy_lanes() : guests_running;
	if (now - l->since < LOAD_NS)
		return;
	judge_load(l, now - l->since, polled);
	l->since = now;
	l->calls = sched_calls;
	l->ran = l->busy = 0;
}

bool spare_worth_polling(ktime_t now, bool polled)
{
	measure_load(now, polled);
	return spare_cpus > 1 && (load.dense || (!load.crowded && now >= crowd.until));
}

bool sched_cpu_spare(void)
{
	return guests_running < spare_cpus && ktime_get() >= crowd.until;
}
