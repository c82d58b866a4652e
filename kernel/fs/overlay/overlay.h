/* SPDX-License-Identifier: MIT */
/*
 * The overlay file system: a directory tree that is not changed, and one above it that takes the
 * changes.
 */
#ifndef FS_OVERLAY_OVERLAY_H
#define FS_OVERLAY_OVERLAY_H

struct fs_type;
struct mount;

extern const struct fs_type overlay_type;

/* For a root: lower (taken on success) below a fresh tmpfs. 0 or -errno. May block. */
int overlay_over(struct mount *lower, struct mount **out);

#endif
