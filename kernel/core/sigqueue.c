/* SPDX-License-Identifier: MIT */
/*
 * Signal containers: handler tables and queues of pending signals. A queue is a list of
 * entries in order of arrival and a set; a signal may be in the set without an entry (no memory for
 * its siginfo), never the other way round.
 */
#include "core/signal.h"

#include <string.h>

#include "abi/resource.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

struct sighand *sighand_alloc(void)
{
	struct sighand *sh = kzalloc(sizeof(*sh));

	if (sh)
		ref_init(&sh->ref);
	return sh;
}

struct sighand *sighand_get(struct sighand *sh)
{
	ref_get(&sh->ref);
	return sh;
}

struct sighand *sighand_dup(const struct sighand *sh)
{
	struct sighand *n = sighand_alloc();

	for (int sig = 1; n && sig <= NSIG_K; sig++)
		n->action[sig - 1] = sighand_action(sh, sig);
	return n;
}

void sighand_put(struct sighand *sh)
{
	if (sh && ref_put(&sh->ref))
		kfree(sh);
}

struct sigaction_k sighand_action(const struct sighand *sh, int sig)
{
	struct sigaction_k sa;

	if (!sh->lent)
		return sh->action[sig - 1];
	sa = sh->lent[sig - 1];
	sa.flags &= SA_KNOWN;
	sa.mask &= ~SIG_UNBLOCKABLE;
	if (SIGBIT(sig) & SIG_UNBLOCKABLE)
		sa.handler = 0;
	return sa;
}

uaddr_t sighand_handler(const struct sighand *sh, int sig)
{
	if (!sh->lent)
		return sh->action[sig - 1].handler;
	return SIGBIT(sig) & SIG_UNBLOCKABLE ? 0 : sh->lent[sig - 1].handler;
}

void sighand_set(struct sighand *sh, int sig, const struct sigaction_k *sa)
{
	if (sh->lent)
		sh->lent[sig - 1] = *sa;
	else
		sh->action[sig - 1] = *sa;
}

void sighand_set_default(struct sighand *sh, int sig)
{
	if (sh->lent)
		sh->lent[sig - 1].handler = 0;
	else
		sh->action[sig - 1].handler = 0;
}

void sighand_lend(struct sighand *sh, struct sigaction_k *room)
{
	memcpy(room, sh->action, sizeof(sh->action));
	sh->lent = room;
}

void sighand_take_back(struct sighand *sh)
{
	for (int sig = 1; sig <= NSIG_K; sig++)
		sh->action[sig - 1] = sighand_action(sh, sig);
	sh->lent = NULL;
}

void sigqueue_init(struct sigqueue_head *q)
{
	list_init(&q->list);
	q->set = 0;
}

struct sigqueue *sigqueue_alloc(struct task *target, int sig, bool over_limit)
{
	u64 limit = target->proc->rlim[RLIMIT_SIGPENDING].cur;
	struct sigqueue *q;

	if (over_limit)
		limit = ~0ULL;
	if (!user_sigpending_add(target->cred->uid, limit))
		return NULL;
	q = kzalloc(sizeof(*q));
	if (!q) {
		user_sigpending_sub(target->cred->uid);
		return NULL;
	}
	list_init(&q->node);
	q->uid = target->cred->uid;
	q->info.si_signo = sig;
	return q;
}

/* A timer's entry only leaves the queue: the timer keeps it. */
void sigqueue_free(struct sigqueue *q)
{
	list_del_init(&q->node);
	if (q->timer)
		return;
	user_sigpending_sub(q->uid);
	kfree(q);
}

void sigqueue_flush_sig(struct sigqueue_head *h, sigmask_t which)
{
	struct sigqueue *q, *tmp;

	if (!(h->set & which))
		return;
	h->set &= ~which;
	list_for_each_safe(q, tmp, &h->list, node)
		if (SIGBIT(q->info.si_signo) & which)
			sigqueue_free(q);
}

void sigqueue_flush(struct sigqueue_head *h)
{
	sigqueue_flush_sig(h, ~0ULL);
}
