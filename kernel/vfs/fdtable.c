/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables: number -> open file, with one bit for "in use" and one for close-on-exec.
 *
 * Tasks that were cloned with CLONE_FILES share one table. A number may be in use without a
 * file (reserved by fd_alloc() until fd_install()). Everything but the closing of files runs without
 * a blocking point, so no lock is needed beyond the kernel lock; closing takes the file out of the
 * table first.
 */
#include "vfs/vfs.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/resource.h"
#include "core/sched.h"
#include "core/sysctl.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/user.h"
#include "vfs/file.h"

#define FD_CHUNK 64			/* the table grows by at least this many */
#define FD_LIMIT (1024 * 1024)		/* fs.nr_open */

static bool bit_test(const u64 *map, int i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static void bit_put(u64 *map, int i, bool on)
{
	if (on)
		map[i / 64] |= 1ULL << (i % 64);
	else
		map[i / 64] &= ~(1ULL << (i % 64));
}

static void files_free_arrays(struct files *fs)
{
	kfree(fs->file);
	kfree(fs->used);
	kfree(fs->cloexec);
}

/* Makes room for numbers below want. */
static int files_grow(struct files *fs, int want)
{
	int max = fs->max;
	struct file **file;
	u64 *used, *cloexec;

	if (want <= max)
		return 0;
	while (max < want)
		max = max ? max * 2 : FD_CHUNK;
	file = kzalloc(max * sizeof(*file));
	used = kzalloc(max / 8);
	cloexec = kzalloc(max / 8);
	if (!file || !used || !cloexec) {
		kfree(file);
		kfree(used);
		kfree(cloexec);
		return -ENOMEM;
	}
	if (fs->max) {
		memcpy(file, fs->file, fs->max * sizeof(*file));
		memcpy(used, fs->used, fs->max / 8);
		memcpy(cloexec, fs->cloexec, fs->max / 8);
	}
	files_free_arrays(fs);
	fs->file = file;
	fs->used = used;
	fs->cloexec = cloexec;
	fs->max = max;
	return 0;
}

struct files *files_new(void)
{
	struct files *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	ref_init(&fs->ref);
	list_init(&fs->served_node);
	if (files_grow(fs, FD_CHUNK)) {
		kfree(fs);
		return NULL;
	}
	return fs;
}

struct files *files_get(struct files *fs)
{
	ref_get(&fs->ref);
	return fs;
}

/* Highest used number + 1. */
static int files_top(const struct files *fs)
{
	int w;

	for (w = fs->max / 64 - 1; w >= 0; w--)
		if (fs->used[w])
			return w * 64 + 64 - __builtin_clzll(fs->used[w]);
	return 0;
}

/* Copies numbers below limit. Reserved numbers stay the other table's. */
static struct files *files_copy(struct files *fs, int limit)
{
	struct files *new = files_new();
	int top = MIN(files_top(fs), limit);
	int i;

	if (!new)
		return NULL;
	if (files_grow(new, top)) {
		files_put(new);
		return NULL;
	}
	for (i = 0; i < top; i++) {
		if (!fs->file[i])
			continue;
		new->file[i] = fget_ref(fs->file[i]);
		served_shared(fs->file[i]);
		bit_put(new->used, i, true);
		bit_put(new->cloexec, i, bit_test(fs->cloexec, i));
	}
	return new;
}

struct files *files_dup(struct files *fs)
{
	return files_copy(fs, FD_LIMIT);
}

/* What close() does to a file that has left the table fs. */
static int file_close(struct files *fs, struct file *f)
{
	int err = 0;

	if (!(f->mode & FMODE_PATH)) {
		if (f->ops->flush)
			err = f->ops->flush(f);
		if (f->inode && f->inode->flock)
			locks_remove_posix(f, fs);
	}
	fput(f);
	return err;
}

/* Takes number fd out; the file, or NULL when it was free or only reserved. */
static struct file *files_remove(struct files *fs, int fd)
{
	struct file *f;

	if (fd < 0 || fd >= fs->max || !fs->file[fd])
		return NULL;
	f = fs->file[fd];
	fs->file[fd] = NULL;
	bit_put(fs->used, fd, false);
	bit_put(fs->cloexec, fd, false);
	if (fd < fs->next)
		fs->next = fd;
	served_gone(fs, fd, f);
	return f;
}

void files_put(struct files *fs)
{
	struct file *f;
	int i;

	if (!fs || !ref_put(&fs->ref))
		return;
	for (i = 0; i < fs->max; i++) {
		if (!fs->used[i / 64]) {
			i |= 63;
			continue;
		}
		f = files_remove(fs, i);
		if (f)
			file_close(fs, f);
	}
	served_end(fs);
	files_free_arrays(fs);
	kfree(fs);
}

void files_exit(void)
{
	struct files *fs = current->files;

	current->files = NULL;
	files_put(fs);
}

int files_unshare(void)
{
	struct files *old = current->files, *new;

	if (!old || ref_read(&old->ref) == 1)
		return 0;
	/* The limit may have been lowered since. */
	if (files_next_fd(old, sysctl.nr_open) >= 0)
		return -EMFILE;
	new = files_dup(old);
	if (!new)
		return -ENOMEM;
	current->files = new;
	current->publish = true;
	files_put(old);
	return 0;
}

void files_close_on_exec(struct files *fs)
{
	struct file *f;
	int i;

	for (i = 0; i < fs->max; i++) {
		if (!fs->cloexec[i / 64]) {
			i |= 63;
			continue;
		}
		if (!bit_test(fs->cloexec, i))
			continue;
		f = files_remove(fs, i);
		if (f)
			file_close(fs, f);
	}
}

static int nofile_limit(void)
{
	u64 lim = rlimit(RLIMIT_NOFILE);

	return lim < FD_LIMIT ? (int)lim : FD_LIMIT;
}

/* The lowest free number >= min; may be >= fs->max. */
static int files_find_free(const struct files *fs, int min)
{
	int w, i;

	if (min >= fs->max)
		return min;
	w = min / 64;
	for (i = min % 64; w < fs->max / 64; w++, i = 0) {
		u64 freebits = ~fs->used[w] & (~0ULL << i);

		if (freebits)
			return w * 64 + __builtin_ctzll(freebits);
	}
	return fs->max;
}

int fd_alloc(int min, u32 flags)
{
	struct files *fs = current->files;
	int limit = nofile_limit();
	int fd, err;

	if (min < 0 || (min > 0 && min >= limit))
		return -EINVAL;
	fd = files_find_free(fs, MAX(min, fs->next));
	if (fd >= limit)
		return -EMFILE;
	err = files_grow(fs, fd + 1);
	if (err)
		return err;
	bit_put(fs->used, fd, true);
	bit_put(fs->cloexec, fd, flags & O_CLOEXEC);
	if (min <= fs->next)
		fs->next = fd + 1;
	return fd;
}

void fd_install(int fd, struct file *f)
{
	current->files->file[fd] = f;
	served_shared(f);
}

void fd_cancel(int fd)
{
	struct files *fs = current->files;

	bit_put(fs->used, fd, false);
	bit_put(fs->cloexec, fd, false);
	if (fd < fs->next)
		fs->next = fd;
}

int fd_add(struct file *f, u32 flags)
{
	int fd = fd_alloc(0, flags);

	if (fd >= 0)
		fd_install(fd, f);
	return fd;
}

int fd_add_pair(struct file *f[2], u32 flags, uaddr_t ufds)
{
	int fd[2], err;

	fd[0] = fd_alloc(0, flags);
	fd[1] = fd[0] < 0 ? fd[0] : fd_alloc(0, flags);
	err = MIN(fd[1], 0);
	if (!err)
		err = copy_to_user(ufds, fd, sizeof(fd));
	if (!err) {
		fd_install(fd[0], f[0]);
		fd_install(fd[1], f[1]);
		return 0;
	}
	if (fd[1] >= 0)
		fd_cancel(fd[1]);
	if (fd[0] >= 0)
		fd_cancel(fd[0]);
	fput(f[0]);
	fput(f[1]);
	return err;
}

int fd_close(int fd)
{
	struct files *fs = current->files;
	struct file *f = files_remove(fs, fd);

	return f ? file_close(fs, f) : -EBADF;
}

struct file *files_get_file(struct files *fs, int fd)
{
	if (!fs || fd < 0 || fd >= fs->max || !fs->file[fd])
		return NULL;
	return fget_ref(fs->file[fd]);
}

struct file *fd_get_path(int fd)
{
	return files_get_file(current->files, fd);
}

struct file *fd_get(int fd)
{
	struct files *fs = current->files;
	struct file *f;

	if (fd < 0 || fd >= fs->max)
		return NULL;
	f = fs->file[fd];
	if (!f || (f->mode & FMODE_PATH))
		return NULL;
	return fget_ref(f);
}

/* dup2 and dup3: equal numbers are the caller's matter. */
int fd_dup2(int oldfd, int newfd, u32 flags)
{
	struct files *fs = current->files;
	struct file *f, *old;
	int err;

	if (newfd < 0 || newfd >= nofile_limit())
		return -EBADF;
	f = fd_get_path(oldfd);
	if (!f)
		return -EBADF;
	err = files_grow(fs, newfd + 1);
	if (!err && bit_test(fs->used, newfd) && !fs->file[newfd])
		err = -EBUSY;	/* another thread is about to install it */
	if (err) {
		fput(f);
		return err;
	}
	old = fs->file[newfd];
	fs->file[newfd] = f;
	bit_put(fs->used, newfd, true);
	bit_put(fs->cloexec, newfd, flags & O_CLOEXEC);
	served_shared(f);
	if (old) {
		served_gone(fs, newfd, old);
		file_close(fs, old);
	}
	return newfd;
}

int fd_get_flags(int fd)
{
	struct files *fs = current->files;

	if (fd < 0 || fd >= fs->max || !fs->file[fd])
		return -EBADF;
	return bit_test(fs->cloexec, fd) ? FD_CLOEXEC : 0;
}

int fd_set_flags(int fd, int cloexec)
{
	struct files *fs = current->files;

	if (fd < 0 || fd >= fs->max || !fs->file[fd])
		return -EBADF;
	bit_put(fs->cloexec, fd, cloexec & FD_CLOEXEC);
	return 0;
}

int files_next_fd(struct files *fs, int from)
{
	int i;

	for (i = MAX(from, 0); fs && i < fs->max; i++)
		if (fs->file[i])
			return i;
	return -1;
}

int files_fd_of(struct files *fs, const struct file *f)
{
	int i;

	for (i = 0; fs && i < fs->max; i++)
		if (fs->file[i] == f)
			return i;
	return -1;
}

int files_max(struct files *fs)
{
	return fs ? fs->max : 0;
}

/* CLOSE_RANGE_UNSHARE: a private copy; without the range when that is going to be closed anyway. */
static int range_unshare(u32 first, u32 last, u32 flags)
{
	struct files *old = current->files, *new;
	int limit = FD_LIMIT;

	if (ref_read(&old->ref) == 1)
		return 0;
	if (!(flags & CLOSE_RANGE_CLOEXEC) && last >= (u32)files_top(old) && first < FD_LIMIT)
		limit = (int)first;
	new = files_copy(old, limit);
	if (!new)
		return -ENOMEM;
	current->files = new;
	current->publish = true;
	files_put(old);
	return 0;
}

int fd_close_range(u32 first, u32 last, u32 flags)
{
	struct files *fs;
	int fd, err;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		err = range_unshare(first, last, flags);
		if (err)
			return err;
	}
	fs = current->files;
	if (first >= (u32)fs->max)
		return 0;
	for (fd = (int)first; fd < fs->max && (u32)fd <= last; fd++) {
		struct file *f;

		if (flags & CLOSE_RANGE_CLOEXEC) {
			if (fs->file[fd])
				bit_put(fs->cloexec, fd, true);
			continue;
		}
		f = files_remove(fs, fd);
		if (f)
			file_close(fs, f);
	}
	return 0;
}
