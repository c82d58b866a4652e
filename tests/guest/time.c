/* SPDX-License-Identifier: MIT */
/*
 * Clocks, sleeping, interval timers, POSIX timers, process times and alarm. Lower bounds of sleeps are
 * exact; upper bounds are generous because the machine may be busy.
 */
#include "test.h"
#include <linux/time_types.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define MS 1000000L

static volatile int got, got_n, got_value, got_code;

static void note(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	got = sig;
	got_n++;
	got_value = info->si_value.sival_int;
	got_code = info->si_code;
}

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	OK(clock_gettime(id, &ts));
	CHECK(ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

TEST(all_clocks)
{
	static const clockid_t ids[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
		CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,
		CLOCK_TAI,
	};
	struct timespec ts, res;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		int64_t a;

		if (syscall(SYS_clock_gettime, ids[i], &ts))
			FAIL("clock %d: %s", ids[i], strerrorname_np(errno));
		a = clock_ns(ids[i]);
		CHECK(clock_ns(ids[i]) >= a);
		OK(clock_getres(ids[i], &res));
		CHECK(res.tv_sec == 0 && res.tv_nsec > 0);
	}
}

TEST(clock_errors)
{
	struct timespec ts;

	ERR(syscall(SYS_clock_gettime, 99, &ts), EINVAL);
	ERR(syscall(SYS_clock_gettime, CLOCK_REALTIME, BAD_PTR), EFAULT);
	ERR(syscall(SYS_clock_getres, 99, &ts), EINVAL);
	OK(syscall(SYS_clock_getres, CLOCK_REALTIME, NULL));
	ERR(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &ts), EINVAL);
	ERR(syscall(SYS_clock_settime, CLOCK_REALTIME, BAD_PTR), EFAULT);
	ERR(syscall(SYS_gettimeofday, BAD_PTR, NULL), EFAULT);
	ERR(syscall(SYS_time, BAD_PTR), EFAULT);
}

TEST(wall_clocks_agree)
{
	int64_t a = clock_ns(CLOCK_REALTIME);
	struct timeval tv;
	time_t t;

	OK(gettimeofday(&tv, NULL));
	t = time(NULL);
	CHECK(tv.tv_sec * 1000000000LL + tv.tv_usec * 1000 >= a - 1000);
	CHECK(t >= a / 1000000000 - 1 && t <= a / 1000000000 + 2);
	CHECK(a > 1600000000LL * 1000000000);
	CHECK(syscall(SYS_time, NULL) - t <= 1);
	CHECK(clock_ns(CLOCK_TAI) >= a);
	CHECK(clock_ns(CLOCK_BOOTTIME) >= clock_ns(CLOCK_MONOTONIC) - MS);
}

TEST(monotonic_never_goes_back)
{
	int64_t last = 0, now;
	int i;

	for (i = 0; i < 200000; i++) {
		now = now_ns();
		if (now < last)
			FAIL("went back by %ld ns", (long)(last - now));
		last = now;
	}
}

TEST(cpu_clocks_count)
{
	int64_t p = clock_ns(CLOCK_PROCESS_CPUTIME_ID), t = clock_ns(CLOCK_THREAD_CPUTIME_ID), end;

	for (end = now_ns() + 30 * MS; now_ns() < end;)
		;
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) > p + MS);
	CHECK(clock_ns(CLOCK_THREAD_CPUTIME_ID) > t + MS);
	p = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	sleep_ms(50);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) < p + 20 * MS);	/* sleeping is free */
}

TEST(clock_of_a_process)
{
	clockid_t id;

	ZERO(clock_getcpuclockid(getpid(), &id));
	CHECK(clock_ns(id) > 0);
	EQ(clock_getcpuclockid(99999999, &id), ESRCH);
}

TEST(nanosleep_forms)
{
	struct timespec ts = { 0, 20 * MS }, bad = { 0, 1000 * MS };
	int64_t t = now_ns();

	OK(nanosleep(&ts, NULL));
	CHECK(now_ns() - t >= 20 * MS);
	CHECK(now_ns() - t < 3000 * MS);
	ERR(nanosleep(&bad, NULL), EINVAL);
	bad = (struct timespec){ -1, 0 };
	ERR(nanosleep(&bad, NULL), EINVAL);
	ERR(syscall(SYS_nanosleep, BAD_PTR, NULL), EFAULT);
	ts = (struct timespec){ 0, 0 };
	OK(nanosleep(&ts, NULL));
}

TEST(clock_nanosleep_forms)
{
	struct timespec ts = { 0, 10 * MS };
	int64_t t = now_ns();

	ZERO(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL));
	CHECK(now_ns() - t >= 10 * MS);
	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	ts.tv_nsec += 15 * MS;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	ZERO(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));
	CHECK(now_ns() >= ts.tv_sec * 1000000000LL + ts.tv_nsec);
	ZERO(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL));	/* in the past */
	ts = (struct timespec){ 0, 5 * MS };
	ZERO(clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL));
	ZERO(clock_nanosleep(CLOCK_BOOTTIME, 0, &ts, NULL));
	EQ(clock_nanosleep(99, 0, &ts, NULL), EINVAL);
	EQ(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &ts, NULL), EOPNOTSUPP);
	EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL), EINVAL);
}

