/* SPDX-License-Identifier: MIT */
/*
 * seccomp: what each action does, how filters add up, who inherits them, and that no call is
 * answered behind their back.
 */
#include "test.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>

extern char **environ;

static int seccomp(unsigned int op, unsigned int flags, void *args)
{
	return syscall(SYS_seccomp, op, flags, args);
}

/* This action for one call, the others are allowed. */
static int filter_call(int nr, unsigned int action, unsigned int flags)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { ARRAY_SIZE(f), f };

	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &p);
}

TEST(errno_action)
{
	OK(getppid());
	OK(filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EBUSY, 0));
	ERR(syscall(SYS_getppid), EBUSY);
	OK(syscall(SYS_getpid));
	EQ(prctl(PR_GET_SECCOMP, 0, 0, 0, 0), 2);
}

TEST(errno_for_calls_that_are_quick)
{
	for (int i = 0; i < 100; i++)
		OK(syscall(SYS_gettid));	/* may be answered without the kernel by now */
	OK(filter_call(SYS_gettid, SECCOMP_RET_ERRNO | EXDEV, 0));
	for (int i = 0; i < 100; i++)
		ERR(syscall(SYS_gettid), EXDEV);
}

TEST(kill_process_action)
{
	pid_t kid = CHILD(filter_call(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0); syscall(SYS_getppid));

	WAIT_SIGNAL(kid, SIGSYS);
}

static void *forbidden(void *arg)
{
	filter_call(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
	syscall(SYS_getppid);
	*(volatile int *)arg = 1;
	return NULL;
}

TEST(kill_thread_action)
{
	volatile int alive = 0;
	pthread_t t;

	ZERO(pthread_create(&t, NULL, forbidden, (void *)&alive));
	ZERO(pthread_join(t, NULL));
	EQ(alive, 0);
	OK(syscall(SYS_getppid));
}

static volatile int trapped, trap_errno, trap_nr, trap_arch, trap_code;

static void on_sys(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	trapped = sig;
	trap_errno = info->si_errno;
	trap_nr = info->si_syscall;
	trap_arch = info->si_arch == AUDIT_ARCH_X86_64;
	trap_code = info->si_code;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX] = 77;
}

TEST(trap_action)
{
	on_signal(SIGSYS, on_sys, 0);
	OK(filter_call(SYS_getppid, SECCOMP_RET_TRAP | 123, 0));
	EQ(syscall(SYS_getppid), 77);
	EQ(trapped, SIGSYS);
	EQ(trap_errno, 123);
	EQ(trap_nr, SYS_getppid);
	EQ(trap_arch, 1);
	EQ(trap_code, 1);
}

TEST(trap_without_handler)
{
	pid_t kid = CHILD(filter_call(SYS_getppid, SECCOMP_RET_TRAP, 0); syscall(SYS_getppid));

	WAIT_SIGNAL(kid, SIGSYS);
}

TEST(log_and_trace_without_tracer)
{
	OK(filter_call(SYS_getppid, SECCOMP_RET_LOG, 0));
	OK(syscall(SYS_getppid));
	OK(filter_call(SYS_getppid, SECCOMP_RET_TRACE, 0));
	ERR(syscall(SYS_getppid), ENOSYS);
}

TEST(strictest_wins)
{
	OK(filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EBUSY, 0));
	OK(filter_call(SYS_getppid, SECCOMP_RET_LOG, 0));
	ERR(syscall(SYS_getppid), EBUSY);
	OK(filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0));
	ERR(syscall(SYS_getppid), EXDEV);	/* the newer of equals */
}

TEST(arguments_are_seen)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 1000, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTTY),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { ARRAY_SIZE(f), f };

	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p));
	ERR(close(999), EBADF);
	ERR(close(1000), ENOTTY);
}

TEST(inherited_by_fork_and_exec)
{
	char *av[] = { "seccomp", "@getppid", NULL };
	pid_t kid;

	OK(filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EBUSY, 0));
	kid = CHILD(ERR(syscall(SYS_getppid), EBUSY));
	WAIT_EXIT(kid, 0);
	kid = CHILD(execve(test_self, av, environ));
	WAIT_EXIT(kid, EBUSY);
}

int test_helper(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return syscall(SYS_getppid) == -1 ? errno : 0;
}

static volatile int go;

static void *wait_and_call(void *arg)
{
	(void)arg;
	while (go == 0)
		;
	go = syscall(SYS_getppid) == -1 ? errno : -1;
	return NULL;
}

TEST(tsync)
{
	pthread_t t;

	ZERO(pthread_create(&t, NULL, wait_and_call, NULL));
	OK(filter_call(SYS_getppid, SECCOMP_RET_ERRNO | EBUSY, SECCOMP_FILTER_FLAG_TSYNC));
	go = 1;
	ZERO(pthread_join(t, NULL));
	EQ(go, EBUSY);
}

TEST(strict_mode)
{
	pid_t kid = CHILD(OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)); syscall(SYS_write, 1, "", 0);
			  syscall(SYS_exit, 4));

	WAIT_EXIT(kid, 4);
	kid = CHILD(OK(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL)); syscall(SYS_getpid));
	WAIT_SIGNAL(kid, SIGKILL);
}

TEST(errors)
{
	struct sock_filter bad[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1) };
	struct sock_filter loop[] = { BPF_JUMP(BPF_JMP | BPF_JA, 9, 0, 0), BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog p = { 1, bad };
	unsigned int action = SECCOMP_RET_TRAP;

	ERR(seccomp(99, 0, NULL), EINVAL);
	OK(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action));
	action = 0x12340000;
	ERR(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
	p = (struct sock_fprog){ 2, loop };
	ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
	p.len = 0;
	ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EINVAL);
	p = (struct sock_fprog){ 1, BAD_PTR };
	ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0, &p), EFAULT);
	ERR(seccomp(SECCOMP_SET_MODE_FILTER, 0x8000, &p), EINVAL);
	ERR(seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
}

/* A tracer gets the calls that the filter sends it, may change and skip them. */
TEST(trace_action)
{
	struct user_regs_struct r;
	unsigned long data;
	int status;
	pid_t kid = CHILD(OK(ptrace(PTRACE_TRACEME, 0, 0, 0)); raise(SIGSTOP);
			  filter_call(SYS_getppid, SECCOMP_RET_TRACE | 42, 0);
			  EQ(syscall(SYS_getppid), 4711); EQ(syscall(SYS_getppid), syscall(SYS_getpid)));

	EQ(waitpid(kid, &status, 0), kid);
	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESECCOMP));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(waitpid(kid, &status, 0), kid);
	EQ(status >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &data));
	EQ(data, 42);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.orig_rax, SYS_getppid);
	r.orig_rax = -1;
	r.rax = 4711;
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(waitpid(kid, &status, 0), kid);
	EQ(status >> 8, SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	r.orig_rax = SYS_getpid;
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST_MAIN("seccomp")
