/* SPDX-License-Identifier: MIT */
/*
 * Files: opening, reading, writing, offsets, holes, attributes, locks, descriptors, and the errors of all
 * of them. Directories and names are in names.c.
 */
#include "test.h"
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static char buf[65536];

static int make(const char *name, const char *text)
{
	int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));

	EQ(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

/* The whole content is this text. */
#define HOLDS(fd, text) do {							\
	long ho_n = pread(fd, buf, sizeof(buf), 0);				\
	EQ(ho_n, sizeof(text) - 1);						\
	CHECK(!memcmp(buf, text, sizeof(text) - 1));				\
} while (0)

static long size_of(const char *name)
{
	struct stat st;

	OK(stat(name, &st));
	return st.st_size;
}

TEST(open_errors)
{
	OK(close(make("f", "x")));
	OK(mkdir("d", 0755));
	ERR(open("none", O_RDONLY), ENOENT);
	ERR(open("none/f", O_RDONLY | O_CREAT, 0644), ENOENT);
	ERR(open("f/x", O_RDONLY), ENOTDIR);
	ERR(open("f/", O_RDONLY), ENOTDIR);
	ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	ERR(open("d", O_WRONLY), EISDIR);
	ERR(open("d", O_RDWR), EISDIR);
	ERR(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	ERR(open("new/", O_RDWR | O_CREAT, 0644), EISDIR);
	ERR(open("f", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	ERR(open("", O_RDONLY), ENOENT);
	ERR(syscall(SYS_open, BAD_PTR, O_RDONLY), EFAULT);
	ERR(openat(999, "f", O_RDONLY), EBADF);
	ERR(openat(open("f", O_RDONLY), "f", O_RDONLY), ENOTDIR);
	ERR(open("d", O_TMPFILE | O_RDONLY, 0644), EINVAL);
}

TEST(open_flags)
{
	int fd = make("f", "12345"), ro = OK(open("f", O_RDONLY)), wo = OK(open("f", O_WRONLY));

	ERR(write(ro, "x", 1), EBADF);
	ERR(read(wo, buf, 1), EBADF);
	EQ(fcntl(ro, F_GETFL) & O_ACCMODE, O_RDONLY);
	EQ(fcntl(wo, F_GETFL) & O_ACCMODE, O_WRONLY);
	EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	OK(open("f", O_RDWR | O_TRUNC));
	EQ(size_of("f"), 0);
	EQ(read(ro, buf, 10), 0);
	fd = OK(open("f", O_RDWR | O_CLOEXEC));
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	OK(open("f", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_SYNC));
	OK(open("f", O_RDONLY | O_CREAT, 0));
}

TEST(lowest_descriptor)
{
	int a = OK(open(".", O_RDONLY)), b = OK(open(".", O_RDONLY)), c;

	EQ(b, a + 1);
	OK(close(a));
	c = OK(open(".", O_RDONLY));
	EQ(c, a);
	ERR(close(999), EBADF);
	ERR(close(-1), EBADF);
	OK(close(b));
	ERR(close(b), EBADF);
	ERR(read(b, buf, 1), EBADF);
	ERR(fstat(b, (struct stat *)buf), EBADF);
}

TEST(append)
{
	int a = make("f", "base"), b = OK(open("f", O_WRONLY | O_APPEND));

	EQ(write(b, "1", 1), 1);
	EQ(lseek(b, 0, SEEK_SET), 0);
	EQ(write(b, "2", 1), 1);
	EQ(lseek(b, 0, SEEK_CUR), 6);
	EQ(write(a, "!", 1), 1);
	EQ(pwrite(b, "3", 1, 0), 1);	/* Linux appends even then */
	HOLDS(a, "base!23");
	OK(fcntl(b, F_SETFL, 0));
	EQ(pwrite(b, "B", 1, 0), 1);
	HOLDS(a, "Base!23");
}

TEST(tmpfile_and_linking_it)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	char path[64];
	struct stat st;

	if (fd < 0 && errno == EOPNOTSUPP)
		SKIP("no O_TMPFILE here");
	OK(fd);
	EQ(write(fd, "tmp", 3), 3);
	OK(fstat(fd, &st));
	EQ(st.st_nlink, 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	EQ(size_of("named"), 3);
}

TEST(o_path)
{
	int fd, d;
	struct stat st;

	OK(close(make("f", "abc")));
	OK(symlink("f", "l"));
	fd = OK(open("f", O_PATH));
	ERR(read(fd, buf, 1), EBADF);
	ERR(write(fd, buf, 1), EBADF);
	ERR(fchmod(fd, 0600), EBADF);
	ERR(ioctl(fd, FIONREAD, buf), EBADF);
	OK(fstat(fd, &st));
	EQ(st.st_size, 3);
	fd = OK(open("l", O_PATH | O_NOFOLLOW));
	OK(fstat(fd, &st));
	CHECK(S_ISLNK(st.st_mode));
	EQ(readlinkat(fd, "", buf, 10), 1);
	d = OK(open(".", O_PATH | O_DIRECTORY));
	OK(openat(d, "f", O_RDONLY));
	OK(fchdir(d));
	EQ(fcntl(d, F_GETFL) & O_PATH, O_PATH);
}

TEST(seek)
{
	int fd = make("f", "0123456789");

	EQ(lseek(fd, 3, SEEK_SET), 3);
	EQ(lseek(fd, 2, SEEK_CUR), 5);
	EQ(lseek(fd, -1, SEEK_END), 9);
	EQ(lseek(fd, 100, SEEK_END), 110);
	EQ(read(fd, buf, 1), 0);
	ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	ERR(lseek(fd, -200, SEEK_CUR), EINVAL);
	ERR(lseek(fd, 0, 99), EINVAL);
	ERR(lseek(999, 0, SEEK_SET), EBADF);
	EQ(lseek(fd, 0, SEEK_CUR), 110);
	ERR(lseek(fd, LONG_MAX, SEEK_CUR), EINVAL);
}

TEST(holes)
{
	int fd = make("f", "");
	long i, n;

	EQ(pwrite(fd, "end", 3, 100000), 3);
	EQ(size_of("f"), 100003);
	n = pread(fd, buf, sizeof(buf), 0);
	EQ(n, sizeof(buf));
	for (i = 0; i < n; i++)
		if (buf[i])
			FAIL("byte %ld of the hole is not zero", i);
	EQ(lseek(fd, 0, SEEK_HOLE) >= 0, 1);
	EQ(lseek(fd, 100002, SEEK_DATA), 100002);
	EQ(lseek(fd, 100002, SEEK_HOLE), 100003);
	ERR(lseek(fd, 100003, SEEK_DATA), ENXIO);
	ERR(lseek(fd, 100003, SEEK_HOLE), ENXIO);
}

TEST(pread_pwrite)
{
	int fd = make("f", "0123456789");

	EQ(lseek(fd, 4, SEEK_SET), 4);
	EQ(pread(fd, buf, 3, 7), 3);
	CHECK(!memcmp(buf, "789", 3));
	EQ(pwrite(fd, "AB", 2, 1), 2);
	EQ(lseek(fd, 0, SEEK_CUR), 4);
	EQ(pread(fd, buf, 3, 100), 0);
	ERR(pread(fd, buf, 3, -1), EINVAL);
	ERR(pwrite(fd, buf, 3, -1), EINVAL);
	ERR(pread(fd, BAD_PTR, 3, 0), EFAULT);
	ERR(pwrite(fd, BAD_PTR, 3, 0), EFAULT);
	HOLDS(fd, "0AB3456789");
}

TEST(vectors)
{
	int fd = make("f", "");
	char a[4] = "", b[4] = "";
	struct iovec w[3] = { { "abc", 3 }, { NULL, 0 }, { "de", 2 } }, r[2] = { { a, 3 }, { b, 3 } };

	EQ(writev(fd, w, 3), 5);
	EQ(pwritev(fd, w, 1, 5), 3);
	HOLDS(fd, "abcdeabc");
	EQ(lseek(fd, 0, SEEK_CUR), 5);
	EQ(preadv(fd, r, 2, 1), 6);
	CHECK(!memcmp(a, "bcd", 3) && !memcmp(b, "eab", 3));
	EQ(readv(fd, r, 2), 3);
	EQ(preadv2(fd, r, 2, -1, 0), 0);	/* -1: at the offset */
	EQ(preadv2(fd, r, 1, 0, 0), 3);
	ERR(preadv2(fd, r, 1, 0, 0x4000), EOPNOTSUPP);
	EQ(pwritev2(fd, w, 1, 0, RWF_APPEND), 3);
	EQ(size_of("f"), 11);
	ERR(readv(fd, r, -1), EINVAL);
	r[0].iov_len = -1UL;
	ERR(readv(fd, r, 2), EINVAL);
	r[0] = (struct iovec){ test_bad_ptr, 3 };
	ERR(preadv(fd, r, 2, 0), EFAULT);
}

TEST(truncate)
{
	int fd = make("f", "0123456789"), ro = OK(open("f", O_RDONLY));

	OK(ftruncate(fd, 3));
	HOLDS(fd, "012");
	OK(truncate("f", 5));
	HOLDS(fd, "012\0\0");
	ERR(ftruncate(ro, 1), EINVAL);
	ERR(ftruncate(fd, -1), EINVAL);
	ERR(truncate("f", -1), EINVAL);
	ERR(truncate("none", 1), ENOENT);
	ERR(truncate(".", 1), EISDIR);
	ERR(ftruncate(999, 1), EBADF);
}

TEST(modes_and_umask)
{
	struct stat st;
	int fd;

	EQ(umask(027), 022);
	fd = OK(open("f", O_RDWR | O_CREAT, 0666));
	OK(fstat(fd, &st));
	EQ(st.st_mode, S_IFREG | 0640);
	OK(mkdir("d", 0777));
	OK(stat("d", &st));
	EQ(st.st_mode & 07777, 0750);
	OK(chmod("f", 01777));
	OK(stat("f", &st));
	EQ(st.st_mode & 07777, 01777);
	OK(fchmod(fd, 0600));
	OK(fchmodat(AT_FDCWD, "d", 0700, 0));
	OK(stat("d", &st));
	EQ(st.st_mode & 07777, 0700);
	ERR(chmod("none", 0600), ENOENT);
	ERR(fchmod(999, 0600), EBADF);
	EQ(umask(0), 027);
	fd = OK(open("r", O_RDWR | O_CREAT, 0444));	/* the mode counts from the next open on */
	EQ(write(fd, "x", 1), 1);
}

TEST(chown_and_set_bits)
{
	struct stat st;
	int fd = make("f", "x");

	OK(chown("f", -1, -1));
	NEED_ROOT();
	OK(chmod("f", 06755));
	OK(chown("f", 12, 34));
	OK(fstat(fd, &st));
	EQ(st.st_uid, 12);
	EQ(st.st_gid, 34);
	EQ(st.st_mode & 07777, 0755);	/* a change of owner clears the set-id bits */
	OK(symlink("f", "l"));
	OK(lchown("l", 56, -1));
	OK(lstat("l", &st));
	EQ(st.st_uid, 56);
	EQ(st.st_gid, getgid());
	OK(fchownat(fd, "", 1, 2, AT_EMPTY_PATH));
	OK(stat("f", &st));
	EQ(st.st_gid, 2);
}

TEST(times)
{
	struct timespec ts[2] = { { 1000000001, 5 }, { 1500000000, 999999999 } };
	struct timeval tv[2] = { { 7, 8 }, { 9, 10 } };
	struct stat st;
	time_t now;

	OK(close(make("f", "x")));
	OK(utimensat(AT_FDCWD, "f", ts, 0));
	OK(stat("f", &st));
	EQ(st.st_atim.tv_sec, 1000000001);
	EQ(st.st_atim.tv_nsec, 5);
	EQ(st.st_mtim.tv_nsec, 999999999);
	ts[0].tv_nsec = UTIME_OMIT;
	ts[1].tv_nsec = UTIME_NOW;
	OK(utimensat(AT_FDCWD, "f", ts, 0));
	OK(stat("f", &st));
	EQ(st.st_atim.tv_sec, 1000000001);
	now = time(NULL);
	CHECK(st.st_mtim.tv_sec >= now - 10 && st.st_mtim.tv_sec <= now + 1);
	OK(utimes("f", tv));
	OK(stat("f", &st));
	EQ(st.st_mtim.tv_sec, 9);
	EQ(st.st_mtim.tv_nsec, 10000);
	ts[0].tv_nsec = 2000000000;
	ERR(utimensat(AT_FDCWD, "f", ts, 0), EINVAL);
	ERR(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
	OK(utimensat(AT_FDCWD, "f", NULL, 0));
	OK(futimens(OK(open("f", O_RDONLY)), NULL));
}

TEST(times_follow_use)
{
	struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st;
	int fd = make("f", "x");

	OK(utimensat(AT_FDCWD, "f", old, 0));
	EQ(write(fd, "y", 1), 1);
	OK(fstat(fd, &st));
	CHECK(st.st_mtime > 1000);
	OK(mkdir("d", 0755));
	OK(utimensat(AT_FDCWD, "d", old, 0));
	OK(close(make("d/x", "")));
	OK(stat("d", &st));
	CHECK(st.st_mtime > 1000);
}

TEST(access_calls)
{
	OK(close(make("f", "")));
	OK(access("f", F_OK));
	OK(access("f", R_OK | W_OK));
	ERR(access("f", X_OK), EACCES);	/* not even root without any x bit */
	OK(chmod("f", 0100));
	OK(access("f", X_OK));
	ERR(access("f", 8), EINVAL);
	OK(faccessat(AT_FDCWD, "f", F_OK, AT_EACCESS));
	OK(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, AT_SYMLINK_NOFOLLOW));
	ERR(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 0x8000), EINVAL);
	OK(access(".", X_OK));
}

TEST(stat_fields)
{
	struct stat a, b;
	int fd = make("f", "12345");

	OK(fstat(fd, &a));
	OK(stat("f", &b));
	CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_ino);
	EQ(a.st_size, 5);
	EQ(a.st_nlink, 1);
	EQ(a.st_uid, geteuid());
	EQ(a.st_mode, S_IFREG | 0644);
	CHECK(a.st_blksize >= 512);
	ERR(stat("none", &a), ENOENT);
	ERR(syscall(SYS_stat, "f", BAD_PTR), EFAULT);
	ERR(fstatat(AT_FDCWD, "", &a, 0), ENOENT);
	OK(fstatat(fd, "", &a, AT_EMPTY_PATH));
	EQ(a.st_ino, b.st_ino);
	ERR(fstatat(AT_FDCWD, "f", &a, 0x10000), EINVAL);
	OK(stat("/dev/null", &a));
	CHECK(S_ISCHR(a.st_mode));
	EQ(a.st_rdev, 0x103);
}

TEST(statx_fields)
{
	struct statx x;
	int fd = make("f", "12345");

	OK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &x));
	EQ(x.stx_size, 5);
	EQ(x.stx_mode, S_IFREG | 0644);
	EQ(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	OK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
	EQ(x.stx_size, 5);
	ERR(statx(AT_FDCWD, "none", 0, STATX_SIZE, &x), ENOENT);
	ERR(statx(AT_FDCWD, "f", 0x10000, STATX_SIZE, &x), EINVAL);
	ERR(statx(AT_FDCWD, "f", 0, 0x80000000, &x), EINVAL);
	ERR(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, BAD_PTR), EFAULT);
}

