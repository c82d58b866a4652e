/* SPDX-License-Identifier: MIT */
/*
 * Making tasks: fork, vfork, clone. Each part of a task is copied or shared by one
 * function; then the guest side (a forked host process or another host thread), the only step that
 * blocks; then everything is published at once. Until then any failure is undone by dropping
 * what was taken.
 */
#include "process/process.h"

#include <string.h>

#include "abi/ptrace.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "guest/guest.h"
#include "keys/keys.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/ptrace.h"
#include "vfs/vfs.h"

#define CLONE_NAMESPACES (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
			  CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

void (*task_user_loop)(struct task *t);

/* ---- what may be asked ---- */

static int check_sharing(u64 flags, const struct task *t)
{
	if ((flags & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS))
		return -EINVAL;
	if ((flags & (CLONE_NEWUSER | CLONE_FS)) == (CLONE_NEWUSER | CLONE_FS))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && t->proc->tgid == 1)
		return -EINVAL;
	if ((flags & CLONE_THREAD) && (flags & (CLONE_NEWUSER | CLONE_NEWPID)))
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	return 0;
}

static int check_namespaces(u64 flags)
{
	if (!(flags & CLONE_NAMESPACES))
		return 0;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return flags & CLONE_NAMESPACES & ~(u64)CLONE_NEWNS ? -EINVAL : 0;	/* the others are not built */
}

u64 fork_refusals;

static bool within_limits(const struct task *t)
{
	if (nr_threads >= sysctl.threads_max)
		return false;
	if (t->cred->uid == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return true;
	return (u64)user_nproc(t->cred->uid) < rlimit(RLIMIT_NPROC);
}

static int check_limits(const struct task *t)
{
	if (within_limits(t))
		return 0;
	fork_refusals++;
	return -EAGAIN;
}

/* ---- the parts ---- */

static void copy_task_fields(struct task *c, const struct task *t, u64 flags)
{
	task_set_comm(c, t->comm);
	c->no_new_privs = t->no_new_privs;
	c->keep_caps = t->keep_caps;
	c->blocked = t->blocked;
	if (!(flags & CLONE_VM) || (flags & CLONE_VFORK))
		c->altstack = t->altstack;
	c->timer_slack_ns = c->default_slack_ns = t->timer_slack_ns;
	c->nice = t->nice;
	c->policy = t->policy;
	c->rt_priority = t->rt_priority;
	c->cpu_mask = t->cpu_mask;
	c->ioprio = t->ioprio;
	c->cpu = t->cpu;
	if (t->reset_on_fork) {
		if (c->policy == SCHED_FIFO || c->policy == SCHED_RR || c->policy == SCHED_DEADLINE) {
			c->policy = SCHED_NORMAL;
			c->rt_priority = 0;
		}
		c->nice = MAX(c->nice, 0);
	}
}

static int copy_cred(struct task *c, const struct task *t, u64 flags)
{
	const struct cred *from = t->cred;
	bool drop = from->rings[CRED_RING_THREAD] ||
		    (from->rings[CRED_RING_PROCESS] && !(flags & CLONE_THREAD));
	struct cred *n = drop ? cred_dup_for(from, flags & CLONE_THREAD) : cred_get(t->cred);

	if (!n)
		return -ENOMEM;
	if (drop && (flags & CLONE_THREAD) && keys_for_thread(n)) {
		cred_put(n);
		return -ENOMEM;
	}
	cred_put(c->cred);
	c->cred = n;
	return 0;
}

static int copy_files(struct task *c, struct task *t, u64 flags)
{
	if ((flags & (CLONE_FILES | CLONE_VM)) == CLONE_FILES)
		files_never_serve(t->files);
	c->files = flags & CLONE_FILES ? files_get(t->files) : files_dup(t->files);
	return c->files ? 0 : -ENOMEM;
}

static int copy_fs(struct task *c, struct task *t, u64 flags)
{
	c->fs = flags & CLONE_FS ? fs_ctx_get(t->fs) : fs_ctx_dup(t->fs);
	if (!c->fs)
		return -ENOMEM;
	return flags & CLONE_NEWNS ? mount_ns_unshare(c->fs) : 0;
}

static void forget_handlers(struct sighand *sh)
{
	for (int i = 0; i < NSIG_K; i++) {
		if (sh->action[i].handler > 1)
			memset(&sh->action[i], 0, sizeof(sh->action[i]));
	}
}

static int copy_sighand(struct process *p, struct process *from, u64 flags)
{
	if (flags & CLONE_SIGHAND) {
		p->sighand = sighand_get(from->sighand);
		return 0;
	}
	p->sighand = sighand_dup(from->sighand);
	if (!p->sighand)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND)
		forget_handlers(p->sighand);
	return 0;
}

