/* SPDX-License-Identifier: MIT */
/*
 * Byte streams over unix sockets: data in chunks, which a reader may take in any portions. Bytes of
 * different credentials (with SO_PASSCRED) or with files attached are not read in one go.
 */
#include "net/unix/unix.h"

#include "abi/errno.h"
#include "abi/signal.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"

#define CHUNK_MAX 32768UL

static int broken_pipe(const struct msg *m)
{
	if (!(m->flags & MSG_NOSIGNAL_K))
		send_signal_task(SIGPIPE, NULL, current);
	return -EPIPE;
}

static int send_check(struct usock *u, const struct msg *m)
{
	if (m->flags & MSG_OOB_K)
		return -EOPNOTSUPP;
	if (m->name.len)
		return u->state == U_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!u->peer && u->state != U_CONNECTED)
		return -ENOTCONN;
	return 0;
}

/* One chunk of n bytes; scm goes with it. 0 or negative errno. */
static ssize send_chunk(struct usock *u, struct msg *m, size_t n, ktime_t deadline, struct scm *scm)
{
	struct umsg *um;
	ssize got;
	int err;

	if (!u->peer || u->peer->dead || (u->peer->sk.shutdown & RCV_SHUT))
		return -EPIPE;
	err = umsg_alloc(u, n, deadline, &um);
	if (err)
		return err;
	got = iter_copy_from(m->iter, um->data, n);
	if (got <= 0) {
		umsg_put(um);
		return -EFAULT;
	}
	um->len = got;
	/* The copy may have let the peer go. */
	if (!u->peer || u->peer->dead || (u->peer->sk.shutdown & RCV_SHUT)) {
		umsg_put(um);
		return -EPIPE;
	}
	if (scm)
		um->scm = scm_get(scm);
	um->name = uname_get(u->name);
	umsg_queue(u->peer, um);
	return got;
}

ssize unix_stream_send(struct sock *sk, struct msg *m)
{
	struct usock *u = usk(sk);
	ktime_t deadline = sock_deadline(sk->sndtimeo, m->flags & MSG_DONTWAIT_K);
	struct scm *scm = NULL, *plain = NULL;
	ssize sent = 0, ret = send_check(u, m);

	if (!ret)
		ret = scm_send(m, &scm);
	if (ret)
		return ret;
	if (sk->shutdown & SND_SHUT)
		ret = -EPIPE;
	while (!ret && m->iter->count) {
		size_t n = MIN(m->iter->count, MIN(CHUNK_MAX, (size_t)sk->sndbuf / 2 - 64));

		/* Files go with the first chunk only, credentials with each. */
		if (sent && scm->nfiles && !plain) {
			struct msg none = { 0 };

			ret = scm_send(&none, &plain);
			if (ret)
				break;
			plain->cred = scm->cred;
		}
		ret = send_chunk(u, m, n, deadline, plain ? plain : scm);
		if (ret < 0)
			break;
		sent += ret;
		ret = (size_t)ret < n ? -EFAULT : 0;
	}
	scm_put(plain);
	scm_put(scm);
	if (sent)
		return sent;
	return ret == -EPIPE ? broken_pipe(m) : ret;
}

/* ---- receiving ---- */

static bool same_cred(const struct scm *a, const struct scm *b)
{
	return a->cred.pid == b->cred.pid && a->cred.uid == b->cred.uid && a->cred.gid == b->cred.gid;
}

/* Nothing to read: 0 the end, 1 look again, negative errno. rdlock held, and given away while waiting. */
static int wait_more(struct usock *u, ktime_t deadline)
{
	int err = sock_error(&u->sk);

	if (err)
		return err;
	if (u->sk.shutdown & RCV_SHUT)
		return 0;
	mutex_unlock(&u->rdlock);
	err = sock_sleep(&u->sk.wq, deadline, "unix_stream_read");
	mutex_lock(&u->rdlock);
	return err ? err : 1;
}

/* The skip'th unread byte's message; *off: where in it. NULL: no such byte yet. */
static struct umsg *find_byte(struct usock *u, size_t skip, size_t *off)
{
	struct umsg *um;

	list_for_each(um, &u->rxq, node) {
		if (skip < um->len) {
			*off = um->off + skip;
			return um;
		}
		skip -= um->len;
	}
	return NULL;
}

struct stream_read {
	struct usock *u;
	struct msg *m;
	struct scm *scm;		/* of the first message: reference */
	size_t done;
	bool peek;
};

/* Takes bytes from um. 1: go on, 0: the call is complete, negative errno when nothing was copied. */
static int take_bytes(struct stream_read *r, struct umsg *um, size_t off)
{
	size_t n = MIN(um->off + um->len - off, r->m->iter->count);
	ssize got;

	if (r->done && r->scm && um->scm && (r->u->sk.opts & SOCK_OPT_PASSCRED) &&
	    !same_cred(r->scm, um->scm))
		return 0;
	if (r->done && um->scm && um->scm->nfiles && um->scm != r->scm)
		return 0;	/* its files belong to its first byte */
	umsg_get(um);
	got = iter_copy_to(r->m->iter, um->data + off, n);
	if (got <= 0) {
		umsg_put(um);
		return r->done ? 0 : -EFAULT;
	}
	if (!r->done) {
		if (r->m->name.len && um->name)
			unix_copy_name(um->name, &r->m->name);
		else
			r->m->name.len = 0;
		r->scm = um->scm ? scm_get(um->scm) : NULL;
	}
	r->done += got;
	if (!r->peek) {
		um->off += got;
		um->len -= got;
		if (!um->len && !list_empty(&um->node)) {
			umsg_unqueue(r->u, um);
			umsg_put(um);
		} else if (um->len && um->scm && um->scm->nfiles) {
			struct scm *old = um->scm;	/* the files were delivered with this read */

			um->scm = scm_cred_only(old);
			scm_put(old);
		}
	}
	umsg_put(um);
	if (got < (ssize)n || (r->scm && r->scm->nfiles))
		return 0;
	return 1;
}

ssize unix_stream_recv(struct sock *sk, struct msg *m)
{
	struct usock *u = usk(sk);
	struct stream_read r = { .u = u, .m = m, .peek = m->flags & MSG_PEEK_K };
	ktime_t deadline = sock_deadline(sk->rcvtimeo, m->flags & MSG_DONTWAIT_K);
	size_t want = m->flags & MSG_WAITALL_K ? m->iter->count :
			MIN((size_t)sk->rcvlowat, m->iter->count);
	int ret = 1;

	if (u->state != U_CONNECTED)
		return -EINVAL;
	if (m->flags & MSG_OOB_K)
		return -EOPNOTSUPP;
	want = MAX(want, 1);
	mutex_lock(&u->rdlock);
	while (ret > 0 && m->iter->count) {
		size_t off = 0;
		struct umsg *um = find_byte(u, r.peek ? r.done : 0, &off);

		if (um)
			ret = take_bytes(&r, um, off);
		else if (r.done >= want)
			break;
		else
			ret = wait_more(u, deadline);
	}
	mutex_unlock(&u->rdlock);
	if (r.done)
		scm_recv(sk, m, r.scm);
	else
		m->name.len = 0;
	scm_put(r.scm);
	return r.done ? (ssize)r.done : ret < 0 ? ret : 0;
}
