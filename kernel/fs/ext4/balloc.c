/* SPDX-License-Identifier: MIT */
/*
 * Allocation of blocks: as near to the goal and in as long a run as can be had. Blocks that a
 * transaction freed are not given away before it is durable, for until then a crash would bring the old
 * owner back.
 *
 * Searching and marking happen without a blocking point in between; what was found before one is
 * looked for again.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/prctl.h"
#include "core/cred.h"
#include "lib/alloc.h"

#define GOOD_RUN 64 /* blocks for which other groups are asked, before less is taken */

/* Of free blocks, those that nobody was promised. */
static u64 available(const struct ext4 *fs)
{
	return fs->free_blocks - MIN(fs->free_blocks, fs->delayed);
}

static bool may_use_reserve(const struct ext4 *fs)
{
	const struct cred *c = current_cred();

	return c->fsuid == fs->opts.resuid || capable(CAP_SYS_RESOURCE) ||
	       (fs->opts.resgid && cred_in_group(c, fs->opts.resgid));
}

u64 ext4_usable(const struct ext4 *fs)
{
	u64 n = available(fs), keep = fs->pool;

	if (!may_use_reserve(fs))
		keep += ext4_lo_hi(fs->es->r_blocks_count_lo, fs->es->r_blocks_count_hi);
	return n - MIN(n, keep);
}

/* The bitmap that counts: with blocks that are not to be used yet. */
const u8 *ext4_effective_bitmap(struct ext4 *fs, u32 group, const struct buffer *bh)
{
	const u8 *pending = fs->groups[group].pending;

	if (!pending)
		return bh->data;
	for (u32 i = 0; i < fs->block_size; i++)
		fs->scratch[i] = bh->data[i] | pending[i];
	return fs->scratch;
}

struct run {
	u32 start, len;
};

/* The run at goal if it is free, else the first of want blocks behind it, else the longest there is. */
static struct run find_run(struct ext4 *fs, u32 group, const u8 *map, u32 goal, u32 want)
{
	u32 end = ext4_group_blocks(fs, group), at = goal < end ? goal : 0;
	struct run best = { 0, 0 };
	bool wrapped = at == 0;

	if (at && !ext4_test_bit(map, at))
		return (struct run){ at,
				     MIN(ext4_find_set(map, at, MIN(end, at + want)), end) - at };
	for (;;) {
		u32 start = ext4_find_zero(map, at, end), stop;

		if (start >= end) {
			if (wrapped)
				break;
			wrapped = true;
			at = 0;
			continue;
		}
		stop = ext4_find_set(map, start, MIN(end, start + want));
		if (stop - start > best.len)
			best = (struct run){ start, stop - start };
		if (best.len >= want)
			return best;
		at = stop;
		if (wrapped && at >= end)
			break;
	}
	fs->groups[group].longest = MAX(best.len, 1u);
	return best;
}

/* What is looked for. */
struct wish {
	u32 want, min;			/* blocks: at most, at least */
	u32 unit;			/* it must begin at a multiple of that; 0: anywhere */
};

/* From goal on. len 0: nowhere. */
static struct run find_aligned(struct ext4 *fs, u32 group, const u8 *map, u32 goal, const struct wish *w)
{
	u32 end = ext4_group_blocks(fs, group), stop;
	u64 base = ext4_group_start(fs, group);
	u32 first = (u32)((base + goal + w->unit - 1) / w->unit * w->unit - base);

	for (u32 at = first; at < end; at += w->unit) {
		stop = ext4_find_set(map, at, MIN(end, at + w->want));
		if (stop >= at + w->min)
			return (struct run){ at, stop - at };
	}
	return (struct run){ 0, 0 };
}

static struct run find(struct ext4 *fs, u32 group, const u8 *map, u32 goal, const struct wish *w)
{
	struct run r;

