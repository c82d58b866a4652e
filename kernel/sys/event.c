/* SPDX-License-Identifier: MIT */
/*
 * System calls that make descriptors out of events and memory (eventfd, timerfd, signalfd, inotify,
 * memfd, pipe), and those that move data between descriptors (splice and its kin).
 */
#include "sys/sys.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mman.h"
#include "abi/poll.h"
#include "abi/time.h"
#include "abi/xattr.h"
#include "core/arena.h"
#include "core/sched.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "sys/arg.h"
#include "vfs/poll.h"

#define MEMFD_NAME_MAX 249
#define MFD_KNOWN (MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL_K | MFD_EXEC_K)
#define MFD_NOEXEC_SEAL_K 0x8
#define MFD_EXEC_K 0x10

/* A descriptor for f, whose reference is used up. */
static long install(struct file *f, u32 flags)
{
	int fd = fd_add(f, flags & O_CLOEXEC);

	if (fd < 0)
		fput(f);
	return fd;
}

/* ---- pipes ---- */

long sys_pipe2(uaddr_t fds, uoflags_t flags)
{
	struct file *f[2];
	int err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(f, flags);
	return err ? err : fd_add_pair(f, flags, fds);
}

long sys_pipe(uaddr_t fds)
{
	return sys_pipe2(fds, 0);
}

/* ---- eventfd, signalfd, timerfd ---- */

long sys_eventfd2(u32 count, uhex_t flags)
{
	struct file *f;
	int err;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	err = eventfd_create(count, flags, &f);
	return err ? err : install(f, flags);
}

long sys_eventfd(u32 count)
{
	return sys_eventfd2(count, 0);
}

long sys_signalfd4(ufd_t fd, uaddr_t umask, size_t size, uhex_t flags)
{
	sigmask_t mask;
	struct file *f;
	int err;

	if (size != sizeof(mask) || (flags & ~(u32)(SFD_CLOEXEC | SFD_NONBLOCK)))
		return -EINVAL;
	if (get_user(mask, umask))
		return -EFAULT;
	if (fd == -1) {
		err = signalfd_create(mask, flags, &f);
		return err ? err : install(f, flags);
	}
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	err = signalfd_set(f, mask);
	fput(f);
	return err ? err : fd;
}

long sys_signalfd(ufd_t fd, uaddr_t mask, size_t size)
{
	return sys_signalfd4(fd, mask, size, 0);
}

long sys_timerfd_create(int clock, uhex_t flags)
{
	struct file *f;
	int err = timerfd_create_file(clock, flags, &f);

	return err ? err : install(f, flags);
}

static int spec_from_user(uaddr_t from, struct timerfd_spec *spec)
{
	struct __kernel_itimerspec it;
	ktime_t *out[2] = { &spec->interval, &spec->value };
	struct __kernel_timespec *in[2] = { &it.it_interval, &it.it_value };
	int i;

	if (get_user(it, from))
		return -EFAULT;
	for (i = 0; i < 2; i++) {
		if (in[i]->tv_sec < 0 || (u64)in[i]->tv_nsec >= (u64)NSEC_PER_SEC)
			return -EINVAL;
		*out[i] = in[i]->tv_sec >= KTIME_NEVER / NSEC_PER_SEC - 1 ?
			KTIME_NEVER - 1 : in[i]->tv_sec * NSEC_PER_SEC + in[i]->tv_nsec;
	}
	return 0;
}

static int spec_to_user(uaddr_t to, const struct timerfd_spec *spec)
{
	struct __kernel_itimerspec it = {
		.it_interval = { spec->interval / NSEC_PER_SEC, spec->interval % NSEC_PER_SEC },
		.it_value = { spec->value / NSEC_PER_SEC, spec->value % NSEC_PER_SEC },
	};

	return put_user(it, to);
}

long sys_timerfd_settime(ufd_t fd, uhex_t flags, uaddr_t new_value, uaddr_t old_value)
{
	struct timerfd_spec spec, old;
	struct file *f;
	int err = spec_from_user(new_value, &spec);

	if (err)
		return err;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	err = timerfd_set(f, (int)flags, &spec, &old);
	fput(f);
	if (!err && old_value)
		err = spec_to_user(old_value, &old);
	return err;
}

long sys_timerfd_gettime(ufd_t fd, uaddr_t value)
{
	struct timerfd_spec spec;
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = timerfd_get(f, &spec);
	fput(f);
	return err ? err : spec_to_user(value, &spec);
}

/* ---- inotify ---- */

