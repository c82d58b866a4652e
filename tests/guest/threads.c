/* SPDX-License-Identifier: MIT */
/*
 * Threads: creation in numbers, the C library's synchronisation, thread-local storage, cancellation,
 * robust mutexes, exit of a group, signals to threads. The futex call by hand is in futex.c.
 */
#include "test.h"
#include <linux/futex.h>
#include <stddef.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

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
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void *twice(void *arg)
{
	return (void *)(2 * (long)arg);
}

TEST(create_join_200)
{
	pthread_t t[200];
	long i;

	for (i = 0; i < 200; i++)
		t[i] = start(twice, (void *)i);
	for (i = 0; i < 200; i++)
		EQ(join(t[i]), 2 * i);
}

static int crowd_stop;

static void *in_a_crowd(void *arg)
{
	sigset_t pending;
	struct timespec nap = { 0, 10000000 };

	while (!__atomic_load_n(&crowd_stop, __ATOMIC_RELAXED)) {
		ZERO(sigpending(&pending));
		nanosleep(&nap, NULL);
	}
	return arg;
}

/* More threads with something to say than can be heard at once: none is forgotten, none taken for dead. */
TEST_TIMEOUT(crowd, 60)
{
	pthread_t t[600];
	long i;

	for (i = 0; i < 600; i++)
		t[i] = start(in_a_crowd, (void *)i);
	sleep(1);
	__atomic_store_n(&crowd_stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 600; i++)
		EQ(join(t[i]), i);
}

TEST(create_join_in_a_row)
{
	long i;

	for (i = 0; i < 500; i++)
		EQ(join(start(twice, (void *)i)), 2 * i);
}

