/* SPDX-License-Identifier: MIT */
/*
 * Signals that the processor causes: what siginfo and ucontext say, how a handler recovers, and which
 * registers survive a handler, whether the signal was expected or not.
 */
#include "test.h"
#include <immintrin.h>
#include <pthread.h>
#include <setjmp.h>
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

static int fault(void (*fn)(void), int sig)
{
	int s;

	on_signal(sig, jump, 0);
	memset((void *)&last, 0, sizeof(last));
	s = sigsetjmp(env, 1);
	if (!s)
		fn();
	return s;
}

static volatile long zero_value;

static void divide(void)
{
	asm volatile("xor %%edx, %%edx; mov $1, %%eax; idivl %0"
		     : : "m"(zero_value) : "rax", "rdx", "cc");
}

static void bad_opcode(void)
{
	asm volatile("ud2");
}

static void int3(void)
{
	asm volatile("int3");
}

static void privileged(void)
{
	asm volatile("hlt");
}

static void sse_divide(void)
{
	unsigned int csr = 0x1f80 & ~0x200;	/* unmask division by zero */
	volatile float one = 1, zero = 0, r;

	asm volatile("ldmxcsr %0" : : "m"(csr));
	r = one / zero;
	(void)r;
}

static void single_step(void)
{
	asm volatile("pushfq; orq $0x100, (%rsp); popfq; nop; nop");
}

static void overflow_brk(void)
{
	abort();
}

TEST(fpe)
{
	EQ(fault(divide, SIGFPE), SIGFPE);
	EQ(last.si_code, FPE_INTDIV);
	CHECK(last.si_addr != NULL);
	EQ(fault(sse_divide, SIGFPE), SIGFPE);
	EQ(last.si_code, FPE_FLTDIV);
}

TEST(ill)
{
	EQ(fault(bad_opcode, SIGILL), SIGILL);
	EQ(last.si_code, ILL_ILLOPN);
	CHECK((char *)last.si_addr >= (char *)bad_opcode);
	CHECK((char *)last.si_addr < (char *)bad_opcode + 16);
}

TEST(trap)
{
	EQ(fault(int3, SIGTRAP), SIGTRAP);
	EQ(last.si_code, SI_KERNEL);
	EQ(fault(single_step, SIGTRAP), SIGTRAP);
	EQ(last.si_code, TRAP_TRACE);
}

TEST(privileged_instruction)
{
	EQ(fault(privileged, SIGSEGV), SIGSEGV);
	EQ(last.si_code, SI_KERNEL);
	EQ((long)last.si_addr, 0);
}

TEST(abort_can_be_caught_by_jump)
{
	EQ(fault(overflow_brk, SIGABRT), SIGABRT);
	WAIT_SIGNAL(CHILD(signal(SIGABRT, SIG_IGN); abort()), SIGABRT);
}

TEST(blocked_fault_kills)
{
	WAIT_SIGNAL(CHILD(block(SIGSEGV, 0); on_signal(SIGSEGV, count, 0);
			  *(volatile char *)test_bad_ptr = 0), SIGSEGV);
	WAIT_SIGNAL(CHILD(signal(SIGSEGV, SIG_IGN); *(volatile char *)test_bad_ptr = 0), SIGSEGV);
	WAIT_SIGNAL(CHILD(signal(SIGFPE, SIG_IGN); divide()), SIGFPE);
}

static void skip_instruction(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	count(sig, info, ctx);
	uc->uc_mcontext.gregs[REG_RIP] += 2;	/* ud2 */
	uc->uc_mcontext.gregs[REG_RBX] = 0x77665544332211;
}

TEST(ucontext_edit_rip_and_register)
{
	long out;

	on_signal(SIGILL, skip_instruction, 0);
	asm volatile("mov $1, %%ebx; ud2; mov %%rbx, %0" : "=r"(out) : : "rbx", "memory");
	EQ(out, 0x77665544332211);
}

static char *fix_page;

static void unprotect(int sig, siginfo_t *info, void *ctx)
{
	count(sig, info, ctx);
	mprotect(fix_page, PAGE, PROT_READ | PROT_WRITE);
}

