/* SPDX-License-Identifier: MIT */
/*
 * Block groups: where their descriptors lie, their fields of 16 or 32 and 64 bits, and what every
 * group spends on metadata.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/alloc.h"

static bool wide(const struct ext4 *fs)
{
	return fs->desc_size >= 64;
}

#define BG_U64(name, lo, hi)                                                                       \
	u64 name(const struct ext4 *fs, const struct ext4_desc *d)                                 \
	{                                                                                          \
		return ext4_lo_hi(d->lo, wide(fs) ? d->hi : 0);                                    \
	}
#define BG_U32(get, set, lo, hi)                                                                   \
	u32 get(const struct ext4 *fs, const struct ext4_desc *d)                                  \
	{                                                                                          \
		return d->lo | (wide(fs) ? (u32)d->hi << 16 : 0);                                  \
	}                                                                                          \
	void set(const struct ext4 *fs, struct ext4_desc *d, u32 n)                                \
	{                                                                                          \
		d->lo = (u16)n;                                                                    \
		if (wide(fs))                                                                      \
			d->hi = (u16)(n >> 16);                                                    \
	}

BG_U64(ext4_bg_block_bitmap, block_bitmap_lo, block_bitmap_hi)
BG_U64(ext4_bg_inode_bitmap, inode_bitmap_lo, inode_bitmap_hi)
BG_U64(ext4_bg_inode_table, inode_table_lo, inode_table_hi)
BG_U32(ext4_bg_free_blocks, ext4_bg_set_free_blocks, free_blocks_lo, free_blocks_hi)
BG_U32(ext4_bg_free_inodes, ext4_bg_set_free_inodes, free_inodes_lo, free_inodes_hi)
BG_U32(ext4_bg_used_dirs, ext4_bg_set_used_dirs, used_dirs_lo, used_dirs_hi)
BG_U32(ext4_bg_itable_unused, ext4_bg_set_itable_unused, itable_unused_lo, itable_unused_hi)

struct ext4_desc *ext4_desc(const struct ext4 *fs, u32 group, struct buffer **bh)
{
	struct buffer *b = fs->gdb[group / fs->descs_per_block];

	if (bh)
		*bh = b;
	return (struct ext4_desc *)(b->data + group % fs->descs_per_block * fs->desc_size);
}

void ext4_desc_csum_set(struct ext4 *fs, u32 group, struct ext4_desc *d)
{
	d->checksum = ext4_csum_desc(fs, group, d);
}

u64 ext4_group_start(const struct ext4 *fs, u32 group)
{
	return fs->first_data_block + (u64)group * fs->blocks_per_group;
}

u32 ext4_group_blocks(const struct ext4 *fs, u32 group)
{
	return (u32)MIN((u64)fs->blocks_per_group, fs->blocks_count - ext4_group_start(fs, group));
}

static bool is_power_of(u32 n, u32 base)
{
	while (n > 1 && n % base == 0)
		n /= base;
	return n == 1;
}

bool ext4_bg_has_super(const struct ext4 *fs, u32 group)
{
	if (!group)
		return true;
	if (ext4_compat(fs, COMPAT_SPARSE_SUPER2))
		return group == fs->es->backup_bgs[0] || group == fs->es->backup_bgs[1];
	if (group == 1 || !ext4_ro_compat(fs, RO_COMPAT_SPARSE_SUPER))
		return true;
	return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

static bool in_meta_bg(const struct ext4 *fs, u32 group)
{
	return ext4_incompat(fs, INCOMPAT_META_BG) &&
	       group / fs->descs_per_block >= fs->es->first_meta_bg;
}

u32 ext4_bg_num_gdb(const struct ext4 *fs, u32 group)
{
	u32 first = group / fs->descs_per_block * fs->descs_per_block;

	if (in_meta_bg(fs, group))
		return group == first || group == first + 1 ||
		       group == first + fs->descs_per_block - 1;
	if (!ext4_bg_has_super(fs, group))
		return 0;
	return ext4_incompat(fs, INCOMPAT_META_BG) ? fs->es->first_meta_bg : fs->ngdb;
}

u32 ext4_base_meta_blocks(const struct ext4 *fs, u32 group)
{
	u32 n = ext4_bg_has_super(fs, group) ? 1 : 0;

	if (n && !in_meta_bg(fs, group))
		return n + ext4_bg_num_gdb(fs, group) + fs->es->reserved_gdt_blocks;
	return n + ext4_bg_num_gdb(fs, group);
}

/* Where block i of the descriptors is. */
static u64 desc_location(const struct ext4 *fs, u32 i)
{
	u32 group = i * fs->descs_per_block;

	if (!in_meta_bg(fs, group)) {
		u64 super = fs->sbh->block;

		return super + i + 1;
	}
	/* With blocks of 1 KiB the superblock of group 0 is in front of the group. */
	return ext4_group_start(fs, group) + (ext4_bg_has_super(fs, group) ? 1 : 0);
}

