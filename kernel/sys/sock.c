/* SPDX-License-Identifier: MIT */
/*
 * System calls on sockets. Addresses, vectors and control messages are copied in and out here; below
 * this file everything is kernel memory, except the data itself (struct iter).
 */
#include "sys/sys.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/socket.h"
#include "abi/time.h"
#include "core/arena.h"
#include "core/time.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "net/socket.h"
#include "vfs/vfs.h"

#define CONTROL_MAX 131072		/* of a send: net.core.optmem_max */
#define CONTROL_RECV_MAX 4096		/* more is never written */
#define OPT_MAX 4096
#define MMSG_MAX 1024
#define IOV_MAX_K 1024
#define SEND_FLAGS_IGNORED MSG_BATCH_K

/* The file and socket behind fd: a reference to the file. */
static int sock_lookup(int fd, struct file **f, struct sock **sk)
{
	*f = fd_get(fd);
	if (!*f)
		return -EBADF;
	*sk = file_sock(*f);
	if (*sk)
		return 0;
	fput(*f);
	return -ENOTSOCK;
}

static bool is_nonblock(const struct file *f)
{
	return f->flags & O_NONBLOCK;
}

static int addr_from_user(uaddr_t addr, int len, struct sockaddr_buf *out)
{
	memset(out, 0, sizeof(*out));
	if (len < 0 || len > SOCKADDR_MAX)
		return -EINVAL;
	if (len && copy_from_user(out->bytes, addr, len))
		return -EFAULT;
	out->len = len;
	return 0;
}

/* Cut at what the guest has room for; the full length goes to *ulen. */
static int addr_to_user(const struct sockaddr_buf *a, uaddr_t addr, uaddr_t ulen)
{
	int room, n;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	n = MIN(room, a->len);
	if (n && copy_to_user(addr, a->bytes, n))
		return -EFAULT;
	return put_user(a->len, ulen);
}

/* ---- making ---- */

static int split_type(int type, int *base, u32 *flags)
{
	if (type & ~(SOCK_TYPE_MASK_K | SOCK_CLOEXEC_K | SOCK_NONBLOCK_K))
		return -EINVAL;
	*base = type & SOCK_TYPE_MASK_K;
	*flags = (type & SOCK_CLOEXEC_K ? O_CLOEXEC : 0) | (type & SOCK_NONBLOCK_K ? O_NONBLOCK : 0);
	return 0;
}

long sys_socket(int family, int type, int protocol)
{
	struct sock *sk;
	struct file *f;
	u32 flags;
	int err, fd, base;

	err = split_type(type, &base, &flags);
	if (!err)
		err = sock_create(family, base, protocol, &sk);
	if (err)
		return err;
	err = sock_file(sk, flags, &f);
	if (err) {
		sock_put(sk);
		return err;
	}
	fd = fd_add(f, flags);
	if (fd < 0)
		fput(f);
	return fd;
}

static int pair_make(int family, int type, int protocol, u32 flags, struct file *f[2])
{
	struct sock *a, *b;
	int err = sock_create(family, type, protocol, &a);

	if (err)
		return err;
	err = sock_file(a, flags, &f[0]);
	if (err) {
		sock_put(a);
		return err;
	}
	err = sock_create(family, type, protocol, &b);
	if (err) {
		fput(f[0]);
		return err;
	}
	err = a->ops->socketpair ? a->ops->socketpair(a, b) : -EOPNOTSUPP;
	if (!err)
		err = sock_file(b, flags, &f[1]);
	if (err) {
		sock_put(b);
		fput(f[0]);
	}
	return err;
}

long sys_socketpair(int family, int type, int protocol, uaddr_t fds)
{
	struct file *f[2];
	u32 flags;
	int err, base;

	err = split_type(type, &base, &flags);
	if (!err)
		err = pair_make(family, base, protocol, flags, f);
	return err ? err : fd_add_pair(f, flags, fds);
}

/* ---- names and connections ---- */

long sys_bind(ufd_t fd, uaddr_t addr, int len)
{
	struct sockaddr_buf a;
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk);

	if (err)
		return err;
	err = addr_from_user(addr, len, &a);
	if (!err)
		err = sk->ops->bind(sk, &a);
	fput(f);
	return err;
}

