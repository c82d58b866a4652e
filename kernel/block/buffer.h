/* SPDX-License-Identifier: MIT */
/*
 * Buffers: blocks of a device in its page cache, by number. What file systems keep their
 * metadata in; coherent with reads and writes of the device node.
 *
 * A buffer has one state for all its users. Data of a buffer that is not up to date may be written
 * by its getter (buffer_get) before anybody else sees it. Changes happen without blocking in between
 * (the kernel lock), or under the file system's own locks.
 */
#ifndef BLOCK_BUFFER_H
#define BLOCK_BUFFER_H

#include "block/blkdev.h"

struct cpage;

struct buffer {
	struct blkdev *bdev;
	u64 block;			/* in units of size */
	u32 size;			/* 1024, 2048, 4096 */
	u8 *data;
	int refs;
	bool uptodate;
	bool dirty;			/* to be written back */
	bool held;			/* a journal owns it: write-back leaves it alone, also as part of a larger page */
	bool writing;			/* a write of it is under way (dirty was cleared): data must not change, see buffer_wait() */
	bool verified;			/* the owner checked its checksum since it was read */
	int error;			/* of the last write back: -EIO once, then cleared by who reports it */
	void *journal;			/* the journal's state; NULL */
	/* The rest is block/buffer.c's. */
	struct buffer *next;		/* of the same page */
	struct cpage *page;
	bool pinned;			/* has a pin on the page: data stays where it is */
};

/* The page cache of the device's bytes, made at the first use: 0 or -ENOMEM. Lives as long as the device. nb */
int blkdev_cache(struct blkdev *b, struct pagecache **out);
/* For blkdev.c: the last user goes (what is dirty is written, what nobody uses is dropped), and the device itself. Block. */
void blkdev_cache_close(struct blkdev *b);
void blkdev_cache_free(struct blkdev *b);

/* Sets the block size of a device (4096 at first): buffers of another size are dropped. -EINVAL, -EBUSY. Blocks. */
int buffer_set_size(struct blkdev *b, u32 size);
/* Block with its contents: 0, -EIO, -ENOMEM. A reference. Blocks when it must be read. */
int buffer_read(struct blkdev *b, u64 block, struct buffer **out);
/* The same for a block that the caller writes whole: not read; contents undefined unless uptodate. */
int buffer_get(struct blkdev *b, u64 block, struct buffer **out);
/* Only if it is cached. */
struct buffer *buffer_find(struct blkdev *b, u64 block);
struct buffer *buffer_ref(struct buffer *bh);
void buffer_put(struct buffer *bh);			/* NULL is fine. nb */
void buffer_readahead(struct blkdev *b, u64 block, unsigned int n);	/* starts reading. nb */
/* Changed: sets uptodate, too. Written back by age or pressure, or by the functions below. nb */
void buffer_mark_dirty(struct buffer *bh);
/* A journal takes it (write-back stops; dirty stays as it is) and gives it back (dirty: it must be written). nb */
void buffer_hold(struct buffer *bh);
void buffer_release_hold(struct buffer *bh, bool dirty);
/* Waits until no write of it is under way; a journal does so before its owner may change data. Blocks. */
void buffer_wait(struct buffer *bh);
/* Write those that are dirty and not held, wait for them and for writes under way. Not flushed. 0 or -EIO. Blocks. */
int buffer_write(struct buffer **bh, unsigned int n);
/* The block was freed: a dirty one is not written any more, its contents are forgotten. nb */
void buffer_forget(struct buffer *bh);
/* All dirty, not held buffers of the device; then blk_flush(). Blocks. */
int buffers_sync(struct blkdev *b);
/* Drop all clean buffers and pages (BLKFLSBUF, unmount). */
void buffers_invalidate(struct blkdev *b);

#endif
