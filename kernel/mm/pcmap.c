/* SPDX-License-Identifier: MIT */
/*
 * Pages of a mapped object: a memfd of the object's own. Pages move there when a guest process first
 * needs them; new ones lie there from the start. The kernel sees the memfd through mappings of a MiB
 * each, so that a page has an address, which is all that the rest of the cache knows.
 *
 * A page whose address somebody keeps (a buffer) cannot move: its place in kernel memory becomes a second mapping
 * of the memfd's page.
 *
 * Two backings, one descriptor that writes and one that does not: who opened the object for reading
 * never gets the former. What a hostile process does with it (holes, bytes in unfilled pages, writing without
 * telling) changes bytes of an object that it may write.
 */
#include "mm/pcpriv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "core/log.h"
#include "core/sched.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/demand.h"

#define CHUNK_PAGES 256
#define CHUNK_SIZE (CHUNK_PAGES * PAGE_SIZE)
#define DIRTY_AHEAD_MAX 64

struct chunk {
	u8 *base;
	u32 used;
};

struct pcmap {
	struct pagecache *pc;
	struct backing *rw, *ro;	/* references */
	struct backing_maps maps;
	struct pgtree chunks;		/* struct chunk by page / CHUNK_PAGES */
	u64 size;			/* of the memfd, bytes */
	u64 write_next;			/* where a sequential writer would fault next */
	u64 write_ahead;		/* and how many pages it gets then */
};

/* --- places in the memfd --- */

static struct chunk *chunk_of(struct pcmap *m, u64 index)
{
	struct chunk *c = pg_get(&m->chunks, index / CHUNK_PAGES);

	if (c)
		return c;
	c = kzalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->base = host_map_shared(m->rw->hostfd, ALIGN_DOWN(index, CHUNK_PAGES) * PAGE_SIZE, CHUNK_SIZE);
	if (c->base && pg_set(&m->chunks, index / CHUNK_PAGES, c)) {
		host_unmap(c->base, CHUNK_SIZE);
		c->base = NULL;
	}
	if (!c->base) {
		kfree(c);
		return NULL;
	}
	return c;
}

static void chunk_put(struct pcmap *m, u64 index)
{
	struct chunk *c = pg_get(&m->chunks, index / CHUNK_PAGES);

	if (c->used)
		return;
	pg_remove(&m->chunks, index / CHUNK_PAGES);
	host_unmap(c->base, CHUNK_SIZE);
	kfree(c);
}

/* The page's address in the memfd, which is made large enough; counted in its chunk. NULL: no memory. */
static u8 *place(struct pcmap *m, u64 index)
{
	u64 need = MAX((index + 1) * PAGE_SIZE, PAGE_ALIGN(pc_size(m->pc)));
	struct chunk *c;

	if (m->size < (index + 1) * PAGE_SIZE) {
		if (host_ftruncate(m->rw->hostfd, need))
			return NULL;
		m->size = need;
	}
	c = chunk_of(m, index);
	if (!c)
		return NULL;
	c->used++;
	return c->base + index % CHUNK_PAGES * PAGE_SIZE;
}

int pcmap_page_data(struct pagecache *pc, struct cpage *p)
{
	u8 *data = place(pc->map, p->index);

	if (!data)
		return -ENOMEM;
	p->data = data;
	p->flags |= CP_MEMFD;
	host_dontneed(p->own, PAGE_SIZE);
	pc_stats.mapped++;
	return 0;
}

/* From kernel memory into the memfd. The page is not locked or under write-back. */
static int move_page(struct pcmap *m, struct cpage *p)
{
	u8 *data;

	if (p->flags & CP_MEMFD)
		return 0;
	data = place(m, p->index);
	if (!data)
		return -ENOMEM;
	memcpy(data, p->data, PAGE_SIZE);
	if (p->fixed) {
		if (host_map_fixed((u64)p->own, PAGE_SIZE, m->rw->hostfd, p->index * PAGE_SIZE, true, false)) {
			((struct chunk *)pg_get(&m->chunks, p->index / CHUNK_PAGES))->used--;
			chunk_put(m, p->index);
			return -ENOMEM;
		}
		p->flags |= CP_ALIAS;
	} else {
		p->data = data;
		host_dontneed(p->own, PAGE_SIZE);
	}
	p->flags |= CP_MEMFD;
	pc_stats.mapped++;
	return 0;
}

