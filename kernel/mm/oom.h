/* SPDX-License-Identifier: MIT */
/* The OOM killer, called by the memory watcher (account.c). */
#ifndef MM_OOM_H
#define MM_OOM_H

#include "lib/types.h"

extern u64 oom_kills;		/* so far */
void oom_kill(u64 used_bytes);		/* end the worst process, unless one is ending already */

#endif
