/* SPDX-License-Identifier: MIT */
/*
 * mprotect and the mlock family. Locking pages is bookkeeping: the pages are made present and
 * RLIMIT_MEMLOCK is enforced, but whether they stay in memory is up to the host.
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/vma.h"

/* --- mprotect --- */

static int check_protect(struct mm *mm, const struct vma *v, u32 prot, u64 bytes)
{
	u32 flags = (v->flags & ~VM_ACCESS) | prot;

	if (v->flags & VM_SEALED)
		return -EPERM;
	if (prot & ~v->may)
		return -EACCES;
	if (vm_is_data(flags) && !vm_is_data(v->flags))
		return mm_check_expand(mm, flags | (v->flags & VM_NORESERVE), 0) ||
		       (!(v->flags & VM_NORESERVE) && bytes > mem_total()) ? -ENOMEM : 0;
	return 0;
}

/*
 * How far the change can go: Linux changes area after area and stops at the first that it cannot
 * change. *stop is where it stops, the value says why. *changed: the rights that some area gains or loses.
 */
static int plan_protect(struct mm *mm, u64 start, u64 end, u32 prot, u64 *stop, u32 *changed)
{
	struct vma *v = vma_find(mm, start);
	int err;

	*changed = 0;
	for (*stop = start; *stop < end; v = vma_next(mm, v)) {
		if (!v || v->start > *stop)
			return -ENOMEM;
		err = check_protect(mm, v, prot, MIN(v->end, end) - *stop);
		if (err)
			return err;
		*changed |= (v->flags & VM_ACCESS) ^ prot;
		*stop = MIN(v->end, end);
	}
	return 0;
}

/* A host call over several areas may have changed some of them before it failed. */
static void restore_protection(struct mm *mm, struct uthread *ut, u64 start, u64 end)
{
	struct vma *v;

	for (v = vma_intersect(mm, start, end); v && v->start < end; v = vma_next(mm, v)) {
		u64 from = MAX(v->start, start), to = MIN(v->end, end);

		vma_host_protect(ut, v, from, to, v->flags);
	}
}

/* Areas on demand, and others among them. */
static int protect_each(struct mm *mm, struct uthread *ut, u64 start, u64 end, u32 prot)
{
	struct vma *v;
	int err = 0;

	for (v = vma_find(mm, start); v && v->start < end && !err; v = vma_next(mm, v))
		err = vma_host_protect(ut, v, MAX(v->start, start), MIN(v->end, end),
				       (v->flags & ~VM_ACCESS) | prot);
	return err;
}

/* Taking rights away is what the host never refuses: that may travel with the answer. */
static int host_protect(struct mm *mm, struct uthread *ut, u64 start, u64 end, u32 prot, bool more)
{
	int err;

	if (demand_touches(mm, start, end - start))
		return protect_each(mm, ut, start, end, prot);
	if (more || !mm_may_defer(mm, ut))
		return guest_mprotect(ut, start, end - start, prot);
	mm_defer_begin_sure(ut);
	err = guest_mprotect(ut, start, end - start, prot);
	guest_defer_end(ut);
	return err;
}

static int do_protect(struct mm *mm, struct uthread *ut, u64 start, u64 end, u32 prot)
{
	struct vma_pre pre;
	u32 changed;
	u64 stop;
	int err, why = plan_protect(mm, start, end, prot, &stop, &changed);

	if (stop == start || !changed)
		return why;
	if (mm->nvmas + 2 > sysctl.max_map_count)
		return -ENOMEM;
	err = vma_pre_fill(&pre, 2);
	if (err)
		return err;
	err = host_protect(mm, ut, start, stop, prot, changed & prot);
	if (err)
		restore_protection(mm, ut, start, stop);
	else
		vma_change(mm, start, stop, VM_ACCESS, prot, &pre);
	vma_pre_drop(&pre);
	if (!err)
		mm_account_poke(mm);
	return err ? err : why;
}

/* PROT_GROWSDOWN: from the start of the stack that the range lies in. */
static int grow_start(struct mm *mm, u64 *start, u64 end)
{
	struct vma *v = vma_find(mm, *start);

	if (!v || v->start >= end)
		return -ENOMEM;
	if (!(v->flags & VM_GROWSDOWN))
		return -EINVAL;
	*start = v->start;
	return 0;
}

int mm_mprotect(struct mm *mm, struct uthread *ut, u64 addr, u64 len, u32 prot)
{
	u32 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	u64 plen = PAGE_ALIGN(len), end = addr + plen;
	int err = 0;

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr & ~PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	if (end <= addr)
		return -ENOMEM;
	prot &= ~grows;
	if (prot & ~(VM_ACCESS | PROT_SEM) || grows & PROT_GROWSUP)
		return -EINVAL;
	if (end > GUEST_TASK_SIZE)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	if (grows)
		err = grow_start(mm, &addr, end);
	if (!err)
		err = do_protect(mm, ut, addr, end, prot & VM_ACCESS);
	mutex_unlock(&mm->lock);
	return err;
}

