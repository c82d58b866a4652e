/* SPDX-License-Identifier: MIT */
/*
 * A set of revoked blocks, each with the transaction that revoked it: what a transaction will
 * write, and what a replay has read. A block that a transaction up to that one logged is not
 * replayed.
 */
#ifndef FS_EXT4_JOURNAL_REVOKE_H
#define FS_EXT4_JOURNAL_REVOKE_H

#include "lib/types.h"

struct revoke {
	u64 block;
	u32 tid;
	bool used;
};

struct revoke_set {			/* starts zeroed */
	struct revoke *slot;		/* size of them, a power of two; open addressing */
	u32 size, n;
};

/* Of two records for a block the later one counts. 0 or -ENOMEM. */
int revoke_add(struct revoke_set *s, u64 block, u32 tid);
bool revoke_del(struct revoke_set *s, u64 block);	/* was it there? */
struct revoke *revoke_find(const struct revoke_set *s, u64 block);	/* borrowed, NULL */
void revoke_free(struct revoke_set *s);			/* empty again */

/* Is a before b? Numbers of transactions wrap. */
static inline bool tid_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

#endif
