/* SPDX-License-Identifier: MIT */
/*
 * Host calls on memory that need no exchange of their own: they travel with the answer of the guest's call, and
 * their failure, which hardly ever happens, is undone when the near kernel comes back with it.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"

void guest_defer_begin(struct uthread *ut, const struct guest_undo *undo)
{
	if (ut->undo.fn)
		(void)!uthread_flush(ut);	/* one at a time */
	ut->undo = *undo;
	ut->undo_at = ORDERS_MAX;
	ut->defer = true;
}

void guest_defer_end(struct uthread *ut)
{
	ut->defer = false;
	if (ut->undo_at == ORDERS_MAX)
		ut->undo.fn = NULL;		/* it came to no order */
}

void defer_these(struct uthread *ut, u32 from)
{
	ut->undo_from = from;
	ut->undo_at = ut->norders - 1;
}

/* Said by a hostile process: any error will do. */
static int error_of(s64 res)
{
	return res < 0 && res >= -4095 ? (int)res : -EIO;
}

/*
 * What was queued behind the failed order is still to be done: copies of the answer, a signal frame. Patches were for
 * text that is not there. A descriptor on its way would be lost, so nobody sends one behind a deferred call.
 */
static u32 keep_rest(struct uthread *ut, u32 from, u32 n, struct near_order *rest)
{
	u32 kept = 0;

	for (u32 i = from; i < n; i++) {
		if (ut->orders[i].op == ORD_RECVFD)
			space_kill(ut->space);
		else if (ut->orders[i].op != ORD_PATCH)
			rest[kept++] = ut->orders[i];
	}
	return kept;
}

bool defer_failed(struct uthread *ut, u32 n)
{
	struct near_order rest[ORDERS_MAX];
	struct guest_undo u = ut->undo;
	u32 done = READ_ONCE(ut->area->orders_done), nrest;

	if (!u.fn || done < ut->undo_from || done > ut->undo_at || done >= n ||
	    READ_ONCE(ut->area->trap) != TRAPN_ORDERS)
		return false;
	ut->undo.fn = NULL;
	fork_over(ut);
	nrest = keep_rest(ut, ut->undo_at + 1, n, rest);
	ut->norders = 0;
	ut->result = u.fn(ut, &u, error_of(order_result(ut, done)));
	ut->result_stays = true;
	memcpy(ut->orders, rest, nrest * sizeof(rest[0]));
	ut->norders = nrest;
	return true;
}
