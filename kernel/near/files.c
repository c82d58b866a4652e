/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that the process serves itself (struct near_fd): /dev/null and /dev/zero without the host,
 * regular files by one host call on the descriptor that the far kernel has given.
 *
 * fstat is answered from the attributes that the far kernel has put beside the table.
 *
 * Only what succeeds is answered here; every error, and every question that the table does not answer, is the far
 * kernel's, which makes the call again from where we got to (near_area.moved). So no error number and no
 * signal is ever decided here.
 *
 * close() in another thread: the host descriptor has the guest's number, so a call that comes late finds the old
 * file, none (and asks the far kernel), or the file that has the number now, as on Linux.
 */
#include "near/near.h"

#include <asm/stat.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#define RW_MAX 0x7ffff000UL		/* MAX_RW_COUNT */
#define ZERO_MAX (16UL << 20)		/* no signal is looked at meanwhile */

static struct near_fd *entry_of(const struct near_area *a, u64 fd)
{
	if (!(READ_ONCE(a->files) & NFILES_TABLE) || (u32)fd >= NEAR_FDS)
		return 0;
	return (struct near_fd *)(NEAR_SHARED + AREA_FDS) + (u32)fd;
}

static u32 word_of(const struct near_fd *e)
{
	return __atomic_load_n(&e->word, __ATOMIC_ACQUIRE);
}

static bool in_guest(u64 addr, u64 n)
{
	return addr < NEAR_BASE && n <= NEAR_BASE - addr;
}

