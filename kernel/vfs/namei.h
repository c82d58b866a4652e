/* SPDX-License-Identifier: MIT */
/*
 * Making and removing names: what namei.c, rename.c and open.c share.
 */
#ifndef VFS_NAMEI_H
#define VFS_NAMEI_H

#include "vfs/walk.h"

/* mode as the new object of dir gets it: without umask and bits one may not give. Never blocks. */
u32 create_mode(const struct inode *dir, u32 mode);
/* A regular file at d (negative, in dir, whose lock is held). Rights are checked. */
int create_file(struct dentry *dir, struct dentry *d, u32 mode, bool excl);
/* The last component of a walk that must be a new name: type and slash rules, dir locked. */
int new_name_begin(struct walk *w, bool isdir, struct dentry **out) __must_check;
void new_name_end(struct walk *w, struct dentry *d);

#endif
