/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat and status: what ps, top and the like read.
 */
#include "fs/procfs/priv.h"

#include "abi/resource.h"
#include "abi/sched.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/mm.h"
#include "mm/smaps.h"
#include "process/process.h"
#include "process/ptrace.h"
#include "tty/tty.h"

#define TICK_NS ((u64)NSEC_PER_SEC / USER_HZ)
#define KB_OF_PAGES(p) ((p) * (PAGE_SIZE / 1024))

struct state_name {
	char letter;
	const char *text;
};

static const struct state_name state_names[] = {
	[TASK_RUNNING] = { 'R', "running" },	[TASK_GUEST] = { 'R', "running" },
	[TASK_SLEEPING] = { 'S', "sleeping" },
	[TASK_DISK_SLEEP] = { 'D', "disk sleep" }, [TASK_STOPPED] = { 'T', "stopped" },
	[TASK_TRACED] = { 't', "tracing stop" }, [TASK_ZOMBIE] = { 'Z', "zombie" },
	[TASK_DEAD] = { 'X', "dead" },
};

static int parent_pid(const struct task *t)
{
	return t->proc->parent ? t->proc->parent->tgid : 0;
}

static void disposition(const struct task *t, sigmask_t *ignored, sigmask_t *caught)
{
	const struct sighand *sh = t->proc->sighand;

	*ignored = *caught = 0;
	for (int i = 0; sh && i < NSIG_K; i++) {
		uaddr_t h = sighand_handler(sh, i + 1);

		if (h == 1)
			*ignored |= SIGBIT(i + 1);
		else if (h)
			*caught |= SIGBIT(i + 1);
	}
}

/* ---- stat ---- */

static void stat_ids(struct seq_buf *s, const struct task *t)
{
	const struct tty *tty = process_tty(t->proc);

	seq_printf(s, "%d (%s) %c %d %d %d %u %d 4194304", t->tid, t->comm,
		   state_names[t->state].letter, parent_pid(t), pgrp_id(t->proc),
		   session_id(t->proc), tty ? tty_devnum(tty) : 0, tty ? tty_pgrp_id(tty) : -1);
}

static int priority(const struct task *t)
{
	if (t->policy == SCHED_FIFO || t->policy == SCHED_RR)
		return -1 - t->rt_priority;
	return 20 + t->nice;
}

static void stat_times(struct seq_buf *s, const struct task *t, bool whole)
{
	struct acct a;
	const struct acct *c = &t->proc->child_acct;

	if (whole)
		process_times(t->proc, &a);
	else
		task_times(t, &a);
	seq_printf(s, " %lu %lu %lu %lu %lu %lu %lu %lu", a.minflt, c->minflt, a.majflt, c->majflt,
		   a.utime / TICK_NS, a.stime / TICK_NS, c->utime / TICK_NS, c->stime / TICK_NS);
	seq_printf(s, " %d %d %d 0 %lu", priority(t), t->nice, t->proc->nthreads,
		   (u64)(whole ? t->proc->start_time : t->start_time) / TICK_NS);
}

static void stat_memory(struct seq_buf *s, const struct mm *mm, u64 rss, u64 limit)
{
	if (mm)
		seq_printf(s, " %lu %lu %lu %lu %lu %lu 0 0", mm->total_pages * PAGE_SIZE, rss,
			   limit, mm->start_code, mm->end_code, mm->start_stack);
	else
		seq_printf(s, " 0 0 %lu 0 0 0 0 0", limit);
}

