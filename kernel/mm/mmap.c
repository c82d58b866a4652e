/* SPDX-License-Identifier: MIT */
/*
 * mmap, munmap, brk, growth of stacks. The host call is always MAP_FIXED at an address of our
 * choice. It costs no exchange of its own where it may travel with the answer.
 */
#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/resource.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/demand.h"
#include "mm/vma.h"
#include "near/layout.h"

/* --- orders to the host --- */

int mm_host_map(struct uthread *ut, u64 start, u64 end, u32 flags, u32 extra,
		const struct backing *b, u64 off)
{
	u32 prot = flags & VM_ACCESS;
	u32 map = MAP_FIXED | MAP_NORESERVE | extra;
	int err;

	if (!b)
		return guest_mmap(ut, start, end - start, prot,
				  map | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map |= flags & VM_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (!b->maps || demand_complete(b, off, end - start, flags))
		return guest_mmap(ut, start, end - start, prot, map, b->hostfd, off);
	err = guest_mmap(ut, start, end - start, 0, map & ~(u32)MAP_POPULATE, b->hostfd, off);
	return err ? err : demand_protect(ut, start, end, flags, b, off);
}

int vma_host_protect(struct uthread *ut, const struct vma *v, u64 from, u64 to, u32 flags)
{
	if (!v->backing || !v->backing->maps)
		return guest_mprotect(ut, from, to - from, flags & VM_ACCESS);
	return demand_protect(ut, from, to, flags, v->backing, v->pgoff + (from - v->start));
}

/* Unmap without touching what the near kernel keeps in between. */
static int host_unmap_range(struct uthread *ut, u64 start, u64 end)
{
	u64 isle_end = LOW_END;

	if (!mm_reserved(start, end))
		return guest_munmap(ut, start, end - start);
	guest_batch_begin(ut);
	if (start < LOW_BASE)
		guest_munmap(ut, start, LOW_BASE - start);
	if (end > isle_end)
		guest_munmap(ut, isle_end, end - isle_end);
	return guest_batch_end(ut);
}

bool mm_may_defer(struct mm *mm, struct uthread *ut)
{
	return guest_fastpath && ref_read(&mm->users) == 1 && current->mm == mm && current->ut == ut &&
	       !current->ptrace && mm->nvmas < sysctl.max_map_count / 2;
}

/* Would a hole make two areas of first, and that be one too many? */
static bool splits(const struct mm *mm, const struct vma *first, u64 start, u64 end)
{
	return first && first->start < start && first->end > end &&
	       mm->nvmas >= sysctl.max_map_count;
}

/* --- munmap --- */

/* It cannot fail there, see mm_may_defer(). A host where it does is beyond repair for this process. */
static s64 undo_nothing(struct uthread *ut, const struct guest_undo *u, int err)
{
	kill_process(current->proc);
	return err;
}

void mm_defer_begin_sure(struct uthread *ut)
{
	const struct guest_undo undo = { .fn = undo_nothing };

	guest_defer_begin(ut, &undo);
}

static int defer_unmap(struct mm *mm, struct uthread *ut, u64 start, u64 end)
{
	int err;

	if (mm_reserved(start, end) || !mm_may_defer(mm, ut))
		return host_unmap_range(ut, start, end);
	mm_defer_begin_sure(ut);
	err = guest_munmap(ut, start, end - start);
	guest_defer_end(ut);
	return err;
}

int mm_unmap_locked(struct mm *mm, struct uthread *ut, u64 start, u64 end, struct list_head *dead)
{
	struct vma *first = vma_intersect(mm, start, end), *v;
	struct vma_pre pre;
	u64 low, high;
	int err;

	if (!first)
		return 0;
	if (mm_is_sealed(mm, start, end))
		return -EPERM;
	if (splits(mm, first, start, end))
		return -ENOMEM;
	low = MAX(first->start, start);
	for (v = first, high = low; v && v->start < end; v = vma_next(mm, v))
		high = MIN(v->end, end);
	err = vma_pre_fill(&pre, 2);
	if (err)
		return err;
	err = defer_unmap(mm, ut, low, high);
	if (!err)
		vma_cut(mm, start, end, &pre, dead);
	vma_pre_drop(&pre);
	return err;
}

static bool range_ok(u64 addr, u64 len)
{
	return len <= GUEST_TASK_SIZE && addr <= GUEST_TASK_SIZE - len;
}

int mm_munmap(struct mm *mm, struct uthread *ut, u64 addr, u64 len)
{
	LIST_HEAD(dead);
	u64 plen = PAGE_ALIGN(len);
	int err;

	if (addr & ~PAGE_MASK || !range_ok(addr, len) || !plen || !range_ok(addr, plen))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = mm_unmap_locked(mm, ut, addr, addr + plen, &dead);
	mutex_unlock(&mm->lock);
	vma_free_list(&dead);
	return err;
}

/* --- mmap --- */

/* The address, checked against what lies there. */
static s64 choose_address(struct mm *mm, const struct mmap_args *a, u64 len)
{
	u64 addr = a->addr;

	if (!range_ok(0, len))
		return -ENOMEM;
	if (!(a->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && a->flags & MAP_32BIT) {
		addr = mm_unmapped_below(mm, addr & PAGE_MASK, len, 1ULL << 31);
		return addr ? (s64)addr : -ENOMEM;
	}
	if (!(a->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		addr = mm_unmapped_area(mm, addr & PAGE_MASK, len);
		return addr ? (s64)addr : -ENOMEM;
	}
	if (!range_ok(addr, len))
		return -ENOMEM;
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (addr < MAX(GUEST_MMAP_MIN, sysctl.mmap_min_addr))
		return -EPERM;
	if (mm_reserved(addr, addr + len))
		return -ENOMEM;
	if (a->flags & MAP_FIXED_NOREPLACE && vma_intersect(mm, addr, addr + len))
		return -EEXIST;
	return addr;
}

static int area_flags(struct mm *mm, const struct mmap_args *a, struct vma *v)
{
	u32 type = a->flags & MAP_TYPE;

	v->flags = (a->prot & VM_ACCESS) | a->vm_flags | (mm->def_flags & VM_LOCKED);
	v->may = VM_ACCESS & ~a->deny;
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		v->flags |= VM_SHARED;
	if (a->flags & MAP_GROWSDOWN)
		v->flags |= VM_GROWSDOWN;
	if (a->flags & MAP_LOCKED)
		v->flags |= VM_LOCKED;
	if (a->flags & MAP_NORESERVE)
		v->flags |= VM_NORESERVE;
	if (a->backing && v->flags & VM_SHARED && !a->backing->may_write)
		v->may &= ~VM_WRITE;
	if (a->backing && !a->backing->may_exec)
		v->may &= ~VM_EXEC;
	if (v->flags & VM_WRITE && !(v->may & VM_WRITE))
		return -EACCES;
	if (v->flags & VM_EXEC && !(v->may & VM_EXEC))
		return -EPERM;
	return 0;
}

static u64 overlap_bytes(struct mm *mm, u64 start, u64 end)
{
	struct vma *v;
	u64 sum = 0;

	for (v = vma_intersect(mm, start, end); v && v->start < end; v = vma_next(mm, v))
		sum += MIN(v->end, end) - MAX(v->start, start);
	return sum;
}

static int check_limits(struct mm *mm, struct vma *v)
{
	u64 len = v->end - v->start, replaced = overlap_bytes(mm, v->start, v->end);
	int err;

	if (mm_is_sealed(mm, v->start, v->end))
		return -EPERM;
	if (mm->nvmas > sysctl.max_map_count ||
	    splits(mm, vma_intersect(mm, v->start, v->end), v->start, v->end))
		return -ENOMEM;
	if (v->flags & VM_LOCKED) {
		err = mm_check_locked(mm, len, -EAGAIN);
		if (err)
			return err;
	}
	return mm_check_expand(mm, v->flags, len - MIN(replaced, len));
}

static int host_map_area(struct uthread *ut, const struct vma *v, const struct mmap_args *a)
{
	u32 extra = a->flags & (MAP_POPULATE | MAP_NONBLOCK | MAP_STACK);

	if (v->flags & (VM_VDSO | VM_VVAR))
		return 0;
	if (v->flags & VM_LOCKED)
		extra |= MAP_POPULATE;
	return mm_host_map(ut, v->start, v->end, v->flags, extra, v->backing, v->pgoff);
}

/* The failure may be found in an exchange under the lock. */
static void undo_range(struct mm *mm, struct uthread *ut, u64 start, u64 end)
{
	bool held = mutex_held(&mm->lock);
	LIST_HEAD(dead);

	if (!held)
		mutex_lock(&mm->lock);
	mm_unmap_locked(mm, ut, start, end, &dead);
	if (!held)
		mutex_unlock(&mm->lock);
	vma_free_list(&dead);
}

static s64 undo_area(struct uthread *ut, const struct guest_undo *u, int err)
{
	undo_range(u->owner, ut, u->start, u->end);
	return err;
}

/* One order makes the area as it is to be. */
static bool at_once(const struct vma *v)
{
	return !v->listed || (!(v->flags & VM_SHARED) &&
			      demand_complete(v->backing, v->pgoff, v->end - v->start, v->flags));
}

/* In an address space of one thread the mapping is made with the answer. */
static int map_area_soon(struct mm *mm, struct uthread *ut, const struct vma *v, const struct mmap_args *a)
{
	const struct guest_undo undo = { undo_area, mm, v->start, v->end };
	int err;

	if (!mm_may_defer(mm, ut) || !at_once(v))
		return host_map_area(ut, v, a);
	guest_defer_begin(ut, &undo);
	err = host_map_area(ut, v, a);
	guest_defer_end(ut);
	return err;
}

/* A failed MAP_FIXED may have unmapped what was there. Make that certain on both sides. */
static void undo_map(struct mm *mm, struct uthread *ut, struct vma *v, struct list_head *dead)
{
	mm_unmap_locked(mm, ut, v->start, v->end, dead);
}

static void tell_text(struct uthread *ut, const struct vma *v)
{
	u64 mtime = 0;

	if (!(v->flags & VM_EXEC) || !v->backing || v->flags & (VM_VDSO | VM_VVAR))
		return;
	/* Patching opens the whole text, unfilled pages as well. */
	if (v->backing->maps && !demand_complete(v->backing, v->pgoff, v->end - v->start, v->flags))
		return;
	if (v->file && mm_file_hooks.mtime)
		mtime = mm_file_hooks.mtime(v->file);
	guest_text_mapped(ut, v->start, v->end - v->start, v->pgoff, v->backing->dev,
			  v->backing->ino, mtime);
}

/* v is filled and holds its references; taken on success. */
static s64 map_area(struct mm *mm, struct uthread *ut, const struct mmap_args *a, struct vma *v,
		    struct list_head *dead)
{
	u64 len = PAGE_ALIGN(a->len), addr;
	struct vma_pre pre;
	s64 err;

	err = choose_address(mm, a, len);
	if (err < 0)
		return err;
	addr = v->start = err;
	v->end = addr + len;
	err = area_flags(mm, a, v);
	if (!err)
		err = check_limits(mm, v);
	if (!err)
		err = vma_pre_fill(&pre, 2);
	if (err)
		return err;
	vma_list_maps(mm, v);
	err = map_area_soon(mm, ut, v, a);
	if (err) {
		vma_unlist_maps(v);
		undo_map(mm, ut, v, dead);
	} else {
		/* v may replace the last mapping of its own object. */
		vma_tell_backing(v, vma_pages(v));
		vma_cut(mm, v->start, v->end, &pre, dead);
		vma_insert(mm, v);
		vma_tell_backing(v, -(s64)vma_pages(v));
		tell_text(ut, v);
		vma_merge(mm, v);
		mm_account_poke(mm);
	}
	vma_pre_drop(&pre);
	return err ? err : (s64)addr;
}

/* Shared anonymous memory: a memfd of its own. */
static int anon_backing(const struct mmap_args *a, struct vma *v)
{
	if ((a->flags & MAP_TYPE) != MAP_SHARED || a->backing)
		return 0;
	return backing_memfd("/dev/zero (deleted)", PAGE_ALIGN(a->len), &v->backing);
}

static s64 check_args(const struct mmap_args *a)
{
	u64 plen = PAGE_ALIGN(a->len);

	if (!a->len)
		return -EINVAL;
	if (!plen || plen > GUEST_TASK_SIZE)
		return -ENOMEM;
	if (a->pgoff + plen < a->pgoff || (s64)(a->pgoff + plen) < 0)
		return -EOVERFLOW;
	return 0;
}

#define FILL_AT_ONCE (2UL << 20)

/* Small areas and texts on demand are filled before they are mapped: they will never fault. Errors show later. */
static void fill_ahead(const struct mmap_args *a)
{
	struct backing *b = a->backing;
	u64 first = a->pgoff / PAGE_SIZE, n = PAGE_ALIGN(a->len) / PAGE_SIZE, i, step = 64;

	if (!b || !b->maps || !a->prot)
		return;
	if (a->len > FILL_AT_ONCE && !(a->prot & VM_EXEC) && !(a->flags & (MAP_POPULATE | MAP_LOCKED)))
		return;
	for (i = 0; i < n; i += step)
		if (b->ops->fill(b, first + i, first + i, MIN(step, n - i), false))
			return;
}

s64 mm_mmap(struct mm *mm, struct uthread *ut, const struct mmap_args *a)
{
	LIST_HEAD(dead);
	struct vma *v;
	s64 err = check_args(a);

	if (err)
		return err;
	fill_ahead(a);
	v = kzalloc(sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->backing = a->backing;
	v->pgoff = a->backing ? a->pgoff : 0;
	v->file = a->file;
	vma_hold(v);
	err = anon_backing(a, v);
	if (!err) {
		mutex_lock(&mm->lock);
		err = map_area(mm, ut, a, v, &dead);
		mutex_unlock(&mm->lock);
	}
	if (err < 0)
		list_add_tail(&v->node, &dead);
	vma_free_list(&dead);
	return err;
}

/* --- growth --- */

static u64 lowest_growth(struct mm *mm, struct vma *v)
{
	struct vma *p = vma_prev(mm, v);
	u64 low = GUEST_MMAP_MIN;

	if (!p)
		return low;
	low = p->end;
	if (p->flags & VM_ACCESS && !(p->flags & VM_GROWSDOWN))
		low += MM_STACK_GUARD;
	return low;
}

/* Where v will begin: the faulting page, for the main stack some more so that few faults follow. */
static s64 growth_start(struct mm *mm, struct vma *v, u64 addr)
{
	u64 limit = rlimit(RLIMIT_STACK), want = addr & PAGE_MASK, low = lowest_growth(mm, v);
	u64 chunk = v->flags & VM_STACK ? 128 << 10 : 0, more;

	if (want < low || want >= v->end || v->end - want > limit)
		return -ENOMEM;
	if (mm_reserved(want, v->start) || mm_check_expand(mm, v->flags, v->start - want))
		return -ENOMEM;
	if (v->flags & VM_LOCKED && mm_check_locked(mm, v->start - want, -ENOMEM))
		return -ENOMEM;
	more = MIN(chunk, want - low);
	if (v->end - (want - more) <= limit && !mm_check_expand(mm, v->flags, v->start - want + more))
		want -= more;
	return want;
}

static int grow_locked(struct mm *mm, struct uthread *ut, u64 addr)
{
	struct vma *v = vma_find(mm, addr);
	s64 start;
	int err;

	if (!v || v->backing || !(v->flags & VM_GROWSDOWN))
		return -EFAULT;
	if (v->start <= addr)
		return v->flags & VM_ACCESS ? 0 : -EFAULT;
	start = growth_start(mm, v, addr);
	if (start < 0)
		return start;
	err = mm_host_map(ut, start, v->start, v->flags, 0, NULL, 0);
	if (!err)
		vma_resize(mm, v, start, v->end);
	return err;
}

int mm_grow_stack(struct mm *mm, struct uthread *ut, u64 addr)
{
	struct vma *v = vma_find(mm, addr);
	int err;

	if (!v || v->start <= addr || !(v->flags & VM_GROWSDOWN))
		return -EFAULT;
	mutex_lock(&mm->lock);
	err = grow_locked(mm, ut, addr);
	mutex_unlock(&mm->lock);
	return err;
}

/* --- brk --- */

static s64 undo_brk(struct uthread *ut, const struct guest_undo *u, int err)
{
	struct mm *mm = u->owner;

	undo_range(mm, ut, u->start, u->end);
	mm->brk = u->start;
	uthread_publish_brk(ut, 0, 0);
	return (s64)mm->brk;
}

static int map_heap(struct mm *mm, struct uthread *ut, u64 old, u64 new, u32 flags)
{
	const struct guest_undo undo = { undo_brk, mm, old, new };
	int err;

	if (!mm_may_defer(mm, ut))
		return mm_host_map(ut, old, new, flags, flags & VM_LOCKED ? MAP_POPULATE : 0, NULL, 0);
	guest_defer_begin(ut, &undo);
	err = mm_host_map(ut, old, new, flags, flags & VM_LOCKED ? MAP_POPULATE : 0, NULL, 0);
	guest_defer_end(ut);
	return err;
}

#define HEAP_FLAGS (VM_READ | VM_WRITE | VM_HEAP)

/* Up to where the heap that ends at old can grow before it meets what lies behind it. */
static u64 heap_limit(struct mm *mm, u64 old)
{
	struct vma *next = vma_find(mm, old);

	if (!next)
		return GUEST_TASK_SIZE;
	return next->start - (next->flags & VM_GROWSDOWN ? MM_STACK_GUARD : 0) - PAGE_SIZE;
}

static struct vma *heap_area(u64 old, u64 new, u32 flags)
{
	struct vma *v = kzalloc(sizeof(*v));

	if (!v)
		return NULL;
	v->start = old;
	v->end = new;
	v->flags = flags;
	v->may = VM_ACCESS;
	return v;
}

static void heap_insert(struct mm *mm, struct vma *v)
{
	vma_insert(mm, v);
	vma_merge(mm, v);
	mm_account_poke(mm);
}

static int brk_grow(struct mm *mm, struct uthread *ut, u64 old, u64 new)
{
	u32 flags = HEAP_FLAGS | (mm->def_flags & VM_LOCKED);
	struct vma *v;
	int err;

	if (new > heap_limit(mm, old) || mm_reserved(old, new) || mm->nvmas + 1 > sysctl.max_map_count)
		return -ENOMEM;
	if (flags & VM_LOCKED && mm_check_locked(mm, new - old, -EAGAIN))
		return -EAGAIN;
	err = mm_check_expand(mm, flags, new - old);
	if (err)
		return err;
	v = heap_area(old, new, flags);
	if (!v)
		return -ENOMEM;
	err = map_heap(mm, ut, old, new, flags);
	if (err) {
		kfree(v);
		return err;
	}
	heap_insert(mm, v);
	return 0;
}

#define BRK_AHEAD 0x100000UL

/* Not where growing asks for more than room: limits, locked memory. */
static u64 brk_max(struct mm *mm)
{
	u64 from = PAGE_ALIGN(mm->brk), end = MIN(from + BRK_AHEAD, heap_limit(mm, from));

	if (end <= from || mm->def_flags & VM_LOCKED || mm_reserved(from, end) ||
	    rlimit(RLIMIT_DATA) != RLIM64_INFINITY || rlimit(RLIMIT_AS) != RLIM64_INFINITY ||
	    mm->nvmas + 1 > sysctl.max_map_count || mm_check_expand(mm, HEAP_FLAGS, end - from))
		return mm->brk;
	return end;
}

void mm_publish_brk(struct mm *mm, struct uthread *ut)
{
	if (ref_read(&mm->users) == 1)
		uthread_publish_brk(ut, mm->brk, brk_max(mm));
	else
		uthread_publish_brk(ut, 0, 0);
}

static bool heap_meets(struct mm *mm, u64 old, u64 new)
{
	struct vma *next = vma_find(mm, old);

	return next && next->start < new;
}

int mm_brk_moved(struct mm *mm, u64 brk)
{
	u64 old = PAGE_ALIGN(mm->brk), new = PAGE_ALIGN(brk);
	int err = 0;
	struct vma *v;

	mutex_lock(&mm->lock);
	v = new > old ? heap_area(old, new, HEAP_FLAGS) : NULL;
	if (new > old && (!v || heap_meets(mm, old, new))) {
		err = v ? -EEXIST : -ENOMEM;
		kfree(v);
	} else {
		if (v)
			heap_insert(mm, v);
		mm->brk = brk;
	}
	mutex_unlock(&mm->lock);
	return err;
}

static int brk_move(struct mm *mm, struct uthread *ut, u64 brk, struct list_head *dead)
{
	u64 limit = rlimit(RLIMIT_DATA), old = PAGE_ALIGN(mm->brk), new = PAGE_ALIGN(brk);

	if (brk < mm->start_brk || new < brk)
		return -EINVAL;
	if (limit != RLIM64_INFINITY &&
	    brk - mm->start_brk + (mm->end_data - mm->start_data) > limit)
		return -ENOMEM;
	if (new < old)
		return mm_unmap_locked(mm, ut, new, old, dead);
	return new > old ? brk_grow(mm, ut, old, new) : 0;
}

u64 mm_brk(struct mm *mm, struct uthread *ut, u64 brk)
{
	LIST_HEAD(dead);
	u64 result;

	if (brk < mm->start_brk)
		return mm->brk;
	mutex_lock(&mm->lock);
	if (!brk_move(mm, ut, brk, &dead))
		mm->brk = brk;
	result = mm->brk;
	mutex_unlock(&mm->lock);
	vma_free_list(&dead);
	return result;
}
