/* SPDX-License-Identifier: MIT */
/*
 * The protocol between near and far kernel: the thread area.
 *
 * One area per guest thread, shared read-write by both. The far kernel treats every byte as
 * hostile: it copies a field once, checks it, then uses it. The near kernel obeys whatever stands in it: it has
 * only the guest process's own rights.
 *
 * state (a futex word) says whose turn it is:
 *   ST_GUEST  guest code runs; only the near kernel may change state
 *   ST_CALL   the near kernel has posted a trap and waits; only the far kernel may change state
 *   ST_GO     the far kernel has posted orders; the near kernel carries them out
 * Near: write the trap, state = CALL, ring the doorbell unless the area is polled and a worker is awake, wait.
 * Far: write orders, state = GO, wake the futex if sleeping.
 * After the orders the near kernel resumes guest code (RESUME_GUEST set and all went well: state = GUEST)
 * or posts TRAPN_ORDERS.
 */
#ifndef NEAR_PROTO_H
#define NEAR_PROTO_H

#include "lib/types.h"
#include "near/layout.h"

enum { ST_GUEST, ST_CALL, ST_GO };

enum near_trap {
	TRAPN_SYSCALL = 1,	/* nr, args */
	TRAPN_FAULT,		/* sig and siginfo */
	TRAPN_KICK,
	TRAPN_ORDERS,		/* orders done (or stopped at the first failure) */
	TRAPN_HELLO,		/* a new thread or process is ready */
};

enum {
	RESUME_GUEST = 1,
	RESUME_RESULT = 2,	/* put result into rax */
	RESUME_TRAP = 4,	/* do not run guest code: re-enter with all registers saved */
};

enum order_op {
	ORD_HOSTCALL = 1,	/* a[0] number, a[1..6] arguments; argument FD_ARG means the received descriptor */
	ORD_RECVFD,		/* receive one or two descriptors from NEAR_FD_CTL, keep them for the following orders */
	ORD_CLOSEFD,		/* close them */
	ORD_COPY_IN,		/* a[0] window offset, a[1] guest address, a[2] length */
	ORD_COPY_OUT,		/* a[0] window offset, a[1] guest address, a[2] length */
	ORD_STR_IN,		/* like COPY_IN up to a NUL: res = length without it, = a[2] when none */
	ORD_PUT,		/* a[0] length, a[1] guest address, the bytes from a[2] on */
	ORD_CLEAR,		/* a[1] guest address, a[2] length */
	ORD_CMPXCHG,		/* a[1] address, a[2] expect, a[3] desired: res 0, old value to a[0] */
	ORD_FORK,		/* child: new memfd arrives by RECVFD before, see near/fork.c */
	ORD_THREAD,		/* a[0] area index of the new thread, a[1] tls, a[2] TLS_* */
	ORD_PATCH,		/* a[0] start, a[1] length of text, a[2] count, a[3] window offset of u32 offsets */
	ORD_UNPATCH,		/* the same arguments: the original bytes again */
	ORD_SETFS,		/* a[0] */
	ORD_SETGS,
	ORD_FPINIT,		/* initial FPU state into the saved context */
	ORD_FRAME_PUSH,		/* build the frame: see near/frame.c */
	ORD_FRAME_POP,
	ORD_FS_BACK,		/* the thread made with TLS_LENT is gone: the FS base names this one again */
	ORD_GETBASES,		/* a[0] = fs base, a[1] = gs base */
	ORD_LEAVING,		/* no guest code any more: give the FS base back */
	ORD_EXIT_THREAD,
	ORD_EXIT_GROUP,
	ORD_COUNT
};

enum { TLS_SHARED, TLS_OWN, TLS_LENT };	/* enum guest_tls */

#define FD_ARG 0x4644			/* in place of a descriptor argument of ORD_HOSTCALL */

struct near_order {
	u32 op;
	s32 unused;
	s64 res;			/* negative errno stops the list */
	u64 a[7];
};
#define ORDERS_MAX 24
#define PUT_MAX 40			/* bytes that fit into an order */

