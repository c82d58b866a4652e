/* SPDX-License-Identifier: MIT */
/*
 * Host terminals and byte streams that we were given (stdin, stdout, ...).
 *
 * A stream is used without setting O_NONBLOCK on an inherited open file description, because
 * the shell that started us shares it: terminals and pipes are opened a second time through
 * /proc, sockets are asked per call, and where neither works poll() goes first.
 *
 * A terminal in raw mode is watched by a small guardian process, so that it gets its settings back even when
 * we are killed. Contract as in host.h. Nothing here blocks.
 */
#ifndef HOST_TERM_H
#define HOST_TERM_H

#include "lib/types.h"

enum host_stream_kind {
	HOST_STREAM_TTY,
	HOST_STREAM_PIPE,
	HOST_STREAM_SOCK,
	HOST_STREAM_FILE,	/* never blocks and cannot be polled: regular files, /dev/null */
};

struct host_stream {
	int fd;
	enum host_stream_kind kind;
	bool own;		/* fd is ours: a second opening, with O_NONBLOCK set */
};

int host_stream_open(int fd, bool out, struct host_stream *st);	/* 0, -EBADF */
void host_stream_close(struct host_stream *st);
/* Bytes; 0 at the end of the input; -EAGAIN; -EIO: a terminal that we may not read now (background). */
ssize host_stream_read(const struct host_stream *st, void *buf, size_t n);
ssize host_stream_write(const struct host_stream *st, const void *buf, size_t n);
/* Waits until writing is possible, at most so long. True when it is. Blocks that long. */
bool host_stream_wait(const struct host_stream *st, int timeout_ms);

/* Is there something to read (end of input included), is there room to write? nb */
bool host_stream_ready(const struct host_stream *st, bool write);

/* SIGTTIN, SIGTTOU and SIGPIPE must not stop or kill the kernel. */
void host_term_signals(void);
/* Raw mode; the first call for fd saves the settings and starts the guardian. No terminal: -ENOTTY. */
int host_term_raw(int fd);
/* Back to the saved settings, guardians gone. Callable from signal handlers and from any thread. */
void host_term_restore(void);
/* Are we in its foreground group, or is it not our controlling terminal at all? */
bool host_term_foreground(int fd);

/* An existing terminal by name, in non-blocking mode; not our controlling one. A descriptor; -errno */
int host_tty_open(const char *path);
/*
 * A fresh pseudo terminal in raw mode: the master, non-blocking; *slave is held open so that the master does
 * not see a hangup when nobody else has it. name: of the slave, for people. 0 or -errno
 */
int host_pty_open(int *master, int *slave, char *name, size_t n);
/*
 * The same with the fixed names of BSD (/dev/ptyp0 and /dev/ttyp0), which few hosts still have:
 * -ENOENT: none is free. host_bsd_pty_name: the i-th name of the masters (HOST_BSD_PTYS there may be).
 */
#define HOST_BSD_PTYS 256
int host_bsd_pty_open(int *master, int *slave, char *name, size_t n);
void host_bsd_pty_name(unsigned int i, bool master, char name[16]);

struct host_winsize {
	u16 rows, cols, xpixel, ypixel;
};
int host_term_winsize(int fd, struct host_winsize *ws);

#endif
