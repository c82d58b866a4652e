/* SPDX-License-Identifier: MIT */
/*
 * What does an operation cost? One static program that runs the same natively and in every guest.
 *
 *   bench [-q] [row...]        prints "name value unit" lines; -q: fewer batches; -l: list
 *   bench -c N row...          does the operation N times, for tests/bench/count
 *
 * Each row runs its operation in batches of about 30 ms and prints the median of the batches.
 * Needs only /dev/zero, /dev/null, a writable /tmp (or $TMPDIR) and itself. As process 1 it mounts
 * /proc, /dev and /tmp before and powers the machine off after.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH_NS 30000000LL
#define MAPPED (4L << 20)
#define FILES 200

struct row {
	const char *name;
	int (*setup)(void);	/* may be NULL; not 0: skip the row */
	void (*batch)(long n);	/* does the operation n times */
	void (*teardown)(void);	/* may be NULL */
	const char *unit;	/* "ns": time per operation; "MB/s": an operation moves 1 MB */
};

static const char *self;
static char dir[4096], path[4200], big[1 << 20];
static int fd = -1, to[2], from[2];
static pid_t peer;
static char *map;

static void die(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(1);
}

#define MUST(e) do {		\
	if ((long)(e) == -1)	\
		die(#e);	\
} while (0)

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* ---- set-up shared by rows ---- */

static int open_file(void)
{
	int i;

	MUST(fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644));
	for (i = 0; i < 4; i++)
		if (write(fd, big, sizeof(big)) != sizeof(big))
			die("write");
	return 0;
}

static void close_file(void)
{
	close(fd);
	unlink(path);
}

static int open_zero(void)
{
	return (fd = open("/dev/zero", O_RDONLY)) < 0;
}

static int open_null(void)
{
	return (fd = open("/dev/null", O_WRONLY)) < 0;
}

static void close_fd(void)
{
	close(fd);
}

/* ---- calls without state ---- */

static void do_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void do_clock_gettime(long n)
{
	struct timespec ts;

	while (n--)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

static void do_sigprocmask(long n)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	for (; n > 0; n--)
		sigprocmask(n & 1 ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void on_usr1(int sig)
{
	(void)sig;
}

static int setup_signal(void)
{
	signal(SIGUSR1, on_usr1);
	return 0;
}

static void do_signal_self(long n)
{
	pid_t pid = getpid();

	while (n--)
		kill(pid, SIGUSR1);
}

/* ---- files ---- */

static void do_read(long n)
{
	while (n--)
		if (read(fd, big, 512) != 512)
			die("read");
}

static void do_write(long n)
{
	while (n--)
		if (write(fd, big, 512) != 512)
			die("write");
}

static void do_pread_4k(long n)
{
	for (; n > 0; n--)
		if (pread(fd, big, 4096, (n & 255) << 12) != 4096)
			die("pread");
}

static void do_pwrite_4k(long n)
{
	for (; n > 0; n--)
		if (pwrite(fd, big, 4096, (n & 255) << 12) != 4096)
			die("pwrite");
}

static void do_pread_1m(long n)
{
	while (n--)
		if (pread(fd, big, sizeof(big), 0) != sizeof(big))
			die("pread");
}

static void do_lseek(long n)
{
	for (; n > 0; n--)
		MUST(lseek(fd, n & 4095, SEEK_SET));
}

static void do_stat(long n)
{
	struct stat st;

	while (n--)
		MUST(stat(path, &st));
}

static void do_fstat(long n)
{
	struct stat st;

	while (n--)
		MUST(fstat(fd, &st));
}

static void do_open_close(long n)
{
	int f;

	while (n--) {
		MUST(f = open(path, O_RDONLY));
		close(f);
	}
}

static void do_create_unlink(long n)
{
	int f;

	while (n--) {
		MUST(f = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644));
		close(f);
		MUST(unlink(path));
	}
}

static int setup_dir(void)
{
	char name[4300];
	int i, f;

	MUST(mkdir(path, 0755));
	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s/file%03d", path, i);
		MUST(f = open(name, O_WRONLY | O_CREAT, 0644));
		close(f);
	}
	return 0;
}

static void do_readdir(long n)
{
	int count;
	DIR *d;

	while (n--) {
		d = opendir(path);
		if (!d)
			die("opendir");
		for (count = 0; readdir(d); count++)
			;
		if (count != FILES + 2)
			die("readdir: wrong count");
		closedir(d);
	}
}

static void remove_dir(void)
{
	char name[4300];
	int i;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%s/file%03d", path, i);
		unlink(name);
	}
	rmdir(path);
}

/* ---- memory ---- */

static void do_mmap_munmap(long n)
{
	char *p;

	while (n--) {
		p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(p);
		munmap(p, 65536);
	}
}

