/* SPDX-License-Identifier: MIT */
/*
 * Numbers: one space for tids, tgids, process groups and sessions. A number is free when
 * its use count is zero; a task, a group and a session each hold one use of theirs, so a group's number
 * is not given to a new task while the group lives. Groups and sessions are here as well.
 */
#include "core/task.h"

#include "abi/errno.h"
#include "lib/alloc.h"

#define RESERVED_PIDS 300

/* 1 is kept for init, which is not the first to be made. */
int pid_max = PID_MAX_DEFAULT, last_pid = 1, nr_threads;

struct pid_slot {
	struct task *task;		/* hashed one */
	struct pgrp *pgrp;
	u32 uses;
};
static struct pid_slot slots[PID_MAX_DEFAULT];
static u64 tasks[PID_MAX_DEFAULT / 64];	/* the slots with a task: to go through them in order */

static int pid_limit(void)
{
	return MIN(pid_max, PID_MAX_DEFAULT);
}

static int pid_scan(int from, int to)
{
	for (int i = from; i < to; i++)
		if (!slots[i].uses)
			return i;
	return -EAGAIN;
}

int pid_alloc(void)
{
	int pid = pid_scan(last_pid + 1, pid_limit());

	if (pid < 0)
		pid = pid_scan(last_pid > RESERVED_PIDS ? RESERVED_PIDS : 2, pid_limit());
	if (pid < 0)
		return pid;
	slots[pid].uses = 1;
	last_pid = pid;
	return pid;
}

int pid_alloc_at(int pid)
{
	if (pid < 1 || pid >= pid_limit())
		return -EINVAL;
	if (slots[pid].uses)
		return -EEXIST;
	slots[pid].uses = 1;
	return 0;
}

void pid_hold(int pid)
{
	slots[pid].uses++;
}

void pid_free(int pid)
{
	if (!slots[pid].uses)
		__builtin_trap();
	slots[pid].uses--;
}

struct task *find_task(int tid)
{
	return tid > 0 && tid < PID_MAX_DEFAULT ? slots[tid].task : NULL;
}

struct process *find_process(int tgid)
{
	struct task *t = find_task(tgid);

	return t && t->proc && t->proc->tgid == tgid ? t->proc : NULL;
}

/* The first number from this one on that a task has, or PID_MAX_DEFAULT. */
static int next_tid(int from)
{
	for (int i = from; i < PID_MAX_DEFAULT; i = (i | 63) + 1) {
		u64 left = tasks[i / 64] & (~0ULL << (i % 64));

		if (left)
			return (i & ~63) + __builtin_ctzll(left);
	}
	return PID_MAX_DEFAULT;
}

struct process *next_process(int from)
{
	struct process *p;

	for (int tid = next_tid(MAX(from, 1)); tid < PID_MAX_DEFAULT; tid = next_tid(tid + 1)) {
		p = find_process(tid);
		if (p && p->leader)
			return p;
	}
	return NULL;
}

void task_hash(struct task *t)
{
	slots[t->tid].task = t;
	tasks[t->tid / 64] |= 1ULL << (t->tid % 64);
}

void task_unhash(struct task *t)
{
	if (slots[t->tid].task != t)
		return;
	slots[t->tid].task = NULL;
	tasks[t->tid / 64] &= ~(1ULL << (t->tid % 64));
}

int pgrp_id(const struct process *p)
{
	return p->pgrp ? p->pgrp->pgid : 0;
}

int session_id(const struct process *p)
{
	return p->session ? p->session->sid : 0;
}

struct session *session_get(struct session *s)
{
	ref_get(&s->ref);
	return s;
}

void session_put(struct session *s)
{
	if (!s || !ref_put(&s->ref))
		return;
	pid_free(s->sid);
	kfree(s);
}

struct pgrp *find_pgrp(int pgid)
{
	struct pgrp *pg = pgid > 0 && pgid < PID_MAX_DEFAULT ? slots[pgid].pgrp : NULL;

	return pg && !list_empty(&pg->procs) ? pg : NULL;
}

struct pgrp *pgrp_get(struct pgrp *pg)
{
	ref_get(&pg->ref);
	return pg;
}

void pgrp_put(struct pgrp *pg)
{
	if (!pg || !ref_put(&pg->ref))
		return;
	if (slots[pg->pgid].pgrp == pg)
		slots[pg->pgid].pgrp = NULL;
	list_del_init(&pg->session_node);
	session_put(pg->session);
	pid_free(pg->pgid);
	kfree(pg);
}

/* Returns a reference; takes none of s. */
static struct pgrp *pgrp_new(int pgid, struct session *s)
{
	struct pgrp *pg = kzalloc(sizeof(*pg));

	if (!pg)
		return NULL;
	ref_init(&pg->ref);
	pg->pgid = pgid;
	pid_hold(pgid);
	pg->session = session_get(s);
	list_init(&pg->procs);
	list_init(&pg->hash_node);
	list_add_tail(&pg->session_node, &s->pgrps);
	slots[pgid].pgrp = pg;
	return pg;
}

void process_leave_pgrp(struct process *p)
{
	struct pgrp *pg = p->pgrp;

	if (!pg)
		return;
	list_del_init(&p->pgrp_node);
	p->pgrp = NULL;
	pgrp_put(pg);
}

/* Takes the reference to pg. */
static void pgrp_enter(struct process *p, struct pgrp *pg)
{
	process_leave_pgrp(p);
	p->pgrp = pg;
	list_add_tail(&p->pgrp_node, &pg->procs);
	if (task_ids_changed && p->leader)
		task_ids_changed(p->leader);
}

int process_new_session(struct process *p)
{
	struct session *s = kzalloc(sizeof(*s));
	struct pgrp *pg;

	if (!s)
		return -ENOMEM;
	ref_init(&s->ref);
	s->sid = p->tgid;
	pid_hold(s->sid);
	list_init(&s->pgrps);
	pg = pgrp_new(p->tgid, s);
	if (!pg) {
		session_put(s);
		return -ENOMEM;
	}
	pgrp_enter(p, pg);
	session_put(p->session);
	p->session = s;
	return 0;
}

int process_join_pgrp(struct process *p, int pgid)
{
	struct pgrp *pg = find_pgrp(pgid);

	if (pg && pg == p->pgrp)
		return 0;
	/* A group without members may still be held by a terminal: it comes to life again. */
	if (!pg && slots[pgid].pgrp && slots[pgid].pgrp->session == p->session)
		pg = slots[pgid].pgrp;
	pg = pg ? pgrp_get(pg) : pgrp_new(pgid, p->session);
	if (!pg)
		return -ENOMEM;
	pgrp_enter(p, pg);
	return 0;
}

bool init_controls_jobs;

/* No member has a parent in another group of the same session; init counts when it is a shell. */
bool pgrp_is_orphaned(const struct pgrp *pg, const struct process *ignore)
{
	struct process *p;

	list_for_each(p, &pg->procs, pgrp_node) {
		if (p == ignore || !p->parent || !p->nthreads)
			continue;
		if (p->parent->tgid == 1 && !init_controls_jobs)
			continue;
		if (p->parent->pgrp != pg && p->parent->session == p->session)
			return false;
	}
	return true;
}
