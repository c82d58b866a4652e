/* SPDX-License-Identifier: MIT */
/*
 * Processes: fork and its copies, vfork, clone, posix_spawn, all forms of waiting, exit codes, orphans,
 * zombies, process groups and sessions.
 */
#include "test.h"
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;

static volatile int global = 1;

TEST(copies)
{
	volatile int local = 2;
	char *heap = malloc(100000);

	memset(heap, 'h', 100000);
	WAIT_EXIT(CHILD(EQ(global, 1); EQ(local, 2); EQ(heap[99999], 'h');
			global = local = 9; memset(heap, 'x', 100000)), 0);
	EQ(global, 1);
	EQ(local, 2);
	EQ(heap[5], 'h');
}

TEST(exit_codes)
{
	int i;

	for (i = 0; i < 256; i += 15)
		WAIT_EXIT(CHILD(_exit(i)), i);
	WAIT_EXIT(CHILD(_exit(0x1234)), 0x34);
	WAIT_EXIT(CHILD(syscall(SYS_exit, 5)), 5);
}

TEST(many_children)
{
	pid_t kids[100];
	int i;

	for (i = 0; i < 100; i++)
		kids[i] = CHILD(_exit(i));
	for (i = 99; i >= 0; i--)
		WAIT_EXIT(kids[i], i);
	ERR(wait(NULL), ECHILD);
}

TEST(deep_chain)
{
	int *count = shared_page(), i, status;
	pid_t pid = 0;

	for (i = 0; i < 30; i++) {
		pid = OK(fork());
		if (pid)
			break;
		__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
	}
	if (i < 30)
		EQ(waitpid(pid, &status, 0), pid);
	if (getpgrp() != getpid())
		_exit(0);
	EQ(*count, 30);
}

TEST(file_offset_is_shared)
{
	int fd = OK(open("f", O_RDWR | O_CREAT, 0644));

	WAIT_EXIT(CHILD(EQ(write(fd, "12345", 5), 5)), 0);
	EQ(lseek(fd, 0, SEEK_CUR), 5);
	WAIT_EXIT(CHILD(OK(close(fd))), 0);
	EQ(write(fd, "6", 1), 1);
	WAIT_EXIT(CHILD(OK(chdir("/"))), 0);
	OK(access("f", F_OK));
}

TEST(wait_any_and_nohang)
{
	int status;
	pid_t kid;

	ERR(waitpid(-1, &status, WNOHANG), ECHILD);
	kid = CHILD(pause());
	EQ(waitpid(-1, &status, WNOHANG), 0);
	EQ(waitpid(kid, &status, WNOHANG), 0);
	OK(kill(kid, SIGTERM));
	EQ(waitpid(-1, &status, 0), kid);
	EQ(status, SIGTERM);
}

TEST(wait_errors)
{
	int status;
	pid_t kid;

	ERR(waitpid(getppid(), &status, 0), ECHILD);
	ERR(waitpid(0x3fffffff, &status, 0), ECHILD);
	ERR(waitpid(-1, &status, 0x12345), EINVAL);
	ERR(syscall(SYS_wait4, INT_MIN, NULL, 0, NULL), ESRCH);
	kid = CHILD(_exit(1));
	sleep_ms(20);
	ERR(syscall(SYS_wait4, kid, BAD_PTR, 0, NULL), EFAULT);
	ERR(waitid(P_ALL, 0, NULL, 0), EINVAL);
	ERR(waitid(77, 0, NULL, WEXITED), EINVAL);
	ERR(waitid(P_PID, 0, NULL, WEXITED), EINVAL);
}

TEST(wait_by_group)
{
	pid_t a = CHILD(_exit(1)), b;
	int status;

	b = CHILD(setpgid(0, 0); _exit(2));
	OK(setpgid(b, b) == 0 || errno == EACCES || errno == ESRCH ? 0 : -1);
	EQ(waitpid(-b, &status, 0), b);
	EQ(WEXITSTATUS(status), 2);
	EQ(waitpid(0, &status, 0), a);
	EQ(WEXITSTATUS(status), 1);
	ERR(waitpid(0, &status, 0), ECHILD);
	ERR(waitpid(-b, &status, 0), ECHILD);
}

