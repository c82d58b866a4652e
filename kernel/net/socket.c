/* SPDX-License-Identifier: MIT */
/*
 * Sockets as files: creation, read and write, polling, waiting with timeouts.
 */
#include "net/socket.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#define SOCK_DEF_BUF 212992

static const struct file_ops socket_ops;

/* ---- struct sock ---- */

void sock_init(struct sock *sk, const struct sock_ops *ops, int type, int protocol)
{
	ref_init(&sk->ref);
	sk->ops = ops;
	sk->type = type;
	sk->protocol = protocol;
	wq_init(&sk->wq);
	sk->sndbuf = sk->rcvbuf = SOCK_DEF_BUF;
	sk->rcvlowat = 1;
	sk->peek_off = -1;
	sk->peercred = (struct ucred_k){ 0, -1, -1 };
}

struct sock *sock_get(struct sock *sk)
{
	ref_get(&sk->ref);
	return sk;
}

void sock_put(struct sock *sk)
{
	if (sk && ref_put(&sk->ref))
		sk->ops->destroy(sk);
}

void sock_wake(struct sock *sk, u32 events)
{
	wake_up_events(&sk->wq, events);
}

int sock_error(struct sock *sk)
{
	int err = sk->err;

	sk->err = 0;
	return -err;
}

void sock_set_error(struct sock *sk, int err)
{
	sk->err = err;
	sock_wake(sk, EPOLLERR | EPOLLIN | EPOLLOUT);
}

ktime_t sock_deadline(ktime_t timeo, bool nonblock)
{
	ktime_t now;

	if (nonblock)
		return 0;
	if (!timeo)
		return KTIME_NEVER;
	now = ktime_get();
	return timeo > KTIME_NEVER - 1 - now ? KTIME_NEVER - 1 : now + timeo;
}

int sock_sleep(struct wait_queue *wq, ktime_t deadline, const char *reason)
{
	int err;

	if (!deadline)
		return -EAGAIN;
	err = wq_sleep(wq, WAIT_INTERRUPTIBLE, deadline, reason);
	if (err == -ETIME)
		return -EAGAIN;
	if (err == -ERESTARTSYS && deadline != KTIME_NEVER)
		return -EINTR;
	return err;
}

int sock_create(int family, int type, int protocol, struct sock **out)
{
	const struct net_family *const *f;

	if (family < 0 || family >= AF_MAX_K)
		return -EAFNOSUPPORT;
	if (type < 0 || type >= SOCK_MAX_K)
		return -EINVAL;
	for (f = net_families; *f; f++)
		if ((*f)->family == family)
			return (*f)->create(type, protocol, out);
	return -EAFNOSUPPORT;
}

/* ---- the file ---- */

struct sock *file_sock(const struct file *f)
{
	return f->ops == &socket_ops ? f->private : NULL;
}

int sock_file(struct sock *sk, u32 flags, struct file **out)
{
	struct super *sb = anon_super("sockfs");
	struct inode *inode = sb ? inode_new(sb, S_IFSOCK | 0777) : NULL;
	int err;

	if (!inode)
		return -ENOMEM;
	inode->ino = anon_ino();
	inode->nlink = 1;
	err = anon_inode_file(inode, &socket_ops, sk, O_RDWR | (flags & O_NONBLOCK), out);
	if (err) {
		iput(inode);
		return err;
	}
	(*out)->mode |= FMODE_NONOTIFY;
	sk->file = *out;
	return 0;
}

static u32 file_msg_flags(const struct file *f)
{
	return f->flags & O_NONBLOCK ? MSG_DONTWAIT_K : 0;
}

static ssize socket_read(struct file *f, struct iter *to, off64 *pos)
{
	struct sock *sk = f->private;
	struct msg m = { .iter = to, .flags = file_msg_flags(f) };

	if (!to->count)
		return 0;
	return sk->ops->recvmsg(sk, &m);
}

static ssize socket_write(struct file *f, struct iter *from, off64 *pos)
{
	struct sock *sk = f->private;
	struct msg m = { .iter = from, .flags = file_msg_flags(f) };

	if (sk->type == SOCK_SEQPACKET_K)
		m.flags |= MSG_EOR_K;
	return sk->ops->sendmsg(sk, &m);
}

static u32 socket_poll(struct file *f, struct poll_table *pt)
{
	struct sock *sk = f->private;

	return sk->ops->poll(f, sk, pt);
}

static long socket_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct sock *sk = f->private;

	return sk->ops->ioctl ? sk->ops->ioctl(sk, cmd, arg) : -ENOIOCTLCMD_K;
}

static void socket_release(struct file *f)
{
	struct sock *sk = f->private;

	sk->file = NULL;
	sk->ops->release(sk);
	sock_put(sk);
}

static int socket_name(struct file *f, char *buf, size_t n)
{
	return snprintf(buf, n, "socket:[%llu]", (unsigned long long)f->inode->ino);
}

static const struct file_ops socket_ops = {
	.release = socket_release,
	.read = socket_read,
	.write = socket_write,
	.llseek = file_noseek,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.name = socket_name,
	.stream = true,
};
