/* SPDX-License-Identifier: MIT */
/*
 * Copy-on-write files: reading their parts.
 */
#include "tools/common/cowfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int file_read(int fd, void *buf, size_t n, u64 off)
{
	char *p = buf;

	while (n) {
		ssize_t r = pread(fd, p, n, (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0) {
			memset(p, 0, n);
			return 0;
		}
		p += r;
		off += (u64)r;
		n -= (size_t)r;
	}
	return 0;
}

int file_write(int fd, const void *buf, size_t n, u64 off)
{
	const char *p = buf;

	while (n) {
		ssize_t r = pwrite(fd, p, n, (off_t)off);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -1;
		p += r;
		off += (u64)r;
		n -= (size_t)r;
	}
	return 0;
}

s64 file_size(int fd)
{
	return lseek(fd, 0, SEEK_END);
}

int file_lock(int fd, const char *name, bool write)
{
	struct flock fl = { .l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return 0;		/* a file system without locks has no machines that took one */
	fprintf(stderr, "%s is in use by a running machine\n", name);
	return -1;
}

int file_temporary(const char *name, char **tmp)
{
	int fd;
	mode_t mask;

	if (asprintf(tmp, "%s.XXXXXX", name) < 0) {
		*tmp = NULL;
		return -1;
	}
	fd = mkostemp(*tmp, O_CLOEXEC);
	if (fd < 0) {
		free(*tmp);
		*tmp = NULL;
		return -1;
	}
	mask = umask(0);
	umask(mask);
	fchmod(fd, 0644 & ~mask);
	return fd;
}

int cow_absolute(const char *name, char out[COW_NAME_MAX + 1])
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	char real[PATH_MAX];
	char *dir = slash ? strndup(name, slash == name ? 1 : (size_t)(slash - name)) : strdup(".");
	int n;

	if (!dir || !realpath(dir, real)) {
		fprintf(stderr, "absolutize : Can't cd to '%s' - errno = %d\n", dir ? dir : name, errno);
		free(dir);
		return -1;
	}
	free(dir);
	n = snprintf(out, COW_NAME_MAX + 1, "%s%s%s", real, strcmp(real, "/") ? "/" : "", last);
	if (n <= (int)COW_NAME_MAX)
		return 0;
	fprintf(stderr, "Backing file name \"%s\" is too long - names are limited to %u characters\n", name, COW_NAME_MAX);
	return -1;
}

int cow_read_header(int fd, struct cow_header *h)
{
	u8 buf[COW_HEADER_MAX];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);
	enum cow_result r;

	if (n < 0)
		return -1;
	r = cow_parse(buf, (size_t)n, h);
	if (cow_text(r))
		fprintf(stderr, "%s\n", cow_text(r));
	if (!r && h->broken)
		fprintf(stderr, "read_cow_header - broken V3 file with 64-bit layout - recovering content.\n");
	return r ? -1 : 0;
}

/* Holes of the file are left alone, so that a fresh bitmap takes no memory. */
u8 *cow_read_bitmap(int fd, const struct cow_header *h)
{
	u64 at = h->bitmap_off, end = at + cow_bitmap_room(h);
	u8 *map = calloc(1, cow_bitmap_need(h) + 1);

	while (map && at < end) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (data < 0)
			data = (off_t)at;
		if ((u64)data >= end)
			break;
		at = hole < 0 ? end : MIN((u64)hole, end);
		if (file_read(fd, map + ((u64)data - h->bitmap_off), at - (u64)data, (u64)data)) {
			free(map);
			map = NULL;
		}
	}
	if (!map)
		perror("Reading the bitmap");
	return map;
}
