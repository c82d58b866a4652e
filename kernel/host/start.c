/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of the kernel process.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPACE_MIN (1UL << 30)

static u64 nofile;

u64 host_nofile_limit(void)
{
	return nofile;
}

/* A closed standard descriptor would be taken by the next open: fill the hole. */
static void fill_stdio(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
			int n = open("/dev/null", O_RDWR);

			if (n >= 0 && n != fd) {
				dup2(n, fd);
				close(n);
			}
		}
	}
}

void host_start_limits(void)
{
	struct rlimit rl;

	fill_stdio();
	mallopt(M_ARENA_MAX, 1);	/* the kernel lock serialises its users anyway */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a disk that may not grow (ulimit -f) fails its requests instead */
	if (!getrlimit(RLIMIT_NOFILE, &rl)) {
		if (rl.rlim_cur < rl.rlim_max && rl.rlim_max != RLIM_INFINITY) {
			rl.rlim_cur = rl.rlim_max;
			setrlimit(RLIMIT_NOFILE, &rl);
		}
		getrlimit(RLIMIT_NOFILE, &rl);
		nofile = rl.rlim_cur == RLIM_INFINITY ? 1 << 20 : rl.rlim_cur;
	}
}

static int try_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };
	int status, pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			_exit(errno);
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
			_exit(errno);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

static int fail(const char *what, const char *fix, int err)
{
	fprintf(stderr, "linux: the host %s: %s\n       %s\n", what, strerror(-err), fix);
	return err;
}

static int check_memfd(void)
{
	int fd = host_memfd("umlaut-check", 4096);
	void *p;

	if (fd < 0)
		return fail("forbids memory files (memfd_create)",
			    "Allow the memfd_create system call (seccomp profile of the container).", fd);
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return fail("forbids executable memory files", "See the sysctl vm.memfd_noexec and the "
			    "security module's rules.", -errno);
	munmap(p, 4096);
	return 0;
}

static int check_nofile(void)
{
	if (nofile >= 64)
		return 0;
	return fail("allows too few open files (RLIMIT_NOFILE)", "Raise it: ulimit -n 1024 or more.", -EMFILE);
}

/* A guest process sees the whole of an address space, whatever it uses of it. */
static int check_space(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_AS, &rl) || rl.rlim_cur >= SPACE_MIN)
		return 0;
	return fail("allows too little address space (RLIMIT_AS)", "Raise it: ulimit -v unlimited.", -ENOMEM);
}

int host_check(void)
{
	int err = check_nofile();

	if (!err)
		err = check_space();
	if (err)
		return err;
	err = try_filter();
	if (err == -EAGAIN)
		return fail("allows too few processes (RLIMIT_NPROC)", "Raise it: ulimit -u 256 or more.", err);
	if (err == -ENOMEM)
		return fail("allows too little address space (RLIMIT_AS)", "Raise it: ulimit -v unlimited.", err);
	if (err)
		return fail("forbids seccomp filters",
			    "A kernel with CONFIG_SECCOMP_FILTER is needed, and the seccomp system call must be "
			    "allowed (seccomp profile of the container).", err);
	return check_memfd();
}

void host_reexec(char **argv)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv("/proc/self/exe", argv);
	execvp(argv[0], argv);
	fprintf(stderr, "Failed to exec kernel\n");
	_exit(1);
}

void host_exit(int status)
{
	host_leak_check();
	_exit(status);
}

void host_abort(void)
{
	sigset_t set;

	signal(SIGABRT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	abort();
}

static void write_all(int fd, const char *s, size_t n)
{
	while (n) {
		ssize_t r = write(fd, s, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return;
		s += r;
		n -= (size_t)r;
	}
}

void host_write_stderr(const char *s, size_t n)
{
	write_all(2, s, n);
}

void host_write_stdout(const char *s, size_t n)
{
	write_all(1, s, n);
}

const char *host_getenv(const char *name)
{
	return getenv(name);
}
