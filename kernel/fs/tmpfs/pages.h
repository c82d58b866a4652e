/* SPDX-License-Identifier: MIT */
/*
 * A sparse array of pages: a radix tree with 64 slots per node, as high as the largest index
 * needs. Pages are kmalloc()ed and owned by the tree. Nothing here blocks.
 */
#ifndef TMPFS_PAGES_H
#define TMPFS_PAGES_H

#include "lib/types.h"

struct pgtree {
	void *root;		/* a page when levels is 0, else a node */
	unsigned int levels;
	u64 count;		/* pages in it */
};

void *pg_get(const struct pgtree *t, u64 index);		/* NULL: a hole */
int pg_set(struct pgtree *t, u64 index, void *page);	/* into a hole; takes page; -ENOMEM */
bool pg_next(const struct pgtree *t, u64 *index);		/* first page at or after *index */
u64 pg_free_range(struct pgtree *t, u64 from, u64 to);		/* [from, to); pages freed */

#endif
