/* SPDX-License-Identifier: MIT */
/*
 * Socket options of level SOL_SOCKET, one line each in a table: number, size, how to get, how to set.
 * Other levels are the protocol's.
 */
#include "net/socket.h"

#include <string.h>

#include "abi/prctl.h"
#include "abi/errno.h"
#include "abi/poll.h"
#include "abi/time.h"
#include "core/cred.h"

#define BUF_MAX 212992			/* net.core.wmem_max, rmem_max */
#define SNDBUF_MIN 4608
#define RCVBUF_MIN 2304

struct sockopt {
	int name, size;
	u32 bit;			/* for flags: SOCK_OPT_* */
	int (*get)(struct sock *sk, const struct sockopt *o, void *val);
	int (*set)(struct sock *sk, const struct sockopt *o, const void *val);
};

static int as_int(const void *val)
{
	int v;

	memcpy(&v, val, sizeof(v));
	return v;
}

static int put_int(void *val, int v)
{
	memcpy(val, &v, sizeof(v));
	return 0;
}

static int get_flag(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, !!(sk->opts & o->bit));
}

static int set_flag(struct sock *sk, const struct sockopt *o, const void *val)
{
	sk->opts = as_int(val) ? sk->opts | o->bit : sk->opts & ~o->bit;
	return 0;
}

static int set_debug(struct sock *sk, const struct sockopt *o, const void *val)
{
	if (as_int(val) && !capable(CAP_NET_ADMIN))
		return -EACCES;
	return set_flag(sk, o, val);
}

static int get_type(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->type);
}

static int get_domain(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->ops->family);
}

static int get_protocol(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->protocol);
}

static int get_accept(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->listening);
}

static int get_error(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, -sock_error(sk));
}

static int get_sndbuf(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->sndbuf);
}

static int get_rcvbuf(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->rcvbuf);
}

/* Linux doubles what is asked for, as room for its bookkeeping. */
static int buf_size(int want, int min)
{
	if (want < 0 || want > INT32_MAX / 2)
		want = INT32_MAX / 2;
	return MAX(want * 2, min);
}

static int set_sndbuf(struct sock *sk, const struct sockopt *o, const void *val)
{
	u32 want = (u32)as_int(val);

	sk->sndbuf = buf_size((int)MIN(want, (u32)BUF_MAX), SNDBUF_MIN);
	sock_wake(sk, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static int set_rcvbuf(struct sock *sk, const struct sockopt *o, const void *val)
{
	u32 want = (u32)as_int(val);

	sk->rcvbuf = buf_size((int)MIN(want, (u32)BUF_MAX), RCVBUF_MIN);
	return 0;
}

static int set_sndbuf_force(struct sock *sk, const struct sockopt *o, const void *val)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	sk->sndbuf = buf_size(MAX(as_int(val), 0), SNDBUF_MIN);
	return 0;
}

static int set_rcvbuf_force(struct sock *sk, const struct sockopt *o, const void *val)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	sk->rcvbuf = buf_size(MAX(as_int(val), 0), RCVBUF_MIN);
	return 0;
}

static int get_priority(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->priority);
}

static int set_priority(struct sock *sk, const struct sockopt *o, const void *val)
{
	int v = as_int(val);

	if ((v < 0 || v > 6) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	sk->priority = v;
	return 0;
}

static int get_mark(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, (int)sk->mark);
}

static int set_mark(struct sock *sk, const struct sockopt *o, const void *val)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	sk->mark = (u32)as_int(val);
	return 0;
}

static int get_linger(struct sock *sk, const struct sockopt *o, void *val)
{
	memcpy(val, &sk->linger, sizeof(sk->linger));
	return 0;
}

static int set_linger(struct sock *sk, const struct sockopt *o, const void *val)
{
	memcpy(&sk->linger, val, sizeof(sk->linger));
	sk->linger.onoff = !!sk->linger.onoff;
	return 0;
}

static int get_rcvlowat(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->rcvlowat);
}

static int set_rcvlowat(struct sock *sk, const struct sockopt *o, const void *val)
{
	int v = as_int(val);

	sk->rcvlowat = v < 0 ? INT32_MAX : MAX(v, 1);
	return 0;
}

static int get_one(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, 1);
}

static int get_zero(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, 0);
}

static int get_peekoff(struct sock *sk, const struct sockopt *o, void *val)
{
	return put_int(val, sk->peek_off);
}

static int set_peekoff(struct sock *sk, const struct sockopt *o, const void *val)
{
	sk->peek_off = as_int(val);
	return 0;
}

static int get_peercred(struct sock *sk, const struct sockopt *o, void *val)
{
	memcpy(val, &sk->peercred, sizeof(sk->peercred));
	return 0;
}

/* Seconds and microseconds; both forms of the option are the same on 64-bit machines. */
struct timeval64 {
	s64 sec, usec;
};

static int get_timeo(ktime_t t, void *val)
{
	struct timeval64 tv = { t / NSEC_PER_SEC, t % NSEC_PER_SEC / NSEC_PER_USEC };

	memcpy(val, &tv, sizeof(tv));
	return 0;
}