static void stat_layout(struct seq_buf *s, const struct mm *mm, int exit_code)
{
	if (mm)
		seq_printf(s, " %lu %lu %lu %lu %lu %lu %lu", mm->start_data, mm->end_data,
			   mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		seq_puts(s, " 0 0 0 0 0 0 0");
	seq_printf(s, " %d\n", exit_code);
}

static int show_stat(struct seq_buf *s, const struct proc_node *n, bool whole)
{
	const struct task *t = n->task;
	bool see = proc_may_trace(t);
	struct mm *mm = proc_get_mm(n);
	u64 rss = mm ? mm_rss_pages(mm) : 0;
	sigmask_t ignored, caught;

	stat_ids(s, t);
	stat_times(s, t, whole);
	stat_memory(s, mm, rss, t->proc->rlim[RLIMIT_RSS].cur);
	disposition(t, &ignored, &caught);
	/* The old 32 bit masks. */
	seq_printf(s, " %lu %lu %lu %lu %d 0 0 %d %d %d %d 0 0 0", t->pending.set & 0x7fffffff,
		   t->blocked & 0x7fffffff, ignored & 0x7fffffff, caught & 0x7fffffff,
		   t->wait_reason ? 1 : 0, t->proc->exit_signal, t->cpu,
		   t->policy == SCHED_FIFO || t->policy == SCHED_RR ? t->rt_priority : 0, t->policy);
	stat_layout(s, see ? mm : NULL, see ? t->exit_code : 0);
	if (mm)
		mm_put(mm);
	return 0;
}

int proc_stat(struct seq_buf *s, struct proc_node *n)
{
	return show_stat(s, n, true);
}

int proc_tid_stat(struct seq_buf *s, struct proc_node *n)
{
	return show_stat(s, n, false);
}

/* ---- status ---- */

static void status_ids(struct seq_buf *s, const struct task *t)
{
	const struct cred *c = t->cred;
	const struct state_name *st = &state_names[t->state];
	const struct ptrace *pt = t->ptrace;

	seq_puts(s, "Name:\t");
	seq_escape(s, t->comm, "\n\\");
	if (t->fs)
		seq_printf(s, "\nUmask:\t%04o", t->fs->umask);
	seq_printf(s, "\nState:\t%c (%s)\n", st->letter, st->text);
	seq_printf(s, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", t->proc->tgid,
		   t->tid, parent_pid(t), pt && pt->tracer ? pt->tracer->tid : 0);
	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	seq_printf(s, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	seq_printf(s, "FDSize:\t%d\nGroups:\t", t->files ? (int)ALIGN_UP(MAX(files_max(t->files), 64), 64)
							 : 0);
	for (u32 i = 0; i < c->ngroups; i++)
		seq_printf(s, "%s%u", i ? " " : "", c->groups[i]);
	seq_printf(s, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t0\n",
		   t->proc->tgid, t->tid, pgrp_id(t->proc), session_id(t->proc));
}

static void status_memory(struct seq_buf *s, struct mm *mm)
{
	u64 rss = 0, shared = 0;
	u64 exe = (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >> 10;
	u64 text = KB_OF_PAGES(mm->exec_pages);

	mm_rss_split(mm, &rss, &shared);
	seq_printf(s, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t       0 kB\n",
		   KB_OF_PAGES(mm->total_pages), KB_OF_PAGES(mm->total_pages),
		   KB_OF_PAGES(mm->locked_pages));
	seq_printf(s, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\n"
		   "RssShmem:\t       0 kB\n", KB_OF_PAGES(rss), KB_OF_PAGES(rss),
		   KB_OF_PAGES(rss - shared), KB_OF_PAGES(shared));
	seq_printf(s, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n",
		   KB_OF_PAGES(mm->data_pages), KB_OF_PAGES(mm->stack_pages), exe,
		   text > exe ? text - exe : 0);
	seq_printf(s, "VmPTE:\t%8lu kB\nVmSwap:\t       0 kB\nHugetlbPages:\t       0 kB\n",
		   KB_OF_PAGES(mm->total_pages / 512 + 4));
	seq_puts(s, "CoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\n");
}

static int queued_signals(const struct task *t)
{
	const struct list_head *p;
	int n = 0;

	for (p = t->pending.list.next; p != &t->pending.list; p = p->next)
		n++;
	for (p = t->proc->shared_pending.list.next; p != &t->proc->shared_pending.list; p = p->next)
		n++;
	return n;
}

static void status_signals(struct seq_buf *s, const struct task *t)
{
	sigmask_t ignored, caught;

	disposition(t, &ignored, &caught);
	seq_printf(s, "Threads:\t%d\nSigQ:\t%d/%lu\n", t->proc->nthreads, queued_signals(t),
		   t->proc->rlim[RLIMIT_SIGPENDING].cur);
	seq_printf(s, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\n"
		   "SigCgt:\t%016lx\n", t->pending.set, t->proc->shared_pending.set, t->blocked,
		   ignored, caught);
}

static void status_rights(struct seq_buf *s, const struct task *t)
{
	const struct cred *c = t->cred;
	u64 cpus = sched_ncpus() >= 64 ? ~0UL : (1UL << sched_ncpus()) - 1;
	u64 mask = t->cpu_mask & cpus;
	bool first = true;

	seq_printf(s, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\n"
		   "CapAmb:\t%016lx\n", c->cap_inheritable, c->cap_permitted, c->cap_effective,
		   c->cap_bounding, c->cap_ambient);
	seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t0\n", t->no_new_privs,
		   t->seccomp ? 2 : 0);
	seq_puts(s, "Speculation_Store_Bypass:\tvulnerable\n"
		 "SpeculationIndirectBranch:\talways enabled\n");
	seq_printf(s, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", mask);
	for (int i = 0; i < 64; i++) {
		int end = i;

		if (!(mask >> i & 1))
			continue;
		while (end < 63 && mask >> (end + 1) & 1)
			end++;
		seq_printf(s, "%s%d", first ? "" : ",", i);
		if (end > i)
			seq_printf(s, "-%d", end);
		first = false;
		i = end;
	}
	seq_puts(s, "\nMems_allowed:\t00000001\nMems_allowed_list:\t0\n");
	seq_printf(s, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		   t->acct.nvcsw, t->acct.nivcsw);
}

int proc_status(struct seq_buf *s, struct proc_node *n)
{
	struct mm *mm = proc_get_mm(n);

	status_ids(s, n->task);
	if (mm) {
		status_memory(s, mm);
		mm_put(mm);
	}
	status_signals(s, n->task);
	status_rights(s, n->task);
	return 0;
}
