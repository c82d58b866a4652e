/* SPDX-License-Identifier: MIT */
/*
 * twin DIR1 DIR2 SEED COUNT: the same random operations on two directories of different file systems. Every
 * result must be the same, and in the end all that is in them. Ends with "twin: same".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LEN 100000
#define MAX_OFF 2000000

static const char *top[2];
static char name[2][512], other[2][512];
static char data[2][MAX_LEN];
static unsigned int state;

static unsigned int rnd(unsigned int n)
{
	state = state * 1103515245u + 12345u;
	return (state >> 8) % n;
}

static void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(" (%s)\n", name[0]);
	fflush(stdout);
	exit(1);
}

static void pick(char out[2][512])
{
	char path[400] = "";

	for (int depth = (int)rnd(3); depth > 0; depth--)
		sprintf(path + strlen(path), "d%u/", rnd(4));
	sprintf(path + strlen(path), "%c%u", rnd(5) ? 'f' : 'd', rnd(12));
	if (!rnd(6))
		memset(path + strlen(path), 'x', 150);
	for (int i = 0; i < 2; i++)
		snprintf(out[i], 512, "%s/%s", top[i], path);
}

/* Both answers, and errno where they are errors. */
static void same(const char *what, long a, int ea, long b, int eb)
{
	if (a != b || (a < 0 && ea != eb))
		fail("%s: %ld (%s), %ld (%s)", what, a, strerror(ea), b, strerror(eb));
}

#define BOTH(what, call)                                                                           \
	do {                                                                                       \
		long r_[2];                                                                        \
		int e_[2];                                                                         \
		for (int i = 0; i < 2; i++) {                                                      \
			r_[i] = (call);                                                            \
			e_[i] = errno;                                                             \
		}                                                                                  \
		same(what, r_[0], e_[0], r_[1], e_[1]);                                            \
	} while (0)

static void by_mapping(const int fd[2])
{
	unsigned int off, len, value = rnd(256);
	struct stat st;

	fstat(fd[0], &st);
	if (st.st_size < 4096)
		return;
	off = rnd((unsigned int)st.st_size);
	len = rnd((unsigned int)st.st_size - off) % 5000;
	for (int i = 0; i < 2; i++) {
		char *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i],
			       0);

		if (p == MAP_FAILED)
			fail("mmap: %s", strerror(errno));
		memset(p + off, (int)value, len);
		munmap(p, (size_t)st.st_size);
	}
}

static void one_step(const int fd[2])
{
	unsigned int off = rnd(rnd(4) ? 200000 : MAX_OFF),
		     len = 1 + rnd(rnd(2) ? 5000 : MAX_LEN - 1);
	long n[2];

	switch (rnd(9)) {
	case 0:
	case 1:
	case 2:
		for (unsigned int k = 0; k < len; k++)
			data[0][k] = (char)rnd(256);
		BOTH("pwrite", pwrite(fd[i], data[0], len, off));
		break;
	case 3:
		BOTH("ftruncate", ftruncate(fd[i], off));
		break;
	case 4:
	case 5:
		BOTH("pread", n[i] = pread(fd[i], data[i], len, off));
		if (n[0] > 0 && memcmp(data[0], data[1], (size_t)n[0]))
			fail("pread: other bytes at %u + %u", off, len);
		break;
	case 6:
		BOTH("punch",
		     fallocate(fd[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len));
		break;
	case 7:
		by_mapping(fd);
		break;
	default:
		BOTH("fsync", fsync(fd[i]));
	}
}

static void contents(void)
{
	int fd[2];

	BOTH("open", (fd[i] = open(name[i], O_RDWR | O_CREAT, 0644)) < 0);
	if (fd[0] < 0)
		return;
	for (unsigned int n = rnd(6) + 1; n; n--)
		one_step(fd);
	close(fd[0]);
	close(fd[1]);
}

static void names(void)
{
	char target[900];
	unsigned int mode = rnd(512) | 0600;

	memset(target, 'y', sizeof(target));
	target[rnd(3) ? rnd(59) + 1 : rnd(800) + 1] = 0;
	switch (rnd(9)) {
	case 0:
	case 1:
		BOTH("mkdir", mkdir(name[i], 0755));
		break;
	case 2:
		BOTH("rmdir", rmdir(name[i]));
		break;
	case 3:
		BOTH("unlink", unlink(name[i]));
		break;
	case 4:
		BOTH("rename", rename(name[i], other[i]));
		break;
	case 5:
		BOTH("exchange", renameat2(AT_FDCWD, name[i], AT_FDCWD, other[i], RENAME_EXCHANGE));
		break;
	case 6:
		BOTH("link", link(name[i], other[i]));
		break;
	case 7:
		BOTH("symlink", symlink(target, name[i]));
		break;
	default:
		BOTH("chmod", chmod(name[i], mode));
		break;
	}
}

static void compare_files(const char *a, const char *b)
{
	int fd[2] = { open(a, O_RDONLY), open(b, O_RDONLY) };
	long n[2];

	do {
		BOTH("read", n[i] = read(fd[i], data[i], MAX_LEN));
		if (n[0] > 0 && memcmp(data[0], data[1], (size_t)n[0]))
			fail("%s: other contents", a);
	} while (n[0] > 0);
	close(fd[0]);
	close(fd[1]);
}

static int compare(const char *a, const char *b)
{
	DIR *d = opendir(a);
	struct dirent *e;
	struct stat st[2];
	int n = 0;

	while (d && (e = readdir(d))) {
		char path[2][1024];

		if (e->d_name[0] == '.' || !strcmp(e->d_name, "lost+found"))
			continue;
		n++;
		snprintf(path[0], 1024, "%s/%s", a, e->d_name);
		snprintf(path[1], 1024, "%s/%s", b, e->d_name);
		if (lstat(path[0], &st[0]) || lstat(path[1], &st[1]))
			fail("%s is only on one side", path[0]);
		if (st[0].st_mode != st[1].st_mode || st[0].st_nlink != st[1].st_nlink ||
		    (!S_ISDIR(st[0].st_mode) && st[0].st_size != st[1].st_size))
			fail("%s: other attributes", path[0]);
		if (S_ISDIR(st[0].st_mode))
			n += compare(path[0], path[1]);
		else if (S_ISREG(st[0].st_mode))
			compare_files(path[0], path[1]);
	}
	if (d)
		closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int count = argc == 5 ? atoi(argv[4]) : 0;

	if (!count)
		return 2;
	top[0] = argv[1];
	top[1] = argv[2];
	state = (unsigned int)atoi(argv[3]);
	for (int n = 0; n < count; n++) {
		pick(name);
		pick(other);
		if (rnd(3))
			names();
		else
			contents();
	}
	if (compare(top[0], top[1]) != compare(top[1], top[0]))
		fail("not the same number of files");
	printf("twin: same\n");
	return 0;
}
