/* SPDX-License-Identifier: MIT */
/*
 * Inode numbers. A file goes to the group of its directory, a directory near its parent, and those
 * at the top are spread over the disk, so that each tree has room to stay together.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "core/random.h"

#define INHERITED                                                                                  \
	(EXT4_SECRM_FL | EXT4_UNRM_FL | EXT4_COMPR_FL | EXT4_SYNC_FL | EXT4_NODUMP_FL |            \
	 EXT4_NOATIME_FL | EXT4_JOURNAL_DATA_FL | EXT4_NOTAIL_FL | EXT4_DIRSYNC_FL |               \
	 EXT4_PROJINHERIT_FL | EXT4_DAX_FL)

static u32 group_of(const struct ext4 *fs, u64 ino)
{
	return (u32)(ino - 1) / fs->inodes_per_group;
}

static u32 free_inodes(const struct ext4 *fs, u32 group)
{
	return fs->groups[group].inode_bad ? 0 :
					     ext4_bg_free_inodes(fs, ext4_desc(fs, group, NULL));
}

static u32 free_blocks(const struct ext4 *fs, u32 group)
{
	return fs->groups[group].block_bad ? 0 :
					     ext4_bg_free_blocks(fs, ext4_desc(fs, group, NULL));
}

/* Of the groups with at least average room the one with the fewest directories. */
static u32 spread(struct ext4 *fs)
{
	u32 avg_inodes = (u32)(fs->free_inodes / fs->ngroups),
	    avg_blocks = (u32)(fs->free_blocks / fs->ngroups);
	u32 best = fs->ngroups, best_dirs = UINT32_MAX, start = fs->rotor++ % fs->ngroups;

	for (u32 i = 0; i < fs->ngroups; i++) {
		u32 g = (start + i) % fs->ngroups;
		u32 dirs = ext4_bg_used_dirs(fs, ext4_desc(fs, g, NULL));

		if (!free_inodes(fs, g) || free_inodes(fs, g) < avg_inodes ||
		    free_blocks(fs, g) < avg_blocks || dirs >= best_dirs)
			continue;
		best = g;
		best_dirs = dirs;
	}
	return best < fs->ngroups ? best : start;
}

static u32 first_group(struct ext4 *fs, const struct inode *dir, u32 mode)
{
	u32 parent = group_of(fs, dir->ino);

	if (S_ISDIR(mode)) {
		if (dir->ino == EXT4_ROOT_INO || (ext4_i(dir)->flags & EXT4_TOPDIR_FL))
			return spread(fs);
		/* A parent's group that fills up has no room for another tree. */
		if (free_inodes(fs, parent) > fs->inodes_per_group / 8 &&
		    free_blocks(fs, parent) > fs->blocks_per_group / 8)
			return parent;
		return (parent + 1) % fs->ngroups;
	}
	return parent;
}

/* The group's blocks are in use from now on, if only by its inodes. */
static int init_block_bitmap(struct handle *h, struct ext4 *fs, u32 group)
{
	struct buffer *bh, *gdb;
	struct ext4_desc *d = ext4_desc(fs, group, &gdb);
	u32 n = ext4_group_blocks(fs, group), free = 0;
	int err;

	if (!(fs->csum || fs->gdt_csum) || !(d->flags & EXT4_BG_BLOCK_UNINIT))
		return 0;
	err = ext4_read_block_bitmap(fs, group, &bh);
	if (err)
		return err;
	err = journal_get_write(h, bh);
	if (!err && (d->flags & EXT4_BG_BLOCK_UNINIT)) {
		for (u32 i = 0; i < n; i++)
			free += !ext4_test_bit(bh->data, i);
		fs->free_blocks = fs->free_blocks - ext4_bg_free_blocks(fs, d) + free;
		d->flags &= (u16)~EXT4_BG_BLOCK_UNINIT;
		ext4_bg_set_free_blocks(fs, d, free);
		ext4_block_bitmap_csum_set(fs, d, bh);
		ext4_desc_csum_set(fs, group, d);
		err = journal_dirty(h, bh);
	}
	buffer_put(bh);
	return err;
}