struct near_pre {			/* data that the near kernel copied ahead of the far kernel's wish */
	u64 addr;
	u32 len, off;			/* in the window */
};
#define PRE_MAX 6

struct near_area {
	/* Handoff. */
	u32 state;			/* ST_* */
	u32 sleeping;			/* near waits in the futex */
	u32 polled;			/* far: workers look at this area while one is awake */
	u32 kicked;			/* a kick arrived in near text: trap before guest code */
	u32 bell_id;			/* what to write to a doorbell */
	u32 index;
	u32 spin;			/* how often to look before sleeping; 0 on one CPU */
	u32 blocked;			/* far: the call sleeps, so sleep too */
	u32 cpu;			/* near: where the thread was when it called last; a hint */
	u32 born;			/* by the host, before the child of ORD_FORK runs: its pid */
	u32 text_lock;			/* near, in the first area: of the process (near/patch.c) */
	u32 pad0[1];
	u32 alive;			/* set before a thread starts, cleared by the host when it is gone */
	u32 pad1[3];

	/* The patched path's registers (A_B*). */
	u64 b_rsp, b_ret, b_flags, b_rax;
	u64 fs_base;			/* under which this area stands in the thread table */
	u64 shared_fs;			/* the FS base this thread has in common with its maker, 0 */
	u64 lent_fs;			/* the FS base whose entry its maker will take back, 0 */
	u64 pad2;

	/* Trap, near to far. */
	u32 trap;			/* TRAPN_* */
	u32 full;			/* ctx is valid: all registers saved */
	s64 nr;
	u64 args[6];
	u64 ctx;			/* offset of the ucontext in this area */
	u64 site;			/* address of the instruction behind an unpatched syscall, 0 */
	u32 npre, orders_done;
	struct near_pre pre[PRE_MAX];
	u8 siginfo[128];

	/* Answer, far to near. */
	u32 resume;			/* RESUME_* */
	u32 norders;
	s64 result;
	struct near_order orders[ORDERS_MAX];

	/* What the near kernel answers by itself (T0). */
	u32 fast;			/* 0: fastpath=off */
	u32 files;			/* NFILES_*: the table of descriptors is this thread's */
	u64 moved;			/* bytes of this read or write that are done already */
	u32 tid, pid, ppid, uid, euid, gid, egid;
	u64 sigmask;			/* the thread's own while guest code runs */
	u64 sigpending;			/* queued signals: unblocking one of these is the far kernel's call */
	u32 kernel_pid;			/* host pid of the kernel: getppid of every guest process */
	u32 fpsize;			/* of an xsave area with its software part */
	u64 clone_ret;
	u32 actions;			/* the handlers at AREA_ACTIONS count */
	u32 fs_keep;			/* far: the maker takes the entry of lent_fs back, leave it */
	u64 robust_list, clear_child_tid;	/* the thread's own while guest code runs */
	u64 ss_sp, ss_size;		/* the alternate stack */
	u32 ss_flags, pad3;
	u64 brk, brk_max;		/* 0: ask, others share the address space; how far it may grow without asking */
	u64 limits[16][2];		/* struct rlimit64 by RLIMIT_* */
	u32 alone;			/* no other thread: its exit needs no answer */
	u32 left;			/* near: the call posted is the last one, the process ends by itself */
	u64 maxrss;			/* near: in KiB, with execve and exit */
	u32 wakes;			/* near: near_watch.wakes before a futex word was copied ahead */
	u32 cleared;			/* near: with exit, the word at clear_child_tid is zero already */
};

/* Calls with which a thread or a process ends itself. */
#define NEAR_ENDS(nr) ((nr) == __NR_exit || (nr) == __NR_exit_group)

#define NEAR_CPUS 1024

/*
 * The page at NEAR_WATCH: what guest processes know of the worker that polls. When it stops it clears awake, then looks
 * at the polled areas; a guest thread sets its state, then looks at awake. So whoever finds it awake was or will
 * be seen by it, and need not ring, unless that worker does not get on: it is on the same CPU, or beat stands still.
 */
