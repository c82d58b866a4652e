/* SPDX-License-Identifier: MIT */
/*
 * Guest address spaces. A struct mm pairs the kernel's list of areas (VMAs) with the host
 * process (struct space) whose host mappings carry them out. The kernel decides every address; the
 * guest process maps with MAP_FIXED on our order.
 *
 * What lies behind an area is a struct backing: a host descriptor whose pages the guest process
 * maps directly. mm never sees an inode; vfs, tmpfs and shm make backings.
 *
 * Locking: mm->lock (RANK_MM, sleeping) over every change of areas; areas may be read under
 * the kernel lock between blocking points.
 */
#ifndef MM_MM_H
#define MM_MM_H

#include "core/lock.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

struct space;
struct uthread;
struct task;
struct file;

/* All areas that map an object whose pages come on demand (mm/demand.h). */
struct backing_maps {
	struct list_head vmas;		/* by map_node */
};

/* Pages of one object, mappable by a guest process. */
struct backing {
	struct refcount ref;
	int hostfd;			/* passed to the guest process for mmap; owned by the object */
	bool may_write;			/* MAP_SHARED with PROT_WRITE allowed through this descriptor */
	bool may_exec;
	u64 dev, ino;			/* identity for /proc/PID/maps and learnt call sites */
	u32 dev_mm;			/* major:minor as the guest sees it, new_encode_dev form */
	const char *name;		/* shown when file is NULL ("/dev/zero (deleted)", "/SYSV...") */
	const struct backing_ops *ops;
	void *private;
	struct backing_maps *maps;	/* of the object, whose pages come on demand; NULL: all may be touched at once */
};

struct backing_ops {
	void (*release)(struct backing *b);			/* last reference: required */
	void (*mapped)(struct backing *b, s64 pages);		/* optional: shared mappings come and go */
	/*
	 * With maps: page index is brought in, for writing if write (a shared mapping), others of [first, first + n) with it
	 * as is cheap. 0; -ENXIO: behind the end, -EIO, -ENOSPC, ...: SIGBUS. Without mm->lock. Blocks.
	 */
	int (*fill)(struct backing *b, u64 index, u64 first, u64 n, bool write);
	/*
	 * With maps: copies between buf and bytes [off, off + n) of the object itself, as a shared mapping would see them, up to
	 * the end of off's page. Bytes, or what fill() fails with. No page goes between bringing in and copying. Blocks.
	 */
	ssize (*copy)(struct backing *b, u64 off, void *buf, size_t n, bool write);
	/* VM_* that page index may be mapped with now, 0: not at all; *n: in as many pages at most, out: the same. nb */
	u32 (*rights)(struct backing *b, u64 index, u64 *n);
};

struct backing *backing_get(struct backing *b);
void backing_put(struct backing *b);

enum vma_flags {
	VM_READ = 1, VM_WRITE = 2, VM_EXEC = 4,		/* equal PROT_* */
	VM_SHARED = 8,
	VM_GROWSDOWN = 0x10,
	VM_STACK = 0x20, VM_HEAP = 0x40, VM_VDSO = 0x80, VM_VVAR = 0x100,
	VM_DONTCOPY = 0x200, VM_LOCKED = 0x400, VM_NORESERVE = 0x800,
	VM_DONTDUMP = 0x1000, VM_WIPEONFORK = 0x2000, VM_SYSV = 0x4000, VM_HUGETLB = 0x8000,
	VM_SEALED = 0x10000,
};

struct vma {
	struct list_head node;		/* sorted by start */
	u64 start, end;
	u32 flags;
	u32 may;			/* VM_READ|VM_WRITE|VM_EXEC that mprotect may add */
	struct backing *backing;	/* NULL: anonymous private */
	u64 pgoff;			/* offset in the backing, bytes */
	struct file *file;		/* for names; holds a reference through vma_file_get/put hooks */
	struct mm *mm;
	struct list_head map_node;	/* in backing->maps, while listed */
	bool listed;
	/* Search tree by start (vma.c), beside the list. */
	struct vma *left, *right;
	u32 prio;
	u64 gap, maxgap;		/* free bytes below start; the largest gap in this subtree */
};

struct mm {
	struct refcount users;		/* tasks (CLONE_VM shares it) */
	struct space *space;
	struct mutex lock;
	struct list_head vmas;
	struct vma *tree;
	int nvmas, ndemand;			/* ndemand: areas with backing->maps */
	struct list_head all_node;		/* in mm_list */
	u32 def_flags;				/* VM_LOCKED after mlockall(MCL_FUTURE) */
	u64 mmap_base;			/* top of the mmap area, grows down */
	u64 start_brk, brk;
	u64 start_stack, arg_start, arg_end, env_start, env_end;
	u64 start_code, end_code, start_data, end_data;
	u64 vdso;
	u64 total_pages, locked_pages, stack_pages, data_pages, exec_pages, shared_pages;
	struct file *exe;		/* /proc/PID/exe; holds a reference by the same hooks */
	u64 auxv[64];			/* saved for /proc/PID/auxv */
	int nauxv;
};

/* Highest guest address + 1 and the lowest that may be mapped. */
#define GUEST_TASK_SIZE 0x7ffe00000000UL
#define GUEST_MMAP_MIN 0x10000UL

