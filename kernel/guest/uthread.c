/* SPDX-License-Identifier: MIT */
/*
 * Guest threads and their orders.
 *
 * Between a trap and the next run (run.c) the thread waits in the near kernel; orders are queued here and given in one
 * exchange, at the latest with the run itself.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/unistd.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"
#include "lib/alloc.h"

#define SPIN_LOOKS 1000		/* of a waiting guest thread before it sleeps, when nobody else wants its CPU */
#define SPIN_SCARCE 150		/* when somebody may: about as long as a call takes */

bool guest_fastpath = true, guest_patching = true;

int uthread_new(struct space *s, u32 index, struct uthread **out)
{
	struct uthread *ut = kzalloc(sizeof(*ut));

	if (!ut)
		return -ENOMEM;
	ut->area = space_area(s, index);
	if (!ut->area) {
		kfree(ut);
		return -ENOMEM;
	}
	ut->space = s;
	ut->index = index;
	ut->nr = -1;
	ut->fd_there = -1;
	wq_init(&ut->wq);
	list_add_tail(&ut->node, &s->uthreads);
	s->chunk[index / CHUNK_AREAS]->thread[index % CHUNK_AREAS] = ut;
	s->used[index / 64] |= 1ULL << (index % 64);
	s->nthreads++;
	*out = ut;
	return 0;
}

void uthread_free(struct uthread *ut)
{
	uthread_unlend_actions(ut);
	poll_remove(ut);
	fork_over(ut);
	if (ut->running)
		guests_running--;
	list_del_init(&ut->node);
	ut->space->chunk[ut->index / CHUNK_AREAS]->thread[ut->index % CHUNK_AREAS] = NULL;
	ut->space->nthreads--;
	kfree(ut);
}

/* A new thread's control page: it waits for its first orders. */
void area_setup(struct uthread *ut)
{
	struct near_area *a = ut->area;

	a->sleeping = a->polled = a->kicked = a->blocked = 0;
	a->bell_id = bell_id(ut->space, ut->index);
	a->index = ut->index;
	a->spin = 0;
	a->fast = guest_fastpath;
	a->kernel_pid = (u32)kernel_hostpid;
	a->resume = a->norders = a->npre = 0;
	a->shared_fs = 0;
	a->actions = a->fs_keep = 0;
	a->left = a->alone = 0;
	a->text_lock = 0;
	a->brk = ut->brk = 0;
	a->lent_fs = 0;
	a->full = 1;
	a->trap = TRAPN_HELLO;
	a->ctx = ut->ctx;
	__atomic_store_n(&a->state, ST_CALL, __ATOMIC_SEQ_CST);
}

struct guest_uc *uthread_uc(struct uthread *ut)
{
	return ut->full ? (struct guest_uc *)((char *)ut->area + ut->ctx) : NULL;
}

static bool ctx_valid(u64 ctx)
{
	return ctx >= AREA_ALTSTACK + 64 && ctx % 8 == 0 &&
	       ctx <= AREA_ALTSTACK + AREA_ALTSTACK_SIZE - sizeof(struct guest_uc);
}

void uthread_wake(struct uthread *ut)
{
	if (ut->waiter)
		sched_wake(ut->waiter);
	if (wq_active(&ut->wq))
		wake_up_all(&ut->wq);
}

void uthread_trapped(struct uthread *ut)
{
	if (ut->running) {
		ut->running = false;
		guests_running--;
		sched_calls++;
		poll_remove(ut);
	}
	ut->trapped = true;
	if (ut->unborn || ut->space->maker)
		forks_look();
	uthread_wake(ut);
}

