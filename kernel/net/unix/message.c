/* SPDX-License-Identifier: MIT */
/*
 * Messages in flight: one allocation each, charged to the sender until the last byte is read.
 */
#include "net/unix/unix.h"

#include "abi/errno.h"
#include "abi/poll.h"
#include "lib/alloc.h"

int umsg_alloc(struct usock *from, size_t n, ktime_t deadline, struct umsg **out)
{
	struct umsg *m;
	int err;

	for (;;) {
		err = sock_error(&from->sk);
		if (err)
			return err;
		if (from->sk.shutdown & SND_SHUT)
			return -EPIPE;
		if (from->sk.wmem < (size_t)from->sk.sndbuf)
			break;
		err = sock_sleep(&from->sk.wq, deadline, "sock_alloc_send");
		if (err)
			return err;
	}
	m = kmalloc(sizeof(*m) + n);
	if (!m)
		return -ENOBUFS;
	ref_init(&m->ref);
	list_init(&m->node);
	m->from = from;
	sock_get(&from->sk);
	m->scm = NULL;
	m->name = NULL;
	m->off = 0;
	m->len = n;
	m->charge = n + UMSG_OVERHEAD;
	from->sk.wmem += m->charge;
	*out = m;
	return 0;
}

void umsg_get(struct umsg *m)
{
	ref_get(&m->ref);
}

void umsg_put(struct umsg *m)
{
	struct usock *from = m->from;

	if (!ref_put(&m->ref))
		return;
	from->sk.wmem -= m->charge;
	if (!from->dead && unix_writable(from))
		sock_wake(&from->sk, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	scm_put(m->scm);
	uname_put(m->name);
	sock_put(&from->sk);
	kfree(m);
}

void umsg_queue(struct usock *to, struct umsg *m)
{
	list_add_tail(&m->node, &to->rxq);
	to->rxlen++;
	sock_wake(&to->sk, EPOLLIN | EPOLLRDNORM | EPOLLRDBAND);
}

struct umsg *umsg_first(struct usock *u)
{
	return list_empty(&u->rxq) ? NULL : list_first(&u->rxq, struct umsg, node);
}

/* Those who wait for room in a datagram queue: sleepers, and pollers through their own queues. */
static void tell_room(struct usock *u)
{
	struct usock *c;

	wake_up_events(&u->room_wq, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	list_for_each(c, &u->conns, conn_node)
		sock_wake(&c->sk, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

void umsg_unqueue(struct usock *u, struct umsg *m)
{
	bool full = unix_recvq_full(u);

	list_del_init(&m->node);
	u->rxlen--;
	if (full && !unix_recvq_full(u))
		tell_room(u);
}

void unix_purge(struct usock *u)
{
	struct umsg *m;

	while ((m = umsg_first(u))) {
		umsg_unqueue(u, m);
		umsg_put(m);
	}
}