/* An operation is one page touched; every MAPPED bytes the mapping is made anew. */
static void touch(long n, int prot, int flags, int f)
{
	volatile char *p;
	long i;

	while (n > 0) {
		map = mmap(NULL, MAPPED, prot, flags, f, 0);
		MUST(map);
		madvise(map, MAPPED, MADV_NOHUGEPAGE);
		p = map;
		for (i = 0; i < MAPPED && n > 0; i += 4096, n--) {
			if (prot & PROT_WRITE)
				p[i] = 1;
			else
				(void)p[i];
		}
		munmap(map, MAPPED);
	}
}

static void do_fault_anon(long n)
{
	touch(n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void do_fault_file(long n)
{
	touch(n, PROT_READ, MAP_SHARED, fd);
}

/* ---- between processes ---- */

static void echo(int in, int out)
{
	char c;

	while (read(in, &c, 1) == 1)
		if (write(out, &c, 1) != 1)
			break;
	_exit(0);
}

static int setup_pipes(void)
{
	MUST(pipe(to));
	MUST(pipe(from));
	MUST(peer = fork());
	if (!peer) {
		close(to[1]);
		close(from[0]);
		echo(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	return 0;
}

static int setup_unix(void)
{
	int s[2];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	MUST(peer = fork());
	if (!peer) {
		close(s[0]);
		echo(s[1], s[1]);
	}
	close(s[1]);
	to[1] = s[0];
	from[0] = dup(s[0]);
	return 0;
}

static void do_pingpong(long n)
{
	char c = 'x';

	while (n--)
		if (write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1)
			die("pingpong");
}

static int setup_stream(void)
{
	MUST(pipe(from));
	MUST(peer = fork());
	if (!peer) {
		signal(SIGPIPE, SIG_DFL);
		close(from[0]);
		while (write(from[1], big, 65536) > 0)
			;
		_exit(0);
	}
	close(from[1]);
	to[1] = -1;
	return 0;
}

static void do_stream(long n)
{
	long left = n << 20;
	ssize_t r;

	while (left > 0) {
		r = read(from[0], big, left < 65536 ? left : 65536);
		if (r <= 0)
			die("stream");
		left -= r;
	}
}

static void end_peer(void)
{
	close(to[1]);
	close(from[0]);
	waitpid(peer, NULL, 0);
}

static int epfd;

static int setup_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	MUST(fd = eventfd(1, 0));
	MUST(epfd = epoll_create1(0));
	MUST(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev));
	return 0;
}

static void do_epoll(long n)
{
	struct epoll_event ev;

	while (n--)
		if (epoll_wait(epfd, &ev, 1, 0) != 1)
			die("epoll_wait");
}

static void end_epoll(void)
{
	close(epfd);
	close(fd);
}

/* ---- threads ---- */

static void *thread_nothing(void *arg)
{
	return arg;
}

static void do_thread(long n)
{
	pthread_t t;

	while (n--) {
		if (pthread_create(&t, NULL, thread_nothing, NULL))
			die("pthread_create");
		pthread_join(t, NULL);
	}
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;	/* 0: ours, 1: the other thread's, 2: end */

static void *thread_turns(void *arg)
{
	pthread_mutex_lock(&lock);
	while (turn != 2) {
		if (turn == 1) {
			turn = 0;
			pthread_cond_broadcast(&cond);
		}
		pthread_cond_wait(&cond, &lock);
	}
	pthread_mutex_unlock(&lock);
	return arg;
}

static void do_condvar(long n)
{
	pthread_t t;

	turn = 0;
	if (pthread_create(&t, NULL, thread_turns, NULL))
		die("pthread_create");
	pthread_mutex_lock(&lock);
	while (n--) {
		turn = 1;
		pthread_cond_broadcast(&cond);
		while (turn)
			pthread_cond_wait(&cond, &lock);
	}
	turn = 2;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	pthread_join(t, NULL);
}

/* ---- processes ---- */

static void reap(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0));
	if (status)
		die("child failed");
}

static void do_fork_exit(long n)
{
	pid_t pid;

	while (n--) {
		MUST(pid = fork());
		if (!pid)
			_exit(0);
		reap(pid);
	}
}

static char *const exit_argv[] = { "bench", "@exit", NULL }, *const no_env[] = { NULL };
static char *const sh_argv[] = { "sh", "-c", "true", NULL };

static void do_fork_exec(long n)
{
	pid_t pid;

	while (n--) {
		MUST(pid = fork());
		if (!pid) {
			execve(self, exit_argv, no_env);
			_exit(127);
		}
		reap(pid);
	}
}

static void spawn(long n, const char *file, char *const argv[])
{
	pid_t pid;

	while (n--) {
		errno = posix_spawn(&pid, file, NULL, NULL, argv, no_env);
		if (errno)
			die("posix_spawn");
		reap(pid);
	}
}

static void do_vfork_exec(long n)
{
	spawn(n, self, exit_argv);
}

static const char *shell(void)
{
	return getenv("BENCH_SH") ? getenv("BENCH_SH") : "/bin/sh";
}

static int setup_sh(void)
{
	return access(shell(), X_OK);
}

static void do_sh_true(long n)
{
	spawn(n, shell(), sh_argv);
}

/* ---- the table and its runner ---- */

static const struct row rows[] = {
	{ "getppid", NULL, do_getppid, NULL, "ns" },
	{ "clock_gettime", NULL, do_clock_gettime, NULL, "ns" },
	{ "read_zero", open_zero, do_read, close_fd, "ns" },
	{ "write_null", open_null, do_write, close_fd, "ns" },
	{ "pread_4k", open_file, do_pread_4k, close_file, "ns" },
	{ "pwrite_4k", open_file, do_pwrite_4k, close_file, "ns" },
	{ "pread_1m", open_file, do_pread_1m, close_file, "ns" },
	{ "stat", open_file, do_stat, close_file, "ns" },
	{ "fstat", open_file, do_fstat, close_file, "ns" },
	{ "open_close", open_file, do_open_close, close_file, "ns" },
	{ "create_unlink", NULL, do_create_unlink, NULL, "ns" },
	{ "readdir", setup_dir, do_readdir, remove_dir, "ns" },
	{ "lseek", open_file, do_lseek, close_file, "ns" },
	{ "sigprocmask", NULL, do_sigprocmask, NULL, "ns" },
	{ "signal_self", setup_signal, do_signal_self, NULL, "ns" },
	{ "mmap_munmap", NULL, do_mmap_munmap, NULL, "ns" },
	{ "page_fault_anon", NULL, do_fault_anon, NULL, "ns" },
	{ "page_fault_file", open_file, do_fault_file, close_file, "ns" },
	{ "pipe_pingpong", setup_pipes, do_pingpong, end_peer, "ns" },
	{ "unix_pingpong", setup_unix, do_pingpong, end_peer, "ns" },
	{ "pipe_stream", setup_stream, do_stream, end_peer, "MB/s" },
	{ "epoll", setup_epoll, do_epoll, end_epoll, "ns" },
	{ "thread_create_join", NULL, do_thread, NULL, "ns" },
	{ "condvar_pingpong", NULL, do_condvar, NULL, "ns" },
	{ "fork_exit", NULL, do_fork_exit, NULL, "ns" },
	{ "fork_exec", NULL, do_fork_exec, NULL, "ns" },
	{ "vfork_exec", NULL, do_vfork_exec, NULL, "ns" },
	{ "sh_true", setup_sh, do_sh_true, NULL, "ns" },
};

static long fixed;		/* -c */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double timed(const struct row *r, long n)
{
	long long t = now();

	r->batch(n);
	t = now() - t;
	return t > 0 ? t : 1;
}

static void measure(const struct row *r, int batches)
{
	double ns[32], t;
	long n = 1;
	int i;

	if (r->setup && r->setup()) {
		printf("# %s: skipped\n", r->name);
		return;
	}
	if (fixed) {
		r->batch(fixed);
		goto out;
	}
	while ((t = timed(r, n)) < BATCH_NS / 4 && n < 1L << 40)
		n *= t < BATCH_NS / 64 ? 8 : 2;
	n = n * (BATCH_NS / t);
	n = n < 1 ? 1 : n;
	for (i = 0; i < batches; i++)
		ns[i] = timed(r, n) / n;
	qsort(ns, batches, sizeof(ns[0]), by_value);
	t = ns[batches / 2];
	if (!strcmp(r->unit, "MB/s"))
		t = 1e9 / t;
	printf("%s %.1f %s\n", r->name, t, r->unit);
	fflush(stdout);
out:
	if (r->teardown)
		r->teardown();
}

/* The row in a child: a call that is missing costs its row only. */
static void measure_apart(const struct row *r, int batches)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		measure(r, batches);
		return;
	}
	if (!pid) {
		alarm(60);
		measure(r, batches);
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		printf("# %s: killed by signal %d\n", r->name, WTERMSIG(status));
}

