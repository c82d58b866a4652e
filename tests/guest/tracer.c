/* SPDX-License-Identifier: MIT */
/*
 * The finer points of tracing: group stops, steps into handlers, interrupted calls, emulated calls,
 * who may trace whom, what parents see of children that others trace.
 */
#include "test.h"
#include <pthread.h>
#include <stddef.h>
#include <elf.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

extern char **environ;

static int stop_of(pid_t pid)
{
	int status = 0;

	EQ(waitpid(pid, &status, __WALL), pid);
	if (!WIFSTOPPED(status))
		FAIL("not a stop: status %#x", status);
	return status >> 8;
}

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

static void handler(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	(void)uc;
}

TEST(step_into_handler)
{
	struct user_regs_struct r;
	pid_t kid = TRACED(on_signal(SIGUSR1, handler, 0); raise(SIGUSR1); _exit(3));

	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGUSR1);
	OK(ptrace(PTRACE_SINGLESTEP, kid, 0, SIGUSR1));
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.rip, (long)handler);
	EQ(r.rdi, SIGUSR1);
	EQ(r.eflags & 0x100, 0);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 3);
}

TEST(step_over_a_call)
{
	struct user_regs_struct r;
	long at;
	int calls = 0, i;
	pid_t kid = TRACED(syscall(SYS_getppid); _exit(syscall(SYS_getppid) == getppid() ? 5 : 6));

	for (i = 0; i < 300 && !calls; i++) {
		OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
		at = ptrace(PTRACE_PEEKTEXT, kid, r.rip, 0);
		OK(ptrace(PTRACE_SINGLESTEP, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP);
		if ((at & 0xffff) == 0x050f && r.rax == SYS_getppid) {
			long next = r.rip + 2;

			OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
			EQ(r.rip, next);
			EQ(r.rax, getpid());
			calls++;
		}
	}
	EQ(calls, 1);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 5);
}

TEST(interrupted_call_seen_again)
{
	struct user_regs_struct r;
	int p[2];
	char c;
	pid_t kid;

	OK(pipe(p));
	kid = CHILD(EQ(read(p[0], &c, 1), 1); _exit(c));
	UNTIL(proc_state(kid) == 'S');
	OK(ptrace(PTRACE_ATTACH, kid, 0, 0));
	EQ(stop_of(kid), SIGSTOP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.orig_rax, SYS_read);
	EQ(r.rax, -512);	/* ERESTARTSYS */
	OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.orig_rax, SYS_read);
	EQ(r.rax, -ENOSYS);
	OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	EQ(write(p[1], "\x2a", 1), 1);
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.rax, 1);
	OK(ptrace(PTRACE_DETACH, kid, 0, 0));
	WAIT_EXIT(kid, 42);
}

TEST(restart_is_prevented)
{
	struct user_regs_struct r;
	pid_t kid = CHILD(EQ(syscall(SYS_pause), 99); _exit(9));

	UNTIL(proc_state(kid) == 'S');
	OK(ptrace(PTRACE_ATTACH, kid, 0, 0));
	EQ(stop_of(kid), SIGSTOP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	r.orig_rax = -1;
	r.rax = 99;
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_DETACH, kid, 0, 0));
	WAIT_EXIT(kid, 9);
}

TEST(sleep_restarts)
{
	struct user_regs_struct r;
	struct timespec ts = { 0, 300000000 };
	pid_t kid = CHILD(EQ(syscall(SYS_nanosleep, &ts, NULL), 0); _exit(4));

	UNTIL(proc_state(kid) == 'S');
	OK(ptrace(PTRACE_SEIZE, kid, 0, PTRACE_O_TRACESYSGOOD));
	OK(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_STOP << 8);
	OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | 0x80);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.orig_rax, SYS_restart_syscall);
	OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | 0x80);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.rax, 0);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 4);
}

TEST(group_stop_by_attach)
{
	siginfo_t info;
	pid_t kid = CHILD(for (;;) pause());

	OK(ptrace(PTRACE_ATTACH, kid, 0, 0));
	EQ(stop_of(kid), SIGSTOP);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	OK(kill(kid, SIGTSTP));
	EQ(stop_of(kid), SIGTSTP);
	OK(ptrace(PTRACE_GETSIGINFO, kid, 0, &info));
	OK(ptrace(PTRACE_CONT, kid, 0, SIGSTOP));
	EQ(stop_of(kid), SIGSTOP);		/* the group stop */
	ERR(ptrace(PTRACE_GETSIGINFO, kid, 0, &info), EINVAL);
	ERR(ptrace(PTRACE_LISTEN, kid, 0, 0), EIO);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	UNTIL(proc_state(kid) == 'S');
	end(kid);
}

