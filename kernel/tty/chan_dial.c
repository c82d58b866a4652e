/* SPDX-License-Identifier: MIT */
/*
 * Channels "port:N" and "xterm": the channel helper sends a terminal, for a caller of that port or
 * a window. Opening waits for it, as with a modem. When it hangs up, so does the line, and the next
 * open dials again.
 */
#include "tty/chan_dial.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/wait.h"
#include "host/chanhelp.h"
#include "host/host.h"
#include "lib/strto.h"

struct dialing {
	struct wait_queue wq;
	bool news;
};

static void on_reply(void *arg, u32 events)
{
	struct dialing *d = arg;

	d->news = true;
	wake_up_all(&d->wq);
}

/* At boot there is no task yet, and nothing else to do. */
static int await(int reply)
{
	struct dialing d = { .news = false };
	struct event_source *es;
	int err;

	if (!current) {
		host_chanhelp_wait(reply);
		return 0;
	}
	wq_init(&d.wq);
	err = event_add(reply, EPOLLIN, false, on_reply, &d, &es);
	if (err)
		return err;
	err = wait_event_interruptible(&d.wq, d.news, "chan_dial");
	event_del(es);
	return err;
}

int chan_dial(struct chan *c, int reply)
{
	int fd, err;

	if (reply < 0)
		return reply;
	err = await(reply);
	fd = err ? err : host_chanhelp_take(reply);
	if (fd < 0) {
		host_close(reply);
		return fd;
	}
	c->slave = reply;		/* a window closes when this does */
	c->fd = fd;
	c->stream.fd = fd;
	c->stream.kind = HOST_STREAM_TTY;
	c->stream.own = true;
	return 0;
}

void chan_dial_close(struct chan *c)
{
	host_stream_close(&c->stream);
	host_close(c->slave);
	c->slave = c->fd = -1;
}

static int helper_there(void)
{
	if (host_chanhelp_running())
		return 0;
	pr_err("no channel helper: a console on a port or in a window must be named on the command line");
	return -EINVAL;
}

/* --- port:N --- */

static int port_number(const char *arg)
{
	char *end;
	long n = strtol(arg + 1, &end, 0);

	return end == arg + 1 || *end || n < 1 || n > 65535 ? -EINVAL : (int)n;
}

static int port_parse(struct chan *c, const char *arg)
{
	if (*arg != ':') {
		pr_err("port_init : channel type 'port' must specify a port number");
		return -EINVAL;
	}
	if (port_number(arg) < 0) {
		pr_err("port_init : couldn't parse port '%s'", arg + 1);
		return -EINVAL;
	}
	return helper_there();
}

static int port_open(struct chan *c, bool in, bool out)
{
	int err = chan_dial(c, host_chanhelp_port(port_number(c->arg)));

	if (err && err != -ERESTARTSYS)
		pr_err("binding to port %d failed, errno = %d", port_number(c->arg), -err);
	return err;
}

const struct chan_ops chan_port_ops = {
	.name = "port",
	.dials = true,
	.parse = port_parse,
	.open = port_open,
	.close = chan_dial_close,
};

/* --- xterm --- */

const char *chan_xterm_machine = "";

static int xterm_parse(struct chan *c, const char *arg)
{
	return helper_there();
}

static int xterm_open(struct chan *c, bool in, bool out)
{
	const char *display = host_getenv("DISPLAY"), *wayland = host_getenv("WAYLAND_DISPLAY");
	char title[96];
	int err;

	if (!(display && *display) && !(wayland && *wayland)) {
		pr_err("xterm_open : neither $DISPLAY nor $WAYLAND_DISPLAY is set.");
		return -ENODEV;
	}
	snprintf(title, sizeof(title), "%s #%u%s%s%s",
		 !strncmp(c->what, "Serial", 6) ? "Serial Line" : "Virtual Console", c->index,
		 *chan_xterm_machine ? " (" : "", chan_xterm_machine,
		 *chan_xterm_machine ? ")" : "");
	err = chan_dial(c, host_chanhelp_xterm(title));
	if (err && err != -ERESTARTSYS)
		pr_err("xterm_open : no terminal came, error = %d", -err);
	return err;
}

const struct chan_ops chan_xterm_ops = {
	.name = "xterm",
	.dials = true,
	.parse = xterm_parse,
	.open = xterm_open,
	.close = chan_dial_close,
};
