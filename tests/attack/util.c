/* SPDX-License-Identifier: MIT */
/*
 * Random numbers, values that hurt, children in sequence.
 */
#include "attack.h"

#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "near/layout.h"
#include "near/proto.h"

uint64_t seed;
double end_of_attack;

uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

uint64_t below(uint64_t n)
{
	return rnd() % n;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool time_left(void)
{
	return now() < end_of_attack;
}

void nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* --- pools of values that hurt --- */

uint64_t some_address(void)
{
	static const uint64_t bases[] = {
		0, NEAR_TEXT, NEAR_DATA, NEAR_ISLANDS, NEAR_SHARED, NEAR_END, LOW_BASE, FS_TABLE, NEAR_BASE - 0x20000,
		0x7ffffffff000, 0xffffffffff600000, 0x400000,
	};
	uint64_t base = bases[below(sizeof(bases) / sizeof(bases[0]))];

	switch (below(4)) {
	case 0:
		return base;
	case 1:
		return base + (below(64) << 12);
	case 2:
		return base + below(0x40000);
	}
	return (uint64_t)&base - below(65536);
}

uint64_t some_value(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 8, 9, 16, 64, 0xff, 0x1000, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		1ULL << 32, 1ULL << 47, 1ULL << 63, ~0ULL, NEAR_CLONE_THREAD, NEAR_CLONE_FORK, MAP_FIXED | MAP_PRIVATE |
		MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, PROT_READ | PROT_WRITE | PROT_EXEC, FD_ARG,
	};

	switch (below(4)) {
	case 0:
		return some_address();
	case 1:
		return rnd();
	}
	return values[below(sizeof(values) / sizeof(values[0]))];
}

/* --- attacks: each runs in a process of its own until its time is over --- */

void in_children(void (*fn)(void))
{
	while (time_left()) {
		pid_t pid = fork();
		double until = now() + 1;

		rnd();
		if (!pid) {
			seed = (seed + 1) * 0x9e3779b97f4a7c15 | 1;
			alarm(2);
			fn();
			_exit(0);
		}
		if (pid < 0) {
			nap(10);
			continue;
		}
		while (waitpid(pid, NULL, WNOHANG) == 0 && now() < until)
			nap(1);
		if (!kill(pid, SIGKILL))
			waitpid(pid, NULL, 0);
	}
}

