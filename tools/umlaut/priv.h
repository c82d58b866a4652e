/* SPDX-License-Identifier: MIT */
/*
 * umlaut: machines as commands. One file per subcommand; what they share is here.
 */
#ifndef UMLAUT_PRIV_H
#define UMLAUT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/common/mconsole.h"
#include "tools/common/usage.h"
#include "tools/libumlaut/list.h"
#include "tools/libumlaut/session.h"

extern const struct usage umlaut_usage, run_usage, ps_usage, exec_usage, logs_usage, stop_usage,
	kill_usage, stats_usage, console_usage, top_usage;

/* Exit status when umlaut itself fails, as with docker and chroot: the command's own are below. */
enum { EXIT_FAILED = 125 };

/* "umlaut: ..." on standard error; EXIT_FAILED */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- say.c; errors of memory end the program --- */
char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void env_option(struct list *env, const char *spec);	/* --env: NAME=VALUE, or NAME from our own */

/* --- foreground.c: a session (tools/libumlaut/session.h) with signals and a terminal --- */
/* Sends the request and sees it through; the terminal is raw meanwhile. 0, or -errno of the channel. */
int session_foreground(struct session *s, struct outcome *out);
/* Exit status of the outcome, after saying on standard error what needs saying. */
int session_status(const struct session *s, const struct outcome *out);
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

/* --- json.c --- */
void json_string(const char *s);	/* with quotes, to standard output */

#endif
