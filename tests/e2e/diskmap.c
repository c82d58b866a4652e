/* SPDX-License-Identifier: MIT */
/*
 * diskmap FILE [grow]: mappings of a file or device of at least 4 MiB agree with read and write. "grow": a regular
 * file that may be truncated. Prints "ok NAME" for each case. Run in the guest by pagecache.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define LEN (4 << 20)

static const char *name;
static int fd;
static unsigned char buf[LEN], want[LEN];

#define CHECK(x)                                                                       \
	do {                                                                           \
		if (!(x)) {                                                            \
			printf("FAIL line %d: %s (errno %d)\n", __LINE__, #x, errno);  \
			exit(1);                                                       \
		}                                                                      \
	} while (0)

static void fill(unsigned int seed)
{
	for (size_t i = 0; i < LEN; i++)
		want[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 16);
}

static unsigned char *map(int prot, int flags)
{
	unsigned char *p = mmap(NULL, LEN, prot, flags, fd, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static void write_then_map(void)
{
	unsigned char *p;

	fill(1);
	CHECK(pwrite(fd, want, LEN, 0) == LEN);
	p = map(PROT_READ, MAP_SHARED);
	CHECK(!memcmp(p, want, LEN));
	CHECK(pwrite(fd, "changed", 7, 3 * PAGE + 5) == 7);
	memcpy(want + 3 * PAGE + 5, "changed", 7);
	CHECK(!memcmp(p, want, LEN));
	munmap(p, LEN);
}

static void map_then_read(void)
{
	unsigned char *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);

	for (int i = 0; i < LEN; i += 5000)
		p[i] = want[i] = (unsigned char)i;
	CHECK(pread(fd, buf, LEN, 0) == LEN);
	CHECK(!memcmp(buf, want, LEN));
	/* Written back, written again: the second time must be noticed, too. */
	CHECK(!msync(p, LEN, MS_SYNC));
	for (int i = 1; i < LEN; i += 7000)
		p[i] = want[i] = (unsigned char)(i + 1);
	CHECK(!msync(p, LEN, MS_SYNC));
	CHECK(pread(fd, buf, LEN, 0) == LEN);
	CHECK(!memcmp(buf, want, LEN));
	munmap(p, LEN);
}

static void private_stays_private(void)
{
	unsigned char *p = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	memset(p + PAGE, 7, PAGE);
	CHECK(pread(fd, buf, LEN, 0) == LEN);
	CHECK(!memcmp(buf, want, LEN));
	CHECK(p[PAGE] == 7);
	CHECK(!madvise(p, LEN, MADV_DONTNEED));
	CHECK(!memcmp(p, want, LEN));
	munmap(p, LEN);
}

/* The kernel copies from and to pages that nobody touched yet. */
static void calls_on_untouched_pages(void)
{
	unsigned char *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	int pipes[2];

	CHECK(!pipe(pipes));
	CHECK(write(pipes[1], p + LEN - PAGE, 100) == 100);
	CHECK(read(pipes[0], buf, 100) == 100);
	CHECK(!memcmp(buf, want + LEN - PAGE, 100));
	CHECK(write(pipes[1], "from the pipe", 13) == 13);
	CHECK(read(pipes[0], p + LEN - 3 * PAGE, 13) == 13);
	memcpy(want + LEN - 3 * PAGE, "from the pipe", 13);
	CHECK(!msync(p, LEN, MS_SYNC));
	/* A file into its own mapping. */
	CHECK(pread(fd, p + (2 << 20), 1 << 20, 0) == 1 << 20);
	memcpy(want + (2 << 20), want, 1 << 20);
	CHECK(!memcmp(p, want, LEN));
	CHECK(pwrite(fd, p, 1 << 20, 3 << 20) == 1 << 20);
	memcpy(want + (3 << 20), want, 1 << 20);
	CHECK(!memcmp(p, want, LEN));
	munmap(p, LEN);
}

static void fork_and_threads_of_rights(void)
{
	unsigned char *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	int status;

	p[0] = want[0] = 1;
	if (!fork()) {
		p[PAGE] = 2;
		p[0] = 3;
		_exit(msync(p, LEN, MS_SYNC) != 0);
	}
	CHECK(wait(&status) > 0 && !status);
	want[PAGE] = 2;
	want[0] = 3;
	CHECK(!memcmp(p, want, LEN));
	CHECK(!mprotect(p, LEN, PROT_READ));
	CHECK(!mprotect(p, LEN, PROT_READ | PROT_WRITE));
	p[PAGE] = want[PAGE] = 9;
	p = mremap(p, LEN, LEN / 2, MREMAP_MAYMOVE);
	CHECK(p != MAP_FAILED);
	p = mremap(p, LEN / 2, LEN, MREMAP_MAYMOVE);
	CHECK(p != MAP_FAILED);
	CHECK(!memcmp(p, want, LEN));
	CHECK(!msync(p, LEN, MS_SYNC));
	munmap(p, LEN);
}

