/* SPDX-License-Identifier: MIT */
/*
 * Making and freeing tasks and processes: the bare structs with their references. What
 * they hold of higher layers (mm, files, fs) is joined and released in process/.
 */
#include "core/task.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/sched.h"
#include "core/sched.h"
#include "lib/alloc.h"

LIST_HEAD(process_list);
void (*task_ids_changed)(struct task *t);

struct task *task_get(struct task *t)
{
	ref_get(&t->ref);
	return t;
}

static void task_free(struct task *t)
{
	sigqueue_flush(&t->pending);
	if (t->kstack)
		sched_stack_free(t);
	cred_put(t->cred);
	pid_free(t->tid);
	nr_threads--;
	if (t->proc)
		process_put(t->proc);
	kfree(t);
}

void task_put(struct task *t)
{
	if (t && ref_put(&t->ref))
		task_free(t);
}

struct process *process_get(struct process *p)
{
	ref_get(&p->ref);
	return p;
}

static void process_free(struct process *p)
{
	sigqueue_flush(&p->shared_pending);
	sighand_put(p->sighand);
	kfree(p);
}

void process_put(struct process *p)
{
	if (p && ref_put(&p->ref))
		process_free(p);
}

static void task_init_fields(struct task *t)
{
	ref_init(&t->ref);
	list_init(&t->thread_node);
	list_init(&t->run_node);
	list_init(&t->tracees);
	sigqueue_init(&t->pending);
	t->state = TASK_RUNNING;
	t->syscall_nr = -1;
	t->cred = cred_get(&init_cred);
	t->timer_slack_ns = t->default_slack_ns = 50000;
	t->policy = SCHED_NORMAL;
	t->cpu_mask = ~0ULL;
	t->altstack.flags = SS_DISABLE;
	t->start_time = ktime_get_boottime();
}

int task_alloc(struct task **out)
{
	struct task *t = kzalloc(sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->tid = pid_alloc();
	if (t->tid < 0) {
		err = t->tid;
		goto fail;
	}
	task_init_fields(t);
	err = sched_stack_alloc(t);
	if (err)
		goto fail_pid;
	nr_threads++;
	*out = t;
	return 0;
fail_pid:
	cred_put(t->cred);
	pid_free(t->tid);
fail:
	kfree(t);
	return err;
}

int process_alloc(struct process **out)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return -ENOMEM;
	ref_init(&p->ref);
	list_init(&p->all_node);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->pgrp_node);
	sigqueue_init(&p->shared_pending);
	wq_init(&p->wait_chld);
	wq_init(&p->signalfd_wq);
	wq_init(&p->exec_wq);
	wq_init(&p->exit_wq);
	p->dumpable = 1;
	p->start_time = ktime_get_boottime();
	*out = p;
	return 0;
}

void task_set_cred(struct task *t, struct cred *c)
{
	struct cred *old = t->cred;

	if (t->proc && old->uid != c->uid) {
		user_nproc_add(old->uid, -1);
		user_nproc_add(c->uid, 1);
	}
	t->cred = c;
	cred_put(old);
	if (task_ids_changed)
		task_ids_changed(t);
}

void task_set_comm(struct task *t, const char *name)
{
	size_t n = strnlen(name, TASK_COMM_LEN - 1);

	memset(t->comm, 0, TASK_COMM_LEN);
	memcpy(t->comm, name, n);
}

bool task_is_leader(const struct task *t)
{
	return t->proc && t->proc->leader == t;
}