TEST(fault_fixed_by_handler_retries)
{
	fix_page = OK(mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	on_signal(SIGSEGV, unprotect, 0);
	fix_page[5] = 'x';
	EQ(fix_page[5], 'x');
	EQ(got_n, 1);
	EQ(last.si_code, SEGV_ACCERR);
	EQ((long)last.si_addr, (long)(fix_page + 5));
}

static volatile long ctx_err, ctx_trap, ctx_cr2, ctx_rdx;

static void note_context(int sig, siginfo_t *info, void *ctx)
{
	greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)info;
	ctx_err = g[REG_ERR];
	ctx_trap = g[REG_TRAPNO];
	ctx_cr2 = g[REG_CR2];
	ctx_rdx = g[REG_RDX];
	siglongjmp(env, sig);
}

TEST(fault_context)
{
	on_signal(SIGSEGV, note_context, 0);
	if (!sigsetjmp(env, 1))
		asm volatile("mov $0x1234567, %%edx; movb $0, 0x18" : : : "rdx", "memory");
	EQ(ctx_trap, 14);
	EQ(ctx_err, 6);		/* user, write, not present */
	EQ(ctx_cr2, 0x18);
	EQ(ctx_rdx, 0x1234567);
}

static void own_sigsys(int sig, siginfo_t *info, void *ctx)
{
	count(sig, info, ctx);
}

TEST(own_sigsys_handler)
{
	int i;

	on_signal(SIGSYS, own_sigsys, 0);
	for (i = 0; i < 100; i++)
		syscall(SYS_getppid);
	EQ(got_n, 0);
	raise(SIGSYS);
	EQ(got_n, 1);
	EQ(last.si_code, SI_TKILL);
	block(SIGSYS, 0);
	OK(syscall(SYS_getppid));
	raise(SIGSYS);
	EQ(got_n, 1);
	unblock(SIGSYS, 0);
	EQ(got_n, 2);
	ERR(syscall(10000), ENOSYS);
	EQ(got_n, 2);
}

TEST(own_sigsegv_handler_and_calls)
{
	int i;

	on_signal(SIGSEGV, count, 0);
	block(SIGSEGV, SIGBUS);
	for (i = 0; i < 100; i++)
		ERR(syscall(SYS_uname, BAD_PTR), EFAULT);
	EQ(got_n, 0);
}

/* ---- registers ---- */

static void clobber_vectors(int sig, siginfo_t *info, void *ctx)
{
	got = sig;
	(void)info;
	(void)ctx;
	asm volatile("pcmpeqd %%xmm0, %%xmm0; movaps %%xmm0, %%xmm1; movaps %%xmm0, %%xmm7;"
		     "movaps %%xmm0, %%xmm15; movaps %%xmm0, %%xmm8" : : :
		     "xmm0", "xmm1", "xmm7", "xmm8", "xmm15");
	if (__builtin_cpu_supports("avx"))
		asm volatile("vxorps %ymm0, %ymm0, %ymm0; vxorps %ymm9, %ymm9, %ymm9;"
			     "vxorps %ymm15, %ymm15, %ymm15");
}

TEST(xmm_over_a_signal)
{
	long in[2] = { 0x1122334455667788, 0x99aabbccddeeff }, out[2] = { 0 }, out15[2] = { 0 };
	int pid = getpid();

	on_signal(SIGUSR1, clobber_vectors, 0);
	asm volatile("movups (%3), %%xmm0; movups (%3), %%xmm15\n"
		     "mov %4, %%edi; mov $10, %%esi; mov $62, %%eax; syscall\n"
		     "movups %%xmm0, (%1); movups %%xmm15, (%2)\n"
		     : "+m"(out) : "r"(out), "r"(out15), "r"(in), "r"(pid)
		     : "rdi", "rsi", "rax", "rcx", "r11", "xmm0", "xmm15", "memory");
	EQ(got, SIGUSR1);
	CHECK(!memcmp(in, out, 16));
	CHECK(!memcmp(in, out15, 16));
}

