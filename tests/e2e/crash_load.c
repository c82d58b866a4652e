/* SPDX-License-Identifier: MIT */
/*
 * The load of the crash tests, and the look at what is left. Several processes create, append, replace, cut, link, rename
 * and remove files, and say on standard output what they may rely on:
 *
 *   B PATH             an operation on the name begins: old or new is right from now on
 *   P PATH ID SIZE     it is durable: the file with this number has at least these bytes
 *   U PATH             it is durable: the name is gone
 *
 * A file begins with its number; every byte follows from number and offset and is neither 0 nor STALE, with which the disk
 * was filled before.
 *
 *   crash_load fill DIR       leave STALE in the free blocks
 *   crash_load load DIR SEED [OPERATIONS]     until killed, or so many in each process; a lazy load (an odd seed) syncs
 *                             one operation of a hundred
 *   crash_load look DIR       a line a file: PATH ID SIZE FIRST-WRONG-OFFSET(-1: none) WRONG-BYTES-ARE(zero, stale, other)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4
#define NAMES 8
#define STALE 0xee
#define HEAD 16

struct name {
	int exists;
	uint64_t id;
	off_t size;
};

static struct name names[NAMES];
static uint64_t rng, next_id;
static int dirfd_, worker, lazy;

static uint32_t dice(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 24) % n;
}

static void say(const char *fmt, ...)
{
	char buf[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (write(1, buf, n) != n)
		exit(3);
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	say("E w%d %s: %s\n", worker, what, strerror(errno));
	exit(1);
}

/* Whether the operation that was just done is made durable and promised. */
static int promise(void)
{
	return !lazy || !dice(100);
}

static unsigned char byte_of(uint64_t id, off_t o)
{
	char head[HEAD + 1];

	if (o >= HEAD)
		return 1 + (id * 31 + (uint64_t)o * 7 + ((uint64_t)o >> 8)) % 200;
	snprintf(head, sizeof(head), "%016llx", (unsigned long long)id);
	return head[o];
}

static void file_of(char *buf, int i)
{
	sprintf(buf, "a%d", i);
}

static void append(int fd, struct name *n, size_t len)
{
	static unsigned char buf[65536];

	for (size_t i = 0; i < len; i++)
		buf[i] = byte_of(n->id, n->size + (off_t)i);
	must(write(fd, buf, len) == (ssize_t)len, "write");
	n->size += (off_t)len;
}

static size_t some(void)
{
	static const uint32_t most[] = { 100, 5000, 20000, 65536 };

	return 1 + dice(most[dice(4)]);
}

static void begin(int i)
{
	say("B w%d/a%d\n", worker, i);
}

static void settled(int i)
{
	if (names[i].exists)
		say("P w%d/a%d %016llx %lld\n", worker, i, (unsigned long long)names[i].id,
		    (long long)names[i].size);
	else
		say("U w%d/a%d\n", worker, i);
}

static void sync_dir(void)
{
	must(!fsync(dirfd_), "fsync of a directory");
}

static void op_append(int i)
{
	struct name *n = &names[i];
	char f[16];
	int fd;

	file_of(f, i);
	if (!n->exists)
		begin(i);
	fd = openat(dirfd_, f, O_WRONLY | O_CREAT | O_APPEND, 0644);
	must(fd >= 0, "open");
	if (!n->exists) {
		*n = (struct name){ .exists = 1, .id = next_id++ };
		append(fd, n, HEAD);
	}
	append(fd, n, some());
	if (lazy ? promise() : dice(2)) {
		must(!(dice(2) ? fsync(fd) : fdatasync(fd)), "fsync");
		/* Linux promises the name only with the directory; ext4 keeps it. */
		settled(i);
	}
	close(fd);
}

