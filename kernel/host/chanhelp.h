/* SPDX-License-Identifier: MIT */
/*
 * The channel helper: a process that listens on TCP ports and opens terminal windows for consoles, and starts
 * the watchdog's program. It is forked before the kernel process gives up its rights, and does only that:
 * what it executes is fixed by then. Contract as in host.h.
 */
#ifndef HOST_CHANHELP_H
#define HOST_CHANHELP_H

#include "lib/types.h"

struct host_chanhelp {
	const char *xterm;		/* "EMULATOR,TITLE_SWITCH,EXEC_SWITCH", NULL: xterm,-T,-e */
	const char *watchdog;		/* program; "": uml_watchdog beside us or in PATH; NULL: none */
	const char *notify;		/* socket that the watchdog tells of a hang; NULL: it ends us */
};
int host_chanhelp_start(const struct host_chanhelp *cfg);	/* 0 or -errno */
bool host_chanhelp_running(void);
void host_chanhelp_pass(void);		/* the kernel that is executed next goes on with it */
/*
 * The next caller of a TCP port; a new window. A descriptor on which the terminal will arrive, to
 * be watched for EPOLLIN and closed; -errno.
 */
int host_chanhelp_port(int port);
int host_chanhelp_xterm(const char *title);
/*
 * The watchdog's program, a fresh one: a descriptor on which it sends a byte when it watches, gets a
 * byte now and then, and the end of the file when it is to stop. -errno; it is closed when there is no program.
 */
int host_chanhelp_watchdog(void);
/* The terminal, raw and non-blocking; -EAGAIN: not yet; -errno: there will be none. */
int host_chanhelp_take(int reply);
void host_chanhelp_wait(int reply);	/* blocks until take has news */
/* "linux --port-helper -uml-socket PATH": what the window executes. Does not return. */
void host_port_helper(int argc, char **argv) __noreturn;

#endif
