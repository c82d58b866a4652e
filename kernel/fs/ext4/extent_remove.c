/* SPDX-License-Identifier: MIT */
/*
 * Extent trees: taking entries out, from the end to the front, one extent a step; and moving them.
 * Between steps the handle may be restarted: the map lock is only held over a step.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"

static struct ext4_step *leaf_of(struct ext4_path *p)
{
	return &p->step[p->depth];
}

/* The leaf at the end of p is empty: it goes, and every index node that becomes empty by that. */
static int drop_empty(struct handle *h, struct inode *inode, struct ext4_path *p)
{
	struct ext4_eh *root = (struct ext4_eh *)ext4_i(inode)->block;
	int err = 0;

	for (u32 level = p->depth; level > 0 && !p->step[level].eh->entries && !err; level--) {
		struct ext4_step *up = &p->step[level - 1];
		u32 at = (u32)(up->idx - ext4_eh_idx(up->eh, 0));
		u64 block = p->step[level].bh->block;

		err = ext4_ext_access(h, inode, up);
		if (err)
			break;
		memmove(up->idx, up->idx + 1, (up->eh->entries - at - 1) * sizeof(struct ext4_idx));
		up->eh->entries--;
		if (up->eh == root && !root->entries)
			root->depth = 0;
		err = ext4_free_blocks(h, ext4_of(inode), (u32)inode->ino, block, 1, true);
		ext4_add_blocks(inode, -1);
		if (!err && (up->eh->entries || up->eh == root))
			err = ext4_ext_dirty(h, inode, up);
		/* The first index of a node changed: those above follow. */
		for (u32 i = level - 1; !at && up->eh->entries && i > 0 && !err; i--) {
			struct ext4_step *s = &p->step[i - 1];

			err = ext4_ext_access(h, inode, s);
			if (err)
				break;
			s->idx->block = ext4_eh_idx(up->eh, 0)->block;
			err = ext4_ext_dirty(h, inode, s);
			if (s->idx != ext4_eh_idx(s->eh, 0))
				break;
		}
	}
	return err ? err : ext4_dirty(h, inode);
}

int ext4_ext_remove_entry(struct handle *h, struct inode *inode, struct ext4_path *p)
{
	struct ext4_step *s = leaf_of(p);
	u32 at = (u32)(s->ext - ext4_eh_ext(s->eh, 0));
	int err = ext4_ext_access(h, inode, s);

	if (err)
		return err;
	memmove(s->ext, s->ext + 1, (s->eh->entries - at - 1) * sizeof(struct ext4_extent));
	s->eh->entries--;
	if (!s->eh->entries && p->depth)
		return drop_empty(h, inode, p);
	err = ext4_ext_dirty(h, inode, s);
	if (!err && !at && p->depth)
		err = ext4_ext_fix_index(h, inode, p);
	return err;
}

/* Cuts [from, to) off the extent at the end of p: all of it, its tail or its head. */
static int cut(struct handle *h, struct inode *inode, struct ext4_path *p, u32 from, u32 to)
{
	struct ext4_step *s = leaf_of(p);
	struct ext4_extent *e = s->ext;
	u32 len = ext4_ext_len(e), mark = ext4_ext_unwritten(e) ? EXT4_EXT_MAX_LEN : 0,
	    n = to - from;
	u64 start = ext4_ext_start(e), freed = start + (from - e->block);
	int err;

	if (n == len) {
		err = ext4_ext_remove_entry(h, inode, p);
	} else {
		err = ext4_ext_access(h, inode, s);
		if (err)
			return err;
		e->len = (u16)(len - n + mark);
		if (from == e->block) {
			e->block = to;
			e->start_lo = (u32)(start + n);
			e->start_hi = (u16)((start + n) >> 32);
			if (e == ext4_eh_ext(s->eh, 0) && p->depth)
				err = ext4_ext_fix_index(h, inode, p);
		}
		if (!err)
			err = ext4_ext_dirty(h, inode, s);
	}
	if (err)
		return err;
	ext4_add_blocks(inode, -(s64)n);
	err = ext4_free_blocks(h, ext4_of(inode), (u32)inode->ino, freed, n, !S_ISREG(inode->mode));
	return err ? err : ext4_dirty(h, inode);
}

