/* SPDX-License-Identifier: MIT */
/*
 * Copying to and from the current task's guest memory. The near kernel does it on our order; pages that come on
 * demand (mm/demand.h) make it more than one step. An address below a stack that could grow is no fault for a
 * guest, so it is none here.
 */
#include "mm/user.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/mm.h"

#define USER_COPY_TRIES 1000		/* each one is lost to somebody who takes the page away */

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
	return current->mm->ndemand ? demand_reach(current->mm, current->ut, addr, have, write) : have;
}

/* --- copies --- */

/* One way of copying n bytes between the guest and the kernel. */
typedef int (*copy_fn)(u64 guest, void *kernel, size_t n);

static int in(u64 guest, void *kernel, size_t n)
{
	return guest_copy_in(current->ut, kernel, guest, n);
}

static int out(u64 guest, void *kernel, size_t n)
{
	return guest_copy_out(current->ut, guest, kernel, n);
}

/* At once: a fault at the return to the guest would be too late to do something about it. */
static int out_now(u64 guest, void *kernel, size_t n)
{
	int err = guest_copy_out(current->ut, guest, kernel, n);

	return err ? err : guest_sync(current->ut);
}

/* What lies in one page on demand: each try ends only when somebody takes the page away again. */
static int copy_page(u64 addr, void *buf, size_t n, bool write, copy_fn copy)
{
	int err = copy(addr, buf, n);

	for (int i = 0; err == -EFAULT && i < USER_COPY_TRIES; i++) {
		if (fatal_signal_pending(current) || demand_fault(current->mm, current->ut, addr, write))
			break;
		err = copy(addr, buf, n);
	}
	return err;
}

/* By the guest process. Private areas on demand may lack pages, or rights on pages that are there. */
static int guest_copies(u64 addr, char *buf, size_t n, bool write)
{
	bool demand = demand_touches(current->mm, addr, n);
	copy_fn copy = !write ? in : demand ? out_now : out;
	int err = copy(addr, buf, n);
	size_t part;

	if (likely(err != -EFAULT) || !demand)
		return err;
	for (err = 0; n && !err; n -= part, addr += part, buf += part) {
		part = MIN(n, PAGE_SIZE - addr % PAGE_SIZE);
		err = copy_page(addr, buf, part, write, copy);
	}
	return err;
}

static int copy_any(u64 addr, char *buf, size_t n, bool write)
{
	ssize part;
	int err = 0;

	for (; n && !err; n -= (size_t)part, addr += (size_t)part, buf += part) {
		part = demand_copy(current->mm, addr, buf, n, write);
		if (part < 0)
			return (int)part;
		if (part)
			continue;
		part = (ssize)demand_plain(current->mm, addr, n, write);
		if (part)
			err = guest_copies(addr, buf, (size_t)part, write);
	}
	return err;
}

int user_copy_in(void *dst, uaddr_t src, size_t n)
{
	if (likely(!current->mm->ndemand))
		return in(src, dst, n);
	return copy_any(src, dst, n, false);
}

int user_copy_out(uaddr_t dst, const void *src, size_t n)
{
	if (likely(!current->mm->ndemand))
		return out(dst, (void *)src, n);
	return copy_any(dst, (void *)src, n, true);
}

int copy_from_user(void *dst, uaddr_t src, size_t n)
{
	if (!n)
		return 0;
	if (user_reachable(src, n, false) < n)
		return -EFAULT;
	return user_copy_in(dst, src, n) ? -EFAULT : 0;
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

/* Page by page, as far as the string goes: what is behind it need not be there. */
static ssize strncpy_pages(char *dst, u64 src, size_t n)
{
	size_t done = 0, part;

	while (done < n) {
		const char *end;

		part = MIN(n - done, PAGE_SIZE - (src + done) % PAGE_SIZE);
		if (copy_from_user(dst + done, src + done, part))
			return -EFAULT;
		end = memchr(dst + done, 0, part);
		if (end)
			return end - dst;
		done += part;
	}
	return (ssize)done;
}

ssize strncpy_from_user(char *dst, uaddr_t src, size_t n)
{
	ssize len;

	if (src >= GUEST_TASK_SIZE || !has_guest())
		return -EFAULT;
	n = MIN(n, GUEST_TASK_SIZE - src);
	len = guest_strncpy_in(current->ut, dst, src, n);
	if (unlikely(len == -EFAULT) && demand_touches(current->mm, src, n))
		len = strncpy_pages(dst, src, n);
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
	int err;

	if (addr & 3 || !user_range(addr, 4) || !has_guest())
		return -EFAULT;
	err = guest_cmpxchg32(current->ut, addr, expect, desired, old);
	for (int i = 0; unlikely(err == -EFAULT) && i < USER_COPY_TRIES; i++) {
		if (demand_fault(current->mm, current->ut, addr, true))
			break;
		err = guest_cmpxchg32(current->ut, addr, expect, desired, old);
	}
	return err ? -EFAULT : 0;
}
