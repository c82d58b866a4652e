/* SPDX-License-Identifier: MIT */
/*
 * Tasks and processes.
 *
 * A task is a guest thread: one kernel stack here, one host thread there (struct uthread). A
 * process (struct process) is a thread group: what exit_group(), wait4() and kill() see. Parts that this
 * layer does not understand (mm, files, fs) are pointers to structs of higher layers, joined in
 * process/.
 *
 * All fields are guarded by the kernel lock unless marked:
 *   (t) only the task itself   (i) immutable after creation   (a) atomic
 */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "core/cred.h"
#include "core/signal.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"

struct mm;
struct files;		/* vfs/fdtable.h */
struct fs_ctx;		/* vfs/fsctx.h */
struct uthread;		/* guest/guest.h */
struct tty;
struct file;
struct process;
struct sysv_undo;
struct coredump;

#define TASK_COMM_LEN 16
#define RLIM_NLIMITS_K 16

enum task_state {
	TASK_RUNNING,		/* R: in the kernel */
	TASK_GUEST,		/* R: guest code runs */
	TASK_SLEEPING,		/* S */
	TASK_DISK_SLEEP,	/* D */
	TASK_STOPPED,		/* T: job control */
	TASK_TRACED,		/* t */
	TASK_ZOMBIE,		/* Z */
	TASK_DEAD,		/* X: gone, only references keep it */
};

struct pgrp;
struct session;

/* Accounting in nanoseconds and events. */
struct acct {
	u64 utime, stime;		/* ns */
	u64 minflt, majflt, nvcsw, nivcsw, inblock, oublock;
	u64 maxrss;			/* KiB */
	u64 rchar, wchar, syscr, syscw;
};

struct rlimit_k {
	u64 cur, max;
};

struct process {
	struct refcount ref;
	int tgid;				/* (i) */
	struct list_head all_node;		/* in process_list */
	struct list_head threads;		/* task.thread_node; leader first */
	int nthreads;				/* live ones */
	struct task *leader;			/* kept until reaped */

	struct process *parent;			/* real parent; NULL for init */
	struct list_head children, sibling;
	struct task *parent_task;		/* the thread that forked it: __WNOTHREAD, PR_SET_PDEATHSIG */
	int exit_signal;			/* to the parent at exit; 0 none */
	int pdeath_signal;
	bool is_subreaper, has_subreaper;
	bool did_exec;
	bool never_was;				/* its fork failed late: nobody is told of its end */

	struct pgrp *pgrp;
	struct list_head pgrp_node;
	struct session *session;

	struct sighand *sighand;		/* handlers: shared with CLONE_SIGHAND */
	struct sigqueue_head shared_pending;
	struct wait_queue wait_chld;		/* parents sleeping in wait4() */
	struct wait_queue signalfd_wq;		/* pollers of signalfd */

	int group_exit_code;			/* wait status, valid when group_exit */
	bool group_exit;			/* every thread must die */
	struct task *group_exec_task;		/* exec waits for the others to die */
	struct wait_queue exec_wq;		/* that waiter */

	/* Job control. */
	int group_stop_sig;			/* stopping or stopped by this signal, 0: not */
	int group_stop_count;			/* threads that still have to stop */
	bool group_stopped;			/* all have */
	bool stop_reported, cont_pending;	/* for waitid(WSTOPPED|WCONTINUED) */

	struct rlimit_k rlim[RLIM_NLIMITS_K];
	struct acct acct;			/* of dead threads */
	struct acct child_acct;			/* of reaped children */
	ktime_t start_time;			/* CLOCK_BOOTTIME-like, ktime_get_boottime() */
	u32 personality;
	int dumpable;
	int oom_score_adj;
	void *itimers;				/* process/itimer.c: setitimer and POSIX timers */
	bool no_ctty;				/* gave up the session's terminal for itself (TIOCNOTTY) */
	int membarrier;				/* registered MEMBARRIER_CMD_*_EXPEDITED */
	bool unkillable;			/* init: only signals with a handler reach it */
	struct wait_queue exit_wq;		/* pidfd pollers: woken when it becomes a zombie */
	u64 exec_id;				/* counts execs: exit_signal of an earlier image's child is SIGCHLD */
	struct coredump *coredump;		/* process/coredump.c: being written */
	struct ktimer *cpu_timer;		/* RLIMIT_CPU and CPU-time timers, process/itimer.c */
};

