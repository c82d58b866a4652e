/* SPDX-License-Identifier: MIT */
/*
 * lib/hash.h: everything is found while the table grows, equal keys and leaving nodes too; a table that cannot grow works on.
 */
#include "lib/hash.h"

#include "tests/unit/fake/alloc.c"
#include "tests/unit/test.h"

#define N 5000

struct item {
	u64 key;
	struct list_head node;
};
static struct item items[N];

static u64 item_key(const struct list_head *node)
{
	return list_entry(node, struct item, node)->key;
}

static int found(const struct hash_table *t, u64 key)
{
	struct item *it;
	int n = 0;

	list_for_each(it, hash_chain(t, key), node)
		n += it->key == key;
	return n;
}

static void fill(struct hash_table *t, u64 step)
{
	for (int i = 0; i < N; i++) {
		items[i].key = (u64)(i / 2) * step;	/* two of each */
		hash_add(t, &items[i].node);
		assert_in_range(found(t, items[i].key), 1, 2);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(found(t, items[i].key), 2);
}

static void grows(void **state)
{
	struct hash_table t;

	assert_true(hash_init(&t, 2, item_key));
	fill(&t, 4096);
	assert_true(1U << t.bits >= N / 4);
	for (int i = 0; i < N; i += 2)
		list_del_init(&items[i].node);
	for (int i = 0; i < N; i++)
		assert_int_equal(found(&t, items[i].key), 1);
	hash_free(&t);
}

static void cannot_grow(void **state)
{
	struct hash_table t;

	fake_alloc_fail_every = 1;
	assert_false(hash_init(&t, 2, item_key));
	fake_alloc_fail_every = 0;
	assert_true(hash_init(&t, 2, item_key));
	fake_alloc_fail_every = 1;
	fill(&t, 1);
	fake_alloc_fail_every = 0;
	assert_int_equal(t.bits, 2);
	hash_free(&t);
}

/* Many that come and go do not make it larger. */
static void counts(void **state)
{
	struct hash_table t;

	assert_true(hash_init(&t, 4, item_key));
	for (int i = 0; i < N; i++) {
		items[0].key = (u64)i;
		hash_add(&t, &items[0].node);
		list_del_init(&items[0].node);
	}
	assert_int_equal(t.bits, 4);
	hash_free(&t);
}

RUN(CASE(grows), CASE(cannot_grow), CASE(counts))
