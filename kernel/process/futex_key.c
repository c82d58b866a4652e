/* SPDX-License-Identifier: MIT */
/*
 * Futexes by guest address: keys, and what a dying thread owes others: its robust locks and
 * the word that pthread_join() waits for. The robust list is guest memory, so every step is bounded and
 * any fault ends the walk.
 */
#include "process/futex_key.h"

#include "abi/errno.h"
#include "abi/futex.h"
#include "core/sched.h"
#include "guest/guest.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/process.h"

#define ROBUST_LIMIT 2048

int futex_key_get(uaddr_t addr, bool shared, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vma *v;

	if (addr & 3)
		return -EINVAL;
	if (addr >= GUEST_TASK_SIZE)
		return -EFAULT;
	*key = (struct futex_key){ .object = (u64)mm, .offset = addr };
	if (!shared)
		return 0;
	v = vma_find(mm, addr);
	if (!v || v->start > addr || !(v->flags & VM_READ))
		return -EFAULT;
	if (!(v->flags & VM_SHARED) || !v->backing)
		return 0;
	key->object = v->backing->dev ? v->backing->ino : (u64)v->backing;
	key->sub = v->backing->dev + 1;
	key->offset = v->pgoff + (addr - v->start);
	return 0;
}

static void wake_one(uaddr_t addr)
{
	struct futex_key key;

	if (!futex_key_get(addr, true, &key))
		futex_wake_key(&key, 1, FUTEX_ANY);
}

/* -1: stop walking. */
static int lock_owner_died(uaddr_t addr, u32 tid, bool pi, bool pending)
{
	u32 val, old, new;

	if (addr & 3)
		return -1;
	if (get_user(val, addr))
		return -1;
	for (;;) {
		/* Died between the unlock and the wakeup. */
		if (pending && !pi && !val) {
			wake_one(addr);
			return 0;
		}
		if ((val & FUTEX_TID_MASK) != tid)
			return 0;
		new = (val & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (cmpxchg_user_u32(addr, val, new, &old))
			return -1;
		if (old == val)
			break;
		val = old;
	}
	if (val & FUTEX_WAITERS)
		wake_one(addr);
	return 0;
}

static void robust_walk(struct task *t, uaddr_t head)
{
	struct robust_list_head h;
	u64 entry, next, pending;
	int limit = ROBUST_LIMIT;

	if (copy_from_user(&h, head, sizeof(h)))
		return;
	entry = (u64)h.list.next;
	pending = (u64)h.list_op_pending;
	while ((entry & ~1UL) != head && limit--) {
		bool fault = get_user(next, entry & ~1UL);

		/* The pending one comes last. */
		if (entry != pending &&
		    lock_owner_died((entry & ~1UL) + h.futex_offset, t->tid, entry & 1, false))
			return;
		if (fault)
			return;
		entry = next;
	}
	if (pending)
		lock_owner_died((pending & ~1UL) + h.futex_offset, t->tid, pending & 1, true);
}

long robust_list_exit(struct task *t)
{
	uaddr_t head = t->robust_list;

	t->robust_list = 0;
	if (head && t->ut)
		robust_walk(t, head);
	return 0;
}

void clear_child_tid(struct task *t)
{
	uaddr_t addr = t->clear_child_tid;
	u32 zero = 0;

	t->clear_child_tid = 0;
	if (!addr || !t->ut || !t->mm || ref_read(&t->mm->users) < 2)
		return;
	if (uthread_tid_cleared(t->ut)) {
		wake_one(addr);
		return;
	}
	/* Whoever sees the zero may make a thread with the same TLS. */
	uthread_leaving(t->ut);
	if (!copy_to_user(addr, &zero, sizeof(zero)) && !guest_sync(t->ut))
		wake_one(addr);
}
