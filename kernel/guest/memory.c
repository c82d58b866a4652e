/* SPDX-License-Identifier: MIT */
/*
 * Orders about memory: host mappings of the guest process, and copies. The window's lower half serves
 * these copies (bump allocated until the next flush), the upper half holds what the near kernel copied ahead.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/mman.h"
#include "abi/unistd.h"
#include "core/futex.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

#define HALF (AREA_WINDOW_SIZE / 2)
#define DEFER_MAX HALF			/* copies to the guest up to this wait for the return */

static char *window(struct uthread *ut)
{
	return (char *)ut->area + AREA_WINDOW;
}

/* --- mappings --- */

/* The order just queued: now, with its batch, or with the answer. */
static int queued(struct uthread *ut)
{
	if (ut->defer)
		defer_these(ut, ut->norders - 1);
	return ut->batch || ut->defer ? 0 : uthread_flush(ut);
}

static int host_order(struct uthread *ut, u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	struct near_order *o;
	int err = uthread_room(ut, 1);

	if (err)
		return err;
	o = uthread_order(ut, ORD_HOSTCALL);
	o->a[0] = nr;
	o->a[1] = a;
	o->a[2] = b;
	o->a[3] = c;
	o->a[4] = d;
	o->a[5] = e;
	o->a[6] = f;
	return queued(ut);
}

/* In a batch the descriptor stays open for the next mapping of the same file: exec maps a program's parts. */
static int open_there(struct uthread *ut, int fd)
{
	int err = uthread_room(ut, 3);

	if (err || (ut->batch && ut->fd_there == fd))
		return err;
	if (ut->fd_there >= 0)
		uthread_order(ut, ORD_CLOSEFD);
	ut->fd_there = -1;
	err = uthread_send_fds(ut, &fd, 1);
	if (!err)
		ut->fd_there = fd;
	return err;
}

static int map_file(struct uthread *ut, u64 addr, u64 len, u32 prot, u32 flags, int fd, u64 off)
{
	struct near_order *o;
	int err = open_there(ut, fd);

	if (err)
		return err;
	o = uthread_order(ut, ORD_HOSTCALL);
	o->a[0] = __NR_mmap;
	o->a[1] = addr;
	o->a[2] = len;
	o->a[3] = prot;
	o->a[4] = flags;
	o->a[5] = FD_ARG;
	o->a[6] = off;
	return queued(ut);
}

int guest_mmap(struct uthread *ut, u64 addr, u64 len, u32 prot, u32 flags, int hostfd, u64 off)
{
	flags |= MAP_FIXED;
	if (addr >= NEAR_BASE || len > NEAR_BASE - addr)
		return -ENOMEM;
	if (hostfd >= 0)
		return map_file(ut, addr, len, prot, flags, hostfd, off);
	return host_order(ut, __NR_mmap, addr, len, prot, flags | MAP_ANONYMOUS, (u64)-1, 0);
}

static ssize file_io(struct uthread *ut, u64 nr, int fd, u64 addr, size_t n, u64 off)
{
	struct near_order *o;
	u32 i;
	s64 res;
	int err = open_there(ut, fd);

	if (err)
		return err;
	i = ut->norders;
	o = uthread_order(ut, ORD_HOSTCALL);
	o->a[0] = nr;
	o->a[1] = FD_ARG;
	o->a[2] = addr;
	o->a[3] = n;
	o->a[4] = off;
	err = uthread_flush(ut);
	if (err)
		return err;
	res = order_result(ut, i);
	return res >= 0 && (u64)res <= n ? res : -EIO;
}

ssize guest_pread(struct uthread *ut, int hostfd, u64 addr, size_t n, u64 off)
{
	return file_io(ut, __NR_pread64, hostfd, addr, n, off);
}

ssize guest_pwrite(struct uthread *ut, int hostfd, u64 addr, size_t n, u64 off)
{
	return file_io(ut, __NR_pwrite64, hostfd, addr, n, off);
}

int guest_munmap(struct uthread *ut, u64 addr, u64 len)
{
	if (addr >= NEAR_BASE || len > NEAR_BASE - addr)
		return -EINVAL;
	return host_order(ut, __NR_munmap, addr, len, 0, 0, 0, 0);
}

int guest_mprotect(struct uthread *ut, u64 addr, u64 len, u32 prot)
{
	if (addr >= NEAR_BASE || len > NEAR_BASE - addr)
		return -ENOMEM;
	return host_order(ut, __NR_mprotect, addr, len, prot, 0, 0, 0);
}

