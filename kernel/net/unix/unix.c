/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets: creation, connections, shutdown, polling, the end.
 */
#include "net/unix/unix.h"

#include "abi/errno.h"
#include "abi/poll.h"
#include "abi/tty.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/user.h"
#include "vfs/vfs.h"

LIST_HEAD(unix_all);

bool unix_writable(const struct usock *u)
{
	return u->state != U_LISTEN && u->sk.wmem * 4 <= (size_t)u->sk.sndbuf;
}

bool unix_recvq_full(const struct usock *u)
{
	return u->rxlen > u->backlog;
}

static bool is_dgram(const struct usock *u)
{
	return u->sk.type == SOCK_DGRAM_K;
}

static void my_peercred(struct ucred_k *c)
{
	const struct cred *me = current_cred();

	c->pid = current->proc ? current->proc->tgid : 0;
	c->uid = me->euid;
	c->gid = me->egid;
}

static int usock_new(int type, struct usock **out)
{
	const struct sock_ops *ops = type == SOCK_STREAM_K ? &unix_stream_ops :
				     type == SOCK_DGRAM_K ? &unix_dgram_ops :
							    &unix_seqpacket_ops;
	struct usock *u = kzalloc(sizeof(*u));

	if (!u)
		return -ENOMEM;
	sock_init(&u->sk, ops, type, 0);
	list_init(&u->conns);
	list_init(&u->conn_node);
	list_init(&u->hash_node);
	list_init(&u->rxq);
	list_init(&u->pending);
	list_init(&u->pend_node);
	wq_init(&u->room_wq);
	mutex_init(&u->rdlock, "unix.read", RANK_SOCK);
	u->backlog = UNIX_MAX_DGRAM_QLEN;
	list_add_tail(&u->all_node, &unix_all);
	*out = u;
	return 0;
}

static int unix_create(int type, int protocol, struct sock **out)
{
	struct usock *u;
	int err;

	if (protocol && protocol != AF_UNIX_K)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW_K)
		type = SOCK_DGRAM_K;
	if (type != SOCK_STREAM_K && type != SOCK_DGRAM_K && type != SOCK_SEQPACKET_K)
		return -ESOCKTNOSUPPORT;
	err = usock_new(type, &u);
	if (!err)
		*out = &u->sk;
	return err;
}

const struct net_family unix_family = {
	.family = AF_UNIX_K,
	.create = unix_create,
};

static void unix_destroy(struct sock *sk)
{
	struct usock *u = usk(sk);

	list_del_init(&u->all_node);
	uname_put(u->name);
	kfree(u);
}

/* ---- peers ---- */

void unix_disconnect_peer(struct usock *u)
{
	struct usock *peer = u->peer;

	if (!peer)
		return;
	list_del_init(&u->conn_node);
	u->peer = NULL;
	sock_put(&peer->sk);
}

void unix_set_peer(struct usock *u, struct usock *peer)
{
	sock_get(&peer->sk);
	u->peer = peer;
	if (is_dgram(u))
		list_add_tail(&u->conn_node, &peer->conns);
}

/* ---- the end ---- */

/* The other side of a connection learns that this side is gone. lost: it had bytes nobody read. */
static void hang_up(struct usock *peer, bool lost)
{
	peer->sk.shutdown = ALL_SHUT;
	if (lost)
		peer->sk.err = ECONNRESET;
	sock_wake(&peer->sk, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP | EPOLLERR);
	wake_up_all(&peer->room_wq);
}

static void unix_release_usock(struct usock *u, bool embryo)
{
	struct usock *peer = u->peer;

	u->dead = true;
	u->sk.shutdown = ALL_SHUT;
	unix_unbind(u);
	if (peer && !is_dgram(u))
		hang_up(peer, embryo || !list_empty(&u->rxq));
	unix_disconnect_peer(u);
	wake_up_all(&u->room_wq);
	sock_wake(&u->sk, EPOLLHUP);
	while (!list_empty(&u->pending)) {
		struct usock *n = list_first(&u->pending, struct usock, pend_node);

		list_del_init(&n->pend_node);
		u->npending--;
		unix_release_usock(n, true);
		sock_put(&n->sk);
	}
	unix_purge(u);
}

static void unix_release(struct sock *sk)
{
	unix_release_usock(usk(sk), false);
	if (unix_inflight_total())
		unix_gc();
}

/* ---- connecting ---- */

