/* SPDX-License-Identifier: MIT */
/*
 * Extent trees: walking them. A node is checked when it is read; its header each time it is used,
 * because a hostile image may give one block two roles.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/crc32c.h"

#define ROOT_MAX                                                                                   \
	((sizeof(((struct ext4_inode *)0)->block) - sizeof(struct ext4_eh)) /                      \
	 sizeof(struct ext4_extent))

static u32 node_max(const struct ext4 *fs)
{
	return (fs->block_size - (u32)sizeof(struct ext4_eh)) / (u32)sizeof(struct ext4_extent);
}

static u32 *tail(const struct ext4_eh *eh)
{
	return (u32 *)((struct ext4_extent *)(eh + 1) + eh->max);
}

static u32 tail_csum(const struct inode *inode, const struct ext4_eh *eh)
{
	return crc32c(ext4_i(inode)->csum_seed, eh, (size_t)((u8 *)tail(eh) - (u8 *)eh));
}

void ext4_ext_tail_set(struct inode *inode, struct ext4_eh *eh)
{
	if (ext4_of(inode)->csum)
		*tail(eh) = tail_csum(inode, eh);
}

static const char *header_error(const struct ext4_eh *eh, u32 depth, u32 max)
{
	if (eh->magic != EXT4_EXT_MAGIC)
		return "invalid magic";
	if (eh->depth != depth)
		return "unexpected eh_depth";
	if (!eh->max || eh->max > max)
		return "invalid eh_max";
	if (eh->entries > eh->max)
		return "invalid eh_entries";
	if (!eh->entries && depth)
		return "eh_entries is 0 but eh_depth is > 0";
	return NULL;
}

/* Entries in rising order, without overlaps, blocks where files may have some. */
static const char *entries_error(const struct ext4 *fs, struct ext4_eh *eh)
{
	u64 free_from = 0;

	for (u32 i = 0; i < eh->entries; i++) {
		const struct ext4_idx *x = ext4_eh_idx(eh, i);
		const struct ext4_extent *e = ext4_eh_ext(eh, i);

		if (eh->depth) {
			if (x->block < free_from || !ext4_valid_blocks(fs, ext4_idx_leaf(x), 1))
				return "invalid index entries";
			free_from = (u64)x->block + 1;
			continue;
		}
		if (e->block < free_from || !ext4_ext_len(e) ||
		    !ext4_valid_blocks(fs, ext4_ext_start(e), ext4_ext_len(e)))
			return "invalid extent entries";
		free_from = (u64)e->block + ext4_ext_len(e);
		if (free_from > EXT4_MAX_LBLK)
			return "invalid extent entries";
	}
	return NULL;
}

static int read_node(struct inode *inode, u64 block, u32 depth, struct buffer **out)
{
	struct ext4 *fs = ext4_of(inode);
	struct buffer *bh;
	const char *wrong;
	struct ext4_eh *eh;
	int err;

	if (!ext4_valid_blocks(fs, block, 1))
		return ext4_error(fs, (u32)inode->ino, block, "extent tree points outside");
	err = buffer_read(fs->bdev, block, &bh);
	if (err)
		return err;
	eh = (struct ext4_eh *)bh->data;
	wrong = header_error(eh, depth, node_max(fs));
	if (!wrong && !bh->verified) {
		if (fs->csum && *tail(eh) != tail_csum(inode, eh))
			wrong = "extent tree corrupted: checksum";
		else
			wrong = entries_error(fs, eh);
	}
	if (wrong) {
		buffer_put(bh);
		return ext4_error(fs, (u32)inode->ino, block, "bad header/extent: %s", wrong);
	}
	bh->verified = true;
	*out = bh;
	return 0;
}

/* The last entry that starts at or before lblk; the array is in rising order. 0: none; else index + 1. */
static u32 search(const struct ext4_eh *eh, u32 lblk)
{
	u32 lo = 0, hi = eh->entries;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		/* The block number comes first in both kinds of entries. */
		if (ext4_eh_ext((struct ext4_eh *)eh, mid)->block <= lblk)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int ext4_ext_path(struct inode *inode, u32 lblk, struct ext4_path *p)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_eh *eh = (struct ext4_eh *)ext4_i(inode)->block;
	const char *wrong = header_error(eh, eh->depth, ROOT_MAX);
	u32 at, i;
	int err;

	memset(p, 0, sizeof(*p));
	if (!wrong && eh->depth > EXT4_EXT_MAX_DEPTH)
		wrong = "too large eh_depth";
	if (!wrong)
		wrong = entries_error(fs, eh);
	if (wrong)
		return ext4_error(fs, (u32)inode->ino, 0, "bad header/extent: %s", wrong);
	p->depth = eh->depth;
	p->step[0].eh = eh;
	for (i = 0; i < p->depth; i++) {
		struct ext4_step *s = &p->step[i];

		at = search(s->eh, lblk);
		s->idx = ext4_eh_idx(s->eh, at ? at - 1 : 0);
		err = read_node(inode, ext4_idx_leaf(s->idx), p->depth - i - 1, &p->step[i + 1].bh);
		if (err) {
			ext4_ext_path_put(p);
			return err;
		}
		p->step[i + 1].eh = (struct ext4_eh *)p->step[i + 1].bh->data;
	}
	at = search(p->step[i].eh, lblk);
	p->step[i].ext = at ? ext4_eh_ext(p->step[i].eh, at - 1) : NULL;
	return 0;
}

void ext4_ext_path_put(struct ext4_path *p)
{
	for (u32 i = 1; i <= p->depth; i++) {
		buffer_put(p->step[i].bh);
		p->step[i].bh = NULL;
	}
}

/* The first block that is not below the entry taken at level, but after it. */
u32 ext4_ext_next(const struct ext4_path *p, u32 level)
{
	const struct ext4_step *s = &p->step[level];
	u32 next = 0;

	if (level == p->depth) {
		if (s->ext)
			next = (u32)(s->ext - ext4_eh_ext(s->eh, 0)) + 1;
		if (next < s->eh->entries)
			return ext4_eh_ext(s->eh, next)->block;
	} else {
		next = (u32)(s->idx - ext4_eh_idx(s->eh, 0)) + 1;
		if (next < s->eh->entries)
			return ext4_eh_idx(s->eh, next)->block;
	}
	return level ? ext4_ext_next(p, level - 1) : EXT4_MAX_LBLK;
}

int ext4_ext_find(struct inode *inode, struct ext4_map *m)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_path p;
	struct ext4_extent *e;
	int err = ext4_ext_path(inode, m->lblk, &p);
	u32 next, len;

	if (err)
		return err;
	m->flags = 0;
	e = p.step[p.depth].ext;
	len = e ? ext4_ext_len(e) : 0;
	if (e && m->lblk - e->block < len) {
		m->pblk = ext4_ext_start(e) + (m->lblk - e->block);
		m->len = MIN(m->len, len - (m->lblk - e->block));
		m->flags = ext4_ext_unwritten(e) ? MAP_UNWRITTEN : MAP_MAPPED;
		if (!ext4_valid_blocks(fs, m->pblk, m->len))
			err = ext4_error(fs, (u32)inode->ino, m->pblk,
					 "extent outside of the data blocks");
	} else {
		next = ext4_ext_next(&p, p.depth);
		/* In a corrupt tree the next entry may lie before. */
		m->len = next > m->lblk ? MIN(m->len, next - m->lblk) : 1;
	}
	ext4_ext_path_put(&p);
	return err;
}
