/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that are used often: what a kernel does to make them fast must not be seen. Each case first
 * uses its descriptor MANY times, and then does what changes its meaning. Files are in the current directory and
 * beside the program, because those may be different file systems.
 */
#include "places.h"

#include <pthread.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MANY 20

static char buf[1 << 20], pattern[1 << 20];

/* A file of n bytes, byte i of which is seed + i % 251. */
static int make(const char *name, size_t n, int seed, int flags)
{
	int fd;
	size_t i;

	for (i = 0; i < n; i++)
		pattern[i] = (char)(seed + i % 251);
	fd = OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));
	EQ(write(fd, pattern, n), n);
	OK(close(fd));
	return OK(open(name, flags));
}

static void use(int fd)
{
	int i;

	for (i = 0; i < MANY; i++) {
		EQ(pread(fd, buf, 10, i), 10);
		EQ(lseek(fd, i, SEEK_SET), i);
		EQ(read(fd, buf, 3), 3);
	}
	OK(lseek(fd, 0, SEEK_SET));
}

TEST(zero)
{
	int fd = OK(open("/dev/zero", O_RDWR)), i;
	char *p = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	for (i = 0; i < MANY; i++) {
		memset(buf, 'x', 1000);
		EQ(read(fd, buf, 999), 999);
		CHECK(!buf[0] && !buf[998] && buf[999] == 'x');
		memset(buf, 'x', 1000);
		EQ(pread(fd, buf, 10, 5), 10);
		CHECK(!buf[9] && buf[10] == 'x');
		EQ(write(fd, buf, 100), 100);
		EQ(read(fd, buf, 0), 0);
	}
	OK(munmap(p + PAGE, PAGE));
	memset(p, 'x', PAGE);
	EQ(read(fd, p + PAGE - 100, 200), 100);
	CHECK(!p[PAGE - 1] && !p[PAGE - 100] && p[PAGE - 101] == 'x');
	ERR(read(fd, BAD_PTR, 10), EFAULT);
	ERR(read(fd, p + PAGE, 10), EFAULT);
	ERR(read(fd, (void *)-1L, 10), EFAULT);
	ERR(read(fd, buf, -1L), EFAULT);
	ERR(pread(fd, buf, 1, -1), EINVAL);
	EQ(read(fd, buf, sizeof(buf)), sizeof(buf));
	EQ(lseek(fd, 100, SEEK_SET), 0);
	OK(close(fd));
	ERR(read(fd, buf, 10), EBADF);
}

TEST(null)
{
	int fd = OK(open("/dev/null", O_WRONLY)), rd = OK(open("/dev/null", O_RDONLY)), i;

	for (i = 0; i < MANY; i++) {
		EQ(write(fd, buf, 512), 512);
		EQ(pwrite(fd, buf, 512, 7), 512);
		EQ(read(rd, buf, 512), 0);
	}
	EQ(write(fd, BAD_PTR, 10), 10);
	ERR(write(fd, (void *)-1L, 10), EFAULT);
	EQ(write(fd, buf, 0), 0);
	ERR(write(fd, buf, -1L), EFAULT);
	EQ(write(fd, (void *)PAGE, 0x100000000L), 0x7ffff000);
	ERR(read(fd, buf, 10), EBADF);
	ERR(write(rd, buf, 10), EBADF);
	OK(close(fd));
	ERR(write(fd, buf, 10), EBADF);
}

