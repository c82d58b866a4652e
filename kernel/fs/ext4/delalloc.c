/* SPDX-License-Identifier: MIT */
/*
 * Delayed allocation: pages that have room promised but no blocks yet, as a sorted array of ranges.
 * A page counts with all of its blocks. With a block map, so does each block of numbers that the pages can
 * need; trees of extents have a reserve of the whole file system instead (ext4.pool), for how many extents there
 * will be nobody knows.
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "lib/alloc.h"

static u64 per_page(const struct ext4 *fs)
{
	return PAGE_SIZE >> fs->block_bits;
}

/* The first range that ends behind page. */
static u32 find(const struct ext4_inode *ei, u64 page)
{
	u32 lo = 0, hi = ei->ndelayed;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (ei->delayed[mid].end <= page)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool ext4_is_delayed(const struct inode *inode, u64 page)
{
	const struct ext4_inode *ei = ext4_i(inode);
	u32 i = find(ei, page);

	return i < ei->ndelayed && ei->delayed[i].start <= page;
}

bool ext4_next_delayed(const struct inode *inode, u64 from, struct ext4_range *out)
{
	const struct ext4_inode *ei = ext4_i(inode);
	u32 i = find(ei, from);

	if (i == ei->ndelayed)
		return false;
	*out = ei->delayed[i];
	return true;
}

u64 ext4_delayed_pages(const struct inode *inode)
{
	const struct ext4_inode *ei = ext4_i(inode);
	u64 n = 0;

	for (u32 i = 0; i < ei->ndelayed; i++)
		n += ei->delayed[i].end - ei->delayed[i].start;
	return n;
}

static int room_for_one(struct ext4_inode *ei)
{
	u32 cap = MAX(ei->delayed_cap * 2, 4u);
	struct ext4_range *p;

	if (ei->ndelayed < ei->delayed_cap)
		return 0;
	p = krealloc(ei->delayed, cap * sizeof(*p));
	if (!p)
		return -ENOMEM;
	ei->delayed = p;
	ei->delayed_cap = cap;
	return 0;
}

static void insert(struct ext4_inode *ei, u32 i, u64 start, u64 end)
{
	memmove(&ei->delayed[i + 1], &ei->delayed[i], (ei->ndelayed - i) * sizeof(*ei->delayed));
	ei->delayed[i] = (struct ext4_range){ start, end };
	ei->ndelayed++;
}

static void erase(struct ext4_inode *ei, u32 i)
{
	ei->ndelayed--;
	memmove(&ei->delayed[i], &ei->delayed[i + 1], (ei->ndelayed - i) * sizeof(*ei->delayed));
}

/* Blocks of numbers of one level are counted from 1 in the order of what they map; 0: x needs none of that level. */
static u64 table_of(u64 x, u32 level, u64 per_table)
{
	u64 first = 12, span = per_table;

	for (; level > 1; level--) {
		first += span;
		span *= per_table;
	}
	return x < first ? 0 : 1 + (x - first) / span;
}

/* Those that range i needs and the range before it does not. */
static u64 tables(const struct inode *inode, u32 i)
{
	const struct ext4 *fs = ext4_of(inode);
	const struct ext4_range *r = &ext4_i(inode)->delayed[i];
	u64 lo = r->start * per_page(fs), hi = r->end * per_page(fs) - 1, n = 0;

	for (u32 level = 1; level <= 3; level++) {
		u64 first = MAX(table_of(lo, level, fs->block_size / 4), 1ULL);
		u64 last = table_of(hi, level, fs->block_size / 4);

		if (i)
			first = MAX(first, table_of(r[-1].end * per_page(fs) - 1, level, fs->block_size / 4) + 1);
		n += last >= first ? last - first + 1 : 0;
	}
	return n;
}

/* Of the ranges from i on, but for the last rest ones. */
static u64 tables_of(const struct inode *inode, u32 i, u32 rest)
{
	const struct ext4_inode *ei = ext4_i(inode);
	u64 n = 0;

	if (ei->flags & EXT4_EXTENTS_FL)
		return 0;
	for (; i + rest < ei->ndelayed; i++)
		n += tables(inode, i);
	return n;
}

static void account(struct ext4 *fs, u64 before, u64 after)
{
	fs->delayed += after;
	fs->delayed -= MIN(fs->delayed, before);
}

int ext4_delay(struct inode *inode, u64 page)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4 *fs = ext4_of(inode);
	u32 i = find(ei, page), from = i ? i - 1 : 0, rest = ei->ndelayed - MIN(ei->ndelayed, i + 2);
	u64 before = tables_of(inode, from, rest);
	bool left, right;

	if (i < ei->ndelayed && ei->delayed[i].start <= page)
		return 0;
	if (room_for_one(ei))
		return -ENOMEM;
	left = i > 0 && ei->delayed[i - 1].end == page;
	right = i < ei->ndelayed && ei->delayed[i].start == page + 1;
	if (left && right) {
		ei->delayed[i - 1].end = ei->delayed[i].end;
		erase(ei, i);
	} else if (left) {
		ei->delayed[i - 1].end++;
	} else if (right) {
		ei->delayed[i].start--;
	} else {
		insert(ei, i, page, page + 1);
	}
	account(fs, before, tables_of(inode, from, rest) + per_page(fs));
	return 0;
}

/* The first range behind end, and the one after it: their neighbours stay. */
static u32 untouched(const struct ext4_inode *ei, u64 end)
{
	return ei->ndelayed - MIN(ei->ndelayed, find(ei, end) + 2);
}

/* Takes [start, end) out of range *i, and goes to the next; how many pages that were. */
static u64 cut(struct ext4_inode *ei, u32 *i, u64 start, u64 end)
{
	struct ext4_range *r = &ei->delayed[*i];
	u64 a = MAX(start, r->start), b = MIN(end, r->end), old_end = r->end;

	if (a == r->start && b == old_end) {
		erase(ei, *i);
		return b - a;
	}
	if (a == r->start) {
		r->start = b;
		return b - a;
	}
	if (b < old_end && room_for_one(ei))
		b = old_end; /* no memory to remember the rest as promised: it takes its chance */
	ei->delayed[*i].end = a;
	++*i;
	if (b < old_end)
		insert(ei, *i, b, old_end);
	return b - a;
}

void ext4_undelay(struct inode *inode, u64 start, u64 end)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4 *fs = ext4_of(inode);
	u32 i = find(ei, start), from = i ? i - 1 : 0, rest = untouched(ei, end);
	u64 before = tables_of(inode, from, rest);

	while (i < ei->ndelayed && ei->delayed[i].start < end)
		before += cut(ei, &i, start, end) * per_page(fs);
	account(fs, before, tables_of(inode, from, rest));
}
