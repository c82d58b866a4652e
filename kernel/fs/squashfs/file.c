/* SPDX-License-Identifier: MIT */
/*
 * Contents of files, in the page cache.
 */
#include "fs/squashfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "mm/pagecache.h"
#include "vfs/cached.h"

/* [off, off + n) of the file, in the pages of a run: a piece of from, or zeroes. */
static void to_pages(struct page_run *run, u64 off, const u8 *from, u64 n)
{
	off -= run->index * PAGE_SIZE;
	while (n) {
		u64 in = off % PAGE_SIZE, part = MIN(n, PAGE_SIZE - in);
		u8 *to = (u8 *)run->pages[off / PAGE_SIZE] + in;

		if (from)
			memcpy(to, from, part);
		else
			memset(to, 0, part);
		from = from ? from + part : NULL;
		off += part;
		n -= part;
	}
}

/* The end of the file lies in a fragment, at *from. */
static int get_fragment(struct inode *inode, struct sq_entry **e, u32 *from)
{
	struct sqfs *fs = sq_of(inode);
	struct sq_disk_fragment f;
	int err;

	if (sq_i(inode)->fragment >= fs->s.fragments)
		return sq_error(fs, "fragment %u of %u", sq_i(inode)->fragment, fs->s.fragments);
	err = sq_table_read(fs, fs->s.fragment_table, sq_i(inode)->fragment, &f, sizeof(f));
	*from = sq_i(inode)->frag_offset;
	return err ? err : sq_block_get(fs, &fs->fragments, f.start, f.word, e);
}

/* [start, end) of the file, within a block. */
static int read_piece(struct inode *inode, struct page_run *run, u64 start, u64 end)
{
	struct sqfs *fs = sq_of(inode);
	u64 block = start / fs->s.block_size, pos = 0, first = block * fs->s.block_size;
	u32 from = 0, word = 1, want = (u32)MIN((u64)fs->s.block_size, inode->size - first);
	bool in_block = block < sq_i(inode)->nblocks;
	struct sq_cache *c = in_block ? &fs->blocks : &fs->fragments;
	struct sq_entry *e;
	int err = in_block ? sq_find_block(inode, block, &pos, &word) : 0;

	if (err)
		return err;
	if (!word) {
		to_pages(run, start, NULL, end - start);
		return 0;
	}
	err = in_block ? sq_block_get(fs, c, pos, word, &e) : get_fragment(inode, &e, &from);
	if (err)
		return err;
	if (from > e->len || want > e->len - from || (in_block && want != e->len))
		err = sq_error(fs, "inode %llu: block %llu has %u bytes", (unsigned long long)inode->ino,
			       (unsigned long long)block, e->len);
	else
		to_pages(run, start, e->data + from + (start - first), end - start);
	sq_cache_put(c, e);
	return err;
}

static int pc_read(struct pagecache *pc, struct page_run *run)
{
	struct inode *inode = pagecache_private(pc);
	u64 block_size = sq_of(inode)->s.block_size;
	u64 at = run->index * PAGE_SIZE, end = at + run->n * PAGE_SIZE, stop = MIN(end, inode->size);
	int err = 0;

	while (at < stop && !err) {
		u64 part_end = MIN(ALIGN_DOWN(at, block_size) + block_size, stop);

		err = read_piece(inode, run, at, part_end);
		at = part_end;
	}
	if (!err && at < end)
		to_pages(run, at, NULL, end - at);
	return err;
}

static u64 pc_size(struct pagecache *pc)
{
	return ((struct inode *)pagecache_private(pc))->size;
}

/* Never called: nothing can be made dirty. */
static int pc_write(struct pagecache *pc, struct page_run *run)
{
	return -EROFS;
}

static const struct pagecache_ops pc_ops = { .read = pc_read, .write = pc_write, .size = pc_size };

static int sq_open(struct inode *inode, struct file *f)
{
	struct sq_inode *si = sq_i(inode);
	struct pagecache_id id = {
		.dev = inode->sb->dev | 1ULL << 40, .ino = si->ref, .dev_mm = inode->sb->dev,
	};
	int err = si->pc ? 0 : pagecache_new(&pc_ops, inode, &id, &si->pc);

	if (!err)
		cached_open(f, si->pc);
	return err;
}

static struct pagecache *sq_cache(struct file *f)
{
	return sq_i(f->inode)->pc;
}

static ssize sq_read(struct file *f, struct iter *to, off64 *pos)
{
	return cached_read(f, sq_cache(f), to, pos);
}

static int sq_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	return cached_mmap(f, sq_cache(f), flags, out);
}

const struct file_ops sq_file_fops = { .open = sq_open, .read = sq_read, .mmap = sq_mmap, .cache = sq_cache };
