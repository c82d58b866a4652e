/* SPDX-License-Identifier: MIT */
/*
 * Replay, in three passes over the log: scan (which transactions are whole?), revoke (which
 * blocks must not be replayed, and up to which transaction?), replay (copies go to their places,
 * through the cache).
 *
 * The log ends where the next block does not continue it. A log may be hostile: every number is
 * checked, and no pass looks at more blocks than the log has. What checksums mean is Linux's
 * reading:
 * - A bad commit block: that transaction and what follows did not happen (a crash in the middle of
 *   a write).
 * - A bad descriptor or revoke block of a transaction with a commit block newer than the one
 *   before: the journal is damaged, and so would be the file system. If its commit is older, it is
 *   an old block: the log ends.
 * - A bad copy: all others are replayed, then it is an error.
 */
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "fs/ext4/journal_priv.h"
#include "lib/alloc.h"
#include "lib/endian.h"

#define WINDOW (256u * 1024)		/* bytes read at a time */

enum pass { SCAN, REVOKE, REPLAY };

struct recovery {
	struct journal *j;
	enum pass pass;
	/* the transaction and block looked at, blocks seen in this pass */
	u32 tid, at, seen;
	u32 end;			/* found by the scan: transactions before it are whole */
	bool suspect;			/* a bad block in the transaction being scanned */
	u64 last_time;			/* of the last whole transaction */
	u32 crc;			/* v1 checksum of the transaction so far */
	bool bad_copy;
	u32 replayed, revoked;
	struct revoke_set revokes;
	u8 *window;			/* blocks [window_at, window_at + window_n) of the log */
	u32 window_at, window_n, window_max;
};

/* Reads as many blocks from n on as lie together and fit; one if that fails. */
static int fill_window(struct recovery *r, u32 n)
{
	struct journal *j = r->j;
	u64 size = j->place.block_size, start, byte;
	u32 run = 1;
	int err = log_map(j, n, &start);

	r->window_n = 0;
	if (err)
		return err;
	while (run < r->window_max && n + run < j->last && !log_map(j, n + run, &byte) &&
	       byte == start + run * size)
		run++;
	err = blk_read(j->place.bdev, start, r->window, run * size);
	if (err && run > 1) {
		run = 1;
		err = blk_read(j->place.bdev, start, r->window, size);
	}
	if (err)
		return err;
	r->window_at = n;
	r->window_n = run;
	return 0;
}

/* Block n of the log: valid until the next call. NULL: cannot be read. */
static u8 *log_block(struct recovery *r, u32 n)
{
	if (n - r->window_at >= r->window_n && fill_window(r, n)) {
		pr_err("JBD2: %s: error reading block %u of the log", r->j->name, n);
		return NULL;
	}
	return r->window + (size_t)(n - r->window_at) * r->j->place.block_size;
}

static void advance(struct recovery *r, u32 n)
{
	r->at = log_advance(r->j, r->at, n);
	r->seen += n;
}

static u32 count_tags(const struct jbd_layout *l, const u8 *desc)
{
	u32 pos = sizeof(struct jbd_header), n = 0;
	struct jbd_tag t;

	while (jbd_tag_read(l, desc, &pos, &t))
		n++;
	return n;
}

static bool too_long(const struct recovery *r, u32 n)
{
	return n > log_size(r->j) - r->seen;
}

/*
 * A checksum of the transaction's own blocks is wrong. 0 in the scan, where the commit block will
 * tell.
 */
static int bad_block(struct recovery *r)
{
	if (r->pass == SCAN) {
		r->suspect = true;
		return 0;
	}
	pr_err("JBD2: %s: invalid checksum recovering transaction %u, block %u of the log",
	       r->j->name, r->tid, r->at);
	return -EUCLEAN;
}

/* Adds a descriptor and its blocks to the sum that only a v1 commit block has. */
static int sum_blocks(struct recovery *r, u32 n)
{
	struct journal *j = r->j;
	u32 at = r->at;
	u8 *p;

	if (r->pass != SCAN || !(j->layout.compat & JBD_COMPAT_CHECKSUM))
		return 0;
	for (u32 i = 0; i <= n; i++) {
		p = log_block(r, at);
		if (!p)
			return -EIO;
		r->crc = jbd_crc32(r->crc, p, j->place.block_size);
		at = log_advance(j, at, 1);
	}
	return 0;
}

