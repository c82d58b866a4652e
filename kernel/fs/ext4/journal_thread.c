/* SPDX-License-Identifier: MIT */
/*
 * The thread that commits: when a transaction is old enough, when somebody waits for it, or when
 * the journal is closed. Whoever asks while a commit is under way waits for the next one,
 * together with all others: so many fsyncs share one.
 */
#include "abi/errno.h"
#include "core/log.h"
#include "core/sched.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"

static bool commit_due(const struct journal *j)
{
	const struct transaction *tx = j->running;

	if (!tx || j->error)
		return false;
	return j->stopping || j->wanted >= tx->tid || ktime_get() >= tx->expires;
}

/* An abort is remembered on disk: the next mount knows that something is wrong. */
static void save_error(struct journal *j)
{
	j->error_saved = true;
	if (j->error == -ESHUTDOWN)	/* no damage */
		return;
	super_lock(j);
	(void)super_write_error(j, j->error);
	super_unlock(j);
}

/* A quarter of the log that can be had for one flush is worth it, before somebody has to wait. */
static void keep_room(struct journal *j)
{
	u32 block;
	u64 tid;

	if (checkpoint_tidy(j)) {
		journal_abort(j, -EIO);
		return;
	}
	log_tail(j, &block, &tid);
	if (!j->disk_empty && log_distance(j, j->tail, block) > log_size(j) / 4)
		(void)tail_update(j);
}

static void commit_loop(void *arg)
{
	struct journal *j = arg;

	for (;;) {
		if (j->error && !j->error_saved)
			save_error(j);
		if (commit_due(j)) {
			journal_commit(j);
			if (!j->error)
				keep_room(j);
			continue;
		}
		if (j->stopping)
			break;
		(void)!wq_sleep(&j->thread_wq, WAIT_INTERRUPTIBLE,
				j->running && !j->error ? j->running->expires : KTIME_NEVER,
				"kjournald2");
	}
	j->thread_runs = false;
	wake_up_all(&j->done_wq);
}

int thread_start(struct journal *j)
{
	char *name = kasprintf("jbd2/%s", j->name);
	int err = name ? kthread_run(name, commit_loop, j) : -ENOMEM;

	kfree(name);
	j->thread_runs = !err;
	return err;
}

void thread_stop(struct journal *j)
{
	j->stopping = true;
	wake_up(&j->thread_wq);
	wait_event(&j->done_wq, !j->thread_runs, "journal thread");
}

void thread_want(struct journal *j, u64 tid)
{
	if (tid <= j->wanted)
		return;
	j->wanted = tid;
	wake_up(&j->thread_wq);
}

int journal_commit_wait(struct journal *j, u64 tid)
{
	if (!j || tid <= j->committed || tid >= j->next_tid)
		return 0;
	thread_want(j, tid);
	wait_event(&j->done_wq, j->error || j->committed >= tid, "journal commit");
	return j->committed >= tid ? 0 : -EIO;
}

bool journal_will_flush(const struct journal *j, u64 tid)
{
	return j && j->opt.barrier && j->running && j->running->tid == tid;
}

int journal_force(struct journal *j)
{
	const struct transaction *tx;

	if (!j)
		return 0;
	tx = j->running ? j->running : j->committing;
	if (j->error)
		return -EIO;
	return tx ? journal_commit_wait(j, tx->tid) : 0;
}

int journal_flush(struct journal *j)
{
	int err;

	if (!j || j->sealed)
		return 0;
	do {
		err = journal_force(j);
		if (!err)
			err = checkpoint_all(j);
	} while (err > 0);
	return err;
}

void journal_abort(struct journal *j, int error)
{
	if (!j || j->error)
		return;
	j->error = error;
	pr_err("JBD2: %s: aborting the journal: error %d", j->name, error);
	wake_up_all(&j->room_wq);
	wake_up_all(&j->done_wq);
	wake_up_all(&j->updates_wq);
	wake_up_all(&j->thread_wq);
}

int journal_error(const struct journal *j)
{
	return j ? j->error : 0;
}
