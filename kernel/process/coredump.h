/* SPDX-License-Identifier: MIT */
/*
 * Core dumps: coredump.c decides and names the file, core_elf.c writes it.
 */
#ifndef PROCESS_COREDUMP_H
#define PROCESS_COREDUMP_H

#include "abi/signal.h"
#include "lib/types.h"

struct file;
struct task;

/* current dies of info->si_signo: write a core file if that is wanted. True: it was written. Blocks. */
bool coredump(struct task *t, const siginfo_t *info);
/* At the start of a thread's end: while another thread dumps, stand still with all registers. Blocks. */
void coredump_park(struct task *t);

/* core_elf.c: the whole of current's process into f, at most limit bytes. 0 or -errno. Blocks. */
int core_write(struct task *t, const siginfo_t *info, struct file *f, u64 limit);

#endif
