/* SPDX-License-Identifier: MIT */
/*
 * struct iter: walking over the pieces of a read or write call. What comes before a place that
 * would fault is transferred, as on Linux.
 */
#include "mm/iter.h"

#include <string.h>

#include "abi/errno.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "mm/demand.h"
#include "mm/mm.h"
#include "mm/user.h"

#define IOV_MAX_K 1024
#define BOUNCE_SIZE (64UL << 10)

static void init_one(struct iter *it, bool kernel, u64 base, size_t len)
{
	it->kernel = kernel;
	it->one.base = base;
	it->one.len = len;
	it->vec = &it->one;
	it->nvec = 1;
	it->off = 0;
	it->count = len;
	it->bounce = NULL;
}

void iter_init_user(struct iter *it, uaddr_t base, size_t len)
{
	init_one(it, false, base, MIN(len, MAX_RW_COUNT));
}

void iter_init_kernel(struct iter *it, void *base, size_t len)
{
	init_one(it, true, (u64)base, len);
}

/* Lengths must be positive as ssize and their sum is cut at MAX_RW_COUNT. */
static int check_vec(struct iovec_k *vec, unsigned long n, size_t *total)
{
	unsigned long i;
	size_t sum = 0;

	for (i = 0; i < n; i++) {
		if ((s64)vec[i].len < 0)
			return -EINVAL;
		if (vec[i].len && (vec[i].base > GUEST_TASK_SIZE ||
				   vec[i].len > GUEST_TASK_SIZE - vec[i].base))
			return -EFAULT;
		vec[i].len = MIN(vec[i].len, MAX_RW_COUNT - sum);
		sum += vec[i].len;
	}
	*total = sum;
	return 0;
}

int iter_init_iovec(struct iter *it, uaddr_t uvec, unsigned long n)
{
	struct iovec_k *vec;
	size_t total;
	int err;

	if (n > IOV_MAX_K)
		return -EINVAL;
	vec = arena_alloc(MAX(n, 1UL) * sizeof(*vec));
	if (!vec)
		return -ENOMEM;
	err = n ? copy_from_user(vec, uvec, n * sizeof(*vec)) : 0;
	if (!err)
		err = check_vec(vec, n, &total);
	if (err)
		return err;
	it->kernel = false;
	it->vec = vec;
	it->nvec = n;
	it->off = 0;
	it->count = total;
	it->bounce = NULL;
	return 0;
}

/* The current piece: bytes at *addr, 0 at the end. */
static size_t piece(struct iter *it, u64 *addr)
{
	while (it->nvec > 1 && it->off >= it->vec->len) {
		it->vec++;
		it->nvec--;
		it->off = 0;
	}
	if (!it->count)
		return 0;
	*addr = it->vec->base + it->off;
	return MIN(it->vec->len - it->off, it->count);
}

void iter_advance(struct iter *it, size_t n)
{
	u64 addr;
	size_t part;

	for (; n; n -= part) {
		part = MIN(piece(it, &addr), n);
		if (!part)
			return;
		it->off += part;
		it->count -= part;
	}
}

void iter_revert(struct iter *it, size_t n)
{
	it->count += n;
	while (n > it->off) {
		n -= it->off;
		it->vec--;
		it->nvec++;
		it->off = it->vec->len;
	}
	it->off -= n;
}

typedef int (*move_fn)(u64 addr, void *kernel, size_t n);

static int move_out(u64 guest, void *kernel, size_t n)
{
	return user_copy_out(guest, kernel, n);
}

static int move_in(u64 guest, void *kernel, size_t n)
{
	return user_copy_in(kernel, guest, n);
}

static ssize move_all(struct iter *it, bool write, move_fn move, char *kernel, size_t n)
{
	size_t done = 0, part, can;
	u64 addr;

	while (done < n && (part = piece(it, &addr))) {
		part = can = MIN(part, n - done);
		if (!it->kernel)
			can = user_reachable(addr, part, write);
		if (!can || move(addr, kernel + done, can))
			return done ? (ssize)done : -EFAULT;
		iter_advance(it, can);
		done += can;
		if (can < part)
			break;
	}
	return done;
}

static int kmove_out(u64 addr, void *kernel, size_t n)
{
	memcpy((void *)addr, kernel, n);
	return 0;
}

static int kmove_in(u64 addr, void *kernel, size_t n)
{
	memcpy(kernel, (void *)addr, n);
	return 0;
}

ssize iter_copy_to(struct iter *it, const void *src, size_t n)
{
	return move_all(it, true, it->kernel ? kmove_out : move_out, (char *)src, n);
}

