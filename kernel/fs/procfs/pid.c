/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID and /proc/PID/task/TID: the tables, and the small files. Who may look at a task's
 * insides is decided here (proc_may_trace).
 */
#include "fs/procfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "abi/resource.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/mm.h"

bool proc_task_alive(const struct task *t)
{
	return t->state != TASK_DEAD && find_task(t->tid) == t;
}

/* PTRACE_MODE_READ_FSCREDS. */
bool proc_may_trace(const struct task *t)
{
	const struct cred *me = current_cred(), *c = t->cred;

	if (current && t->proc == current->proc)
		return true;
	if (cred_capable(me, CAP_SYS_PTRACE))
		return true;
	if (!c || !t->proc || t->proc->dumpable != 1)
		return false;
	return me->fsuid == c->euid && me->fsuid == c->suid && me->fsuid == c->uid &&
	       me->fsgid == c->egid && me->fsgid == c->sgid && me->fsgid == c->gid;
}

struct mm *proc_get_mm(const struct proc_node *n)
{
	return n->task->mm ? mm_get(n->task->mm) : NULL;
}

int proc_parse_id(const char *name)
{
	int v = 0;

	if (*name == '0' && name[1])
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9' || v > 100000000)
			return -1;
		v = v * 10 + (*name - '0');
	}
	return v;
}

static int show_comm(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%s\n", n->task->comm);
	return 0;
}

static int write_comm(struct proc_node *n, char *text, size_t len)
{
	char comm[TASK_COMM_LEN];

	if (!current || n->task->proc != current->proc)
		return -EINVAL;
	len = MIN(len, sizeof(comm) - 1);
	memcpy(comm, text, len);
	comm[len] = 0;
	task_set_comm(n->task, comm);
	return 0;
}

struct limit_name {
	const char *name, *unit;
};

