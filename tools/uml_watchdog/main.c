/* SPDX-License-Identifier: MIT */
/*
 * uml_watchdog: started by a machine whose /dev/watchdog was opened. Its input is a byte now and then; when
 * none comes for too long it ends the machine's process, or tells the listener of its management console.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/common/usage.h"

#define TIMEOUT_DEFAULT 60
#define NOTIFY_MAGIC 0xcafebabeU
#define NOTIFY_VERSION 2U
#define NOTIFY_HANG 2U

static const struct usage_option options[] = {
	{ 'p', "pid", "PID", "the machine's process: SIGINT, a second later again, then SIGKILL" },
	{ 'm', "mconsole", "SOCKET", "instead: send a hang notification to that socket" },
	{ 't', "timeout", "SECONDS", "the longest silence (default: 60)" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage usage = {
	.name = "uml_watchdog",
	.synopsis = "-pid PID\n-mconsole SOCKET",
	.summary = "end a machine that hangs",
	.text = "Started by a machine with the option 'watchdog' when /dev/watchdog is opened in it. Writes one byte to "
		"standard output, then expects a byte on standard input at least once a minute. The end of "
		"standard input ends it.\n\nThe forms with one dash are those of User Mode Linux's program.",
	.options = options,
	.status = "0 after the end of standard input or when the machine was ended; 1 when that failed; 2 for wrong usage.",
	.see = "linux(1), uml_mconsole(1)",
};

static int end_process(pid_t pid)
{
	static const int signals[] = { SIGINT, SIGINT, SIGKILL };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (i)
			sleep(1);
		if (kill(pid, signals[i]) && errno != ESRCH) {
			perror("uml_watchdog: kill");
			return 1;
		}
	}
	return 0;
}

static int notify(const char *path)
{
	const uint32_t message[4] = { NOTIFY_MAGIC, NOTIFY_VERSION, NOTIFY_HANG, 0 };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (fd < 0 || sendto(fd, message, sizeof(message), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fprintf(stderr, "uml_watchdog: %s: %s\n", path, strerror(errno));
		return 1;
	}
	return 0;
}

/* True: silence for that long. False: the end of the input. */
static bool hangs(int seconds)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	char buf[256];
	ssize_t n;
	int r;

	for (;;) {
		r = poll(&p, 1, seconds * 1000);
		if (!r)
			return true;
		n = r > 0 ? read(0, buf, sizeof(buf)) : -1;
		if (!n || (n < 0 && errno != EINTR))
			return false;
	}
}

static int number(const char *s, const char *what)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end != s && !*end && n > 0 && n < 1 << 22)
		return (int)n;
	fprintf(stderr, "uml_watchdog: --%s: not a number above 0: '%s'\n", what, s);
	return 0;
}

int main(int argc, char **argv)
{
	const char *v, *socket_path = NULL;
	int c, pid = 0, seconds = TIMEOUT_DEFAULT;

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-pid") || !strcmp(argv[i], "-mconsole"))
			argv[i] = argv[i][1] == 'p' ? "--pid" : "--mconsole";
	while ((c = usage_next(&usage, NULL, argc, argv, &v)) != -1) {
		if (c == '?')
			return USAGE_ERROR;
		if (c == 'm')
			socket_path = v;
		else if (c == 'p' && !(pid = number(v, "pid")))
			return USAGE_ERROR;
		else if (c == 't' && !(seconds = number(v, "timeout")))
			return USAGE_ERROR;
	}
	if (optind < argc || !pid == !socket_path) {
		fprintf(stderr, "uml_watchdog: either --pid or --mconsole is needed\n");
		return usage_wrong(&usage, NULL);
	}
	if (write(1, "", 1) != 1) {
		perror("uml_watchdog: standard output");
		return 1;
	}
	if (!hangs(seconds))
		return 0;
	return socket_path ? notify(socket_path) : end_process(pid);
}
