/* SPDX-License-Identifier: MIT */
/*
 * Inside the near kernel: freestanding code in guest processes, general registers only, no
 * writable data of its own (NEAR_DATA is reached through near_data()).
 */
#ifndef NEAR_NEAR_H
#define NEAR_NEAR_H

#include "lib/types.h"
#include "near/layout.h"
#include "near/proto.h"

#include <asm/sigcontext.h>

#pragma GCC visibility push(hidden)

/* The host's signal frame, as far as we touch it (asm/sigcontext.h names, 64-bit). */
struct near_gregs {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2;
	u64 fpstate;
	u64 reserved[8];
};
struct near_uc {
	u64 flags, link;
	u64 ss_sp;
	s32 ss_flags, pad;
	u64 ss_size;
	struct near_gregs r;
	u64 sigmask;
};

struct near_fs_entry {
	u64 fs;
	u64 area;
};
#define FS_SHARED_MAX 16
#define SITES2_MAX 1024
struct near_site2 {
	u64 ret, tail;
};

/* NEAR_DATA: private to the process, copied by fork. */
struct near_data {
	struct near_site2 sites2[SITES2_MAX];
	u64 used[(1 << FS_INDEX_BITS) / 64];	/* entries of FS_TABLE in use: what fork has to sweep */
	u64 shared_fs[FS_SHARED_MAX];	/* FS bases that two threads have: not in the table */
	u64 high_next, low_next;	/* where to look for a free island slot first; 0: not yet */
	u64 reported[256];	/* call sites that trapped, by hash */
	u8 traps[256];		/* how often, up to WORTH_SITE; or REPORTED: the far kernel has heard of it */
	u32 trapped;		/* at all sites, up to WORTH_PROGRAM */
	u32 reports;		/* since the last site that could be patched */
	u32 nsites2;
	struct _fpx_sw_bytes fpu;	/* of the host's signal frames; magic1 0: not known yet */
	u32 fsgsbase;			/* RDFSBASE works */
};

static inline struct near_data *near_data(void)
{
	return (struct near_data *)NEAR_DATA;
}

static inline const volatile struct near_watch *near_watch(void)
{
	return (const volatile struct near_watch *)NEAR_WATCH;
}

static inline struct near_area *near_area_at(u64 addr)
{
	return (struct near_area *)(addr & ~(u64)(AREA_SIZE - 1));
}

/* The registers of a call through a patched site, in the order near_fast pushes them. */
struct near_frame {
	u64 nr, args[6];
	struct near_area *area;
};

struct near_saved {		/* the other registers that a call leaves alone, as near_exit_special pushes them */
	u64 rbx, rbp, r12, r13, r14, r15;
};

/* rax and rdx of near_fast: the result, and how to leave. */
enum { LEAVE_RETURN, LEAVE_TRAP, LEAVE_REDO, LEAVE_SIGNAL };
struct near_leave {
	u64 result;
	u64 next;		/* return; trap with the result; make the call again, all saved; near_fast_signal() */
};

static inline long near_syscall6(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#define near_syscall3(nr, a, b, c) near_syscall6(nr, (u64)(a), (u64)(b), (u64)(c), 0, 0, 0)

/* entry.S */
long near_copy(void *dst, const void *src, size_t n);
long near_clear(void *dst, size_t n);
long near_strcopy(char *dst, const char *src, size_t n);
long near_xsave(void *dst, u64 features);
void near_fpu_reset(u64 features);
long near_cmpxchg(u32 *addr, u32 expect, u32 desired, u32 *old);
long near_fork_asm(u64 flags, long memfd, long ctlfd, u64 stack, void (*fn)(struct near_area *),
		   struct near_area *arg);
long near_thread_asm(u64 flags, u64 stack, u64 tls, void (*fn)(struct near_area *),
		     struct near_area *arg);
void near_sigreturn(struct near_uc *uc) __noreturn;
void near_switch(u64 stack, void (*fn)(struct near_area *), struct near_area *arg) __noreturn;
extern char near_exit_check[], near_exit_end[], near_exit_trap[], near_trap_ret[], near_restorer[];
extern char near_uaccess_begin[], near_uaccess_end[], near_uaccess_fault[], near_fast[];

/* trap.c: the handler of every signal; its frames lie on the area's signal stack */
void near_signal(int sig, void *siginfo, struct near_uc *uc);
/* trap.c: post a trap and do what the far kernel orders until it resumes us: RESUME_* of the last answer. */
u32 near_far_call(struct near_area *a);
/* Wait for the first orders, then run the context that the far kernel prepared. */
void near_run_context(struct near_area *a) __noreturn;
/* orders.c: carries out the list: 0 or the first error. */
s64 near_run_orders(struct near_area *a);
/* fast.c: answer a call here; true when *result is the answer. */
bool near_local(struct near_area *a, long nr, const u64 *args, long *result);
/* files.c: the same for calls on descriptors. */
bool near_files(struct near_area *a, long nr, const u64 *args, long *result);
/* hints.c: copy ahead what the far kernel will want. */
void near_prefetch(struct near_area *a, long nr, const u64 *args);
/* thread.c */
void near_child_main(struct near_area *a);
void near_thread_main(struct near_area *a);
long near_do_fork(struct near_area *a, long memfd, long ctlfd);
long near_do_thread(struct near_area *a, u64 index, u64 tls, u64 how);
void near_fs_back(struct near_area *a);
void near_fs_register(struct near_area *a);
void near_fs_forget(struct near_area *a);
void near_fs_unshare(struct near_area *a);
void near_leaving(struct near_area *a);	/* runs no guest code any more: its FS base may be anybody's */
u64 near_get_fs(void);
void near_resume_context(struct near_area *a, struct near_uc *uc);	/* last fix-ups of a context */
/* frame.c */
long near_frame_push(struct near_area *a);
long near_frame_pop(struct near_area *a);
/*
 * The two for a frame request of our own, and for a frame that was copied from the guest's stack: 0 or -EFAULT. leaving:
 * nobody looks at uc any more but the host, which may take the FPU's state from the guest's memory.
 */
long near_push(struct near_uc *uc, const struct near_frame_req *q);
long near_pop(struct near_uc *uc, const struct near_uc *g, bool leaving);
/* Where the FPU's registers are the program's: possible once near_learn_fpu() has seen a frame of the host's. */
void near_learn_fpu(const struct near_uc *uc);
long near_push_live(struct near_uc *uc, const struct near_frame_req *q);
/* selfsig.c: may this call be answered here, once all registers are saved? Then do so: false, it may not after all. */
bool near_selfsig_wants(const struct near_area *a, long nr, const u64 *args);
bool near_selfsig(struct near_area *a, struct near_uc *uc, long nr, const u64 *args);
struct near_leave near_fast_signal(struct near_area *a, struct near_frame *f, const struct near_saved *s);
/* patch.c */
/*
 * Held while text and the tables of sites change. Fork takes it, too: the child has only the thread that
 * forked, so what another thread had begun would never be finished there.
 */
void near_text_lock(void);
void near_text_unlock(void);
s64 near_patch(struct near_area *a, u64 start, u64 len, u32 count, u32 woff, bool alone);
s64 near_unpatch(struct near_area *a, u64 start, u64 len, u32 count, u32 woff);
void near_canonical(struct near_uc *uc);	/* rip in an island: back to the original text */
u64 near_island_ret(u64 tail);
bool near_in_islands(u64 ip);
u64 near_site2_tail(u64 ret);

struct near_boot;
void near_start(struct near_boot *b) __noreturn;		/* start.c: the far kernel jumps here */

#pragma GCC visibility pop

#endif
