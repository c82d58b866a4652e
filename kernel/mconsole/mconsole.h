/* SPDX-License-Identifier: MIT */
/*
 * The management console: a UNIX datagram socket in the machine's directory, on which uml_mconsole
 * and the like send commands. Protocol, texts and error numbers are UML's (docs/mconsole.md),
 * except for its known faults. Kernel lock held.
 */
#ifndef MCONSOLE_MCONSOLE_H
#define MCONSOLE_MCONSOLE_H

#include "lib/types.h"

struct seq_buf;

/*
 * A class of devices that "config" and "remove" know by a name in front of its number. arg is what
 * follows that name. Each function returns 0 or an error for the reply (a negative errno, or 1) and
 * may set *error to a static text. May block.
 */
struct mc_device {
	const char *name;
	int (*config)(const char *arg, const char **error);			/* "3=pts" */
	int (*get)(const char *arg, struct seq_buf *out,
		   const char **error); /* NULL: cannot be asked */
	int (*remove)(const char *arg, const char **error);
};

/* dir: the machine's directory; devices: ends with a NULL name, static. 0 or -errno (logged). Before confinement. */
int mconsole_init(const char *dir, const struct mc_device *devices);
int mconsole_setup(const char *value); /* mconsole=notify:SOCKET, before init. 0, -EINVAL (said) */
const char *mconsole_listener(void);	/* the path of that socket; static, NULL: none */
void mconsole_panic(const char *text); /* tells the listener, if there is one. Any thread */

#endif
