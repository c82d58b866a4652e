/* SPDX-License-Identifier: MIT */
/*
 * A second, weaker descriptor of a memfd. A guest process that may only read a file gets one
 * through which nothing can be written, whatever it does with it.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int host_reopen_readonly(int fd)
{
	char path[32];
	int n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	do {
		n = open(path, O_RDONLY | O_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}
