/* SPDX-License-Identifier: MIT */
/*
 * Block devices: a driver's disk, or a partition of it. Drivers (ubd, loop) carry out requests;
 * file systems and /dev nodes make them. The bytes of a device are cached by its page cache
 * (block/buffer.h); what is here goes straight to the driver.
 *
 * Offsets and lengths are bytes, multiples of the logical block size (512 unless the driver says
 * otherwise). A range beyond the end is -EIO, as in Linux a bio beyond the end.
 */
#ifndef BLOCK_BLKDEV_H
#define BLOCK_BLKDEV_H

#include "core/lock.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

struct blkdev;
struct pagecache;

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_ZEROOUT };

/* One request. Owned by the submitter until done() runs. */
struct blk_req {
	struct list_head node;		/* the queue's */
	struct blkdev *bdev;
	enum blk_op op;
	bool fua;			/* a write that is durable when done */
	u64 off, len;
	struct blk_vec {
		void *base;
		size_t len;
	} *vec;				/* kernel memory; stays valid until done() */
	unsigned int nvec;
	int error;			/* 0 or -errno, set before done() */
	void (*done)(struct blk_req *r);	/* under the kernel lock, must not block */
	void *private;			/* the submitter's */
};

struct blk_ops {
	/* Start r; r->done() may run before this returns. Adjacent requests were merged where possible. Never blocks. */
	void (*submit)(struct blkdev *b, struct blk_req *r);
	int (*open)(struct blkdev *b, bool write);		/* first user; optional */
	void (*release)(struct blkdev *b);			/* last user gone; optional */
	long (*ioctl)(struct blkdev *b, u32 cmd, u64 arg);	/* optional; -ENOIOCTLCMD_K: try the generic ones */
};

struct blkdev {
	struct refcount ref;
	const char *name;		/* "ubda", "ubda1", "loop0" */
	u32 dev;			/* major:minor, the guest's form */
	u64 size;			/* bytes */
	u32 logical_size, physical_size;	/* 512, 4096, ... */
	bool readonly;
	bool discard, write_zeroes;	/* the driver can */
	const struct blk_ops *ops;
	void *private;			/* the driver's */
	struct blkdev *whole;		/* of a partition; itself otherwise */
	u64 start;			/* of a partition: its offset */
	int partno;			/* 0: whole */
	int users;			/* opens and mounts */
	void *holder;			/* exclusive claim (mount, O_EXCL); NULL */
	struct pagecache *cache;	/* its bytes; made at the first use */
	struct list_head node;		/* all devices */
	/* The queue and statistics: block/queue.c. */
	struct blk_queue *queue;
	u64 stat[4][4];			/* read, write, discard, flush: ios, merges, sectors, ticks (ns) */
};

/* --- for users --- */

/* By number or by name without "/dev/": a reference, or NULL. nb */
struct blkdev *blkdev_get(u32 dev);
struct blkdev *blkdev_by_name(const char *name);
void blkdev_put(struct blkdev *b);
/*
 * Open for use; holder non-NULL claims it exclusively (and its whole disk against other holders): -EBUSY.
 * write on a read-only device: -EROFS (-EACCES at open(2), the /dev node's business). Blocks.
 */
int blkdev_open(struct blkdev *b, bool write, void *holder);
void blkdev_close(struct blkdev *b, void *holder);

/* Synchronous, blocks; 0 or -errno (all or nothing as far as the caller knows). */
int blk_read(struct blkdev *b, u64 off, void *buf, size_t n);
int blk_write(struct blkdev *b, u64 off, const void *buf, size_t n);
int blk_flush(struct blkdev *b);		/* all writes that were done are durable on the host */
int blk_discard(struct blkdev *b, u64 off, u64 len);	/* -EOPNOTSUPP */
int blk_zeroout(struct blkdev *b, u64 off, u64 len);	/* by writing if it must */

/* Asynchronous. Never blocks. */
void blk_submit(struct blk_req *r);
/* Between these, submitted requests of the calling task are held back to be merged and sent together. */
void blk_plug(void);
void blk_unplug(void);
/* Submit and wait for n requests. 0 or the first error. */
int blk_submit_wait(struct blk_req *r, unsigned int n);

/* --- for drivers --- */

/* Takes b (fields up to private set, ref 1): visible in /dev, /sys, /proc/partitions; partitions are read. Blocks. */
int blkdev_add(struct blkdev *b);
/* -EBUSY while used. Blocks. */
int blkdev_del(struct blkdev *b);
void blkdev_resized(struct blkdev *b, u64 size);
int blkdev_reread(struct blkdev *b);		/* the partition table; -EBUSY */
void blk_done(struct blk_req *r, int error);	/* the driver's answer */

#endif
