/* SPDX-License-Identifier: MIT */
/*
 * Where the metadata of an ext2, ext3 or ext4 image lie, and their checksums, as needed to hurt them with and
 * without being caught.
 */
#ifndef TESTS_FUZZ_EXT_MAP_H
#define TESTS_FUZZ_EXT_MAP_H

#include "fs/ext4/disk.h"
#include "fs/ext4/journal_format.h"

enum ext_kind {
	EXT_SUPER, EXT_DESC, EXT_BLOCK_BITMAP, EXT_INODE_BITMAP, EXT_INODE, EXT_EXTENTS, EXT_INDIRECT, EXT_DIR, EXT_DX,
	EXT_XATTR, EXT_ORPHANS, EXT_SYMLINK, EXT_JOURNAL_SUPER, EXT_JOURNAL_DESC, EXT_JOURNAL_COMMIT, EXT_JOURNAL_REVOKE,
	EXT_JOURNAL_DATA, EXT_KINDS
};

struct ext_item {
	enum ext_kind kind;
	u32 off, len;			/* in the image */
	u32 nr;				/* group, inode that it belongs to; of journal data: index of its descriptor */
};

#define EXT_ITEMS_MAX 8192u

struct ext_map {
	u32 block_size, inode_size, desc_size, ngroups;
	u32 inodes_per_group, blocks_per_group, first_data_block, nblocks;
	u32 desc_at;			/* offset of the first descriptor */
	bool csum, gdt_csum;
	u32 seed;
	struct jbd_layout journal;
	u32 n, first[EXT_KINDS + 1];	/* items of a kind are together */
	struct ext_item item[EXT_ITEMS_MAX];
};

/* image: a whole and sound file system. NULL: it is none. */
struct ext_map *ext_map_new(const u8 *image, size_t size);
/* The sum of an item again, and what sums that sum. */
void ext_fix_sum(const struct ext_map *m, u8 *image, const struct ext_item *it);

static inline u32 ext_inode_at(const struct ext_map *m, const u8 *image, u32 ino)
{
	u32 g = (ino - 1) / m->inodes_per_group, table;

	if (!ino || g >= m->ngroups)
		return 0;
	table = ((const struct ext4_desc *)(image + m->desc_at + g * m->desc_size))->inode_table_lo;
	return table < m->nblocks ? table * m->block_size + (ino - 1) % m->inodes_per_group * m->inode_size : 0;
}

#endif
