/* SPDX-License-Identifier: MIT */
/*
 * Inside guest/: the private half of spaces and threads. What stands in struct near_area is hostile; what
 * stands here is ours.
 */
#ifndef GUEST_PRIV_H
#define GUEST_PRIV_H

#include "core/lock.h"
#include "core/wait.h"
#include "guest/guest.h"
#include "lib/list.h"
#include "near/proto.h"

#define SPACES_MAX 32768
#define CHUNK_AREAS 8			/* areas mapped at a time into the kernel */
#define CHUNKS (AREA_MAX / CHUNK_AREAS)
#define TEXTS_MAX 128

/* CHUNK_AREAS areas as the kernel sees them, and the threads that have them. */
struct chunk {
	void *map;
	struct uthread *thread[CHUNK_AREAS];
};

/* An executable private file mapping in a space. */
struct text {
	u64 start, len, off;
	struct text_file *file;
	bool begun;			/* what was known of it is patched */
};

struct space {
	int slot;			/* in the table: what doorbell ids name */
	int hostpid;			/* 0: not yet known */
	int memfd, ctl;			/* the areas; our end of the descriptor channel */
	int ctl_guest;			/* the other end, until the process has it; -1 */
	struct mutex channel;		/* from sending a descriptor until it was taken */
	struct space *pid_next;		/* in the hash by hostpid */
	bool dead;			/* the host process is gone */
	bool killed;			/* or will soon be: it was sent SIGKILL */
	bool leaving;			/* it said that it ends by itself */
	u32 overdue;			/* sweeps that saw it live although it was put and leaving */
	bool put;			/* nobody uses it: freed when dead */
	int nthreads;
	struct chunk *chunk[CHUNKS];	/* made when the first of its areas is wanted */
	u64 used[AREA_MAX / 64];	/* areas given to threads */
	struct list_head uthreads;
	struct uthread *maker;		/* has the order to fork it, and perhaps not done so yet; NULL */
	struct list_head pool_node;	/* of the pool, or in fork.c's list of those that have a maker */
	struct text texts[TEXTS_MAX];
	int ntexts;
	bool original;			/* traced: texts are unpatched, and stay so */
	struct guest_fds *fds;		/* fds.c; a reference, NULL */
	u64 tried[64];			/* sites that were given to the near kernel, by hash */
};

struct uthread {
	struct space *space;
	struct list_head node;		/* in space->uthreads */
	u32 index;
	struct near_area *area;
	struct task *task;
	struct sighand *lent_to;	/* whose handlers are in the area */
	int tid;			/* host thread, for kicks */
	bool running;			/* guest code runs, or may: not ours to command */
	bool trapped;			/* a trap arrived and is not yet taken */
	bool full;			/* all registers are in the context */
	bool in_call;			/* between a TRAP_SYSCALL and the next run */
	bool batch;
	bool hot;			/* in the poll set */
	bool borrowed;
	bool sending;			/* has the channel */
	struct space *unborn;		/* whose maker it is; NULL */
	int fd_there;			/* ours whose copy is open there until the list of orders ends; -1 */
	bool staged;			/* the window holds bytes that its owner works on */
	bool kick_sent;
	bool tid_cleared;
	u32 action_calls;		/* of rt_sigaction since the last unlend */
	u32 deaf;			/* sweeps that saw it run although it ought to come in */
	u32 starved;			/* and such in which the host gave it no CPU */
	u64 ran;			/* until the last sweep that saw one of these */
	u64 ctx;			/* checked copy of area->ctx */
	s64 result;
	bool has_result;
	long nr;			/* of the call in progress, -1 */
	u64 max_rss;
	u64 brk, brk_max;		/* as published */
	struct task *waiter;		/* sleeps until the next trap */
	struct wait_queue wq;		/* others that wait for this thread: borrowers, and its task for them */
	/* Orders not yet given. */
	struct near_order orders[ORDERS_MAX];
	u32 norders;
	bool defer;			/* the next memory call is to travel with the answer */
	bool result_stays;		/* it failed there: the call's own result counts no more */
	u32 undo_from, undo_at;		/* its place in orders[]: first and last */
	struct guest_undo undo;		/* fn NULL: none */
	bool deferred;			/* some are copies to the guest that may fail at the return */
	u32 wpos;			/* first free byte of the window's lower half */
	/* Checked copies of what was copied ahead. */
	u32 npre;
	struct near_pre pre[PRE_MAX];
	s64 batch_err;
};

/* The host's ucontext in an area: near/near.h has the same struct for the near side. */
struct guest_gregs {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};
struct guest_uc {
	u64 flags, link, ss_sp;
	s32 ss_flags, pad;
	u64 ss_size;
	struct guest_gregs r;
	u64 sigmask;
};

