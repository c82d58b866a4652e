/* SPDX-License-Identifier: MIT */
/* System calls on memory: what the file behind a mapping allows is decided here, the rest in mm/. */
#include "sys/sys.h"

#include <string.h>

#include "abi/fcntl.h"
#include "abi/mman.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/stat.h"
#include "abi/utsname.h"
#include "core/arena.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/iter.h"
#include "guest/guest.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "sys/arg.h"

/* --- mmap --- */

/* Flags that MAP_SHARED_VALIDATE accepts. */
#define MAP_LEGACY (MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE |         \
		    MAP_EXECUTABLE | MAP_UNINITIALIZED | MAP_GROWSDOWN | MAP_LOCKED |              \
		    MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |        \
		    MAP_32BIT)

static int check_shared(const struct file *f, struct mmap_args *a)
{
	if (f->mode & FMODE_WRITE)
		return 0;
	if (a->prot & PROT_WRITE)
		return -EACCES;
	a->deny |= VM_WRITE;
	return 0;
}

static int check_file(const struct file *f, struct mmap_args *a)
{
	u32 type = a->flags & MAP_TYPE;
	int err = 0;

	if (type == MAP_SHARED_VALIDATE && a->flags & ~(u32)MAP_LEGACY)
		return -EOPNOTSUPP;
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		err = check_shared(f, a);
	else if (type != MAP_PRIVATE)
		err = -EINVAL;
	if (err)
		return err;
	if (!(f->mode & FMODE_READ))
		return -EACCES;
	if (f->path.mnt && f->path.mnt->flags & MS_NOEXEC) {
		if (a->prot & PROT_EXEC)
			return -EPERM;
		a->deny |= VM_EXEC;
	}
	if (!f->ops->mmap)
		return -ENODEV;
	return a->flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

static int check_anon(struct mmap_args *a)
{
	u32 type = a->flags & MAP_TYPE;

	if (type != MAP_SHARED && type != MAP_PRIVATE)
		return -EINVAL;
	if (type == MAP_SHARED && a->flags & MAP_GROWSDOWN)
		return -EINVAL;
	a->pgoff = 0;
	return 0;
}

static long do_mmap(struct file *f, struct mmap_args *a)
{
	struct backing *b = NULL;
	long ret;

	if (!a->len)
		return -EINVAL;
	if (a->flags & MAP_LOCKED && !rlimit(RLIMIT_MEMLOCK) && !capable(CAP_IPC_LOCK))
		return -EPERM;
	ret = f ? check_file(f, a) : check_anon(a);
	if (ret)
		return ret;
	if (f) {
		ret = f->ops->mmap(f, a->prot, a->flags, &b);
		if (ret)
			return ret;
		a->backing = b;
		a->file = b ? f : NULL;
	}
	ret = mm_mmap(current->mm, current->ut, a);
	if (b)
		backing_put(b);
	return ret;
}

long sys_mmap(uaddr_t addr, u64 len, uprot_t prot, ummap_t flags, ufd_t fd, u64 off)
{
	struct mmap_args a = { .addr = addr, .len = len, .prot = prot, .flags = flags,
			       .pgoff = off };
	struct file *f = NULL;
	long ret;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (prot & PROT_READ && current->proc->personality & READ_IMPLIES_EXEC)
		a.prot |= PROT_EXEC;
	if (!(flags & MAP_ANONYMOUS)) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
		ret = flags & MAP_HUGETLB ? -EINVAL : do_mmap(f, &a);
		fput(f);
		return ret;
	}
	/* The pool of huge pages is empty. */
	return flags & MAP_HUGETLB ? -ENOMEM : do_mmap(NULL, &a);
}