BOTH(positions)
{
	int fd = make("f", 1000, 1, O_RDWR), other, i;

	use(fd);
	EQ(read(fd, buf, 10), 10);
	EQ(lseek(fd, 5, SEEK_CUR), 15);
	EQ(lseek(fd, -5, SEEK_CUR), 10);
	ERR(lseek(fd, -11, SEEK_CUR), EINVAL);
	ERR(lseek(fd, -1, SEEK_SET), EINVAL);
	ERR(lseek(fd, 0, 77), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	EQ(lseek(fd, -10, SEEK_END), 990);
	EQ(read(fd, buf, 100), 10);
	EQ(read(fd, buf, 100), 0);
	EQ(lseek(fd, 5000, SEEK_SET), 5000);
	EQ(read(fd, buf, 100), 0);
	EQ(lseek(fd, 7, SEEK_SET), 7);
	other = OK(dup(fd));
	for (i = 0; i < MANY; i++) {
		EQ(lseek(other, 0, SEEK_CUR), 7 + 6 * i);
		EQ(read(fd, buf, 3), 3);
		EQ(buf[0], 1 + 7 + 6 * i);
		EQ(read(other, buf, 3), 3);
		EQ(buf[0], 1 + 10 + 6 * i);
	}
	OK(close(fd));
	EQ(lseek(other, 0, SEEK_CUR), 7 + 6 * MANY);
	OK(close(other));
}

BOTH(other_calls_move_it)
{
	int fd = make("f", 1000, 0, O_RDWR), out, left, i;
	struct iovec v[2] = { { buf, 5 }, { buf + 5, 5 } };
	char line[200] = "";

	use(fd);
	for (i = 0; i < MANY; i++)
		EQ(read(fd, buf, 1), 1);
	EQ(readv(fd, v, 2), 10);
	EQ(buf[9], MANY + 9);
	EQ(read(fd, buf, 1), 1);
	EQ(buf[0], MANY + 10);
	out = OK(open("out", O_RDWR | O_CREAT | O_TRUNC, 0644));
	EQ(syscall(SYS_sendfile, out, fd, NULL, 10), 10);
	EQ(read(fd, buf, 1), 1);
	EQ(buf[0], MANY + 21);
	OK(ioctl(fd, FIONREAD, &left));
	EQ(left, 1000 - MANY - 22);
	snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
	i = OK(open(line, O_RDONLY));
	OK(read(i, line, sizeof(line) - 1));
	EQ(atoi(line + 4), MANY + 22);
	OK(close(i));
	OK(close(out));
	OK(close(fd));
}

BOTH(fork_shares)
{
	int fd = make("f", 1000, 0, O_RDONLY), status, i;
	pid_t pid;

	use(fd);
	EQ(read(fd, buf, 5), 5);
	pid = OK(fork());
	if (!pid) {
		EQ(read(fd, buf, 5), 5);
		EQ(buf[0], 5);
		for (i = 0; i < MANY; i++)
			EQ(read(fd, buf, 1), 1);
		_exit(0);
	}
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
	EQ(lseek(fd, 0, SEEK_CUR), 10 + MANY);
	for (i = 0; i < MANY; i++) {
		EQ(read(fd, buf, 1), 1);
		EQ(buf[0], 10 + MANY + i);
	}
	pid = OK(fork());
	if (!pid) {
		OK(close(fd));
		_exit(0);
	}
	OK(waitpid(pid, &status, 0));
	EQ(read(fd, buf, 1), 1);
	OK(close(fd));
}

int test_helper(int argc, char **argv)
{
	int fd = atoi(argv[2]), i;

	if (lseek(fd, 0, SEEK_CUR) != 11)
		return 1;
	for (i = 0; i < MANY; i++)
		if (read(fd, buf, 1) != 1 || buf[0] != 11 + i)
			return 2;
	return 0;
}

BOTH(exec_keeps)
{
	int fd = make("f", 1000, 0, O_RDONLY), status;
	char num[20];
	pid_t pid;

	snprintf(num, sizeof(num), "%d", fd);
	pid = OK(fork());
	if (!pid) {
		use(fd);
		EQ(read(fd, buf, 11), 11);
		execl(test_self, test_self, "@fd", num, NULL);
		_exit(9);
	}
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
	EQ(lseek(fd, 0, SEEK_CUR), 11 + MANY);
	OK(close(fd));
}

BOTH(vfork_closes)
{
	int fd = make("f", 1000, 0, O_RDONLY), status;
	pid_t pid;

	use(fd);
	pid = vfork();
	if (!pid) {
		close(fd);
		_exit(read(fd, buf, 1) == -1 && errno == EBADF ? 0 : 1);
	}
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
	EQ(read(fd, buf, 1), 1);
	OK(close(fd));
}

BOTH(number_is_used_again)
{
	int a = make("a", 1000, 0, O_RDONLY), b = make("b", 1000, 100, O_RDONLY), fd, i;

	use(a);
	use(b);
	OK(dup2(b, a));
	EQ(pread(a, buf, 1, 0), 1);
	EQ(buf[0], 100);
	OK(close(a));
	ERR(pread(a, buf, 1, 0), EBADF);
	ERR(lseek(a, 0, SEEK_SET), EBADF);
	ERR(read(a, buf, 1), EBADF);
	for (i = 0; i < MANY; i++) {
		fd = OK(open(i & 1 ? "a" : "b", O_RDONLY));
		EQ(fd, a);
		use(fd);
		EQ(pread(fd, buf, 1, 0), 1);
		EQ(buf[0], i & 1 ? 0 : 100);
		OK(i & 2 ? syscall(SYS_close_range, fd, fd, 0) : close(fd));
	}
	fd = OK(open("/dev/null", O_RDONLY));
	EQ(fd, a);
	EQ(read(fd, buf, 1), 0);
	OK(close(fd));
	OK(close(b));
}

BOTH(ends)
{
	int fd = make("f", 1000, 0, O_RDWR), other = OK(open("f", O_RDWR));
	char *p = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct stat st;

	use(fd);
	OK(munmap(p + PAGE, PAGE));
	EQ(pread(fd, buf, 5000, 0), 1000);
	EQ(pread(fd, buf, 5000, 1000), 0);
	EQ(pread(fd, p + PAGE - 10, 100, 50), 10);
	EQ(p[PAGE - 1], 59);
	EQ(read(fd, p + PAGE - 10, 100), 10);
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	ERR(read(fd, p + PAGE, 100), EFAULT);
	ERR(pread(fd, BAD_PTR, 100, 0), EFAULT);
	ERR(pread(fd, buf, 1, -1), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	memset(p, 'w', PAGE);
	EQ(pwrite(fd, p + PAGE - 10, 100, 0), 10);
	EQ(pread(other, buf, 20, 0), 20);
	CHECK(buf[9] == 'w' && buf[10] == 10);
	ERR(pwrite(fd, p + PAGE, 100, 0), EFAULT);
	OK(ftruncate(other, 500));
	EQ(pread(fd, buf, 5000, 400), 100);
	EQ(pwrite(fd, "x", 1, 699), 1);
	OK(fstat(other, &st));
	EQ(st.st_size, 700);
	EQ(pread(other, buf, 300, 500), 200);
	CHECK(!buf[0] && !buf[198] && buf[199] == 'x');
	OK(lseek(fd, 0, SEEK_END));
	EQ(write(fd, "yz", 2), 2);
	EQ(pread(other, buf, 300, 699), 3);
	CHECK(buf[1] == 'y' && buf[2] == 'z');
	OK(close(fd));
	OK(close(other));
}

BOTH(modes)
{
	int rd = make("f", 1000, 0, O_RDONLY), wr = OK(open("f", O_WRONLY)), i;

	for (i = 0; i < MANY; i++) {
		EQ(read(rd, buf, 10), 10);
		ERR(write(rd, buf, 10), EBADF);
		ERR(pwrite(rd, buf, 10, 0), EBADF);
		EQ(write(wr, buf, 10), 10);
		ERR(read(wr, buf, 10), EBADF);
		ERR(pread(wr, buf, 10, 0), EBADF);
	}
	OK(close(rd));
	OK(close(wr));
}

BOTH(append)
{
	int fd = make("f", 1000, 0, O_RDWR), i;

	use(fd);
	for (i = 0; i < MANY; i++)
		EQ(pwrite(fd, "m", 1, i), 1);
	OK(fcntl(fd, F_SETFL, O_APPEND));
	EQ(write(fd, "end", 3), 3);
	EQ(lseek(fd, 0, SEEK_CUR), 1003);
	OK(fcntl(fd, F_SETFL, 0));
	OK(lseek(fd, 1, SEEK_SET));
	EQ(write(fd, "n", 1), 1);
	EQ(pread(fd, buf, 3, 0), 3);
	CHECK(!memcmp(buf, "mnm", 3));
	OK(close(fd));
	fd = OK(open("f", O_RDWR | O_APPEND));
	for (i = 0; i < MANY; i++) {
		OK(lseek(fd, 5, SEEK_SET));
		EQ(write(fd, "e", 1), 1);
		EQ(lseek(fd, 0, SEEK_CUR), 1004 + i);
	}
	OK(close(fd));
}

BOTH(size_limit)
{
	int fd = make("f", 1000, 0, O_RDWR), i;
	struct rlimit old, lim;

	for (i = 0; i < MANY; i++)
		EQ(pwrite(fd, "m", 1, i), 1);
	OK(getrlimit(RLIMIT_FSIZE, &old));
	signal(SIGXFSZ, SIG_IGN);
	lim = old;
	lim.rlim_cur = 10;
	OK(setrlimit(RLIMIT_FSIZE, &lim));
	ERR(pwrite(fd, "m", 1, 10), EFBIG);
	EQ(pwrite(fd, "mm", 2, 9), 1);
	OK(setrlimit(RLIMIT_FSIZE, &old));
	EQ(pwrite(fd, "mm", 2, 9), 2);
	OK(close(fd));
}

BOTH(times)
{
	int fd = make("f", 1000, 0, O_RDWR), i;
	struct timespec past[2] = { { 1000, 0 }, { 2000, 0 } };
	struct stat st;

	for (i = 0; i < MANY; i++)
		EQ(pwrite(fd, "m", 1, i), 1);
	OK(futimens(fd, past));
	OK(fstat(fd, &st));
	EQ(st.st_mtime, 2000);
	sleep_ms(20);
	EQ(pwrite(fd, "m", 1, 0), 1);
	OK(fstat(fd, &st));
	CHECK(st.st_mtime > 2000);
	EQ(st.st_size, 1000);
	OK(close(fd));
}

BOTH(setid_goes)
{
	int fd = make("f", 1000, 0, O_RDWR), i, status;
	struct stat st;
	pid_t pid;

	OK(fchmod(fd, 0666));
	pid = OK(fork());
	if (!pid) {
		if (!getuid())
			OK(setresuid(1000, 1000, 0));
		for (i = 0; i < MANY; i++)
			EQ(pwrite(fd, "m", 1, i), 1);
		if (!getgid())
			OK(seteuid(0));
		OK(fchmod(fd, 04777));
		if (!getgid())
			OK(seteuid(1000));
		EQ(pwrite(fd, "m", 1, 0), 1);
		_exit(0);
	}
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
	OK(fstat(fd, &st));
	EQ(st.st_mode & 07777, 0777);
	OK(close(fd));
}

BOTH(watched)
{
	int fd = make("f", 1000, 0, O_RDWR), in = OK(inotify_init1(IN_NONBLOCK)), wd;
	struct inotify_event *e = (struct inotify_event *)buf;

	use(fd);
	wd = OK(inotify_add_watch(in, "f", IN_ACCESS | IN_MODIFY));
	EQ(read(fd, buf, 1), 1);
	CHECK(read(in, buf, 1000) >= (ssize_t)sizeof(*e));
	EQ(e->mask, IN_ACCESS);
	EQ(pwrite(fd, "m", 1, 0), 1);
	CHECK(read(in, buf, 1000) >= (ssize_t)sizeof(*e));
	EQ(e->mask, IN_MODIFY);
	OK(inotify_rm_watch(in, wd));
	OK(close(fd));
	fd = OK(open("f", O_RDWR));
	use(fd);
	OK(inotify_add_watch(in, ".", IN_MODIFY));
	while (read(in, buf, 1000) > 0)
		;
	EQ(pwrite(fd, "m", 1, 0), 1);
	CHECK(read(in, buf, 1000) >= (ssize_t)sizeof(*e));
	EQ(e->mask, IN_MODIFY);
	CHECK(!strcmp(e->name, "f"));
	OK(close(in));
	OK(close(fd));
}

static void send_fd(int sock, int fd)
{
	char c[CMSG_SPACE(sizeof(int))] = "";
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	EQ(sendmsg(sock, &m, 0), 1);
}

static int recv_fd(int sock)
{
	char c[CMSG_SPACE(sizeof(int))], b;
	struct iovec v = { &b, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c) };
	int fd;

	EQ(recvmsg(sock, &m, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

BOTH(passed_on)
{
	int fd = make("f", 1000, 0, O_RDONLY), s[2], status, i;
	pid_t pid;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	pid = OK(fork());
	if (!pid) {
		i = recv_fd(s[1]);
		EQ(lseek(i, 0, SEEK_CUR), 4);
		EQ(read(i, buf, 4), 4);
		EQ(buf[0], 4);
		use(i);
		EQ(lseek(i, 8, SEEK_SET), 8);
		_exit(0);
	}
	use(fd);
	EQ(read(fd, buf, 4), 4);
	send_fd(s[0], fd);
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
	EQ(lseek(fd, 0, SEEK_CUR), 8);
	EQ(read(fd, buf, 1), 1);
	EQ(buf[0], 8);
	OK(close(fd));
}

/* --- threads --- */

#define RECORDS 4096
static int shared_fd;
static unsigned char seen[RECORDS];

static void *read_records(void *arg)
{
	uint32_t rec;

	while (read(shared_fd, &rec, sizeof(rec)) == sizeof(rec)) {
		CHECK(rec < RECORDS);
		__atomic_add_fetch(&seen[rec], 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

BOTH(each_record_once)
{
	static uint32_t recs[RECORDS];
	pthread_t t[4];
	int fd, i;

	for (i = 0; i < RECORDS; i++)
		recs[i] = i;
	fd = OK(open("f", O_RDWR | O_CREAT, 0644));
	EQ(write(fd, recs, sizeof(recs)), sizeof(recs));
	OK(close(fd));
	shared_fd = OK(open("f", O_RDONLY));
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < 4; i++)
		ZERO(pthread_create(&t[i], NULL, read_records, NULL));
	for (i = 0; i < 4; i++)
		ZERO(pthread_join(t[i], NULL));
	for (i = 0; i < RECORDS; i++)
		EQ(seen[i], 1);
	OK(close(shared_fd));
}

static volatile int stop;

/* What is read belongs to the one file or to the other. */
static void *read_either(void *arg)
{
	unsigned char b[16];
	long n;

	while (!stop) {
		n = pread(shared_fd, b, 16, 16);
		if (n < 0) {
			EQ(errno, EBADF);
			continue;
		}
		EQ(n, 16);
		CHECK((b[0] == 16 && b[15] == 31) || (b[0] == 116 && b[15] == 131));
	}
	return NULL;
}

BOTH(close_races)
{
	pthread_t t;
	int i, k;

	OK(close(make("a", 1000, 0, O_RDONLY)));
	OK(close(make("b", 1000, 100, O_RDONLY)));
	shared_fd = OK(open("a", O_RDONLY));
	stop = 0;
	ZERO(pthread_create(&t, NULL, read_either, NULL));
	for (i = 0; i < 200; i++) {
		for (k = 0; k < 8; k++) {
			EQ(pread(shared_fd, buf, 1, 0), 1);
			EQ(buf[0], i & 1 ? 100 : 0);
		}
		OK(close(shared_fd));
		EQ(OK(open(i & 1 ? "a" : "b", O_RDONLY)), shared_fd);
	}
	stop = 1;
	ZERO(pthread_join(t, NULL));
	OK(close(shared_fd));
}

/* A stack that has yet to grow is memory like any other. */
static noinline void read_deep(int fd)
{
	char deep[600000];

	EQ(read(fd, deep, sizeof(deep)), sizeof(deep));
	EQ((unsigned char)deep[599999], 599999 % 251);
}

BOTH(grows_stack)
{
	int fd = make("f", 600000, 0, O_RDONLY), i;

	for (i = 0; i < MANY; i++)
		EQ(pread(fd, buf, 1, 0), 1);
	EQ(read(fd, buf, 1), 1);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	read_deep(fd);
	EQ(lseek(fd, 0, SEEK_CUR), 600000);
	OK(close(fd));
}

TEST_MAIN("served")
