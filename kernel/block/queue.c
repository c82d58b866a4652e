/* SPDX-License-Identifier: MIT */
/*
 * The queue of a disk: requests on their way to the driver.
 *
 * A request is first held back in the plug of its task, if there is one; then the driver gets it, or it
 * waits until the driver has finished some of what it has. In both places it is merged with requests that it
 * continues: they become one chain (blk_req.next), which the driver carries out as one.
 *
 * One flush is under way at a time; all that arrive meanwhile are answered by one more.
 */
#include "block/blkdev.h"

#include <string.h>

#include "abi/errno.h"
#include "block/priv.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "lib/alloc.h"
#include "lib/sort.h"

#define DEPTH 16			/* chains that the driver has at a time: twice the helper threads */
#define CHAIN_BYTES (1u << 20)
#define CHAIN_VECS 256u
#define PLUG_MAX 128			/* requests held back */
#define MERGE_LOOK 16			/* waiting chains that are looked at, the youngest first */

struct blk_queue {
	struct list_head waiting;	/* chains, by their first request */
	unsigned int running;		/* chains at the driver, without the flush */
	struct list_head flushes;	/* requests that wait for the next flush */
	struct list_head answered;	/* those that the one under way will answer */
	struct blk_req flush;		/* it */
	bool flushing;
};

struct blk_plug {
	unsigned int depth, n;
	struct list_head held;
};

int blk_queue_init(struct blkdev *b)
{
	struct blk_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return -ENOMEM;
	list_init(&q->waiting);
	list_init(&q->flushes);
	list_init(&q->answered);
	b->queue = q;
	return 0;
}

void blk_queue_free(struct blkdev *b)
{
	kfree(b->queue);
}

/* --- statistics --- */

static enum blk_stat stat_of(const struct blk_req *r)
{
	static const enum blk_stat of[] = {
		[BLK_READ] = BLK_STAT_READ, [BLK_WRITE] = BLK_STAT_WRITE, [BLK_FLUSH] = BLK_STAT_FLUSH,
		[BLK_DISCARD] = BLK_STAT_DISCARD, [BLK_ZEROOUT] = BLK_STAT_WRITE,
	};

	return of[r->op];
}

static void count_busy(struct blkdev *b, ktime_t now)
{
	if (b->inflight) {
		b->busy_ns += (u64)(now - b->busy_since);
		b->weighted_ns += (u64)(now - b->busy_since) * b->inflight;
	}
	b->busy_since = now;
}

static void count_start(struct blkdev *b, struct blk_req *r)
{
	count_busy(b, r->start);
	b->inflight++;
}

static void count_end(struct blkdev *b, struct blk_req *r, ktime_t now)
{
	struct blk_counts *c = &b->stat[stat_of(r)];

	count_busy(b, now);
	b->inflight--;
	c->ios++;
	c->sectors += r->len / SECTOR_SIZE;
	c->ns += (u64)(now - r->start);
}

static void count_merge(struct blk_req *r)
{
	r->bdev->stat[stat_of(r)].merges++;
	if (r->bdev->whole != r->bdev)
		r->bdev->whole->stat[stat_of(r)].merges++;
}

void blk_get_stat(struct blkdev *b, u64 v[BLK_STAT_FIELDS])
{
	static const u64 ms = NSEC_PER_MSEC;
	const struct blk_counts *c = b->stat;
	int n = 0;

	count_busy(b, ktime_get());
	for (int i = BLK_STAT_READ; i <= BLK_STAT_DISCARD; i++) {
		if (i == BLK_STAT_DISCARD) {
			v[n++] = b->inflight;
			v[n++] = b->busy_ns / ms;
			v[n++] = b->weighted_ns / ms;
		}
		v[n++] = c[i].ios;
		v[n++] = c[i].merges;
		v[n++] = c[i].sectors;
		v[n++] = c[i].ns / ms;
	}
	v[n++] = c[BLK_STAT_FLUSH].ios;
	v[n++] = c[BLK_STAT_FLUSH].ns / ms;
}

/* --- the end of a request --- */

