/* SPDX-License-Identifier: MIT */
/*
 * Open files without a guest: descriptor tables, pipes, record locks, epoll, eventfd, splice, memfd.
 */
#include "tests/unit/fake/guest.c"
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/sched.c"

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/limits.h"
#include "abi/mman.h"
#include "abi/mount.h"
#include "abi/poll.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/time.h"
#include "tests/unit/test.h"
#include "vfs/pipe.h"
#include "vfs/poll.h"
#include "vfs/vfs.h"

#include <linux/close_range.h>

static int setup(void **state)
{
	vfs_init();
	fake_task.cred = &init_cred;
	fake_task.files = files_new();
	fake_process.rlim[7].cur = fake_process.rlim[7].max = 200;
	fake_process.rlim[1].cur = fake_process.rlim[1].max = ~0ULL;
	fake_process.tgid = 1;
	wq_init(&fake_process.signalfd_wq);
	return 0;
}

static int teardown(void **state)
{
	files_exit();
	return 0;
}

static ssize rd(struct file *f, void *buf, size_t n)
{
	struct iter it;

	iter_init_kernel(&it, buf, n);
	return vfs_read(f, &it, NULL);
}

static ssize wr(struct file *f, const void *buf, size_t n)
{
	struct iter it;

	iter_init_kernel(&it, (void *)buf, n);
	return vfs_write(f, &it, NULL);
}

static struct file *event(u64 n)
{
	struct file *f;

	assert_int_equal(eventfd_create(n, EFD_NONBLOCK, &f), 0);
	return f;
}

/* ---- descriptors ---- */

static void fds_are_lowest_first(void **state)
{
	int i;

	for (i = 0; i < 200; i++)
		assert_int_equal(fd_add(event(0), 0), i);
	struct file *f = event(0);
	assert_int_equal(fd_add(f, 0), -EMFILE);
	assert_int_equal(fd_close(70), 0);
	assert_int_equal(fd_close(3), 0);
	assert_int_equal(fd_close(3), -EBADF);
	assert_int_equal(fd_alloc(4, 0), 70);
	fd_cancel(70);
	assert_int_equal(fd_alloc(200, 0), -EINVAL);
	assert_int_equal(fd_add(f, O_CLOEXEC), 3);
	assert_int_equal(fd_get_flags(3), FD_CLOEXEC);
	assert_int_equal(fd_dup2(5, 3, 0), 3);
	assert_int_equal(fd_get_flags(3), 0);
	assert_int_equal(fd_dup2(5, 200, 0), -EBADF);
	assert_int_equal(fd_set_flags(199, FD_CLOEXEC), 0);
	files_close_on_exec(fake_task.files);
	assert_null(fd_get(199));
	assert_int_equal(fd_close_range(10, ~0u, 0), 0);
	assert_int_equal(files_next_fd(fake_task.files, 10), -1);
	assert_int_equal(fd_close_range(4, 5, CLOSE_RANGE_CLOEXEC), 0);
	assert_int_equal(fd_get_flags(5), FD_CLOEXEC);
	assert_int_equal(fd_close_range(5, 4, 0), -EINVAL);
}

static void fds_are_shared_or_copied(void **state)
{
	struct files *mine = fake_task.files, *copy;

	assert_int_equal(fd_add(event(0), 0), 0);
	assert_int_equal(fd_add(event(0), 0), 1);
	copy = files_dup(mine);
	assert_int_equal(fd_close(0), 0);
	assert_int_equal(files_next_fd(copy, 0), 0);
	files_put(copy);
	files_get(mine);
	assert_int_equal(fd_close_range(0, 1, CLOSE_RANGE_UNSHARE), 0);
	assert_ptr_not_equal(mine, fake_task.files);
	assert_int_equal(files_next_fd(mine, 0), 1);
	assert_int_equal(files_next_fd(fake_task.files, 0), -1);
	files_put(mine);
}

/* ---- pipes ---- */

