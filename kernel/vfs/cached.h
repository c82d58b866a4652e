/* SPDX-License-Identifier: MIT */
/*
 * Files whose bytes are in a page cache: what their file_ops have in common, for file systems on disks and
 * devices. f->wb_err is sampled at open (cached_open). All but cached_open may block.
 */
#ifndef VFS_CACHED_H
#define VFS_CACHED_H

#include "vfs/types.h"

void cached_open(struct file *f, struct pagecache *pc);
ssize cached_read(struct file *f, struct pagecache *pc, struct iter *to, off64 *pos);
/* file_ops.mmap. */
int cached_mmap(struct file *f, struct pagecache *pc, u32 flags, struct backing **out);
/* Writes [start, end] out; errors of write-back, each once for f. The rest of fsync (metadata, flush) is the caller's. */
int cached_sync(struct file *f, struct pagecache *pc, u64 start, u64 end);

/* Bodies of the system calls for files with file_ops.cache; 0 for others. */
int file_sync_range(struct file *f, u64 start, u64 end, u32 flags);	/* SYNC_FILE_RANGE_* */
int file_advise(struct file *f, u64 start, u64 end, int advice);	/* POSIX_FADV_* */
int file_readahead(struct file *f, u64 start, u64 end);

#endif
