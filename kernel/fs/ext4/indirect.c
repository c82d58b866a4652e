/* SPDX-License-Identifier: MIT */
/*
 * Block maps of ext2 and ext3: twelve numbers in the inode, then blocks of numbers, up to three
 * levels of them. A way to a block is a chain of slots, each in the inode or in a buffer.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"

struct slot {
	struct buffer *bh; /* that holds it; NULL: the inode */
	u32 *p;
};

struct chain {
	u32 depth; /* number of slots on the full way */
	u32 off[4]; /* index at each */
	struct slot slot[4];
	u32 have; /* slots that exist: the last of them is empty or the block's */
	u32 left; /* numbers in the last array from its own on */
};

static u32 per_block(const struct ext4 *fs)
{
	return fs->block_size / 4;
}

static int offsets(const struct ext4 *fs, u32 lblk, struct chain *c)
{
	u64 per = per_block(fs), n = lblk;

	if (n < EXT4_NDIR) {
		c->depth = 1;
		c->off[0] = lblk;
		c->left = EXT4_NDIR - lblk;
		return 0;
	}
	n -= EXT4_NDIR;
	for (u32 level = 1; level <= 3; level++) {
		u64 span = 1;

		for (u32 i = 0; i < level; i++)
			span *= per;
		if (n >= span) {
			n -= span;
			continue;
		}
		c->depth = level + 1;
		c->off[0] = EXT4_NDIR + level - 1;
		for (u32 i = level; i > 0; i--) {
			c->off[i] = (u32)(n % per);
			n /= per;
		}
		c->left = (u32)per - c->off[level];
		return 0;
	}
	return -EFBIG;
}

static void chain_put(struct chain *c)
{
	for (u32 i = 0; i < 4; i++) {
		buffer_put(c->slot[i].bh);
		c->slot[i].bh = NULL;
	}
}

/* Follows the numbers as far as there are any. */
static int walk(struct inode *inode, u32 lblk, struct chain *c)
{
	struct ext4 *fs = ext4_of(inode);
	int err;

	memset(c, 0, sizeof(*c));
	err = offsets(fs, lblk, c);
	if (err)
		return err;
	c->slot[0].p = &ext4_i(inode)->block[c->off[0]];
	for (c->have = 1;; c->have++) {
		u32 block = *c->slot[c->have - 1].p;
		struct slot *s = &c->slot[c->have];

		if (!block)
			return 0;
		if (!ext4_valid_blocks(fs, block, 1)) {
			err = ext4_error(fs, (u32)inode->ino, block,
					 "invalid block in the block map");
			break;
		}
		if (c->have == c->depth)
			return 0;
		err = buffer_read(fs->bdev, block, &s->bh);
		if (err)
			break;
		s->p = (u32 *)s->bh->data + c->off[c->have];
	}
	chain_put(c);
	return err;
}

static bool complete(const struct chain *c)
{
	return c->have == c->depth && *c->slot[c->depth - 1].p;
}

/* Blocks from this one to the end of what the empty slot at which the chain ends would hold. */
static u64 hole_len(const struct ext4 *fs, const struct chain *c)
{
	u64 span = 1, inside = 0;

	for (u32 i = c->depth; i > c->have; i--) {
		inside += c->off[i - 1] * span;
		span *= per_block(fs);
	}
	return span - inside;
}

int ext4_ind_find(struct inode *inode, struct ext4_map *m)
{
	struct ext4 *fs = ext4_of(inode);
	struct chain c;
	int err = walk(inode, m->lblk, &c);
	u32 n = 1, max;

	if (err) {
		if (err != -EFBIG)
			return err;
		return 0; /* a hole as long as asked for */
	}
	if (!complete(&c)) {
		m->len = (u32)MIN((u64)m->len, hole_len(fs, &c));
	} else {
		const u32 *p = c.slot[c.depth - 1].p;

		max = MIN(m->len, c.left);
		m->pblk = *p;
		while (n < max && p[n] == *p + n && ext4_valid_blocks(fs, p[n], 1))
			n++;
		m->len = n;
		m->flags = MAP_MAPPED;
	}
	chain_put(&c);
	return 0;
}

/* --- allocation --- */

static int slot_dirty(struct handle *h, struct inode *inode, struct slot *s)
{
	ext4_touch_tid(h, inode, true);
	return s->bh ? journal_dirty(h, s->bh) : ext4_dirty(h, inode);
}

/* Block numbers of 32 bits: a block beyond them cannot be used. */
static int new_block(struct handle *h, struct inode *inode, u32 lblk, u32 *n, bool delayed,
		     u32 *out)
{
	struct ext4 *fs = ext4_of(inode);
	u64 block;
	int err = ext4_new_blocks(h, fs, ext4_alloc_goal(inode, lblk), n, delayed, &block);

	if (err)
		return err;
	if (block + *n > UINT32_MAX) {
		ext4_free_blocks(h, fs, (u32)inode->ino, block, *n, false);
		return -ENOSPC;
	}
	*out = (u32)block;
	ext4_add_blocks(inode, *n);
	return 0;
}