int guest_madvise(struct uthread *ut, u64 addr, u64 len, int advice)
{
	if (addr >= NEAR_BASE || len > NEAR_BASE - addr)
		return -ENOMEM;
	return host_order(ut, __NR_madvise, addr, len, (u64)advice, 0, 0, 0);
}

int guest_mremap(struct uthread *ut, u64 old, u64 oldlen, u64 newlen, u64 newaddr)
{
	u64 flags = newaddr == old ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;

	if (old >= NEAR_BASE || newaddr >= NEAR_BASE || newlen > NEAR_BASE - newaddr)
		return -ENOMEM;
	return host_order(ut, __NR_mremap, old, oldlen, newlen, flags, newaddr, 0);
}

int guest_msync(struct uthread *ut, u64 addr, u64 len, int flags)
{
	return host_order(ut, __NR_msync, addr, len, (u64)flags, 0, 0, 0);
}

int guest_mincore(struct uthread *ut, u64 addr, u64 len, u8 *vec)
{
	u64 win = NEAR_SHARED + (u64)ut->index * AREA_SIZE + AREA_WINDOW;

	while (len) {
		u64 part = MIN(len, (u64)HALF * PAGE_SIZE);
		u64 pages = (part + PAGE_SIZE - 1) / PAGE_SIZE;
		int err = ut->norders ? uthread_flush(ut) : 0;

		if (!err)
			err = host_order(ut, __NR_mincore, addr, part, win, 0, 0, 0);
		if (err)
			return err;
		memcpy(vec, window(ut), pages);
		vec += pages;
		addr += part;
		len -= part;
	}
	return 0;
}

void guest_batch_begin(struct uthread *ut)
{
	ut->batch = true;
	ut->batch_err = 0;
}

int guest_batch_end(struct uthread *ut)
{
	int err = ut->norders ? uthread_flush(ut) : 0;

	ut->batch = false;
	return ut->batch_err ? (int)ut->batch_err : err;
}

int guest_batch_leave(struct uthread *ut)
{
	ut->batch = false;
	return (int)ut->batch_err;
}

bool guest_batching(const struct uthread *ut)
{
	return ut->batch;
}

/* --- copies --- */

static bool guest_range(u64 addr, size_t n)
{
	return addr < NEAR_BASE && n <= NEAR_BASE - addr;
}

/* What the near kernel copied ahead, when it covers the range. */
static const char *copied_ahead(struct uthread *ut, u64 addr, size_t n)
{
	for (u32 i = 0; i < ut->npre; i++) {
		const struct near_pre *p = &ut->pre[i];

		if (addr >= p->addr && addr - p->addr <= p->len && n <= p->len - (addr - p->addr) &&
		    p->off <= AREA_WINDOW_SIZE && p->len <= AREA_WINDOW_SIZE - p->off)
			return window(ut) + p->off + (addr - p->addr);
	}
	return NULL;
}

void guest_ahead_of_wakes(struct uthread *ut)
{
	if (READ_ONCE(ut->area->wakes) != *futex_wakes)
		ut->npre = 0;
}

/* Room of n bytes in the lower half; queued copies are carried out first if it is short. */
static int window_room(struct uthread *ut, size_t n, u32 *off)
{
	int err = 0;

	if (ut->wpos + n > HALF || ut->norders >= ORDERS_MAX - 2)
		err = uthread_flush(ut);
	*off = ut->wpos;
	ut->wpos += (u32)ALIGN_UP(n, 16UL);
	return err;
}

static void copy_order(struct uthread *ut, u32 op, u32 off, u64 addr, size_t n)
{
	struct near_order *o = uthread_order(ut, op);

	o->a[0] = off;
	o->a[1] = addr;
	o->a[2] = n;
}

static int copy_in_part(struct uthread *ut, void *dst, u64 src, size_t n)
{
	u32 off;
	int err = window_room(ut, n, &off);

	if (err)
		return err;
	copy_order(ut, ORD_COPY_IN, off, src, n);
	err = uthread_flush(ut);
	if (!err)
		memcpy(dst, window(ut) + off, n);
	return err;
}

int guest_copy_in(struct uthread *ut, void *dst, u64 src, size_t n)
{
	const char *have = copied_ahead(ut, src, n);

	if (have) {
		memcpy(dst, have, n);
		return 0;
	}
	if (!guest_range(src, n))
		return -EFAULT;
	while (n) {
		size_t part = MIN(n, (size_t)HALF);
		int err = copy_in_part(ut, dst, src, part);

		if (err)
			return err;
		dst = (char *)dst + part;
		src += part;
		n -= part;
	}
	return 0;
}

