/* SPDX-License-Identifier: MIT */
/*
 * A sparse array of pointers by page number: a radix tree with 64 slots per node, as high as the
 * largest index needs. Each entry can carry one tag, and tagged ones are found without looking at the
 * others: the page cache keeps its dirty pages so. A zeroed struct is an empty tree. Nothing here blocks.
 */
#ifndef MM_PGTREE_H
#define MM_PGTREE_H

#include "lib/types.h"

struct pgtree {
	void *root;		/* an entry when levels is 0, else a node */
	unsigned int levels;
	bool root_tag;		/* of the entry, when levels is 0 */
	u64 count;		/* entries in it */
};

void *pg_get(const struct pgtree *t, u64 index);		/* NULL: a hole */
int pg_set(struct pgtree *t, u64 index, void *entry);	/* into a hole, untagged; -ENOMEM */
void *pg_remove(struct pgtree *t, u64 index);		/* the entry, NULL: a hole */
bool pg_next(const struct pgtree *t, u64 *index);		/* first entry at or after *index */
void pg_tag(struct pgtree *t, u64 index, bool on);	/* of an entry that is there */
bool pg_next_tagged(const struct pgtree *t, u64 *index);
/* Takes [from, to) out; each entry goes to fn. How many. */
u64 pg_free_range(struct pgtree *t, u64 from, u64 to, void (*fn)(void *entry));

#endif