TEST(dup_calls)
{
	int fd = make("f", "0123456789"), b = OK(dup(fd));

	EQ(lseek(fd, 5, SEEK_SET), 5);
	EQ(lseek(b, 0, SEEK_CUR), 5);
	EQ(OK(dup2(fd, 50)), 50);
	EQ(OK(dup2(fd, fd)), fd);
	ERR(dup2(999, 999), EBADF);
	ERR(dup2(fd, -1), EBADF);
	ERR(dup2(fd, 1 << 30), EBADF);
	ERR(dup(999), EBADF);
	EQ(OK(dup3(fd, 51, O_CLOEXEC)), 51);
	EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
	ERR(dup3(fd, fd, 0), EINVAL);
	ERR(dup3(fd, 52, O_APPEND), EINVAL);
	EQ(OK(fcntl(fd, F_DUPFD, 60)), 60);
	EQ(OK(fcntl(fd, F_DUPFD_CLOEXEC, 60)), 61);
	ERR(fcntl(fd, F_DUPFD, -1), EINVAL);
	EQ(fcntl(60, F_GETFD), 0);
	OK(fcntl(b, F_SETFL, O_APPEND | O_NONBLOCK));
	EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND | O_NONBLOCK);
	ERR(fcntl(999, F_GETFD), EBADF);
	ERR(fcntl(fd, 9999), EINVAL);
}

