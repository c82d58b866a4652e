/* SPDX-License-Identifier: MIT */
/*
 * Bringing the guest layer up.
 */
#include "guest/priv.h"

#include "core/signal.h"
#include "core/task.h"

static void kick(struct task *t)
{
	if (t->ut)
		uthread_kick(t->ut);
}

static void sync_mask(struct task *t, sigmask_t pending)
{
	if (t->ut)
		uthread_sync_mask(t->ut, pending);
}

static void ids_changed(struct task *t)
{
	if (t->ut)
		uthread_publish(t->ut);
}

int guest_init(void)
{
	task_kick = kick;
	task_sync_mask = sync_mask;
	task_ids_changed = ids_changed;
	poll_init();
	sweep_init();
	return template_start();
}
