/* SPDX-License-Identifier: MIT */
/*
 * Block devices: a driver's disk, or a partition of it. Drivers (ubd, loop) carry out requests;
 * file systems and /dev nodes make them. The bytes of a device are cached by its page cache
 * (block/buffer.h); what is here goes straight to the driver.
 *
 * Offsets and lengths are bytes, multiples of the logical block size (512 unless the driver says
 * otherwise): -EINVAL. A range beyond the end is -EIO, as in Linux a bio beyond the end.
 * Everything here: kernel lock held.
 */
#ifndef BLOCK_BLKDEV_H
#define BLOCK_BLKDEV_H

#include "core/lock.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

struct blkdev;
struct pagecache;

#define SECTOR_SIZE 512u
#define BLKDEV_PARTS 16			/* minors of a disk: the whole and 15 partitions */

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_ZEROOUT };

struct blk_vec {
	void *base;
	size_t len;
};

/* One request. Owned by the submitter until done() runs. */
struct blk_req {
	struct list_head node;		/* the queue's */
	struct blkdev *bdev;
	enum blk_op op;
	bool fua;			/* a write that is durable when done */
	u64 off, len;			/* of BLK_FLUSH: 0 */
	struct blk_vec *vec;		/* kernel memory, len bytes in all; stays valid until done() */
	unsigned int nvec;
	int error;			/* 0 or -errno, set before done() */
	void (*done)(struct blk_req *r);	/* under the kernel lock, must not block; may free r */
	void *private;			/* the submitter's */
	/* Set by block/queue.c. */
	u64 pos;			/* off on the whole disk */
	struct blk_req *next;		/* merged: goes on where this one ends, same op, done together */
	struct blk_req *last;		/* in the first of a chain: the last; bytes and vectors in all */
	u64 chain_len;
	unsigned int chain_nvec;
	ktime_t start;
};

struct blk_ops {
	/*
	 * Start r and all that are merged behind it (r->next), one range of disk b from r->pos on; answer with
	 * blk_done(r), which may happen before this returns. nb.
	 */
	void (*submit)(struct blkdev *b, struct blk_req *r);
	int (*open)(struct blkdev *b, bool write);		/* first user of disk or partitions; optional */
	void (*release)(struct blkdev *b);			/* last user gone; optional */
	/* write: through a descriptor that may. Optional; -ENOIOCTLCMD_K: try the generic ones. Blocks */
	long (*ioctl)(struct blkdev *b, bool write, u32 cmd, u64 arg);
	void (*free)(struct blkdev *b);		/* last reference gone: private and b itself; NULL: kfree(b) */
};

enum blk_stat { BLK_STAT_READ, BLK_STAT_WRITE, BLK_STAT_DISCARD, BLK_STAT_FLUSH, BLK_STATS };

struct blk_counts {
	u64 ios, merges, sectors, ns;
};

struct blkdev {
	struct refcount ref;
	char name[32];			/* "ubda", "ubda1", "loop0" */
	u32 dev;			/* major:minor, lib/devnum.h */
	u32 minors;			/* of a disk: numbers from dev on for it and its partitions; 1: those get others */
	u64 size;			/* bytes */
	u32 logical_size, physical_size;	/* 512, 4096, ... */
	bool readonly;
	bool fixed_readonly;		/* BLKROSET cannot make it writable: the host does not let us */
	bool discard, write_zeroes;	/* the driver can; it may clear them when the host refuses */
	bool dead;			/* removed: requests fail with -EIO */
	const char *serial;		/* of a disk; the driver's, NULL */
	const char *driver_dir;		/* below /sys/devices: "platform/uml-blkdev.0", "virtual"; static */
	const struct blk_ops *ops;
	void *private;			/* the driver's */
	struct blkdev *whole;		/* of a partition (a reference); itself otherwise */
	u64 start;			/* of a partition: its offset */
	int partno;			/* 0: whole */
	char uuid[40], label[112];	/* of a partition: PARTUUID, PARTNAME (UTF-8); "" */
	int users;			/* opens and mounts of this device */
	int disk_users;			/* of the whole and its partitions, in the whole */
	void *holder;			/* exclusive claim (mount, O_EXCL); NULL */
	int holders, part_holders;	/* claims by holder; of a disk: claimed partitions */
	u32 readahead;			/* BLKRASET, sectors */
	struct pagecache *cache;	/* its bytes: blkdev_cache() */
	u32 block_size;			/* of buffers: buffer_set_size() */
	struct list_head node;		/* all devices, sorted by number */
	/* The queue and statistics: block/queue.c. */
	struct blk_queue *queue;	/* of a disk */
	struct blk_counts stat[BLK_STATS];
	unsigned int inflight;
	ktime_t busy_since;
	u64 busy_ns, weighted_ns;
};

/* --- for users --- */

#ifdef CONFIG_BLOCK

