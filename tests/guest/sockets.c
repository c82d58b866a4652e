/* SPDX-License-Identifier: MIT */
/*
 * Unix-domain sockets: streams, datagrams, sequenced packets; names in files and abstract ones; passing
 * descriptors and credentials; options, flags and errors.
 */
#include "test.h"
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int s[2];
static char buf[300000];

static void pair(int type)
{
	OK(socketpair(AF_UNIX, type, 0, s));
}

static socklen_t name(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
}

/* An abstract name of this process: starts with a zero byte, has a length. */
static socklen_t abstract(struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       sprintf(a->sun_path + 1, "guest-test-%d", getpid());
}

static int bound(int type, const char *path)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, path);
	int fd = OK(socket(AF_UNIX, type, 0));

	OK(bind(fd, (void *)&a, len));
	return fd;
}

static int dial(int fd, const char *path)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, path);

	return connect(fd, (void *)&a, len);
}

static int client(int type)
{
	return OK(socket(AF_UNIX, type, 0));
}

TEST(socket_errors)
{
	ERR(socket(AF_UNIX, 99, 0), EINVAL);
	ERR(socket(999, SOCK_STREAM, 0), EAFNOSUPPORT);
	ERR(socket(AF_UNIX, SOCK_STREAM, 77), EPROTONOSUPPORT);
	ERR(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD_PTR), EFAULT);
	ERR(socketpair(AF_UNIX, 99, 0, s), EINVAL);
	ERR(listen(1, 5) == -1 && errno == ENOTSOCK ? -1 : 0, ENOTSOCK);
	ERR(listen(999, 5), EBADF);
	ERR(send(client(SOCK_STREAM), "x", 1, MSG_NOSIGNAL), ENOTCONN);
	ERR(recv(client(SOCK_STREAM), buf, 1, 0), EINVAL);
	ERR(accept(client(SOCK_STREAM), NULL, NULL), EINVAL);
}

TEST(flags)
{
	int fd = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
}

TEST(stream_pair)
{
	pair(SOCK_STREAM);
	EQ(write(s[0], "hello", 5), 5);
	EQ(write(s[0], "world", 5), 5);
	EQ(read(s[1], buf, 100), 10);	/* no boundaries */
	EQ(write(s[1], "back", 4), 4);
	EQ(read(s[0], buf, 2), 2);
	EQ(read(s[0], buf, 100), 2);
	OK(close(s[1]));
	EQ(read(s[0], buf, 1), 0);
	ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	WAIT_SIGNAL(CHILD(write(s[0], "x", 1)), SIGPIPE);
}

TEST(reset_with_unread_data)
{
	pair(SOCK_STREAM);
	EQ(write(s[0], "lost", 4), 4);
	OK(close(s[1]));
	ERR(read(s[0], buf, 1), ECONNRESET);
}

TEST(stream_big)
{
	long n = 0, r;
	pid_t kid;
	size_t i;

	pair(SOCK_STREAM);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i * 13 + i / 1000;
	kid = CHILD(EQ(write(s[1], buf, sizeof(buf)), sizeof(buf)));
	OK(close(s[1]));
	static char in[sizeof(buf)];

	while ((r = read(s[0], in + n, 5000)) > 0)
		n += r;
	EQ(n, sizeof(buf));
	CHECK(!memcmp(in, buf, n));
	WAIT_EXIT(kid, 0);
}

