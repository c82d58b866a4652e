/* SPDX-License-Identifier: MIT */
/*
 * Channel "pts": a fresh pseudo terminal of the host, whose name is announced in the kernel log.
 */
#include "tty/chan.h"

#include "core/log.h"
#include "host/host.h"

static int pts_open(struct chan *c, bool in, bool out)
{
	int err;

	err = host_pty_open(&c->stream.fd, &c->slave, c->peer, sizeof(c->peer));
	if (err) {
		c->stream.fd = -1;
		pr_err("open_pts : Failed to open pts");
		return err;
	}
	c->stream.kind = HOST_STREAM_TTY;
	c->stream.own = true;
	pr_notice("%s %u assigned device '%s'", c->what, c->index, c->peer);
	return 0;
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
