/* SPDX-License-Identifier: MIT */
/*
 * The page cache against a plain array of bytes: random reads, writes, zeroing, syncs, truncations, drops and
 * reclaim on an object that also fails; what is on the "disk" is compared after each sync. Mapped and not mapped.
 */
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/pagecache.c"
#include "tests/unit/fake/sched.c"

#include "mm/pcpriv.h"
#include "tests/unit/test.h"

#define PAGES 40
#define BYTES (PAGES * PAGE_SIZE)

/* --- the object --- */

static u8 disk[BYTES], model[BYTES];
static u64 obj_size;
static int read_error, write_error, reserve_error, nreads, nwrites;
static bool reserved[PAGES];

static int obj_read(struct pagecache *pc, struct page_run *run)
{
	nreads++;
	for (unsigned int i = 0; i < run->n; i++) {
		u64 at = (run->index + i) * PAGE_SIZE;
		size_t n = at < obj_size ? MIN(PAGE_SIZE, obj_size - at) : 0;

		memset(run->pages[i], 0, PAGE_SIZE);
		memcpy(run->pages[i], disk + MIN(at, BYTES), n);
	}
	return read_error;
}

static int obj_write(struct pagecache *pc, struct page_run *run)
{
	nwrites++;
	if (write_error)
		return write_error;
	for (unsigned int i = 0; i < run->n; i++) {
		const u8 *page = run->pages[i];
		u64 at = (run->index + i) * PAGE_SIZE;

		assert_true(reserved[run->index + i]);
		memcpy(disk + at, page, PAGE_SIZE);
		for (u64 j = MAX(obj_size, at); j < at + PAGE_SIZE; j++)
			assert_int_equal(page[j - at], 0);
	}
	return 0;
}

static int obj_reserve(struct pagecache *pc, u64 index)
{
	if (reserve_error)
		return reserve_error;
	reserved[index] = true;
	return 0;
}

static u64 obj_get_size(struct pagecache *pc)
{
	return obj_size;
}

static const struct pagecache_ops obj_ops = {
	.read = obj_read,
	.write = obj_write,
	.reserve = obj_reserve,
	.size = obj_get_size,
};

/* --- operations --- */

static struct pagecache *pc;
static u32 seed;

static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void fresh(u64 size)
{
	static const struct pagecache_id id = { .dev = 1, .ino = 2 };

	memset(disk, 0, BYTES);
	memset(model, 0, BYTES);
	memset(reserved, 0, sizeof(reserved));
	read_error = write_error = reserve_error = revoke_error = 0;
	obj_size = size;
	for (u64 i = 0; i < size; i++)
		disk[i] = model[i] = (u8)rnd(256);
	assert_int_equal(pagecache_new(&obj_ops, NULL, &id, &pc), 0);
}

static void gone(void)
{
	pagecache_free(pc);
	assert_int_equal(pc_stats.cached, 0);
	assert_int_equal(pc_stats.dirty, 0);
	assert_int_equal(pc_stats.writeback, 0);
	assert_int_equal(pc_stats.mapped, 0);
	assert_int_equal(fake_file_bytes, 0);
}

static ssize rd(u64 at, void *buf, size_t n)
{
	struct iter it;
	off64 pos = (off64)at;

	iter_init_kernel(&it, buf, n);
	return pagecache_read(pc, &it, &pos);
}

static ssize wr(u64 at, const void *buf, size_t n)
{
	struct iter it;
	off64 pos = (off64)at;
	ssize ret;

	iter_init_kernel(&it, (void *)buf, n);
	ret = pagecache_write(pc, &it, &pos);
	if (ret > 0)
		obj_size = MAX(obj_size, (u64)pos);
	return ret;
}

static void check_read(u64 at, size_t n)
{
	static u8 buf[BYTES];
	ssize got = rd(at, buf, n), want = at < obj_size ? (ssize)MIN(n, obj_size - at) : 0;

	assert_int_equal(got, want);
	assert_memory_equal(buf, model + at, (size_t)want);
}

static void random_write(void)
{
	static u8 buf[BYTES];
	u64 at = rnd(BYTES), n = 1 + rnd(30000);

	if (rnd(3) == 0)
		at = ALIGN_DOWN(at, PAGE_SIZE);
	n = MIN(n, BYTES - at);
	for (u64 i = 0; i < n; i++)
		buf[i] = (u8)rnd(256);
	assert_int_equal(wr(at, buf, n), n);
	memcpy(model + at, buf, n);
}

