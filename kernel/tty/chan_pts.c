/* SPDX-License-Identifier: MIT */
/*
 * Channels "pts" and "pty": a fresh pseudo terminal of the host, whose name is announced in the kernel
 * log. "pty" takes one of BSD's, where the host still has them.
 */
#include "tty/chan.h"

#include "core/log.h"
#include "host/host.h"

static int opened(struct chan *c, int err, const char *complaint)
{
	if (err) {
		c->stream.fd = -1;
		pr_err("%s", complaint);
		return err;
	}
	c->stream.kind = HOST_STREAM_TTY;
	c->stream.own = true;
	pr_notice("%s %u assigned device '%s'", c->what, c->index, c->peer);
	return 0;
}

static int pts_open(struct chan *c, bool in, bool out)
{
	int err = host_pty_open(&c->stream.fd, &c->slave, c->peer, sizeof(c->peer));

	return opened(c, err, "open_pts : Failed to open pts");
}

static int pty_open(struct chan *c, bool in, bool out)
{
	int err = host_bsd_pty_open(&c->stream.fd, &c->slave, c->peer, sizeof(c->peer));

	return opened(c, err, "getmaster - no usable host pty devices");
}

static void pts_close(struct chan *c)
{
	host_stream_close(&c->stream);
	host_close(c->slave);
	c->slave = -1;
}

const struct chan_ops chan_pts_ops = {
	.name = "pts",
	.open = pts_open,
	.close = pts_close,
};

const struct chan_ops chan_pty_ops = {
	.name = "pty",
	.open = pty_open,
	.close = pts_close,
};
