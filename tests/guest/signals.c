/* SPDX-License-Identifier: MIT */
/*
 * Signals: sending, siginfo, masks, flags of sigaction, queueing, waiting, alternate stacks, restarting
 * of calls, stopped children. Faults and registers are in faults.c.
 */
#include "test.h"
#include <immintrin.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile int got, got_n, order[64];
static volatile siginfo_t last;	/* the C library calls "leaf" what may run a handler */
static sigjmp_buf env;

static void count(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	got = sig;
	last = *info;
	if (got_n < 64)
		order[got_n] = sig;
	got_n++;
}

static void jump(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	last = *info;
	siglongjmp(env, sig);
}

static sigset_t set_of(int a, int b)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, a);
	if (b)
		sigaddset(&s, b);
	return s;
}

static void block(int a, int b)
{
	sigset_t s = set_of(a, b);

	OK(sigprocmask(SIG_BLOCK, &s, NULL));
}

static void unblock(int a, int b)
{
	sigset_t s = set_of(a, b);

	OK(sigprocmask(SIG_UNBLOCK, &s, NULL));
}

TEST(kill_self)
{
	on_signal(SIGUSR1, count, 0);
	OK(kill(getpid(), SIGUSR1));
	EQ(got, SIGUSR1);
	EQ(last.si_code, SI_USER);
	EQ(last.si_pid, getpid());
	EQ(last.si_uid, getuid());
	OK(raise(SIGUSR1));
	EQ(got_n, 2);
	EQ(last.si_code, SI_TKILL);
}

TEST(kill_errors)
{
	ERR(kill(getpid(), 65), EINVAL);
	ERR(kill(getpid(), -1), EINVAL);
	ERR(kill(0x3fffffff, 0), ESRCH);
	ERR(kill(-0x3fffffff, SIGTERM), ESRCH);
	OK(kill(getpid(), 0));
	OK(kill(0, 0));
	ERR(syscall(SYS_tgkill, getpid(), 0x3fffffff, SIGUSR1), ESRCH);
	ERR(syscall(SYS_tgkill, getpid(), 0, SIGUSR1), EINVAL);
	ERR(syscall(SYS_tgkill, 0x3fffffff, getpid(), 0), ESRCH);
	ERR(syscall(SYS_tkill, -1, 0), EINVAL);
	OK(syscall(SYS_tgkill, getpid(), getpid(), 0));
}

TEST(sigaction_errors)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	ERR(syscall(SYS_rt_sigaction, SIGKILL, &sa, NULL, 8), EINVAL);
	ERR(syscall(SYS_rt_sigaction, SIGSTOP, &sa, NULL, 8), EINVAL);
	ERR(syscall(SYS_rt_sigaction, 0, &sa, NULL, 8), EINVAL);
	ERR(syscall(SYS_rt_sigaction, 65, &sa, NULL, 8), EINVAL);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 4), EINVAL);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, BAD_PTR, NULL, 8), EFAULT);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD_PTR, 8), EFAULT);
	OK(syscall(SYS_rt_sigaction, SIGKILL, NULL, &sa, 8));
	ERR(syscall(SYS_rt_sigprocmask, 7, &sa, NULL, 8), EINVAL);
	ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD_PTR, NULL, 8), EFAULT);
	ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD_PTR, 8), EFAULT);
	ERR(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &sa, NULL, 16), EINVAL);
	ERR(syscall(SYS_rt_sigpending, BAD_PTR, 8), EFAULT);
}

