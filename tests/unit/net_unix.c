/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets without a guest: streams, datagrams, connections, descriptors in flight and their circles.
 */
#include "tests/unit/fake/guest.c"
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/sched.c"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/socket.h"
#include "core/cred.h"
#include "core/time.h"
#include "net/socket.h"
#include "tests/unit/test.h"
#include "vfs/poll.h"
#include "vfs/vfs.h"

static int setup(void **state)
{
	vfs_init();
	fake_task.cred = &init_cred;
	fake_task.files = files_new();
	fake_process.rlim[7].cur = fake_process.rlim[7].max = 200;
	fake_process.rlim[1].cur = fake_process.rlim[1].max = ~0ULL;
	fake_process.tgid = 1;
	return 0;
}

static int teardown(void **state)
{
	files_exit();
	assert_int_equal(unix_inflight_total(), 0);
	return 0;
}

static struct file *make(int type)
{
	struct sock *sk;
	struct file *f;

	assert_int_equal(sock_create(AF_UNIX_K, type, 0, &sk), 0);
	assert_int_equal(sock_file(sk, O_NONBLOCK, &f), 0);
	return f;
}

static void pair(int type, struct file *f[2])
{
	f[0] = make(type);
	f[1] = make(type);
	assert_int_equal(file_sock(f[0])->ops->socketpair(file_sock(f[0]), file_sock(f[1])), 0);
}

static ssize xmit(struct file *f, const char *text, struct msg *m)
{
	struct iter it;

	iter_init_kernel(&it, (void *)text, strlen(text));
	m->iter = &it;
	m->flags |= MSG_DONTWAIT_K | MSG_NOSIGNAL_K;
	return file_sock(f)->ops->sendmsg(file_sock(f), m);
}

static ssize put(struct file *f, const char *text)
{
	struct msg m = { 0 };

	return xmit(f, text, &m);
}

static ssize get_msg(struct file *f, char *buf, size_t n, struct msg *m)
{
	struct iter it;
	ssize ret;

	memset(buf, 0, n);
	iter_init_kernel(&it, buf, n);
	m->iter = &it;
	m->flags |= MSG_DONTWAIT_K;
	ret = file_sock(f)->ops->recvmsg(file_sock(f), m);
	return ret;
}

static ssize get(struct file *f, char *buf, size_t n)
{
	struct msg m = { 0 };

	return get_msg(f, buf, n, &m);
}

static struct sockaddr_buf name(const char *text)
{
	struct sockaddr_buf a = { .len = 3 + (int)strlen(text), .family = AF_UNIX_K };

	memcpy(a.bytes + 3, text, strlen(text));
	return a;
}

/* Control bytes that carry fd. */
static void carry(struct msg *m, u8 *ctl, int fd)
{
	struct cmsghdr_k h = { .len = CMSG_LEN_K(4), .level = SOL_SOCKET, .type = SCM_RIGHTS_K };

	memcpy(ctl, &h, sizeof(h));
	memcpy(ctl + sizeof(h), &fd, 4);
	m->control = ctl;
	m->controllen = h.len;
}

static void stream_bytes(void **state)
{
	struct file *p[2];
	char buf[32];

	pair(SOCK_STREAM_K, p);
	assert_int_equal(get(p[0], buf, 8), -EAGAIN);
	assert_int_equal(put(p[0], "hello "), 6);
	assert_int_equal(put(p[0], "world"), 5);
	assert_int_equal(vfs_poll(p[1], NULL) & EPOLLIN, EPOLLIN);
	assert_int_equal(get(p[1], buf, 8), 8);
	assert_memory_equal(buf, "hello wo", 8);
	assert_int_equal(get(p[1], buf, 8), 3);
	assert_int_equal(put(p[1], "x"), 1);
	fput(p[1]);
	assert_int_equal(vfs_poll(p[0], NULL) & (EPOLLHUP | EPOLLRDHUP), EPOLLHUP | EPOLLRDHUP);
	assert_int_equal(get(p[0], buf, 8), 1);
	assert_int_equal(get(p[0], buf, 8), 0);
	assert_int_equal(put(p[0], "x"), -EPIPE);
	fput(p[0]);
}

static void unread_bytes_reset(void **state)
{
	struct file *p[2];
	char buf[8];

	pair(SOCK_STREAM_K, p);
	put(p[0], "x");
	fput(p[1]);
	assert_int_equal(get(p[0], buf, 8), -ECONNRESET);
	assert_int_equal(get(p[0], buf, 8), 0);
	fput(p[0]);
}

