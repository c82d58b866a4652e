/* SPDX-License-Identifier: MIT */
/*
 * mremap: shrinks by unmapping, grows in place by mapping the rest, moves by the host's mremap.
 * One area of ours can be several mappings of the host's (it merges by stricter rules), and the host
 * moves only one at a time; so a move that the host refuses is tried in halves.
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/vma.h"

struct remap {
	struct mm *mm;
	struct uthread *ut;
	u64 old, oldlen, newlen;
	u32 flags;
	u64 newaddr;
	struct list_head dead;
};

static int check_call(const struct remap *r, u64 raw_newlen)
{
	u32 flags = r->flags;

	if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || r->oldlen != r->newlen))
		return -EINVAL;
	if (r->old & ~PAGE_MASK || !r->newlen || r->newlen < raw_newlen)
		return -EINVAL;
	if (!(flags & MREMAP_FIXED))
		return 0;
	if (r->newaddr & ~PAGE_MASK || r->newlen > GUEST_TASK_SIZE ||
	    r->newaddr > GUEST_TASK_SIZE - r->newlen)
		return -EINVAL;
	if (r->old + r->oldlen > r->newaddr && r->newaddr + r->newlen > r->old)
		return -EINVAL;
	if (r->newaddr < GUEST_MMAP_MIN)
		return -EPERM;
	return mm_reserved(r->newaddr, r->newaddr + r->newlen) ? -ENOMEM : 0;
}

/* May the area grow (or be doubled) as asked? */
static int check_area(const struct remap *r, const struct vma *v)
{
	u64 more = r->newlen > r->oldlen ? r->newlen - r->oldlen : 0;
	u64 inside = r->old - v->start;
	int err;

	if (!r->oldlen && !(v->flags & VM_SHARED))
		return -EINVAL;
	if (r->oldlen > v->end - r->old)
		return -EFAULT;
	if (v->flags & (VM_VDSO | VM_VVAR) && r->oldlen != r->newlen)
		return -EFAULT;
	if (r->flags & MREMAP_DONTUNMAP)
		more = r->newlen;
	if (!more)
		return 0;
	if (v->backing && v->pgoff + inside + r->newlen < v->pgoff)
		return -EINVAL;
	if (v->flags & VM_LOCKED) {
		err = mm_check_locked(r->mm, more, -EAGAIN);
		if (err)
			return err;
	}
	return mm_check_expand(r->mm, v->flags, more);
}

static bool room_behind(const struct remap *r, struct vma *v)
{
	struct vma *next = vma_next(r->mm, v);
	u64 end = r->old + r->newlen;

	if (v->end != r->old + r->oldlen || end > GUEST_TASK_SIZE || end < r->old)
		return false;
	if (mm_reserved(v->end, end))
		return false;
	return !next || next->start - (next->flags & VM_GROWSDOWN ? MM_STACK_GUARD : 0) >= end;
}

static int grow_in_place(struct remap *r, struct vma *v)
{
	u64 end = r->old + r->newlen;
	int err = mm_host_map(r->ut, v->end, end, v->flags,
			      v->flags & VM_LOCKED ? MAP_POPULATE : 0, v->backing,
			      v->pgoff + (v->end - v->start));

	if (err)
		return err;
	vma_resize(r->mm, v, v->start, end);
	vma_merge(r->mm, v);
	return 0;
}

/* Move len bytes; on failure what was moved goes back. */
static int host_move(struct uthread *ut, u64 from, u64 to, u64 len)
{
	u64 half = (len / 2) & PAGE_MASK;
	int err = guest_mremap(ut, from, len, len, to);

	if (err != -EFAULT || !half)
		return err;
	err = host_move(ut, from, to, half);
	if (err)
		return err;
	err = host_move(ut, from + half, to + half, len - half);
	if (err)
		host_move(ut, to, from, half);
	return err;
}

/* The host's side of a move, growth included. */
static int host_relocate(struct remap *r, struct vma *v, u64 pgoff)
{
	u64 moved = MIN(r->oldlen, r->newlen);
	bool whole = !v->backing || !v->backing->maps;
	int err;

	/* Not with pages on demand: what is added would get the rights of the last ones. */
	if (whole && moved && r->newlen > moved &&
	    !guest_mremap(r->ut, r->old, moved, r->newlen, r->newaddr))
		return 0;
	err = moved ? host_move(r->ut, r->old, r->newaddr, moved) : 0;
	if (err || r->newlen == moved)
		return err;
	err = mm_host_map(r->ut, r->newaddr + moved, r->newaddr + r->newlen, v->flags, 0,
			  v->backing, pgoff + moved);
	if (err && moved)
		host_move(r->ut, r->newaddr, r->old, moved);
	return err;
}

