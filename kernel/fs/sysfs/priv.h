/* SPDX-License-Identifier: MIT */
/*
 * Inside sysfs: one flat table of paths (table.c), from which the tree is built once (tree.c).
 */
#ifndef FS_SYSFS_PRIV_H
#define FS_SYSFS_PRIV_H

#include "vfs/vfs.h"

/*
 * A path. With "/" at its end: a directory, otherwise a file, or a symlink when link is set. A "%d" in it
 * stands for each CPU. Directories on the way need no line of their own.
 */
struct sys_entry {
	const char *path;
	const char *text;				/* of the file, or the link's target */
	void (*show)(struct seq_buf *s, int cpu);	/* instead of text */
	bool link;
};

extern const struct sys_entry sys_entries[];		/* ends with path NULL */

struct sys_node {
	struct sys_node *parent;
	struct list_head children, sibling;
	const struct sys_entry *e;			/* NULL: a directory */
	int cpu;
	u64 ino;
	char name[];
};

struct sys_node *sys_tree(void);			/* the root; NULL: no memory */

#endif