TEST(old_action_is_returned)
{
	struct sigaction old;

	on_signal(SIGUSR1, count, SA_NODEFER | SA_RESTART);
	OK(sigaction(SIGUSR1, NULL, &old));
	CHECK(old.sa_sigaction == count);
	EQ(old.sa_flags & ~0x04000000, SA_NODEFER | SA_RESTART | SA_SIGINFO);
	CHECK(signal(SIGUSR2, SIG_IGN) == SIG_DFL);
	CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

/* So often that the answer may come from nearby: what is set is what is delivered, asked, forked and shared. */
TEST(actions_set_again_and_again)
{
	struct sigaction sa = { .sa_sigaction = count, .sa_flags = SA_SIGINFO }, is;
	pid_t kid;
	int i;

	for (i = 0; i < 200; i++) {
		sa.sa_flags = SA_SIGINFO | (i & 1 ? SA_RESTART : SA_NODEFER);
		ZERO(sigaction(SIGUSR1, &sa, NULL));
		ZERO(sigaction(SIGUSR1, NULL, &is));
		CHECK(is.sa_sigaction == count);
		EQ(is.sa_flags & (SA_RESTART | SA_NODEFER), i & 1 ? SA_RESTART : SA_NODEFER);
	}
	got_n = 0;
	raise(SIGUSR1);
	EQ(got_n, 1);
	ERR(sigaction(SIGKILL, &sa, NULL), EINVAL);
	ZERO(sigaction(SIGKILL, NULL, &is));
	ERR(sigaction(65, NULL, &is), EINVAL);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8), EFAULT);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8), EFAULT);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
	kid = CHILD(raise(SIGUSR1); _exit(got_n));
	WAIT_EXIT(kid, 2);
	/* What waits while it is blocked goes when it is ignored. */
	block(SIGUSR2, 0);
	raise(SIGUSR2);
	sa.sa_handler = SIG_IGN;
	ZERO(sigaction(SIGUSR2, &sa, NULL));
	sigset_t waiting;
	ZERO(sigpending(&waiting));
	EQ(sigismember(&waiting, SIGUSR2), 0);
}

