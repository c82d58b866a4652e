/* SPDX-License-Identifier: MIT */
/*
 * mapped FILE OTHER: mappings where the kernel itself has the pages. Buffers that reach over the end of a mapped file give
 * short counts (on hostfs such a call fails as a whole); times follow the first write, also when the page is
 * dirty already by write().
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

#define CHECK(e) do { if (!(e)) { printf("mapped: line %d: %s\n", __LINE__, #e); return 1; } } while (0)

static int later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static int times(int fd)
{
	struct stat before, after;
	char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(m != MAP_FAILED);
	CHECK(pwrite(fd, "x", 1, 0) == 1);
	CHECK(!fstat(fd, &before));
	usleep(30000);
	CHECK(m[0] == 'x');
	CHECK(!fstat(fd, &after));
	CHECK(!later(&after.st_mtim, &before.st_mtim));
	m[0] = 'y';
	CHECK(!fstat(fd, &after));
	CHECK(later(&after.st_mtim, &before.st_mtim) && later(&after.st_ctim, &before.st_ctim));
	return 0;
}

static int ends(const char *file, const char *name)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0644), other = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *m, back[PAGE];

	CHECK(fd >= 0 && other >= 0);
	CHECK(!ftruncate(fd, PAGE) && !ftruncate(other, 2 * PAGE));
	m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	memset(back, 'o', PAGE);
	CHECK(pwrite(other, back, PAGE, 0) == PAGE);
	CHECK(pread(other, m + PAGE - 5, 10, 0) == 5);
	CHECK(!memcmp(m + PAGE - 6, "\0ooooo", 6));
	CHECK(pwrite(other, m + PAGE - 6, 20, PAGE) == 6);
	CHECK(pread(other, back, PAGE, PAGE) == PAGE);
	CHECK(!memcmp(back, "\0ooooo\0", 7));
	/* In the file itself. */
	CHECK(pwrite(fd, m + 1, 2 * PAGE, 0) == PAGE - 1);
	CHECK(pread(fd, m + PAGE - 1, 3, 0) == 1);
	return times(other);
}

int main(int argc, char **argv)
{
	if (argc != 3 || ends(argv[1], argv[2]))
		return 1;
	printf("mapped: right\n");
	return 0;
}