/* The thread's turn: orders and answer are in place. */
void uthread_hand_over(struct uthread *ut, u32 resume)
{
	struct near_area *a = ut->area;

	memcpy(a->orders, ut->orders, ut->norders * sizeof(a->orders[0]));
	a->norders = ut->norders;
	a->resume = resume;
	a->result = ut->result;
	ut->fd_there = -1;
	a->blocked = 0;
	ut->trapped = false;
	ut->running = true;
	guests_running++;
	a->spin = sched_cpu_spare() ? SPIN_LOOKS : SPIN_SCARCE;
	poll_add(ut);
	__atomic_store_n(&a->state, ST_GO, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&a->sleeping, __ATOMIC_SEQ_CST))
		sched_wake_guest(&a->state, READ_ONCE(a->cpu));
}

void uthread_let_go(struct uthread *ut)
{
	uthread_hand_over(ut, 0);
}

/* Sleeps until the thread's next trap; -ESRCH when there will be none. */
int uthread_await_trap(struct uthread *ut, const char *why)
{
	struct task *t = current;

	/* Not wq_sleep(): the task counts as running, signals kick it rather than wake it. */
	ut->waiter = t;
	t->wait_reason = why;
	while (!ut->trapped && !ut->space->dead)
		sched_block();
	t->wait_reason = NULL;
	ut->waiter = NULL;
	if (ut->space->dead)
		return -ESRCH;
	return 0;
}

/* What the thread says about the trap, taken once. */
void uthread_take_context(struct uthread *ut)
{
	u64 ctx = READ_ONCE(ut->area->ctx);

	ut->full = READ_ONCE(ut->area->full) && ctx_valid(ctx);
	ut->ctx = ut->full ? ctx : 0;
}

static int exchange(struct uthread *ut)
{
	int err;

	if (ut->space->dead)
		return -ESRCH;
	uthread_hand_over(ut, 0);
	err = uthread_await_trap(ut, "guest_orders");
	if (err)
		return err;
	if (READ_ONCE(ut->area->trap) != TRAPN_ORDERS) {
		space_kill(ut->space);
		return -ESRCH;
	}
	return 0;
}

s64 order_result(struct uthread *ut, u32 i)
{
	return READ_ONCE(ut->area->orders[i].res);
}

void uthread_channel_release(struct uthread *ut)
{
	if (ut->sending) {
		ut->sending = false;
		mutex_unlock(&ut->space->channel);
	}
}

/* Threads of a process take descriptors from one channel: in the order in which they were sent, so one at a time. */
int uthread_send_fds(struct uthread *ut, const int *fds, u32 n)
{
	bool first = !ut->sending;
	int err;

	if (first) {
		mutex_lock(&ut->space->channel);
		ut->sending = true;
	}
	err = host_send_fds(ut->space->ctl, fds, n);
	if (!err)
		uthread_order(ut, ORD_RECVFD);
	else if (first)
		uthread_channel_release(ut);
	return err;
}

/* What was queued is done, or will never be. */
void uthread_orders_over(struct uthread *ut)
{
	ut->norders = 0;
	ut->undo.fn = NULL;
	ut->deferred = false;
	ut->wpos = 0;
	fork_over(ut);
}

int uthread_flush(struct uthread *ut)
{
	u32 n, done;
	int err;
	s64 res;

	do {
		n = ut->norders;
		err = exchange(ut);
	} while (!err && defer_failed(ut, n) && ut->norders);
	n = ut->norders;
	uthread_orders_over(ut);
	uthread_channel_release(ut);
	if (err)
		return err;
	done = READ_ONCE(ut->area->orders_done);
	if (done >= n)
		return 0;
	res = order_result(ut, done);
	return res < 0 && res >= -4095 ? (int)res : -EIO;
}

int uthread_room(struct uthread *ut, u32 norders)
{
	int err;

	if (ut->norders + norders <= ORDERS_MAX)
		return 0;
	err = uthread_flush(ut);
	if (err && ut->batch && !ut->batch_err)
		ut->batch_err = err;
	return ut->batch ? 0 : err;
}

struct near_order *uthread_order(struct uthread *ut, u32 op)
{
	struct near_order *o = &ut->orders[ut->norders++];

	memset(o, 0, sizeof(*o));
	o->op = op;
	return o;
}
