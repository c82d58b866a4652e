/* SPDX-License-Identifier: MIT */
/*
 * Merging a copy-on-write file with its backing file.
 */
#ifndef UML_MOO_H
#define UML_MOO_H

#include <signal.h>
#include <sys/types.h>

#include "lib/cow.h"

struct merge {
	const char *cow_name, *backing_name;
	int cow, backing;
	dev_t backing_dev;
	ino_t backing_ino;
	struct cow_header h;
	u8 *bitmap;
};

extern volatile sig_atomic_t interrupted;	/* a signal asked us to end */

/* Both return 0 or -1 (said). */
int merge_new(struct merge *m, const char *name);
int merge_in_place(struct merge *m);
/* A merge in place of this pair was begun and did not end. */
bool merge_was_interrupted(const struct merge *m);

/* progress.c: at most one line a second, and only to a terminal. */
void progress(u64 done, u64 total);
void progress_end(void);

#endif
