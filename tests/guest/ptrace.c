/* SPDX-License-Identifier: MIT */
/*
 * Tracing: what strace and gdb need. Stops at signals, calls, exec, fork, clone and exit; memory and
 * registers; single steps and breakpoints; attaching, seizing, detaching.
 */
#include "test.h"
#include <pthread.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <elf.h>

extern char **environ;

static volatile long value = 1234;

static int stop_of(pid_t pid)
{
	int status = 0;

	EQ(waitpid(pid, &status, __WALL), pid);
	if (!WIFSTOPPED(status))
		FAIL("not a stop: status %#x", status);
	return status >> 8;
}

/* A child that is traced and has stopped itself. */
#define TRACED(...) ({								\
	pid_t tr_p = CHILD(OK(ptrace(PTRACE_TRACEME, 0, 0, 0)); raise(SIGSTOP); __VA_ARGS__); \
	EQ(stop_of(tr_p), SIGSTOP);						\
	tr_p;									\
})

static void end(pid_t pid)
{
	OK(kill(pid, SIGKILL));
	WAIT_SIGNAL(pid, SIGKILL);
}

TEST(traceme_and_continue)
{
	pid_t kid = TRACED(_exit(7));

	EQ(proc_state(kid), 't');
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 7);
	ERR(ptrace(PTRACE_CONT, kid, 0, 0), ESRCH);
}

TEST(errors)
{
	pid_t kid = CHILD(pause());

	ERR(ptrace(PTRACE_CONT, kid, 0, 0), ESRCH);	/* not traced */
	ERR(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
	ERR(ptrace(PTRACE_ATTACH, 0x3fffffff, 0, 0), ESRCH);
	ERR(ptrace(PTRACE_SEIZE, kid, 0, 0x80000000), EIO);
	end(kid);
	kid = TRACED(pause());
	ERR(ptrace(PTRACE_ATTACH, kid, 0, 0), EPERM);	/* traced already */
	ERR(ptrace(PTRACE_PEEKDATA, kid, 8, 0), EIO);
	ERR(ptrace(PTRACE_SETOPTIONS, kid, 0, 0x80000000), EINVAL);
	ERR(ptrace(PTRACE_CONT, kid, 0, 99), EIO);
	ERR(ptrace(PTRACE_GETREGS, kid, 0, 8), EFAULT);
	ERR(ptrace(0x1234, kid, 0, 0), EIO);
	end(kid);
}

TEST(peek_and_poke)
{
	pid_t kid = TRACED(_exit(value == 99 ? 0 : 1));

	errno = 0;
	EQ(ptrace(PTRACE_PEEKDATA, kid, &value, 0), 1234);
	EQ(errno, 0);
	OK(ptrace(PTRACE_POKEDATA, kid, &value, 99));
	EQ(ptrace(PTRACE_PEEKTEXT, kid, &value, 0), 99);
	EQ(value, 1234);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(signals_are_seen_first)
{
	siginfo_t info;
	pid_t kid = TRACED(raise(SIGUSR1); raise(SIGUSR2); _exit(3));

	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGUSR1);
	OK(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	EQ(info.si_signo, SIGUSR1);
	EQ(info.si_code, SI_TKILL);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));		/* dropped */
	EQ(stop_of(kid), SIGUSR2);
	OK(ptrace(PTRACE_CONT, kid, 0, SIGTERM));	/* replaced */
	WAIT_SIGNAL(kid, SIGTERM);
}

TEST(system_calls)
{
	struct user_regs_struct r;
	pid_t kid = TRACED(syscall(SYS_close, 777, 0, 0); _exit(5));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	do {
		OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP | 0x80);
		OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	} while (r.orig_rax != SYS_close);
	EQ(r.rdi, 777);
	EQ(r.rax, -ENOSYS);	/* at the entry */
	OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | 0x80);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.orig_rax, SYS_close);
	EQ(r.rax, -EBADF);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 5);
}

TEST(system_calls_changed)
{
	struct user_regs_struct r;
	pid_t kid = TRACED(_exit(syscall(SYS_getppid) == 4242 ? 0 : 1));
	int entry = 1;

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	for (;; entry = !entry) {
		OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP | 0x80);
		OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
		if (r.orig_rax == SYS_getppid && !entry)
			break;
	}
	r.rax = 4242;
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(call_number_changed_to_none)
{
	struct user_regs_struct r;
	pid_t kid = TRACED(_exit(syscall(SYS_getppid) == -1 && errno == ENOSYS ? 0 : 1));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	do {
		OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP | 0x80);
		OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	} while (r.orig_rax != SYS_getppid);
	r.orig_rax = -1;	/* skip it */
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(regset)
{
	struct user_regs_struct r;
	struct iovec v = { &r, sizeof(r) };
	pid_t kid = TRACED(_exit(0));

	OK(ptrace(PTRACE_GETREGSET, kid, NT_PRSTATUS, &v));
	EQ(v.iov_len, sizeof(r));
	CHECK(r.rip && r.rsp && r.fs_base);
	EQ(r.cs, 0x33);
	EQ(ptrace(PTRACE_PEEKUSER, kid, offsetof(struct user, regs.rip), 0), r.rip);
	ERR(ptrace(PTRACE_GETREGSET, kid, 0x7777, &v), EINVAL);
	end(kid);
}

static noinline void marker(void)
{
	asm volatile("nop; nop; nop; nop");
}