static void stream_blocks_when_full(void **state)
{
	static char big[300000];
	struct file *p[2];
	size_t sent = 0;
	ssize n;

	memset(big, 'a', sizeof(big) - 1);
	pair(SOCK_STREAM_K, p);
	while ((n = put(p[0], big)) > 0)
		sent += n;
	assert_int_equal(n, -EAGAIN);
	assert_true(sent > 200000 && sent < 400000);
	assert_int_equal(vfs_poll(p[0], NULL) & EPOLLOUT, 0);
	while ((n = get(p[1], big, 5000)) > 0)
		sent -= n;
	assert_int_equal(sent, 0);
	assert_int_equal(vfs_poll(p[0], NULL) & EPOLLOUT, EPOLLOUT);
	fput(p[0]);
	fput(p[1]);
}

static void packets_stay_whole(void **state)
{
	static const int types[] = { SOCK_DGRAM_K, SOCK_SEQPACKET_K };
	struct file *p[2];
	char buf[8];
	int i;

	for (i = 0; i < 2; i++) {
		struct msg m = { 0 };

		pair(types[i], p);
		assert_int_equal(put(p[0], "abcdefghijk"), 11);
		assert_int_equal(put(p[0], ""), 0);
		assert_int_equal(put(p[0], "xy"), 2);
		m.flags = MSG_TRUNC_K;
		assert_int_equal(get_msg(p[1], buf, 4, &m), 11);
		assert_int_equal(m.out_flags, MSG_TRUNC_K);
		assert_int_equal(get(p[1], buf, 4), 0);
		assert_int_equal(get(p[1], buf, 4), 2);
		fput(p[1]);
		assert_int_equal(put(p[0], "x"), i ? -EPIPE : -ECONNREFUSED);
		fput(p[0]);
	}
}

static void connects_and_accepts(void **state)
{
	struct file *l = make(SOCK_STREAM_K), *c[3];
	struct sockaddr_buf a = name("srv"), got;
	struct sock *sk;
	char buf[8];
	int i;

	for (i = 0; i < 3; i++)
		c[i] = make(SOCK_STREAM_K);
#define OPS(f) file_sock(f)->ops
	assert_int_equal(OPS(c[0])->connect(file_sock(c[0]), &a, true), -ECONNREFUSED);
	assert_int_equal(OPS(l)->listen(file_sock(l), 0), -EINVAL);
	assert_int_equal(OPS(l)->bind(file_sock(l), &a), 0);
	assert_int_equal(OPS(c[0])->bind(file_sock(c[0]), &a), -EADDRINUSE);
	assert_int_equal(OPS(c[0])->connect(file_sock(c[0]), &a, true), -ECONNREFUSED);
	assert_int_equal(OPS(l)->listen(file_sock(l), 1), 0);
	assert_int_equal(OPS(c[0])->connect(file_sock(c[0]), &a, true), 0);
	assert_int_equal(OPS(c[0])->connect(file_sock(c[0]), &a, true), -EISCONN);
	assert_int_equal(OPS(c[1])->connect(file_sock(c[1]), &a, true), 0);
	assert_int_equal(OPS(c[2])->connect(file_sock(c[2]), &a, true), -EAGAIN);
	assert_int_equal(put(c[0], "early"), 5);
	assert_int_equal(OPS(l)->accept(file_sock(l), true, &sk), 0);
	assert_int_equal(sk->ops->getname(sk, &got, false), 0);
	assert_int_equal(got.len, 6);
	assert_int_equal(sk->ops->getname(sk, &got, true), 0);
	assert_int_equal(got.len, 2);
	struct file *s;
	assert_int_equal(sock_file(sk, O_NONBLOCK, &s), 0);
	assert_int_equal(get(s, buf, 8), 5);
	fput(l);
	assert_int_equal(get(c[1], buf, 8), -ECONNRESET);
	fput(s);
	for (i = 0; i < 3; i++)
		fput(c[i]);
}