static bool pos_lock(struct near_fd *e)
{
	u32 free = NFDL_FREE;

	return __atomic_compare_exchange_n(&e->lock, &free, NFDL_NEAR, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void pos_unlock(struct near_fd *e)
{
	__atomic_store_n(&e->lock, NFDL_FREE, __ATOMIC_RELEASE);
}

struct transfer {
	long nr;		/* pread64 or pwrite64 */
	u64 fd, buf, n, pos;
	u64 done;
};

/* All of it, or up to the end of the file. False: the host refused to go on. */
static bool transfer(struct transfer *t)
{
	long r;

	t->done = 0;
	do {
		r = near_syscall6(t->nr, t->fd, t->buf + t->done, t->n - t->done, t->pos + t->done, 0, 0);
		if (r < 0)
			return false;
		t->done += (u64)r;
	} while (r && t->done < t->n);
	return true;
}

static bool may(const struct near_area *a, const struct near_fd *e, u32 word, const struct transfer *t)
{
	if (t->nr == __NR_pread64)
		return word & NFD_READ;
	return word & NFD_WRITE && READ_ONCE(a->files) & NFILES_WRITE && t->pos <= READ_ONCE(e->limit) &&
	       t->n <= READ_ONCE(e->limit) - t->pos;
}

/* Times are others now. Afterwards: whoever asks meanwhile may be told either. */
static void count_move(struct near_fd *e)
{
	__atomic_fetch_add(&e->moves, 1, __ATOMIC_SEQ_CST);
}

static bool answer(struct near_area *a, const struct transfer *t, bool all, long *result)
{
	if (!all) {
		a->moved = t->done;
		return false;
	}
	*result = (long)t->done;
	return true;
}

static bool file_at(struct near_area *a, struct near_fd *e, struct transfer *t, long *result)
{
	bool all;

	if ((s64)t->pos < 0 || !may(a, e, word_of(e), t))
		return false;
	all = transfer(t);
	count_move(e);
	return answer(a, t, all, result);
}

static bool file_next(struct near_area *a, struct near_fd *e, struct transfer *t, long *result)
{
	bool all = false;
	u32 word;

	if (!pos_lock(e))
		return false;
	word = word_of(e);
	t->pos = e->pos;
	t->done = 0;
	if (word & NFD_POS && may(a, e, word, t)) {
		all = transfer(t);
		count_move(e);
		e->pos = t->pos + t->done;
	}
	pos_unlock(e);
	return answer(a, t, all, result);
}

static bool read_zero(u64 buf, u64 n, long *result)
{
	if (n > ZERO_MAX || near_clear((void *)buf, n))
		return false;
	*result = (long)n;
	return true;
}

static bool local_move(struct near_area *a, long nr, const u64 *args, long *result)
{
	bool positioned = nr == __NR_pread64 || nr == __NR_pwrite64;
	bool write = nr == __NR_write || nr == __NR_pwrite64;
	struct near_fd *e = entry_of(a, args[0]);
	u64 n = args[2];
	struct transfer t;
	u32 word;

	if (!e || (s64)n < 0 || !in_guest(args[1], n) || (positioned && (s64)args[3] < 0))
		return false;
	word = word_of(e);
	n = MIN(n, RW_MAX);
	if ((word & NFD_KIND) == NFD_FILE) {
		t.nr = write ? __NR_pwrite64 : __NR_pread64;
		t.fd = NEAR_FD_BASE + (u32)args[0];
		t.buf = args[1];
		t.n = n;
		t.pos = args[3];
		return positioned ? file_at(a, e, &t, result) : file_next(a, e, &t, result);
	}
	if (!(word & (write ? NFD_WRITE : NFD_READ)))
		return false;
	if (!write && (word & NFD_KIND) == NFD_ZERO)
		return read_zero(args[1], n, result);
	*result = write ? (long)n : 0;
	return true;
}

/* Where the file ends only the host knows. Its own position is nobody's: all reading and writing names one. */
static s64 seek_base(const struct near_fd *e, u32 fd, u32 whence)
{
	if (whence == SEEK_SET)
		return 0;
	if (whence == SEEK_CUR)
		return (s64)e->pos;
	return near_syscall3(__NR_lseek, NEAR_FD_BASE + fd, 0, SEEK_END);
}

static bool local_lseek(struct near_area *a, const u64 *args, long *result)
{
	struct near_fd *e = entry_of(a, args[0]);
	u32 whence = (u32)args[2];
	s64 base;
	u64 pos;

	if (!e || !(word_of(e) & NFD_POS) || whence > SEEK_END || !pos_lock(e))
		return false;
	base = seek_base(e, (u32)args[0], whence);
	pos = args[1] + (u64)base;
	if (!(word_of(e) & NFD_POS) || base < 0 || (s64)pos < 0) {
		pos_unlock(e);
		return false;
	}
	e->pos = pos;
	pos_unlock(e);
	*result = (long)pos;
	return true;
}

/* False: they do not hold, or did not all the time. */
static bool read_attr(const struct near_attr *at, const struct near_fd *e, struct stat *st)
{
	u32 stamp = __atomic_load_n(&at->stamp, __ATOMIC_ACQUIRE);

	if (!stamp)
		return false;
	*st = (struct stat){
		.st_dev = at->dev, .st_ino = at->ino, .st_nlink = at->nlink, .st_mode = at->mode,
		.st_uid = at->uid, .st_gid = at->gid, .st_rdev = at->rdev, .st_size = (long)at->size,
		.st_blksize = at->blksize, .st_blocks = (long)at->blocks,
		.st_atime = (u64)at->atime, .st_atime_nsec = at->atime_nsec,
		.st_mtime = (u64)at->mtime, .st_mtime_nsec = at->mtime_nsec,
		.st_ctime = (u64)at->ctime, .st_ctime_nsec = at->ctime_nsec,
	};
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return READ_ONCE(at->stamp) == stamp && at->moves == READ_ONCE(e->moves);
}

static bool local_fstat(const struct near_area *a, u64 fd, u64 buf, long *result)
{
	const struct near_attr *at = (const struct near_attr *)(NEAR_SHARED + AREA_ATTRS) + (u32)fd;
	const struct near_fd *e = entry_of(a, fd);
	struct stat st;

	if (!e || !in_guest(buf, sizeof(st)) || !read_attr(at, e, &st))
		return false;
	*result = 0;
	return !near_copy((void *)buf, &st, sizeof(st));
}

/* fstat as the C library calls it: no name. */
static bool local_fstatat(const struct near_area *a, const u64 *args, long *result)
{
	char first;

	return (u32)args[3] == AT_EMPTY_PATH && in_guest(args[1], 1) &&
	       !near_copy(&first, (const void *)args[1], 1) && !first &&
	       local_fstat(a, args[0], args[2], result);
}

bool near_files(struct near_area *a, long nr, const u64 *args, long *result)
{
	switch (nr) {
	case __NR_read:
	case __NR_write:
	case __NR_pread64:
	case __NR_pwrite64:
		return local_move(a, nr, args, result);
	case __NR_lseek:
		return local_lseek(a, args, result);
	case __NR_fstat:
		return local_fstat(a, args[0], args[1], result);
	case __NR_newfstatat:
		return local_fstatat(a, args, result);
	}
	return false;
}
