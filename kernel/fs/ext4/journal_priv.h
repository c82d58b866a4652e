/* SPDX-License-Identifier: MIT */
/*
 * What the files of the journal share. The kernel lock guards all of it; between blocking points
 * everything is atomic, so there is one sleeping lock only (sb_busy, around a write of the
 * superblock) and one flag for who checkpoints.
 *
 *   journal_open.c        open, close, options
 *   journal_super.c       the journal's superblock
 *   journal_recover.c     replay
 *   journal_handle.c      start, extend, stop; room in the log
 *   journal_buffer.c      buffers that join and leave transactions
 *   journal_commit.c      a commit
 *   journal_log.c         blocks written to the log (journal_format.c: how they look)
 *   journal_revoke.c      sets of revoked blocks
 *   journal_checkpoint.c  buffers reach their places, the tail moves
 *   journal_thread.c      the thread; who waits for it
 *
 * A transaction: RUNNING (handles join), LOCKED (its handles end, new ones wait), COMMITTING
 * (written to the log, meanwhile the next one runs), CHECKPOINT (durable in the log; its buffers
 * go to their places), freed.
 */
#ifndef FS_EXT4_JOURNAL_PRIV_H
#define FS_EXT4_JOURNAL_PRIV_H

#include "core/time.h"
#include "core/wait.h"
#include "fs/ext4/journal.h"
#include "fs/ext4/journal_format.h"
#include "fs/ext4/journal_revoke.h"

enum tx_state { TX_RUNNING, TX_LOCKED, TX_COMMITTING, TX_CHECKPOINT };

struct transaction {
	struct journal *j;
	u64 tid;			/* on disk its lower half */
	enum tx_state state;
	struct list_head buffers;	/* jbuf.node: of the running or committing transaction */
	/* jbuf.cp_node: must reach their places before the tail passes log_start */
	struct list_head cp;
	struct list_head node;		/* in journal.checkpoint */
	u32 nbuffers;			/* changed ones, each a block of the log */
	u32 outstanding;		/* unused credits of open handles */
	u32 updates;			/* open handles */
	u32 reserved;			/* blocks charged to the log when the commit began */
	struct revoke_set revokes;
	struct list_head callbacks;	/* journal_callback.node */
	ktime_t expires;
	u32 log_start;			/* its first block in the log, from COMMITTING on */
};

/* What a transaction does with a buffer. */
struct jbuf_use {
	bool changed;			/* to be logged */
	bool forgotten;			/* freed: dropped when the transaction is durable */
};

/*
 * A buffer's state (buffer.journal). It is held by the cache's standards exactly while tx is not
 * NULL. Freed when neither a transaction nor a checkpoint has it.
 */
struct jbuf {
	struct buffer *bh;		/* a reference */
	struct transaction *tx;		/* running or committing, NULL */
	/* the running one, if tx is the committing one and it wants the buffer too */
	struct transaction *next;
	struct jbuf_use use, next_use;	/* of tx and of next */
	struct list_head node;		/* in tx->buffers */
	/* the last durable transaction with a version that may not be in its place */
	struct transaction *cp;
	struct list_head cp_node;
	/* tx's version, once next changes the buffer before tx was copied out */
	u8 *frozen;
	/* tx's version is in the log or on its way: no need to freeze it */
	bool copied;
	bool stale;			/* its place on disk has an older version */
	void (*trigger)(struct buffer *bh, void *private);
	void *trigger_private;
};

struct handle {
	struct journal *j;		/* NULL: no journal */
	struct transaction *tx;
	struct task *owner;
	struct list_head node;		/* in journal.handles */
	u32 credits;
	u32 nested;
	bool sync;
};

struct journal {
	struct journal_place place;
	struct journal_options opt;
	char *name;
	struct jbd_layout layout;
	u8 *sb_block;			/* block 0 */
	struct jbd_super *sb;		/* in it */
	u8 *spare;			/* two blocks: a commit writes even without memory */
	/* one block, for whoever writes revokes and commit blocks: the thread */
	u8 *small;
	u32 first, last;		/* the log: [first, last) */
	/* nothing may be written: device read-only, or a log that was not replayed */
	bool sealed;
	bool recovery_needed;

