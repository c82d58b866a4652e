/* SPDX-License-Identifier: MIT */
/* System calls that open files, move their bytes, and change their length. */
#include "sys/sys.h"

#include "abi/fadvise.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "sys/arg.h"
#include "vfs/cached.h"

/* --- open --- */

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define SYNC_BIT (O_SYNC & ~O_DSYNC)
#define OPEN_FLAGS (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |     \
		    O_SYNC | O_DSYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY |             \
		    O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | TMPFILE_BIT)
#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define RESOLVE_KNOWN (RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS |             \
		       RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED)

static int check_how(struct open_how *how)
{
	u64 flags = how->flags;
	bool creates = flags & (O_CREAT | TMPFILE_BIT);

	if (flags & ~(u64)OPEN_FLAGS || how->resolve & ~(u64)RESOLVE_KNOWN)
		return -EINVAL;
	if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (creates ? how->mode & ~(u64)S_IALLUGO : how->mode != 0)
		return -EINVAL;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	if (flags & TMPFILE_BIT && (!(flags & O_DIRECTORY) || !(flags & (O_WRONLY | O_RDWR))))
		return -EINVAL;
	if (flags & O_PATH && flags & ~(u64)PATH_FLAGS)
		return -EINVAL;
	/* Nothing is known to be cached for sure. */
	if (how->resolve & RESOLVE_CACHED)
		return -EAGAIN;
	return 0;
}

static u32 lookup_flags(u64 resolve)
{
	static const struct {
		u64 resolve;
		u32 lookup;
	} map[] = {
		{ RESOLVE_NO_XDEV, LOOKUP_NO_XDEV }, { RESOLVE_BENEATH, LOOKUP_BENEATH },
		{ RESOLVE_IN_ROOT, LOOKUP_IN_ROOT }, { RESOLVE_NO_SYMLINKS, LOOKUP_NO_SYMLINKS },
		{ RESOLVE_NO_MAGICLINKS, LOOKUP_NO_MAGICLINKS },
	};
	u32 lookup = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(map); i++) {
		if (resolve & map[i].resolve)
			lookup |= map[i].lookup;
	}
	return lookup;
}

