/* SPDX-License-Identifier: MIT */
/*
 * Buffers of calls that lie in mappings of files: pages that are not there yet, that belong to the very file
 * which is read or written, that come into being by the call, or that somebody else takes away meanwhile.
 */
#include "test.h"

#include <pthread.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#define BIG (4UL << 20)		/* too large to be filled when it is mapped */

static char *map_file(int fd, size_t size, int flags)
{
	return OK(mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0));
}

static int new_file(const char *name, off_t size)
{
	int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	OK(ftruncate(fd, size));
	return fd;
}

static void is_all(const char *p, size_t n, int c)
{
	for (size_t i = 0; i < n; i++)
		EQ(p[i], c);
}

TEST(write_from_a_hole)
{
	int fd = new_file("f", BIG);
	char *m = map_file(fd, BIG, MAP_SHARED);
	char back[PAGE];

	EQ(pwrite(fd, "x", 1, 100), 1);
	EQ(pwrite(fd, m + BIG / 2, 3 * PAGE, 0), 3 * PAGE);
	EQ(pread(fd, back, PAGE, 0), PAGE);
	is_all(back, PAGE, 0);
	is_all(m, 3 * PAGE, 0);
}

TEST(read_into_the_same_file)
{
	int fd = new_file("f", BIG);
	char *m, back[PAGE];

	memset(back, 'q', PAGE);
	EQ(pwrite(fd, back, PAGE, 3 * PAGE), PAGE);
	m = map_file(fd, BIG, MAP_SHARED);
	EQ(pread(fd, m + BIG - 10 * PAGE + 7, PAGE, 3 * PAGE), PAGE);
	EQ(pread(fd, back, PAGE, BIG - 10 * PAGE + 7), PAGE);
	is_all(back, PAGE, 'q');
	is_all(m + BIG - 10 * PAGE + 7, PAGE, 'q');
	EQ(m[BIG - 10 * PAGE + 6], 0);
	EQ(m[BIG - 9 * PAGE + 7], 0);
	/* Onto itself. */
	EQ(pread(fd, m + 3 * PAGE, PAGE, 3 * PAGE), PAGE);
	EQ(pwrite(fd, m + 3 * PAGE, PAGE, 3 * PAGE), PAGE);
	is_all(m + 3 * PAGE, PAGE, 'q');
}

TEST(a_private_buffer_of_the_same_file)
{
	int fd = new_file("f", BIG);
	char *m = map_file(fd, BIG, MAP_PRIVATE), back[PAGE];

	memset(back, 'p', PAGE);
	EQ(pwrite(fd, back, PAGE, 0), PAGE);
	EQ(pread(fd, m + BIG / 2, 2 * PAGE, 0), 2 * PAGE);
	is_all(m + BIG / 2, PAGE, 'p');
	is_all(m + BIG / 2 + PAGE, PAGE, 0);
	EQ(pread(fd, back, PAGE, BIG / 2), PAGE);
	is_all(back, PAGE, 0);
	EQ(pwrite(fd, m + BIG / 2, PAGE, BIG / 2), PAGE);
	EQ(pread(fd, back, PAGE, BIG / 2), PAGE);
	is_all(back, PAGE, 'p');
}

/* The second piece is read from what the first one has appended. */
TEST(pieces_that_append_what_the_next_reads)
{
	int fd = new_file("f", 0);
	char *m = map_file(fd, 4 * PAGE, MAP_SHARED), back[64];
	struct iovec v[3] = { { back, 64 }, { m + 2 * PAGE - 64, 64 }, { m + 2 * PAGE, 64 } };

	memset(back, 'a', 64);
	EQ(pwrite(fd, back, 64, 0), 64);
	EQ(pwrite(fd, back, 64, PAGE), 64);
	EQ(pwritev(fd, v, 3, 2 * PAGE - 64), 192);
	memset(back, 0, 64);
	EQ(pread(fd, back, 64, 2 * PAGE + 64), 64);
	is_all(back, 64, 'a');
	v[0].iov_base = m;
	v[1].iov_base = m + PAGE;
	EQ(pwritev(fd, v, 2, 2 * PAGE - 64), 128);
}

