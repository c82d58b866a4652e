/* SPDX-License-Identifier: MIT */
/*
 * System call instructions in all shapes that code may have them. A kernel that rewrites call sites must
 * give the same results for each of them, the first time and later, from every entry point, in
 * pages that are written, split, shared or generated.
 */
#include "test.h"
#include <pthread.h>
#include <sys/utsname.h>

#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ROUNDS 200

#define CLOBBERS "rcx", "r11", "memory"

/* Each shape gets the same check: many rounds of the right answer. */
#define ALL_SAME(expr, want) do {						\
	long as_want = (want);							\
	for (int as_i = 0; as_i < ROUNDS; as_i++) {				\
		long as_r = (expr);						\
		if (as_r != as_want)						\
			FAIL("line %d: round %d: %ld, not %ld", __LINE__,	\
			     as_i, as_r, as_want);				\
	}									\
} while (0)

static noinline long mov_imm(void)
{
	long r;

	asm volatile("mov $110, %%eax; syscall" : "=a"(r) : : CLOBBERS);
	return r;
}

static noinline long mov_imm64(void)
{
	long r;

	asm volatile("movq $110, %%rax; syscall" : "=a"(r) : : CLOBBERS);
	return r;
}

static noinline long movabs_imm(void)
{
	long r;

	asm volatile("movabs $110, %%rax; syscall" : "=a"(r) : : CLOBBERS);
	return r;
}

static noinline long push_pop(void)
{
	long r;

	asm volatile("sub $128, %%rsp; push $110; pop %%rax; add $128, %%rsp; syscall"
		     : "=a"(r) : : CLOBBERS, "cc");
	return r;
}

static noinline long from_register(long nr)
{
	long r;

	asm volatile("syscall" : "=a"(r) : "0"(nr) : CLOBBERS);
	return r;
}

static noinline long followed_by_cmp(long nr)
{
	long r;

	asm volatile("syscall; cmp $-4095, %%rax; jae 1f; nop; 1:"
		     : "=a"(r) : "0"(nr), "D"(-1) : CLOBBERS, "cc");
	return r;
}

static noinline long cmp_flags(long nr, long fd)
{
	long r, error;

	asm volatile("xor %1, %1; syscall; cmp $-4095, %%rax; adc $0, %1"
		     : "=a"(r), "=&r"(error) : "0"(nr), "D"(fd) : CLOBBERS, "cc");
	return error;	/* the carry: 1 if it was below, i.e. no error */
}

/* read(-1, ...) has number 0: the number is often made by xor */
static noinline long xor_zero(void)
{
	long r;

	asm volatile("xor %%eax, %%eax; syscall" : "=a"(r) : "D"(-1), "S"(0), "d"(0) : CLOBBERS, "cc");
	return r;
}

static noinline long xor_zero_cmp(void)
{
	long r;

	asm volatile("xor %%eax, %%eax; syscall; cmp $-4096, %%rax; ja 1f; nop; 1:"
		     : "=a"(r) : "D"(-1), "S"(0), "d"(0) : CLOBBERS, "cc");
	return r;
}

TEST(plain_shapes)
{
	long pp = getppid();

	ALL_SAME(mov_imm(), pp);
	ALL_SAME(mov_imm64(), pp);
	ALL_SAME(movabs_imm(), pp);
	ALL_SAME(push_pop(), pp);
	ALL_SAME(from_register(SYS_getppid), pp);
	ALL_SAME(followed_by_cmp(SYS_getppid), pp);
	ALL_SAME(followed_by_cmp(SYS_close), -EBADF);
	ALL_SAME(cmp_flags(SYS_getppid, 0), 1);
	ALL_SAME(cmp_flags(SYS_close, -1), 0);
	ALL_SAME(xor_zero(), -EBADF);
	ALL_SAME(xor_zero_cmp(), -EBADF);
}

