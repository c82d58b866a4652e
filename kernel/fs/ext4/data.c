/* SPDX-License-Identifier: MIT */
/*
 * File contents between page cache and disk. New blocks are allocated when pages are written out,
 * and their contents are on the device before the transaction with them can commit, because the handle
 * stays open until then: so a crash never shows what the blocks held before (data=ordered).
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"

#define JOURNALLED_MAX 32 /* blocks of contents in one handle, with data=journal */
#define WRITE_CREDITS (EXT4_CREDITS_TREE + 2 * EXT4_CREDITS_ALLOC + 2)

/* Requests under construction: one for each run of blocks that lie together on the device. */
struct io {
	struct blkdev *bdev;
	enum blk_op op;
	struct blk_req *req;
	struct blk_vec *vec;
	u32 nreq, nvec, max;
};

static int io_init(struct io *io, struct ext4 *fs, enum blk_op op, u32 max)
{
	*io = (struct io){ .bdev = fs->bdev, .op = op, .max = max };
	io->req = kzalloc(max * (sizeof(*io->req) + sizeof(*io->vec)));
	io->vec = (struct blk_vec *)(io->req + max);
	return io->req ? 0 : -ENOMEM;
}

static void io_add(struct io *io, u64 off, void *base, size_t len)
{
	struct blk_req *r = io->nreq ? &io->req[io->nreq - 1] : NULL;
	struct blk_vec *v = io->nvec ? &io->vec[io->nvec - 1] : NULL;

	if (!r || r->off + r->len != off) {
		r = &io->req[io->nreq++];
		list_init(&r->node);
		r->bdev = io->bdev;
		r->op = io->op;
		r->off = off;
		r->vec = &io->vec[io->nvec];
		v = NULL;
	}
	r->len += len;
	if (v && (u8 *)v->base + v->len == base) {
		v->len += len;
		return;
	}
	io->vec[io->nvec++] = (struct blk_vec){ base, len };
	r->nvec++;
}

static int io_run(struct io *io)
{
	int err = io->nreq ? blk_submit_wait(io->req, io->nreq) : 0;

	kfree(io->req);
	io->req = NULL;
	return err;
}

/* Address of block lblk in the pages of a run. */
static u8 *in_run(const struct ext4 *fs, const struct page_run *run, u64 lblk)
{
	u64 off = (lblk << fs->block_bits) - run->index * PAGE_SIZE;

	return (u8 *)run->pages[off / PAGE_SIZE] + off % PAGE_SIZE;
}

static u64 first_block(const struct ext4 *fs, const struct page_run *run)
{
	return run->index << (12 - fs->block_bits);
}

static u64 end_block(const struct ext4 *fs, const struct page_run *run)
{
	return (run->index + run->n) << (12 - fs->block_bits);
}

static void add_blocks(struct io *io, const struct ext4 *fs, const struct page_run *run,
		       const struct ext4_map *m)
{
	for (u32 i = 0; i < m->len; i++)
		io_add(io, (m->pblk + i) << fs->block_bits, in_run(fs, run, (u64)m->lblk + i),
		       fs->block_size);
}

static bool journalled(const struct ext4 *fs)
{
	return fs->journal && fs->opts.data == EXT4_DATA_JOURNAL;
}

/* --- reading --- */

/* With data=journal what the disk has may be older than what the journal still holds. */
static int read_buffers(struct ext4 *fs, struct page_run *run, const struct ext4_map *m)
{
	struct buffer *bh;

	for (u32 i = 0; i < m->len; i++) {
		int err = buffer_read(fs->bdev, m->pblk + i, &bh);

		if (err)
			return err;
		memcpy(in_run(fs, run, (u64)m->lblk + i), bh->data, fs->block_size);
		buffer_put(bh);
	}
	return 0;
}

static int read_inline(struct inode *inode, struct page_run *run)
{
	void *data;
	u32 n;
	int err = ext4_inline_read(inode, &data, &n);

	if (err)
		return err;
	for (u32 i = 0; i < run->n; i++)
		memset(run->pages[i], 0, PAGE_SIZE);
	if (!run->index)
		memcpy(run->pages[0], data, MIN((u64)n, MIN(inode->size, (u64)PAGE_SIZE)));
	kfree(data);
	return 0;
}

static void zero_behind(const struct ext4 *fs, struct page_run *run, u64 size)
{
	u64 start = run->index * PAGE_SIZE, off;

	if (size <= start || size >= start + run->n * PAGE_SIZE)
		return;
	off = size - start;
	memset((u8 *)run->pages[off / PAGE_SIZE] + off % PAGE_SIZE, 0, PAGE_SIZE - off % PAGE_SIZE);
}

/* Where contents end, with what is being written. */
static u64 end_of_contents(const struct inode *inode)
{
	return MAX(inode->size, ext4_i(inode)->write_end);
}

