/* SPDX-License-Identifier: MIT */
/*
 * Requests of ubd disks, carried out by helper threads. What the host has in memory is read on the spot.
 */
#include "block/ubd_priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/offload.h"
#include "host/disk.h"
#include "host/host.h"
#include "lib/alloc.h"

#define CACHED_READ_MAX (64u << 10)	/* copied under the kernel lock: some microseconds */
#define FEW_VECS 8u

struct job {
	struct offload off;
	struct blkdev *disk;
	struct blk_req *req;
	int fd, error;
	unsigned int nvec;
	struct host_vec *vec, few[FEW_VECS];
};

static void fill_vecs(struct host_vec *v, const struct blk_req *r)
{
	for (; r; r = r->next)
		for (unsigned int i = 0; i < r->nvec; i++)
			*v++ = (struct host_vec){ r->vec[i].base, r->vec[i].len };
}

static int job_punch(struct job *j)
{
	return host_fallocate(j->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, j->req->pos,
			      j->req->chain_len);
}

/* A hole reads as zeroes; a file system that has none may have ranges that do. */
static int job_zero(struct job *j)
{
	int err = job_punch(j);

	if (err != -EOPNOTSUPP)
		return err;
	return host_fallocate(j->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, j->req->pos,
			      j->req->chain_len);
}

static int job_read(struct job *j)
{
	return host_disk_read(j->fd, j->vec, j->nvec, j->req->pos);
}

static int job_write(struct job *j)
{
	return host_disk_write(j->fd, j->vec, j->nvec, j->req->pos);
}

static int job_flush(struct job *j)
{
	return host_fsync(j->fd, true);
}

static void job_run(struct offload *o)
{
	static int (*const run[])(struct job *j) = {
		[BLK_READ] = job_read, [BLK_WRITE] = job_write, [BLK_FLUSH] = job_flush,
		[BLK_DISCARD] = job_punch, [BLK_ZEROOUT] = job_zero,
	};
	struct job *j = container_of(o, struct job, off);

	j->error = run[j->req->op](j);
}

static void job_free(struct job *j)
{
	if (j->vec != j->few)
		kfree(j->vec);
	kfree(j);
}

static void job_done(struct offload *o)
{
	struct job *j = container_of(o, struct job, off);
	struct blk_req *r = j->req;
	int error = j->error;

	if (error == -EOPNOTSUPP && r->op == BLK_DISCARD)
		j->disk->discard = false;
	if (error == -EOPNOTSUPP && r->op == BLK_ZEROOUT)
		j->disk->write_zeroes = false;
	job_free(j);
	blk_done(r, error);
}

static bool read_cached(const struct ubd *u, const struct blk_req *r)
{
	struct host_vec v[FEW_VECS];

	if (r->op != BLK_READ || r->chain_len > CACHED_READ_MAX || r->chain_nvec > FEW_VECS)
		return false;
	fill_vecs(v, r);
	return !host_disk_read_cached(u->fd, v, r->chain_nvec, r->pos, r->chain_len);
}

void ubd_submit(struct blkdev *b, struct blk_req *r)
{
	struct ubd *u = b->private;
	struct job *j;

	if (read_cached(u, r)) {
		blk_done(r, 0);
		return;
	}
	j = kzalloc(sizeof(*j));
	if (j)
		j->vec = r->chain_nvec <= FEW_VECS ? j->few : kmalloc(r->chain_nvec * sizeof(*j->vec));
	if (!j || !j->vec) {
		kfree(j);
		blk_done(r, -ENOMEM);
		return;
	}
	j->disk = b;
	j->req = r;
	j->fd = u->fd;
	j->nvec = r->chain_nvec;
	fill_vecs(j->vec, r);
	j->off.run = job_run;
	j->off.done = job_done;
	offload_submit(&j->off);
}
