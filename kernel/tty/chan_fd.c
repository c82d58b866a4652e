/* SPDX-License-Identifier: MIT */
/*
 * Channel "fd:N": a descriptor that we were started with. A terminal is put into raw mode.
 */
#include "tty/chan.h"

#include <stdlib.h>

#include "abi/errno.h"
#include "core/log.h"

static int fd_parse(struct chan *c, const char *arg)
{
	char *end;
	long n;

	if (*arg != ':') {
		pr_err("fd_init : channel type 'fd' must specify a file descriptor");
		return -EINVAL;
	}
	n = strtol(arg + 1, &end, 0);
	if (end == arg + 1 || *end || n < 0 || n > 1 << 20) {
		pr_err("fd_init : couldn't parse file descriptor '%s'", arg + 1);
		return -EINVAL;
	}
	c->fd = n;
	return 0;
}

static int fd_open(struct chan *c, bool in, bool out)
{
	int err = host_stream_open(c->fd, out, &c->stream);

	if (err) {
		pr_err("fd_open : file descriptor %d is not open", c->fd);
		return err;
	}
	/* From the background we would take the terminal's settings from whoever has it now. */
	if (in && c->raw && c->stream.kind == HOST_STREAM_TTY && host_term_foreground(c->fd))
		host_term_raw(c->fd);
	return 0;
}

static void fd_close(struct chan *c)
{
	host_stream_close(&c->stream);
}

const struct chan_ops chan_fd_ops = {
	.name = "fd",
	.parse = fd_parse,
	.open = fd_open,
	.close = fd_close,
};
