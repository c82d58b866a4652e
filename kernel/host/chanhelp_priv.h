/* SPDX-License-Identifier: MIT */
/* Inside the channel helper: what its children do. None of them returns. */
#ifndef HOST_CHANHELP_PRIV_H
#define HOST_CHANHELP_PRIV_H

#include "lib/types.h"

int chanhelp_reply(int reply, int err, int fd);		/* fd -1: none */
void chanhelp_telnet(int reply,
		     int conn) __noreturn; /* serves a caller through a pseudo terminal */
void chanhelp_nobody(int conn); /* tells a caller that nobody waits; returns */
void chanhelp_xterm(int reply, const char *title, const char *option) __noreturn;
void chanhelp_watchdog(int reply, int pid, const char *program, const char *notify) __noreturn;
/* A pseudo terminal; the slave is raw. 0 or -errno */
int chanhelp_pty(int *master, int *slave);

#endif
