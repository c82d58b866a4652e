/* SPDX-License-Identifier: MIT */
/*
 * Starting and ending the process of a machine. Functions that fail say why in words: the front end
 * and the library show the same texts.
 */
#ifndef LIBUMLAUT_LAUNCH_H
#define LIBUMLAUT_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

#include "tools/libumlaut/list.h"
#include "tools/libumlaut/umlaut.h"

#define EXPORT __attribute__((visibility("default")))	/* of the library */
#define WHY_MAX sizeof(((struct umlaut_result *)0)->message)

/* The words go to why, WHY_MAX bytes; the value is err. */
int because(char *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The kernel's command line for o; name NULL: a random one. 0 or -errno: said why. */
int launch_args(const struct umlaut_options *o, const char *name, struct list *args,
		char *why);
/* The command's environment: defaults, then o->env. */
void launch_env(const struct umlaut_options *o, const char *term, struct list *env);

struct launch {
	const struct umlaut_options *o;
	struct list *args;
	int err_fd;			/* for the kernel's own messages */
	/* filled in */
	pid_t pid;
	int ctl;			/* our end of its control channel */
};
int launch(struct launch *l, char *why);	/* 0 or -errno: said why */
/* Closes the channel and waits for the machine, which is killed if it does not end. As wait() gives it. */
int launch_end(const struct launch *l);

#endif
