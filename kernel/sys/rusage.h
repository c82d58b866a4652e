/* SPDX-License-Identifier: MIT */
/*
 * Usage of resources on its way to the guest: shared by wait4, waitid and getrusage.
 */
#ifndef SYS_RUSAGE_H
#define SYS_RUSAGE_H

#include "lib/types.h"

struct acct;
int put_rusage(uaddr_t to, const struct acct *a);	/* 0 or -EFAULT; blocks */

#endif