long sys_connect(ufd_t fd, uaddr_t addr, int len)
{
	struct sockaddr_buf a;
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk);

	if (err)
		return err;
	err = addr_from_user(addr, len, &a);
	if (!err)
		err = sk->ops->connect(sk, &a, is_nonblock(f));
	fput(f);
	return err;
}

long sys_listen(ufd_t fd, int backlog)
{
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk);

	if (err)
		return err;
	err = sk->ops->listen(sk, backlog);
	fput(f);
	return err;
}

/* The new connection as a file; its peer's name to the guest. */
static int accept_file(struct sock *sk, bool nonblock, u32 flags, uaddr_t addr, uaddr_t len,
		       struct file **out)
{
	struct sockaddr_buf a;
	struct sock *new;
	int err = sk->ops->accept(sk, nonblock, &new);

	if (err)
		return err;
	err = sock_file(new, flags, out);
	if (err) {
		new->ops->release(new);
		sock_put(new);
		return err;
	}
	if (!addr)
		return 0;
	err = new->ops->getname(new, &a, true);
	if (err)
		err = -ECONNABORTED;
	else
		err = addr_to_user(&a, addr, len);
	if (err)
		fput(*out);
	return err;
}

long sys_accept4(ufd_t fd, uaddr_t addr, uaddr_t len, uhex_t uflags)
{
	struct file *f, *new;
	struct sock *sk;
	int err, newfd, base = 0;
	u32 flags = 0;

	if (uflags & ~(SOCK_CLOEXEC_K | SOCK_NONBLOCK_K))
		return -EINVAL;
	split_type(uflags, &base, &flags);
	err = sock_lookup(fd, &f, &sk);
	if (err)
		return err;
	newfd = fd_alloc(0, flags);
	if (newfd < 0) {
		fput(f);
		return newfd;
	}
	err = accept_file(sk, is_nonblock(f), flags, addr, len, &new);
	if (err)
		fd_cancel(newfd);
	else
		fd_install(newfd, new);
	fput(f);
	return err ? err : newfd;
}

long sys_accept(ufd_t fd, uaddr_t addr, uaddr_t len)
{
	return sys_accept4(fd, addr, len, 0);
}

static long get_name(int fd, uaddr_t addr, uaddr_t len, bool peer)
{
	struct sockaddr_buf a;
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk);

	if (err)
		return err;
	err = sk->ops->getname(sk, &a, peer);
	if (!err)
		err = addr_to_user(&a, addr, len);
	fput(f);
	return err;
}

long sys_getsockname(ufd_t fd, uaddr_t addr, uaddr_t len)
{
	return get_name(fd, addr, len, false);
}

long sys_getpeername(ufd_t fd, uaddr_t addr, uaddr_t len)
{
	return get_name(fd, addr, len, true);
}

long sys_shutdown(ufd_t fd, int how)
{
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk);

	if (err)
		return err;
	err = sk->ops->shutdown(sk, how);
	fput(f);
	return err;
}

/* ---- options ---- */

long sys_setsockopt(ufd_t fd, int level, int name, uaddr_t val, int len)
{
	u8 buf[OPT_MAX];
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk);

	if (err)
		return err;
	if (len < 0)
		err = -EINVAL;
	else if (copy_from_user(buf, val, MIN(len, OPT_MAX)))
		err = -EFAULT;
	else
		err = sock_setopt(sk, level, name, buf, MIN(len, OPT_MAX));
	fput(f);
	return err;
}

long sys_getsockopt(ufd_t fd, int level, int name, uaddr_t val, uaddr_t ulen)
{
	u8 buf[OPT_MAX];
	struct sock *sk;
	struct file *f;
	int err = sock_lookup(fd, &f, &sk), len;

	if (err)
		return err;
	err = get_user(len, ulen);
	if (!err && len < 0)
		err = -EINVAL;
	len = MIN(len, OPT_MAX);
	if (!err)
		err = sock_getopt(sk, level, name, buf, &len);
	if (!err)
		err = copy_to_user(val, buf, len);
	if (!err)
		err = put_user(len, ulen);
	fput(f);
	return err;
}

/* ---- sending ---- */

