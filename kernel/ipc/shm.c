/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: a segment is a memfd of the kernel, an attachment a mapping of it. How
 * many pages are mapped is told by mm; from it follow the attach count and the end of a segment
 * that was removed while in use.
 */
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "ipc/ipc.h"
#include "lib/alloc.h"
#include "mm/mm.h"

static void shm_free(struct ipc_obj *o);
struct ipc_table shm_table = { .next_id = -1, .free = shm_free };
static u64 total_pages;

/* Identity together with the segment's number: above every device number of host and guest. */
#define SHM_DEV (2ULL << 40)

static struct shm *to_shm(struct ipc_obj *o)
{
	return container_of(o, struct shm, o);
}

static u64 seg_pages(const struct shm *s)
{
	return PAGE_ALIGN(s->size) / PAGE_SIZE;
}

u64 shm_nattch(const struct shm *s)
{
	return (s->mapped + seg_pages(s) - 1) / seg_pages(s);
}

u64 shm_total_pages(void)
{
	return total_pages;
}

/*
 * The backing: the memfd's, seen through the segment so that mappings are counted. The segment's own
 * memory goes with it, since mappings may outlive the number. Who attaches for reading only gets another backing,
 * which holds the first.
 */
struct shm_backing {
	struct backing b;
	struct backing *memfd;
	struct backing *holds;		/* of the read-only one: the segment's own; NULL */
	struct shm *shm;		/* owned, unless holds does */
	char name[16];
};

static void backing_release(struct backing *b)
{
	struct shm_backing *sb = container_of(b, struct shm_backing, b);

	backing_put(sb->memfd);
	if (sb->holds) {
		sb->shm->ro = NULL;
		backing_put(sb->holds);
	} else {
		kfree(sb->shm);
	}
	kfree(sb);
}

static void backing_mapped(struct backing *b, s64 pages)
{
	struct shm *s = container_of(b, struct shm_backing, b)->shm;

	s->mapped += pages;
	if (pages < 0) {
		s->dtime = ipc_now();
		if (current && current->proc)
			s->lpid = current->proc->tgid;
	}
	if (!s->mapped && s->destroy)
		ipc_remove(&shm_table, &s->o);
}

static const struct backing_ops shm_backing_ops = {
	.release = backing_release,
	.mapped = backing_mapped,
};

/* Takes memfd on success. */
static struct shm_backing *wrap(struct shm *s, struct backing *memfd)
{
	struct shm_backing *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	sb->b = *memfd;
	ref_init(&sb->b.ref);
	sb->b.name = sb->name;
	sb->b.ops = &shm_backing_ops;
	sb->memfd = memfd;
	sb->shm = s;
	return sb;
}

static int make_backing(struct shm *s, int key)
{
	struct backing *memfd;
	struct shm_backing *sb;
	int err = backing_memfd("SYSV", PAGE_ALIGN(s->size), &memfd);

	if (err)
		return err;
	sb = wrap(s, memfd);
	if (!sb) {
		backing_put(memfd);
		return -ENOMEM;
	}
	snprintf(sb->name, sizeof(sb->name), "/SYSV%08x", (u32)key);
	s->backing = &sb->b;
	return 0;
}

/* A reference. */
static int readonly_backing(struct shm *s, struct backing **out)
{
	struct backing *memfd;
	struct shm_backing *sb;
	int err;

	if (s->ro) {
		*out = backing_get(s->ro);
		return 0;
	}
	err = backing_readonly(s->backing, &memfd);
	if (err)
		return err;
	sb = wrap(s, memfd);
	if (!sb) {
		backing_put(memfd);
		return -ENOMEM;
	}
	strcpy(sb->name, s->backing->name);
	sb->holds = backing_get(s->backing);
	*out = s->ro = &sb->b;
	return 0;
}

static void shm_free(struct ipc_obj *o)
{
	struct shm *s = to_shm(o);

	total_pages -= seg_pages(s);
	backing_put(s->backing);	/* and with the last mapping s */
}

/* --- calls --- */

