/* SPDX-License-Identifier: MIT */
/*
 * tmpfs for other parts of fs/: devtmpfs is one that is filled by the kernel.
 */
#ifndef FS_TMPFS_TMPFS_H
#define FS_TMPFS_TMPFS_H

#include "vfs/types.h"

/* A new, empty tmpfs of type t; data as in mount -o. Returns a reference. May block. */
int tmpfs_super_new(const struct fs_type *t, u32 flags, const char *data, struct super **out);
int tmpfs_remount(struct super *sb, u32 flags, const char *data);
/*
 * An object in dir, without asking who wants it. mode with type; target of symlinks. *out (may be
 * NULL) borrowed. 0, -EEXIST, -ENOMEM, -ENOSPC. Never blocks.
 */
int tmpfs_make(struct inode *dir, const char *name, u32 mode, u32 rdev, const char *target,
	       struct inode **out);
/* Takes the name of a device away again, if it still is that device's. dir's lock is held. Blocks. */
void tmpfs_unmake(struct inode *dir, const char *name, u32 mode, u32 rdev);

#endif
