/* SPDX-License-Identifier: MIT */
/*
 * The client's side of a control channel. Data does not pass through here: the machine has the command's
 * descriptors.
 */
#include "tools/libumlaut/session.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/control_proto.h"

#define PATIENCE_MS 3000 /* of a signal or a machine's end before something stronger follows */
#define WATCHES_MAX 8

int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t now_ms(void)
{
	return monotonic_ns() / 1000000;
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
	struct ctl_start head = { .type = CTL_START, .flags = s->flags };
	char *p = append(buf + sizeof(head), buf + size, s->cwd ? s->cwd : "/");

	p = append(p, buf + size, s->user ? s->user : "");
	for (char *const *a = s->argv; *a; a++, head.argc++)
		p = append(p, buf + size, *a);
	for (char *const *e = s->env; *e; e++, head.envc++)
		p = append(p, buf + size, *e);
	if (!p)
		return -E2BIG;
	memcpy(buf, &head, sizeof(head));
	return p - buf;
}

int session_send(const struct session *s)
{
	size_t nfds = s->flags & CTL_TTY ? 1 : 3;
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

void session_tell(const struct session *s, uint32_t type, uint32_t value)
{
	struct ctl_message m = { type, value };

	if (send(s->ctl, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;			/* its end will be noticed by the reader */
}

/* --- answers --- */

static void take_exit(struct outcome *o, const char *buf)
{
	struct ctl_exited e;

	memcpy(&e, buf, sizeof(e));
	o->exited = true;
	o->status = (int)e.status;
	o->utime_ns = e.utime_ns;
	o->stime_ns = e.stime_ns;
	o->maxrss_kib = e.maxrss_kib;
	o->oom_kills = e.oom_kills;
	o->fork_refusals = e.fork_refusals;
}

static void on_message(struct session *s, struct outcome *o, const char *buf, size_t n)
{
	struct ctl_message m;

	if (n < sizeof(m))
		return;
	memcpy(&m, buf, sizeof(m));
	if (m.type == CTL_STARTED) {
		o->started = true;
		o->pid = (int)m.value;
		return;
	}
	if (m.type == CTL_FAILED) {
		o->error = (int)m.value;
	} else if (m.type == CTL_NO_USER) {
		o->error = EINVAL;
		o->missing = m.value ? 'g' : 'u';
	} else if (m.type == CTL_EXITED && n >= sizeof(struct ctl_exited)) {
		take_exit(o, buf);
	} else {
		return;
	}
	s->done = true;
}

static void on_channel(struct session *s, struct outcome *o)
{
	char buf[256];
	ssize_t n = recv(s->ctl, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		on_message(s, o, buf, (size_t)n);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		s->done = true;
}

/* --- the loop --- */

/* Each step is stronger: the signal, SIGKILL, the machine itself (whose end is the channel's). */
void session_end(struct session *s, int sig)
{
	int step = s->strikes++;

	if (step < 2)
		session_tell(s, CTL_SIGNAL, (uint32_t)(step ? SIGKILL : sig));
	else
		s->done = true;
	s->deadline = now_ms() + PATIENCE_MS;
}

static void on_deadline(struct session *s, struct outcome *o)
{
	if (!s->strikes)
		o->timed_out = true;
	session_end(s, SIGTERM);
}

/* Waits once for the channel and all watches. */
static void wait_once(struct session *s, struct outcome *o, int timeout)
{
	struct watch *ready[WATCHES_MAX];
	struct pollfd p[1 + WATCHES_MAX] = { { .fd = s->ctl, .events = POLLIN } };
	nfds_t n = 1;

	for (struct watch *w = s->watches; w && n <= WATCHES_MAX; w = w->next, n++) {
		p[n] = (struct pollfd){ .fd = w->fd, .events = POLLIN };
		ready[n - 1] = w;
	}
	if (poll(p, n, timeout) <= 0)
		return;
	for (nfds_t i = 1; i < n; i++)
		if (p[i].revents)
			ready[i - 1]->ready(s, ready[i - 1]);
	if (p[0].revents)
		on_channel(s, o);
}

void session_wait(struct session *s, struct outcome *out)
{
	int64_t left;

	s->deadline = s->timeout_ms ? now_ms() + s->timeout_ms : -1;
	while (!s->done) {
		left = s->deadline < 0 ? -1 : s->deadline - now_ms();
		if (s->deadline >= 0 && left <= 0)
			on_deadline(s, out);
		else
			wait_once(s, out, left > 1000000 ? 1000000 : (int)left);
	}
}

void session_wait_start(struct session *s, struct outcome *out)
{
	while (!s->done && !out->started)
		wait_once(s, out, -1);
}
