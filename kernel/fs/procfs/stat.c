/* SPDX-License-Identifier: MIT */
/*
 * Numbers of the whole machine: stat, uptime, loadavg, meminfo, vmstat, interrupts.
 *
 * Time that guest code used is the sum over living processes and what they inherited from reaped ones;
 * the kernel spreads it evenly over its CPUs, since only the host knows where it was spent.
 */
#include "fs/procfs/priv.h"

#include "core/loadavg.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "process/process.h"

#define TICK_NS ((u64)NSEC_PER_SEC / USER_HZ)
#define KB(bytes) ((bytes) >> 10)
#define PAGE_KB (PAGE_SIZE >> 10)

struct totals {
	u64 user, system, idle;		/* ns */
	u64 ctxt, minflt, majflt;
	int running, blocked, tasks;
};

static void count_tasks(const struct process *p, struct totals *sum)
{
	const struct task *t;

	list_for_each(t, &p->threads, thread_node) {
		sum->tasks++;
		sum->running += t->state == TASK_RUNNING || t->state == TASK_GUEST;
		sum->blocked += t->state == TASK_DISK_SLEEP;
	}
}

static void collect(struct totals *sum)
{
	static u64 last_user, last_system, last_idle;
	u64 all = (u64)ktime_get_boottime() * (u64)sched_ncpus();
	const struct process *p;
	struct sched_stats st;
	struct acct a;

	*sum = (struct totals){ .user = 0 };
	list_for_each(p, &process_list, all_node) {
		process_times(p, &a);
		acct_add(&a, &p->child_acct);
		sum->user += a.utime;
		sum->system += a.stime;
		sum->minflt += a.minflt;
		sum->majflt += a.majflt;
		count_tasks(p, sum);
	}
	sched_get_stats(&st);
	sum->ctxt = st.switches;
	/* Processes that nobody waited for take their time with them: never run backwards. */
	last_user = sum->user = MAX(sum->user, last_user);
	last_system = sum->system = MAX(sum->system, last_system);
	sum->idle = all > sum->user + sum->system ? all - sum->user - sum->system : 0;
	last_idle = sum->idle = MAX(sum->idle, last_idle);
}

static void cpu_line(struct seq_buf *s, const struct totals *t, u64 parts)
{
	u64 div = parts * TICK_NS;

	seq_printf(s, " %lu 0 %lu %lu 0 0 0 0 0 0\n", t->user / div, t->system / div, t->idle / div);
}

int proc_show_stat(struct seq_buf *s, struct proc_node *n)
{
	struct totals t;
	int cpus = sched_ncpus();

	collect(&t);
	seq_puts(s, "cpu ");
	cpu_line(s, &t, 1);
	for (int i = 0; i < cpus; i++) {
		seq_printf(s, "cpu%d", i);
		cpu_line(s, &t, (u64)cpus);
	}
	seq_printf(s, "intr 0\nctxt %lu\nbtime %ld\nprocesses %d\nprocs_running %d\n"
		   "procs_blocked %d\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n", t.ctxt,
		   (long)(time_boot_real() / NSEC_PER_SEC), last_pid, MAX(t.running, 1), t.blocked);
	return 0;
}

