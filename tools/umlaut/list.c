/* SPDX-License-Identifier: MIT */
/* Lists of strings for command lines. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/umlaut/umlaut.h"

static void *must(void *p)
{
	if (!p)
		exit(fail("out of memory"));
	return p;
}

void list_add(struct list *l, const char *s)
{
	l->v = must(realloc(l->v, (l->n + 2) * sizeof(*l->v)));
	l->v[l->n++] = must(strdup(s));
	l->v[l->n] = NULL;
}

static char *vtext(const char *fmt, va_list ap)
{
	char *s;

	return vasprintf(&s, fmt, ap) < 0 ? must(NULL) : s;
}

char *text(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = vtext(fmt, ap);
	va_end(ap);
	return s;
}

void list_addf(struct list *l, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = vtext(fmt, ap);
	va_end(ap);
	list_add(l, s);
	free(s);
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
