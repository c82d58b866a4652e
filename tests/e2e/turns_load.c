/* SPDX-License-Identifier: MIT */
/*
 * Mixed work on a directory tree that depends on nothing but the seed and what is there already, and a listing of
 * everything that can be seen of such a tree. Whoever does the same work must get the same listing (turns.py).
 *
 *   turns_load work DIR SEED OPERATIONS
 *   turns_load list DIR        a line a name: PATH KIND MODE LINKS SIZE CONTENTS XATTRS @TIME, in the order of readdir;
 *                              contents and attributes as sums, a link's target as it is
 *
 * Names come from a fixed set, and whether one exists is asked. What a file system may not be able to do (fallocate)
 * is then done in another way with the same result.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DIRS 6
#define FILES 20
#define BULK 3000
#define CHUNK 65536

static uint64_t rng;

static uint32_t dice(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 24) % n;
}

static void must(int ok, const char *what, const char *path)
{
	if (ok)
		return;
	printf("E %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

/* One of these may be, and nothing else. */
static void may(int r, const char *what, const char *path, int e1, int e2)
{
	must(r >= 0 || errno == e1 || errno == e2, what, path);
}

/* --- names --- */

/* Directories are in each other: d0, d0/d1, d0/d1/d2, d3, d3/d4 ... */
static const char *const dirs[DIRS] = { "d0", "d0/d1", "d0/d1/d2", "d3", "d3/d4", "a_directory_with_a_long_name" };

static const char *pick(char *buf)
{
	const char *d = dirs[dice(DIRS)];
	uint32_t n = dice(FILES);

	if (dice(4))
		sprintf(buf, "%s/f%u", d, n);
	else
		sprintf(buf, "%s/%0*u", d, 40 + (int)(n * 10), n);
	return buf;
}

static int is(const char *path, mode_t kind)
{
	struct stat st;

	return lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

static int open_file(const char *path, int more)
{
	int fd;

	if (is(path, S_IFLNK) || is(path, S_IFIFO))
		must(unlink(path) == 0, "unlink", path);
	fd = open(path, O_RDWR | O_CREAT | more, 0644);
	must(fd >= 0, "open", path);
	return fd;
}

/* --- operations --- */

static char data[CHUNK];

static const char *bytes(size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = dice(1u << 31) * 0x9e3779b97f4a7c15u;

		memcpy(data + i, &v, 8);
	}
	return data;
}

static void put(int fd, off_t at, size_t n, const char *path)
{
	must(pwrite(fd, bytes((n + 7) & ~7u), n, at) == (ssize_t)n, "write", path);
}

static void op_write(const char *path)
{
	int fd = open_file(path, dice(5) ? 0 : O_TRUNC);

	put(fd, dice(4) ? dice(200000) : dice(64) * 4096, 1 + dice(dice(2) ? 300 : CHUNK), path);
	close(fd);
}

static void op_append(const char *path)
{
	int fd = open_file(path, dice(6) ? O_APPEND : O_TRUNC);

	for (int i = dice(8); i >= 0; i--)
		must(write(fd, bytes(1000), 1 + dice(1000)) > 0, "append", path);
	close(fd);
}

static void op_sparse(const char *path)
{
	int fd = open_file(path, dice(3) ? 0 : O_TRUNC);

	for (int i = dice(5); i >= 0; i--)
		put(fd, (off_t)dice(3500) << (10 + dice(11)), 1 + dice(9000), path);
	close(fd);
}

static void op_big(const char *unused)
{
	char path[32];
	int fd, n = 16 + dice(120);

	sprintf(path, "big%u", dice(3));
	fd = open_file(path, dice(2) ? O_TRUNC : 0);
	for (int i = 0; i < n; i++)
		put(fd, (off_t)i * CHUNK, CHUNK, path);
	close(fd);
}

static void op_truncate(const char *path)
{
	int fd = open_file(path, 0);

	must(ftruncate(fd, dice(3) ? dice(300000) : dice(1u << 30)) == 0, "truncate", path);
	close(fd);
}

static void zero(int fd, off_t at, off_t n, const char *path)
{
	struct stat st;

	must(fstat(fd, &st) == 0, "stat", path);
	memset(data, 0, sizeof(data));
	for (off_t end = at + n < st.st_size ? at + n : st.st_size; at < end; at += CHUNK)
		must(pwrite(fd, data, end - at < CHUNK ? end - at : CHUNK, at) > 0, "zero", path);
}

