/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors: poll, ppoll, select, pselect, epoll in all its modes, and the descriptors
 * made for waiting: eventfd, timerfd, signalfd.
 */
#include "test.h"
#include <poll.h>
#include <pthread.h>
#include <linux/aio_abi.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/personality.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int p[2];

static void make(void)
{
	OK(pipe(p));
}

static void put(void)
{
	EQ(write(p[1], "x", 1), 1);
}

static void get(void)
{
	char c;

	EQ(read(p[0], &c, 1), 1);
}

static volatile int got;

static void note(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	got = sig;
}

TEST(poll_basic)
{
	struct pollfd f[3];
	int64_t t;

	make();
	f[0] = (struct pollfd){ p[0], POLLIN, 99 };
	f[1] = (struct pollfd){ -1, POLLIN, 99 };
	f[2] = (struct pollfd){ 999, POLLIN, 99 };
	EQ(poll(f, 2, 0), 0);
	EQ(f[0].revents, 0);
	EQ(f[1].revents, 0);
	EQ(poll(f, 3, -1), 1);
	EQ(f[2].revents, POLLNVAL);
	t = now_ns();
	EQ(poll(f, 1, 30), 0);
	CHECK(now_ns() - t >= 30000000);
	put();
	EQ(poll(f, 1, -1), 1);
	EQ(f[0].revents, POLLIN);
	f[0].events = POLLIN | POLLRDNORM;
	EQ(poll(f, 1, 0), 1);
	EQ(f[0].revents, POLLIN | POLLRDNORM);
	ERR(syscall(SYS_poll, BAD_PTR, 1, 0), EFAULT);
	ERR(syscall(SYS_poll, f, -1, 0), EINVAL);
	EQ(poll(NULL, 0, 10), 0);
}

TEST(poll_regular_files_are_ready)
{
	struct pollfd f = { OK(open("f", O_RDWR | O_CREAT, 0644)), POLLIN | POLLOUT, 0 };

	EQ(poll(&f, 1, -1), 1);
	EQ(f.revents, POLLIN | POLLOUT);
	f.fd = OK(open("/dev/null", O_RDWR));
	EQ(poll(&f, 1, -1), 1);
}

TEST(poll_woken_by_a_child)
{
	struct pollfd f;
	pid_t kid;

	make();
	kid = CHILD(sleep_ms(30); put());
	f = (struct pollfd){ p[0], POLLIN, 0 };
	EQ(poll(&f, 1, 5000), 1);
	WAIT_EXIT(kid, 0);
}

TEST(poll_hangup_by_exit)
{
	struct pollfd f;
	pid_t kid;

	make();
	kid = CHILD(sleep_ms(30));
	OK(close(p[1]));
	f = (struct pollfd){ p[0], 0, 0 };	/* HUP is reported without being asked for */
	EQ(poll(&f, 1, 5000), 1);
	EQ(f.revents, POLLHUP);
	WAIT_EXIT(kid, 0);
}

TEST(ppoll_timeout)
{
	struct timespec ts = { 0, 20000000 }, bad = { 0, 1000000000 };
	struct pollfd f;
	int64_t t = now_ns();

	make();
	f = (struct pollfd){ p[0], POLLIN, 0 };
	EQ(ppoll(&f, 1, &ts, NULL), 0);
	CHECK(now_ns() - t >= 20000000);
	ERR(ppoll(&f, 1, &bad, NULL), EINVAL);
	ERR(syscall(SYS_ppoll, &f, 1, BAD_PTR, NULL, 8), EFAULT);
	ERR(syscall(SYS_ppoll, &f, 1, NULL, BAD_PTR, 8), EFAULT);
	ERR(syscall(SYS_ppoll, &f, 1, NULL, &ts, 4), EINVAL);
}

