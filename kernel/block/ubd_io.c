/* SPDX-License-Identifier: MIT */
/*
 * Requests of ubd disks, carried out by other threads. What the host has in memory is read on the spot.
 *
 * A request is a list of segments, each in one place of one host file: one, unless a read of a copy-on-write disk
 * takes sectors from both files.
 */
#include "block/ubd_priv.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "block/ubd_cow.h"
#include "core/offload.h"
#include "host/disk.h"
#include "host/host.h"
#include "lib/alloc.h"

#define CACHED_READ_MAX (64u << 10)	/* copied under the kernel lock: some microseconds */
#define FEW_VECS 8u

struct segment {
	int fd;
	u64 off, len;
	unsigned int nvec;
};

struct job {
	struct offload off;
	struct ubd *ubd;
	struct blk_req *req;
	int error;
	bool bitmap;			/* a round of a flush that writes some */
	unsigned int nseg, nvec;
	struct segment *seg, one;
	struct host_vec *vec, few[FEW_VECS];
};

/* --- in other threads --- */

static int punch(int fd, u64 off, u64 len)
{
	return host_fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);
}

static int job_punch(struct job *j)
{
	return punch(j->seg->fd, j->seg->off, j->seg->len);
}

/* A hole reads as zeroes; a file system that has none may have ranges that do. */
static int job_zero(struct job *j)
{
	int err = job_punch(j);

	if (err != -EOPNOTSUPP)
		return err;
	return host_fallocate(j->seg->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, j->seg->off, j->seg->len);
}

static int job_read(struct job *j)
{
	struct host_vec *v = j->vec;
	int err = 0;

	for (unsigned int i = 0; i < j->nseg && !err; i++) {
		err = host_disk_read(j->seg[i].fd, v, j->seg[i].nvec, j->seg[i].off);
		v += j->seg[i].nvec;
	}
	return err;
}

static int job_write(struct job *j)
{
	return host_disk_write(j->seg->fd, j->vec, j->nvec, j->seg->off);
}

static int job_flush(struct job *j)
{
	return j->bitmap ? ubd_cow_write(j->ubd->cow) : host_fsync(j->ubd->fd, true);
}

/* A disk knows few errors: what else the host says about its file (EFBIG, EBADF, ...) is one of the disk. */
static int disk_error(int err)
{
	switch (err) {
	case 0: case -ENOSPC: case -ENOMEM: case -EOPNOTSUPP:
		return err;
	case -EDQUOT:
		return -ENOSPC;
	default:
		return -EIO;
	}
}

static void job_run(struct offload *o)
{
	static int (*const run[])(struct job *j) = {
		[BLK_READ] = job_read, [BLK_WRITE] = job_write, [BLK_FLUSH] = job_flush,
		[BLK_DISCARD] = job_punch, [BLK_ZEROOUT] = job_zero,
	};
	struct job *j = container_of(o, struct job, off);

	j->error = disk_error(run[j->req->op](j));
}

/* --- segments --- */

static struct segment segment_at(const struct ubd *u, u64 pos, u64 len, bool own)
{
	struct segment s = { .fd = u->fd, .off = pos, .len = len };

	if (u->cow && own)
		s.off += u->cow->data_off;
	else if (u->cow)
		s.fd = u->cow->backing_fd;
	return s;
}

/* How many; the first into *first. Only reads of copy-on-write disks have several. */
static unsigned int count_segments(const struct ubd *u, const struct blk_req *r, struct segment *first)
{
	u64 pos = r->pos, end = r->pos + r->chain_len, n = r->chain_len;
	unsigned int count = 1;
	bool own = true;

	if (r->op == BLK_READ && u->cow)
		n = ubd_cow_run(u->cow, pos, n, &own);
	*first = segment_at(u, pos, n, own);
	for (pos += n; pos < end; pos += n, count++)
		n = ubd_cow_run(u->cow, pos, end - pos, &own);
	return count;
}

static void fill_segments(const struct ubd *u, const struct blk_req *r, struct segment *seg, unsigned int n)
{
	u64 pos = r->pos, end = r->pos + r->chain_len;
	bool own;

	for (unsigned int i = 0; i < n; i++) {
		u64 len = ubd_cow_run(u->cow, pos, end - pos, &own);

		seg[i] = segment_at(u, pos, len, own);
		pos += len;
	}
}

