/* SPDX-License-Identifier: MIT */
/*
 * Host threads, futexes, CPUs.
 */
#include "host/host.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct start {
	void (*fn)(void *arg);
	void *arg;
	char name[16];
};

static void *thread_main(void *p)
{
	struct start s = *(struct start *)p;

	free(p);
	pthread_setname_np(pthread_self(), s.name);
	s.fn(s.arg);
	return NULL;
}

int host_thread_start(const char *name, void (*fn)(void *arg), void *arg)
{
	struct start *s = malloc(sizeof(*s));
	sigset_t all, old;
	pthread_t th;
	int err;

	if (!s)
		return -ENOMEM;
	s->fn = fn;
	s->arg = arg;
	for (size_t i = 0; i < sizeof(s->name); i++) {
		s->name[i] = i < sizeof(s->name) - 1 ? *name : 0;
		if (*name)
			name++;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&th, NULL, thread_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		free(s);
		return -err;
	}
	pthread_detach(th);
	return 0;
}

int host_futex_wait(u32 *addr, u32 val, s64 timeout_ns)
{
	struct timespec ts = { timeout_ns / 1000000000, timeout_ns % 1000000000 };
	long r = syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, val, timeout_ns < 0 ? NULL : &ts, NULL, 0);

	return r < 0 ? -errno : 0;
}

void host_futex_wake(u32 *addr, int n)
{
	syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

void host_futex_wake_shared(u32 *addr, int n)
{
	syscall(SYS_futex, addr, FUTEX_WAKE, n, NULL, NULL, 0);
}

int host_ncpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

int host_set_affinity(int tid, u64 mask)
{
	cpu_set_t set, ours;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(ours), &ours))
		return -errno;
	for (int i = 0; i < 64; i++)
		if (mask >> i & 1 && CPU_ISSET(i, &ours))
			CPU_SET(i, &set);
	return sched_setaffinity(tid, sizeof(set), &set) ? -errno : 0;
}

/* The mask is what the process had at start: nobody else changes a worker's. */
void host_change_cpu(void)
{
	static cpu_set_t all;
	static int known;
	cpu_set_t others;
	int cpu = sched_getcpu();

	if (!known)
		known = sched_getaffinity(getpid(), sizeof(all), &all) ? -1 : 1;
	others = all;
	if (known < 0 || cpu < 0 || CPU_COUNT(&all) < 2)
		return;
	CPU_CLR((size_t)cpu, &others);
	if (!sched_setaffinity(0, sizeof(others), &others))
		sched_setaffinity(0, sizeof(all), &all);
}

int host_current_cpu(void)
{
	return sched_getcpu();
}

void host_yield(void)
{
	sched_yield();
}