static int unix_listen(struct sock *sk, int backlog)
{
	struct usock *u = usk(sk);

	if (!u->name || (u->state != U_IDLE && u->state != U_LISTEN))
		return -EINVAL;
	if ((unsigned int)backlog > SOMAXCONN_K)
		backlog = SOMAXCONN_K;
	if (backlog > u->backlog)
		wake_up_all(&u->room_wq);
	u->backlog = backlog;
	u->state = U_LISTEN;
	sk->listening = true;
	my_peercred(&sk->peercred);
	return 0;
}

static int no_listen(struct sock *sk, int backlog)
{
	return -EOPNOTSUPP;
}

/* The listener at addr, once it has room. A reference. */
static int find_listener(struct sock *sk, const struct sockaddr_buf *addr, ktime_t deadline,
			 struct usock **out)
{
	struct usock *l;
	int err;

	for (;;) {
		err = unix_find(addr, sk->type, &l);
		if (err)
			return err;
		if (l->state != U_LISTEN || (l->sk.shutdown & RCV_SHUT)) {
			err = -ECONNREFUSED;
			break;
		}
		if (l->npending <= l->backlog) {
			*out = l;
			return 0;
		}
		err = sock_sleep(&l->room_wq, deadline, "unix_connect");
		if (err)
			break;
		sock_put(&l->sk);
	}
	sock_put(&l->sk);
	return err;
}

static int stream_connect(struct sock *sk, const struct sockaddr_buf *addr, bool nonblock)
{
	struct usock *u = usk(sk), *l, *n;
	int err = unix_check_addr(addr);

	if (err)
		return err;
	if (sk->opts & SOCK_OPT_PASSCRED) {
		err = unix_autobind(u);
		if (err)
			return err;
	}
	err = find_listener(sk, addr, sock_deadline(sk->sndtimeo, nonblock), &l);
	if (err)
		return err;
	if (u->state != U_IDLE)
		err = u->state == U_CONNECTED ? -EISCONN : -EINVAL;
	else
		err = usock_new(sk->type, &n);
	if (err) {
		sock_put(&l->sk);
		return err;
	}
	n->state = U_CONNECTED;
	n->name = uname_get(l->name);
	n->sk.opts = l->sk.opts & SOCK_OPT_PASSCRED;
	my_peercred(&n->sk.peercred);
	unix_set_peer(n, u);
	u->state = U_CONNECTED;
	sk->peercred = l->sk.peercred;
	unix_set_peer(u, n);
	list_add_tail(&n->pend_node, &l->pending);
	l->npending++;
	sock_wake(&l->sk, EPOLLIN | EPOLLRDNORM);
	sock_put(&l->sk);
	return 0;
}

/* A datagram socket changes its mind: what others sent it before is void. */
static void dgram_disconnect(struct usock *u)
{
	struct usock *old = u->peer;

	if (!old)
		return;
	sock_get(&old->sk);
	unix_disconnect_peer(u);
	if (!list_empty(&u->rxq)) {
		unix_purge(u);
		if (!old->dead && old->peer == u)
			sock_set_error(&old->sk, ECONNRESET);
	}
	sock_put(&old->sk);
}

static int dgram_connect(struct sock *sk, const struct sockaddr_buf *addr, bool nonblock)
{
	struct usock *u = usk(sk), *other;
	int err;

	if (addr->len < UNIX_PATH_OFF)
		return -EINVAL;
	if (addr->family == AF_UNSPEC_K) {
		dgram_disconnect(u);
		u->state = U_IDLE;
		return 0;
	}
	err = unix_check_addr(addr);
	if (!err && (sk->opts & SOCK_OPT_PASSCRED))
		err = unix_autobind(u);
	if (!err)
		err = unix_find(addr, sk->type, &other);
	if (err)
		return err;
	if (other->peer && other->peer != u) {
		sock_put(&other->sk);
		return -EPERM;
	}
	if (u->peer != other) {
		dgram_disconnect(u);
		unix_set_peer(u, other);
	}
	u->state = U_CONNECTED;
	sock_put(&other->sk);
	return 0;
}

static int unix_accept(struct sock *sk, bool nonblock, struct sock **out)
{
	ktime_t deadline = sock_deadline(sk->rcvtimeo, nonblock);
	struct usock *l = usk(sk), *n;
	int err;

	if (l->state != U_LISTEN)
		return -EINVAL;
	while (list_empty(&l->pending)) {
		if (sk->shutdown & RCV_SHUT)
			return -EINVAL;
		err = sock_sleep(&sk->wq, deadline, "unix_accept");
		if (err)
			return err;
	}
	n = list_first(&l->pending, struct usock, pend_node);
	list_del_init(&n->pend_node);
	l->npending--;
	wake_up_events(&l->room_wq, EPOLLOUT);
	*out = &n->sk;
	return 0;
}

