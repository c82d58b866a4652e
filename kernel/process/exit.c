/* SPDX-License-Identifier: MIT */
/*
 * Ends: of a thread, of a whole process, of the other threads at exec. A thread gives back its
 * parts, then its children find new parents, then, when it was the last, the process becomes a zombie
 * and its parent is told; release_process() removes what is left after the parent waited.
 */
#include "process/process.h"

#include <string.h>

#include "abi/ptrace.h"
#include "abi/errno.h"
#include "abi/poll.h"
#include "core/log.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "process/coredump.h"
#include "process/ptrace.h"
#include "vfs/vfs.h"

#define HANDLER_IGN 1

void (*session_exit_hook)(struct session *s, struct process *p);
void (*task_exit_hook)(struct task *t);

bool process_is_zombie(const struct process *p)
{
	/* Dead threads that their tracer has not waited for hold the leader back. */
	return p->leader && p->leader->state == TASK_ZOMBIE && p->nthreads == 0 &&
	       p->threads.next == p->threads.prev;
}

void acct_add(struct acct *to, const struct acct *from)
{
	to->utime += from->utime;
	to->stime += from->stime;
	to->minflt += from->minflt;
	to->majflt += from->majflt;
	to->nvcsw += from->nvcsw;
	to->nivcsw += from->nivcsw;
	to->inblock += from->inblock;
	to->oublock += from->oublock;
	to->maxrss = MAX(to->maxrss, from->maxrss);
	to->rchar += from->rchar;
	to->wchar += from->wchar;
	to->syscr += from->syscr;
	to->syscw += from->syscw;
}

void task_times(const struct task *t, struct acct *out)
{
	*out = t->acct;
	if (t->run_since)
		out->utime += ktime_get() - t->run_since;
}

void process_times(const struct process *p, struct acct *out)
{
	struct acct one;
	struct task *t;

	*out = p->acct;
	list_for_each(t, &p->threads, thread_node) {
		if (t->state == TASK_ZOMBIE)
			continue;	/* its share is in p->acct */
		task_times(t, &one);
		acct_add(out, &one);
	}
}

/* ---- orphaned process groups ---- */

static bool has_stopped_jobs(const struct pgrp *pg)
{
	struct process *p;

	list_for_each(p, &pg->procs, pgrp_node)
		if (p->group_stopped)
			return true;
	return false;
}

/* p loses its link to parent's group: stopped jobs that nobody could continue are woken and told. */
static void check_orphaned_pgrp(struct process *p, struct process *parent, struct process *ignore)
{
	struct pgrp *pg = p->pgrp;

	if (!pg || !parent || parent->pgrp == pg || parent->session != p->session)
		return;
	if (!pgrp_is_orphaned(pg, ignore) || !has_stopped_jobs(pg))
		return;
	send_signal_pgrp(SIGHUP, NULL, pg);
	send_signal_pgrp(SIGCONT, NULL, pg);
}

/* ---- telling the parent ---- */

static void fill_child_info(siginfo_t *info, const struct process *p, int sig)
{
	int code = p->leader->exit_code;

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_pid = p->tgid;
	info->si_uid = p->leader->cred->uid;
	info->si_utime = p->acct.utime / (NSEC_PER_SEC / USER_HZ);
	info->si_stime = p->acct.stime / (NSEC_PER_SEC / USER_HZ);
	if (code & 0x80)
		info->si_code = CLD_DUMPED;
	else
		info->si_code = code & 0x7f ? CLD_KILLED : CLD_EXITED;
	info->si_status = code & 0x7f ? code & 0x7f : code >> 8 & 0xff;
}

/* True: the parent does not care, nobody will wait. */
static bool notify_parent(struct process *p)
{
	struct process *parent = p->parent;
	struct sigaction_k sa;
	int sig = p->exit_signal;
	bool autoreap = false;
	siginfo_t info;

	wake_up_events(&p->exit_wq, POLLIN);
	if (!parent)
		return true;
	sa = sighand_action(parent->sighand, SIGCHLD);
	if (sig == SIGCHLD && (sa.handler == HANDLER_IGN || (sa.flags & SA_NOCLDWAIT))) {
		autoreap = true;
		if (sa.handler == HANDLER_IGN)
			sig = 0;
	}
	if (sig) {
		fill_child_info(&info, p, sig);
		send_signal_process(sig, &info, parent);
	}
	wake_up_all(&parent->wait_chld);
	return autoreap;
}

/* ---- children of the dying ---- */

static struct task *alive_thread(struct process *p, struct task *except)
{
	struct task *t;

