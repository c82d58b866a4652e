/* SPDX-License-Identifier: MIT */
/*
 * Walking the kernel stack of a task that is switched out. The kernel is built with frame pointers,
 * and task_switch() leaves seven words on the stack: r15 r14 r13 r12 rbx rbp and the return
 * address. Every step is checked against the bounds of the stack.
 */
#include "core/stack.h"

#include <stdio.h>

#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"

#define SAVED_RBP 5
#define SAVED_RIP 6
#define TRACE_MAX 32

static bool on_stack(const struct task *t, u64 addr)
{
	u64 base = (u64)t->kstack;

	return addr >= base && addr + 2 * sizeof(u64) <= base + KSTACK_SIZE &&
	       addr % sizeof(u64) == 0;
}

int task_stack_trace(const struct task *t, void **pcs, int max)
{
	const u64 *sp = t->sp;
	u64 frame;
	int n = 0;

	if (t->sched_running || !t->kstack || !on_stack(t, (u64)sp) ||
	    !on_stack(t, (u64)(sp + SAVED_RBP)))
		return 0;
	pcs[n++] = (void *)sp[SAVED_RIP];
	frame = sp[SAVED_RBP];
	while (n < max && on_stack(t, frame)) {
		const u64 *f = (const u64 *)frame;

		if (!f[1])
			break;
		pcs[n++] = (void *)f[1];
		if (f[0] <= frame)
			break;
		frame = f[0];
	}
	return n;
}

static void show_stack(const struct task *t)
{
	void *pcs[TRACE_MAX];
	char name[128];
	int n = task_stack_trace(t, pcs, TRACE_MAX);

	pr_info("Call Trace:");
	if (!n)
		pr_info(" (the task runs in the kernel)");
	for (int i = 0; i < n; i++) {
		if (host_symbol(pcs[i], name, sizeof(name)))
			snprintf(name, sizeof(name), "0x%lx", (unsigned long)pcs[i]);
		pr_info(" [<%lx>] %s", (unsigned long)pcs[i], name);
	}
}

void show_task(const struct task *t)
{
	static const char letters[] = "RRSDTtZX";
	const struct process *parent = t->proc ? t->proc->parent : NULL;

	pr_info("task:%-15s state:%c pid:%-5d tgid:%-5d ppid:%-6d %s", t->comm, letters[t->state],
		t->tid, t->proc ? t->proc->tgid : 0, parent ? parent->tgid : 0,
		t->state == TASK_GUEST ? "(runs guest code)" :
		t->wait_reason	       ? t->wait_reason :
					 "");
	if (t->state != TASK_ZOMBIE && t->state != TASK_DEAD)
		show_stack(t);
}