	if (!w->unit)
		return find_run(fs, group, map, goal, w->want);
	r = find_aligned(fs, group, map, goal, w);
	return r.len || !goal ? r : find_aligned(fs, group, map, 0, w);
}

/* Of an array of disks: a stripe, or the piece of one disk, if the request is as long. 0: none. */
static u32 unit_for(const struct ext4 *fs, u32 want)
{
	const u32 units[] = { fs->opts.stripe, fs->es->raid_stride };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (units[i] > 1 && units[i] <= fs->blocks_per_group && units[i] <= want)
			return units[i];
	return 0;
}

/* Marks the run as used. Both buffers had journal_get_write. nb */
static int mark_used(struct handle *h, struct ext4 *fs, u32 group, struct buffer *bh,
		     const struct run *r)
{
	struct buffer *gdb;
	struct ext4_desc *d = ext4_desc(fs, group, &gdb);
	u32 free = ext4_bg_free_blocks(fs, d);
	int err;

	ext4_set_bits(bh->data, r->start, r->len);
	d->flags &= (u16)~EXT4_BG_BLOCK_UNINIT;
	ext4_bg_set_free_blocks(fs, d, free - MIN(free, r->len));
	ext4_block_bitmap_csum_set(fs, d, bh);
	ext4_desc_csum_set(fs, group, d);
	fs->free_blocks -= MIN(fs->free_blocks, r->len);
	err = journal_dirty(h, bh);
	return err ? err : journal_dirty(h, gdb);
}

/* r->len 0: nothing here. */
static int alloc_in_group(struct handle *h, struct ext4 *fs, u32 group, u32 goal, const struct wish *w,
			  struct run *r)
{
	struct buffer *bh, *gdb;
	int err = ext4_read_block_bitmap(fs, group, &bh);

	r->len = 0;
	if (err)
		return err == -EUCLEAN ? 0 : err;
	*r = find(fs, group, ext4_effective_bitmap(fs, group, bh), goal, w);
	if (r->len < w->min)
		r->len = 0;
	if (!r->len)
		goto out;
	err = journal_get_write(h, bh);
	ext4_desc(fs, group, &gdb);
	if (!err)
		err = journal_get_write(h, gdb);
	if (err)
		goto out;
	/* Others may have taken it meanwhile. */
	*r = find(fs, group, ext4_effective_bitmap(fs, group, bh), goal, w);
	if (r->len)
		err = mark_used(h, fs, group, bh, r);
out:
	buffer_put(bh);
	return err;
}

static bool worth_a_look(const struct ext4 *fs, u32 group, u32 min)
{
	const struct ext4_group *g = &fs->groups[group];
	u32 free = ext4_bg_free_blocks(fs, ext4_desc(fs, group, NULL));

	return !g->block_bad && free > g->npending && free >= min &&
	       (!g->longest || g->longest >= min);
}

static int search_groups(struct handle *h, struct ext4 *fs, u64 goal, struct wish w, u64 *out, u32 *got)
{
	u32 first = (u32)((goal - fs->first_data_block) / fs->blocks_per_group), g = first;
	u32 offset = (u32)((goal - fs->first_data_block) % fs->blocks_per_group);
	struct run r;
	int err;

	for (u32 i = 0; i < fs->ngroups; i++, g = g + 1 < fs->ngroups ? g + 1 : 0) {
		if (!worth_a_look(fs, g, w.min))
			continue;
		err = alloc_in_group(h, fs, g, i ? 0 : offset, &w, &r);
		if (err)
			return err;
		if (!r.len)
			continue;
		*out = ext4_group_start(fs, g) + r.start;
		*got = r.len;
		return 0;
	}
	return -ENOSPC;
}

