/* SPDX-License-Identifier: MIT */
/*
 * Address spaces as wholes: creation, fork, end, layout, limits. And what lies behind areas: the
 * counting of backings, and backings that are memfds of the kernel.
 */
#include "mm/mm.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/utsname.h"
#include "core/cred.h"
#include "core/random.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "guest/guest.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/vma.h"
#include "near/layout.h"

static struct file *no_file_get(struct file *f)
{
	return f;
}

static void no_file_put(struct file *f)
{
}

struct mm_file_hooks mm_file_hooks = { .get = no_file_get, .put = no_file_put };
LIST_HEAD(mm_list);

/* --- backings --- */

struct backing *backing_get(struct backing *b)
{
	ref_get(&b->ref);
	return b;
}

void backing_put(struct backing *b)
{
	if (ref_put(&b->ref))
		b->ops->release(b);
}

struct memfd_backing {
	struct backing b;
	u64 charged;
	char name[];
};

static void memfd_release(struct backing *b)
{
	struct memfd_backing *m = container_of(b, struct memfd_backing, b);

	host_close(b->hostfd);
	mem_charge_file(-(s64)m->charged);
	kfree(m);
}

static const struct backing_ops memfd_ops = { .release = memfd_release };

int backing_memfd(const char *name, u64 len, struct backing **out)
{
	static u64 next_ino = 1;
	size_t n = strlen(name) + 1;
	struct memfd_backing *m;

	/* Linux's heuristic: what could not fit into the whole machine is not promised. */
	if (len > mem_total())
		return -ENOMEM;
	m = kzalloc(sizeof(*m) + n);
	if (!m)
		return -ENOMEM;
	m->b.hostfd = host_memfd(name, len);
	if (m->b.hostfd < 0) {
		int err = m->b.hostfd;

		kfree(m);
		return err;
	}
	memcpy(m->name, name, n);
	ref_init(&m->b.ref);
	m->b.may_write = m->b.may_exec = true;
	m->b.dev = m->b.dev_mm = 1;		/* 0:1, as Linux's own shmem mount */
	m->b.ino = next_ino++;
	m->b.name = m->name;
	m->b.ops = &memfd_ops;
	m->charged = len;
	mem_charge_file(len);
	*out = &m->b;
	return 0;
}

static void readonly_release(struct backing *b)
{
	host_close(b->hostfd);
	kfree(b);
}

static const struct backing_ops readonly_ops = { .release = readonly_release };

int backing_readonly(const struct backing *b, struct backing **out)
{
	struct backing *ro = kzalloc(sizeof(*ro));
	int fd = ro ? host_reopen_readonly(b->hostfd) : -ENOMEM;

	if (fd < 0) {
		kfree(ro);
		return fd;
	}
	ref_init(&ro->ref);
	ro->hostfd = fd;
	ro->may_exec = b->may_exec;
	ro->dev = b->dev;
	ro->dev_mm = b->dev_mm;
	ro->ino = b->ino;
	ro->name = "memory file";
	ro->ops = &readonly_ops;
	*out = ro;
	return 0;
}

/* --- layout --- */

static u64 random_pages(int bits)
{
	if (!sysctl.randomize_va_space)
		return 0;
	if (current && current->proc && current->proc->personality & ADDR_NO_RANDOMIZE)
		return 0;
	return (random_u64() & ((1ULL << bits) - 1)) * PAGE_SIZE;
}

/*
 * Stack at the top, room for its growth, below it the mmap area. Less is left to chance than on
 * Linux: texts in the upper two GiB are within reach of the near kernel's islands (near/patch.c).
 */
static void choose_layout(struct mm *mm)
{
	u64 stack = current && current->proc ? rlimit(RLIMIT_STACK) : 8 << 20;
	u64 gap = MIN(MAX(stack, 128UL << 20), GUEST_TASK_SIZE / 6 * 5);

	mm->start_stack = GUEST_TASK_SIZE - NEAR_VDSO_ROOM - PAGE_SIZE - random_pages(15);
	mm->mmap_base = mm->start_stack - gap - MM_STACK_GUARD - random_pages(15);
	mm->mmap_base &= PAGE_MASK;
}

/* --- life --- */