static void mount_all(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
}

int main(int argc, char **argv)
{
	int batches = 9, named = 0, k;	/* named: an argument is a row; kernels may add others */
	size_t i;

	self = argv[0];
	if (argc > 1 && !strcmp(argv[1], "@exit"))
		_exit(0);
	for (k = 1; k < argc; k++)
		if (!strcmp(argv[k], "-q"))
			batches = 3;
		else if (!strcmp(argv[k], "-c") && k + 1 < argc)
			fixed = atol(argv[++k]);
	if (getpid() == 1)
		mount_all();
	snprintf(dir, sizeof(dir), "%s/bench.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		printf("# %s: %s\n", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/file", dir);
	memset(big, 'b', sizeof(big));
	for (k = 1; k < argc; k++)
		for (i = 0; i < ROWS; i++)
			named |= !strcmp(argv[k], rows[i].name);
	for (i = 0; i < ROWS; i++) {
		int chosen = !named;

		for (k = 1; k < argc; k++)
			chosen |= !strcmp(argv[k], rows[i].name);
		if (argc == 2 && !strcmp(argv[1], "-l"))
			puts(rows[i].name);
		else if (chosen)
			measure_apart(&rows[i], batches);
	}
	rmdir(dir);
	fflush(stdout);
	if (getpid() == 1)
		reboot(RB_POWER_OFF);
	return 0;
}
