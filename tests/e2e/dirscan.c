/* SPDX-License-Identifier: MIT */
/*
 * dirscan DIR: reads a directory of its own in small pieces while names come and go, and goes back to positions that it was given.
 * Each name that is there all the time must be seen exactly once, and behind each position lies what lay there. Prints
 * "dirscan: right", or what is wrong.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STAY 400

static char order[STAY + 2][32];	/* names that stay, as they were read */
static long position[STAY + 2];		/* of the name behind it */
static int seen[STAY], n;

static void make(const char *kind, int i)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%s%d", kind, i);
	fd = open(name, O_CREAT | O_WRONLY, 0644);
	if (fd < 0) {
		perror(name);
		exit(1);
	}
	close(fd);
}

static void come_and_go(void)
{
	static int next;
	char name[32];

	for (int i = 0; i < 40; i++)
		make("comes_while_somebody_reads_", next++);
	for (int i = next - 60; i < next - 40; i++) {
		snprintf(name, sizeof(name), "comes_while_somebody_reads_%d", i);
		unlink(name);
	}
}

static void note(const struct dirent *de)
{
	int i;

	if (sscanf(de->d_name, "stays_%d", &i) != 1)
		return;
	if (seen[i]++) {
		printf("%s twice\n", de->d_name);
		exit(1);
	}
	strcpy(order[n], de->d_name);
	position[n++] = de->d_off;
}

static const char *next_that_stays(int fd)
{
	static char buf[4096];
	long got;

	while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long o = 0; o < got; o += ((struct dirent *)(buf + o))->d_reclen)
			if (!strncmp(((struct dirent *)(buf + o))->d_name, "stays_", 6))
				return ((struct dirent *)(buf + o))->d_name;
	return got ? "an error" : "the end";
}

static int come_back(int fd)
{
	int bad = 0;

	for (int i = n - 1; i >= 0 && bad < 5; i -= 7) {
		const char *want = i + 1 < n ? order[i + 1] : "the end", *got;

		lseek(fd, position[i], SEEK_SET);
		got = next_that_stays(fd);
		if (strcmp(got, want))
			bad += printf("behind %s: %s, not %s\n", order[i], got, want) > 0;
	}
	return bad;
}

int main(int argc, char **argv)
{
	char buf[400];
	int fd, bad;
	long got;

	if (argc < 2 || mkdir(argv[1], 0755) || chdir(argv[1]))
		return 2;
	for (int i = 0; i < STAY; i++) {
		make("stays_", i);
		/* Some begin with one block, some with an index. */
		if (i == 20)
			come_and_go();
	}
	fd = open(".", O_RDONLY | O_DIRECTORY);
	while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (long o = 0; o < got; o += ((struct dirent *)(buf + o))->d_reclen)
			note((struct dirent *)(buf + o));
		come_and_go();
	}
	bad = got < 0 || n != STAY;
	if (bad)
		printf("%d names, the last call gave %ld\n", n, got);
	bad += come_back(fd);
	if (!bad)
		printf("dirscan: right\n");
	return bad;
}
