/* SPDX-License-Identifier: MIT */
/*
 * Copying ahead: for the commonest calls the near kernel puts paths and small buffers into the window before
 * it rings, which saves an exchange. Only a hint: the far kernel asks for whatever is missing, and a fault
 * here just means that it will ask (and then find the fault).
 */
#include "near/near.h"

#include <asm/unistd.h>
#include <linux/futex.h>
#include <linux/time_types.h>

enum { H_NONE, H_PATH, H_BUF, H_FIX, H_ROBUST, H_FUTEX };

struct hint {
	u16 nr;
	u8 kind, arg;		/* which argument is the address */
	u8 len;			/* H_BUF: which argument is the length; else bytes / 8 */
};

static const struct hint hints[] = {
	{ __NR_open, H_PATH, 0, 0 },	   { __NR_openat, H_PATH, 1, 0 },
	{ __NR_stat, H_PATH, 0, 0 },	   { __NR_lstat, H_PATH, 0, 0 },
	{ __NR_newfstatat, H_PATH, 1, 0 }, { __NR_statx, H_PATH, 1, 0 },
	{ __NR_access, H_PATH, 0, 0 },	   { __NR_faccessat, H_PATH, 1, 0 },
	{ __NR_faccessat2, H_PATH, 1, 0 }, { __NR_readlink, H_PATH, 0, 0 },
	{ __NR_readlinkat, H_PATH, 1, 0 }, { __NR_unlink, H_PATH, 0, 0 },
	{ __NR_unlinkat, H_PATH, 1, 0 },   { __NR_mkdir, H_PATH, 0, 0 },
	{ __NR_chdir, H_PATH, 0, 0 },	   { __NR_creat, H_PATH, 0, 0 },
	{ __NR_chmod, H_PATH, 0, 0 },	   { __NR_execve, H_PATH, 0, 0 },
	{ __NR_utimensat, H_PATH, 1, 0 },  { __NR_statfs, H_PATH, 0, 0 },
	{ __NR_write, H_BUF, 1, 2 },	   { __NR_pwrite64, H_BUF, 1, 2 },
	{ __NR_sendto, H_BUF, 1, 2 },	   { __NR_rt_sigaction, H_FIX, 1, 4 },
	{ __NR_rt_sigprocmask, H_FIX, 1, 1 }, { __NR_poll, H_FIX, 0, 1 },
	{ __NR_nanosleep, H_FIX, 0, 2 },   { __NR_clock_nanosleep, H_FIX, 2, 2 },
	{ __NR_epoll_ctl, H_FIX, 3, 2 },   { __NR_writev, H_FIX, 1, 4 },
	{ __NR_clone3, H_FIX, 0, 11 },
	{ __NR_futex, H_FUTEX, 0, 0 },
	{ __NR_exit, H_ROBUST, 0, 3 },	   { __NR_exit_group, H_ROBUST, 0, 3 },
};

#define PATH_AHEAD 4096
#define BUF_AHEAD 0x10000UL
/* Ahead-copied data lies in the upper half: the far kernel uses the lower one for results. */
#define PRE_OFF 0x10000

static char *pre_room(struct near_area *a, u32 off)
{
	return (char *)a + AREA_WINDOW + off;
}

static void pre_add(struct near_area *a, u64 addr, u64 len, u32 off)
{
	a->pre[a->npre] = (struct near_pre){ addr, (u32)len, off };
	a->npre++;
}

/*
 * The page around addr, unless it is there already. exec wants its vectors and, mostly on one or two pages, their
 * strings. Where it was put, or 0.
 */
static const char *page_ahead(struct near_area *a, u64 addr, u32 off)
{
	u64 page = addr & ~0xfffUL;

	for (u32 i = 1; i < a->npre; i++)
		if (a->pre[i].addr == page)
			return pre_room(a, a->pre[i].off) + (addr - page);
	if (!addr || near_copy(pre_room(a, off), (const void *)page, 4096))
		return 0;
	pre_add(a, page, 4096, off);
	return pre_room(a, off) + (addr - page);
}

static void vector_ahead(struct near_area *a, u64 vec, u32 off)
{
	const char *p = vec % 8 ? 0 : page_ahead(a, vec, off);

	if (p && *(const u64 *)p)
		page_ahead(a, *(const u64 *)p, off + 4096);
}

/* The old program's end, which exec makes if all goes well. */
static void robust_ahead(struct near_area *a, u32 off)
{
	const u64 n = 24;		/* sizeof(struct robust_list_head) */

	if (a->robust_list && !near_copy(pre_room(a, off), (const void *)a->robust_list, n))
		pre_add(a, a->robust_list, n, off);
}

static void copy_ahead(struct near_area *a, u64 addr, u64 n, u32 off)
{
	if (addr && !near_copy(pre_room(a, off), (const void *)addr, n))
		pre_add(a, addr, n, off);
}

/* The word that a thread is going to wait on, and until when. */
static void futex_ahead(struct near_area *a, const u64 *args)
{
	u32 cmd = (u32)args[1] & FUTEX_CMD_MASK;

	if (cmd != FUTEX_WAIT && cmd != FUTEX_WAIT_BITSET)
		return;
	a->wakes = near_watch()->wakes;
	copy_ahead(a, args[0], sizeof(u32), PRE_OFF);
	copy_ahead(a, args[3], sizeof(struct __kernel_timespec), PRE_OFF + 64);
}

static void ahead(struct near_area *a, const struct hint *h, const u64 *args)
{
	u64 addr = h->kind == H_ROBUST ? a->robust_list : args[h->arg];
	char *dst = pre_room(a, PRE_OFF);
	u64 n;
	long got;

	if (!addr)
		return;
	if (h->kind == H_FUTEX) {
		futex_ahead(a, args);
		return;
	}
	if (h->kind == H_PATH) {
		got = near_strcopy(dst, (const char *)addr, PATH_AHEAD);
		if (got < 0 || got >= PATH_AHEAD)
			return;
		n = (u64)got + 1;
	} else {
		n = h->kind == H_BUF ? MIN(args[h->len], BUF_AHEAD) : h->len * 8u;
		if (!n || near_copy(dst, (const void *)addr, n))
			return;
	}
	pre_add(a, addr, n, PRE_OFF);
	if (h->nr != __NR_execve)
		return;
	vector_ahead(a, args[1], PRE_OFF + 0x1000);
	vector_ahead(a, args[2], PRE_OFF + 0x3000);
	robust_ahead(a, PRE_OFF + 0x5000);
}

void near_prefetch(struct near_area *a, long nr, const u64 *args)
{
	a->npre = 0;
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		if (hints[i].nr == nr) {
			ahead(a, &hints[i], args);
			return;
		}
	}
}
