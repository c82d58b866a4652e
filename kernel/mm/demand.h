/* SPDX-License-Identifier: MIT */
/*
 * Areas whose pages come on demand: backings with maps set. What a guest process may do with such a page is
 * what its area allows and the backing's rights() say now; the host's mapping never allows more. A fault, or a copy
 * that is about to be made, has the backing fill the pages and then the rights applied.
 *
 * Order: whoever gives rights computes them under mm->lock and holds it until the host has them. Whoever takes
 * rights changes the page's state first and then goes through all areas, each under its mm->lock. So no
 * right survives that was computed from an old state. fill() is called without mm->lock.
 */
#ifndef MM_DEMAND_H
#define MM_DEMAND_H

#include "mm/mm.h"

/*
 * Makes [addr, addr + n) accessible as far as areas allow: bytes from addr on that are so now. Areas without demand
 * count as accessible; the walk ends at a hole. ut: a thread of mm that waits for orders, or NULL: one is borrowed. Blocks.
 */
size_t demand_range(struct mm *mm, struct uthread *ut, u64 addr, size_t n, bool write);
/*
 * For copies of calls. A page may be taken away between the moment in which it is brought in and the copy; so the kernel
 * copies what lies in shared areas itself, from or to the object's pages, and needs no rights for it. Private areas
 * have copies of their own: there the guest process copies, and again when it faults (mm/user.c).
 * reach: bytes from addr on that can be brought in; without ut's rights where the kernel copies. Blocks.
 */
size_t demand_reach(struct mm *mm, struct uthread *ut, u64 addr, size_t n, bool write);
/* Bytes at addr that the kernel copies itself, at least one; 0: none there; -EFAULT: behind the end, no room. Blocks. */
ssize demand_copy(struct mm *mm, u64 addr, void *buf, size_t n, bool write);
size_t demand_plain(struct mm *mm, u64 addr, size_t n, bool write);	/* bytes before the next such place. nb */
/* Is there an area on demand in the range? nb */
bool demand_touches(struct mm *mm, u64 addr, size_t n);
/*
 * A fault at addr. 0: try again; -EFAULT: none of ours, or not allowed; another error: it cannot be had (SIGBUS).
 * write: for writing. Blocks.
 */
int demand_fault(struct mm *mm, struct uthread *ut, u64 addr, bool write);

/* Host rights for [start, end), where b lies at off and the area has flags: in runs. mm->lock held. Blocks. */
int demand_protect(struct uthread *ut, u64 start, u64 end, u32 flags, const struct backing *b, u64 off);
/* May all of it be touched now without a fault? nb */
bool demand_complete(const struct backing *b, u64 off, u64 len, u32 flags);
/*
 * Rights on pages [first, last) of the object are taken: all, or only_write those that rights() does not give now.
 * 0, or an error: somewhere they stay. No mm->lock held. Blocks.
 */
int demand_revoke(struct backing_maps *maps, u64 first, u64 last, bool only_write);
bool demand_has_text(const struct backing_maps *maps);	/* nb */

#endif
