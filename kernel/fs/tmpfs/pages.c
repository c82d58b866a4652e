/* SPDX-License-Identifier: MIT */
/*
 * The sparse array of pages behind a tmpfs file (pages.h).
 */
#include "fs/tmpfs/pages.h"

#include "abi/errno.h"
#include "lib/alloc.h"

#define BITS 6
#define SLOTS (1u << BITS)
#define MAX_LEVELS 9			/* 2^54 pages: more than any offset */

struct node {
	u32 used;
	void *slot[SLOTS];
};

/* Indexes that a tree of this height can hold: [0, span). */
static u64 span(unsigned int levels)
{
	return 1ULL << (BITS * levels);
}

static unsigned int slot_of(u64 index, unsigned int level)
{
	return (index >> (BITS * (level - 1))) & (SLOTS - 1);
}

void *pg_get(const struct pgtree *t, u64 index)
{
	unsigned int level;
	void *p = t->root;

	if (index >= span(t->levels))
		return NULL;
	for (level = t->levels; p && level; level--)
		p = ((struct node *)p)->slot[slot_of(index, level)];
	return p;
}

/* Makes the tree high enough for index. */
static int grow(struct pgtree *t, u64 index)
{
	while (index >= span(t->levels)) {
		struct node *n;

		if (t->levels == MAX_LEVELS)
			return -ENOMEM;
		if (t->root) {
			n = kzalloc(sizeof(*n));
			if (!n)
				return -ENOMEM;
			n->slot[0] = t->root;
			n->used = 1;
			t->root = n;
		}
		t->levels++;
	}
	return 0;
}

int pg_set(struct pgtree *t, u64 index, void *page)
{
	struct node *parent = NULL;
	void **at = &t->root;
	unsigned int level;
	int err = grow(t, index);

	if (err)
		return err;
	for (level = t->levels; level; level--) {
		if (!*at) {
			*at = kzalloc(sizeof(struct node));
			if (!*at)
				return -ENOMEM;
			if (parent)
				parent->used++;
		}
		parent = *at;
		at = &parent->slot[slot_of(index, level)];
	}
	*at = page;
	if (parent)
		parent->used++;
	t->count++;
	return 0;
}

static bool next_in(void *p, unsigned int level, u64 base, u64 *index)
{
	struct node *n = p;
	unsigned int i;
	u64 step;

	if (!p)
		return false;
	if (!level) {
		*index = base;
		return true;
	}
	step = span(level - 1);
	i = *index > base ? (unsigned int)((*index - base) / step) : 0;
	for (; i < SLOTS; i++)
		if (n->slot[i] && next_in(n->slot[i], level - 1, base + i * step, index))
			return true;
	return false;
}

bool pg_next(const struct pgtree *t, u64 *index)
{
	if (*index >= span(t->levels))
		return false;
	return next_in(t->root, t->levels, 0, index);
}

/* Frees what lies in [from, to); true when nothing is left of *pp. */
static bool free_in(void **pp, unsigned int level, u64 base, u64 from, u64 to, u64 *freed)
{
	struct node *n = *pp;
	unsigned int i;
	u64 step;

	if (!n)
		return true;
	if (!level) {
		kfree(*pp);
		*pp = NULL;
		(*freed)++;
		return true;
	}
	step = span(level - 1);
	for (i = 0; i < SLOTS; i++) {
		u64 start = base + i * step;

		if (!n->slot[i] || start >= to || start + step <= from)
			continue;
		if (free_in(&n->slot[i], level - 1, start, from, to, freed))
			n->used--;
	}
	if (n->used)
		return false;
	kfree(n);
	*pp = NULL;
	return true;
}

u64 pg_free_range(struct pgtree *t, u64 from, u64 to)
{
	u64 freed = 0;

	if (from >= to || !t->root || from >= span(t->levels))
		return 0;
	if (free_in(&t->root, t->levels, 0, from, to, &freed))
		t->levels = 0;
	t->count -= freed;
	return freed;
}