TEST(one_site_many_numbers)
{
	long pid = getpid(), pp = getppid(), uid = getuid();
	int i;

	for (i = 0; i < ROUNDS; i++) {
		EQ(from_register(SYS_getpid), pid);
		EQ(from_register(SYS_getppid), pp);
		EQ(from_register(SYS_getuid), uid);
		EQ(from_register(5000), -ENOSYS);
		EQ(from_register(-1), -ENOSYS);
		EQ(from_register(SYS_getpid | 1L << 32), pid);	/* the upper half is ignored */
	}
}

/* entry 0: through the mov; entry 1: jumps to the syscall with another number */
static noinline long two_entries(long nr, int skip_mov)
{
	long r;

	asm volatile("test %2, %2; jnz 1f\n"
		     "mov $110, %%eax\n"
		     "1: syscall\n"
		     : "=a"(r) : "0"(nr), "r"(skip_mov) : CLOBBERS, "cc");
	return r;
}

TEST(jump_straight_to_the_syscall)
{
	long pid = getpid(), pp = getppid();
	int i;

	ALL_SAME(two_entries(SYS_getpid, 1), pid);
	for (i = 0; i < ROUNDS; i++) {
		EQ(two_entries(0, 0), pp);
		EQ(two_entries(SYS_getpid, 1), pid);
		EQ(two_entries(7777, 1), -ENOSYS);
	}
}

static noinline long jump_to_cmp(long value, int only_cmp)
{
	long r;

	asm volatile("test %2, %2; jnz 1f\n"
		     "syscall\n"
		     "1: cmp $-4095, %%rax\n"
		     "jb 2f; mov $-1, %%rax; 2:\n"
		     : "=a"(r) : "0"(value), "r"(only_cmp), "D"(-1) : CLOBBERS, "cc");
	return r;
}

TEST(jump_to_the_comparison)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		EQ(jump_to_cmp(SYS_close, 0), -1);
		EQ(jump_to_cmp(5, 1), 5);
		EQ(jump_to_cmp(-5, 1), -1);
	}
}

static noinline long two_in_a_row(void)
{
	long r;

	asm volatile("mov $110, %%eax; syscall; mov %%rax, %%r8; mov $110, %%eax; syscall\n"
		     "sub %%r8, %%rax" : "=a"(r) : : "r8", CLOBBERS, "cc");
	return r;
}

static noinline long back_to_back(void)
{
	long r;

	/* the second instruction takes the result of the first as its number */
	asm volatile("mov $24, %%eax; syscall; syscall"
		     : "=a"(r) : "D"(-1), "S"(0), "d"(0) : CLOBBERS);
	return r;
}

TEST(neighbours)
{
	ALL_SAME(two_in_a_row(), 0);
	ALL_SAME(back_to_back(), -EBADF);	/* sched_yield gives 0, which is read */
}

static noinline long in_a_loop(long n)
{
	long sum;

	asm volatile("xor %%r8d, %%r8d\n"
		     "1: mov $110, %%eax; syscall; add %%rax, %%r8; dec %1; jnz 1b\n"
		     "mov %%r8, %%rax" : "=a"(sum), "+r"(n) : : "r8", CLOBBERS, "cc");
	return sum;
}

TEST(loop)
{
	EQ(in_a_loop(5000), 5000L * getppid());
}

static noinline long return_address(void)
{
	long diff;

	/* rcx is the address after the instruction, r11 the flags: real hardware's rule */
	asm volatile("lea 1f(%%rip), %%r8; mov $110, %%eax; syscall; 1: sub %%rcx, %%r8; mov %%r8, %0"
		     : "=r"(diff) : : "rax", "r8", CLOBBERS, "cc");
	return diff;
}

TEST(rcx_is_not_a_surprise)
{
	/* only that it does not crash: rcx and r11 are free by the ABI */
	int i;

	for (i = 0; i < ROUNDS; i++)
		return_address();
}

/* ---- generated code ---- */

typedef long (*code_fn)(void);

