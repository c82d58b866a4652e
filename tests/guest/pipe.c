/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: end of file, broken pipes, blocking, atomic writes, sizes, splice, tee and vmsplice.
 */
#include "test.h"
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static int p[2];
static char buf[1 << 20];

static void make(int flags)
{
	OK(pipe2(p, flags));
}

TEST(basic)
{
	char b[8] = "";

	make(0);
	EQ(write(p[1], "hello", 5), 5);
	EQ(write(p[1], "!!", 2), 2);
	EQ(read(p[0], b, 3), 3);
	CHECK(!memcmp(b, "hel", 3));
	EQ(read(p[0], b, 8), 4);
	CHECK(!memcmp(b, "lo!!", 4));
	OK(close(p[1]));
	EQ(read(p[0], b, 8), 0);
	EQ(read(p[0], b, 8), 0);
}

TEST(errors)
{
	char b[8];

	make(0);
	ERR(read(p[1], b, 1), EBADF);
	ERR(write(p[0], b, 1), EBADF);
	ERR(lseek(p[0], 0, SEEK_SET), ESPIPE);
	ERR(pread(p[0], b, 1, 0), ESPIPE);
	ERR(pwrite(p[1], b, 1, 0), ESPIPE);
	ERR(ftruncate(p[1], 0), EINVAL);
	ERR(syscall(SYS_pipe, BAD_PTR), EFAULT);
	ERR(syscall(SYS_pipe2, p, 0x12345678), EINVAL);
	EQ(write(p[1], b, 0), 0);
	EQ(write(p[1], "ab", 2), 2);
	ERR(read(p[0], BAD_PTR, 2), EFAULT);
	EQ(fsync(p[0]) == -1 && errno == EINVAL, 1);
}

TEST(flags)
{
	make(O_CLOEXEC | O_NONBLOCK);
	EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
	EQ(fcntl(p[0], F_GETFL), O_NONBLOCK | O_RDONLY);
	EQ(fcntl(p[1], F_GETFL), O_NONBLOCK | O_WRONLY);
	OK(fcntl(p[0], F_SETFL, 0));
	EQ(fcntl(p[0], F_GETFL), O_RDONLY);
}

TEST(stat_of_pipe)
{
	struct stat st;

	make(0);
	OK(fstat(p[0], &st));
	CHECK(S_ISFIFO(st.st_mode));
	EQ(st.st_size, 0);
	EQ(st.st_uid, geteuid());
}