void pcmap_page_gone(struct cpage *p)
{
	struct pcmap *m = p->pc->map;
	struct chunk *c = pg_get(&m->chunks, p->index / CHUNK_PAGES);

	if (p->flags & CP_ALIAS &&
	    host_map_fixed((u64)p->own, PAGE_SIZE, -1, 0, false, false))
		panic("page cache: no memory for a page of its own");
	c->used--;
	chunk_put(m, p->index);
	pc_stats.mapped--;
}

void pcmap_punch(struct pagecache *pc, u64 first, u64 last)
{
	struct pcmap *m = pc->map;
	u64 end = MIN(last, m->size / PAGE_SIZE);

	if (first < end)
		host_fallocate(m->rw->hostfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first * PAGE_SIZE,
			       (end - first) * PAGE_SIZE);
}

void pcmap_resize(struct pagecache *pc, u64 size)
{
	struct pcmap *m = pc->map;

	if (PAGE_ALIGN(size) >= m->size)
		return;
	m->size = PAGE_ALIGN(size);
	host_ftruncate(m->rw->hostfd, m->size);
}

/* --- what a guest process may do with a page --- */

enum { NONE, CLEAN, ALL };

static int page_state(struct pagecache *pc, u64 index)
{
	struct cpage *p = pc_page(pc, index);

	if (!p || (p->flags & (CP_UPTODATE | CP_MEMFD | CP_LOCKED | CP_GOING)) != (CP_UPTODATE | CP_MEMFD))
		return NONE;
	return p->flags & CP_MAPWRITE ? ALL : CLEAN;
}

static u32 map_rights(struct backing *b, u64 index, u64 *n)
{
	static const u32 rights[] = { 0, VM_READ | VM_EXEC, VM_READ | VM_EXEC | VM_WRITE };
	struct pcmap *m = b->private;
	u64 end = pages_of(pc_size(m->pc)), max = *n, i = 1;
	int state;

	if (index >= end)
		return 0;
	state = page_state(m->pc, index);
	while (i < max && index + i < end && page_state(m->pc, index + i) == state)
		i++;
	*n = i;
	return rights[state];
}

/* --- faults --- */

static bool movable(const struct cpage *p)
{
	if (!p || !(p->flags & CP_UPTODATE) || p->flags & (CP_LOCKED | CP_GOING))
		return false;
	return p->flags & CP_MEMFD || !(p->flags & CP_WRITEBACK);
}

/* The page is filled and in the memfd. Blocks. */
static int bring_in(struct pcmap *m, u64 index, u64 first, u64 last)
{
	struct pagecache *pc = m->pc;
	int err;

	for (;;) {
		if (index >= pages_of(pc_size(pc)))
			return -ENXIO;
		if (!pagecache_cached(pc, index) && first < index && pc_fill(pc, first, last - first))
			first = index;
		err = pc_fill(pc, index, last - index);
		if (err)
			return err;
		if (movable(pc_page(pc, index)))
			return move_page(m, pc_page(pc, index));
		pc_sleep(pc, "page_fault");
	}
}

/* The page becomes dirty, and writable for mappings. Blocks. */
static int make_dirty(struct pagecache *pc, struct cpage *p)
{
	int err = 0;

	if (p->flags & CP_MAPWRITE)
		return 0;
	p->pins++;
	if (!(p->flags & CP_DIRTY) && pc->ops->reserve)
		err = pc->ops->reserve(pc, p->index);
	if (!err) {
		pc_set_dirty(p);
		p->flags |= CP_MAPWRITE;
		if (pc->ops->dirtied)
			pc->ops->dirtied(pc, p);
		if (pc->ops->wrote)
			pc->ops->wrote(pc);
	}
	cpage_unpin(p);
	return err;
}

/* Who writes page after page gets more of them at a time. */
static int dirty_pages(struct pcmap *m, u64 index, u64 last)
{
	struct pagecache *pc = m->pc;
	struct cpage *p = pc_page(pc, index);
	u64 i, end;
	int err = p ? make_dirty(pc, p) : 0;

	m->write_ahead = index == m->write_next ? MIN(2 * m->write_ahead, (u64)DIRTY_AHEAD_MAX) : 1;
	m->write_next = index + m->write_ahead;
	end = MIN(m->write_next, last);
	for (i = index + 1; i < end && !err; i++) {
		p = pc_page(pc, i);
		if (!movable(p) || i >= pages_of(pc->ops->size(pc)) || make_dirty(pc, p))
			break;
	}
	return err;
}

