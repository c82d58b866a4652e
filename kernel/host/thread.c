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
#include <sys/resource.h>
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

/* What the process had when we first asked: workers narrow their own. */
static const cpu_set_t *our_cpus(void)
{
	static cpu_set_t all;
	static bool known;

	if (!known && sched_getaffinity(getpid(), sizeof(all), &all)) {
		CPU_ZERO(&all);
		CPU_SET(0, &all);
	}
	known = true;
	return &all;
}

int host_ncpus(void)
{
	return CPU_COUNT(our_cpus());
}

static int nth_cpu(u32 n)
{
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, our_cpus()) && !n--)
			return i;
	return -1;
}

bool host_cpu_ours(int cpu)
{
	return cpu < CPU_SETSIZE && CPU_ISSET(cpu, our_cpus());
}

void host_thread_bind(u32 part, u32 parts)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (u32 i = part; i < (u32)host_ncpus(); i += parts)
		CPU_SET(nth_cpu(i), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* struct sched_attr, which C libraries do not have yet. */
struct slice_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
};

#define LONG_SLICE_NS (8 * 1000 * 1000LL)	/* whoever wakes up wants less, and so takes the CPU */

static void set_policy(u32 policy, s64 slice)
{
	struct slice_attr a = { .size = sizeof(a), .policy = policy, .runtime = (u64)slice };
	int now = sched_getscheduler(0);

	if ((now == SCHED_OTHER || now == SCHED_BATCH) && (a.nice = getpriority(PRIO_PROCESS, 0)) >= 0)
		syscall(SYS_sched_setattr, 0, &a, 0);
}

void host_thread_slice(s64 ns)
{
	set_policy(SCHED_OTHER, ns);
}

void host_thread_patient(void)
{
	set_policy(SCHED_BATCH, LONG_SLICE_NS);
}

int host_set_affinity(int tid, u64 mask)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < 64; i++)
		if (mask >> i & 1 && CPU_ISSET(i, our_cpus()))
			CPU_SET(i, &set);
	return sched_setaffinity(tid, sizeof(set), &set) ? -errno : 0;
}

int host_current_cpu(void)
{
	return sched_getcpu();
}

void host_yield(void)
{
	sched_yield();
}
