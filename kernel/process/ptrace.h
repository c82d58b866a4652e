/* SPDX-License-Identifier: MIT */
/*
 * Tracing: a tracee stops at events and waits until its tracer lets it go on. struct ptrace
 * belongs to the tracee and exists while it is traced. Kernel lock held; what blocks says so.
 */
#ifndef PROCESS_PTRACE_H
#define PROCESS_PTRACE_H

#include "abi/signal.h"
#include "core/task.h"
#include "lib/list.h"
#include "lib/types.h"

enum ptrace_mode { PT_RUN, PT_SYSCALL, PT_SYSEMU };
enum { PT_TRAP_STOP = 1 /* interrupt, new tracee */, PT_TRAP_NOTIFY = 2 /* SIGCONT came */ };
enum ptrace_place { PT_ELSEWHERE, PT_ENTRY, PT_EXIT, PT_SECCOMP };

struct debugregs {
	u64 addr[4], dr6, dr7;
	u64 old[4];			/* what the watched memory held */
	bool stale;			/* old is to be read again: something else than a step happened */
};

struct ptrace {
	struct task *tracee, *tracer;	/* both borrowed: the end of either unlinks */
	struct list_head node;		/* in tracer->tracees */
	u32 options;			/* PTRACE_O_* */
	bool seized;
	enum ptrace_mode mode;
	bool stepping;			/* a single step is under way */
	bool stopped, listening;
	bool continued;			/* SIGCONT came since a signal was shown */
	bool reported;			/* wait() has told of this stop */
	int code;			/* of the stop: wait status >> 8 */
	u64 msg;
	siginfo_t info;
	bool has_info;
	enum ptrace_place place;
	long rval;			/* at PT_EXIT */
	struct debugregs dr;
	int users;			/* requests at work: it must not leave the stop */
};

struct regs;
void ptrace_init(void);					/* hooks, once */
int ptrace_link(struct task *tracee, struct task *tracer, bool seized, u32 options);	/* 0, -ENOMEM */
void ptrace_unlink(struct task *tracee);		/* not traced any more; a stopped one goes on */
int ptrace_may_attach(const struct task *t);		/* 0 or -EPERM */
void ptrace_resume(struct ptrace *pt, int sig);

/* In the tracee. Block. */
int ptrace_stop(struct task *t, int code, int why, const siginfo_t *info);	/* signal to go on with */
void ptrace_event(struct task *t, int event, u64 msg);	/* PTRACE_EVENT_*, when asked for */
bool ptrace_enter(struct task *t, enum ptrace_place place);	/* false: do not make the call */
void ptrace_leave(struct task *t, long rval);
int ptrace_signal(struct task *t, int sig, siginfo_t *info);	/* the signal to act on, 0: none */
void ptrace_trap(struct task *t);			/* a group stop or trap_pending: stop for the tracer */
void ptrace_exec(struct task *t, int old_tid);
bool ptrace_step(struct task *t);			/* the next run of guest code is a single step */
/* A step's trap arrived: false when it was only taken to look at the debug registers' places. */
bool ptrace_stepped(struct task *t, siginfo_t *info);
void ptrace_step_handler(struct task *t);		/* a handler's frame was made: a step ends there */

/* debugreg.c. sample and hit may block. set: 0, -EINVAL, -EIO. */
bool debugreg_active(const struct ptrace *pt);
u64 debugreg_get(const struct ptrace *pt, int n);
int debugreg_set(struct ptrace *pt, int n, u64 value);
void debugreg_sample(struct task *t);
bool debugreg_hit(struct task *t);		/* did t's last step reach one? */

/* Around fork: the option's event, or 0. The child is linked too. */
int ptrace_fork_event(struct task *t, u64 flags, int exit_signal);
void ptrace_fork_child(struct task *child, struct task *t);

bool ptrace_traced_by(const struct task *t, const struct process *p);
bool ptrace_tracer_capable(const struct task *t, int cap);	/* true, too, when nobody traces it */
void ptrace_exit(struct task *t);			/* t traces nobody any more */
bool ptrace_notify_exit(struct task *t);		/* t is a zombie: true when a tracer must reap it first */
/* For wait: news of current's tracees. As scan_children(). */
struct wait_request;
struct wait_result;
long ptrace_wait(const struct wait_request *rq, struct wait_result *out);

#endif