TEST(single_step)
{
	struct user_regs_struct r;
	unsigned long last = 0;
	int i, moved = 0;
	pid_t kid = TRACED(for (;;) marker());

	for (i = 0; i < 50; i++) {
		OK(ptrace(PTRACE_SINGLESTEP, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP);
		OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
		moved += r.rip != last;
		last = r.rip;
	}
	CHECK(moved > 45);
	end(kid);
}

TEST(breakpoint)
{
	struct user_regs_struct r;
	long old;
	pid_t kid = TRACED(marker(); _exit(6));

	old = ptrace(PTRACE_PEEKTEXT, kid, marker, 0);
	OK(ptrace(PTRACE_POKETEXT, kid, marker, (old & ~0xffL) | 0xcc));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.rip, (long)marker + 1);
	OK(ptrace(PTRACE_POKETEXT, kid, marker, old));
	r.rip--;
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 6);
	marker();	/* our own text is not touched */
}

TEST(exec_stop)
{
	char *av[] = { "ptrace", "-l", NULL };
	pid_t kid = TRACED(dup2(OK(open("/dev/null", O_WRONLY)), 1); execve(test_self, av, environ));
	unsigned long old;

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_EXEC << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &old));
	EQ(old, kid);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_EXIT << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &old));
	EQ(old, 0);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(exec_stop_without_option)
{
	char *av[] = { "ptrace", "-l", NULL };
	pid_t kid = TRACED(dup2(OK(open("/dev/null", O_WRONLY)), 1); execve(test_self, av, environ));

	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(fork_is_followed)
{
	unsigned long grandchild;
	pid_t kid = TRACED(pid_t g = fork(); if (!g) _exit(8); WAIT_EXIT(g, 8));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid) & 0xff, SIGTRAP);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &grandchild));
	EQ(stop_of(grandchild), SIGSTOP);
	OK(ptrace(PTRACE_CONT, grandchild, 0, 0));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT((pid_t)grandchild, 8);
	EQ(stop_of(kid), SIGCHLD);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

static void *nothing(void *arg)
{
	return arg;
}

TEST(clone_is_followed)
{
	unsigned long tid;
	int status;
	pid_t kid = TRACED(pthread_t t; pthread_create(&t, NULL, nothing, NULL);
			   pthread_join(t, NULL); _exit(9));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACECLONE));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_CLONE << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &tid));
	EQ(stop_of(tid), SIGSTOP);
	OK(ptrace(PTRACE_CONT, tid, 0, 0));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(waitpid(tid, &status, __WALL), tid);
	CHECK(WIFEXITED(status));	/* its own code, or the one of exit_group */
	WAIT_EXIT(kid, 9);
}

TEST(attach_and_detach)
{
	pid_t kid = CHILD(for (;;) pause());

	OK(ptrace(PTRACE_ATTACH, kid, 0, 0));
	EQ(stop_of(kid), SIGSTOP);
	EQ(ptrace(PTRACE_PEEKDATA, kid, &value, 0), 1234);
	OK(ptrace(PTRACE_DETACH, kid, 0, 0));
	UNTIL(proc_state(kid) == 'S');
	ERR(ptrace(PTRACE_PEEKDATA, kid, &value, 0), ESRCH);
	end(kid);
}

TEST(seize_and_interrupt)
{
	pid_t kid = CHILD(for (;;) asm volatile(""));

	OK(ptrace(PTRACE_SEIZE, kid, 0, 0));
	OK(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_STOP << 8);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	OK(kill(kid, SIGSTOP));
	EQ(stop_of(kid), SIGSTOP);
	OK(ptrace(PTRACE_CONT, kid, 0, SIGSTOP));
	EQ(stop_of(kid), SIGSTOP | PTRACE_EVENT_STOP << 8);	/* a group stop */
	OK(ptrace(PTRACE_LISTEN, kid, 0, 0));
	OK(kill(kid, SIGCONT));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_STOP << 8);
	end(kid);
}

TEST(interrupted_call_goes_on)
{
	int p[2];
	char c;
	pid_t kid;

	OK(pipe(p));
	kid = CHILD(EQ(read(p[0], &c, 1), 1));
	UNTIL(proc_state(kid) == 'S');
	OK(ptrace(PTRACE_ATTACH, kid, 0, 0));
	EQ(stop_of(kid), SIGSTOP);
	OK(ptrace(PTRACE_DETACH, kid, 0, 0));
	EQ(write(p[1], "x", 1), 1);
	WAIT_EXIT(kid, 0);
}

TEST(tracer_exit_kills_with_the_option)
{
	volatile pid_t *t = shared_page();
	pid_t kid = CHILD(t[0] = CHILD(OK(ptrace(PTRACE_TRACEME, 0, 0, 0)); raise(SIGSTOP);
				       for (;;) pause());
			  EQ(stop_of(t[0]), SIGSTOP);
			  OK(ptrace(PTRACE_SETOPTIONS, t[0], 0, PTRACE_O_EXITKILL)));

	WAIT_EXIT(kid, 0);
	UNTIL(kill(t[0], 0) == -1 || proc_state(t[0]) == 'Z');
}

TEST(syscall_info)
{
	struct { uint8_t op; uint8_t pad[3]; uint32_t arch; uint64_t ip, sp, nr, args[6], more[2]; } i;
	pid_t kid = TRACED(syscall(SYS_close, 777); _exit(0));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	do {
		OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP | 0x80);
		CHECK(ptrace(0x420e, kid, sizeof(i), &i) > 0);
	} while (i.op != 1 || i.nr != SYS_close);
	EQ(i.arch, 0xc000003e);
	EQ(i.args[0], 777);
	OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | 0x80);
	CHECK(ptrace(0x420e, kid, sizeof(i), &i) > 0);
	EQ(i.op, 2);
	EQ((int64_t)i.nr, -EBADF);	/* rval is at its place in exit stops */
	end(kid);
}

TEST_MAIN("ptrace")
