/* SPDX-License-Identifier: MIT */
/*
 * unnamed DIR: the handle of a file without a name leads to it as long as it is open. Prints "unnamed: right", or what is
 * wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e) do { if (!(e)) { printf("unnamed: line %d: %s, errno %d\n", __LINE__, #e, errno); return 1; } } while (0)

int main(int argc, char **argv)
{
	struct file_handle *h = calloc(1, sizeof(*h) + MAX_HANDLE_SZ);
	int fd, again, id;
	char byte;

	CHECK(argc == 2 && !chdir(argv[1]));
	fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0644);
	h->handle_bytes = MAX_HANDLE_SZ;
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && !name_to_handle_at(AT_FDCWD, "f", h, &id, 0) && !unlink("f"));
	again = open_by_handle_at(AT_FDCWD, h, O_RDWR);
	CHECK(again >= 0 && pread(again, &byte, 1, 0) == 1 && byte == 'x' && !close(fd));
	CHECK(pwrite(again, "y", 1, 0) == 1 && !close(again));
	CHECK(open_by_handle_at(AT_FDCWD, h, O_RDWR) == -1 && errno == ESTALE);
	printf("unnamed: right\n");
	return 0;
}
