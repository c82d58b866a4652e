/* SPDX-License-Identifier: MIT */
/*
 * Child processes of the kernel: the guests' address spaces.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	void (*fn)(void *arg);
	void *arg;
};

/* The host writes to this thread's rseq area behind our back; the child unmaps it. */
static void forget_rseq(void)
{
	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
			MAX(__rseq_size, 32u), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static int child_main(void *p)
{
	struct child *c = p;

	forget_rseq();

	c->fn(c->arg);
	_exit(112);
}

/* On a stack of its own (in bss), because the child unmaps the stack it was born on. */
int host_fork_child(void (*fn)(void *arg), void *arg)
{
	static char stack[65536] __attribute__((aligned(64)));
	static struct child c;
	int pid;

	c = (struct child){ fn, arg };
	pid = clone(child_main, stack + sizeof(stack), SIGCHLD, &c);
	return pid < 0 ? -errno : pid;
}

int host_kill(int pid, int sig)
{
	return kill(pid, sig) ? -errno : 0;
}

int host_tgkill(int pid, int tid, int sig)
{
	return syscall(SYS_tgkill, pid, tid, sig) ? -errno : 0;
}

int host_reap(int *status)
{
	int pid = waitpid(-1, status, WNOHANG);

	return pid > 0 ? pid : 0;
}

int host_children_open(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%ld/children", getpid(), syscall(SYS_gettid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void host_children(int fd, void (*fn)(void *arg, int pid), void *arg)
{
	char buf[4096];
	off_t at = 0;
	ssize_t n;
	int pid = 0;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
			} else if (pid) {
				fn(arg, pid);
				pid = 0;
			}
		}
		at += n;
	}
}

int host_pgid(int pid)
{
	int pg = getpgid(pid);

	return pg < 0 ? -errno : pg;
}

int host_getpid(void)
{
	return getpid();
}

static ssize read_file(const char *path, char *buf, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize r;

	if (fd < 0)
		return -errno;
	r = read(fd, buf, n - 1);
	if (r < 0)
		r = -errno;
	else
		buf[r] = 0;
	close(fd);
	return r;
}

int host_statm(int pid, u64 *size, u64 *rss, u64 *shared)
{
	char path[64], buf[128];
	unsigned long a, b, c;
	ssize r;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	r = read_file(path, buf, sizeof(buf));
	if (r < 0)
		return (int)r;
	if (sscanf(buf, "%lu %lu %lu", &a, &b, &c) != 3)
		return -EIO;
	*size = a;
	*rss = b;
	*shared = c;
	return 0;
}

static int thread_stat(int pid, int tid, char *state, u64 *utime_ns, u64 *stime_ns)
{
	char path[64], buf[512], *p;
	unsigned long u, s;
	ssize r;
	long hz = sysconf(_SC_CLK_TCK);

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	r = read_file(path, buf, sizeof(buf));
	if (r < 0)
		return (int)r;
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 2, "%c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", state, &u, &s) != 3)
		return -EIO;
	*utime_ns = u * (1000000000UL / (unsigned long)hz);
	*stime_ns = s * (1000000000UL / (unsigned long)hz);
	return 0;
}

int host_thread_times(int pid, int tid, u64 *utime_ns, u64 *stime_ns)
{
	char state;

	return thread_stat(pid, tid, &state, utime_ns, stime_ns);
}

bool host_thread_starves(int pid, int tid, u64 *ran_ns)
{
	u64 before = *ran_ns, u, s;
	char state;

	if (thread_stat(pid, tid, &state, &u, &s))
		return false;
	*ran_ns = u + s;
	return state == 'R' && *ran_ns == before;
}

int host_rusage_self(u64 *utime_ns, u64 *stime_ns)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru))
		return -errno;
	*utime_ns = (u64)ru.ru_utime.tv_sec * 1000000000 + (u64)ru.ru_utime.tv_usec * 1000;
	*stime_ns = (u64)ru.ru_stime.tv_sec * 1000000000 + (u64)ru.ru_stime.tv_usec * 1000;
	return 0;
}

ssize host_cpuinfo(char *buf, size_t n)
{
	ssize r = read_file("/proc/cpuinfo", buf, n);
	char *end;

	if (r <= 0)
		return r;
	end = strstr(buf, "\n\n");
	return end ? end + 1 - buf : r;
}