/* mm knows no files: vfs sets these at start. */
struct mm_file_hooks {
	struct file *(*get)(struct file *f);
	void (*put)(struct file *f);
	u64 (*mtime)(struct file *f);	/* optional: tells versions of a program text apart */
	/* Optional. msync(MS_SYNC), MADV_REMOVE of areas on demand: bytes [off, off + len). Block; no mm->lock held. */
	int (*sync)(struct file *f, u64 off, u64 len);
	int (*punch)(struct file *f, u64 off, u64 len);
};
extern struct mm_file_hooks mm_file_hooks;

#define MM_STACK_GUARD (256 * PAGE_SIZE)	/* kept free below a VM_GROWSDOWN area */

/*
 * Life. All may block. mm_create: an empty one; takes the space on success. Chooses mmap_base, and
 * start_stack as the top for the initial stack (random unless ADDR_NO_RANDOMIZE).
 */
int mm_create(struct space *space, struct mm **out);
/*
 * The host process was forked: child space mirrors parent's areas (VM_DONTCOPY, WIPEONFORK honoured).
 * A caller whose process has several threads holds parent->lock from before space_fork() on.
 */
int mm_fork(struct mm *parent, struct space *child_space, struct mm **out);
struct mm *mm_get(struct mm *mm);
void mm_put(struct mm *mm);					/* last: areas gone, space killed */

/*
 * The calls' work, done through uthread ut (a thread of this mm's space that waits for orders: the
 * current task's own, or the first thread of a fresh space during exec). Addresses and lengths
 * as in the man pages; negative errno. Each takes mm->lock itself.
 */
struct mmap_args {
	u64 addr, len;
	u32 prot, flags;		/* PROT_*, MAP_* */
	u64 pgoff;			/* bytes */
	struct backing *backing;	/* borrowed; NULL: anonymous */
	struct file *file;		/* borrowed, NULL */
	u32 deny;			/* VM_* rights that mprotect may not add either */
	u32 vm_flags;			/* extra VM_* for kernel-made areas; VM_VDSO and VM_VVAR: the host
					 * mapping is there already, only the area is entered */
};
s64 mm_mmap(struct mm *mm, struct uthread *ut, const struct mmap_args *a);	/* the address */
int mm_munmap(struct mm *mm, struct uthread *ut, u64 addr, u64 len);
int mm_mseal(struct mm *mm, u64 addr, u64 len);
int mm_mprotect(struct mm *mm, struct uthread *ut, u64 addr, u64 len, u32 prot);
s64 mm_mremap(struct mm *mm, struct uthread *ut, u64 old, u64 oldlen, u64 newlen, u32 flags, u64 newaddr);
int mm_madvise(struct mm *mm, struct uthread *ut, u64 addr, u64 len, int advice);
int mm_msync(struct mm *mm, struct uthread *ut, u64 addr, u64 len, int flags);
int mm_mincore(struct mm *mm, struct uthread *ut, u64 addr, u64 len, u8 *vec);	/* kernel buffer */
enum mlock_mode { MLOCK_OFF, MLOCK_ON, MLOCK_LATER };	/* LATER: no page is made present for it */
int mm_mlock(struct mm *mm, struct uthread *ut, u64 addr, u64 len, enum mlock_mode mode);
int mm_mlockall(struct mm *mm, struct uthread *ut, int flags);	/* MCL_*; 0: munlockall */
/*
 * A fault at addr without a mapping, or an address that a copy could not reach: grows a
 * VM_GROWSDOWN area down to it. 0: try again; -EFAULT: no such area; -ENOMEM: over a limit.
 */
int mm_grow_stack(struct mm *mm, struct uthread *ut, u64 addr);
u64 mm_brk(struct mm *mm, struct uthread *ut, u64 brk);		/* the new (or old) break */
/* Tells ut's process where the heap ends and how far it may grow by itself. nb */
void mm_publish_brk(struct mm *mm, struct uthread *ut);
int mm_brk_moved(struct mm *mm, u64 brk);	/* it has: 0, -ENOMEM, -EEXIST (a lie). Blocks */

/* Lookup, no blocking. */
struct vma *vma_find(struct mm *mm, u64 addr);			/* first with end > addr, or NULL */
u64 mm_unmapped_area(struct mm *mm, u64 hint, u64 len);		/* top down; 0: none */
bool mm_may_access(struct mm *mm, u64 addr, u64 len, u32 vmflags);

/* Memory accounting (mm/account.c): what the guest uses of mem=, in bytes. */
u64 mem_total(void);
void mem_set_total(u64 bytes);
void mem_resize(u64 bytes);		/* of a running machine */
u64 mem_used(void);			/* last sample: guest processes' private memory + kernel-held file data */
u64 mem_free(void);
void mem_charge_file(s64 bytes);	/* tmpfs, shm, page cache */
u64 mem_file_bytes(void);
u64 mm_rss_pages(struct mm *mm);	/* from the host's statm of the process; 0 when unknown */

extern struct list_head mm_list;	/* every struct mm, by all_node */
void mm_account_start(void);		/* starts the thread that watches mem= and runs the OOM killer */
void mm_account_poke(struct mm *mm);	/* mm grew: may be nearer to mem= than was thought */
struct process;
long oom_badness(const struct process *p);	/* pages; LONG_MIN: never to be killed */

/* New memfd of the kernel, sized len, as a backing (shared anonymous memory, memfd_create, shm). */
int backing_memfd(const char *name, u64 len, struct backing **out);
/* A second backing of the memory file of b, through which nothing can be written: for who may only read. 0 or -errno. nb */
int backing_readonly(const struct backing *b, struct backing **out);

#endif
