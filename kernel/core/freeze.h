/* SPDX-License-Identifier: MIT */
/*
 * Standing still: while tasks are frozen no guest code runs. Calls in progress go on in the kernel
 * and stop before they return to it. Kernel lock held.
 */
#ifndef CORE_FREEZE_H
#define CORE_FREEZE_H

#include "lib/types.h"

extern bool tasks_frozen;

void tasks_freeze(void);	/* guest code that runs is kicked; nb */
void tasks_thaw(void);		/* nb */
void freeze_wait(void);		/* blocks until thawed; signals do not end it */

#endif
