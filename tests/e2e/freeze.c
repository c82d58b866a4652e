/* SPDX-License-Identifier: MIT */
/*
 * freeze DIR DEVICE: FIFREEZE and FITHAW. Prints "freeze: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e) do { if (!(e)) { printf("freeze: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)
#define WAYS 5

static char *map;
static int file;

static int change(int way)
{
	char name[16];

	snprintf(name, sizeof(name), "new%d", way);
	switch (way) {
	case 0:
		return pwrite(file, "w", 1, 0) == 1;
	case 1:
		return !mkdir(name, 0755);
	case 2:
		return !chmod("file", 0600);
	case 3:
		map[4096] = 'm';
		return map[4096] == 'm';
	default:
		return !unlink("gone");
	}
}

static int needs_recovery(const char *device)
{
	unsigned int incompat = 0;
	int fd = open(device, O_RDONLY), n = pread(fd, &incompat, 4, 1024 + 96);

	close(fd);
	return n == 4 ? !!(incompat & 4) : -1;
}

int main(int argc, char **argv)
{
	pid_t child[WAYS];
	int dir, i, status;
	char byte;

	CHECK(argc == 3 && !chdir(argv[1]));
	dir = open(".", O_RDONLY | O_DIRECTORY);
	file = open("file", O_RDWR | O_CREAT, 0644);
	CHECK(!ftruncate(file, 8192) && pwrite(file, "x", 1, 0) == 1 && !mknod("gone", S_IFREG | 0644, 0));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	CHECK(map != MAP_FAILED && needs_recovery(argv[2]) == 1);
	CHECK(ioctl(dir, FITHAW, 0) == -1 && errno == EINVAL);
	CHECK(!ioctl(dir, FIFREEZE, 0) && ioctl(dir, FIFREEZE, 0) == -1 && errno == EBUSY);
	CHECK(needs_recovery(argv[2]) == 0);
	for (i = 0; i < WAYS; i++) {
		child[i] = fork();
		if (!child[i])
			_exit(!change(i));
	}
	usleep(300000);
	for (i = 0; i < WAYS; i++)
		CHECK(waitpid(child[i], &status, WNOHANG) == 0);
	CHECK(pread(file, &byte, 1, 0) == 1 && byte == 'x' && access("new1", F_OK) == -1);
	sync();
	CHECK(!fsync(file) && !seteuid(1000) && ioctl(dir, FITHAW, 0) == -1 && errno == EPERM && !seteuid(0));
	CHECK(!ioctl(dir, FITHAW, 0));
	for (i = 0; i < WAYS; i++)
		CHECK(waitpid(child[i], &status, 0) == child[i] && status == 0);
	CHECK(map[0] == 'w' && needs_recovery(argv[2]) == 1);
	printf("freeze: right\n");
	return 0;
}
