/* SPDX-License-Identifier: MIT */
/*
 * fallocate(2): room in advance, holes, zeroes, and parts of a file taken out or put in; and
 * where the holes are.
 */
#include "fs/ext4/priv.h"

#include "abi/fcntl.h"
#include "abi/ioctl.h"

#define CREDITS (EXT4_CREDITS_TREE + EXT4_CREDITS_ALLOC + 4)

static int finish(struct inode *inode, u64 new_size, u32 times)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err = ext4_start(fs, 4, &h);

	if (err)
		return err;
	if (new_size > inode->size) {
		inode->size = new_size;
		if (!ext4_i(inode)->ndelayed)
			ext4_i(inode)->disk_size = new_size;
	}
	inode_set_now(inode, times);
	err = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	return err;
}

/* Unwritten blocks for the holes of [from, to). */
static int allocate(struct inode *inode, u32 from, u32 to)
{
	struct ext4 *fs = ext4_of(inode);
	int tries = 0, err = 0;

	while (from < to && !err) {
		struct ext4_map m = { .lblk = from, .len = to - from };
		struct handle *h;

		err = ext4_start(fs, CREDITS, &h);
		if (err)
			return err;
		err = ext4_map_alloc(h, inode, &m, ALLOC_UNWRITTEN);
		if (!err)
			err = ext4_dirty(h, inode);
		ext4_stop(fs, h);
		if (!err)
			from += m.len;
		else if (err == -ENOSPC && ext4_retry_alloc(fs, &tries))
			err = 0;
	}
	return err;
}

static int free_range(struct inode *inode, u32 from, u32 to)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err;

	if (from >= to)
		return 0;
	err = ext4_start(fs, CREDITS, &h);
	if (err)
		return err;
	err = ext4_map_remove(&h, inode, from, to);
	if (!err)
		err = ext4_dirty(h, inode);
	if (h)
		ext4_stop(fs, h);
	return err;
}

/* Zeroes the parts of blocks at the edges, if they have blocks or are in the cache; whole blocks go. */
static int zero_edge(struct inode *inode, u64 from, u64 to)
{
	struct ext4_map m = { .lblk = (u32)(from >> ext4_of(inode)->block_bits), .len = 1 };
	int err = from < to ? ext4_map_find(inode, &m) : 0;

	if (err || from >= to ||
	    (!m.flags && !pagecache_cached(ext4_i(inode)->pc, from / PAGE_SIZE)))
		return err;
	return pagecache_zero(ext4_i(inode)->pc, from, to);
}

static int punch(struct inode *inode, u64 from, u64 to)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	u64 bs = fs->block_size, first = ALIGN_UP(from, bs), last;
	int err;

	to = MIN(to, inode->size);
	if (from >= to)
		return 0;
	last = to == inode->size ? ALIGN_UP(to, bs) : ALIGN_DOWN(to, bs);
	if (first > last)
		return zero_edge(inode, from, to);
	err = zero_edge(inode, from, first);
	if (!err && last < to)
		err = zero_edge(inode, last, to);
	if (!err) /* pages that lie in it only in part are on disk before blocks go from under them */
		err = pagecache_sync(ei->pc, first, last);
	if (err)
		return err;
	pagecache_drop(ei->pc, first, last, true);
	ext4_undelay(inode, (first + PAGE_SIZE - 1) / PAGE_SIZE, last / PAGE_SIZE);
	return free_range(inode, (u32)(first >> fs->block_bits), (u32)(last >> fs->block_bits));
}

static int do_punch(struct inode *inode, u64 off, u64 len)
{
	int err = punch(inode, off, off + len);

	return err ? err : finish(inode, 0, ATTR_MTIME);
}

static int do_alloc(struct inode *inode, u64 off, u64 len, bool keep)
{
	struct ext4 *fs = ext4_of(inode);
	int err;

	if (!keep && off + len > ext4_size_max(inode))
		return -EFBIG;
	/* What is promised to dirty pages becomes real first, or it would be written into unwritten blocks twice. */
	err = pagecache_sync(ext4_i(inode)->pc, off, off + len);
	if (!err)
		err = allocate(inode, (u32)(off >> fs->block_bits), ext4_blocks_of(fs, off + len));
	return err ? err : finish(inode, keep ? 0 : off + len, keep ? 0 : ATTR_MTIME);
}

static int do_zero(struct inode *inode, u64 off, u64 len, bool keep)
{
	int err = punch(inode, off, off + len);

	return err ? err : do_alloc(inode, off, len, keep);
}

/* Both need whole blocks; what is cached behind goes to disk and out of the cache. */
static int prepare_shift(struct inode *inode, u64 off, u64 len)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	int err;

	if (off % fs->block_size || len % fs->block_size)
		return -EINVAL;
	if (off >= inode->size)
		return -EINVAL;
	err = pagecache_sync(ei->pc, 0, ~0ULL);
	if (err)
		return err;
	pagecache_drop(ei->pc, ALIGN_DOWN(off, PAGE_SIZE), ~0ULL & PAGE_MASK, false);
	return 0;
}

static int set_end(struct inode *inode, u64 size)
{
	inode->size = ext4_i(inode)->disk_size = size;
	pagecache_truncate(ext4_i(inode)->pc, size);
	return finish(inode, 0, ATTR_MTIME);
}

