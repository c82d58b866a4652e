/* SPDX-License-Identifier: MIT */
/*
 * The areas of an address space. They stand in a sorted list and in a treap over their start
 * addresses; each node of the treap knows the largest gap in its subtree, so that finding an
 * area and finding room for a new one take logarithmic time.
 *
 * Nothing here gives orders to the host and nothing can fail but allocation ahead (vma_pre).
 */
#include "mm/vma.h"

#include "abi/errno.h"
#include "core/log.h"
#include "lib/alloc.h"
#include "near/layout.h"

/* --- the treap --- */

static u32 next_prio(void)
{
	static u32 x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void pull(struct vma *t)
{
	t->maxgap = t->gap;
	if (t->left && t->left->maxgap > t->maxgap)
		t->maxgap = t->left->maxgap;
	if (t->right && t->right->maxgap > t->maxgap)
		t->maxgap = t->right->maxgap;
}

/* Nodes below key to *l, the others to *r. */
static void tree_split(struct vma *t, u64 key, struct vma **l, struct vma **r)
{
	if (!t) {
		*l = *r = NULL;
	} else if (t->start < key) {
		tree_split(t->right, key, &t->right, r);
		*l = t;
		pull(t);
	} else {
		tree_split(t->left, key, l, &t->left);
		*r = t;
		pull(t);
	}
}

static struct vma *tree_join(struct vma *l, struct vma *r)
{
	if (!l || !r)
		return l ? l : r;
	if (l->prio > r->prio) {
		l->right = tree_join(l->right, r);
		pull(l);
		return l;
	}
	r->left = tree_join(l, r->left);
	pull(r);
	return r;
}

static void tree_insert(struct mm *mm, struct vma *v)
{
	struct vma *l, *r;

	v->left = v->right = NULL;
	v->prio = next_prio();
	pull(v);
	tree_split(mm->tree, v->start, &l, &r);
	mm->tree = tree_join(tree_join(l, v), r);
}

static struct vma *tree_remove(struct vma *t, struct vma *v)
{
	if (t == v)
		return tree_join(t->left, t->right);
	if (v->start < t->start)
		t->left = tree_remove(t->left, v);
	else
		t->right = tree_remove(t->right, v);
	pull(t);
	return t;
}

/* v's gap changed: bring maxgap up to date on the way to it. */
static void tree_fix(struct vma *t, struct vma *v)
{
	if (t != v)
		tree_fix(v->start < t->start ? t->left : t->right, v);
	pull(t);
}

struct vma *vma_next(struct mm *mm, struct vma *v)
{
	return v->node.next == &mm->vmas ? NULL : list_entry(v->node.next, struct vma, node);
}

struct vma *vma_prev(struct mm *mm, struct vma *v)
{
	return v->node.prev == &mm->vmas ? NULL : list_entry(v->node.prev, struct vma, node);
}

static u64 gap_below(struct mm *mm, struct vma *v)
{
	struct vma *prev = vma_prev(mm, v);
	u64 low = prev ? prev->end : GUEST_MMAP_MIN;

	return v->start > low ? v->start - low : 0;
}

static void fix_gap(struct mm *mm, struct vma *v)
{
	if (!v)
		return;
	v->gap = gap_below(mm, v);
	tree_fix(mm->tree, v);
}

struct vma *vma_find(struct mm *mm, u64 addr)
{
	struct vma *t = mm->tree, *best = NULL;

	while (t) {
		if (t->end > addr) {
			best = t;
			if (t->start <= addr)
				break;
			t = t->left;
		} else {
			t = t->right;
		}
	}
	return best;
}

struct vma *vma_intersect(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	return v && v->start < end ? v : NULL;
}

u64 vma_first_hole(struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	while (start < end && v && v->start <= start) {
		start = v->end;
		v = vma_next(mm, v);
	}
	return MIN(start, end);
}

bool mm_may_access(struct mm *mm, u64 addr, u64 len, u32 vmflags)
{
	struct vma *v = vma_find(mm, addr);
	u64 end = addr + len;

	if (end < addr)
		return false;
	for (; addr < end; v = vma_next(mm, v)) {
		if (!v || v->start > addr || (v->flags & vmflags) != vmflags)
			return false;
		addr = v->end;
	}
	return true;
}

/* --- room for a new area --- */

/* The highest place for len bytes in [low, high), around what the near kernel keeps; 0: none. */
static u64 fit(u64 low, u64 high, u64 len)
{
	u64 isle_end = LOW_END;

	if (high < low || high - low < len)
		return 0;
	if (high - len >= isle_end || high <= LOW_BASE)
		return high - len;
	high = LOW_BASE;
	return high >= low && high - low >= len ? high - len : 0;
}

static u64 gap_search(struct vma *t, u64 len, u64 high)
{
	u64 low, top, found;

	if (!t || t->maxgap < len)
		return 0;
	if (t->end < high) {
		found = gap_search(t->right, len, high);
		if (found)
			return found;
	}
	low = t->start - t->gap;
	top = t->start;
	if (t->flags & VM_GROWSDOWN)
		top = top > MM_STACK_GUARD ? top - MM_STACK_GUARD : 0;
	found = fit(low, MIN(top, high), len);
	return found ? found : gap_search(t->left, len, high);
}

static u64 search_below(struct mm *mm, u64 len, u64 high)
{
	u64 low = GUEST_MMAP_MIN, found;

	if (!list_empty(&mm->vmas))
		low = list_last(&mm->vmas, struct vma, node)->end;
	found = fit(low, high, len);
	return found ? found : gap_search(mm->tree, len, high);
}

static bool hint_fits(struct mm *mm, u64 hint, u64 len, u64 high)
{
	struct vma *v = vma_find(mm, hint);

	if (hint < GUEST_MMAP_MIN || len > high || hint > high - len ||
	    mm_reserved(hint, hint + len))
		return false;
	return !v || hint + len + (v->flags & VM_GROWSDOWN ? MM_STACK_GUARD : 0) <= v->start;
}

u64 mm_unmapped_below(struct mm *mm, u64 hint, u64 len, u64 high)
{
	return hint_fits(mm, hint, len, high) ? hint : search_below(mm, len, high);
}

/* The upper two GiB are for texts, which the near kernel can patch there: big areas go below. */
#define TEXT_WINDOW (2UL << 30)
#define BIG_AREA (64UL << 20)

u64 mm_unmapped_area(struct mm *mm, u64 hint, u64 len)
{
	u64 found, room = GUEST_TASK_SIZE - NEAR_VDSO_ROOM;
	u64 top = len >= BIG_AREA ? MIN(mm->mmap_base, GUEST_TASK_SIZE - TEXT_WINDOW) : mm->mmap_base;

	if (hint_fits(mm, hint, len, room))
		return hint;
	found = search_below(mm, len, top);
	if (!found)
		found = search_below(mm, len, mm->mmap_base);
	return found ? found : search_below(mm, len, room);
}

/* --- counting --- */

static u64 touchable;

u64 vma_touchable_pages(void)
{
	return touchable;
}

static void count(struct mm *mm, const struct vma *v, s64 pages)
{
	mm->total_pages += pages;
	if (v->flags & VM_LOCKED)
		mm->locked_pages += pages;
	if (v->flags & (VM_STACK | VM_GROWSDOWN)) {
		mm->stack_pages += pages;
		touchable += pages;
	} else if ((v->flags & (VM_EXEC | VM_WRITE)) == VM_EXEC) {
		mm->exec_pages += pages;
	} else if (vm_is_data(v->flags)) {
		mm->data_pages += pages;
		touchable += pages;
	}
	if (v->backing)
		mm->shared_pages += pages;
}

/* Shared mappings of an object come and go: never less than there are, not even for a moment. */
void vma_tell_backing(const struct vma *v, s64 pages)
{
	if (v->backing && (v->flags & VM_SHARED) && v->backing->ops->mapped && pages)
		v->backing->ops->mapped(v->backing, pages);
}

/* --- changing --- */

int vma_pre_fill(struct vma_pre *pre, int n)
{
	for (pre->n = 0; pre->n < n; pre->n++) {
		pre->v[pre->n] = kzalloc(sizeof(struct vma));
		if (!pre->v[pre->n]) {
			vma_pre_drop(pre);
			return -ENOMEM;
		}
	}
	return 0;
}

struct vma *vma_pre_take(struct vma_pre *pre)
{
	BUG_ON(!pre->n);
	return pre->v[--pre->n];
}

void vma_pre_drop(struct vma_pre *pre)
{
	while (pre->n > 0)
		kfree(pre->v[--pre->n]);
}

void vma_hold(struct vma *v)
{
	if (v->backing)
		backing_get(v->backing);
	if (v->file)
		mm_file_hooks.get(v->file);
}

void vma_copy(struct vma *to, const struct vma *from)
{
	*to = *from;
	to->listed = false;
	vma_hold(to);
}

void vma_list_maps(struct mm *mm, struct vma *v)
{
	v->mm = mm;
	if (!v->backing || !v->backing->maps || v->listed)
		return;
	list_add(&v->map_node, &v->backing->maps->vmas);
	v->listed = true;
}

void vma_unlist_maps(struct vma *v)
{
	if (v->listed)
		list_del_init(&v->map_node);
	v->listed = false;
}

static void vma_free(struct vma *v)
{
	if (v->backing)
		backing_put(v->backing);
	if (v->file)
		mm_file_hooks.put(v->file);
	kfree(v);
}

void vma_free_list(struct list_head *dead)
{
	while (!list_empty(dead)) {
		struct vma *v = list_first(dead, struct vma, node);

		list_del_init(&v->node);
		vma_free(v);
	}
}

void vma_insert(struct mm *mm, struct vma *v)
{
	struct vma *next = vma_find(mm, v->start);

	list_add_tail(&v->node, next ? &next->node : &mm->vmas);
	v->gap = gap_below(mm, v);
	tree_insert(mm, v);
	fix_gap(mm, next);
	mm->nvmas++;
	vma_list_maps(mm, v);
	mm->ndemand += v->listed;
	count(mm, v, vma_pages(v));
	vma_tell_backing(v, vma_pages(v));
}

static void vma_remove(struct mm *mm, struct vma *v)
{
	struct vma *next = vma_next(mm, v);

	count(mm, v, -(s64)vma_pages(v));
	vma_tell_backing(v, -(s64)vma_pages(v));
	mm->nvmas--;
	mm->ndemand -= v->listed;
	vma_unlist_maps(v);
	mm->tree = tree_remove(mm->tree, v);
	list_del_init(&v->node);
	fix_gap(mm, next);
}

/* The order among areas must not change. */
void vma_resize(struct mm *mm, struct vma *v, u64 start, u64 end)
{
	s64 more = (s64)(end - start) / (s64)PAGE_SIZE - (s64)vma_pages(v);

	count(mm, v, more);
	vma_tell_backing(v, more);
	v->pgoff += v->backing ? start - v->start : 0;
	v->start = start;
	v->end = end;
	fix_gap(mm, v);
	fix_gap(mm, vma_next(mm, v));
}

static void vma_split(struct mm *mm, struct vma *v, u64 at, struct vma *upper)
{
	vma_copy(upper, v);
	upper->start = at;
	upper->pgoff += v->backing ? at - v->start : 0;
	vma_resize(mm, v, v->start, at);
	vma_insert(mm, upper);
}

void vma_split_range(struct mm *mm, u64 start, u64 end, struct vma_pre *pre)
{
	struct vma *v = vma_find(mm, start);

	if (v && v->start < start)
		vma_split(mm, v, start, vma_pre_take(pre));
	v = vma_find(mm, end);
	if (v && v->start < end)
		vma_split(mm, v, end, vma_pre_take(pre));
}

static bool mergeable(const struct vma *a, const struct vma *b)
{
	if (a->end != b->start || a->flags != b->flags || a->may != b->may)
		return false;
	if (a->backing != b->backing || a->file != b->file)
		return false;
	if (a->flags & (VM_GROWSDOWN | VM_VDSO | VM_VVAR | VM_SYSV))
		return false;
	return !a->backing || a->pgoff + (a->end - a->start) == b->pgoff;
}

/* b, which follows a, becomes part of a. The references of b are not the last ones. */
static void merge_into(struct mm *mm, struct vma *a, struct vma *b)
{
	u64 end = b->end;

	vma_remove(mm, b);
	vma_free(b);
	vma_resize(mm, a, a->start, end);
}

struct vma *vma_merge(struct mm *mm, struct vma *v)
{
	struct vma *n = vma_next(mm, v), *p = vma_prev(mm, v);

	if (n && mergeable(v, n))
		merge_into(mm, v, n);
	if (p && mergeable(p, v)) {
		merge_into(mm, p, v);
		return p;
	}
	return v;
}

void vma_cut(struct mm *mm, u64 start, u64 end, struct vma_pre *pre, struct list_head *dead)
{
	struct vma *v;

	vma_split_range(mm, start, end, pre);
	while ((v = vma_intersect(mm, start, end))) {
		vma_remove(mm, v);
		list_add_tail(&v->node, dead);
	}
}

void vma_change(struct mm *mm, u64 start, u64 end, u32 clear, u32 set, struct vma_pre *pre)
{
	struct vma *v;

	vma_split_range(mm, start, end, pre);
	for (v = vma_find(mm, start); v && v->start < end; v = vma_next(mm, v)) {
		count(mm, v, -(s64)vma_pages(v));
		v->flags = (v->flags & ~clear) | set;
		count(mm, v, vma_pages(v));
		v = vma_merge(mm, v);
	}
	if (v)
		vma_merge(mm, v);
}
