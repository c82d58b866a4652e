/* SPDX-License-Identifier: MIT */
/*
 * Signals: sending, queueing, taking. Delivery to the guest (frames, default actions, stops)
 * is process/deliver.c. Numbers are Linux's, 1..64; masks have bit N-1 for signal N.
 *
 * "sigpending" of a task means: before returning to guest code, and when about to sleep
 * interruptibly, look. recalc_sigpending() keeps it true exactly when an unblocked signal is queued, or the
 * task must stop, die or trap. A sleeping task is woken; a task whose guest thread runs is kicked.
 *
 * All functions: kernel lock held, never block.
 */
#ifndef CORE_SIGNAL_H
#define CORE_SIGNAL_H

#include "abi/signal.h"
#include "core/wait.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

struct task;
struct process;
struct pgrp;

#define NSIG_K 64
#define SIGBIT(n) (1ULL << ((n) - 1))
#define SIG_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

/* The kernel's struct sigaction of the user ABI. */
struct sigaction_k {
	uaddr_t handler;		/* 0 SIG_DFL, 1 SIG_IGN */
	u64 flags;
	uaddr_t restorer;
	sigmask_t mask;
};

struct sigaltstack_k {
	uaddr_t sp;
	int flags;
	size_t size;
};

/*
 * While lent is set, that table counts and not action: the near kernel of the only thread that has this sighand
 * reads and writes it, so nothing in it can be trusted. Only the functions below look at either.
 */
struct sighand {
	struct refcount ref;
	struct sigaction_k action[NSIG_K];	/* [sig - 1] */
	volatile struct sigaction_k *lent;
};

struct sigqueue_head {
	struct list_head list;		/* struct sigqueue */
	sigmask_t set;
};

struct sigqueue {
	struct list_head node;
	siginfo_t info;			/* si_signo set */
	u32 uid;			/* charged user, for RLIMIT_SIGPENDING */
	void *timer;			/* POSIX timer that owns this entry, not freed; NULL */
};

struct sighand *sighand_alloc(void);			/* all default; returns a reference */
struct sighand *sighand_get(struct sighand *sh);
struct sighand *sighand_dup(const struct sighand *sh);
void sighand_put(struct sighand *sh);
struct sigaction_k sighand_action(const struct sighand *sh, int sig);
uaddr_t sighand_handler(const struct sighand *sh, int sig);	/* the same field of it */
void sighand_set(struct sighand *sh, int sig, const struct sigaction_k *sa);	/* as valid as the caller made it */
void sighand_set_default(struct sighand *sh, int sig);		/* the handler only */
void sighand_lend(struct sighand *sh, struct sigaction_k *room);	/* room for NSIG_K; guest/'s business */
void sighand_take_back(struct sighand *sh);
void sigqueue_init(struct sigqueue_head *q);
void sigqueue_flush(struct sigqueue_head *q);
void sigqueue_flush_sig(struct sigqueue_head *q, sigmask_t which);

/*
 * Sending. info NULL: a plain kernel signal (SI_KERNEL). 0, -EAGAIN (real-time queue full).
 * Permission is the caller's matter (signal_may_send).
 */
int send_signal_task(int sig, const siginfo_t *info, struct task *t);		/* thread directed */
int send_signal_process(int sig, const siginfo_t *info, struct process *p);	/* process directed */
int send_signal_pgrp(int sig, const siginfo_t *info, struct pgrp *pg);		/* all members, no check */
int signal_may_send(int sig, const struct process *target);			/* 0 or -EPERM, by current's cred */
/* A fault of the guest: unblocks and resets the handler if the signal is blocked or ignored. */
void force_signal(const siginfo_t *info, struct task *t);
void kill_process(struct process *p);						/* SIGKILL, unconditionally */
void siginfo_user(siginfo_t *info, int sig, int code);	/* si_pid, si_uid from current */

/* Taking: the next deliverable signal not in mask; 0 when none. Fills info. Real-time order is Linux's. */
int dequeue_signal(struct task *t, sigmask_t mask, siginfo_t *info);
sigmask_t pending_signals(const struct task *t);	/* private and shared */
bool signal_pending(const struct task *t);		/* t->sigpending */
bool fatal_signal_pending(const struct task *t);	/* t->killed */
void recalc_sigpending(struct task *t);
void set_blocked(struct task *t, sigmask_t mask);	/* never blocks KILL and STOP */
bool sig_ignored(const struct task *t, int sig);	/* ignored by disposition, default included */
bool sig_default_ignore(int sig);
bool sig_default_stop(int sig);
bool sig_default_core(int sig);

/* Process/timer.c's entries: queue q (owned by a timer, idle) to t or, group, to its process. 1: ignored. */
int send_sigqueue(struct sigqueue *q, struct task *t, bool group);
/* Such an entry was taken: fix info's overrun, start the timer again. Set by process/itimer.c. */
extern void (*sigqueue_timer_taken)(struct sigqueue *q, siginfo_t *info);

struct sigqueue *sigqueue_alloc(struct task *target, int sig, bool over_limit);	/* charged; NULL */
void sigqueue_free(struct sigqueue *q);
/* Wake or kick t so that it looks at sigpending; fatal: it must die. */
void signal_wake(struct task *t, bool fatal);
void signal_kill_threads(struct process *p, struct task *except);	/* marks all other threads killed */
/* SIGCHLD and wakeup of the parent: code is CLD_STOPPED or CLD_CONTINUED, status a signal. */
void notify_parent_jobctl(struct process *p, int code, int status);
#define SIG_STOP_SET (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))

/* SIGCONT came for a traced task. Set by process/ptrace.c. */
extern void (*ptrace_continued)(struct task *t);

/* Called when t, whose guest thread may be running, must enter the kernel soon. Set by guest/ at start. */
extern void (*task_kick)(struct task *t);
/*
 * While guest code runs, the near kernel keeps the thread's mask: brings t->blocked up to date, and has the near kernel
 * come in when one of the pending signals is unblocked later. Set by guest/ at start.
 */
extern void (*task_sync_mask)(struct task *t, sigmask_t pending);

#endif