TEST(parent_sees_stops_of_others_tracees)
{
	int status;
	pid_t kid = CHILD(for (;;) pause());
	pid_t tracer = CHILD(OK(ptrace(PTRACE_SEIZE, kid, 0, 0));
			     EQ(stop_of(kid), SIGSTOP);
			     OK(ptrace(PTRACE_CONT, kid, 0, SIGSTOP));
			     EQ(stop_of(kid), SIGSTOP | PTRACE_EVENT_STOP << 8);
			     OK(ptrace(PTRACE_LISTEN, kid, 0, 0));
			     EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_STOP << 8);
			     OK(ptrace(PTRACE_CONT, kid, 0, 0));
			     EQ(stop_of(kid), SIGCONT);
			     OK(ptrace(PTRACE_CONT, kid, 0, 0));
			     EQ(waitpid(kid, &status, 0), kid);
			     EQ(status, SIGKILL));

	sleep_ms(100);
	OK(kill(kid, SIGSTOP));
	EQ(waitpid(kid, &status, WUNTRACED), kid);
	EQ(status, SIGSTOP << 8 | 0x7f);
	OK(kill(kid, SIGCONT));
	EQ(waitpid(kid, &status, WCONTINUED), kid);
	EQ(status, 0xffff);
	sleep_ms(100);
	OK(kill(kid, SIGKILL));
	WAIT_EXIT(tracer, 0);
	WAIT_SIGNAL(kid, SIGKILL);
}

TEST(emulated_call)
{
	struct user_regs_struct r;
	pid_t kid = TRACED(_exit(syscall(SYS_getppid) == 4242 ? 0 : 1));

	do {
		OK(ptrace(31 /* PTRACE_SYSEMU */, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP);
		OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	} while (r.orig_rax != SYS_getppid);
	r.rax = 4242;
	OK(ptrace(PTRACE_SETREGS, kid, 0, &r));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(peek_at_signals)
{
	struct __ptrace_peeksiginfo_args a = { 0, 0, 4 };
	siginfo_t info[4];
	sigset_t set;
	pid_t kid = TRACED(sigfillset(&set); sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR1);
			   raise(SIGUSR2); raise(SIGKILL));
	uint64_t mask;
	int i;

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACESYSGOOD));
	for (i = 0; i < 100; i++) {
		OK(ptrace(PTRACE_SYSCALL, kid, 0, 0));
		EQ(stop_of(kid), SIGTRAP | 0x80);
		if (ptrace(PTRACE_PEEKSIGINFO, kid, &a, info) == 2)
			break;
	}
	EQ(info[0].si_signo, SIGUSR1);
	EQ(info[1].si_signo, SIGUSR2);
	OK(ptrace(PTRACE_GETSIGMASK, kid, sizeof(mask), &mask));
	CHECK(mask & 1UL << (SIGUSR1 - 1));
	end(kid);
}

TEST(float_registers)
{
	struct user_fpregs_struct f;
	static char buf[16384];
	struct iovec v = { buf, sizeof(buf) };
	double d = 0;
	pid_t kid = TRACED(asm volatile("movsd %1, %%xmm3; int3; movsd %%xmm3, %0" : "=m"(d) :
					"m"((double){ 2.5 }) : "xmm3"); _exit(d == 7.25 ? 0 : 1));

	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_GETFPREGS, kid, 0, &f));
	memcpy(&d, &f.xmm_space[12], 8);
	CHECK(d == 2.5);
	OK(ptrace(PTRACE_GETREGSET, kid, NT_X86_XSTATE, &v));
	CHECK(v.iov_len > 512 && (*(uint64_t *)(buf + 464) & 3) == 3);
	CHECK(!memcmp(buf + 160 + 48, &d, 8));
	d = 7.25;
	memcpy(&f.xmm_space[12], &d, 8);
	OK(ptrace(PTRACE_SETFPREGS, kid, 0, &f));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

TEST(registers_of_a_fresh_program)
{
	char *av[] = { "tracer", "-l", NULL };
	struct user_fpregs_struct f;
	struct user_regs_struct r;
	pid_t kid = TRACED(dup2(OK(open("/dev/null", O_WRONLY)), 1); execve(test_self, av, environ));

	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP);
	OK(ptrace(PTRACE_GETREGS, kid, 0, &r));
	EQ(r.orig_rax, SYS_execve);
	EQ(r.rax, 0);
	EQ(r.rbx, 0);
	OK(ptrace(PTRACE_GETFPREGS, kid, 0, &f));
	EQ(f.cwd, 0x37f);
	EQ(f.mxcsr, 0x1f80);
	f.xmm_space[0] = 5;
	OK(ptrace(PTRACE_SETFPREGS, kid, 0, &f));
	OK(ptrace(PTRACE_GETFPREGS, kid, 0, &f));
	EQ(f.xmm_space[0], 5);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 0);
}

static int tracer_of(pid_t pid)
{
	char path[64], buf[2048], *p;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = OK(open(path, O_RDONLY));
	n = OK(read(fd, buf, sizeof(buf) - 1));
	close(fd);
	buf[n] = 0;
	p = strstr(buf, "TracerPid:\t");
	return p ? atoi(p + 11) : -1;
}

