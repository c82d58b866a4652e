/* SPDX-License-Identifier: MIT */
/*
 * Guest threads: how further ones begin in a process, and how they end.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "host/host.h"

/* The new thread's context: a copy of the maker's, its pointers moved to the new area. */
static void copy_context(struct uthread *n, const struct uthread *ut)
{
	const char *from = (const char *)ut->area;
	char *to = (char *)n->area;
	u64 delta = ((u64)n->index - ut->index) * AREA_SIZE;
	struct guest_uc *uc;

	memcpy(to, from, sizeof(struct near_area));
	memcpy(to + ut->ctx - 64, from + ut->ctx - 64, AREA_ALTSTACK + AREA_ALTSTACK_SIZE - (ut->ctx - 64));
	n->ctx = ut->ctx;
	n->full = true;
	n->in_call = true;
	n->nr = ut->nr;
	uc = uthread_uc(n);
	if (uc->r.fpstate)
		uc->r.fpstate += delta;
	uc->ss_sp = NEAR_SHARED + (u64)n->index * AREA_SIZE + AREA_ALTSTACK;
	uc->r.rax = 0;
	n->area->fs_base = 0;
	area_setup(n);
	n->area->alive = 1;
}

_Static_assert((int)GUEST_TLS_OWN == TLS_OWN && (int)GUEST_TLS_LENT == TLS_LENT, "enum guest_tls");

static int order_thread(struct uthread *ut, struct uthread *n, enum guest_tls how, u64 tls)
{
	struct near_order *o;
	int err = uthread_room(ut, 1);
	u64 tid;

	if (err)
		return err;
	o = uthread_order(ut, ORD_THREAD);
	o->a[0] = n->index;
	o->a[1] = tls;
	o->a[2] = how;
	err = uthread_flush(ut);
	if (err) {
		n->area->alive = 0;
		return err;
	}
	tid = READ_ONCE(ut->area->clone_ret);
	n->tid = (int)(tid & 0x7fffffff);
	return 0;
}

int uthread_clone(struct uthread *ut, u64 stack, enum guest_tls how, u64 tls, struct uthread **out)
{
	struct uthread *n;
	int index, err;

	err = uthread_full(ut);
	if (err)
		return err;
	index = area_take(ut->space);
	if (index < 0)
		return index;
	err = uthread_new(ut->space, (u32)index, &n);
	if (err) {
		area_drop(ut->space, (u32)index);
		return err;
	}
	copy_context(n, ut);
	if (stack)
		uthread_uc(n)->r.rsp = stack;
	err = order_thread(ut, n, how, tls);
	if (err) {
		area_drop(ut->space, n->index);
		uthread_free(n);
		return err;
	}
	*out = n;
	return 0;
}

void uthread_leave_fs(struct uthread *ut)
{
	ut->area->fs_keep = 1;
}

void uthread_fs_back(struct uthread *ut)
{
	if (!ut->space->dead && !uthread_room(ut, 1))
		uthread_order(ut, ORD_FS_BACK);
}

bool uthread_tid_cleared(const struct uthread *ut)
{
	return ut->tid_cleared;
}

void uthread_leaving(struct uthread *ut)
{
	if (!ut->space->dead && !uthread_room(ut, 1))
		uthread_order(ut, ORD_LEAVING);
}

u64 uthread_max_rss(const struct uthread *ut)
{
	return ut->max_rss;
}

void uthread_exit(struct uthread *ut)
{
	struct space *s = ut->space;
	bool last = s->nthreads == 1;

	if (!s->dead) {
		if (last) {
			if (!s->leaving)
				space_kill(s);
		} else if (!ut->running) {
			ut->norders = 0;
			uthread_order(ut, ORD_EXIT_THREAD);
			uthread_let_go(ut);
			/* The first thread's area is not told of its end: it stays taken. */
			if (ut->tid != s->hostpid)
				area_drop(s, ut->index);
		}
	}
	uthread_free(ut);
}