static int shm_new(int key, u64 size, u32 flags)
{
	struct shm *s;
	int id;

	if (size < 1 || size > sysctl.shmmax || PAGE_ALIGN(size) < size)
		return -EINVAL;
	if (shm_table.used >= sysctl.shmmni || total_pages + size / PAGE_SIZE > sysctl.shmall)
		return -ENOSPC;
	/* The pool of huge pages is empty; nothing is reserved, so more than all there is fails. */
	if (flags & SHM_HUGETLB || (!(flags & SHM_NORESERVE) && size > mem_total()))
		return -ENOMEM;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->size = size;
	s->cpid = current->proc->tgid;
	s->ctime = ipc_now();
	id = make_backing(s, key);
	if (id) {
		kfree(s);
		return id;
	}
	id = ipc_add(&shm_table, &s->o, key, flags);
	if (id < 0) {
		backing_put(s->backing);
		return id;
	}
	s->backing->dev = SHM_DEV;
	s->backing->ino = id;
	total_pages += seg_pages(s);
	return id;
}

int shm_get(int key, u64 size, u32 flags)
{
	struct ipc_obj *o;
	int err = ipc_lookup_get(&shm_table, key, flags, &o);

	if (err)
		return err;
	if (!o)
		return shm_new(key, size, flags);
	if (to_shm(o)->size < size)
		return -EINVAL;
	err = ipc_allowed(o, flags & 0777);
	return err ? err : o->id;
}

static s64 attach_address(u64 addr, u32 flags)
{
	if (addr & ~PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		addr &= PAGE_MASK;
		if (!addr && flags & SHM_REMAP)
			return -EINVAL;
	}
	return addr;
}

static s64 map_segment(struct mm *mm, struct uthread *ut, struct shm *s, u64 addr, u32 flags)
{
	struct mmap_args a = { .addr = addr, .len = s->size, .prot = PROT_READ,
			       .flags = MAP_SHARED, .vm_flags = VM_SYSV };
	s64 at;

	if (flags & SHM_RDONLY) {
		at = readonly_backing(s, &a.backing);
		if (at)
			return at;
		a.deny |= VM_WRITE;
	} else {
		a.backing = backing_get(s->backing);
		a.prot |= PROT_WRITE;
	}
	if (flags & SHM_EXEC)
		a.prot |= PROT_EXEC;
	if (addr)
		a.flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	at = mm_mmap(mm, ut, &a);
	backing_put(a.backing);
	return at;
}

s64 shm_attach(struct mm *mm, struct uthread *ut, int id, u64 addr, u32 flags)
{
	struct ipc_obj *o = ipc_find(&shm_table, id);
	s64 at = attach_address(addr, flags);
	struct shm *s;
	u32 need = flags & SHM_RDONLY ? 0444 : 0666;

	if (id < 0 || !o)
		return -EINVAL;
	if (at < 0 || (!addr && flags & SHM_REMAP))
		return -EINVAL;
	if (flags & SHM_EXEC)
		need |= 0111;
	if (ipc_allowed(o, need))
		return -EACCES;
	s = to_shm(o);
	ipc_get(o);
	at = map_segment(mm, ut, s, at, flags);
	if (at >= 0) {
		s->atime = ipc_now();
		s->lpid = current->proc->tgid;
	} else if (at == -EEXIST) {
		at = -EINVAL;
	}
	ipc_put(&shm_table, o);
	return at;
}

/* All pieces of the attachment that began at addr: they lie where their offset says. */
int shm_detach(struct mm *mm, struct uthread *ut, u64 addr)
{
	struct vma *v = vma_find(mm, addr);
	struct backing *b;
	u64 end;
	int err = 0;

	while (v && !(v->flags & VM_SYSV && v->start - addr == v->pgoff)) {
		if (v->node.next == &mm->vmas)
			return -EINVAL;
		v = list_entry(v->node.next, struct vma, node);
	}
	if (addr & ~PAGE_MASK || !v)
		return -EINVAL;
	b = backing_get(v->backing);
	end = addr + PAGE_ALIGN(container_of(b, struct shm_backing, b)->shm->size);
	for (v = vma_find(mm, addr); !err && v && v->start < end; ) {
		u64 from = v->start, to = v->end;

		if (v->backing == b && from - addr == v->pgoff)
			err = mm_munmap(mm, ut, from, to - from);
		v = vma_find(mm, to);
	}
	backing_put(b);
	return err;
}

void shm_remove(struct shm *s)
{
	if (!s->mapped) {
		ipc_remove(&shm_table, &s->o);
		return;
	}
	s->destroy = true;
	s->o.key = IPC_PRIVATE;		/* cannot be found any more */
}