long sys_sendto(ufd_t fd, ubuf_t buf, size_t len, uhex_t flags, uaddr_t addr, int alen)
{
	struct msg m = { .flags = flags & ~SEND_FLAGS_IGNORED };
	struct sock *sk;
	struct file *f;
	struct iter it;
	long ret;

	iter_init_user(&it, buf, MIN(len, MAX_RW_COUNT));
	m.iter = &it;
	ret = sock_lookup(fd, &f, &sk);
	if (ret)
		return ret;
	if (addr)
		ret = addr_from_user(addr, alen, &m.name);
	if (is_nonblock(f))
		m.flags |= MSG_DONTWAIT_K;
	if (!ret)
		ret = sk->ops->sendmsg(sk, &m);
	fput(f);
	return ret;
}

static int control_from_user(const struct msghdr_k *h, struct msg *m)
{
	if (!h->control || !h->controllen)
		return 0;
	if (h->controllen > CONTROL_MAX)
		return -ENOBUFS;
	m->control = arena_alloc(h->controllen);
	if (!m->control)
		return -ENOBUFS;
	if (copy_from_user(m->control, h->control, h->controllen))
		return -EFAULT;
	m->controllen = h->controllen;
	return 0;
}

static int header_from_user(uaddr_t uhdr, struct msghdr_k *h, struct iter *it)
{
	int err;

	if (get_user(*h, uhdr))
		return -EFAULT;
	if (h->namelen < 0)
		return -EINVAL;
	if (h->iovlen > IOV_MAX_K)
		return -EMSGSIZE;
	err = iter_init_iovec(it, h->iov, h->iovlen);
	if (!err)
		it->count = MIN(it->count, MAX_RW_COUNT);
	return err;
}

static long send_one(struct sock *sk, uaddr_t uhdr, u32 flags)
{
	struct msg m = { .flags = flags & ~SEND_FLAGS_IGNORED };
	struct msghdr_k h;
	struct iter it;
	int err = header_from_user(uhdr, &h, &it);

	if (err)
		return err;
	m.iter = &it;
	if (h.name && h.namelen)
		err = addr_from_user(h.name, MIN(h.namelen, SOCKADDR_MAX), &m.name);
	if (!err)
		err = control_from_user(&h, &m);
	return err ? err : sk->ops->sendmsg(sk, &m);
}

long sys_sendmsg(ufd_t fd, uaddr_t msg, uhex_t flags)
{
	struct sock *sk;
	struct file *f;
	long ret = sock_lookup(fd, &f, &sk);

	if (ret)
		return ret;
	if (is_nonblock(f))
		flags |= MSG_DONTWAIT_K;
	ret = send_one(sk, msg, flags);
	fput(f);
	return ret;
}

long sys_sendmmsg(ufd_t fd, uaddr_t vec, u32 vlen, uhex_t flags)
{
	struct sock *sk;
	struct file *f;
	long ret = sock_lookup(fd, &f, &sk);
	u32 i;

	if (ret)
		return ret;
	if (is_nonblock(f))
		flags |= MSG_DONTWAIT_K;
	vlen = MIN(vlen, (u32)MMSG_MAX);
	for (i = 0; i < vlen; i++) {
		uaddr_t at = vec + i * sizeof(struct mmsghdr_k);

		ret = send_one(sk, at, flags);
		if (ret < 0)
			break;
		ret = put_user((u32)ret, at + offsetof(struct mmsghdr_k, len));
		if (ret)
			break;
	}
	fput(f);
	return i ? (long)i : ret;
}

/* ---- receiving ---- */

long sys_recvfrom(ufd_t fd, ubuf_t buf, size_t len, uhex_t flags, uaddr_t addr, uaddr_t alen)
{
	struct msg m = { .flags = flags };
	struct sock *sk;
	struct file *f;
	struct iter it;
	long ret;
	int err;

	iter_init_user(&it, buf, MIN(len, MAX_RW_COUNT));
	m.iter = &it;
	ret = sock_lookup(fd, &f, &sk);
	if (ret)
		return ret;
	if (is_nonblock(f))
		m.flags |= MSG_DONTWAIT_K;
	m.name.len = addr ? SOCKADDR_MAX : 0;
	ret = sk->ops->recvmsg(sk, &m);
	if (ret >= 0 && addr) {
		err = addr_to_user(&m.name, addr, alen);
		if (err)
			ret = err;
	}
	fput(f);
	return ret;
}