TEST(select_basic)
{
	struct timeval tv = { 0, 20000 }, zero = { 0, 0 };
	fd_set r, w;

	make();
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	EQ(select(p[0] + 1, &r, NULL, NULL, &tv), 0);
	EQ(FD_ISSET(p[0], &r), 0);
	EQ(tv.tv_usec, 0);	/* Linux writes back what is left */
	put();
	FD_SET(p[0], &r);
	FD_ZERO(&w);
	FD_SET(p[1], &w);
	EQ(select(p[1] + 1, &r, &w, NULL, NULL), 2);
	CHECK(FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	EQ(select(p[0], &r, NULL, NULL, &zero), 0);	/* below the descriptor only */
	FD_ZERO(&r);
	FD_SET(150, &r);
	ERR(select(151, &r, NULL, NULL, &zero), EBADF);
	ERR(select(-1, NULL, NULL, NULL, &zero), EINVAL);
	tv.tv_sec = -1;
	ERR(select(0, NULL, NULL, NULL, &tv), EINVAL);
	ERR(syscall(SYS_select, 10, BAD_PTR, NULL, NULL, &zero), EFAULT);
	tv = (struct timeval){ 0, 10000 };
	EQ(select(0, NULL, NULL, NULL, &tv), 0);
}

TEST(sticky_timeouts)
{
	struct timeval tv = { 0, 2000 };
	struct timespec ts = { 0, 2000000 };

	OK(personality(PER_LINUX | STICKY_TIMEOUTS));
	EQ(select(0, NULL, NULL, NULL, &tv), 0);
	EQ(tv.tv_usec, 2000);
	EQ(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8), 0);
	EQ(ts.tv_nsec, 2000000);
	OK(personality(PER_LINUX));
	EQ(select(0, NULL, NULL, NULL, &tv), 0);
	EQ(tv.tv_usec, 0);
}

TEST(pselect_mask)
{
	struct timespec ts = { 5, 0 };
	sigset_t s, none;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, &s, NULL));
	on_signal(SIGUSR1, note, 0);
	raise(SIGUSR1);
	EQ(got, 0);
	sigemptyset(&none);
	ERR(pselect(0, NULL, NULL, NULL, &ts, &none), EINTR);
	EQ(got, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, NULL, &none));
	EQ(sigismember(&none, SIGUSR1), 1);
}

/* ---- epoll ---- */

static int ep;
static struct epoll_event out[16];

static int add(int fd, unsigned int events, int tag)
{
	struct epoll_event e = { .events = events, .data.u64 = tag };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int ready(int timeout)
{
	return epoll_wait(ep, out, 16, timeout);
}

static void epoll_setup(void)
{
	ep = OK(epoll_create1(EPOLL_CLOEXEC));
	make();
}

TEST(epoll_level)
{
	epoll_setup();
	OK(add(p[0], EPOLLIN, 7));
	EQ(ready(0), 0);
	put();
	EQ(ready(0), 1);
	EQ(out[0].events, EPOLLIN);
	EQ(out[0].data.u64, 7);
	EQ(ready(0), 1);
	get();
	EQ(ready(0), 0);
	OK(add(p[1], EPOLLOUT, 8));
	EQ(ready(-1), 1);
	EQ(out[0].data.u64, 8);
}

TEST(epoll_edge)
{
	epoll_setup();
	OK(add(p[0], EPOLLIN | EPOLLET, 1));
	put();
	EQ(ready(0), 1);
	EQ(ready(0), 0);	/* nothing new */
	put();
	EQ(ready(0), 1);
	get();
	EQ(ready(0), 0);
}

TEST(epoll_oneshot)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 2 };

	epoll_setup();
	OK(add(p[0], EPOLLIN | EPOLLONESHOT, 1));
	put();
	EQ(ready(0), 1);
	put();
	EQ(ready(0), 0);
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e));
	EQ(ready(0), 1);
	EQ(out[0].data.u64, 2);
	EQ(ready(0), 0);
}

TEST(epoll_all_at_once)
{
	static struct epoll_event many[1500];
	int fds = OK(eventfd(1, 0)), i;
	struct rlimit lim;

	OK(getrlimit(RLIMIT_NOFILE, &lim));
	lim.rlim_cur = lim.rlim_max < 1600 ? lim.rlim_max : 1600;
	OK(setrlimit(RLIMIT_NOFILE, &lim));
	if (lim.rlim_cur < 1600)
		SKIP("not enough descriptors");
	epoll_setup();
	for (i = 0; i < 1500; i++)
		OK(add(OK(dup(fds)), EPOLLIN, i));
	EQ(epoll_wait(ep, many, 1500, 0), 1500);
	EQ(epoll_wait(ep, many, 1000, 0), 1000);
}

