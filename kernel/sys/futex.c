/* SPDX-License-Identifier: MIT */
/*
 * futex(2) and its relatives. A waiter is queued, then looks at the word (which may block), then sleeps: a wakeup that comes in
 * between is not lost. Mostly the word came with the call, and was looked at before: that is as good if nobody was to be
 * woken meanwhile, because then the waiter might as well have been queued at that time.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/futex.h"
#include "abi/prctl.h"
#include "abi/time.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "guest/guest.h"
#include "mm/user.h"
#include "process/futex_key.h"
#include "process/process.h"
#include "sys/futex.h"
#include "sys/sys.h"
#include "sys/timespec.h"

struct wait_args {
	uaddr_t addr;
	u32 val, bitset;
	bool shared;
	ktime_t deadline;
};

/* Sleep until woken. 0, -ETIMEDOUT, -ERESTARTSYS. */
static int sleep_woken(struct wait_queue *wq, const bool *woken, ktime_t deadline)
{
	int err = wait_event_full(wq, *woken, WAIT_INTERRUPTIBLE, deadline, "futex_wait");

	return err == -ETIME ? -ETIMEDOUT : err;
}

static int wait_once(const struct wait_args *a)
{
	struct futex_waiter w;
	struct wait_queue wq;
	struct futex_key key;
	u32 now;
	int err;

	err = futex_key_get(a->addr, a->shared, &key);
	if (err)
		return err;
	wq_init(&wq);
	futex_queue(&w, &key, a->bitset, &wq);
	guest_ahead_of_wakes(current->ut);
	if (get_user(now, a->addr))
		err = -EFAULT;
	else if (w.woken)
		err = 0;
	else if (now != a->val)
		err = -EAGAIN;
	else
		err = sleep_woken(&wq, &w.woken, a->deadline);
	futex_unqueue(&w);
	return w.woken ? 0 : err;
}

static long wait_restart(struct restart_block *rb)
{
	struct wait_args a = {
		.addr = rb->a, .val = (u32)rb->b, .bitset = rb->b >> 32, .shared = rb->c,
		.deadline = rb->deadline,
	};
	int err = wait_once(&a);

	return err == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : err;
}

static long futex_wait(const struct wait_args *a)
{
	struct restart_block *rb = &current->restart;
	int err;

	if (!a->bitset)
		return -EINVAL;
	err = wait_once(a);
	if (err != -ERESTARTSYS || a->deadline == KTIME_NEVER)
		return err;
	rb->fn = wait_restart;
	rb->deadline = a->deadline;
	rb->a = a->addr;
	rb->b = a->val | (u64)a->bitset << 32;
	rb->c = a->shared;
	return -ERESTART_RESTARTBLOCK;
}

static long futex_wake(uaddr_t addr, bool shared, int n, u32 bitset)
{
	struct futex_key key;
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_key_get(addr, shared, &key);
	return err ? err : futex_wake_key(&key, n, bitset);
}

static long futex_requeue(uaddr_t from, uaddr_t to, bool shared, int wake, int move, const u32 *expect)
{
	struct futex_key k1, k2;
	u32 now;
	int err;

	if (wake < 0 || move < 0)
		return -EINVAL;
	err = futex_key_get(from, shared, &k1);
	if (!err)
		err = futex_key_get(to, shared, &k2);
	if (err)
		return err;
	if (expect) {
		if (get_user(now, from))
			return -EFAULT;
		if (now != *expect)
			return -EAGAIN;
	}
	return futex_requeue_key(&k1, &k2, wake, move);
}

/* ---- FUTEX_WAKE_OP ---- */

static int op_apply(int op, u32 old, s32 arg, u32 *new)
{
	switch (op) {
	case FUTEX_OP_SET:
		*new = arg;
		return 0;
	case FUTEX_OP_ADD:
		*new = old + arg;
		return 0;
	case FUTEX_OP_OR:
		*new = old | arg;
		return 0;
	case FUTEX_OP_ANDN:
		*new = old & ~arg;
		return 0;
	case FUTEX_OP_XOR:
		*new = old ^ arg;
		return 0;
	}
	return -ENOSYS;
}