struct task {
	struct refcount ref;
	int tid;				/* (i) */
	struct process *proc;			/* (i) NULL for kernel threads; holds a reference */
	struct list_head thread_node;
	enum task_state state;
	char comm[TASK_COMM_LEN];

	/* Scheduler (core/sched.c). */
	struct list_head run_node;
	bool lent;			/* its guest thread works for another task: it must not go on */
	bool on_runq, sched_running, wake_pending, sched_exited;
	bool background;		/* its next turn is for a worker that takes no CPU from guests */
	void *kstack;				/* base */
	void *sp;				/* saved stack pointer while switched out */
	void (*entry)(struct task *t);		/* first function on the kernel stack */
	void *entry_arg;
	const char *wait_reason;		/* why it sleeps, NULL when it does not */
	struct wait_queue *wait_wq;
	enum wait_mode wait_mode;
	int cpu;				/* last guest CPU, for /proc */
	void *fake_stack;			/* sanitizer fiber */

	struct cred *cred;			/* (t) writes; holds a reference */
	bool no_new_privs, keep_caps;

	struct mm *mm;				/* NULL for kernel threads and after exit */
	struct files *files;
	struct fs_ctx *fs;
	struct uthread *ut;			/* the host thread; NULL while there is none */

	/* Signals. */
	sigmask_t blocked;			/* (t) authoritative copy while in the kernel */
	sigmask_t saved_blocked;		/* to restore after sigsuspend/ppoll */
	bool restore_blocked;
	struct sigqueue_head pending;
	bool sigpending;			/* "something to deliver or to stop for": see signal.h */
	struct sigaltstack_k altstack;		/* (t) */
	sigmask_t sigwait_mask;			/* signals sigtimedwait() waits for */
	bool killed;				/* SIGKILL or group exit reached it */
	bool stop_pending;			/* must take part in the group stop */
	bool stopped;				/* sleeps in a group stop */
	bool core_parked;			/* stands still while another thread dumps core */
	bool exiting;				/* do_exit() has begun: signals pass it by */
	bool publish;				/* the near kernel's copy (mask, ids) is out of date */
	u8 trap_pending;			/* a tracer wants a stop: PT_TRAP_* */
	int ptrace_sig;				/* what the tracer let it go on with */
	struct list_head tracees;		/* struct ptrace.node: whom this thread traces */
	bool regs_replaced;			/* the call set all registers (exec, sigreturn): no result */

	uaddr_t clear_child_tid;		/* (t) */
	uaddr_t set_child_tid;
	uaddr_t robust_list;			/* (t) */
	int exit_code;				/* wait status */
	struct wait_queue *vfork_wq;		/* parent waits here until exec or exit */
	bool vfork_done;

	/* System call in progress. */
	long syscall_nr;			/* -1: not in one */
	u64 syscall_args[6];
	u64 moved;				/* struct trap: bytes that the guest process has moved already */
	struct restart_block {
		long (*fn)(struct restart_block *rb);
		ktime_t deadline;
		u64 a, b, c;
	} restart;
	struct blk_plug *blk_plug;		/* (t) block/queue.c: requests held back; NULL */
	struct arena *arena;			/* (t) memory of the current call, see core/arena.h */

