/* SPDX-License-Identifier: MIT */
/*
 * The guest owns GS and FS: arch_prctl, rdgsbase and wrgsbase, a changed FS base, and what a system call
 * must leave alone: all registers but rax, rcx and r11, the vectors, the red zone, flags. Call sites
 * come in the shapes that a kernel may rewrite.
 */
#include "test.h"
#include <asm/prctl.h>
#include <pthread.h>
#include <sys/auxv.h>

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1 << 1)
#endif

static void need_fsgsbase(void)
{
	if (!(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		SKIP("no FSGSBASE");
}

static unsigned long rdgs(void)
{
	unsigned long v;

	asm volatile(".byte 0xf3,0x48,0x0f,0xae,0xc8" : "=a"(v));	/* rdgsbase %rax */
	return v;
}

static void wrgs(unsigned long v)
{
	asm volatile(".byte 0xf3,0x48,0x0f,0xae,0xd8" : : "a"(v));	/* wrgsbase %rax */
}

static unsigned long rdfs(void)
{
	unsigned long v;

	asm volatile(".byte 0xf3,0x48,0x0f,0xae,0xc0" : "=a"(v));
	return v;
}

static long gs_word(void)
{
	long v;

	asm volatile("mov %%gs:8, %0" : "=r"(v));
	return v;
}

static volatile long area[4] = { 11, 22, 33, 44 };

TEST(arch_prctl_gs)
{
	unsigned long v = 1;

	OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	EQ(v, 0);
	OK(syscall(SYS_arch_prctl, ARCH_SET_GS, area));
	OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	EQ(v, (long)area);
	EQ(gs_word(), 22);
	OK(syscall(SYS_getppid));
	EQ(gs_word(), 22);
}

TEST(arch_prctl_fs)
{
	unsigned long v, again;

	OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &v));
	CHECK(v);
	asm volatile("mov %%fs:0, %0" : "=r"(again));
	EQ(v, again);
	OK(syscall(SYS_arch_prctl, ARCH_SET_FS, v));
	ERR(syscall(SYS_arch_prctl, ARCH_GET_FS, BAD_PTR), EFAULT);
	ERR(syscall(SYS_arch_prctl, ARCH_SET_FS, 1UL << 60), EPERM);
	ERR(syscall(SYS_arch_prctl, ARCH_SET_GS, 1UL << 63), EPERM);
	ERR(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
}

TEST(gsbase_instructions)
{
	unsigned long v;
	int i;

	need_fsgsbase();
	wrgs((long)area + 8);
	EQ(rdgs(), (long)area + 8);
	EQ(gs_word(), 33);
	for (i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	EQ(rdgs(), (long)area + 8);
	EQ(gs_word(), 33);
	OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &v));
	EQ(v, (long)area + 8);
	sleep_ms(5);
	EQ(gs_word(), 33);
}

static void on_usr1(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	area[3] = gs_word() + sig;
	wrgs((long)area + 8);	/* a handler's change stays: the frame does not hold GS */
}

TEST(gs_over_signals)
{
	need_fsgsbase();
	on_signal(SIGUSR1, on_usr1, 0);
	wrgs((long)area);
	raise(SIGUSR1);
	EQ(area[3], 22 + SIGUSR1);
	EQ(gs_word(), 33);
}

TEST(gs_over_fork)
{
	need_fsgsbase();
	wrgs((long)area);
	WAIT_EXIT(CHILD(EQ(gs_word(), 22); wrgs((long)area + 8); OK(syscall(SYS_getppid));
			EQ(gs_word(), 33)), 0);
	EQ(gs_word(), 22);
}

static void *own_gs(void *arg)
{
	long mine[2] = { 0, (long)arg }, bad = 0;
	int i;

	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)
		wrgs((long)mine);
	else
		syscall(SYS_arch_prctl, ARCH_SET_GS, mine);
	for (i = 0; i < 2000; i++) {
		syscall(i % 3 ? SYS_getppid : SYS_sched_yield);
		bad += gs_word() != (long)arg;
	}
	return (void *)bad;
}