static int shift(struct inode *inode, u32 from, s64 delta)
{
	struct handle *h;
	int err = ext4_start(ext4_of(inode), CREDITS, &h);

	if (err)
		return err;
	err = ext4_map_shift(&h, inode, from, delta);
	if (h)
		ext4_stop(ext4_of(inode), h);
	ext4_i(inode)->goal_pblk = 0;
	return err;
}

static int do_collapse(struct inode *inode, u64 off, u64 len)
{
	u32 bits = ext4_of(inode)->block_bits, from = (u32)(off >> bits), n = (u32)(len >> bits);
	int err;

	if (off + len >= inode->size)
		return -EINVAL;
	err = prepare_shift(inode, off, len);
	if (!err)
		err = free_range(inode, from, from + n);
	if (!err)
		err = shift(inode, from + n, -(s64)n);
	return err ? err : set_end(inode, inode->size - len);
}

static int do_insert(struct inode *inode, u64 off, u64 len)
{
	u32 bits = ext4_of(inode)->block_bits, from = (u32)(off >> bits), n = (u32)(len >> bits);
	struct handle *h;
	int err;

	if (len > ext4_size_max(inode) - inode->size)
		return -EFBIG;
	err = prepare_shift(inode, off, len);
	/* Preallocated blocks behind the end might be pushed over the largest number. */
	if (!err)
		err = free_range(inode, ext4_blocks_of(ext4_of(inode), inode->size), EXT4_MAX_LBLK);
	if (!err)
		err = ext4_start(ext4_of(inode), CREDITS, &h);
	if (err)
		return err;
	mutex_lock(&ext4_i(inode)->map_lock);
	err = ext4_ext_split_at(h, inode, from);
	mutex_unlock(&ext4_i(inode)->map_lock);
	ext4_stop(ext4_of(inode), h);
	if (!err)
		err = shift(inode, from, n);
	return err ? err : set_end(inode, inode->size + len);
}

static int dispatch(struct inode *inode, int mode, u64 off, u64 len)
{
	bool keep = mode & FALLOC_FL_KEEP_SIZE;

	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
		return do_alloc(inode, off, len, keep);
	case FALLOC_FL_PUNCH_HOLE:
		return keep ? do_punch(inode, off, len) : -EOPNOTSUPP;
	case FALLOC_FL_ZERO_RANGE:
		return do_zero(inode, off, len, keep);
	case FALLOC_FL_COLLAPSE_RANGE:
		return keep ? -EOPNOTSUPP : do_collapse(inode, off, len);
	case FALLOC_FL_INSERT_RANGE:
		return keep ? -EOPNOTSUPP : do_insert(inode, off, len);
	default:
		return -EOPNOTSUPP;
	}
}

int ext4_fallocate(struct file *f, int mode, off64 off, off64 len)
{
	struct inode *inode = f->inode;
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int tries = 0, err = ext4_writable(fs);

	if (err)
		return err;
	if (off < 0 || len <= 0)
		return -EINVAL;
	if ((u64)off + (u64)len > ext4_size_max(inode))
		return -EFBIG;
	mutex_lock(&inode->lock);
	err = ext4_drop_caps(inode);
	if (err)
		goto out;
	if (ext4_is_inline(inode)) {
		err = ext4_start(fs, CREDITS + EXT4_CREDITS_XATTR, &h);
		if (!err) {
			err = ext4_inline_convert(h, inode);
			ext4_stop(fs, h);
		}
		if (err)
			goto out;
	}
	/* Block maps know no unwritten blocks; holes are nothing special to them. */
	if (!(ext4_i(inode)->flags & EXT4_EXTENTS_FL) && !(mode & FALLOC_FL_PUNCH_HOLE))
		err = -EOPNOTSUPP;
	else
		do { /* a hole needs blocks, too: for the borders that it makes. Nothing is done twice */
			err = dispatch(inode, mode, (u64)off, (u64)len);
		} while (err == -ENOSPC && ext4_retry_alloc(fs, &tries));
out:
	mutex_unlock(&inode->lock);
	return err;
}

/* --- holes --- */

/* Data are written blocks: what was only in the cache has been written by now. *end: how far the answer goes. */
static int is_data(struct inode *inode, u64 off, u64 *end, bool *data)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_map m = { .lblk = (u32)(off >> fs->block_bits), .len = EXT4_MAX_LBLK };
	int err = off >> fs->block_bits >= EXT4_MAX_LBLK ? 0 : ext4_map_find(inode, &m);

	*end = ((u64)m.lblk + m.len) << fs->block_bits;
	*data = m.flags & MAP_MAPPED;
	return err;
}

off64 ext4_llseek(struct file *f, off64 off, int whence)
{
	struct inode *inode = f->inode;
	u64 at = (u64)off, end;
	bool data;
	int err = 0;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence);
	if (off < 0 || at >= inode->size)
		return -ENXIO;
	if (ext4_is_inline(inode))
		return f->pos = whence == SEEK_DATA ? off : (off64)inode->size;
	mutex_lock(&inode->lock);
	if (pagecache_dirty(ext4_i(inode)->pc))
		err = pagecache_sync(ext4_i(inode)->pc, at, ~0ULL);
	for (; !err && at < inode->size; at = end) {
		err = is_data(inode, at, &end, &data);
		if (err || data == (whence == SEEK_DATA))
			break;
	}
	mutex_unlock(&inode->lock);
	if (err)
		return err;
	if (at >= inode->size) {
		if (whence == SEEK_DATA)
			return -ENXIO;
		at = inode->size;
	}
	return f->pos = (off64)at;
}