static int op_compare(int cmp, s32 old, s32 arg)
{
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_GE:
		return old >= arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	}
	return -ENOSYS;
}

static s32 sign_extend12(u32 v)
{
	return (s32)(v << 20) >> 20;
}

static int atomic_op(u32 enc, uaddr_t addr)
{
	int op = enc >> 28 & 7, cmp = enc >> 24 & 15, err;
	s32 oparg = sign_extend12(enc >> 12 & 0xfff), cmparg = sign_extend12(enc & 0xfff);
	u32 val, new, old;

	if (enc & (u32)FUTEX_OP_OPARG_SHIFT << 28)
		oparg = 1 << (oparg & 31);
	if (get_user(val, addr))
		return -EFAULT;
	for (;;) {
		err = op_apply(op, val, oparg, &new);
		if (err)
			return err;
		if (cmpxchg_user_u32(addr, val, new, &old))
			return -EFAULT;
		if (old == val)
			return op_compare(cmp, old, cmparg);
		val = old;
	}
}

static long futex_wake_op(uaddr_t addr, uaddr_t addr2, bool shared, int n, int n2, u32 enc)
{
	struct futex_key k1, k2;
	int err, ret;

	err = futex_key_get(addr, shared, &k1);
	if (!err)
		err = futex_key_get(addr2, shared, &k2);
	if (err)
		return err;
	ret = atomic_op(enc, addr2);
	if (ret < 0)
		return ret;
	err = futex_wake_key(&k1, n, FUTEX_ANY);
	if (ret > 0)
		err += futex_wake_key(&k2, n2, FUTEX_ANY);
	return err;
}

/* ---- the call ---- */

static int wait_deadline(int cmd, bool realtime, uaddr_t uts, ktime_t *out)
{
	ktime_t ts;
	int err;

	*out = KTIME_NEVER;
	if (!uts)
		return 0;
	err = get_timespec(&ts, uts);
	if (err)
		return err;
	if (cmd == FUTEX_WAIT)
		*out = deadline_after(ts);
	else
		*out = realtime ? real_to_mono(ts) : ts;
	return 0;
}

static long do_wait(int cmd, bool realtime, const struct wait_args *in, uaddr_t uts)
{
	struct wait_args a = *in;
	int err = wait_deadline(cmd, realtime, uts, &a.deadline);

	return err ? err : futex_wait(&a);
}