static void *add_locked(void *arg)
{
	int i;

	for (i = 0; i < 20000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

TEST(mutex)
{
	pthread_t t[8];
	int i;

	for (i = 0; i < 8; i++)
		t[i] = start(add_locked, NULL);
	for (i = 0; i < 8; i++)
		join(t[i]);
	EQ(counter, 160000);
}

TEST(mutex_kinds)
{
	pthread_mutex_t m;
	pthread_mutexattr_t at;
	struct timespec ts;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_settype(&at, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m, &at);
	ZERO(pthread_mutex_lock(&m));
	ZERO(pthread_mutex_lock(&m));
	ZERO(pthread_mutex_unlock(&m));
	ZERO(pthread_mutex_unlock(&m));
	pthread_mutexattr_settype(&at, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&m, &at);
	ZERO(pthread_mutex_lock(&m));
	EQ(pthread_mutex_lock(&m), EDEADLK);
	clock_gettime(CLOCK_REALTIME, &ts);
	pthread_mutex_lock(&lock);
	EQ(pthread_mutex_timedlock(&lock, &ts), ETIMEDOUT);
	EQ(pthread_mutex_trylock(&lock), EBUSY);
}

static void *pi_add(void *arg)
{
	int i;

	for (i = 0; i < 2000; i++) {
		pthread_mutex_lock(arg);
		counter++;
		pthread_mutex_unlock(arg);
	}
	return NULL;
}

TEST(mutex_priority_inheritance)
{
	pthread_mutexattr_t at;
	pthread_mutex_t m;
	pthread_t t[4];
	int i;

	pthread_mutexattr_init(&at);
	ZERO(pthread_mutexattr_setprotocol(&at, PTHREAD_PRIO_INHERIT));
	ZERO(pthread_mutex_init(&m, &at));
	for (i = 0; i < 4; i++)
		t[i] = start(pi_add, &m);
	for (i = 0; i < 4; i++)
		join(t[i]);
	EQ(counter, 8000);
}

static void *wait_turn(void *arg)
{
	pthread_mutex_lock(&lock);
	while (counter != (long)arg)
		pthread_cond_wait(&cond, &lock);
	counter++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	return NULL;
}

TEST(cond_turns)
{
	pthread_t t[32];
	long i;

	for (i = 31; i >= 0; i--)
		t[i] = start(wait_turn, (void *)i);
	for (i = 0; i < 32; i++)
		join(t[i]);
	EQ(counter, 32);
}

TEST(cond_timedwait)
{
	struct timespec ts;
	int64_t t = now_ns();

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 30000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	EQ(pthread_cond_timedwait(&cond, &lock, &ts), ETIMEDOUT);
	CHECK(now_ns() - t >= 25000000);
}

static pthread_barrier_t barrier;

static void *cross(void *arg)
{
	long serial = 0;
	int i;

	for (i = 0; i < 50; i++) {
		__atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
		if (counter < 6 * (i + 1))
			FAIL("passed the barrier early");
		serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
	}
	return (void *)serial;
}

TEST(barrier)
{
	pthread_t t[6];
	long serial = 0;
	int i;

	ZERO(pthread_barrier_init(&barrier, NULL, 6));
	for (i = 0; i < 6; i++)
		t[i] = start(cross, NULL);
	for (i = 0; i < 6; i++)
		serial += join(t[i]);
	EQ(serial, 100);
	EQ(counter, 300);
}

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long pair[2];

static void *rw_worker(void *arg)
{
	long bad = 0;
	int i;

	for (i = 0; i < 2000; i++) {
		if ((long)arg < 2) {
			pthread_rwlock_wrlock(&rw);
			pair[0]++;
			pair[1]++;
		} else {
			pthread_rwlock_rdlock(&rw);
			bad += pair[0] != pair[1];
		}
		pthread_rwlock_unlock(&rw);
	}
	return (void *)bad;
}

TEST(rwlock)
{
	pthread_t t[6];
	long i;

	for (i = 0; i < 6; i++)
		t[i] = start(rw_worker, (void *)i);
	for (i = 0; i < 6; i++)
		EQ(join(t[i]), 0);
	EQ(pair[0], 4000);
}

static __thread long tls = 5;
static __thread char tls_big[10000];

static void *use_tls(void *arg)
{
	if (tls != 5 || tls_big[9999])
		return (void *)-1;
	tls = (long)arg;
	memset(tls_big, 1, sizeof(tls_big));
	sched_yield();
	return (void *)tls;
}

TEST(tls)
{
	pthread_t t[20];
	long i;

	tls = 99;
	for (i = 0; i < 20; i++)
		t[i] = start(use_tls, (void *)i);
	for (i = 0; i < 20; i++)
		EQ(join(t[i]), i);
	EQ(tls, 99);
}

static pthread_key_t key;
static volatile int destroyed;

static void destroy(void *p)
{
	destroyed += (long)p;
}

static void *set_key(void *arg)
{
	pthread_setspecific(key, arg);
	return NULL;
}

TEST(keys)
{
	ZERO(pthread_key_create(&key, destroy));
	join(start(set_key, (void *)3));
	join(start(set_key, (void *)4));
	EQ(destroyed, 7);
}

static volatile int cleaned;

static void cleanup(void *arg)
{
	cleaned += (long)arg;
}

static void *sleep_forever(void *arg)
{
	int p[2];
	char c;

	pthread_cleanup_push(cleanup, (void *)1);
	(void)!pipe(p);
	counter = 1;
	(void)!read(p[0], &c, 1);
	pthread_cleanup_pop(0);
	return arg;
}

TEST(cancel_deferred)
{
	pthread_t t = start(sleep_forever, NULL);

	UNTIL(*(volatile long *)&counter);
	sleep_ms(10);
	ZERO(pthread_cancel(t));
	EQ(join(t), (long)PTHREAD_CANCELED);
	EQ(cleaned, 1);
}

static void *spin_forever(void *arg)
{
	volatile long i = 0;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	__atomic_store_n(&counter, 1, __ATOMIC_SEQ_CST);
	for (;;)
		i++;
	return arg;
}

TEST(cancel_asynchronous)
{
	pthread_t t = start(spin_forever, NULL);

	UNTIL(*(volatile long *)&counter);
	ZERO(pthread_cancel(t));
	EQ(join(t), (long)PTHREAD_CANCELED);
}

static void *cancel_disabled(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	counter = 1;
	sleep_ms(50);
	return arg;
}

TEST(cancel_off)
{
	pthread_t t = start(cancel_disabled, (void *)8);

	UNTIL(*(volatile long *)&counter);
	ZERO(pthread_cancel(t));
	EQ(join(t), 8);
}

static void *post(void *arg)
{
	sem_post(arg);
	return NULL;
}

TEST(detached)
{
	pthread_attr_t at;
	pthread_t t;
	sem_t sem;
	int i;

	sem_init(&sem, 0, 0);
	pthread_attr_init(&at);
	pthread_attr_setdetachstate(&at, PTHREAD_CREATE_DETACHED);
	for (i = 0; i < 100; i++)
		ZERO(pthread_create(&t, &at, post, &sem));
	for (i = 0; i < 100; i++)
		OK(sem_wait(&sem));
}

TEST(semaphore_shared)
{
	sem_t *sem = shared_page();
	struct timespec ts;
	pid_t kid;
	int v;

	OK(sem_init(sem, 1, 0));
	OK(sem_init(sem + 1, 1, 0));
	kid = CHILD(OK(sem_wait(sem)); OK(sem_post(sem + 1)));
	sleep_ms(10);
	OK(sem_post(sem));
	OK(sem_wait(sem + 1));
	WAIT_EXIT(kid, 0);
	OK(sem_getvalue(sem, &v));
	EQ(v, 0);
	ERR(sem_trywait(sem), EAGAIN);
	clock_gettime(CLOCK_REALTIME, &ts);
	ERR(sem_timedwait(sem, &ts), ETIMEDOUT);
}

TEST(mutex_shared_between_processes)
{
	struct { pthread_mutex_t m; long n; } *s = shared_page();
	pthread_mutexattr_t at;
	pid_t kid[3];
	int i, k;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->m, &at);
	for (k = 0; k < 3; k++)
		kid[k] = CHILD(for (i = 0; i < 5000; i++) {
			pthread_mutex_lock(&s->m);
			s->n++;
			pthread_mutex_unlock(&s->m);
		});
	for (k = 0; k < 3; k++)
		WAIT_EXIT(kid[k], 0);
	EQ(s->n, 15000);
}

static void *lock_and_die(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

TEST(robust_mutex)
{
	pthread_mutex_t *m = shared_page();
	pthread_mutexattr_t at;

	pthread_mutexattr_init(&at);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &at);
	join(start(lock_and_die, m));
	EQ(pthread_mutex_lock(m), EOWNERDEAD);
	ZERO(pthread_mutex_consistent(m));
	ZERO(pthread_mutex_unlock(m));
	WAIT_SIGNAL(CHILD(pthread_mutex_lock(m); raise(SIGKILL)), SIGKILL);
	EQ(pthread_mutex_lock(m), EOWNERDEAD);
	ZERO(pthread_mutex_unlock(m));		/* not made consistent: lost */
	EQ(pthread_mutex_lock(m), ENOTRECOVERABLE);
}

/* A list that never comes back to its head is walked as far as Linux does, and what it holds is given up. */
struct list_lock {
	struct robust_list list;
	uint32_t word;
};

static void *die_with_list(void *arg)
{
	struct list_lock *l = arg;
	struct robust_list_head head = { { &l[0].list }, offsetof(struct list_lock, word), NULL };

	if (l[1].word)
		l[1].word = (uint32_t)syscall(SYS_gettid);
	syscall(SYS_set_robust_list, &head, sizeof(head));
	syscall(SYS_exit, 0);
	return NULL;
}

TEST(robust_list_without_end)
{
	struct list_lock *l = shared_page();

	l[0] = (struct list_lock){ { &l[1].list }, 12345 };
	l[1] = (struct list_lock){ { &l[0].list }, 0 };
	for (int i = 0; i < 20; i++)
		join(start(die_with_list, l));
	EQ(l[0].word, 12345);
	EQ(l[1].word, 0);
	l[1].word = 1;
	join(start(die_with_list, l));
	EQ(l[0].word, 12345);
	EQ(l[1].word, FUTEX_OWNER_DIED);
}

/* ---- ends ---- */

static void *blocked_in_pipe(void *arg)
{
	char c;

	(void)!read(*(int *)arg, &c, 1);
	return NULL;
}

TEST(exit_group_with_blocked_threads)
{
	pid_t kid = CHILD(
		int p[2];
		int i;

		OK(pipe(p));
		for (i = 0; i < 10; i++)
			start(blocked_in_pipe, &p[0]);
		pthread_mutex_lock(&lock);
		start(add_locked, NULL);
		start(spin_forever, NULL);
		sleep_ms(30);
		_exit(17));

	WAIT_EXIT(kid, 17);
}

static void *exit_all(void *arg)
{
	sleep_ms(20);
	exit((long)arg);
}

TEST(exit_from_a_thread)
{
	WAIT_EXIT(CHILD(start(exit_all, (void *)18); for (;;) pause()), 18);
}

static void *outlive(void *arg)
{
	sleep_ms(50);
	_exit((long)arg);
}

TEST(main_thread_leaves_first)
{
	pid_t kid = CHILD(start(outlive, (void *)19); syscall(SYS_exit, 3));
	int status;

	sleep_ms(20);
	EQ(waitpid(kid, &status, WNOHANG), 0);	/* not before the last thread has ended */
	WAIT_EXIT(kid, 19);
}

static void *leave_later(void *arg)
{
	sleep_ms(30);
	syscall(SYS_exit, (long)arg);
	return NULL;
}

TEST(last_thread_gives_the_code)
{
	WAIT_EXIT(CHILD(start(leave_later, (void *)5); syscall(SYS_exit, 3)), 5);
}

TEST(fatal_signal_kills_all)
{
	pid_t kid = CHILD(start(sleep_forever, NULL); start(spin_forever, NULL); for (;;) pause());

	sleep_ms(30);
	OK(kill(kid, SIGTERM));
	WAIT_SIGNAL(kid, SIGTERM);
}

static void *crash(void *arg)
{
	*(volatile char *)test_bad_ptr = 1;
	return arg;
}

TEST(crash_in_a_thread)
{
	WAIT_SIGNAL(CHILD(start(crash, NULL); for (;;) pause()), SIGSEGV);
}

/* ---- signals ---- */

static volatile int ignored;

static void ignore(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	ignored = sig;
}

static volatile long handled_by;

static void who(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	(void)ctx;
	handled_by = syscall(SYS_gettid);
}

static void *tell_tid_and_pause(void *arg)
{
	*(volatile long *)arg = syscall(SYS_gettid);
	pause();
	return (void *)syscall(SYS_gettid);
}

TEST(pthread_kill_target)
{
	volatile long tid = 0;
	pthread_t t;

	on_signal(SIGUSR1, who, 0);
	t = start(tell_tid_and_pause, (void *)&tid);
	UNTIL(tid);
	sleep_ms(20);
	ZERO(pthread_kill(t, SIGUSR1));
	EQ(join(t), tid);
	EQ(handled_by, tid);
	EQ(pthread_kill(pthread_self(), 99), EINVAL);
}

TEST(process_signal_goes_to_an_unblocked_thread)
{
	volatile long tid = 0;
	sigset_t s;
	pthread_t t;

	on_signal(SIGUSR1, who, 0);
	t = start(tell_tid_and_pause, (void *)&tid);
	UNTIL(tid);
	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	ZERO(pthread_sigmask(SIG_BLOCK, &s, NULL));
	sleep_ms(20);
	OK(kill(getpid(), SIGUSR1));
	join(t);
	EQ(handled_by, tid);
}

static void *mask_of_thread(void *arg)
{
	sigset_t s;

	(void)arg;
	pthread_sigmask(SIG_SETMASK, NULL, &s);
	if (!sigismember(&s, SIGUSR1))
		return (void *)1;	/* not inherited */
	sigaddset(&s, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &s, NULL);
	return NULL;
}

TEST(masks_are_per_thread)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	ZERO(pthread_sigmask(SIG_BLOCK, &s, NULL));
	EQ(join(start(mask_of_thread, NULL)), 0);
	ZERO(pthread_sigmask(SIG_SETMASK, NULL, &s));
	EQ(sigismember(&s, SIGUSR2), 0);
}

