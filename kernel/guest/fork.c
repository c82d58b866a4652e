/* SPDX-License-Identifier: MIT */
/*
 * Fork. The maker's near kernel clones on order, with the answer to its call if it can be so: then it does not
 * come back, and the child starts with orders that lie ready in its area. So there is a time in which the
 * child may exist already and its number is not known to us (struct space.maker): the host writes it into the
 * maker's area (near_area.born) before the child runs. Whoever needs it looks, at the latest the maker's next
 * trap or the child's first.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/task.h"
#include "host/host.h"

static LIST_HEAD(awaited);		/* struct space.pool_node: those with a maker, the oldest first */

/* Everything that the child's only thread needs, as the parent's stands now. */
static void copy_area(struct uthread *child, const struct uthread *parent)
{
	const char *from = (const char *)parent->area;
	char *to = (char *)child->area;
	u64 ctx = parent->ctx;

	memcpy(to, from, sizeof(struct near_area));
	memcpy(to + ctx - 64, from + ctx - 64, AREA_ALTSTACK + AREA_ALTSTACK_SIZE - (ctx - 64));
	child->ctx = ctx;
	child->full = true;
	child->in_call = true;
	child->nr = parent->nr;
	child->area->ctx = ctx;
	area_setup(child);
}

static void await(struct space *s, struct uthread *maker)
{
	maker->area->born = 0;
	maker->unborn = s;
	s->maker = maker;
	list_add_tail(&s->pool_node, &awaited);
	forks_pending++;
}

void fork_no_more(struct space *s)
{
	if (!s->maker)
		return;
	s->maker->unborn = NULL;
	s->maker = NULL;
	list_del_init(&s->pool_node);
	forks_pending--;
}

/*
 * Said by a hostile process: it must be a child of ours, of this kind, and nobody else's. The guests' process group has
 * no other members: nobody can enter it from another session, and the filter lets its members make only children of ours.
 */
static bool may_be(u32 pid)
{
	return pid <= 0x7fffffff && host_pgid((int)pid) == template_hostpid() && !space_by_pid((int)pid);
}

/* True: it is not awaited any more. */
static bool look(struct space *s)
{
	u32 pid = READ_ONCE(s->maker->area->born);
	struct uthread *ut;

	if (!pid)
		return false;
	fork_no_more(s);
	if (!may_be(pid)) {
		space_died(s);
		return true;
	}
	space_set_pid(s, (int)pid);
	list_for_each(ut, &s->uthreads, node)
		ut->tid = (int)pid;
	if (s->killed)
		host_kill((int)pid, 9);
	return true;
}

void forks_look(void)
{
	struct space *s;
again:
	list_for_each(s, &awaited, pool_node)
		if (look(s))
			goto again;
}

void fork_over(struct uthread *ut)
{
	if (ut->unborn)
		forks_look();
	if (ut->unborn)
		space_died(ut->unborn);
}

static int order_fork(struct uthread *ut, struct space *s, const struct guest_undo *undo)
{
	const int fds[] = { s->memfd, s->ctl_guest };
	u32 from;
	int err;

	if (undo)
		guest_defer_begin(ut, undo);
	err = uthread_room(ut, 2);
	from = ut->norders;
	if (!err)
		err = uthread_send_fds(ut, fds, ARRAY_SIZE(fds));
	if (!err) {
		uthread_order(ut, ORD_FORK);
		await(s, ut);
		if (undo)
			defer_these(ut, from);
	}
	if (undo)
		guest_defer_end(ut);
	return err;
}

/* Fork the process behind ut, whose registers are all saved. */
int space_fork(struct uthread *ut, const struct guest_undo *undo, struct space **out, struct uthread **out_ut)
{
	struct space *s;
	struct uthread *c;
	int err;

	err = uthread_full(ut);
	if (err)
		return err;
	err = space_take(&s);
	if (err)
		return err;
	err = uthread_new(s, ut->index, &c);
	if (err)
		goto out;
	copy_area(c, ut);
	uthread_uc(c)->r.rax = 0;
	text_fork(ut->space, s);
	err = order_fork(ut, s, undo);
	if (!err && !undo) {
		err = uthread_flush(ut);
		if (!err && !s->hostpid)
			err = -ESRCH;
	}
	if (err)
		uthread_free(c);
out:
	space_sent(s);
	if (err) {
		space_discard(s);
		return err;
	}
	*out = s;
	*out_ut = c;
	return 0;
}