TEST(flock_rules)
{
	int a = make("f", ""), b = OK(open("f", O_RDWR)), c = OK(dup(a));
	pid_t kid;

	OK(flock(a, LOCK_EX));
	ERR(flock(b, LOCK_EX | LOCK_NB), EAGAIN);
	ERR(flock(b, LOCK_SH | LOCK_NB), EAGAIN);
	OK(flock(c, LOCK_SH | LOCK_NB));	/* the same open file: converts */
	OK(flock(b, LOCK_SH | LOCK_NB));
	OK(flock(b, LOCK_UN));
	OK(flock(a, LOCK_EX));
	kid = CHILD(int d = OK(open("f", O_RDWR)); OK(flock(d, LOCK_EX)));
	sleep_ms(30);
	OK(close(a));
	EQ(waitpid(kid, NULL, WNOHANG), 0);	/* the copy still holds it */
	OK(flock(c, LOCK_UN));
	WAIT_EXIT(kid, 0);
	ERR(flock(b, 77), EINVAL);
	ERR(flock(999, LOCK_SH), EBADF);
}

static struct flock range(int type, long start, long len)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
}

TEST(posix_locks)
{
	int fd = make("f", "0123456789");
	struct flock l = range(F_WRLCK, 2, 4);

	OK(fcntl(fd, F_SETLK, &l));
	WAIT_EXIT(CHILD(
		l = range(F_RDLCK, 0, 0);
		OK(fcntl(fd, F_GETLK, &l));
		EQ(l.l_type, F_WRLCK);
		EQ(l.l_start, 2);
		EQ(l.l_len, 4);
		EQ(l.l_pid, getppid());
		l = range(F_RDLCK, 5, 1);
		ERR(fcntl(fd, F_SETLK, &l), EAGAIN);
		l = range(F_WRLCK, 6, 1);
		OK(fcntl(fd, F_SETLK, &l));
		l = range(F_WRLCK, 0, 2);
		OK(fcntl(fd, F_SETLK, &l))), 0);
	l = range(F_UNLCK, 3, 1);	/* splits it */
	OK(fcntl(fd, F_SETLK, &l));
	WAIT_EXIT(CHILD(
		l = range(F_WRLCK, 3, 1);
		OK(fcntl(fd, F_SETLK, &l));
		l = range(F_WRLCK, 4, 1);
		ERR(fcntl(fd, F_SETLK, &l), EAGAIN)), 0);
	OK(close(OK(open("f", O_RDONLY))));	/* closing any descriptor drops them all */
	WAIT_EXIT(CHILD(l = range(F_WRLCK, 0, 0); OK(fcntl(fd, F_SETLK, &l))), 0);
	l.l_type = 99;
	ERR(fcntl(fd, F_SETLK, &l), EINVAL);
	l = range(F_WRLCK, 0, 0);
	ERR(fcntl(OK(open("f", O_RDONLY)), F_SETLK, &l), EBADF);
	ERR(fcntl(fd, F_SETLK, BAD_PTR), EFAULT);
}

