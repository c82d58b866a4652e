/* SPDX-License-Identifier: MIT */
/*
 * The life of one command: request, signals, window sizes, time limit, outcome. Data does not pass
 * through here: the machine has the command's descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/control_proto.h"
#include "tools/umlaut/umlaut.h"

#define PATIENCE_MS 3000 /* of a signal or a machine's end before something stronger follows */

bool want_tty(int wish)
{
	return wish >= 0 ? wish : isatty(0) && isatty(1);
}

/* --- the request --- */

static char *append(char *p, const char *end, const char *s)
{
	size_t n = strlen(s) + 1;

	if (!p || (size_t)(end - p) < n)
		return NULL;
	memcpy(p, s, n);
	return p + n;
}

static ssize_t fill_request(const struct session *s, char *buf, size_t size)
{
	struct ctl_start head = {
		.type = CTL_START,
		.flags = s->flags | (s->tty ? CTL_TTY : 0),
		.uid = s->uid,
		.gid = s->gid,
	};
	char *p = append(buf + sizeof(head), buf + size, s->cwd ? s->cwd : "/");

	for (char **a = s->argv; *a; a++, head.argc++)
		p = append(p, buf + size, *a);
	for (char **e = s->env; *e; e++, head.envc++)
		p = append(p, buf + size, *e);
	if (!p)
		return -E2BIG;
	memcpy(buf, &head, sizeof(head));
	return p - buf;
}

static int send_request(const struct session *s)
{
	size_t nfds = s->tty ? 1 : 3;
	char *buf = malloc(CTL_MESSAGE_MAX);
	ssize_t n = buf ? fill_request(s, buf, CTL_MESSAGE_MAX) : -ENOMEM;
	struct iovec iov = { buf, n > 0 ? (size_t)n : 0 };
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(s->fds))];
	} c = { .h = { .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS,
		       .cmsg_len = CMSG_LEN(nfds * sizeof(int)) } };
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &c,
		.msg_controllen = CMSG_SPACE(nfds * sizeof(int)),
	};

	memcpy(CMSG_DATA(&c.h), s->fds, nfds * sizeof(int));
	if (n > 0 && sendmsg(s->ctl, &m, MSG_NOSIGNAL) < 0)
		n = -errno;
	free(buf);
	return n < 0 ? (int)n : 0;
}