static int map_fill(struct backing *b, u64 index, u64 first, u64 n, bool write)
{
	struct pcmap *m = b->private;
	u64 i, last = MIN(first + n, pages_of(m->pc->ops->size(m->pc)));
	int err = bring_in(m, index, first, MAX(last, index + 1));

	for (i = first; i < last && !err; i++) {
		if (movable(pc_page(m->pc, i)) && move_page(m, pc_page(m->pc, i)))
			break;
	}
	if (!err && write)
		err = dirty_pages(m, index, last);
	return err;
}

/* --- copies --- */

/* The page is filled, for writing also dirty, and stays so until the caller blocks. Blocks. */
static int bring_to_copy(struct pagecache *pc, u64 index, u64 n, bool write, struct cpage **out)
{
	struct cpage *p;
	int err;

	do {
		if (index >= pages_of(pc_size(pc)))
			return -ENXIO;
		err = pc_fill(pc, index, n);
		p = err ? NULL : pc_page(pc, index);
		if (p && write)
			err = make_dirty(pc, p);
		if (err)
			return err;
	} while (pc_page(pc, index) != p || (write && index >= pages_of(pc_size(pc))));
	*out = p;
	return 0;
}

static ssize map_copy(struct backing *b, u64 off, void *buf, size_t n, bool write)
{
	struct pagecache *pc = ((struct pcmap *)b->private)->pc;
	u64 index = off / PAGE_SIZE, all = pages_of(off % PAGE_SIZE + n);
	struct cpage *p;
	int err = bring_to_copy(pc, index, all, write, &p);

	if (err)
		return err;
	n = MIN(n, PAGE_SIZE - off % PAGE_SIZE);
	p->flags |= CP_REFERENCED;
	if (write)
		memcpy(p->data + off % PAGE_SIZE, buf, n);
	else
		memcpy(buf, p->data + off % PAGE_SIZE, n);
	return (ssize)n;
}

/* --- backings --- */

static void map_release(struct backing *b)
{
	host_close(b->hostfd);
	kfree(b);
}

static const struct backing_ops map_ops = {
	.release = map_release,
	.fill = map_fill,
	.copy = map_copy,
	.rights = map_rights,
};

static struct backing *backing_of(struct pcmap *m, int fd, bool may_write)
{
	struct backing *b = fd < 0 ? NULL : kzalloc(sizeof(*b));

	if (!b) {
		if (fd >= 0)
			host_close(fd);
		return NULL;
	}
	ref_init(&b->ref);
	b->hostfd = fd;
	b->may_write = may_write;
	b->may_exec = true;
	b->dev = m->pc->id.dev;
	b->ino = m->pc->id.ino;
	b->dev_mm = m->pc->id.dev_mm;
	b->ops = &map_ops;
	b->private = m;
	b->maps = &m->maps;
	return b;
}

static int map_new(struct pagecache *pc)
{
	struct pcmap *m = kzalloc(sizeof(*m));
	u64 size = PAGE_ALIGN(pc_size(pc));
	int fd;

	if (!m)
		return -ENOMEM;
	m->pc = pc;
	m->size = size;
	list_init(&m->maps.vmas);
	fd = host_memfd("pagecache", size);
	m->rw = backing_of(m, fd, true);
	if (m->rw)
		m->ro = backing_of(m, host_reopen_readonly(m->rw->hostfd), false);
	if (!m->ro) {
		if (m->rw)
			backing_put(m->rw);
		kfree(m);
		return fd == -EMFILE ? -ENFILE : -ENOMEM;
	}
	pc->map = m;
	return 0;
}

void pcmap_free(struct pagecache *pc)
{
	if (!pc->map)
		return;
	BUG_ON(!list_empty(&pc->map->maps.vmas));
	backing_put(pc->map->rw);
	backing_put(pc->map->ro);
	kfree(pc->map);
	pc->map = NULL;
}

int pagecache_backing(struct pagecache *pc, bool may_write, struct backing **out)
{
	int err = pc->map ? 0 : map_new(pc);

	if (!err)
		*out = backing_get(may_write ? pc->map->rw : pc->map->ro);
	return err;
}

bool pagecache_mapped(const struct pagecache *pc)
{
	return pc->map && !list_empty(&pc->map->maps.vmas);
}

bool pcmap_has_text(const struct pagecache *pc)
{
	return pc->map && demand_has_text(&pc->map->maps);
}

int pcmap_revoke(struct pagecache *pc, u64 first, u64 last, bool only_write)
{
	return demand_revoke(&pc->map->maps, first, last, only_write);
}