long sys_futex(uaddr_t uaddr, u32 op, u32 val, u64 timeout, uaddr_t uaddr2, u32 val3)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool shared = !(op & FUTEX_PRIVATE_FLAG), realtime = op & FUTEX_CLOCK_REALTIME;
	struct wait_args a = { .addr = uaddr, .val = val, .bitset = FUTEX_ANY, .shared = shared };

	if (realtime && cmd != FUTEX_WAIT && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT_BITSET:
		a.bitset = val3;
		/* fall through */
	case FUTEX_WAIT:
		return do_wait(cmd, realtime, &a, timeout);
	case FUTEX_WAKE:
		return futex_wake(uaddr, shared, val, FUTEX_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(uaddr, shared, val, val3);
	case FUTEX_REQUEUE:
		return futex_requeue(uaddr, uaddr2, shared, val, (int)timeout, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(uaddr, uaddr2, shared, val, (int)timeout, &val3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(uaddr, uaddr2, shared, val, (int)timeout, val3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_TRYLOCK_PI:
	case FUTEX_UNLOCK_PI:
		return futex_pi(cmd, uaddr, shared, realtime || cmd == FUTEX_LOCK_PI, timeout);
	}
	return -ENOSYS;
}

/* ---- futex_waitv ---- */

struct multi {
	struct futex_waitv spec;
	struct futex_waiter w;
};

static int waitv_check(const struct futex_waitv *v)
{
	if (v->__reserved || (v->flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG)) || !(v->flags & FUTEX_32))
		return -EINVAL;
	return v->val > 0xffffffffULL ? -EINVAL : 0;
}

static int waitv_woken(struct multi *m, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (m[i].w.woken)
			return i;
	return -1;
}

static int waitv_queue(struct multi *m, u32 n, struct wait_queue *wq)
{
	struct futex_key key;
	int err;

	for (u32 i = 0; i < n; i++) {
		err = futex_key_get(m[i].spec.uaddr, !(m[i].spec.flags & FUTEX_PRIVATE_FLAG), &key);
		if (err)
			return err;
		futex_queue(&m[i].w, &key, FUTEX_ANY, wq);
	}
	return 0;
}

static int waitv_look(struct multi *m, u32 n)
{
	u32 now;

	for (u32 i = 0; i < n; i++) {
		if (get_user(now, m[i].spec.uaddr))
			return -EFAULT;
		if (now != (u32)m[i].spec.val)
			return -EAGAIN;
	}
	return 0;
}

static long waitv(struct multi *m, u32 n, ktime_t deadline)
{
	struct wait_queue wq;
	int err, hit;

	wq_init(&wq);
	for (u32 i = 0; i < n; i++)
		list_init(&m[i].w.node);
	err = waitv_queue(m, n, &wq);
	if (!err)
		err = waitv_look(m, n);
	if (!err) {
		err = wait_event_full(&wq, waitv_woken(m, n) >= 0, WAIT_INTERRUPTIBLE, deadline,
				      "futex_waitv");
		err = err == -ETIME ? -ETIMEDOUT : err;
	}
	hit = waitv_woken(m, n);
	for (u32 i = 0; i < n; i++)
		futex_unqueue(&m[i].w);
	return hit >= 0 ? hit : err;
}

long sys_futex_waitv(uaddr_t waiters, u32 n, u32 flags, uaddr_t timeout, int clock)
{
	ktime_t deadline = KTIME_NEVER;
	struct multi *m;
	int err = 0;

	if (flags || !n || n > FUTEX_WAITV_MAX || !waiters)
		return -EINVAL;
	if (timeout) {
		if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
			return -EINVAL;
		err = get_timespec(&deadline, timeout);
		if (err)
			return err;
		if (clock == CLOCK_REALTIME)
			deadline = real_to_mono(deadline);
	}
	m = arena_alloc(n * sizeof(*m));
	if (!m)
		return -ENOMEM;
	memset(m, 0, n * sizeof(*m));
	for (u32 i = 0; i < n && !err; i++) {
		if (copy_from_user(&m[i].spec, waiters + i * sizeof(m[i].spec), sizeof(m[i].spec)))
			return -EFAULT;
		err = waitv_check(&m[i].spec);
	}
	return err ? err : waitv(m, n, deadline);
}

/* ---- robust lists ---- */

long sys_set_robust_list(uaddr_t head, size_t len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

static bool may_look(const struct task *t)
{
	const struct cred *c = current->cred, *tc = t->cred;

	return t->proc == current->proc || capable(CAP_SYS_PTRACE) ||
	       (c->uid == tc->euid && c->uid == tc->suid && c->uid == tc->uid);
}

long sys_get_robust_list(int pid, uaddr_t head, uaddr_t len)
{
	struct task *t = pid ? find_task(pid) : current;
	u64 list, size = sizeof(struct robust_list_head);

	if (!t || !t->proc)
		return -ESRCH;
	if (!may_look(t))
		return -EPERM;
	if (t != current && t->ut)
		uthread_collect_kept(t->ut);
	list = t->robust_list;
	if (put_user(size, len) || put_user(list, head))
		return -EFAULT;
	return 0;
}
