/* SPDX-License-Identifier: MIT */
/*
 * Areas whose pages come on demand (demand.h): faults, rights in runs, taking rights away.
 *
 * How much comes with one fault is a compromise. An exchange with the guest process costs a few microseconds and each
 * border between rights is one more mapping of the host's, of which a process may have 65530: so a read fault
 * brings the block of 256 KiB around it. Writes are told one by one, and by doubling steps to a sequential
 * writer (pcmap.c), because each page that is called dirty will be written. Small mappings and program texts
 * are filled when they are made (mmap.c), so most never fault.
 */
#include "mm/demand.h"

#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/vma.h"

#define AROUND (256UL << 10)
#define TRIES 16			/* of a copy, when others take the page away again and again */

/* --- rights --- */

static bool on_demand(const struct vma *v)
{
	return v->backing && v->backing->maps;
}

/* What a page of an area may be mapped with. Writable memory can be read on x86. */
static u32 allowed(u32 flags, u32 rights)
{
	u32 acc = flags & VM_ACCESS;

	if (!rights)
		return 0;
	if (!(flags & VM_SHARED) || rights & VM_WRITE || !(acc & VM_WRITE))
		return acc;
	return (acc & ~(u32)VM_WRITE) | VM_READ;
}

int demand_protect(struct uthread *ut, u64 start, u64 end, u32 flags, const struct backing *b, u64 off)
{
	bool batch = guest_batching(ut);
	int err = 0, last;

	if (!batch)
		guest_batch_begin(ut);
	while (start < end && !err) {
		u64 n = (end - start) / PAGE_SIZE;
		u32 rights = b->ops->rights((struct backing *)b, off / PAGE_SIZE, &n);

		err = guest_mprotect(ut, start, n * PAGE_SIZE, allowed(flags, rights));
		start += n * PAGE_SIZE;
		off += n * PAGE_SIZE;
	}
	last = batch ? 0 : guest_batch_end(ut);
	return err ? err : last;
}

bool demand_complete(const struct backing *b, u64 off, u64 len, u32 flags)
{
	u64 n = len / PAGE_SIZE, all = n;
	u32 rights = b->ops->rights((struct backing *)b, off / PAGE_SIZE, &n);

	return n == all && allowed(flags, rights) == (flags & VM_ACCESS);
}

static bool page_open(const struct vma *v, u64 addr, bool write)
{
	u64 n = 1;
	u32 rights = v->backing->ops->rights(v->backing, (v->pgoff + (addr - v->start)) / PAGE_SIZE, &n);
	u32 acc = allowed(v->flags, rights);

	return write ? acc & VM_WRITE : acc != 0;
}

/* --- faults --- */

struct window {
	struct backing *b;		/* a reference */
	u64 start, end;			/* addresses */
	u64 off;			/* of start */
};

static bool access_ok(const struct vma *v, bool write)
{
	return v->flags & (write ? VM_WRITE : VM_ACCESS);
}

/* The block around addr, inside its area. */
static int choose_window(struct mm *mm, u64 addr, bool write, struct window *w)
{
	struct vma *v = vma_find(mm, addr);

	if (!v || v->start > addr || !on_demand(v) || !access_ok(v, write))
		return -EFAULT;
	w->start = MAX(ALIGN_DOWN(addr, AROUND), v->start);
	w->end = MIN(ALIGN_DOWN(addr, AROUND) + AROUND, v->end);
	w->off = v->pgoff + (w->start - v->start);
	w->b = backing_get(v->backing);
	return 0;
}

static int fill(struct mm *mm, const struct window *w, u64 addr, bool write)
{
	struct vma *v = vma_find(mm, addr);
	u64 first = w->off / PAGE_SIZE, index = first + (addr - w->start) / PAGE_SIZE;
	bool tell = write && v->flags & VM_SHARED;

	return w->b->ops->fill(w->b, index, first, (w->end - w->start) / PAGE_SIZE, tell);
}

static int borrow(struct mm *mm, struct uthread *mine, struct uthread **ut)
{
	*ut = mine;
	if (!mine && mm == current->mm)
		*ut = current->ut;
	return *ut ? 0 : space_borrow(mm->space, ut);
}

