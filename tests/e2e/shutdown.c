/* SPDX-License-Identifier: MIT */
/*
 * shutdown DIR HOW: on a file system, one file with fsync and one without; then EXT4_IOC_SHUTDOWN, after which nothing works
 * any more, until it is mounted anew.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHUTDOWN _IOR('X', 125, unsigned int)

#define CHECK(e) do { if (!(e)) { printf("shutdown: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)
#define FAILS(e) CHECK((e) == -1 && errno == EIO)

int main(int argc, char **argv)
{
	unsigned int how = argc == 3 ? (unsigned int)atoi(argv[2]) : 9, wrong = 3;
	char byte;
	int kept, lost, dir;

	CHECK(how < 3 && !chdir(argv[1]));
	kept = open("kept", O_RDWR | O_CREAT, 0644);
	lost = open("lost", O_RDWR | O_CREAT, 0644);
	dir = open(".", O_RDONLY | O_DIRECTORY);
	CHECK(kept >= 0 && lost >= 0 && dir >= 0);
	CHECK(write(kept, "kept", 4) == 4 && !fsync(kept));
	CHECK(write(lost, "lost", 4) == 4 && !mkdir("dir", 0755));
	CHECK(ioctl(dir, SHUTDOWN, &wrong) == -1 && errno == EINVAL);
	CHECK(ioctl(dir, SHUTDOWN, NULL) == -1 && errno == EFAULT);
	CHECK(!ioctl(dir, SHUTDOWN, &how) && !ioctl(dir, SHUTDOWN, &how));
	FAILS(write(kept, "more", 4));
	FAILS(pread(kept, &byte, 1, 0));
	FAILS(fsync(lost));
	FAILS(mkdir("other", 0755));
	FAILS(unlink("kept"));
	FAILS(rename("kept", "new"));
	FAILS(ftruncate(kept, 0));
	FAILS(open("kept", O_RDONLY));
	FAILS(open("file", O_RDWR | O_CREAT, 0644));
	FAILS(fchmod(kept, 0600));
	FAILS(syncfs(dir));
	printf("shutdown: right\n");
	return 0;
}
