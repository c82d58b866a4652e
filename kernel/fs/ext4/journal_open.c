/* SPDX-License-Identifier: MIT */
/*
 * Opening a journal (check, replay, set its features, start its thread) and closing it.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"

#define DEFAULT_COMMIT_MS 5000u

static void take_options(struct journal *j, const struct journal_options *o)
{
	j->opt = *o;
	if (!j->opt.commit_ms)
		j->opt.commit_ms = DEFAULT_COMMIT_MS;
}

static void journal_free(struct journal *j)
{
	kfree(j->name);
	kfree(j->sb_block);
	kfree(j->spare);
	kfree(j->small);
	kfree(j);
}

static struct journal *journal_new(const struct journal_place *p, const struct journal_options *o)
{
	struct journal *j = kzalloc(sizeof(*j));

	if (!j)
		return NULL;
	j->place = *p;
	take_options(j, o);
	list_init(&j->checkpoint);
	list_init(&j->handles);
	wq_init(&j->sb_wq);
	wq_init(&j->updates_wq);
	wq_init(&j->room_wq);
	wq_init(&j->done_wq);
	wq_init(&j->thread_wq);
	j->name = kstrdup(p->name);
	j->sb_block = kmalloc(p->block_size);
	j->spare = kmalloc((size_t)p->block_size * 2);
	j->small = kmalloc(p->block_size);
	j->sb = (struct jbd_super *)j->sb_block;
	if (j->name && j->sb_block && j->spare && j->small)
		return j;
	journal_free(j);
	return NULL;
}

/* An empty log with these features; what they change is written with the first transaction. */
static int start_empty(struct journal *j)
{
	int err = 0;

	super_set_features(j);
	if (j->sb->start)
		err = super_write_empty(j);
	j->disk_empty = true;
	j->head = j->tail = j->first;
	j->used = 0;
	return err;
}

/* The log as it was found: what is in it goes to its places. */
static int settle_log(struct journal *j, bool cannot_write)
{
	if (!j->sb->start) {
		j->next_tid = (1ULL << 32) + be32(j->sb->sequence) + 1;
		return 0;
	}
	if (!j->opt.recover) {
		j->recovery_needed = true;
		return 0;
	}
	if (cannot_write) {
		pr_err("JBD2: %s: write access unavailable, cannot recover (try noload)", j->name);
		return -EROFS;
	}
	return journal_recover(j);
}

static int open_it(struct journal *j)
{
	bool cannot_write = j->place.bdev->readonly || j->place.fs_bdev->readonly;
	int err = cannot_write ? 0 : buffers_sync(j->place.bdev);

	if (!err)
		err = super_read(j);
	if (!err)
		err = settle_log(j, cannot_write);
	if (err)
		return err;
	j->sealed = cannot_write || j->recovery_needed;
	if (j->sealed)
		return 0;
	err = start_empty(j);
	j->committed = j->next_tid - 1;
	return err ? err : thread_start(j);
}

int journal_open(const struct journal_place *p, const struct journal_options *o,
		 struct journal **out)
{
	struct journal *j;
	int err;

	if (p->block_size < JBD_SUPER_SIZE)
		return -EINVAL;
	j = journal_new(p, o);
	if (!j)
		return -ENOMEM;
	err = open_it(j);
	if (err)
		journal_free(j);
	else
		*out = j;
	return err;
}

bool journal_needs_recovery(const struct journal *j)
{
	return j && j->recovery_needed;
}

int journal_take_saved_error(struct journal *j)
{
	int error = j ? (int)be32(j->sb->error) : 0;

	if (!error || j->sealed || j->error)
		return error;
	super_lock(j);
	if (super_write_error(j, 0))
		journal_abort(j, -EIO);
	super_unlock(j);
	return error < 0 ? error : -EIO;
}

int journal_set_options(struct journal *j, const struct journal_options *o)
{
	if (!j)
		return 0;
	take_options(j, o);
	wake_up(&j->thread_wq);
	return 0;
}

static void drop_transaction(struct transaction *tx, int error)
{
	if (!tx)
		return;
	tx_buffers_drop(tx);
	tx_run_callbacks(tx, error);
	tx_free(tx);
}

/* After an abort: what was not durable is forgotten, what was durable is in the log. */
static void drop_all(struct journal *j)
{
	drop_transaction(j->committing, j->error);
	drop_transaction(j->running, j->error);
	while (!list_empty(&j->checkpoint)) {
		struct transaction *tx = list_first(&j->checkpoint, struct transaction, node);

		while (!list_empty(&tx->cp))
			jbuf_uncheckpoint(list_first(&tx->cp, struct jbuf, cp_node));
		tx_free(tx);
	}
}

int journal_close(struct journal *j)
{
	int err;

	if (!j)
		return 0;
	err = j->error ? j->error : journal_flush(j);
	if (!j->sealed)
		thread_stop(j);
	if (!err)
		err = j->error;
	drop_all(j);
	journal_free(j);
	return err;
}