/* An empty block of numbers below the last slot of c. */
static int add_level(struct handle *h, struct inode *inode, struct chain *c, bool delayed)
{
	struct ext4 *fs = ext4_of(inode);
	struct slot *up = &c->slot[c->have - 1], *s = &c->slot[c->have];
	u32 one = 1, block;
	int err = up->bh ? journal_get_write(h, up->bh) : 0;

	if (!err)
		err = new_block(h, inode, 0, &one, delayed, &block);
	if (err)
		return err;
	err = buffer_get(fs->bdev, block, &s->bh);
	if (!err)
		err = journal_get_create(h, s->bh);
	if (err) {
		ext4_add_blocks(inode, -1);
		ext4_free_blocks(h, fs, (u32)inode->ino, block, 1, false);
		return err;
	}
	memset(s->bh->data, 0, fs->block_size);
	s->bh->uptodate = true;
	err = journal_dirty(h, s->bh);
	if (err)
		return err;
	*up->p = block;
	s->p = (u32 *)s->bh->data + c->off[c->have];
	c->have++;
	return slot_dirty(h, inode, up);
}

int ext4_ind_alloc(struct handle *h, struct inode *inode, struct ext4_map *m, bool delayed)
{
	struct slot *last;
	struct chain c;
	u32 n = 1, max, block;
	int err = walk(inode, m->lblk, &c);

	if (err)
		return err;
	while (!err && c.have < c.depth)
		err = add_level(h, inode, &c, delayed);
	if (err)
		goto out;
	last = &c.slot[c.depth - 1];
	max = MIN(m->len, c.left);
	while (n < max && !last->p[n])
		n++;
	err = last->bh ? journal_get_write(h, last->bh) : 0;
	if (!err)
		err = new_block(h, inode, m->lblk, &n, delayed, &block);
	if (err)
		goto out;
	for (u32 i = 0; i < n; i++)
		last->p[i] = block + i;
	m->pblk = block;
	m->len = n;
	m->flags = MAP_NEW | MAP_MAPPED;
	err = slot_dirty(h, inode, last);
out:
	chain_put(&c);
	return err;
}

/* --- removal --- */

static bool all_zero(const void *data, u32 size)
{
	const u64 *p = data;

	for (u32 i = 0; i < size / 8; i++)
		if (p[i])
			return false;
	return true;
}

/* Blocks of numbers that became empty go, from the bottom up. */
static int drop_empty(struct handle *h, struct inode *inode, struct chain *c)
{
	struct ext4 *fs = ext4_of(inode);
	int err = 0;

	for (u32 i = c->have - 1; i > 0 && !err; i--) {
		struct slot *up = &c->slot[i - 1];
		u64 block = c->slot[i].bh->block;

		if (!all_zero(c->slot[i].bh->data, fs->block_size))
			break;
		err = up->bh ? journal_get_write(h, up->bh) : 0;
		if (err)
			break;
		*up->p = 0;
		ext4_add_blocks(inode, -1);
		err = ext4_free_blocks(h, fs, (u32)inode->ino, block, 1, true);
		if (!err)
			err = slot_dirty(h, inode, up);
	}
	return err;
}

/* Frees one run of blocks that starts at the chain's slot; how many slots that were. */
static int free_run(struct handle *h, struct inode *inode, struct chain *c, u32 max, u32 *done)
{
	struct ext4 *fs = ext4_of(inode);
	struct slot *last = &c->slot[c->depth - 1];
	u32 block = *last->p, n = 1;
	int err = last->bh ? journal_get_write(h, last->bh) : 0;

	if (err)
		return err;
	max = MIN(max, c->left);
	while (n < max && last->p[n] == block + n && ext4_valid_blocks(fs, last->p[n], 1))
		n++;
	memset(last->p, 0, n * sizeof(*last->p));
	ext4_add_blocks(inode, -(s64)n);
	err = slot_dirty(h, inode, last);
	if (!err)
		err = ext4_free_blocks(h, fs, (u32)inode->ino, block, n, !S_ISREG(inode->mode));
	*done = n;
	return err ? err : drop_empty(h, inode, c);
}

/* From the front on. */
int ext4_ind_remove(struct handle *h, struct inode *inode, u32 *from, u32 *end)
{
	u32 to = *end;
	struct chain c;
	u32 n = 0;
	int err = walk(inode, *from, &c);

	if (err == -EFBIG) {
		*from = to;
		return 0;
	}
	if (err)
		return err;
	if (complete(&c)) {
		err = free_run(h, inode, &c, to - *from, &n);
		if (!err)
			err = ext4_dirty(h, inode);
	} else {
		n = (u32)MIN((u64)(to - *from), hole_len(ext4_of(inode), &c));
		/* Linux leaves arrays behind in which holes were punched until nothing was left. */
		if (c.have > 1 && all_zero(c.slot[c.have - 1].bh->data, ext4_of(inode)->block_size)) {
			err = drop_empty(h, inode, &c);
			if (!err)
				err = ext4_dirty(h, inode);
		}
	}
	chain_put(&c);
	*from += n;
	return err;
}