TEST(datagram_pair)
{
	pair(SOCK_DGRAM);
	EQ(write(s[0], "one", 3), 3);
	EQ(write(s[0], "", 0), 0);
	EQ(write(s[0], "three", 5), 5);
	EQ(read(s[1], buf, 100), 3);
	EQ(read(s[1], buf, 100), 0);
	EQ(read(s[1], buf, 2), 2);	/* the rest is lost */
	ERR(recv(s[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	ERR(send(s[0], buf, sizeof(buf), 0), EMSGSIZE);
}

TEST(seqpacket_pair)
{
	pair(SOCK_SEQPACKET);
	EQ(write(s[0], "one", 3), 3);
	EQ(write(s[0], "two2", 4), 4);
	EQ(read(s[1], buf, 100), 3);
	EQ(read(s[1], buf, 100), 4);
	OK(close(s[0]));
	EQ(read(s[1], buf, 100), 0);
}

TEST(named_stream)
{
	int l = bound(SOCK_STREAM, "sock"), c, a;
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	struct stat st;
	pid_t kid;

	OK(stat("sock", &st));
	CHECK(S_ISSOCK(st.st_mode));
	OK(listen(l, 5));
	kid = CHILD(c = client(SOCK_STREAM); OK(dial(c, "sock")); EQ(write(c, "hi", 2), 2);
		    EQ(read(c, buf, 10), 2));
	a = OK(accept4(l, (void *)&addr, &len, SOCK_CLOEXEC));
	EQ(len, 2);		/* the peer has no name */
	EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
	EQ(read(a, buf, 10), 2);
	EQ(write(a, "ho", 2), 2);
	WAIT_EXIT(kid, 0);
	len = sizeof(addr);
	OK(getsockname(l, (void *)&addr, &len));
	EQ(len, 2 + 5);
	CHECK(!strcmp(addr.sun_path, "sock"));
}

TEST(bind_errors)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, "x");
	int fd = bound(SOCK_STREAM, "x"), g = client(SOCK_STREAM);

	ERR(bind(g, (void *)&a, len), EADDRINUSE);
	len = name(&a, "y");
	ERR(bind(fd, (void *)&a, len), EINVAL);		/* has a name already */
	a.sun_family = AF_INET;
	ERR(bind(g, (void *)&a, len), EINVAL);
	len = name(&a, "none/x");
	ERR(bind(g, (void *)&a, len), ENOENT);
	ERR(bind(g, (void *)&a, 1), EINVAL);
	ERR(bind(g, (void *)&a, 1000), EINVAL);
	ERR(bind(g, BAD_PTR, 10), EFAULT);
	ERR(bind(g, (void *)&a, 0), EINVAL);
}

TEST(connect_errors)
{
	int c = client(SOCK_STREAM), l = bound(SOCK_STREAM, "x"), d = client(SOCK_DGRAM);

	ERR(dial(c, "none"), ENOENT);
	ERR(dial(c, "x"), ECONNREFUSED);	/* does not listen */
	OK(listen(l, 1));
	ERR(dial(d, "x"), EPROTOTYPE);
	OK(dial(c, "x"));
	ERR(dial(c, "x"), EISCONN);
	OK(close(l));
	c = client(SOCK_STREAM);
	ERR(dial(c, "x"), ECONNREFUSED);	/* the file outlives the socket */
	ERR(dial(c, "."), ECONNREFUSED);
	OK(close(OK(open("f", O_CREAT | O_RDWR, 0644))));
	ERR(dial(c, "f"), ECONNREFUSED);
}

TEST(backlog)
{
	int l = bound(SOCK_STREAM, "x"), i, c;

	OK(listen(l, 2));
	for (i = 0; i < 3; i++) {	/* Linux: one more than said */
		c = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
		OK(dial(c, "x"));
	}
	c = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
	ERR(dial(c, "x"), EAGAIN);
	OK(accept(l, NULL, NULL));
	OK(dial(c, "x"));
	OK(fcntl(l, F_SETFL, O_NONBLOCK));
	for (i = 0; i < 3; i++)
		OK(accept(l, NULL, NULL));
	ERR(accept(l, NULL, NULL), EAGAIN);
}

TEST(connect_waits_for_room)
{
	int l = bound(SOCK_STREAM, "x"), i;
	volatile int *done = shared_page();
	pid_t kid;

	OK(listen(l, 0));
	OK(dial(client(SOCK_STREAM), "x"));
	kid = CHILD(OK(dial(client(SOCK_STREAM), "x")); *done = 1);
	sleep_ms(40);
	EQ(*done, 0);
	for (i = 0; i < 2; i++)
		OK(accept(l, NULL, NULL));
	WAIT_EXIT(kid, 0);
	EQ(*done, 1);
}

TEST(abstract_names)
{
	struct sockaddr_un a, b;
	socklen_t len = abstract(&a), blen = sizeof(b);
	int l = client(SOCK_STREAM), c = client(SOCK_STREAM);

	OK(bind(l, (void *)&a, len));
	OK(listen(l, 1));
	OK(connect(c, (void *)&a, len));
	ERR(connect(client(SOCK_STREAM), (void *)&a, len - 1), ECONNREFUSED);
	OK(getpeername(c, (void *)&b, &blen));
	EQ(blen, len);
	CHECK(!memcmp(&a, &b, len));
	ERR(bind(client(SOCK_STREAM), (void *)&a, len), EADDRINUSE);
	OK(close(l));
	OK(bind(client(SOCK_STREAM), (void *)&a, len));	/* the name is free again at once */
}

TEST(autobind)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a);
	int fd = client(SOCK_DGRAM);

	OK(bind(fd, (void *)&a, sizeof(a.sun_family)));
	OK(getsockname(fd, (void *)&a, &len));
	EQ(len, 2 + 6);
	EQ(a.sun_path[0], 0);
}

