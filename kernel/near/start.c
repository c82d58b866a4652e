/* SPDX-License-Identifier: MIT */
/*
 * The first process: a copy of the kernel process that throws everything away but the near kernel, gives
 * up its rights and waits for orders. All guest processes are its children (by fork, on order).
 */
#include "near/near.h"
#include "near/boot.h"

#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

static void die(void) __noreturn;
static void die(void)
{
	for (;;)
		near_syscall3(__NR_exit_group, 111, 0, 0);
}

static void must(long r)
{
	if (r < 0)
		die();
}

static long remap(u64 from, u64 len, u64 to)
{
	return near_syscall6(__NR_mremap, from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to, 0);
}

/* By way of a low address, because source and destination may overlap. */
static void move_vdso(struct near_boot *b)
{
	static const u64 low = 0x10000000;
	u64 data = b->vdso - b->vvar, text = b->vdso_end - b->vdso;
	u64 to = NEAR_BASE - (data + text);

	if (!text)
		return;
	for (u64 p = 0; p < b->nparts; p++)
		must(remap(b->parts[p].start, b->parts[p].len, low + (b->parts[p].start - b->vvar)));
	must(near_syscall3(__NR_munmap, NEAR_BASE - NEAR_VDSO_ROOM, NEAR_VDSO_ROOM, 0));
	for (u64 p = 0; p < b->nparts; p++)
		must(remap(low + (b->parts[p].start - b->vvar), b->parts[p].len, to + (b->parts[p].start - b->vvar)));
}

static void unmap_rest(struct near_boot *b)
{
	u64 vdso = NEAR_BASE - (b->vdso_end - b->vvar);

	must(near_syscall3(__NR_munmap, 0, vdso, 0));
	must(near_syscall3(__NR_munmap, NEAR_TEXT + NEAR_TEXT_MAX, NEAR_WATCH - NEAR_TEXT - NEAR_TEXT_MAX, 0));
	must(near_syscall3(__NR_munmap, NEAR_WATCH + NEAR_WATCH_SIZE, NEAR_DATA - NEAR_WATCH - NEAR_WATCH_SIZE, 0));
	must(near_syscall3(__NR_munmap, NEAR_DATA + NEAR_DATA_SIZE, NEAR_SHARED - NEAR_DATA - NEAR_DATA_SIZE, 0));
	must(near_syscall3(__NR_munmap, NEAR_END, 0x7ffffffff000 - NEAR_END, 0));
}

/* FS base 0 belongs to the first entry and would find it empty, that is equal: keep it taken. */
static void make_fs_table(void)
{
	struct near_fs_entry *e = (struct near_fs_entry *)FS_TABLE;

	must(near_syscall6(__NR_mmap, FS_TABLE, FS_TABLE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, (u64)-1, 0));
	e->fs = e->area = 1;
}

struct ksigaction {
	void (*handler)(int, void *, struct near_uc *);
	u64 flags;
	void *restorer;
	u64 mask;
};

static void catch_signal(int sig)
{
	struct ksigaction sa;

	sa.handler = near_signal;
	sa.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER | SA_NODEFER;
	sa.restorer = near_restorer;
	sa.mask = 1ULL << (NEAR_SIGKICK - 1);
	must(near_syscall6(__NR_rt_sigaction, (u64)sig, (u64)&sa, 0, 8, 0, 0));
}

static void catch_signals(struct near_area *a)
{
	static const u8 sigs[] = { SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, NEAR_SIGKICK };
	struct {
		u64 sp;
		s32 flags, pad;
		u64 size;
	} ss = { (u64)a + AREA_ALTSTACK, 0, 0, AREA_ALTSTACK_SIZE };
	u64 none = 0;

	must(near_syscall3(__NR_sigaltstack, &ss, 0, 0));
	for (u32 i = 0; i < sizeof(sigs); i++)
		catch_signal(sigs[i]);
	must(near_syscall6(__NR_rt_sigprocmask, SIG_SETMASK, (u64)&none, 0, 8, 0, 0));
}

/* No right of the user's is needed here, and none of root's may stay. */
static void give_up_rights(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	struct rlimit core = { 0, 0 };

	near_syscall3(__NR_setrlimit, RLIMIT_CORE, &core, 0);
	must(near_syscall6(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));
	must(near_syscall3(__NR_capset, &h, d, 0));
	near_syscall6(__NR_prctl, PR_SET_NAME, (u64)"linux", 0, 0, 0, 0);
	near_syscall3(__NR_setsid, 0, 0, 0);
}

/*
 * When the kernel process ends, however it ends, the lifeline's write end is closed. The host then kills the
 * whole process group: all guest processes, those included that guest code made behind our back and that
 * have no death signal of their own. The template stays, so there is always one that holds the read end: its
 * own death signal, which would come with the end of one thread of the kernel and so before the files are
 * closed, is taken back here.
 */
static void tie_lifeline(void)
{
	u64 group = -(u64)near_syscall3(__NR_getpid, 0, 0, 0);

	must(near_syscall3(__NR_fcntl, NEAR_FD_LIFE, F_SETOWN, group));
	must(near_syscall3(__NR_fcntl, NEAR_FD_LIFE, F_SETSIG, SIGKILL));
	must(near_syscall3(__NR_fcntl, NEAR_FD_LIFE, F_SETFL, FASYNC));
	must(near_syscall6(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0, 0));
}

static void install_filter(struct near_boot *b)
{
	struct {
		u16 len, pad[3];
		void *insns;
	} prog = { (u16)b->filter_len, { 0 }, b->filter };
	long r = near_syscall3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog);

	if (r == -EINVAL)
		r = near_syscall3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
	must(r);
}

void near_start(struct near_boot *b)
{
	struct near_area *a = near_area_at(NEAR_SHARED);

	near_data()->fsgsbase = b->fsgsbase;
	move_vdso(b);
	unmap_rest(b);
	make_fs_table();
	catch_signals(a);
	must(near_syscall6(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0));
	give_up_rights();
	near_syscall3(__NR_close_range, NEAR_FD_BELL + b->nbells, NEAR_FD_CTL - 1, 0);
	near_syscall3(__NR_close_range, NEAR_FD_LIFE + 1, ~0U, 0);
	tie_lifeline();
	if (near_syscall3(__NR_getppid, 0, 0, 0) != a->kernel_pid)
		die();			/* it died before the lifeline was tied, and nobody else would tell */
	install_filter(b);
	near_switch((u64)a + a->ctx - 256, near_run_context, a);
}
