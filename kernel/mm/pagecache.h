/* SPDX-License-Identifier: MIT */
/*
 * The page cache: pages of one object (a file of a disk file system, a block device) in memory.
 * The object says how pages are read and written (struct pagecache_ops); the cache keeps them, reads
 * ahead, writes dirty ones back by age, amount and on demand, gives clean ones up under mem= pressure,
 * and lets guest processes map them.
 *
 * Pages are kernel memory until the object is first mapped; from then on they move to a memfd of their own,
 * which guest processes map directly (a descriptor for that object alone). Pages that are not filled, and clean
 * pages of shared writable mappings, are protected in the guest: its fault brings them in or makes them dirty.
 *
 * mm knows no inodes and no devices: an object passes itself as private. There is no lock over the set of
 * pages: it changes only between blocking points, and who waits for a page looks it up again afterwards.
 * The object's own lock (the inode's) serialises writers and truncation against each other. pagecache_write()
 * waits for write-back while its caller holds that lock, so ops->write must not take it; and nobody may hold
 * what ops->read or ops->write need (a transaction) while he calls a function marked "blocks".
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
#define PAGE_RUN_MAX 256		/* pages in a run */

/* A cached page, for owners that keep something of theirs beside it (block/buffer.c). */
struct cpage {
	struct pagecache *pc;
	u64 index;
	u8 *data;			/* stays while the page is pinned by pagecache_grab() or pagecache_pin() */
	void *private;			/* the owner's; NULL. ops->gone is called when the page goes */
	u32 flags;			/* CP_*: the cache's */
	u16 pins, fixed;		/* may not go; may not move either */
	void *own;			/* its page of kernel memory */
	struct list_head lru;
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
	/* pagecache_write() or a mapping made the page dirty (not pagecache_unpin()). Optional. nb */
	void (*dirtied)(struct pagecache *pc, struct cpage *p);
	/* The page is to go: let go what hangs on private, or refuse. For pages with private set. nb */
	bool (*gone)(struct pagecache *pc, struct cpage *p);
};

/* ops and private as above; identity of the object for backings (dev, ino, dev_mm). 0 or -ENOMEM. */
struct pagecache_id {
	u64 dev, ino;
	u32 dev_mm;
	bool device;			/* counted as Buffers in /proc/meminfo */
};
int pagecache_new(const struct pagecache_ops *ops, void *private, const struct pagecache_id *id, struct pagecache **out);
/* Dirty pages are dropped: sync first. No mapping is left. NULL is fine. Blocks. */
void pagecache_free(struct pagecache *pc);
void *pagecache_private(const struct pagecache *pc);

/* read(2) and write(2) through the cache, from *pos on, which they move. Bytes or -errno. Block. */
ssize pagecache_read(struct pagecache *pc, struct iter *to, off64 *pos);
/*
 * The caller holds the object's lock and sets its size to cover what grew AFTER a success; until then write-back
 * takes the bytes behind ops->size() for data. If the size is not to grow after all: pagecache_truncate().
 */
ssize pagecache_write(struct pagecache *pc, struct iter *from, off64 *pos);
/*
 * Zeroes [start, end) as a write would: edges of a hole, the tail behind a new end. Also, before an object grows by
 * truncation, the rest of its last page, where a mapping may have written. 0 or -errno. Blocks.
 */
int pagecache_zero(struct pagecache *pc, u64 start, u64 end);
/* Starts reading, as far as the object goes. nb */
void pagecache_readahead(struct pagecache *pc, u64 index, u64 n);
/* Of pages [first, last]: filled, of these dirty, and being written. nb */
void pagecache_count(const struct pagecache *pc, u64 first, u64 last, u64 *filled, u64 *dirty, u64 *writing);
bool pagecache_cached(const struct pagecache *pc, u64 index);	/* filled. nb */