TEST(absolute_sleep_interrupted)
{
	struct timespec ts, rem = { 77, 77 };
	pid_t kid;

	on_signal(SIGUSR1, note, 0);
	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	ts.tv_sec += 5;
	kid = CHILD(sleep_ms(30); kill(getppid(), SIGUSR1));
	EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &rem), EINTR);
	EQ(rem.tv_sec, 77);	/* not touched for absolute sleeps */
	WAIT_EXIT(kid, 0);
}

TEST(alarm_calls)
{
	on_signal(SIGALRM, note, 0);
	EQ(alarm(10), 0);
	EQ(alarm(1), 10);
	pause();
	EQ(got, SIGALRM);
	EQ(alarm(0), 0);
	WAIT_SIGNAL(CHILD(signal(SIGALRM, SIG_DFL); alarm(1); for (;;) pause()), SIGALRM);
}

TEST(itimer_real)
{
	struct itimerval it = { { 0, 5000 }, { 0, 5000 } }, old;
	int64_t t = now_ns();

	on_signal(SIGALRM, note, SA_RESTART);
	OK(setitimer(ITIMER_REAL, &it, NULL));
	UNTIL(got_n >= 5);
	CHECK(now_ns() - t >= 25 * MS);
	OK(getitimer(ITIMER_REAL, &old));
	EQ(old.it_interval.tv_usec, 5000);
	CHECK(old.it_value.tv_usec <= 5000);
	it = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	OK(setitimer(ITIMER_REAL, &it, &old));
	EQ(old.it_interval.tv_usec, 5000);
	got_n = 0;
	sleep_ms(20);
	EQ(got_n, 0);
}

TEST(itimer_virtual_and_prof)
{
	struct itimerval it = { { 0, 0 }, { 0, 10000 } };
	int64_t end = now_ns() + 5000 * MS;

	on_signal(SIGVTALRM, note, 0);
	on_signal(SIGPROF, note, 0);
	OK(setitimer(ITIMER_VIRTUAL, &it, NULL));
	sleep_ms(30);
	EQ(got, 0);		/* only running counts */
	while (!got && now_ns() < end)
		;
	EQ(got, SIGVTALRM);
	got = 0;
	OK(setitimer(ITIMER_PROF, &it, NULL));
	while (!got && now_ns() < end)
		;
	EQ(got, SIGPROF);
}

TEST(itimer_errors)
{
	struct itimerval it = { { 0, 0 }, { 0, 1000000 } };

	ERR(syscall(SYS_setitimer, 9, &it, NULL), EINVAL);
	ERR(syscall(SYS_getitimer, 9, &it), EINVAL);
	ERR(syscall(SYS_setitimer, ITIMER_REAL, &it, NULL), EINVAL);
	ERR(syscall(SYS_setitimer, ITIMER_REAL, BAD_PTR, NULL), EFAULT);
	ERR(syscall(SYS_getitimer, ITIMER_REAL, BAD_PTR), EFAULT);
}

TEST(timer_signal)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN,
			       .sigev_value.sival_int = 77 };
	struct itimerspec it = { { 0, 0 }, { 0, 10 * MS } }, cur;
	timer_t id;

	on_signal(SIGRTMIN, note, 0);
	OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	OK(timer_settime(id, 0, &it, NULL));
	OK(timer_gettime(id, &cur));
	CHECK(cur.it_value.tv_nsec > 0 && cur.it_value.tv_nsec <= 10 * MS);
	UNTIL(got_n);
	EQ(got, SIGRTMIN);
	EQ(got_value, 77);
	EQ(got_code, SI_TIMER);
	OK(timer_gettime(id, &cur));
	EQ(cur.it_value.tv_nsec, 0);
	OK(timer_delete(id));
}

TEST(timer_overrun)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec it = { { 0, MS }, { 0, MS } };
	sigset_t s;
	siginfo_t info;
	timer_t id;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, &s, NULL));
	OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	OK(timer_settime(id, 0, &it, NULL));
	sleep_ms(30);
	EQ(OK(sigwaitinfo(&s, &info)), SIGUSR1);
	CHECK(info.si_overrun >= 20);
	CHECK(timer_getoverrun(id) >= 20);
	OK(timer_delete(id));
}

static volatile long handler_tid;

static void note_tid(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	(void)sig;
	handler_tid = syscall(SYS_gettid);
}

TEST(timer_thread_id)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
	struct itimerspec it = { { 0, 0 }, { 0, 5 * MS } };
	timer_t id;

	on_signal(SIGUSR2, note_tid, 0);
	ev.sigev_notify_thread_id = syscall(SYS_gettid);
	OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	OK(timer_settime(id, 0, &it, NULL));
	UNTIL(handler_tid);
	EQ(handler_tid, syscall(SYS_gettid));
	ev.sigev_notify_thread_id = 1;
	ERR(timer_create(CLOCK_MONOTONIC, &ev, &id), EINVAL);
}

static void on_timer_thread(union sigval v)
{
	got_value = v.sival_int;
}

