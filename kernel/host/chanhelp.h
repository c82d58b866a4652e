/* SPDX-License-Identifier: MIT */
/*
 * The channel helper: a process that listens on TCP ports and opens terminal windows for consoles.
 * It is forked before the kernel process gives up its rights, and does only that. Contract as in
 * host.h.
 */
#ifndef HOST_CHANHELP_H
#define HOST_CHANHELP_H

#include "lib/types.h"

/* xterm: "EMULATOR,TITLE_SWITCH,EXEC_SWITCH", NULL: xterm,-T,-e. 0 or -errno */
int host_chanhelp_start(const char *xterm);
bool host_chanhelp_running(void);
void host_chanhelp_pass(void);		/* the kernel that is executed next goes on with it */
/*
 * The next caller of a TCP port; a new window. A descriptor on which the terminal will arrive, to
 * be watched for EPOLLIN and closed; -errno.
 */
int host_chanhelp_port(int port);
int host_chanhelp_xterm(const char *title);
/* The terminal, raw and non-blocking; -EAGAIN: not yet; -errno: there will be none. */
int host_chanhelp_take(int reply);
void host_chanhelp_wait(int reply);	/* blocks until take has news */
/* "linux --port-helper -uml-socket PATH": what the window executes. Does not return. */
void host_port_helper(int argc, char **argv) __noreturn;

#endif