static void cut(u64 size)
{
	if (size < obj_size)
		memset(model + size, 0, BYTES - size);
	/* What a file system does for the tail of its last block, before it is cut or grows. */
	if (MIN(size, obj_size) % PAGE_SIZE)
		assert_int_equal(pagecache_zero(pc, MIN(size, obj_size),
						PAGE_ALIGN(MIN(size, obj_size))), 0);
	obj_size = size;
	pagecache_truncate(pc, size);
	memset(disk + PAGE_ALIGN(size), 0, BYTES - PAGE_ALIGN(size));
}

static void check_sync(void)
{
	assert_int_equal(pagecache_sync(pc, 0, ~0ULL), 0);
	assert_false(pagecache_dirty(pc));
	assert_memory_equal(disk, model, obj_size);
}

static void drop_some(void)
{
	u64 at = rnd(BYTES), n = rnd(50000), end = MIN(at + n, obj_size);

	/* A hole: its pages are not on the disk either. */
	if (at >= end)
		return;
	check_sync();
	memset(model + at, 0, end - at);
	memset(disk + at, 0, end - at);
	pagecache_drop(pc, at, end, true);
}

static void random_op(void)
{
	u64 at = rnd(BYTES);

	switch (rnd(12)) {
	case 0: case 1: case 2: case 3:
		random_write();
		break;
	case 4: case 5: case 6:
		check_read(at, rnd(60000));
		break;
	case 7:
		check_sync();
		break;
	case 8:
		cut(rnd(BYTES));
		break;
	case 9:
		pagecache_drop_clean();
		break;
	case 10:
		drop_some();
		break;
	case 11:
		at = MIN(at, obj_size);
		if (at < obj_size)
			assert_int_equal(pagecache_sync(pc, at, obj_size), 0);
		break;
	}
}

static void agrees(void **state)
{
	for (u32 start = 1; start < 4; start++) {
		seed = start;
		fresh(rnd(BYTES));
		for (int i = 0; i < 1500; i++)
			random_op();
		check_sync();
		gone();
	}
}

/* --- mapped: faults as guest processes would have them --- */

static struct backing *back;

static u8 *at_memfd(u64 index)
{
	return host_map_shared(back->hostfd, index * PAGE_SIZE, PAGE_SIZE);
}

/* A write through a mapping, with the fault before it. */
static void mapped_write(void)
{
	u64 index = rnd(PAGES), n = 1, off = rnd(PAGE_SIZE);
	int err = back->ops->fill(back, index, ALIGN_DOWN(index, 8UL), 8, true);
	u8 *p;

	if (index * PAGE_SIZE >= obj_size) {
		assert_int_equal(err, -ENXIO);
		return;
	}
	assert_int_equal(err, 0);
	assert_true(back->ops->rights(back, index, &n) & VM_WRITE);
	p = at_memfd(index);
	assert_memory_equal(p, model + index * PAGE_SIZE, MIN(PAGE_SIZE, obj_size - index * PAGE_SIZE));
	p[off] = (u8)rnd(256);
	if (index * PAGE_SIZE + off < obj_size)
		model[index * PAGE_SIZE + off] = p[off];
	host_unmap(p, PAGE_SIZE);
}

static void agrees_when_mapped(void **state)
{
	for (u32 start = 1; start < 4; start++) {
		seed = start;
		fresh(rnd(BYTES));
		assert_int_equal(pagecache_backing(pc, true, &back), 0);
		for (int i = 0; i < 1500; i++) {
			random_op();
			mapped_write();
		}
		check_sync();
		backing_put(back);
		gone();
	}
}

