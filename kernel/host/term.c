/* SPDX-License-Identifier: MIT */
/*
 * Host terminals and inherited byte streams: opening them without disturbing those who share
 * them, raw mode, and the guardian process that undoes raw mode when we cannot.
 */
#include "host/term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#define MAX_TERMS 8
/* What a descriptor in blocking mode surely takes when poll() says it is writable. */
#define PIPE_CHUNK 4096
#define TTY_CHUNK 256

struct term {
	int fd;
	int guard;		/* write end of the guardian's pipe, -1: none */
	bool active;
	struct termios saved, raw;
};

static struct term terms[MAX_TERMS];
static int nterms;

static ssize ret_errno(ssize r)
{
	return r < 0 ? -errno : r;
}

/* --- streams --- */

static enum host_stream_kind stream_kind(int fd, const struct stat *st)
{
	if (S_ISFIFO(st->st_mode))
		return HOST_STREAM_PIPE;
	if (S_ISSOCK(st->st_mode))
		return HOST_STREAM_SOCK;
	if (S_ISCHR(st->st_mode) && isatty(fd))
		return HOST_STREAM_TTY;
	return HOST_STREAM_FILE;
}

int host_stream_open(int fd, bool out, struct host_stream *hs)
{
	int flags = O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (out ? O_WRONLY : O_RDONLY);
	struct stat st;
	char path[32];
	int newfd;

	if (fstat(fd, &st) < 0)
		return -errno;
	hs->fd = fd;
	hs->own = false;
	hs->kind = stream_kind(fd, &st);
	if (hs->kind == HOST_STREAM_TTY)	/* may serve both directions */
		flags = (flags & ~O_ACCMODE) | (fcntl(fd, F_GETFL) & O_ACCMODE);
	if (hs->kind == HOST_STREAM_TTY || hs->kind == HOST_STREAM_PIPE) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		newfd = open(path, flags);
		if (newfd >= 0) {
			hs->fd = newfd;
			hs->own = true;
		}
	}
	return 0;
}

void host_stream_close(struct host_stream *hs)
{
	if (hs->own)
		close(hs->fd);
	hs->own = false;
	hs->fd = -1;
}

static bool stream_ready(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, timeout_ms) > 0;
}

bool host_stream_wait(const struct host_stream *hs, int timeout_ms)
{
	return hs->kind == HOST_STREAM_FILE || stream_ready(hs->fd, POLLOUT, timeout_ms);
}

bool host_stream_ready(const struct host_stream *hs, bool write)
{
	return hs->kind == HOST_STREAM_FILE || stream_ready(hs->fd, write ? POLLOUT : POLLIN, 0);
}

ssize host_stream_read(const struct host_stream *hs, void *buf, size_t n)
{
	ssize r;

	if (hs->kind == HOST_STREAM_SOCK) {
		r = recv(hs->fd, buf, n, MSG_DONTWAIT);
		if (r >= 0 || errno != ENOTSOCK)
			return ret_errno(r);
	}
	if (!hs->own && hs->kind != HOST_STREAM_FILE && !stream_ready(hs->fd, POLLIN, 0))
		return -EAGAIN;
	do
		r = read(hs->fd, buf, n);
	while (r < 0 && errno == EINTR);
	return ret_errno(r);
}

ssize host_stream_write(const struct host_stream *hs, const void *buf, size_t n)
{
	ssize r;

	if (hs->kind == HOST_STREAM_SOCK)
		return ret_errno(send(hs->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL));
	if (!hs->own && hs->kind != HOST_STREAM_FILE) {
		if (!stream_ready(hs->fd, POLLOUT, 0))
			return -EAGAIN;
		n = n < TTY_CHUNK ? n : hs->kind == HOST_STREAM_TTY ? TTY_CHUNK : PIPE_CHUNK;
		n = n < PIPE_CHUNK ? n : PIPE_CHUNK;
	}
	do
		r = write(hs->fd, buf, n);
	while (r < 0 && errno == EINTR);
	return ret_errno(r);
}

/* --- terminals --- */

