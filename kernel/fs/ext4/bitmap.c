/* SPDX-License-Identifier: MIT */
/*
 * Reading bitmaps. A group that was never used has none on disk: it is made in memory, and written
 * when the group is first used. One that is corrupt is reported once; its group is left alone then.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/crc32c.h"

static void put_csum(const struct ext4 *fs, u16 *lo, u16 *hi, const void *map, u32 bits)
{
	u32 c = crc32c(fs->csum_seed, map, bits / 8);

	*lo = (u16)c;
	if (fs->desc_size >= 64)
		*hi = (u16)(c >> 16);
}

static bool csum_ok(const struct ext4 *fs, u16 lo, u16 hi, const void *map, u32 bits)
{
	u32 c = crc32c(fs->csum_seed, map, bits / 8);

	return lo == (u16)c && (fs->desc_size < 64 || hi == (u16)(c >> 16));
}

void ext4_block_bitmap_csum_set(struct ext4 *fs, struct ext4_desc *d, const struct buffer *bh)
{
	if (fs->csum)
		put_csum(fs, &d->block_csum_lo, &d->block_csum_hi, bh->data, fs->blocks_per_group);
}

void ext4_inode_bitmap_csum_set(struct ext4 *fs, struct ext4_desc *d, const struct buffer *bh)
{
	if (fs->csum)
		put_csum(fs, &d->inode_csum_lo, &d->inode_csum_hi, bh->data, fs->inodes_per_group);
}

static bool uninit(const struct ext4 *fs, const struct ext4_desc *d, u16 flag)
{
	return (fs->csum || fs->gdt_csum) && (d->flags & flag);
}

static void mark(const struct ext4 *fs, u32 group, void *map, u64 block, u64 n)
{
	u64 start = ext4_group_start(fs, group), end = start + ext4_group_blocks(fs, group);

	for (; n; n--, block++)
		if (block >= start && block < end)
			ext4_set_bit(map, (u32)(block - start));
}

static void make_block_bitmap(struct ext4 *fs, u32 group, struct buffer *bh)
{
	const struct ext4_desc *d = ext4_desc(fs, group, NULL);
	u32 blocks = ext4_group_blocks(fs, group);

	memset(bh->data, 0, fs->block_size);
	ext4_set_bits(bh->data, 0, MIN(ext4_base_meta_blocks(fs, group), blocks));
	mark(fs, group, bh->data, ext4_bg_block_bitmap(fs, d), 1);
	mark(fs, group, bh->data, ext4_bg_inode_bitmap(fs, d), 1);
	mark(fs, group, bh->data, ext4_bg_inode_table(fs, d), fs->itable_blocks);
	ext4_set_bits(bh->data, blocks, fs->block_size * 8 - blocks);
	bh->uptodate = bh->verified = true;
}

/* With its own blocks marked as used, where they are in this group. */
static bool covers_itself(const struct ext4 *fs, u32 group, const struct ext4_desc *d,
			  const void *map)
{
	u64 start = ext4_group_start(fs, group), blocks = ext4_group_blocks(fs, group);
	u64 at[2] = { ext4_bg_block_bitmap(fs, d), ext4_bg_inode_bitmap(fs, d) };

	for (int i = 0; i < 2; i++)
		if (at[i] >= start && at[i] < start + blocks &&
		    !ext4_test_bit(map, (u32)(at[i] - start)))
			return false;
	return true;
}

int ext4_read_block_bitmap(struct ext4 *fs, u32 group, struct buffer **out)
{
	struct ext4_desc *d = ext4_desc(fs, group, NULL);
	u64 block = ext4_bg_block_bitmap(fs, d);
	bool fresh = uninit(fs, d, EXT4_BG_BLOCK_UNINIT);
	struct buffer *bh;
	int err;

	if (fs->groups[group].block_bad)
		return -EUCLEAN;
	err = fresh ? buffer_get(fs->bdev, block, &bh) : buffer_read(fs->bdev, block, &bh);
	if (err)
		return err;
	/* Reading may have blocked: somebody may have begun to use the group. */
	if (!bh->verified && uninit(fs, d, EXT4_BG_BLOCK_UNINIT))
		make_block_bitmap(fs, group, bh);
	if (!bh->verified) {
		if ((fs->csum && !csum_ok(fs, d->block_csum_lo, d->block_csum_hi, bh->data,
					  fs->blocks_per_group)) ||
		    !covers_itself(fs, group, d, bh->data)) {
			fs->groups[group].block_bad = true;
			buffer_put(bh);
			return ext4_error(fs, 0, block, "bg %u: bad block bitmap checksum", group);
		}
		bh->verified = true;
	}
	*out = bh;
	return 0;
}

int ext4_read_inode_bitmap(struct ext4 *fs, u32 group, struct buffer **out)
{
	struct ext4_desc *d = ext4_desc(fs, group, NULL);
	u64 block = ext4_bg_inode_bitmap(fs, d);
	bool fresh = uninit(fs, d, EXT4_BG_INODE_UNINIT);
	struct buffer *bh;
	int err;

	if (fs->groups[group].inode_bad)
		return -EUCLEAN;
	err = fresh ? buffer_get(fs->bdev, block, &bh) : buffer_read(fs->bdev, block, &bh);
	if (err)
		return err;
	if (!bh->verified && uninit(fs, d, EXT4_BG_INODE_UNINIT)) {
		memset(bh->data, 0, fs->block_size);
		ext4_set_bits(bh->data, fs->inodes_per_group,
			      fs->block_size * 8 - fs->inodes_per_group);
		bh->uptodate = bh->verified = true;
	}
	if (!bh->verified) {
		if (fs->csum && !csum_ok(fs, d->inode_csum_lo, d->inode_csum_hi, bh->data,
					 fs->inodes_per_group)) {
			fs->groups[group].inode_bad = true;
			buffer_put(bh);
			return ext4_error(fs, 0, block, "Corrupt inode bitmap - block_group = %u",
					  group);
		}
		bh->verified = true;
	}
	*out = bh;
	return 0;
}