/* What a receive changed in its header. */
static int header_to_user(uaddr_t uhdr, struct msghdr_k *h, struct msg *m)
{
	if (h->name) {
		if (m->name.len && copy_to_user(h->name, m->name.bytes, MIN(h->namelen, m->name.len)))
			return -EFAULT;
		h->namelen = m->name.len;
	}
	if (m->control_used && copy_to_user(h->control, m->control, m->control_used))
		return -EFAULT;
	h->controllen = m->control_used;
	h->flags = m->out_flags;
	return copy_to_user(uhdr, h, offsetof(struct msghdr_k, flags) + sizeof(h->flags));
}

static long recv_one(struct sock *sk, uaddr_t uhdr, u32 flags)
{
	struct msg m = { .flags = flags, .out_flags = flags & MSG_CMSG_CLOEXEC_K };
	struct msghdr_k h;
	struct iter it;
	long ret = header_from_user(uhdr, &h, &it);
	int err;

	if (ret)
		return ret;
	m.iter = &it;
	m.name.len = h.name ? SOCKADDR_MAX : 0;
	if (h.control) {
		m.controllen = MIN(h.controllen, (u64)CONTROL_RECV_MAX);
		m.control = arena_alloc(MAX(m.controllen, 1));
		if (!m.control)
			return -ENOBUFS;
	}
	ret = sk->ops->recvmsg(sk, &m);
	if (ret < 0)
		return ret;
	err = header_to_user(uhdr, &h, &m);
	return err ? err : ret;
}

long sys_recvmsg(ufd_t fd, uaddr_t msg, uhex_t flags)
{
	struct sock *sk;
	struct file *f;
	long ret = sock_lookup(fd, &f, &sk);

	if (ret)
		return ret;
	if (is_nonblock(f))
		flags |= MSG_DONTWAIT_K;
	ret = recv_one(sk, msg, flags);
	fput(f);
	return ret;
}

static int mmsg_deadline(uaddr_t ts, ktime_t *deadline)
{
	struct __kernel_timespec t;
	ktime_t now = ktime_get();

	*deadline = KTIME_NEVER;
	if (!ts)
		return 0;
	if (get_user(t, ts))
		return -EFAULT;
	if (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if (t.tv_sec < (KTIME_NEVER - now) / NSEC_PER_SEC - 1)
		*deadline = now + t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
	return 0;
}

/* What is left of the time, back to the guest, as Linux does. */
static int mmsg_time_left(uaddr_t ts, ktime_t deadline)
{
	ktime_t left = MAX(deadline - ktime_get(), 0);
	struct __kernel_timespec t = { left / NSEC_PER_SEC, left % NSEC_PER_SEC };

	return ts ? put_user(t, ts) : 0;
}

long sys_recvmmsg(ufd_t fd, uaddr_t vec, u32 vlen, uhex_t flags, uaddr_t ts)
{
	ktime_t deadline;
	struct sock *sk;
	struct file *f;
	long ret = mmsg_deadline(ts, &deadline);
	u32 i;

	if (!ret)
		ret = sock_lookup(fd, &f, &sk);
	if (ret)
		return ret;
	if (is_nonblock(f))
		flags |= MSG_DONTWAIT_K;
	vlen = MIN(vlen, (u32)MMSG_MAX);
	for (i = 0; i < vlen; i++) {
		uaddr_t at = vec + i * sizeof(struct mmsghdr_k);

		ret = recv_one(sk, at, flags & ~MSG_WAITFORONE_K);
		if (ret < 0)
			break;
		ret = put_user((u32)ret, at + offsetof(struct mmsghdr_k, len));
		if (ret)
			break;
		if (flags & MSG_WAITFORONE_K)
			flags |= MSG_DONTWAIT_K;
		if (deadline != KTIME_NEVER && ktime_get() >= deadline) {
			i++;
			break;
		}
	}
	fput(f);
	if (!i)
		return ret;
	ret = mmsg_time_left(ts, deadline);
	return ret ? ret : (long)i;
}