TEST(an_empty_file_written_from_its_mapping)
{
	int fd = new_file("f", 0);
	char *m = map_file(fd, 4 * PAGE, MAP_SHARED);

	ERR(pwrite(fd, m, 10, 0), EFAULT);
	EQ(lseek(fd, 0, SEEK_END), 0);
	EQ(pwrite(fd, "abc", 3, 0), 3);
	EQ(pwrite(fd, m, 3, 3), 3);
	EQ(pwrite(fd, m, PAGE, 2 * PAGE), PAGE);
	EQ(memcmp(m + 2 * PAGE, "abcabc", 7), 0);
}

TEST(behind_the_end)
{
	int fd = new_file("f", PAGE), other = new_file("g", BIG);
	char *m = map_file(fd, BIG, MAP_SHARED);

	ERR(pread(other, m + PAGE, 1, 0), EFAULT);
	ERR(pwrite(other, m + BIG / 2, 1, 0), EFAULT);
	ERR(syscall(SYS_getcwd, m + PAGE, 100), EFAULT);
	ERR(open(m + PAGE, O_RDONLY), EFAULT);
	CHECK(getcwd(m + 10, 1000) == m + 10);
	OK(access(m + 10, F_OK));
}

TEST(strings_and_structures_in_pages_that_are_not_there)
{
	int fd = new_file("f", BIG);
	char *m;
	struct stat *st;

	EQ(pwrite(fd, "/tmp", 5, 2 * PAGE - 2), 5);
	OK(fsync(fd));
	OK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	m = map_file(fd, BIG, MAP_SHARED);
	OK(access(m + 2 * PAGE - 2, F_OK));
	st = (struct stat *)(m + BIG / 2 - 8);
	OK(stat(m + 2 * PAGE - 2, st));
	CHECK(S_ISDIR(st->st_mode));
	OK(clock_gettime(CLOCK_MONOTONIC, (struct timespec *)(m + 20 * PAGE)));
	OK(uname((struct utsname *)(m + 30 * PAGE - 100)));
}

TEST(past_the_cache)
{
	int fd = new_file("f", BIG), direct = open("f", O_RDWR | O_DIRECT | O_CLOEXEC);
	char *m = map_file(fd, BIG, MAP_SHARED);

	if (direct < 0)
		SKIP("no O_DIRECT here");
	memset(m + BIG / 2, 'd', PAGE);
	EQ(pwrite(direct, m + BIG / 2, PAGE, 0), PAGE);
	EQ(pread(direct, m + BIG / 4, PAGE, 0), PAGE);
	is_all(m + BIG / 4, PAGE, 'd');
	is_all(m, PAGE, 'd');
}

static struct {
	int fd, from;
	char *m;
	_Atomic int stop;
} race;

#define RACE_SIZE (4 * PAGE)

static void *fill_and_punch(void *arg)
{
	ssize_t got, n;

	(void)arg;
	while (!race.stop) {
		for (got = 0; got < (ssize_t)RACE_SIZE; got += n) {
			n = pread(race.from, race.m + got, RACE_SIZE - got, got);
			if (n <= 0)
				return (void *)(n ? (long)errno : 9999L);
		}
		if (fallocate(race.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, RACE_SIZE))
			return (void *)(long)errno;
	}
	return NULL;
}

static void run_race(int flags)
{
	pthread_t t[2];
	void *bad[2];
	char one[RACE_SIZE];
	int64_t end;

	race.fd = new_file("f", RACE_SIZE);
	race.from = new_file("g", RACE_SIZE);
	memset(one, 1, sizeof(one));
	EQ(pwrite(race.from, one, RACE_SIZE, 0), RACE_SIZE);
	if (fallocate(race.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, RACE_SIZE))
		SKIP("no holes here");
	race.m = map_file(race.fd, RACE_SIZE, flags);
	for (int i = 0; i < 2; i++)
		ZERO(pthread_create(&t[i], NULL, fill_and_punch, NULL));
	for (end = now_ns() + 400000000; now_ns() < end;)
		EQ(pwrite(race.from, race.m, 2 * PAGE, RACE_SIZE), 2 * PAGE);
	race.stop = 1;
	for (int i = 0; i < 2; i++)
		ZERO(pthread_join(t[i], &bad[i]));
	EQ(bad[0], 0);
	EQ(bad[1], 0);
}

TEST(holes_come_while_it_is_filled)
{
	run_race(MAP_SHARED);
}

TEST(holes_come_while_a_private_one_is_filled)
{
	run_race(MAP_PRIVATE);
}

TEST_MAIN("mapbuf")
