/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores. A list of operations is done as a whole or not at all. Who must wait leaves
 * its list with the set; whoever changes the set carries out, oldest first, what has become possible, so
 * that a semaphore goes to those who waited for it.
 *
 * SEM_UNDO: what a process took is noted per process and set, and given back when it ends.
 */
#include "abi/errno.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "core/wait.h"
#include "ipc/ipc.h"
#include "lib/alloc.h"

struct sem_undo {
	struct list_head node;		/* in undos */
	struct process *proc;		/* borrowed: gone before it is */
	struct sem_set *set;		/* borrowed: gone before it is */
	int adj[];
};

struct sem_wait {
	struct list_head node;
	struct wait_queue wq;
	const struct sembuf *ops;
	u32 n, blocked;			/* the operation that cannot be done */
	struct sem_undo *undo;
	int pid;
	bool done;
	long result;
};

static void sem_free(struct ipc_obj *o);
struct ipc_table sem_table = { .next_id = -1, .free = sem_free };
static LIST_HEAD(undos);
static u64 total_sems;

u64 sem_total(void)
{
	return total_sems;
}

static struct sem_set *to_set(struct ipc_obj *o)
{
	return container_of(o, struct sem_set, o);
}

static void sem_free(struct ipc_obj *o)
{
	kfree(to_set(o));
}

/* --- operations --- */

static void undo_ops(struct sem_set *s, const struct sembuf *ops, u32 n, struct sem_undo *undo)
{
	while (n-- > 0) {
		s->sem[ops[n].sem_num].val -= ops[n].sem_op;
		if (ops[n].sem_flg & SEM_UNDO)
			undo->adj[ops[n].sem_num] += ops[n].sem_op;
	}
}

/* One operation: 0, -ERANGE, or -EAGAIN: not possible now. */
static int one_op(struct sem_set *s, const struct sembuf *op, struct sem_undo *undo)
{
	struct sem *sem = &s->sem[op->sem_num];
	int val = sem->val + op->sem_op, adj;

	if (op->sem_op == 0)
		return sem->val ? -EAGAIN : 0;
	if (val < 0)
		return -EAGAIN;
	if (val > SEMVMX)
		return -ERANGE;
	if (op->sem_flg & SEM_UNDO) {
		adj = undo->adj[op->sem_num] - op->sem_op;
		if (adj > SEMAEM || adj < -SEMAEM - 1)
			return -ERANGE;
		undo->adj[op->sem_num] = adj;
	}
	sem->val = val;
	return 0;
}

/* All or nothing. *blocked: which one was not possible. */
static int try_ops(struct sem_set *s, const struct sembuf *ops, u32 n, struct sem_undo *undo, int pid,
		   u32 *blocked)
{
	u32 i;
	int err;

	for (i = 0; i < n; i++) {
		err = one_op(s, &ops[i], undo);
		if (err) {
			*blocked = i;
			undo_ops(s, ops, i, undo);
			return err;
		}
	}
	for (i = 0; i < n; i++)
		s->sem[ops[i].sem_num].pid = pid;
	s->otime = ipc_now();
	return 0;
}

static void finish(struct sem_wait *w, long result)
{
	list_del_init(&w->node);
	w->result = result;
	w->done = true;
	wake_up(&w->wq);
}

/* Carry out what has become possible. A success can make earlier ones possible: start again. */
static void serve_waiters(struct sem_set *s)
{
	struct sem_wait *w, *next;
	bool again = true;
	int err;

	while (again) {
		again = false;
		list_for_each_safe(w, next, &s->waiters, node) {
			err = try_ops(s, w->ops, w->n, w->undo, w->pid, &w->blocked);
			if (err == -EAGAIN && w->ops[w->blocked].sem_flg & IPC_NOWAIT)
				finish(w, -EAGAIN);
			else if (err != -EAGAIN)
				finish(w, err);
			if (!err) {
				again = true;
				break;
			}
		}
	}
}

/* --- undo --- */

static struct sem_undo *find_undo(const struct process *p, const struct sem_set *s)
{
	struct sem_undo *u;

	list_for_each(u, &undos, node) {
		if (u->proc == p && u->set == s)
			return u;
	}
	return NULL;
}

bool sem_has_undo(const struct process *p)
{
	struct sem_undo *u;

	list_for_each(u, &undos, node) {
		if (u->proc == p)
			return true;
	}
	return false;
}

static int get_undo(struct sem_set *s, const struct sembuf *ops, u32 n, struct sem_undo **out)
{
	struct sem_undo *u;
	bool needed = false;
	u32 i;

	for (i = 0; i < n; i++)
		needed |= ops[i].sem_flg & SEM_UNDO;
	*out = NULL;
	if (!needed)
		return 0;
	u = find_undo(current->proc, s);
	if (!u) {
		u = kzalloc(sizeof(*u) + s->n * sizeof(u->adj[0]));
		if (!u)
			return -ENOMEM;
		u->proc = current->proc;
		u->set = s;
		list_add(&u->node, &undos);
	}
	*out = u;
	return 0;
}

