/* SPDX-License-Identifier: MIT */
/*
 * Memory mappings: anonymous and of files, private and shared, fixed addresses, holes, protection
 * and the faults that it causes, mremap, brk, madvise, mincore, msync, memfd, System V memory.
 */
#include "test.h"
#include <setjmp.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <ucontext.h>

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static sigjmp_buf fault_env;
static volatile siginfo_t fault_info;
static volatile long fault_err;
volatile char sink;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	fault_info = *info;
	fault_err = ((ucontext_t *)ctx)->uc_mcontext.gregs[REG_ERR];
	siglongjmp(fault_env, sig);
}

/* The signal that the access raises, 0 for none. */
static noinline int access_signal(volatile char *p, int write)
{
	int sig;

	on_signal(SIGSEGV, on_fault, 0);
	on_signal(SIGBUS, on_fault, 0);
	memset((void *)&fault_info, 0, sizeof(fault_info));
	sig = sigsetjmp(fault_env, 1);
	if (sig)
		return sig;
	if (write)
		*p = 1;
	else
		sink = *p;
	return 0;
}

#define READS(p) EQ(access_signal((void *)(p), 0), 0)
#define WRITES(p) EQ(access_signal((void *)(p), 1), 0)
#define FAULTS(p, wr, sig, code) do {						\
	EQ(access_signal((void *)(p), wr), sig);				\
	EQ(fault_info.si_code, code);						\
	EQ((long)fault_info.si_addr, (long)(p));				\
} while (0)

static char *map(size_t pages)
{
	return OK(mmap(NULL, pages * PAGE, RW, ANON, -1, 0));
}

static int data_file(const char *name, int pages)
{
	char buf[PAGE];
	int i, fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));

	for (i = 0; i < pages; i++) {
		memset(buf, 'a' + i, PAGE);
		EQ(write(fd, buf, PAGE), PAGE);
	}
	return fd;
}

TEST(anon)
{
	char *p = map(4);
	int i;

	for (i = 0; i < 4 * (int)PAGE; i++)
		if (p[i])
			FAIL("byte %d is not zero", i);
	memset(p, 1, 4 * PAGE);
	EQ((long)p % PAGE, 0);
	OK(munmap(p, 4 * PAGE));
	FAULTS(p, 0, SIGSEGV, SEGV_MAPERR);
}

TEST(errors)
{
	int fd = data_file("f", 1), ro = OK(open("f", O_RDONLY)), wo = OK(open("f", O_WRONLY));
	char *p = map(1);

	ERR(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	ERR(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
	ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 1), EINVAL);
	ERR(mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0), EACCES);
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0));
	OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0));
	ERR(mmap(NULL, 1UL << 47, RW, ANON, -1, 0), ENOMEM);
	ERR(mmap(NULL, -1UL, RW, ANON, -1, 0), ENOMEM);
	ERR(mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	ERR(munmap(p + 1, PAGE), EINVAL);
	ERR(munmap(p, 0), EINVAL);
	ERR(mprotect(p + 1, PAGE, RW), EINVAL);
	ERR(mprotect(p, PAGE, 0x100), EINVAL);
	OK(munmap(p, PAGE));
	OK(munmap(p, PAGE));	/* nothing there: fine */
	ERR(mprotect(p, PAGE, RW), ENOMEM);
	OK(mprotect(p, 0, RW));
}

TEST(map_directory_and_pipe)
{
	int p[2], dir = OK(open(".", O_RDONLY));

	OK(pipe(p));
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
	ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, p[0], 0), ENODEV);
}

TEST(private_file)
{
	int fd = data_file("f", 2);
	char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0)), c;

	EQ(p[0], 'a');
	EQ(p[PAGE], 'b');
	p[0] = 'x';
	EQ(pread(fd, &c, 1, 0), 1);
	EQ(c, 'a');
	EQ(p[1], 'a');
}

TEST(shared_file)
{
	int fd = data_file("f", 2);
	char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
	char *q = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE)), c;

	OK(close(fd));
	p[PAGE] = 'y';
	EQ(q[0], 'y');
	fd = OK(open("f", O_RDWR));
	EQ(pread(fd, &c, 1, PAGE), 1);
	EQ(c, 'y');
	EQ(pwrite(fd, "z", 1, PAGE + 5), 1);
	EQ(q[5], 'z');
}