ssize iter_copy_from(struct iter *it, void *dst, size_t n)
{
	return move_all(it, false, it->kernel ? kmove_in : move_in, dst, n);
}

ssize iter_zero(struct iter *it, size_t n)
{
	static const char zeros[16384];
	size_t done = 0;
	ssize r;

	while (done < n && it->count) {
		r = iter_copy_to(it, zeros, MIN(n - done, sizeof(zeros)));
		if (r <= 0)
			return done ? (ssize)done : r;
		done += r;
	}
	return done;
}

/* --- staging --- */

/* The current piece as far as n and the guest's areas allow; -EFAULT when it cannot be reached at all. */
static ssize stage_piece(struct iter *it, size_t n, bool write, u64 *addr)
{
	size_t part = MIN(piece(it, addr), n);

	if (!part || it->kernel)
		return part;
	part = user_reachable(*addr, part, write);
	return part ? (ssize)part : -EFAULT;
}

/*
 * Copies to and from pages on demand wait for pages, and must not hold the window then: others need the thread, maybe to
 * bring in those very pages. Such pieces go through a buffer of the call's own. NULL: no memory.
 */
static void *bounce(struct iter *it)
{
	if (!it->bounce)
		it->bounce = arena_alloc(BOUNCE_SIZE);
	return it->bounce;
}

ssize iter_stage_to(struct iter *it, void **ptr, size_t n)
{
	u64 addr;
	ssize part = stage_piece(it, n, true, &addr);
	size_t room = BOUNCE_SIZE;

	it->bounced = false;
	if (part <= 0)
		return part;
	if (it->kernel) {
		*ptr = (void *)addr;
		return part;
	}
	it->bounced = demand_touches(current->mm, addr, (size_t)part);
	*ptr = it->bounced ? bounce(it) : guest_window(current->ut, &room);
	return *ptr ? (ssize)MIN((size_t)part, room) : -ENOMEM;
}

static int commit(struct iter *it, u64 addr, size_t n)
{
	if (it->kernel)
		return 0;
	return it->bounced ? user_copy_out(addr, it->bounce, n) : guest_window_out(current->ut, addr, n);
}

int iter_commit_to(struct iter *it, size_t done)
{
	u64 addr;

	if (!done || !piece(it, &addr))
		return 0;
	if (commit(it, addr, done))
		return -EFAULT;
	iter_advance(it, done);
	return 0;
}

static ssize stage_bounced(struct iter *it, u64 addr, size_t n, const void **ptr)
{
	void *buf = bounce(it);

	if (!buf)
		return -ENOMEM;
	n = MIN(n, BOUNCE_SIZE);
	*ptr = buf;
	return user_copy_in(buf, addr, n) ? -EFAULT : (ssize)n;
}

ssize iter_stage_from(struct iter *it, const void **ptr, size_t n)
{
	u64 addr;
	ssize part = stage_piece(it, n, false, &addr);
	size_t room;

	if (part <= 0)
		return part;
	if (it->kernel) {
		*ptr = (const void *)addr;
		return part;
	}
	if (demand_touches(current->mm, addr, (size_t)part))
		return stage_bounced(it, addr, (size_t)part, ptr);
	guest_window(current->ut, &room);
	part = MIN((size_t)part, room);
	return guest_window_in(current->ut, addr, (size_t)part, ptr) ? -EFAULT : part;
}

void iter_unstage(struct iter *it)
{
	if (!it->kernel)
		guest_window_done(current->ut);
}

/* --- without staging --- */

#define DIRECT_MIN (128UL << 10)	/* below this, passing the descriptor costs more than a copy */

static ssize direct(struct iter *it, bool write, int hostfd, off64 pos)
{
	u64 addr;
	ssize part, r;

	if (it->kernel || it->count < DIRECT_MIN)
		return -EOPNOTSUPP;
	part = stage_piece(it, it->count, write, &addr);
	if (part < (ssize)DIRECT_MIN || demand_touches(current->mm, addr, (size_t)part))
		return part < 0 ? part : -EOPNOTSUPP;
	r = write ? guest_pread(current->ut, hostfd, addr, (size_t)part, (u64)pos) :
		    guest_pwrite(current->ut, hostfd, addr, (size_t)part, (u64)pos);
	if (r > 0)
		iter_advance(it, (size_t)r);
	return r;
}

ssize iter_pread_host(struct iter *it, int hostfd, off64 pos)
{
	return direct(it, true, hostfd, pos);
}

ssize iter_pwrite_host(struct iter *it, int hostfd, off64 pos)
{
	return direct(it, false, hostfd, pos);
}
