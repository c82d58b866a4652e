/* SPDX-License-Identifier: MIT */
/* clone flags and structures, scheduling policies. */
#ifndef ABI_SCHED_H
#define ABI_SCHED_H

#include <linux/membarrier.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#endif