/* The order itself carries the bytes: the window's page stays untouched. */
static int put_small(struct uthread *ut, u64 dst, const void *src, size_t n)
{
	struct near_order *o;
	int err = uthread_room(ut, 3);

	if (err)
		return err;
	o = uthread_order(ut, ORD_PUT);
	o->a[0] = n;
	o->a[1] = dst;
	memcpy(&o->a[2], src, n);
	if (!ut->in_call && !ut->batch)
		return uthread_flush(ut);
	if (ut->in_call)
		ut->deferred = true;
	return 0;
}

int guest_copy_out(struct uthread *ut, u64 dst, const void *src, size_t n)
{
	if (!guest_range(dst, n))
		return -EFAULT;
	if (n && n <= PUT_MAX)
		return put_small(ut, dst, src, n);
	while (n) {
		size_t part = MIN(n, (size_t)DEFER_MAX);
		u32 off;
		int err = window_room(ut, part, &off);

		if (err)
			return err;
		memcpy(window(ut) + off, src, part);
		copy_order(ut, ORD_COPY_OUT, off, dst, part);
		n -= part;
		src = (const char *)src + part;
		dst += part;
		if (n || (!ut->in_call && !ut->batch)) {
			err = uthread_flush(ut);
			if (err)
				return err;
		} else if (ut->in_call) {
			ut->deferred = true;
		}
	}
	return 0;
}

ssize guest_strncpy_in(struct uthread *ut, char *dst, u64 src, size_t n)
{
	size_t max = MIN(n, (size_t)HALF), len;
	const char *have;
	u32 off, i;
	int err;

	have = copied_ahead(ut, src, 1);
	if (have) {
		size_t room = (size_t)(window(ut) + AREA_WINDOW_SIZE - have);

		len = strnlen(have, MIN(MIN(max, room), (size_t)ut->pre[0].len));
		if (len < max && copied_ahead(ut, src, len + 1)) {
			memcpy(dst, have, len);
			dst[len] = 0;
			return (ssize)len;
		}
	}
	if (src >= NEAR_BASE)
		return -EFAULT;
	max = MIN(max, NEAR_BASE - src);
	err = window_room(ut, max, &off);
	if (err)
		return err;
	i = ut->norders;
	copy_order(ut, ORD_STR_IN, off, src, max);
	err = uthread_flush(ut);
	if (err)
		return err;
	len = (size_t)order_result(ut, i);
	if (len > max)
		return -EFAULT;
	memcpy(dst, window(ut) + off, len);
	if (len < n)
		dst[len] = 0;
	return (ssize)len;
}

int guest_cmpxchg32(struct uthread *ut, u64 addr, u32 expect, u32 desired, u32 *old)
{
	struct near_order *o;
	u32 i;
	int err;

	if (!guest_range(addr, 4) || addr % 4)
		return -EFAULT;
	err = uthread_room(ut, 1);
	if (err)
		return err;
	i = ut->norders;
	o = uthread_order(ut, ORD_CMPXCHG);
	o->a[1] = addr;
	o->a[2] = expect;
	o->a[3] = desired;
	err = uthread_flush(ut);
	if (!err)
		*old = (u32)READ_ONCE(ut->area->orders[i].a[0]);
	return err;
}

/* --- staging --- */

void *guest_window(struct uthread *ut, size_t *size)
{
	if (ut->norders)
		uthread_flush(ut);
	ut->staged = true;
	*size = HALF;
	return window(ut);
}

void guest_window_done(struct uthread *ut)
{
	ut->staged = false;
}

int guest_window_in(struct uthread *ut, u64 src, size_t n, const void **at)
{
	const char *have = copied_ahead(ut, src, n);

	if (have) {
		*at = have;
		return 0;
	}
	if (!guest_range(src, n) || n > HALF)
		return -EFAULT;
	copy_order(ut, ORD_COPY_IN, 0, src, n);
	*at = window(ut);
	return uthread_flush(ut);
}

int guest_window_out(struct uthread *ut, u64 dst, size_t n)
{
	if (!guest_range(dst, n) || n > HALF)
		return -EFAULT;
	ut->staged = false;
	copy_order(ut, ORD_COPY_OUT, 0, dst, n);
	ut->wpos = (u32)ALIGN_UP(n, 16UL);
	if (!ut->in_call)
		return uthread_flush(ut);
	ut->deferred = true;
	return 0;
}

int guest_sync(struct uthread *ut)
{
	return ut->norders ? uthread_flush(ut) : 0;
}
