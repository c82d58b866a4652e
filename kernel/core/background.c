/* SPDX-License-Identifier: MIT */
/*
 * One kernel thread for all work that nobody waits for.
 */
#include "core/background.h"

#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "core/wait.h"

static LIST_HEAD(todo);
static struct wait_queue idle;

void background_run(struct background *b)
{
	if (!list_empty(&b->node))
		return;
	list_add_tail(&b->node, &todo);
	wake_up(&idle);
}

static void work(void *arg)
{
	struct background *b;

	for (;;) {
		while (list_empty(&todo)) {
			current->background = true;
			(void)!wq_sleep(&idle, WAIT_UNINTERRUPTIBLE, KTIME_NEVER, "background");
		}
		b = list_first(&todo, struct background, node);
		list_del_init(&b->node);
		b->fn();
	}
}

int background_init(void)
{
	wq_init(&idle);
	return kthread_run("kworker", work, NULL);
}
