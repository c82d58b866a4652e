/* SPDX-License-Identifier: MIT */
/*
 * The inside of pipes, for pipe.c and splice.c.
 *
 * Bytes lie in one ring whose memory grows up to the pipe's capacity. Packets (O_DIRECT) are lengths in a
 * second ring, which stays empty as long as only plain bytes are in the pipe.
 *
 * Copies to and from the guest give way to other tasks, so a reader and a writer may be in the pipe at the
 * same moment: rd_lock is held by the one who takes bytes from the front, wr_lock by the one who adds at the end;
 * both: rd_lock first. Everything else is under the kernel lock.
 */
#ifndef VFS_PIPE_H
#define VFS_PIPE_H

#include "core/lock.h"
#include "core/wait.h"
#include "lib/types.h"

struct file;
struct inode;
struct iter;

#define PIPE_STALE 12				/* more than buf can double */

struct pipe {
	struct mutex rd_lock, wr_lock;
	struct wait_queue rd_wait, wr_wait;	/* for data; for room */
	struct wait_queue open_wait;		/* FIFO open() waits for the other side */
	int readers, writers;			/* open files */
	int files;				/* files that point here; last one frees */
	u32 r_count, w_count;			/* opens so far: an open and close between is seen */
	u8 *buf;
	size_t size;				/* bytes of buf, power of two, or 0 */
	size_t cap;				/* F_SETPIPE_SZ */
	size_t head, used;			/* first byte, number of bytes */
	size_t resv;				/* room promised to a splice that is under way */
	bool filling;				/* a writer copies to the free part of buf */
	bool draining;				/* a reader copies from buf: */
	void *stale[PIPE_STALE];		/* earlier bufs that it may still look at */
	u32 *seg;				/* records: length and SEG_PACKET; see below */
	u32 seg_cap, seg_head, segs;		/* 0 records: plain bytes only */
};

#define SEG_PACKET 0x80000000u			/* the record is a packet, not plain bytes */
#define PIPE_BUF_K 4096
#define PIPE_DEF_SIZE 65536

extern unsigned int pipe_max_size;		/* fs.pipe-max-size */

struct pipe *file_pipe(const struct file *f);	/* NULL when f is not a pipe or FIFO; nb */
size_t pipe_room(const struct pipe *p);		/* nb */
bool pipe_writable(const struct pipe *p);	/* as poll() says; nb */
void pipe_wake_readers(struct pipe *p);		/* nb */
void pipe_wake_writers(struct pipe *p);		/* nb */

/* All below never block. rd_lock held: */
size_t pipe_readable(const struct pipe *p, bool *packet);	/* bytes that one read may return */
void pipe_peek(const struct pipe *p, size_t off, void *dst, size_t n);	/* off + n <= used */
void pipe_consume(struct pipe *p, size_t n);	/* n <= pipe_readable() */
/* wr_lock held: */
int pipe_append(struct pipe *p, const void *src, size_t n, bool packet);	/* n <= room; -ENOMEM */
/* Both held: */
int pipe_unread(struct pipe *p, const void *src, size_t n);	/* puts bytes back; -ENOMEM */

/* No lock held, may block. Data: 1, 0 at the end; room: 0. Else -EAGAIN, -EPIPE (signalled), -ERESTARTSYS. */
int pipe_wait_data(struct pipe *p, bool nonblock);
int pipe_wait_room(struct pipe *p, size_t need, bool nonblock);

#endif