static bool is_revoked(const struct recovery *r, u64 block)
{
	const struct revoke *v = revoke_find(&r->revokes, block);

	return v && !tid_before(v->tid, r->tid);
}

static int replay_copy(struct recovery *r, const struct jbd_tag *t, const u8 *copy)
{
	struct blkdev *b = r->j->place.fs_bdev;
	u32 size = r->j->place.block_size, magic = be32(JBD_MAGIC);
	struct buffer *bh;
	int err;

	if (t->block >= b->size / size) {
		pr_err("JBD2: %s: block %llu in the log is beyond the device", r->j->name,
		       (unsigned long long)t->block);
		return -EUCLEAN;
	}
	err = buffer_get(b, t->block, &bh);
	if (err)
		return err;
	memcpy(bh->data, copy, size);
	if (t->flags & TAG_ESCAPED)
		memcpy(bh->data, &magic, sizeof(magic));
	bh->verified = false;
	buffer_mark_dirty(bh);
	buffer_put(bh);
	r->replayed++;
	return 0;
}

/* Block at of the log, which t describes. */
static int replay_tag(struct recovery *r, const struct jbd_tag *t, u32 at)
{
	const u8 *copy;

	if (is_revoked(r, t->block)) {
		r->revoked++;
		return 0;
	}
	copy = log_block(r, at);
	if (!copy)
		return -EIO;
	if (!jbd_data_csum_ok(&r->j->layout, r->tid, copy, t)) {
		pr_err("JBD2: %s: invalid checksum recovering data block %llu in log block %u",
		       r->j->name, (unsigned long long)t->block, at);
		r->bad_copy = true;
		return 0;
	}
	return replay_copy(r, t, copy);
}

/* desc is a copy of its own: the window moves on. */
static int replay_tags(struct recovery *r, const u8 *desc)
{
	u32 pos = sizeof(struct jbd_header), at = r->at;
	struct jbd_tag t;
	int err = 0;

	while (!err && jbd_tag_read(&r->j->layout, desc, &pos, &t)) {
		at = log_advance(r->j, at, 1);
		err = replay_tag(r, &t, at);
	}
	return err;
}

static int see_descriptor(struct recovery *r, u8 *block)
{
	struct journal *j = r->j;
	u32 n = count_tags(&j->layout, block);
	int err;

	if (!jbd_tail_csum_ok(&j->layout, block)) {
		err = bad_block(r);
		if (err)
			return err;
	}
	if (too_long(r, n + 1))
		return 1;
	err = sum_blocks(r, n);
	if (!err && r->pass == REPLAY) {
		memcpy(j->small, block, j->place.block_size);
		err = replay_tags(r, j->small);
	}
	if (!err)
		advance(r, n + 1);
	return err;
}

static int read_revokes(struct recovery *r, const u8 *block)
{
	const struct jbd_layout *l = &r->j->layout;
	u32 step = jbd_revoke_size(l), count = be32(((const struct jbd_revoke *)block)->count);
	u64 nr;
	int err = 0;

	if (count > l->block_size - jbd_tail(l))
		return -EUCLEAN;
	for (u32 pos = sizeof(struct jbd_revoke); !err && pos + step <= count; pos += step) {
		nr = step == 8 ? get_be64(block + pos) : get_be32(block + pos);
		err = revoke_add(&r->revokes, nr, r->tid);
	}
	return err;
}

static int see_revoke(struct recovery *r, u8 *block)
{
	int err = 0;

	if (!jbd_tail_csum_ok(&r->j->layout, block))
		err = bad_block(r);
	else if (r->pass == REVOKE)
		err = read_revokes(r, block);
	if (!err)
		advance(r, 1);
	return err;
}

/* Does the v1 sum of a commit block, if it has one, fit? Early kernels wrote none. */
static bool v1_sum_ok(const struct recovery *r, const struct jbd_commit *c)
{
	if (!(r->j->layout.compat & JBD_COMPAT_CHECKSUM))
		return true;
	if (!c->chksum_type && !c->chksum_size && !c->chksum[0])
		return true;
	return c->chksum_type == JBD_CRC32 && c->chksum_size == 4 && c->chksum[0] == be32(r->crc);
}

