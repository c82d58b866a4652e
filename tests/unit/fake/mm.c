/* SPDX-License-Identifier: MIT */
/*
 * Memory for unit tests: kernel buffers only, no guest. Included by a test's .c file.
 */
#include <string.h>

#include "abi/errno.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "mm/user.h"

struct mm_file_hooks mm_file_hooks;
static s64 fake_file_bytes;		/* what mem_charge_file() was told */
static u64 fake_mem_total = 1ULL << 30;

u64 mem_total(void)
{
	return fake_mem_total;
}

void mem_charge_file(s64 bytes)
{
	fake_file_bytes += bytes;
}

struct backing *backing_get(struct backing *b)
{
	ref_get(&b->ref);
	return b;
}

void backing_put(struct backing *b)
{
	if (b && ref_put(&b->ref))
		b->ops->release(b);
}

static void fake_release(struct backing *b)
{
	host_close(b->hostfd);
	kfree(b);
}

static const struct backing_ops fake_backing_ops = { .release = fake_release };

int backing_memfd(const char *name, u64 len, struct backing **out)
{
	struct backing *b = kzalloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	ref_init(&b->ref);
	b->hostfd = host_memfd(name, len);
	b->ops = &fake_backing_ops;
	*out = b;
	return 0;
}

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
	ro->ops = &fake_backing_ops;
	*out = ro;
	return 0;
}

void iter_init_kernel(struct iter *it, void *base, size_t len)
{
	memset(it, 0, sizeof(*it));
	it->kernel = true;
	it->one.base = (u64)(uintptr_t)base;
	it->one.len = len;
	it->vec = &it->one;
	it->nvec = 1;
	it->count = len;
}

static void *iter_at(struct iter *it)
{
	return (void *)(uintptr_t)(it->one.base + it->off);
}

void iter_advance(struct iter *it, size_t n)
{
	it->off += n;
	it->count -= n;
}

void iter_revert(struct iter *it, size_t n)
{
	it->off -= n;
	it->count += n;
}

ssize iter_copy_to(struct iter *it, const void *src, size_t n)
{
	n = MIN(n, it->count);
	memcpy(iter_at(it), src, n);
	iter_advance(it, n);
	return (ssize)n;
}

ssize iter_copy_from(struct iter *it, void *dst, size_t n)
{
	n = MIN(n, it->count);
	memcpy(dst, iter_at(it), n);
	iter_advance(it, n);
	return (ssize)n;
}

ssize iter_zero(struct iter *it, size_t n)
{
	n = MIN(n, it->count);
	memset(iter_at(it), 0, n);
	iter_advance(it, n);
	return (ssize)n;
}

/* Small pieces, so that loops are exercised. */
ssize iter_stage_to(struct iter *it, void **ptr, size_t n)
{
	*ptr = iter_at(it);
	return (ssize)MIN(MIN(n, it->count), (size_t)10000);
}

int iter_commit_to(struct iter *it, size_t done)
{
	iter_advance(it, done);
	return 0;
}

ssize iter_stage_from(struct iter *it, const void **ptr, size_t n)
{
	*ptr = iter_at(it);
	return (ssize)MIN(MIN(n, it->count), (size_t)10000);
}

/* There is no guest. */
int copy_from_user(void *dst, uaddr_t src, size_t n)
{
	return -EFAULT;
}

int copy_to_user(uaddr_t dst, const void *src, size_t n)
{
	return -EFAULT;
}

ssize iter_pread_host(struct iter *it, int hostfd, off64 pos)
{
	return -EOPNOTSUPP;
}

ssize iter_pwrite_host(struct iter *it, int hostfd, off64 pos)
{
	return -EOPNOTSUPP;
}

void iter_unstage(struct iter *it)
{
}