static void *sigwait_thread(void *arg)
{
	sigset_t s;
	int sig;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	(void)arg;
	return (void *)(sigwait(&s, &sig) ? -1L : (long)sig);
}

TEST(sigwait_in_a_thread)
{
	sigset_t s;
	pthread_t t;

	sigfillset(&s);
	ZERO(pthread_sigmask(SIG_SETMASK, &s, NULL));
	t = start(sigwait_thread, NULL);
	sleep_ms(20);
	OK(kill(getpid(), SIGTERM));
	EQ(join(t), SIGTERM);
}

static void *signal_main(void *arg)
{
	int i;

	for (i = 0; i < 1000; i++)
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

TEST(signal_storm_between_threads)
{
	pthread_t me = pthread_self(), t[3];
	long bad = 0;
	int i;

	on_signal(SIGUSR1, ignore, SA_RESTART);
	for (i = 0; i < 3; i++)
		t[i] = start(signal_main, &me);
	for (i = 0; i < 20000; i++)
		bad += syscall(SYS_getpid) != getpid();
	EQ(bad, 0);
	for (i = 0; i < 3; i++)
		join(t[i]);
}

static int tid_word;

TEST(set_tid_address_and_robust_list)
{
	void *head;
	size_t len;

	EQ(syscall(SYS_get_robust_list, 0, &head, &len), 0);
	CHECK(head != NULL);
	EQ(len, 24);
	ERR(syscall(SYS_set_robust_list, head, 23), EINVAL);
	ERR(syscall(SYS_get_robust_list, 0x3fffffff, &head, &len), ESRCH);
	ERR(syscall(SYS_get_robust_list, 0, BAD_PTR, &len), EFAULT);
	EQ(syscall(SYS_set_tid_address, &tid_word), syscall(SYS_gettid));
}

static void *rename_and_list(void *arg)
{
	char name[16];

	pthread_setname_np(pthread_self(), "worker");
	pthread_getname_np(pthread_self(), name, sizeof(name));
	return (void *)(long)strcmp(name, (char *)arg);
}

TEST(names_and_proc_task)
{
	struct dirent *e;
	int n = 0;
	DIR *d;

	start(spin_forever, NULL);
	EQ(join(start(rename_and_list, "worker")), 0);
	d = opendir("/proc/self/task");
	CHECK(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	CHECK(n == 2 || n == 3);	/* the joined one may still be leaving */
}

#define BIG (256 << 10)

/* Reads the file "bigN" again and again: how often it was not all N. */
static void *read_big(void *arg)
{
	char name[8], *buf = malloc(BIG);
	long bad = 0;

	snprintf(name, sizeof(name), "big%ld", (long)arg);
	for (int i = 0; i < 40; i++) {
		int fd = open(name, O_RDONLY);
		char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

		bad += read(fd, buf, BIG) != BIG || map == MAP_FAILED || *map != '0' + (long)arg;
		for (long at = 0; at < BIG; at += 4096)
			bad += buf[at] != '0' + (long)arg;
		munmap(map, 4096);
		close(fd);
	}
	free(buf);
	return (void *)bad;
}

TEST(big_reads_side_by_side)
{
	char name[8], *buf = malloc(BIG);
	pthread_t t[4];

	for (long i = 0; i < 4; i++) {
		int fd;

		snprintf(name, sizeof(name), "big%ld", i);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		memset(buf, '0' + (int)i, BIG);
		EQ(write(fd, buf, BIG), BIG);
		close(fd);
	}
	for (long i = 0; i < 4; i++)
		t[i] = start(read_big, (void *)i);
	for (long i = 0; i < 4; i++)
		EQ(join(t[i]), 0);
	free(buf);
}

TEST_MAIN("threads")
