/* SPDX-License-Identifier: MIT */
/*
 * umlaut COMMAND ...: the table of subcommands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/usage.h"
#include "tools/umlaut/priv.h"

static const struct usage *const commands[] = { &run_usage,  &exec_usage, &console_usage,
						&ps_usage,   &top_usage,  &stats_usage,
						&logs_usage, &stop_usage, &kill_usage,
						NULL };

const struct usage umlaut_usage = {
	.name = "umlaut",
	.synopsis = "COMMAND [OPTIONS] ...",
	.summary = "run commands in machines of their own, without privileges",
	.text = "A machine is a Linux-compatible kernel that runs as an ordinary process. 'umlaut run' starts one for a "
		"command; the other commands look after those that run. Machines are found by name in $UML_DIR, ~/.uml "
		"and /tmp/uml.",
	.commands = commands,
	.status = "125 when umlaut itself fails; otherwise see the commands.",
	.see = "linux(1), uml_mconsole(1)",
};

/* What could not be written is no success. */
static int flushed(int status)
{
	bool bad = fflush(stdout) || ferror(stdout);

	return bad && !status ? fail("standard output: %s", strerror(errno)) : status;
}

int main(int argc, char **argv)
{
	const char *v;

	/* A closed standard descriptor would become whatever is opened next. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return EXIT_FAILED;
	if (usage_next(&umlaut_usage, NULL, argc, argv, &v) != -1)
		return EXIT_FAILED;
	if (optind == argc) {
		usage_help(&umlaut_usage, NULL);
		return EXIT_FAILED;
	}
	for (const struct usage *const *c = commands; *c; c++) {
		if (strcmp((*c)->name, argv[optind]))
			continue;
		argc -= optind;
		argv += optind;
		optind = 0;		/* getopt starts anew */
		return flushed((*c)->run(argc, argv));
	}
	fail("no such command: '%s'", argv[optind]);
	usage_wrong(&umlaut_usage, NULL);
	return EXIT_FAILED;
}
