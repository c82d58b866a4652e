/* SPDX-License-Identifier: MIT */
/*
 * Memory that lives until the end of the current system call: copied-in paths, vectors,
 * buffers. Nothing to free. Only for tasks (current != NULL).
 */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "lib/types.h"

void *arena_alloc(size_t n);		/* NULL: no memory; 16-byte aligned, not zeroed */
char *arena_strdup(const char *s);
struct task;
void arena_free(struct task *t);	/* everything of a task that is gone */
void arena_reset(void);			/* at the end of each call: by sys/entry.c */

#endif
