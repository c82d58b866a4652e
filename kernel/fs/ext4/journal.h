/* SPDX-License-Identifier: MIT */
/*
 * The journal of an ext3 or ext4 file system (jbd2's format). Metadata changes happen inside a
 * handle; all handles open at a time belong to one running transaction, which is committed as a
 * whole: by age (commit=), by size, or because somebody asks. Until then its buffers are held, so
 * none reaches its place on disk before the journal has it.
 *
 *   h = journal_start(j, credits)          room for so many blocks; may wait for a commit
 *   journal_get_write(h, bh)               before changing bh (journal_get_create: a new block)
 *   ... change bh->data ...
 *   journal_dirty(h, bh)
 *   journal_stop(h)
 *
 * Without a journal (ext2, or has_journal off) j is NULL in the file system: journal_start(NULL)
 * gives a handle with which the same calls just mark buffers dirty. So callers have one path.
 *
 * Handles nest per task (an inner start joins the outer handle). Locks: no handle is started
 * under a lock that an open handle may wait for; inode locks are taken before handles.
 *
 * Ordered data needs nothing here: whoever allocates blocks for contents keeps the handle open until these are
 * on the device, and a commit waits for its handles and flushes before its commit block.
 */
#ifndef FS_EXT4_JOURNAL_H
#define FS_EXT4_JOURNAL_H

#include "block/buffer.h"
#include "lib/types.h"

struct journal;
struct handle;

/* Where the journal lies: blocks of its inode, or an external device. */
struct journal_place {
	struct blkdev *bdev;
	u32 block_size;
	u32 nblocks;
	/* Block of the device for block n of the journal; 0 or -EIO. Blocks. */
	int (*map)(void *private, u32 n, u64 *out);
	void *private;
	struct blkdev *fs_bdev;		/* the file system's own: where replayed blocks go */
	/* Of the file system, 16 bytes; must be the user of an external journal. */
	const u8 *uuid;
	const char *name;		/* for the log and the thread's name: "ubda-8". Copied */
};

/*
 * The numbers 0 to nblocks - 1 are the journal's blocks, its superblock is block 0. bdev ==
 * fs_bdev: an internal journal. The device's cached bytes are written out first (journal blocks
 * pass the cache by).
 *
 * Open: reads and checks its superblock (versions 1 and 2, checksums v1, v2, v3, 64-bit, revokes,
 * async commit refused by name, fast commit refused by name unless its area is empty). Replays
 * what is committed when recover is set and write is possible; -EROFS when it must and cannot.
 * Corrupt: -EUCLEAN. Blocks.
 */
struct journal_options {
	bool recover;			/* false: noload. Only with readonly */
	/* Of the mount. A log is replayed all the same if the device can be written. */
	bool readonly;
	bool barrier;
	/* The file system has metadata_csum, 64bit: the journal gets CSUM_V3, 64BIT. */
	bool csum, wide;
	u32 commit_ms;			/* 0: 5000 */
};
int journal_open(const struct journal_place *p, const struct journal_options *o,
		 struct journal **out);
bool journal_needs_recovery(const struct journal *j);
/*
 * Commits all, writes all back, marks the journal empty. After an abort: leaves it alone. Blocks.
 */
int journal_close(struct journal *j);
/*
 * What an abort left in the journal's superblock (-errno, 0), to be kept in the file system's;
 * clears it on disk. Blocks.
 */
int journal_take_saved_error(struct journal *j);
/* The options of a remount: barrier and commit_ms. 0. nb */
int journal_set_options(struct journal *j, const struct journal_options *o);

/*
 * A handle with room for credits blocks; -EROFS after an abort, -ENOSPC: more than the journal
 * can ever hold. Blocks.
 */
int journal_start(struct journal *j, u32 credits, struct handle **out);
/*
 * More room in the same transaction: 0, or 1: not possible now (end the handle and start anew).
 * nb
 */
int journal_extend(struct handle *h, u32 credits);
/* Ends the handle; sync: waits until it is durable. The error of an abort. Blocks if sync. */
int journal_stop(struct handle *h, bool sync);
bool journal_has_handle(const struct journal *j);	/* the current task has one open. nb */
struct journal *handle_journal(const struct handle *h);
u64 handle_tid(const struct handle *h);

/* Before bh->data changes; copies out what a commit under way needs. Blocks. 0, -ENOMEM, -EROFS */
int journal_get_write(struct handle *h, struct buffer *bh);
int journal_get_create(struct handle *h, struct buffer *bh);	/* a freshly allocated block */
int journal_dirty(struct handle *h, struct buffer *bh);		/* nb */
/*
 * bh was freed: not written any more; a revoke record keeps old copies from being replayed. Takes
 * over bh's reference.
 */
int journal_forget(struct handle *h, struct buffer *bh);
/* The same for a block that need not be cached. */
int journal_revoke(struct handle *h, u64 block);
/*
 * fn runs when the transaction that changed bh is about to commit, must not block and may change
 * bh->data: checksums. One per buffer, which keeps it while a transaction has it. Without a
 * journal fn runs at once: so call this after the change, before journal_dirty(). nb
 */
void journal_set_trigger(struct buffer *bh, void (*fn)(struct buffer *bh, void *private),
			 void *private);

/*
 * Something to do once the transaction of h is durable (blocks freed by it may be reused,
 * discarded). nb
 */
struct journal_callback {
	struct list_head node;
	void (*fn)(struct journal_callback *cb, int error);
};
void journal_on_commit(struct handle *h, struct journal_callback *cb);
/*
 * Everything up to transaction tid is durable when this returns; starts a commit if needed.
 * Blocks.
 */
int journal_commit_wait(struct journal *j, u64 tid);
/* Will the commit of tid, which is to come, flush the devices after what is written there by now? nb */
bool journal_will_flush(const struct journal *j, u64 tid);
int journal_force(struct journal *j);			/* the running one, too. Blocks */
/* And all is in its place, the log empty (freeze, remount ro). Blocks. */
int journal_flush(struct journal *j);
/* No handle any more; nothing else is written but the error, by the journal's thread. nb */
void journal_abort(struct journal *j, int error);
int journal_error(const struct journal *j);		/* 0, or why it was aborted */

#endif
