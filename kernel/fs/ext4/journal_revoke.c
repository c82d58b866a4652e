/* SPDX-License-Identifier: MIT */
/*
 * Sets of revoked blocks: hash tables with linear probing, at most three quarters full. Deletion
 * moves later entries of a run up, so there are no tombstones.
 */
#include "fs/ext4/journal_revoke.h"

#include "abi/errno.h"
#include "lib/alloc.h"

#define FIRST_SIZE 16u
#define MAX_SIZE (1u << 28)

static u32 home(const struct revoke_set *s, u64 block)
{
	return (u32)((block * 0x9e3779b97f4a7c15ULL) >> 32) & (s->size - 1);
}

/* Where block is, or the free slot where it would be. The table is not empty and not full. */
static struct revoke *probe(const struct revoke_set *s, u64 block)
{
	u32 i = home(s, block);

	while (s->slot[i].used && s->slot[i].block != block)
		i = (i + 1) & (s->size - 1);
	return &s->slot[i];
}

struct revoke *revoke_find(const struct revoke_set *s, u64 block)
{
	struct revoke *r = s->n ? probe(s, block) : NULL;

	return r && r->used ? r : NULL;
}

static int grow(struct revoke_set *s)
{
	struct revoke_set bigger = { .size = s->size ? s->size * 2 : FIRST_SIZE, .n = s->n };

	if (bigger.size > MAX_SIZE)
		return -ENOMEM;
	bigger.slot = kzalloc(bigger.size * sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (u32 i = 0; i < s->size; i++)
		if (s->slot[i].used)
			*probe(&bigger, s->slot[i].block) = s->slot[i];
	kfree(s->slot);
	*s = bigger;
	return 0;
}

int revoke_add(struct revoke_set *s, u64 block, u32 tid)
{
	struct revoke *r = revoke_find(s, block);
	int err;

	if (r) {
		if (tid_before(r->tid, tid))
			r->tid = tid;
		return 0;
	}
	if ((u64)s->n * 4 >= (u64)s->size * 3) {
		err = grow(s);
		if (err)
			return err;
	}
	*probe(s, block) = (struct revoke){ .block = block, .tid = tid, .used = true };
	s->n++;
	return 0;
}

bool revoke_del(struct revoke_set *s, u64 block)
{
	struct revoke *r = revoke_find(s, block);
	u32 hole, i, mask = s->size - 1;

	if (!r)
		return false;
	hole = (u32)(r - s->slot);
	for (i = (hole + 1) & mask; s->slot[i].used; i = (i + 1) & mask) {
		/* It may move up only if its home is not between the hole and itself. */
		if (((i - home(s, s->slot[i].block)) & mask) < ((i - hole) & mask))
			continue;
		s->slot[hole] = s->slot[i];
		hole = i;
	}
	s->slot[hole].used = false;
	s->n--;
	return true;
}

void revoke_free(struct revoke_set *s)
{
	kfree(s->slot);
	*s = (struct revoke_set){ 0 };
}