void host_term_signals(void)
{
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

bool host_term_foreground(int fd)
{
	pid_t pg = tcgetpgrp(fd);

	return pg < 0 || pg == getpgrp();
}

int host_term_winsize(int fd, struct host_winsize *ws)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return -errno;
	ws->rows = w.ws_row;
	ws->cols = w.ws_col;
	ws->xpixel = w.ws_xpixel;
	ws->ypixel = w.ws_ypixel;
	return 0;
}

int host_tty_open(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!isatty(fd)) {
		close(fd);
		return -ENOTTY;
	}
	return fd;
}

static int pty_slave(int master, char *name, size_t n)
{
	struct termios t;
	int fd;

	if (grantpt(master) < 0 || unlockpt(master) < 0 || ptsname_r(master, name, n) != 0)
		return -EIO;
	fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

int host_pty_open(int *master, int *slave, char *name, size_t n)
{
	int m = open("/dev/ptmx", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), s;

	if (m < 0)
		return -errno;
	s = pty_slave(m, name, n);
	if (s < 0) {
		close(m);
		return s;
	}
	*master = m;
	*slave = s;
	return 0;
}

static bool same_mode(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_lflag == b->c_lflag;
}

/*
 * The guardian's life: wait for the kernel process to end. A byte means that the settings are
 * restored already. Whoever changed them meanwhile (the shell) knows better than we do.
 */
static void guardian(const struct term *t, int rd)
{
	struct termios now;
	char c;
	ssize r;

	do
		r = read(rd, &c, 1);
	while (r < 0 && errno == EINTR);
	if (r == 0 && tcgetattr(t->fd, &now) == 0 && same_mode(&now, &t->raw))
		tcsetattr(t->fd, TCSANOW, &t->saved);
	_exit(0);
}

/* Keeps a and b; every other descriptor would keep pipes of ours open. */
static void close_others(int a, int b)
{
	unsigned int lo = a < b ? a : b, hi = a < b ? b : a;

	if (lo > 0)
		syscall(SYS_close_range, 0U, lo - 1, 0U);
	if (hi > lo + 1)
		syscall(SYS_close_range, lo + 1, hi - 1, 0U);
	syscall(SYS_close_range, hi + 1, ~0U, 0U);
}

/* No exit signal: the guardian's end is no business of whoever waits for our children. */
static void guardian_start(struct term *t)
{
	int p[2];
	long pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return;
	pid = syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL);
	if (pid == 0) {
		/* Out of reach of signals to our process group and of the terminal's own. */
		setsid();
		close_others(p[0], t->fd);
		guardian(t, p[0]);
	}
	close(p[0]);
	if (pid < 0)
		close(p[1]);
	else
		t->guard = p[1];
}

static struct term *term_find(int fd)
{
	int i;

	for (i = 0; i < nterms; i++)
		if (terms[i].fd == fd)
			return &terms[i];
	return NULL;
}

static struct term *term_new(int fd)
{
	struct term *t = &terms[nterms];

	if (nterms == MAX_TERMS || tcgetattr(fd, &t->saved) < 0)
		return NULL;
	t->fd = fd;
	t->raw = t->saved;
	cfmakeraw(&t->raw);
	t->active = false;
	t->guard = -1;
	nterms++;
	return t;
}

int host_term_raw(int fd)
{
	struct term *t = term_find(fd);

	if (!t)
		t = term_new(fd);
	if (!t)
		return -ENOTTY;
	if (t->guard < 0)
		guardian_start(t);
	t->active = true;
	return tcsetattr(fd, TCSANOW, &t->raw) < 0 ? -errno : 0;
}

void host_term_restore(void)
{
	int i;

	for (i = 0; i < nterms; i++) {
		struct term *t = &terms[i];

		if (!__atomic_exchange_n(&t->active, false, __ATOMIC_ACQ_REL))
			continue;
		/* First, or the guardian might undo what the shell sets after our end. */
		if (t->guard >= 0) {
			if (write(t->guard, "", 1) < 0)
				errno = 0;	/* it was killed */
			close(t->guard);
			t->guard = -1;
		}
		tcsetattr(t->fd, TCSANOW, &t->saved);
	}
}
