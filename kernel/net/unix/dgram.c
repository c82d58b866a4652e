/* SPDX-License-Identifier: MIT */
/*
 * Messages over unix sockets (datagrams and sequenced packets): each send is one message, each
 * receive takes one, and what does not fit the reader's buffer is lost.
 */
#include "net/unix/unix.h"

#include "abi/errno.h"
#include "core/sched.h"

/* To whom: the address given, or the peer. A reference. */
static int send_target(struct usock *u, const struct msg *m, struct usock **out)
{
	int err;

	if (m->name.len) {
		err = unix_check_addr(&m->name);
		return err ? err : unix_find(&m->name, u->sk.type, out);
	}
	if (!u->peer)
		return -ENOTCONN;
	sock_get(&u->peer->sk);
	*out = u->peer;
	return 0;
}

/* May u's message go to other now? 0, negative errno; -EAGAIN after waiting in vain. */
static int send_wait(struct usock *u, struct usock *other, bool named, ktime_t deadline)
{
	int err;

	for (;;) {
		if (other->peer && other->peer != u)
			return -EPERM;
		if (other->dead) {
			if (u->sk.type == SOCK_SEQPACKET_K)
				return -EPIPE;
			if (!named && u->peer == other) {
				unix_disconnect_peer(u);
				u->state = U_IDLE;
			}
			return -ECONNREFUSED;
		}
		if (other->sk.shutdown & RCV_SHUT)
			return -EPIPE;
		if (other == u || other->peer == u || !unix_recvq_full(other))
			return 0;
		err = sock_sleep(&other->room_wq, deadline, "unix_dgram_send");
		if (err)
			return err;
	}
}

/* The message, copied in; its bytes are charged to u. */
static int make_message(struct usock *u, struct msg *m, ktime_t deadline, struct umsg **out)
{
	size_t n = m->iter->count;
	struct umsg *um;
	int err = umsg_alloc(u, n, deadline, &um);

	if (err)
		return err;
	if (n && iter_copy_from(m->iter, um->data, n) != (ssize)n) {
		umsg_put(um);
		return -EFAULT;
	}
	*out = um;
	return 0;
}

static ssize send_to(struct usock *u, struct usock *other, struct msg *m, struct scm *scm)
{
	ktime_t deadline = sock_deadline(u->sk.sndtimeo, m->flags & MSG_DONTWAIT_K);
	struct umsg *um;
	size_t n;
	int err = make_message(u, m, deadline, &um);

	if (err)
		return err;
	n = um->len;
	err = send_wait(u, other, m->name.len, deadline);
	if (err) {
		umsg_put(um);
		return err;
	}
	um->scm = scm_get(scm);
	um->name = uname_get(u->name);
	umsg_queue(other, um);
	return (ssize)n;
}

ssize unix_dgram_send(struct sock *sk, struct msg *m)
{
	struct usock *u = usk(sk), *other;
	struct scm *scm;
	ssize ret;

	if (m->flags & MSG_OOB_K)
		return -EOPNOTSUPP;
	ret = scm_send(m, &scm);
	if (ret)
		return ret;
	if (!(sk->opts & SOCK_OPT_PASSCRED) || !(ret = unix_autobind(u))) {
		ret = send_target(u, m, &other);
		if (!ret && m->iter->count > (size_t)sk->sndbuf - 32)
			ret = -EMSGSIZE;
		else if (!ret)
			ret = send_to(u, other, m, scm);
		else
			other = NULL;
		if (other)
			sock_put(&other->sk);
	}
	scm_put(scm);
	return ret;
}

ssize unix_seqpacket_send(struct sock *sk, struct msg *m)
{
	struct usock *u = usk(sk);
	int err = sock_error(sk);

	if (err)
		return err;
	if (u->state != U_CONNECTED)
		return -ENOTCONN;
	m->name.len = 0;
	return unix_dgram_send(sk, m);
}

/* The next message: a reference of the caller's (taken off the queue unless peeking). NULL: the end. */
static int next_message(struct usock *u, const struct msg *m, struct umsg **out)
{
	bool nonblock = m->flags & MSG_DONTWAIT_K;
	ktime_t deadline = sock_deadline(u->sk.rcvtimeo, nonblock);
	int err;

	for (;;) {
		struct umsg *um = umsg_first(u);

		if (um) {
			if (m->flags & MSG_PEEK_K)
				umsg_get(um);
			else
				umsg_unqueue(u, um);
			*out = um;
			return 0;
		}
		err = sock_error(&u->sk);
		if (err)
			return err;
		if ((u->sk.shutdown & RCV_SHUT) && (!nonblock || u->sk.type == SOCK_SEQPACKET_K)) {
			*out = NULL;
			return 0;
		}
		err = sock_sleep(&u->sk.wq, deadline, "unix_dgram_recv");
		if (err)
			return err;
	}
}

ssize unix_dgram_recv(struct sock *sk, struct msg *m)
{
	struct usock *u = usk(sk);
	struct umsg *um;
	ssize ret;
	size_t n;
	int err;

	if (m->flags & MSG_OOB_K)
		return -EOPNOTSUPP;
	err = next_message(u, m, &um);
	if (err || !um)
		return err;
	if (m->name.len)
		unix_copy_name(um->name, &m->name);
	if (!um->name)
		m->name.len = 0;
	n = MIN(um->len, m->iter->count);
	ret = (ssize)n;
	if (n < um->len)
		m->out_flags |= MSG_TRUNC_K;
	if (n && iter_copy_to(m->iter, um->data, n) != (ssize)n)
		ret = -EFAULT;
	if (ret >= 0) {
		scm_recv(sk, m, um->scm);
		if (m->flags & MSG_TRUNC_K)
			ret = (ssize)um->len;
	}
	umsg_put(um);
	return ret;
}

ssize unix_seqpacket_recv(struct sock *sk, struct msg *m)
{
	if (usk(sk)->state != U_CONNECTED)
		return -ENOTCONN;
	return unix_dgram_recv(sk, m);
}