static void op_replace(int i)
{
	struct name fresh = { .exists = 1, .id = next_id++ };
	char f[16];
	int fd = openat(dirfd_, "t", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	must(fd >= 0, "open");
	append(fd, &fresh, HEAD);
	append(fd, &fresh, some());
	must(lazy || !fsync(fd), "fsync");
	file_of(f, i);
	begin(i);
	must(!renameat(dirfd_, "t", dirfd_, f), "rename");
	names[i] = fresh;
	if (promise()) {
		must(!fsync(fd), "fsync");
		sync_dir();
		settled(i);
	}
	close(fd);
}

static void op_cut(int i)
{
	struct name *n = &names[i];
	char f[16];
	int fd;

	file_of(f, i);
	begin(i);
	fd = openat(dirfd_, f, O_WRONLY);
	must(fd >= 0, "open");
	n->size = HEAD + dice((uint32_t)(n->size - HEAD + 1));
	must(!ftruncate(fd, n->size), "ftruncate");
	if (promise()) {
		must(!fsync(fd), "fsync");
		settled(i);
	}
	close(fd);
}

static void op_remove(int i)
{
	char f[16];

	file_of(f, i);
	begin(i);
	must(!unlinkat(dirfd_, f, 0), "unlink");
	names[i].exists = 0;
	if (promise()) {
		sync_dir();
		settled(i);
	}
}

/* To another name; what that one was is gone. link: keeps the old name. */
static void op_move(int i, int link)
{
	int to = (int)dice(NAMES);
	char f[16], g[16];

	if (to == i || names[to].exists)
		return;
	file_of(f, i);
	file_of(g, to);
	begin(i);
	begin(to);
	if (link)
		must(!linkat(dirfd_, f, dirfd_, g, 0), "link");
	else
		must(!renameat(dirfd_, f, dirfd_, g), "rename");
	names[to] = names[i];
	names[i].exists = 0;
	if (link)		/* two names of one file would be one too many for our books */
		must(!unlinkat(dirfd_, f, 0), "unlink");
	if (!promise())
		return;
	/* The file's bytes, too, so that its size is known. */
	int fd = openat(dirfd_, g, O_RDONLY);

	must(fd >= 0 && !fsync(fd), "fsync");
	close(fd);
	sync_dir();
	settled(i);
	settled(to);
}

static void work(uint64_t seed, long operations)
{
	char dir[16];
	int i;

	lazy = seed & 1;
	rng = seed * 0x9e3779b97f4a7c15ull + (uint64_t)worker * 77777 + 1;
	next_id = (uint64_t)(worker + 1) << 40 | (seed & 0xffff) << 20;
	sprintf(dir, "w%d", worker);
	mkdir(dir, 0755);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
	must(dirfd_ >= 0, "open of a directory");
	for (i = 0; i < NAMES; i++) {
		char f[16];

		file_of(f, i);
		begin(i);
		unlinkat(dirfd_, f, 0);
	}
	while (operations--) {
		i = (int)dice(NAMES);
		if (!names[i].exists || names[i].size > 300000 || dice(10) < 4) {
			if (names[i].exists && names[i].size > 300000)
				op_remove(i);
			else if (dice(3))
				op_append(i);
			else
				op_replace(i);
			continue;
		}
		switch (dice(4)) {
		case 0: op_cut(i); break;
		case 1: op_remove(i); break;
		case 2: op_move(i, 0); break;
		case 3: op_move(i, 1); break;
		}
	}
}

static int load(uint64_t seed, long operations)
{
	say("S\n");
	for (worker = 0; worker < WORKERS; worker++)
		if (!fork()) {
			work(seed, operations);
			exit(0);
		}
	while (wait(NULL) > 0)
		;
	return operations < 0;
}

/* Fills the disk, then frees it. */
static int fill(void)
{
	static unsigned char buf[65536];
	int fd = open("fill", O_WRONLY | O_CREAT, 0644);

	memset(buf, STALE, sizeof(buf));
	while (fd >= 0 && write(fd, buf, sizeof(buf)) > 0)
		;
	if (fd < 0 || fsync(fd))
		return 1;
	close(fd);
	return unlink("fill") != 0;
}

static void look_at(const char *dir, const char *name)
{
	static unsigned char buf[1 << 20];
	char path[600], head[HEAD + 1] = "";
	const char *kind = "-";
	long long wrong = -1;
	uint64_t id;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	must(fd >= 0, path);
	n = read(fd, buf, sizeof(buf));
	must(n >= 0, path);
	memcpy(head, buf, n < HEAD ? n : HEAD);
	id = strtoull(head, NULL, 16);
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == byte_of(id, i))
			continue;
		if (wrong < 0)
			wrong = i;
		if (buf[i] == STALE)
			kind = "stale";
		else if (buf[i])
			kind = !strcmp(kind, "stale") ? kind : "other";
		else if (!strcmp(kind, "-"))
			kind = "zero";
	}
	close(fd);
	printf("%s %016llx %zd %lld %s\n", path, (unsigned long long)id, n, wrong, kind);
}

static int look(void)
{
	for (worker = 0; worker < WORKERS; worker++) {
		char dir[16];
		struct dirent *de;
		DIR *d;

		sprintf(dir, "w%d", worker);
		d = opendir(dir);
		while (d && (de = readdir(d)))
			if (de->d_name[0] != '.')
				look_at(dir, de->d_name);
		if (d)
			closedir(d);
	}
	printf("end\n");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3 || chdir(argv[2]))
		return 2;
	if (!strcmp(argv[1], "fill"))
		return fill();
	if (!strcmp(argv[1], "look"))
		return look();
	return load(argc > 3 ? strtoull(argv[3], NULL, 0) : 1, argc > 4 ? atol(argv[4]) : -1);
}
