/* SPDX-License-Identifier: MIT */
/*
 * Requests of loop devices: a kernel thread each, because reading and writing a file of the guest may wait for
 * anything.
 */
#include "dev/loop.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "block/blkdev.h"
#include "core/sched.h"
#include "vfs/vfs.h"

/* What is behind the end of the file reads as zeroes. */
static int read_vec(struct file *f, const struct blk_vec *v, u64 pos)
{
	ssize n = kernel_read(f, v->base, v->len, (off64)pos);

	if (n < 0)
		return (int)n;
	memset((char *)v->base + n, 0, v->len - (size_t)n);
	return 0;
}

static int write_vec(struct file *f, const struct blk_vec *v, u64 pos)
{
	ssize n = kernel_write(f, v->base, v->len, (off64)pos);

	if (n == (ssize)v->len)
		return 0;
	return n == -ENOSPC || n >= 0 ? -ENOSPC : -EIO;
}

static int transfer(struct file *f, const struct blk_req *r, u64 pos,
		    int (*one)(struct file *f, const struct blk_vec *v, u64 pos))
{
	int err = 0;

	for (; r && !err; r = r->next)
		for (unsigned int i = 0; i < r->nvec && !err; i++) {
			err = one(f, &r->vec[i], pos);
			pos += r->vec[i].len;
		}
	return err;
}

static int punch(struct file *f, u64 pos, u64 len)
{
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	return f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off64)pos, (off64)len);
}

static int carry_out(struct loop *l, const struct blk_req *r)
{
	u64 pos = l->offset + r->pos;
	struct file *f = l->file;

	switch (r->op) {
	case BLK_READ:
		return transfer(f, r, pos, read_vec);
	case BLK_WRITE:
		return transfer(f, r, pos, write_vec);
	case BLK_FLUSH:
		return f->ops->fsync ? f->ops->fsync(f, true) : 0;
	case BLK_DISCARD:
	case BLK_ZEROOUT:
		return punch(f, pos, r->chain_len);
	}
	return -EIO;
}

static void work(void *arg)
{
	struct loop *l = arg;

	for (;;) {
		struct blk_req *r;

		wait_event(&l->wq, !list_empty(&l->queue) || l->stopping, "loop_wait");
		if (list_empty(&l->queue))
			break;
		r = list_first(&l->queue, struct blk_req, node);
		list_del_init(&r->node);
		blk_done(r, carry_out(l, r));
	}
	l->running = false;
	wake_up_all(&l->wq);
}

int loop_start(struct loop *l)
{
	char name[16];
	int err;

	l->stopping = false;
	snprintf(name, sizeof(name), "loop%u", l->nr);
	err = kthread_run(name, work, l);
	l->running = !err;
	return err;
}

void loop_stop(struct loop *l)
{
	l->stopping = true;
	wake_up_all(&l->wq);
	wait_event(&l->wq, !l->running, "loop_stop");
}

void loop_submit(struct blkdev *b, struct blk_req *r)
{
	struct loop *l = b->private;

	if (!l->running || l->stopping) {
		blk_done(r, -EIO);
		return;
	}
	list_add_tail(&r->node, &l->queue);
	wake_up_all(&l->wq);
}
