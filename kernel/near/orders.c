/* SPDX-License-Identifier: MIT */
/*
 * Orders of the far kernel: a short list, carried out one after the other until one fails.
 * Nothing here is a right that guest code would not have in its own process.
 */
#include "near/near.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/socket.h>
#include <linux/uio.h>

struct near_cmsg {
	u64 len;
	s32 level, type;
	s32 fd[2];
};
struct near_msghdr {
	void *name;
	u32 namelen, pad;
	struct iovec *iov;
	u64 iovlen;
	void *control;
	u64 controllen;
	u32 flags, pad2;
};

/* A message with one descriptor or two: how many. */
static s64 recv_fds(s32 fds[2])
{
	char byte;
	struct iovec iov = { &byte, 1 };
	struct near_cmsg c;
	struct near_msghdr m;
	long n;

	m.name = 0;
	m.namelen = 0;
	m.iov = &iov;
	m.iovlen = 1;
	m.control = &c;
	m.controllen = sizeof(c);
	m.flags = 0;
	c.len = 0;
	do
		n = near_syscall3(__NR_recvmsg, NEAR_FD_CTL, &m, 0);
	while (n == -EINTR);
	if (n < 0)
		return n;
	if (n != 1 || m.controllen < sizeof(c) - 4 || c.type != 1 /* SCM_RIGHTS */)
		return -EBADF;
	fds[0] = c.fd[0];
	fds[1] = c.fd[1];
	return c.len < sizeof(c) ? 1 : 2;
}

static u64 fd_arg(u64 v, s64 fd)
{
	return v == FD_ARG ? (u64)fd : v;
}

static s64 host_call(const struct near_order *o, s64 fd)
{
	/* pread and pwrite take the descriptor first, mmap as its fifth argument. */
	return near_syscall6((long)o->a[0], fd_arg(o->a[1], fd), o->a[2], o->a[3], o->a[4], fd_arg(o->a[5], fd), o->a[6]);
}

static void *window(struct near_area *a, u64 off)
{
	return (char *)a + AREA_WINDOW + (off & (AREA_WINDOW_SIZE - 1));
}

static s64 get_bases(struct near_order *o)
{
	o->a[0] = near_get_fs();
	return near_syscall3(__NR_arch_prctl, 0x1004 /* ARCH_GET_GS */, &o->a[1], 0);
}

static s64 set_fs(struct near_area *a, u64 base)
{
	near_fs_forget(a);
	return near_syscall3(__NR_arch_prctl, 0x1002 /* ARCH_SET_FS */, base, 0);
}

static void exit_thread(struct near_area *a) __noreturn;
static void exit_thread(struct near_area *a)
{
	near_leaving(a);
	for (;;)
		near_syscall3(__NR_exit, 0, 0, 0);
}

struct order_state {
	s64 fd[2];
	u32 nfd;
};

static s64 receive(struct order_state *st)
{
	s32 fds[2];
	s64 n = recv_fds(fds);

	if (n < 0)
		return n;
	for (s64 i = 0; i < n && st->nfd < 2; i++)
		st->fd[st->nfd++] = fds[i];
	return 0;
}

static s64 close_received(struct order_state *st)
{
	if (st->nfd == 2 && st->fd[1] == st->fd[0] + 1) {
		near_syscall3(__NR_close_range, st->fd[0], st->fd[1], 0);
		st->nfd = 0;
	}
	while (st->nfd)
		near_syscall3(__NR_close, st->fd[--st->nfd], 0, 0);
	return 0;
}

static s64 memory_order(struct near_area *a, struct near_order *o)
{
	switch (o->op) {
	case ORD_COPY_IN:
		return near_copy(window(a, o->a[0]), (void *)o->a[1], o->a[2]);
	case ORD_COPY_OUT:
		return near_copy((void *)o->a[1], window(a, o->a[0]), o->a[2]);
	case ORD_PUT:
		return near_copy((void *)o->a[1], &o->a[2], MIN(o->a[0], (u64)PUT_MAX));
	case ORD_STR_IN:
		return near_strcopy(window(a, o->a[0]), (char *)o->a[1], o->a[2]);
	case ORD_CLEAR:
		return near_clear((void *)o->a[1], o->a[2]);
	case ORD_CMPXCHG: {
		u32 old = 0;
		s64 err = near_cmpxchg((u32 *)o->a[1], (u32)o->a[2], (u32)o->a[3], &old);

		o->a[0] = old;
		return err;
	}
	}
	return -EINVAL;
}

static s64 run_one(struct near_area *a, struct near_order *o, struct order_state *st)
{
	switch (o->op) {
	case ORD_HOSTCALL:
		return host_call(o, st->nfd ? st->fd[0] : -1);
	case ORD_RECVFD:
		return receive(st);
	case ORD_CLOSEFD:
		return close_received(st);
	case ORD_FORK:
		return near_do_fork(a, st->fd[0], st->fd[1]);
	case ORD_THREAD:
		return near_do_thread(a, o->a[0], o->a[1], o->a[2]);
	case ORD_PATCH:
		return near_patch(a, o->a[0], o->a[1], (u32)o->a[2], (u32)o->a[3], o->a[4]);
	case ORD_UNPATCH:
		return near_unpatch(a, o->a[0], o->a[1], (u32)o->a[2], (u32)o->a[3]);
	case ORD_SETFS:
		return set_fs(a, o->a[0]);
	case ORD_SETGS:
		return near_syscall3(__NR_arch_prctl, 0x1001 /* ARCH_SET_GS */, o->a[0], 0);
	case ORD_FS_BACK:
		near_fs_back(a);
		return 0;
	case ORD_GETBASES:
		return get_bases(o);
	case ORD_FRAME_PUSH:
		return near_frame_push(a);
	case ORD_FRAME_POP:
		return near_frame_pop(a);
	case ORD_LEAVING:
		near_leaving(a);
		return 0;
	case ORD_EXIT_THREAD:
		exit_thread(a);
	case ORD_EXIT_GROUP:
		return near_syscall3(__NR_exit_group, 0, 0, 0);
	}
	return memory_order(a, o);
}

/* Descriptors that were sent for orders which are not carried out must not be taken for later ones. */
static void drop_rest(struct near_area *a, u32 from, u32 n)
{
	for (u32 i = from; i < n && i < ORDERS_MAX; i++) {
		if (a->orders[i].op == ORD_RECVFD) {
			struct order_state st = { .nfd = 0 };

			receive(&st);
			close_received(&st);
		}
	}
}

s64 near_run_orders(struct near_area *a)
{
	struct order_state st;
	u32 n = a->norders;
	s64 err = 0;

	st.nfd = 0;
	a->orders_done = 0;
	for (u32 i = 0; i < n && i < ORDERS_MAX; i++) {
		struct near_order *o = &a->orders[i];

		o->res = run_one(a, o, &st);
		if (o->res < 0 && o->res >= -4095) {
			err = o->res;
			drop_rest(a, i + 1, n);
			break;
		}
		a->orders_done = i + 1;
	}
	close_received(&st);
	return err;
}
