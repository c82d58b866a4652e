/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes between the kernel and the current task's guest memory. Every function may
 * block (the near kernel copies on our order) and returns 0 or -EFAULT unless said. Bytes read are hostile
 * and may differ when read again: copy once, then check, then use.
 */
#ifndef MM_USER_H
#define MM_USER_H

#include "lib/types.h"

int copy_from_user(void *dst, uaddr_t src, size_t n) __must_check;
int copy_to_user(uaddr_t dst, const void *src, size_t n) __must_check;
/* Bytes from addr on that a copy can reach; grows a stack if that helps. May block. */
size_t user_reachable(uaddr_t addr, size_t n, bool write);
/* For mm/iter.c, after user_reachable(): the copy itself. */
int user_copy_in(void *dst, uaddr_t src, size_t n) __must_check;
int user_copy_out(uaddr_t dst, const void *src, size_t n) __must_check;
int clear_user(uaddr_t dst, size_t n) __must_check;
/* Length without NUL; -EFAULT; n when no NUL within n (dst is then not terminated). */
ssize strncpy_from_user(char *dst, uaddr_t src, size_t n) __must_check;
/* A path: into the call's arena. -EFAULT, -ENAMETOOLONG (PATH_MAX), -ENOMEM. An empty one is fine. */
int path_from_user(uaddr_t src, const char **out) __must_check;

#define get_user(lvalue, uaddr) copy_from_user(&(lvalue), (uaddr), sizeof(lvalue))
#define put_user(value, uaddr)                                                                     \
	({                                                                                         \
		__typeof__(value) __v = (value);                                                   \
		copy_to_user((uaddr), &__v, sizeof(__v));                                          \
	})

/* Atomic compare and exchange of a guest u32 (futexes): 0 and *old, or -EFAULT. */
int cmpxchg_user_u32(uaddr_t addr, u32 expect, u32 desired, u32 *old) __must_check;

struct mm;
/* Another address space (ptrace, /proc/PID/mem, environ): bytes done or -EFAULT/-EIO/-ESRCH. May block long. */
ssize access_mm(struct mm *mm, uaddr_t addr, void *buf, size_t n, bool write);

#endif
