/* SPDX-License-Identifier: MIT */
/*
 * Inside the page cache. page.c has single pages and their reclaim, pagecache.c reading and dropping,
 * pcwrite.c writing, writeback.c the thread that writes back and the limits, pcmap.c pages in memfds.
 *
 * A page is looked up in its object's tree and is there for whoever does not block. Its states: LOCKED
 * while ops->read fills it (it is not UPTODATE then); DIRTY when it must be written (and tagged in the tree);
 * WRITEBACK while ops->write has it, which can be together with DIRTY. Changes of LOCKED and WRITEBACK and the
 * last unpinning wake pc->wq.
 */
#ifndef MM_PCPRIV_H
#define MM_PCPRIV_H

#include "core/wait.h"
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "mm/pgtree.h"

enum {
	CP_UPTODATE = 1, CP_DIRTY = 2, CP_WRITEBACK = 4, CP_LOCKED = 8,
	CP_REFERENCED = 16,		/* used since the last look of reclaim */
	CP_READAHEAD = 32,		/* when this one is read, read on */
	CP_MEMFD = 64,			/* data lies in the memfd */
	CP_ALIAS = 128,			/* and is mapped at "own", too, where its users know it */
	CP_GOING = 256,			/* reclaim takes it away from mappings: no new rights */
	CP_MAPWRITE = 1024,		/* dirty, and mappings may write it: they have told */
};

/* A run on its way to the object, for those who wait for it. */
struct wb_run {
	struct list_head node, all;	/* of the object; of all objects */
	u64 first, last;		/* pages [first, last) */
	u64 seq;			/* rises over all objects */
};

struct pcmap;

struct pagecache {
	const struct pagecache_ops *ops;
	void *private;
	struct pagecache_id id;
	struct pgtree pages;		/* of struct cpage; tagged: dirty */
	u64 ndirty;
	ktime_t dirtied_at;		/* when it got its first dirty page */
	struct list_head dirty_node;	/* in the list of those with dirty pages, by dirtied_at */
	struct list_head runs;		/* struct wb_run */
	struct wait_queue wq;
	int users;			/* threads of the cache at work on it: it may not be freed */
	u64 write_end;			/* bytes written behind ops->size(); 0: none */
	u32 err_seq;			/* errors so far */
	bool err_seen;			/* somebody was told the last one */
	int err;
	struct pcmap *map;		/* NULL until first mapped */
};

/* --- page.c --- */
extern struct pagecache_stats pc_stats;
/* A new page in pc at index, a hole: zero flags, in the tree. NULL: no memory. Contents undefined. nb */
struct cpage *cpage_new(struct pagecache *pc, u64 index);
/* Out of the tree and free. Not locked, pinned or under write-back; its owner has let it go. nb */
void cpage_free(struct cpage *p);
/* Is it clean and not in use, and does its owner let it go? nb */
bool cpage_idle(struct cpage *p);
void cpage_unpin(struct cpage *p);
void cpage_unlock(struct cpage *p);
/* Sleeps once for a change of a page of pc. Blocks. */
void pc_sleep(struct pagecache *pc, const char *why);
u64 mem_excess(void);			/* account.c: bytes to be freed, so that some of mem= is free. May sample */

static inline struct cpage *pc_page(const struct pagecache *pc, u64 index)
{
	return pg_get(&pc->pages, index);
}

static inline u64 pages_of(u64 bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* --- pagecache.c --- */
/* The page filled, others of [index, index + n) with it as far as that is one run. 0 or -errno. Blocks. */
int pc_fill(struct pagecache *pc, u64 index, u64 n);
u64 pc_size(struct pagecache *pc);	/* with what is being written behind the end */

/* --- pcwrite.c --- */
void pc_set_dirty(struct cpage *p);
void pc_clear_dirty(struct cpage *p);
/* Writes dirty pages [first, last); at most n. Pages written, or the first error (the rest is still tried). Blocks. */
ssize pc_write_pages(struct pagecache *pc, u64 first, u64 last, u64 n);
void pc_wait_all_runs(void);		/* for all that is under write-back now. Blocks */

/* --- writeback.c --- */
void pc_dirty_list(struct pagecache *pc, bool on);	/* nb */
void pc_throttle(void);			/* too much is dirty: waits. Blocks */
void pc_flush_wake(void);		/* write-back may have something to do. nb */
void pagecache_readers_start(void);	/* pagecache.c */

/* --- pcmap.c --- */
int pcmap_page_data(struct pagecache *pc, struct cpage *p);	/* a new page of a mapped object gets its place. nb */
void pcmap_page_gone(struct cpage *p);		/* page in a memfd is freed (its bytes: pcmap_punch()) */
void pcmap_punch(struct pagecache *pc, u64 first, u64 last);	/* bytes of pages that are gone */
void pcmap_resize(struct pagecache *pc, u64 size);
/* Rights of guest processes on pages [first, last): none, or only no writing. 0, or not everywhere. Blocks. */
int pcmap_revoke(struct pagecache *pc, u64 first, u64 last, bool only_write);
void pcmap_free(struct pagecache *pc);
bool pcmap_has_text(const struct pagecache *pc);	/* an executable mapping: never reclaimed */

#endif