	list_for_each(t, &p->threads, thread_node)
		if (t != except && !t->exiting)
			return t;
	return NULL;
}

static struct process *find_reaper(struct process *p)
{
	struct process *r;

	if (p->has_subreaper)
		for (r = p->parent; r; r = r->parent)
			if (r->is_subreaper && alive_thread(r, NULL))
				return r;
	r = find_process(1);
	return r != p ? r : NULL;
}

/* The near kernel answers getppid(). */
static void publish_parent(struct process *c)
{
	struct task *t;

	list_for_each(t, &c->threads, thread_node)
		if (t->ut)
			uthread_publish(t->ut);
}

static void move_child(struct process *c, struct process *to, struct process *from)
{
	bool zombie = process_is_zombie(c);

	list_del_init(&c->sibling);
	list_add_tail(&c->sibling, &to->children);
	c->parent = to;
	c->parent_task = alive_thread(to, NULL);
	if (!c->parent_task)
		c->parent_task = to->leader;
	c->exit_signal = SIGCHLD;
	publish_parent(c);
	if (c->pdeath_signal && !zombie)
		send_signal_process(c->pdeath_signal, NULL, c);
	check_orphaned_pgrp(c, from, NULL);
	if (zombie && !c->leader->ptrace && notify_parent(c))
		release_process(c);
}

static void reparent_children(struct task *t)
{
	struct process *p = t->proc, *c, *tmp, *reaper;
	struct task *sibling = alive_thread(p, t);

	if (list_empty(&p->children))
		return;
	reaper = sibling ? NULL : find_reaper(p);
	list_for_each_safe(c, tmp, &p->children, sibling) {
		if (sibling) {
			if (c->parent_task != t)
				continue;
			c->parent_task = sibling;
			if (c->pdeath_signal && !process_is_zombie(c))
				send_signal_process(c->pdeath_signal, NULL, c);
		} else if (reaper) {
			move_child(c, reaper, p);
		}
	}
}

/* ---- the end of a process ---- */

static void unlink_thread(struct task *t)
{
	list_del_init(&t->thread_node);
	task_unhash(t);
	user_nproc_add(t->cred->uid, -1);
}

static void release_thread(struct task *t)
{
	if (t->ptrace)
		ptrace_unlink(t);
	unlink_thread(t);
	t->state = TASK_DEAD;
	task_put(t);			/* the scheduler still holds one while it runs */
}

/* All is over: tell the tracer, or the parent at once. */
static void process_ended(struct process *p)
{
	if (!ptrace_notify_exit(p->leader) && (p->never_was || notify_parent(p)))
		release_process(p);
}

void zombie_untraced(struct task *t)
{
	struct process *p = t->proc;

	if (p->leader != t) {
		release_thread(t);
		if (process_is_zombie(p))
			process_ended(p);
	} else if (process_is_zombie(p) && notify_parent(p)) {
		release_process(p);
	}
}

void release_process(struct process *p)
{
	struct task *leader = p->leader, *t, *tmp;

	/* Dead threads that a tracer has not looked at. */
	list_for_each_safe(t, tmp, &p->threads, thread_node) {
		if (t != leader && t->state == TASK_ZOMBIE)
			release_thread(t);
	}
	if (leader->ptrace)
		ptrace_unlink(leader);
	wake_up_events(&p->exit_wq, POLLIN | POLLHUP);
	unlink_thread(leader);
	leader->state = TASK_DEAD;
	list_del_init(&p->sibling);
	list_del_init(&p->all_node);
	process_leave_pgrp(p);
	session_put(p->session);
	p->session = NULL;
	p->parent = NULL;
	p->leader = NULL;
	task_put(leader);
	process_put(p);			/* the list's */
}

static void leave_session(struct process *p)
{
	if (p->session && p->session->sid == p->tgid && session_exit_hook)
		session_exit_hook(p->session, p);
}

static void check_init(struct task *t, int code)
{
	if (t->proc->tgid != 1 || processes_ending)
		return;
	panic("Attempted to kill init! exitcode=0x%08x", code);
}

/* Parts in Linux's order. Blocks. */
static void give_back_parts(struct task *t)
{
	vfork_leave(t);
	robust_list_exit(t);
	clear_child_tid(t);
	vfork_release(t);
	seccomp_exit(t);
	if (task_exit_hook)
		task_exit_hook(t);
	files_exit();
	if (t->fs)
		fs_ctx_put(t->fs);
	t->fs = NULL;
}

void acct_max_rss(struct task *t)
{
	u64 said = t->ut ? uthread_max_rss(t->ut) : 0;
	u64 pages = said ? MIN(said, t->mm->total_pages) : mm_rss_pages(t->mm);

	t->acct.maxrss = MAX(t->acct.maxrss, pages * (PAGE_SIZE / 1024));
}

