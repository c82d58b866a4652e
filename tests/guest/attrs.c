/* SPDX-License-Identifier: MIT */
/*
 * fstat of a descriptor that is asked for its attributes again and again: a kernel may tell the process once for all,
 * and must take that back with whatever changes them. What the name says is the truth. Files are in the current
 * directory and beside the program, because those may be different file systems.
 */
#include "places.h"

#include <pthread.h>

#define MANY 20

static char buf[4 * PAGE];

static int make(const char *name, size_t n, int flags)
{
	int fd = OK(open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644));

	EQ(write(fd, buf, n), n);
	OK(close(fd));
	return OK(open(name, flags));
}

static void ask(int fd)
{
	struct stat st;

	for (int i = 0; i < MANY; i++)
		OK(fstat(fd, &st));
}

/* The name and the descriptor agree; then asks often, so that the next change is the one that counts. */
static struct stat same(int fd, const char *name)
{
	struct stat a, b;

	for (int i = 0; i < MANY; i++) {
		memset(&a, 1, sizeof(a));
		memset(&b, 2, sizeof(b));
		OK(fstat(fd, &b));
		OK(stat(name, &a));
		ZERO(memcmp(&a, &b, sizeof(a)));
		OK(fstatat(fd, "", &b, AT_EMPTY_PATH));
		ZERO(memcmp(&a, &b, sizeof(a)));
	}
	return a;
}

BOTH(changes_by_descriptor)
{
	const struct timespec times[2] = { { 1000, 5 }, { 2000, 7 } };
	int fd = make("f", 100, O_RDWR), other = OK(open("f", O_RDWR));

	EQ(same(fd, "f").st_size, 100);
	EQ(write(other, buf, 200), 200);
	EQ(same(fd, "f").st_size, 200);
	EQ(pwrite(fd, buf, 300, 0), 300);
	EQ(same(fd, "f").st_size, 300);
	OK(ftruncate(other, 50));
	EQ(same(fd, "f").st_size, 50);
	OK(ftruncate(fd, 1000000));
	EQ(same(fd, "f").st_size, 1000000);
	OK(ftruncate(fd, 500));
	EQ(same(fd, "f").st_size, 500);
	OK(fchmod(other, 0604));
	EQ(same(fd, "f").st_mode, S_IFREG | 0604);
	OK(fchown(other, getuid(), getgid()));
	same(fd, "f");
	OK(futimens(other, times));
	EQ(same(fd, "f").st_mtime, 2000);
	EQ(same(fd, "f").st_atim.tv_nsec, 5);
	EQ(read(other, buf, 100), 100);
	CHECK(same(fd, "f").st_atime >= 1000);
	OK(close(other));
	OK(close(fd));
}

BOTH(changes_by_name)
{
	int fd = make("f", 100, O_RDONLY), dir;
	struct stat st;

	same(fd, "f");
	OK(chmod("f", 0640));
	EQ(same(fd, "f").st_mode, S_IFREG | 0640);
	OK(truncate("f", 70));
	EQ(same(fd, "f").st_size, 70);
	OK(link("f", "g"));
	EQ(same(fd, "g").st_nlink, 2);
	OK(rename("f", "h"));
	EQ(same(fd, "h").st_nlink, 2);
	OK(unlink("g"));
	EQ(same(fd, "h").st_nlink, 1);
	OK(close(OK(open("h", O_WRONLY | O_TRUNC))));
	EQ(same(fd, "h").st_size, 0);
	OK(utimensat(AT_FDCWD, "h", NULL, 0));
	CHECK(same(fd, "h").st_mtime > 100000);
	OK(close(make("i", 3, O_RDONLY)));
	OK(rename("i", "h"));
	OK(fstat(fd, &st));
	EQ(st.st_nlink, 0);
	OK(unlink("h"));
	ask(fd);
	OK(close(fd));
	ERR(fstat(fd, &st), EBADF);
	/* A directory. */
	OK(mkdir("d", 0700));
	dir = OK(open("d", O_RDONLY | O_DIRECTORY));
	same(dir, "d");
	OK(close(make("d/f", 1, O_RDONLY)));
	same(dir, "d");
	OK(unlink("d/f"));
	OK(rmdir("d"));
	OK(fstat(dir, &st));
	OK(close(dir));
}

/* Reads and writes that the process may do without the kernel. */
BOTH(used_and_asked)
{
	int fd = make("f", 4 * PAGE, O_RDWR), rd = OK(open("f", O_RDONLY)), i;

	for (i = 0; i < MANY; i++) {
		EQ(pread(rd, buf, 10, i), 10);
		same(fd, "f");
	}
	for (i = 0; i < MANY; i++) {
		EQ(pwrite(fd, buf, 10, i), 10);
		same(rd, "f");
	}
	for (i = 0; i < MANY; i++) {
		EQ(pread(rd, buf, 10, i), 10);
		EQ(pwrite(fd, buf, 10, 4 * PAGE + i * 10), 10);
		EQ(same(rd, "f").st_size, 4 * PAGE + i * 10 + 10);
	}
	OK(close(rd));
	OK(close(fd));
}