static void rights_follow_state(void **state)
{
	u64 n = 4;

	fresh(4 * PAGE_SIZE);
	assert_int_equal(pagecache_backing(pc, true, &back), 0);
	assert_int_equal(back->ops->rights(back, 0, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(back->ops->fill(back, 1, 1, 1, false), 0);
	n = 4;
	assert_int_equal(back->ops->rights(back, 1, &n), VM_READ | VM_EXEC);
	assert_int_equal(n, 1);
	assert_int_equal(back->ops->fill(back, 1, 1, 1, true), 0);
	assert_int_equal(back->ops->rights(back, 1, &n), VM_READ | VM_EXEC | VM_WRITE);
	assert_int_equal(pagecache_sync(pc, 0, ~0ULL), 0);
	assert_int_equal(back->ops->rights(back, 1, &n), VM_READ | VM_EXEC);
	assert_int_equal(back->ops->fill(back, 4, 4, 1, false), -ENXIO);
	/* If rights cannot be taken the page stays dirty, and is written again. */
	assert_int_equal(back->ops->fill(back, 1, 1, 1, true), 0);
	revoke_error = -EAGAIN;
	assert_int_equal(pagecache_sync(pc, 0, ~0ULL), 0);
	assert_true(pagecache_dirty(pc));
	revoke_error = 0;
	check_sync();
	reserve_error = -ENOSPC;
	assert_int_equal(back->ops->fill(back, 2, 2, 1, true), -ENOSPC);
	assert_int_equal(back->ops->rights(back, 2, &n), VM_READ | VM_EXEC);
	backing_put(back);
	gone();
}

/* An address that somebody keeps stays good when its page moves. */
static void pinned_page_moves(void **state)
{
	void *page;
	u8 *p;

	fresh(4 * PAGE_SIZE);
	assert_int_equal(pagecache_pin(pc, 2, &page), 0);
	assert_int_equal(pagecache_backing(pc, true, &back), 0);
	assert_int_equal(back->ops->fill(back, 2, 0, 4, true), 0);
	p = at_memfd(2);
	p[5] = 0x5a;
	assert_int_equal(((u8 *)page)[5], 0x5a);
	((u8 *)page)[6] = 0xa5;
	assert_int_equal(p[6], 0xa5);
	host_unmap(p, PAGE_SIZE);
	pagecache_unpin(pc, 2, false);
	assert_int_equal(pagecache_sync(pc, 0, ~0ULL), 0);
	assert_int_equal(disk[2 * PAGE_SIZE + 5], 0x5a);
	backing_put(back);
	gone();
}

/* --- errors --- */

static void errors_are_told_once(void **state)
{
	u32 a, b;

	fresh(PAGE_SIZE);
	a = pagecache_err_sample(pc);
	assert_int_equal(wr(0, "x", 1), 1);
	write_error = -EIO;
	assert_int_equal(pagecache_sync(pc, 0, ~0ULL), -EIO);
	assert_false(pagecache_dirty(pc));
	write_error = 0;
	b = pagecache_err_sample(pc);		/* nobody has seen it: new to this one, too */
	assert_int_equal(pagecache_err_check(pc, &a), -EIO);
	assert_int_equal(pagecache_err_check(pc, &a), 0);
	assert_int_equal(pagecache_err_check(pc, &b), -EIO);
	b = pagecache_err_sample(pc);
	assert_int_equal(pagecache_err_check(pc, &b), 0);
	gone();
}

static void errors_of_reading(void **state)
{
	u8 buf[8];

	fresh(8 * PAGE_SIZE);
	read_error = -EIO;
	assert_int_equal(rd(0, buf, 8), -EIO);
	assert_int_equal(wr(3, "abc", 3), -EIO);
	assert_int_equal(pc_stats.cached, 0);
	read_error = 0;
	reserve_error = -ENOSPC;
	assert_int_equal(wr(3, "abc", 3), -ENOSPC);
	assert_false(pagecache_dirty(pc));
	reserve_error = 0;
	check_read(0, 8 * PAGE_SIZE);
	gone();
}

static void reads_ahead(void **state)
{
	u8 buf[16];

	fresh(BYTES);
	nreads = 0;
	for (u64 i = 0; i < PAGES; i++)
		assert_int_equal(rd(i * PAGE_SIZE, buf, 16), 16);
	assert_in_range(nreads, 1, 5);
	gone();
	fresh(BYTES);
	nreads = 0;
	for (u64 i = 1; i < PAGES; i += 7)
		assert_int_equal(rd(i * PAGE_SIZE, buf, 16), 16);
	assert_int_equal(pc_stats.cached, 6);	/* no order in it: nothing more than was asked for */
	gone();
}

static void reclaim_takes_clean_ones(void **state)
{
	static u8 buf[BYTES];

	fresh(BYTES);
	assert_int_equal(rd(0, buf, BYTES), BYTES);
	assert_int_equal(wr(0, "abc", 3), 3);
	assert_int_equal(pagecache_shrink(4 * PAGE_SIZE), 4 * PAGE_SIZE);
	assert_int_equal(pc_stats.cached, PAGES - 4);
	pagecache_drop_clean();
	assert_int_equal(pc_stats.cached, 1);
	gone();
}

RUN(CASE(agrees), CASE(agrees_when_mapped), CASE(rights_follow_state), CASE(pinned_page_moves),
    CASE(errors_are_told_once), CASE(errors_of_reading), CASE(reads_ahead),
    CASE(reclaim_takes_clean_ones))