TEST(epoll_errors)
{
	struct epoll_event e = { .events = EPOLLIN };
	int f = OK(open("f", O_RDWR | O_CREAT, 0644));

	epoll_setup();
	ERR(epoll_create1(0x1234), EINVAL);
	ERR(epoll_create(0), EINVAL);
	ERR(add(999, EPOLLIN, 0), EBADF);
	ERR(add(f, EPOLLIN, 0), EPERM);		/* regular files cannot be waited for */
	ERR(add(ep, EPOLLIN, 0), EINVAL);
	OK(add(p[0], EPOLLIN, 0));
	ERR(add(p[0], EPOLLIN, 0), EEXIST);
	ERR(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &e), ENOENT);
	ERR(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], &e), ENOENT);
	ERR(epoll_ctl(ep, 9, p[1], &e), EINVAL);
	ERR(epoll_ctl(f, EPOLL_CTL_ADD, p[1], &e), EINVAL);
	ERR(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, p[1], BAD_PTR), EFAULT);
	ERR(epoll_wait(ep, out, 0, 0), EINVAL);
	ERR(epoll_wait(ep, out, -1, 0), EINVAL);
	ERR(epoll_wait(f, out, 1, 0), EINVAL);
	ERR(epoll_wait(999, out, 1, 0), EBADF);
	put();
	ERR(syscall(SYS_epoll_wait, ep, BAD_PTR, 1, 0), EFAULT);
	OK(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL));
	EQ(ready(0), 0);
}

TEST(epoll_close_removes)
{
	int d;

	epoll_setup();
	OK(add(p[0], EPOLLIN, 1));
	d = OK(dup(p[0]));
	put();
	OK(close(p[0]));
	EQ(ready(0), 1);	/* the open file lives on in the copy */
	OK(close(d));
	EQ(ready(0), 0);
}

TEST(epoll_hup_and_rdhup)
{
	epoll_setup();
	OK(add(p[0], EPOLLIN, 1));
	OK(close(p[1]));
	EQ(ready(0), 1);
	EQ(out[0].events, EPOLLHUP);
}

TEST(epoll_nested)
{
	int outer = OK(epoll_create1(0)), inner;
	struct epoll_event e = { .events = EPOLLIN };
	struct pollfd f;

	epoll_setup();
	inner = ep;
	OK(add(p[0], EPOLLIN, 1));
	ep = outer;
	OK(add(inner, EPOLLIN, 2));
	EQ(ready(0), 0);
	put();
	EQ(ready(0), 1);
	EQ(out[0].data.u64, 2);
	f = (struct pollfd){ outer, POLLIN, 0 };
	EQ(poll(&f, 1, 0), 1);
	ERR(epoll_ctl(inner, EPOLL_CTL_ADD, outer, &e), ELOOP);
}

static void *wait_one(void *arg)
{
	struct epoll_event e;

	return (void *)(long)epoll_wait((long)arg, &e, 1, 300);
}