static long do_open(int dirfd, upath_t upath, struct open_how *how)
{
	const char *name;
	struct file *f;
	u32 flags;
	int fd, err = check_how(how);

	if (err)
		return err;
	err = arg_path(upath, &name);
	if (err)
		return err;
	flags = how->flags;
	if (flags & SYNC_BIT)
		flags |= O_DSYNC;
	fd = fd_alloc(0, flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	err = vfs_open(dirfd, name, flags, how->mode, lookup_flags(how->resolve), &f);
	if (err) {
		fd_cancel(fd);
		return err;
	}
	fd_install(fd, f);
	return fd;
}

/* open() and openat() ignore what they do not know; openat2() refuses it. */
static long old_open(int dirfd, upath_t upath, u32 flags, u32 mode)
{
	struct open_how how = { .flags = flags & OPEN_FLAGS, .mode = mode & S_IALLUGO };

	if (how.flags & O_PATH)
		how.flags &= PATH_FLAGS;
	else
		how.flags |= O_LARGEFILE;
	if (!(how.flags & (O_CREAT | TMPFILE_BIT)))
		how.mode = 0;
	return do_open(dirfd, upath, &how);
}

long sys_open(upath_t path, uoflags_t flags, umode_t mode)
{
	return old_open(AT_FDCWD, path, flags, mode);
}

long sys_openat(udirfd_t dirfd, upath_t path, uoflags_t flags, umode_t mode)
{
	return old_open(dirfd, path, flags, mode);
}

long sys_creat(upath_t path, umode_t mode)
{
	return old_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

long sys_openat2(udirfd_t dirfd, upath_t path, uaddr_t uhow, size_t size)
{
	struct open_how how;
	int err;

	if (size < sizeof(how))
		return -EINVAL;
	err = arg_sized_struct(&how, sizeof(how), uhow, size);
	if (err)
		return err;
	if (!(how.flags & O_PATH))
		how.flags |= O_LARGEFILE;
	return do_open(dirfd, path, &how);
}

/* --- read and write --- */

/* Linux's access_ok(): the buffer lies in the guest's half. */
static int check_buf(ubuf_t buf, size_t count)
{
	return count > GUEST_TASK_SIZE || buf > GUEST_TASK_SIZE - count ? -EFAULT : 0;
}

/* A stream has no positions, whatever it was opened for. */
static int check_mode(const struct file *f, const off64 *pos, bool write)
{
	if (pos && f->ops->stream)
		return -ESPIPE;
	return f->mode & (write ? FMODE_WRITE : FMODE_READ) ? 0 : -EBADF;
}

/* The guest process has begun with the call by itself, as it says: what is left. */
static size_t move_on(ubuf_t *buf, size_t *count, off64 *pos)
{
	size_t moved = MIN(current->moved, MIN(*count, MAX_RW_COUNT));

	*buf += moved;
	*count -= moved;
	if (pos)
		*pos = (off64)((u64)*pos + moved);
	return moved;
}

static ssize move_one(int fd, ubuf_t buf, size_t count, off64 *pos, bool write)
{
	struct file *f = fd_get(fd);
	struct iter it;
	ssize ret;

	if (!f)
		return -EBADF;
	ret = check_mode(f, pos, write);
	if (!ret)
		ret = check_buf(buf, count);
	if (!ret) {
		size_t moved = move_on(&buf, &count, pos);

		fd_serve(fd, f);
		iter_init_user(&it, buf, count);
		ret = write ? vfs_write(f, &it, pos) : vfs_read(f, &it, pos);
		file_used(f, ret);
		if (moved)
			ret = ret < 0 ? (ssize)moved : ret + (ssize)moved;
	}
	fput(f);
	return ret;
}

long sys_read(ufd_t fd, ubuf_t buf, size_t count)
{
	return move_one(fd, buf, count, NULL, false);
}

long sys_write(ufd_t fd, ubuf_t buf, size_t count)
{
	return move_one(fd, buf, count, NULL, true);
}

long sys_pread64(ufd_t fd, ubuf_t buf, size_t count, s64 pos)
{
	off64 at = pos;

	return pos < 0 ? -EINVAL : move_one(fd, buf, count, &at, false);
}

long sys_pwrite64(ufd_t fd, ubuf_t buf, size_t count, s64 pos)
{
	off64 at = pos;

	return pos < 0 ? -EINVAL : move_one(fd, buf, count, &at, true);
}

static ssize move_vec(int fd, uaddr_t vec, u64 vlen, off64 *pos, bool write, int rwf)
{
	struct file *f = fd_get(fd);
	struct iter it;
	ssize ret = 0;

	if (!f)
		return -EBADF;
	if (pos && f->ops->stream)
		ret = -ESPIPE;
	else if (!(f->mode & (write ? FMODE_WRITE : FMODE_READ)))
		ret = -EBADF;
	if (!ret)
		ret = iter_init_iovec(&it, vec, vlen);
	if (!ret)
		ret = write ? vfs_write_flags(f, &it, pos, rwf) : vfs_read_flags(f, &it, pos, rwf);
	fput(f);
	return ret;
}

long sys_readv(ufd_t fd, uaddr_t vec, u64 vlen)
{
	return move_vec(fd, vec, vlen, NULL, false, 0);
}

long sys_writev(ufd_t fd, uaddr_t vec, u64 vlen)
{
	return move_vec(fd, vec, vlen, NULL, true, 0);
}

static long move_vec_at(int fd, uaddr_t vec, u64 vlen, s64 pos, bool write, int rwf)
{
	off64 at = pos;

	return pos < 0 ? -EINVAL : move_vec(fd, vec, vlen, &at, write, rwf);
}

/* The position comes in two halves; in 64 bits the low one holds it all. */
long sys_preadv(ufd_t fd, uaddr_t vec, u64 vlen, u64 pos_l, u64 pos_h)
{
	return move_vec_at(fd, vec, vlen, pos_l, false, 0);
}

long sys_pwritev(ufd_t fd, uaddr_t vec, u64 vlen, u64 pos_l, u64 pos_h)
{
	return move_vec_at(fd, vec, vlen, pos_l, true, 0);
}

long sys_preadv2(ufd_t fd, uaddr_t vec, u64 vlen, u64 pos_l, u64 pos_h, uhex_t flags)
{
	if ((s64)pos_l == -1)
		return move_vec(fd, vec, vlen, NULL, false, flags);
	return move_vec_at(fd, vec, vlen, pos_l, false, flags);
}

long sys_pwritev2(ufd_t fd, uaddr_t vec, u64 vlen, u64 pos_l, u64 pos_h, uhex_t flags)
{
	if ((s64)pos_l == -1)
		return move_vec(fd, vec, vlen, NULL, true, flags);
	return move_vec_at(fd, vec, vlen, pos_l, true, flags);
}

long sys_lseek(ufd_t fd, s64 offset, int whence)
{
	struct file *f = fd_get(fd);
	off64 ret;

	if (!f)
		return -EBADF;
	fd_serve(fd, f);
	ret = vfs_llseek(f, offset, whence);
	file_used(f, 0);
	fput(f);
	return ret;
}

/* --- length and space --- */

long sys_truncate(upath_t upath, s64 len)
{
	struct path path;
	int err;

	if (len < 0)
		return -EINVAL;
	err = arg_lookup(AT_FDCWD, upath, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = vfs_truncate(&path, len, NULL);
	path_put(&path);
	return err;
}

long sys_ftruncate(ufd_t fd, s64 len)
{
	struct file *f;
	int err;

	if (len < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	err = vfs_truncate(NULL, len, f);
	fput(f);
	return err;
}

static int check_fallocate(const struct file *f, u32 mode, s64 offset, s64 len)
{
	u32 known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE |
		    FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE;
	u32 fmt = f->inode ? f->inode->mode & S_IFMT : 0;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~known)
		return -EOPNOTSUPP;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) ==
	    (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_COLLAPSE_RANGE && mode != FALLOC_FL_COLLAPSE_RANGE) ||
	    (mode & FALLOC_FL_INSERT_RANGE && mode != FALLOC_FL_INSERT_RANGE) ||
	    (mode & FALLOC_FL_UNSHARE_RANGE &&
	     mode & ~(u32)(FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE)))
		return -EINVAL;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (mode & ~(u32)FALLOC_FL_KEEP_SIZE && f->flags & O_APPEND)
		return -EPERM;
	/* Flags that came since it was opened. */
	if (f->inode && (f->inode->fsflags & FS_IMMUTABLE_FL ||
			 (f->inode->fsflags & FS_APPEND_FL && mode & ~(u32)FALLOC_FL_KEEP_SIZE)))
		return -EPERM;
	if (fmt == S_IFIFO)
		return -ESPIPE;
	if (fmt == S_IFDIR)
		return -EISDIR;
	if (fmt != S_IFREG && fmt != S_IFBLK)
		return -ENODEV;
	if (len > INT64_MAX - offset)
		return -EFBIG;
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	if (fmt == S_IFREG && !(mode & ~(u32)FALLOC_FL_ZERO_RANGE))
		return vfs_may_grow(f->inode, (u64)(offset + len));
	return 0;
}

long sys_fallocate(ufd_t fd, uhex_t mode, s64 offset, s64 len)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = check_fallocate(f, mode, offset, len);
	if (!err && S_ISREG(f->inode->mode))
		err = file_remove_privs(f);
	if (!err)
		err = f->ops->fallocate(f, mode, offset, len);
	fput(f);
	return err;
}