/* The new process of a fork; threads share theirs. */
static int copy_process(struct task *c, struct task *t, u64 flags)
{
	struct process *from = t->proc, *p;
	int err;

	if (flags & CLONE_SIGHAND)
		uthread_unlend_actions(t->ut);
	if (flags & CLONE_THREAD) {
		c->proc = process_get(from);
		return 0;
	}
	err = process_alloc(&p);
	if (err)
		return err;
	c->proc = p;
	p->tgid = c->tid;
	memcpy(p->rlim, from->rlim, sizeof(p->rlim));
	p->personality = from->personality;
	p->dumpable = from->dumpable;
	p->membarrier = from->membarrier;
	p->oom_score_adj = from->oom_score_adj;
	p->has_subreaper = from->has_subreaper || from->is_subreaper;
	return copy_sighand(p, from, flags);
}

/* The host's fork failed after the call had gone well: the child never was. */
static s64 fork_failed(struct uthread *ut, const struct guest_undo *u, int err)
{
	struct task *c = find_task((int)u->start);

	if (c && c->proc && c->proc->parent == u->owner)
		c->proc->never_was = true;
	return err == -ENOMEM ? err : -EAGAIN;
}

/* With the answer, when nobody needs the child before, and no tracer or filter wants to see its maker's calls. */
static bool may_fork_later(const struct task *t, const struct clone_request *rq)
{
	return guest_fastpath && !t->ptrace && !t->seccomp && !rq->stack &&
	       !(rq->flags & (CLONE_VFORK | CLONE_SETTLS));
}

/*
 * Host process and areas together: other threads must not map in between, nor rights on pages be taken from
 * an address space that the child's areas are not yet listed in. Blocks.
 */
static int fork_space(struct task *c, struct task *t, const struct clone_request *rq)
{
	const struct guest_undo undo = { fork_failed, t->proc, (u64)c->tid, 0 };
	bool later = ref_read(&t->mm->users) == 1 && !t->mm->ndemand && may_fork_later(t, rq);
	struct mm *mm = mm_get(t->mm);
	struct space *space;
	int err;

	mutex_lock(&mm->lock);
	err = space_fork(t->ut, later ? &undo : NULL, &space, &c->ut);
	if (!err) {
		uthread_bind(c->ut, c);
		err = mm_fork(mm, space, &c->mm);
		if (err) {
			(void)!guest_sync(t->ut);
			uthread_exit(c->ut);
			c->ut = NULL;
			space_put(space);
		}
	}
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return err;
}

/* A child with an address space of its own: blocks. */
static int fork_mm(struct task *c, struct task *t, const struct clone_request *rq)
{
	struct regs regs;
	int err = fork_space(c, t, rq);

	if (err)
		return err;
	if (rq->flags & CLONE_SETTLS)
		err = uthread_set_fsbase(c->ut, rq->tls);
	if (!err && rq->stack) {
		err = uthread_get_regs(c->ut, &regs);
		regs.rsp = rq->stack;
		if (!err)
			err = uthread_set_regs(c->ut, &regs);
	}
	return err;
}

static enum guest_tls child_tls(const struct clone_request *rq)
{
	if (rq->flags & CLONE_SETTLS)
		return GUEST_TLS_OWN;
	return rq->flags & CLONE_VFORK ? GUEST_TLS_LENT : GUEST_TLS_SHARED;
}

