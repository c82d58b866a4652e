/* SPDX-License-Identifier: MIT */
/*
 * Consoles and serial lines, inside tty/: line.c is the driver, line_config.c what the command line
 * says about them, console.c which of them is /dev/console.
 */
#ifndef TTY_LINE_H
#define TTY_LINE_H

#include "core/time.h"
#include "core/wait.h"
#include "tty/chan.h"
#include "tty/priv.h"

struct event_source;

enum line_kind { LINE_CON, LINE_SSL, LINE_KINDS };
#define CON_MAX 16
#define SSL_MAX 64
#define LINE_MAX 64

struct line {
	struct tty tty;			/* lives for ever */
	struct chan chans[2];
	struct chan *in, *out;		/* of chans; the same one when only one was given */
	bool absent;			/* was removed: "none" */
	bool opened;			/* channels were opened (or failed) */
	bool opening;			/* somebody waits for the peer; others for pump_wait */
	bool watched;			/* input is being read, since the first open */
	bool eof, out_dead, pumped;
	struct event_source *in_source, *out_source;
	struct ring tx;			/* what the host did not take yet */
	struct wait_queue pump_wait;
	struct ktimer linger;		/* dialed, and nobody has it open: hang up soon */
	struct ktimer retry;		/* while we are in the host terminal's background */
};

struct line *line_find(enum line_kind kind, unsigned int index);	/* NULL: no such device */
struct line *line_from_tty(struct tty *t);
struct tty *line_of_tty(struct line *l);
int line_open_channels(struct line *l);		/* idempotent */
void line_sync_size(struct line *l);
void lines_sync_sizes(void);
void line_flush(struct line *l, int timeout_ms);	/* blocks, for the very end */
int line_out_stream(const struct line *l, struct host_stream *out);	/* 0, -ENODEV: has none */

void console_line_changed(struct line *l);	/* console.c: its output channel came or goes (closed by then) */
bool line_is_console(const struct line *l);	/* console.c: kernel messages go there */
struct line *line_existing(enum line_kind kind, unsigned int index);	/* made before, even if absent; NULL */
void line_disconnect(struct line *l);		/* nobody has it open: lets go of its channels */

/* line_config.c */
int line_kind_of(const char *option, enum line_kind *kind, unsigned int *max);	/* "con", "ssl"; -ENOENT */
const char *line_config_text(enum line_kind kind, unsigned int index);
int line_config_set(enum line_kind kind, unsigned int index, const char *text);	/* 0, -ENOMEM */
int line_channels(enum line_kind kind, unsigned int index, struct line *l);	/* 0, -ENODEV (logged) */
int line_config_check(void);		/* says at boot what is wrong with configured lines */

#endif