static void give_back(struct mm *mm, struct uthread *mine, struct uthread *ut)
{
	if (!mine && ut != current->ut)
		space_return(ut);
}

/* What is in the window now gets its rights; areas may have changed. */
static int apply(struct mm *mm, struct uthread *mine, const struct window *w)
{
	struct uthread *ut;
	struct vma *v;
	int err;

	mutex_lock(&mm->lock);
	err = borrow(mm, mine, &ut);
	if (err)
		goto out;
	for (v = vma_intersect(mm, w->start, w->end); v && v->start < w->end && !err; v = vma_next(mm, v)) {
		u64 from = MAX(v->start, w->start), to = MIN(v->end, w->end);

		if (v->backing == w->b)
			err = demand_protect(ut, from, to, v->flags, v->backing, v->pgoff + (from - v->start));
	}
	give_back(mm, mine, ut);
out:
	mutex_unlock(&mm->lock);
	return err;
}

int demand_fault(struct mm *mm, struct uthread *ut, u64 addr, bool write)
{
	struct window w;
	int err;

	if (!mm->ndemand)
		return -EFAULT;
	err = choose_window(mm, addr, write, &w);
	if (err)
		return err;
	err = fill(mm, &w, addr & PAGE_MASK, write);
	if (!err)
		err = apply(mm, ut, &w);
	backing_put(w.b);
	return err == -EFAULT ? -EIO : err;
}

bool demand_touches(struct mm *mm, u64 addr, size_t n)
{
	struct vma *v;

	if (!mm->ndemand)
		return false;
	for (v = vma_intersect(mm, addr, addr + n); v && v->start < addr + n; v = vma_next(mm, v))
		if (on_demand(v))
			return true;
	return false;
}

/*
 * The page at addr can be touched: no demand, or open already, or after a fault. sure: it is given its rights in
 * any case; a page that has come by another way may have them here and not yet in the host's mapping.
 */
static bool open_page(struct mm *mm, struct uthread *ut, u64 addr, bool write, bool sure)
{
	struct vma *v;

	for (int i = 0; i < TRIES; i++, sure = false) {
		v = vma_find(mm, addr);
		if (!v || v->start > addr)
			return false;
		if (!on_demand(v))
			return true;
		if (!sure && access_ok(v, write) && page_open(v, addr, write))
			return true;
		if (demand_fault(mm, ut, addr, write))
			return false;
	}
	return false;
}

typedef bool (*page_fn)(struct mm *mm, struct uthread *ut, u64 addr, bool write, bool first);

/* fn for each page of areas on demand; first: of its block, whose pages get their rights together. */
static size_t walk(struct mm *mm, struct uthread *ut, u64 addr, size_t n, bool write, page_fn fn)
{
	u64 at = addr, end = addr + n;
	bool first = true;

	while (at < end) {
		struct vma *v = vma_find(mm, at);

		if (!v || v->start > at)
			break;
		if (!on_demand(v)) {
			at = v->end;
			first = true;
			continue;
		}
		if (!fn(mm, ut, at, write, first || at == v->start))
			break;
		at = (at & PAGE_MASK) + PAGE_SIZE;
		first = at % AROUND == 0;
	}
	return MIN(at, end) - addr;
}

size_t demand_range(struct mm *mm, struct uthread *ut, u64 addr, size_t n, bool write)
{
	return walk(mm, ut, addr, n, write, open_page);
}

/* --- copies --- */

/* Bytes of shared areas are the object's own: the kernel copies them itself. */
static bool kernel_copies(const struct vma *v, bool write)
{
	return on_demand(v) && v->flags & VM_SHARED && access_ok(v, write);
}

/* The page is there, or was when it was looked for: the copy will find out. */
static bool page_exists(struct mm *mm, struct uthread *ut, u64 addr, bool write, bool first)
{
	struct vma *v = vma_find(mm, addr);
	struct window w;
	int err;

	(void)first;
	if (!kernel_copies(v, write))
		return open_page(mm, ut, addr, write, false);
	if (page_open(v, addr, false))
		return true;
	err = choose_window(mm, addr, write, &w);
	if (err)
		return false;
	err = fill(mm, &w, addr & PAGE_MASK, false);
	backing_put(w.b);
	return !err;
}