TEST(epoll_exclusive)
{
	struct epoll_event e = { .events = EPOLLIN };
	int i;

	epoll_setup();
	OK(add(p[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	ERR(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &e), EINVAL);
	ERR(add(p[1], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 1), EINVAL);
	for (i = 0; i < 3; i++) {
		ep = OK(epoll_create1(0));
		OK(add(p[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
	}
	put();
	EQ(ready(0), 1);
}

TEST(epoll_waiters_in_threads)
{
	pthread_t t[4];
	long woken = 0;
	void *r;
	int i;

	epoll_setup();
	OK(add(p[0], EPOLLIN | EPOLLET, 1));
	for (i = 0; i < 4; i++)
		ZERO(pthread_create(&t[i], NULL, wait_one, (void *)(long)ep));
	sleep_ms(50);
	put();
	for (i = 0; i < 4; i++) {
		ZERO(pthread_join(t[i], &r));
		woken += (long)r;
	}
	EQ(woken, 1);	/* an edge wakes one */
}

TEST(epoll_many)
{
	int fd[100], i, n, total = 0;
	uint64_t one = 1, seen[100] = { 0 };

	ep = OK(epoll_create1(0));
	for (i = 0; i < 100; i++) {
		fd[i] = OK(eventfd(0, EFD_NONBLOCK));
		OK(add(fd[i], EPOLLIN, i));
	}
	for (i = 0; i < 100; i += 2)
		EQ(write(fd[i], &one, 8), 8);
	while ((n = ready(0)) > 0)
		for (i = 0; i < n; i++) {
			EQ(read(fd[out[i].data.u64], &one, 8), 8);
			seen[out[i].data.u64]++;
			total++;
		}
	EQ(total, 50);
	for (i = 0; i < 100; i++)
		EQ(seen[i], !(i & 1));
}

TEST(epoll_fairness)
{
	int i, seen[3] = { 0 }, q[3][2];

	ep = OK(epoll_create1(0));
	for (i = 0; i < 3; i++) {
		OK(pipe(q[i]));
		OK(add(q[i][0], EPOLLIN, i));
		EQ(write(q[i][1], "x", 1), 1);
	}
	for (i = 0; i < 9; i++) {
		EQ(epoll_wait(ep, out, 1, 0), 1);
		seen[out[0].data.u64]++;
	}
	EQ(seen[0], 3);
	EQ(seen[1], 3);
	EQ(seen[2], 3);
}

TEST(epoll_pwait_forms)
{
	struct timespec ts = { 0, 15000000 };
	sigset_t none;
	int64_t t = now_ns();

	epoll_setup();
	sigemptyset(&none);
	EQ(epoll_pwait(ep, out, 1, 10, &none), 0);
	EQ(syscall(SYS_epoll_pwait2, ep, out, 1, &ts, NULL, 8), 0);
	CHECK(now_ns() - t >= 25000000);
	ERR(syscall(SYS_epoll_pwait, ep, out, 1, 0, &none, 4), EINVAL);
}

TEST(epoll_over_fork)
{
	pid_t kid;

	epoll_setup();
	OK(add(p[0], EPOLLIN, 1));
	kid = CHILD(EQ(ready(5000), 1));
	sleep_ms(20);
	put();
	WAIT_EXIT(kid, 0);
	EQ(ready(0), 1);
}

TEST(epoll_wakes_for_write_space)
{
	static char big[65536];
	pid_t kid;

	epoll_setup();
	EQ(write(p[1], big, sizeof(big)), sizeof(big));
	OK(add(p[1], EPOLLOUT, 1));
	EQ(ready(0), 0);
	kid = CHILD(sleep_ms(30); EQ(read(p[0], big, sizeof(big)), sizeof(big)));
	EQ(ready(5000), 1);
	EQ(out[0].events, EPOLLOUT);
	WAIT_EXIT(kid, 0);
}

/* ---- eventfd, timerfd, signalfd ---- */

TEST(eventfd_counter)
{
	int fd = OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
	uint64_t v = 5;
	struct pollfd f = { fd, POLLIN | POLLOUT, 0 };

	EQ(write(fd, &v, 8), 8);
	EQ(read(fd, &v, 8), 8);
	EQ(v, 8);
	ERR(read(fd, &v, 8), EAGAIN);
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents, POLLOUT);
	ERR(read(fd, &v, 4), EINVAL);
	ERR(write(fd, &v, 4), EINVAL);
	v = -1;
	ERR(write(fd, &v, 8), EINVAL);
	v = -2;
	EQ(write(fd, &v, 8), 8);
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents, POLLIN);
	v = 1;
	ERR(write(fd, &v, 8), EAGAIN);
	ERR(eventfd(0, 0x1234), EINVAL);
	EQ(lseek(fd, 5, SEEK_SET), 0);
}

/* Only the kernel can bring the counter to its end, which poll calls an error. */
TEST(eventfd_overflow_by_aio)
{
	int fd = OK(open("f", O_RDWR | O_CREAT, 0600)), e = OK(eventfd(0, EFD_NONBLOCK));
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = fd, .aio_nbytes = 1,
			   .aio_buf = (long)"x", .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = e };
	struct pollfd p = { .fd = e, .events = POLLIN };
	uint64_t n = UINT64_MAX - 1;
	struct iocb *list = &cb;
	aio_context_t ctx = 0;
	struct io_event ev;

	OK(syscall(SYS_io_setup, 1, &ctx));
	EQ(write(e, &n, 8), 8);
	EQ(syscall(SYS_io_submit, ctx, 1, &list), 1);
	EQ(syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL), 1);
	EQ(ev.res, 1);
	EQ(poll(&p, 1, 1000), 1);
	EQ(p.revents, POLLIN | POLLERR);
	EQ(read(e, &n, 8), 8);
	CHECK(n == UINT64_MAX);
	cb.aio_resfd = fd;
	ERR(syscall(SYS_io_submit, ctx, 1, &list), EINVAL);
}

TEST(eventfd_semaphore)
{
	int fd = OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
	uint64_t v;

	EQ(read(fd, &v, 8), 8);
	EQ(v, 1);
	EQ(read(fd, &v, 8), 8);
	ERR(read(fd, &v, 8), EAGAIN);
}

TEST(eventfd_blocks)
{
	int fd = OK(eventfd(0, 0));
	uint64_t v = 4;
	pid_t kid = CHILD(sleep_ms(30); EQ(write(fd, &v, 8), 8));

	EQ(read(fd, &v, 8), 8);
	EQ(v, 4);
	WAIT_EXIT(kid, 0);
}

TEST(timerfd_relative)
{
	int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	struct itimerspec it = { { 0, 0 }, { 0, 20000000 } }, cur;
	struct pollfd f = { fd, POLLIN, 0 };
	uint64_t n;

	ERR(read(fd, &n, 8), EAGAIN);
	OK(timerfd_settime(fd, 0, &it, NULL));
	OK(timerfd_gettime(fd, &cur));
	CHECK(cur.it_value.tv_nsec > 0 && cur.it_value.tv_nsec <= 20000000);
	EQ(poll(&f, 1, 5000), 1);
	EQ(read(fd, &n, 8), 8);
	EQ(n, 1);
	ERR(read(fd, &n, 8), EAGAIN);
	OK(timerfd_gettime(fd, &cur));
	EQ(cur.it_value.tv_nsec, 0);
}

TEST(timerfd_interval_and_absolute)
{
	int fd = OK(timerfd_create(CLOCK_MONOTONIC, 0));
	struct itimerspec it = { { 0, 5000000 }, { 0, 5000000 } }, old;
	uint64_t n;

	OK(timerfd_settime(fd, 0, &it, NULL));
	sleep_ms(40);
	EQ(read(fd, &n, 8), 8);
	CHECK(n >= 7);
	OK(clock_gettime(CLOCK_MONOTONIC, &it.it_value));
	it.it_interval.tv_nsec = 0;
	OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, &old));
	EQ(old.it_interval.tv_nsec, 5000000);
	EQ(read(fd, &n, 8), 8);
	EQ(n, 1);
}

