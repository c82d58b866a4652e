/* SPDX-License-Identifier: MIT */
/* The kernel stack of a task that is not running, for sysrq and the management console. */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "lib/types.h"

struct task;

/* Return addresses, innermost first. How many; 0: the task runs right now, or has no stack. nb */
int task_stack_trace(const struct task *t, void **pcs, int max);
void show_task(const struct task *t);	/* one line and its stack to the log; nb */

#endif
