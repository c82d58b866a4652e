/* SPDX-License-Identifier: MIT */
/*
 * What the VFS needs before the first file: the dentry cache, and mm's way to hold files.
 */
#include "vfs/vfs.h"

#include "mm/mm.h"
#include "vfs/dcache.h"

int vfs_init(void)
{
	int err = dcache_init();

	if (err)
		return err;
	mm_file_hooks.get = fget_ref;
	mm_file_hooks.put = fput;
	return 0;
}
