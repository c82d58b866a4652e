/* SPDX-License-Identifier: MIT */
/*
 * Bytes of tmpfs files: read, write, truncate. What a file's memfd does to this is in map.c.
 */
#include "fs/tmpfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/mm.h"

static struct tdata *tdata(const struct inode *i)
{
	return &tnode(i)->data;
}

static u64 pages_of(u64 bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

int tdata_charge(struct inode *inode, s64 n)
{
	struct tmpfs_sb *t = tsb(inode);

	if (n > 0 && t->max_pages && t->used_pages + (u64)n > t->max_pages)
		return -ENOSPC;
	t->used_pages += (u64)n;
	tdata(inode)->charged += (u64)n;
	inode_changed(inode);
	mem_charge_file(n * (s64)PAGE_SIZE);
	return 0;
}

/* --- reading --- */

/* Fills buf from heap pages; holes are zeros. */
static void copy_out(const struct tdata *d, u8 *buf, u64 pos, size_t n)
{
	while (n) {
		size_t off = pos % PAGE_SIZE, part = MIN(n, PAGE_SIZE - off);
		const u8 *page = pg_get(&d->pages, pos / PAGE_SIZE);

		if (page)
			memcpy(buf, page + off, part);
		else
			memset(buf, 0, part);
		buf += part;
		pos += part;
		n -= part;
	}
}

static ssize read_piece(struct inode *inode, struct iter *to, u64 pos, size_t n)
{
	int fd = tdata_fd(inode), err;
	ssize room, got;
	void *buf;

	room = iter_stage_to(to, &buf, n);
	if (room <= 0)
		return room;
	got = (ssize)MIN((size_t)room, n);
	if (fd < 0)
		copy_out(tdata(inode), buf, pos, (size_t)got);
	else
		got = host_pread(fd, buf, (size_t)got, pos);
	if (got <= 0)
		return got;
	err = iter_commit_to(to, (size_t)got);
	return err ? err : got;
}

static ssize tmpfs_read(struct file *f, struct iter *to, off64 *pos)
{
	struct inode *inode = f->inode;
	ssize done = 0, n = 0;

	mutex_lock(&inode->lock);
	while (to->count && (u64)*pos < inode->size) {
		n = read_piece(inode, to, (u64)*pos, MIN(to->count, inode->size - (u64)*pos));
		if (n <= 0)
			break;
		*pos += n;
		done += n;
	}
	mutex_unlock(&inode->lock);
	file_accessed(f);
	return done ? done : n;
}

/* --- writing --- */

/* The page at index, made when there is none; whole: all of it will be written. */
static int page_for_write(struct inode *inode, u64 index, bool whole, u8 **out)
{
	struct tdata *d = tdata(inode);
	u8 *page = pg_get(&d->pages, index);
	int err;

	if (!page) {
		err = tdata_charge(inode, 1);
		if (err)
			return err;
		page = whole ? kmalloc(PAGE_SIZE) : kzalloc(PAGE_SIZE);
		err = page ? pg_set(&d->pages, index, page) : -ENOMEM;
		if (err) {
			kfree(page);
			tdata_charge(inode, -1);
			return err;
		}
	}
	*out = page;
	return 0;
}

/* Into heap pages. Bytes done, or an error when none were. */
static ssize copy_in(struct inode *inode, const u8 *buf, u64 pos, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t off = pos % PAGE_SIZE, part = MIN(n - done, PAGE_SIZE - off);
		u8 *page;
		int err = page_for_write(inode, pos / PAGE_SIZE, part == PAGE_SIZE, &page);

		if (err)
			return done ? (ssize)done : err;
		memcpy(page + off, buf + done, part);
		done += part;
		pos += part;
	}
	return (ssize)done;
}

