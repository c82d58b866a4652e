/* SPDX-License-Identifier: MIT */
/*
 * Reading a clock by its number.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "core/time.h"

int clock_read(int clock, ktime_t *out);	/* 0 or -EINVAL; never blocks */

#endif