TEST(gs_in_many_threads)
{
	pthread_t t[16];
	void *bad;
	long i;

	for (i = 0; i < 16; i++)
		ZERO(pthread_create(&t[i], NULL, own_gs, (void *)(i + 100)));
	for (i = 0; i < 16; i++) {
		ZERO(pthread_join(t[i], &bad));
		EQ((long)bad, 0);
	}
}

static long fake_tls[512];

/*
 * Runs the call with the FS base at a value that no thread library gave: the kernel must not rely on
 * it. No C library code may run in between.
 */
static noinline long call_with_fs(unsigned long fs, long nr, long a, long b)
{
	unsigned long old;
	long r;

	asm volatile(
		".byte 0xf3,0x48,0x0f,0xae,0xc0\n"	/* rdfsbase %rax */
		"mov %%rax, %1\n"
		"mov %2, %%rax\n"
		".byte 0xf3,0x48,0x0f,0xae,0xd0\n"	/* wrfsbase %rax */
		"mov %3, %%rax\n"
		"syscall\n"
		"mov %%rax, %0\n"
		"mov %1, %%rax\n"
		".byte 0xf3,0x48,0x0f,0xae,0xd0\n"
		: "=&r"(r), "=&r"(old) : "r"(fs), "r"(nr), "D"(a), "S"(b)
		: "rax", "rcx", "r11", "memory");
	return r;
}

TEST(call_with_foreign_fs_base)
{
	struct timespec ts = { 0, 1000000 };
	int i, p[2], pid = getpid();

	need_fsgsbase();
	OK(pipe(p));
	for (i = 0; i < 300; i++) {
		EQ(call_with_fs((long)fake_tls, SYS_getpid, 0, 0), pid);
		EQ(call_with_fs(0, SYS_getppid, 0, 0), getppid());
	}
	EQ(call_with_fs((long)fake_tls, SYS_nanosleep, (long)&ts, 0), 0);
	EQ(call_with_fs((long)fake_tls, SYS_close, p[0], 0), 0);
	EQ(call_with_fs(0, SYS_close, p[0], 0), -EBADF);
}

TEST(set_fs_by_call_then_calls)
{
	unsigned long old = 0;
	long r1, r2;

	OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &old));
	asm volatile(
		"mov %2, %%rsi; mov $0x1002, %%edi; mov $158, %%eax; syscall\n"	/* SET_FS */
		"mov $39, %%eax; syscall\n"
		"mov %%rax, %0\n"
		"mov $9999, %%edi; mov $3, %%eax; syscall\n"
		"mov %%rax, %1\n"
		"mov %3, %%rsi; mov $0x1002, %%edi; mov $158, %%eax; syscall\n"
		: "=&r"(r1), "=&r"(r2) : "r"(fake_tls), "r"(old)
		: "rax", "rcx", "rdi", "rsi", "r11", "memory");
	EQ(r1, getpid());
	EQ(r2, -EBADF);
}

static void *foreign_fs_thread(void *arg)
{
	long mine[64], bad = 0;
	int i, pid = getpid();

	(void)arg;
	for (i = 0; i < 1000; i++) {
		bad += call_with_fs((long)mine, SYS_getpid, 0, 0) != pid;
		bad += call_with_fs((long)mine, SYS_gettid, 0, 0) != syscall(SYS_gettid);
	}
	return (void *)bad;
}

TEST(foreign_fs_in_many_threads)
{
	pthread_t t[8];
	void *bad;
	int i;

	need_fsgsbase();
	for (i = 0; i < 8; i++)
		ZERO(pthread_create(&t[i], NULL, foreign_fs_thread, NULL));
	for (i = 0; i < 8; i++) {
		ZERO(pthread_join(t[i], &bad));
		EQ((long)bad, 0);
	}
	CHECK(rdfs());
}

