/* SPDX-License-Identifier: MIT */
/*
 * The sys file system: a small fixed tree of what programs look for.
 */
#ifndef FS_SYSFS_SYSFS_H
#define FS_SYSFS_SYSFS_H

struct fs_type;

extern const struct fs_type sysfs_type;

#endif