	u64 next_tid;			/* the next transaction to start */
	u64 committed;			/* the last durable one */
	u64 wanted;			/* somebody waits for commits up to this one */
	struct transaction *running, *committing;
	struct list_head checkpoint;	/* durable transactions, oldest first */
	struct list_head handles;

	u32 head;			/* next free block of the log */
	/* from the tail on disk to head, and what a commit under way has reserved */
	u32 used;
	/* what the commit under way may still write without reaching the tail */
	u32 commit_room;
	u32 tail;			/* as on disk; meaningless while disk_empty */
	bool disk_empty;		/* the superblock says: the log is empty */

	bool sb_busy, checkpointing;
	struct wait_queue sb_wq;
	struct wait_queue updates_wq;	/* the commit waits for the last handle */
	struct wait_queue room_wq;	/* handles wait for a new transaction or for room */
	struct wait_queue done_wq;	/* a commit ended, an abort */
	struct wait_queue thread_wq;

	int error;			/* aborted */
	int credits_warned;		/* logged once */
	bool stopping, thread_runs, error_saved;
};

static inline u32 log_size(const struct journal *j)
{
	return j->last - j->first;
}

/* The block n after block; n is at most the size of the log. */
static inline u32 log_advance(const struct journal *j, u32 block, u32 n)
{
	return n < j->last - block ? block + n : block + n - log_size(j);
}

/* Blocks from a up to b. */
static inline u32 log_distance(const struct journal *j, u32 a, u32 b)
{
	return b >= a ? b - a : log_size(j) - (a - b);
}

/* journal_super.c */
int super_read(struct journal *j);			/* and check. Blocks */
void super_layout(struct journal *j);			/* j->layout from the features */
/* by options; the log is empty. In memory */
void super_set_features(struct journal *j);
/*
 * The log is empty / starts at block with transaction tid. Durable when it returns. Under
 * super_lock(). Blocks.
 */
int super_write_empty(struct journal *j);
int super_write_tail(struct journal *j, u32 block, u64 tid);
int super_write_error(struct journal *j, int error);
void super_lock(struct journal *j);			/* blocks */
void super_unlock(struct journal *j);

/* journal_log.c. All block. */
int log_map(struct journal *j, u32 n, u64 *byte);	/* offset on the device; checked */
/* barrier: what was written is durable, also on the fs's device */
int log_flush(struct journal *j);
/* all but the commit block */
int log_write_transaction(struct journal *j, struct transaction *tx);
/* durable when it returns */
int log_write_commit(struct journal *j, struct transaction *tx);

/* journal_recover.c. Blocks. */
int journal_recover(struct journal *j);

/* journal_handle.c */
/* of the log, for it with that many more credits */
u32 tx_blocks(const struct transaction *tx, u32 more);
u32 tx_max(const struct journal *j);			/* a transaction's limit */

/* journal_buffer.c */
void tx_buffers_triggers(struct transaction *tx);	/* nb */
/* durable: each goes on to its next user. nb */
void tx_buffers_done(struct transaction *tx);
void tx_buffers_drop(struct transaction *tx);		/* after an abort, at close. nb */
void jbuf_uncheckpoint(struct jbuf *jb);		/* jb may be gone afterwards. nb */

/* journal_commit.c. Blocks; in the thread. */
/* becomes the running one. NULL: no memory. nb */
struct transaction *tx_new(struct journal *j);
void tx_free(struct transaction *tx);			/* nothing in it */
void tx_run_callbacks(struct transaction *tx, int error);
void journal_commit(struct journal *j);

/* journal_checkpoint.c */
void log_tail(const struct journal *j, u32 *block, u64 *tid);	/* where it could be now. nb */
/* notice what was written back; 0 or -EIO. nb */
int checkpoint_tidy(struct journal *j);
/* make room, or wait for it. 0, -EROFS. Blocks */
int checkpoint_room(struct journal *j);
/* the log is empty; 1: not, there was a commit. Blocks */
int checkpoint_all(struct journal *j);
/* only then is room usable. 0, -EROFS. Blocks */
int tail_update(struct journal *j);

/* journal_thread.c */
int thread_start(struct journal *j);
void thread_stop(struct journal *j);			/* commits the running one first. Blocks */
void thread_want(struct journal *j, u64 tid);		/* commit it soon. nb */

#endif
