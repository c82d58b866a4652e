/* SPDX-License-Identifier: MIT */
/*
 * The futex call by hand: waiting and waking, bit sets, requeueing, time-outs, sharing between processes,
 * interruption, errors.
 */
#include "test.h"
#include <linux/futex.h>
#include <pthread.h>

static long futex(void *addr, int op, unsigned int val, void *timeout, void *addr2, unsigned int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, addr2, val3);
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	ZERO(pthread_create(&t, NULL, fn, arg));
	return t;
}

static long join(pthread_t t)
{
	void *r;

	ZERO(pthread_join(t, &r));
	return (long)r;
}

static long counter;
static int word, word2;

static void *futex_waiter(void *arg)
{
	__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
	return (void *)futex(&word, (long)arg, 0, NULL, NULL, 0xff);
}

TEST(futex_wait_wake)
{
	pthread_t t = start(futex_waiter, (void *)(long)FUTEX_WAIT_PRIVATE);
	int woken = 0;

	UNTIL((woken += futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0)) == 1);
	EQ(join(t), 0);
	EQ(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0), 0);
}

TEST(futex_errors)
{
	struct timespec ts = { 0, 20000000 }, bad = { 0, 2000000000 };
	int64_t t = now_ns();

	ERR(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
	ERR(futex(&word, FUTEX_WAIT, 0, &ts, NULL, 0), ETIMEDOUT);
	CHECK(now_ns() - t >= 20000000);
	ERR(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
	ERR(futex((char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	ERR(futex(BAD_PTR, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	ERR(futex(&word, FUTEX_WAIT, 0, BAD_PTR, NULL, 0), EFAULT);
	ERR(futex(&word, 77, 0, NULL, NULL, 0), ENOSYS);
	ERR(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
	ERR(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
}

TEST(futex_bitset)
{
	pthread_t t = start(futex_waiter, (void *)(long)FUTEX_WAIT_BITSET_PRIVATE);
	struct timespec ts;

	UNTIL(*(volatile long *)&counter);
	sleep_ms(30);
	EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0xff00), 0);
	EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0x10), 1);
	EQ(join(t), 0);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ERR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &ts, NULL, -1), ETIMEDOUT);
	clock_gettime(CLOCK_REALTIME, &ts);
	ERR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &ts, NULL, -1),
	    ETIMEDOUT);
}

TEST(futex_requeue)
{
	pthread_t t[5];
	int i;

	for (i = 0; i < 5; i++)
		t[i] = start(futex_waiter, (void *)(long)FUTEX_WAIT_PRIVATE);
	UNTIL(*(volatile long *)&counter == 5);
	sleep_ms(50);
	ERR(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)9, &word2, 1), EAGAIN);
	EQ(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)9, &word2, 0), 5);
	EQ(futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 0);
	EQ(futex(&word2, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0), 4);
	for (i = 0; i < 5; i++)
		EQ(join(t[i]), 0);
}

TEST(futex_wake_op)
{
	word = 5;
	EQ(futex(&word2, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
		 FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)), 0);
	EQ(word, 8);
}

TEST(futex_shared_over_fork)
{
	int *w = shared_page(), woken = 0;
	pid_t kid = CHILD(EQ(futex(w, FUTEX_WAIT, 0, NULL, NULL, 0), 0));

	UNTIL((woken += futex(w, FUTEX_WAKE, 1, NULL, NULL, 0)) == 1);
	WAIT_EXIT(kid, 0);
}

TEST(futex_shared_file)
{
	int fd = OK(open("f", O_RDWR | O_CREAT, 0644)), woken = 0, *a, *b;
	pid_t kid;

	OK(ftruncate(fd, PAGE));
	a = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	b = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	kid = CHILD(EQ(futex(a, FUTEX_WAIT, 0, NULL, NULL, 0), 0));
	UNTIL((woken += futex(b, FUTEX_WAKE, 1, NULL, NULL, 0)) == 1);
	WAIT_EXIT(kid, 0);
}

static void ignore(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	word2 = sig;
}

static void *futex_waiter_errno(void *arg)
{
	(void)arg;
	return (void *)(futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) ? (long)errno : 0L);
}

TEST(futex_interrupted)
{
	struct timespec ts = { 5, 0 };
	pthread_t t;

	on_signal(SIGUSR1, ignore, 0);
	t = start(futex_waiter_errno, NULL);
	sleep_ms(50);
	ZERO(pthread_kill(t, SIGUSR1));
	EQ(join(t), EINTR);
	on_signal(SIGALRM, ignore, 0);
	alarm(1);
	ERR(futex(&word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0), EINTR);
}

TEST_MAIN("futex")