TEST(timerfd_errors)
{
	int fd = OK(timerfd_create(CLOCK_REALTIME, 0));
	struct itimerspec it = { { 0, 0 }, { 0, 1000000000 } };
	char c[4];

	ERR(timerfd_create(99, 0), EINVAL);
	ERR(timerfd_create(CLOCK_MONOTONIC, 0x1234), EINVAL);
	ERR(timerfd_settime(fd, 0, &it, NULL), EINVAL);
	ERR(timerfd_settime(fd, 0x100, &it, NULL), EINVAL);
	it.it_value.tv_nsec = 5;
	ERR(timerfd_settime(999, 0, &it, NULL), EBADF);
	ERR(timerfd_settime(1, 0, &it, NULL), EINVAL);	/* not a timer */
	ERR(syscall(SYS_timerfd_settime, fd, 0, BAD_PTR, NULL), EFAULT);
	ERR(read(fd, c, 4), EINVAL);
	ERR(write(fd, c, 4), EINVAL);
}

TEST(signalfd_reads)
{
	struct signalfd_siginfo si[2];
	struct pollfd f;
	sigset_t s;
	int fd;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, &s, NULL));
	fd = OK(signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC));
	f = (struct pollfd){ fd, POLLIN, 0 };
	EQ(poll(&f, 1, 0), 0);
	ERR(read(fd, si, sizeof(si)), EAGAIN);
	OK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 42 }));
	EQ(poll(&f, 1, 0), 1);
	EQ(read(fd, si, sizeof(si)), sizeof(si[0]));
	EQ(si[0].ssi_signo, SIGUSR1);
	EQ(si[0].ssi_pid, getpid());
	EQ(si[0].ssi_int, 42);
	EQ(si[0].ssi_code, SI_QUEUE);
	sigaddset(&s, SIGUSR2);
	OK(sigprocmask(SIG_BLOCK, &s, NULL));
	EQ(signalfd(fd, &s, 0), fd);	/* changes the set */
	raise(SIGUSR2);
	EQ(read(fd, si, sizeof(si)), sizeof(si[0]));
	EQ(si[0].ssi_signo, SIGUSR2);
	ERR(read(fd, si, 10), EINVAL);
	ERR(signalfd(1, &s, 0), EINVAL);
	ERR(signalfd(-1, &s, 0x1234), EINVAL);
}

TEST(signalfd_for_children)
{
	struct signalfd_siginfo si;
	sigset_t s;
	pid_t kid;
	int fd;

	sigemptyset(&s);
	sigaddset(&s, SIGCHLD);
	OK(sigprocmask(SIG_BLOCK, &s, NULL));
	fd = OK(signalfd(-1, &s, 0));
	kid = CHILD(sleep_ms(20); _exit(5));
	EQ(read(fd, &si, sizeof(si)), sizeof(si));
	EQ(si.ssi_pid, kid);
	EQ(si.ssi_status, 5);
	EQ(si.ssi_code, CLD_EXITED);
	WAIT_EXIT(kid, 5);
}

TEST_MAIN("poll")
