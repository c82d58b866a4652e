/* SPDX-License-Identifier: MIT */
/*
 * allocs DIR: what fallocate() leaves and refuses. Prints "allocs: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (1 << 20)

static int wrong(const char *what)
{
	printf("allocs: %s\n", what);
	return 1;
}

/* All that is free was freed just now: it is had when it is needed, also for the borders of holes. */
static int holes_with_nothing_to_spare(void)
{
	int fd = open("holes", O_RDWR | O_CREAT | O_TRUNC, 0644), rest = open("rest", O_RDWR | O_CREAT | O_TRUNC, 0644);
	int more = open("more", O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct statvfs st;
	off_t n = 0;

	if (fallocate(fd, 0, 0, 8 * MIB) || fsync(fd))
		return wrong("no room for a file");
	while (!fallocate(rest, 0, n, 4096))
		n += 4096;
	if (errno != ENOSPC || fsync(rest) || statvfs(".", &st))
		return wrong("the disk is not full");
	/* What was kept back is given away, for what was truncated will do instead. */
	if (ftruncate(rest, n / 2) || fallocate(more, 0, 0, (off_t)((st.f_bfree - 8) * st.f_bsize)))
		return wrong("no room for what was truncated");
	for (int i = 0; i < 1000; i++)
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * 8192 + 4096, 4096))
			return wrong("no room for a hole");
	close(fd);
	close(rest);
	close(more);
	return unlink("holes") || unlink("rest") || unlink("more");
}

/* What an insertion tore apart is one again when that is taken out. */
static int one_extent_again(void)
{
	int fd = open("apart", O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct fiemap m = { .fm_length = MIB, .fm_flags = FIEMAP_FLAG_SYNC };
	unsigned int before;

	if (fallocate(fd, 0, 0, MIB) || ioctl(fd, FS_IOC_FIEMAP, &m))
		return wrong("no extents");
	before = m.fm_mapped_extents;
	for (int i = 1; i < 30; i++)
		if (fallocate(fd, FALLOC_FL_INSERT_RANGE, i * 16384, 8192))
			return wrong("cannot insert");
	for (int i = 29; i > 0; i--)
		if (fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, i * 16384, 8192))
			return wrong("cannot collapse");
	if (ioctl(fd, FS_IOC_FIEMAP, &m) || m.fm_mapped_extents != before)
		return wrong("the extents stay apart");
	close(fd);
	return unlink("apart");
}

int main(int argc, char **argv)
{
	struct rlimit limit = { MIB, MIB };
	struct stat st;
	int fd;

	if (argc < 2 || chdir(argv[1]))
		return 2;
	if (holes_with_nothing_to_spare() || one_extent_again())
		return 1;
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