TEST(waitid_forms)
{
	siginfo_t info;
	pid_t kid = CHILD(_exit(6));

	EQ(waitid(P_PID, kid, &info, WEXITED | WNOWAIT), 0);
	EQ(info.si_signo, SIGCHLD);
	EQ(info.si_pid, kid);
	EQ(info.si_code, CLD_EXITED);
	EQ(info.si_status, 6);
	EQ(waitid(P_ALL, 0, &info, WEXITED), 0);	/* it was left waitable */
	EQ(info.si_pid, kid);
	kid = CHILD(pause());
	info.si_pid = 55;
	EQ(waitid(P_PID, kid, &info, WEXITED | WNOHANG), 0);
	EQ(info.si_pid, 0);
	OK(kill(kid, SIGKILL));
	EQ(waitid(P_PGID, getpgrp(), &info, WEXITED), 0);
	EQ(info.si_code, CLD_KILLED);
	EQ(info.si_status, SIGKILL);
	ERR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

TEST(stopped_and_continued)
{
	siginfo_t info;
	int status;
	pid_t kid = CHILD(for (;;) pause());

	OK(kill(kid, SIGSTOP));
	EQ(waitpid(kid, &status, WUNTRACED), kid);
	CHECK(WIFSTOPPED(status));
	EQ(WSTOPSIG(status), SIGSTOP);
	EQ(waitpid(kid, &status, WUNTRACED | WNOHANG), 0);	/* reported once */
	OK(kill(kid, SIGCONT));
	EQ(waitpid(kid, &status, WCONTINUED), kid);
	CHECK(WIFCONTINUED(status));
	OK(kill(kid, SIGTSTP));
	EQ(waitid(P_PID, kid, &info, WSTOPPED), 0);
	EQ(info.si_code, CLD_STOPPED);
	EQ(info.si_status, SIGTSTP);
	OK(kill(kid, SIGCONT));
	EQ(waitid(P_PID, kid, &info, WCONTINUED), 0);
	EQ(info.si_code, CLD_CONTINUED);
	OK(kill(kid, SIGKILL));
	WAIT_SIGNAL(kid, SIGKILL);
}

TEST(wait_rusage)
{
	struct rusage ru;
	int status;
	volatile long i;
	pid_t kid = CHILD(int64_t t = now_ns(); while (now_ns() - t < 50000000) for (i = 0; i < 1000; i++));

	memset(&ru, -1, sizeof(ru));
	EQ(wait4(kid, &status, 0, &ru), kid);
	CHECK(ru.ru_utime.tv_sec == 0 || ru.ru_utime.tv_sec == 1);
	CHECK(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec > 0);
}

/* The signal may come before the child has run an instruction, or before anybody knows its number. */
TEST(killed_at_birth)
{
	int status;

	for (int i = 0; i < 300; i++) {
		int sig = i % 3 == 0 ? SIGKILL : i % 3 == 1 ? SIGTERM : SIGUSR1;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (!pid)
			for (;;)
				pause();
		OK(kill(pid, sig));
		EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		EQ(WTERMSIG(status), sig);
	}
}

static volatile sig_atomic_t caught_at_birth;

static void catch_at_birth(int sig)
{
	caught_at_birth = sig;
}

TEST(handler_runs_in_a_newborn)
{
	struct sigaction sa = { .sa_handler = catch_at_birth };
	int status;

	OK(sigaction(SIGUSR1, &sa, NULL));
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (!pid) {
			while (!caught_at_birth)
				;
			_exit(caught_at_birth == SIGUSR1 ? 7 : 8);
		}
		OK(kill(pid, SIGUSR1));
		EQ(waitpid(pid, &status, 0), pid);
		EQ(status, 7 << 8);
	}
}

static void touch_and_leave(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
	_exit(0);
}

