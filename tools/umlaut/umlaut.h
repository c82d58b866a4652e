/* SPDX-License-Identifier: MIT */
/*
 * umlaut: machines as commands. One file per subcommand; what they share is here.
 */
#ifndef UMLAUT_UMLAUT_H
#define UMLAUT_UMLAUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/common/mconsole.h"
#include "tools/common/usage.h"

extern const struct usage umlaut_usage, run_usage, ps_usage, exec_usage, logs_usage, stop_usage,
	kill_usage, stats_usage, console_usage, top_usage;

/* Exit status when umlaut itself fails, as with docker and chroot: the command's own are below. */
enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127, EXIT_TIMEOUT = 124 };

/* "umlaut: ..." on standard error; EXIT_FAILED */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- list.c: strings that grow; errors of memory end the program --- */
struct list {
	char **v;		/* ends with NULL */
	size_t n;
};
void list_add(struct list *l, const char *s);
void list_addf(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- session.c: a command over a control channel --- */
struct session {
	int ctl;		/* our end of the channel */
	bool tty;
	int fds[3];		/* what the command gets: in, out, err; with tty only the first */
	const char *cwd;
	char **argv, **env;
	uint32_t uid, gid, flags;	/* CTL_* */
	int timeout;		/* seconds, 0: none */
	int machine_pid;	/* the machine's process when it is ours, 0 */
};
struct outcome {
	bool started, exited;	/* exited: status and use are known */
	int error;		/* errno of a failed start */
	int pid;
	int status;		/* as wait() gives it */
	bool timed_out, interrupted;
	uint64_t utime_ns, stime_ns, maxrss_kib, oom_kills;
};
/* Sends the request and sees it through; the terminal is raw meanwhile. 0, or -errno of the channel. */
int session_run(struct session *s, struct outcome *out);
/* Only the start: for --detach. */
int session_start(struct session *s, struct outcome *out);
/* Exit status of the outcome, after saying on standard error what needs saying. */
int session_status(const struct session *s, const struct outcome *out, const char *command);
/* Without a wish: a terminal if both sides are one. */
bool want_tty(int wish);

/* --- machines.c --- */
struct machine {
	char name[64], dir[MC_PATH_MAX], socket[MC_PATH_MAX + 16];
	int pid;
	bool alive;
};
/* All machines in all directories; those whose process is gone are marked. To be freed. */
size_t machines_list(struct machine **out);
int machine_find(const char *name, struct machine *m);	/* 0; EXIT_FAILED: said why not */
int machine_ask(const struct machine *m, const char *command, int *error,
		char **answer); /* said on failure */
int machine_log_path(const struct machine *m, char *path, size_t n);	/* of a detached machine */
bool machine_wait_end(const struct machine *m, int ms);	/* true when it is gone */
void machine_remove_remains(const struct machine *m);	/* of one whose process is gone */

/* --- user.c: --user NAME[:GROUP] by the passwd file of the root, or numbers. 0, -1: said --- */
int user_parse(const char *root, const char *spec, uint32_t *uid, uint32_t *gid, char **home);

/* --- json.c --- */
void json_string(const char *s);	/* with quotes, to standard output */

#endif
