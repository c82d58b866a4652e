/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing the memory of another address space: ptrace, /proc/PID/mem, environ,
 * process_vm_readv. A thread of that space that waits for orders is borrowed; areas that the
 * owner itself could not read or write are opened for the moment of the copy.
 */
#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/user.h"
#include "mm/vma.h"

/* Copies out wait for the thread's way back; this one is for others. A read carries them out. */
static int write_now(struct uthread *ut, u64 addr, const void *buf, size_t n)
{
	char byte;
	int err = guest_copy_out(ut, addr, buf, n);

	return err ? err : guest_copy_in(ut, &byte, addr, 1);
}

/* The part of the copy that lies in one area, with rights opened and closed again. */
static int access_area(struct uthread *ut, struct vma *v, u64 addr, void *buf, size_t n, bool write)
{
	u32 need = write ? VM_WRITE : VM_READ, prot = v->flags & VM_ACCESS;
	u64 start = addr & PAGE_MASK, end = PAGE_ALIGN(addr + n);
	bool open = !(prot & need);
	int err;

	if (write && open && v->flags & VM_SHARED)
		return -EIO;
	if (open && guest_mprotect(ut, start, end - start, prot | VM_READ | need))
		return -EIO;
	err = write ? write_now(ut, addr, buf, n) : guest_copy_in(ut, buf, addr, n);
	if (open && vma_host_protect(ut, v, start, end, v->flags))
		err = -EIO;
	return err ? -EIO : 0;
}

static ssize access_areas(struct mm *mm, struct uthread *ut, u64 addr, char *buf, size_t n,
			  bool write)
{
	size_t done = 0, part;
	struct vma *v;

	while (done < n) {
		v = vma_find(mm, addr + done);
		if (!v || v->start > addr + done)
			break;
		part = MIN(n - done, v->end - (addr + done));
		part = MIN(part, 16 * PAGE_SIZE);
		if (access_area(ut, v, addr + done, buf + done, part, write))
			break;
		done += part;
	}
	return done ? (ssize)done : -EIO;
}

static int borrow(struct mm *mm, struct uthread **ut)
{
	if (mm != current->mm || !current->ut)
		return space_borrow(mm->space, ut);
	*ut = current->ut;
	return 0;
}

/* What a thread of mm copies. */
static ssize access_plain(struct mm *mm, uaddr_t addr, void *buf, size_t n, bool write)
{
	struct uthread *ut;
	ssize done;
	size_t part;
	int err;

	if (mm->ndemand && mm->space) {
		part = demand_range(mm, NULL, addr, n, write && mm_may_access(mm, addr, 1, VM_WRITE));
		n = part ? part : n;
	}
	/* First the lock: a thread that is in the middle of a change must not be borrowed. */
	mutex_lock(&mm->lock);
	err = borrow(mm, &ut);
	done = err ? err : access_areas(mm, ut, addr, buf, n, write);
	if (!err && ut != current->ut)
		space_return(ut);
	mutex_unlock(&mm->lock);
	return done;
}

ssize access_mm(struct mm *mm, uaddr_t addr, void *buf, size_t n, bool write)
{
	size_t done = 0;
	ssize part = 0;

	if (addr >= GUEST_TASK_SIZE)
		return -EIO;
	n = MIN(n, GUEST_TASK_SIZE - addr);
	while (done < n) {
		part = demand_copy(mm, addr + done, (char *)buf + done, n - done, write);
		if (!part)
			part = access_plain(mm, addr + done, (char *)buf + done,
					    demand_plain(mm, addr + done, n - done, write), write);
		if (part <= 0)
			break;
		done += (size_t)part;
	}
	return done ? (ssize)done : part == -EFAULT ? -EIO : part;
}
