/* SPDX-License-Identifier: MIT */
/*
 * A guest process's share of anonymous memory: pages it shares with forked relatives count by
 * their part, so that the sum over all processes is what the host really uses. Costs the host
 * a walk over the page tables; the memory watcher asks only near the limit.
 */
#include "host/pss.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ssize read_rollup(int pid, char *buf, size_t n)
{
	char path[64];
	ssize got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, buf, n - 1);
	if (got < 0)
		got = -errno;
	else
		buf[got] = '\0';
	close(fd);
	return got;
}

int host_pss_anon(int pid, u64 *bytes)
{
	char buf[2048], *line;
	ssize n = read_rollup(pid, buf, sizeof(buf));

	if (n < 0)
		return n;
	line = strstr(buf, "Pss_Anon:");
	if (!line)
		return -ENODATA;
	*bytes = strtoul(line + strlen("Pss_Anon:"), NULL, 10) << 10;
	return 0;
}