static void pipe_carries_bytes_in_order(void **state)
{
	static u8 in[70000], out[70000];
	struct file *p[2];
	u32 seed = 1, i;
	size_t wpos = 0, rpos = 0;

	assert_int_equal(pipe_create(p, O_NONBLOCK), 0);
	for (i = 0; i < sizeof(in); i++)
		in[i] = (u8)(i * 7 + i / 256);
	for (i = 0; i < 3000; i++) {
		size_t n;
		ssize got;

		seed = seed * 1103515245 + 12345;
		n = (seed >> 16) % 9000 + 1;
		if (seed & 0x40000000) {
			n = MIN(n, sizeof(in) - wpos % sizeof(in));
			got = wr(p[1], in + wpos % sizeof(in), n);
			if (got > 0)
				wpos += got;
			else
				assert_int_equal(got, -EAGAIN);
			if (n <= 4096 && got > 0)
				assert_int_equal(got, n);
		} else {
			got = rd(p[0], out, n);
			if (got < 0) {
				assert_int_equal(got, -EAGAIN);
				assert_int_equal(rpos, wpos);
				continue;
			}
			for (n = 0; n < (size_t)got; n++)
				assert_int_equal(out[n], in[(rpos + n) % sizeof(in)]);
			rpos += got;
		}
		assert_true(wpos - rpos <= 65536);
	}
	fput(p[1]);
	while (rd(p[0], out, sizeof(out)) > 0)
		;
	assert_int_equal(rd(p[0], out, 1), 0);
	fput(p[0]);
}

