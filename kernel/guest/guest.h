/* SPDX-License-Identifier: MIT */
/*
 * Running guest code: the far side of the near kernel.
 *
 * A struct space is one guest address space: a host process held by seccomp. A struct uthread is one
 * host thread in it, with a page group shared with us (near/proto.h). This layer knows no tasks'
 * meaning beyond "the task that owns this uthread": it starts spaces and threads, runs a thread until
 * it traps, and gives orders to a thread that waits.
 *
 * "Waits for orders": a uthread is ours to command from the moment uthread_run() returned (a trap) until
 * the next uthread_run(). All orders below need that, and may block. Everything that a
 * guest process says is hostile: results are range-checked here, and a process that breaks the protocol is killed.
 *
 * The kernel lock is held on entry and dropped while waiting.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include "abi/signal.h"
#include "core/signal.h"
#include "lib/types.h"

struct space;
struct uthread;
struct task;

enum trap_kind {
	TRAP_SYSCALL,		/* nr, args */
	TRAP_FAULT,		/* the guest did something that raises sig; info as the host gave it */
	TRAP_KICK,		/* came because it was kicked, or to have its full registers fetched */
	TRAP_DEAD,		/* the host thread or process is gone, or broke the protocol */
};

struct trap {
	enum trap_kind kind;
	long nr;
	u64 args[6];
	u64 moved;		/* TRAP_SYSCALL: so many bytes of a read or write are done already; hostile */
	siginfo_t info;		/* TRAP_FAULT */
	u64 error_code, trapno, cr2;
};

/* All general registers, in the order of Linux's struct user_regs_struct (PTRACE_GETREGS). */
struct regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax;
	u64 rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

/* Boot options: fastpath=off, patch=off. Before guest_init(). */
extern bool guest_fastpath, guest_patching;
int guest_init(void);				/* after host checks: makes the template process and fills the pool */
void space_reaped(int hostpid);			/* the host reported a dead child */
void guest_shutdown(void);			/* kills every guest process */

/* Spaces. */
int space_create(struct space **out, struct uthread **first);	/* fresh, empty: from the pool. 0 or -errno */
void space_kill(struct space *s);		/* end the host process; its uthreads report TRAP_DEAD */
void space_put(struct space *s);		/* takes the last use: kills and forgets it */
int space_hostpid(const struct space *s);
/* A thread of s that waits for orders, for another task's use (one borrower at a time; the owner's next
 * uthread_run() waits for the return). Kicks one if all run. May block; -ESRCH: none. */
int space_borrow(struct space *s, struct uthread **out);
/* This very thread, whose task waits and will go on waiting (a tracee in a stop). 0 or -ESRCH. Blocks. */
int uthread_borrow(struct uthread *ut);
void space_return(struct uthread *ut);
void space_set_name(struct space *s, const char *name);	/* shown by the host's ps as "linux [name]" */

/*
 * Fork the host process behind ut, whose thread waits for orders inside a system call. The child's
 * only thread has the same registers, except rax = 0, and waits for its first uthread_run(). undo (below): the host's
 * fork travels with the answer to ut's call, so ut's task must not wait for the child before; NULL: it is made now.
 * If it fails after all, the child's threads report TRAP_DEAD.
 */
struct guest_undo;
int space_fork(struct uthread *ut, const struct guest_undo *undo, struct space **child, struct uthread **child_ut);

/* Another thread in the same host process: same registers as ut but rax = 0 and, unless 0, rsp = stack; */
/* for every CLONE_VM. */
enum guest_tls {
	GUEST_TLS_SHARED,		/* ut's own; calls of both take the slow way */
	GUEST_TLS_OWN,			/* fs_base = tls */
	GUEST_TLS_LENT,			/* ut's own, and ut's task waits until the new thread is gone (vfork) */
};
int uthread_clone(struct uthread *ut, u64 stack, enum guest_tls how, u64 tls, struct uthread **out);
/* The thread made with GUEST_TLS_LENT runs no guest code any more and its maker waits; then the maker takes over. */
void uthread_leave_fs(struct uthread *ut);
void uthread_fs_back(struct uthread *ut);

