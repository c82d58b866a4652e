/* SPDX-License-Identifier: MIT */
/*
 * Channels: what a console or serial line is connected to on the host. A line has an input and an
 * output channel, which may be one. A kind of channel is a struct chan_ops and a line in chan_table.c;
 * whatever it is, once open it is a host byte stream (struct host_stream).
 */
#ifndef TTY_CHAN_H
#define TTY_CHAN_H

#include "host/term.h"
#include "lib/types.h"

struct chan {
	const struct chan_ops *ops;
	char *arg;			/* text behind "name:"; NULL */
	int fd;				/* fd: parsed number; others: host terminal for raw mode, -1 */
	int slave;			/* pts: our own hold on the slave, -1 */
	const char *what;		/* "Virtual console", for announcements */
	unsigned int index;		/* of the device */
	bool raw;			/* put a terminal into raw mode */
	bool open;
	char peer[64];			/* while open: what it got from the host ("/dev/pts/3"); "" */
	struct host_stream stream;	/* while open; fd -1: no stream (null) */
};

struct chan_ops {
	const char *name;		/* matched as a prefix, in table order */
	bool absent;			/* the device does not exist: "none" */
	bool dials;			/* opening waits for a peer; when that hangs up the line does */
	/* Text behind the name (with its ':') is valid? Logs and gives -EINVAL if not. Optional. */
	int (*parse)(struct chan *c, const char *arg);
	/* Fills c->stream. 0 or -errno (logged). Required unless absent. May block */
	int (*open)(struct chan *c, bool in, bool out);
	void (*close)(struct chan *c);	/* optional */
};

extern const struct chan_ops *const chan_table[];	/* NULL terminated */
extern const struct chan_ops chan_fd_ops, chan_null_ops, chan_none_ops, chan_pts_ops, chan_pty_ops, chan_tty_ops,
	chan_port_ops, chan_xterm_ops;
extern const char *chan_xterm_machine;	/* for titles of windows; "" */

/* One channel description. 0, -EINVAL (logged). *out is filled on success only; chan_free() it. */
int chan_parse(const char *text, size_t len, struct chan *out);
int chan_open(struct chan *c, bool in, bool out);	/* idempotent */
void chan_close(struct chan *c);
/* "fd:0", "pts:/dev/pts/3": as configured, or for an open one what it got. */
void chan_describe(const struct chan *c, char *buf, size_t n);
void chan_free(struct chan *c);

#endif
