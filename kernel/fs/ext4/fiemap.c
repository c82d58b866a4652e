/* SPDX-License-Identifier: MIT */
/*
 * FS_IOC_FIEMAP and FIBMAP: the runs of a file's blocks, and the discarding of free ones (FITRIM).
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/fiemap.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "mm/user.h"

#define KNOWN_FLAGS (FIEMAP_FLAG_SYNC | FIEMAP_FLAG_CACHE | FIEMAP_FLAG_XATTR)

struct walk {
	uaddr_t to;
	u32 room, n;
};

/* false: stop. */
static bool give(struct walk *w, const struct fiemap_extent *e, int *err)
{
	if (w->room) {
		if (w->n == w->room)
			return false;
		if (copy_to_user(w->to + w->n * sizeof(*e), e, sizeof(*e))) {
			*err = -EFAULT;
			return false;
		}
	}
	w->n++;
	return true;
}

static int inline_extent(struct inode *inode, struct walk *w)
{
	struct fiemap_extent e = { .fe_length = inode->size,
				   .fe_flags = FIEMAP_EXTENT_DATA_INLINE |
					       FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_LAST };
	int err = 0;

	give(w, &e, &err);
	return err;
}

/* FIEMAP_FLAG_XATTR: the place of extended attributes, in the inode or in a block. */
static int xattr_extent(struct inode *inode, struct walk *w)
{
	struct ext4 *fs = ext4_of(inode);
	u32 skip = EXT4_GOOD_OLD_INODE + ext4_i(inode)->extra_isize;
	struct fiemap_extent e = { .fe_flags = FIEMAP_EXTENT_LAST };
	struct ext4_xarea a;
	struct ext4_loc loc;
	int err = ext4_raw_get(fs, (u32)inode->ino, &loc);

	if (err)
		return err;
	if (ext4_xarea_inode(inode, loc.raw, &a)) {
		e.fe_physical = (loc.bh->block << fs->block_bits) + (u64)((u8 *)loc.raw - loc.bh->data) + skip;
		e.fe_length = fs->inode_size - skip;
		e.fe_flags |= FIEMAP_EXTENT_DATA_INLINE;
	} else if (ext4_i(inode)->file_acl) {
		e.fe_physical = ext4_i(inode)->file_acl << fs->block_bits;
		e.fe_length = fs->block_size;
	}
	buffer_put(loc.bh);
	if (e.fe_length)
		give(w, &e, &err);
	return err;
}

#define MAP_DELAYED 0x100 /* promised: will have blocks when it is written out */

/* The first promised part of a hole, which becomes that. */
static bool promised(const struct inode *inode, struct ext4_map *m)
{
	u32 shift = 12 - ext4_of(inode)->block_bits, end = m->lblk + m->len;
	struct ext4_range r;
	u64 from, to;

	if (!ext4_next_delayed(inode, m->lblk >> shift, &r))
		return false;
	from = MAX(r.start << shift, (u64)m->lblk);
	to = MIN(r.end << shift, (u64)end);
	if (from >= to)
		return false;
	*m = (struct ext4_map){ .lblk = (u32)from, .len = (u32)(to - from), .flags = MAP_DELAYED };
	return true;
}

/* The next run at or after *at; len 0: there is none. */
static int next_run(struct inode *inode, u32 *at, u32 end, struct ext4_map *m)
{
	m->len = 0;
	while (*at < end) {
		*m = (struct ext4_map){ .lblk = *at, .len = end - *at };
		int err = ext4_map_find(inode, m);

		if (err)
			return err;
		*at = m->lblk + m->len;
		if (!m->flags && promised(inode, m))
			*at = m->lblk + m->len;
		if (m->flags)
			return 0;
	}
	m->len = 0;
	return 0;
}

static int walk(struct inode *inode, u64 from, u64 to, struct walk *w)
{
	u32 bits = ext4_of(inode)->block_bits;
	u32 at = (u32)MIN(from >> bits, (u64)EXT4_MAX_LBLK), max = ext4_map_max(inode);
	u64 end = MIN((to + ext4_of(inode)->block_size - 1) >> bits, (u64)max);
	struct ext4_map m, next;
	int err = next_run(inode, &at, max, &m);

	while (!err && m.len && m.lblk < end) {
		struct fiemap_extent e = { .fe_logical = (u64)m.lblk << bits,
					   .fe_physical = m.pblk << bits,
					   .fe_length = (u64)m.len << bits };

		err = next_run(inode, &at, max, &next);
		if (err)
			break;
		if (m.flags & MAP_UNWRITTEN)
			e.fe_flags |= FIEMAP_EXTENT_UNWRITTEN;
		if (m.flags & MAP_DELAYED)
			e.fe_flags |= FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN;
		if (!next.len)
			e.fe_flags |= FIEMAP_EXTENT_LAST;
		if (!give(w, &e, &err))
			break;
		m = next;
	}
	return err;
}

