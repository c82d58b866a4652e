/* SPDX-License-Identifier: MIT */
/*
 * allocs DIR: what fallocate() leaves and refuses. Prints "allocs: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1 << 20)

static int wrong(const char *what)
{
	printf("allocs: %s\n", what);
	return 1;
}

int main(int argc, char **argv)
{
	struct rlimit limit = { MIB, MIB };
	struct stat st;
	int fd;

	if (argc < 2 || chdir(argv[1]))
		return 2;
	fd = open("allocs", O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * MIB) || pwrite(fd, "x", 1, MIB - 1) != 1)
		return wrong("no room");
	if (fstat(fd, &st) || st.st_size != MIB || st.st_blocks < 4 * MIB / 512)
		return wrong("blocks behind the end");
	if (ftruncate(fd, MIB) || fstat(fd, &st) || st.st_blocks > MIB / 512 + 64)
		return wrong("truncated to the size that it has, it keeps blocks behind the end");
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) || !fallocate(fd, 0, 0, 2 * MIB) || errno != EFBIG)
		return wrong("larger than RLIMIT_FSIZE");
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * MIB) || fallocate(fd, 0, 0, MIB))
		return wrong("refused within RLIMIT_FSIZE");
	printf("allocs: right\n");
	return 0;
}
