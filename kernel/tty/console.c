/* SPDX-License-Identifier: MIT */
/*
 * The console: the line behind /dev/console and the kernel log's way to the host.
 *
 * The log sink may run in any host thread, without the kernel lock. So it uses a copy of the
 * host stream that is set once, and nothing else.
 */
#include "tty/tty.h"

#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "host/host.h"
#include "tty/line.h"

#define SINK_WAIT_MS 1000
#define FLUSH_WAIT_MS 1000

static enum line_kind console_kind = LINE_CON;
static unsigned int console_index;
static struct line *console_line;

static struct host_stream sink;
static bool sink_ready, sink_stalled;

/* console=NAME[,OPTIONS]; the last one counts. "ttyN" and "ttySN". */
int console_setup(const char *name)
{
	enum line_kind kind = LINE_CON;
	unsigned long n;
	char *end;

	if (!strncmp(name, "ttyS", 4)) {
		kind = LINE_SSL;
		name += 4;
	} else if (!strncmp(name, "tty", 3)) {
		name += 3;
	} else {
		return -EINVAL;
	}
	n = strtoul(name, &end, 10);
	if ((*end && *end != ',') || n >= (kind == LINE_CON ? CON_MAX : SSL_MAX))
		return -EINVAL;
	console_kind = kind;
	console_index = n;
	return 0;
}

/* fd last, and first -1: others look without a lock. */
void console_line_changed(struct line *l)
{
	struct host_stream now;

	if (l != console_line || !sink_ready)
		return;
	WRITE_ONCE(sink.fd, -1);
	if (!l->opened || line_out_stream(l, &now))
		return;
	sink.kind = now.kind;
	sink.own = now.own;
	WRITE_ONCE(sink.fd, now.fd);
}

bool line_is_console(const struct line *l)
{
	return l == console_line;
}

struct tty *console_tty(void)
{
	struct line *l = line_find(console_kind, console_index);

	return l ? line_of_tty(l) : NULL;
}

/* Before the kernel confines itself: opening descriptors again and the guardian need the host. */
int console_init(void)
{
	host_term_signals();
	line_config_check();
	console_line = line_find(console_kind, console_index);
	if (!console_line)
		return 0;
	line_open_channels(console_line);
	if (line_out_stream(console_line, &sink))
		sink.fd = -1;		/* "null" swallows the log, too */
	__atomic_store_n(&sink_ready, true, __ATOMIC_RELEASE);
	return 0;
}

/* All of it, unless the host takes nothing for a second: then nothing more until it does again. */
static void sink_write(const char *text, size_t len)
{
	while (len && sink.fd >= 0) {
		ssize n = host_stream_write(&sink, text, len);

		if (n == -EAGAIN) {
			if (!host_stream_wait(&sink, READ_ONCE(sink_stalled) ? 0 : SINK_WAIT_MS)) {
				WRITE_ONCE(sink_stalled, true);
				return;
			}
			continue;
		}
		if (n <= 0)
			return;
		WRITE_ONCE(sink_stalled, false);
		text += n;
		len -= n;
	}
}

void console_log_sink(const char *text, size_t len)
{
	char buf[1024];
	size_t n = 0;

	if (!__atomic_load_n(&sink_ready, __ATOMIC_ACQUIRE)) {
		host_write_stderr(text, len);
		return;
	}
	for (; len; text++, len--) {
		if (n + 2 > sizeof(buf)) {
			sink_write(buf, n);
			n = 0;
		}
		if (*text == '\n')
			buf[n++] = '\r';
		buf[n++] = *text;
	}
	sink_write(buf, n);
}

bool console_at_terminal(void)
{
	return console_line && console_line->in->open &&
	       console_line->in->stream.kind == HOST_STREAM_TTY;
}

void console_winch(void)
{
	lines_sync_sizes();
}

void console_flush(void)
{
	if (console_line)
		line_flush(console_line, FLUSH_WAIT_MS);
}

void console_restore(void)
{
	host_term_restore();
}