static void datagrams_by_name(void **state)
{
	struct file *a = make(SOCK_DGRAM_K), *b = make(SOCK_DGRAM_K);
	struct sockaddr_buf na = name("a"), empty = { .len = 2, .family = AF_UNIX_K };
	struct msg m = { .name = na }, r = { .name.len = 128 };
	char buf[8];
	int n = 0;

	assert_int_equal(put(b, "x"), -ENOTCONN);
	assert_int_equal(xmit(b, "x", &m), -ECONNREFUSED);
	assert_int_equal(OPS(a)->bind(file_sock(a), &na), 0);
	assert_int_equal(OPS(b)->bind(file_sock(b), &empty), 0);
	m = (struct msg){ .name = na };
	assert_int_equal(xmit(b, "hi", &m), 2);
	assert_int_equal(get_msg(a, buf, 8, &r), 2);
	assert_int_equal(r.name.len, 8);
	assert_int_equal(OPS(b)->connect(file_sock(b), &na, true), 0);
	while (put(b, "x") == 1)
		n++;
	assert_int_equal(n, 11);
	assert_int_equal(vfs_poll(b, NULL) & EPOLLOUT, 0);
	get(a, buf, 8);
	assert_int_equal(vfs_poll(b, NULL) & EPOLLOUT, EPOLLOUT);
	fput(a);
	assert_int_equal(put(b, "x"), -ECONNREFUSED);
	assert_int_equal(put(b, "x"), -ENOTCONN);
	fput(b);
}

static void files_travel(void **state)
{
	u8 ctl[64], rctl[64];
	struct file *p[2], *e;
	char buf[8];
	int fd;

	pair(SOCK_STREAM_K, p);
	eventfd_create(5, 0, &e);
	fd = fd_add(e, 0);
	struct msg m = { 0 }, r = { .control = rctl, .controllen = sizeof(rctl) };
	carry(&m, ctl, fd);
	put(p[0], "a");
	assert_int_equal(xmit(p[0], "b", &m), 1);
	put(p[0], "c");
	fd_close(fd);
	assert_int_equal(unix_inflight_total(), 1);
	assert_int_equal(get_msg(p[1], buf, 8, &r), 1);	/* the files are at "b" */
	r = (struct msg){ .control = rctl, .controllen = sizeof(rctl), .flags = MSG_CMSG_CLOEXEC_K };
	assert_int_equal(get_msg(p[1], buf, 8, &r), 1);
	assert_int_equal(r.control_used, 24);
	assert_int_equal(unix_inflight_total(), 0);
	memcpy(&fd, rctl + 16, 4);
	assert_int_equal(fd_get_flags(fd), FD_CLOEXEC);
	assert_int_equal(fd_close(fd), 0);
	carry(&m, ctl, 150);
	assert_int_equal(xmit(p[0], "b", &m), -EBADF);
	fput(p[0]);
	fput(p[1]);
}

static void circles_are_collected(void **state)
{
	struct file *p[2], *q[2];
	u8 ctl[64];
	struct msg m = { 0 };
	int fd[2];

	/* Each end carries itself: p[0] is in p[1]'s queue and the other way round. */
	pair(SOCK_STREAM_K, p);
	fd[0] = fd_add(p[0], 0);
	fd[1] = fd_add(p[1], 0);
	carry(&m, ctl, fd[0]);
	assert_int_equal(xmit(p[0], "x", &m), 1);
	carry(&m, ctl, fd[1]);
	assert_int_equal(xmit(p[1], "x", &m), 1);
	fd_close(fd[0]);
	fd_close(fd[1]);
	assert_int_equal(unix_inflight_total(), 2);
	fput(make(SOCK_STREAM_K));	/* any socket's end collects */
	assert_int_equal(unix_inflight_total(), 0);
	/* A long chain goes without recursion. */
	pair(SOCK_DGRAM_K, p);
	for (int i = 0; i < 300; i++) {
		pair(SOCK_DGRAM_K, q);
		fd[0] = fd_add(p[0], 0);
		fd[1] = fd_add(p[1], 0);
		carry(&m, ctl, fd[0]);
		xmit(q[0], "x", &m);
		carry(&m, ctl, fd[1]);
		xmit(q[0], "x", &m);
		fd_close(fd[0]);
		fd_close(fd[1]);
		p[0] = q[0];
		p[1] = q[1];
	}
	assert_true(unix_inflight_total() > 500);
	fput(p[0]);
	fput(p[1]);
	assert_int_equal(unix_inflight_total(), 0);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
RUN(C(stream_bytes), C(unread_bytes_reset), C(stream_blocks_when_full), C(packets_stay_whole),
    C(connects_and_accepts), C(datagrams_by_name), C(files_travel), C(circles_are_collected))
