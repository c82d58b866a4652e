/* SPDX-License-Identifier: MIT */
/*
 * The sparse array of pages (pgtree.h). The tag bit of a slot says for an entry that it is tagged,
 * for a node that something below it is.
 */
#include "mm/pgtree.h"

#include "abi/errno.h"
#include "lib/alloc.h"

#define BITS 6
#define SLOTS (1u << BITS)
#define MAX_LEVELS 9			/* 2^54 pages: more than any offset */

struct node {
	u32 used;
	u64 tags;
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

static bool tagged(const struct pgtree *t)
{
	return t->levels ? ((struct node *)t->root)->tags != 0 : t->root_tag;
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
			n->tags = tagged(t);
			t->root = n;
			t->root_tag = false;
		}
		t->levels++;
	}
	return 0;
}

/* A node without entries stays behind when memory ran out on the way down: it goes with its last neighbour. */
int pg_set(struct pgtree *t, u64 index, void *entry)
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
	*at = entry;
	if (parent)
		parent->used++;
	t->count++;
	return 0;
}

/* --- finding --- */

static bool next_in(void *p, unsigned int level, u64 base, bool tag, u64 *index)
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
	for (; i < SLOTS; i++) {
		if (!n->slot[i] || (tag && !(n->tags & (1ULL << i))))
			continue;
		if (next_in(n->slot[i], level - 1, base + i * step, tag, index))
			return true;
	}
	return false;
}

bool pg_next(const struct pgtree *t, u64 *index)
{
	if (*index >= span(t->levels))
		return false;
	return next_in(t->root, t->levels, 0, false, index);
}

bool pg_next_tagged(const struct pgtree *t, u64 *index)
{
	if (*index >= span(t->levels) || !t->root || !tagged(t))
		return false;
	return next_in(t->root, t->levels, 0, true, index);
}

/* --- tags --- */

static void tag_in(void *p, unsigned int level, u64 index, bool on)
{
	struct node *n = p, *below;
	unsigned int i;

	i = slot_of(index, level);
	if (level > 1) {
		tag_in(n->slot[i], level - 1, index, on);
		below = n->slot[i];
		on = below->tags != 0;
	}
	if (on)
		n->tags |= 1ULL << i;
	else
		n->tags &= ~(1ULL << i);
}

void pg_tag(struct pgtree *t, u64 index, bool on)
{
	if (!t->levels)
		t->root_tag = on;
	else
		tag_in(t->root, t->levels, index, on);
}

/* --- removing --- */

static void keep_none(void *entry)
{
}

void *pg_remove(struct pgtree *t, u64 index)
{
	void *p = pg_get(t, index);

	if (p)
		pg_free_range(t, index, index + 1, keep_none);
	return p;
}

struct removal {
	u64 from, to, freed;
	void (*fn)(void *entry);
};

/* Takes out what lies in the range; true when nothing is left of *pp. */
static bool free_in(void **pp, unsigned int level, u64 base, struct removal *r)
{
	struct node *n = *pp;
	unsigned int i, last;
	u64 step;

	if (!n)
		return true;
	if (!level) {
		r->fn(*pp);
		*pp = NULL;
		r->freed++;
		return true;
	}
	step = span(level - 1);
	i = r->from > base ? (unsigned int)((r->from - base) / step) : 0;
	last = r->to - base > step * SLOTS ? SLOTS : (unsigned int)((r->to - base + step - 1) / step);
	for (; i < last; i++) {
		if (!n->slot[i])
			continue;
		if (free_in(&n->slot[i], level - 1, base + i * step, r)) {
			n->used--;
			n->tags &= ~(1ULL << i);
		} else if (level > 1 && !((struct node *)n->slot[i])->tags) {
			n->tags &= ~(1ULL << i);
		}
	}
	if (n->used)
		return false;
	kfree(n);
	*pp = NULL;
	return true;
}

u64 pg_free_range(struct pgtree *t, u64 from, u64 to, void (*fn)(void *entry))
{
	struct removal r = { .from = from, .to = to, .fn = fn };

	if (from >= to || !t->root || from >= span(t->levels))
		return 0;
	if (free_in(&t->root, t->levels, 0, &r)) {
		t->levels = 0;
		t->root_tag = false;
	}
	t->count -= r.freed;
	return r.freed;
}
