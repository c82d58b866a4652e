/* SPDX-License-Identifier: MIT */
/* Lists of strings that remember that memory ran out. */
#include "tools/libumlaut/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void take(struct list *l, char *s)
{
	char **v = s ? realloc(l->v, (l->n + 2) * sizeof(*v)) : NULL;

	if (!v) {
		free(s);
		l->failed = true;
		return;
	}
	l->v = v;
	v[l->n++] = s;
	v[l->n] = NULL;
}

void list_add(struct list *l, const char *s)
{
	take(l, strdup(s));
}

void list_addf(struct list *l, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	take(l, vasprintf(&s, fmt, ap) < 0 ? NULL : s);
	va_end(ap);
}

void list_set(struct list *l, const char *assignment)
{
	size_t name = strcspn(assignment, "=") + 1, i;
	char *copy;

	for (i = 0; i < l->n && strncmp(l->v[i], assignment, name); i++)
		;
	if (i == l->n) {
		list_add(l, assignment);
		return;
	}
	copy = strdup(assignment);
	if (!copy) {
		l->failed = true;
		return;
	}
	free(l->v[i]);
	l->v[i] = copy;
}

void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct list){ 0 };
}
