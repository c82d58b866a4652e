/* SPDX-License-Identifier: MIT */
/*
 * Attacks on descriptors that the process serves itself: its table lies about words, locks and positions while the
 * far kernel uses them, and the host descriptors are used for what they were not opened for. And on mappings of what
 * may only be read.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "near/layout.h"
#include "near/proto.h"

#define ONLY_READ "/tmp/only-read"
#define SIZE 4096

static char buf[2 * SIZE];

static struct near_fd *entry(unsigned int fd)
{
	return (struct near_fd *)(NEAR_SHARED + AREA_FDS) + fd;
}

static void make_file(void)
{
	int fd = open(ONLY_READ, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	memset(buf, 'r', SIZE);
	if (write(fd, buf, SIZE) != SIZE)
		complain("cannot write a file");
	close(fd);
}

/* Often enough to be served. */
static void use(int fd)
{
	for (int i = 0; i < 10; i++) {
		pread(fd, buf, 16, i);
		read(fd, buf, 16);
		lseek(fd, i, SEEK_SET);
	}
}

static void *noise(void *arg)
{
	for (;;) {
		struct near_fd *e = entry((unsigned int)below(below(4) ? 16 : NEAR_FDS));

		switch (below(5)) {
		case 0:
			e->word = (uint32_t)(below(2) ? rnd() : below(0x80));
			break;
		case 1:
			e->lock = (uint32_t)below(3);
			break;
		case 2:
			e->pos = below(2) ? some_value() : below(SIZE);
			break;
		case 3:
			e->limit = some_value();
			break;
		case 4:
			e->lock = 0;
		}
		for (volatile long i = 0; i < 100; i++)
			;
	}
	return NULL;
}

/* Whatever descriptors there are, by calls that pass the filter. */
static void raw_once(void)
{
	static const long nrs[] = { SYS_pwrite64, SYS_pwrite64, SYS_pread64, SYS_dup3, SYS_close, SYS_mmap };
	long nr = nrs[below(sizeof(nrs) / sizeof(nrs[0]))];
	uint64_t fd = below(NEAR_FD_BASE + 24);

	if (nr == SYS_dup3)
		raw_call(nr, fd, NEAR_FD_LIFE + below(NEAR_FD_BASE + 24), 0, 0, 0, 0);
	else if (nr == SYS_mmap)
		raw_call(nr, 0, SIZE, 3, 1 /* MAP_SHARED */, fd, 0);
	else if (nr != SYS_close || fd >= NEAR_FD_LIFE)
		raw_call(nr, fd, (uint64_t)"evil", 4, below(SIZE), 0, 0);
}

static void honest_once(int fd)
{
	struct iovec v[2] = { { buf, 10 }, { buf + 10, 10 } };

	switch (below(9)) {
	case 0:
		use(fd);
		break;
	case 1:
		readv(fd, v, 2);
		break;
	case 2:
		close(dup(fd));
		break;
	case 3:
		dup2(open(ONLY_READ, O_RDONLY), (int)below(12) + 3);
		break;
	case 4:
		close((int)below(12) + 3);
		break;
	case 5:
		sendfile(1, fd, NULL, 0);
		lseek(fd, 0, SEEK_END);
		break;
	case 6:
		if (!fork()) {
			use(fd);
			_exit(0);
		}
		wait(NULL);
		break;
	case 7:
		if (!vfork())
			_exit(0);
		wait(NULL);
		break;
	case 8:
		close(open("/tmp/a1", O_RDWR | O_CREAT, 0600));
	}
}

static void attacker(void)
{
	int fd = open(ONLY_READ, O_RDONLY), other = open("/tmp/a0", O_RDWR | O_CREAT, 0600);
	pthread_t t;

	use(fd);
	use(other);
	pthread_create(&t, NULL, noise, NULL);
	for (;;) {
		honest_once(below(2) ? fd : other);
		raw_once();
	}
}

/* A lock that is never freed keeps only its own process waiting. */
static void hold_lock(void)
{
	int fd = open(ONLY_READ, O_RDONLY);
	double start;
	pid_t pid;

	use(fd);
	entry((unsigned int)fd)->lock = NFDL_NEAR;
	pid = fork();
	if (!pid) {
		start = now();
		if (lseek(fd, 0, SEEK_SET) || read(fd, buf, 10) != 10)
			complain("a file shared with a hostile process cannot be read");
		if (now() - start > 10)
			complain("a hostile process delays those that share its files");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	_exit(0);
}

static void check_file(void)
{
	int fd = open(ONLY_READ, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf)), same = 0;

	close(fd);
	while (same < n && buf[same] == 'r')
		same++;
	if (n != SIZE || same != SIZE)
		complain("a file that was open for reading only has changed: %zd bytes, %zd as they were", n, same);
}

/* --- what may only be read, mapped --- */

/* The host knows what a mapping's descriptor was opened for, whatever the guest's kernel believes. */
static void try_to_write(const char *what, void *at)
{
	if (at == MAP_FAILED || *(volatile char *)at != 'r')
		complain("%s: cannot be mapped and read", what);
	else if (!raw_call(SYS_mprotect, (uint64_t)at, SIZE, PROT_READ | PROT_WRITE, 0, 0, 0))
		complain("%s: a mapping of it can be made writable", what);
}

static void *map_to_read(int fd, int flags)
{
	return mmap(NULL, SIZE, PROT_READ, flags, fd, 0);
}

static int memory_file(void)
{
	int fd = memfd_create("only-read", MFD_ALLOW_SEALING);

	memset(buf, 'r', SIZE);
	if (write(fd, buf, SIZE) != SIZE)
		complain("cannot write a memory file");
	return fd;
}

void attack_readonly(void)
{
	int fd = memory_file(), sealed = memory_file(), shm = shmget(IPC_PRIVATE, SIZE, 0600);
	char name[40], *seg = shmat(shm, NULL, 0);

	make_file();
	memset(seg, 'r', SIZE);
	shmdt(seg);
	fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	while (time_left()) {
		if (!fork()) {
			int ro = open(name, O_RDONLY);

			close(fd);
			try_to_write("a memory file opened for reading", map_to_read(ro, MAP_SHARED));
			try_to_write("a sealed memory file", map_to_read(sealed, MAP_SHARED));
			try_to_write("a file", map_to_read(open(ONLY_READ, O_RDONLY), MAP_SHARED));
			try_to_write("a segment attached for reading", shmat(shm, NULL, SHM_RDONLY));
			if (!raw_call(SYS_mprotect, NEAR_WATCH, NEAR_WATCH_SIZE, PROT_READ | PROT_WRITE, 0, 0, 0))
				complain("the page that shows what workers do can be made writable");
			_exit(0);
		}
		wait(NULL);
		nap(50);
	}
	shmctl(shm, IPC_RMID, NULL);
}

void attack_served(void)
{
	make_file();
	if (!fork())
		hold_lock();
	if (!fork())
		for (;; nap(10))
			check_file();
	in_children(attacker);
}