BOTH(holes_fill)
{
	int fd = make("f", 10, O_RDWR);
	char *p;

	same(fd, "f");
	OK(ftruncate(fd, 16 * PAGE));
	same(fd, "f");
	p = OK(mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	same(fd, "f");
	for (int i = 0; i < 16; i++) {
		p[i * PAGE] = 1;
		OK(msync(p, 16 * PAGE, MS_SYNC));
		same(fd, "f");
	}
	for (int i = 0; i < 16; i++) {
		if (madvise(p + i * PAGE, PAGE, MADV_REMOVE))
			break;		/* not every file system can */
		same(fd, "f");
	}
	OK(munmap(p, 16 * PAGE));
	same(fd, "f");
	OK(close(fd));
}

BOTH(other_process_changes)
{
	int fd = make("f", 100, O_RDWR), status;
	pid_t pid;

	for (int i = 0; i < MANY; i++) {
		ask(fd);
		pid = OK(fork());
		if (!pid) {
			ask(fd);
			OK(fchmod(fd, i & 1 ? 0600 : 0644));
			for (int k = 0; k < 10; k++)
				OK(pwrite(fd, buf, 10, i));
			OK(ftruncate(fd, 100 + i));
			same(fd, "f");
			_exit(0);
		}
		OK(waitpid(pid, &status, 0));
		ZERO(status);
		EQ(same(fd, "f").st_mode, S_IFREG | (i & 1 ? 0600 : 0644));
		EQ(same(fd, "f").st_size, 100 + i);
	}
	OK(close(fd));
}

BOTH(number_is_used_again)
{
	int a = make("a", 10, O_RDONLY), b = make("b", 20, O_RDONLY), p[2];
	struct stat st;

	same(a, "a");
	same(b, "b");
	OK(dup2(b, a));
	EQ(same(a, "b").st_size, 20);
	OK(close(a));
	ERR(fstat(a, &st), EBADF);
	for (int i = 0; i < MANY; i++) {
		EQ(OK(open(i & 1 ? "a" : "b", O_RDONLY)), a);
		EQ(same(a, i & 1 ? "a" : "b").st_size, i & 1 ? 10 : 20);
		OK(i & 2 ? syscall(SYS_close_range, a, a, 0) : close(a));
	}
	OK(pipe(p));
	EQ(p[0], a);
	OK(fstat(p[0], &st));
	CHECK(S_ISFIFO(st.st_mode));
	OK(close(p[0]));
	OK(close(p[1]));
	OK(close(b));
}

BOTH(vfork_has_its_own)
{
	int fd = make("f", 10, O_RDONLY), status;
	struct stat st;
	pid_t pid;

	ask(fd);
	pid = vfork();
	if (!pid) {
		close(fd);
		_exit(fstat(fd, &st) == -1 && errno == EBADF ? 0 : 1);
	}
	OK(waitpid(pid, &status, 0));
	ZERO(status);
	same(fd, "f");
	OK(close(fd));
}

BOTH(errors)
{
	int fd = make("f", 10, O_RDONLY);
	char *p = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct stat st;

	same(fd, "f");
	OK(munmap(p + PAGE, PAGE));
	ERR(syscall(SYS_fstat, fd, BAD_PTR), EFAULT);
	ERR(syscall(SYS_fstat, fd, -8L), EFAULT);
	ERR(syscall(SYS_fstat, fd, p + PAGE - 10), EFAULT);
	OK(syscall(SYS_fstat, fd, p + PAGE - sizeof(st)));
	ERR(syscall(SYS_newfstatat, fd, "", &st, 0), ENOENT);
	ERR(syscall(SYS_newfstatat, fd, "x", &st, AT_EMPTY_PATH), ENOTDIR);
	ERR(syscall(SYS_newfstatat, fd, BAD_PTR, &st, AT_EMPTY_PATH), EFAULT);
	OK(syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH | AT_NO_AUTOMOUNT));
	EQ(st.st_size, 10);
	ERR(syscall(SYS_fstat, -1, &st), EBADF);
	OK(syscall(SYS_fstat, fd | 1L << 40, &st));
	OK(munmap(p, PAGE));
	OK(close(fd));
}

static int shared_fd;
static volatile int stop;

static void *ask_on(void *arg)
{
	struct stat st;

	while (!stop)
		if (fstat(shared_fd, &st) || (st.st_mode & 0777) != (st.st_size == 10 ? 0600 : 0644))
			if (st.st_mode != (S_IFREG | 0666))
				return "a mixture of two answers";
	return NULL;
}

/* 10 bytes are 0600, 20 are 0644, and 0666 whenever that changes. */
BOTH(while_others_ask)
{
	pthread_t t[2];
	void *why;
	struct stat st;

	shared_fd = make("f", 20, O_RDWR);
	OK(fchmod(shared_fd, 0644));
	stop = 0;
	for (int i = 0; i < 2; i++)
		ZERO(pthread_create(&t[i], NULL, ask_on, NULL));
	for (int i = 0; i < 300; i++) {
		OK(fchmod(shared_fd, 0666));
		OK(ftruncate(shared_fd, i & 1 ? 20 : 10));
		OK(fchmod(shared_fd, i & 1 ? 0644 : 0600));
		for (int k = 0; k < 5; k++) {
			OK(fstat(shared_fd, &st));
			EQ(st.st_mode & 0777, i & 1 ? 0644 : 0600);
			EQ(st.st_size, i & 1 ? 20 : 10);
		}
	}
	stop = 1;
	for (int i = 0; i < 2; i++) {
		ZERO(pthread_join(t[i], &why));
		CHECK(!why);
	}
	OK(close(shared_fd));
}

TEST_MAIN("attrs")