/* --- to disk --- */

static long do_fsync(int fd, bool datasync)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = f->ops->fsync ? f->ops->fsync(f, datasync) : -EINVAL;
	fput(f);
	return err;
}

long sys_fsync(ufd_t fd)
{
	return do_fsync(fd, false);
}

long sys_fdatasync(ufd_t fd)
{
	return do_fsync(fd, true);
}

long sys_sync(void)
{
	vfs_sync_all();
	return 0;
}

long sys_syncfs(ufd_t fd)
{
	struct file *f = fd_get(fd);
	struct super *sb;
	int err = 0;

	if (!f)
		return -EBADF;
	sb = f->inode ? f->inode->sb : NULL;
	if (sb && sb->ops->sync)
		err = sb->ops->sync(sb);
	fput(f);
	return err;
}

static bool is_seekable(const struct file *f)
{
	u32 fmt = f->inode ? f->inode->mode & S_IFMT : 0;

	return fmt == S_IFREG || fmt == S_IFBLK || fmt == S_IFDIR || fmt == S_IFLNK;
}

long sys_sync_file_range(ufd_t fd, s64 offset, s64 len, uhex_t flags)
{
	u32 known = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		    SYNC_FILE_RANGE_WAIT_AFTER;
	struct file *f = fd_get(fd);
	int err = 0;

	if (!f)
		return -EBADF;
	if (flags & ~known || offset < 0 || len < 0 || len > INT64_MAX - offset)
		err = -EINVAL;
	else if (!is_seekable(f))
		err = -ESPIPE;
	else
		err = file_sync_range(f, (u64)offset, len ? (u64)(offset + len) : ~0ULL, flags);
	fput(f);
	return err;
}

/* --- advice --- */

/* A length of 0, or one beyond what there can be: to the end. */
static u64 advice_end(u64 start, u64 len)
{
	return len && start + len > start ? start + len : ~0ULL;
}

long sys_fadvise64(ufd_t fd, s64 offset, size_t len, int advice)
{
	struct file *f = fd_get(fd);
	int err = 0;

	if (!f)
		return -EBADF;
	if (f->inode && S_ISFIFO(f->inode->mode))
		err = -ESPIPE;
	else if ((s64)len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		err = -EINVAL;
	else
		err = file_advise(f, (u64)offset, advice_end((u64)offset, len), advice);
	fput(f);
	return err;
}

long sys_readahead(ufd_t fd, s64 offset, size_t count)
{
	struct file *f = fd_get(fd);
	int err = 0;

	if (!f)
		return -EBADF;
	if (!(f->mode & FMODE_READ))
		err = -EBADF;
	else if (!f->inode || (!S_ISREG(f->inode->mode) && !S_ISBLK(f->inode->mode)))
		err = -EINVAL;
	else
		err = file_readahead(f, (u64)offset, (u64)offset + count);
	fput(f);
	return err;
}
