/* SPDX-License-Identifier: MIT */
/*
 * writeback DIR: the disk takes no more writes behind its first part. Errors of write-back come once to each open file.
 * Prints "writeback: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(e) do { if (!(e)) { printf("writeback: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)
#define FAILS(e) CHECK((e) == -1 && errno == EIO)

static char data[65536];

static int put(int fd, off_t at)
{
	memset(data, 'w', sizeof(data));
	return pwrite(fd, data, sizeof(data), at) == sizeof(data);
}

int main(int argc, char **argv)
{
	int pad, a, b, c;
	char *m;

	CHECK(argc == 2 && !chdir(argv[1]));
	/* What comes now lies in the bad part. */
	pad = open("pad", O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(!fallocate(pad, 0, 0, (off_t)2200 << 20) && !fsync(pad));
	a = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
	b = open("f", O_RDWR);
	CHECK(a >= 0 && b >= 0 && put(a, 0));
	FAILS(fsync(a));
	CHECK(!fsync(a));
	FAILS(fdatasync(b));
	CHECK(!fsync(b));
	c = open("f", O_RDONLY);	/* somebody was told: it is not news any more */
	CHECK(!fsync(c) && !close(c));

	/* Found by a write-back that nobody asked for by this file. */
	CHECK(put(b, 1 << 20));
	sync();
	c = open("f", O_RDWR);		/* nobody was told yet */
	FAILS(fsync(c));
	CHECK(!fsync(c));
	FAILS(fsync(a));
	FAILS(sync_file_range(b, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	CHECK(!fsync(a) && !fsync(b));

	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, c, 0);
	CHECK(m != MAP_FAILED);
	m[0] = 'm';
	FAILS(msync(m, 4096, MS_SYNC));
	CHECK(!msync(m, 4096, MS_SYNC));
	FAILS(fsync(a));
	FAILS(fsync(b));
	CHECK(!close(a) && !close(b) && !close(c));

	/* Its own call fails at once. */
	a = open("g", O_RDWR | O_CREAT | O_SYNC, 0644);
	FAILS(pwrite(a, data, sizeof(data), 0));
	CHECK(!close(a));
	printf("writeback: right\n");
	return 0;
}