static const struct limit_name limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { "Max cpu time", "seconds" },
	[RLIMIT_FSIZE] = { "Max file size", "bytes" },
	[RLIMIT_DATA] = { "Max data size", "bytes" },
	[RLIMIT_STACK] = { "Max stack size", "bytes" },
	[RLIMIT_CORE] = { "Max core file size", "bytes" },
	[RLIMIT_RSS] = { "Max resident set", "bytes" },
	[RLIMIT_NPROC] = { "Max processes", "processes" },
	[RLIMIT_NOFILE] = { "Max open files", "files" },
	[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
	[RLIMIT_AS] = { "Max address space", "bytes" },
	[RLIMIT_LOCKS] = { "Max file locks", "locks" },
	[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
	[RLIMIT_NICE] = { "Max nice priority", NULL },
	[RLIMIT_RTPRIO] = { "Max realtime priority", NULL },
	[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void show_limit(struct seq_buf *s, u64 v)
{
	if (v == (u64)RLIM64_INFINITY)
		seq_printf(s, "%-20s ", "unlimited");
	else
		seq_printf(s, "%-20lu ", v);
}

static int show_limits(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		seq_printf(s, "%-25s ", limit_names[i].name);
		show_limit(s, n->task->proc->rlim[i].cur);
		show_limit(s, n->task->proc->rlim[i].max);
		if (limit_names[i].unit)
			seq_printf(s, "%-10s\n", limit_names[i].unit);
		else
			seq_putc(s, '\n');
	}
	return 0;
}

static void print_io(struct seq_buf *s, const struct acct *a)
{
	seq_printf(s, "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: %lu\n"
		   "write_bytes: %lu\ncancelled_write_bytes: 0\n", a->rchar, a->wchar, a->syscr,
		   a->syscw, a->inblock * 512, a->oublock * 512);
}

static int show_tid_io(struct seq_buf *s, struct proc_node *n)
{
	print_io(s, &n->task->acct);
	return 0;
}

static int show_io(struct seq_buf *s, struct proc_node *n)
{
	struct acct a = n->task->proc->acct;
	struct task *t;

	list_for_each(t, &n->task->proc->threads, thread_node) {
		if (t->state == TASK_ZOMBIE)
			continue;
		a.rchar += t->acct.rchar;
		a.wchar += t->acct.wchar;
		a.syscr += t->acct.syscr;
		a.syscw += t->acct.syscw;
		a.inblock += t->acct.inblock;
		a.oublock += t->acct.oublock;
	}
	print_io(s, &a);
	return 0;
}

static int show_oom_score(struct seq_buf *s, struct proc_node *n)
{
	u64 total = MAX(mem_total() / PAGE_SIZE, 1UL);
	long points = oom_badness(n->task->proc);

	if (points == INT64_MIN)
		points = 0;
	else
		points = (1000 + points * 1000 / (long)total) * 2 / 3;
	seq_printf(s, "%ld\n", MAX(points, 0L));
	return 0;
}

static int show_oom_score_adj(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%d\n", n->task->proc->oom_score_adj);
	return 0;
}

static int write_oom_score_adj(struct proc_node *n, char *text, size_t len)
{
	s64 v;
	int err = proc_parse_number(text, &v);

	if (err)
		return err;
	if (v < -1000 || v > 1000)
		return -EINVAL;
	if (v < n->task->proc->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	n->task->proc->oom_score_adj = (int)v;
	return 0;
}

static int show_oom_adj(struct seq_buf *s, struct proc_node *n)
{
	int adj = n->task->proc->oom_score_adj;

	seq_printf(s, "%d\n", adj == 1000 ? 15 : adj * 17 / 1000);
	return 0;
}

static int show_wchan(struct seq_buf *s, struct proc_node *n)
{
	const char *why = proc_may_trace(n->task) ? n->task->wait_reason : NULL;

	seq_puts(s, why ? why : "0");
	return 0;
}

static int show_stack(struct seq_buf *s, struct proc_node *n)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (n->task->wait_reason)
		seq_printf(s, "[<0>] %s\n", n->task->wait_reason);
	return 0;
}

static int show_syscall(struct seq_buf *s, struct proc_node *n)
{
	const struct task *t = n->task;

	if (!t->wait_reason || t->syscall_nr < 0) {
		seq_puts(s, "running\n");
		return 0;
	}
	seq_printf(s, "%ld", t->syscall_nr);
	for (int i = 0; i < 6; i++)
		seq_printf(s, " 0x%lx", t->syscall_args[i]);
	seq_puts(s, " 0x0 0x0\n");	/* stack and instruction pointer are with the guest */
	return 0;
}

static int show_sched(struct seq_buf *s, struct proc_node *n)
{
	const struct task *t = n->task;
	u64 run = t->acct.utime + t->acct.stime;

	seq_printf(s, "%s (%d, #threads: %d)\n", t->comm, t->tid, t->proc->nthreads);
	seq_puts(s, "-------------------------------------------------------------------\n");
	seq_printf(s, "%-45s:%21lu.%06lu\n", "se.sum_exec_runtime", run / 1000000, run % 1000000);
	seq_printf(s, "%-45s:%21lu\n", "nr_switches", t->acct.nvcsw + t->acct.nivcsw);
	seq_printf(s, "%-45s:%21lu\n", "nr_voluntary_switches", t->acct.nvcsw);
	seq_printf(s, "%-45s:%21lu\n", "nr_involuntary_switches", t->acct.nivcsw);
	seq_printf(s, "%-45s:%21d\n", "policy", t->policy);
	seq_printf(s, "%-45s:%21d\n", "prio", 120 + t->nice);
	return 0;
}

static int show_schedstat(struct seq_buf *s, struct proc_node *n)
{
	const struct acct *a = &n->task->acct;

	seq_printf(s, "%lu 0 %lu\n", a->utime + a->stime, a->nvcsw + a->nivcsw);
	return 0;
}

static int show_personality(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%08x\n", n->task->proc->personality);
	return 0;
}

static int show_slack(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%lu\n", n->task->timer_slack_ns);
	return 0;
}

static int show_id_map(struct seq_buf *s, struct proc_node *n)
{
	seq_printf(s, "%10u %10u %10u\n", 0, 0, 4294967295u);
	return 0;
}

static int show_cgroup(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, "0::/\n");
	return 0;
}

/* Children that this thread made. */
static int show_children(struct seq_buf *s, struct proc_node *n)
{
	struct process *c;

	list_for_each(c, &n->task->proc->children, sibling)
		if (c->parent_task == n->task)
			seq_printf(s, "%d ", c->tgid);
	return 0;
}

static int show_empty(struct seq_buf *s, struct proc_node *n)
{
	return 0;
}

/* Fixed texts: e->data. */
static int show_text(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, n->e->data);
	return 0;
}

/* No security module answers. */
static int no_lsm(struct seq_buf *s, struct proc_node *n)
{
	return -EINVAL;
}

static int no_lsm_write(struct proc_node *n, char *text, size_t len)
{
	return -EINVAL;
}

static int write_timerslack(struct proc_node *n, char *text, size_t len)
{
	s64 v;
	int err = proc_parse_number(text, &v);

	if (err)
		return err;
	n->task->timer_slack_ns = v ? (u64)v : 50000;
	return 0;
}

