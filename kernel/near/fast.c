/* SPDX-License-Identifier: MIT */
/*
 * T0 and T1: calls answered in the guest process, without the host or with one call on the thread itself. Each has a twin in sys/ that answers the same
 * with fastpath=off. The values are the far kernel's gifts in the thread area (a guest that changes
 * them fools only itself).
 */
#include "near/near.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/mman.h>

#include "abi/signal.h"

#define UNBLOCKABLE ((1ULL << (SIGKILL - 1)) | (1ULL << (SIGSTOP - 1)))

static bool new_mask(u64 old, long how, u64 set, u64 *out)
{
	if (how == SIG_BLOCK)
		*out = old | set;
	else if (how == SIG_UNBLOCK)
		*out = old & ~set;
	else if (how == SIG_SETMASK)
		*out = set;
	else
		return false;
	*out &= ~UNBLOCKABLE;
	return true;
}

/* Anything unusual (a bad pointer or number) is left to the far kernel. */
static bool local_sigprocmask(struct near_area *a, const u64 *args, long *result)
{
	u64 old = a->sigmask, now = old, set;

	if (args[3] != sizeof(u64))
		return false;
	if (args[1]) {
		if (near_copy(&set, (void *)args[1], sizeof(set)) ||
		    !new_mask(old, (long)(int)args[0], set, &now))
			return false;
	}
	if (args[2] && near_copy((void *)args[2], &old, sizeof(old)))
		return false;
	__atomic_store_n(&a->sigmask, now, __ATOMIC_SEQ_CST);
	/* Let loose what may be queued: come in right after this call. */
	if (now != old && __atomic_load_n(&a->sigpending, __ATOMIC_SEQ_CST) & ~now)
		a->kicked = 1;
	*result = 0;
	return true;
}

/*
 * The table is the guest's own to read and write. What must be forgotten with a handler that ignores is queued in the
 * far kernel, and anything unusual is its, too.
 */
static bool local_sigaction(struct near_area *a, const u64 *args, long *result)
{
	struct near_action *table = (struct near_action *)((u64)a + AREA_ACTIONS);
	u64 sig = (u32)args[0], bit = 1ULL << ((sig - 1) & 63);
	struct near_action new, old;

	if (!a->actions || args[3] != sizeof(u64) || sig - 1 >= 64)
		return false;
	old = table[sig - 1];
	if (args[1]) {
		if ((bit & UNBLOCKABLE) || near_copy(&new, (void *)args[1], sizeof(new)) ||
		    (new.handler <= 1 && (__atomic_load_n(&a->sigpending, __ATOMIC_SEQ_CST) & bit)))
			return false;
	}
	if (args[2] && near_copy((void *)args[2], &old, sizeof(old)))
		return false;
	if (args[1])
		table[sig - 1] = (struct near_action){ new.handler, new.flags & SA_KNOWN, new.restorer,
						       new.mask & ~UNBLOCKABLE };
	*result = 0;
	return true;
}

/* T1: a call about this thread alone, one host call. The far kernel asks when it wants to know. */
static bool local_arch_prctl(struct near_area *a, const u64 *args, long *result)
{
	if (args[0] != ARCH_SET_FS && args[0] != ARCH_SET_GS)
		return false;
	if (args[0] == ARCH_SET_FS)
		near_fs_forget(a);
	*result = near_syscall3(__NR_arch_prctl, args[0], args[1], 0);
	return true;
}

static bool set_robust_list(struct near_area *a, const u64 *args, long *result)
{
	if (args[1] != 24)		/* sizeof(struct robust_list_head) */
		return false;
	a->robust_list = args[0];
	*result = 0;
	return true;
}

/* Longer ones may be interrupted; what the host cannot reach may be a stack that is to grow. */
#define RANDOM_MAX 256

static bool local_getrandom(const u64 *args, long *result)
{
	if (args[1] > RANDOM_MAX)
		return false;
	*result = near_syscall3(__NR_getrandom, args[0], args[1], (u32)args[2]);
	return *result >= 0;
}

/* One's own limits: the far kernel keeps them up to date. */
static bool local_getrlimit(const struct near_area *a, u64 which, u64 to, long *result)
{
	if ((u32)which >= ARRAY_SIZE(a->limits) ||
	    near_copy((void *)to, a->limits[(u32)which], sizeof(a->limits[0])))
		return false;
	*result = 0;
	return true;
}

/*
 * T1: a heap that grows within what the far kernel has allowed ahead; it hears of it with the next call. Memory that
 * has come to lie there meanwhile is found by the host.
 */
static bool local_brk(struct near_area *a, u64 brk, long *result)
{
	u64 from = PAGE_ALIGN(a->brk), to = PAGE_ALIGN(brk);

	if (!a->brk || (brk && (brk < a->brk || brk > a->brk_max)))
		return false;
	if (brk && to > from &&
	    near_syscall6(__NR_mmap, from, to - from, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, (u64)-1, 0) != (long)from)
		return false;
	if (brk)
		a->brk = brk;
	*result = (long)a->brk;
	return true;
}

bool near_local(struct near_area *a, long nr, const u64 *args, long *result)
{
	if (!a->fast)
		return false;
	switch (nr) {
	case __NR_getpid:
		*result = a->pid;
		return true;
	case __NR_gettid:
		*result = a->tid;
		return true;
	case __NR_getppid:
		*result = a->ppid;
		return true;
	case __NR_getuid:
		*result = a->uid;
		return true;
	case __NR_geteuid:
		*result = a->euid;
		return true;
	case __NR_getgid:
		*result = a->gid;
		return true;
	case __NR_getegid:
		*result = a->egid;
		return true;
	case __NR_set_tid_address:
		a->clear_child_tid = args[0];
		*result = a->tid;
		return true;
	case __NR_set_robust_list:
		return set_robust_list(a, args, result);
	case __NR_brk:
		return local_brk(a, args[0], result);
	case __NR_getrlimit:
		return local_getrlimit(a, args[0], args[1], result);
	case __NR_prlimit64:
		return !(u32)args[0] && !args[2] && args[3] && local_getrlimit(a, args[1], args[3], result);
	case __NR_rseq:
		*result = -ENOSYS;
		return true;
	case __NR_getrandom:
		return local_getrandom(args, result);
	case __NR_arch_prctl:
		return local_arch_prctl(a, args, result);
	case __NR_rt_sigaction:
		return local_sigaction(a, args, result);
	case __NR_rt_sigprocmask:
		return local_sigprocmask(a, args, result);
	}
	return near_files(a, nr, args, result);
}
