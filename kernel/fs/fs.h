/* SPDX-License-Identifier: MIT */
/*
 * The file systems of this kernel. main.c hands the table to the VFS.
 */
#ifndef FS_FS_H
#define FS_FS_H

#include "vfs/types.h"

extern const struct fs_type *const fs_table[];	/* NULL terminated */

extern const struct fs_type hostfs_type, tmpfs_type, ramfs_type, devtmpfs_type, devpts_type,
	procfs_type, sysfs_type, overlay_type, ext2_type, ext3_type, ext4_type, squashfs_type;

#endif