TEST(wait_tells_the_most_memory)
{
	struct rusage ru;
	int status;

	for (int mib = 4; mib <= 16; mib += 12) {
		pid_t pid = fork();

		if (!pid)
			touch_and_leave((size_t)mib << 20);
		EQ(wait4(pid, &status, 0, &ru), pid);
		EQ(status, 0);
		CHECK(ru.ru_maxrss >= mib << 10);
		CHECK(ru.ru_maxrss < 64 << 10);
	}
	OK(getrusage(RUSAGE_CHILDREN, &ru));
	CHECK(ru.ru_maxrss >= 16 << 10);
}

/* With its locks held: somebody must be told, from memory that only it had. */
TEST(robust_lock_of_a_dead_process)
{
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t at;
	int status;

	CHECK(m != MAP_FAILED);
	pthread_mutexattr_init(&at);
	pthread_mutexattr_setpshared(&at, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
	EQ(pthread_mutex_init(m, &at), 0);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(pthread_mutex_lock(m));
		EQ(waitpid(pid, &status, 0), pid);
		EQ(status, 0);
		EQ(pthread_mutex_lock(m), EOWNERDEAD);
		EQ(pthread_mutex_consistent(m), 0);
		EQ(pthread_mutex_unlock(m), 0);
	}
}

TEST(core_flag_and_signals)
{
	struct rlimit none = { 0, 0 };
	int s;

	OK(setrlimit(RLIMIT_CORE, &none));
	s = wait_status(CHILD(abort()));
	EQ(WTERMSIG(s), SIGABRT);
	EQ(WCOREDUMP(s), 0);
}

TEST(zombie)
{
	pid_t kid = CHILD(_exit(0));

	UNTIL(proc_state(kid) == 'Z');
	OK(kill(kid, 0));
	OK(kill(kid, SIGKILL));
	EQ(getpgid(kid), getpgrp());
	WAIT_EXIT(kid, 0);
	ERR(kill(kid, 0), ESRCH);
	EQ(proc_state(kid), 0);
}

TEST(orphan_reparented)
{
	volatile pid_t *p = shared_page();
	pid_t kid;

	kid = CHILD(CHILD(p[0] = getppid(); while (getppid() == p[0]) sleep_ms(1);
			  p[1] = getppid(); p[2] = 1);
		    UNTIL(p[0] != 0));
	EQ(OK(waitpid(kid, NULL, 0)), kid);
	UNTIL(p[2]);
	EQ(p[0], kid);
	CHECK(p[1] != kid);
	ERR(wait(NULL), ECHILD);
}

TEST(subreaper)
{
	volatile pid_t *p = shared_page();
	pid_t kid, got;
	int status, v = 0;

	OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	OK(prctl(PR_GET_CHILD_SUBREAPER, &v));
	EQ(v, 1);
	kid = CHILD(p[0] = CHILD(while (getppid() == p[1] || !p[1]) sleep_ms(1); _exit(8));
		    p[1] = getpid(); sleep_ms(5));
	WAIT_EXIT(kid, 0);
	got = OK(waitpid(-1, &status, 0));
	EQ(got, p[0]);
	EQ(WEXITSTATUS(status), 8);
}

TEST(pdeathsig)
{
	volatile int *p = shared_page();
	pid_t kid;

	OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
	kid = CHILD(p[1] = CHILD(prctl(PR_SET_PDEATHSIG, SIGUSR1); p[0] = 1; for (;;) pause());
		    UNTIL(p[0]));
	WAIT_EXIT(kid, 0);
	WAIT_SIGNAL(p[1], SIGUSR1);
}

TEST(vfork)
{
	volatile int *p = shared_page();
	pid_t kid = vfork();

	if (!kid) {
		global = 5;		/* the memory is the parent's */
		p[0] = getppid();
		_exit(3);
	}
	EQ(global, 5);			/* and the parent waits until the child has ended */
	EQ(p[0], getpid());
	WAIT_EXIT(kid, 3);
}