	struct acct acct;
	ktime_t start_time;
	u64 timer_slack_ns, default_slack_ns;
	u64 dl_runtime, dl_deadline, dl_period;	/* SCHED_DEADLINE */
	int nice, policy, rt_priority;
	u64 cpu_mask;				/* sched_setaffinity, low 64 CPUs */
	bool reset_on_fork;			/* SCHED_RESET_ON_FORK */
	ktime_t run_since;			/* guest code runs since then; 0: it does not */
	ktime_t kernel_since;			/* the last trap */
	u64 kernel_switches;			/* acct.nvcsw then */
	u64 nruns;				/* how often guest code was entered */
	int ioprio;
	void *ptrace;				/* process/ptrace.c */
	void *seccomp;				/* process/seccomp.c */
};

/* All processes, leader order of creation. */
extern struct list_head process_list;

struct task *task_get(struct task *t);		/* returns a reference */
void task_put(struct task *t);			/* takes */
struct process *process_get(struct process *p);
void process_put(struct process *p);

/*
 * A bare task with a kernel stack and a tid, not hashed, not yet running, init_cred; -ENOMEM, -EAGAIN (no
 * pid). The caller fills it, then task_hash() and task_start(), which takes a reference of its own. *out
 * is the caller's: of a process's leader it becomes process.leader, other threads drop it at their exit.
 */
int task_alloc(struct task **out);
int process_alloc(struct process **out);
/* Start it: entry runs on its kernel stack. */
void task_start(struct task *t, void (*entry)(struct task *t), void *arg);
void task_set_cred(struct task *t, struct cred *c);	/* takes; updates the near kernel's copy of the ids */
void task_set_comm(struct task *t, const char *name);
bool task_is_leader(const struct task *t);

/* Called when ids that the near kernel caches may have changed: set by guest code at start-up. */
extern void (*task_ids_changed)(struct task *t);

/* pid.c: one number space for tids, tgids, pgids and sids. */
#define PID_MAX_DEFAULT 32768
int pid_alloc(void);				/* positive, or -EAGAIN: one use of a fresh number */
int pid_alloc_at(int pid);			/* that number: 0, -EEXIST, -EINVAL */
void pid_hold(int pid);				/* one more use (group, session, pidfd) */
void pid_free(int pid);				/* one use less; the number is free after the last */
extern int pid_max, last_pid, nr_threads;
struct task *find_task(int tid);		/* returns borrowed, NULL */
struct process *find_process(int tgid);		/* returns borrowed, NULL */
struct process *next_process(int from);		/* the one with the lowest number from this one on; returns borrowed, NULL */
void task_hash(struct task *t);
void task_unhash(struct task *t);
int pgrp_id(const struct process *p);
int session_id(const struct process *p);

struct session {
	struct refcount ref;
	int sid;
	struct tty *tty;			/* controlling terminal, holds a reference; NULL */
	struct list_head pgrps;
	struct pgrp *tty_old_pgrp;		/* tty/: to hang up when the leader ends; a reference, NULL */
};

struct pgrp {
	struct refcount ref;
	int pgid;
	struct session *session;		/* holds a reference */
	struct list_head procs;			/* process.pgrp_node */
	struct list_head session_node, hash_node;
};

struct pgrp *find_pgrp(int pgid);		/* returns borrowed, NULL: no such group with members */
struct pgrp *pgrp_get(struct pgrp *pg);
void pgrp_put(struct pgrp *pg);
/* New session and group for p (setsid), or a new/other group in the same session (setpgid). 0/-ENOMEM */
int process_new_session(struct process *p);
int process_join_pgrp(struct process *p, int pgid);
void process_leave_pgrp(struct process *p);
extern bool init_controls_jobs;		/* it is a shell at a terminal */
bool pgrp_is_orphaned(const struct pgrp *pg, const struct process *ignore);

u64 rlimit(int which);				/* soft limit of the current process: RLIMIT_* */
/* limit.c: what each user has. Kernel lock held; never block. */
int user_nproc(u32 uid);			/* processes+threads with this real uid */
void user_nproc_add(u32 uid, int n);
bool user_sigpending_add(u32 uid, u64 limit);	/* false: over the limit */
void user_sigpending_sub(u32 uid);
void rlimits_init(struct process *p);		/* init's */
void session_put(struct session *s);
struct session *session_get(struct session *s);

#endif