/* Both buffers had journal_get_write. */
static int mark_used(struct handle *h, struct ext4 *fs, u32 group, u32 bit, struct buffer *bh,
		     bool dir)
{
	struct buffer *gdb;
	struct ext4_desc *d = ext4_desc(fs, group, &gdb);
	u32 touched;
	int err;

	ext4_set_bit(bh->data, bit);
	if (fs->csum || fs->gdt_csum) {
		touched = d->flags & EXT4_BG_INODE_UNINIT ?
				  0 :
				  fs->inodes_per_group - ext4_bg_itable_unused(fs, d);
		d->flags &= (u16)~EXT4_BG_INODE_UNINIT;
		if (bit >= touched)
			ext4_bg_set_itable_unused(fs, d, fs->inodes_per_group - bit - 1);
	}
	ext4_bg_set_free_inodes(fs, d, ext4_bg_free_inodes(fs, d) - 1);
	fs->free_inodes--;
	if (dir) {
		ext4_bg_set_used_dirs(fs, d, ext4_bg_used_dirs(fs, d) + 1);
		fs->ndirs++;
	}
	ext4_inode_bitmap_csum_set(fs, d, bh);
	ext4_desc_csum_set(fs, group, d);
	err = journal_dirty(h, bh);
	return err ? err : journal_dirty(h, gdb);
}

static u32 find_bit(const struct ext4 *fs, u32 group, const struct buffer *bh)
{
	return ext4_find_zero(bh->data, group ? 0 : fs->first_ino - 1, fs->inodes_per_group);
}

/* Is no other inode of bit's block of the table in use? Then the block may be anything on disk. */
static bool alone_in_block(const struct ext4 *fs, u32 bit, const struct buffer *bh)
{
	u32 first = bit / fs->inodes_per_block * fs->inodes_per_block;

	for (u32 i = first; i < first + fs->inodes_per_block; i++)
		if (i != bit && ext4_test_bit(bh->data, i))
			return false;
	return true;
}

static int alloc_in_group(struct handle *h, struct ext4 *fs, u32 group, bool dir, u32 *ino,
			  bool *alone)
{
	struct buffer *bh, *gdb;
	u32 bit;
	int err = ext4_read_inode_bitmap(fs, group, &bh);

	if (err)
		return err == -EUCLEAN ? -ENOSPC : err;
	err = find_bit(fs, group, bh) < fs->inodes_per_group ? 0 : -ENOSPC;
	ext4_desc(fs, group, &gdb);
	if (!err)
		err = journal_get_write(h, bh);
	if (!err)
		err = journal_get_write(h, gdb);
	if (!err)
		err = init_block_bitmap(h, fs, group);
	bit = find_bit(fs, group, bh);
	if (!err && (bit >= fs->inodes_per_group || !free_inodes(fs, group)))
		err = -ENOSPC;
	if (!err) {
		*alone = alone_in_block(fs, bit, bh);
		*ino = group * fs->inodes_per_group + bit + 1;
		err = mark_used(h, fs, group, bit, bh, dir);
	}
	buffer_put(bh);
	return err;
}

static int find_ino(struct handle *h, struct ext4 *fs, const struct inode *dir, u32 mode, u32 *ino,
		    bool *alone)
{
	u32 g = first_group(fs, dir, mode);
	int err = -ENOSPC;

	for (u32 i = 0; i < fs->ngroups && err == -ENOSPC; i++, g = (g + 1) % fs->ngroups)
		if (free_inodes(fs, g))
			err = alloc_in_group(h, fs, g, S_ISDIR(mode), ino, alone);
	return err;
}

static u32 inherit_flags(u32 mode, u32 parent)
{
	u32 flags = parent & INHERITED;

	if (S_ISDIR(mode))
		return flags;
	if (S_ISREG(mode))
		return flags & ~(u32)EXT4_DIRSYNC_FL;
	return flags & (EXT4_NODUMP_FL | EXT4_NOATIME_FL);
}

