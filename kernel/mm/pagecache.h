/* SPDX-License-Identifier: MIT */
/*
 * The page cache: pages of one object (a file of a disk file system, a block device) in memory.
 * The object says how pages are read and written (struct pagecache_ops); the cache keeps them, reads
 * ahead, writes dirty ones back by age, amount and on demand, gives clean ones up under mem= pressure,
 * and lets guest processes map them.
 *
 * Pages are kernel memory until the object is first mapped; from then on they are a memfd of their own,
 * which guest processes map directly (a descriptor for that object alone). Pages that are not filled, and clean
 * pages of shared writable mappings, are protected in the guest: its fault brings them in or makes them dirty.
 *
 * mm knows no inodes and no devices: an object passes itself as private. Locking: pc->lock
 * (RANK_INODE + 5) over the set of pages; the object's own lock (the inode's) serialises writers and truncation
 * against each other, and the ops are called without pc->lock.
 */
#ifndef MM_PAGECACHE_H
#define MM_PAGECACHE_H

#include "lib/list.h"
#include "lib/types.h"
#include "mm/iter.h"

struct backing;
struct pagecache;

/* A run of neighbouring pages that are read or written together. */
struct page_run {
	u64 index;			/* first page */
	unsigned int n;
	void **pages;			/* n page addresses, stable for the time of the call */
};

struct pagecache_ops {
	/* Fill the pages; beyond the end of the object or in holes zeroes. 0 or -errno. Blocks. */
	int (*read)(struct pagecache *pc, struct page_run *run);
	/*
	 * Write the pages (allocate blocks where that was delayed). bytes of the last page beyond the object's size
	 * are zero. 0 or -errno; on an error pages count as clean and the error is kept for fsync. Blocks.
	 */
	int (*write)(struct pagecache *pc, struct page_run *run);
	/*
	 * Page index is about to become dirty by a write or a fault of a shared mapping: reserve room for it.
	 * 0, -ENOSPC, -EDQUOT (the fault gives SIGBUS). Optional. Blocks.
	 */
	int (*reserve)(struct pagecache *pc, u64 index);
	u64 (*size)(struct pagecache *pc);	/* of the object, bytes. nb */
	void (*wrote)(struct pagecache *pc);	/* a mapping changed it: times. Optional. nb */
};

/* ops and private as above; identity of the object for backings (dev, ino, dev_mm). 0 or -ENOMEM. */
struct pagecache_id {
	u64 dev, ino;
	u32 dev_mm;
};
int pagecache_new(const struct pagecache_ops *ops, void *private, const struct pagecache_id *id, struct pagecache **out);
/* Dirty pages are dropped: sync first. No mapping is left. Blocks. */
void pagecache_free(struct pagecache *pc);
void *pagecache_private(const struct pagecache *pc);

/* read(2) and write(2) through the cache, from *pos on, which they move. Bytes or -errno. Block. */
ssize pagecache_read(struct pagecache *pc, struct iter *to, off64 *pos);
/* The caller holds the object's lock and has set its size to cover what grows AFTER a success (see done). */
ssize pagecache_write(struct pagecache *pc, struct iter *from, off64 *pos);

/* Write dirty pages of [start, end) and wait; end ~0: all. 0 or the error. Blocks. */
int pagecache_sync(struct pagecache *pc, u64 start, u64 end);
bool pagecache_dirty(const struct pagecache *pc);
/*
 * Write-back errors are reported once to each open file (errseq): sample at open, check at fsync, which returns
 * the error if one happened since *since and moves *since.
 */
u32 pagecache_err_sample(const struct pagecache *pc);
int pagecache_err_check(struct pagecache *pc, u32 *since);

/* The object was cut to size: pages beyond go, also from mappings (SIGBUS); the rest of the last page is zeroed. */
void pagecache_truncate(struct pagecache *pc, u64 size);
/* Pages wholly in [start, end) go, dirty or not (hole punching, O_DIRECT writes); edges are zeroed if zero_edges. */
void pagecache_drop(struct pagecache *pc, u64 start, u64 end, bool zero_edges);
/* A page for direct use: filled, pinned until unpin. For directories' or symlinks' data and the like. Blocks. */
int pagecache_pin(struct pagecache *pc, u64 index, void **page);
void pagecache_unpin(struct pagecache *pc, u64 index, bool dirty);

/* For file_ops.mmap: a reference to a backing with the rights asked. Blocks. */
int pagecache_backing(struct pagecache *pc, bool may_write, struct backing **out);

/* Global: /proc/sys/vm/drop_caches, sync(2), meminfo. */
void pagecache_drop_clean(void);
void pagecache_sync_all(void);		/* blocks */
struct pagecache_stats {
	u64 cached, dirty, writeback;	/* pages */
};
void pagecache_get_stats(struct pagecache_stats *st);

#endif
