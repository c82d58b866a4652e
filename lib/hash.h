/* SPDX-License-Identifier: MIT */
/*
 * Hash tables of list nodes that grow with what is in them. A node leaves by list_del_init(), without the table. Keys may be
 * equal: who looks goes through the chain. Growing that fails leaves the table as it is. No locks of their own.
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include "lib/list.h"

struct hash_table {
	struct list_head *chains;	/* 1 << bits */
	u32 bits;
	u32 added;			/* nodes, and those that left since it was counted last */
	u64 (*key)(const struct list_head *node);
};

bool hash_init(struct hash_table *t, u32 bits, u64 (*key)(const struct list_head *node));	/* false: no memory */
void hash_free(struct hash_table *t);	/* the nodes are the caller's; one that was never made: nothing */
struct list_head *hash_chain(const struct hash_table *t, u64 key);
void hash_add(struct hash_table *t, struct list_head *node);	/* t->key(node) is known */

#endif
