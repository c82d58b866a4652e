/* SPDX-License-Identifier: MIT */
/*
 * The page cache when memory or a host call is refused: the n-th one, for each n, over one scenario with and without
 * a mapping. Each step succeeds or fails with -ENOMEM, what was written before is still there, nothing is left behind.
 */
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/pagecache.c"
#include "tests/unit/fake/sched.c"
#include "tests/unit/test.h"

/* --- the host, which refuses --- */

void *calloc(size_t n, size_t size);
void free(void *p);

static int calls, fail_at;
static long live;

static bool refuse(void)
{
	return ++calls == fail_at;
}

void *kzalloc(size_t n)
{
	void *p = refuse() ? NULL : calloc(1, n);

	live += p != NULL;
	return p;
}

void *kmalloc(size_t n)
{
	return kzalloc(n);
}

void kfree(void *p)
{
	live -= p != NULL;
	free(p);
}

#include "tests/unit/fake/hostmem.c"

/* --- the object --- */

#define PAGES 300
static u8 disk[PAGES * PAGE_SIZE], want[PAGES * PAGE_SIZE], buf[PAGES * PAGE_SIZE];

static int obj_read(struct pagecache *pc, struct page_run *run)
{
	for (unsigned int i = 0; i < run->n; i++)
		memcpy(run->pages[i], disk + (run->index + i) * PAGE_SIZE, PAGE_SIZE);
	return 0;
}

static int obj_write(struct pagecache *pc, struct page_run *run)
{
	for (unsigned int i = 0; i < run->n; i++)
		memcpy(disk + (run->index + i) * PAGE_SIZE, run->pages[i], PAGE_SIZE);
	return 0;
}

static u64 obj_size(struct pagecache *pc)
{
	return sizeof(disk);
}

static const struct pagecache_ops ops = { .read = obj_read, .write = obj_write, .size = obj_size };

/* --- the scenario --- */

static bool failed;

/* A step's result: an error ends in "failed", and must be one of memory. */
static bool good(ssize ret)
{
	if (ret >= 0)
		return true;
	assert_true(ret == -ENOMEM || ret == -ENFILE || ret == -EIO);
	failed = true;
	return false;
}

static void step_write(struct pagecache *pc, u64 at, size_t n, u8 byte)
{
	off64 pos = (off64)at;
	struct iter it;
	ssize done;

	memset(buf, byte, n);
	iter_init_kernel(&it, buf, n);
	done = pagecache_write(pc, &it, &pos);
	if (good(done))
		memset(want + at, byte, (size_t)done);
	failed |= done < (ssize)n;
}

static void step_read(struct pagecache *pc, u64 at, size_t n)
{
	off64 pos = (off64)at;
	struct iter it;
	ssize done;

	iter_init_kernel(&it, buf, n);
	done = pagecache_read(pc, &it, &pos);
	if (good(done))
		assert_memory_equal(buf, want + at, (size_t)done);
	failed |= done < (ssize)n;
}

static void step_fault(struct backing *b, u64 index, bool write)
{
	u64 n = 1;

	if (good(b->ops->fill(b, index, index, 4, write)))
		assert_true(b->ops->rights(b, index, &n) & (write ? VM_WRITE : VM_READ));
}

static void scenario(bool mapped)
{
	static const struct pagecache_id id = { .dev = 1 };
	struct backing *b = NULL;
	struct pagecache *pc;
	void *page = NULL;

	if (!good(pagecache_new(&ops, NULL, &id, &pc)))
		return;
	step_write(pc, 5000, 20000, 1);
	step_read(pc, 0, 30000);
	if (good(pagecache_pin(pc, 70, &page)))
		assert_memory_equal(page, want + 70 * PAGE_SIZE, PAGE_SIZE);
	else
		page = NULL;
	if (mapped && good(pagecache_backing(pc, true, &b))) {
		step_fault(b, 2, false);
		step_fault(b, 70, true);
		step_fault(b, 290, true);
	}
	step_write(pc, 280 * PAGE_SIZE + 5, 3 * PAGE_SIZE, 2);
	if (page) {
		assert_memory_equal(page, want + 70 * PAGE_SIZE, PAGE_SIZE);
		pagecache_unpin(pc, 70, true);
	}
	step_read(pc, 0, sizeof(disk));
	assert_int_equal(pagecache_sync(pc, 0, ~0ULL), 0);
	assert_memory_equal(disk, want, sizeof(disk));
	if (b)
		backing_put(b);
	pagecache_free(pc);
}

static void each_failure(bool mapped)
{
	int n = 0;
	long before;

	do {
		for (size_t i = 0; i < sizeof(disk); i++)
			disk[i] = want[i] = (u8)(i * 7);
		fail_at = ++n;
		calls = 0;
		failed = false;
		before = live;
		scenario(mapped);
		assert_int_equal(pc_stats.cached, 0);
		assert_int_equal(pc_stats.dirty, 0);
		assert_int_equal(pc_stats.mapped, 0);
		assert_int_equal(fake_file_bytes, 0);
		/* Slabs of pages are kept. */
		assert_in_range(live - before, 0, 4);
	} while (calls >= n);
	assert_false(failed);
	assert_true(n > 3);
}

static void not_mapped(void **state)
{
	each_failure(false);
}

static void mapped(void **state)
{
	each_failure(true);
}

RUN(CASE(not_mapped), CASE(mapped))
