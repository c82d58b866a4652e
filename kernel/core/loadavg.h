/* SPDX-License-Identifier: MIT */
/* The load average: how many tasks ran or wanted to, over 1, 5 and 15 minutes. */
#ifndef CORE_LOADAVG_H
#define CORE_LOADAVG_H

#include "lib/types.h"

#define LOAD_SHIFT 16			/* as in struct sysinfo */

void loadavg_get(u64 out[3]);		/* never blocks */

#endif