/* The first contents of its place in the table. */
static int write_first(struct handle *h, struct inode *inode, bool alone)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_loc loc;
	u32 index = (u32)(inode->ino - 1) % fs->inodes_per_group;
	u64 table = ext4_bg_inode_table(fs, ext4_desc(fs, group_of(fs, inode->ino), NULL));
	int err;

	if (alone) {
		err = buffer_get(fs->bdev, table + index / fs->inodes_per_block, &loc.bh);
		if (err)
			return err;
		loc.raw = (struct ext4_raw_inode *)(loc.bh->data +
						    index % fs->inodes_per_block * fs->inode_size);
		err = journal_get_create(h, loc.bh);
		if (err) {
			buffer_put(loc.bh);
			return err;
		}
		memset(loc.bh->data, 0, fs->block_size);
		loc.bh->uptodate = true;
	} else {
		err = ext4_loc_for_write(h, inode, &loc);
		if (err)
			return err;
		memset(loc.raw, 0, fs->inode_size);
	}
	err = ext4_dirty_raw(h, inode, &loc);
	buffer_put(loc.bh);
	return err;
}

static void init(struct inode *inode, struct inode *dir, u32 mode)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode), *pi = ext4_i(dir);

	inode_init_owner(inode, dir, mode);
	if (fs->opts.grpid)
		inode->gid = dir->gid;
	random_bytes(&ei->generation, sizeof(ei->generation));
	ei->csum_seed = fs->csum ? ext4_inode_seed(fs, (u32)inode->ino, ei->generation) : 0;
	ei->flags = inherit_flags(mode, pi->flags);
	inode->fsflags =
		ei->flags & (EXT4_SYNC_FL | EXT4_NODUMP_FL | EXT4_NOATIME_FL | EXT4_DIRSYNC_FL);
	if (pi->flags & EXT4_PROJINHERIT_FL)
		ei->projid = pi->projid;
	if (fs->inode_size > EXT4_GOOD_OLD_INODE)
		ei->extra_isize = sizeof(struct ext4_raw_inode) - EXT4_GOOD_OLD_INODE;
	else
		inode->btime = (struct ts_k){ 0 };
	if (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode))
		ext4_map_init(inode);
}

int ext4_new_inode(struct handle *h, struct inode *dir, u32 mode, struct inode **out)
{
	struct ext4 *fs = ext4_of(dir);
	struct inode *inode = ext4_inode_alloc(fs->sb, 0, mode);
	bool alone;
	u32 ino;
	int err;

	if (!inode)
		return -ENOMEM;
	err = find_ino(h, fs, dir, mode, &ino, &alone);
	if (err)
		goto fail;
	inode->ino = ino;
	init(inode, dir, mode);
	err = write_first(h, inode, alone);
	if (err)
		goto fail;
	ext4_set_ops(inode);
	ext4_hash_insert(inode);
	*out = inode;
	return 0;
fail:
	inode->ops = &ext4_special_inode_ops; /* not in the table: evict only frees it */
	iput(inode);
	return err;
}

int ext4_free_inode(struct handle *h, struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	u32 group = group_of(fs, inode->ino), bit = (u32)(inode->ino - 1) % fs->inodes_per_group;
	struct buffer *bh, *gdb;
	struct ext4_desc *d = ext4_desc(fs, group, &gdb);
	int err;

	if (inode->ino < fs->first_ino)
		return ext4_error(fs, (u32)inode->ino, 0, "reserved or nonexistent inode");
	ext4_i(inode)->dtime = (u32)current_ts().sec;
	err = ext4_dirty(h, inode);
	if (!err)
		err = ext4_read_inode_bitmap(fs, group, &bh);
	if (err)
		return err;
	err = journal_get_write(h, bh);
	if (!err)
		err = journal_get_write(h, gdb);
	if (!err && !ext4_test_bit(bh->data, bit))
		err = ext4_error(fs, (u32)inode->ino, 0, "bit already cleared for inode");
	if (!err) {
		u32 dirs = ext4_bg_used_dirs(fs, d);

		ext4_clear_bit(bh->data, bit);
		ext4_bg_set_free_inodes(fs, d, ext4_bg_free_inodes(fs, d) + 1);
		fs->free_inodes++;
		if (S_ISDIR(inode->mode) && dirs) {
			ext4_bg_set_used_dirs(fs, d, dirs - 1);
			fs->ndirs--;
		}
		ext4_inode_bitmap_csum_set(fs, d, bh);
		ext4_desc_csum_set(fs, group, d);
		err = journal_dirty(h, bh);
	}
	if (!err)
		err = journal_dirty(h, gdb);
	buffer_put(bh);
	return err;
}