/* Write dirty pages of [start, end) and wait; end ~0: all. 0 or the error. Blocks. */
int pagecache_sync(struct pagecache *pc, u64 start, u64 end);
int pagecache_wait(struct pagecache *pc, u64 start, u64 end);	/* only for what is being written. Blocks */
bool pagecache_dirty(const struct pagecache *pc);
/*
 * Write-back errors are reported once to each open file (errseq): sample at open, check at fsync, which returns
 * the error if one happened since *since and moves *since. An error that nobody has seen yet is also new to
 * files opened after it.
 */
u32 pagecache_err_sample(const struct pagecache *pc);
int pagecache_err_check(struct pagecache *pc, u32 *since);
void pagecache_set_error(struct pagecache *pc, int error);	/* the object's own (of its metadata). nb */

/*
 * The object was cut to size: pages beyond go, also from mappings (SIGBUS); the rest of the last page is zeroed in
 * memory. That it is zero on the disk, too, before the object grows again is the caller's matter. Blocks.
 */
void pagecache_truncate(struct pagecache *pc, u64 size);
/*
 * Pages wholly in [start, end) go, dirty or not (hole punching, O_DIRECT writes); edges are zeroed in memory if
 * zero_edges. Pages that are pinned for long (buffers) stay. Blocks.
 */
void pagecache_drop(struct pagecache *pc, u64 start, u64 end, bool zero_edges);
/* Clean pages of [start, end) that nobody uses go. nb */
void pagecache_invalidate(struct pagecache *pc, u64 start, u64 end);
/*
 * Before a transfer of [start, end) that goes past the cache (O_DIRECT): what is dirty there is written; for a write
 * all of it is dropped, before and by a second call after. 0; 1: it cannot be dropped (mapped, in use): write through the
 * cache and sync; or -errno. Blocks.
 */
int pagecache_direct(struct pagecache *pc, u64 start, u64 end, bool write);
bool pagecache_mapped(const struct pagecache *pc);	/* by a guest process, now */
/* A page for direct use: filled, pinned until unpin. For directories' or symlinks' data and the like. Blocks. */
int pagecache_pin(struct pagecache *pc, u64 index, void **page);
void pagecache_unpin(struct pagecache *pc, u64 index, bool dirty);
/* The same by struct cpage. !read: zeroed instead of read if it is not there. 0 or -errno. Blocks. */
int pagecache_grab(struct pagecache *pc, u64 index, bool read, struct cpage **out);
struct cpage *pagecache_find(struct pagecache *pc, u64 index);	/* filled: pinned; else NULL. nb */
void pagecache_release(struct cpage *p);			/* nb */
void pagecache_mark_dirty(struct cpage *p);			/* pinned. nb */
void pagecache_mark_clean(struct cpage *p);			/* its owner has written it. nb */
bool pagecache_page_dirty(const struct cpage *p);
bool pagecache_pinned(const struct pagecache *pc);	/* any page. nb */
void pagecache_forget(struct cpage *p);		/* pinned: clean, and not filled any more once nobody uses it. nb */

/* For file_ops.mmap: a reference to a backing with the rights asked. Blocks. */
int pagecache_backing(struct pagecache *pc, bool may_write, struct backing **out);

/* Global: /proc/sys/vm/drop_caches, sync(2), meminfo. */
void pagecache_init(void);		/* starts the threads that write back, read ahead, and reclaim */
void pagecache_drop_clean(void);	/* blocks */
void pagecache_sync_all(void);		/* blocks */
void writeback_limits_changed(void);	/* one of sysctl.dirty_* was set. nb */
struct pagecache_stats {
	u64 cached, dirty, writeback;	/* pages */
	u64 buffers;			/* of cached: pages of devices */
	u64 mapped;			/* of cached: pages that live in memfds */
	u64 read, written;		/* ever */
};
void pagecache_get_stats(struct pagecache_stats *st);
/* Gives up to so many bytes of clean pages up; what was given. Blocks. */
u64 pagecache_shrink(u64 bytes);

#endif
