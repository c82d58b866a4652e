/* SPDX-License-Identifier: MIT */
/*
 * Lending a serial line to a terminal that came from outside with a descriptor: the last unused one
 * gets it as its channel. Raw mode of that terminal is its owner's business.
 */
#include "tty/tty.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/signal.h"
#include "host/host.h"
#include "tty/line.h"

#define FLUSH_MS 1000

static bool leased[SSL_MAX];

static bool is_free(unsigned int i)
{
	const struct line *l = line_existing(LINE_SSL, i);

	return !leased[i] &&
	       (!l || (!l->tty.count && !l->opened && !l->pumped && !line_is_console(l)));
}

static int connect(unsigned int i, int hostfd)
{
	struct line *l = line_existing(LINE_SSL, i);
	char text[16];

	snprintf(text, sizeof(text), "fd:%d", hostfd);
	if (line_config_set(LINE_SSL, i, text))
		return -ENOMEM;
	if (l) {
		line_disconnect(l);
		l->absent = line_channels(LINE_SSL, i, l) != 0;
	}
	l = line_find(LINE_SSL, i);
	if (!l)
		return -ENODEV;
	l->chans[0].raw = l->chans[1].raw = false;
	l->tty.termios = tty_std_termios;
	return 0;
}

int line_lease(int hostfd, char *path, size_t n)
{
	int err;

	for (int i = SSL_MAX - 1; i >= 0; i--) {
		if (!is_free((unsigned int)i))
			continue;
		err = connect((unsigned int)i, hostfd);
		if (err)
			return err;
		leased[i] = true;
		snprintf(path, n, "/dev/ttyS%d", i);
		return i;
	}
	return -EAGAIN;
}

void line_lease_resized(int index)
{
	struct line *l = line_existing(LINE_SSL, (unsigned int)index);

	if (l && l->opened)
		line_sync_size(l);
}

void line_lease_end(int index)
{
	struct line *l = line_existing(LINE_SSL, (unsigned int)index);

	if (l) {
		if (l->out->open && l->out->stream.fd >= 0)
			line_flush(l, FLUSH_MS);
		if (l->tty.count)
			tty_hangup(&l->tty, false);
		line_disconnect(l);
		l->absent = true;
	}
	line_config_set(LINE_SSL, (unsigned int)index, "none");
	leased[index] = false;
}
