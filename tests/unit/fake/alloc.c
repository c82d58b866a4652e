/* SPDX-License-Identifier: MIT */
/*
 * Kernel memory for unit tests that make allocations fail and look for leaks. Included by a
 * test's .c file.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/alloc.h"

/* <stdlib.h> has types that clash with those of the Linux user ABI headers. */
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void free(void *p);
void abort(void) __noreturn;
int rand(void);

static long fake_alloc_live;		/* blocks that are not freed */
static long fake_alloc_fail_at;		/* this many allocations from now fails; 0: none */
static u32 fake_alloc_fail_every;	/* one in so many fails, at random */

static bool fake_alloc_fails(void)
{
	if (fake_alloc_fail_at && !--fake_alloc_fail_at)
		return true;
	return fake_alloc_fail_every && (u32)rand() % fake_alloc_fail_every == 0;
}

/* Fresh memory is garbage, so that nobody relies on zeroes. */
void *kmalloc(size_t n)
{
	void *p = fake_alloc_fails() ? NULL : malloc(n ? n : 1);

	if (p)
		memset(p, 0xa5, n);
	fake_alloc_live += p != NULL;
	return p;
}

void *kzalloc(size_t n)
{
	void *p = kmalloc(n);

	return p ? memset(p, 0, n) : NULL;
}

void *krealloc(void *p, size_t n)
{
	void *q = fake_alloc_fails() ? NULL : realloc(p, n ? n : 1);

	fake_alloc_live += q && !p;
	return q;
}

void kfree(void *p)
{
	fake_alloc_live -= p != NULL;
	free(p);
}

char *kstrdup(const char *s)
{
	char *p = kmalloc(strlen(s) + 1);

	return p ? strcpy(p, s) : NULL;
}

char *kstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = kmalloc(len + 1);

	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = 0;
	return p;
}

char *kasprintf(const char *fmt, ...)
{
	char buf[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return kstrdup(buf);
}