TEST(posix_lock_waits)
{
	int fd = make("f", "");
	struct flock l = range(F_WRLCK, 0, 0);
	volatile int *got = shared_page();
	pid_t kid;

	OK(fcntl(fd, F_SETLK, &l));
	kid = CHILD(l = range(F_WRLCK, 0, 0); OK(fcntl(fd, F_SETLKW, &l)); *got = 1);
	sleep_ms(40);
	EQ(*got, 0);
	l = range(F_UNLCK, 0, 0);
	OK(fcntl(fd, F_SETLK, &l));
	WAIT_EXIT(kid, 0);
	EQ(*got, 1);
}

TEST(ofd_locks)
{
	int a = make("f", ""), b = OK(open("f", O_RDWR));
	struct flock l = range(F_WRLCK, 0, 10);

	OK(fcntl(a, F_OFD_SETLK, &l));
	l = range(F_WRLCK, 5, 1);
	ERR(fcntl(b, F_OFD_SETLK, &l), EAGAIN);
	l = range(F_WRLCK, 5, 1);
	OK(fcntl(b, F_OFD_GETLK, &l));
	EQ(l.l_type, F_WRLCK);
	EQ(l.l_pid, -1);
	OK(close(OK(open("f", O_RDWR))));
	l = range(F_WRLCK, 5, 1);
	ERR(fcntl(b, F_OFD_SETLK, &l), EAGAIN);
	OK(close(a));
	OK(fcntl(b, F_OFD_SETLK, &l));
}

