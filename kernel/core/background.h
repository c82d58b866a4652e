/* SPDX-License-Identifier: MIT */
/*
 * Work that nobody waits for: making things ahead, taking things apart. It runs on a worker that goes where the host has
 * a CPU free, one after the other, and never before an answer to a guest.
 */
#ifndef CORE_BACKGROUND_H
#define CORE_BACKGROUND_H

#include "lib/list.h"

struct background {
	struct list_head node;		/* on the list from background_run() until fn begins */
	void (*fn)(void);		/* may block */
};
#define BACKGROUND(name, f) struct background name = { LIST_HEAD_INIT((name).node), f }

/* fn runs once from now on; harmless while it is still to begin. Kernel lock held. nb */
void background_run(struct background *b);

int background_init(void);	/* once tasks can be made. 0 or -ENOMEM */

#endif
