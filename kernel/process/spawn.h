/* SPDX-License-Identifier: MIT */
/*
 * Processes that the kernel starts itself, besides init: for the control channel (kernel/control/).
 */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include "lib/types.h"

struct file;
struct task;

struct spawn_request {
	char *const *argv, *const *envp; /* argv[0] without a slash is looked for in envp's PATH */
	const char *cwd;			/* NULL or "": "/" */
	u32 uid, gid;
	const u32 *groups;			/* supplementary, sorted; borrowed */
	u32 ngroups;
	struct file *stdio[3];			/* borrowed; NULL: closed */
	const char *tty; /* instead: a terminal that becomes the controlling one; NULL */
};

/* Process 1 without a program: takes in orphans and reaps them. In place of start_init(). 0 or -errno */
int start_kernel_init(void);
/*
 * A child of init, leader of a session of its own. *out: its first task, a reference, with ->proc.
 * 0 once the program is loaded, else the error of exec (or of cwd), and nothing is left. Blocks.
 */
int spawn_process(const struct spawn_request *rq, struct task **out);

#endif
