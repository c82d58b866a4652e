/* SPDX-License-Identifier: MIT */
/* Messages, text that is made, variables of the environment. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/umlaut/priv.h"

char *text(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		exit(fail("out of memory"));
	return s;
}

int fail(const char *fmt, ...)
{
	va_list ap;

	fputs("umlaut: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

void env_option(struct list *env, const char *spec)
{
	const char *value = getenv(spec);
	char *assignment;

	if (strchr(spec, '=')) {
		list_set(env, spec);
	} else if (value) {
		assignment = text("%s=%s", spec, value);
		list_set(env, assignment);
		free(assignment);
	}
}
