/* SPDX-License-Identifier: MIT */
/*
 * The life of one command over a control channel (docs/control.md): request, time limit, outcome. No
 * signals and no terminals: whoever has such things to wait for adds watches. One thread at a time.
 */
#ifndef LIBUMLAUT_SESSION_H
#define LIBUMLAUT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

/* Another descriptor that the loop waits for. */
struct watch {
	int fd;				/* -1: nothing to wait for (any more) */
	void (*ready)(struct session *s, struct watch *w);
	struct watch *next;
};

struct session {
	int ctl;			/* our end of the channel */
	uint32_t flags;			/* CTL_* */
	int fds[3];			/* what the command gets: in, out, err; with CTL_TTY only the first */
	const char *cwd, *user;		/* NULL: "/", root */
	char *const *argv, *const *env;
	int64_t timeout_ms;		/* 0: none */
	struct watch *watches;		/* borrowed */
	/* the loop's own */
	int64_t deadline;		/* ms, -1: none */
	int strikes;			/* what was done already to end it */
	bool done;
};

struct outcome {
	bool started, exited;		/* exited: status and use are known */
	int error;			/* errno of a failed start */
	int missing;			/* a failed start: 'u' no such user, 'g' group; 0 */
	int pid;
	int status;			/* as wait() gives it */
	bool timed_out, interrupted;
	uint64_t utime_ns, stime_ns, maxrss_kib, oom_kills, fork_refusals;
};

int session_send(const struct session *s);	/* the request: 0 or -errno of the channel; -E2BIG */
void session_tell(const struct session *s, uint32_t type, uint32_t value);	/* a message; errors show later */
/* Waits for the end of the command or of the channel. */
void session_wait(struct session *s, struct outcome *out);
/* Waits until it runs or cannot. */
void session_wait_start(struct session *s, struct outcome *out);
/* Makes it end: sig, SIGKILL if that does not help in 3 s, then session_wait() returns anyway. From watches, too. */
void session_end(struct session *s, int sig);

int64_t monotonic_ns(void);

#endif