static const unsigned char getppid_code[] = {
	0xb8, 110, 0, 0, 0,		/* mov $110, %eax */
	0x0f, 0x05,			/* syscall */
	0xc3,				/* ret */
};

static const unsigned char cmp_code[] = {
	0x6a, 110, 0x58,		/* push $110; pop %rax */
	0x0f, 0x05,			/* syscall */
	0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff,	/* cmp $-4095, %rax */
	0xc3,
};

static char *code_pages(int n, int prot)
{
	return OK(mmap(NULL, n * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

TEST(jit_rwx)
{
	char *p = code_pages(1, RWX);
	code_fn fn = (code_fn)p;
	int i;

	memcpy(p, getppid_code, sizeof(getppid_code));
	ALL_SAME(fn(), getppid());
	for (i = 0; i < ROUNDS; i++) {	/* rewritten by its owner, again and again */
		memcpy(p, getppid_code, sizeof(getppid_code));
		p[1] = i & 1 ? SYS_getpid : SYS_getppid;
		EQ(fn(), i & 1 ? getpid() : getppid());
		EQ(fn(), i & 1 ? getpid() : getppid());
	}
}

TEST(jit_write_then_execute)
{
	char *p = code_pages(1, PROT_READ | PROT_WRITE);
	code_fn fn = (code_fn)p;
	int i;

	for (i = 0; i < 50; i++) {
		OK(mprotect(p, PAGE, PROT_READ | PROT_WRITE));
		memcpy(p, i & 1 ? cmp_code : getppid_code, 12);
		OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
		EQ(fn(), getppid());
		EQ(fn(), getppid());
	}
}

TEST(jit_reads_its_own_code)
{
	char *p = code_pages(1, RWX);
	code_fn fn = (code_fn)(p + 64);

	memset(p, 0xcc, PAGE);
	memcpy(p + 64, cmp_code, sizeof(cmp_code));
	ALL_SAME(fn(), getppid());
	/* bytes around the site are never touched */
	EQ((unsigned char)p[63], 0xcc);
	EQ((unsigned char)p[64 + sizeof(cmp_code)], 0xcc);
	EQ((unsigned char)p[64 + sizeof(cmp_code) - 1], 0xc3);
}

TEST(page_unmapped_and_reused)
{
	char *p = code_pages(1, RWX), *q;
	int i;

	for (i = 0; i < 50; i++) {
		memcpy(p, getppid_code, sizeof(getppid_code));
		EQ(((code_fn)p)(), getppid());
		EQ(((code_fn)p)(), getppid());
		OK(munmap(p, PAGE));
		q = OK(mmap(p, PAGE, RWX, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
		q[0] = 0x31;	/* xor %eax,%eax; ret */
		q[1] = 0xc0;
		q[2] = 0xc3;
		EQ(((code_fn)q)(), 0);
	}
}

TEST(split_over_a_page_boundary)
{
	size_t k;
	char *p;

	/* every offset: the mov, the syscall or the comparison straddles the boundary */
	for (k = 0; k < sizeof(getppid_code); k++) {
		p = code_pages(2, RWX);
		memcpy(p + PAGE - k, getppid_code, sizeof(getppid_code));
		ALL_SAME(((code_fn)(p + PAGE - k))(), getppid());
		OK(munmap(p, 2 * PAGE));
	}
	for (k = 0; k < sizeof(cmp_code); k++) {
		p = code_pages(2, RWX);
		memcpy(p + PAGE - k, cmp_code, sizeof(cmp_code));
		ALL_SAME(((code_fn)(p + PAGE - k))(), getppid());
		OK(munmap(p, 2 * PAGE));
	}
}

TEST(split_over_unlike_pages)
{
	size_t k;
	char *p;

	for (k = 1; k < sizeof(cmp_code); k++) {
		p = code_pages(2, PROT_READ | PROT_WRITE);
		memcpy(p + PAGE - k, cmp_code, sizeof(cmp_code));
		OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
		OK(mprotect(p + PAGE, PAGE, RWX));
		ALL_SAME(((code_fn)(p + PAGE - k))(), getppid());
		OK(munmap(p, 2 * PAGE));
	}
}

TEST(at_the_end_of_the_last_page)
{
	char *p = code_pages(2, RWX);
	long r;

	/* nothing is mapped after the syscall instruction; a call that does not return */
	OK(munmap(p + PAGE, PAGE));
	memcpy(p + PAGE - 7, "\xb8\x3c\0\0\0\x0f\x05", 7);	/* exit(rdi) */
	r = (long)(p + PAGE - 7);
	WAIT_EXIT(CHILD(asm volatile("mov $23, %%edi; jmp *%0" : : "r"(r) : "rdi")), 23);
}

TEST(execute_only_and_read_execute)
{
	char *p = code_pages(1, PROT_READ | PROT_WRITE);

	memcpy(p, getppid_code, sizeof(getppid_code));
	OK(mprotect(p, PAGE, PROT_EXEC));
	ALL_SAME(((code_fn)p)(), getppid());
	OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	ALL_SAME(((code_fn)p)(), getppid());
}

static code_fn map_code(int fd, int flags)
{
	return (code_fn)OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, flags, fd, 0));
}

TEST(file_mappings_stay_unpatched_in_the_file)
{
	unsigned char back[sizeof(cmp_code)];
	code_fn a, b;
	int fd = OK(open("code", O_RDWR | O_CREAT, 0755));

	EQ(write(fd, cmp_code, sizeof(cmp_code)), sizeof(cmp_code));
	a = map_code(fd, MAP_PRIVATE);
	b = map_code(fd, MAP_SHARED);
	ALL_SAME(a(), getppid());
	ALL_SAME(b(), getppid());
	EQ(pread(fd, back, sizeof(back), 0), sizeof(back));
	CHECK(!memcmp(back, cmp_code, sizeof(back)));
	a = map_code(fd, MAP_PRIVATE);
	ALL_SAME(a(), getppid());
}

TEST(file_changes_under_a_mapping)
{
	int fd = OK(open("code", O_RDWR | O_CREAT, 0755)), i;
	code_fn fn;

	EQ(write(fd, getppid_code, sizeof(getppid_code)), sizeof(getppid_code));
	fn = map_code(fd, MAP_SHARED);
	for (i = 0; i < 20; i++) {
		EQ(pwrite(fd, i & 1 ? "\x27" : "\x6e", 1, 1), 1);	/* getpid or getppid */
		EQ(fn(), i & 1 ? getpid() : getppid());
		EQ(fn(), i & 1 ? getpid() : getppid());
	}
}

TEST(memfd_code)
{
	int fd = OK(memfd_create("code", 0));
	code_fn fn;
	char *w;

	OK(ftruncate(fd, PAGE));
	w = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	fn = map_code(fd, MAP_SHARED);	/* one writable view, one executable view */
	memcpy(w, getppid_code, sizeof(getppid_code));
	ALL_SAME(fn(), getppid());
	memcpy(w, cmp_code, sizeof(cmp_code));
	ALL_SAME(fn(), getppid());
}

TEST(vdso_and_bytes_that_only_look_like_it)
{
	/* 0f 05 as data inside another instruction: must stay data */
	long v;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		asm volatile("movabs $0x050f050f050f0505, %0" : "=r"(v));
		EQ(v, 0x050f050f050f0505);
		asm volatile("mov $0x050f006e, %%eax; mov %%rax, %0" : "=r"(v) : : "rax");
		EQ(v, 0x050f006e);
	}
}

TEST(after_fork)
{
	char *p = code_pages(1, RWX);
	int i;

	memcpy(p, getppid_code, sizeof(getppid_code));
	ALL_SAME(((code_fn)p)(), getppid());
	for (i = 0; i < 10; i++)
		WAIT_EXIT(CHILD(long pp = getppid();
				ALL_SAME(((code_fn)p)(), pp);
				ALL_SAME(mov_imm(), pp);
				memcpy(p, cmp_code, sizeof(cmp_code));
				ALL_SAME(((code_fn)p)(), pp)), 0);
	ALL_SAME(((code_fn)p)(), getppid());
}

/* ---- threads race to a fresh site ---- */

static char *race_page;
static pthread_barrier_t barrier;

static void *race(void *arg)
{
	long pp = getppid(), bad = 0;
	int site, i;

	(void)arg;
	for (site = 0; site < 100; site++) {
		code_fn fn = (code_fn)(race_page + site * 32);

		pthread_barrier_wait(&barrier);
		for (i = 0; i < 20; i++)
			bad += fn() != pp;
	}
	return (void *)bad;
}

static void race_with(const unsigned char *code, size_t size, int prot)
{
	pthread_t t[4];
	void *bad;
	int i;

	race_page = code_pages(1, PROT_READ | PROT_WRITE);
	for (i = 0; i < 100; i++)
		memcpy(race_page + i * 32 + i % 16, code, size);
	/* entry at the start of the slot: a sled of nops up to the code */
	for (i = 0; i < 100; i++)
		memset(race_page + i * 32, 0x90, i % 16);
	OK(mprotect(race_page, PAGE, prot));
	ZERO(pthread_barrier_init(&barrier, NULL, 4));
	for (i = 0; i < 4; i++)
		ZERO(pthread_create(&t[i], NULL, race, NULL));
	for (i = 0; i < 4; i++) {
		ZERO(pthread_join(t[i], &bad));
		EQ((long)bad, 0);
	}
}

TEST(race_mov_shape)
{
	race_with(getppid_code, sizeof(getppid_code), PROT_READ | PROT_EXEC);
}

TEST(race_cmp_shape)
{
	race_with(cmp_code, sizeof(cmp_code), PROT_READ | PROT_EXEC);
}

TEST(race_in_writable_page)
{
	race_with(getppid_code, sizeof(getppid_code), RWX);
	race_with(cmp_code, sizeof(cmp_code), RWX);
}

TEST(many_sites)
{
	char *p = code_pages(64, RWX);
	int i, n = 64 * PAGE / 16;

	for (i = 0; i < n; i++)
		memcpy(p + i * 16, i & 1 ? cmp_code : getppid_code, 12);
	for (i = 0; i < n; i++)
		EQ(((code_fn)(p + i * 16))(), getppid());
	for (i = 0; i < n; i++)
		EQ(((code_fn)(p + i * 16))(), getppid());
}

TEST(far_from_everything)
{
	static const unsigned long at[] = { 0x20000, 0x40000000, 0x200000000000, 0x7fe000000000 };
	size_t i;
	char *p;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		p = mmap((void *)at[i], PAGE, RWX,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (p != (char *)at[i])
			FAIL("%#lx: %s", at[i], strerrorname_np(errno));
		memcpy(p, getppid_code, sizeof(getppid_code));
		memcpy(p + 64, cmp_code, sizeof(cmp_code));
		ALL_SAME(((code_fn)p)(), getppid());
		ALL_SAME(((code_fn)(p + 64))(), getppid());
	}
}

/* ---- blocking and special calls through odd sites ---- */

static volatile int hits;

static void on_usr1(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	hits += sig == SIGUSR1;
}

static noinline long raw2(long nr, long a, long b)
{
	long r;

	asm volatile("syscall; cmp $-4095, %%rax; jae 1f; nop; 1:"
		     : "=a"(r) : "0"(nr), "D"(a), "S"(b) : CLOBBERS, "cc");
	return r;
}

TEST(signal_during_a_call_at_a_warm_site)
{
	int i;

	on_signal(SIGUSR1, on_usr1, 0);
	for (i = 0; i < ROUNDS; i++)
		EQ(raw2(SYS_kill, getpid(), SIGUSR1), 0);
	EQ(hits, ROUNDS);
}

TEST(interrupted_call_at_a_warm_site)
{
	struct timespec ts = { 5, 0 };
	pid_t kid;

	on_signal(SIGUSR1, on_usr1, SA_RESTART);
	ALL_SAME(raw2(SYS_close, -1, 0), -EBADF);
	kid = CHILD(sleep_ms(40); kill(getppid(), SIGUSR1));
	EQ(raw2(SYS_nanosleep, (long)&ts, 0), -EINTR);
	WAIT_EXIT(kid, 0);
}

TEST(restarted_call_at_a_warm_site)
{
	pid_t kid;
	int p[2];
	char c;
	long r;

	OK(pipe(p));
	on_signal(SIGUSR1, on_usr1, SA_RESTART);
	ALL_SAME(xor_zero(), -EBADF);
	kid = CHILD(sleep_ms(40); kill(getppid(), SIGUSR1); sleep_ms(40); write(p[1], "k", 1));
	asm volatile("xor %%eax, %%eax; syscall" : "=a"(r) : "D"(p[0]), "S"(&c), "d"(1) : CLOBBERS);
	EQ(r, 1);
	EQ(c, 'k');
	EQ(hits, 1);
	WAIT_EXIT(kid, 0);
}

TEST(fork_and_vfork_at_raw_sites)
{
	int i;
	long r;

	for (i = 0; i < 10; i++) {
		asm volatile("mov $57, %%eax; syscall" : "=a"(r) : : CLOBBERS);
		if (!r)
			_exit(4);
		WAIT_EXIT(r, 4);
		r = raw2(SYS_fork, 0, 0);
		if (!r)
			_exit(5);
		WAIT_EXIT(r, 5);
	}
	asm volatile("mov $58, %%eax; syscall; test %%eax, %%eax; jnz 1f\n"
		     "mov $6, %%edi; mov $231, %%eax; syscall; 1:"
		     : "=a"(r) : : "rdi", CLOBBERS, "cc");
	WAIT_EXIT(r, 6);
}

TEST(clone_with_a_stack_at_a_raw_site)
{
	static char stack[65536] __attribute__((aligned(16)));
	long r, i;

	for (i = 0; i < 10; i++) {
		/* CLONE_VM | SIGCHLD; the child has nothing on its stack */
		asm volatile("mov $56, %%eax; syscall; test %%eax, %%eax; jnz 1f\n"
			     "mov $7, %%edi; mov $60, %%eax; syscall; 1:"
			     : "=a"(r) : "D"(0x100 | SIGCHLD), "S"(stack + sizeof(stack)), "d"(0)
			     : CLOBBERS, "cc");
		WAIT_EXIT(r, 7);
	}
}

TEST(int80_compat_call)
{
	long r;

	/* 32-bit entry: getpid is 20 there; a kernel without it says ENOSYS */
	WAIT_EXIT(CHILD(
		asm volatile("mov $20, %%eax; int $0x80" : "=a"(r) : : CLOBBERS, "r8", "r9", "r10");
		if (r != getpid() && r != -ENOSYS)
			FAIL("int 0x80 gives %ld", r)), 0);
}

TEST(six_arguments)
{
	long r;

	asm volatile("mov $9, %%eax; mov $0x22, %%r10d; mov $-1, %%r8; xor %%r9d, %%r9d; syscall"
		     : "=a"(r) : "D"(0), "S"(8192), "d"(3)
		     : "r8", "r9", "r10", CLOBBERS, "cc");
	CHECK(r > 0 && !(r & 4095));
	((char *)r)[8191] = 1;
}

TEST(uname_first_call_of_a_site)
{
	struct utsname a, b;

	EQ(raw2(SYS_uname, (long)&a, 0), 0);
	EQ(uname(&b), 0);
	CHECK(!strcmp(a.sysname, b.sysname));
	EQ(raw2(SYS_uname, 8, 0), -EFAULT);
}

TEST_MAIN("patch")