TEST(datagram_names)
{
	int a = bound(SOCK_DGRAM, "a"), b = bound(SOCK_DGRAM, "b");
	struct sockaddr_un to, from;
	socklen_t len = name(&to, "b"), flen = sizeof(from);

	EQ(sendto(a, "msg", 3, 0, (void *)&to, len), 3);
	EQ(recvfrom(b, buf, 100, 0, (void *)&from, &flen), 3);
	CHECK(!strcmp(from.sun_path, "a"));
	EQ(flen, 2 + 2);
	ERR(send(a, "x", 1, 0), ENOTCONN);
	OK(dial(a, "b"));
	EQ(send(a, "x", 1, 0), 1);
	ERR(sendto(client(SOCK_DGRAM), "x", 1, 0, (void *)&from, 1), EINVAL);
	OK(close(b));
	ERR(send(a, "x", 1, 0), ECONNREFUSED);
	len = name(&to, "none");
	ERR(sendto(a, "x", 1, 0, (void *)&to, len), ENOENT);
}

/* ---- control messages ---- */

static ssize_t send_fds(int sock, const int *fds, int n)
{
	char ctl[CMSG_SPACE(sizeof(int) * 300)] = "";
	struct iovec v = { "F", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = CMSG_SPACE(sizeof(int) * n) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	return sendmsg(sock, &m, 0);
}

static int recv_fds(int sock, int *fds, int room, int flags, int *out_flags)
{
	char ctl[CMSG_SPACE(sizeof(int) * 300)], c1;
	struct iovec v = { &c1, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = room ? CMSG_LEN(sizeof(int) * room) : 0 };
	struct cmsghdr *c;
	int n;

	EQ(recvmsg(sock, &m, flags), 1);
	if (out_flags)
		*out_flags = m.msg_flags;
	c = CMSG_FIRSTHDR(&m);
	if (!c)
		return 0;
	EQ(c->cmsg_type, SCM_RIGHTS);
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return n;
}

TEST(pass_descriptors)
{
	int p[2], got[4];

	pair(SOCK_STREAM);
	OK(pipe(p));
	EQ(send_fds(s[0], p, 2), 1);
	EQ(recv_fds(s[1], got, 4, 0, NULL), 2);
	CHECK(got[0] != p[0]);
	EQ(write(got[1], "through", 7), 7);
	EQ(read(p[0], buf, 10), 7);
	EQ(fcntl(got[0], F_GETFD), 0);
	EQ(send_fds(s[0], p, 1), 1);
	EQ(recv_fds(s[1], got, 4, MSG_CMSG_CLOEXEC, NULL), 1);
	EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	p[0] = 999;
	ERR(send_fds(s[0], p, 1), EBADF);
}

TEST(pass_to_a_child)
{
	int p[2], got[1];
	pid_t kid;

	pair(SOCK_SEQPACKET);
	kid = CHILD(close(s[0]); EQ(recv_fds(s[1], got, 1, 0, NULL), 1);
		    EQ(write(got[0], "child", 5), 5));
	OK(pipe(p));
	EQ(send_fds(s[0], &p[1], 1), 1);
	OK(close(p[1]));
	EQ(read(p[0], buf, 10), 5);
	WAIT_EXIT(kid, 0);
	EQ(read(p[0], buf, 10), 0);
}

TEST(descriptors_truncated)
{
	int fds[3] = { 0, 1, 2 }, got[3], flags;

	pair(SOCK_STREAM);
	EQ(send_fds(s[0], fds, 3), 1);
	EQ(recv_fds(s[1], got, 1, 0, &flags), 1);
	EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	EQ(send_fds(s[0], fds, 3), 1);
	EQ(recv_fds(s[1], got, 0, 0, &flags), 0);
	EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	int many[254];

	memset(many, 0, sizeof(many));
	ERR(send_fds(s[0], many, 254), EINVAL);
	EQ(send_fds(s[0], many, 253), 1);
}

TEST(descriptors_in_flight_are_closed)
{
	int p[2];

	pair(SOCK_STREAM);
	OK(pipe(p));
	EQ(send_fds(s[0], &p[1], 1), 1);
	OK(close(p[1]));
	OK(close(s[0]));
	OK(close(s[1]));	/* nobody will ever receive it */
	EQ(read(p[0], buf, 1), 0);
}

TEST(credentials)
{
	char ctl[CMSG_SPACE(sizeof(struct ucred))], c1;
	struct iovec v = { &c1, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *c;
	struct ucred u;
	int one = 1;
	pid_t kid;

	pair(SOCK_STREAM);
	OK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)));
	kid = CHILD(EQ(write(s[0], "c", 1), 1));
	EQ(recvmsg(s[1], &m, 0), 1);
	c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_type == SCM_CREDENTIALS);
	memcpy(&u, CMSG_DATA(c), sizeof(u));
	EQ(u.pid, kid);
	EQ(u.uid, getuid());
	EQ(u.gid, getgid());
	WAIT_EXIT(kid, 0);
}

