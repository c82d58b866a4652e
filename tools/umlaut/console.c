/* SPDX-License-Identifier: MIT */
/*
 * umlaut console, top: looking into a machine from the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tools/umlaut/priv.h"

#define PARENT (&umlaut_usage)
#define ESCAPE 0x1d		/* ^] */

static const struct usage_option options[] = {
	{ 's', "serial", NULL, "a serial line instead of a console" },
	{ 0, NULL, NULL, NULL }
};

static const struct usage_option no_options[] = { { 0, NULL, NULL, NULL } };

/* The terminal of the host that a line is on; NULL: said why there is none. To be freed. */
static char *line_device(const struct machine *m, const char *line)
{
	char *command = text("config %s", line), *answer = NULL, *device = NULL;
	int error, err = machine_ask(m, command, &error, &answer);

	free(command);
	if (err)
		return NULL;
	if (error)
		fail("%s: %s", line, answer);
	else if (answer && !strncmp(answer, "pts:", 4))
		device = strdup(answer + 4);
	else
		fail("%s is not on a terminal that can be opened: '%s'%s", line,
		     answer ? answer : "",
		     answer && !strcmp(answer, "pts") ?
			     " (no program in the machine has opened it)" :
			     "");
	free(answer);
	return device;
}

static bool forward(int from, int to, bool keys)
{
	char buf[4096], *end;
	ssize_t n = read(from, buf, sizeof(buf));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	end = keys ? memchr(buf, ESCAPE, (size_t)n) : NULL;
	if (end)
		n = end - buf;
	return write(to, buf, (size_t)n) == n && !end;
}

static void talk(int fd)
{
	struct pollfd p[] = { { .fd = 0, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	struct termios saved, raw;
	struct winsize ws;
	bool tty = !tcgetattr(0, &saved);

	if (!ioctl(0, TIOCGWINSZ, &ws))
		ioctl(fd, TIOCSWINSZ, &ws);
	if (tty) {
		raw = saved;
		cfmakeraw(&raw);
		tcsetattr(0, TCSADRAIN, &raw);
	}
	while (poll(p, 2, -1) > 0 || errno == EINTR) {
		if (p[1].revents && !forward(fd, 1, false))
			break;
		if (p[0].revents && !forward(0, fd, true))
			break;
	}
	if (tty)
		tcsetattr(0, TCSADRAIN, &saved);
}

static int console_main(int argc, char **argv)
{
	const char *v, *kind = "con";
	char *line, *device;
	struct machine m;
	int c, fd;

	while ((c = usage_next(&console_usage, PARENT, argc, argv, &v)) != -1) {
		if (c == '?')
			return EXIT_FAILED;
		kind = "ssl";
	}
	if (argc - optind < 1 || argc - optind > 2) {
		fail("console: which machine?");
		usage_wrong(&console_usage, PARENT);
		return EXIT_FAILED;
	}
	if (machine_find(argv[optind], &m))
		return EXIT_FAILED;
	line = text("%s%s", kind, argc - optind == 2 ? argv[optind + 1] : "0");
	device = line_device(&m, line);
	if (!device)
		return EXIT_FAILED;
	fd = open(device, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", device, strerror(errno));
	fprintf(stderr, "[%s of %s; ^] leaves it]\r\n", line, m.name);
	talk(fd);
	fprintf(stderr, "\r\n");
	return 0;
}

static int top_main(int argc, char **argv)
{
	char *command[] = { "exec", NULL, "top", NULL };
	const char *v;

	if (usage_next(&top_usage, PARENT, argc, argv, &v) != -1)
		return EXIT_FAILED;
	if (argc - optind != 1) {
		fail("top: which machine?");
		usage_wrong(&top_usage, PARENT);
		return EXIT_FAILED;
	}
	command[1] = argv[optind];
	optind = 0;
	return exec_usage.run(3, command);
}

const struct usage console_usage = {
	.name = "console",
	.synopsis = "[OPTIONS] NAME [NUMBER]",
	.summary = "connect the terminal with a console of a machine",
	.text = "Connects with console NUMBER (default: 0), which must be on a pseudo terminal (con0=pts). ^] leaves it.",
	.options = options,
	.run = console_main,
	.operands = "machines",
};

const struct usage top_usage = {
	.name = "top",
	.synopsis = "NAME",
	.summary = "run the machine's own top in it",
	.options = no_options,
	.run = top_main,
	.operands = "machines",
};
