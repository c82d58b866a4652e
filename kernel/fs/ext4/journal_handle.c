/* SPDX-License-Identifier: MIT */
/*
 * Handles. A handle reserves room for its credits in the running transaction and in the log
 * before it begins, so that a commit never has to wait for room: whoever waits for it here holds
 * no handle, and what it waits for, a commit and a checkpoint, needs none.
 *
 * The log is shared out so: a transaction gets at most a quarter; an eighth is never promised, it
 * covers revoke records, whose number no handle announces.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"

u32 tx_max(const struct journal *j)
{
	return log_size(j) / 4;
}

static u32 div_up(u32 n, u32 d)
{
	return n / d + (n % d != 0);
}

u32 tx_blocks(const struct transaction *tx, u32 more)
{
	const struct jbd_layout *l = &tx->j->layout;
	u32 n = tx->nbuffers + tx->outstanding + more;

	return n + div_up(n, jbd_tags_max(l)) + div_up(tx->revokes.n, jbd_revokes_max(l)) + 1;
}

static bool log_has_room(const struct journal *j, u32 blocks)
{
	return j->used + blocks + log_size(j) / 8 <= log_size(j);
}

static struct handle *find_handle(const struct journal *j)
{
	struct handle *h;

	list_for_each(h, &j->handles, node)
		if (h->owner == current)
			return h;
	return NULL;
}

bool journal_has_handle(const struct journal *j)
{
	return j && find_handle(j);
}

/* Waits until tx is no longer the running transaction. */
static void wait_switch(struct journal *j, struct transaction *tx)
{
	u64 tid = tx->tid;

	thread_want(j, tid);
	wait_event(&j->room_wq, j->error || !j->running || j->running->tid != tid,
		   "journal transaction");
}

/*
 * The running transaction with room for so many more blocks. 1: had to wait, nothing is sure. Never
 * waits after it has found one.
 */
static int find_transaction(struct journal *j, u32 credits, struct transaction **out)
{
	struct transaction *tx = j->running ? j->running : tx_new(j);

	if (!tx)
		return -ENOMEM;
	if (tx->state != TX_RUNNING || tx_blocks(tx, credits) > tx_max(j)) {
		wait_switch(j, tx);
		return 1;
	}
	if (!log_has_room(j, tx_blocks(tx, credits))) {
		int err = checkpoint_room(j);

		return err ? err : 1;
	}
	*out = tx;
	return 0;
}

static int attach(struct handle *h, u32 credits)
{
	struct journal *j = h->j;
	int err;

	do {
		if (j->error || j->sealed)
			return -EROFS;
		err = find_transaction(j, credits, &h->tx);
	} while (err > 0);
	if (err)
		return err;
	h->credits = credits;
	h->tx->outstanding += credits;
	h->tx->updates++;
	h->owner = current;
	list_add(&h->node, &j->handles);
	return 0;
}

/* A descriptor, a commit block and a revoke block come with the smallest transaction. */
static bool fits_ever(const struct journal *j, u32 credits)
{
	return (u64)credits + div_up(credits, jbd_tags_max(&j->layout)) + 2 <= tx_max(j);
}

int journal_start(struct journal *j, u32 credits, struct handle **out)
{
	struct handle *h = j ? find_handle(j) : NULL;
	int err;

	if (h) {
		h->nested++;
		*out = h;
		return j->error ? -EROFS : 0;
	}
	if (j && !fits_ever(j, credits)) {
		pr_err("JBD2: %s: a handle wants too many credits (%u)", j->name, credits);
		return -ENOSPC;
	}
	h = kzalloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->j = j;
	list_init(&h->node);
	err = j ? attach(h, credits) : 0;
	if (err)
		kfree(h);
	else
		*out = h;
	return err;
}

int journal_extend(struct handle *h, u32 credits)
{
	struct transaction *tx = h->tx;

	if (!h->j)
		return 0;
	if (h->j->error || tx->state != TX_RUNNING || tx_blocks(tx, credits) > tx_max(h->j) ||
	    !log_has_room(h->j, tx_blocks(tx, credits)))
		return 1;
	tx->outstanding += credits;
	h->credits += credits;
	return 0;
}

static void detach(struct handle *h)
{
	struct transaction *tx = h->tx;

	list_del_init(&h->node);
	tx->outstanding -= h->credits;
	if (!--tx->updates)
		wake_up_all(&h->j->updates_wq);
}

int journal_stop(struct handle *h, bool sync)
{
	struct journal *j = h->j;
	u64 tid = handle_tid(h);
	int err;

	h->sync |= sync;
	if (h->nested) {
		h->nested--;
		return journal_error(j);
	}
	sync = h->sync;
	if (j)
		detach(h);
	kfree(h);
	err = journal_error(j);
	return err || !sync ? err : journal_commit_wait(j, tid);
}

struct journal *handle_journal(const struct handle *h)
{
	return h->j;
}

u64 handle_tid(const struct handle *h)
{
	return h->j ? h->tx->tid : 0;
}
