/* SPDX-License-Identifier: MIT */
/*
 * madvise, msync, mincore. Most advice goes to the host as it is; a table says what each needs
 * to be true of the areas and which of our flags it changes.
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/vma.h"

enum advice_rule {
	R_PRIVATE_ANON = 1,		/* EINVAL for others */
	R_NOT_LOCKED = 2,		/* EINVAL for locked areas */
	R_SHARED_WRITE = 4,		/* a shared writable mapping of an object: EINVAL, EACCES */
	R_LOCAL = 8,			/* no host call */
	R_DISCARDS = 32,		/* EPERM for sealed memory that could not be written */
	R_HINT = 16,			/* a host that does not know it is no error */
	R_LATER = 64,			/* with the answer to the call will do: others could not tell */
};

struct advice {
	int advice;
	u32 rules, clear, set;
};

static const struct advice advices[] = {
	{ MADV_NORMAL, R_HINT | R_LATER, 0, 0 },
	{ MADV_RANDOM, R_HINT | R_LATER, 0, 0 },
	{ MADV_SEQUENTIAL, R_HINT | R_LATER, 0, 0 },
	{ MADV_WILLNEED, R_HINT | R_LATER, 0, 0 },
	{ MADV_DONTNEED, R_NOT_LOCKED | R_DISCARDS | R_LATER, 0, 0 },
	{ MADV_DONTNEED_LOCKED, R_DISCARDS, 0, 0 },
	{ MADV_FREE, R_PRIVATE_ANON | R_NOT_LOCKED | R_DISCARDS | R_LATER, 0, 0 },
	{ MADV_REMOVE, R_SHARED_WRITE | R_NOT_LOCKED | R_DISCARDS, 0, 0 },
	{ MADV_DONTFORK, R_DISCARDS, 0, VM_DONTCOPY },
	{ MADV_DOFORK, 0, VM_DONTCOPY, 0 },
	{ MADV_WIPEONFORK, R_PRIVATE_ANON | R_DISCARDS, 0, VM_WIPEONFORK },
	{ MADV_KEEPONFORK, 0, VM_WIPEONFORK, 0 },
	{ MADV_DONTDUMP, R_LOCAL, 0, VM_DONTDUMP },
	{ MADV_DODUMP, R_LOCAL, VM_DONTDUMP, 0 },
	{ MADV_HUGEPAGE, R_HINT | R_LATER, 0, 0 },
	{ MADV_NOHUGEPAGE, R_HINT | R_LATER, 0, 0 },
	{ MADV_COLD, R_HINT | R_NOT_LOCKED | R_LATER, 0, 0 },
	{ MADV_PAGEOUT, R_HINT | R_NOT_LOCKED | R_LATER, 0, 0 },
	{ MADV_POPULATE_READ, 0, 0, 0 },
	{ MADV_POPULATE_WRITE, 0, 0, 0 },
};

static const struct advice *find_advice(int advice)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		if (advices[i].advice == advice)
			return &advices[i];
	}
	return NULL;
}

static int check_area(const struct vma *v, u32 rules)
{
	if (rules & R_DISCARDS && v->flags & VM_SEALED && !v->backing && !(v->flags & (VM_SHARED | VM_WRITE)))
		return -EPERM;
	if (rules & R_NOT_LOCKED && v->flags & VM_LOCKED)
		return -EINVAL;
	if (rules & R_PRIVATE_ANON && (v->backing || v->flags & VM_SHARED))
		return -EINVAL;
	if (rules & R_SHARED_WRITE && !v->backing)
		return -EINVAL;
	if (rules & R_SHARED_WRITE && (v->flags & (VM_SHARED | VM_WRITE)) != (VM_SHARED | VM_WRITE))
		return -EACCES;
	return 0;
}

static s64 refused(struct uthread *ut, const struct guest_undo *u, int err)
{
	return u->start & R_HINT && err == -EINVAL ? 0 : err;
}

static int advise_host(struct uthread *ut, u64 start, u64 end, const struct advice *a, bool later)
{
	const struct guest_undo undo = { .fn = refused, .start = a->rules };
	int err;

	if (later && a->rules & R_LATER && guest_fastpath && current->ut == ut)
		guest_defer_begin(ut, &undo);
	else
		later = false;
	err = guest_madvise(ut, start, end - start, a->advice);
	if (later)
		guest_defer_end(ut);
	return a->rules & R_HINT && err == -EINVAL ? 0 : err;
}

/* Advice for one run of areas without holes. later: it is all that the call is about. */
static int advise_run(struct mm *mm, struct uthread *ut, u64 start, u64 end, const struct advice *a, bool later)
{
	struct vma_pre pre;
	int err = 0;

	if (a->set | a->clear) {
		err = vma_pre_fill(&pre, 2);
		if (err)
			return err;
	}
	if (!(a->rules & R_LOCAL))
		err = advise_host(ut, start, end, a, later);
	if (a->set | a->clear) {
		if (!err)
			vma_change(mm, start, end, a->clear, a->set, &pre);
		vma_pre_drop(&pre);
	}
	return err;
}

/* The end of the run of areas that begins at start and that the rules allow. */
static u64 run_end(struct mm *mm, u64 start, u64 end, const struct advice *a, int *why)
{
	struct vma *v = vma_find(mm, start);
	u64 at = start;

	*why = 0;
	while (at < end && v && v->start <= at) {
		*why = check_area(v, a->rules);
		if (*why)
			break;
		at = v->end;
		v = vma_next(mm, v);
	}
	return MIN(at, end);
}

