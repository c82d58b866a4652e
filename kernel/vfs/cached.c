/* SPDX-License-Identifier: MIT */
/*
 * Files whose bytes are in a page cache (cached.h).
 */
#include "vfs/cached.h"

#include "abi/errno.h"
#include "abi/fadvise.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/mman.h"
#include "mm/pagecache.h"
#include "vfs/vfs.h"

#define AHEAD_MAX (2UL << 20)		/* of one call; Linux takes no more than a few MiB either */

void cached_open(struct file *f, struct pagecache *pc)
{
	f->wb_err = pagecache_err_sample(pc);
}

ssize cached_read(struct file *f, struct pagecache *pc, struct iter *to, off64 *pos)
{
	ssize n = pagecache_read(pc, to, pos);

	file_accessed(f);
	return n;
}

int cached_mmap(struct file *f, struct pagecache *pc, u32 flags, struct backing **out)
{
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

	file_accessed(f);
	return pagecache_backing(pc, shared && f->mode & FMODE_WRITE, out);
}

int cached_sync(struct file *f, struct pagecache *pc, u64 start, u64 end)
{
	int err = pagecache_sync(pc, start, end), kept = pagecache_err_check(pc, &f->wb_err);

	return kept ? kept : err;
}

/* --- calls --- */

static struct pagecache *cache_of(struct file *f)
{
	return f->ops->cache ? f->ops->cache(f) : NULL;
}

/*
 * SYNC_FILE_RANGE_WRITE alone only starts writing on Linux, but waits there, too, when queues are full; here it
 * always waits. Nothing is flushed, no metadata written.
 */
int file_sync_range(struct file *f, u64 start, u64 end, u32 flags)
{
	struct pagecache *pc = cache_of(f);

	if (!pc)
		return f->ops->fsync && flags & SYNC_FILE_RANGE_WAIT_AFTER ? f->ops->fsync(f, true) : 0;
	if (flags & SYNC_FILE_RANGE_WRITE)
		return cached_sync(f, pc, start, end);
	if (!flags)
		return 0;
	pagecache_wait(pc, start, end);
	return pagecache_err_check(pc, &f->wb_err);
}

static void ahead(struct pagecache *pc, u64 start, u64 end)
{
	u64 first = start / PAGE_SIZE, last = MIN(end, start + AHEAD_MAX) / PAGE_SIZE + 1;

	for (; first < last; first += PAGE_RUN_MAX)
		pagecache_readahead(pc, first, MIN((u64)PAGE_RUN_MAX, last - first));
}

int file_readahead(struct file *f, u64 start, u64 end)
{
	struct pagecache *pc = cache_of(f);

	if (pc && end > start)
		ahead(pc, start, end);
	return 0;
}

int file_advise(struct file *f, u64 start, u64 end, int advice)
{
	struct pagecache *pc = cache_of(f);

	if (!pc)
		return 0;
	if (advice == POSIX_FADV_WILLNEED)
		ahead(pc, start, end);
	if (advice != POSIX_FADV_DONTNEED)
		return 0;
	if (pagecache_dirty(pc))
		pagecache_sync(pc, start, end);
	pagecache_invalidate(pc, start, end);
	return 0;
}