TEST(sendfile_calls)
{
	int in = make("in", "0123456789"), out = make("out", "");
	off_t off = 2;

	EQ(sendfile(out, in, &off, 3), 3);
	EQ(off, 5);
	EQ(lseek(in, 0, SEEK_CUR), 10);
	EQ(lseek(in, 8, SEEK_SET), 8);
	EQ(sendfile(out, in, NULL, 100), 2);
	HOLDS(out, "23489");
	ERR(sendfile(out, 999, NULL, 1), EBADF);
	ERR(sendfile(OK(open("out", O_RDONLY)), in, NULL, 1), EBADF);
	off = -1;
	ERR(sendfile(out, in, &off, 1), EINVAL);
}

TEST(copy_file_range_calls)
{
	int in = make("in", "0123456789"), out = make("out", "ABCDEF");
	loff_t a = 3, b = 1;

	EQ(copy_file_range(in, &a, out, &b, 4, 0), 4);
	EQ(a, 7);
	EQ(b, 5);
	HOLDS(out, "A3456F");
	EQ(copy_file_range(in, NULL, out, NULL, 5, 0), 0);	/* both at their ends */
	ERR(copy_file_range(in, &a, out, &b, 4, 1), EINVAL);
	ERR(copy_file_range(in, &a, 999, &b, 4, 0), EBADF);
	a = 0;
	b = 2;
	ERR(copy_file_range(in, &a, in, &b, 5, 0), EINVAL);	/* overlap */
	a = 10;
	EQ(copy_file_range(in, &a, out, &b, SSIZE_MAX, 0), 0);	/* how cp asks for all */
	ERR(copy_file_range(in, &a, out, &b, SIZE_MAX, 0), EOVERFLOW);
}

