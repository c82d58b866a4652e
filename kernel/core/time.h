/* SPDX-License-Identifier: MIT */
/*
 * Time: the only place that reads clocks and the only way to sleep until a moment.
 * All times are s64 nanoseconds. Timers run under the kernel lock in the event thread (or in
 * whichever worker notices them); a callback must not block.
 */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include "lib/list.h"
#include "lib/types.h"

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_USEC 1000LL
#define NSEC_PER_MSEC 1000000LL
#define USER_HZ 100

ktime_t ktime_get(void);		/* CLOCK_MONOTONIC of the guest (its vDSO shows the same) */
ktime_t ktime_get_real(void);		/* CLOCK_REALTIME */
ktime_t ktime_get_clock(int clock);	/* CLOCK_*, no CPU clock: what the guest's vDSO shows */
ktime_t ktime_get_boottime(void);	/* since the guest was started: /proc/uptime */
ktime_t time_boot_real(void);		/* CLOCK_REALTIME at guest start: btime in /proc/stat */

struct ktimer {
	ktime_t deadline;		/* CLOCK_MONOTONIC */
	void (*fn)(struct ktimer *t);	/* may free or restart t */
	unsigned int slot;		/* heap index + 1, 0 when idle */
};

void ktimer_init(struct ktimer *t, void (*fn)(struct ktimer *t));
int ktimer_start(struct ktimer *t, ktime_t deadline);	/* restarts a pending one; 0 or -ENOMEM */
bool ktimer_cancel(struct ktimer *t);			/* true when it was pending */
bool ktimer_pending(const struct ktimer *t);

/* Scheduler's side. */
ktime_t ktimer_next(void);		/* earliest deadline or KTIME_NEVER */
void ktimer_run(void);			/* runs all that are due */

#endif