struct near_watch {
	u32 awake;			/* a worker polls, and is not in a host call that may take long */
	u32 cpu;			/* where */
	u32 nbells;
	u32 wakes;			/* futexes: counts each wish to wake */
	u32 pad[12];			/* what changes all the time has a cache line of its own */
	u32 beat;			/* changes with each task that it runs */
	u32 pad2[15];
	u8 bell[NEAR_CPUS];		/* by CPU: the doorbell to ring there; 0 (heard anywhere) for those that are not ours */
};

/* One signal's entry at AREA_ACTIONS: Linux's struct sigaction. */
struct near_action {
	u64 handler, flags, restorer, mask;
};

_Static_assert(offsetof(struct near_area, kicked) == A_KICKED, "A_KICKED");
_Static_assert(offsetof(struct near_area, born) == A_BORN, "A_BORN");
_Static_assert(offsetof(struct near_area, alive) == A_ALIVE, "A_ALIVE");
_Static_assert(offsetof(struct near_area, b_rsp) == A_BRSP, "A_BRSP");
_Static_assert(offsetof(struct near_area, b_ret) == A_BRET, "A_BRET");
_Static_assert(offsetof(struct near_area, b_flags) == A_BFLAGS, "A_BFLAGS");
_Static_assert(offsetof(struct near_area, b_rax) == A_BRAX, "A_BRAX");
_Static_assert(offsetof(struct near_watch, nbells) == W_NBELLS, "W_NBELLS");
_Static_assert(sizeof(struct near_area) <= 4096, "the area's control page");

/* near_area.files */
enum {
	NFILES_TABLE = 1,
	NFILES_WRITE = 2,		/* no limit on the size of files */
};

/*
 * A descriptor of the process that the near kernel serves (near/files.c, guest/fds.c). The far kernel writes
 * word and limit; a thread that uses pos has to set lock first. A regular file's host descriptor is
 * NEAR_FD_BASE + its guest number: whoever is late finds none there, or the one that the number now means.
 */
struct near_fd {
	u32 word;			/* NFD_*, 0: not served here */
	u32 lock;			/* NFDL_* */
	u64 pos;			/* with NFD_POS */
	u64 limit;			/* writing: only before this offset */
	u32 moves;			/* near: how often bytes were moved, which changes attributes */
	u32 pad;
};

enum {
	NFD_NULL = 1, NFD_ZERO, NFD_FILE, NFD_KIND = 0xf,
	NFD_READ = 0x10,
	NFD_WRITE = 0x20,
	NFD_POS = 0x40,			/* the file position is here */
};
enum { NFDL_FREE, NFDL_NEAR, NFDL_FAR };
_Static_assert(AREA_FDS + NEAR_FDS * sizeof(struct near_fd) <= AREA_ATTRS, "descriptor table");

/*
 * What fstat says of a descriptor, while stamp is not 0. The far kernel writes it, takes it back before a change is
 * known to anybody, and never uses a stamp twice: who finds the same one before and after reading has read one answer.
 * It does not hold any more when bytes were moved since.
 */
struct near_attr {
	u32 stamp;
	u32 mode, nlink, uid, gid, dev, rdev, blksize;
	u64 ino, size, blocks;
	s64 atime, mtime, ctime;
	u32 atime_nsec, mtime_nsec, ctime_nsec;
	u32 moves;			/* near_fd.moves at that time */
};
_Static_assert(AREA_ATTRS + NEAR_FDS * sizeof(struct near_attr) <= AREA_WINDOW, "attributes");

/* The push order's parameters, at the start of the window. */
struct near_frame_req {
	u64 sp;				/* build below this (red zone already subtracted) */
	u64 handler, restorer, flags;
	u64 oldmask;
	u64 ss_sp, ss_size;
	u32 ss_flags, sig;
	u64 siginfo[16];
};

#endif