/* The guest side, last: host descriptors of files are closed by now. Blocks. */
static void give_back_guest(struct task *t)
{
	struct uthread *ut = t->ut;
	struct mm *mm = t->mm;

	if (mm && t->proc->nthreads == 1)
		acct_max_rss(t);
	t->ut = NULL;
	t->mm = NULL;
	if (ut)
		uthread_exit(ut);
	if (mm)
		mm_put(mm);
}

/* Everything from here on is atomic. */
static void exit_notify(struct task *t, bool last)
{
	struct process *p = t->proc;

	acct_add(&p->acct, &t->acct);
	ptrace_exit(t);
	reparent_children(t);
	if (p->group_exec_task)
		wake_up_all(&p->exec_wq);
	if (p->leader == t || t->ptrace)
		t->state = TASK_ZOMBIE;
	if (p->leader != t && !ptrace_notify_exit(t))
		release_thread(t);
	if (last) {
		check_orphaned_pgrp(p, p->parent, p);
		if (process_is_zombie(p))
			process_ended(p);
	}
}

/* The others may be waiting for this one to complete a group stop. */
static void leave_group_stop(struct task *t)
{
	struct process *p = t->proc;

	if (!t->stop_pending)
		return;
	t->stop_pending = false;
	if (!p->group_stop_count || --p->group_stop_count || p->group_stopped)
		return;
	p->group_stopped = true;
	p->stop_reported = false;
	notify_parent_jobctl(p, CLD_STOPPED, p->group_stop_sig);
}

void do_exit(int code)
{
	struct task *t = current;
	struct process *p = t->proc;
	bool last;

	coredump_park(t);
	ptrace_event(t, PTRACE_EVENT_EXIT, code);
	t->exit_code = code;
	t->exiting = true;
	leave_group_stop(t);
	if (p->nthreads == 1)
		check_init(t, p->group_exit ? p->group_exit_code : code);
	give_back_parts(t);
	give_back_guest(t);
	/* Others may have ended while we blocked: decide now who is the last. */
	last = --p->nthreads == 0;
	if (last) {
		itimers_exit(p);
		leave_session(p);
		if (!p->group_exit)
			p->group_exit_code = code;
		p->leader->exit_code = p->group_exit_code;
	}
	exit_notify(t, last);
	sched_exit();
}

void do_group_exit(int code)
{
	struct task *t = current;
	struct process *p = t->proc;

	if (p->group_exit) {
		code = p->group_exit_code;
	} else if (p->group_exec_task) {
		code = 0;
	} else if (p->nthreads > 1) {
		p->group_exit = true;
		p->group_exit_code = code;
		signal_kill_threads(p, t);
	} else {
		p->group_exit = true;
		p->group_exit_code = code;
	}
	do_exit(code);
}

/* ---- exec: one thread remains and becomes the leader ---- */

/* The old leader is a zombie; t takes its number, so that the process keeps its id. */
static void become_leader(struct task *t)
{
	struct process *p = t->proc;
	struct task *old = p->leader;
	int tid = t->tid;

	if (old->ptrace)
		ptrace_unlink(old);
	task_unhash(t);
	task_unhash(old);
	list_del_init(&old->thread_node);
	user_nproc_add(old->cred->uid, -1);
	t->tid = old->tid;
	old->tid = tid;
	old->state = TASK_DEAD;
	p->leader = t;
	task_hash(t);
	list_del_init(&t->thread_node);
	list_add(&t->thread_node, &p->threads);
	t->start_time = old->start_time;
	task_put(old);
}

int de_thread(struct task *t)
{
	struct process *p = t->proc;
	int err = 0;

	if (p->group_exit || (p->group_exec_task && p->group_exec_task != t))
		return -EINTR;
	if (p->nthreads > 1 || p->leader != t) {
		p->group_exec_task = t;
		signal_kill_threads(p, t);
		err = wait_event_killable(&p->exec_wq, p->nthreads == 1 &&
					  (p->leader == t || p->leader->state == TASK_ZOMBIE),
					  "de_thread");
		p->group_exec_task = NULL;
		if (err)
			return -EINTR;
		if (p->leader != t)
			become_leader(t);
	}
	return 0;
}

void process_undo(struct task *t)
{
	struct process *p = t->proc;

	files_exit();
	fs_ctx_put(t->fs);
	t->fs = NULL;
	t->exiting = true;
	t->state = TASK_ZOMBIE;
	p->nthreads = 0;
	release_process(p);
}
