/* SPDX-License-Identifier: MIT */
/*
 * The strtol() family without <stdlib.h>, whose types clash with those of the Linux user ABI headers.
 */
#ifndef LIB_STRTO_H
#define LIB_STRTO_H

long strtol(const char *s, char **end, int base);
unsigned long strtoul(const char *s, char **end, int base);
unsigned long long strtoull(const char *s, char **end, int base);

#endif
