/* SPDX-License-Identifier: MIT */
/*
 * Inside sysfs: one flat table of paths (table.c), from which the tree is built (tree.c), and block devices, whose
 * nodes come and go (block.c).
 */
#ifndef FS_SYSFS_PRIV_H
#define FS_SYSFS_PRIV_H

#include "vfs/vfs.h"

struct blkdev;

/*
 * A path. With "/" at its end: a directory, otherwise a file, or a symlink when link is set. A "%d" in it
 * stands for each CPU. Directories on the way need no line of their own.
 */
struct sys_entry {
	const char *path;
	const char *text;				/* of the file, or the link's target */
	void (*show)(struct seq_buf *s, int cpu);	/* instead of text */
	void (*show_dev)(struct seq_buf *s, struct blkdev *b);	/* the same for a node of a device */
	bool link;
};

extern const struct sys_entry sys_entries[];		/* ends with path NULL */

/* Children hold a reference to their parent, the tree and inodes one to each node. */
struct sys_node {
	struct refcount ref;
	struct sys_node *parent;
	struct list_head children, sibling;
	const struct sys_entry *e;			/* NULL: a directory */
	int cpu;
	struct blkdev *dev;				/* a reference, NULL */
	char *target;					/* of a link, if its entry has none; ours */
	bool (*visible)(const struct blkdev *b);	/* NULL: always */
	bool dead;					/* removed */
	u64 ino;
	char name[];
};

struct sys_node *sys_tree(void);			/* the root; NULL: no memory */
void sys_node_put(struct sys_node *n);

/* tree.c: nodes that come and go. Directories on the way are made. Borrowed; NULL: no memory. nb */
struct sys_node *sys_add(const char *path, const struct sys_entry *e, struct blkdev *b);
struct sys_node *sys_add_link(const char *path, const char *target);
void sys_remove(const char *path);			/* and all below. nb */
static inline bool sys_visible(const struct sys_node *n)
{
	return !n->dead && (!n->visible || n->visible(n->dev));
}

/* block.c: from now on the tree shows the block devices that there are. */
#ifdef CONFIG_BLOCK
void sys_follow_block(void);
#else
static inline void sys_follow_block(void) {}
#endif

#endif
