/* SPDX-License-Identifier: MIT */
/*
 * The sparse array against a plain one: random changes and searches, and no memory at every place.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "lib/alloc.h"
#include "mm/pgtree.h"

/* --- memory that runs out --- */

static int allocs_left = -1;
static long live;

void *kzalloc(size_t n)
{
	if (!allocs_left)
		return NULL;
	if (allocs_left > 0)
		allocs_left--;
	live++;
	return calloc(1, n);
}

void kfree(void *p)
{
	live -= p != NULL;
	free(p);
}

/* --- the model --- */

#define SLOTS 600
/* Slots lie near each other, and far from each other. */
static u64 place(unsigned int i)
{
	return i < 300 ? i : (u64)(i - 299) * 0x123457UL;
}

static bool here[SLOTS], tag[SLOTS];
static char entries[SLOTS];
static u32 seed;

static u32 rnd(u32 n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void check(const struct pgtree *t)
{
	u64 at = 0, tagged = 0, n = 0;

	for (unsigned int i = 0; i < SLOTS; i++) {
		assert_ptr_equal(pg_get(t, place(i)), here[i] ? &entries[i] : NULL);
		if (!here[i])
			continue;
		n++;
		assert_true(pg_next(t, &at));
		assert_int_equal(at, place(i));
		at++;
		if (!tag[i])
			continue;
		assert_true(pg_next_tagged(t, &tagged));
		assert_int_equal(tagged, place(i));
		tagged++;
	}
	assert_int_equal(t->count, n);
	assert_false(pg_next(t, &at));
	assert_false(pg_next_tagged(t, &tagged));
}

static u64 counted;

static void count_one(void *entry)
{
	counted++;
}

static void remove_range(struct pgtree *t, unsigned int from, unsigned int to)
{
	u64 n = 0;

	for (unsigned int i = from; i < to; i++) {
		n += here[i];
		here[i] = tag[i] = false;
	}
	counted = 0;
	assert_int_equal(pg_free_range(t, place(from), place(to - 1) + 1, count_one), n);
	assert_int_equal(counted, n);
}

static void change(struct pgtree *t)
{
	unsigned int i = rnd(SLOTS), end = i + 1 + rnd(20);

	switch (rnd(8)) {
	case 0: case 1: case 2: case 3:
		if (here[i])
			break;
		if (rnd(4) == 0)
			allocs_left = (int)rnd(3);
		if (pg_set(t, place(i), &entries[i]))
			assert_int_equal(allocs_left, 0);
		else
			here[i] = true;
		allocs_left = -1;
		break;
	case 4: case 5:
		if (!here[i])
			break;
		tag[i] = rnd(2);
		pg_tag(t, place(i), tag[i]);
		break;
	case 6:
		assert_ptr_equal(pg_remove(t, place(i)), here[i] ? &entries[i] : NULL);
		here[i] = tag[i] = false;
		break;
	case 7:
		remove_range(t, i, MIN(end, (u32)SLOTS));
		break;
	}
}

static void agrees(void **state)
{
	struct pgtree t = { 0 };

	for (u32 start = 1; start < 4; start++) {
		seed = start;
		for (int n = 0; n < 3000; n++) {
			change(&t);
			check(&t);
		}
		remove_range(&t, 0, SLOTS);
		check(&t);
		assert_int_equal(live, 0);
		assert_null(t.root);
	}
}

RUN(CASE(agrees))
