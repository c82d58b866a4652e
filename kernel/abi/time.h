/* SPDX-License-Identifier: MIT */
/* Clocks, timers, timex, timerfd. */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/timex.h>
#include <linux/times.h>
#include <linux/timerfd.h>

#endif