TEST(fallocate_calls)
{
	int fd = make("f", "0123456789");

	if (fallocate(fd, 0, 0, 100) && errno == EOPNOTSUPP)
		SKIP("no fallocate here");
	EQ(size_of("f"), 100);
	OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1000));
	EQ(size_of("f"), 100);
	OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2, 3));
	EQ(pread(fd, buf, 10, 0), 10);
	CHECK(!memcmp(buf, "01\0\0\0" "56789", 10));
	ERR(fallocate(fd, 0, -1, 5), EINVAL);
	ERR(fallocate(fd, 0, 0, 0), EINVAL);
	ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 5), EOPNOTSUPP);
	ERR(fallocate(OK(open("f", O_RDONLY)), 0, 0, 5), EBADF);
	ZERO(posix_fallocate(fd, 0, 200));
	EQ(size_of("f"), 200);
}

TEST(xattr_user)
{
	int fd = make("f", "");
	char list[256];
	ssize_t n;

	if (setxattr("f", "user.test", "value", 5, 0) && errno == EOPNOTSUPP)
		SKIP("no user xattrs here");
	EQ(getxattr("f", "user.test", NULL, 0), 5);
	EQ(fgetxattr(fd, "user.test", buf, 100), 5);
	CHECK(!memcmp(buf, "value", 5));
	ERR(getxattr("f", "user.test", buf, 2), ERANGE);
	ERR(getxattr("f", "user.none", buf, 2), ENODATA);
	ERR(setxattr("f", "user.test", "x", 1, XATTR_CREATE), EEXIST);
	ERR(setxattr("f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	OK(fsetxattr(fd, "user.test", "", 0, XATTR_REPLACE));
	EQ(getxattr("f", "user.test", buf, 100), 0);
	n = OK(listxattr("f", list, sizeof(list)));
	CHECK(n >= 10 && memmem(list, n, "user.test", 10));
	OK(removexattr("f", "user.test"));
	ERR(removexattr("f", "user.test"), ENODATA);
	ERR(setxattr("f", "bogus.name", "x", 1, 0), EOPNOTSUPP);
	ERR(setxattr("f", "user.", "x", 1, 0), EINVAL);
}

static int next_event(int in, struct inotify_event *out, char *name)
{
	static char evs[4096];
	static int have, at;
	struct inotify_event *e;

	if (at >= have) {
		have = read(in, evs, sizeof(evs));
		at = 0;
		if (have <= 0)
			return 0;
	}
	e = (struct inotify_event *)(evs + at);
	at += sizeof(*e) + e->len;
	*out = *e;
	strcpy(name, e->len ? e->name : "");
	return 1;
}

TEST(inotify)
{
	static const unsigned int want[] = {
		IN_CREATE, IN_OPEN, IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE,
		IN_CREATE | IN_ISDIR,
	};
	int in = OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), wd, cookie = 0;
	struct inotify_event e;
	char name[256];
	size_t i;

	OK(mkdir("d", 0755));
	wd = OK(inotify_add_watch(in, "d", IN_ALL_EVENTS));
	EQ(wd, 1);
	ERR(read(in, buf, 4096), EAGAIN);
	OK(close(make("d/a", "text")));
	OK(rename("d/a", "d/b"));
	OK(unlink("d/b"));
	OK(mkdir("d/sub", 0755));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		if (!next_event(in, &e, name))
			FAIL("event %zu is missing", i);
		if (e.mask != want[i] || e.wd != wd)
			FAIL("event %zu is %#x, not %#x", i, e.mask, want[i]);
		if (e.mask == IN_MOVED_FROM)
			cookie = e.cookie;
		if (e.mask == IN_MOVED_TO)
			EQ(e.cookie, cookie);
	}
	CHECK(!strcmp(name, "sub"));
	OK(inotify_rm_watch(in, wd));
	CHECK(next_event(in, &e, name));
	EQ(e.mask, IN_IGNORED);
	ERR(inotify_rm_watch(in, wd), EINVAL);
	ERR(inotify_add_watch(in, "none", IN_MODIFY), ENOENT);
	ERR(inotify_add_watch(in, "d", 0), EINVAL);
	ERR(inotify_add_watch(make("f", ""), "d", IN_MODIFY), EINVAL);
	ERR(inotify_init1(0x1234567), EINVAL);
}

