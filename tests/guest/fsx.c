/* SPDX-License-Identifier: MIT */
/*
 * One file, many operations: reads, writes, mapped reads and writes, truncations, holes, re-opens,
 * syncs, in an order that a seed gives, each compared with a model in memory. FSX_OPS and FSX_SEED
 * make it longer or other, TMPDIR says on which file system.
 */
#include "test.h"

#define FILE_MAX (256 * 1024)

struct fsx {
	int fd;
	unsigned char model[FILE_MAX];
	off_t size;
	uint64_t rng;
	long op;
};

static struct fsx x;

static uint32_t dice(uint32_t n)
{
	x.rng ^= x.rng << 13;
	x.rng ^= x.rng >> 7;
	x.rng ^= x.rng << 17;
	return (uint32_t)(x.rng >> 24) % n;
}

static long setting(const char *name, long otherwise)
{
	return getenv(name) ? atol(getenv(name)) : otherwise;
}

static void compare(const unsigned char *got, off_t off, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (got[i] != x.model[off + (off_t)i])
			FAIL("operation %ld, %s: byte %ld is %d, not %d", x.op, what, (long)off + (long)i,
			     got[i], x.model[off + (off_t)i]);
}

/* Where an operation works: [off, off + n), within limit. */
static void choose(off_t limit, off_t *off, size_t *n)
{
	*off = dice((uint32_t)limit);
	*n = 1 + dice(dice(4) ? 5000 : 70000);
	if ((off_t)*n > limit - *off)
		*n = (size_t)(limit - *off);
}

static void change(unsigned char *p, off_t off, size_t n)
{
	if (off > x.size)
		memset(x.model + x.size, 0, (size_t)(off - x.size));
	for (size_t i = 0; i < n; i++)
		x.model[off + (off_t)i] = p[i] = (unsigned char)(1 + dice(255));
	if (off + (off_t)n > x.size)
		x.size = off + (off_t)n;
}

static void do_write(void)
{
	static unsigned char buf[FILE_MAX];
	off_t off;
	size_t n;

	choose(FILE_MAX, &off, &n);
	change(buf, off, n);
	EQ(pwrite(x.fd, buf, n, off), (ssize_t)n);
}

static void do_read(void)
{
	static unsigned char buf[FILE_MAX];
	off_t off;
	size_t n;

	if (!x.size)
		return;
	choose(x.size, &off, &n);
	EQ(pread(x.fd, buf, n, off), (ssize_t)n);
	compare(buf, off, n, "read");
	EQ(pread(x.fd, buf, 10, x.size), 0);
}

/* Mapped shared: read, or written without growing. */
static void do_map(int write)
{
	unsigned char *p;
	off_t off, page;
	size_t n;

	if (!x.size)
		return;
	choose(x.size, &off, &n);
	page = off / (off_t)PAGE * (off_t)PAGE;
	p = mmap(NULL, n + (size_t)(off - page), write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, x.fd, page);
	CHECK(p != MAP_FAILED);
	if (write)
		change(p + (off - page), off, n);
	else
		compare(p + (off - page), off, n, "mapped read");
	if (write && !dice(3))
		OK(msync(p, n + (size_t)(off - page), MS_SYNC));
	OK(munmap(p, n + (size_t)(off - page)));
}

static void do_truncate(void)
{
	off_t to = dice(FILE_MAX);

	if (to > x.size)
		memset(x.model + x.size, 0, (size_t)(to - x.size));
	x.size = to;
	OK(ftruncate(x.fd, to));
}

static void do_hole(int mode)
{
	off_t off, end;
	size_t n;

	choose(FILE_MAX, &off, &n);
	if (fallocate(x.fd, mode, off, (off_t)n)) {
		EQ(errno, EOPNOTSUPP);
		return;
	}
	end = off + (off_t)n;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > x.size) {
		memset(x.model + x.size, 0, (size_t)(end - x.size));
		x.size = end;
	}
	if (mode && off < x.size)
		memset(x.model + off, 0, (size_t)((end < x.size ? end : x.size) - off));
}

static void reopen(void)
{
	OK(close(x.fd));
	x.fd = open("file", O_RDWR);
	CHECK(x.fd >= 0);
}

static void check_size(void)
{
	struct stat st;

	OK(fstat(x.fd, &st));
	if (st.st_size != x.size)
		FAIL("operation %ld: %ld bytes, not %ld", x.op, (long)st.st_size, (long)x.size);
}

static void step(void)
{
	switch (dice(12)) {
	case 0: case 1: case 2: do_write(); break;
	case 3: case 4: do_read(); break;
	case 5: do_map(0); break;
	case 6: do_map(1); break;
	case 7: do_truncate(); break;
	case 8: do_hole(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE); break;
	case 9: do_hole(FALLOC_FL_ZERO_RANGE | (dice(2) ? FALLOC_FL_KEEP_SIZE : 0)); break;
	case 10: do_hole(0); break;
	case 11: dice(2) ? reopen() : (void)fsync(x.fd); break;
	}
}

static void run(uint64_t seed, long ops)
{
	memset(&x, 0, sizeof(x));
	x.rng = seed * 0x9e3779b97f4a7c15ull + 1;
	x.fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(x.fd >= 0);
	for (x.op = 0; x.op < ops; x.op++) {
		step();
		check_size();
	}
	close(x.fd);
}

TEST_TIMEOUT(one_file, 600)
{
	run((uint64_t)setting("FSX_SEED", 1), setting("FSX_OPS", 1500));
}

TEST_MAIN("fsx")
