/* SPDX-License-Identifier: MIT */
/*
 * tmpfs files as memfds: the change over at the first mmap, holes, preallocation.
 *
 * A guest process that opened the file for reading only must not get a descriptor that writes, so
 * there are two backings over one memfd.
 */
#include "fs/tmpfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/mman.h"
#include "host/host.h"
#include "host/path.h"
#include "lib/alloc.h"
#include "mm/mm.h"

/* More than this is preallocated in a memfd rather than page by page. */
#define HEAP_FALLOCATE_MAX (1 << 20)

static struct tdata *tdata(const struct inode *i)
{
	return &tnode(i)->data;
}

int tdata_fd(const struct inode *inode)
{
	const struct tdata *d = tdata(inode);

	return d->rw ? d->rw->hostfd : -1;
}

static void identify(struct backing *b, const struct inode *inode)
{
	/* Above every host device number, so that no host file is ever mistaken for it. */
	b->dev = (1ULL << 40) | inode->sb->dev;
	b->dev_mm = inode->sb->dev;
	b->ino = inode->ino;
}

static int copy_pages(const struct inode *inode, int fd)
{
	const struct pgtree *t = &tdata(inode)->pages;
	u64 i;

	for (i = 0; pg_next(t, &i); i++) {
		ssize n = host_pwrite(fd, pg_get(t, i), PAGE_SIZE, i * PAGE_SIZE);

		if (n != (ssize)PAGE_SIZE)
			return n < 0 ? (int)n : -ENOSPC;
	}
	/* The last page reaches over the end; preallocated ones may lie behind it. */
	return host_ftruncate(fd, inode->size);
}

int tdata_to_memfd(struct inode *inode)
{
	struct tdata *d = tdata(inode);
	struct backing *rw, *ro;
	int err;

	if (d->rw)
		return 0;
	err = backing_memfd("tmpfs", 0, &rw);
	if (err)
		return err;
	identify(rw, inode);
	err = copy_pages(inode, rw->hostfd);
	if (!err)
		err = backing_readonly(rw, &ro);
	if (err) {
		backing_put(rw);
		return err;
	}
	d->rw = rw;
	d->ro = ro;
	pg_free_range(&d->pages, 0, ~0ULL, kfree);
	tdata_recount(inode);
	return 0;
}

void tdata_recount(struct inode *inode)
{
	struct tdata *d = tdata(inode);
	struct tmpfs_sb *t = tsb(inode);
	struct host_stat st;
	s64 delta;

	if (!d->rw || host_file_stat(d->rw->hostfd, &st))
		return;
	delta = (s64)(st.blocks / (PAGE_SIZE / 512)) - (s64)d->charged;
	t->used_pages += (u64)delta;
	d->charged += (u64)delta;
	mem_charge_file(delta * (s64)PAGE_SIZE);
	if (delta)
		inode_changed(inode);
}

int tmpfs_mmap(struct file *f, u32 prot, u32 flags, struct backing **out)
{
	struct inode *inode = f->inode;
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;
	int err;

	mutex_lock(&inode->lock);
	err = tdata_to_memfd(inode);
	mutex_unlock(&inode->lock);
	if (err)
		return err;
	inode_changed(inode);		/* tmpfs_settled() */
	*out = backing_get(shared && (f->mode & FMODE_WRITE) ? tdata(inode)->rw
							     : tdata(inode)->ro);
	return 0;
}

/* --- holes --- */

static off64 heap_seek(const struct tdata *d, u64 off, u64 size, int whence)
{
	u64 i = off / PAGE_SIZE;

	if (whence == SEEK_DATA) {
		if (!pg_next(&d->pages, &i) || i * PAGE_SIZE >= size)
			return -ENXIO;
		return (off64)MAX(off, i * PAGE_SIZE);
	}
	while (i * PAGE_SIZE < size && pg_get(&d->pages, i))
		i++;
	return (off64)MIN(MAX(off, i * PAGE_SIZE), size);
}

static off64 seek(struct inode *inode, off64 off, int whence)
{
	if (tdata_fd(inode) < 0)
		return heap_seek(tdata(inode), (u64)off, inode->size, whence);
	return host_lseek(tdata_fd(inode), off, whence);
}