TEST(sync_calls)
{
	int fd = make("f", "x");

	OK(fsync(fd));
	OK(fdatasync(fd));
	OK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	ZERO(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	EQ(posix_fadvise(fd, 0, 0, 99), EINVAL);
	OK(readahead(fd, 0, 4096));
	ERR(fsync(999), EBADF);
	OK(syncfs(fd));
}

TEST(statfs_calls)
{
	struct statfs a, b;

	OK(statfs(".", &a));
	OK(fstatfs(OK(open(".", O_RDONLY)), &b));
	EQ(a.f_type, b.f_type);
	CHECK(a.f_bsize >= 512);
	CHECK(a.f_namelen >= 255);
	ERR(statfs("none", &a), ENOENT);
	ERR(fstatfs(999, &a), EBADF);
}

TEST(special_devices)
{
	int null = OK(open("/dev/null", O_RDWR)), zero = OK(open("/dev/zero", O_RDWR));
	int full = OK(open("/dev/full", O_RDWR));

	EQ(read(null, buf, 10), 0);
	EQ(write(null, buf, 10), 10);
	memset(buf, 1, 10);
	EQ(read(zero, buf, 10), 10);
	EQ(buf[9], 0);
	ERR(write(full, buf, 1), ENOSPC);
	EQ(lseek(null, 50, SEEK_SET), 0);
	EQ(read(OK(open("/dev/urandom", O_RDONLY)), buf, 100), 100);
}

TEST(many_open_files)
{
	char name[16];
	int fd[500], i;

	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fd[i] = make(name, name);
	}
	for (i = 0; i < 500; i++)
		EQ(pread(fd[i], buf, 10, 0), i < 10 ? 1 : i < 100 ? 2 : 3);
	for (i = 0; i < 500; i++)
		OK(close(fd[i]));
}

