/* SPDX-License-Identifier: MIT */
/*
 * Checkpoints: room in the log is made by bringing the buffers of its oldest transactions to
 * their places and moving the tail. The cache's own write-back does most of that; here what it
 * has done is noticed, and what is missing is written on demand, so much at a time that the flush
 * which the new tail needs is worth it.
 *
 * A buffer that a newer transaction holds cannot be written until that one is durable, and then
 * it is that one's to checkpoint: so waiting for a commit is progress, too.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "fs/ext4/journal_priv.h"
#include "lib/sort.h"

#define BATCH 128u

static bool settled(const struct jbuf *jb)
{
	return !jb->tx && !jb->bh->dirty && !jb->bh->writing;
}

static struct transaction *oldest(const struct journal *j)
{
	if (list_empty(&j->checkpoint))
		return NULL;
	return list_first(&j->checkpoint, struct transaction, node);
}

/*
 * Takes buffers that are in their places off tx's list, at least up to the first that is not.
 * -EIO: a write failed.
 */
static int tidy(struct transaction *tx, bool whole)
{
	struct jbuf *jb, *next;

	list_for_each_safe(jb, next, &tx->cp, cp_node) {
		if (jb->bh->error)
			return -EIO;
		if (settled(jb))
			jbuf_uncheckpoint(jb);
		else if (!whole)
			break;
	}
	return 0;
}

/*
 * Only from the front: what is behind does not move the tail, and a commit shall not look at
 * thousands of buffers.
 */
int checkpoint_tidy(struct journal *j)
{
	struct transaction *tx;
	int err;

	while ((tx = oldest(j))) {
		err = tidy(tx, false);
		if (err)
			return err;
		if (!list_empty(&tx->cp))
			break;
		tx_free(tx);
	}
	return 0;
}

static int by_block(const void *a, const void *b)
{
	const struct buffer *x = *(struct buffer *const *)a, *y = *(struct buffer *const *)b;

	return x->block < y->block ? -1 : x->block > y->block;
}

/* What of tx can be written now, in order; a reference each. */
static u32 collect(struct transaction *tx, struct buffer **batch)
{
	struct jbuf *jb;
	u32 n = 0;

	list_for_each(jb, &tx->cp, cp_node) {
		if (n == BATCH)
			break;
		if (!jb->tx)
			batch[n++] = buffer_ref(jb->bh);
	}
	qsort(batch, n, sizeof(*batch), by_block);
	return n;
}

/* Some buffers of the oldest transaction, or the commit that they wait for. */
static int checkpoint_some(struct journal *j)
{
	struct transaction *tx = oldest(j);
	struct buffer *batch[BATCH];
	u32 n = collect(tx, batch);
	int err;

	if (!n) {
		struct jbuf *jb = list_first(&tx->cp, struct jbuf, cp_node);

		return journal_commit_wait(j, jb->tx->tid);
	}
	err = buffer_write(batch, n);
	while (n)
		buffer_put(batch[--n]);
	tx = oldest(j);
	if (!err && tx)
		err = tidy(tx, true);
	return err;
}

/* Until the log has no more than this many blocks in use, as far as checkpoints can do that. */
static int checkpoint_down_to(struct journal *j, u32 target)
{
	u32 block;
	u64 tid;
	int err;

	for (;;) {
		err = checkpoint_tidy(j);
		if (err || j->error || !oldest(j))
			break;
		log_tail(j, &block, &tid);
		if (log_distance(j, block, j->head) <= target)
			break;
		err = checkpoint_some(j);
		if (err)
			break;
	}
	if (err)
		journal_abort(j, err);
	return j->error ? -EROFS : 0;
}

void log_tail(const struct journal *j, u32 *block, u64 *tid)
{
	const struct transaction *tx = oldest(j) ? oldest(j) : j->committing;

	*block = tx ? tx->log_start : j->head;
	*tid = tx ? tx->tid : j->running ? j->running->tid : j->next_tid;
}

static int move_tail(struct journal *j)
{
	u32 block;
	u64 tid;
	int err = 0;

	log_tail(j, &block, &tid);
	if (j->error || j->disk_empty || block == j->tail)
		return 0;
	if (j->opt.barrier)
		err = blk_flush(j->place.fs_bdev);
	if (!err)
		err = super_write_tail(j, block, tid);
	if (err)
		return err;
	j->used -= log_distance(j, j->tail, block);
	j->tail = block;
	return 0;
}

int tail_update(struct journal *j)
{
	int err;

	super_lock(j);
	err = move_tail(j);
	super_unlock(j);
	if (err)
		journal_abort(j, err);
	wake_up_all(&j->room_wq);
	return j->error ? -EROFS : 0;
}

/* One task at a time; the others profit. False: had to wait for another. */
static bool checkpoint_begin(struct journal *j)
{
	if (!j->checkpointing) {
		j->checkpointing = true;
		return true;
	}
	wait_event(&j->room_wq, j->error || !j->checkpointing, "journal checkpoint");
	return false;
}

static void checkpoint_end(struct journal *j)
{
	j->checkpointing = false;
	wake_up_all(&j->room_wq);
}

/*
 * The log is shared by what is to be checkpointed, the commit under way and the running
 * transaction. If nothing of the first can be had, the second will turn into it.
 */
int checkpoint_room(struct journal *j)
{
	u32 before = j->used;
	int err;

	if (!checkpoint_begin(j))
		return 0;
	err = checkpoint_down_to(j, log_size(j) / 4);
	if (!err)
		err = tail_update(j);
	checkpoint_end(j);
	if (!err && j->used >= before && j->committing)
		err = journal_commit_wait(j, j->committing->tid);
	return err ? -EROFS : 0;
}

/* 1: something was committed meanwhile. */
static int mark_empty(struct journal *j)
{
	int err = 0;

	if (j->disk_empty)
		return 0;
	if (j->opt.barrier)
		err = blk_flush(j->place.fs_bdev);
	if (err)
		return err;
	if (j->committing || oldest(j))
		return 1;
	j->used = 0;
	return super_write_empty(j);
}

int checkpoint_all(struct journal *j)
{
	int err;

	while (!checkpoint_begin(j))
		if (j->error)
			return -EROFS;
	err = checkpoint_down_to(j, 0);
	if (!err && !oldest(j) && !j->committing) {
		super_lock(j);
		err = mark_empty(j);
		super_unlock(j);
		if (err < 0)
			journal_abort(j, err);
	}
	checkpoint_end(j);
	return err;
}
