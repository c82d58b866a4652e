/* SPDX-License-Identifier: MIT */
/*
 * Delayed allocation: pages that have room promised but no blocks yet, as a sorted array of ranges.
 * A page counts with all of its blocks.
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

int ext4_delay(struct inode *inode, u64 page)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4 *fs = ext4_of(inode);
	u32 i = find(ei, page);
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
	fs->delayed += per_page(fs);
	return 0;
}

void ext4_undelay(struct inode *inode, u64 start, u64 end)
{
	struct ext4_inode *ei = ext4_i(inode);
	struct ext4 *fs = ext4_of(inode);
	u32 i = find(ei, start);

	while (i < ei->ndelayed && ei->delayed[i].start < end) {
		struct ext4_range *r = &ei->delayed[i];
		u64 a = MAX(start, r->start), b = MIN(end, r->end), old_end = r->end;

		if (a == r->start && b == old_end) {
			erase(ei, i);
		} else if (a == r->start) {
			r->start = b;
		} else {
			if (b < old_end && room_for_one(ei))
				b = old_end; /* no memory to remember the rest as promised: it takes its chance */
			r = &ei->delayed[i];
			r->end = a;
			i++;
			if (b < old_end)
				insert(ei, i, b, old_end);
		}
		fs->delayed -= MIN(fs->delayed, (b - a) * per_page(fs));
	}
}
