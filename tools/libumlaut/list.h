/* SPDX-License-Identifier: MIT */
/*
 * Lists of strings for command lines. A list that could not grow says so at the end: whoever passes
 * it on asks "failed" once.
 */
#ifndef LIBUMLAUT_LIST_H
#define LIBUMLAUT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	char **v;		/* ends with NULL; owned, with its strings */
	size_t n;
	bool failed;
};
void list_add(struct list *l, const char *s);
void list_addf(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* NAME=VALUE, instead of the one with the same NAME. */
void list_set(struct list *l, const char *assignment);
void list_free(struct list *l);

#endif