/* The last extent that reaches into the range: an index is corrected once, not for each extent. */
int ext4_ext_remove(struct handle *h, struct inode *inode, u32 *first, u32 *to)
{
	u32 from = *first;
	struct ext4 *fs = ext4_of(inode);
	struct ext4_path p;
	struct ext4_extent *e;
	u32 a, b, end;
	int err = ext4_ext_path(inode, *to - 1, &p);

	if (err)
		return err;
	e = leaf_of(&p)->ext;
	end = e ? e->block + ext4_ext_len(e) : 0;
	if (!e || end <= from) {
		*to = from;
		goto out;
	}
	a = MAX(from, e->block);
	b = MIN(*to, end);
	/* At most what one bitmap or two know about, to be sure of the credits. */
	if (b - a > fs->blocks_per_group)
		a = b - fs->blocks_per_group;
	if (a > e->block && b < end) {
		ext4_ext_path_put(&p);
		return ext4_ext_split_at(h, inode, b);
	}
	err = cut(h, inode, &p, a, b);
	*to = a;
out:
	ext4_ext_path_put(&p);
	return err;
}

/* --- moving --- */

/* Moves the first extent that starts in [from, end) (delta < 0) or the last one. *at: where to go on. */
static int shift_one(struct handle *h, struct inode *inode, u32 *at, u32 from, s64 delta,
		     bool *done)
{
	struct ext4_map m = { .lblk = *at, .len = EXT4_MAX_LBLK - *at };
	struct ext4_path p;
	struct ext4_extent *e;
	u32 i;
	int err;

	if (delta < 0) { /* skip a hole to the next extent */
		err = ext4_ext_find(inode, &m);
		if (err)
			return err;
		if (!m.flags)
			*at = m.lblk + m.len;
		if (*at >= EXT4_MAX_LBLK) {
			*done = true;
			return 0;
		}
	}
	err = ext4_ext_path(inode, *at, &p);
	if (err)
		return err;
	e = leaf_of(&p)->ext;
	if (!e || e->block < from) {
		*done = true;
		goto out;
	}
	err = ext4_ext_access(h, inode, leaf_of(&p));
	if (err)
		goto out;
	*at = delta < 0 ? e->block + ext4_ext_len(e) : e->block - 1;
	*done = delta > 0 && !e->block;
	e->block = (u32)(e->block + delta);
	i = (u32)(e - ext4_eh_ext(leaf_of(&p)->eh, 0));
	/* It may have closed a gap, which an insertion had made. */
	if (delta < 0)
		ext4_ext_merge_back(leaf_of(&p)->eh, i);
	err = ext4_ext_dirty(h, inode, leaf_of(&p));
	if (!err && !i && p.depth)
		err = ext4_ext_fix_index(h, inode, &p);
out:
	ext4_ext_path_put(&p);
	return err;
}

int ext4_ext_shift(struct handle **h, struct inode *inode, u32 from, s64 delta)
{
	struct ext4 *fs = ext4_of(inode);
	u32 at = delta < 0 ? from : EXT4_MAX_LBLK - 1;
	bool done = false;
	int err = 0;

	while (err >= 0 && !done) {
		err = ext4_more_credits(fs, h, EXT4_CREDITS_TREE);
		if (err < 0)
			break;
		mutex_lock(&ext4_i(inode)->map_lock);
		err = shift_one(*h, inode, &at, from, delta, &done);
		mutex_unlock(&ext4_i(inode)->map_lock);
	}
	return err < 0 ? err : 0;
}
