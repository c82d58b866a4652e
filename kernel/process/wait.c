/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children: one loop for wait4 and waitid. A child gives three kinds of news: it
 * is dead, it has stopped, it goes on.
 */
#include "process/process.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/wait.h"
#include "core/sched.h"
#include "process/ptrace.h"
#include "vfs/vfs.h"

static bool eligible(const struct wait_request *rq, const struct process *c)
{
	bool clone_child = c->exit_signal != SIGCHLD;

	if (c->never_was)
		return false;
	if (rq->kind == WAIT_PID && (rq->pidfd ? rq->pidfd != c : rq->id != c->tgid))
		return false;
	if (rq->kind == WAIT_PGID && pgrp_id(c) != rq->id)
		return false;
	if ((rq->options & __WNOTHREAD) && c->parent_task != current)
		return false;
	if (rq->options & __WALL)
		return true;
	return clone_child == !!(rq->options & __WCLONE);
}

static void fill_common(struct wait_result *out, const struct process *c)
{
	memset(out, 0, sizeof(*out));
	out->pid = c->tgid;
	out->uid = c->leader->cred->uid;
	process_times(c, &out->acct);
	acct_add(&out->acct, &c->child_acct);
}

static bool take_zombie(const struct wait_request *rq, struct process *c, struct wait_result *out)
{
	struct process *me = current->proc;
	int code = c->leader->exit_code;

	if (!(rq->options & WEXITED) || !process_is_zombie(c))
		return false;
	fill_common(out, c);
	out->status = code;
	out->code = code & 0x80 ? CLD_DUMPED : code & 0x7f ? CLD_KILLED : CLD_EXITED;
	out->code_status = code & 0x7f ? code & 0x7f : code >> 8 & 0xff;
	if (rq->options & WNOWAIT)
		return true;
	acct_add(&me->child_acct, &c->acct);
	acct_add(&me->child_acct, &c->child_acct);
	release_process(c);
	return true;
}

static bool take_stopped(const struct wait_request *rq, struct process *c, struct wait_result *out)
{
	if (!(rq->options & WUNTRACED) || !c->group_stopped || c->stop_reported || !c->nthreads)
		return false;
	fill_common(out, c);
	out->status = c->group_stop_sig << 8 | 0x7f;
	out->code = CLD_STOPPED;
	out->code_status = c->group_stop_sig;
	if (!(rq->options & WNOWAIT))
		c->stop_reported = true;
	return true;
}

static bool take_continued(const struct wait_request *rq, struct process *c, struct wait_result *out)
{
	if (!(rq->options & WCONTINUED) || !c->cont_pending || !c->nthreads)
		return false;
	fill_common(out, c);
	out->status = 0xffff;
	out->code = CLD_CONTINUED;
	out->code_status = SIGCONT;
	if (!(rq->options & WNOWAIT))
		c->cont_pending = false;
	return true;
}

/* pid of a child with news, 0: children but no news, -ECHILD. */
static long scan_children(const struct wait_request *rq, struct wait_result *out)
{
	struct process *c, *tmp;
	long ret = ptrace_wait(rq, out);

	if (ret > 0)
		return ret;
	list_for_each_safe(c, tmp, &current->proc->children, sibling) {
		if (!eligible(rq, c))
			continue;
		ret = 0;
		/* Its tracer hears of its end first, and of its stops instead of us when it is us. */
		if ((!c->leader->ptrace && take_zombie(rq, c, out)) ||
		    (!ptrace_traced_by(c->leader, current->proc) && take_stopped(rq, c, out)) ||
		    take_continued(rq, c, out))
			return out->pid;
	}
	return ret;
}

long process_wait(const struct wait_request *rq, struct wait_result *out)
{
	long ret;
	int err;

	for (;;) {
		ret = scan_children(rq, out);
		if (ret || (rq->options & WNOHANG))
			return ret;
		err = wq_sleep(&current->proc->wait_chld, WAIT_INTERRUPTIBLE, KTIME_NEVER, "do_wait");
		if (err)
			return err;
	}
}
