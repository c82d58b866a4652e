/* SPDX-License-Identifier: MIT */
/*
 * Bitmaps of copy-on-write disks.
 */
#include "block/ubd_cow.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "host/disk.h"
#include "host/host.h"
#include "lib/alloc.h"

static void set_bit(u8 *map, u64 i)
{
	map[i / 8] |= (u8)(1u << i % 8);
}

static void clear_bit(u8 *map, u64 i)
{
	map[i / 8] &= (u8)~(1u << i % 8);
}

static void mark_dirty(struct ubd_cow *c, u64 page)
{
	if (cow_bit(c->dirty, page))
		return;
	set_bit(c->dirty, page);
	c->ndirty++;
}

/* --- opening --- */

/* Only what is not a hole: the bitmap of a large, fresh disk then takes no memory. */
static int read_bitmap(struct ubd_cow *c)
{
	u64 at = c->bitmap_off, end = c->bitmap_off + c->room;

	while (at < end) {
		s64 data = host_lseek(c->fd, (s64)at, SEEK_DATA), hole;
		struct host_vec v;
		int err;

		if (data == -ENXIO || data >= (s64)end)
			return 0;
		hole = data < 0 ? (s64)end : host_lseek(c->fd, data, SEEK_HOLE);
		if (data < 0)		/* the host cannot tell */
			data = (s64)at;
		at = MIN(hole < 0 ? end : (u64)hole, end);
		v = (struct host_vec){ c->bitmap + ((u64)data - c->bitmap_off), at - (u64)data };
		err = host_disk_read(c->fd, &v, 1, (u64)data);
		if (err)
			return err;
	}
	return 0;
}

/* What lies behind the bits of the last sector means nothing. */
static void clear_tail(struct ubd_cow *c, u64 sectors)
{
	for (u64 i = sectors; i % 8; i++)
		clear_bit(c->bitmap, i);
}

int ubd_cow_open(const struct cow_header *h, int fd, int backing_fd, bool write, struct ubd_cow **out)
{
	struct ubd_cow *c = kzalloc(sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->fd = fd;
	c->backing_fd = -1;
	c->data_off = h->data_off;
	c->bitmap_off = h->bitmap_off;
	c->shift = (unsigned int)__builtin_ctz(h->sector);
	c->room = cow_bitmap_room(h);
	c->npages = PAGE_ALIGN(cow_bitmap_need(h)) / PAGE_SIZE;
	c->bitmap = host_pages_alloc(c->npages * PAGE_SIZE);
	c->dirty = kzalloc(c->npages / 8 + 1);
	if (write)
		c->copy = host_pages_alloc(UBD_COW_COPY * PAGE_SIZE);
	if (c->bitmap && c->dirty && (c->copy || !write))
		err = read_bitmap(c);
	if (err) {
		ubd_cow_free(c);
		return err;
	}
	clear_tail(c, cow_sectors(h));
	c->backing_fd = backing_fd;
	*out = c;
	return 0;
}

void ubd_cow_free(struct ubd_cow *c)
{
	if (c->backing_fd >= 0)
		host_close(c->backing_fd);
	if (c->bitmap)
		host_pages_free(c->bitmap, c->npages * PAGE_SIZE);
	if (c->copy)
		host_pages_free(c->copy, UBD_COW_COPY * PAGE_SIZE);
	kfree(c->dirty);
	kfree(c);
}

/* --- use --- */

u64 ubd_cow_run(const struct ubd_cow *c, u64 pos, u64 n, bool *own)
{
	u64 sector = pos >> c->shift, end = (pos + n - 1) >> c->shift;

	*own = cow_bit(c->bitmap, sector);
	while (sector < end && cow_bit(c->bitmap, sector + 1) == *own)
		sector++;
	return MIN(((sector + 1) << c->shift) - pos, n);
}

void ubd_cow_mark(struct ubd_cow *c, u64 pos, u64 n)
{
	u64 last = (pos + n - 1) >> c->shift;

	for (u64 i = pos >> c->shift; i <= last; i++) {
		if (cow_bit(c->bitmap, i))
			continue;
		set_bit(c->bitmap, i);
		mark_dirty(c, i / 8 / PAGE_SIZE);
	}
}

/* --- flush --- */

void ubd_cow_begin(struct ubd_cow *c)
{
	c->cursor = 0;
	c->ncopied = 0;
}

bool ubd_cow_prepare(struct ubd_cow *c)
{
	c->ncopied = 0;
	while (c->ndirty && c->cursor < c->npages && c->ncopied < UBD_COW_COPY) {
		u64 page = c->cursor++;

		if (!cow_bit(c->dirty, page))
			continue;
		clear_bit(c->dirty, page);
		c->ndirty--;
		memcpy(c->copy + c->ncopied * PAGE_SIZE, c->bitmap + page * PAGE_SIZE, PAGE_SIZE);
		c->copied[c->ncopied++] = page;
	}
	return c->ncopied;
}

int ubd_cow_write(struct ubd_cow *c)
{
	int err = host_fsync(c->fd, true);

	for (unsigned int i = 0; i < c->ncopied && !err; i++) {
		u64 off = c->copied[i] * PAGE_SIZE;
		struct host_vec v = { c->copy + i * PAGE_SIZE, MIN(PAGE_SIZE, c->room - off) };

		err = host_disk_write(c->fd, &v, 1, c->bitmap_off + off);
	}
	return err;
}

void ubd_cow_undo(struct ubd_cow *c)
{
	for (unsigned int i = 0; i < c->ncopied; i++)
		mark_dirty(c, c->copied[i]);
	c->ncopied = 0;
}

void ubd_cow_distrust(struct ubd_cow *c)
{
	static const u8 none[PAGE_SIZE];

	for (u64 i = 0; i < c->npages; i++)
		if (memcmp(c->bitmap + i * PAGE_SIZE, none, PAGE_SIZE))
			mark_dirty(c, i);
}

int ubd_cow_sync(struct ubd_cow *c)
{
	int err = 0;

	if (!c->ndirty)
		return 0;
	ubd_cow_begin(c);
	while (!err && ubd_cow_prepare(c)) {
		err = ubd_cow_write(c);
		if (err)
			ubd_cow_undo(c);
	}
	return err ? err : host_fsync(c->fd, true);
}
