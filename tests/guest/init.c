/* SPDX-License-Identifier: MIT */
/*
 * First process of a guest that only runs guest tests: mounts what they expect, runs /tests/NAME for
 * each argument (all of /tests without one), reports how each ended if it was not by exit, and
 * powers off.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void mount_all(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666,mode=0620");
	mkdir("/dev/shm", 01777);
	mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
	mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
}

static void run(const char *name)
{
	char path[512];
	char *argv[] = { path, NULL };
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "/tests/%s", name);
	pid = fork();
	if (!pid) {
		setsid();
		execve(path, argv, environ);
		dprintf(1, "FAIL %s.exec: %m\n", name);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		dprintf(1, "FAIL %s.start: %m\n", name);
	else if (WIFSIGNALED(status))
		dprintf(1, "FAIL %s.run: killed by signal %d\n", name, WTERMSIG(status));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(int argc, char **argv)
{
	struct dirent **list;
	int i, n;

	if (getpid() != 1) {
		fprintf(stderr, "init: only for pid 1\n");
		return 1;
	}
	mount_all();
	setenv("PATH", "/bin:/usr/bin:/sbin:/usr/sbin", 1);
	if (getenv("TMPDIR"))	/* from the kernel's command line: tests on another file system */
		mkdir(getenv("TMPDIR"), 01777);
	for (i = 1; i < argc; i++)
		run(argv[i]);
	if (argc == 1) {
		n = scandir("/tests", &list, NULL, alphasort);
		for (i = 0; i < n; i++)
			if (list[i]->d_name[0] != '.')
				run(list[i]->d_name);
	}
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