static void finish(struct blk_req *r, int error)
{
	ktime_t now = ktime_get();

	count_end(r->bdev, r, now);
	if (r->bdev->whole != r->bdev)
		count_end(r->bdev->whole, r, now);
	r->error = error;
	r->done(r);
}

/* --- merging --- */

static void chain_init(struct blk_req *r)
{
	r->next = NULL;
	r->last = r;
	r->chain_len = r->len;
	r->chain_nvec = r->nvec;
}

static bool mergeable(const struct blk_req *a, const struct blk_req *b)
{
	return a->bdev->whole == b->bdev->whole && a->op == b->op && a->op != BLK_FLUSH && a->fua == b->fua &&
	       a->pos + a->chain_len == b->pos && a->chain_len + b->chain_len <= CHAIN_BYTES &&
	       a->chain_nvec + b->chain_nvec <= CHAIN_VECS;
}

/* b, which goes on where a ends, becomes part of a's chain. */
static void join(struct blk_req *a, struct blk_req *b)
{
	a->last->next = b;
	a->last = b->last;
	a->chain_len += b->chain_len;
	a->chain_nvec += b->chain_nvec;
	count_merge(b);
}

unsigned int blk_chain_vecs(const struct blk_req *r, struct blk_vec *out, unsigned int max)
{
	unsigned int n = 0;

	for (; r; r = r->next)
		for (unsigned int i = 0; i < r->nvec && n < max; i++)
			out[n++] = r->vec[i];
	return n;
}

/* With a chain that waits already: true when r is part of it now. */
static bool merge_waiting(struct blk_queue *q, struct blk_req *r)
{
	struct list_head *at;
	unsigned int looked = 0;

	for (at = q->waiting.prev; at != &q->waiting && looked++ < MERGE_LOOK; at = at->prev) {
		struct blk_req *w = list_entry(at, struct blk_req, node);

		if (mergeable(w, r)) {
			join(w, r);
			return true;
		}
		if (mergeable(r, w)) {
			list_add(&r->node, &w->node);
			list_del_init(&w->node);
			join(r, w);
			return true;
		}
	}
	return false;
}

/* --- to the driver --- */

static void start_flush(struct blkdev *disk)
{
	struct blk_queue *q = disk->queue;

	while (!list_empty(&q->flushes)) {
		struct list_head *n = q->flushes.next;

		list_del_init(n);
		list_add_tail(n, &q->answered);
	}
	q->flushing = true;
	q->flush = (struct blk_req){ .bdev = disk, .op = BLK_FLUSH };
	list_init(&q->flush.node);
	chain_init(&q->flush);
	disk->ops->submit(disk, &q->flush);
}

static void flush_later(struct blkdev *disk, struct blk_req *r)
{
	list_add_tail(&r->node, &disk->queue->flushes);
	if (!disk->queue->flushing)
		start_flush(disk);
}

static void flush_done(struct blkdev *disk, int error)
{
	struct blk_queue *q = disk->queue;
	struct blk_req *r;

	blkdev_ref(disk);		/* the last answer may be the last user's */
	while (!list_empty(&q->answered)) {
		r = list_first(&q->answered, struct blk_req, node);
		list_del_init(&r->node);
		finish(r, error);
	}
	q->flushing = false;
	if (!list_empty(&q->flushes))
		start_flush(disk);
	blkdev_put(disk);
}

static void start_waiting(struct blkdev *disk)
{
	struct blk_queue *q = disk->queue;
	struct blk_req *r;

	while (q->running < DEPTH && !list_empty(&q->waiting)) {
		r = list_first(&q->waiting, struct blk_req, node);
		list_del_init(&r->node);
		q->running++;
		disk->ops->submit(disk, r);
	}
}

static void dispatch(struct blk_req *r)
{
	struct blkdev *disk = r->bdev->whole;
	struct blk_queue *q = disk->queue;

	if (r->op == BLK_FLUSH) {
		flush_later(disk, r);
	} else if (q->running < DEPTH) {
		q->running++;
		disk->ops->submit(disk, r);
	} else if (!merge_waiting(q, r)) {
		list_add_tail(&r->node, &q->waiting);
	}
}