static const struct proc_entry attr_table[] = {
	PROC_FILE_RW("current", 0666, no_lsm, no_lsm_write),
	PROC_FILE("prev", 0444, no_lsm),
	PROC_FILE_RW("exec", 0666, no_lsm, no_lsm_write),
	PROC_FILE_RW("fscreate", 0666, no_lsm, no_lsm_write),
	PROC_FILE_RW("keycreate", 0666, no_lsm, no_lsm_write),
	PROC_FILE_RW("sockcreate", 0666, no_lsm, no_lsm_write),
	PROC_END
};

#define MAGIC(n, fn) { .name = n, .mode = S_IFLNK | 0777, .readlink = fn##_readlink, \
		       .follow = fn##_follow }
#define SPECIAL(n, m, f) { .name = n, .mode = S_IFREG | (m), .fops = &f }
#define TEXT(n, m, t) { .name = n, .mode = S_IFREG | (m), .show = show_text, .data = (void *)(t) }

/* What processes and threads have in common. */
#define COMMON_ENTRIES                                                                             \
	{ .name = "fd", .mode = S_IFDIR | 0500, .dir = &proc_fd_dir, .ptrace = true },             \
	{ .name = "fdinfo", .mode = S_IFDIR | 0555, .dir = &proc_fdinfo_dir, .ptrace = true },     \
	PROC_DIR("ns", 0511, ns_table),                                                            \
	PROC_DIR("net", 0555, net_table),                                                          \
	PROC_DIR("attr", 0555, attr_table),                                                        \
	PROC_SECRET("environ", 0400, proc_environ),                                                \
	PROC_SECRET("auxv", 0400, proc_auxv),                                                      \
	PROC_FILE("status", 0444, proc_status),                                                    \
	PROC_SECRET("personality", 0400, show_personality),                                        \
	PROC_FILE("limits", 0444, show_limits),                                                    \
	PROC_FILE("sched", 0644, show_sched),                                                      \
	PROC_FILE_RW("comm", 0644, show_comm, write_comm),                                         \
	PROC_SECRET("syscall", 0400, show_syscall),                                                \
	PROC_FILE("cmdline", 0444, proc_cmdline),                                                  \
	PROC_FILE("statm", 0444, proc_statm),                                                      \
	PROC_SECRET("maps", 0444, proc_maps),                                                      \
	SPECIAL("mem", 0600, proc_mem_fops),                                                       \
	SPECIAL("pagemap", 0400, proc_pagemap_fops),                                               \
	MAGIC("cwd", proc_cwd),                                                                    \
	MAGIC("root", proc_root_link),                                                             \
	MAGIC("exe", proc_exe),                                                                    \
	SPECIAL("mounts", 0444, proc_mounts_fops),                                                 \
	SPECIAL("mountinfo", 0444, proc_mountinfo_fops),                                           \
	PROC_SECRET("smaps", 0444, proc_smaps),                                                    \
	PROC_SECRET("smaps_rollup", 0444, proc_smaps_rollup),                                      \
	PROC_FILE("wchan", 0444, show_wchan),                                                      \
	PROC_FILE("stack", 0400, show_stack),                                                      \
	PROC_FILE("schedstat", 0444, show_schedstat),                                              \
	TEXT("cpuset", 0444, "/\n"),                                                               \
	PROC_FILE("cgroup", 0444, show_cgroup),                                                    \
	PROC_FILE("oom_score", 0444, show_oom_score),                                              \
	PROC_FILE("oom_adj", 0444, show_oom_adj),                                                  \
	PROC_FILE_RW("oom_score_adj", 0644, show_oom_score_adj, write_oom_score_adj),              \
	PROC_FILE("uid_map", 0444, show_id_map),                                                   \
	PROC_FILE("gid_map", 0444, show_id_map),                                                   \
	PROC_FILE("projid_map", 0444, show_id_map),                                                \
	TEXT("setgroups", 0444, "allow\n")

const struct proc_entry pid_table[] = {
	{ .name = "task", .mode = S_IFDIR | 0555, .dir = &proc_task_dir },
	COMMON_ENTRIES,
	SPECIAL("mountstats", 0400, proc_mountstats_fops),
	PROC_FILE("stat", 0444, proc_stat),
	PROC_SECRET("io", 0400, show_io),
	PROC_FILE("timers", 0444, show_empty),
	TEXT("coredump_filter", 0644, "00000033\n"),
	PROC_FILE_RW("timerslack_ns", 0666, show_slack, write_timerslack),
	PROC_END
};

const struct proc_entry tid_table[] = {
	COMMON_ENTRIES,
	PROC_FILE("stat", 0444, proc_tid_stat),
	PROC_SECRET("io", 0400, show_tid_io),
	PROC_FILE("children", 0444, show_children),
	PROC_END
};

const struct proc_entry pid_entry = PROC_DIR("PID", 0555, pid_table);
const struct proc_entry tid_entry = PROC_DIR("TID", 0555, tid_table);