TEST(mask_and_pending)
{
	sigset_t s, old;

	on_signal(SIGUSR1, count, 0);
	block(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	EQ(got_n, 0);
	OK(sigpending(&s));
	EQ(sigismember(&s, SIGUSR1), 1);
	EQ(sigismember(&s, SIGUSR2), 0);
	unblock(SIGUSR1, 0);
	EQ(got_n, 1);		/* standard signals do not queue */
	OK(sigpending(&s));
	EQ(sigismember(&s, SIGUSR1), 0);
	sigfillset(&s);
	OK(sigprocmask(SIG_SETMASK, &s, NULL));
	OK(sigprocmask(SIG_SETMASK, NULL, &old));
	EQ(sigismember(&old, SIGTERM), 1);
	EQ(sigismember(&old, SIGKILL), 0);
	EQ(sigismember(&old, SIGSTOP), 0);
}

TEST(ignore_discards_pending)
{
	sigset_t s;

	block(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	OK(sigpending(&s));
	EQ(sigismember(&s, SIGUSR1), 0);
}

TEST(default_actions)
{
	static const int deadly[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV,
		SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM,
		SIGPROF, SIGIO, SIGPWR, SIGSYS, SIGKILL, 34, 64,
	};
	static const int harmless[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(deadly); i++) {
		int s = wait_status(CHILD(kill(getpid(), deadly[i])));

		if (!WIFSIGNALED(s) || WTERMSIG(s) != deadly[i])
			FAIL("signal %d: status %#x", deadly[i], s);
	}
	for (i = 0; i < ARRAY_SIZE(harmless); i++)
		WAIT_EXIT(CHILD(kill(getpid(), harmless[i])), 0);
}

static volatile int depth, max_depth;

static void nest(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	depth++;
	if (depth > max_depth)
		max_depth = depth;
	if (got_n++ < 3)
		raise(sig);
	depth--;
}

TEST(own_signal_is_blocked_in_handler)
{
	on_signal(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	EQ(max_depth, 1);
	EQ(got_n, 4);
}

TEST(nodefer_nests)
{
	on_signal(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	EQ(max_depth, 4);
}

static void raise_both(int sig, siginfo_t *info, void *ctx)
{
	count(sig, info, ctx);
	raise(SIGUSR2);		/* in sa_mask: only after this handler */
	raise(SIGTERM);		/* not in it: at once */
	order[got_n++] = 0;
}

TEST(sa_mask)
{
	struct sigaction sa = { .sa_sigaction = raise_both, .sa_flags = SA_SIGINFO };
	sigset_t now;

	on_signal(SIGUSR2, count, 0);
	on_signal(SIGTERM, count, 0);
	sa.sa_mask = set_of(SIGUSR2, 0);
	OK(sigaction(SIGUSR1, &sa, NULL));
	raise(SIGUSR1);
	EQ(got_n, 4);
	EQ(order[0], SIGUSR1);
	EQ(order[1], SIGTERM);
	EQ(order[2], 0);
	EQ(order[3], SIGUSR2);
	OK(sigprocmask(SIG_SETMASK, NULL, &now));
	EQ(sigismember(&now, SIGUSR2), 0);
}

TEST(resethand)
{
	struct sigaction sa;

	on_signal(SIGUSR1, count, SA_RESETHAND);
	raise(SIGUSR1);
	EQ(got_n, 1);
	OK(sigaction(SIGUSR1, NULL, &sa));
	CHECK(sa.sa_handler == SIG_DFL);
}

static void plain(int sig)
{
	got = sig;
}

TEST(handler_without_siginfo)
{
	signal(SIGUSR1, plain);
	raise(SIGUSR1);
	EQ(got, SIGUSR1);
}

static void edit_mask(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	count(sig, info, ctx);
	sigaddset(&uc->uc_sigmask, SIGUSR2);
	sigaddset(&uc->uc_sigmask, SIGKILL);
}

TEST(handler_edits_the_mask)
{
	sigset_t s;

	on_signal(SIGUSR1, edit_mask, 0);
	raise(SIGUSR1);
	OK(sigprocmask(SIG_SETMASK, NULL, &s));
	EQ(sigismember(&s, SIGUSR2), 1);
	EQ(sigismember(&s, SIGUSR1), 0);
	EQ(sigismember(&s, SIGKILL), 0);
}

/* ---- queueing ---- */

TEST(sigqueue_value)
{
	on_signal(SIGUSR1, count, 0);
	OK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_ptr = (void *)0x123456789abc }));
	EQ(last.si_code, SI_QUEUE);
	EQ((long)last.si_value.sival_ptr, 0x123456789abc);
	EQ(last.si_pid, getpid());
	ERR(sigqueue(getpid(), 99, (union sigval){ 0 }), EINVAL);
	ERR(sigqueue(0x3fffffff, SIGUSR1, (union sigval){ 0 }), ESRCH);
}

static volatile int values[16];

static void keep_value(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	if (got_n < 16) {
		order[got_n] = sig;
		values[got_n] = info->si_value.sival_int;
	}
	got_n++;
}

TEST(realtime_order)
{
	struct sigaction sa = { .sa_sigaction = keep_value, .sa_flags = SA_SIGINFO };
	sigset_t all;
	int i;

	sigfillset(&all);
	sa.sa_mask = all;	/* no nesting: handlers run in the order of delivery */
	for (i = 0; i < 3; i++)
		OK(sigaction(SIGRTMIN + i, &sa, NULL));
	OK(sigprocmask(SIG_SETMASK, &all, NULL));
	for (i = 0; i < 6; i++)
		OK(sigqueue(getpid(), SIGRTMIN + 2 - i % 3, (union sigval){ .sival_int = i }));
	sigemptyset(&all);
	OK(sigprocmask(SIG_SETMASK, &all, NULL));
	EQ(got_n, 6);
	for (i = 0; i < 6; i++)
		EQ(order[i], SIGRTMIN + i / 2);
	EQ(values[0], 2);
	EQ(values[1], 5);
	EQ(values[2], 1);
	EQ(values[3], 4);
	EQ(values[4], 0);
	EQ(values[5], 3);
}

TEST(sigtimedwait)
{
	sigset_t s = set_of(SIGUSR1, SIGRTMIN);
	struct timespec zero = { 0, 0 }, some = { 0, 20000000 };
	siginfo_t info;
	int64_t t;

	block(SIGUSR1, SIGRTMIN);
	ERR(sigtimedwait(&s, &info, &zero), EAGAIN);
	t = now_ns();
	ERR(sigtimedwait(&s, &info, &some), EAGAIN);
	CHECK(now_ns() - t >= 20000000);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 5 });
	kill(getpid(), SIGUSR1);
	EQ(OK(sigtimedwait(&s, &info, &zero)), SIGUSR1);
	EQ(OK(sigwaitinfo(&s, &info)), SIGRTMIN);
	EQ(info.si_value.sival_int, 5);
	some.tv_nsec = 1000000000;
	ERR(sigtimedwait(&s, &info, &some), EINVAL);
	ERR(syscall(SYS_rt_sigtimedwait, BAD_PTR, &info, &zero, 8), EFAULT);
	ERR(syscall(SYS_rt_sigtimedwait, &s, &info, BAD_PTR, 8), EFAULT);
	ERR(syscall(SYS_rt_sigtimedwait, &s, &info, &zero, 7), EINVAL);
}