/* The old place after a move: a hole, or with MREMAP_DONTUNMAP the same area, empty. */
static int leave_old(struct remap *r, struct vma *v, struct vma_pre *pre)
{
	if (!r->oldlen)
		return 0;
	if (!(r->flags & MREMAP_DONTUNMAP)) {
		vma_cut(r->mm, r->old, r->old + r->oldlen, pre, &r->dead);
		return 0;
	}
	return mm_host_map(r->ut, r->old, r->old + r->oldlen, v->flags, 0, v->backing,
			   v->pgoff + (v->backing ? r->old - v->start : 0));
}

static int move_area(struct remap *r, struct vma *v)
{
	struct vma_pre pre;
	struct vma *n;
	u64 pgoff = v->pgoff + (v->backing ? r->old - v->start : 0);
	int err;

	if (r->mm->nvmas + 2 >= sysctl.max_map_count - 3)
		return -ENOMEM;
	err = vma_pre_fill(&pre, 3);
	if (err)
		return err;
	err = host_relocate(r, v, pgoff);
	if (err)
		goto out;
	n = vma_pre_take(&pre);
	vma_copy(n, v);
	n->start = r->newaddr;
	n->end = r->newaddr + r->newlen;
	n->pgoff = pgoff;
	vma_insert(r->mm, n);		/* before the old one goes: its object stays mapped */
	err = leave_old(r, v, &pre);
	if (err) {	/* the pages went, their place could not be filled: a hole on both sides */
		vma_cut(r->mm, r->old, r->old + r->oldlen, &pre, &r->dead);
		err = 0;
	}
	vma_merge(r->mm, n);
out:
	vma_pre_drop(&pre);
	return err;
}

/* A new place, or the given one made free. */
static int find_place(struct remap *r)
{
	u64 found;

	if (r->flags & MREMAP_FIXED)
		return mm_unmap_locked(r->mm, r->ut, r->newaddr, r->newaddr + r->newlen, &r->dead);
	found = mm_unmapped_area(r->mm, r->flags & MREMAP_DONTUNMAP ? r->newaddr : 0, r->newlen);
	if (!found)
		return -ENOMEM;
	r->newaddr = found;
	return 0;
}

static s64 shrink(struct remap *r)
{
	int err = 0;

	if (r->oldlen > GUEST_TASK_SIZE || r->old > GUEST_TASK_SIZE - r->oldlen)
		return -EINVAL;
	if (r->oldlen > r->newlen)
		err = mm_unmap_locked(r->mm, r->ut, r->old + r->newlen, r->old + r->oldlen,
				      &r->dead);
	return err ? err : (s64)r->old;
}

static s64 do_mremap(struct remap *r)
{
	struct vma *v = vma_find(r->mm, r->old);
	bool moves = r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
	int err;

	if (!v || v->start > r->old)
		return -EFAULT;
	if (v->flags & VM_SEALED || mm_is_sealed(r->mm, r->old, r->old + r->oldlen))
		return -EPERM;
	if (!moves && r->oldlen >= r->newlen && r->oldlen)
		return shrink(r);
	err = check_area(r, v);
	if (err)
		return err;
	if (!moves && r->oldlen && room_behind(r, v)) {
		err = grow_in_place(r, v);
		return err ? err : (s64)r->old;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	err = find_place(r);
	if (!err && r->oldlen > r->newlen) {
		err = mm_unmap_locked(r->mm, r->ut, r->old + r->newlen, r->old + r->oldlen,
				      &r->dead);
		r->oldlen = r->newlen;
	}
	if (err)
		return err;
	v = vma_find(r->mm, r->old);
	err = move_area(r, v);
	return err ? err : (s64)r->newaddr;
}

s64 mm_mremap(struct mm *mm, struct uthread *ut, u64 old, u64 oldlen, u64 newlen, u32 flags,
	      u64 newaddr)
{
	struct remap r = { .mm = mm, .ut = ut, .old = old, .oldlen = PAGE_ALIGN(oldlen),
			   .newlen = PAGE_ALIGN(newlen), .flags = flags, .newaddr = newaddr };
	s64 ret = check_call(&r, newlen);

	if (ret)
		return ret;
	list_init(&r.dead);
	mutex_lock(&mm->lock);
	ret = do_mremap(&r);
	mutex_unlock(&mm->lock);
	vma_free_list(&r.dead);
	if (ret >= 0)
		mm_account_poke(mm);
	return ret;
}