/* The task that is woken by ut's traps and kicked through it. */
void uthread_bind(struct uthread *ut, struct task *t);
/* Publish what the near kernel answers itself: ids, signal mask, ... of the bound task. */
void uthread_publish(struct uthread *ut);
/*
 * The end of the heap, for as long as only this thread can move it; 0: it is to ask. Up to max it may grow by itself (max:
 * no overflow when rounded to pages); moved: it has, *brk is within what was allowed. Where ut waits for orders. nb
 */
void uthread_publish_brk(struct uthread *ut, u64 brk, u64 max);
bool uthread_brk_moved(struct uthread *ut, u64 *brk);
/* Brings the bound task's robust_list and clear_child_tid up to date while its guest code may be running. */
void uthread_collect_kept(struct uthread *ut);
/*
 * The bound task's signal handlers go where the near kernel reads and changes them (T0), when the task is the
 * only one that has them; nothing otherwise. unlend: they are the kernel's own again.
 */
enum lend_when { LEND_NOW, LEND_IF_ASKED_OFTEN };
void uthread_lend_actions(struct uthread *ut, enum lend_when when);
void uthread_unlend_actions(struct uthread *ut);
/* Its last call, exit, came with a zero already at clear_child_tid, and other threads may use its TLS. */
bool uthread_tid_cleared(const struct uthread *ut);
/* It runs no more guest code: from now on (with the next exchange) another thread may use its TLS. */
void uthread_leaving(struct uthread *ut);
/* Pages that its process ever had in memory, as the process itself says with execve and exit; 0: it has not. */
u64 uthread_max_rss(const struct uthread *ut);
/* End this host thread (the process too when it is the last one). ut is freed. */
void uthread_exit(struct uthread *ut);
struct space *uthread_space(struct uthread *ut);

/* Continue guest code and sleep until the next trap. After a TRAP_SYSCALL, result goes to rax (see uthread_set_result). */
void uthread_run(struct uthread *ut, struct trap *out);
void uthread_set_result(struct uthread *ut, long result);	/* return value of the trapped call */
/* The guest's wish for CPUs; a hint: only when the guest's CPUs are the host's. Never blocks. */
void uthread_set_affinity(struct uthread *ut, u64 mask);
void uthread_kick(struct uthread *ut);		/* make it trap soon (TRAP_KICK or its own next trap); any task, never blocks */

/*
 * Registers. A call that came through a patched site has not saved all of them: uthread_full() makes the thread
 * re-enter with everything saved. After it, regs of a system call stand behind the syscall instruction, rax =
 * the result set so far, orig_rax = the number (-1 outside calls). 0, or -ESRCH: the thread died.
 */
int uthread_full(struct uthread *ut);
int uthread_get_regs(struct uthread *ut, struct regs *r);	/* calls uthread_full() itself; not fs_base and gs_base */
int uthread_set_regs(struct uthread *ut, const struct regs *r);	/* flags and segments are sanitised; GS base is kept */
/*
 * The FPU state in XSAVE form (the first 512 bytes are FXSAVE's). get: up to n bytes, how many; set: what get gave,
 * changed. -EIO: not available.
 */
ssize uthread_get_fpu(struct uthread *ut, void *buf, size_t n);
int uthread_set_fpu(struct uthread *ut, const void *buf, size_t n);
/* Everything queued is done, all registers are saved, nothing copied ahead is used any more: others may work on it. */
int uthread_settle(struct uthread *ut);		/* 0, -EFAULT (a copy of the call's result failed), -ESRCH */
/* The next run is for one instruction. on: true when the program had not set the trap flag itself. */
bool uthread_step(struct uthread *ut, bool on);
int uthread_set_fsbase(struct uthread *ut, u64 base);
int uthread_get_bases(struct uthread *ut, u64 *fs, u64 *gs);
int uthread_set_gsbase(struct uthread *ut, u64 base);
/* Fresh program in a fresh space: all registers zero, FPU state initial (fs_base is 0 there). */
int uthread_reset(struct uthread *ut, u64 rip, u64 rsp);

/*
 * Signal frames of the x86-64 ABI. push: builds Linux's rt_sigframe (siginfo, ucontext with
 * mask, xsave area) below sp_hint (the current rsp, or the top of the alternate stack) and points registers at
 * the handler. pop: what rt_sigreturn does, from the frame at rsp; gives back mask and altstack found there.
 * 0, or -EFAULT (the caller forces SIGSEGV).
 */