/* All of them run on one TLS, and each must find its own state after the other is gone. */
TEST(vfork_in_a_vfork_child)
{
	volatile int *p = shared_page();
	int i;

	for (i = 0; i < 20; i++) {
		pid_t kid = vfork();

		if (!kid) {
			pid_t grandkid = vfork();

			if (!grandkid) {
				p[0] = getpid();
				p[1] = getppid();
				_exit(5);
			}
			p[2] = getpid();
			p[3] = waitpid(grandkid, NULL, 0) == grandkid && grandkid == p[0];
			_exit(6);
		}
		EQ(p[1], kid);
		EQ(p[2], kid);
		EQ(p[3], 1);
		CHECK(kid != getpid());
		WAIT_EXIT(kid, 6);
		EQ(syscall(SYS_gettid), getpid());
	}
}

static void ignore_it(int sig)
{
	(void)sig;
}

/* As posix_spawn() does it: asks for all and sets many, in the child of a vfork. */
TEST(handlers_of_a_vfork_child_are_its_own)
{
	struct sigaction sa, mine = { .sa_handler = ignore_it, .sa_flags = SA_RESTART };
	int sig, kid;

	sigaddset(&mine.sa_mask, SIGUSR2);
	ZERO(sigaction(SIGUSR1, &mine, NULL));
	kid = vfork();
	if (!kid) {
		struct sigaction dfl = { .sa_handler = SIG_DFL }, is;

		for (sig = 1; sig <= 64; sig++) {
			if (sigaction(sig, NULL, &is))
				continue;
			if (sig == SIGUSR1 && (is.sa_handler != ignore_it || !sigismember(&is.sa_mask, SIGUSR2)))
				_exit(9);
			if (is.sa_handler != SIG_IGN)
				sigaction(sig, &dfl, NULL);
		}
		if (sigaction(SIGUSR1, NULL, &is) || is.sa_handler != SIG_DFL)
			_exit(10);
		raise(SIGUSR1);
		_exit(11);
	}
	WAIT_SIGNAL(kid, SIGUSR1);
	ZERO(sigaction(SIGUSR1, NULL, &sa));
	CHECK(sa.sa_handler == ignore_it && (sa.sa_flags & SA_RESTART) && sigismember(&sa.sa_mask, SIGUSR2));
	raise(SIGUSR1);
}

TEST(a_vfork_child_outlives_its_maker)
{
	volatile int *p = shared_page();
	pid_t kid = CHILD(
		pid_t v = vfork();
		if (!v) {
			p[0] = getpid();
			while (!p[1])
				getppid();
			p[2] = getpid();
			_exit(0);
		}
		_exit(1));

	UNTIL(p[0]);
	ZERO(kill(kid, SIGKILL));
	WAIT_SIGNAL(kid, SIGKILL);
	p[1] = 1;
	UNTIL(p[2]);
	EQ(p[2], p[0]);
}

int test_helper(int argc, char **argv)
{
	if (!strcmp(argv[1], "@exit"))
		return atoi(argv[2]);
	if (!strcmp(argv[1], "@session"))
		return getsid(0) == getpid() ? 1 : getpgrp() == getpid() ? 2 : 3;
	return argc;
}

TEST(vfork_exec)
{
	char *argv[] = { "x", "@exit", "44", NULL };
	pid_t kid;
	int i;

	for (i = 0; i < 20; i++) {
		kid = vfork();
		if (!kid) {
			execve(test_self, argv, environ);
			_exit(127);
		}
		WAIT_EXIT(kid, 44);
	}
}

TEST(posix_spawn)
{
	char *argv[] = { "x", "@exit", "45", NULL }, *session[] = { "x", "@session", NULL };
	posix_spawnattr_t at;
	pid_t kid;

	ZERO(posix_spawn(&kid, test_self, NULL, NULL, argv, environ));
	WAIT_EXIT(kid, 45);
	EQ(posix_spawn(&kid, "./none", NULL, NULL, argv, environ), ENOENT);
	ERR(wait(NULL), ECHILD);
	ZERO(posix_spawnattr_init(&at));
	ZERO(posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP));
	ZERO(posix_spawn(&kid, test_self, NULL, &at, session, environ));
	WAIT_EXIT(kid, 2);
	ZERO(posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID));
	ZERO(posix_spawn(&kid, test_self, NULL, &at, session, environ));
	WAIT_EXIT(kid, 1);
}

