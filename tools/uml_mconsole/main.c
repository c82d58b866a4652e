/* SPDX-License-Identifier: MIT */
/*
 * uml_mconsole NAME [COMMAND...]: talk to a machine's management console. Texts are those of UML's
 * client; its known faults (status of the last packet only, the pid buffer) are not repeated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/usage.h"
#include "tools/uml_mconsole/session.h"

static const struct usage usage = {
	.name = "uml_mconsole",
	.synopsis = "NAME [COMMAND...]",
	.summary = "control a running User Mode Linux machine",
	.text = "Sends COMMAND to the management console of the machine NAME and prints its answer after OK or ERR. "
		"Without COMMAND it reads commands from the terminal, with editing, history and completion; 'help' lists "
		"them.\n\nNAME is the umid of a machine, looked for in $UML_DIR, ~/.uml and /tmp/uml, or the path of a "
		"machine's mconsole socket.",
	.operands = "machines",
	.status =
		"With COMMAND the low eight bits of the kernel's error: 0 is success, 1 a refusal, 234 EINVAL. "
		"1 when the machine cannot be reached.",
	.see = "linux(1), umlaut(1)",
};

static char *join(char **argv)
{
	size_t n = 1;
	char *text;

	for (char **a = argv; *a; a++)
		n += strlen(*a) + 1;
	text = calloc(1, n);
	if (!text)
		return NULL;
	for (char **a = argv; *a; a++) {
		if (a != argv)
			strcat(text, " ");
		strcat(text, *a);
	}
	return text;
}

int main(int argc, char **argv)
{
	const char *value;
	struct session s;
	char *command;
	int status;

	if (usage_next(&usage, NULL, argc, argv, &value) != -1)
		return USAGE_ERROR;
	if (optind == argc) {
		fprintf(stderr, "Usage : uml_mconsole socket-name [command]\n");
		return 1;
	}
	if (session_init(&s))
		return 1;
	session_switch(&s, argv[optind++]);
	if (optind < argc) {
		command = join(argv + optind);
		status = command ? session_command(&s, command) & 0xff : 1;
		free(command);
	} else {
		status = session_interactive(&s);
	}
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	fprintf(stderr, "uml_mconsole: standard output: %s\n", strerror(errno));
	return status ? status : 1;
}