static int share_mm(struct task *c, struct task *t, const struct clone_request *rq)
{
	int err;

	/* The child must find it: the copy goes with the order that makes the thread. */
	if (rq->flags & CLONE_PARENT_SETTID)
		(void)!put_user(c->tid, rq->parent_tid);
	err = uthread_clone(t->ut, rq->stack, child_tls(rq), rq->tls, &c->ut);

	if (err)
		return err;
	uthread_bind(c->ut, c);
	uthread_publish_brk(t->ut, 0, 0);
	c->mm = mm_get(t->mm);
	return 0;
}

static int copy_guest(struct task *c, struct task *t, const struct clone_request *rq)
{
	int err = rq->flags & CLONE_VM ? share_mm(c, t, rq) : fork_mm(c, t, rq);

	return err == -ESRCH ? -ENOMEM : err;
}

/* A child that never was. Blocks. */
static void undo(struct task *c)
{
	if (c->ut) {
		(void)!guest_sync(current->ut);		/* it is to be made yet */
		uthread_exit(c->ut);
	}
	c->ut = NULL;
	if (c->mm)
		mm_put(c->mm);
	c->mm = NULL;
	if (c->files)
		files_put(c->files);
	if (c->fs)
		fs_ctx_put(c->fs);
	seccomp_exit(c);
	task_put(c);
}

static int copy_parts(struct task *c, struct task *t, const struct clone_request *rq)
{
	int err;

	copy_task_fields(c, t, rq->flags);
	seccomp_fork(c, t);
	err = copy_cred(c, t, rq->flags);
	if (!err)
		err = copy_process(c, t, rq->flags);
	if (!err)
		err = copy_files(c, t, rq->flags);
	if (!err)
		err = copy_fs(c, t, rq->flags);
	if (!err)
		err = copy_guest(c, t, rq);
	return err;
}

/* ---- publishing ---- */

static void publish_process(struct task *c, struct task *t, const struct clone_request *rq)
{
	struct process *p = c->proc, *from = t->proc;

	p->leader = c;			/* task_alloc()'s reference */
	if (rq->flags & CLONE_PARENT) {
		p->parent = from->parent;
		p->parent_task = from->parent_task;
		p->exit_signal = from->exit_signal;
	} else {
		p->parent = from;
		p->parent_task = t;
		p->exit_signal = rq->exit_signal;
	}
	list_add_tail(&p->sibling, &p->parent->children);
	p->session = session_get(from->session);
	p->pgrp = pgrp_get(from->pgrp);
	list_add_tail(&p->pgrp_node, &p->pgrp->procs);
	list_add_tail(&p->all_node, &process_list);
	process_get(p);			/* the list's */
}

static void publish(struct task *c, struct task *t, const struct clone_request *rq)
{
	if (!(rq->flags & CLONE_THREAD))
		publish_process(c, t, rq);
	list_add_tail(&c->thread_node, &c->proc->threads);
	c->proc->nthreads++;
	user_nproc_add(c->cred->uid, 1);
	task_hash(c);
	uthread_publish(c->ut);
	/* Most likely posix_spawn(), which asks for and sets all handlers. */
	if ((rq->flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK))
		uthread_lend_actions(c->ut, LEND_NOW);
}

/* First code of the child: what must be written with its own eyes. */
static void child_entry(struct task *t)
{
	if (t->set_child_tid)
		(void)!put_user(t->tid, t->set_child_tid);
	recalc_sigpending(t);
	task_user_loop(t);
}

/* ---- vfork ---- */

void vfork_leave(struct task *t)
{
	if (t->vfork_wq && t->ut && t->mm)
		uthread_leave_fs(t->ut);
}

void vfork_release(struct task *t)
{
	struct wait_queue *wq = t->vfork_wq;

	t->vfork_wq = NULL;
	t->vfork_done = true;
	if (wq)
		wake_up_all(wq);
}

/* The wait queue is on the parent's stack: a parent that is killed takes it back. */
static void vfork_wait(struct task *t, struct task *c, struct wait_queue *wq)
{
	(void)!wait_event_killable(wq, c->vfork_done, "vfork");
	c->vfork_wq = NULL;
	if (c->vfork_done && t->ut)
		uthread_fs_back(t->ut);
}

/* ---- the call ---- */