TEST(shared_file_between_processes)
{
	int fd = data_file("f", 1);
	volatile char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));

	WAIT_EXIT(CHILD(volatile char *q = OK(mmap(NULL, PAGE, RW, MAP_SHARED,
						   OK(open("f", O_RDWR)), 0));
			q[7] = 'q'), 0);
	EQ(p[7], 'q');
}

TEST(file_tail_and_beyond)
{
	int fd = data_file("f", 1);
	char *p;

	EQ(pwrite(fd, "tail", 4, PAGE), 4);
	p = OK(mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
	EQ(p[PAGE + 3], 'l');
	EQ(p[PAGE + 4], 0);
	EQ(p[2 * PAGE - 1], 0);
	FAULTS(p + 2 * PAGE + 7, 0, SIGBUS, BUS_ADRERR);
	FAULTS(p + 2 * PAGE, 1, SIGBUS, BUS_ADRERR);
	OK(ftruncate(fd, 3 * PAGE));
	READS(p + 2 * PAGE);
	OK(ftruncate(fd, PAGE));
	FAULTS(p + PAGE, 0, SIGBUS, BUS_ADRERR);
	EQ(p[0], 'a');
}

TEST(file_written_through_map_is_read)
{
	int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
	char *p, buf[3 * PAGE];

	OK(ftruncate(fd, 3 * PAGE));
	p = OK(mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
	memset(p + 100, 'm', 2 * PAGE);
	EQ(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	EQ(buf[99], 0);
	EQ(buf[100], 'm');
	EQ(buf[100 + 2 * PAGE - 1], 'm');
	EQ(buf[100 + 2 * PAGE], 0);
	/* the buffer of a read is a mapping of the same file */
	EQ(pread(fd, p, PAGE, PAGE), PAGE);
	EQ(p[0], 'm');
}

TEST(unlinked_file_stays_mapped)
{
	int fd = data_file("f", 1);
	char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));

	OK(close(fd));
	OK(unlink("f"));
	EQ(p[9], 'a');
	p[9] = 'b';
	EQ(p[9], 'b');
}

TEST(protection_faults)
{
	char *p = map(3);

	p[0] = 1;
	OK(mprotect(p + PAGE, PAGE, PROT_NONE));
	FAULTS(p + PAGE + 3, 0, SIGSEGV, SEGV_ACCERR);
	FAULTS(p + PAGE + 4, 1, SIGSEGV, SEGV_ACCERR);
	WRITES(p);
	WRITES(p + 2 * PAGE);
	OK(mprotect(p, PAGE, PROT_READ));
	EQ(p[0], 1);
	FAULTS(p + 5, 1, SIGSEGV, SEGV_ACCERR);
	EQ(fault_err & 2, 2);		/* a write */
	OK(mprotect(p, 3 * PAGE, RW));
	WRITES(p);
	WRITES(p + PAGE);
}

TEST(null_and_kernel_addresses)
{
	FAULTS((char *)0, 0, SIGSEGV, SEGV_MAPERR);
	FAULTS((char *)16, 1, SIGSEGV, SEGV_MAPERR);
	EQ(access_signal((char *)0xffffffff81000000, 0), SIGSEGV);
	/* not canonical: a general protection fault without an address */
	EQ(access_signal((char *)0x1234567812345678, 0), SIGSEGV);
	EQ(fault_info.si_code, SI_KERNEL);
	EQ((long)fault_info.si_addr, 0);
}

TEST(execute_protection)
{
	char *p = map(1);
	int sig;

	p[0] = 0xc3;	/* ret */
	on_signal(SIGSEGV, on_fault, 0);
	sig = sigsetjmp(fault_env, 1);
	if (!sig) {
		((void (*)(void))p)();
		FAIL("data was executed");
	}
	EQ(sig, SIGSEGV);
	EQ(fault_info.si_code, SEGV_ACCERR);
	EQ((long)fault_info.si_addr, (long)p);
	OK(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	((void (*)(void))p)();
	OK(mprotect(p, PAGE, RW | PROT_EXEC));
	p[0] = 0x90;
	p[1] = 0xc3;
	((void (*)(void))p)();
}

TEST(munmap_holes)
{
	char *p = map(5);

	memset(p, 'h', 5 * PAGE);
	OK(munmap(p + PAGE, PAGE));
	OK(munmap(p + 3 * PAGE, PAGE));
	EQ(p[0], 'h');
	EQ(p[2 * PAGE], 'h');
	EQ(p[4 * PAGE], 'h');
	FAULTS(p + PAGE, 0, SIGSEGV, SEGV_MAPERR);
	FAULTS(p + 4 * PAGE - 1, 0, SIGSEGV, SEGV_MAPERR);
	ERR(mprotect(p, 5 * PAGE, PROT_READ), ENOMEM);
	FAULTS(p, 1, SIGSEGV, SEGV_ACCERR);	/* what was before the hole has changed */
	OK(munmap(p, 5 * PAGE));
	FAULTS(p + 4 * PAGE, 0, SIGSEGV, SEGV_MAPERR);
}

TEST(fixed_replaces)
{
	char *p = map(3), *q;

	memset(p, 'o', 3 * PAGE);
	q = OK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	EQ((long)q, (long)(p + PAGE));
	EQ(q[0], 0);
	EQ(p[PAGE - 1], 'o');
	EQ(p[2 * PAGE], 'o');
}

TEST(fixed_noreplace)
{
	char *p = map(3);

	OK(munmap(p + PAGE, PAGE));
	ERR(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	ERR(mmap(p, 3 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	EQ((long)OK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0)),
	   (long)(p + PAGE));
}

TEST(low_and_high_fixed)
{
	static const unsigned long at[] = {
		0x10000, 0x200000, 0x10000000, 0x100000000, 0x70000000000, 0x100000000000,
		0x600000000000, 0x7ff000000000 - 0x1000000,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		char *p = mmap((void *)at[i], 16 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);

		if (p != (char *)at[i])
			FAIL("%#lx: %s", at[i], strerrorname_np(errno));
		p[15 * PAGE] = 1;
		OK(munmap(p, 16 * PAGE));
	}
	ERR(mmap((void *)0x800000000000, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	ERR(mmap((void *)0x7ffffffff000, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
}

TEST(hint)
{
	char *p = map(8), *q;

	OK(munmap(p, 8 * PAGE));
	q = OK(mmap(p, PAGE, RW, ANON, -1, 0));
	EQ((long)q, (long)p);	/* free: the hint is taken */
	q = OK(mmap(p, PAGE, RW, ANON, -1, 0));
	CHECK(q != p);
	q = OK(mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0));
	CHECK((unsigned long)q < 1UL << 31);
	q = OK(mmap(p + 4 * PAGE + 100, PAGE, RW, ANON, -1, 0));
	EQ((long)q % PAGE, 0);
}

TEST(large_sparse)
{
	char *p = OK(mmap(NULL, 1UL << 40, PROT_NONE, ANON | MAP_NORESERVE, -1, 0));

	OK(mprotect(p + (1UL << 39), PAGE, RW));
	p[1UL << 39] = 1;
	FAULTS(p + 5, 0, SIGSEGV, SEGV_ACCERR);
	OK(munmap(p, 1UL << 40));
}

TEST(mremap_grow_shrink)
{
	char *p = map(8), *q;

	memset(p, 'r', 8 * PAGE);
	EQ((long)OK(mremap(p, 8 * PAGE, 2 * PAGE, 0)), (long)p);
	FAULTS(p + 2 * PAGE, 0, SIGSEGV, SEGV_MAPERR);
	EQ((long)OK(mremap(p, 2 * PAGE, 4 * PAGE, 0)), (long)p);
	EQ(p[2 * PAGE - 1], 'r');
	EQ(p[2 * PAGE], 0);
	OK(mmap(p + 4 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	OK(mprotect(p + 4 * PAGE, PAGE, PROT_READ));
	ERR(mremap(p, 4 * PAGE, 6 * PAGE, 0), ENOMEM);
	q = OK(mremap(p, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
	CHECK(q != p);
	EQ(q[0], 'r');
	EQ(q[63 * PAGE], 0);
	FAULTS(p, 0, SIGSEGV, SEGV_MAPERR);
}

TEST(mremap_fixed)
{
	char *p = map(2), *q = map(4);

	p[0] = 'p';
	q[0] = 'q';
	EQ((long)OK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE)),
	   (long)(q + PAGE));
	EQ(q[PAGE], 'p');
	EQ(q[0], 'q');
	FAULTS(p, 0, SIGSEGV, SEGV_MAPERR);
}

TEST(mremap_errors)
{
	char *p = map(2);

	ERR(mremap(p + 1, PAGE, PAGE, 0), EINVAL);
	ERR(mremap(p, PAGE, 0, 0), EINVAL);
	ERR(mremap(p, PAGE, PAGE, 0x80), EINVAL);
	ERR(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + PAGE), EINVAL);
	ERR(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, p + PAGE), EINVAL);
	OK(munmap(p, 2 * PAGE));
	ERR(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
}

TEST(mremap_shared_dup)
{
	char *p = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0)), *q;

	p[0] = 's';
	q = OK(mremap(p, 0, PAGE, MREMAP_MAYMOVE));	/* old size 0: a second mapping */
	CHECK(q != p);
	q[1] = 't';
	EQ(q[0], 's');
	EQ(p[1], 't');
}

TEST(shared_anon_fork)
{
	volatile int *p = shared_page();

	p[0] = 1;
	WAIT_EXIT(CHILD(EQ(p[0], 1); p[0] = 2; WAIT_EXIT(CHILD(p[1] = 3), 0)), 0);
	EQ(p[0], 2);
	EQ(p[1], 3);
}

TEST(private_anon_fork)
{
	char *p = map(16);

	memset(p, 'f', 16 * PAGE);
	WAIT_EXIT(CHILD(memset(p, 'c', 8 * PAGE); EQ(p[9 * PAGE], 'f')), 0);
	EQ(p[0], 'f');
	EQ(p[8 * PAGE - 1], 'f');
}

TEST(brk)
{
	char *start = sbrk(0), *p;

	EQ(syscall(SYS_brk, 0), (long)start);
	p = sbrk(10 * PAGE);
	EQ((long)p, (long)start);
	memset(p, 'b', 10 * PAGE);
	EQ((long)sbrk(0), (long)(start + 10 * PAGE));
	sbrk(-8 * (long)PAGE);
	EQ(p[0], 'b');
	FAULTS((char *)(((long)start + 3 * PAGE) & -PAGE), 0, SIGSEGV, SEGV_MAPERR);
	sbrk(8 * PAGE);
	EQ(p[9 * PAGE], 0);	/* given back and taken anew: zero */
	EQ(syscall(SYS_brk, 1), (long)(start + 10 * PAGE));	/* refused: unchanged */
}

/* The end of the area called [heap] in /proc/self/maps; 0: none. */
static unsigned long heap_end(void)
{
	unsigned long from, to, found = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "[heap]") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			found = to;
	fclose(f);
	return found;
}

TEST(brk_in_many_steps)
{
	char *start = sbrk(0), *at = start;

	for (int i = 0; i < 300; i++) {
		size_t n = i % 3 ? 5 * PAGE + 16 : 16;

		EQ((long)sbrk(n), (long)at);
		for (size_t k = 0; k < n; k += PAGE / 2)
			EQ(at[k], 0);
		memset(at, i, n);
		at += n;
	}
	EQ((long)sbrk(0), (long)at);
	CHECK(heap_end() >= (unsigned long)at);
	/* A child has a heap of its own. */
	WAIT_EXIT(CHILD(sbrk(PAGE * 4); at[0] = 1; _exit((char *)sbrk(0) == at + PAGE * 4 ? 5 : 6)), 5);
	EQ((long)sbrk(0), (long)at);
}

/* What lies in its way stops the heap, when it grows by little and when it grows by much. */
TEST(brk_meets_a_mapping)
{
	char *start, *wall;

	start = (char *)(((long)sbrk(0) + 2 * PAGE) & -PAGE);
	EQ(syscall(SYS_brk, start), (long)start);
	wall = OK(mmap(start + 20 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	strcpy(wall, "wall");
	for (int i = 1; i < 40; i++) {
		char *want = start + i * PAGE;
		long got = syscall(SYS_brk, want);

		if (got != (long)want)
			break;
		memset(want - PAGE, 'h', PAGE);
	}
	CHECK(syscall(SYS_brk, 0) <= (long)wall);
	CHECK(syscall(SYS_brk, 0) >= (long)(start + 15 * PAGE));
	EQ(strcmp(wall, "wall"), 0);
	CHECK(syscall(SYS_brk, wall + 10 * PAGE) <= (long)wall);
	EQ(strcmp(wall, "wall"), 0);
	OK(munmap(wall, PAGE));
	EQ(syscall(SYS_brk, wall + 10 * PAGE), (long)(wall + 10 * PAGE));
	EQ(wall[0], 0);
}

TEST(brk_obeys_limits_set_later)
{
	char *start = sbrk(0);
	struct rlimit rl, got;

	CHECK(sbrk(PAGE) == start);
	OK(getrlimit(RLIMIT_DATA, &rl));
	rl.rlim_cur = PAGE;
	OK(setrlimit(RLIMIT_DATA, &rl));
	OK(prlimit(0, RLIMIT_DATA, NULL, &got));
	EQ(got.rlim_cur, (rlim_t)PAGE);
	CHECK(sbrk(64 * PAGE) == (void *)-1);
	EQ(errno, ENOMEM);
	rl.rlim_cur = rl.rlim_max;
	OK(setrlimit(RLIMIT_DATA, &rl));
	CHECK(sbrk(64 * PAGE) == start + PAGE);
}

TEST(madvise_dontneed)
{
	int fd = data_file("f", 1);
	char *p = map(4), *f = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));

	memset(p, 'm', 4 * PAGE);
	OK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
	EQ(p[0], 'm');
	EQ(p[PAGE], 0);
	EQ(p[3 * PAGE - 1], 0);
	EQ(p[3 * PAGE], 'm');
	f[0] = 'x';
	OK(madvise(f, PAGE, MADV_DONTNEED));
	EQ(f[0], 'a');
}

TEST(madvise_other)
{
	char *p = map(2);

	p[0] = 'k';
	OK(madvise(p, 2 * PAGE, MADV_WILLNEED));
	OK(madvise(p, 2 * PAGE, MADV_RANDOM));
	OK(madvise(p, 2 * PAGE, MADV_SEQUENTIAL));
	OK(madvise(p, 2 * PAGE, MADV_NORMAL));
	OK(madvise(p, 2 * PAGE, MADV_DONTFORK));
	OK(madvise(p, 2 * PAGE, MADV_DOFORK));
	EQ(p[0], 'k');
	OK(madvise(p, 0, MADV_NORMAL));
	ERR(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
	ERR(madvise(p, PAGE, 9999), EINVAL);
	OK(munmap(p, 2 * PAGE));
	ERR(madvise(p, PAGE, MADV_DONTNEED), ENOMEM);
}

/* Whatever a host knows of it, no advice ends the program. */
TEST(madvise_any)
{
	for (int advice = 0; advice < 128; advice++) {
		char *p = map(2);

		if (advice != MADV_HWPOISON && advice != 101 /* MADV_SOFT_OFFLINE */)
			CHECK(!madvise(p, 2 * PAGE, advice) || errno);
		OK(munmap(p, 2 * PAGE));
	}
}

TEST(madvise_dontneed_locked)
{
	char *p = map(2);

	OK(mlock(p, 2 * PAGE));
	p[0] = p[PAGE] = 1;
	ERR(madvise(p, 2 * PAGE, MADV_DONTNEED), EINVAL);
	OK(madvise(p, PAGE, 24 /* MADV_DONTNEED_LOCKED */));
	CHECK(p[0] == 0 && p[PAGE] == 1);
}

TEST(madvise_fork_advice)
{
	char *p = map(2);

	p[0] = p[PAGE] = 'w';
	OK(madvise(p, PAGE, MADV_WIPEONFORK));
	OK(madvise(p + PAGE, PAGE, MADV_DONTFORK));
	WAIT_EXIT(CHILD(EQ(p[0], 0); FAULTS(p + PAGE, 0, SIGSEGV, SEGV_MAPERR)), 0);
	EQ(p[0], 'w');
	EQ(p[PAGE], 'w');
}

TEST(mincore)
{
	unsigned char vec[4];
	char *p = map(4);

	p[0] = p[2 * PAGE] = 1;
	OK(mincore(p, 4 * PAGE, vec));
	EQ(vec[0] & 1, 1);
	EQ(vec[2] & 1, 1);
	ERR(mincore(p + 1, PAGE, vec), EINVAL);
	ERR(mincore(p, PAGE, BAD_PTR), EFAULT);
	OK(munmap(p + PAGE, PAGE));
	ERR(mincore(p, 4 * PAGE, vec), ENOMEM);
}

TEST(msync)
{
	int fd = data_file("f", 2);
	char *p = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));

	p[0] = 'S';
	OK(msync(p, 2 * PAGE, MS_SYNC));
	OK(msync(p, PAGE, MS_ASYNC));
	OK(msync(p, PAGE, MS_ASYNC | MS_INVALIDATE));
	ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	ERR(msync(p, PAGE, 0x80), EINVAL);
	ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	OK(munmap(p, 2 * PAGE));
	ERR(msync(p, PAGE, MS_SYNC), ENOMEM);
}

TEST(memfd)
{
	int fd = OK(memfd_create("name", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	char *p, *q;

	OK(ftruncate(fd, 3 * PAGE));
	p = OK(mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0));
	q = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, PAGE));
	p[PAGE] = 'v';
	EQ(q[0], 'v');
	q[0] = 'w';
	EQ(p[PAGE], 'v');
	WAIT_EXIT(CHILD(p[2] = 'c'), 0);
	EQ(p[2], 'c');
	ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	ERR(ftruncate(fd, PAGE), EPERM);
	OK(ftruncate(fd, 4 * PAGE));
	EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK);
	ERR(memfd_create("x", 0x8000), EINVAL);
	ERR(memfd_create(BAD_PTR, 0), EFAULT);
}

TEST(bad_buffers_in_calls)
{
	char *p = map(2);
	int fd = data_file("f", 2), out[2];

	OK(mprotect(p + PAGE, PAGE, PROT_NONE));
	OK(pipe(out));
	ERR(pread(fd, p + PAGE, 16, 0), EFAULT);
	EQ(pread(fd, p, 2 * PAGE, 0), PAGE);	/* as far as it goes */
	ERR(write(out[1], p + PAGE, 16), EFAULT);
	ERR(write(out[1], BAD_PTR, 16), EFAULT);
	ERR(syscall(SYS_read, fd, (void *)0xffffffff81000000, 16), EFAULT);
	ERR(syscall(SYS_open, p + PAGE, 0), EFAULT);
	memset(p, 'n', PAGE);
	ERR(syscall(SYS_open, p + PAGE - 5, 0), EFAULT);	/* the path runs into the hole */
	OK(mprotect(p, PAGE, PROT_READ));
	ERR(pread(fd, p, 16, 0), EFAULT);
}

TEST(guard_page_of_stack)
{
	struct { char *low, *high; } a;
	char here;

	/* the stack grows on demand, far below what is used now */
	a.low = &here - 256 * 1024;
	WRITES(a.low);
	a.high = &here;
	CHECK(a.high > a.low);
}

TEST(growsdown)
{
	char *p = OK(mmap(NULL, 64 * PAGE, RW, ANON, -1, 0)), *q;

	OK(munmap(p, 64 * PAGE));
	q = OK(mmap(p + 63 * PAGE, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	q[0] = 1;
	WRITES(q - 1);
	WRITES(q - PAGE - 1);
}

TEST(many_mappings)
{
	char *p = map(2000);
	int i;

	for (i = 0; i < 2000; i += 2)
		OK(mprotect(p + i * PAGE, PAGE, PROT_READ));
	for (i = 1; i < 2000; i += 2)
		p[i * PAGE] = i;
	FAULTS(p + 1000 * PAGE, 1, SIGSEGV, SEGV_ACCERR);
	OK(munmap(p, 2000 * PAGE));
}

static int max_map_count(void)
{
	char b[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY), n = fd < 0 ? 0 : read(fd, b, 31);

	close(fd);
	return n > 0 ? atoi(b) : 0;
}

/* One area more than there may be is possible, but then no hole that makes two of one. */
TEST_TIMEOUT(too_many_mappings, 60)
{
	char *at = (char *)0x200000000000UL, *p = NULL, *third = NULL;
	int i, max = max_map_count();

	if (max < 1000 || max > 100000)
		SKIP("max_map_count is unusual");
	for (i = 0; p != MAP_FAILED && i <= max; i++) {
		third = i == 3 ? p : third;
		p = mmap(at + i * 6 * PAGE, 3 * PAGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	CHECK(p == MAP_FAILED);
	EQ(errno, ENOMEM);
	ERR(munmap(third + PAGE, PAGE), ENOMEM);
	ERR(mmap(third + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
	OK(munmap(third, PAGE));
	OK(munmap(third + PAGE, 2 * PAGE));
}

TEST(dev_zero)
{
	int fd = OK(open("/dev/zero", O_RDWR));
	char *p = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
	char *q = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));

	EQ(p[0], 0);
	p[0] = 1;
	WAIT_EXIT(CHILD(q[0] = 2), 0);
	EQ(q[0], 2);
}

TEST(mlock)
{
	char *p = map(2);

	OK(mlock(p, PAGE));
	OK(munlock(p, PAGE));
	ERR(mlockall(0x80), EINVAL);
	OK(munlockall());
	OK(munmap(p, 2 * PAGE));
	ERR(mlock(p, PAGE), ENOMEM);
}

TEST(exec_of_a_file_mapping)
{
	static const char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };	/* mov $42,%eax; ret */
	int fd = OK(open("code", O_RDWR | O_CREAT, 0755)), (*fn)(void);

	EQ(write(fd, code, sizeof(code)), sizeof(code));
	fn = OK(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	EQ(fn(), 42);
}

TEST(shm_sysv)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);
	struct shmid_ds ds;
	char *p, *q;

	if (id < 0 && errno == ENOSYS)
		FAIL("no shmget");
	OK(id);
	p = OK(shmat(id, NULL, 0));
	q = OK(shmat(id, NULL, SHM_RDONLY));
	p[3] = 'v';
	EQ(q[3], 'v');
	FAULTS(q, 1, SIGSEGV, SEGV_ACCERR);
	WAIT_EXIT(CHILD(p[4] = 'c'), 0);
	EQ(q[4], 'c');
	OK(shmctl(id, IPC_STAT, &ds));
	EQ(ds.shm_segsz, 2 * PAGE);
	EQ(ds.shm_nattch, 2);
	OK(shmctl(id, IPC_RMID, NULL));
	OK(shmdt(p));
	ERR(shmdt(p), EINVAL);
	OK(shmdt(q));
	ERR(shmget(0x7a7a1234, PAGE, 0), ENOENT);
	ERR(shmat(id, NULL, 0), EINVAL);
}

static long seal(void *addr, size_t len)
{
	return syscall(462, addr, len, 0);	/* mseal */
}

TEST(sealed_areas)
{
	char *p = OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	char *ro = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	if (seal(p + PAGE, PAGE) && errno == ENOSYS)
		SKIP("no mseal");
	p[PAGE] = 7;
	ERR(munmap(p, 4 * PAGE), EPERM);
	ERR(munmap(p + PAGE, 1), EPERM);
	ERR(mprotect(p + PAGE, PAGE, PROT_READ), EPERM);
	ERR(mremap(p + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EPERM);
	ERR(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EPERM);
	ERR(mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
	EQ(p[PAGE], 7);
	OK(madvise(p + PAGE, PAGE, MADV_DONTNEED));
	EQ(p[PAGE], 0);
	OK(seal(ro, PAGE));
	OK(seal(ro, PAGE));
	ERR(madvise(ro, PAGE, MADV_DONTNEED), EPERM);
	/* Its neighbours are as before, and it is sealed in a child, too. */
	OK(munmap(p + 2 * PAGE, PAGE));
	WAIT_EXIT(CHILD(ERR(munmap(p + PAGE, PAGE), EPERM)), 0);
	ERR(seal(p, 4 * PAGE), ENOMEM);
	ERR(seal(p + 1, PAGE), EINVAL);
	ERR(seal(p, -1), EINVAL);
	ERR(syscall(462, p, PAGE, 1), EINVAL);
	OK(seal(p, 0));
	OK(munmap(p, PAGE));
}

TEST_MAIN("mmap")
