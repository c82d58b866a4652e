/* SPDX-License-Identifier: MIT */
/*
 * struct iter: the bytes of a read or write call, in guest memory (vectors) or kernel memory.
 * Consumed from the front. The only way file data crosses between kernel and guest.
 */
#ifndef MM_ITER_H
#define MM_ITER_H

#include "lib/types.h"

struct iovec_k {
	uaddr_t base;
	u64 len;
};

struct iter {
	bool kernel;			/* vec[].base are kernel addresses */
	const struct iovec_k *vec;	/* borrowed: lives in the call's arena */
	struct iovec_k one;		/* room for the common single buffer */
	unsigned int nvec;
	size_t off;			/* into vec[0] */
	size_t count;			/* bytes left in total */
	void *bounce;			/* for iter.c: staging where pages come on demand; in the call's arena */
	bool bounced;			/* the last iter_stage_to() used it */
};

void iter_init_user(struct iter *it, uaddr_t base, size_t len);
void iter_init_kernel(struct iter *it, void *base, size_t len);
/* Takes a guest struct iovec[n]: -EFAULT, -EINVAL (n > 1024 or sum > SSIZE_MAX). Bytes cut at MAX_RW_COUNT. */
int iter_init_iovec(struct iter *it, uaddr_t uvec, unsigned long n);

/* Copy and advance. Bytes done (short at a fault), or -EFAULT when nothing was. May block. */
ssize iter_copy_to(struct iter *it, const void *src, size_t n);		/* kernel -> iter (a read call) */
ssize iter_copy_from(struct iter *it, void *dst, size_t n);		/* iter -> kernel (a write call) */
ssize iter_zero(struct iter *it, size_t n);
void iter_advance(struct iter *it, size_t n);
/* Undo the last n bytes of advance (same iter, nothing else in between). */
void iter_revert(struct iter *it, size_t n);

/*
 * Staging, to save a copy: bytes go through a buffer shared with the guest.
 * iter_stage_to: room for up to n bytes at *ptr; fill it, then iter_commit_to(it, done).
 * iter_stage_from: *ptr holds the next bytes of the iter; use them (they may change under you:
 * hand them to the host, never parse them), then iter_advance().
 * Both: bytes available (>0), 0 at the end, or -EFAULT. May block.
 */
ssize iter_stage_to(struct iter *it, void **ptr, size_t n);
int iter_commit_to(struct iter *it, size_t done);	/* 0 or -EFAULT */
ssize iter_stage_from(struct iter *it, const void **ptr, size_t n);

/*
 * After staging, when nothing is committed or all of it was used: the thread may be borrowed again. Whoever
 * blocks on something else than the copy itself does this first.
 */
void iter_unstage(struct iter *it);

/*
 * A large piece straight between a host file and guest memory, without staging; advances. Bytes, 0 at the end
 * of the file, -errno; -EOPNOTSUPP: this iter is not worth it or not possible, stage instead. May block.
 */
ssize iter_pread_host(struct iter *it, int hostfd, off64 pos);
ssize iter_pwrite_host(struct iter *it, int hostfd, off64 pos);

#define MAX_RW_COUNT 0x7ffff000UL

#endif
