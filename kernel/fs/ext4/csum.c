/* SPDX-License-Identifier: MIT */
/*
 * Checksums of superblock, descriptors, inodes and attribute blocks. Those of directories, extent
 * trees and bitmaps are beside the code that reads them.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/crc32c.h"

u32 ext4_csum_super(const struct ext4_sb *es)
{
	return crc32c(~0u, es, offsetof(struct ext4_sb, checksum));
}

u16 ext4_csum_desc(const struct ext4 *fs, u32 group, const struct ext4_desc *d)
{
	const size_t at = offsetof(struct ext4_desc, checksum);
	const u8 *p = (const u8 *)d;
	static const u16 zero;
	u16 crc;

	if (fs->csum) {
		u32 c = crc32c(fs->csum_seed, &group, sizeof(group));

		c = crc32c(c, p, at);
		c = crc32c(c, &zero, sizeof(zero));
		return (u16)crc32c(c, p + at + 2, fs->desc_size - at - 2);
	}
	if (!fs->gdt_csum)
		return 0;
	crc = crc16(0xffff, fs->es->uuid, sizeof(fs->es->uuid));
	crc = crc16(crc, &group, sizeof(group));
	crc = crc16(crc, p, at);
	if (ext4_incompat(fs, INCOMPAT_64BIT) && fs->desc_size > at + 2)
		crc = crc16(crc, p + at + 2, fs->desc_size - at - 2);
	return crc;
}

u32 ext4_inode_seed(const struct ext4 *fs, u32 ino, u32 generation)
{
	return crc32c(crc32c(fs->csum_seed, &ino, sizeof(ino)), &generation, sizeof(generation));
}

/* The stored sums count as zero. Without a second half only the low 16 bits are kept. */
u32 ext4_csum_inode(const struct ext4 *fs, const struct ext4_raw_inode *r, u32 seed)
{
	const size_t lo = offsetof(struct ext4_raw_inode, csum_lo),
		     hi = offsetof(struct ext4_raw_inode, csum_hi);
	const u8 *p = (const u8 *)r;
	static const u16 zero;
	u32 c;

	c = crc32c(seed, p, lo);
	c = crc32c(c, &zero, sizeof(zero));
	c = crc32c(c, p + lo + 2, EXT4_GOOD_OLD_INODE - lo - 2);
	if (fs->inode_size == EXT4_GOOD_OLD_INODE)
		return c & 0xffff;
	if (r->extra_isize < 4) {
		c = crc32c(c, p + EXT4_GOOD_OLD_INODE, fs->inode_size - EXT4_GOOD_OLD_INODE);
		return c & 0xffff;
	}
	c = crc32c(c, p + EXT4_GOOD_OLD_INODE, hi - EXT4_GOOD_OLD_INODE);
	c = crc32c(c, &zero, sizeof(zero));
	return crc32c(c, p + hi + 2, fs->inode_size - hi - 2);
}

u32 ext4_csum_xattr(const struct ext4 *fs, u64 block, const void *data)
{
	const size_t at = offsetof(struct ext4_xattr_header, csum);
	const u8 *p = data;
	static const u32 zero;
	u32 c = crc32c(fs->csum_seed, &block, sizeof(block));

	c = crc32c(c, p, at);
	c = crc32c(c, &zero, sizeof(zero));
	return crc32c(c, p + at + 4, fs->block_size - at - 4);
}