TEST(swapped_fs_between_threads_is_not_identity)
{
	/* a call by this thread with the FS base of nobody still acts for this thread */
	need_fsgsbase();
	EQ(call_with_fs(0x7000, SYS_gettid, 0, 0), syscall(SYS_gettid));
	EQ(call_with_fs((long)area, SYS_gettid, 0, 0), syscall(SYS_gettid));
}

/* ---- registers over a call ---- */

struct regs {
	long rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15, rax, red;
	long xmm0[2], xmm15[2];
};

/*
 * Fills all registers, does the call in the given shape, and stores what they are then. The number is
 * an immediate, as in real code. The red zone holds a mark, too.
 */
#define REGISTER_SHAPE(name, code)						\
	void name(const struct regs *in, struct regs *out);			\
	asm(".globl " #name "\n" #name ":\n"					\
	    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n" \
	    "sub $24, %rsp; mov %rsi, 8(%rsp); mov %rdi, %rax\n"		\
	    "sub $256, %rsp\n"							\
	    "movups 112(%rax), %xmm0; movups 128(%rax), %xmm15\n"		\
	    "mov 0(%rax), %rbx; mov 8(%rax), %rdx; mov 16(%rax), %rsi\n"	\
	    "mov 24(%rax), %rdi; mov 32(%rax), %rbp; mov 40(%rax), %r8\n"	\
	    "mov 48(%rax), %r9; mov 56(%rax), %r10; mov 64(%rax), %r12\n"	\
	    "mov 72(%rax), %r13; mov 80(%rax), %r14; mov 88(%rax), %r15\n"	\
	    "mov %r15, -16(%rsp); mov %r14, -128(%rsp)\n"			\
	    code "\n"								\
	    "mov 264(%rsp), %rcx\n"						\
	    "mov %rbx, 0(%rcx); mov %rdx, 8(%rcx); mov %rsi, 16(%rcx)\n"	\
	    "mov %rdi, 24(%rcx); mov %rbp, 32(%rcx); mov %r8, 40(%rcx)\n"	\
	    "mov %r9, 48(%rcx); mov %r10, 56(%rcx); mov %r12, 64(%rcx)\n"	\
	    "mov %r13, 72(%rcx); mov %r14, 80(%rcx); mov %r15, 88(%rcx)\n"	\
	    "mov %rax, 96(%rcx)\n"						\
	    "movups %xmm0, 112(%rcx); movups %xmm15, 128(%rcx)\n"		\
	    "mov -16(%rsp), %rax; xor -128(%rsp), %rax; mov %rax, 104(%rcx)\n"	\
	    "add $280, %rsp\n"							\
	    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n")

/* first shape: a number by mov, 5 + 2 bytes */
REGISTER_SHAPE(regs_getppid, "mov $110, %eax; syscall");
REGISTER_SHAPE(regs_close, "mov $3, %eax; syscall");
REGISTER_SHAPE(regs_yield, "mov $24, %eax; syscall");
REGISTER_SHAPE(regs_bad_nr, "mov $9999, %eax; syscall");
/* second shape: the number comes from elsewhere; the comparison follows, 2 + 6 bytes */
REGISTER_SHAPE(regs_getppid2, "push $110; pop %rax; mov %r15, -16(%rsp); syscall; "
	       "cmp $-4095, %rax");
REGISTER_SHAPE(regs_close2, "push $3; pop %rax; mov %r15, -16(%rsp); syscall; cmp $-4095, %rax");
/* no shape at all */
REGISTER_SHAPE(regs_getppid3, "push $110; pop %rax; mov %r15, -16(%rsp); syscall; nop; nop");