/* 0: the transaction counts. 1: the log ends before it. */
static int judge_commit(struct recovery *r, u8 *block)
{
	const struct jbd_commit *c = (const struct jbd_commit *)block;
	u64 sec = be64(c->sec);
	bool old = sec < r->last_time;

	if (r->suspect) {
		if (old)
			return 1;
		pr_err("JBD2: %s: invalid checksum found in transaction %u", r->j->name, r->tid);
		return -EUCLEAN;
	}
	if (!jbd_commit_csum_ok(&r->j->layout, block) || !v1_sum_ok(r, c)) {
		if (!old)
			pr_warn("JBD2: %s: invalid checksum, the log ends before transaction %u",
				r->j->name, r->tid);
		return 1;
	}
	r->last_time = sec;
	return 0;
}

static int see_commit(struct recovery *r, u8 *block)
{
	int err = r->pass == SCAN ? judge_commit(r, block) : 0;

	if (err)
		return err;
	advance(r, 1);
	r->tid++;
	r->crc = ~0u;
	return 0;
}

/* Kinds of blocks by their number; 1 from a function: the log ends here. */
static int (*const see[])(struct recovery *r, u8 *block) = {
	[JBD_DESCRIPTOR] = see_descriptor,
	[JBD_COMMIT] = see_commit,
	[JBD_REVOKE] = see_revoke,
};

/* One block and what belongs to it. 1: the log ends here. */
static int step(struct recovery *r)
{
	const struct jbd_header *h;
	u32 type;
	u8 *block;

	if (r->pass != SCAN && r->tid == r->end)
		return 1;
	if (too_long(r, 1))
		return 1;
	block = log_block(r, r->at);
	if (!block)
		return -EIO;
	h = (const struct jbd_header *)block;
	type = be32(h->type);
	if (type >= ARRAY_SIZE(see) || !see[type] || !jbd_header_ok(block, type, r->tid))
		return 1;
	return see[type](r, block);
}

static int run_pass(struct recovery *r, enum pass pass)
{
	int err;

	r->pass = pass;
	r->at = be32(r->j->sb->start);
	r->tid = be32(r->j->sb->sequence);
	r->seen = 0;
	do
		err = step(r);
	while (!err);
	if (err < 0)
		return err;
	if (pass == SCAN)
		r->end = r->tid;
	return r->tid == r->end ? 0 : -EUCLEAN;
}

/*
 * Linux's fast commits: deltas in an area of their own, to be applied after the last transaction.
 */
/* u16 tag, u16 length, u32 features, u32 transaction; little-endian */
#define FC_TAG_HEAD 9

/*
 * Replaying without them would lose what programs were told is safe: refused before anything is
 * changed.
 */
static int refuse_fast_commits(struct recovery *r)
{
	struct journal *j = r->j;
	const u8 *head;

	if (!(j->layout.incompat & JBD_FAST_COMMIT))
		return 0;
	head = log_block(r, j->last);	/* the area begins behind the log */
	if (!head)
		return -EIO;
	if (get_le16(head) != FC_TAG_HEAD || get_le32(head + 8) != r->end)
		return 0;
	pr_err("JBD2: %s: the journal has fast commits (fast_commit), which is not supported",
	       j->name);
	return -EOPNOTSUPP;
}

static int replay(struct recovery *r)
{
	int err = run_pass(r, SCAN);

	if (!err)
		err = refuse_fast_commits(r);
	if (!err)
		err = run_pass(r, REVOKE);
	if (!err)
		err = run_pass(r, REPLAY);
	/* Also after an error: what was replayed is right. */
	if (r->pass == REPLAY && buffers_sync(r->j->place.fs_bdev) && !err)
		err = -EIO;
	return !err && r->bad_copy ? -EUCLEAN : err;
}

int journal_recover(struct journal *j)
{
	struct recovery r = { .j = j, .crc = ~0u };
	int err;

	r.window_max = MAX(WINDOW / j->place.block_size, 1u);
	r.window = kmalloc((size_t)r.window_max * j->place.block_size);
	if (!r.window)
		return -ENOMEM;
	err = replay(&r);
	if (!err) {
		pr_info("JBD2: %s: recovered transactions %u to %u: %u blocks, %u revoked", j->name,
			be32(j->sb->sequence), r.end - 1, r.replayed, r.revoked);
		/* The one after may be half in the log: its number is not used again. */
		j->next_tid = (1ULL << 32) + (u32)(r.end + 1);
	}
	revoke_free(&r.revokes);
	kfree(r.window);
	return err;
}
