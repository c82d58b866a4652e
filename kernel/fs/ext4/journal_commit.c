/* SPDX-License-Identifier: MIT */
/*
 * A commit, in the journal's thread:
 *
 *   lock the transaction, wait for its handles; it stops being the running one
 *   revoke records and buffers go to the log
 *   flush: all that is durable, and also what was written back before
 *   the commit block, durable
 *   buffers may go to their places; callbacks; waiters
 *
 * An error aborts the journal: what the transaction changed then never leaves memory.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"

struct transaction *tx_new(struct journal *j)
{
	struct transaction *tx = kzalloc(sizeof(*tx));

	if (!tx)
		return NULL;
	tx->j = j;
	tx->tid = j->next_tid++;
	tx->state = TX_RUNNING;
	tx->expires = ktime_get() + (ktime_t)j->opt.commit_ms * NSEC_PER_MSEC;
	list_init(&tx->buffers);
	list_init(&tx->cp);
	list_init(&tx->node);
	list_init(&tx->callbacks);
	j->running = tx;
	wake_up(&j->thread_wq);		/* it has a new deadline */
	return tx;
}

void tx_free(struct transaction *tx)
{
	list_del_init(&tx->node);
	revoke_free(&tx->revokes);
	kfree(tx);
}

void tx_run_callbacks(struct transaction *tx, int error)
{
	while (!list_empty(&tx->callbacks)) {
		struct journal_callback *cb;

		cb = list_first(&tx->callbacks, struct journal_callback, node);
		list_del_init(&cb->node);
		cb->fn(cb, error);
	}
}

void journal_on_commit(struct handle *h, struct journal_callback *cb)
{
	if (h->j)
		list_add_tail(&cb->node, &h->tx->callbacks);
	else
		cb->fn(cb, 0);
}

/* The next handle starts the next transaction. */
static void switch_running(struct journal *j, struct transaction *tx)
{
	tx_buffers_triggers(tx);
	tx->reserved = tx_blocks(tx, 0);
	tx->log_start = j->head;
	tx->state = TX_COMMITTING;
	j->commit_room = log_size(j) - j->used;
	j->used += tx->reserved;
	j->committing = tx;
	j->running = NULL;
	wake_up_all(&j->room_wq);
}

/* The superblock must name the first transaction of an empty log before that is durable. */
static int open_log(struct journal *j, struct transaction *tx)
{
	int err = 0;

	if (!j->disk_empty)
		return 0;
	super_lock(j);
	if (j->disk_empty)
		err = super_write_tail(j, tx->log_start, tx->tid);
	if (!err)
		j->tail = tx->log_start;
	super_unlock(j);
	return err;
}

static int write_log(struct journal *j, struct transaction *tx)
{
	int err;

	err = log_write_transaction(j, tx);
	if (!err)
		err = open_log(j, tx);
	if (!err)
		err = log_flush(j);
	if (!err)
		err = j->error;
	return err ? err : log_write_commit(j, tx);
}

/* It is durable. */
static void finish(struct journal *j, struct transaction *tx)
{
	j->used -= tx->reserved - log_distance(j, tx->log_start, j->head);
	tx->state = TX_CHECKPOINT;
	list_add_tail(&tx->node, &j->checkpoint);
	j->committing = NULL;
	j->committed = tx->tid;
	revoke_free(&tx->revokes);
	tx_buffers_done(tx);
	tx_run_callbacks(tx, 0);
	wake_up_all(&j->done_wq);
	wake_up_all(&j->room_wq);
}

void journal_commit(struct journal *j)
{
	struct transaction *tx = j->running;
	int err;

	tx->state = TX_LOCKED;
	wait_event(&j->updates_wq, j->error || !tx->updates, "journal handles");
	if (j->error)
		return;
	switch_running(j, tx);
	err = write_log(j, tx);
	if (err) {
		journal_abort(j, err);
		return;
	}
	finish(j, tx);
}
