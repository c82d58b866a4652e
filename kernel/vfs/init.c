/* SPDX-License-Identifier: MIT */
/*
 * What the VFS needs before the first file: the dentry cache, and mm's way to hold files.
 */
#include "vfs/vfs.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "mm/mm.h"
#include "vfs/dcache.h"

static int sync_mapped(struct file *f, u64 off, u64 len)
{
	return f->ops->fsync ? f->ops->fsync(f, false) : 0;
}

static int punch_mapped(struct file *f, u64 off, u64 len)
{
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	return f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off64)off, (off64)len);
}

int vfs_init(void)
{
	int err = dcache_init();

	if (err)
		return err;
	mm_file_hooks.get = fget_ref;
	mm_file_hooks.put = fput;
	mm_file_hooks.sync = sync_mapped;
	mm_file_hooks.punch = punch_mapped;
	return 0;
}
