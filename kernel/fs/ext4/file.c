/* SPDX-License-Identifier: MIT */
/*
 * Open files: read, write, seek, mmap, fsync; truncation.
 */
#include "fs/ext4/priv.h"

#include "abi/fcntl.h"
#include "abi/stat.h"

static int ext4_open(struct inode *inode, struct file *f)
{
	struct pagecache *pc;
	int err = ext4_of(inode)->shut ? -EIO : ext4_pc_get(inode, &pc);

	if (!err)
		f->wb_err = pagecache_err_sample(pc);
	return err;
}

/* An inode gets blocks for what it held itself: before writing. */
static int make_blocks(struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err;

	if (!ext4_is_inline(inode))
		return 0;
	err = ext4_start(fs, EXT4_CREDITS_TREE + EXT4_CREDITS_XATTR + EXT4_CREDITS_ALLOC, &h);
	if (err)
		return err;
	err = ext4_inline_convert(h, inode);
	ext4_stop(fs, h);
	return err;
}

static ssize ext4_read(struct file *f, struct iter *to, off64 *pos)
{
	struct pagecache *pc = ext4_i(f->inode)->pc;
	u64 start = (u64)*pos;
	ssize n;

	if (ext4_of(f->inode)->shut)
		return -EIO;
	if (f->flags & O_DIRECT) {
		int err = pagecache_sync(pc, start, start + to->count);

		if (err)
			return err;
	}
	n = pagecache_read(pc, to, pos);
	file_accessed(f);
	return n;
}

/* Blocks that were there already: the new size need not wait for them. */
static int size_grew(struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err;

	if (inode->size <= ext4_i(inode)->disk_size ||
	    ext4_is_delayed(inode, (inode->size - 1) / PAGE_SIZE))
		return 0;
	err = ext4_start(fs, EXT4_CREDITS_SUPER + 1, &h);
	if (err)
		return err;
	ext4_i(inode)->disk_size = inode->size;
	err = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	return err;
}

/* Holes between the old end and the place of writing: what a mapping left behind the end goes. */
static int zero_old_end(struct inode *inode, u64 pos)
{
	u64 size = inode->size, end = ALIGN_UP(size, PAGE_SIZE);

	if (pos <= size || size == end || !pagecache_cached(ext4_i(inode)->pc, size / PAGE_SIZE))
		return 0;
	return pagecache_zero(ext4_i(inode)->pc, size, MIN(end, pos));
}

static ssize write_locked(struct file *f, struct iter *from, off64 *pos)
{
	struct inode *inode = f->inode;
	struct ext4_inode *ei = ext4_i(inode);
	u64 max = ext4_size_max(inode);
	size_t cut = 0;
	ssize n;
	int err;

	if (f->flags & O_APPEND)
		*pos = (off64)inode->size;
	if ((u64)*pos >= max)
		return -EFBIG;
	if (from->count > max - (u64)*pos) {
		cut = from->count - (max - (u64)*pos);
		from->count -= cut;
	}
	err = ext4_drop_caps(inode);
	if (!err)
		err = make_blocks(inode);
	if (!err)
		err = zero_old_end(inode, (u64)*pos);
	if (err)
		return err;
	ei->write_end = (u64)*pos + from->count;
	n = pagecache_write(ei->pc, from, pos);
	if ((u64)*pos > inode->size && n > 0)
		inode->size = (u64)*pos;
	ei->write_end = 0;
	from->count += cut;
	if (n <= 0)
		return n;
	inode_set_now(inode, ATTR_MTIME);
	err = size_grew(inode);
	return err ? err : n;
}

static ssize ext4_write(struct file *f, struct iter *from, off64 *pos)
{
	struct inode *inode = f->inode;
	ssize n = ext4_writable(ext4_of(inode));

	if (n)
		return n;
	if (unlikely(ext4_of(inode)->frozen))
		ext4_wait_thaw(ext4_of(inode));
	mutex_lock(&inode->lock);
	n = write_locked(f, from, pos);
	mutex_unlock(&inode->lock);
	if (n > 0 && (f->flags & O_DIRECT)) {
		int err = pagecache_sync(ext4_i(inode)->pc, (u64)(*pos - n), (u64)*pos);

		if (err)
			return err;
	}
	return n;
}

static int ext4_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	struct inode *inode = f->inode;
	bool write = (flags & 3) == 1 && (f->mode & FMODE_WRITE); /* MAP_SHARED */
	int err = 0;

	if (ext4_of(inode)->shut)
		return -EIO;
	mutex_lock(&inode->lock);
	if (write && !ext4_readonly(ext4_of(inode)))
		err = make_blocks(inode);
	mutex_unlock(&inode->lock);
	if (err)
		return err;
	file_accessed(f);
	return pagecache_backing(ext4_i(inode)->pc, write, out);
}

int ext4_sync_tid(struct ext4 *fs, u64 tid, bool data)
{
	/* Data that was written over has no transaction. */
	bool flush = fs->opts.barrier && (!fs->journal || (data && !journal_will_flush(fs->journal, tid)));
	int err = 0;

	if (!fs->journal)
		err = buffers_sync(fs->bdev);
	else if (tid)
		err = journal_commit_wait(fs->journal, tid);
	if (!err && flush)
		err = blk_flush(fs->bdev);
	ext4_check_abort(fs);
	return err;
}

