/* SPDX-License-Identifier: MIT */
/* Exact shares of memory, for the watcher of mem= (mm/account.c). */
#ifndef HOST_PSS_H
#define HOST_PSS_H

#include "lib/types.h"

/* Anonymous memory of a guest process in bytes; pages shared with others count in part. May be slow. */
int host_pss_anon(int pid, u64 *bytes);

#endif
