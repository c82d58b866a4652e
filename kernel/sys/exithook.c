/* SPDX-License-Identifier: MIT */
/* Ends of processes: semaphore adjustments and asynchronous I/O contexts. */
#include "sys/exithook.h"

#include "core/task.h"
#include "ipc/ipc.h"
#include "process/process.h"
#include "sys/aio.h"

static void on_task_exit(struct task *t)
{
	if (!t->proc || t->proc->nthreads > 1)
		return;
	sem_exit(t->proc);
	aio_exit(t->proc);
}

void exit_hook_needed(void)
{
	task_exit_hook = on_task_exit;
}
