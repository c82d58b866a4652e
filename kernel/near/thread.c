/* SPDX-License-Identifier: MIT */
/*
 * Guest threads and processes seen from inside: how they begin, and by which FS base the patched
 * path finds a thread's area (the guest keeps GS, so FS is all there is).
 */
#include "near/near.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <asm/signal.h>

u64 near_get_fs(void)
{
	u64 fs = 0;

	if (near_data()->fsgsbase)
		__asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0xae, 0xc0" : "=a"(fs));	/* rdfsbase %rax */
	else
		near_syscall3(__NR_arch_prctl, ARCH_GET_FS, &fs, 0);
	return fs;
}

static struct near_fs_entry *fs_slot(u64 fs)
{
	return (struct near_fs_entry *)FS_TABLE + (u16)(fs >> FS_INDEX_SHIFT);
}

static u32 slot_index(const struct near_fs_entry *e)
{
	return (u32)(e - (struct near_fs_entry *)FS_TABLE);
}

static u64 *shared_find(u64 fs)
{
	for (u32 i = 0; i < FS_SHARED_MAX; i++)
		if (near_data()->shared_fs[i] == fs)
			return &near_data()->shared_fs[i];
	return 0;
}

/*
 * Enter this thread under its present FS base. An occupied slot is left alone: a thread on its way
 * through it must never see another's area. Such a thread goes on trapping: slower, just as right.
 */
void near_fs_register(struct near_area *a)
{
	struct near_fs_entry *e;
	u64 fs, none = 0;

	if (!near_data()->fsgsbase)
		return;
	fs = near_get_fs();
	if (fs == a->fs_base)
		return;
	near_fs_forget(a);
	if (!fs || shared_find(fs))
		return;
	e = fs_slot(fs);
	if (!__atomic_compare_exchange_n(&e->area, &none, (u64)a, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	__atomic_fetch_or(&near_data()->used[slot_index(e) / 64], 1ULL << (slot_index(e) % 64), __ATOMIC_RELAXED);
	__atomic_store_n(&e->fs, fs, __ATOMIC_SEQ_CST);
	a->fs_base = fs;
}

static void slot_clear(struct near_fs_entry *e)
{
	__atomic_store_n(&e->fs, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&e->area, 0, __ATOMIC_SEQ_CST);
}

void near_fs_forget(struct near_area *a)
{
	struct near_fs_entry *e;

	if (!a->fs_base)
		return;
	e = fs_slot(a->fs_base);
	if (a->fs_keep && a->fs_base == a->lent_fs) {
		a->fs_base = 0;
		return;
	}
	if (e->area == (u64)a && e->fs == a->fs_base)
		slot_clear(e);
	a->fs_base = 0;
}

/* After fork only this thread is left; the others' TLS blocks will be used again. */
static void sweep_after_fork(struct near_area *a)
{
	struct near_data *d = near_data();

	for (u32 w = 0; w < ARRAY_SIZE(d->used); w++) {
		u64 bits = d->used[w];

		while (bits) {
			u32 i = w * 64 + (u32)__builtin_ctzll(bits);
			struct near_fs_entry *e = (struct near_fs_entry *)FS_TABLE + i;

			bits &= bits - 1;
			if (e->area && e->area != (u64)a)	/* a write would copy the page */
				slot_clear(e);
		}
	}
	for (u32 i = 0; i < FS_SHARED_MAX; i++)
		if (d->shared_fs[i])
			d->shared_fs[i] = 0;
}

/*
 * A thread that is made without a TLS of its own (raw clone) has its maker's FS base, which
 * then names no area. When the list is full the base goes to the end of the program unregistered.
 */
static void fs_share(struct near_area *maker, struct near_area *made)
{
	u64 *s;

	near_fs_forget(maker);
	made->shared_fs = near_get_fs();
	s = shared_find(0);
	if (s)
		*s = made->shared_fs;
	else
		near_data()->fsgsbase = 0;	/* give the patched path up rather than confuse threads */
}

/*
 * The maker of a vfork child waits in the far kernel until the child is gone, so its entry may name
 * the child meanwhile. Such an entry stays when the child leaves (fs_keep), for its maker to take back; unless the
 * maker died: then it goes with the child like any other.
 */
static void fs_lend(struct near_area *maker, struct near_area *made)
{
	struct near_fs_entry *e = fs_slot(maker->fs_base);

	if (!maker->fs_base || e->area != (u64)maker)
		return;
	made->fs_base = made->lent_fs = maker->fs_base;
	maker->fs_base = 0;
	__atomic_store_n(&e->area, (u64)made, __ATOMIC_SEQ_CST);
}

void near_fs_back(struct near_area *a)
{
	u64 fs = near_data()->fsgsbase ? near_get_fs() : 0;
	struct near_fs_entry *e = fs_slot(fs);

	if (!fs || a->fs_base || e->fs != fs)
		return;		/* it registers as usual with its next trap */
	__atomic_store_n(&e->area, (u64)a, __ATOMIC_SEQ_CST);
	a->fs_base = fs;
}

void near_fs_unshare(struct near_area *a)
{
	u64 *s = a->shared_fs ? shared_find(a->shared_fs) : 0;

	if (s)
		*s = 0;
	a->shared_fs = 0;
}

void near_leaving(struct near_area *a)
{
	near_fs_forget(a);
	near_fs_unshare(a);
}

/* Last words before a context runs: text that was patched under it. */
void near_resume_context(struct near_area *a, struct near_uc *uc)
{
	u64 tail;

	if (near_data()->nsites2) {
		tail = near_site2_tail(uc->r.rip);
		if (tail)
			uc->r.rip = tail;
	}
}

static void set_altstack(struct near_area *a)
{
	struct {
		u64 sp;
		s32 flags, pad;
		u64 size;
	} ss = { (u64)a + AREA_ALTSTACK, 0, 0, AREA_ALTSTACK_SIZE };

	near_syscall3(__NR_sigaltstack, &ss, 0, 0);
}

void near_thread_main(struct near_area *a)
{
	set_altstack(a);
	near_run_context(a);
}

void near_child_main(struct near_area *a)
{
	near_syscall3(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	if (near_syscall3(__NR_getppid, 0, 0, 0) != a->kernel_pid)
		near_syscall3(__NR_exit_group, 0, 0, 0);	/* it died before the line above */
	sweep_after_fork(a);
	near_run_context(a);
}

/* A stack for code that is to run before its context does: just below the context. */
static u64 stack_below(struct near_area *a, u64 ctx)
{
	return ((u64)a + ctx - 256) & ~63ULL;
}

long near_do_fork(struct near_area *a, long memfd, long ctlfd)
{
	long pid;

	near_text_lock();
	pid = near_fork_asm(NEAR_CLONE_FORK, memfd, ctlfd, stack_below(a, a->ctx), near_child_main, a);
	near_text_unlock();
	return pid;
}

long near_do_thread(struct near_area *a, u64 index, u64 tls, u64 how)
{
	struct near_area *n = (struct near_area *)(NEAR_SHARED + (index % AREA_MAX) * AREA_SIZE);
	long tid;

	if (how == TLS_SHARED)
		fs_share(a, n);
	else if (how == TLS_LENT)
		fs_lend(a, n);
	tid = near_thread_asm(NEAR_CLONE_THREAD, stack_below(n, n->ctx), how == TLS_OWN ? tls : near_get_fs(),
			      near_thread_main, n);
	a->clone_ret = (u64)tid;
	return tid;
}
