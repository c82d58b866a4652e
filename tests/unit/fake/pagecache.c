/* SPDX-License-Identifier: MIT */
/*
 * What the page cache needs from the rest of the kernel: enough memory, no threads, no guest process.
 * Included by a test's .c file, beside mm.c and sched.c. Weak: what a test that links more gets from there.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/sysctl.h"
#include "core/time.h"
#include "mm/demand.h"
#include "mm/pcpriv.h"

struct sysctl sysctl = { .dirty_ratio = 20, .dirty_background_ratio = 10 };

u64 mem_excess(void)
{
	return 0;
}

u64 mem_free(void)
{
	return fake_mem_total;
}

__attribute__((weak)) ktime_t ktime_get(void)
{
	static ktime_t now;

	return ++now;
}

__attribute__((weak)) bool fatal_signal_pending(const struct task *t)
{
	return false;
}

__attribute__((weak)) void log_at(enum log_level level, const char *fmt, ...)
{
}

/* --- no guest --- */

static int revoked_write, revoke_error;

int demand_revoke(struct backing_maps *maps, u64 first, u64 last, bool only_write)
{
	revoked_write += only_write;
	return revoke_error;
}

bool demand_has_text(const struct backing_maps *maps)
{
	return false;
}
