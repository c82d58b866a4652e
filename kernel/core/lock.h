/* SPDX-License-Identifier: MIT */
/*
 * Locks.
 *
 * The kernel lock: every task runs kernel code under it; it is dropped while a task sleeps,
 * while it waits for a guest and around host calls marked "may block" (host_block_begin /
 * host_block_end in sched.h). Code between such points is atomic. Only the scheduler and
 * host threads that enter the kernel (event thread, helpers) take it explicitly.
 *
 * struct mutex: for state that must stay consistent over a blocking point. Sleeps. Not
 * recursive. Ranks (docs/locking.md) are checked at run time in debug builds: a task takes
 * locks in rising rank; equal ranks only with mutex_lock_nested().
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "core/wait.h"
#include "lib/types.h"

struct task;

enum lock_rank {
	RANK_NONE = 0,
	RANK_EXEC = 5,		/* one exec at a time per process */
	RANK_MOUNT = 10,	/* the mount tree */
	RANK_RENAME = 15,	/* renames over directories, one per superblock */
	RANK_FILE = 18,		/* a file's position: outside the inode's locks */
	RANK_DIR = 20,		/* a directory inode's entries */
	RANK_INODE = 30,	/* a file inode's data */
	RANK_MM = 50,		/* an address space */
	RANK_TTY = 60,
	RANK_SOCK = 60,
	RANK_PIPE = 60,
	RANK_TEMPLATE = 80,
	RANK_CHANNEL = 90,	/* descriptors on their way to a guest process */
	RANK_LEAF = 100,	/* takes nothing inside */
};

struct mutex {
	struct task *owner;
	struct wait_queue wq;
	const char *name;
	u8 rank;
};

void mutex_init(struct mutex *m, const char *name, enum lock_rank rank);
void mutex_lock(struct mutex *m);			/* blocks */
int mutex_lock_killable(struct mutex *m) __must_check;	/* blocks; 0 or -EINTR */
void mutex_lock_nested(struct mutex *m);		/* blocks; equal rank allowed: caller orders by address */
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_held(const struct mutex *m);			/* by the current task */
void assert_held(const struct mutex *m);

#endif