TEST(peercred)
{
	int l = bound(SOCK_STREAM, "x"), a;
	socklen_t len = sizeof(struct ucred);
	struct ucred u;
	pid_t kid;

	pair(SOCK_STREAM);
	OK(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &u, &len));
	EQ(u.pid, getpid());
	OK(listen(l, 1));
	kid = CHILD(int c = client(SOCK_STREAM); OK(dial(c, "x")); read(c, buf, 1));
	a = OK(accept(l, NULL, NULL));
	OK(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &u, &len));
	EQ(u.pid, kid);
	EQ(u.uid, geteuid());
	OK(close(a));
	WAIT_EXIT(kid, 0);
}

/* ---- flags of messages, shutdown, options ---- */

TEST(peek)
{
	pair(SOCK_STREAM);
	EQ(write(s[0], "abcd", 4), 4);
	EQ(recv(s[1], buf, 2, MSG_PEEK), 2);
	EQ(recv(s[1], buf, 10, MSG_PEEK), 4);
	EQ(recv(s[1], buf, 10, 0), 4);
	ERR(recv(s[1], buf, 10, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
}

TEST(trunc)
{
	struct iovec v = { buf, 3 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	pair(SOCK_DGRAM);
	EQ(write(s[0], "123456", 6), 6);
	EQ(write(s[0], "123456", 6), 6);
	EQ(recv(s[1], buf, 3, MSG_TRUNC), 6);	/* the real length */
	EQ(recvmsg(s[1], &m, 0), 3);
	EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
}

TEST(waitall)
{
	pid_t kid;

	pair(SOCK_STREAM);
	kid = CHILD(write(s[0], "ab", 2); sleep_ms(30); write(s[0], "cd", 2));
	EQ(recv(s[1], buf, 4, MSG_WAITALL), 4);
	WAIT_EXIT(kid, 0);
}

TEST(shutdown_halves)
{
	struct pollfd f;

	pair(SOCK_STREAM);
	EQ(write(s[0], "last", 4), 4);
	OK(shutdown(s[0], SHUT_WR));
	EQ(read(s[1], buf, 10), 4);
	EQ(read(s[1], buf, 10), 0);
	EQ(write(s[1], "other", 5), 5);
	EQ(read(s[0], buf, 10), 5);
	ERR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	f = (struct pollfd){ s[1], POLLIN | POLLRDHUP, 0 };
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents, POLLIN | POLLRDHUP);
	OK(shutdown(s[1], SHUT_RDWR));
	EQ(read(s[0], buf, 1), 0);
	f = (struct pollfd){ s[0], POLLIN, 0 };
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents & POLLHUP, POLLHUP);
	ERR(shutdown(s[0], 99), EINVAL);
	OK(shutdown(client(SOCK_STREAM), SHUT_RD));	/* not connected: Linux does not mind */
}

TEST(poll_states)
{
	int l = bound(SOCK_STREAM, "x"), c = client(SOCK_STREAM);
	struct pollfd f = { l, POLLIN | POLLOUT, 0 };

	OK(listen(l, 1));
	EQ(poll(&f, 1, 0), 0);
	OK(dial(c, "x"));
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents, POLLIN);
	f = (struct pollfd){ c, POLLIN | POLLOUT, 0 };
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents, POLLOUT);
	f = (struct pollfd){ client(SOCK_STREAM), POLLIN | POLLOUT, 0 };
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents, POLLOUT | POLLHUP);
}

TEST(nonblock_full)
{
	long n = 0, r;

	pair(SOCK_STREAM);
	OK(fcntl(s[0], F_SETFL, O_NONBLOCK));
	while ((r = write(s[0], buf, 4096)) > 0)
		n += r;
	EQ(errno, EAGAIN);
	CHECK(n >= 65536);
	while (n > 0) {
		r = OK(read(s[1], buf, sizeof(buf)));
		n -= r;
	}
	EQ(n, 0);
	EQ(write(s[0], buf, 10), 10);
}

