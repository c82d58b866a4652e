/* SPDX-License-Identifier: MIT */
/*
 * Channel "tty:PATH": an existing terminal of the host.
 */
#include "tty/chan.h"

#include "abi/errno.h"
#include "core/log.h"

static int tty_parse(struct chan *c, const char *arg)
{
	if (*arg == ':' && arg[1])
		return 0;
	pr_err("tty_init : channel type 'tty' must specify a device");
	return -EINVAL;
}

static int tty_open(struct chan *c, bool in, bool out)
{
	int fd = host_tty_open(c->arg + 1);

	if (fd < 0) {
		pr_err("tty_open : cannot open '%s', error = %d", c->arg + 1, -fd);
		return fd;
	}
	c->fd = fd;
	c->stream.fd = fd;
	c->stream.kind = HOST_STREAM_TTY;
	c->stream.own = true;
	if (c->raw && host_term_foreground(fd))
		host_term_raw(fd);
	return 0;
}

static void tty_close(struct chan *c)
{
	host_stream_close(&c->stream);
	c->fd = -1;
}

const struct chan_ops chan_tty_ops = {
	.name = "tty",
	.parse = tty_parse,
	.open = tty_open,
	.close = tty_close,
};