/* Modest wishes come after those that failed. */
static int search(struct handle *h, struct ext4 *fs, u64 goal, u32 want, u64 *out, u32 *got)
{
	u32 good = MIN(want, GOOD_RUN), unit = unit_for(fs, want);
	const struct wish wishes[] = {
		{ want, want, unit }, { want, MAX(good, unit), unit }, { want, good, 0 }, { want, 1, 0 },
	};
	int err = -ENOSPC;

	for (size_t i = unit ? 0 : 2; i < ARRAY_SIZE(wishes) && err == -ENOSPC; i++)
		err = search_groups(h, fs, goal, wishes[i], out, got);
	return err;
}

/* A cached copy of what the block was before must not overwrite what it becomes. */
static void forget_old(struct ext4 *fs, u64 block, u32 n)
{
	for (; n; n--, block++) {
		struct buffer *bh = buffer_find(fs->bdev, block);

		if (!bh)
			continue;
		if (!bh->held)
			buffer_forget(bh);
		buffer_put(bh);
	}
}

int ext4_new_blocks(struct handle *h, struct ext4 *fs, u64 goal, u32 *len, bool reserved,
		    u64 *out)
{
	u64 have = reserved ? fs->free_blocks : ext4_usable(fs);
	u32 want = (u32)MIN((u64)*len, have), got;
	int err;

	if (!want)
		return -ENOSPC;
	if (goal < fs->first_data_block || goal >= fs->blocks_count)
		goal = fs->first_data_block;
	err = search(h, fs, goal, want, out, &got);
	if (err)
		return err;
	if (!ext4_valid_blocks(fs, *out, got))
		return ext4_error(fs, 0, *out,
				  "Allocating blocks %llu-%llu which overlap fs metadata",
				  (unsigned long long)*out, (unsigned long long)(*out + got));
	*len = got;
	forget_old(fs, *out, got);
	return 0;
}

bool ext4_retry_alloc(struct ext4 *fs, int *tries)
{
	bool pending = false;

	if ((*tries)++ >= 3)
		return false;
	for (u32 g = 0; g < fs->ngroups && !pending; g++)
		pending = fs->groups[g].npending;
	if (!pending || (fs->journal && journal_force(fs->journal)))
		return false;
	ext4_wait_discards(fs);
	return true;
}

/* --- freeing --- */

struct freed {
	struct journal_callback cb;
	struct ext4 *fs;
	u32 group, start, len;
	struct blk_req discard;
};

void ext4_end_pending(struct ext4 *fs, u32 group, u32 start, u32 len)
{
	struct ext4_group *g = &fs->groups[group];

	g->longest = 0;
	if (!g->pending)
		return;
	ext4_clear_bits(g->pending, start, len);
	g->npending -= MIN(g->npending, len);
	if (!g->npending) {
		kfree(g->pending);
		g->pending = NULL;
	}
}

static void give_back(struct freed *f)
{
	ext4_end_pending(f->fs, f->group, f->start, f->len);
	kfree(f);
}

/* Done or refused: it was only a hint. */
static void discarded(struct blk_req *r)
{
	struct freed *f = container_of(r, struct freed, discard);
	struct ext4 *fs = f->fs;

	give_back(f);
	if (!--fs->ndiscards)
		wake_up_all(&fs->discard_wait);
}

/* mount -o discard: nobody waits, but nobody is given these blocks before the device is done with them. */
static void discard(struct freed *f)
{
	struct ext4 *fs = f->fs;

	list_init(&f->discard.node);
	f->discard.bdev = fs->bdev;
	f->discard.op = BLK_DISCARD;
	f->discard.off = (ext4_group_start(fs, f->group) + f->start) * fs->block_size;
	f->discard.len = (u64)f->len * fs->block_size;
	f->discard.done = discarded;
	fs->ndiscards++;
	blk_submit(&f->discard);
}

void ext4_wait_discards(struct ext4 *fs)
{
	wait_event(&fs->discard_wait, !fs->ndiscards, "discard");
}

static void freed_is_durable(struct journal_callback *cb, int error)
{
	struct freed *f = container_of(cb, struct freed, cb);

	if (!error && f->fs->opts.discard && f->fs->bdev->discard)
		discard(f);
	else
		give_back(f);
}

