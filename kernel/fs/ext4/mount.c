/* SPDX-License-Identifier: MIT */
/*
 * From a device to a superblock that can be trusted: geometry checked against itself and against
 * the device, groups loaded, the journal replayed, then all read again.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "lib/alloc.h"
#include "lib/crc32c.h"
#include "lib/sort.h"

#define POOL_MAX 4096u

static int bad(const struct ext4 *fs, const char *what, u64 value)
{
	ext4_msg(fs, "error", "%s: %llu", what, (unsigned long long)value);
	return -EINVAL;
}

static int check_sizes(struct ext4 *fs)
{
	const struct ext4_sb *es = fs->es;

	if (es->log_cluster_size != es->log_block_size && ext4_ro_compat(fs, RO_COMPAT_BIGALLOC))
		return bad(fs, "unsupported cluster size", es->log_cluster_size);
	fs->inode_size = es->rev_level ? es->inode_size : EXT4_GOOD_OLD_INODE;
	fs->first_ino = es->rev_level ? es->first_ino : EXT4_GOOD_OLD_FIRST_INO;
	if (fs->first_ino < EXT4_GOOD_OLD_FIRST_INO)
		return bad(fs, "invalid first ino", fs->first_ino);
	if (fs->inode_size < EXT4_GOOD_OLD_INODE || fs->inode_size > fs->block_size ||
	    (fs->inode_size & (fs->inode_size - 1)))
		return bad(fs, "unsupported inode size", fs->inode_size);
	fs->desc_size = ext4_incompat(fs, INCOMPAT_64BIT) ? es->desc_size : 32;
	if (fs->desc_size < 32 || fs->desc_size > 1024 || (fs->desc_size & (fs->desc_size - 1)) ||
	    (ext4_incompat(fs, INCOMPAT_64BIT) && fs->desc_size < 64))
		return bad(fs, "unsupported descriptor size", fs->desc_size);
	/* A descriptor in memory is 64 bytes, whatever the disk adds to it. */
	fs->descs_per_block = fs->block_size / fs->desc_size;
	fs->inodes_per_block = fs->block_size / fs->inode_size;
	fs->blocks_per_group = es->blocks_per_group;
	fs->inodes_per_group = es->inodes_per_group;
	if (!fs->blocks_per_group || fs->blocks_per_group > fs->block_size * 8 ||
	    fs->blocks_per_group % 8)
		return bad(fs, "#blocks per group", fs->blocks_per_group);
	if (fs->inodes_per_group < fs->inodes_per_block ||
	    fs->inodes_per_group > fs->block_size * 8 || fs->inodes_per_group % 8 ||
	    fs->inodes_per_group % fs->inodes_per_block)
		return bad(fs, "#inodes per group", fs->inodes_per_group);
	fs->itable_blocks = fs->inodes_per_group / fs->inodes_per_block;
	return 0;
}