/* --- mlock --- */

/* Private pages get their copy now; shared ones stay clean, unless they can only be written. */
static int populate_advice(const struct vma *v)
{
	if (v->flags & VM_WRITE && (!(v->flags & VM_SHARED) || !(v->flags & VM_READ)))
		return MADV_POPULATE_WRITE;
	return MADV_POPULATE_READ;
}

/* Make the pages present; failing at that is no failure of mlock(). */
static void populate(struct mm *mm, struct uthread *ut, u64 start, u64 end)
{
	struct vma *v;

	for (v = vma_intersect(mm, start, end); v && v->start < end; v = vma_next(mm, v)) {
		u64 from = MAX(v->start, start), to = MIN(v->end, end);

		if (!(v->flags & VM_ACCESS) || v->flags & (VM_VDSO | VM_VVAR))
			continue;
		if (guest_madvise(ut, from, to - from, populate_advice(v)))
			return;
	}
}

static u64 locked_bytes(struct mm *mm, u64 start, u64 end)
{
	struct vma *v;
	u64 sum = 0;

	for (v = vma_intersect(mm, start, end); v && v->start < end; v = vma_next(mm, v)) {
		if (v->flags & VM_LOCKED)
			sum += MIN(v->end, end) - MAX(v->start, start);
	}
	return sum;
}

static bool can_mlock(void)
{
	return rlimit(RLIMIT_MEMLOCK) || capable(CAP_IPC_LOCK);
}

static int set_locked(struct mm *mm, u64 start, u64 end, bool lock)
{
	u64 stop = vma_first_hole(mm, start, end);
	struct vma_pre pre;
	int err;

	if (stop > start) {
		err = vma_pre_fill(&pre, 2);
		if (err)
			return err;
		vma_change(mm, start, stop, VM_LOCKED, lock ? VM_LOCKED : 0, &pre);
		vma_pre_drop(&pre);
	}
	return stop < end ? -ENOMEM : 0;
}

static bool all_accessible(struct mm *mm, u64 start, u64 end)
{
	struct vma *v;

	for (v = vma_intersect(mm, start, end); v && v->start < end; v = vma_next(mm, v)) {
		if (!(v->flags & VM_ACCESS))
			return false;
	}
	return true;
}

static int lock_range(struct mm *mm, struct uthread *ut, u64 start, u64 end, enum mlock_mode mode)
{
	int err = mm_check_locked(mm, end - start - locked_bytes(mm, start, end), -ENOMEM);

	if (!err)
		err = set_locked(mm, start, end, true);
	if (err || mode == MLOCK_LATER)
		return err;
	populate(mm, ut, start, end);
	return all_accessible(mm, start, end) ? 0 : -ENOMEM;
}

int mm_mlock(struct mm *mm, struct uthread *ut, u64 addr, u64 len, enum mlock_mode mode)
{
	u64 start = addr & PAGE_MASK, end = PAGE_ALIGN(addr + len);
	int err;

	if (addr + len < addr || end < start)
		return -EINVAL;
	if (mode != MLOCK_OFF && !can_mlock())
		return -EPERM;
	if (start == end)
		return 0;
	if (end > GUEST_TASK_SIZE)
		return -ENOMEM;
	if (mode == MLOCK_ON && mm->ndemand)
		demand_range(mm, ut, start, end - start, false);
	mutex_lock(&mm->lock);
	if (mode == MLOCK_OFF)
		err = set_locked(mm, start, end, false);
	else
		err = lock_range(mm, ut, start, end, mode);
	mutex_unlock(&mm->lock);
	return err;
}

static void lock_all(struct mm *mm, bool lock)
{
	struct vma_pre none = { .n = 0 };

	vma_change(mm, 0, ~0ULL, VM_LOCKED, lock ? VM_LOCKED : 0, &none);
}

int mm_mlockall(struct mm *mm, struct uthread *ut, int flags)
{
	int err = 0;

	if (flags && !can_mlock())
		return -EPERM;
	mutex_lock(&mm->lock);
	if (flags & MCL_CURRENT)
		err = mm_check_locked(mm, (mm->total_pages - mm->locked_pages) * PAGE_SIZE,
				      -ENOMEM);
	if (!err) {
		mm->def_flags = flags & MCL_FUTURE ? VM_LOCKED : 0;
		if (!flags || flags & MCL_CURRENT)
			lock_all(mm, flags != 0);
		if (flags & MCL_CURRENT && !(flags & MCL_ONFAULT))
			populate(mm, ut, 0, GUEST_TASK_SIZE);
	}
	mutex_unlock(&mm->lock);
	return err;
}