static int no_accept(struct sock *sk, bool nonblock, struct sock **out)
{
	return -EOPNOTSUPP;
}

static int unix_socketpair(struct sock *a, struct sock *b)
{
	struct usock *ua = usk(a), *ub = usk(b);

	unix_set_peer(ua, ub);
	unix_set_peer(ub, ua);
	my_peercred(&a->peercred);
	b->peercred = a->peercred;
	ua->state = ub->state = U_CONNECTED;
	return 0;
}

static int unix_getname(struct sock *sk, struct sockaddr_buf *addr, bool peer)
{
	struct usock *u = usk(sk);

	if (peer) {
		u = u->peer;
		if (!u)
			return -ENOTCONN;
	}
	unix_copy_name(u->name, addr);
	return 0;
}

static int unix_shutdown(struct sock *sk, int how)
{
	struct usock *u = usk(sk), *peer = u->peer;
	u32 mode = (u32)how + 1, other = 0;

	if (how < SHUT_RD_K || how > SHUT_RDWR_K)
		return -EINVAL;
	sk->shutdown |= mode;
	if (peer && !is_dgram(u)) {
		if (mode & RCV_SHUT)
			other |= SND_SHUT;
		if (mode & SND_SHUT)
			other |= RCV_SHUT;
		peer->sk.shutdown |= other;
		sock_wake(&peer->sk, peer->sk.shutdown == ALL_SHUT ?
			  EPOLLHUP | EPOLLIN | EPOLLRDHUP | EPOLLOUT :
			  EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLOUT);
	}
	wake_up_all(&u->room_wq);
	sock_wake(sk, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLRDHUP);
	return 0;
}

/* ---- polling, ioctl ---- */

static bool poll_can_write(const struct usock *u)
{
	const struct usock *peer = u->peer;

	if (!unix_writable(u))
		return false;
	/* A pair of datagram sockets is bounded by the sender's buffer alone. */
	return !is_dgram(u) || !peer || peer->peer == u || !unix_recvq_full(peer);
}

static u32 unix_poll(struct file *f, struct sock *sk, struct poll_table *pt)
{
	struct usock *u = usk(sk);
	u32 mask = 0;

	poll_wait(f, &sk->wq, pt);
	if (sk->err)
		mask |= EPOLLERR;
	if (sk->shutdown == ALL_SHUT)
		mask |= EPOLLHUP;
	if (sk->shutdown & RCV_SHUT)
		mask |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&u->rxq) || !list_empty(&u->pending))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!is_dgram(u) && u->state == U_IDLE)
		mask |= EPOLLHUP;
	if (poll_can_write(u))
		mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	return mask;
}

static int unread_bytes(struct usock *u)
{
	struct umsg *m;
	size_t n = 0;

	list_for_each(m, &u->rxq, node) {
		n += m->len;
		if (is_dgram(u))
			break;
	}
	return (int)n;
}

static long unix_ioctl(struct sock *sk, u32 cmd, u64 arg)
{
	struct usock *u = usk(sk);

	switch (cmd) {
	case FIONREAD:
		if (u->state == U_LISTEN)
			return -EINVAL;
		return put_user(unread_bytes(u), (uaddr_t)arg);
	case TIOCOUTQ:
		return put_user((int)sk->wmem, (uaddr_t)arg);
	default:
		return -ENOIOCTLCMD_K;
	}
}


#define UNIX_COMMON                                                                                \
	.family = AF_UNIX_K, .release = unix_release, .destroy = unix_destroy, .bind = unix_bind,  \
	.socketpair = unix_socketpair, .getname = unix_getname, .poll = unix_poll,                 \
	.shutdown = unix_shutdown, .ioctl = unix_ioctl

const struct sock_ops unix_stream_ops = {
	UNIX_COMMON,
	.connect = stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.sendmsg = unix_stream_send,
	.recvmsg = unix_stream_recv,
};

const struct sock_ops unix_seqpacket_ops = {
	UNIX_COMMON,
	.connect = stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.sendmsg = unix_seqpacket_send,
	.recvmsg = unix_seqpacket_recv,
};

const struct sock_ops unix_dgram_ops = {
	UNIX_COMMON,
	.connect = dgram_connect,
	.listen = no_listen,
	.accept = no_accept,
	.sendmsg = unix_dgram_send,
	.recvmsg = unix_dgram_recv,
};
