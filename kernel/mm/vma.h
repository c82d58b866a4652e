/* SPDX-License-Identifier: MIT */
/*
 * Areas of an address space: the list, the search tree, splitting and merging. Internal to mm/.
 *
 * A change is made in three steps, so that list and host never disagree: check and allocate what
 * the change can need (vma_pre), give the host order, then change the list, which cannot fail.
 * Areas that fall out go to a list of dead ones and are freed after mm->lock is dropped, since the last
 * reference to a file must not be put under it.
 */
#ifndef MM_VMA_H
#define MM_VMA_H

#include "mm/mm.h"

#define VM_ACCESS (VM_READ | VM_WRITE | VM_EXEC)

struct vma_pre {
	struct vma *v[3];
	int n;
};

int vma_pre_fill(struct vma_pre *pre, int n);		/* 0 or -ENOMEM */
struct vma *vma_pre_take(struct vma_pre *pre);		/* never fails: filled before */
void vma_pre_drop(struct vma_pre *pre);

/* All: mm->lock held or mm not shared yet; never block. */
void vma_insert(struct mm *mm, struct vma *v);		/* takes v; no overlap. Counts it. */
struct vma *vma_merge(struct mm *mm, struct vma *v);	/* with its neighbours; the area that remains */
/* Make start and end fall on borders of areas. Uses up to two of pre. */
void vma_split_range(struct mm *mm, u64 start, u64 end, struct vma_pre *pre);
/* Take [start, end) out; the areas go to dead. */
void vma_cut(struct mm *mm, u64 start, u64 end, struct vma_pre *pre, struct list_head *dead);
/* Flags of all areas in [start, end): clear, then set. */
void vma_change(struct mm *mm, u64 start, u64 end, u32 clear, u32 set, struct vma_pre *pre);
void vma_resize(struct mm *mm, struct vma *v, u64 start, u64 end);
/* Stack and data of all address spaces: kept, not summed up, for every mapping asks. nb */
u64 vma_touchable_pages(void);
void vma_tell_backing(const struct vma *v, s64 pages);	/* backing_ops.mapped, if v is shared */
void vma_free_list(struct list_head *dead);		/* may block */
void vma_hold(struct vma *v);				/* takes references for backing and file */
void vma_copy(struct vma *to, const struct vma *from);	/* with references; in no list */
/* v will be inserted under the same hold of mm->lock: rights on its object are taken from it from now on. */
void vma_list_maps(struct mm *mm, struct vma *v);
void vma_unlist_maps(struct vma *v);

struct vma *vma_next(struct mm *mm, struct vma *v);	/* NULL at the end */
struct vma *vma_prev(struct mm *mm, struct vma *v);
struct vma *vma_intersect(struct mm *mm, u64 start, u64 end);	/* the first one, NULL */
u64 mm_unmapped_below(struct mm *mm, u64 hint, u64 len, u64 high);	/* 0: none */
u64 vma_first_hole(struct mm *mm, u64 start, u64 end);	/* address of the first hole; end: none */

static inline u64 vma_pages(const struct vma *v)
{
	return (v->end - v->start) / PAGE_SIZE;
}

/* Private and writable: what RLIMIT_DATA and overcommit count. */
static inline bool vm_is_data(u32 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_STACK | VM_GROWSDOWN)) == VM_WRITE;
}

/* Checks of limits (mm.c): room for so many bytes more. */
int mm_check_expand(struct mm *mm, u32 flags, u64 bytes);
int mm_check_locked(struct mm *mm, u64 bytes, int error);
bool mm_reserved(u64 start, u64 end);			/* overlaps what belongs to the near kernel */
/*
 * May the host call of a change travel with the answer (guest_defer_begin)? Only if nobody else uses the address space, and
 * the host is far from its limit of areas, which could make even munmap fail.
 */
bool mm_may_defer(struct mm *mm, struct uthread *ut);
/* guest_defer_begin() for a call that the host does not refuse; a process for which it does is killed. */
void mm_defer_begin_sure(struct uthread *ut);
/* Bodies shared between files; mm->lock held. */
int mm_unmap_locked(struct mm *mm, struct uthread *ut, u64 start, u64 end, struct list_head *dead);
int mm_host_map(struct uthread *ut, u64 start, u64 end, u32 flags, u32 extra,
		const struct backing *b, u64 off);
/* Is any of it sealed (VM_SEALED)? Then it stays as it is: -EPERM. mm->lock held; nb */
bool mm_is_sealed(struct mm *mm, u64 start, u64 end);
/* Host rights of [from, to) inside v as flags say, which need not be v's yet. */
int vma_host_protect(struct uthread *ut, const struct vma *v, u64 from, u64 to, u32 flags);

#endif