static int check_geometry(struct ext4 *fs)
{
	const struct ext4_sb *es = fs->es;
	u64 device = fs->bdev->size >> fs->block_bits, groups;

	fs->first_data_block = es->first_data_block;
	fs->blocks_count = ext4_lo_hi(es->blocks_count_lo,
				      ext4_incompat(fs, INCOMPAT_64BIT) ? es->blocks_count_hi : 0);
	if (fs->blocks_count > device) {
		ext4_msg(fs, "error",
			 "bad geometry: block count %llu exceeds size of device (%llu blocks)",
			 (unsigned long long)fs->blocks_count, (unsigned long long)device);
		return -EINVAL;
	}
	if (fs->first_data_block != (fs->block_size == EXT4_MIN_BLOCK ? 1 : 0))
		return bad(fs, "bad geometry: first data block", fs->first_data_block);
	if (fs->blocks_count <= fs->first_data_block + 1ULL)
		return bad(fs, "bad geometry: block count", fs->blocks_count);
	if (ext4_incompat(fs, INCOMPAT_EXTENTS))
		fs->pool = MIN(fs->blocks_count / 50, (u64)POOL_MAX); /* as Linux */
	groups = (fs->blocks_count - fs->first_data_block + fs->blocks_per_group - 1) /
		 fs->blocks_per_group;
	if (groups * fs->inodes_per_group != es->inodes_count)
		return bad(fs, "inodes count not valid", es->inodes_count);
	fs->ngroups = (u32)groups;
	fs->inodes_count = es->inodes_count;
	fs->ngdb = (fs->ngroups + fs->descs_per_block - 1) / fs->descs_per_block;
	if (ext4_incompat(fs, INCOMPAT_META_BG) && es->first_meta_bg > fs->ngdb)
		return bad(fs, "first meta block group too large", es->first_meta_bg);
	if (es->reserved_gdt_blocks > fs->block_size / 4)
		return bad(fs, "Number of reserved GDT blocks insanely large",
			   es->reserved_gdt_blocks);
	if (!ext4_incompat(fs, INCOMPAT_META_BG) && fs->sbh->block + fs->ngdb >= fs->blocks_count)
		return bad(fs, "too many descriptors", fs->ngdb);
	return 0;
}

/* Sizes that block maps, extents and the inode's count of blocks can express. */
static void set_max_sizes(struct ext4 *fs)
{
	u64 per = fs->block_size / 4, blocks = EXT4_NDIR + per + per * per + per * per * per;

	/* Without huge_file a file has less than 2^32 sectors. */
	if (!ext4_ro_compat(fs, RO_COMPAT_HUGE_FILE))
		blocks = MIN(blocks, (1ULL << 32 >> (fs->block_bits - 9)) - 1 - per * per);
	fs->max_size[0] = MIN(blocks, (u64)EXT4_MAX_LBLK) << fs->block_bits;
	blocks = EXT4_MAX_LBLK;
	if (!ext4_ro_compat(fs, RO_COMPAT_HUGE_FILE))
		blocks = MIN(blocks, (1ULL << 32 >> (fs->block_bits - 9)) - 1 - 1024);
	fs->max_size[1] = blocks << fs->block_bits;
	if (!ext4_ro_compat(fs, RO_COMPAT_LARGE_FILE) && fs->es->rev_level == 0)
		fs->max_size[0] = MIN(fs->max_size[0], 0x7fffffffULL);
}

static void set_hash(struct ext4 *fs)
{
	memcpy(fs->hash_seed, fs->es->hash_seed, sizeof(fs->hash_seed));
	fs->hash_unsigned = fs->es->flags & EXT4_FLAG_UNSIGNED_HASH ? 3 : 0;
}

static int check_csum(struct ext4 *fs)
{
	fs->csum = ext4_ro_compat(fs, RO_COMPAT_METADATA_CSUM);
	fs->gdt_csum = !fs->csum && ext4_ro_compat(fs, RO_COMPAT_GDT_CSUM);
	if (!fs->csum)
		return 0;
	if (fs->es->checksum_type != 1) {
		ext4_msg(fs, "error",
			 "VFS: Found ext4 filesystem with unknown checksum algorithm.");
		return -EINVAL;
	}
	if (fs->es->checksum != ext4_csum_super(fs->es)) {
		ext4_msg(
			fs, "error",
			"VFS: Found ext4 filesystem with invalid superblock checksum.  Run e2fsck?");
		return -EUCLEAN;
	}
	fs->csum_seed = fs->es->checksum_seed;
	if (!ext4_incompat(fs, INCOMPAT_CSUM_SEED))
		fs->csum_seed = crc32c(~0u, fs->es->uuid, sizeof(fs->es->uuid));
	return 0;
}