size_t demand_reach(struct mm *mm, struct uthread *ut, u64 addr, size_t n, bool write)
{
	return walk(mm, ut, addr, n, write, page_exists);
}

size_t demand_plain(struct mm *mm, u64 addr, size_t n, bool write)
{
	struct vma *v = vma_intersect(mm, addr, addr + n);

	while (v && v->start < addr + n && !kernel_copies(v, write))
		v = vma_next(mm, v);
	return v && v->start < addr + n ? MAX(v->start, addr) - addr : n;
}

ssize demand_copy(struct mm *mm, u64 addr, void *buf, size_t n, bool write)
{
	struct vma *v = vma_find(mm, addr);
	struct backing *b;
	ssize got;

	if (!v || v->start > addr || !kernel_copies(v, write))
		return 0;
	b = backing_get(v->backing);
	got = b->ops->copy(b, v->pgoff + (addr - v->start), buf, MIN(n, v->end - addr), write);
	backing_put(b);
	return got > 0 ? got : -EFAULT;
}

/* --- taking rights away --- */

static bool concerns(const struct vma *v, u64 first, u64 last, bool only_write)
{
	u64 from = v->pgoff / PAGE_SIZE;

	if (from >= last || from + vma_pages(v) <= first)
		return false;
	return !only_write || (v->flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE);
}

static int revoke_area(struct uthread *ut, struct vma *v, u64 first, u64 last, bool only_write)
{
	u64 base = v->pgoff / PAGE_SIZE, from, to;

	first = MAX(first, base);
	last = MIN(last, base + vma_pages(v));
	from = v->start + (first - base) * PAGE_SIZE;
	to = v->start + (last - base) * PAGE_SIZE;
	if (only_write)
		return demand_protect(ut, from, to, v->flags, v->backing, first * PAGE_SIZE);
	return guest_mprotect(ut, from, to - from, 0);
}

static int revoke_mm(struct mm *mm, struct backing_maps *maps, u64 first, u64 last, bool only_write)
{
	struct uthread *ut;
	struct vma *v;
	int err;

	mutex_lock(&mm->lock);
	err = mm->space ? borrow(mm, NULL, &ut) : -ESRCH;
	if (err)
		goto out;
	/* The list may change while orders are given, but not the areas of this mm. */
	list_for_each(v, &mm->vmas, node) {
		if (on_demand(v) && v->backing->maps == maps && concerns(v, first, last, only_write)) {
			err = revoke_area(ut, v, first, last, only_write);
			if (err)
				break;
		}
	}
	give_back(mm, NULL, ut);
out:
	mutex_unlock(&mm->lock);
	return err == -ESRCH ? 0 : err;		/* a dead process has no rights */
}

/* Those with such areas, each once, with references. How many, or -ENOMEM. */
static int collect(struct backing_maps *maps, u64 first, u64 last, bool only_write, struct mm ***out)
{
	struct mm **mms;
	struct vma *v;
	int n = 0, i;

	list_for_each(v, &maps->vmas, map_node)
		n += concerns(v, first, last, only_write);
	if (!n)
		return 0;
	mms = kmalloc((size_t)n * sizeof(*mms));
	if (!mms)
		return -ENOMEM;
	n = 0;
	list_for_each(v, &maps->vmas, map_node) {
		if (!concerns(v, first, last, only_write) || ref_read(&v->mm->users) <= 0)
			continue;
		for (i = 0; i < n && mms[i] != v->mm; i++)
			;
		if (i == n)
			mms[n++] = mm_get(v->mm);
	}
	*out = mms;
	if (!n)
		kfree(mms);
	return n;
}

int demand_revoke(struct backing_maps *maps, u64 first, u64 last, bool only_write)
{
	struct mm **mms;
	int err = 0, n = collect(maps, first, last, only_write, &mms);

	if (n <= 0)
		return n;
	for (int i = 0; i < n; i++) {
		int one = revoke_mm(mms[i], maps, first, last, only_write);

		err = err ? err : one;
		mm_put(mms[i]);
	}
	kfree(mms);
	return err;
}

bool demand_has_text(const struct backing_maps *maps)
{
	const struct vma *v;

	list_for_each(v, &maps->vmas, map_node)
		if (v->flags & VM_EXEC)
			return true;
	return false;
}