static void read_only_opening(void)
{
	int ro = open(name, O_RDONLY);
	unsigned char *p = mmap(NULL, LEN, PROT_READ, MAP_SHARED, ro, 0);

	CHECK(p != MAP_FAILED);
	CHECK(mprotect(p, LEN, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	CHECK(mmap(NULL, LEN, PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED && errno == EACCES);
	CHECK(!memcmp(p, want, LEN));
	munmap(p, LEN);
	close(ro);
}

static void caches_dropped(void)
{
	unsigned char *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);

	p[123456] = want[123456] = 77;
	for (int i = 0; i < 3; i++) {
		CHECK(!fsync(fd));
		CHECK(drop < 0 || write(drop, "3", 1) == 1);
		CHECK(!memcmp(p, want, LEN));
		p[i * 99999] = want[i * 99999] = (unsigned char)i;
	}
	CHECK(pread(fd, buf, LEN, 0) == LEN);
	CHECK(!memcmp(buf, want, LEN));
	munmap(p, LEN);
	close(drop);
}

static void past_the_cache(void)
{
	int d = open(name, O_RDWR | O_DIRECT);
	unsigned char *p;

	if (d < 0)
		return;
	CHECK(pwrite(fd, "through the cache", 17, 8192) == 17);
	memcpy(want + 8192, "through the cache", 17);
	CHECK(!posix_memalign((void **)&p, PAGE, 4 * PAGE));
	CHECK(pread(d, p, 4 * PAGE, 0) == 4 * PAGE);
	CHECK(!memcmp(p, want, 4 * PAGE));
	memset(p, 0x42, 4 * PAGE);
	CHECK(pwrite(d, p, 4 * PAGE, 4 * PAGE) == 4 * PAGE);
	memset(want + 4 * PAGE, 0x42, 4 * PAGE);
	CHECK(pread(fd, buf, LEN, 0) == LEN);
	CHECK(!memcmp(buf, want, LEN));
	CHECK(pread(d, p + 1, PAGE, 0) == -1 && errno == EINVAL);
	close(d);
}

static sigjmp_buf env;

static void on_bus(int sig, siginfo_t *si, void *uc)
{
	siglongjmp(env, si->si_code == BUS_ADRERR ? 1 : 2);
}

static void behind_the_end(void)
{
	struct sigaction sa = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_NODEFER };
	unsigned char *p = map(PROT_READ | PROT_WRITE, MAP_SHARED);
	int got;

	sigaction(SIGBUS, &sa, NULL);
	p[5 * PAGE] = 1;
	CHECK(!ftruncate(fd, 2 * PAGE + 10));
	CHECK(!memcmp(p, want, 2 * PAGE + 10));
	CHECK(!p[2 * PAGE + 11]);
	got = sigsetjmp(env, 1);
	if (!got)
		(void)*(volatile unsigned char *)(p + 5 * PAGE);
	CHECK(got == 1);
	CHECK(read(open("/dev/zero", O_RDONLY), p + 5 * PAGE, 10) == -1 && errno == EFAULT);
	CHECK(!ftruncate(fd, LEN));
	memset(want + 2 * PAGE + 10, 0, LEN - 2 * PAGE - 10);
	CHECK(!p[5 * PAGE]);
	p[5 * PAGE] = want[5 * PAGE] = 8;
	CHECK(!msync(p, LEN, MS_SYNC));
	CHECK(pread(fd, buf, LEN, 0) == LEN);
	CHECK(!memcmp(buf, want, LEN));
	munmap(p, LEN);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
		int grow;
	} cases[] = {
		{ "write_then_map", write_then_map, 0 },
		{ "map_then_read", map_then_read, 0 },
		{ "private_stays_private", private_stays_private, 0 },
		{ "calls_on_untouched_pages", calls_on_untouched_pages, 0 },
		{ "fork_and_rights", fork_and_threads_of_rights, 0 },
		{ "read_only_opening", read_only_opening, 0 },
		{ "caches_dropped", caches_dropped, 0 },
		{ "past_the_cache", past_the_cache, 0 },
		{ "behind_the_end", behind_the_end, 1 },
	};

	setbuf(stdout, NULL);
	name = argv[1];
	fd = open(name, argc > 2 ? O_RDWR | O_CREAT : O_RDWR, 0644);
	CHECK(fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].grow && argc <= 2)
			continue;
		cases[i].fn();
		printf("ok %s\n", cases[i].name);
	}
	/* What the disk has must be the same: for whoever looks at it afterwards. */
	CHECK(!fsync(fd));
	puts("done");
	return 0;
}
