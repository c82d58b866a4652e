/* SPDX-License-Identifier: MIT */
/*
 * Futexes by guest address.
 */
#ifndef PROCESS_FUTEX_KEY_H
#define PROCESS_FUTEX_KEY_H

#include "core/futex.h"

/* Of current's memory. 0, -EINVAL (not aligned), -EFAULT. Never blocks. */
int futex_key_get(uaddr_t addr, bool shared, struct futex_key *key);

#endif