static void send_message(const struct session *s, uint32_t type, uint32_t value)
{
	struct ctl_message m = { type, value };

	if (send(s->ctl, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;			/* its end will be noticed by the reader */
}

/* --- the terminal --- */

static struct termios saved;
static bool is_raw;

static void terminal_raw(void)
{
	struct termios t;

	if (tcgetattr(0, &saved))
		return;
	t = saved;
	cfmakeraw(&t);
	is_raw = !tcsetattr(0, TCSADRAIN, &t);
}

static void terminal_back(void)
{
	if (is_raw)
		tcsetattr(0, TCSADRAIN, &saved);
	is_raw = false;
}

/* --- the loop --- */

struct loop {
	struct session *s;
	struct outcome *out;
	int sigfd;
	int64_t deadline;	/* ms; -1: none */
	int strikes;		/* what was done already to end it */
	bool done;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void on_message(struct loop *l, const char *buf, size_t n)
{
	struct outcome *o = l->out;
	struct ctl_message m;
	struct ctl_exited e;

	if (n < sizeof(m))
		return;
	memcpy(&m, buf, sizeof(m));
	if (m.type == CTL_STARTED) {
		o->started = true;
		o->pid = (int)m.value;
	} else if (m.type == CTL_FAILED) {
		o->error = (int)m.value;
		l->done = true;
	} else if (m.type == CTL_EXITED && n >= sizeof(e)) {
		memcpy(&e, buf, sizeof(e));
		o->exited = l->done = true;
		o->status = (int)e.status;
		o->utime_ns = e.utime_ns;
		o->stime_ns = e.stime_ns;
		o->maxrss_kib = e.maxrss_kib;
		o->oom_kills = e.oom_kills;
	}
}

static void on_channel(struct loop *l)
{
	char buf[256];
	ssize_t n = recv(l->s->ctl, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		on_message(l, buf, (size_t)n);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		l->done = true;
}

/* Each step is stronger: the signal, SIGKILL, the machine itself. */
static void strike(struct loop *l, int sig)
{
	int step = l->strikes++;

	if (!step)
		send_message(l->s, CTL_SIGNAL, (uint32_t)sig);
	else if (step == 1)
		send_message(l->s, CTL_SIGNAL, SIGKILL);
	else
		l->done = true;
	l->deadline = now_ms() + PATIENCE_MS;
}

static void on_signal(struct loop *l)
{
	struct signalfd_siginfo si;

	if (read(l->sigfd, &si, sizeof(si)) != sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGWINCH:
		send_message(l->s, CTL_WINCH, 0);
		return;
	case SIGTSTP:
		terminal_back();
		raise(SIGSTOP);
		if (l->s->tty)
			terminal_raw();
		return;
	case SIGCHLD:
		return;
	case SIGUSR1: case SIGUSR2: case SIGQUIT:
		send_message(l->s, CTL_SIGNAL, si.ssi_signo);
		return;
	default:
		l->out->interrupted = true;
		strike(l, (int)si.ssi_signo);
	}
}

static int open_signals(sigset_t *old)
{
	static const int sigs[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGWINCH,
				    SIGUSR1, SIGUSR2, SIGCHLD, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_deadline(struct loop *l)
{
	if (!l->strikes)
		l->out->timed_out = true;
	strike(l, SIGTERM);
}

static void loop(struct loop *l)
{
	struct pollfd p[] = { { .fd = l->s->ctl, .events = POLLIN },
			      { .fd = l->sigfd, .events = POLLIN } };

	while (!l->done) {
		int64_t left = l->deadline < 0 ? -1 : l->deadline - now_ms();

		if (l->deadline >= 0 && left <= 0) {
			on_deadline(l);
			continue;
		}
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			break;
		if (p[1].revents)
			on_signal(l);
		if (p[0].revents)
			on_channel(l);
	}
}

int session_run(struct session *s, struct outcome *out)
{
	struct loop l = { .s = s, .out = out };
	sigset_t old;
	int err;

	memset(out, 0, sizeof(*out));
	l.sigfd = open_signals(&old);
	l.deadline = s->timeout ? now_ms() + s->timeout * 1000LL : -1;
	err = send_request(s);
	if (!err) {
		if (s->tty)
			terminal_raw();
		loop(&l);
		terminal_back();
	}
	close(l.sigfd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err;
}

int session_start(struct session *s, struct outcome *out)
{
	struct loop l = { .s = s, .out = out };
	struct pollfd p = { .fd = s->ctl, .events = POLLIN };
	int err;

	memset(out, 0, sizeof(*out));
	err = send_request(s);
	while (!err && !l.done && !out->started && poll(&p, 1, -1) > 0)
		on_channel(&l);
	return err;
}

/* --- what it comes to --- */

static int failed_start(const struct outcome *o, const char *command)
{
	fail("cannot run '%s': %s", command, strerror(o->error));
	return o->error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

int session_status(const struct session *s, const struct outcome *o, const char *command)
{
	if (o->error)
		return failed_start(o, command);
	if (o->oom_kills)
		fail("the machine ran out of memory: %llu process%s killed",
		     (unsigned long long)o->oom_kills, o->oom_kills == 1 ? " was" : "es were");
	if (o->timed_out) {
		fail("timed out after %d seconds", s->timeout);
		return EXIT_TIMEOUT;
	}
	if (o->interrupted && (!o->exited || WIFSIGNALED(o->status))) {
		fail("interrupted");
		return 130;
	}
	if (!o->exited)
		return fail("the machine ended before '%s' did", command);
	return WIFSIGNALED(o->status) ? 128 + WTERMSIG(o->status) : WEXITSTATUS(o->status);
}