static void op_allocate(const char *path)
{
	static const int modes[] = { FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE };
	int fd = open_file(path, 0), mode = modes[dice(3)];
	off_t at = dice(200000), n = 1 + dice(150000);

	if (fallocate(fd, mode, at, n)) {
		must(errno == EOPNOTSUPP, "fallocate", path);
		if (mode != FALLOC_FL_KEEP_SIZE)
			zero(fd, at, n, path);
	}
	close(fd);
}

static void op_map(const char *path)
{
	int fd = open_file(path, 0);
	size_t len = 4096 * (1 + dice(20));
	struct stat st;
	char *p;

	must(fstat(fd, &st) == 0, "stat", path);
	if (st.st_size < (off_t)len)
		must(ftruncate(fd, len) == 0, "truncate", path);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(p != MAP_FAILED, "mmap", path);
	for (int i = dice(12); i >= 0; i--)
		p[dice(len)] = (char)dice(256);
	must(munmap(p, len) == 0, "munmap", path);
	close(fd);
}

static void op_rename(const char *path)
{
	char to[300];

	pick(to);
	if (dice(3))
		may(rename(path, to), "rename", path, ENOENT, ENOENT);
	else
		may(renameat2(AT_FDCWD, path, AT_FDCWD, to, dice(2) ? RENAME_EXCHANGE : RENAME_NOREPLACE), "rename",
		    path, ENOENT, EEXIST);
}

static void op_link(const char *path)
{
	char to[300];

	may(link(path, pick(to)), "link", path, ENOENT, EEXIST);
}

static void op_symlink(const char *path)
{
	char target[400];
	int n = dice(3) ? 1 + (int)dice(70) : 1 + (int)dice(390);

	memset(target, 'a' + (int)dice(26), n);
	target[n] = 0;
	may(symlink(target, path), "symlink", path, EEXIST, EEXIST);
}

static void op_unlink(const char *path)
{
	may(unlink(path), "unlink", path, ENOENT, ENOENT);
}

static void op_fifo(const char *path)
{
	may(mkfifo(path, 0600), "mkfifo", path, EEXIST, EEXIST);
}

static void op_chmod(const char *path)
{
	struct timespec when[2] = { { .tv_sec = 1 + dice(2000000000), .tv_nsec = dice(1000000000) } };

	when[1] = when[0];
	if (!is(path, S_IFREG))
		return;
	must(chmod(path, 0600 | dice(01000)) == 0, "chmod", path);
	must(utimensat(AT_FDCWD, path, when, 0) == 0, "utimensat", path);
}

static void op_xattr(const char *path)
{
	char name[32];

	if (!is(path, S_IFREG))
		return;
	sprintf(name, "user.name%u", dice(5));
	if (!dice(3)) {
		may(removexattr(path, name), "removexattr", path, ENODATA, EOPNOTSUPP);
		return;
	}
	/* All of a file's must fit into one block of 1 KiB. */
	may(setxattr(path, name, bytes(400), dice(dice(4) ? 20 : 120), 0), "setxattr", path, EOPNOTSUPP, EOPNOTSUPP);
}

/* Thousands of names in one directory come, go, change. */
static void op_bulk(const char *unused)
{
	uint32_t n = 200 + dice(800), first = dice(BULK), how = dice(3);
	char path[100], to[100];

	may(mkdir("many", 0755), "mkdir", "many", EEXIST, EEXIST);
	for (uint32_t i = 0; i < n; i++) {
		sprintf(path, "many/a_name_of_some_length_%u", (first + i * 7) % BULK);
		if (how == 0) {
			may(unlink(path), "unlink", path, ENOENT, ENOENT);
		} else if (how == 1 && dice(4) == 0) {
			sprintf(to, "many/a_name_of_some_length_%u", dice(BULK));
			may(rename(path, to), "rename", path, ENOENT, ENOENT);
		} else {
			close(open_file(path, 0));
		}
	}
}

/* Directories that are made and removed with what is in them. */
static void op_dirs(const char *unused)
{
	char path[100];
	int gone = dice(2);

	for (int i = 0; i < 30; i++) {
		sprintf(path, "d3/sub%u", dice(60));
		if (gone)
			may(rmdir(path), "rmdir", path, ENOENT, ENOENT);
		else
			may(mkdir(path, 0755), "mkdir", path, EEXIST, EEXIST);
	}
}