int uthread_push_sigframe(struct uthread *ut, const struct sigaction_k *act, const siginfo_t *info,
			  sigmask_t oldmask, const struct sigaltstack_k *oss, u64 sp_top, bool use_altstack);
int uthread_pop_sigframe(struct uthread *ut, sigmask_t *mask, struct sigaltstack_k *oss);

/* Host memory calls in the guest process. All fixed. Negative errno or 0 (mremap: 0). */
int guest_mmap(struct uthread *ut, u64 addr, u64 len, u32 prot, u32 flags, int hostfd, u64 off);
/*
 * Between begin and end, one memory call below is not carried out at once but with the answer to the guest's call, or
 * the next exchange. If the host refuses it, fn undoes what the caller has noted and gives the call's result.
 * Only for an address space that no other thread uses, or where it is one to others whether it is done now or then. undo is
 * copied.
 */
struct guest_undo {
	s64 (*fn)(struct uthread *ut, const struct guest_undo *u, int err);	/* may block */
	void *owner;
	u64 start, end;
};
void guest_defer_begin(struct uthread *ut, const struct guest_undo *undo);
void guest_defer_end(struct uthread *ut);
int guest_munmap(struct uthread *ut, u64 addr, u64 len);
int guest_mprotect(struct uthread *ut, u64 addr, u64 len, u32 prot);
int guest_madvise(struct uthread *ut, u64 addr, u64 len, int advice);
int guest_mremap(struct uthread *ut, u64 old, u64 oldlen, u64 newlen, u64 newaddr);	/* to exactly newaddr */
int guest_msync(struct uthread *ut, u64 addr, u64 len, int flags);
int guest_mincore(struct uthread *ut, u64 addr, u64 len, u8 *vec);
/*
 * Reading or writing a host file straight into or out of the guest's memory, by the guest process itself: the descriptor
 * has the guest's own access mode. Bytes, or -errno. For large pieces: passing the descriptor costs a few us.
 */
ssize guest_pread(struct uthread *ut, int hostfd, u64 addr, size_t n, u64 off);
ssize guest_pwrite(struct uthread *ut, int hostfd, u64 addr, size_t n, u64 off);
/* Between begin and end the memory calls above are queued and report 0; end runs them all: first error. */
void guest_batch_begin(struct uthread *ut);
int guest_batch_end(struct uthread *ut);
/* Instead of end, for a process that has no program yet: what is queued is carried out before its first instruction, and
 * an error kills it. Errors so far. nb */
int guest_batch_leave(struct uthread *ut);
bool guest_batching(const struct uthread *ut);

/*
 * Descriptors that a guest process serves itself (fds.c, near/files.c). A table belongs to one space and to one
 * owner (a descriptor table of the VFS, only compared): threads whose task has another one do not use it.
 */
struct guest_fds;
#define GUEST_FDS 512			/* numbers that can be in it */
enum guest_fd_kind { GUEST_FD_NULL = 1, GUEST_FD_ZERO, GUEST_FD_FILE };
struct guest_fd {
	enum guest_fd_kind kind;
	bool read, write;
	u64 limit;			/* writing: only before this offset */
	u32 id;				/* not 0: of this giving */
};
/* For the space of ut: a new table, with one reference. NULL: it has one, ut's calls are all watched, no memory. nb */
struct guest_fds *guest_fds_new(struct uthread *ut, const void *owner);
/* The owner gives it up: nothing is served any more. ut: NULL, or where the host descriptors are to be closed (blocks). */
void guest_fds_end(struct guest_fds *t, struct uthread *ut);
bool guest_fds_serve(const struct guest_fds *t, const struct uthread *ut);	/* its living space is ut's */
/*
 * A regular file's host descriptor (borrowed; with no more rights than g names afterwards) goes to its place. Blocks; ut
 * waits for orders. -ESTALE: t is gone. When the number means another file by now: guest_fds_take().
 */