TEST(timer_thread)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 9,
			       .sigev_notify_function = on_timer_thread };
	struct itimerspec it = { { 0, 0 }, { 0, 5 * MS } };
	timer_t id;

	OK(timer_create(CLOCK_REALTIME, &ev, &id));
	OK(timer_settime(id, 0, &it, NULL));
	UNTIL(got_value == 9);
	OK(timer_delete(id));
}

TEST(timer_none_and_absolute)
{
	struct sigevent ev = { .sigev_notify = SIGEV_NONE };
	struct itimerspec it = { { 0, 0 }, { 100, 0 } }, cur;
	timer_t id;

	OK(timer_create(CLOCK_MONOTONIC, &ev, &id));
	OK(timer_settime(id, 0, &it, NULL));
	OK(timer_gettime(id, &cur));
	CHECK(cur.it_value.tv_sec == 99 || cur.it_value.tv_sec == 100);
	OK(clock_gettime(CLOCK_MONOTONIC, &it.it_value));
	it.it_value.tv_sec += 50;
	OK(timer_settime(id, TIMER_ABSTIME, &it, &cur));
	CHECK(cur.it_value.tv_sec >= 98);
	OK(timer_gettime(id, &cur));
	CHECK(cur.it_value.tv_sec == 49 || cur.it_value.tv_sec == 50);
}

TEST(timer_errors)
{
	struct sigevent ev = { .sigev_notify = 55 };
	struct itimerspec it = { { 0, 0 }, { 0, 1000 * MS } };
	timer_t id;

	ERR(timer_create(99, NULL, &id), EINVAL);
	ERR(timer_create(CLOCK_REALTIME, &ev, &id), EINVAL);
	ev = (struct sigevent){ .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99 };
	ERR(timer_create(CLOCK_REALTIME, &ev, &id), EINVAL);
	ERR(syscall(SYS_timer_settime, 12345, 0, &it, NULL), EINVAL);
	ERR(syscall(SYS_timer_delete, 12345), EINVAL);
	OK(timer_create(CLOCK_REALTIME, NULL, &id));	/* SIGALRM by default */
	ERR(timer_settime(id, 0, &it, NULL), EINVAL);
	ERR(syscall(SYS_timer_create, CLOCK_REALTIME, NULL, BAD_PTR), EFAULT);
}

TEST(timers_not_inherited)
{
	struct itimerval it = { { 0, 0 }, { 0, 20000 } }, cur;
	timer_t id;

	on_signal(SIGALRM, note, 0);
	OK(timer_create(CLOCK_MONOTONIC, NULL, &id));
	OK(setitimer(ITIMER_REAL, &it, NULL));
	WAIT_EXIT(CHILD(OK(getitimer(ITIMER_REAL, &cur)); EQ(cur.it_value.tv_usec, 0);
			ERR(syscall(SYS_timer_delete, 0), EINVAL)), 0);
	UNTIL(got == SIGALRM);
}

static void burn(long ms)
{
	int64_t end = now_ns() + ms * MS;

	while (now_ns() < end)
		;
}

TEST(times_call)
{
	struct tms a, b;
	clock_t x, y;

	x = OK(times(&a));
	WAIT_EXIT(CHILD(burn(80)), 0);
	burn(80);
	y = OK(times(&b));
	CHECK(y - x >= 10);
	CHECK(b.tms_utime + b.tms_stime >= a.tms_utime + a.tms_stime + 1);
	CHECK(b.tms_cutime + b.tms_cstime >= 1);
	ERR(syscall(SYS_times, BAD_PTR), EFAULT);
	EQ(sysconf(_SC_CLK_TCK), 100);
}

TEST(getrusage_call)
{
	struct rusage a, b;

	OK(getrusage(RUSAGE_SELF, &a));
	burn(30);
	OK(getrusage(RUSAGE_SELF, &b));
	CHECK(b.ru_utime.tv_usec + b.ru_stime.tv_usec + 1000000 * (b.ru_utime.tv_sec +
	      b.ru_stime.tv_sec) > a.ru_utime.tv_usec + a.ru_stime.tv_usec);
	CHECK(b.ru_maxrss > 0);
	OK(getrusage(RUSAGE_CHILDREN, &a));
	OK(getrusage(RUSAGE_THREAD, &a));
	ERR(getrusage(99, &a), EINVAL);
	ERR(syscall(SYS_getrusage, RUSAGE_SELF, BAD_PTR), EFAULT);
}

TEST(adjtimex_reads)
{
	struct timex tx = { .modes = 0 };

	CHECK(OK(adjtimex(&tx)) >= 0);
	CHECK(tx.tick > 0);
	CHECK(tx.time.tv_sec > 1600000000);
}

TEST(many_sleepers)
{
	pid_t kid[40];
	int64_t t = now_ns();
	int i;

	for (i = 0; i < 40; i++)
		kid[i] = CHILD(sleep_ms(50));
	for (i = 0; i < 40; i++)
		WAIT_EXIT(kid[i], 0);
	CHECK(now_ns() - t >= 50 * MS);
	CHECK(now_ns() - t < 5000 * MS);
}

TEST_MAIN("time")