static void check_regs(void (*fn)(const struct regs *, struct regs *), long want)
{
	struct regs in, out;
	int i, k;

	for (k = 0; k < 50; k++) {	/* the first time may differ from the later ones */
		for (i = 0; i < (int)(sizeof(in) / sizeof(long)); i++)
			((long *)&in)[i] = 0x0111111111111111 * (i + 1) + k;
		in.rdi = 9999;		/* a bad descriptor for close */
		in.rax = want;
		in.red = in.r15 ^ in.r14;
		fn(&in, &out);
		for (i = 0; i < (int)(sizeof(in) / sizeof(long)); i++)
			if (((long *)&in)[i] != ((long *)&out)[i])
				FAIL("round %d: word %d is %#lx, not %#lx", k, i,
				     ((long *)&out)[i], ((long *)&in)[i]);
	}
}

TEST(registers_mov_shape)
{
	check_regs(regs_getppid, getppid());
	check_regs(regs_close, -EBADF);
	check_regs(regs_yield, 0);
	check_regs(regs_bad_nr, -ENOSYS);
}

TEST(registers_cmp_shape)
{
	check_regs(regs_getppid2, getppid());
	check_regs(regs_close2, -EBADF);
}

TEST(registers_other_shape)
{
	check_regs(regs_getppid3, getppid());
}

static void *check_regs_thread(void *arg)
{
	(void)arg;
	check_regs(regs_getppid, getppid());
	check_regs(regs_close, -EBADF);
	check_regs(regs_getppid2, getppid());
	check_regs(regs_close2, -EBADF);
	check_regs(regs_yield, 0);
	return NULL;
}

TEST(registers_in_many_threads)
{
	pthread_t t[16];
	int i;

	for (i = 0; i < 16; i++)
		ZERO(pthread_create(&t[i], NULL, check_regs_thread, NULL));
	for (i = 0; i < 16; i++)
		ZERO(pthread_join(t[i], NULL));
}

TEST(upper_halves_of_vectors)
{
	long in[4] = { 1, 2, 3, 4 }, out[4], i;

	if (!__builtin_cpu_supports("avx"))
		SKIP("no AVX");
	for (i = 0; i < 100; i++) {
		asm volatile("vmovups (%1), %%ymm5; mov $110, %%eax; syscall; vmovups %%ymm5, (%0)"
			     : : "r"(out), "r"(in)
			     : "rax", "rcx", "r11", "xmm5", "memory");
		CHECK(!memcmp(in, out, 32));
	}
}

TEST(mxcsr_and_x87_control)
{
	unsigned int csr = 0x1f80 | 0x6000, csr2;	/* round to zero */
	unsigned short cw = 0x27f, cw2;
	int i;

	for (i = 0; i < 10; i++) {
		asm volatile("ldmxcsr %2; fldcw %3; mov $110, %%eax; syscall\n"
			     "stmxcsr %0; fnstcw %1"
			     : "=m"(csr2), "=m"(cw2) : "m"(csr), "m"(cw)
			     : "rax", "rcx", "r11", "memory");
		EQ(csr2, csr);
		EQ(cw2, cw);
	}
}

TEST(flags_over_a_call)
{
	unsigned long fl;
	int i;

	/* carry, direction and overflow come back as they were: r11 holds them in real hardware */
	for (i = 0; i < 10; i++) {
		asm volatile("std; stc; mov $110, %%eax; syscall; pushfq; pop %0; cld"
			     : "=r"(fl) : : "rax", "rcx", "r11", "memory", "cc");
		EQ(fl & 0x401, 0x401);
	}
}

TEST(stack_pointer_without_a_stack)
{
	long r;
	int i;

	/* code that keeps something else in rsp: the call must not touch the stack */
	for (i = 0; i < 50; i++) {
		asm volatile("mov %%rsp, %%rbx; mov $0x1230, %%esp; mov $110, %%eax; syscall\n"
			     "mov %%rbx, %%rsp; mov %%rax, %0"
			     : "=r"(r) : : "rax", "rbx", "rcx", "r11", "memory");
		EQ(r, getppid());
	}
}

TEST_MAIN("gs")