static bool in_range(const struct ext4 *fs, u64 block, u64 n)
{
	return block > fs->first_data_block && n <= fs->blocks_count &&
	       block <= fs->blocks_count - n;
}

static int check_desc(struct ext4 *fs, u32 group)
{
	struct ext4_desc *d = ext4_desc(fs, group, NULL);

	if (!in_range(fs, ext4_bg_block_bitmap(fs, d), 1) ||
	    !in_range(fs, ext4_bg_inode_bitmap(fs, d), 1) ||
	    !in_range(fs, ext4_bg_inode_table(fs, d), fs->itable_blocks)) {
		ext4_msg(
			fs, "error",
			"ext4_check_descriptors: bitmaps or inode table of group %u not in the file system",
			group);
		return -EUCLEAN;
	}
	if ((fs->csum || fs->gdt_csum) && d->checksum != ext4_csum_desc(fs, group, d)) {
		ext4_msg(fs, "error",
			 "ext4_check_descriptors: Checksum for group %u failed (%u!=%u)", group,
			 ext4_csum_desc(fs, group, d), d->checksum);
		return -EUCLEAN;
	}
	if (ext4_bg_free_blocks(fs, d) > ext4_group_blocks(fs, group) ||
	    ext4_bg_free_inodes(fs, d) > fs->inodes_per_group ||
	    ext4_bg_itable_unused(fs, d) > fs->inodes_per_group) {
		ext4_msg(fs, "error", "counts of group %u are impossible", group);
		return -EUCLEAN;
	}
	fs->free_blocks += ext4_bg_free_blocks(fs, d);
	fs->free_inodes += ext4_bg_free_inodes(fs, d);
	fs->ndirs += ext4_bg_used_dirs(fs, d);
	return 0;
}

int ext4_load_groups(struct ext4 *fs)
{
	int err = 0;

	fs->free_blocks = fs->free_inodes = fs->ndirs = 0;
	fs->gdb = kzalloc(fs->ngdb * sizeof(*fs->gdb));
	fs->groups = kzalloc(fs->ngroups * sizeof(*fs->groups));
	fs->scratch = kmalloc(fs->block_size);
	if (!fs->gdb || !fs->groups || !fs->scratch)
		return -ENOMEM;
	for (u32 i = 0; i < fs->ngdb && !err; i++) {
		err = buffer_read(fs->bdev, desc_location(fs, i), &fs->gdb[i]);
		if (err)
			ext4_msg(fs, "error", "can't read group descriptor %u", i);
	}
	for (u32 g = 0; g < fs->ngroups && !err; g++)
		err = check_desc(fs, g);
	return err;
}

void ext4_free_groups(struct ext4 *fs)
{
	for (u32 i = 0; fs->gdb && i < fs->ngdb; i++)
		buffer_put(fs->gdb[i]);
	for (u32 g = 0; fs->groups && g < fs->ngroups; g++)
		kfree(fs->groups[g].pending);
	kfree(fs->gdb);
	kfree(fs->groups);
	kfree(fs->scratch);
	fs->scratch = NULL;
	fs->gdb = NULL;
	fs->groups = NULL;
}