/*
 * defer.c: was it the deferred call that ended the list of n orders just given? Then it is undone, ut->result is the
 * call's, and the orders behind it are queued again. May block.
 */
bool defer_failed(struct uthread *ut, u32 n);
void defer_these(struct uthread *ut, u32 from);	/* the orders queued from this one on are the deferred call */

/* The context; NULL when registers are not all saved. Writable, hostile, in bounds. */
struct guest_uc *uthread_uc(struct uthread *ut);
void uc_init(struct near_area *a, u64 areabase, u64 ctx);	/* a zeroed context with an initial FPU state */
#define FRESH_CTX (AREA_ALTSTACK + AREA_ALTSTACK_SIZE - 0x1000)

/* uthread.c */
int uthread_new(struct space *s, u32 index, struct uthread **out);
void uthread_free(struct uthread *ut);
/* Append an order; it is given with the next exchange. NULL: the list could not be emptied (thread died). */
struct near_order *uthread_order(struct uthread *ut, u32 op);
/* Give all queued orders and wait: 0, the first error, -ESRCH. Results stand in ut->area->orders (hostile). */
int uthread_flush(struct uthread *ut);
/* Queue the order that receives the descriptors, two at most. Until the flush no other thread of the space can send. */
int uthread_send_fds(struct uthread *ut, const int *fds, u32 n);
void uthread_channel_release(struct uthread *ut);	/* after the exchange in which they were sent */
void uthread_orders_over(struct uthread *ut);		/* what was queued is done, or will never be */
void uthread_hand_over(struct uthread *ut, u32 resume);	/* the thread's turn (RESUME_*): orders and answer are in place */
/* Sleeps until the thread's next trap; -ESRCH when there will be none. */
int uthread_await_trap(struct uthread *ut, const char *why);
int uthread_room(struct uthread *ut, u32 norders);	/* make room in the list */
void uthread_let_go(struct uthread *ut);		/* gives them and does not wait: the thread ends */
int uthread_retrap(struct uthread *ut);		/* have it trap again with all registers saved: 0 or -ESRCH */
void uthread_take_context(struct uthread *ut);
s64 order_result(struct uthread *ut, u32 i);
void uthread_sync_mask(struct uthread *ut, sigmask_t pending);	/* see task_sync_mask */
bool uthread_fast(const struct uthread *ut);	/* it may answer calls itself */
void uthread_wake(struct uthread *ut);
bool uthread_called(const struct uthread *ut);	/* state became CALL, and nobody has seen it */
void uthread_trapped(struct uthread *ut);	/* it did */
void space_died(struct space *s);

/* space.c */
int space_alloc(struct space **out);		/* without a process; with its end of the channel */
void space_sent(struct space *s);		/* the process has its end */
void space_discard(struct space *s);
void space_set_pid(struct space *s, int pid);
struct space *space_by_slot(u32 slot);
void spaces_each(void (*fn)(struct space *s));
struct uthread *space_thread(const struct space *s, u32 index);	/* whose area that is; NULL */
struct space *space_by_pid(int hostpid);
struct near_area *space_area(struct space *s, u32 index);	/* maps it if need be; NULL: no memory */
int area_take(struct space *s);					/* a free index or -EAGAIN */
void area_drop(struct space *s, u32 index);
u32 bell_id(const struct space *s, u32 index);
void area_setup(struct uthread *ut);

/*
 * fork.c. look: learns the numbers of children that are born by now; a space that turns out not to be one dies. over: the
 * orders of ut are done, what it was to make is born or never will be. no_more: nobody is to make s.
 */
void forks_look(void);
void fork_over(struct uthread *ut);
void fork_no_more(struct space *s);

/* pool.c: space_alloc(), or one made ahead */
int space_take(struct space **out);

/* poll.c */
void poll_add(struct uthread *ut);
void poll_remove(struct uthread *ut);
void poll_init(void);
int poll_share(void);		/* makes struct near_watch: a descriptor that only reads it, the caller's; -errno */
int poll_cpus(void);		/* host CPUs we may use */

/* template.c */
int template_start(void);
int template_spawn(struct space **out, struct uthread **first);	/* blocks */
extern int kernel_hostpid;
int template_hostpid(void);
void template_cut_lifeline(void);	/* kills every guest process there is, known or not */

/* sweep.c */
void sweep_init(void);
extern int forks_pending;	/* orders to fork that are not yet answered */

/* filter.c */
struct near_insn;
int filter_build(struct near_insn *out, int max);

/* fds.c */
u32 fds_flags(const struct uthread *ut);	/* NFILES_* for its area */
void fds_space_gone(struct space *s);

/* text.c */
void text_trap(struct uthread *ut, u64 site);	/* a call trapped at an unpatched site */
void text_fork(struct space *parent, struct space *child);

#endif