/* Vectors, cut where a segment ends. */
static void fill_vecs(struct host_vec *v, struct segment *seg, const struct blk_req *r)
{
	u64 left = seg->len;

	for (; r; r = r->next) {
		for (unsigned int i = 0; i < r->nvec; i++) {
			struct blk_vec rest = r->vec[i];

			while (rest.len) {
				size_t n = (size_t)MIN(rest.len, left);

				*v++ = (struct host_vec){ rest.base, n };
				seg->nvec++;
				rest.base = (char *)rest.base + n;
				rest.len -= n;
				left -= n;
				if (!left && (rest.len || i + 1 < r->nvec || r->next))
					left = (++seg)->len;
			}
		}
	}
}

/* --- jobs --- */

static void job_free(struct job *j)
{
	if (j->vec != j->few)
		kfree(j->vec);
	if (j->seg != &j->one)
		kfree(j->seg);
	kfree(j);
}

static void job_done(struct offload *o);

static struct job *job_new(struct ubd *u, struct blk_req *r, const struct segment *first, unsigned int nseg)
{
	struct job *j = kzalloc(sizeof(*j));
	bool data = r->op == BLK_READ || r->op == BLK_WRITE;

	if (!j)
		return NULL;
	j->off.run = job_run;
	j->off.done = job_done;
	j->ubd = u;
	j->req = r;
	j->one = *first;
	j->nseg = nseg;
	j->nvec = r->chain_nvec + nseg - 1;
	j->seg = nseg == 1 ? &j->one : kzalloc(nseg * sizeof(*j->seg));
	j->vec = j->nvec <= FEW_VECS ? j->few : kmalloc(j->nvec * sizeof(*j->vec));
	if (!j->seg || !j->vec) {
		job_free(j);
		return NULL;
	}
	if (nseg > 1)
		fill_segments(u, r, j->seg, nseg);
	if (data)
		fill_vecs(j->vec, j->seg, r);
	return j;
}

/* The next round of a flush: true when there is one. */
static bool flush_goes_on(struct job *j)
{
	struct ubd_cow *c = j->ubd->cow;

	if (!j->bitmap)
		return false;
	if (j->error)
		return false;
	j->bitmap = ubd_cow_prepare(c);
	offload_submit(&j->off);	/* the last round makes the bitmap itself durable */
	return true;
}

static void job_done(struct offload *o)
{
	struct job *j = container_of(o, struct job, off);
	struct ubd *u = j->ubd;
	struct blk_req *r = j->req;
	int error = j->error;

	if (r->op == BLK_FLUSH && flush_goes_on(j))
		return;
	if (error == -EOPNOTSUPP && r->op == BLK_DISCARD)
		u->bdev->discard = false;
	if (error == -EOPNOTSUPP && r->op == BLK_ZEROOUT)
		u->bdev->write_zeroes = false;
	if (error && u->cow && r->op == BLK_FLUSH)
		ubd_cow_distrust(u->cow);
	if (!error && u->cow && r->op != BLK_READ && r->op != BLK_FLUSH)
		ubd_cow_mark(u->cow, r->pos, r->chain_len);
	job_free(j);
	blk_done(r, error);
}

static bool read_cached(const struct segment *s, const struct blk_req *r)
{
	struct host_vec v[FEW_VECS];
	struct segment copy = *s;

	if (r->op != BLK_READ || r->chain_len > CACHED_READ_MAX || r->chain_nvec > FEW_VECS)
		return false;
	fill_vecs(v, &copy, r);
	return !host_disk_read_cached(s->fd, v, r->chain_nvec, s->off, r->chain_len);
}

void ubd_submit(struct blkdev *b, struct blk_req *r)
{
	struct ubd *u = b->private;
	struct segment first = { .fd = u->fd };
	unsigned int nseg = r->op == BLK_FLUSH ? 1 : count_segments(u, r, &first);
	struct job *j;

	if (nseg == 1 && read_cached(&first, r)) {
		blk_done(r, 0);
		return;
	}
	j = job_new(u, r, &first, nseg);
	if (!j) {
		blk_done(r, -ENOMEM);
		return;
	}
	if (r->op == BLK_FLUSH && u->cow && u->cow->ndirty) {
		ubd_cow_begin(u->cow);
		j->bitmap = ubd_cow_prepare(u->cow);
	}
	offload_submit(&j->off);
}