void blk_done(struct blk_req *r, int error)
{
	struct blkdev *disk = r->bdev->whole;
	struct blk_req *next;

	if (r == &disk->queue->flush) {
		flush_done(disk, error);
		return;
	}
	blkdev_ref(disk);
	disk->queue->running--;
	for (; r; r = next) {
		next = r->next;
		if (r->fua && r->op == BLK_WRITE && !error)
			flush_later(disk, r);
		else
			finish(r, error);
	}
	start_waiting(disk);
	blkdev_put(disk);
}

/* --- plugs --- */

/* In order of place, so that what can be merged stands side by side. */
static int by_place(const void *pa, const void *pb)
{
	const struct blk_req *a = *(struct blk_req *const *)pa, *b = *(struct blk_req *const *)pb;

	if (a->bdev->whole != b->bdev->whole)
		return a->bdev->whole < b->bdev->whole ? -1 : 1;
	if (a->op != b->op)
		return a->op < b->op ? -1 : 1;
	return a->pos < b->pos ? -1 : a->pos > b->pos;
}

static unsigned int sorted(struct blk_plug *p, struct blk_req **v)
{
	unsigned int n = 0;

	while (!list_empty(&p->held)) {
		v[n] = list_first(&p->held, struct blk_req, node);
		list_del_init(&v[n]->node);
		n++;
	}
	p->n = 0;
	qsort(v, n, sizeof(v[0]), by_place);
	return n;
}

static void send_held(struct blk_plug *p)
{
	struct blk_req *v[PLUG_MAX], *first;
	unsigned int n = sorted(p, v), i = 0;

	while (i < n) {
		first = v[i++];
		while (i < n && mergeable(first, v[i]))
			join(first, v[i++]);
		dispatch(first);
	}
}

/* No memory for one: requests are not held back, that is all. */
void blk_plug(void)
{
	struct task *t = current;

	if (!t)
		return;
	if (!t->blk_plug) {
		t->blk_plug = kzalloc(sizeof(*t->blk_plug));
		if (!t->blk_plug)
			return;
		list_init(&t->blk_plug->held);
	}
	t->blk_plug->depth++;
}

void blk_unplug(void)
{
	struct task *t = current;
	struct blk_plug *p = t ? t->blk_plug : NULL;

	if (!p)
		return;
	if (!--p->depth)
		t->blk_plug = NULL;	/* completions may plug anew */
	send_held(p);
	if (!p->depth)
		kfree(p);
}

static bool hold_back(struct blk_req *r)
{
	struct task *t = current;
	struct blk_plug *p = t ? t->blk_plug : NULL;

	if (!p || r->op == BLK_FLUSH)
		return false;
	list_add_tail(&r->node, &p->held);
	if (++p->n == PLUG_MAX)
		send_held(p);
	return true;
}

/* --- from users --- */

static int check(const struct blk_req *r)
{
	const struct blkdev *b = r->bdev, *disk = b->whole;
	u64 mask = disk->logical_size - 1;

	if (b->dead || disk->dead)
		return -EIO;
	if ((r->off | r->len) & mask)
		return -EINVAL;
	if (r->off > b->size || r->len > b->size - r->off)
		return -EIO;
	if ((b->readonly || disk->readonly) && r->op != BLK_READ && r->op != BLK_FLUSH)
		return -EROFS;
	if ((r->op == BLK_DISCARD && !disk->discard) || (r->op == BLK_ZEROOUT && !disk->write_zeroes))
		return -EOPNOTSUPP;
	return 0;
}

void blk_submit(struct blk_req *r)
{
	int err = check(r);

	r->error = err;
	if (err || (!r->len && r->op != BLK_FLUSH)) {
		r->done(r);
		return;
	}
	list_init(&r->node);
	chain_init(r);
	r->pos = r->bdev->start + r->off;
	r->start = ktime_get();
	count_start(r->bdev, r);
	if (r->bdev->whole != r->bdev)
		count_start(r->bdev->whole, r);
	if (!hold_back(r))
		dispatch(r);
}