/* Blocks that are only promised have no place to tell; now they get one. */
static int settle(struct inode *inode)
{
	struct pagecache *pc = S_ISREG(inode->mode) ? ext4_i(inode)->pc : NULL;

	return pc && pagecache_dirty(pc) ? pagecache_sync(pc, 0, ~0ULL) : 0;
}

long ext4_ioc_fiemap(struct file *f, u64 arg)
{
	struct inode *inode = f->inode;
	struct fiemap fm;
	struct walk w;
	u64 end;
	int err;

	if (copy_from_user(&fm, arg, sizeof(fm)))
		return -EFAULT;
	if (fm.fm_flags & ~(u32)KNOWN_FLAGS) {
		fm.fm_flags &= ~(u32)KNOWN_FLAGS;
		return copy_to_user(arg, &fm, sizeof(fm)) ? -EFAULT : -EBADR;
	}
	if (!fm.fm_length || fm.fm_start > ext4_size_max(inode))
		return fm.fm_length ? -EFBIG : -EINVAL;
	end = fm.fm_length > INT64_MAX - fm.fm_start ? INT64_MAX : fm.fm_start + fm.fm_length;
	w = (struct walk){ arg + sizeof(fm), fm.fm_extent_count, 0 };
	err = fm.fm_flags & FIEMAP_FLAG_SYNC ? settle(inode) : 0;
	if (!err)
		err = fm.fm_flags & FIEMAP_FLAG_XATTR ? xattr_extent(inode, &w) :
		      ext4_is_inline(inode) ? inline_extent(inode, &w) :
					      walk(inode, fm.fm_start, end, &w);
	fm.fm_mapped_extents = w.n;
	if (!err && copy_to_user(arg, &fm, sizeof(fm)))
		err = -EFAULT;
	return err;
}

/* The old way to ask: one block of a file at a time; 0: a hole. */
long ext4_ioc_fibmap(struct file *f, uaddr_t arg)
{
	struct inode *inode = f->inode;
	struct ext4_map m = { .len = 1 };
	int block, err;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (!S_ISREG(inode->mode))
		return -ENOTTY;
	if (get_user(block, arg))
		return -EFAULT;
	if (block < 0)
		return -EINVAL;
	m.lblk = (u32)block;
	err = settle(inode);
	if (!err && !ext4_is_inline(inode) && m.lblk < ext4_map_max(inode))
		err = ext4_map_find(inode, &m);
	if (!err && m.pblk > INT32_MAX)
		err = -ERANGE;
	block = err || !m.flags ? 0 : (int)m.pblk;
	if (put_user(block, arg))
		return -EFAULT;
	return err;
}

int ext4_trim_group(struct ext4 *fs, u32 group, u32 from, u32 to, u32 minlen, u64 *trimmed)
{
	struct buffer *bh;
	int err = ext4_read_block_bitmap(fs, group, &bh);

	if (err)
		return err == -EUCLEAN ? 0 : err;
	while (from < to && !err) {
		const u8 *map = ext4_effective_bitmap(fs, group, bh);
		u32 start = ext4_find_zero(map, from, to), end = ext4_find_set(map, start, to);
		struct ext4_group *g = &fs->groups[group];

		from = end;
		if (end - start < minlen || start >= to)
			continue;
		/* While the device works, nobody may be given these blocks. */
		if (!g->pending && !(g->pending = kzalloc(fs->block_size))) {
			err = -ENOMEM;
			break;
		}
		ext4_set_bits(g->pending, start, end - start);
		g->npending += end - start;
		err = blk_discard(fs->bdev, (ext4_group_start(fs, group) + start) << fs->block_bits,
				  (u64)(end - start) << fs->block_bits);
		ext4_end_pending(fs, group, start, end - start);
		*trimmed += end - start;
	}
	buffer_put(bh);
	return err;
}