TEST(options)
{
	struct timeval tv = { 0, 30000 };
	socklen_t len = sizeof(int);
	int v = 0;
	int64_t t;

	pair(SOCK_STREAM);
	OK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &len));
	EQ(v, SOCK_STREAM);
	OK(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &v, &len));
	EQ(v, AF_UNIX);
	OK(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &v, &len));
	EQ(v, 0);
	OK(getsockopt(s[0], SOL_SOCKET, SO_ACCEPTCONN, &v, &len));
	EQ(v, 0);
	v = 20000;
	OK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)));
	OK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &len));
	EQ(v, 40000);
	OK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	t = now_ns();
	ERR(read(s[0], buf, 1), EAGAIN);
	CHECK(now_ns() - t >= 30000000);
	ERR(getsockopt(s[0], SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	ERR(getsockopt(s[0], 9999, 1, &v, &len), EOPNOTSUPP);
	ERR(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, 1), EINVAL);
	ERR(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, BAD_PTR, 4), EFAULT);
}

TEST(sendmmsg_recvmmsg)
{
	struct iovec v[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } }, r[3];
	struct mmsghdr m[3];
	int i;

	pair(SOCK_DGRAM);
	memset(m, 0, sizeof(m));
	for (i = 0; i < 3; i++) {
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		r[i] = (struct iovec){ buf + 10 * i, 10 };
	}
	EQ(sendmmsg(s[0], m, 3, 0), 3);
	EQ(m[2].msg_len, 3);
	for (i = 0; i < 3; i++)
		m[i].msg_hdr.msg_iov = &r[i];
	EQ(recvmmsg(s[1], m, 3, MSG_DONTWAIT, NULL), 3);
	EQ(m[1].msg_len, 2);
	CHECK(!memcmp(buf + 10, "bb", 2));
	ERR(recvmmsg(s[1], m, 3, MSG_DONTWAIT, NULL), EAGAIN);
}

TEST(message_errors)
{
	struct msghdr m = { 0 };
	struct iovec v = { test_bad_ptr, 5 };

	pair(SOCK_STREAM);
	ERR(send(s[0], BAD_PTR, 5, 0), EFAULT);
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	ERR(sendmsg(s[0], &m, 0), EFAULT);
	m.msg_iovlen = 5000;
	ERR(sendmsg(s[0], &m, 0), EMSGSIZE);
	ERR(syscall(SYS_sendmsg, s[0], BAD_PTR, 0), EFAULT);
	ERR(send(1, "x", 1, 0), ENOTSOCK);
	ERR(send(999, "x", 1, 0), EBADF);
	EQ(write(s[1], "x", 1), 1);
	ERR(recv(s[0], BAD_PTR, 5, 0), EFAULT);
}

TEST(fionread_and_seek)
{
	int n;

	pair(SOCK_STREAM);
	EQ(write(s[0], "12345", 5), 5);
	OK(ioctl(s[1], FIONREAD, &n));
	EQ(n, 5);
	ERR(lseek(s[0], 0, SEEK_SET), ESPIPE);
	ERR(pread(s[0], buf, 1, 0), ESPIPE);
}

TEST(many_pairs)
{
	int fd[100][2], i;
	char c;

	for (i = 0; i < 100; i++)
		OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd[i]));
	for (i = 0; i < 100; i++)
		EQ(write(fd[i][0], &i, 1), 1);
	for (i = 99; i >= 0; i--) {
		EQ(read(fd[i][1], &c, 1), 1);
		EQ(c, i);
	}
}

TEST(server_with_many_clients)
{
	int l = bound(SOCK_STREAM, "x"), i, a, sum = 0;
	pid_t kid[20];
	unsigned char c;

	OK(listen(l, 4));
	for (i = 0; i < 20; i++)
		kid[i] = CHILD(int f = client(SOCK_STREAM); c = i; OK(dial(f, "x"));
			       EQ(write(f, &c, 1), 1); EQ(read(f, &c, 1), 1); EQ(c, i));
	for (i = 0; i < 20; i++) {
		a = OK(accept(l, NULL, NULL));
		EQ(read(a, &c, 1), 1);
		sum += c;
		EQ(write(a, &c, 1), 1);
		OK(close(a));
	}
	EQ(sum, 190);
	for (i = 0; i < 20; i++)
		WAIT_EXIT(kid[i], 0);
}

TEST_MAIN("sockets")
