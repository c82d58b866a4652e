/* SPDX-License-Identifier: MIT */
/*
 * A terminal window: the emulator executes this program as port-helper, which sends us its
 * terminal. A port-helper of UML's ($UML_PORT_HELPER) does the same.
 */
#include "host/chanhelp.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "host/chanhelp_priv.h"
#include "host/unix.h"

#define PATIENCE_MS 20000

static void exec_emulator(const char *option, const char *title, const char *sock)
{
	char copy[200], self[256], *emulator, *title_switch, *exec_switch, *save;
	const char *helper = getenv("UML_PORT_HELPER");
	ssize n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	snprintf(copy, sizeof(copy), "%s", option);
	emulator = strtok_r(copy, ",", &save);
	title_switch = strtok_r(NULL, ",", &save);
	exec_switch = strtok_r(NULL, ",", &save);
	if (!emulator || !title_switch || !exec_switch)
		_exit(127);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (helper && *helper)
		execlp(emulator, emulator, title_switch, title, exec_switch, helper, "-uml-socket",
		       sock, NULL);
	else
		execlp(emulator, emulator, title_switch, title, exec_switch, self, "--port-helper",
		       "-uml-socket", sock, NULL);
	_exit(127);
}

/* The line that asked holds the other end of reply: when it gives up, or the kernel dies, so do we. */
static int await_terminal(int sock, int reply, int emulator)
{
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = reply, .events = POLLIN } };
	int pid, fds[HOST_UNIX_FDS], nfds = 0;
	struct termios t;

	for (int waited = 0; poll(p, 2, 100) == 0; waited += 100)
		if (waited > PATIENCE_MS || kill(emulator, 0))
			return -ETIMEDOUT;
	if (!p[0].revents)
		return -EPIPE;
	if (host_unix_recv(sock, &pid, sizeof(pid), NULL, fds, &nfds) < 0 || nfds != 1)
		return -EIO;
	if (!tcgetattr(fds[0], &t)) {
		cfmakeraw(&t);
		tcsetattr(fds[0], TCSANOW, &t);
	}
	return fds[0];
}

/* The window goes with the channel, which keeps the other end of reply open. */
static void watch_window(int reply, int emulator) __noreturn;
static void watch_window(int reply, int emulator)
{
	struct pollfd p = { .fd = reply, .events = POLLIN };

	while (emulator > 0 && poll(&p, 1, 500) == 0)
		if (kill(emulator, 0))
			_exit(0);
	if (emulator > 0)
		kill(emulator, SIGTERM);
	_exit(0);
}

/* A name that nobody has: binding does not take one over. */
static int bind_somewhere(char *path, size_t n)
{
	u64 x;
	int sock;

	do {
		if (getrandom(&x, sizeof(x), 0) != sizeof(x))
			return -EIO;
		snprintf(path, n, "/tmp/xterm-pipe%012llx", (unsigned long long)x >> 16);
		sock = host_unix_bind(path, 0600);
	} while (sock == -EADDRINUSE);
	return sock;
}

void chanhelp_xterm(int reply, const char *title, const char *option)
{
	char path[64];
	int sock = bind_somewhere(path, sizeof(path)), fd = sock, pid = 0;

	if (sock >= 0) {
		pid = fork();
		if (!pid)
			exec_emulator(option, title, path);
		fd = await_terminal(sock, reply, pid);
		unlink(path);
	}
	chanhelp_reply(reply, fd < 0 ? fd : 0, fd < 0 ? -1 : fd);
	if (fd >= 0)
		close(fd);
	close(sock);
	watch_window(reply, pid);
}

/* In the window. Sends descriptor 0 with our pid, then stays so that the window does. */
void host_port_helper(int argc, char **argv)
{
	const char *path = argc == 4 && !strcmp(argv[2], "-uml-socket") ? argv[3] : NULL;
	struct host_unix_addr to;
	struct pollfd window = { .fd = 0 };
	int pid = getpid(), zero = 0, sock = path ? host_unix_socket() : 3;
	struct iovec iov = { &pid, sizeof(pid) };
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS,
		       .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c.space) };

	memcpy(CMSG_DATA(&c.h), &zero, sizeof(zero));
	if (path && !host_unix_addr(path, &to)) {
		m.msg_name = to.data;
		m.msg_namelen = to.len;
	}
	if (sendmsg(sock, &m, 0) < 0) {
		perror("port-helper: sendmsg");
		exit(1);
	}
	signal(SIGHUP, SIG_IGN);
	/* Until the window is closed. */
	while (poll(&window, 1, -1) <= 0 || !(window.revents & (POLLHUP | POLLERR | POLLNVAL)))
		;
	exit(0);
}
