/* SPDX-License-Identifier: MIT */
/*
 * The load average, brought up to date when somebody asks: no timer ticks in an idle machine. For the
 * time since the last question, the number of tasks that run now stands for all of it.
 */
#include "core/loadavg.h"

#include "core/sched.h"
#include "core/time.h"

#define STEP (5 * NSEC_PER_SEC)
#define STEPS_MAX 1000			/* after that the past has no weight left */

static u64 load[3];
static ktime_t updated;

void loadavg_get(u64 out[3])
{
	/* exp(-5s / 1, 5, 15 minutes) in 1/65536 */
	static const u64 decay[3] = { 60296, 64453, 65173 };
	ktime_t now = ktime_get_boottime();
	s64 steps = (now - updated) / STEP;
	struct sched_stats st;
	u64 active;
	int i;

	sched_get_stats(&st);
	active = (u64)(st.runnable + st.guests_running) << LOAD_SHIFT;
	updated += steps * STEP;
	for (steps = MIN(steps, STEPS_MAX); steps > 0; steps--) {
		for (i = 0; i < 3; i++)
			load[i] = (load[i] * decay[i] + active * (65536 - decay[i])) >> 16;
	}
	for (i = 0; i < 3; i++)
		out[i] = load[i];
}
