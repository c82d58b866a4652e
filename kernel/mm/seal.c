/* SPDX-License-Identifier: MIT */
/*
 * mseal: areas that stay as they are until the address space ends. What would unmap, move or protect them, or throw
 * away bytes that could not be written, asks mm_is_sealed() or looks at VM_SEALED itself.
 */
#include "abi/errno.h"
#include "mm/vma.h"

bool mm_is_sealed(struct mm *mm, u64 start, u64 end)
{
	struct vma *v;

	for (v = vma_intersect(mm, start, end); v && v->start < end; v = vma_next(mm, v))
		if (v->flags & VM_SEALED)
			return true;
	return false;
}

static int seal(struct mm *mm, u64 start, u64 end)
{
	struct vma_pre pre;
	int err;

	if (vma_first_hole(mm, start, end) < end)
		return -ENOMEM;
	err = vma_pre_fill(&pre, 2);
	if (err)
		return err;
	vma_change(mm, start, end, 0, VM_SEALED, &pre);
	vma_pre_drop(&pre);
	return 0;
}

int mm_mseal(struct mm *mm, u64 addr, u64 len)
{
	u64 plen = PAGE_ALIGN(len), end = addr + plen;
	int err;

	if (addr & ~PAGE_MASK || (len && !plen) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	mutex_lock(&mm->lock);
	err = end > GUEST_TASK_SIZE ? -ENOMEM : seal(mm, addr, end);
	mutex_unlock(&mm->lock);
	return err;
}