/* Through the memfd. Near the limit only what lies inside a file without holes may be written. */
static ssize write_memfd(struct inode *inode, int fd, const void *buf, u64 pos, size_t n)
{
	struct tmpfs_sb *t = tsb(inode);
	bool inside = pos + n <= inode->size && tdata(inode)->charged >= pages_of(inode->size);

	if (t->max_pages && !inside && t->used_pages + pages_of(n) > t->max_pages) {
		tdata_recount(inode);
		if (t->used_pages + pages_of(n) > t->max_pages)
			return -ENOSPC;
	}
	return host_pwrite(fd, buf, n, pos);
}

/* A guest process that wrote while the file shrank may have left bytes behind the end: they must not come back. */
static int regrow(struct inode *inode, int fd, u64 size)
{
	return tdata(inode)->served && size > inode->size ? host_ftruncate(fd, inode->size) : 0;
}

static ssize write_piece(struct inode *inode, struct iter *from, u64 pos)
{
	int fd = tdata_fd(inode);
	const void *buf;
	ssize n = iter_stage_from(from, &buf, from->count);

	if (n <= 0)
		return n;
	if (fd >= 0 && regrow(inode, fd, pos))
		n = -ENOSPC;
	else if (fd < 0)
		n = copy_in(inode, buf, pos, (size_t)n);
	else
		n = write_memfd(inode, fd, buf, pos, (size_t)n);
	if (n > 0)
		iter_advance(from, (size_t)n);
	return n;
}

static ssize tmpfs_write(struct file *f, struct iter *from, off64 *pos)
{
	struct inode *inode = f->inode;
	ssize done = 0, n = 0;

	mutex_lock(&inode->lock);
	if (f->flags & O_APPEND)
		*pos = (off64)inode->size;
	while (from->count) {
		n = write_piece(inode, from, (u64)*pos);
		if (n <= 0)
			break;
		*pos += n;
		done += n;
		if ((u64)*pos > inode->size)
			inode->size = (u64)*pos;
	}
	if (done) {
		inode_set_now(inode, ATTR_MTIME);
		tdata_recount(inode);
		tdata_saw_times(inode);
	}
	mutex_unlock(&inode->lock);
	return done ? done : n;
}

/* --- size --- */

/* Bytes behind the end must read as zeros when the file grows again. */
static void zero_tail(struct tdata *d, u64 size)
{
	size_t off = size % PAGE_SIZE;
	u8 *page = off ? pg_get(&d->pages, size / PAGE_SIZE) : NULL;

	if (page)
		memset(page + off, 0, PAGE_SIZE - off);
}

int tdata_truncate(struct inode *inode, u64 size)
{
	struct tdata *d = tdata(inode);
	int fd = tdata_fd(inode), err;

	if (fd >= 0) {
		tdata_shrinks(inode);
		err = regrow(inode, fd, size);
		if (!err)
			err = host_ftruncate(fd, size);
		if (err)
			return err;
	} else if (size < inode->size) {
		tdata_charge(inode, -(s64)pg_free_range(&d->pages, pages_of(size), ~0ULL, kfree));
		zero_tail(d, size);
	}
	inode->size = size;
	tdata_recount(inode);
	tdata_saw_times(inode);
	return 0;
}

void tdata_free(struct inode *inode)
{
	struct tdata *d = tdata(inode);

	if (d->rw)
		backing_put(d->rw);
	if (d->ro)
		backing_put(d->ro);
	pg_free_range(&d->pages, 0, ~0ULL, kfree);
	tdata_charge(inode, -(s64)d->charged);
}

static int tmpfs_fsync(struct file *f, bool datasync)
{
	return 0;
}

const struct file_ops tmpfs_file_fops = {
	.read = tmpfs_read,
	.write = tmpfs_write,
	.llseek = tmpfs_llseek,
	.in_memory = tmpfs_in_memory,
	.mmap = tmpfs_mmap,
	.fsync = tmpfs_fsync,
	.ioctl = tmpfs_ioctl,
	.fallocate = tmpfs_fallocate,
	.serve = tmpfs_serve,
};