TEST(big_file)
{
	int fd = make("f", "");

	EQ(pwrite(fd, "x", 1, 5L << 30), 1);
	EQ(size_of("f"), (5L << 30) + 1);
	EQ(pread(fd, buf, 2, 5L << 30), 1);
	EQ(lseek(fd, 0, SEEK_END), (5L << 30) + 1);
}

TEST(big_transfers)
{
	size_t size = 3 << 20, i;
	char *a = malloc(size), *b = malloc(size);
	int fd = make("f", "");

	for (i = 0; i < size; i++)
		a[i] = i * 31 + i / 4096;
	EQ(write(fd, a, size), size);
	EQ(pread(fd, b, size, 0), size);
	CHECK(!memcmp(a, b, size));
	EQ(pread(fd, b, size, size - 10), 10);
}

TEST(cachestat_counts)
{
	uint64_t range[2] = { 0, 0 }, cs[5];
	char page[PAGE] = { 1 };
	int fd = OK(open("/dev/shm/guest-cachestat", O_RDWR | O_CREAT | O_TRUNC, 0600)), p[2];

	OK(unlink("/dev/shm/guest-cachestat"));
	if (syscall(451, fd, range, cs, 0) && errno == ENOSYS)
		SKIP("no cachestat");
	EQ(cs[0], 0);
	EQ(pwrite(fd, page, PAGE, 0), PAGE);
	EQ(pwrite(fd, page, PAGE, 4 * PAGE), PAGE);
	OK(syscall(451, fd, range, cs, 0));
	EQ(cs[0], 2);
	range[0] = PAGE;
	range[1] = 2 * PAGE;
	OK(syscall(451, fd, range, cs, 0));
	EQ(cs[0], 0);
	range[1] = 4 * PAGE;
	OK(syscall(451, fd, range, cs, 0));
	EQ(cs[0], 1);
	OK(pipe(p));
	OK(syscall(451, p[0], range, cs, 0));
	EQ(cs[0], 0);
	ERR(syscall(451, -1, range, cs, 0), EBADF);
	ERR(syscall(451, fd, BAD_PTR, cs, 0), EFAULT);
	ERR(syscall(451, fd, range, BAD_PTR, 0), EFAULT);
	ERR(syscall(451, fd, range, cs, 1), EINVAL);
}

TEST(file_attributes_by_path)
{
	struct { uint64_t xflags; uint32_t extsize, nextents, projid, cowextsize; } a = { 0 };
	int fd = OK(open("/dev/shm/guest-fsx", O_RDWR | O_CREAT | O_TRUNC, 0600));
	long rc = syscall(468, AT_FDCWD, "/dev/shm/guest-fsx", &a, sizeof(a), 0);

	OK(unlink("/dev/shm/guest-fsx"));
	if (rc)
		SKIP("no file_getattr here");
	EQ(a.xflags, 0);
	a.xflags = FS_XFLAG_NODUMP;
	OK(syscall(469, fd, "", &a, sizeof(a), AT_EMPTY_PATH));
	a.xflags = 0;
	OK(syscall(468, fd, "", &a, sizeof(a), AT_EMPTY_PATH));
	EQ(a.xflags & FS_XFLAG_NODUMP, FS_XFLAG_NODUMP);
	ERR(syscall(468, fd, "", &a, 8, AT_EMPTY_PATH), EINVAL);
	ERR(syscall(468, fd, "", &a, 5000, AT_EMPTY_PATH), E2BIG);
	ERR(syscall(468, fd, "", &a, sizeof(a), 1), EINVAL);
	ERR(syscall(468, fd, "", BAD_PTR, sizeof(a), AT_EMPTY_PATH), EFAULT);
	ERR(syscall(468, AT_FDCWD, "nothing", &a, sizeof(a), 0), ENOENT);
}

TEST(ustat_by_device)
{
	struct { int tfree; unsigned long tinode; char names[12]; } u;
	struct stat st;

	OK(stat("/dev/shm", &st));
	if (syscall(SYS_ustat, (unsigned int)st.st_dev, &u) && errno == ENOSYS)
		SKIP("no ustat");
	ERR(syscall(SYS_ustat, -1, &u), EINVAL);
	ERR(syscall(SYS_ustat, (unsigned int)st.st_dev, BAD_PTR), EFAULT);
}

TEST_MAIN("files")

