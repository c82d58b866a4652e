/* SPDX-License-Identifier: MIT */
#include "lib/hash.h"

#include "lib/alloc.h"

#define GROW_BITS 2

static struct list_head *make_chains(u32 bits)
{
	struct list_head *c = kmalloc(sizeof(*c) << bits);

	for (u64 i = 0; c && i < 1ULL << bits; i++)
		list_init(&c[i]);
	return c;
}

bool hash_init(struct hash_table *t, u32 bits, u64 (*key)(const struct list_head *node))
{
	*t = (struct hash_table){ .chains = make_chains(bits), .bits = bits, .key = key };
	return t->chains != NULL;
}

void hash_free(struct hash_table *t)
{
	kfree(t->chains);
	t->chains = NULL;
}

struct list_head *hash_chain(const struct hash_table *t, u64 key)
{
	return &t->chains[key * 0x9e3779b97f4a7c15ULL >> (64 - t->bits)];
}

static void move_all(struct hash_table *t, struct list_head *from)
{
	while (!list_empty(from)) {
		struct list_head *n = from->next;

		list_del_init(n);
		list_add_tail(n, hash_chain(t, t->key(n)));
		t->added++;
	}
}

static u32 count(const struct hash_table *t)
{
	const struct list_head *n;
	u32 sum = 0;

	for (u64 i = 0; i < 1ULL << t->bits; i++)
		for (n = t->chains[i].next; n != &t->chains[i]; n = n->next)
			sum++;
	return sum;
}

static void grow(struct hash_table *t)
{
	struct hash_table new = { .bits = t->bits + GROW_BITS, .key = t->key };

	t->added = count(t);
	if (t->added < 1U << t->bits)
		return;
	new.chains = make_chains(new.bits);
	if (!new.chains) {
		t->added = 0;		/* again after as many */
		return;
	}
	for (u64 i = 0; i < 1ULL << t->bits; i++)
		move_all(&new, &t->chains[i]);
	kfree(t->chains);
	*t = new;
}

void hash_add(struct hash_table *t, struct list_head *node)
{
	if (t->added >= 2U << t->bits)
		grow(t);
	t->added++;
	list_add(node, hash_chain(t, t->key(node)));
}
