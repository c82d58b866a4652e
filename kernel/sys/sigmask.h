/* SPDX-License-Identifier: MIT */
/* The signal mask that a call like ppoll() has for its own duration (poll.c). */
#ifndef SYS_SIGMASK_H
#define SYS_SIGMASK_H

#include "lib/types.h"

int mask_begin(uaddr_t set, size_t size);	/* set 0: none. 0, -EINVAL, -EFAULT. Blocks */
void mask_end(bool interrupted);		/* interrupted: the signal code restores the mask */

#endif
