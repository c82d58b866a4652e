/* SPDX-License-Identifier: MIT */
/*
 * Host files by name, for the machine's own business.
 */
#include "host/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int host_open(const char *path, int flags, int mode)
{
	int fd = open(path, flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

int host_mkdir(const char *path, int mode)
{
	return mkdir(path, (mode_t)mode) ? -errno : 0;
}

int host_unlink(const char *path)
{
	return unlink(path) ? -errno : 0;
}

int host_rmdir(const char *path)
{
	return rmdir(path) ? -errno : 0;
}

int host_list_dir(const char *path, void (*fn)(void *arg, const char *name), void *arg)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			fn(arg, e->d_name);
	closedir(d);
	return 0;
}

/* Its state in /proc stands behind the name, which may hold anything. */
static bool is_zombie(int pid)
{
	char path[32], buf[512], *p;
	ssize n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
	}
	if (n <= 0)
		return false;
	buf[n] = 0;
	p = strrchr(buf, ')');
	return p && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X');
}

int host_pid_alive(int pid)
{
	return (!kill(pid, 0) || errno == EPERM) && !is_zombie(pid);
}