static struct mm *mm_alloc(struct space *space)
{
	struct mm *mm = kzalloc(sizeof(*mm));

	if (!mm)
		return NULL;
	ref_init(&mm->users);
	mutex_init(&mm->lock, "mm", RANK_MM);
	list_init(&mm->vmas);
	mm->space = space;
	list_add_tail(&mm->all_node, &mm_list);
	return mm;
}

int mm_create(struct space *space, struct mm **out)
{
	struct mm *mm = mm_alloc(space);

	if (!mm)
		return -ENOMEM;
	choose_layout(mm);
	*out = mm;
	return 0;
}

struct mm *mm_get(struct mm *mm)
{
	ref_get(&mm->users);
	return mm;
}

static void drop_areas(struct mm *mm)
{
	LIST_HEAD(dead);
	struct vma_pre none = { .n = 0 };

	vma_cut(mm, 0, ~0ULL, &none, &dead);
	vma_free_list(&dead);
}

void mm_put(struct mm *mm)
{
	if (!ref_put(&mm->users))
		return;
	list_del_init(&mm->all_node);
	if (mm->space)
		space_put(mm->space);
	drop_areas(mm);
	if (mm->exe)
		mm_file_hooks.put(mm->exe);
	kfree(mm);
}

static void copy_numbers(struct mm *to, const struct mm *from)
{
	to->mmap_base = from->mmap_base;
	to->start_brk = from->start_brk;
	to->brk = from->brk;
	to->start_stack = from->start_stack;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->start_code = from->start_code;
	to->end_code = from->end_code;
	to->start_data = from->start_data;
	to->end_data = from->end_data;
	to->vdso = from->vdso;
	to->nauxv = from->nauxv;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
}

static int copy_areas(struct mm *to, struct mm *from)
{
	struct vma *v, *n;

	list_for_each(v, &from->vmas, node) {
		if (v->flags & VM_DONTCOPY)
			continue;
		n = kmalloc(sizeof(*n));
		if (!n)
			return -ENOMEM;
		vma_copy(n, v);
		n->flags &= ~VM_LOCKED;
		vma_insert(to, n);
	}
	return 0;
}

/* The host gave the child VM_DONTCOPY and VM_WIPEONFORK areas as madvise() once told it. */
int mm_fork(struct mm *parent, struct space *child_space, struct mm **out)
{
	bool locked_here = !mutex_held(&parent->lock);
	struct mm *mm;
	int err;

	if (locked_here)
		mutex_lock(&parent->lock);
	mm = mm_alloc(NULL);
	err = mm ? copy_areas(mm, parent) : -ENOMEM;
	if (!err) {
		copy_numbers(mm, parent);
		mm->exe = parent->exe ? mm_file_hooks.get(parent->exe) : NULL;
		mm->space = child_space;
		*out = mm;
	}
	if (locked_here)
		mutex_unlock(&parent->lock);
	if (err && mm)
		mm_put(mm);
	else if (!err)
		mm_account_poke(mm);
	return err;
}

/* --- limits --- */

bool mm_reserved(u64 start, u64 end)
{
	return start < LOW_END && end > LOW_BASE;
}

static bool over(u64 used_pages, u64 bytes, int which)
{
	u64 limit = rlimit(which);

	return limit != RLIM64_INFINITY && used_pages * PAGE_SIZE + bytes > limit;
}

/* RLIMIT_AS, RLIMIT_DATA, and Linux's guess at what can never be had (overcommit mode 0). */
int mm_check_expand(struct mm *mm, u32 flags, u64 bytes)
{
	if (over(mm->total_pages, bytes, RLIMIT_AS))
		return -ENOMEM;
	if (!vm_is_data(flags))
		return 0;
	if (over(mm->data_pages, bytes, RLIMIT_DATA))
		return -ENOMEM;
	if (sysctl.overcommit_memory != 1 && !(flags & VM_NORESERVE) && bytes > mem_total())
		return -ENOMEM;
	return 0;
}

/* More locked memory: error is EAGAIN or ENOMEM, by the call. */
int mm_check_locked(struct mm *mm, u64 bytes, int error)
{
	if (capable(CAP_IPC_LOCK))
		return 0;
	return over(mm->locked_pages, bytes, RLIMIT_MEMLOCK) ? error : 0;
}