TEST(ymm_over_a_signal)
{
	long in[4] = { 1, 2, 0x1122334455667788, 0x99aabbccddeeff }, out[4] = { 0 }, out9[4] = { 0 };
	int pid = getpid();

	if (!__builtin_cpu_supports("avx"))
		SKIP("no AVX");
	on_signal(SIGUSR1, clobber_vectors, 0);
	asm volatile("vmovups (%2), %%ymm0; vmovups (%2), %%ymm9\n"
		     "mov %3, %%edi; mov $10, %%esi; mov $62, %%eax; syscall\n"
		     "vmovups %%ymm0, (%0); vmovups %%ymm9, (%1)\n"
		     : : "r"(out), "r"(out9), "r"(in), "r"(pid)
		     : "rdi", "rsi", "rax", "rcx", "r11", "xmm0", "xmm9", "memory");
	EQ(got, SIGUSR1);
	CHECK(!memcmp(in, out, 32));
	CHECK(!memcmp(in, out9, 32));
}

TEST(general_registers_over_an_asynchronous_signal)
{
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } };
	long bad = 0, i;

	on_signal(SIGALRM, clobber_vectors, 0);
	OK(setitimer(ITIMER_REAL, &it, NULL));
	for (i = 0; i < 200 || (!got && i < 100000); i++) {
		long sum = 0;

		asm volatile(
			"mov $0x1111, %%rbx; mov $0x2222, %%r8; mov $0x3333, %%r9\n"
			"mov $0x4444, %%r10; mov $0x5555, %%r11; mov $0x6666, %%r12\n"
			"mov $0x7777, %%r13; mov $0x8888, %%r14; mov $0x9999, %%r15\n"
			"mov $0xaaaa, %%rcx; mov $0xbbbb, %%rdx; mov $100000, %%rax\n"
			"movq %%rbx, %%xmm3\n"
			"1: dec %%rax; jnz 1b\n"
			"movq %%xmm3, %0\n"
			"add %%rbx, %0; add %%r8, %0; add %%r9, %0; add %%r10, %0; add %%r11, %0\n"
			"add %%r12, %0; add %%r13, %0; add %%r14, %0; add %%r15, %0\n"
			"add %%rcx, %0; add %%rdx, %0\n"
			: "+D"(sum) : : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11",
			  "r12", "r13", "r14", "r15", "xmm3", "cc");
		bad += sum != 2 * 0x1111 + 0x2222 + 0x3333 + 0x4444 + 0x5555 + 0x6666 + 0x7777 +
			0x8888 + 0x9999 + 0xaaaa + 0xbbbb;
	}
	EQ(bad, 0);
	EQ(got, SIGALRM);
}

static void write_red_zone(int sig, siginfo_t *info, void *ctx)
{
	volatile char junk[512];

	(void)ctx;
	(void)info;
	got = sig;
	memset((void *)junk, 0xee, sizeof(junk));
}

TEST(red_zone_over_a_signal)
{
	long a, b, pid = getpid();

	on_signal(SIGUSR1, write_red_zone, 0);
	asm volatile("movq $0x1357, -8(%%rsp); movq $0x2468, -120(%%rsp)\n"
		     "mov %2, %%rdi; mov $10, %%esi; mov $62, %%eax; syscall\n"
		     "mov -8(%%rsp), %0; mov -120(%%rsp), %1\n"
		     : "=&r"(a), "=&r"(b) : "r"(pid)
		     : "rdi", "rsi", "rax", "rcx", "r11", "memory");
	EQ(a, 0x1357);
	EQ(b, 0x2468);
}

TEST(flags_and_direction)
{
	unsigned long fl;

	/* the handler is entered with DF clear; the interrupted code gets it back */
	on_signal(SIGUSR1, write_red_zone, 0);
	asm volatile("std; mov %1, %%edi; mov $10, %%esi; mov $62, %%eax; syscall\n"
		     "pushfq; pop %0; cld"
		     : "=r"(fl) : "r"(getpid()) : "rdi", "rsi", "rax", "rcx", "r11", "memory");
	CHECK(fl & 0x400);
}

TEST_MAIN("faults")
