/* SPDX-License-Identifier: MIT */
/*
 * The proc file system. It sits above what it shows and reads its public headers; layers above it add
 * their files here.
 */
#ifndef FS_PROCFS_PROCFS_H
#define FS_PROCFS_PROCFS_H

#include "lib/types.h"

struct fs_type;
struct proc_entry;
struct seq_buf;

extern const struct fs_type procfs_type;

/*
 * A file at the top of /proc. show or write may be NULL. write gets a NUL-terminated kernel copy and returns 0
 * or -errno. The strings must stay. 0 or -ENOMEM. nb
 */
int procfs_add(const char *name, u32 mode, int (*show)(struct seq_buf *s),
	       int (*write)(char *text, size_t n));

/* What a letter written to /proc/sysrq-trigger does: set by the owner of sysrq. May be NULL. */
extern void (*procfs_sysrq)(char key);

#endif
