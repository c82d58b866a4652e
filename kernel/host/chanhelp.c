/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of the channel helper, and its main loop: requests arrive over a socket, each
 * with the socket for its reply. What is slow (a connection, a window) is done by children
 * (chanhelp_port.c, chanhelp_xterm.c).
 */
#include "host/chanhelp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/chanhelp_priv.h"
#include "host/unix.h"

#define HELPER_ENV "UMLAUT_CHANHELP"
#define MAX_PORTS 64
#define MAX_WAITING 80

enum { WINDOW = 0, WATCHDOG = -1 };

struct request {
	int port;		/* or one of these */
	char title[120];
};

static int control = -1;
static char xterm_option[200] = "xterm,-T,-e";
static char watchdog_program[256], notify_socket[108];
static bool has_watchdog;
static int kernel_pid;

/* --- the kernel's side --- */

bool host_chanhelp_running(void)
{
	return control >= 0;
}

static int send_with_fd(int sock, const void *data, size_t n, int fd)
{
	struct iovec iov = { (void *)data, n };
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS,
		       .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof(c.space);
		memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int ask(const struct request *rq)
{
	int pair[2], err;

	if (control < 0)
		return -ENOTCONN;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	err = send_with_fd(control, rq, sizeof(*rq), pair[1]);
	close(pair[1]);
	if (!err)
		return pair[0];
	close(pair[0]);
	return err;
}

int host_chanhelp_port(int port)
{
	struct request rq = { .port = port };

	return ask(&rq);
}

int host_chanhelp_xterm(const char *title)
{
	struct request rq = { .port = WINDOW };

	snprintf(rq.title, sizeof(rq.title), "%s", title);
	return ask(&rq);
}

int host_chanhelp_watchdog(void)
{
	struct request rq = { .port = WATCHDOG };

	return ask(&rq);
}

int host_chanhelp_take(int reply)
{
	int err, fds[HOST_UNIX_FDS], nfds;
	ssize n = host_unix_recv(reply, &err, sizeof(err), NULL, fds, &nfds);

	if (n < 0)
		return (int)n;
	if (n != sizeof(err) || (!err && nfds != 1))
		return -EIO;
	if (err)
		return err;
	fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK);
	return fds[0];
}

void host_chanhelp_wait(int reply)
{
	struct pollfd p = { .fd = reply, .events = POLLIN };

	poll(&p, 1, -1);
}

void host_chanhelp_pass(void)
{
	char text[16];

	if (control < 0)
		return;
	snprintf(text, sizeof(text), "%d", control);
	setenv(HELPER_ENV, text, 1);
	fcntl(control, F_SETFD, 0);
}

/* --- the helper --- */

struct port {
	int number, fd;
	int waiting[MAX_WAITING], nwaiting;	/* reply sockets */
};

static struct port ports[MAX_PORTS];
static int nports;

int chanhelp_reply(int reply, int err, int fd)
{
	return send_with_fd(reply, &err, sizeof(err), fd);
}

static int listen_on(int number)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number) };
	int off = 0, on = 1, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool v6 = fd >= 0;
	int err;

	if (!v6)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (!bind(fd, v6 ? (struct sockaddr *)&a : (struct sockaddr *)&a4,
		  v6 ? sizeof(a) : sizeof(a4)) &&
	    !listen(fd, 16))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static struct port *find_port(int number, int *err)
{
	int fd;

	for (int i = 0; i < nports; i++)
		if (ports[i].number == number)
			return &ports[i];
	fd = nports < MAX_PORTS ? listen_on(number) : -EMFILE;
	if (fd < 0) {
		*err = fd;
		return NULL;
	}
	ports[nports] = (struct port){ .number = number, .fd = fd };
	return &ports[nports++];
}

static void want_caller(int number, int reply)
{
	int err = -EMFILE;
	struct port *p = find_port(number, &err);

	if (p && p->nwaiting < MAX_WAITING) {
		p->waiting[p->nwaiting++] = reply;
		return;
	}
	chanhelp_reply(reply, err, -1);
	close(reply);
}

static void take_request(void)
{
	struct request rq;
	int fds[HOST_UNIX_FDS], nfds;
	ssize n = host_unix_recv(control, &rq, sizeof(rq), NULL, fds, &nfds);

	if (n == -EAGAIN)
		return;
	if (n != sizeof(rq) || nfds != 1)
		_exit(0);			/* the kernel is gone */
	if (rq.port > 0) {
		want_caller(rq.port, fds[0]);
		return;
	}
	rq.title[sizeof(rq.title) - 1] = 0;
	if ((rq.port == WINDOW || has_watchdog) && !fork()) {
		close(control);
		if (rq.port == WINDOW)
			chanhelp_xterm(fds[0], rq.title, xterm_option);
		chanhelp_watchdog(fds[0], kernel_pid, watchdog_program, notify_socket);
	}
	close(fds[0]);
}

/* Is the line that asked still waiting? */
static bool wanted(int reply)
{
	struct pollfd p = { .fd = reply, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static void take_caller(struct port *p)
{
	int reply = -1, fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	while (reply < 0 && p->nwaiting) {
		reply = p->waiting[0];
		memmove(p->waiting, p->waiting + 1, (size_t)--p->nwaiting * sizeof(int));
		if (!wanted(reply)) {
			close(reply);
			reply = -1;
		}
	}
	if (reply < 0) {
		chanhelp_nobody(fd);
	} else if (!fork()) {
		close(control);
		chanhelp_telnet(reply, fd);
	}
	close(fd);
	if (reply >= 0)
		close(reply);
}

static void helper(void) __attribute__((noreturn));
static void helper(void)
{
	struct pollfd p[MAX_PORTS + 1];

	prctl(PR_SET_NAME, "umlaut-channels");
	setsid();
	signal(SIGCHLD, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		p[0] = (struct pollfd){ .fd = control, .events = POLLIN };
		for (int i = 0; i < nports; i++)
			p[i + 1] = (struct pollfd){ .fd = ports[i].fd, .events = POLLIN };
		if (poll(p, (nfds_t)nports + 1, -1) < 0)
			continue;
		for (int i = nports; i > 0; i--)
			if (p[i].revents)
				take_caller(&ports[i - 1]);
		if (p[0].revents)
			take_request();
	}
}

static bool inherited(void)
{
	const char *text = getenv(HELPER_ENV);

	if (!text)
		return false;
	control = atoi(text);
	unsetenv(HELPER_ENV);
	if (fcntl(control, F_SETFD, FD_CLOEXEC))
		control = -1;
	return control >= 0;
}

static void configure(const struct host_chanhelp *cfg)
{
	kernel_pid = getpid();
	if (cfg->xterm)
		snprintf(xterm_option, sizeof(xterm_option), "%s", cfg->xterm);
	has_watchdog = cfg->watchdog != NULL;
	snprintf(watchdog_program, sizeof(watchdog_program), "%s", cfg->watchdog ? cfg->watchdog : "");
	snprintf(notify_socket, sizeof(notify_socket), "%s", cfg->notify ? cfg->notify : "");
}

/* No exit signal, as with the guardian of a terminal: its end is nobody's business. */
int host_chanhelp_start(const struct host_chanhelp *cfg)
{
	int pair[2];
	long pid;

	configure(cfg);
	if (inherited())
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid = syscall(SYS_clone, 0UL, 0UL, 0UL, 0UL, 0UL);
	if (!pid) {
		close(pair[0]);
		control = pair[1];
		helper();
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return (int)pid;
	}
	control = pair[0];
	return 0;
}