int ext4_fsync(struct file *f, bool datasync)
{
	struct inode *inode = f->inode;
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4 *fs = ext4_of(inode);
	u32 since = f->wb_err;
	int err = 0, err2;

	if (fs->dead)
		return fs->shut ? -EIO : -EROFS;
	if (fs->sb->flags & 1)
		return 0;
	err = ext4_write_inode(inode);
	if (ei->pc && S_ISREG(inode->mode)) {
		err2 = pagecache_err_check(ei->pc, &since);
		f->wb_err = since;
		err = err2 ? err2 : err;
	}
	err2 = ext4_sync_tid(fs, datasync ? ei->datasync_tid : ei->sync_tid, S_ISREG(inode->mode));
	return err ? err : err2;
}

/* Small files in their inode have none; a write moves them out of it. */
static struct pagecache *ext4_file_cache(struct file *f)
{
	return ext4_is_inline(f->inode) ? NULL : ext4_i(f->inode)->pc;
}

const struct file_ops ext4_file_fops = {
	.open = ext4_open,
	.read = ext4_read,
	.write = ext4_write,
	.llseek = ext4_llseek,
	.mmap = ext4_mmap,
	.fsync = ext4_fsync,
	.cache = ext4_file_cache,
	.fallocate = ext4_fallocate,
	.ioctl = ext4_ioctl,
};

/* --- truncation --- */

int ext4_truncate(struct inode *inode)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err;

	if (ext4_is_inline(inode) || !S_ISREG(inode->mode))
		return 0;
	err = ext4_start(fs, EXT4_CREDITS_TREE + 4, &h);
	if (err)
		return err;
	err = ext4_orphan_add(h, inode);
	if (!err)
		err = ext4_dirty(h, inode);
	if (!err)
		err = ext4_map_remove(&h, inode, ext4_blocks_of(fs, inode->size), EXT4_MAX_LBLK);
	if (!err)
		err = ext4_more_credits(fs, &h, 6);
	if (err >= 0)
		err = ext4_orphan_del(h, inode);
	if (!err)
		err = ext4_dirty(h, inode);
	if (h)
		ext4_stop(fs, h);
	return err;
}

/* Is there anything to zero in the block that the new end cuts? */
static int tail_in_use(struct inode *inode, u64 size, bool *out)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_map m = { .lblk = (u32)(size >> fs->block_bits), .len = 1 };
	int err = ext4_map_find(inode, &m);

	*out = !err && (m.flags || pagecache_cached(ext4_i(inode)->pc, size / PAGE_SIZE));
	return err;
}

/*
 * Before anything goes: blocks that are on their way behind the new end may become durable with it, in a transaction of
 * their own. Who mounts after that finds the inode on the list of orphans and cuts it.
 */
static int announce_cut(struct inode *inode, u64 size)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err;

	if (ext4_is_inline(inode))
		return 0;
	err = ext4_start(fs, EXT4_CREDITS_SUPER + 4, &h);
	if (err)
		return err;
	err = ext4_orphan_add(h, inode);
	if (!err) {
		ei->disk_size = MIN(size, ei->disk_size);
		err = ext4_dirty(h, inode);
	}
	ext4_stop(fs, h);
	return err;
}

static int shrink(struct inode *inode, u64 size)
{
	struct ext4_inode *ei = ext4_i(inode);
	u64 end = MIN(ALIGN_UP(size, (u64)ext4_of(inode)->block_size), inode->size);
	bool used = false;
	int err = 0;

	if (size < end)
		err = tail_in_use(inode, size, &used);
	if (!err && used)
		err = pagecache_zero(ei->pc, size, end);
	if (!err)
		err = announce_cut(inode, size);
	if (err)
		return err;
	inode->size = size;
	pagecache_truncate(ei->pc, size);
	ext4_undelay(inode, (size + PAGE_SIZE - 1) / PAGE_SIZE, ~0ULL);
	ei->disk_size = MIN(size, ei->disk_size);
	/* What is behind in the page that is left may be promised still; its blocks go. */
	return ext4_truncate(inode);
}

static int grow(struct inode *inode, u64 size)
{
	struct ext4 *fs = ext4_of(inode);
	struct handle *h;
	int err = zero_old_end(inode, size);

	if (!err)
		err = ext4_start(fs, 4, &h);
	if (err)
		return err;
	inode->size = size;
	/* While pages before are delayed, the end on disk follows them. */
	if (!ext4_i(inode)->ndelayed)
		ext4_i(inode)->disk_size = size;
	inode_set_now(inode, ATTR_MTIME);
	err = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	return err;
}

/* Blocks behind the end, from fallocate() with FALLOC_FL_KEEP_SIZE. */
static int blocks_behind(struct inode *inode, bool *out)
{
	u32 first = ext4_blocks_of(ext4_of(inode), inode->size), max = ext4_map_max(inode);
	int err = 0;

	*out = false;
	while (!err && !*out && first < max) {
		struct ext4_map m = { .lblk = first, .len = max - first };

		err = ext4_map_find(inode, &m);
		*out = !err && m.flags;
		first += MAX(m.len, 1u);
	}
	return err;
}

/* Truncated to the size that it has: what was allocated behind it goes, as in Linux. */
static int same_size(struct inode *inode)
{
	bool behind;
	int err = blocks_behind(inode, &behind);

	return !err && behind ? ext4_truncate(inode) : err;
}

int ext4_set_size(struct inode *inode, u64 size)
{
	struct pagecache *pc;
	int err;

	if (size > ext4_size_max(inode))
		return -EFBIG;
	err = ext4_pc_get(inode, &pc);
	if (!err)
		err = make_blocks(inode);
	if (err)
		return err;
	if (size == inode->size)
		return same_size(inode);
	return size < inode->size ? shrink(inode, size) : grow(inode, size);
}