static int pc_read(struct pagecache *pc, struct page_run *run)
{
	struct inode *inode = pagecache_private(pc);
	struct ext4 *fs = ext4_of(inode);
	u64 at = first_block(fs, run), end = end_block(fs, run), size = end_of_contents(inode), have;
	struct io io;
	int err, err2;

	if (ext4_is_inline(inode))
		return read_inline(inode, run);
	err = io_init(&io, fs, BLK_READ, (u32)(end - at));
	if (err)
		return err;
	have = MIN((size + fs->block_size - 1) >> fs->block_bits, (u64)EXT4_MAX_LBLK);
	while (at < end && !err) {
		struct ext4_map m = { .lblk = (u32)at, .len = (u32)(MIN(end, have) - at) };

		if (at >= have) {
			for (; at < end; at++)
				memset(in_run(fs, run, at), 0, fs->block_size);
			break;
		}
		err = ext4_map_find(inode, &m);
		if (err)
			break;
		if ((m.flags & MAP_MAPPED) && journalled(fs))
			err = read_buffers(fs, run, &m);
		else if (m.flags & MAP_MAPPED)
			add_blocks(&io, fs, run, &m);
		else
			for (u32 i = 0; i < m.len; i++)
				memset(in_run(fs, run, at + i), 0, fs->block_size);
		at += m.len;
	}
	err2 = io_run(&io);
	zero_behind(fs, run, size);
	return err ? err : err2;
}

/* --- writing --- */

/* All blocks are there: no transaction is needed. 1: they are not. */
static int overwrite(struct inode *inode, struct page_run *run, u64 at, u64 end)
{
	struct ext4 *fs = ext4_of(inode);
	struct io io;
	int err;

	if (journalled(fs))
		return 1;
	err = io_init(&io, fs, BLK_WRITE, (u32)(end - at));
	while (!err && at < end) {
		struct ext4_map m = { .lblk = (u32)at, .len = (u32)(end - at) };

		err = ext4_map_find(inode, &m);
		if (!err && !(m.flags & MAP_MAPPED))
			err = 1;
		if (!err)
			add_blocks(&io, fs, run, &m);
		at += m.len;
	}
	if (err) {
		kfree(io.req);
		return err;
	}
	return io_run(&io);
}

/* New blocks could not be filled: nobody may see what they held. */
static void hide_blocks(struct handle *h, struct inode *inode, const struct ext4_map *m)
{
	struct handle *same = h;

	if (ext4_map_convert(h, inode, m->lblk, m->len, true) == -EOPNOTSUPP)
		ext4_map_remove(&same, inode, m->lblk, m->lblk + m->len);
}

/* data=journal: contents are treated like metadata. */
static int write_buffers(struct handle *h, struct inode *inode, struct page_run *run,
			 const struct ext4_map *m)
{
	struct ext4 *fs = ext4_of(inode);
	int err = 0;

	for (u32 i = 0; i < m->len && !err; i++) {
		struct buffer *bh;

		err = buffer_get(fs->bdev, m->pblk + i, &bh);
		if (err)
			break;
		err = m->flags & MAP_NEW ? journal_get_create(h, bh) : journal_get_write(h, bh);
		if (!err) {
			memcpy(bh->data, in_run(fs, run, (u64)m->lblk + i), fs->block_size);
			bh->uptodate = true;
			err = journal_dirty(h, bh);
		}
		buffer_put(bh);
	}
	ext4_touch_tid(h, inode, true);
	return err;
}

static int write_blocks(struct ext4 *fs, struct page_run *run, const struct ext4_map *m)
{
	struct io io;
	int err = io_init(&io, fs, BLK_WRITE, m->len);

	if (err)
		return err;
	add_blocks(&io, fs, run, m);
	return io_run(&io);
}

static int write_mapped(struct handle *h, struct inode *inode, struct page_run *run,
			struct ext4_map *m)
{
	struct ext4 *fs = ext4_of(inode);
	int err = journalled(fs) ? write_buffers(h, inode, run, m) : write_blocks(fs, run, m);

	if (err && (m->flags & MAP_NEW))
		hide_blocks(h, inode, m);
	if (!err && (m->flags & MAP_UNWRITTEN))
		err = ext4_map_convert(h, inode, m->lblk, m->len, false);
	return err;
}

static u64 page_up(const struct ext4 *fs, u64 lblk)
{
	u64 per_page = PAGE_SIZE >> fs->block_bits;

	return (lblk + per_page - 1) / per_page;
}