TEST(tracer_in_proc)
{
	pid_t kid = CHILD(for (;;) pause());

	EQ(tracer_of(kid), 0);
	OK(ptrace(PTRACE_SEIZE, kid, 0, 0));
	EQ(tracer_of(kid), getpid());
	OK(ptrace(PTRACE_INTERRUPT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_STOP << 8);
	OK(ptrace(PTRACE_DETACH, kid, 0, 0));
	EQ(tracer_of(kid), 0);
	end(kid);
}

TEST(who_may_trace)
{
	int p[2];
	char c;
	pid_t kid, other;

	NEED_ROOT();
	OK(pipe(p));
	kid = CHILD(OK(setresuid(1000, 1000, 1000)); OK(prctl(PR_SET_DUMPABLE, 1)); write(p[1], "x", 1);
		    for (;;) pause());
	EQ(read(p[0], &c, 1), 1);
	other = CHILD(OK(setresuid(1001, 1001, 1001)); ERR(ptrace(PTRACE_ATTACH, kid, 0, 0), EPERM));
	WAIT_EXIT(other, 0);
	other = CHILD(OK(setresgid(0, 0, 0)); OK(setresuid(1000, 1000, 1000));
		      OK(ptrace(PTRACE_ATTACH, kid, 0, 0)); EQ(stop_of(kid), SIGSTOP));
	WAIT_EXIT(other, 0);
	UNTIL(tracer_of(kid) == 0);
	end(kid);
	kid = CHILD(OK(setresuid(1000, 1000, 1000)); OK(prctl(PR_SET_DUMPABLE, 0)); write(p[1], "x", 1);
		    for (;;) pause());
	EQ(read(p[0], &c, 1), 1);
	other = CHILD(OK(setresuid(1000, 1000, 1000)); ERR(ptrace(PTRACE_ATTACH, kid, 0, 0), EPERM));
	WAIT_EXIT(other, 0);
	end(kid);
}

static void *thread_exits(void *arg)
{
	return arg;
}

TEST(dead_threads_come_before_their_leader)
{
	unsigned long tid;
	int status;
	pid_t kid = TRACED(pthread_t t; pthread_create(&t, NULL, thread_exits, NULL);
			   pthread_join(t, NULL); _exit(2));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACECLONE));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_CLONE << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &tid));
	EQ(stop_of(tid), SIGSTOP);
	OK(ptrace(PTRACE_CONT, tid, 0, 0));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	sleep_ms(200);
	EQ(waitpid(kid, &status, WNOHANG), 0);	/* its thread first */
	EQ(waitpid(tid, &status, __WALL), (long)tid);
	WAIT_EXIT(kid, 2);
}

TEST(killed_with_exit_event)
{
	unsigned long code;
	pid_t kid = TRACED(for (;;) pause());

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEEXIT));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	OK(kill(kid, SIGTERM));
	EQ(stop_of(kid), SIGTERM);
	OK(ptrace(PTRACE_CONT, kid, 0, SIGTERM));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_EXIT << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &code));
	EQ(code, SIGTERM);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_SIGNAL(kid, SIGTERM);
}

TEST(vfork_events)
{
	unsigned long child;
	int status;
	pid_t kid = TRACED(pid_t v = vfork(); if (!v) _exit(1); waitpid(v, &status, 0); _exit(status >> 8));

	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_VFORK << 8);
	OK(ptrace(PTRACE_GETEVENTMSG, kid, 0, &child));
	EQ(stop_of(child), SIGSTOP);
	OK(ptrace(PTRACE_DETACH, child, 0, 0));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGTRAP | PTRACE_EVENT_VFORK_DONE << 8);
	OK(ptrace(PTRACE_SETOPTIONS, kid, 0, 0));
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	EQ(stop_of(kid), SIGCHLD);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 1);
}

/* A program may set the trap flag itself. */
static volatile int steps;

static void on_trap(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	steps += info->si_code == TRAP_TRACE;
}

TEST(program_steps_itself)
{
	on_signal(SIGTRAP, on_trap, 0);
	getppid();
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop; nop;"
		     "pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
	EQ(steps, 6);
	steps = 0;
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; mov $110, %%eax; syscall;"
		     "pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc", "rax", "rcx", "r11");
	CHECK(steps == 4 || steps == 5);
}

TEST(memory_through_proc)
{
	static volatile long text = 77;
	char path[64];
	long v = 0;
	int fd;
	pid_t kid = TRACED(_exit((int)text));

	snprintf(path, sizeof(path), "/proc/%d/mem", kid);
	fd = OK(open(path, O_RDWR));
	EQ(pread(fd, &v, sizeof(v), (off_t)&text), sizeof(v));
	EQ(v, 77);
	v = 55;
	EQ(pwrite(fd, &v, sizeof(v), (off_t)&text), sizeof(v));
	ERR(pread(fd, &v, sizeof(v), 8), EIO);
	close(fd);
	OK(ptrace(PTRACE_CONT, kid, 0, 0));
	WAIT_EXIT(kid, 55);
}

TEST_MAIN("tracer")