TEST(broken)
{
	make(0);
	OK(close(p[0]));
	WAIT_SIGNAL(CHILD(write(p[1], "x", 1)), SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	ERR(write(p[1], "x", 1), EPIPE);
}

static volatile int pipe_signals;

static void on_pipe(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	pipe_signals += sig == SIGPIPE;
}

TEST(broken_while_blocked)
{
	pid_t kid;

	make(0);
	on_signal(SIGPIPE, on_pipe, 0);
	kid = CHILD(close(p[1]); sleep_ms(40));
	OK(close(p[0]));
	EQ(write(p[1], buf, 100000), 65536);
	EQ(pipe_signals, 1);
	ERR(write(p[1], buf, 1), EPIPE);
	EQ(pipe_signals, 2);
	WAIT_EXIT(kid, 0);
}

TEST(nonblock)
{
	char b[8];
	long n = 0, r;

	make(O_NONBLOCK);
	ERR(read(p[0], b, 1), EAGAIN);
	while ((r = write(p[1], buf, 4096)) > 0)
		n += r;
	EQ(errno, EAGAIN);
	EQ(n, 65536);
	EQ(read(p[0], b, 8), 8);
	ERR(write(p[1], buf, 4096), EAGAIN);	/* atomic: no room for all of it */
	OK(close(p[1]));
	EQ(read(p[0], buf, 65536), 65528);
	EQ(read(p[0], b, 1), 0);
}

TEST(big_nonblock_write_is_partial)
{
	make(O_NONBLOCK);
	EQ(write(p[1], buf, 1000), 1000);
	CHECK(write(p[1], buf, 200000) > 0);
	ERR(write(p[1], buf, 200000), EAGAIN);
}

TEST(blocking_transfer)
{
	long total = 0, r, i;
	pid_t kid;

	make(0);
	for (i = 0; i < (long)sizeof(buf); i++)
		buf[i] = i * 7 + i / 251;
	kid = CHILD(close(p[0]); EQ(write(p[1], buf, sizeof(buf)), sizeof(buf)));
	OK(close(p[1]));
	static char in[1 << 20];

	while ((r = read(p[0], in + total, 7777)) > 0)
		total += r;
	EQ(total, sizeof(buf));
	CHECK(!memcmp(in, buf, sizeof(buf)));
	WAIT_EXIT(kid, 0);
}

TEST(atomic_writes)
{
	int i, k, r;
	pid_t kid[4];
	char b[PIPE_BUF];

	make(0);
	for (k = 0; k < 4; k++)
		kid[k] = CHILD(memset(b, 'A' + k, sizeof(b));
			       for (i = 0; i < 50; i++)
				       EQ(write(p[1], b, 1000), 1000));
	OK(close(p[1]));
	for (i = 0; i < 200; i++) {
		for (r = 0; r < 1000;)
			r += OK(read(p[0], b + r, 1000 - r));
		for (r = 1; r < 1000; r++)
			if (b[r] != b[0])
				FAIL("writes are mixed");
	}
	EQ(read(p[0], b, 1), 0);
	for (k = 0; k < 4; k++)
		WAIT_EXIT(kid[k], 0);
}

TEST(pipe_size)
{
	make(O_NONBLOCK);
	EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
	EQ(OK(fcntl(p[1], F_SETPIPE_SZ, 100000)), 131072);
	EQ(write(p[1], buf, 200000), 131072);
	ERR(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
	EQ(read(p[0], buf, 131072), 131072);
	EQ(OK(fcntl(p[1], F_SETPIPE_SZ, 1)), 4096);
	EQ(write(p[1], buf, 200000), 4096);
}

TEST(fionread)
{
	int n = -1;

	make(0);
	EQ(write(p[1], "12345", 5), 5);
	OK(ioctl(p[0], FIONREAD, &n));
	EQ(n, 5);
	ERR(ioctl(p[0], 0x5413, &n), ENOTTY);	/* TIOCGWINSZ */
}

TEST(vectors)
{
	struct iovec v[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } }, r[2];
	char a[2], b[10] = "";

	make(0);
	EQ(writev(p[1], v, 3), 5);
	r[0] = (struct iovec){ a, 2 };
	r[1] = (struct iovec){ b, 9 };
	EQ(readv(p[0], r, 2), 5);
	CHECK(!memcmp(a, "ab", 2) && !strcmp(b, "cde"));
	ERR(writev(p[1], v, -1), EINVAL);
	ERR(writev(p[1], v, 1025), EINVAL);
	ERR(writev(p[1], BAD_PTR, 1), EFAULT);
	EQ(writev(p[1], v, 0), 0);
}

TEST(poll_events)
{
	struct pollfd f[2];

	make(0);
	f[0] = (struct pollfd){ .fd = p[0], .events = POLLIN };
	f[1] = (struct pollfd){ .fd = p[1], .events = POLLOUT };
	EQ(poll(f, 2, 0), 1);
	EQ(f[0].revents, 0);
	EQ(f[1].revents, POLLOUT);
	EQ(write(p[1], "x", 1), 1);
	EQ(poll(f, 2, 0), 2);
	EQ(f[0].revents, POLLIN);
	OK(close(p[1]));
	EQ(poll(f, 1, 0), 1);
	EQ(f[0].revents, POLLIN | POLLHUP);
	make(0);
	f[1].fd = p[1];
	OK(close(p[0]));
	EQ(poll(f + 1, 1, 0), 1);
	EQ(f[1].revents, POLLOUT | POLLERR);
}

TEST(splice_file_to_pipe_and_back)
{
	int in, out;
	loff_t off = 3;
	char b[16] = "";

	make(0);
	write_file("in", "0123456789", 10);
	in = OK(open("in", O_RDONLY));
	out = OK(open("out", O_RDWR | O_CREAT, 0644));
	EQ(splice(in, &off, p[1], NULL, 4, 0), 4);
	EQ(off, 7);
	EQ(lseek(in, 0, SEEK_CUR), 0);
	EQ(splice(in, NULL, p[1], NULL, 100, 0), 10);
	EQ(lseek(in, 0, SEEK_CUR), 10);
	EQ(splice(p[0], NULL, out, NULL, 100, 0), 14);
	EQ(pread(out, b, 16, 0), 14);
	CHECK(!memcmp(b, "34560123456789", 14));
	EQ(splice(in, NULL, p[1], NULL, 10, 0), 0);	/* end of file */
	ERR(splice(in, NULL, out, NULL, 1, 0), EINVAL);	/* no pipe */
	ERR(splice(p[0], &off, out, NULL, 1, 0), ESPIPE);
	ERR(splice(p[0], NULL, out, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	ERR(splice(p[0], NULL, 99, NULL, 1, 0), EBADF);
}

TEST(tee)
{
	int q[2];
	char b[8] = "";

	make(0);
	OK(pipe(q));
	EQ(write(p[1], "abcdef", 6), 6);
	EQ(tee(p[0], q[1], 4, 0), 4);
	EQ(read(q[0], b, 8), 4);
	CHECK(!memcmp(b, "abcd", 4));
	EQ(read(p[0], b, 8), 6);
	ERR(tee(p[0], q[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	ERR(tee(p[0], p[1], 1, 0), EINVAL);
}

TEST(vmsplice)
{
	struct iovec v = { "gift", 4 };
	char b[8] = "";

	make(0);
	EQ(vmsplice(p[1], &v, 1, 0), 4);
	EQ(read(p[0], b, 8), 4);
	CHECK(!memcmp(b, "gift", 4));
}

TEST(fifo_open_rules)
{
	int r, w;

	OK(mkfifo("fifo", 0600));
	ERR(mkfifo("fifo", 0600), EEXIST);
	ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	r = OK(open("fifo", O_RDONLY | O_NONBLOCK));
	EQ(read(r, buf, 1), 0);		/* no writer: end of file, not EAGAIN */
	w = OK(open("fifo", O_WRONLY | O_NONBLOCK));
	ERR(read(r, buf, 1), EAGAIN);
	EQ(write(w, "z", 1), 1);
	EQ(read(r, buf, 8), 1);
	OK(close(w));
	EQ(read(r, buf, 1), 0);
	OK(close(r));
	r = OK(open("fifo", O_RDWR));	/* Linux: never blocks */
	EQ(write(r, "self", 4), 4);
	EQ(read(r, buf, 8), 4);
}

TEST(fifo_open_blocks)
{
	pid_t kid;
	int64_t t;
	int r;

	OK(mkfifo("fifo", 0600));
	kid = CHILD(sleep_ms(40); int w = OK(open("fifo", O_WRONLY)); EQ(write(w, "q", 1), 1));
	t = now_ns();
	r = OK(open("fifo", O_RDONLY));
	CHECK(now_ns() - t > 20000000);
	EQ(read(r, buf, 8), 1);
	EQ(read(r, buf, 8), 0);
	WAIT_EXIT(kid, 0);
}

TEST(fifo_open_interrupted)
{
	pid_t kid;

	OK(mkfifo("fifo", 0600));
	on_signal(SIGUSR1, on_pipe, 0);
	kid = CHILD(sleep_ms(40); kill(getppid(), SIGUSR1));
	ERR(open("fifo", O_RDONLY), EINTR);
	WAIT_EXIT(kid, 0);
}

TEST(reopen_through_proc)
{
	char path[64];
	int fd;

	make(0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	fd = OK(open(path, O_WRONLY));
	EQ(write(fd, "re", 2), 2);
	EQ(read(p[0], buf, 8), 2);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	EQ(readlink(path, buf, 64) > 6 && !memcmp(buf, "pipe:[", 6), 1);
}

static void *pump(void *arg)
{
	int *fd = arg;
	char c;

	while (read(fd[0], &c, 1) == 1)
		if (write(fd[1], &c, 1) != 1)
			break;
	close(fd[1]);
	return NULL;
}

TEST(ring_of_threads)
{
	int q[11][2], ends[10][2], i;
	pthread_t t[10];
	char c = 'r';

	for (i = 0; i < 11; i++)
		OK(pipe(q[i]));
	for (i = 0; i < 10; i++) {
		ends[i][0] = q[i][0];
		ends[i][1] = q[i + 1][1];
		ZERO(pthread_create(&t[i], NULL, pump, ends[i]));
	}
	for (i = 0; i < 200; i++) {
		EQ(write(q[0][1], &c, 1), 1);
		EQ(read(q[10][0], &c, 1), 1);
	}
	OK(close(q[0][1]));
	for (i = 0; i < 10; i++)
		ZERO(pthread_join(t[i], NULL));
	EQ(read(q[10][0], &c, 1), 0);
}

TEST(writer_waits_for_reader)
{
	volatile int *done = shared_page();
	pid_t kid;

	make(0);
	EQ(write(p[1], buf, 65536), 65536);
	kid = CHILD(EQ(write(p[1], "more", 4), 4); *done = 1);
	sleep_ms(30);
	EQ(*done, 0);
	EQ(read(p[0], buf, 65536), 65536);
	WAIT_EXIT(kid, 0);
	EQ(read(p[0], buf, 8), 4);
}

TEST_MAIN("pipe")
