/* SPDX-License-Identifier: MIT */
/*
 * Copying ahead: for the commonest calls the near kernel puts paths and small buffers into the window before
 * it rings, which saves an exchange. Only a hint: the far kernel asks for whatever is missing, and a fault
 * here just means that it will ask (and then find the fault).
 */
#include "near/near.h"

#include <asm/unistd.h>

enum { H_NONE, H_PATH, H_BUF, H_FIX };

struct hint {
	u16 nr;
	u8 kind, arg;		/* which argument is the address */
	u8 len;			/* H_BUF: which argument is the length; H_FIX: bytes / 8 */
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
};

#define PATH_AHEAD 4096
#define BUF_AHEAD 0x10000UL
/* Ahead-copied data lies in the upper half: the far kernel uses the lower one for results. */
#define PRE_OFF 0x10000

static void ahead(struct near_area *a, const struct hint *h, const u64 *args)
{
	u64 addr = args[h->arg];
	char *dst = (char *)a + AREA_WINDOW + PRE_OFF;
	u64 n;
	long got;

	if (!addr)
		return;
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
	a->pre[0].addr = addr;
	a->pre[0].len = (u32)n;
	a->pre[0].off = PRE_OFF;
	a->npre = 1;
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