/* Keeps the blocks from being used until the transaction is durable. f was allocated for it. */
static void keep_pending(struct handle *h, struct ext4 *fs, struct freed *f)
{
	struct ext4_group *g = &fs->groups[f->group];

	ext4_set_bits(g->pending, f->start, f->len);
	g->npending += f->len;
	f->cb.fn = freed_is_durable;
	if (handle_journal(h))
		journal_on_commit(h, &f->cb);
	else
		freed_is_durable(&f->cb, 0);
}

/* Buffers of metadata blocks go out of the journal. */
static int forget_metadata(struct handle *h, struct ext4 *fs, u64 block, u32 n)
{
	int err = 0;

	for (; n && !err; n--, block++) {
		struct buffer *bh = buffer_find(fs->bdev, block);

		if (bh)
			err = journal_forget(h, bh);
		else if (handle_journal(h))
			err = journal_revoke(h, block);
	}
	return err;
}

static int free_in_group(struct handle *h, struct ext4 *fs, u32 ino, u32 group, u32 start, u32 n)
{
	struct freed *f = kzalloc(sizeof(*f));
	struct ext4_group *g = &fs->groups[group];
	struct buffer *bh = NULL, *gdb;
	struct ext4_desc *d = ext4_desc(fs, group, &gdb);
	u32 set = 0;
	int err = -ENOMEM;

	if (!f || (!g->pending && !(g->pending = kzalloc(fs->block_size))))
		goto fail;
	err = ext4_read_block_bitmap(fs, group, &bh);
	if (!err)
		err = journal_get_write(h, bh);
	if (!err)
		err = journal_get_write(h, gdb);
	/* While we waited the last pending block may have gone, and the map with it. */
	if (!err && !g->pending && !(g->pending = kzalloc(fs->block_size)))
		err = -ENOMEM;
	if (err)
		goto fail;
	for (u32 i = 0; i < n; i++)
		set += ext4_test_bit(bh->data, start + i);
	if (set != n)
		ext4_error(fs, ino, ext4_group_start(fs, group) + start,
			   "bit already cleared: %u of %u blocks", n - set, n);
	ext4_clear_bits(bh->data, start, n);
	ext4_bg_set_free_blocks(
		fs, d, MIN(ext4_bg_free_blocks(fs, d) + set, ext4_group_blocks(fs, group)));
	ext4_block_bitmap_csum_set(fs, d, bh);
	ext4_desc_csum_set(fs, group, d);
	fs->free_blocks += set;
	*f = (struct freed){ .fs = fs, .group = group, .start = start, .len = n };
	keep_pending(h, fs, f);
	err = journal_dirty(h, bh);
	if (!err)
		err = journal_dirty(h, gdb);
	buffer_put(bh);
	return err;
fail:
	kfree(f);
	buffer_put(bh);
	return err == -EUCLEAN && g->block_bad ? 0 : err; /* lost until e2fsck, as the group is */
}

int ext4_free_blocks(struct handle *h, struct ext4 *fs, u32 ino, u64 block, u64 n, bool metadata)
{
	int err = 0;

	if (!ext4_valid_blocks(fs, block, n))
		return ext4_error(fs, ino, block, "Freeing blocks not in datazone - count %llu",
				  (unsigned long long)n);
	while (n && !err) {
		u32 group = (u32)((block - fs->first_data_block) / fs->blocks_per_group);
		u32 start = (u32)((block - fs->first_data_block) % fs->blocks_per_group);
		u32 part = (u32)MIN(n, (u64)(fs->blocks_per_group - start));

		if (metadata || fs->opts.data == EXT4_DATA_JOURNAL)
			err = forget_metadata(h, fs, block, part);
		if (!err)
			err = free_in_group(h, fs, ino, group, start, part);
		block += part;
		n -= part;
	}
	return err;
}
