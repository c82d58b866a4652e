/* SPDX-License-Identifier: MIT */
/*
 * Kernel memory. May return NULL, and every caller copes with that: tests make each
 * allocation fail in turn. Thread safe, never blocks. Implemented in host/alloc.c.
 */
#ifndef LIB_ALLOC_H
#define LIB_ALLOC_H

#include "lib/types.h"

void *kmalloc(size_t n) __attribute__((malloc));
void *kzalloc(size_t n) __attribute__((malloc));	/* zeroed */
void *krealloc(void *p, size_t n);			/* like realloc: p stays valid on NULL */
void kfree(void *p);					/* NULL is fine */
char *kstrdup(const char *s);
char *kstrndup(const char *s, size_t n);		/* at most n bytes, always terminated */
char *kasprintf(const char *fmt, ...) __printf(1, 2);

#endif
