/* SPDX-License-Identifier: MIT */
/*
 * Executing the watchdog's program: its standard input and output are the socket that the kernel has the
 * other end of.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/chanhelp_priv.h"

/* As UML: told whom to end, or where to report. */
static void try(const char *program, const char *pid, const char *notify)
{
	if (*notify)
		execlp(program, program, "-mconsole", notify, NULL);
	else
		execlp(program, program, "-pid", pid, NULL);
}

static void try_beside(const char *pid, const char *notify)
{
	char self[256], *slash;
	ssize n = readlink("/proc/self/exe", self, sizeof(self) - sizeof("uml_watchdog"));

	self[n > 0 ? n : 0] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return;
	strcpy(slash + 1, "uml_watchdog");
	try(self, pid, notify);
}

void chanhelp_watchdog(int reply, int pid, const char *program, const char *notify)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	dup2(reply, 0);
	dup2(reply, 1);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (*program) {
		try(program, text, notify);
	} else {
		try_beside(text, notify);
		try("uml_watchdog", text, notify);
	}
	_exit(127);
}