long sys_inotify_init1(uhex_t flags)
{
	struct file *f;
	int err = inotify_create(flags, &f);

	return err ? err : install(f, flags);
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

long sys_inotify_add_watch(ufd_t fd, upath_t upath, uhex_t mask)
{
	u32 lookup = mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW;
	struct file *f = fd_get(fd);
	struct path p;
	int ret;

	if (!f)
		return -EBADF;
	if (mask & IN_ONLYDIR)
		lookup |= LOOKUP_DIRECTORY;
	ret = arg_lookup(AT_FDCWD, upath, lookup, &p);
	if (!ret) {
		ret = inotify_add(f, &p, mask);
		path_put(&p);
	}
	fput(f);
	return ret;
}

long sys_inotify_rm_watch(ufd_t fd, int wd)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = inotify_rm(f, wd);
	fput(f);
	return err;
}

/* ---- memfd ---- */

long sys_memfd_create(ustr_t uname, uhex_t flags)
{
	u32 known = flags & MFD_HUGETLB ? MFD_KNOWN | (u32)MFD_HUGE_MASK << MFD_HUGE_SHIFT : MFD_KNOWN;
	char name[MEMFD_NAME_MAX + 1];
	struct file *f;
	ssize len;
	int err;

	if ((flags & ~known) || ((flags & MFD_EXEC_K) && (flags & MFD_NOEXEC_SEAL_K)))
		return -EINVAL;
	if (flags & MFD_HUGETLB)
		return -ENODEV;		/* no pool of any size */
	len = strncpy_from_user(name, uname, sizeof(name));
	if (len < 0)
		return len;
	if (len == sizeof(name))
		return -EINVAL;
	err = memfd_create_file(name, flags, flags & MFD_NOEXEC_SEAL_K ? 0666 : 0777, &f);
	return err ? err : install(f, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}

/* ---- moving data ---- */

/* An offset argument: *pos points to *val, or is NULL when none was given. */
static int offset_from_user(uaddr_t uoff, off64 *val, off64 **pos)
{
	*pos = uoff ? val : NULL;
	return uoff ? get_user(*val, uoff) : 0;
}

static int offset_to_user(uaddr_t uoff, const off64 *val)
{
	return uoff ? put_user(*val, uoff) : 0;
}

static int two_files(int a, int b, struct file *f[2])
{
	f[0] = fd_get(a);
	if (!f[0])
		return -EBADF;
	f[1] = fd_get(b);
	if (f[1])
		return 0;
	fput(f[0]);
	return -EBADF;
}

static void put_two(struct file *f[2])
{
	fput(f[0]);
	fput(f[1]);
}

typedef ssize (*mover_fn)(struct file *in, off64 *off_in, struct file *out, off64 *off_out, size_t len,
			  u32 flags);

/* splice and copy_file_range: files and offsets in, the work, offsets out. */
static long move_data(mover_fn fn, int in, uaddr_t uin, int out, uaddr_t uout, size_t len, u32 flags)
{
	off64 vin, vout, *pin, *pout;
	struct file *f[2];
	long ret = two_files(in, out, f);

	if (ret)
		return ret;
	ret = offset_from_user(uin, &vin, &pin);
	if (!ret)
		ret = offset_from_user(uout, &vout, &pout);
	if (!ret)
		ret = fn(f[0], pin, f[1], pout, len, flags);
	put_two(f);
	if (ret >= 0 && (offset_to_user(uin, &vin) || offset_to_user(uout, &vout)))
		ret = -EFAULT;
	return ret;
}

long sys_splice(ufd_t in, uaddr_t off_in, ufd_t out, uaddr_t off_out, size_t len, uhex_t flags)
{
	return len ? move_data(vfs_splice, in, off_in, out, off_out, len, flags) : 0;
}

long sys_copy_file_range(ufd_t in, uaddr_t off_in, ufd_t out, uaddr_t off_out, size_t len,
			 uhex_t flags)
{
	return move_data(vfs_copy_file_range, in, off_in, out, off_out, len, flags);
}

long sys_tee(ufd_t in, ufd_t out, size_t len, uhex_t flags)
{
	struct file *f[2];
	long ret;

	if (!len)
		return 0;
	ret = two_files(in, out, f);
	if (ret)
		return ret;
	ret = vfs_tee(f[0], f[1], len, flags);
	put_two(f);
	return ret;
}

long sys_vmsplice(ufd_t fd, uaddr_t vec, u64 vlen, uhex_t flags)
{
	struct file *f = fd_get(fd);
	struct iter it;
	long ret;

	if (!f)
		return -EBADF;
	ret = iter_init_iovec(&it, vec, vlen);
	if (!ret)
		ret = vfs_vmsplice(f, &it, flags);
	fput(f);
	return ret;
}

long sys_sendfile(ufd_t out, ufd_t in, uaddr_t offset, size_t count)
{
	off64 val, *pos;
	struct file *f[2];
	long ret = offset_from_user(offset, &val, &pos);

	if (ret)
		return ret;
	ret = two_files(in, out, f);
	if (ret)
		return ret;
	ret = vfs_sendfile(f[1], f[0], pos, count);
	put_two(f);
	if (ret >= 0 && offset_to_user(offset, &val))
		ret = -EFAULT;
	return ret;
}