static int make_pidfd(struct task *c, const struct clone_request *rq, struct file **file, int *fd)
{
	int err = pidfd_create(c->proc, O_RDWR | O_CLOEXEC, file);

	if (err)
		return err;
	*fd = fd_alloc(0, O_CLOEXEC);
	if (*fd < 0)
		err = *fd;
	else
		err = put_user(*fd, rq->pidfd);
	if (!err)
		return 0;
	if (*fd >= 0)
		fd_cancel(*fd);
	fput(*file);
	return err;
}

static int clone_checked(struct task *t, const struct clone_request *rq, struct task **out,
			 struct file **pidfile, int *pidfd)
{
	struct task *c;
	int err;

	err = task_alloc(&c);
	if (err)
		return err;
	err = copy_parts(c, t, rq);
	if (!err && (rq->flags & CLONE_PIDFD))
		err = make_pidfd(c, rq, pidfile, pidfd);
	/* A group exit or exec that began meanwhile has not seen the child. */
	if (!err && t->killed) {
		err = -ERESTARTNOINTR;
		if (*pidfile) {
			fd_cancel(*pidfd);
			fput(*pidfile);
			*pidfile = NULL;
		}
	}
	if (err) {
		undo(c);
		return err;
	}
	*out = c;
	return 0;
}

long process_clone(const struct clone_request *rq)
{
	struct task *t = current, *c;
	struct wait_queue vfork_wq;
	struct file *pidfile = NULL;
	int err, tid, pidfd = -1, event;

	err = check_sharing(rq->flags, t);
	if (!err)
		err = check_namespaces(rq->flags);
	if (!err)
		err = check_limits(t);
	if (!err && signal_pending(t))
		err = -ERESTARTNOINTR;
	if (!err)
		err = clone_checked(t, rq, &c, &pidfile, &pidfd);
	if (err)
		return err;
	c->set_child_tid = rq->flags & CLONE_CHILD_SETTID ? rq->child_tid : 0;
	c->clear_child_tid = rq->flags & CLONE_CHILD_CLEARTID ? rq->child_tid : 0;
	tid = c->tid;
	publish(c, t, rq);
	if (pidfile)
		fd_install(pidfd, pidfile);
	if (rq->flags & CLONE_VFORK) {
		wq_init(&vfork_wq);
		c->vfork_wq = &vfork_wq;
	}
	event = ptrace_fork_event(t, rq->flags, rq->exit_signal);
	if (event || (t->ptrace && (rq->flags & CLONE_PTRACE)))
		ptrace_fork_child(c, t);
	task_get(c);
	if ((rq->flags & CLONE_PARENT_SETTID) && !(rq->flags & CLONE_VM))
		(void)!put_user(tid, rq->parent_tid);
	task_start(c, child_entry, NULL);
	if (event)
		ptrace_event(t, event, tid);
	if (rq->flags & CLONE_VFORK) {
		vfork_wait(t, c, &vfork_wq);
		ptrace_event(t, PTRACE_EVENT_VFORK_DONE, tid);
	}
	task_put(c);
	return tid;
}

/* ---- unshare ---- */

int process_unshare(u64 flags)
{
	struct task *t = current;
	struct fs_ctx *fs;
	int err;

	if (flags & ~(CLONE_NAMESPACES | CLONE_NEWTIME | CLONE_THREAD | CLONE_FS | CLONE_SIGHAND |
		      CLONE_VM | CLONE_FILES | CLONE_SYSVSEM))
		return -EINVAL;
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && t->proc->nthreads > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) && ref_read(&t->mm->users) > 1)
		return -EINVAL;
	err = flags & CLONE_NEWTIME ? -EINVAL : check_namespaces(flags);
	if (err)
		return err;
	if ((flags & (CLONE_FS | CLONE_NEWNS)) && ref_read(&t->fs->ref) > 1) {
		fs = fs_ctx_dup(t->fs);
		if (!fs)
			return -ENOMEM;
		fs_ctx_put(t->fs);
		t->fs = fs;
	}
	if (flags & CLONE_FILES)
		err = files_unshare();
	if (!err && (flags & CLONE_NEWNS))
		err = mount_ns_unshare(t->fs);
	return err;
}
