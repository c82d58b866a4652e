/* SPDX-License-Identifier: MIT */
/*
 * The whole test framework of the guest tests.
 *
 * A test file is one static program. TEST(name) { ... } defines a case; TEST_MAIN("topic") ends the
 * file. Each case runs in a forked child with default signals, its own process group and an empty
 * directory as cwd, so that a crash or a hang does not hide the other cases. Each prints one line:
 * "ok topic.case", "FAIL topic.case: why" or "skip topic.case: why". The output is deterministic:
 * the host's and the guest's can be compared byte by byte.
 *
 * The check macros may be used in the case's descendants and threads, too: a failure is written to
 * a pipe which the runner reads, and ends the process that found it.
 */
#ifndef TESTS_GUEST_TEST_H
#define TESTS_GUEST_TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define unused __attribute__((__unused__))
#define noinline __attribute__((noinline))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PAGE 4096UL
#define BAD_PTR test_bad_ptr

/* An address that is never mapped; a variable, so that the compiler does not know it. */
unused static void *volatile test_bad_ptr = (void *)8;

struct test_case {
	const char *name;
	void (*fn)(void);
	long line;	/* orders the cases: the compiler may emit them in any order */
	long timeout;	/* seconds */
};

#define TEST_TIMEOUT(id, seconds)						\
	static void test_##id(void);						\
	static const struct test_case case_##id					\
	__attribute__((used, section("test_cases"), aligned(8))) =		\
		{ #id, test_##id, __LINE__, seconds };				\
	static void test_##id(void)
#define TEST(id) TEST_TIMEOUT(id, 10)

extern const struct test_case __start_test_cases[], __stop_test_cases[];

static const char *test_topic;
static char test_self[PATH_MAX];	/* this program, for cases that exec it */
static int test_pipe = -1;

/* Called for "<topic> @word ...": what a case's exec of test_self runs. */
int test_helper(int argc, char **argv) __attribute__((weak));

__attribute__((noreturn, format(printf, 2, 3), __unused__))
static void test_end(int kind, const char *fmt, ...)
{
	char buf[400];
	va_list ap;
	int n;

	buf[0] = kind;
	va_start(ap, fmt);
	n = vsnprintf(buf + 1, sizeof(buf) - 2, fmt, ap);
	va_end(ap);
	n = n > (int)sizeof(buf) - 3 ? (int)sizeof(buf) - 3 : n;
	buf[n + 1] = '\n';
	n = write(test_pipe, buf, n + 2);
	_exit(1);
}

#define FAIL(...) test_end('F', __VA_ARGS__)
#define SKIP(...) test_end('S', __VA_ARGS__)

#define CHECK(e) do {								\
	if (!(e))								\
		FAIL("line %d: %s", __LINE__, #e);				\
} while (0)

/* Compares as long: fits every scalar that the tests look at. */
#define EQ(a, b) do {								\
	long eq_a = (long)(a), eq_b = (long)(b);				\
	if (eq_a != eq_b)							\
		FAIL("line %d: %s is %ld, not %ld", __LINE__, #a, eq_a, eq_b);	\
} while (0)

/* The call succeeds; the value is its result. */
#define OK(e) ({								\
	errno = 0;								\
	__typeof__(e) ok_r = (e);						\
	if ((long)ok_r == -1)							\
		FAIL("line %d: %s: %s", __LINE__, #e, strerrorname_np(errno));	\
	ok_r;									\
})

/* The call fails with this errno. */
#define ERR(e, want) do {							\
	long err_r;								\
	errno = 0;								\
	err_r = (long)(e);							\
	if (err_r != -1)							\
		FAIL("line %d: %s gives %ld, not %s", __LINE__, #e, err_r, #want); \
	if (errno != (want))							\
		FAIL("line %d: %s: %s, not %s", __LINE__, #e,			\
		     strerrorname_np(errno), #want);				\
} while (0)

/* pthread style: the value is 0 or the error. */
#define ZERO(e) do {								\
	int zero_r = (e);							\
	if (zero_r)								\
		FAIL("line %d: %s: %s", __LINE__, #e, strerrorname_np(zero_r));	\
} while (0)

#define NEED_ROOT() do {							\
	if (getuid())								\
		SKIP("needs root");						\
} while (0)

unused static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

unused static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* A zeroed page that descendants share. */
unused static void *shared_page(void)
{
	return OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

unused static int wait_status(pid_t pid)
{
	int status;

	EQ(OK(waitpid(pid, &status, 0)), pid);
	return status;
}

/* Waits for a child that must exit with this code. */
#define WAIT_EXIT(pid, code) do {						\
	int we_s = wait_status(pid);						\
	if (!WIFEXITED(we_s) || WEXITSTATUS(we_s) != (code))			\
		FAIL("line %d: child status %#x, not exit %d", __LINE__, we_s, code); \
} while (0)

#define WAIT_SIGNAL(pid, sig) do {						\
	int ws_s = wait_status(pid);						\
	if (!WIFSIGNALED(ws_s) || WTERMSIG(ws_s) != (sig))			\
		FAIL("line %d: child status %#x, not %s", __LINE__, ws_s, #sig); \
} while (0)