static void pipe_fills_up_and_polls(void **state)
{
	static u8 buf[65536];
	struct file *p[2];

	assert_int_equal(pipe_create(p, O_NONBLOCK), 0);
	assert_int_equal(vfs_poll(p[0], NULL), 0);
	assert_int_equal(vfs_poll(p[1], NULL), EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(wr(p[1], buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(wr(p[1], buf, 1), -EAGAIN);
	assert_int_equal(vfs_poll(p[1], NULL), 0);
	assert_int_equal(rd(p[0], buf, 4095), 4095);
	assert_int_equal(vfs_poll(p[1], NULL), 0);
	assert_int_equal(wr(p[1], buf, 4096), -EAGAIN);
	assert_int_equal(rd(p[0], buf, 1), 1);
	assert_int_equal(vfs_poll(p[1], NULL), EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(file_fcntl(p[0], F_GETPIPE_SZ, 0), 65536);
	assert_int_equal(file_fcntl(p[0], F_SETPIPE_SZ, 4096), -EBUSY);
	assert_int_equal(file_fcntl(p[0], F_SETPIPE_SZ, 100000), 131072);
	assert_int_equal(wr(p[1], buf, sizeof(buf)), sizeof(buf));
	fput(p[0]);
	assert_int_equal(vfs_poll(p[1], NULL), EPOLLOUT | EPOLLWRNORM | EPOLLERR);
	fput(p[1]);
}

static void pipe_keeps_packets(void **state)
{
	struct file *p[2];
	char buf[100];

	assert_int_equal(pipe_create(p, O_NONBLOCK | O_DIRECT), 0);
	assert_int_equal(wr(p[1], "hello", 5), 5);
	assert_int_equal(wr(p[1], "world!", 6), 6);
	assert_int_equal(file_set_flags(p[1], O_NONBLOCK), 0);
	assert_int_equal(wr(p[1], "ab", 2), 2);
	assert_int_equal(wr(p[1], "cd", 2), 2);
	assert_int_equal(rd(p[0], buf, 3), 3);
	assert_int_equal(rd(p[0], buf, 100), 6);
	assert_memory_equal(buf, "world!", 6);
	assert_int_equal(rd(p[0], buf, 100), 4);
	assert_int_equal(rd(p[0], buf, 100), -EAGAIN);
	fput(p[0]);
	fput(p[1]);
}

static void splice_moves_and_tees(void **state)
{
	struct file *a[2], *b[2], *m;
	char buf[100];
	off64 off = 2;

	assert_int_equal(pipe_create(a, O_NONBLOCK), 0);
	assert_int_equal(pipe_create(b, O_NONBLOCK), 0);
	assert_int_equal(memfd_create_file("m", 0, 0777, &m), 0);
	assert_int_equal(wr(a[1], "0123456789", 10), 10);
	assert_int_equal(vfs_tee(a[0], b[1], 4, 0), 4);
	assert_int_equal(vfs_splice(a[0], NULL, m, &off, 6, 0), 6);
	assert_int_equal(off, 8);
	assert_int_equal(vfs_splice(a[0], NULL, b[1], NULL, 100, 0), 4);
	assert_int_equal(rd(b[0], buf, 100), 8);
	assert_memory_equal(buf, "01236789", 8);
	off = 1;
	assert_int_equal(vfs_splice(m, &off, b[1], NULL, 100, 0), 7);
	assert_int_equal(rd(b[0], buf, 100), 7);
	assert_memory_equal(buf, "\0" "012345", 7);
	assert_int_equal(vfs_splice(a[0], NULL, a[1], NULL, 1, 0), -EINVAL);
	assert_int_equal(vfs_splice(m, NULL, m, NULL, 1, 0), -EINVAL);
	assert_int_equal(vfs_splice(a[0], NULL, b[1], NULL, 1, 0), -EAGAIN);
	fput(a[0]);
	fput(a[1]);
	fput(b[0]);
	fput(b[1]);
	fput(m);
	assert_int_equal(fake_file_bytes, 0);
}

static void memfd_obeys_seals(void **state)
{
	struct file *m;
	struct backing *b;
	char buf[16];

	assert_int_equal(memfd_create_file("m", MFD_ALLOW_SEALING, 0777, &m), 0);
	assert_int_equal(wr(m, "abcd", 4), 4);
	assert_int_equal(file_fcntl(m, F_GET_SEALS, 0), 0);
	assert_int_equal(file_fcntl(m, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0);
	assert_int_equal(wr(m, "e", 1), -EPERM);
	assert_int_equal(vfs_truncate(NULL, 3, m), -EPERM);
	assert_int_equal(vfs_truncate(NULL, 5, m), -EPERM);
	assert_int_equal(m->ops->mmap(m, 3, MAP_SHARED, &b), 0);
	b->ops->mapped(b, 1);
	assert_int_equal(file_fcntl(m, F_ADD_SEALS, F_SEAL_WRITE), -EBUSY);
	b->ops->mapped(b, -1);
	backing_put(b);
	assert_int_equal(file_fcntl(m, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
	assert_int_equal(file_fcntl(m, F_ADD_SEALS, 0), -EPERM);
	assert_int_equal(m->ops->mmap(m, 3, MAP_SHARED, &b), -EPERM);
	assert_int_equal(vfs_llseek(m, 0, SEEK_SET), 0);
	assert_int_equal(wr(m, "x", 1), -EPERM);
	assert_int_equal(rd(m, buf, 16), 4);
	fput(m);
}

/* ---- locks ---- */

static int lock_cmd(struct file *f, int cmd, int type, off64 start, off64 len)
{
	struct flock fl = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
	int err = vfs_fcntl_lock(f, cmd, &fl);

	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return err ? err : fl.l_type == F_UNLCK ? -1 : (int)fl.l_start * 1000 + (int)fl.l_len;
	return err;
}

static void locks_split_and_merge(void **state)
{
	struct files *mine = fake_task.files, *other = files_new();
	struct file *m;

	assert_int_equal(memfd_create_file("m", 0, 0777, &m), 0);
	assert_int_equal(lock_cmd(m, F_SETLK, F_WRLCK, 10, 20), 0);
	assert_int_equal(lock_cmd(m, F_SETLK, F_UNLCK, 15, 5), 0);
	fake_task.files = other;
	assert_int_equal(lock_cmd(m, F_GETLK, F_WRLCK, 0, 0), 10 * 1000 + 5);
	assert_int_equal(lock_cmd(m, F_GETLK, F_WRLCK, 15, 5), -1);
	assert_int_equal(lock_cmd(m, F_GETLK, F_RDLCK, 16, 0), 20 * 1000 + 10);
	assert_int_equal(lock_cmd(m, F_SETLK, F_RDLCK, 29, 1), -EAGAIN);
	assert_int_equal(lock_cmd(m, F_SETLK, F_RDLCK, 15, 5), 0);
	assert_int_equal(lock_cmd(m, F_SETLKW, F_RDLCK, 0, 0), -ERESTARTSYS);
	assert_int_equal(lock_cmd(m, F_OFD_SETLK, F_RDLCK, 30, 0), 0);
	fake_task.files = mine;
	assert_int_equal(lock_cmd(m, F_SETLK, F_WRLCK, 30, 1), -EAGAIN);
	assert_int_equal(lock_cmd(m, F_SETLK, F_RDLCK, 15, 5), 0);
	assert_int_equal(lock_cmd(m, F_SETLK, F_RDLCK, 10, 20), 0);
	fake_task.files = other;
	assert_int_equal(lock_cmd(m, F_GETLK, F_WRLCK, 0, 30), 10 * 1000 + 20);
	locks_remove_posix(m, mine);
	assert_int_equal(lock_cmd(m, F_GETLK, F_WRLCK, 0, 20), -1);
	locks_remove_posix(m, other);
	files_put(other);
	fake_task.files = mine;
	fput(m);
}

static void flock_conflicts_by_open_file(void **state)
{
	struct file *m;

	assert_int_equal(memfd_create_file("m", 0, 0777, &m), 0);
	assert_int_equal(vfs_flock(m, LOCK_EX), 0);
	assert_int_equal(vfs_flock(m, LOCK_SH), 0);
	assert_int_equal(vfs_flock(m, 7), -EINVAL);
	assert_int_equal(vfs_flock(m, LOCK_UN), 0);
	assert_null(m->inode->flock);
	fput(m);
}

/* ---- epoll ---- */

static int collect(struct file *ep, struct epoll_event *ev)
{
	return epoll_collect(ep, ev, 8, 0);
}

static void epoll_level_edge_oneshot(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN, .data = 7 }, got[8];
	struct file *ep, *e = event(0);
	u64 one = 1;

	assert_int_equal(epoll_create_file(0, &ep), 0);
	assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, 1, e, &ev), -ENOENT);
	assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, 1, e, &ev), 0);
	assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, 1, e, &ev), -EEXIST);
	assert_int_equal(collect(ep, got), 0);
	assert_int_equal(wr(e, &one, 8), 8);
	assert_int_equal(vfs_poll(ep, NULL), EPOLLIN | EPOLLRDNORM);
	assert_int_equal(collect(ep, got), 1);
	assert_int_equal(got[0].data, 7);
	assert_int_equal(collect(ep, got), 1);
	ev.events = EPOLLIN | EPOLLET;
	assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, 1, e, &ev), 0);
	assert_int_equal(collect(ep, got), 1);
	assert_int_equal(collect(ep, got), 0);
	assert_int_equal(wr(e, &one, 8), 8);
	assert_int_equal(collect(ep, got), 1);
	ev.events = EPOLLIN | EPOLLONESHOT;
	assert_int_equal(epoll_control(ep, EPOLL_CTL_MOD, 1, e, &ev), 0);
	assert_int_equal(collect(ep, got), 1);
	assert_int_equal(wr(e, &one, 8), 8);
	assert_int_equal(collect(ep, got), 0);
	assert_int_equal(epoll_control(ep, EPOLL_CTL_ADD, 1, ep, &ev), -EINVAL);
	fput(e);
	assert_int_equal(collect(ep, got), 0);
	fput(ep);
}

