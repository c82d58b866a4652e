/* SPDX-License-Identifier: MIT */
/*
 * Between futex.c and futex_pi.c.
 */
#ifndef SYS_FUTEX_H
#define SYS_FUTEX_H

#include "lib/types.h"

/* FUTEX_LOCK_PI, LOCK_PI2, TRYLOCK_PI, UNLOCK_PI. Blocks. */
long futex_pi(int cmd, uaddr_t addr, bool shared, bool realtime, uaddr_t timeout);

#endif