/* Another part of a shared object into the middle of its mapping: a mapping of its own, as in Linux. */
long sys_remap_file_pages(uaddr_t start, u64 size, uprot_t prot, u64 pgoff, uhex64_t flags)
{
	u64 addr = start & PAGE_MASK, len = size & PAGE_MASK;
	struct mmap_args a = { .addr = addr, .len = len, .pgoff = pgoff * PAGE_SIZE,
			       .flags = MAP_SHARED | MAP_FIXED | (flags & MAP_NONBLOCK) };
	struct vma *v;
	long ret;

	if (prot || addr + len <= addr || pgoff > INT64_MAX / PAGE_SIZE)
		return -EINVAL;
	v = vma_find(current->mm, addr);
	if (!v || v->start > addr || v->end < addr + len || !(v->flags & VM_SHARED) || !v->backing)
		return -EINVAL;
	a.backing = backing_get(v->backing);
	a.file = v->file ? fget_ref(v->file) : NULL;
	a.prot = v->flags & (VM_READ | VM_WRITE | VM_EXEC);
	a.deny = ~v->may & (VM_READ | VM_WRITE | VM_EXEC);
	ret = mm_mmap(current->mm, current->ut, &a);
	backing_put(a.backing);
	if (a.file)
		fput(a.file);
	return ret < 0 ? ret : 0;
}

long sys_munmap(uaddr_t addr, u64 len)
{
	return mm_munmap(current->mm, current->ut, addr, len);
}

long sys_mseal(uaddr_t addr, size_t len, uhex64_t flags)
{
	return flags ? -EINVAL : mm_mseal(current->mm, addr, len);
}

long sys_mprotect(uaddr_t addr, u64 len, uprot_t prot)
{
	if (prot >> 32)
		return -EINVAL;
	if (prot & PROT_READ && current->proc->personality & READ_IMPLIES_EXEC)
		prot |= PROT_EXEC;
	return mm_mprotect(current->mm, current->ut, addr, len, prot);
}

long sys_brk(uaddr_t brk)
{
	struct mm *mm = current->mm;

	brk = mm_brk(mm, current->ut, brk);
	mm_publish_brk(mm, current->ut);
	return (long)brk;
}

long sys_mremap(uaddr_t addr, u64 old_len, u64 new_len, uhex64_t flags, uaddr_t new_addr)
{
	if (flags >> 32)
		return -EINVAL;
	return mm_mremap(current->mm, current->ut, addr, old_len, new_len, flags, new_addr);
}

long sys_msync(uaddr_t addr, u64 len, int flags)
{
	return mm_msync(current->mm, current->ut, addr, len, flags);
}

long sys_madvise(uaddr_t addr, u64 len, int advice)
{
	return mm_madvise(current->mm, current->ut, addr, len, advice);
}

long sys_mincore(uaddr_t addr, u64 len, uaddr_t vec)
{
	u64 pages = PAGE_ALIGN(len) / PAGE_SIZE, part, done;
	u8 *buf;
	int err;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (len > GUEST_TASK_SIZE || addr > GUEST_TASK_SIZE - len)
		return -ENOMEM;
	if (vec > GUEST_TASK_SIZE - pages)
		return -EFAULT;
	buf = arena_alloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	for (done = 0; done < pages; done += part) {
		part = MIN(pages - done, PAGE_SIZE);
		err = mm_mincore(current->mm, current->ut, addr + done * PAGE_SIZE,
				 part * PAGE_SIZE, buf);
		if (!err)
			err = copy_to_user(vec + done, buf, part);
		if (err)
			return err;
	}
	return 0;
}

/* --- locking --- */

long sys_mlock(uaddr_t addr, size_t len)
{
	return mm_mlock(current->mm, current->ut, addr, len, MLOCK_ON);
}

long sys_mlock2(uaddr_t addr, size_t len, uhex_t flags)
{
	if (flags & ~(u32)MLOCK_ONFAULT)
		return -EINVAL;
	return mm_mlock(current->mm, current->ut, addr, len,
			flags & MLOCK_ONFAULT ? MLOCK_LATER : MLOCK_ON);
}

long sys_munlock(uaddr_t addr, size_t len)
{
	return mm_mlock(current->mm, current->ut, addr, len, MLOCK_OFF);
}

