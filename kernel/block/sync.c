/* SPDX-License-Identifier: MIT */
/*
 * Requests whose submitter waits.
 */
#include "block/blkdev.h"

#include "abi/errno.h"
#include "core/wait.h"

#define PIECE (64ULL << 20)		/* discards are cut: a host may take its time over each */
#define ZERO_VECS 16u

static const u8 zeroes[65536] __attribute__((aligned(4096)));

struct waiting {
	unsigned int left;
	struct wait_queue wq;
};

static void one_done(struct blk_req *r)
{
	struct waiting *w = r->private;

	if (!--w->left)
		wake_up(&w->wq);
}

int blk_submit_wait(struct blk_req *r, unsigned int n)
{
	struct waiting w = { .left = n };
	int err = 0;

	wq_init(&w.wq);
	blk_plug();
	for (unsigned int i = 0; i < n; i++) {
		r[i].done = one_done;
		r[i].private = &w;
		blk_submit(&r[i]);
	}
	blk_unplug();
	wait_event(&w.wq, !w.left, "blk_wait");
	for (unsigned int i = 0; i < n && !err; i++)
		err = r[i].error;
	return err;
}

static int transfer(struct blkdev *b, enum blk_op op, u64 off, void *buf, size_t n)
{
	struct blk_vec v = { buf, n };
	struct blk_req r = { .bdev = b, .op = op, .off = off, .len = n, .vec = &v, .nvec = 1 };

	return blk_submit_wait(&r, 1);
}

int blk_read(struct blkdev *b, u64 off, void *buf, size_t n)
{
	return transfer(b, BLK_READ, off, buf, n);
}

int blk_write(struct blkdev *b, u64 off, const void *buf, size_t n)
{
	return transfer(b, BLK_WRITE, off, (void *)buf, n);
}

int blk_flush(struct blkdev *b)
{
	struct blk_req r = { .bdev = b, .op = BLK_FLUSH };

	return blk_submit_wait(&r, 1);
}

static int in_pieces(struct blkdev *b, enum blk_op op, u64 off, u64 len)
{
	int err = 0;

	while (len && !err) {
		struct blk_req r = { .bdev = b, .op = op, .off = off, .len = MIN(len, PIECE) };

		err = blk_submit_wait(&r, 1);
		off += r.len;
		len -= r.len;
	}
	return err;
}

int blk_discard(struct blkdev *b, u64 off, u64 len)
{
	return in_pieces(b, BLK_DISCARD, off, len);
}

static int write_zeroes(struct blkdev *b, u64 off, u64 len)
{
	int err = 0;

	while (len && !err) {
		struct blk_vec v[ZERO_VECS];
		struct blk_req r = { .bdev = b, .op = BLK_WRITE, .off = off, .vec = v };

		while (r.nvec < ZERO_VECS && r.len < len) {
			size_t n = (size_t)MIN(len - r.len, sizeof(zeroes));

			v[r.nvec++] = (struct blk_vec){ (void *)zeroes, n };
			r.len += n;
		}
		err = blk_submit_wait(&r, 1);
		off += r.len;
		len -= r.len;
	}
	return err;
}

int blk_zeroout(struct blkdev *b, u64 off, u64 len)
{
	int err = in_pieces(b, BLK_ZEROOUT, off, len);

	return err == -EOPNOTSUPP ? write_zeroes(b, off, len) : err;
}