static const struct {
	int share;
	void (*fn)(const char *path);
} ops[] = {
	{ 20, op_write }, { 10, op_append }, { 4, op_sparse }, { 1, op_big }, { 8, op_truncate }, { 6, op_allocate },
	{ 5, op_map }, { 12, op_rename }, { 6, op_link }, { 4, op_symlink }, { 8, op_unlink }, { 1, op_fifo },
	{ 5, op_chmod }, { 8, op_xattr }, { 1, op_bulk }, { 1, op_dirs },
};

static void work(uint64_t seed, int n)
{
	char path[300];
	int all = 0, i, at;

	rng = seed * 0x9e3779b97f4a7c15u + 1;
	for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
		all += ops[k].share;
	for (i = 0; i < DIRS; i++)
		may(mkdir(dirs[i], 0755), "mkdir", dirs[i], EEXIST, EEXIST);
	while (n--) {
		at = (int)dice(all);
		for (i = 0; at >= ops[i].share; i++)
			at -= ops[i].share;
		ops[i].fn(pick(path));
	}
}

/* --- the listing --- */

static uint64_t sum(uint64_t h, const char *p, size_t n)
{
	while (n--)
		h = (h ^ (uint8_t)*p++) * 0x100000001b3u;
	return h;
}

/* Linux's ext4 has ENOENT for a place behind contents that are in the inode: then there may be something, or not. */
static off_t next_data(int fd, off_t at)
{
	off_t found = lseek(fd, at, SEEK_DATA);

	return found < 0 && errno == ENOENT ? at : found;
}

/* Of what is not zero, with its place: holes may be or not. */
static uint64_t contents(const char *path, off_t size)
{
	static const char zeroes[512];
	int fd = open(path, O_RDONLY);
	uint64_t h = 1;
	off_t at = 0;
	ssize_t n;

	must(fd >= 0, "open", path);
	while (at < size && (at = next_data(fd, at)) >= 0) {
		at &= ~(off_t)511;
		n = pread(fd, data, sizeof(data), at);
		must(n > 0, "read", path);
		memset(data + n, 0, -n & 511);
		for (ssize_t i = 0; i < n; i += 512, at += 512)
			if (memcmp(data + i, zeroes, 512))
				h = sum(h ^ (uint64_t)at * 0x9e3779b97f4a7c15u, data + i, 512);
	}
	must(at >= 0 || errno == ENXIO, "lseek", path);
	close(fd);
	return h;
}

static uint64_t xattrs(const char *path)
{
	char names[4096], value[4096];
	ssize_t n = listxattr(path, names, sizeof(names)), len;
	uint64_t all = 0;

	for (char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		if (strncmp(p, "user.", 5))
			continue;
		len = getxattr(path, p, value, sizeof(value));
		must(len >= 0, "getxattr", path);
		all += sum(sum(7, p, strlen(p) + 1), value, (size_t)len);
	}
	return all;
}

static void line(const char *path, const struct stat *st)
{
	char target[4096] = "";

	printf("%s %o %o %u ", path, st->st_mode >> 12, st->st_mode & 07777, (unsigned)st->st_nlink);
	if (S_ISREG(st->st_mode))
		printf("%jd %" PRIx64 " %" PRIx64, (intmax_t)st->st_size, contents(path, st->st_size), xattrs(path));
	if (S_ISLNK(st->st_mode)) {
		must(readlink(path, target, sizeof(target) - 1) == st->st_size, "readlink", path);
		printf("%s", target);
	}
	printf(" @%jd.%09ld\n", (intmax_t)st->st_mtime, st->st_mtim.tv_nsec);
}

static void list(const char *dir)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	char path[4096];
	struct stat st;

	must(d != NULL, "opendir", dir);
	while ((errno = 0, e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || !strcmp(e->d_name, "lost+found"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		must(lstat(path, &st) == 0, "lstat", path);
		must(e->d_type == DT_UNKNOWN || e->d_type == st.st_mode >> 12, "d_type", path);
		line(path, &st);
		if (S_ISDIR(st.st_mode))
			list(path);
	}
	must(errno == 0, "readdir", dir);
	closedir(d);
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[2]))
		return 2;
	umask(0);
	if (!strcmp(argv[1], "list"))
		list(".");
	else if (argc == 5 && !strcmp(argv[1], "work"))
		work(strtoull(argv[3], NULL, 10), atoi(argv[4]));
	else
		return 2;
	return 0;
}
