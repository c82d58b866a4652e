/* SPDX-License-Identifier: MIT */
/*
 * Copying to and from the current task's guest memory. The near kernel does it on our order. An
 * address below a stack that could grow is no fault for a guest, so it is none here.
 */
#include "mm/user.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/mm.h"

#define USER_COPY_TRIES 8

static bool user_range(uaddr_t addr, size_t n)
{
	return n <= GUEST_TASK_SIZE && addr <= GUEST_TASK_SIZE - n;
}

static bool has_guest(void)
{
	return current && current->ut && current->mm;
}

/* How many bytes from addr on lie in areas that a guest could read (or write). */
static size_t reachable(u64 addr, size_t n, bool write)
{
	u32 rights = write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC;
	struct vma *v = vma_find(current->mm, addr);
	u64 at = addr;

	while (v && v->start <= at && v->flags & rights) {
		if (v->end - addr >= n)
			return n;
		at = v->end;
		v = vma_find(current->mm, at);
	}
	return at - addr;
}

/*
 * The areas tell what a copy can reach, before it is ordered: a copy to the guest is carried out on
 * the way back to it, too late for a short count. A stack that reaches into the range grows.
 */
size_t user_reachable(uaddr_t addr, size_t n, bool write)
{
	size_t have;

	if (!user_range(addr, n) || !has_guest())
		return 0;
	have = reachable(addr, n, write);
	if (have < n && !mm_grow_stack(current->mm, current->ut, addr + have))
		have = reachable(addr, n, write);
	return current->mm->ndemand ? demand_range(current->mm, current->ut, addr, have, write) : have;
}

/*
 * A page on demand may be taken away again between the look and the copy. So a copy that touches such an area is
 * made at once, and again when it fails. True: make it again.
 */
bool user_copy_again(uaddr_t addr, size_t n, bool write, int err, int *tries)
{
	return err == -EFAULT && (*tries)++ < USER_COPY_TRIES &&
	       demand_touches(current->mm, addr, n) && user_reachable(addr, n, write) == n;
}

int copy_from_user(void *dst, uaddr_t src, size_t n)
{
	int err, tries = 0;

	if (!n)
		return 0;
	if (user_reachable(src, n, false) < n)
		return -EFAULT;
	do {
		err = guest_copy_in(current->ut, dst, src, n);
	} while (unlikely(err) && user_copy_again(src, n, false, err, &tries));
	return err ? -EFAULT : 0;
}

int user_copy_out(uaddr_t dst, const void *src, size_t n)
{
	int err, tries = 0;

	if (likely(!demand_touches(current->mm, dst, n)))
		return guest_copy_out(current->ut, dst, src, n);
	do {
		err = guest_copy_out(current->ut, dst, src, n);
		if (!err)
			err = guest_sync(current->ut);
	} while (unlikely(err) && user_copy_again(dst, n, true, err, &tries));
	return err;
}

int copy_to_user(uaddr_t dst, const void *src, size_t n)
{
	if (!n)
		return 0;
	if (user_reachable(dst, n, true) < n)
		return -EFAULT;
	return user_copy_out(dst, src, n) ? -EFAULT : 0;
}

int clear_user(uaddr_t dst, size_t n)
{
	static const char zeros[16384];
	size_t part;
	int err = 0;

	for (; n && !err; n -= part, dst += part) {
		part = MIN(n, sizeof(zeros));
		err = copy_to_user(dst, zeros, part);
	}
	return err;
}

ssize strncpy_from_user(char *dst, uaddr_t src, size_t n)
{
	ssize len;

	if (src >= GUEST_TASK_SIZE || !has_guest())
		return -EFAULT;
	n = MIN(n, GUEST_TASK_SIZE - src);
	len = guest_strncpy_in(current->ut, dst, src, n);
	if (unlikely(len == -EFAULT) && current->mm->ndemand && user_reachable(src, n, false))
		len = guest_strncpy_in(current->ut, dst, src, n);
	return len < 0 ? -EFAULT : len;
}

int path_from_user(uaddr_t src, const char **out)
{
	char buf[PATH_MAX];
	ssize n = strncpy_from_user(buf, src, sizeof(buf));
	char *p;

	if (n < 0)
		return n;
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	p = arena_alloc(n + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p, buf, n);
	p[n] = '\0';
	*out = p;
	return 0;
}

int cmpxchg_user_u32(uaddr_t addr, u32 expect, u32 desired, u32 *old)
{
	int err, tries = 0;

	if (addr & 3 || !user_range(addr, 4) || !has_guest())
		return -EFAULT;
	do {
		err = guest_cmpxchg32(current->ut, addr, expect, desired, old);
	} while (unlikely(err) && user_copy_again(addr, 4, true, err, &tries));
	return err ? -EFAULT : 0;
}
