/* SPDX-License-Identifier: MIT */
/*
 * Where a block of a file lies: behind all blocks before it, whose lengths are words behind the inode. So they are
 * summed up, from where somebody was before: the last place, or one of a few that are kept for a large file.
 */
#include "fs/squashfs/priv.h"

#include "abi/errno.h"
#include "core/signal.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

#define WORDS 128u
#define STEP_MIN 512u

static void start_of(const struct inode *inode, u64 block, struct sq_place *p)
{
	const struct sq_inode *si = sq_i(inode);
	u64 slot = si->nslots ? MIN(block / si->step, (u64)si->nslots) : 0;

	*p = (struct sq_place){ 0, si->at, si->start };
	if (slot)
		*p = si->slots[slot - 1];
	if (si->last.block && si->last.block <= block && si->last.block > p->block)
		*p = si->last;
}

/* p is at the step-th block, or twice that: kept. Without memory it just takes longer. */
static void keep(struct sq_inode *si, const struct sq_place *p)
{
	if (p->block != (si->nslots + 1) * si->step || si->nslots == SQ_SLOTS)
		return;
	if (!si->slots)
		si->slots = kmalloc(SQ_SLOTS * sizeof(*si->slots));
	if (si->slots)
		si->slots[si->nslots++] = *p;
}

static int skip(struct inode *inode, struct sq_place *p, u32 n)
{
	u32 words[WORDS];
	int err = sq_meta_read(sq_of(inode), &p->at, words, n * sizeof(words[0]));

	if (err)
		return err;
	for (u32 i = 0; i < n; i++)
		p->pos += words[i] & ~SQ_BLOCK_PLAIN;
	p->block += n;
	if (p->pos > sq_of(inode)->s.bytes_used)
		return sq_error(sq_of(inode), "inode %llu: blocks behind the end", (unsigned long long)inode->ino);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

int sq_find_block(struct inode *inode, u64 block, u64 *pos, u32 *word)
{
	struct sq_inode *si = sq_i(inode);
	struct sq_place p;
	u32 w;
	int err;

	if (!si->step)
		si->step = MAX(ALIGN_UP(si->nblocks / SQ_SLOTS + 1, (u64)WORDS), (u64)STEP_MIN);
	start_of(inode, block, &p);
	while (p.block < block) {
		err = skip(inode, &p, (u32)MIN(MIN(block - p.block, si->step - p.block % si->step), (u64)WORDS));
		if (err)
			return err;
		keep(si, &p);
	}
	err = sq_meta_read(sq_of(inode), &p.at, &w, sizeof(w));
	if (err)
		return err;
	*pos = p.pos;
	*word = w;
	p.block++;
	p.pos += w & ~SQ_BLOCK_PLAIN;
	si->last = p;
	return 0;
}