off64 tmpfs_llseek(struct file *f, off64 off, int whence)
{
	struct inode *inode = f->inode;
	off64 to;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(f, off, whence);
	if (off < 0 || (u64)off >= inode->size)
		return -ENXIO;
	to = seek(inode, off, whence);
	if (to >= 0)
		f->pos = to;
	return to;
}

u64 tmpfs_in_memory(struct file *f, u64 first, u64 last)
{
	u64 end = MIN(f->inode->size, MIN(last, ~0ULL / PAGE_SIZE - 1) * PAGE_SIZE + PAGE_SIZE), pages = 0;
	off64 hole = (off64)MIN(first * PAGE_SIZE, end), data;

	while ((u64)hole < end) {
		data = seek(f->inode, hole, SEEK_DATA);
		if (data < 0 || (u64)data >= end)
			break;
		hole = seek(f->inode, data, SEEK_HOLE);
		if (hole <= data)
			break;
		pages += (MIN((u64)hole, end) - (u64)data + PAGE_SIZE - 1) / PAGE_SIZE;
	}
	return pages;
}

/* --- fallocate --- */

static void zero_part(const struct tdata *d, u64 from, u64 to)
{
	u8 *page = pg_get(&d->pages, from / PAGE_SIZE);

	if (page && from < to)
		memset(page + from % PAGE_SIZE, 0, to - from);
}

static void heap_punch(struct inode *inode, u64 from, u64 to)
{
	struct tdata *d = tdata(inode);
	u64 first = ALIGN_UP(from, PAGE_SIZE), last = ALIGN_DOWN(to, PAGE_SIZE);

	if (first > last) {	/* inside one page */
		zero_part(d, from, to);
		return;
	}
	zero_part(d, from, first);
	zero_part(d, last, to);
	tdata_charge(inode, -(s64)pg_free_range(&d->pages, first / PAGE_SIZE, last / PAGE_SIZE,
						kfree));
}

static int heap_prealloc(struct inode *inode, u64 from, u64 to)
{
	struct tdata *d = tdata(inode);
	u64 i;

	for (i = from / PAGE_SIZE; i * PAGE_SIZE < to; i++) {
		void *page;
		int err;

		if (pg_get(&d->pages, i))
			continue;
		err = tdata_charge(inode, 1);
		if (err)
			return err;
		page = kzalloc(PAGE_SIZE);
		err = page ? pg_set(&d->pages, i, page) : -ENOMEM;
		if (err) {
			kfree(page);
			tdata_charge(inode, -1);
			return err;
		}
	}
	return 0;
}

static int prealloc(struct inode *inode, u64 from, u64 to)
{
	struct tmpfs_sb *t = tsb(inode);
	u64 pages = (to - from) / PAGE_SIZE;
	int err;

	if (t->max_pages && pages > t->max_pages)
		return -ENOSPC;
	if (to - from > HEAP_FALLOCATE_MAX || to > (1ULL << 40)) {
		err = tdata_to_memfd(inode);
		if (err)
			return err;
	}
	if (tdata_fd(inode) < 0)
		return heap_prealloc(inode, from, to);
	if (t->max_pages && t->used_pages + pages > t->max_pages + tdata(inode)->charged)
		return -ENOSPC;
	return host_fallocate(tdata_fd(inode), FALLOC_FL_KEEP_SIZE, from, to - from);
}

static int fallocate_locked(struct inode *inode, int mode, u64 off, u64 len)
{
	u64 end = off + len;
	int err = 0;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		tdata_shrinks(inode);
		if (tdata_fd(inode) >= 0)
			err = host_fallocate(tdata_fd(inode), mode, off, len);
		else
			heap_punch(inode, off, end);
	} else {
		err = prealloc(inode, off, end);
		if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && end > inode->size)
			err = tdata_truncate(inode, end);
	}
	tdata_recount(inode);
	tdata_saw_times(inode);
	if (!err)
		inode_set_now(inode, mode & FALLOC_FL_KEEP_SIZE && !(mode & FALLOC_FL_PUNCH_HOLE)
					     ? 0 : ATTR_MTIME);
	return err;
}

int tmpfs_fallocate(struct file *f, int mode, off64 off, off64 len)
{
	struct inode *inode = f->inode;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	err = fallocate_locked(inode, mode, (u64)off, (u64)len);
	mutex_unlock(&inode->lock);
	return err;
}