/* Runs the statement in a child, which exits with 0 after it. */
#define CHILD(...) ({								\
	pid_t ch_p = OK(fork());						\
	if (!ch_p) {								\
		__VA_ARGS__;							\
		_exit(0);							\
	}									\
	ch_p;									\
})

/* Waits (at most 5 s) until a condition holds that another process or thread makes true. */
#define UNTIL(cond) do {							\
	int un_i;								\
	for (un_i = 0; un_i < 5000 && !(cond); un_i++)				\
		sleep_ms(1);							\
	if (un_i == 5000)							\
		FAIL("line %d: never: %s", __LINE__, #cond);			\
} while (0)

/* The state letter in /proc/PID/stat, 0 if there is no such process. */
unused static int proc_state(pid_t pid)
{
	char path[64], buf[512], *p;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	p = strrchr(buf, ')');
	return p ? p[2] : 0;
}

unused static int write_file(const char *path, const void *data, size_t size)
{
	int fd = OK(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	EQ(write(fd, data, size), size);
	OK(close(fd));
	return 0;
}

unused static void on_signal(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = flags | SA_SIGINFO };

	OK(sigaction(sig, &sa, NULL));
}

/* ---- the runner ---- */

static volatile pid_t test_child;

static void test_alarm(int sig)
{
	(void)sig;
	kill(-test_child, SIGKILL);
	kill(test_child, SIGKILL);
}

static int test_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void test_reset(void)
{
	sigset_t none;
	int i;

	for (i = 1; i < 65; i++)
		if (i != SIGKILL && i != SIGSTOP && (i < 32 || i > 33))
			signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
}

static void test_line(const char *what, const char *name, const char *why)
{
	char line[600];
	int n = snprintf(line, sizeof(line), "%s %s.%s%s%s\n", what, test_topic, name,
			 why ? ": " : "", why ? why : "");

	n = write(1, line, n);
}

/* Reads the first message, if any: first byte the kind, up to the newline. */
static int test_message(int fd, char *buf, size_t size)
{
	ssize_t n;
	char *end;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, buf, size - 1);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	end = strchr(buf, '\n');
	if (end)
		*end = 0;
	return buf[0];
}

static int test_run(const struct test_case *c)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX], msg[512];
	int p[2], status, kind;

	snprintf(dir, sizeof(dir), "%s/%s.%s.XXXXXX", tmp ? tmp : "/tmp", test_topic, c->name);
	if (!mkdtemp(dir) || pipe(p)) {
		test_line("FAIL", c->name, "no scratch directory or pipe");
		return 1;
	}
	test_child = fork();
	if (!test_child) {
		setpgid(0, 0);
		test_pipe = fcntl(p[1], F_DUPFD_CLOEXEC, 200);
		close(p[0]);
		close(p[1]);
		test_reset();
		if (chdir(dir))
			FAIL("chdir to the scratch directory: %s", strerrorname_np(errno));
		c->fn();
		_exit(0);
	}
	setpgid(test_child, test_child);
	close(p[1]);
	alarm(c->timeout);
	while (waitpid(test_child, &status, 0) < 0 && errno == EINTR)
		;
	kind = alarm(0) ? 0 : 'T';
	kill(-test_child, SIGKILL);
	if (test_message(p[0], msg, sizeof(msg)))
		kind = msg[0];
	else if (kind == 'T')
		snprintf(msg, sizeof(msg), "Ttimeout");
	else if (WIFSIGNALED(status))
		snprintf(msg, sizeof(msg), "Ckilled by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else
		snprintf(msg, sizeof(msg), "Cexit status %d", WEXITSTATUS(status));
	close(p[0]);
	nftw(dir, test_unlink, 16, FTW_DEPTH | FTW_PHYS);
	if (!kind && !status) {
		test_line("ok", c->name, NULL);
		return 0;
	}
	test_line(kind == 'S' ? "skip" : "FAIL", c->name, msg + 1);
	return kind != 'S';
}

static int test_order(const void *a, const void *b)
{
	const struct test_case *x = a, *y = b;

	return x->line < y->line ? -1 : x->line > y->line;
}

static int test_main(int argc, char **argv, const char *topic)
{
	size_t n = __stop_test_cases - __start_test_cases, i;
	struct test_case all[n];
	int failed = 0, a, fd;

	test_topic = topic;
	if (!realpath(argv[0], test_self))
		snprintf(test_self, sizeof(test_self), "%s", argv[0]);
	if (argc > 1 && argv[1][0] == '@' && test_helper)
		return test_helper(argc, argv);
	memcpy(all, __start_test_cases, sizeof(all));
	qsort(all, n, sizeof(all[0]), test_order);
	for (fd = 3; fd < 256; fd++)
		close(fd);
	test_reset();
	signal(SIGALRM, test_alarm);
	for (i = 0; i < n; i++) {
		int chosen = argc == 1;

		for (a = 1; a < argc; a++)
			chosen |= !strcmp(argv[a], all[i].name);
		if (argc == 2 && !strcmp(argv[1], "-l"))
			printf("%s\n", all[i].name);
		else if (chosen)
			failed |= test_run(&all[i]);
	}
	return failed;
}

#define TEST_MAIN(topic)							\
	int main(int argc, char **argv)						\
	{									\
		return test_main(argc, argv, topic);				\
	}

#endif
