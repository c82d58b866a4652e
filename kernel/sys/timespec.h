/* SPDX-License-Identifier: MIT */
/*
 * Times crossing the system call boundary.
 */
#ifndef SYS_TIMESPEC_H
#define SYS_TIMESPEC_H

#include "core/time.h"
#include "lib/types.h"

/* A guest struct timespec as nanoseconds (saturated). 0, -EFAULT, -EINVAL. Blocks. */
int get_timespec(ktime_t *out, uaddr_t from);
int put_timespec(uaddr_t to, ktime_t ns);	/* 0 or -EFAULT; blocks */
ktime_t deadline_after(ktime_t rel);		/* now + rel, saturated */
ktime_t real_to_mono(ktime_t real);		/* the same moment on CLOCK_MONOTONIC */

#endif
