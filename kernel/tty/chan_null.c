/* SPDX-License-Identifier: MIT */
/*
 * Channels without a host side: "null" swallows output and never has input; "none" makes the
 * device absent.
 */
#include "tty/chan.h"

static int null_open(struct chan *c, bool in, bool out)
{
	c->stream.fd = -1;
	return 0;
}

const struct chan_ops chan_null_ops = {
	.name = "null",
	.open = null_open,
};

const struct chan_ops chan_none_ops = {
	.name = "none",
	.absent = true,
};
