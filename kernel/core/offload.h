/* SPDX-License-Identifier: MIT */
/*
 * Host calls that may wait for long, carried out by helper threads so that no worker waits with
 * them. For asynchronous work; a task that has nothing else to do than to wait for one call brackets
 * it with host_block_begin() and host_block_end() instead.
 */
#ifndef CORE_OFFLOAD_H
#define CORE_OFFLOAD_H

#include "lib/list.h"
#include "lib/types.h"

struct offload {
	struct list_head node;
	/* In a helper thread, without the kernel lock: host calls on what the submitter keeps still, nothing else. */
	void (*run)(struct offload *o);
	/* Then, under the kernel lock. Must not block; may free o or submit it again. */
	void (*done)(struct offload *o);
};

/* Started in the order of submission, several at a time. Kernel lock held; nb. */
void offload_submit(struct offload *o);
/* fn(arg) there, while the calling task waits: for what also needs a thread's large stack. Its value. Blocks. */
int offload_call(int (*fn)(void *arg), void *arg);

#endif