/* One run of blocks with a handle; *at moves behind it. */
static int write_chunk(struct inode *inode, struct page_run *run, u64 *at, u64 end)
{
	struct ext4 *fs = ext4_of(inode);
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4_map m = { .lblk = (u32)*at, .len = (u32)(end - *at) };
	u64 reached;
	struct handle *h;
	int err;

	if (journalled(fs))
		m.len = MIN(m.len, (u32)JOURNALLED_MAX);
	err = ext4_start_writeback(fs, WRITE_CREDITS + (journalled(fs) ? m.len : 0), &h);
	if (err)
		return err;
	err = ext4_map_alloc(h, inode, &m, ALLOC_DELAYED);
	/* Their blocks are counted as used now. A page that is not complete keeps its promise. */
	if (!err)
		ext4_undelay(inode, page_up(fs, m.lblk), (m.lblk + (u64)m.len) >> (12 - fs->block_bits));
	if (!err)
		err = write_mapped(h, inode, run, &m);
	reached = MIN(((u64)m.lblk + m.len) << fs->block_bits, inode->size);
	if (!err && reached > ei->disk_size)
		ei->disk_size = reached;
	if (!err)
		err = ext4_dirty(h, inode);
	ext4_stop(fs, h);
	*at += m.len;
	return err;
}

static int pc_write(struct pagecache *pc, struct page_run *run)
{
	struct inode *inode = pagecache_private(pc);
	struct ext4 *fs = ext4_of(inode);
	u64 at = first_block(fs, run), end = end_block(fs, run);
	int tries = 0, err;

	if (fs->dead)
		return fs->shut ? -EIO : -EROFS;
	end = MIN(end, (end_of_contents(inode) + fs->block_size - 1) >> fs->block_bits);
	if (end > ext4_map_max(inode))
		return -EFBIG;
	if (at >= end || ext4_is_inline(inode)) {
		ext4_undelay(inode, run->index, run->index + run->n);
		return 0;
	}
	err = overwrite(inode, run, at, end);
	while (at < end && err > 0) {
		int err2 = write_chunk(inode, run, &at, end);

		if (err2 == -ENOSPC && ext4_retry_alloc(fs, &tries))
			continue;
		if (err2)
			err = err2;
	}
	/* Written or lost: no room is kept for them any more. */
	ext4_undelay(inode, run->index, run->index + run->n);
	if (err < 0)
		ext4_msg(
			fs, "warning",
			"Delayed block allocation or write failed for inode %llu at page %llu: error %d. "
			"This should not happen!! Data will be lost",
			(unsigned long long)inode->ino, (unsigned long long)run->index, err);
	return err < 0 ? err : 0;
}

/* Has the page a block for each of its parts up to the end that is to be? */
static int all_mapped(struct inode *inode, u64 page, bool *out)
{
	struct ext4 *fs = ext4_of(inode);
	u64 at = page << (12 - fs->block_bits), end = at + (PAGE_SIZE >> fs->block_bits);

	*out = false;
	if (end > ext4_map_max(inode))
		return -EFBIG;
	while (at < end) {
		struct ext4_map m = { .lblk = (u32)at, .len = (u32)(end - at) };
		int err = ext4_map_find(inode, &m);

		if (err || !m.flags)
			return err;
		at += m.len;
	}
	*out = true;
	return 0;
}

static bool enough(const struct ext4 *fs)
{
	return ext4_usable(fs) >= (PAGE_SIZE >> fs->block_bits) + 4;
}

static int pc_reserve(struct pagecache *pc, u64 page)
{
	struct inode *inode = pagecache_private(pc);
	struct ext4 *fs = ext4_of(inode);
	bool mapped;
	int tries = 0, err = ext4_writable(fs);

	if (unlikely(fs->frozen))
		ext4_wait_thaw(fs);
	if (err || ext4_is_delayed(inode, page))
		return err;
	err = all_mapped(inode, page, &mapped);
	if (err || mapped)
		return err;
	while (!enough(fs))
		if (!ext4_retry_alloc(fs, &tries))
			return -ENOSPC;
	return ext4_delay(inode, page);
}

static u64 pc_size(struct pagecache *pc)
{
	const struct inode *inode = pagecache_private(pc);

	return inode->size;
}

static void pc_wrote(struct pagecache *pc)
{
	inode_set_now(pagecache_private(pc), ATTR_MTIME);
}

static const struct pagecache_ops pc_ops = {
	.read = pc_read,
	.write = pc_write,
	.reserve = pc_reserve,
	.size = pc_size,
	.wrote = pc_wrote,
};

int ext4_pc_get(struct inode *inode, struct pagecache **out)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct pagecache_id id = { .dev = inode->sb->dev | 1ULL << 40,
				   .ino = inode->ino,
				   .dev_mm = inode->sb->dev };
	int err = ei->pc ? 0 : pagecache_new(&pc_ops, inode, &id, &ei->pc);

	if (!err)
		*out = ei->pc;
	return err;
}