long sys_mlockall(int flags)
{
	if (!flags || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) || flags == MCL_ONFAULT)
		return -EINVAL;
	uthread_publish_brk(current->ut, 0, 0);		/* what the heap grows by is locked from now on */
	return mm_mlockall(current->mm, current->ut, flags);
}

long sys_munlockall(void)
{
	return mm_mlockall(current->mm, current->ut, 0);
}

/* --- protection keys: what a processor without them gives --- */

long sys_pkey_mprotect(uaddr_t addr, u64 len, uprot_t prot, int pkey)
{
	return pkey == -1 ? sys_mprotect(addr, len, prot) : -EINVAL;
}

long sys_pkey_alloc(uhex64_t flags, uhex64_t rights)
{
	if (flags || rights & ~(u64)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE))
		return -EINVAL;
	return -ENOSPC;
}

long sys_pkey_free(int pkey)
{
	return -EINVAL;
}

/* --- another process's memory --- */

#define VM_CHUNK 65536

bool task_may_access(const struct task *t)
{
	const struct cred *c = current_cred(), *o = t->cred;

	if (t->proc == current->proc || capable(CAP_SYS_PTRACE))
		return true;
	return c->uid == o->uid && c->uid == o->euid && c->uid == o->suid && c->gid == o->gid &&
	       c->gid == o->egid && c->gid == o->sgid && t->proc->dumpable == 1 &&
	       !(o->cap_permitted & ~c->cap_permitted);
}

static ssize move_piece(struct mm *mm, struct iter *local, u64 remote, char *buf, size_t n,
			bool write)
{
	ssize got;

	if (write) {
		got = iter_copy_from(local, buf, n);
		return got > 0 ? access_mm(mm, remote, buf, got, true) : got;
	}
	got = access_mm(mm, remote, buf, n, false);
	return got > 0 ? iter_copy_to(local, buf, got) : got;
}

static ssize move_remote(struct mm *mm, struct iter *local, const struct iovec_k *vec, u64 n,
			 bool write)
{
	char *buf = arena_alloc(VM_CHUNK);
	size_t done = 0, off, part;
	ssize got;
	u64 i;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < n && local->count; i++) {
		for (off = 0; off < vec[i].len && local->count; off += part) {
			part = MIN(MIN(vec[i].len - off, local->count), VM_CHUNK);
			got = move_piece(mm, local, vec[i].base + off, buf, part, write);
			if (got <= 0)
				return done ? (ssize)done : -EFAULT;
			done += got;
			if ((size_t)got < part)
				return done;
		}
	}
	return done;
}

static long vm_rw(int pid, uaddr_t lvec, u64 ln, uaddr_t rvec, u64 rn, u64 flags, bool write)
{
	struct iter local, remote;
	struct task *t;
	struct mm *mm;
	ssize ret;

	if (flags)
		return -EINVAL;
	ret = iter_init_iovec(&local, lvec, ln);
	if (!ret)
		ret = iter_init_iovec(&remote, rvec, rn);
	if (ret)
		return ret;
	t = find_task(pid);
	if (!t || !t->proc || !t->mm)
		return -ESRCH;
	if (!task_may_access(t))
		return -EPERM;
	if (!local.count)
		return 0;
	mm = mm_get(t->mm);
	ret = move_remote(mm, &local, remote.vec, rn, write);
	mm_put(mm);
	return ret;
}

long sys_process_vm_readv(upid_t pid, uaddr_t lvec, u64 ln, uaddr_t rvec, u64 rn, uhex64_t flags)
{
	return vm_rw(pid, lvec, ln, rvec, rn, flags, false);
}

long sys_process_vm_writev(upid_t pid, uaddr_t lvec, u64 ln, uaddr_t rvec, u64 rn, uhex64_t flags)
{
	return vm_rw(pid, lvec, ln, rvec, rn, flags, true);
}
