/* SPDX-License-Identifier: MIT */
/*
 * The OOM killer: chooses by Linux's rule (resident memory, shifted by oom_score_adj) and says what
 * it does in Linux's words, which people and tools search their logs for.
 */
#include "mm/oom.h"

#include <limits.h>

#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "guest/guest.h"
#include "host/host.h"
#include "mm/mm.h"

#define OOM_ADJ_MIN (-1000)
#define VICTIM_TIME (2 * NSEC_PER_SEC)	/* to be gone; then the next one is chosen */

static int victim;			/* tgid, 0: none */
static ktime_t victim_since;

/* Any thread's mm: the leader may be gone before the others. */
static struct mm *process_mm(const struct process *p)
{
	struct task *t;

	list_for_each(t, &p->threads, thread_node) {
		if (t->mm)
			return t->mm;
	}
	return NULL;
}

long oom_badness(const struct process *p)
{
	struct mm *mm = process_mm(p);
	long pages;

	if (!mm || p->tgid == 1 || p->oom_score_adj == OOM_ADJ_MIN)
		return LONG_MIN;
	pages = mm_rss_pages(mm);
	return pages + p->oom_score_adj * (long)(mem_total() / PAGE_SIZE / 1000);
}

static struct process *choose(void)
{
	struct process *p, *worst = NULL;
	long most = LONG_MIN, points;

	list_for_each(p, &process_list, all_node) {
		points = oom_badness(p);
		if (points == LONG_MIN || points < most)
			continue;
		most = points;
		worst = p;
	}
	return worst;
}

static bool victim_still_dying(void)
{
	struct process *p = victim ? find_process(victim) : NULL;

	if (!p || !process_mm(p) || ktime_get() - victim_since > VICTIM_TIME) {
		victim = 0;
		return false;
	}
	return true;
}

static void report(const struct process *p, u64 used)
{
	struct mm *mm = process_mm(p);
	u64 size = 0, rss = 0, shared = 0;

	if (mm->space)
		host_statm(space_hostpid(mm->space), &size, &rss, &shared);
	pr_warn("%s invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|"
		"__GFP_ZERO), order=0, oom_score_adj=%d", p->leader->comm, p->oom_score_adj);
	pr_warn("Mem-Info: used:%lukB of %lukB, shmem:%lukB", (unsigned long)(used >> 10),
		(unsigned long)(mem_total() >> 10), (unsigned long)(mem_file_bytes() >> 10));
	pr_err("Out of memory: Killed process %d (%s) total-vm:%lukB, anon-rss:%lukB, "
	       "file-rss:%lukB, shmem-rss:0kB, UID:%u pgtables:0kB oom_score_adj:%d",
	       p->tgid, p->leader->comm, (unsigned long)(mm->total_pages << 2),
	       (unsigned long)((rss > shared ? rss - shared : 0) << 2),
	       (unsigned long)(shared << 2), p->leader->cred->uid, p->oom_score_adj);
}

u64 oom_kills;

void oom_kill(u64 used)
{
	struct process *p;

	if (victim_still_dying())
		return;
	p = choose();
	if (!p) {
		pr_err("Out of memory and no killable processes...");
		return;
	}
	victim = p->tgid;
	victim_since = ktime_get();
	oom_kills++;
	report(p, used);
	kill_process(p);
}
