/* SPDX-License-Identifier: MIT */
/*
 * Host clocks, timers, epoll, signals as events.
 */
#include "host/host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "host/inject.h"

static s64 read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (s64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

s64 host_clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

s64 host_clock_realtime(void)
{
	return read_clock(CLOCK_REALTIME);
}

s64 host_clock_boottime(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

s64 host_clock(int clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int host_timerfd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int host_timerfd_set(int fd, s64 ns)
{
	struct itimerspec it = { { 0, 0 }, { 0, 0 } };

	if (ns != INT64_MAX) {
		if (ns <= 0)
			ns = 1;
		it.it_value.tv_sec = ns / 1000000000;
		it.it_value.tv_nsec = ns % 1000000000;
	}
	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL) ? -errno : 0;
}

int host_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int host_epoll_ctl(int ep, int op, int fd, u32 events, u64 data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	if (op == EPOLL_CTL_ADD && inject_call())
		return -ENOMEM;
	return epoll_ctl(ep, op, fd, &ev) ? -errno : 0;
}

int host_epoll_wait(int ep, struct host_event *ev, int n, int timeout_ms)
{
	struct epoll_event e[64];
	int got;

	if (n > 64)
		n = 64;
	got = epoll_wait(ep, e, n, timeout_ms);
	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < got; i++)
		ev[i] = (struct host_event){ e[i].events, e[i].data.u64 };
	return got;
}

bool host_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static int signalfd_for(const sigset_t *set)
{
	int fd;

	sigprocmask(SIG_BLOCK, set, NULL);
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int host_signalfd_chld(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd_for(&set);
}

int host_signalfd_term(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGWINCH);
	return signalfd_for(&set);
}

int host_signalfd_read(int fd)
{
	struct signalfd_siginfo si;

	return read(fd, &si, sizeof(si)) == sizeof(si) ? (int)si.ssi_signo : 0;
}
