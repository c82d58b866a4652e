/* SPDX-License-Identifier: MIT */
/* Ioctls of watchdogs. */
#ifndef ABI_WATCHDOG_H
#define ABI_WATCHDOG_H

#include <linux/watchdog.h>

#endif
