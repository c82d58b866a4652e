/* SPDX-License-Identifier: MIT */
/*
 * BSD pseudo terminals: the master's name has "pty" where the slave's has "tty", then a letter and a
 * hexadecimal digit. A master that can be opened is free; a slave that others may have open is not taken.
 */
#include "host/term.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/* In the order in which the names were given out. */
static const char banks[] = "pqrstuvwxyzabcde", digits[] = "0123456789abcdef";

void host_bsd_pty_name(unsigned int i, bool master, char name[16])
{
	snprintf(name, 16, "/dev/%cty%c%c", master ? 'p' : 't', banks[i / 16 % 16], digits[i % 16]);
}

static int open_raw(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	if (fd >= 0 && !tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

int host_bsd_pty_open(int *master, int *slave, char *name, size_t n)
{
	char pty[16], tty[16];
	int m, s;

	for (unsigned int i = 0; i < HOST_BSD_PTYS; i++) {
		host_bsd_pty_name(i, true, pty);
		m = open(pty, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (m < 0 && errno == ENOENT && i % 16 == 0)
			break;			/* no further banks */
		if (m < 0)
			continue;
		host_bsd_pty_name(i, false, tty);
		s = open_raw(tty);
		if (s >= 0) {
			snprintf(name, n, "%s", tty);
			*master = m;
			*slave = s;
			return 0;
		}
		close(m);
	}
	return -ENOENT;
}