/* The superblock's own buffer, at a block size that it says itself. */
static int read_super(struct ext4 *fs)
{
	struct ext4_sb *sb = kmalloc(sizeof(*sb));
	int err = -ENOMEM;

	if (!sb)
		return err;
	if (fs->bdev->logical_size > EXT4_SB_OFFSET)
		err = bad(fs, "unsupported sector size", fs->bdev->logical_size);
	else if (fs->bdev->size < EXT4_SB_OFFSET + sizeof(*sb))
		err = -EINVAL;
	else
		err = blk_read(fs->bdev, EXT4_SB_OFFSET, sb, sizeof(*sb));
	if (err || sb->magic != EXT4_MAGIC) {
		ext4_msg(fs, "error", "VFS: Can't find ext4 filesystem");
		err = err ? err : -EINVAL;
	} else if (sb->log_block_size > 2) {
		err = bad(fs, "blocksize too large, log", sb->log_block_size);
	} else {
		fs->block_bits = 10 + sb->log_block_size;
		fs->block_size = 1u << fs->block_bits;
		err = buffer_set_size(fs->bdev, fs->block_size);
	}
	kfree(sb);
	if (!err)
		err = buffer_read(fs->bdev, EXT4_SB_OFFSET / fs->block_size, &fs->sbh);
	if (err)
		return err;
	fs->es = (struct ext4_sb *)(fs->sbh->data + EXT4_SB_OFFSET % fs->block_size);
	return fs->es->magic == EXT4_MAGIC && fs->es->log_block_size + 10 == fs->block_bits ?
		       0 :
		       -EINVAL;
}

int ext4_load_super(struct ext4 *fs, u32 *flags, const char *data)
{
	int err = read_super(fs);

	if (!err)
		err = check_csum(fs);
	if (!err)
		err = ext4_check_features(fs, flags);
	if (err)
		return err;
	ext4_default_options(fs, &fs->defaults);
	fs->opts = fs->defaults;
	err = ext4_parse_options(fs, &fs->opts, data);
	if (!err)
		err = check_sizes(fs);
	if (!err)
		err = check_geometry(fs);
	if (err)
		return err;
	set_max_sizes(fs);
	set_hash(fs);
	return ext4_load_groups(fs);
}

/* --- blocks that no file may have --- */

static int by_start(const void *a, const void *b)
{
	const struct ext4_zone *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void add_zone(struct ext4 *fs, u64 start, u64 n)
{
	if (n)
		fs->zones[fs->nzones++] = (struct ext4_zone){ start, start + n };
}

int ext4_setup_zones(struct ext4 *fs)
{
	u32 n = 0;

	fs->nzones = 0;
	fs->zones = kmalloc((size_t)fs->ngroups * 4 * sizeof(*fs->zones));
	if (!fs->zones)
		return -ENOMEM;
	for (u32 g = 0; g < fs->ngroups; g++) {
		struct ext4_desc *d = ext4_desc(fs, g, NULL);

		add_zone(fs, ext4_group_start(fs, g), ext4_base_meta_blocks(fs, g));
		add_zone(fs, ext4_bg_block_bitmap(fs, d), 1);
		add_zone(fs, ext4_bg_inode_bitmap(fs, d), 1);
		add_zone(fs, ext4_bg_inode_table(fs, d), fs->itable_blocks);
	}
	qsort(fs->zones, fs->nzones, sizeof(*fs->zones), by_start);
	for (u32 i = 1; i < fs->nzones; i++) {
		if (fs->zones[i].start <= fs->zones[n].end)
			fs->zones[n].end = MAX(fs->zones[n].end, fs->zones[i].end);
		else
			fs->zones[++n] = fs->zones[i];
	}
	fs->nzones = n + 1;
	return 0;
}

bool ext4_valid_blocks(const struct ext4 *fs, u64 b, u64 n)
{
	u32 lo = 0, hi = fs->nzones;

	if (b <= fs->first_data_block || !n || n > fs->blocks_count || b > fs->blocks_count - n)
		return false;
	while (lo < hi) { /* the first zone that ends behind b */
		u32 mid = (lo + hi) / 2;

		if (fs->zones[mid].end <= b)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == fs->nzones || fs->zones[lo].start >= b + n;
}