int guest_fds_place(struct guest_fds *t, struct uthread *ut, int fd, int hostfd);
void guest_fds_give(struct guest_fds *t, int fd, const struct guest_fd *g);	/* from now on. nb */
bool guest_fds_given(const struct guest_fds *t, int fd);
void guest_fds_mute(struct guest_fds *t, int fd);	/* until it is taken. nb */
void guest_fds_limit(struct guest_fds *t, int fd, u64 limit);	/* may lower it; who writes just now is not stopped. nb */
/* Not any more. ut: where the host descriptor is to be closed, with its next orders; NULL: the process ends anyway. May block. */
void guest_fds_take(struct guest_fds *t, struct uthread *ut, int fd);
u32 guest_fds_id(const struct guest_fds *t, int fd);	/* 0: not given. nb */
/*
 * What fstat says of fd, which the process answers itself from now on, and no more: nobody who learns of a change after
 * that is told the old. Its own reading and writing of fd ends it, too: moves is what guest_fds_moves() said before
 * the answer was got. nb
 */
struct guest_time {
	s64 sec;
	u32 nsec;
};
struct guest_stat {
	u32 mode, nlink, uid, gid, dev, rdev, blksize;
	u64 ino, size, blocks;
	struct guest_time atime, mtime, ctime;
};
void guest_fds_show(struct guest_fds *t, int fd, const struct guest_stat *st, u32 moves);
u32 guest_fds_moves(const struct guest_fds *t, int fd);
void guest_fds_hide(struct guest_fds *t, int fd);
/*
 * File positions. Published: threads of the space read and move it. -EBUSY: one is just doing so. The lock keeps them
 * out; the position is whatever they say, but not negative. -EINTR: killed while waiting.
 */
int guest_fds_publish_pos(struct guest_fds *t, int fd, u64 pos);		/* nb */
int guest_fds_lock_pos(struct guest_fds *t, int fd, u64 *pos);			/* blocks */
void guest_fds_unlock_pos(struct guest_fds *t, int fd, u64 pos);		/* nb */
u64 guest_fds_peek_pos(const struct guest_fds *t, int fd);			/* nb */
/* Back to the kernel, which is told where it stands. force: even if a thread is just moving it. -EBUSY. nb */
int guest_fds_withdraw_pos(struct guest_fds *t, int fd, bool force, u64 *pos);

/* Memory of the guest: 0 or -EFAULT (-ESRCH: died). */
int guest_copy_in(struct uthread *ut, void *dst, u64 src, size_t n);
int guest_copy_out(struct uthread *ut, u64 dst, const void *src, size_t n);
ssize guest_strncpy_in(struct uthread *ut, char *dst, u64 src, size_t n);
int guest_cmpxchg32(struct uthread *ut, u64 addr, u32 expect, u32 desired, u32 *old);
/*
 * What came with a call that waits for a futex was read before the call was posted. Forgets it if somebody was to be woken
 * since: the caller, who has queued itself, then reads anew. nb
 */
void guest_ahead_of_wakes(struct uthread *ut);
/* Copies to the guest may wait for the return to guest code. Now: others must see them, or there is no return. */
int guest_sync(struct uthread *ut);		/* 0, -EFAULT, -ESRCH */
/* The window: shared bytes for staging. Hostile content. What it held before is lost. */
void *guest_window(struct uthread *ut, size_t *size);
int guest_window_in(struct uthread *ut, u64 src, size_t n, const void **at);	/* guest -> window, where it then stands */
int guest_window_out(struct uthread *ut, u64 dst, size_t n);	/* window start -> guest; may be deferred to the return */

void guest_window_done(struct uthread *ut);	/* what it holds is not needed any more. Never blocks */

/* Another text, or none, lies at this range now. Never blocks. */
void guest_text_unmapped(struct space *s, u64 addr, u64 len);
/* Learnt call sites of a file mapped executable at addr (patching; docs/architecture.md). */
void guest_text_mapped(struct uthread *ut, u64 addr, u64 len, u64 off, u64 dev, u64 ino, u64 mtime);
/*
 * A tracer looks on: the texts of ut's space get their original bytes back (may block), and keep them until
 * guest_text_patchable(). 0, -ESRCH.
 */
int guest_text_original(struct uthread *ut);
void guest_text_patchable(struct space *s);

/* vDSO of the guest process: address where it lies after space_create; the base the auxv names. */
u64 guest_vdso_base(void);
u64 guest_vdso_size(void);	/* with vvar in front: see guest_vvar_base */
u64 guest_vvar_base(void);

/* Host facts for auxv. */
u64 guest_hwcap(void);
u64 guest_hwcap2(void);
u64 guest_minsigstksz(void);
const char *guest_platform(void);

#endif
