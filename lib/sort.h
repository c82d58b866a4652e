/* SPDX-License-Identifier: MIT */
/*
 * qsort() without <stdlib.h>, whose types clash with those of the Linux user ABI headers.
 */
#ifndef LIB_SORT_H
#define LIB_SORT_H

#include "lib/types.h"

void qsort(void *base, size_t n, size_t size, int (*cmp)(const void *a, const void *b));

#endif
