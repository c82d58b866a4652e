/* SPDX-License-Identifier: MIT */
/*
 * One line per file system. The order is that of /proc/filesystems.
 */
#include "fs/fs.h"

#include <stddef.h>

const struct fs_type *const fs_table[] = {
#ifdef CONFIG_SYSFS
	&sysfs_type,
#endif
#ifdef CONFIG_TMPFS
	&tmpfs_type,
	&ramfs_type,
	&devtmpfs_type,
#endif
#ifdef CONFIG_PROCFS
	&procfs_type,
#endif
	&devpts_type,
#ifdef CONFIG_HOSTFS
	&hostfs_type,
#endif
	&overlay_type,
#ifdef CONFIG_EXT4
	&ext3_type,
	&ext2_type,
	&ext4_type,
#endif
#ifdef CONFIG_SQUASHFS
	&squashfs_type,
#endif
	NULL,
};