TEST(sigwait_wakes_for_a_child_s_signal)
{
	sigset_t s = set_of(SIGUSR1, 0);
	siginfo_t info;
	pid_t kid;

	block(SIGUSR1, 0);
	kid = CHILD(sleep_ms(20); kill(getppid(), SIGUSR1));
	EQ(OK(sigwaitinfo(&s, &info)), SIGUSR1);
	EQ(info.si_pid, kid);
	WAIT_EXIT(kid, 0);
}

TEST(sigtimedwait_interrupted)
{
	sigset_t s = set_of(SIGUSR1, 0);
	pid_t kid;

	block(SIGUSR1, 0);
	on_signal(SIGUSR2, count, SA_RESTART);
	kid = CHILD(sleep_ms(30); kill(getppid(), SIGUSR2));
	ERR(sigwaitinfo(&s, NULL), EINTR);
	EQ(got, SIGUSR2);
	WAIT_EXIT(kid, 0);
}

TEST(sigsuspend)
{
	sigset_t none, now;

	block(SIGUSR1, 0);
	on_signal(SIGUSR1, count, 0);
	kill(getpid(), SIGUSR1);
	EQ(got_n, 0);
	sigemptyset(&none);
	ERR(sigsuspend(&none), EINTR);
	EQ(got_n, 1);
	OK(sigprocmask(SIG_SETMASK, NULL, &now));
	EQ(sigismember(&now, SIGUSR1), 1);	/* the old mask is back */
	ERR(syscall(SYS_rt_sigsuspend, BAD_PTR, 8), EFAULT);
}

TEST(pause_returns_eintr)
{
	pid_t kid;

	on_signal(SIGUSR1, count, SA_RESTART);
	kid = CHILD(sleep_ms(30); kill(getppid(), SIGUSR1));
	ERR(pause(), EINTR);
	WAIT_EXIT(kid, 0);
}

/* ---- alternate stack ---- */

static stack_t alt;
static volatile long handler_sp, in_handler_flags;

static void note_sp(int sig, siginfo_t *info, void *ctx)
{
	stack_t s;
	char here;

	count(sig, info, ctx);
	handler_sp = (long)&here;
	sigaltstack(NULL, &s);
	in_handler_flags = s.ss_flags;
	s.ss_flags = 0;
	if (in_handler_flags == SS_ONSTACK && (sigaltstack(&s, NULL) != -1 || errno != EPERM))
		in_handler_flags = -1;
}

