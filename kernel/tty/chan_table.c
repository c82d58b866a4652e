/* SPDX-License-Identifier: MIT */
/*
 * The kinds of channels, and what is the same for all of them.
 */
#include "tty/chan.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/log.h"
#include "lib/alloc.h"

const struct chan_ops *const chan_table[] = {
	&chan_fd_ops,
	&chan_null_ops,
	&chan_port_ops,
	&chan_pty_ops,
	&chan_pts_ops,
	&chan_tty_ops,
	&chan_xterm_ops,
	&chan_none_ops,
	NULL,
};

int chan_parse(const char *text, size_t len, struct chan *out)
{
	const struct chan_ops *const *ops;
	struct chan c = { .fd = -1, .slave = -1, .stream = { .fd = -1 } };
	int err;

	for (ops = chan_table; *ops; ops++)
		if (len >= strlen((*ops)->name) &&
		    !strncmp(text, (*ops)->name, strlen((*ops)->name)))
			break;
	if (!*ops) {
		pr_err("parse_chan couldn't parse \"%.*s\"", (int)len, text);
		return -EINVAL;
	}
	c.ops = *ops;
	c.arg = kstrndup(text + strlen((*ops)->name), len - strlen((*ops)->name));
	if (!c.arg)
		return -ENOMEM;
	err = c.ops->parse ? c.ops->parse(&c, c.arg) : 0;
	if (err) {
		kfree(c.arg);
		return err;
	}
	*out = c;
	return 0;
}

int chan_open(struct chan *c, bool in, bool out)
{
	int err;

	if (c->open)
		return 0;
	if (!c->ops || c->ops->absent)
		return -ENODEV;
	err = c->ops->open(c, in, out);
	if (!err)
		c->open = true;
	return err;
}

void chan_close(struct chan *c)
{
	if (!c->open)
		return;
	c->open = false;
	if (c->ops->close)
		c->ops->close(c);
	c->stream.fd = -1;
	c->peer[0] = 0;
}

void chan_describe(const struct chan *c, char *buf, size_t n)
{
	if (c->open && c->peer[0])
		snprintf(buf, n, "%s:%s", c->ops->name, c->peer);
	else
		snprintf(buf, n, "%s%s", c->ops->name, c->arg);
}

void chan_free(struct chan *c)
{
	chan_close(c);
	kfree(c->arg);
	c->arg = NULL;
	c->ops = NULL;
}