int proc_show_uptime(struct seq_buf *s, struct proc_node *n)
{
	u64 up = (u64)ktime_get_boottime() / (u64)(NSEC_PER_SEC / 100);
	struct totals t;
	u64 idle;

	collect(&t);
	idle = t.idle / (u64)(NSEC_PER_SEC / 100);
	seq_printf(s, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
	return 0;
}

/* ---- load ---- */

int proc_show_loadavg(struct seq_buf *s, struct proc_node *n)
{
	struct totals t;
	u64 load[3];

	collect(&t);
	loadavg_get(load);
	for (int i = 0; i < 3; i++) {
		u64 v = load[i] + (1UL << LOAD_SHIFT) / 200;

		seq_printf(s, "%lu.%02lu ", v >> LOAD_SHIFT,
			   (v & ((1UL << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT);
	}
	seq_printf(s, "%d/%d %d\n", MAX(t.running, 1), t.tasks, last_pid);
	return 0;
}

/* ---- memory ---- */

struct mem_line {
	const char *name;
	u64 kb;
};

int proc_show_meminfo(struct seq_buf *s, struct proc_node *n)
{
	u64 total = KB(mem_total()), used = MIN(KB(mem_used()), total);
	u64 file = MIN(KB(mem_file_bytes()), used), anon = used - file;
	u64 free = total - used, cache, buffers, dirty;
	struct pagecache_stats pc;

	pagecache_get_stats(&pc);
	cache = MIN(pc.cached * PAGE_KB, file);
	buffers = MIN(pc.buffers * PAGE_KB, cache);
	dirty = MIN((pc.dirty + pc.writeback) * PAGE_KB, cache);
	const struct mem_line lines[] = {
		{ "MemTotal", total }, { "MemFree", free },
		{ "MemAvailable", free + cache - dirty }, { "Buffers", buffers },
		{ "Cached", file - buffers }, { "SwapCached", 0 }, { "Active", anon },
		{ "Inactive", file }, { "Active(anon)", anon }, { "Inactive(anon)", 0 },
		{ "Active(file)", 0 }, { "Inactive(file)", file }, { "Unevictable", 0 },
		{ "Mlocked", 0 }, { "SwapTotal", 0 }, { "SwapFree", 0 },
		{ "Dirty", pc.dirty * PAGE_KB }, { "Writeback", pc.writeback * PAGE_KB },
		{ "AnonPages", anon }, { "Mapped", file - cache + pc.mapped * PAGE_KB },
		{ "Shmem", file - cache }, { "KReclaimable", 0 }, { "Slab", 0 },
		{ "SReclaimable", 0 }, { "SUnreclaim", 0 },
		{ "KernelStack", (u64)nr_threads * (KSTACK_SIZE >> 10) }, { "PageTables", 0 },
		{ "SecPageTables", 0 }, { "NFS_Unstable", 0 }, { "Bounce", 0 },
		{ "WritebackTmp", 0 }, { "CommitLimit", total / 2 }, { "Committed_AS", used },
		{ "VmallocTotal", 34359738367 }, { "VmallocUsed", 0 }, { "VmallocChunk", 0 },
		{ "Percpu", 0 }, { "AnonHugePages", 0 }, { "ShmemHugePages", 0 },
		{ "ShmemPmdMapped", 0 }, { "FileHugePages", 0 }, { "FilePmdMapped", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char name[24];
		size_t len = 0;

		while (lines[i].name[len]) {
			name[len] = lines[i].name[len];
			len++;
		}
		name[len++] = ':';
		name[len] = 0;
		seq_printf(s, "%-15s %8lu kB\n", name, lines[i].kb);
	}
	seq_puts(s, "HugePages_Total:       0\nHugePages_Free:        0\n"
		 "HugePages_Rsvd:        0\nHugePages_Surp:        0\n"
		 "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n");
	return 0;
}

int proc_show_vmstat(struct seq_buf *s, struct proc_node *n)
{
	u64 used = mem_used() / PAGE_SIZE, cached = mem_file_bytes() / PAGE_SIZE;
	struct pagecache_stats pc;
	struct totals t;

	collect(&t);
	pagecache_get_stats(&pc);
	seq_printf(s, "nr_free_pages %lu\nnr_zone_inactive_anon 0\nnr_zone_active_anon %lu\n"
		   "nr_zone_inactive_file %lu\nnr_zone_active_file 0\n", mem_free() / PAGE_SIZE,
		   used > cached ? used - cached : 0, cached);
	seq_printf(s, "nr_anon_pages %lu\nnr_mapped %lu\nnr_file_pages %lu\nnr_dirty %lu\n"
		   "nr_writeback %lu\nnr_shmem %lu\n", used > cached ? used - cached : 0,
		   cached - MIN(pc.cached, cached) + pc.mapped, cached, pc.dirty, pc.writeback,
		   cached - MIN(pc.cached, cached));
	seq_printf(s, "nr_dirtied %lu\nnr_written %lu\npgpgin %lu\npgpgout %lu\npswpin 0\npswpout 0\npgfault %lu\npgmajfault %lu\n"
		   "oom_kill 0\n", pc.written + pc.dirty, pc.written, pc.read * PAGE_KB,
		   pc.written * PAGE_KB, t.minflt, t.majflt);
	return 0;
}

int proc_show_zoneinfo(struct seq_buf *s, struct proc_node *n)
{
	u64 total = mem_total() / PAGE_SIZE;

	seq_printf(s, "Node 0, zone   Normal\n  pages free     %lu\n        boost    0\n"
		   "        min      0\n        low      0\n        high     0\n"
		   "        spanned  %lu\n        present  %lu\n        managed  %lu\n",
		   mem_free() / PAGE_SIZE, total, total, total);
	return 0;
}

/* ---- interrupts: there are none; the columns are what tools look for ---- */

static void cpu_columns(struct seq_buf *s, const char *fmt)
{
	for (int i = 0; i < sched_ncpus(); i++)
		seq_printf(s, "%s%-8d", fmt, i);
	seq_putc(s, '\n');
}

int proc_show_interrupts(struct seq_buf *s, struct proc_node *n)
{
	seq_puts(s, "           ");
	cpu_columns(s, "CPU");
	seq_puts(s, "ERR:          0\n");
	return 0;
}

int proc_show_softirqs(struct seq_buf *s, struct proc_node *n)
{
	static const char *const names[] = {
		"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED",
		"HRTIMER", "RCU",
	};

	seq_puts(s, "                    ");
	cpu_columns(s, "CPU");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		seq_printf(s, "%12s:", names[i]);
		for (int c = 0; c < sched_ncpus(); c++)
			seq_printf(s, " %10d", 0);
		seq_putc(s, '\n');
	}
	return 0;
}