static int advise_range(struct mm *mm, struct uthread *ut, u64 start, u64 end,
			const struct advice *a)
{
	int err, why, result = 0;
	struct vma *v;
	u64 stop, begin = start;

	while (start < end) {
		v = vma_find(mm, start);
		if (!v || v->start > start)
			result = -ENOMEM;
		if (!v || v->start >= end)
			return result;
		start = MAX(start, v->start);
		stop = run_end(mm, start, end, a, &why);
		err = stop > start ? advise_run(mm, ut, start, stop, a, start == begin && stop == end) : 0;
		if (err || why)
			return err ? err : why;
		start = stop;
	}
	return result;
}

/* MADV_REMOVE of areas on demand is the file system's: it knows what a hole is. Blocks. */
static int punch_range(struct mm *mm, u64 start, u64 end)
{
	struct file *f;
	struct vma *v;
	u64 to, off;
	int err;

	while (start < end && (v = vma_intersect(mm, start, end))) {
		err = check_area(v, R_SHARED_WRITE | R_NOT_LOCKED);
		if (err)
			return err;
		if (!v->file || !mm_file_hooks.punch)
			return -EOPNOTSUPP;
		start = MAX(start, v->start);
		to = MIN(v->end, end);
		off = v->pgoff + (start - v->start);
		f = mm_file_hooks.get(v->file);
		err = mm_file_hooks.punch(f, off, to - start);
		mm_file_hooks.put(f);
		if (err)
			return err;
		start = to;
	}
	return 0;
}

/* Advice about pages on demand, before the host is asked. Nothing is to be done any more: 1. Blocks. */
static int advise_demand(struct mm *mm, struct uthread *ut, u64 addr, u64 len, int advice)
{
	size_t done;

	if (advice == MADV_REMOVE) {
		int err = punch_range(mm, addr, addr + len);

		return err ? err : 1;
	}
	if (advice != MADV_POPULATE_READ && advice != MADV_POPULATE_WRITE && advice != MADV_WILLNEED)
		return 0;
	done = demand_range(mm, ut, addr, len, advice == MADV_POPULATE_WRITE);
	if (advice == MADV_WILLNEED || done == len || !demand_touches(mm, addr + done, 1))
		return 0;
	return -EFAULT;
}

int mm_madvise(struct mm *mm, struct uthread *ut, u64 addr, u64 len, int advice)
{
	const struct advice *a = find_advice(advice);
	u64 plen = PAGE_ALIGN(len), end = addr + plen;
	int err;

	if (!a || addr & ~PAGE_MASK || (len && !plen) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (end > GUEST_TASK_SIZE)
		return -ENOMEM;
	if (demand_touches(mm, addr, plen)) {
		err = advise_demand(mm, ut, addr, plen, advice);
		if (err)
			return MIN(err, 0);
	}
	mutex_lock(&mm->lock);
	err = advise_range(mm, ut, addr, end, a);
	mutex_unlock(&mm->lock);
	return err;
}

/* --- msync --- */

/* The file system's business; it must not be called with mm->lock: areas may change meanwhile. */
static int sync_demand(struct mm *mm, struct vma *v, u64 from, u64 to)
{
	struct file *f = mm_file_hooks.get(v->file);
	u64 off = v->pgoff + (from - v->start);
	int err;

	mutex_unlock(&mm->lock);
	err = mm_file_hooks.sync ? mm_file_hooks.sync(f, off, to - from) : 0;
	mm_file_hooks.put(f);
	mutex_lock(&mm->lock);
	return err;
}

static int sync_range(struct mm *mm, struct uthread *ut, u64 start, u64 end, int flags)
{
	struct vma *v;
	u64 at = start;
	int err;

	while (at < end && (v = vma_intersect(mm, at, end))) {
		u64 from = MAX(v->start, at), to = MIN(v->end, end);

		at = to;
		if (flags & MS_INVALIDATE && v->flags & VM_LOCKED)
			return -EBUSY;
		if (!(flags & MS_SYNC) || !v->file || !(v->flags & VM_SHARED))
			continue;
		if (v->backing && v->backing->maps)
			err = sync_demand(mm, v, from, to);
		else
			err = guest_msync(ut, from, to - from, MS_SYNC);
		if (err)
			return err;
	}
	return vma_first_hole(mm, start, end) < end ? -ENOMEM : 0;
}

int mm_msync(struct mm *mm, struct uthread *ut, u64 addr, u64 len, int flags)
{
	u64 plen = PAGE_ALIGN(len), end = addr + plen;
	int err;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || addr & ~PAGE_MASK)
		return -EINVAL;
	if ((flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end < addr || plen < len)
		return -ENOMEM;
	if (end == addr)
		return 0;
	mutex_lock(&mm->lock);
	err = sync_range(mm, ut, addr, end, flags);
	mutex_unlock(&mm->lock);
	return err;
}

/* --- mincore --- */

int mm_mincore(struct mm *mm, struct uthread *ut, u64 addr, u64 len, u8 *vec)
{
	u64 end = addr + PAGE_ALIGN(len);
	int err;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (end < addr || end > GUEST_TASK_SIZE)
		return -ENOMEM;
	if (end == addr)
		return 0;
	mutex_lock(&mm->lock);
	if (vma_first_hole(mm, addr, end) < end)
		err = -ENOMEM;
	else
		err = guest_mincore(ut, addr, end - addr, vec);
	mutex_unlock(&mm->lock);
	return err;
}