static int set_timeo(ktime_t *t, const void *val)
{
	struct timeval64 tv;

	memcpy(&tv, val, sizeof(tv));
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		*t = 1;		/* a deadline that has passed: as Linux, do not wait */
	else if (tv.sec >= KTIME_NEVER / NSEC_PER_SEC - 1)
		*t = 0;
	else
		*t = tv.sec * NSEC_PER_SEC + tv.usec * NSEC_PER_USEC;
	return 0;
}

static int get_rcvtimeo(struct sock *sk, const struct sockopt *o, void *val)
{
	return get_timeo(sk->rcvtimeo, val);
}

static int set_rcvtimeo(struct sock *sk, const struct sockopt *o, const void *val)
{
	return set_timeo(&sk->rcvtimeo, val);
}

static int get_sndtimeo(struct sock *sk, const struct sockopt *o, void *val)
{
	return get_timeo(sk->sndtimeo, val);
}

static int set_sndtimeo(struct sock *sk, const struct sockopt *o, const void *val)
{
	return set_timeo(&sk->sndtimeo, val);
}

#define FLAG(name, bit) { name, 4, bit, get_flag, set_flag }
static const struct sockopt sockopts[] = {
	{ SO_DEBUG, 4, SOCK_OPT_DEBUG, get_flag, set_debug },
	FLAG(SO_REUSEADDR, SOCK_OPT_REUSEADDR),
	FLAG(SO_REUSEPORT, SOCK_OPT_REUSEPORT),
	FLAG(SO_DONTROUTE, SOCK_OPT_DONTROUTE),
	FLAG(SO_BROADCAST, SOCK_OPT_BROADCAST),
	FLAG(SO_KEEPALIVE, SOCK_OPT_KEEPALIVE),
	FLAG(SO_OOBINLINE, SOCK_OPT_OOBINLINE),
	FLAG(SO_PASSCRED, SOCK_OPT_PASSCRED),
	FLAG(SO_PASSSEC, SOCK_OPT_PASSSEC),
	FLAG(SO_TIMESTAMP, SOCK_OPT_TIMESTAMP),
	FLAG(SO_TIMESTAMPNS, SOCK_OPT_TIMESTAMPNS),
	FLAG(SO_NO_CHECK, SOCK_OPT_NO_CHECK),
	FLAG(SO_RXQ_OVFL, SOCK_OPT_RXQ_OVFL),
	{ SO_TYPE, 4, 0, get_type, NULL },
	{ SO_DOMAIN, 4, 0, get_domain, NULL },
	{ SO_PROTOCOL, 4, 0, get_protocol, NULL },
	{ SO_ACCEPTCONN, 4, 0, get_accept, NULL },
	{ SO_ERROR, 4, 0, get_error, NULL },
	{ SO_SNDBUF, 4, 0, get_sndbuf, set_sndbuf },
	{ SO_RCVBUF, 4, 0, get_rcvbuf, set_rcvbuf },
	{ SO_SNDBUFFORCE, 4, 0, NULL, set_sndbuf_force },
	{ SO_RCVBUFFORCE, 4, 0, NULL, set_rcvbuf_force },
	{ SO_PRIORITY, 4, 0, get_priority, set_priority },
	{ SO_MARK, 4, 0, get_mark, set_mark },
	{ SO_LINGER, 8, 0, get_linger, set_linger },
	{ SO_RCVLOWAT, 4, 0, get_rcvlowat, set_rcvlowat },
	{ SO_SNDLOWAT, 4, 0, get_one, NULL },
	{ SO_BSDCOMPAT, 4, 0, get_zero, NULL },
	{ SO_PEEK_OFF, 4, 0, get_peekoff, set_peekoff },
	{ SO_PEERCRED, sizeof(struct ucred_k), 0, get_peercred, NULL },
	{ SO_RCVTIMEO_OLD, 16, 0, get_rcvtimeo, set_rcvtimeo },
	{ SO_SNDTIMEO_OLD, 16, 0, get_sndtimeo, set_sndtimeo },
	{ SO_RCVTIMEO_NEW, 16, 0, get_rcvtimeo, set_rcvtimeo },
	{ SO_SNDTIMEO_NEW, 16, 0, get_sndtimeo, set_sndtimeo },
};

static const struct sockopt *sockopt_find(int name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sockopts); i++)
		if (sockopts[i].name == name)
			return &sockopts[i];
	return NULL;
}

int sock_setopt(struct sock *sk, int level, int name, const void *val, int len)
{
	const struct sockopt *o;

	if (level != SOL_SOCKET)
		return sk->ops->setsockopt ? sk->ops->setsockopt(sk, level, name, val, len)
					   : -EOPNOTSUPP;
	o = sockopt_find(name);
	if (!o || !o->set)
		return -ENOPROTOOPT;
	if (len < o->size)
		return -EINVAL;
	return o->set(sk, o, val);
}

int sock_getopt(struct sock *sk, int level, int name, void *val, int *len)
{
	u8 tmp[64];
	const struct sockopt *o;
	int err;

	if (level != SOL_SOCKET)
		return sk->ops->getsockopt ? sk->ops->getsockopt(sk, level, name, val, len)
					   : -EOPNOTSUPP;
	o = sockopt_find(name);
	if (!o || !o->get)
		return -ENOPROTOOPT;
	err = o->get(sk, o, tmp);
	if (err)
		return err;
	*len = MIN(*len, o->size);
	memcpy(val, tmp, *len);
	return 0;
}