static void epoll_nests_without_loops(void **state)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[8];
	struct file *ep[6], *e = event(1);
	int i;

	for (i = 0; i < 6; i++)
		assert_int_equal(epoll_create_file(0, &ep[i]), 0);
	assert_int_equal(epoll_control(ep[0], EPOLL_CTL_ADD, 1, e, &ev), 0);
	for (i = 1; i < 5; i++)
		assert_int_equal(epoll_control(ep[i], EPOLL_CTL_ADD, 1, ep[i - 1], &ev), 0);
	assert_int_equal(epoll_control(ep[5], EPOLL_CTL_ADD, 1, ep[4], &ev), -ELOOP);
	assert_int_equal(epoll_control(ep[0], EPOLL_CTL_ADD, 1, ep[2], &ev), -ELOOP);
	assert_int_equal(collect(ep[4], got), 1);
	for (i = 0; i < 6; i++)
		fput(ep[i]);
	fput(e);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
RUN(C(fds_are_lowest_first), C(fds_are_shared_or_copied), C(pipe_carries_bytes_in_order),
    C(pipe_fills_up_and_polls), C(pipe_keeps_packets), C(splice_moves_and_tees),
    C(memfd_obeys_seals), C(locks_split_and_merge), C(flock_conflicts_by_open_file),
    C(epoll_level_edge_oneshot), C(epoll_nests_without_loops))
