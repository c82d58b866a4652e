/* SPDX-License-Identifier: MIT */
/*
 * Sockets whose only references are messages in flight: two sockets, each sent over the other and then
 * closed, would live for ever. When a unix socket is closed while files are in flight, mark what can
 * be reached from open files and empty the queues of the rest.
 */
#include "net/unix/unix.h"

#include "vfs/vfs.h"

static int total_inflight;
static bool running;

int unix_inflight_total(void)
{
	return total_inflight;
}

static struct usock *file_usock(struct file *f)
{
	struct sock *sk = file_sock(f);

	return sk && sk->ops->family == AF_UNIX_K ? usk(sk) : NULL;
}

void unix_inflight(struct file *f, int delta)
{
	struct usock *u = file_usock(f);

	total_inflight += delta;
	if (u)
		u->inflight += delta;
}

static bool mark_files(const struct umsg *m)
{
	bool any = false;
	int i;

	for (i = 0; m->scm && i < m->scm->nfiles; i++) {
		struct usock *u = file_usock(m->scm->files[i]);

		if (u && !u->reachable)
			any = u->reachable = true;
	}
	return any;
}

/* Marks what u's queue, and the queues of connections waiting to be accepted by it, hold. */
static bool mark_from(struct usock *u)
{
	struct usock *n;
	struct umsg *m;
	bool any = false;

	list_for_each(m, &u->rxq, node)
		any |= mark_files(m);
	list_for_each(n, &u->pending, pend_node)
		list_for_each(m, &n->rxq, node)
			any |= mark_files(m);
	return any;
}

static void mark_all(void)
{
	struct usock *u;
	bool again;

	list_for_each(u, &unix_all, all_node)
		u->reachable = u->sk.file && ref_read(&u->sk.file->ref) > u->inflight;
	do {
		again = false;
		list_for_each(u, &unix_all, all_node)
			if (u->reachable)
				again |= mark_from(u);
	} while (again);
}

static bool holds_messages(struct usock *u)
{
	struct usock *n;

	if (!list_empty(&u->rxq))
		return true;
	list_for_each(n, &u->pending, pend_node)
		if (!list_empty(&n->rxq))
			return true;
	return false;
}

/* A socket that is in flight only, and not reachable: a reference, or NULL. */
static struct usock *find_garbage(void)
{
	struct usock *u;

	list_for_each(u, &unix_all, all_node) {
		if (u->sk.file && !u->reachable && u->inflight && holds_messages(u)) {
			sock_get(&u->sk);
			return u;
		}
	}
	return NULL;
}

/* Empties its queue, or that of one connection waiting to be accepted. */
static void purge_one(struct usock *u)
{
	struct usock *n;

	if (!list_empty(&u->rxq)) {
		unix_purge(u);
		return;
	}
	list_for_each(n, &u->pending, pend_node) {
		if (list_empty(&n->rxq))
			continue;
		sock_get(&n->sk);
		unix_purge(n);
		sock_put(&n->sk);
		return;
	}
}

void unix_gc(void)
{
	struct usock *u;

	if (running)
		return;
	running = true;
	/* Purging may block: after each socket the picture is drawn afresh. */
	for (;;) {
		mark_all();
		u = find_garbage();
		if (!u)
			break;
		purge_one(u);
		sock_put(&u->sk);
	}
	running = false;
}