static void use_altstack(void)
{
	alt.ss_size = 64 * 1024;
	alt.ss_sp = OK(mmap(NULL, alt.ss_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	OK(sigaltstack(&alt, NULL));
}

static int on_alt(long sp)
{
	return sp >= (long)alt.ss_sp && sp < (long)alt.ss_sp + (long)alt.ss_size;
}

TEST(altstack)
{
	stack_t now;

	OK(sigaltstack(NULL, &now));
	EQ(now.ss_flags, SS_DISABLE);
	use_altstack();
	on_signal(SIGUSR1, note_sp, 0);
	raise(SIGUSR1);
	EQ(on_alt(handler_sp), 0);
	on_signal(SIGUSR1, note_sp, SA_ONSTACK);
	raise(SIGUSR1);
	EQ(on_alt(handler_sp), 1);
	EQ(in_handler_flags, SS_ONSTACK);
	OK(sigaltstack(NULL, &now));
	EQ(now.ss_flags, 0);
	EQ((long)now.ss_sp, (long)alt.ss_sp);
	EQ(now.ss_size, alt.ss_size);
}

TEST(altstack_errors)
{
	static char buf[65536];
	stack_t s = { .ss_sp = buf, .ss_size = 100 };

	ERR(sigaltstack(&s, NULL), ENOMEM);
	s.ss_size = sizeof(buf);
	s.ss_flags = 0x1234;
	ERR(sigaltstack(&s, NULL), EINVAL);
	ERR(syscall(SYS_sigaltstack, BAD_PTR, NULL), EFAULT);
	ERR(syscall(SYS_sigaltstack, NULL, BAD_PTR), EFAULT);
	s.ss_flags = SS_DISABLE;
	OK(sigaltstack(&s, NULL));
}

TEST(altstack_autodisarm)
{
	stack_t now;

	use_altstack();
	alt.ss_flags = 1U << 31;	/* SS_AUTODISARM */
	OK(sigaltstack(&alt, NULL));
	on_signal(SIGUSR1, note_sp, SA_ONSTACK);
	raise(SIGUSR1);
	EQ(on_alt(handler_sp), 1);
	EQ(in_handler_flags, SS_DISABLE);
	OK(sigaltstack(NULL, &now));
	EQ((long)now.ss_sp, (long)alt.ss_sp);
}

static volatile int eaten;

static noinline int eat_stack(int n)
{
	volatile char frame[4096];

	frame[0] = n;
	eaten = n;
	if (n < 0)
		return 0;
	return eat_stack(n + 1) + frame[0];
}

TEST(stack_overflow_on_altstack)
{
	use_altstack();
	on_signal(SIGSEGV, jump, SA_ONSTACK);
	if (!sigsetjmp(env, 1)) {
		eat_stack(0);
		FAIL("no overflow");
	}
	EQ(last.si_signo, SIGSEGV);
	CHECK(eaten > 100);
}

TEST(no_room_for_the_frame)
{
	/* the stack pointer is bad and there is no alternate stack: the process dies of SIGSEGV */
	WAIT_SIGNAL(CHILD(
		on_signal(SIGUSR1, count, 0);
		asm volatile("mov %0, %%edi; mov %1, %%esi; mov %2, %%eax; mov $64, %%esp; syscall"
			     : : "r"(getpid()), "r"(SIGUSR1), "i"(SYS_kill)
			     : "rdi", "rsi", "rax", "rcx", "r11", "memory")), SIGSEGV);
}

/* ---- restarting ---- */

static pid_t poke(int sig, const char *data, int fd)
{
	return CHILD(sleep_ms(40); kill(getppid(), sig); sleep_ms(40);
		     if (data)
			     write(fd, data, strlen(data)));
}

TEST(read_restarts)
{
	char buf[8];
	pid_t kid;
	int p[2];

	OK(pipe(p));
	on_signal(SIGUSR1, count, SA_RESTART);
	kid = poke(SIGUSR1, "data", p[1]);
	EQ(read(p[0], buf, 8), 4);
	EQ(got_n, 1);
	WAIT_EXIT(kid, 0);
}

TEST(read_interrupted)
{
	char buf[8];
	pid_t kid;
	int p[2];

	OK(pipe(p));
	on_signal(SIGUSR1, count, 0);
	kid = poke(SIGUSR1, NULL, -1);
	ERR(read(p[0], buf, 8), EINTR);
	EQ(got_n, 1);
	WAIT_EXIT(kid, 0);
}

TEST(ignored_signal_does_not_interrupt)
{
	char buf[8];
	pid_t kid;
	int p[2];

	OK(pipe(p));
	signal(SIGUSR1, SIG_IGN);
	kid = poke(SIGUSR1, "data", p[1]);
	EQ(read(p[0], buf, 8), 4);
	WAIT_EXIT(kid, 0);
}

TEST(wait_restarts_and_is_interrupted)
{
	pid_t kid, other;
	int status;

	on_signal(SIGUSR1, count, SA_RESTART);
	kid = CHILD(sleep_ms(30); kill(getppid(), SIGUSR1); sleep_ms(30); _exit(3));
	EQ(waitpid(kid, &status, 0), kid);
	EQ(WEXITSTATUS(status), 3);
	EQ(got_n, 1);
	on_signal(SIGUSR1, count, 0);
	other = CHILD(pause());
	kid = poke(SIGUSR1, NULL, -1);
	ERR(waitpid(other, &status, 0), EINTR);
	WAIT_EXIT(kid, 0);
	OK(kill(other, SIGKILL));
	WAIT_SIGNAL(other, SIGKILL);
}

TEST(nanosleep_interrupted_remainder)
{
	struct timespec ts = { 5, 0 }, rem = { 0, 0 };
	pid_t kid = poke(SIGUSR1, NULL, -1);

	on_signal(SIGUSR1, count, SA_RESTART);
	ERR(nanosleep(&ts, &rem), EINTR);
	CHECK(rem.tv_sec == 4);
	WAIT_EXIT(kid, 0);
}

TEST(nanosleep_survives_stop_and_ignored)
{
	int64_t t = now_ns();
	struct timespec ts = { 0, 120000000 };
	pid_t kid;

	signal(SIGUSR1, SIG_IGN);
	kid = poke(SIGUSR1, NULL, -1);
	OK(nanosleep(&ts, NULL));
	CHECK(now_ns() - t >= 120000000);
	WAIT_EXIT(kid, 0);
}

TEST(poll_is_never_restarted)
{
	struct pollfd f;
	pid_t kid;
	int p[2];

	OK(pipe(p));
	on_signal(SIGUSR1, count, SA_RESTART);
	kid = poke(SIGUSR1, NULL, -1);
	f = (struct pollfd){ .fd = p[0], .events = POLLIN };
	ERR(poll(&f, 1, 5000), EINTR);
	WAIT_EXIT(kid, 0);
}

TEST(write_partial_when_interrupted)
{
	static char big[1 << 20];
	pid_t kid;
	ssize_t n;
	int p[2];

	OK(pipe(p));
	on_signal(SIGUSR1, count, SA_RESTART);
	kid = poke(SIGUSR1, NULL, -1);
	n = write(p[1], big, sizeof(big));
	EQ(n, 65536);		/* what went in before the signal */
	WAIT_EXIT(kid, 0);
}

TEST(ppoll_mask)
{
	struct timespec ts = { 5, 0 };
	sigset_t none;
	pid_t kid;

	block(SIGUSR1, 0);
	on_signal(SIGUSR1, count, 0);
	kill(getpid(), SIGUSR1);
	sigemptyset(&none);
	ERR(ppoll(NULL, 0, &ts, &none), EINTR);
	EQ(got_n, 1);
	kid = poke(SIGUSR1, NULL, -1);
	ERR(ppoll(NULL, 0, &ts, &none), EINTR);
	EQ(got_n, 2);
	WAIT_EXIT(kid, 0);
}

/* ---- children and stops ---- */

TEST(sigchld_info)
{
	sigset_t s = set_of(SIGCHLD, 0);
	siginfo_t info;
	pid_t kid;

	block(SIGCHLD, 0);
	kid = CHILD(_exit(7));
	EQ(OK(sigwaitinfo(&s, &info)), SIGCHLD);
	EQ(info.si_code, CLD_EXITED);
	EQ(info.si_pid, kid);
	EQ(info.si_status, 7);
	EQ(info.si_uid, getuid());
	WAIT_EXIT(kid, 7);
	kid = CHILD(raise(SIGKILL));
	EQ(OK(sigwaitinfo(&s, &info)), SIGCHLD);
	EQ(info.si_code, CLD_KILLED);
	EQ(info.si_status, SIGKILL);
	WAIT_SIGNAL(kid, SIGKILL);
}

TEST(sigchld_stop_continue)
{
	sigset_t s = set_of(SIGCHLD, 0);
	siginfo_t info;
	pid_t kid;

	block(SIGCHLD, 0);
	kid = CHILD(for (;;) pause());
	OK(kill(kid, SIGSTOP));
	EQ(OK(sigwaitinfo(&s, &info)), SIGCHLD);
	EQ(info.si_code, CLD_STOPPED);
	EQ(info.si_status, SIGSTOP);
	OK(kill(kid, SIGCONT));
	EQ(OK(sigwaitinfo(&s, &info)), SIGCHLD);
	EQ(info.si_code, CLD_CONTINUED);
	EQ(info.si_status, SIGCONT);
	OK(kill(kid, SIGTERM));
	WAIT_SIGNAL(kid, SIGTERM);
}

TEST(nocldstop)
{
	pid_t kid;
	int status;

	on_signal(SIGCHLD, count, SA_NOCLDSTOP);
	kid = CHILD(for (;;) pause());
	OK(kill(kid, SIGSTOP));
	EQ(waitpid(kid, &status, WUNTRACED), kid);
	EQ(got_n, 0);
	OK(kill(kid, SIGKILL));
	while (waitpid(kid, &status, 0) < 0)
		;
	EQ(got_n, 1);
}

TEST(nocldwait)
{
	struct sigaction sa = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	pid_t kid;

	OK(sigaction(SIGCHLD, &sa, NULL));
	kid = CHILD(_exit(1));
	ERR(waitpid(kid, NULL, 0), ECHILD);
	signal(SIGCHLD, SIG_IGN);
	kid = CHILD(_exit(1));
	ERR(wait(NULL), ECHILD);
}

TEST(cont_discards_stop)
{
	pid_t kid;
	int status;

	kid = CHILD(block(SIGTSTP, 0); raise(SIGTSTP); kill(getpid(), SIGCONT);
		    unblock(SIGTSTP, 0); _exit(9));
	EQ(waitpid(kid, &status, WUNTRACED), kid);
	EQ(status, 9 << 8);
}

TEST(orphaned_group_does_not_stop)
{
	/* SIGTSTP's default action is dropped in a group that has no parent in its session */
	pid_t kid = CHILD(setsid(); WAIT_EXIT(CHILD(raise(SIGTSTP); _exit(4)), 4));

	WAIT_EXIT(kid, 0);
}

TEST(kill_a_stopped_process)
{
	pid_t kid = CHILD(raise(SIGSTOP));
	int status;

	EQ(waitpid(kid, &status, WUNTRACED), kid);
	OK(kill(kid, SIGTERM));		/* waits for the continue */
	sleep_ms(20);
	EQ(waitpid(kid, &status, WNOHANG), 0);
	OK(kill(kid, SIGCONT));
	WAIT_SIGNAL(kid, SIGTERM);
}

TEST(kill_group)
{
	pid_t kids[3];
	int i;

	for (i = 0; i < 3; i++) {
		kids[i] = CHILD(pause());
		OK(setpgid(kids[i], kids[0]));
	}
	OK(kill(-kids[0], SIGUSR2));
	for (i = 0; i < 3; i++)
		WAIT_SIGNAL(kids[i], SIGUSR2);
	ERR(kill(-kids[0], 0), ESRCH);
}

TEST(handler_inherited_by_fork)
{
	sigset_t s;

	on_signal(SIGUSR1, count, 0);
	block(SIGUSR2, 0);
	kill(getpid(), SIGUSR2);
	WAIT_EXIT(CHILD(raise(SIGUSR1); EQ(got_n, 1);
			OK(sigprocmask(SIG_SETMASK, NULL, &s));
			EQ(sigismember(&s, SIGUSR2), 1);
			OK(sigpending(&s));
			EQ(sigismember(&s, SIGUSR2), 0)), 0);
}

TEST(longjmp_out_of_many_handlers)
{
	volatile int i;

	on_signal(SIGUSR1, jump, 0);
	for (i = 0; i < 1000; i++)
		if (!sigsetjmp(env, 1))
			raise(SIGUSR1);
	on_signal(SIGSEGV, jump, 0);
	for (i = 0; i < 1000; i++)
		if (!sigsetjmp(env, 1))
			*(volatile char *)test_bad_ptr = 1;
	EQ(i, 1000);
}

/* --- a signal to oneself, often: all registers are seen, kept, and can be changed --- */

static uint64_t self_in[10];
static int self_bad;

static void look_at_self(int sig, siginfo_t *info, void *ctx)
{
	greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	unsigned int mxcsr;
	sigset_t now;

	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	sigprocmask(SIG_SETMASK, NULL, &now);
	self_bad |= mxcsr != 0x1f80;
	self_bad |= info->si_pid != getpid() || info->si_uid != getuid() || info->si_code != SI_TKILL;
	self_bad |= g[REG_RBX] != 11 || g[REG_R12] != 12 || g[REG_R13] != 13 || g[REG_R14] != 14;
	self_bad |= g[REG_R8] != 8 || g[REG_R9] != 9 || g[REG_R10] != 10 || g[REG_RAX] != 0;
	self_bad |= g[REG_RDX] != sig || g[REG_RDI] != getpid();
	self_bad |= memcmp((void *)(g[REG_RIP] - 2), "\x0f\x05", 2) != 0;
	self_bad |= sigismember(&now, sig) != 1 || sigismember(&now, SIGUSR2) != 1;
	g[REG_R13] = 113;
	g[REG_R9] = 109;
	__asm__ volatile("pxor %%xmm3, %%xmm3\n\txor %%ebx, %%ebx\n\txor %%r12, %%r12" : : : "xmm3", "rbx", "r12");
}

static void signal_self_raw(int pid, int tid)
{
	register long r8 __asm__("r8") = 8;
	register long r9 __asm__("r9") = 9;
	register long r10 __asm__("r10") = 10;
	unsigned int strange = 0x7f80, normal = 0x1f80;
	double kept = 0;

	__asm__ volatile("ldmxcsr %[strange]\n\t"
			 "mov $11, %%rbx\n\tmov $12, %%r12\n\tmov $13, %%r13\n\tmov $14, %%r14\n\t"
			 "mov $0x4045000000000000, %%rax\n\tmovq %%rax, %%xmm3\n\t"
			 "mov $234, %%eax\n\tsyscall\n\t"
			 "mov %%rbx, %[in]\n\tmov %%r12, 8+%[in]\n\tmov %%r13, 16+%[in]\n\t"
			 "mov %%r14, 24+%[in]\n\tmov %%r9, 32+%[in]\n\tmov %%rax, 40+%[in]\n\t"
			 "movq %%xmm3, %[kept]\n\tstmxcsr %[strange]\n\tldmxcsr %[normal]"
			 : [in] "+m"(self_in), [kept] "=m"(kept), [strange] "+m"(strange), "+r"(r8), "+r"(r9),
			   "+r"(r10)
			 : "D"(pid), "S"(tid), "d"(SIGUSR1), [normal] "m"(normal)
			 : "rax", "rbx", "rcx", "r11", "r12", "r13", "r14", "xmm3", "memory");
	CHECK(kept == 42);
	EQ(strange, 0x7f80);
}

TEST(registers_of_a_signal_to_oneself)
{
	struct sigaction sa = { .sa_sigaction = look_at_self, .sa_flags = SA_SIGINFO };
	int i;

	sigaddset(&sa.sa_mask, SIGUSR2);
	for (i = 0; i < 8; i++)
		OK(sigaction(SIGUSR1, &sa, NULL));
	for (i = 0; i < 100; i++) {
		signal_self_raw(getpid(), gettid());
		EQ(self_bad, 0);
		CHECK(self_in[0] == 11 && self_in[1] == 12 && self_in[2] == 113 && self_in[3] == 14);
		CHECK(self_in[4] == 109 && self_in[5] == 0);
	}
}

TEST(signals_to_oneself_on_a_stack)
{
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	int i;

	OK(sigaltstack(&ss, NULL));
	on_signal(SIGUSR1, count, SA_ONSTACK);
	for (i = 0; i < 100; i++)
		raise(SIGUSR1);
	EQ(got_n, 100);
	OK(sigaltstack(NULL, &ss));
	EQ(ss.ss_flags, 0);
	on_signal(SIGUSR1, count, SA_RESETHAND);
	raise(SIGUSR1);
	WAIT_SIGNAL(CHILD(raise(SIGUSR1)), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	EQ(got_n, 101);
}

/* An ignored signal in the moment in which another is let loose must not hide that. */
TEST(ignored_while_unblocking)
{
	pid_t kid, me = getpid();
	int i;

	on_signal(SIGRTMIN, count, 0);
	signal(SIGCHLD, SIG_DFL);
	kid = CHILD(for (i = 0; i < 20000; i++)
			kill(me, SIGCHLD));
	for (i = 0; i < 5000; i++) {
		block(SIGRTMIN, 0);
		got_n = 0;
		raise(SIGRTMIN);
		OK(sigqueue(me, SIGRTMIN, (union sigval){ 0 }));
		EQ(got_n, 0);
		unblock(SIGRTMIN, 0);
		EQ(got_n, 2);
	}
	WAIT_EXIT(kid, 0);
}

TEST(many_signals_from_a_child)
{
	pid_t kid, me = getpid();
	int i, sent = 2000;

	on_signal(SIGRTMIN, count, 0);
	kid = CHILD(for (i = 0; i < sent; i++)
			while (sigqueue(me, SIGRTMIN, (union sigval){ .sival_int = i }))
				sleep_ms(1));
	while (waitpid(kid, NULL, 0) < 0)
		;
	EQ(got_n, sent);
}

TEST_MAIN("signals")
