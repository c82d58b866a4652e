/* SPDX-License-Identifier: MIT */
/*
 * Loop devices: files of the guest as disks, /dev/loop0 and on, and /dev/loop-control.
 */
#ifndef DEV_LOOP_H
#define DEV_LOOP_H

#include "abi/block.h"
#include "core/wait.h"
#include "lib/list.h"
#include "lib/types.h"

struct blkdev;
struct blk_req;
struct file;
struct file_ops;

#define LOOP_MAJOR_K 7

struct loop {
	struct blkdev *bdev;
	unsigned int nr;
	struct file *file;		/* a reference; NULL: free */
	bool busy;			/* being bound or let go: ioctls wait their turn with -EBUSY */
	u64 offset, sizelimit;		/* bytes; 0: no limit */
	u32 flags;			/* LO_FLAGS_* */
	u8 file_name[LO_NAME_SIZE], crypt_name[LO_NAME_SIZE];
	/* loop_io.c */
	struct list_head queue;		/* requests for the thread */
	struct wait_queue wq;		/* the thread waits for them, and loop_stop() for its end */
	bool running, stopping;
};

extern const struct file_ops loop_control_fops;

/* The first eight devices. 0 or -errno. Blocks. */
#ifdef CONFIG_BLOCK
int loop_init(void);
#else
static inline int loop_init(void) { return 0; }
#endif
/* Of a device; NULL: no loop device. nb */
struct loop *loop_of(const struct blkdev *b);

/* loop_io.c: the thread that does a device's work. 0 or -ENOMEM. */
int loop_start(struct loop *l);
void loop_stop(struct loop *l);				/* its requests are done first. Blocks */
void loop_submit(struct blkdev *b, struct blk_req *r);	/* nb */

/* loop_bind.c. Block. */
int loop_bind(struct loop *l, int fd, u32 block_size, const struct loop_info64 *info, bool write);
int loop_unbind(struct loop *l);
int loop_change_file(struct loop *l, int fd);
int loop_set_status(struct loop *l, const struct loop_info64 *info);
int loop_resize(struct loop *l);			/* the file's size is looked at again */
int loop_get_status(struct loop *l, struct loop_info64 *info);

/* loop_ioctl.c */
long loop_ioctl(struct blkdev *b, bool write, u32 cmd, u64 arg);

#endif
