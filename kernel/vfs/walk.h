/* SPDX-License-Identifier: MIT */
/*
 * struct walk: a cursor on its way along a path. Everybody else uses path_lookup() and the vfs_*
 * functions; these steps are for operations that treat the last component specially (create,
 * unlink, rename, open).
 *
 *	walk_start()	takes the starting point
 *	walk_parent()	goes to the directory of the last component, which stays in w->last
 *	walk_last()	steps into it (symlinks followed when LOOKUP_FOLLOW is set)
 *	walk_end()	always, after walk_start() whatever it returned
 */
#ifndef VFS_WALK_H
#define VFS_WALK_H

#include "vfs/dcache.h"
#include "vfs/vfs.h"

#define WALK_MAX_LINKS 40

struct link_text {
	struct link_text *next;
	char text[];
};

struct walk {
	struct path path;		/* where we are; references */
	struct path root;		/* "/" and the end of ".."; references */
	u32 flags;			/* LOOKUP_* */
	const char *rest;		/* of the string being walked */
	const char *outer[WALK_MAX_LINKS];	/* what follows when it is used up */
	unsigned int depth, nlinks;
	struct qname last;		/* valid after walk_parent() */
	enum last_type last_type;
	bool trailing_slash;		/* after last */
	bool no_shortcut;
	struct link_text *texts;	/* of the symlinks met; freed by walk_end() */
};

int walk_start(struct walk *w, int dirfd, const char *name, u32 flags) __must_check;
int walk_parent(struct walk *w) __must_check;
int walk_last(struct walk *w) __must_check;
/* The dentry of a normal last component that the caller looked up is a symlink to be followed. */
int walk_follow_last(struct walk *w, struct dentry *link) __must_check;
/* Goes to a normal last component that the caller looked up; crosses mounts. Takes d. */
int walk_enter(struct walk *w, struct dentry *d) __must_check;
void walk_end(struct walk *w);

#endif
