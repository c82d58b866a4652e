/* SPDX-License-Identifier: MIT */
/*
 * The life of a process: clone, exec, exit, wait, acting on signals. Here the parts that
 * lower layers keep apart (task, mm, files, fs, uthread) are joined and taken apart again.
 *
 * Kernel lock held everywhere; "blocks" is said where it may be dropped.
 */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include "abi/signal.h"
#include "core/signal.h"
#include "core/task.h"
#include "lib/types.h"

struct file;
struct regs;
struct session;
struct sigevent_k;

/* The loop of a task that runs guest code, never returns: sys/entry.c, set by main.c. */
extern void (*task_user_loop)(struct task *t);
void user_loop(struct task *t);		/* that loop */

/* --- init.c --- */
/*
 * Makes process 1 with the calling kernel thread's fs (root, cwd), standard descriptors from /dev/console,
 * and executes path. 0 once the program is loaded, or the error of exec: then nothing is left. Blocks.
 */
int start_init(const char *path, char *const argv[], char *const envp[]);
extern bool init_is_shell;		/* job control for it: the console is its controlling terminal */
void kill_all_processes(void);		/* SIGKILL to all, init included, and wait for their end. Blocks */
extern bool processes_ending;		/* kill_all_processes() was called: init may die */

/* --- clone.c --- */
struct clone_request {
	u64 flags;			/* CLONE_*; without the exit signal */
	int exit_signal;
	u64 stack;			/* initial rsp, 0: the caller's */
	u64 tls;
	uaddr_t pidfd, parent_tid, child_tid;
};
extern u64 fork_refusals;	/* clones that failed because there were too many tasks, ever */
long process_clone(const struct clone_request *rq);	/* the child's tid or -errno. Blocks */
void vfork_leave(struct task *t);	/* before its guest thread is told to end, or to leave */
void vfork_release(struct task *t);	/* exec or exit of a vfork child: the parent goes on */
int process_unshare(u64 flags);		/* unshare(2). Blocks */

/* --- exec.c --- */
/* argv and envp: guest arrays. On success registers are the new program's. Blocks. */
int process_execve(int dirfd, const char *path, uaddr_t argv, uaddr_t envp, int flags);
int kernel_execve(const char *path, char *const argv[], char *const envp[]);

/* --- exit.c --- */
void do_exit(int code) __noreturn;		/* this thread; code is a wait status. Blocks */
void do_group_exit(int code) __noreturn;	/* the whole process */
/* Takes t, the only thread of a process that never ran a program, out of everything again. Blocks. */
void process_undo(struct task *t);
void release_process(struct process *p);	/* a zombie that has been waited for */
int de_thread(struct task *t);			/* kill the other threads of current; 0 or -EINTR. Blocks */
void zombie_untraced(struct task *t);		/* its tracer is done with it: the usual end follows */
bool process_is_zombie(const struct process *p);
/* The session leader p exits: the tty layer takes the terminal away. Set by tty/. */
extern void (*session_exit_hook)(struct session *s, struct process *p);
/* Other users of process/: parts with per-task state. Set by their owner. */
extern void (*task_exit_hook)(struct task *t);

/* --- wait.c --- */
enum wait_kind { WAIT_ALL, WAIT_PID, WAIT_PGID };
struct wait_request {
	enum wait_kind kind;
	int id;				/* pid or pgid */
	struct process *pidfd;		/* WAIT_PID: this very process, borrowed; NULL */
	int options;			/* W*, __W* */
};
struct wait_result {
	int pid, uid, status;		/* status: as wait4() gives it */
	int code, code_status;		/* CLD_*, si_status */
	struct acct acct;		/* usage of the child with its reaped children */
};
long process_wait(const struct wait_request *rq, struct wait_result *out);	/* pid, 0, -errno. Blocks */
struct rusage_k;
void acct_max_rss(struct task *t);		/* of its address space, before it gives it up */
void acct_add(struct acct *to, const struct acct *from);
void process_times(const struct process *p, struct acct *out);	/* dead and live threads */
void task_times(const struct task *t, struct acct *out);

/* --- deliver.c --- */
/* The next signal with a handler; default actions, stops and death happen inside. 0: none. Blocks. */
int get_signal(struct task *t, siginfo_t *info, struct sigaction_k *sa);
/* Build the frame for it. Registers already say what the interrupted code sees. Blocks. */
void signal_setup_frame(struct task *t, const siginfo_t *info, const struct sigaction_k *sa);
void signal_restore_mask(struct task *t);	/* after sigsuspend, ppoll, ... */
long signal_return(struct task *t);		/* rt_sigreturn. Blocks */
int do_sigaltstack(struct task *t, const struct sigaltstack_k *ss, struct sigaltstack_k *old, u64 sp);

/* --- futex_key.c: futexes by address, robust lists --- */
long robust_list_exit(struct task *t);		/* blocks */
void clear_child_tid(struct task *t);		/* blocks */

/* --- itimer.c --- */
void itimers_exec(struct process *p);		/* POSIX timers go, interval timers stay */
void itimers_exit(struct process *p);
/* Guest code of t is about to run or has stopped: CPU time limits and timers. */
void cpu_timers_tick(struct process *p);

/* --- seccomp.c --- */
/* Before each call of a task with filters. True: make the call; else *result is its value. Blocks. */
bool seccomp_allows(struct task *t, long *result);
int seccomp_strict(void);
int seccomp_add_filter(uaddr_t prog, u32 flags);	/* blocks */
int seccomp_mode(const struct task *t);			/* SECCOMP_MODE_* */
void seccomp_fork(struct task *child, const struct task *t);
void seccomp_exit(struct task *t);

/* --- pidfd.c --- */
int pidfd_create(struct process *p, u32 flags, struct file **out);
struct process *pidfd_process(struct file *f);	/* borrowed; NULL: not a pidfd */
struct process *pidfd_or_proc_process(struct file *f);	/* also an open /proc/PID; as above */

#endif