static void *fork_in_thread(void *arg)
{
	pid_t kid = fork();

	if (!kid) {
		/* only this thread exists in the child, and it leads it */
		_exit(syscall(SYS_gettid) == getpid() ? 21 : 22);
	}
	*(pid_t *)arg = kid;
	return NULL;
}

TEST(fork_from_thread)
{
	pthread_t t[8];
	pid_t kid[8];
	int i;

	for (i = 0; i < 8; i++)
		ZERO(pthread_create(&t[i], NULL, fork_in_thread, &kid[i]));
	for (i = 0; i < 8; i++)
		ZERO(pthread_join(t[i], NULL));
	for (i = 0; i < 8; i++)
		WAIT_EXIT(kid[i], 21);	/* any thread may wait for any thread's child */
}

static int clone_child(void *arg)
{
	*(volatile int *)arg = 77;
	return 12;
}

static char clone_stack[65536] __attribute__((aligned(16)));

#define FRESH_SITES 40

/* A library just loaded: each of its system calls is met for the first time, and then often enough to matter. */
static void meet_new_call_sites(void)
{
	/* mov $39 (getpid),%eax; syscall; ret */
	static const unsigned char site[16] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };
	size_t size = FRESH_SITES * sizeof(site);
	char path[] = "sitesXXXXXX";
	int i, fd = OK(mkstemp(path));
	char *code;

	OK(unlink(path));
	for (i = 0; i < FRESH_SITES; i++)
		EQ(write(fd, site, sizeof(site)), sizeof(site));
	code = OK(mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	for (i = 0; i < FRESH_SITES * 8; i++)
		EQ(((int (*)(void))(code + i / 8 * sizeof(site)))(), getpid());
	OK(munmap(code, size));
	OK(close(fd));
}

static void *keep_meeting_them(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED))
		meet_new_call_sites();
	return NULL;
}

