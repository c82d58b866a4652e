/* SPDX-License-Identifier: MIT */
/*
 * Signal handlers that the near kernel answers for: posix_spawn() asks for and sets all 64 of them, between
 * vfork and exec, for every program it starts.
 */
#include "guest/priv.h"

#include "core/signal.h"
#include "core/task.h"

#define WORTH_CALLS 3		/* the table's page costs as much as a call or two */

_Static_assert(sizeof(struct sigaction_k) * NSIG_K <= AREA_ACTIONS_SIZE, "AREA_ACTIONS_SIZE");
_Static_assert(sizeof(struct sigaction_k) == sizeof(struct near_action), "near_action");

void uthread_lend_actions(struct uthread *ut, enum lend_when when)
{
	struct sighand *sh = ut->task->proc->sighand;

	if (!guest_fastpath || ut->lent_to || ref_read(&sh->ref) != 1 || ut->task->proc->nthreads != 1)
		return;
	if (when == LEND_IF_ASKED_OFTEN && ++ut->action_calls < WORTH_CALLS)
		return;
	sighand_lend(sh, (struct sigaction_k *)((char *)ut->area + AREA_ACTIONS));
	ut->lent_to = sh;
	ut->area->actions = 1;
}

void uthread_unlend_actions(struct uthread *ut)
{
	if (!ut->lent_to)
		return;
	ut->area->actions = 0;
	sighand_take_back(ut->lent_to);
	ut->lent_to = NULL;
	ut->action_calls = 0;
}
