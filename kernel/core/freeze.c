/* SPDX-License-Identifier: MIT */
/*
 * Freezing all guest tasks, for the management console's "stop" and "go".
 */
#include "core/freeze.h"

#include "core/task.h"
#include "core/wait.h"

bool tasks_frozen;
static struct wait_queue thaw_wq = WAIT_QUEUE_INIT(thaw_wq);

void tasks_freeze(void)
{
	const struct process *p;
	struct task *t;

	tasks_frozen = true;
	list_for_each(p, &process_list, all_node)
		list_for_each(t, &p->threads, thread_node)
			if (t->state == TASK_GUEST && task_kick)
				task_kick(t);
}

void tasks_thaw(void)
{
	tasks_frozen = false;
	wake_up_all(&thaw_wq);
}

void freeze_wait(void)
{
	wait_event(&thaw_wq, !tasks_frozen, "frozen");
}
