/* SPDX-License-Identifier: MIT */
/*
 * Superblocks, as the files of vfs/ see them; everybody else uses vfs.h.
 */
#ifndef VFS_SUPER_H
#define VFS_SUPER_H

#include "vfs/vfs.h"

/* An inode of sb was freed. May block: it may be the end of a dying superblock. */
void super_inode_gone(struct super *sb);
/* mount(2)'s flags that belong to the superblock; the rest belongs to the mount. */
#define SB_FLAGS_K (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | \
		    MS_POSIXACL | MS_I_VERSION | MS_LAZYTIME)

#endif