void sem_exit(struct process *p)
{
	struct sem_undo *u, *next;
	u32 i;

	list_for_each_safe(u, next, &undos, node) {
		if (u->proc != p)
			continue;
		for (i = 0; i < u->set->n; i++) {
			struct sem *sem = &u->set->sem[i];

			if (!u->adj[i])
				continue;
			sem->val = MIN(MAX(sem->val + u->adj[i], 0), SEMVMX);
			sem->pid = p->tgid;
		}
		list_del_init(&u->node);
		serve_waiters(u->set);
		kfree(u);
	}
}

static void forget_undo(struct sem_set *s, s64 index)
{
	struct sem_undo *u;
	u32 i;

	list_for_each(u, &undos, node) {
		for (i = 0; u->set == s && i < s->n; i++) {
			if (index < 0 || index == i)
				u->adj[i] = 0;
		}
	}
}

/* --- calls --- */

static int sem_new(int key, int n, u32 flags)
{
	struct sem_set *s;
	int id;

	if (n <= 0 || n > sysctl.sem[0])
		return -EINVAL;
	if (sem_table.used >= sysctl.sem[3] || total_sems + n > (u64)sysctl.sem[1])
		return -ENOSPC;
	s = kzalloc(sizeof(*s) + n * sizeof(s->sem[0]));
	if (!s)
		return -ENOMEM;
	list_init(&s->waiters);
	s->n = n;
	s->ctime = ipc_now();
	id = ipc_add(&sem_table, &s->o, key, flags);
	if (id < 0)
		kfree(s);
	else
		total_sems += n;
	return id;
}

int sem_get(int key, int n, u32 flags)
{
	struct ipc_obj *o;
	int err;

	if (n < 0 || n > sysctl.sem[0])
		return -EINVAL;
	err = ipc_lookup_get(&sem_table, key, flags, &o);
	if (err)
		return err;
	if (!o)
		return sem_new(key, n, flags);
	if ((u32)n > to_set(o)->n)
		return -EINVAL;
	err = ipc_allowed(o, flags & 0777);
	return err ? err : o->id;
}

static int check_ops(const struct sem_set *s, const struct sembuf *ops, u32 n)
{
	bool alters = false;
	u32 i;

	for (i = 0; i < n; i++) {
		if (ops[i].sem_num >= s->n)
			return -EFBIG;
		alters |= ops[i].sem_op != 0;
	}
	return ipc_allowed(&s->o, alters ? 0222 : 0444);
}

static long wait_turn(struct sem_set *s, struct sem_wait *w, s64 deadline)
{
	long err;

	w->done = false;
	wq_init(&w->wq);
	list_add_tail(&w->node, &s->waiters);
	err = wait_event_interruptible_timeout(&w->wq, w->done, deadline, "semop");
	if (w->done)
		return w->result;
	list_del_init(&w->node);
	/* A call with a time limit is not made again from its beginning. */
	if (err == -ETIME)
		return -EAGAIN;
	return -EINTR;
}

long sem_op(int id, const struct sembuf *ops, u32 n, s64 deadline)
{
	struct ipc_obj *o = ipc_find(&sem_table, id);
	struct sem_wait w = { .ops = ops, .n = n, .pid = current->proc->tgid };
	struct sem_set *s;
	long err;

	if (!o)
		return -EINVAL;
	s = to_set(o);
	err = check_ops(s, ops, n);
	if (!err)
		err = get_undo(s, ops, n, &w.undo);
	if (err)
		return err;
	err = try_ops(s, ops, n, w.undo, w.pid, &w.blocked);
	if (!err)
		serve_waiters(s);
	if (err != -EAGAIN || ops[w.blocked].sem_flg & IPC_NOWAIT)
		return err;
	ipc_get(o);
	err = wait_turn(s, &w, deadline);
	ipc_put(&sem_table, o);
	return err;
}

void sem_set_values(struct sem_set *s, const u16 *vals)
{
	u32 i;

	for (i = 0; i < s->n; i++) {
		s->sem[i].val = vals[i];
		s->sem[i].pid = current->proc->tgid;
	}
	forget_undo(s, -1);
	s->ctime = ipc_now();
	serve_waiters(s);
}

void sem_set_value(struct sem_set *s, u32 i, int val)
{
	s->sem[i].val = val;
	s->sem[i].pid = current->proc->tgid;
	forget_undo(s, i);
	s->ctime = ipc_now();
	serve_waiters(s);
}

u32 sem_waiters(const struct sem_set *s, u32 i, bool zero)
{
	const struct sem_wait *w;
	u32 n = 0;

	list_for_each(w, &s->waiters, node) {
		const struct sembuf *op = &w->ops[w->blocked];

		n += op->sem_num == i && (op->sem_op == 0) == zero;
	}
	return n;
}

void sem_remove(struct sem_set *s)
{
	struct sem_undo *u, *next;

	list_for_each_safe(u, next, &undos, node) {
		if (u->set != s)
			continue;
		list_del_init(&u->node);
		kfree(u);
	}
	while (!list_empty(&s->waiters))
		finish(list_first(&s->waiters, struct sem_wait, node), -EIDRM);
	total_sems -= s->n;
	ipc_remove(&sem_table, &s->o);
}
