/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write files for the tools that make and merge them. Functions say on standard error what is wrong; they
 * return 0 or -1.
 */
#ifndef TOOLS_COMMON_COWFILE_H
#define TOOLS_COMMON_COWFILE_H

#include <sys/stat.h>

#include "lib/cow.h"

/* All of it; short transfers are repeated, a read beyond the end gives zeroes. errno is set. */
int file_read(int fd, void *buf, size_t n, u64 off);
int file_write(int fd, const void *buf, size_t n, u64 off);
/* Bytes of a file or block device; -1. */
s64 file_size(int fd);
/* A lock as running machines take it: -1 when one has the file. */
int file_lock(int fd, const char *name, bool write);
/* A fresh file beside name, to be renamed: its name is the caller's to free. A descriptor or -1. */
int file_temporary(const char *name, char **tmp);

/* The directory part of name resolved, the last component as it is. */
int cow_absolute(const char *name, char out[COW_NAME_MAX + 1]);
/* The header of an open file. */
int cow_read_header(int fd, struct cow_header *h);
/* The bitmap, to be freed; bytes for every sector. NULL: said. */
u8 *cow_read_bitmap(int fd, const struct cow_header *h);

#endif