/* By number or by name without "/dev/": a reference, or NULL. nb */
struct blkdev *blkdev_get(u32 dev);
struct blkdev *blkdev_by_name(const char *name);
/* What root= says: "/dev/ubda1", "ubda1", "98:0", "6200", "/dev/ubd0", "/dev/ubd/0", "PARTUUID=", "PARTLABEL=". nb */
struct blkdev *blkdev_by_root(const char *text);
/* Could it be one of these, by its form? While there are no devices yet. nb */
bool blkdev_is_root_text(const char *text);
struct blkdev *blkdev_ref(struct blkdev *b);
void blkdev_put(struct blkdev *b);
/* Block majors: /proc/devices. nb */
bool blkdev_major(unsigned int i, u32 *major, const char **name);

#else	/* a kernel without disks finds none */

static inline struct blkdev *blkdev_by_root(const char *text) { return NULL; }
static inline bool blkdev_is_root_text(const char *text) { return false; }
static inline struct blkdev *blkdev_ref(struct blkdev *b) { return b; }
static inline void blkdev_put(struct blkdev *b) {}
static inline bool blkdev_major(unsigned int i, u32 *major, const char **name) { return false; }

#endif

/* The next after b (NULL: the first) in order of number: a reference, takes b's. NULL at the end. nb */
struct blkdev *blkdev_next(struct blkdev *b);
/*
 * Open for use; holder non-NULL claims it exclusively (and its whole disk against other holders): -EBUSY. The same
 * holder may claim several times. write on a read-only device: -EROFS (-EACCES at open(2), the /dev node's business).
 * -ENXIO: removed, or an empty loop device. Blocks.
 */
int blkdev_open(struct blkdev *b, bool write, void *holder);
void blkdev_close(struct blkdev *b, void *holder);

/* Synchronous, blocks; 0 or -errno (all or nothing as far as the caller knows). */
int blk_read(struct blkdev *b, u64 off, void *buf, size_t n);
int blk_write(struct blkdev *b, u64 off, const void *buf, size_t n);
int blk_flush(struct blkdev *b);		/* all writes that were done are durable on the host */
int blk_discard(struct blkdev *b, u64 off, u64 len);	/* -EOPNOTSUPP */
int blk_zeroout(struct blkdev *b, u64 off, u64 len);	/* by writing if it must */

/*
 * Partition no of a disk, without its table: start and len in bytes. -EINVAL: not on the disk, or another start
 * than it has; -EBUSY: it exists, is used, or overlaps; -ENXIO: there is none. Block.
 */
int blkdev_part_add(struct blkdev *disk, int no, u64 start, u64 len);
int blkdev_part_del(struct blkdev *disk, int no);
int blkdev_part_resize(struct blkdev *disk, int no, u64 start, u64 len);

/* Asynchronous. nb */
void blk_submit(struct blk_req *r);
/*
 * Between these, submitted requests of the calling task are held back to be merged and sent together. Nests. A task
 * that waits for one of them other than by blk_submit_wait() unplugs first. Kernel threads and tasks alike.
 */
void blk_plug(void);
void blk_unplug(void);
/* Submit and wait for n requests, whose done and private it uses. 0 or the first error. Blocks. */
int blk_submit_wait(struct blk_req *r, unsigned int n);

/* --- for drivers --- */

/*
 * Takes b (zeroed but for name, dev, size, sizes, readonly, discard, write_zeroes, ops, private, driver_dir, serial):
 * visible in /dev, /sys, /proc/partitions. Partitions are read if scan. On an error b is the caller's still. Blocks.
 */
int blkdev_add(struct blkdev *b, bool scan);
/* Drops the driver's reference. -EBUSY while used. Blocks. */
int blkdev_del(struct blkdev *b);
void blkdev_resized(struct blkdev *b, u64 size);	/* what is cached behind the new end goes. Blocks */
/* Around a change of what the device's bytes are: what is cached is written before, dropped after. Block. */
int blkdev_change_begin(struct blkdev *b);
void blkdev_change_end(struct blkdev *b);
int blkdev_reread(struct blkdev *b);		/* the partition table; -EBUSY; -EINVAL: of a partition. Blocks */
void blkdev_drop_partitions(struct blkdev *b);	/* none is used (blkdev_reread says -EBUSY otherwise) */
void blk_done(struct blk_req *r, int error);	/* the driver's answer */
/* The next run of vectors of a chain. */
unsigned int blk_chain_vecs(const struct blk_req *r, struct blk_vec *out, unsigned int max);

/* --- for those who show devices (devtmpfs, sysfs) --- */

struct blk_listener {
	void (*added)(struct blkdev *b);	/* also for those that exist already: some may come twice. May block */
	void (*removed)(struct blkdev *b);	/* May block */
	struct list_head node;
};
/* The numbers of /sys/block/.../stat, in its order. nb */
#define BLK_STAT_FIELDS 17
void blk_get_stat(struct blkdev *b, u64 v[BLK_STAT_FIELDS]);
void blkdev_listen(struct blk_listener *l);	/* for ever */
int blkdev_register_major(u32 major, const char *name);	/* nb */

#endif
