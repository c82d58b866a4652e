/* SPDX-License-Identifier: MIT */
/*
 * Where a file's blocks are: one interface over extent trees and block maps.
 */
#include "fs/ext4/priv.h"

#include <string.h>

static bool has_extents(const struct inode *inode)
{
	return ext4_i(inode)->flags & EXT4_EXTENTS_FL;
}

u32 ext4_map_max(const struct inode *inode)
{
	const struct ext4 *fs = ext4_of(inode);

	return (u32)MIN(fs->max_size[has_extents(inode)] >> fs->block_bits, (u64)EXT4_MAX_LBLK);
}

u64 ext4_size_max(const struct inode *inode)
{
	return ext4_of(inode)->max_size[has_extents(inode)];
}

void ext4_add_blocks(struct inode *inode, s64 n)
{
	struct ext4_inode *ei = ext4_i(inode);
	s64 sectors = n * (s64)(ext4_of(inode)->block_size / 512);

	ei->blocks = sectors < 0 && (u64)-sectors > ei->blocks ? 0 : ei->blocks + (u64)sectors;
}

void ext4_map_init(struct inode *inode)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4_eh *eh = (struct ext4_eh *)ei->block;

	memset(ei->block, 0, sizeof(ei->block));
	if (!ext4_incompat(ext4_of(inode), INCOMPAT_EXTENTS))
		return;
	ei->flags |= EXT4_EXTENTS_FL;
	eh->magic = EXT4_EXT_MAGIC;
	eh->max = (u16)((sizeof(ei->block) - sizeof(*eh)) / sizeof(struct ext4_extent));
}

/* Beside the last allocation, or the start of the inode's group. */
u64 ext4_alloc_goal(const struct inode *inode, u32 lblk)
{
	const struct ext4 *fs = ext4_of(inode);
	const struct ext4_inode *ei = ext4_i(inode);
	u32 group = (u32)(inode->ino - 1) / fs->inodes_per_group;
	u64 goal;

	if (!ei->goal_pblk)
		return ext4_group_start(fs, group);
	goal = ei->goal_pblk + (lblk > ei->goal_lblk ? lblk - ei->goal_lblk : 0);
	return goal < fs->blocks_count ? goal : ext4_group_start(fs, group);
}

static int find(struct inode *inode, struct ext4_map *m)
{
	m->flags = 0;
	if (ext4_is_inline(inode))
		return 0;
	return has_extents(inode) ? ext4_ext_find(inode, m) : ext4_ind_find(inode, m);
}

int ext4_map_find(struct inode *inode, struct ext4_map *m)
{
	struct ext4_inode *ei = ext4_i(inode);
	int err;

	if (m->lblk >= EXT4_MAX_LBLK || !m->len)
		return -EFBIG;
	m->len = MIN(m->len, EXT4_MAX_LBLK - m->lblk);
	mutex_lock(&ei->map_lock);
	err = find(inode, m);
	mutex_unlock(&ei->map_lock);
	return err;
}

static int alloc_extent(struct handle *h, struct inode *inode, struct ext4_map *m, u32 how)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_extent e = { .block = m->lblk };
	u32 n = MIN(m->len,
		    (u32)(how & ALLOC_UNWRITTEN ? EXT4_EXT_MAX_UNWRITTEN : EXT4_EXT_MAX_LEN));
	u64 block;
	int err = ext4_new_blocks(h, fs, ext4_alloc_goal(inode, m->lblk), &n, how & ALLOC_DELAYED,
				  &block);

	if (err)
		return err;
	e.len = (u16)(n + (how & ALLOC_UNWRITTEN ? EXT4_EXT_MAX_LEN : 0));
	e.start_lo = (u32)block;
	e.start_hi = (u16)(block >> 32);
	ext4_add_blocks(inode, n);
	err = ext4_ext_insert(h, inode, &e);
	if (err) {
		ext4_add_blocks(inode, -(s64)n);
		ext4_free_blocks(h, fs, (u32)inode->ino, block, n, false);
		return err;
	}
	m->pblk = block;
	m->len = n;
	m->flags = MAP_NEW | (how & ALLOC_UNWRITTEN ? MAP_UNWRITTEN : MAP_MAPPED);
	return 0;
}

int ext4_map_alloc(struct handle *h, struct inode *inode, struct ext4_map *m, u32 how)
{
	struct ext4_inode *ei = ext4_i(inode);
	int err;

	if (m->lblk >= ext4_map_max(inode))
		return -EFBIG;
	m->len = MIN(m->len, ext4_map_max(inode) - m->lblk);
	mutex_lock(&ei->map_lock);
	err = find(inode, m);
	if (!err && !m->flags) {
		if (has_extents(inode))
			err = alloc_extent(h, inode, m, how);
		else
			err = ext4_ind_alloc(h, inode, m, how & ALLOC_DELAYED);
		if (!err) {
			ei->goal_lblk = m->lblk + m->len;
			ei->goal_pblk = m->pblk + m->len;
		}
	}
	mutex_unlock(&ei->map_lock);
	return err;
}

int ext4_map_convert(struct handle *h, struct inode *inode, u32 lblk, u32 len, bool unwritten)
{
	int err;

	if (!has_extents(inode))
		return -EOPNOTSUPP;
	mutex_lock(&ext4_i(inode)->map_lock);
	err = ext4_ext_convert(h, inode, lblk, len, unwritten);
	mutex_unlock(&ext4_i(inode)->map_lock);
	return err;
}

int ext4_map_remove(struct handle **h, struct inode *inode, u32 from, u32 to)
{
	struct ext4_inode *ei = ext4_i(inode);
	int err = 0;

	ei->goal_pblk = 0;
	while (err >= 0 && from < to) {
		err = ext4_more_credits(ext4_of(inode), h, EXT4_CREDITS_TREE);
		if (err < 0)
			break;
		mutex_lock(&ei->map_lock);
		err = has_extents(inode) ? ext4_ext_remove(*h, inode, &from, &to) :
					   ext4_ind_remove(*h, inode, &from, &to);
		mutex_unlock(&ei->map_lock);
	}
	return MIN(err, 0);
}

int ext4_map_shift(struct handle **h, struct inode *inode, u32 from, s64 delta)
{
	return has_extents(inode) ? ext4_ext_shift(h, inode, from, delta) : -EOPNOTSUPP;
}
