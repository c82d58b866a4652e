/* SPDX-License-Identifier: MIT */
/* cachestat(2): how much of a file is in memory. */
#include "sys/sys.h"

#include "mm/pagecache.h"
#include "mm/user.h"
#include "vfs/vfs.h"

/* Newer than the headers of Debian 12. */
struct cachestat_range_k {
	u64 off, len;
};
struct cachestat_k {
	u64 cache, dirty, writeback, evicted, recently_evicted;
};

/* What was evicted is not remembered: always 0. What the host caches of hostfs is not ours: 0, too. */
static void count_pages(struct file *f, u64 first, u64 last, struct cachestat_k *cs)
{
	struct pagecache *pc = f->ops && f->ops->cache ? f->ops->cache(f) : NULL;

	if (pc)
		pagecache_count(pc, first, last, &cs->cache, &cs->dirty, &cs->writeback);
	else if (f->ops && f->ops->in_memory)
		cs->cache = cs->dirty = f->ops->in_memory(f, first, last);
}

long sys_cachestat(ufd_t fd, uaddr_t urange, uaddr_t ustat, uhex_t flags)
{
	struct cachestat_k cs = { 0 };
	struct cachestat_range_k r;
	struct file *f = fd_get(fd);
	u64 end;
	int err;

	if (!f)
		return -EBADF;
	err = copy_from_user(&r, urange, sizeof(r));
	if (!err && flags)
		err = -EINVAL;
	if (!err) {
		end = r.len && r.off + r.len > r.off ? r.off + r.len - 1 : ~0ULL;
		count_pages(f, r.off / PAGE_SIZE, end / PAGE_SIZE, &cs);
	}
	fput(f);
	return err ? err : copy_to_user(ustat, &cs, sizeof(cs));
}
