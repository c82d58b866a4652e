/* SPDX-License-Identifier: MIT */
/* Ends of processes, for the system calls whose objects belong to a process (exithook.c). */
#ifndef SYS_EXITHOOK_H
#define SYS_EXITHOOK_H

void exit_hook_needed(void);	/* such an object exists from now on: idempotent */

#endif