/* A child of a process of several threads has the one that forked; nothing that others held stays held. */
TEST_TIMEOUT(fork_while_a_thread_meets_new_call_sites, 60)
{
	int i, stop = 0;
	pthread_t t[2];

	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, keep_meeting_them, &stop);
	for (i = 0; i < 100; i++) {
		pid_t pid = OK(fork());

		if (!pid) {
			meet_new_call_sites();
			_exit(0);
		}
		WAIT_EXIT(pid, 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

TEST(clone_without_vm)
{
	int x = 0;
	pid_t kid = OK(clone(clone_child, clone_stack + sizeof(clone_stack), SIGCHLD, &x));

	WAIT_EXIT(kid, 12);
	EQ(x, 0);
}

TEST(clone_vm_with_own_files)
{
	volatile int x = 0;
	pid_t kid = OK(clone(clone_child, clone_stack + sizeof(clone_stack), CLONE_VM | SIGCHLD,
			     (void *)&x));

	WAIT_EXIT(kid, 12);
	EQ(x, 77);
}

static int close_fd(void *arg)
{
	return close(*(int *)arg);
}

TEST(clone_files_shared)
{
	int fd = OK(dup(1)), copy = fd;
	pid_t kid = OK(clone(close_fd, clone_stack + sizeof(clone_stack),
			     CLONE_FILES | SIGCHLD, &copy));

	WAIT_EXIT(kid, 0);
	ERR(close(fd), EBADF);
}

TEST(clone_exit_signal)
{
	pid_t kid = OK(clone(clone_child, clone_stack + sizeof(clone_stack), CLONE_VM,
			     (void *)&global));
	int status;

	ERR(waitpid(kid, &status, 0), ECHILD);	/* no SIGCHLD: waitable with __WCLONE only */
	EQ(waitpid(kid, &status, __WCLONE), kid);
	EQ(WEXITSTATUS(status), 12);
	kid = OK(clone(clone_child, clone_stack + sizeof(clone_stack), SIGCHLD, (void *)&global));
	EQ(waitpid(kid, &status, __WALL), kid);
}

TEST(clone_errors)
{
	ERR(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
	ERR(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	ERR(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS, 0, 0, 0, 0), EINVAL);
	ERR(syscall(SYS_clone3, BAD_PTR, 64), EFAULT);
	ERR(syscall(SYS_clone3, NULL, 4), EINVAL);
}

TEST(clone_settid_cleartid)
{
	pid_t ptid = 0;
	pid_t *ctid = shared_page();
	pid_t kid;

	ctid[0] = -1;
	kid = syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &ptid, ctid,
		      0);
	OK(kid);
	if (!kid)
		_exit(*ctid == syscall(SYS_getpid) ? 0 : 1);
	EQ(ptid, kid);
	WAIT_EXIT(kid, 0);
	EQ(*ctid, kid);
}

TEST(setpgid_rules)
{
	volatile int *go = shared_page();
	pid_t a, b;

	a = CHILD(for (;;) pause());
	b = CHILD(setsid(); go[0] = 1; for (;;) pause());
	UNTIL(go[0]);
	OK(setpgid(a, a));
	OK(setpgid(a, getpgrp()));
	EQ(getpgid(a), getpgrp());
	ERR(setpgid(a, 0x3fffffff), EPERM);
	ERR(setpgid(b, b), EPERM);		/* another session */
	ERR(setpgid(a, b), EPERM);
	ERR(setpgid(getppid(), 0), ESRCH);	/* neither we nor a child */
	ERR(setpgid(0x3fffffff, 0), ESRCH);
	ERR(setpgid(a, -1), EINVAL);
	kill(a, SIGKILL);
	kill(b, SIGKILL);
	WAIT_SIGNAL(a, SIGKILL);
	WAIT_SIGNAL(b, SIGKILL);
}

TEST(setpgid_after_exec)
{
	char *argv[] = { "sleep", "@wait", NULL };
	int p[2];
	pid_t kid;
	char c;

	(void)argv;
	OK(pipe2(p, O_CLOEXEC));
	kid = CHILD(char *av[] = { "x", "-l", NULL }; dup2(OK(open("/dev/null", O_WRONLY)), 1);
		    execve(test_self, av, environ); _exit(1));
	close(p[1]);
	EQ(read(p[0], &c, 1), 0);	/* closed by its exec */
	ERR(setpgid(kid, kid) == -1 && errno == ESRCH ? (errno = EACCES, -1) : setpgid(kid, kid),
	    EACCES);
	WAIT_EXIT(kid, 0);
}

TEST(alarm_not_inherited)
{
	alarm(100);
	WAIT_EXIT(CHILD(EQ(alarm(0), 0)), 0);
	EQ(alarm(0), 100);
}

TEST(nproc_limit)
{
	struct rlimit rl = { 1, 1 };

	NEED_ROOT();
	OK(setgid(12345));
	OK(setuid(12345));
	OK(setrlimit(RLIMIT_NPROC, &rl));
	ERR(fork(), EAGAIN);
}

TEST(fork_is_prompt_with_much_memory)
{
	size_t size = 64 << 20;
	char *p = OK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int i;

	memset(p, 1, size);
	for (i = 0; i < 5; i++)
		WAIT_EXIT(CHILD(p[i * PAGE] = 2; EQ(p[size - 1], 1)), 0);
	EQ(p[0], 1);
}

TEST(fork_storm)
{
	int i, j, status;

	for (i = 0; i < 20; i++) {
		for (j = 0; j < 10; j++)
			CHILD(CHILD(_exit(0)); wait(NULL));
		for (j = 0; j < 10; j++)
			CHECK(wait(&status) > 0 && !status);
	}
	ERR(wait(NULL), ECHILD);
}

TEST_MAIN("fork")
