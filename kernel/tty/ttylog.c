/* SPDX-License-Identifier: MIT */
/*
 * tty_log_fd=N, tty_log_dir=DIR: what goes over the guest's terminals is also written to the host: what
 * is sent to them (echo included), what programs read from them, and which programs are run on them.
 *
 * The records are those of UML's kernels for 32 bits, which its reading programs understand: six words,
 * then the data. With a directory alone there is a file for each session, the plain output.
 *
 * The guest must not be able to change or stop the log: data is logged from copies that it cannot reach, and a
 * log that the host does not take fast enough is counted, not waited for.
 */
#include "tty/priv.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "host/host.h"
#include "host/term.h"
#include "lib/strto.h"

#define LOG_RING (256u * 1024)
#define ARGS_MAX 4096u

enum { LOG_OPEN = 1, LOG_CLOSE, LOG_DATA, LOG_EXEC };

struct record {
	u32 what, tty, len, direction, sec, usec;
};

static struct host_stream sink = { .fd = -1 };
static struct event_source *sink_source;
static struct ring pending = { .cap = LOG_RING };
static bool losing;
static const char *dir;

bool tty_logging;

/* --- the descriptor --- */

static void drain(void);

static void on_writable(void *arg, u32 events)
{
	event_mod(sink_source, 0);
	drain();
}

static void wait_for_sink(void)
{
	if (sink_source)
		event_mod(sink_source, EPOLLOUT);
	else if (event_add(sink.fd, EPOLLOUT, true, on_writable, NULL, &sink_source))
		sink_source = NULL;	/* the next record tries again */
}

static void drain(void)
{
	const u8 *p;
	ssize r;
	u32 n;

	while ((n = ring_front(&pending, &p)) != 0) {
		r = host_stream_write(&sink, p, n);
		if (r == -EAGAIN) {
			wait_for_sink();
			return;
		}
		if (r < 0) {
			pr_err("tty log: error %d: no more of it", (int)-r);
			if (sink_source)
				event_del(sink_source);
			sink_source = NULL;
			ring_free(&pending);
			tty_logging = dir != NULL;
			host_stream_close(&sink);
			sink.fd = -1;
			return;
		}
		pending.tail += (u32)r;
	}
}

/* All of a record or nothing: half a one would make the rest unreadable. */
static void put(const struct record *r, const void *data)
{
	if (sink.fd < 0)
		return;
	if (ring_room(&pending) < sizeof(*r) + r->len || !ring_ready(&pending)) {
		if (!losing)
			pr_warn("tty log: the host is too slow, records are lost");
		losing = true;
		return;
	}
	losing = false;
	ring_put(&pending, (const u8 *)r, sizeof(*r));
	ring_put(&pending, data, r->len);
	drain();
}

static void record(const struct tty *t, u32 what, const void *data, size_t len, u32 direction)
{
	u64 us = (u64)ktime_get_real() / 1000;
	struct record r = {
		.what = what,
		.tty = t ? t->dev : 0,
		.len = (u32)len,
		.direction = direction,
		.sec = (u32)(us / 1000000),
		.usec = (u32)(us % 1000000),
	};

	put(&r, data);
}

/* --- files of sessions --- */

static void open_file(struct tty *t)
{
	u64 us = (u64)ktime_get_real() / 1000;
	char path[256];
	int fd = -EEXIST;

	/* Two sessions in one microsecond: the next one. */
	for (int i = 0; i < 100 && fd == -EEXIST; i++, us++) {
		snprintf(path, sizeof(path), "%s/%llu-%06llu", dir, (unsigned long long)us / 1000000,
			 (unsigned long long)us % 1000000);
		fd = host_open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600);
	}
	if (fd < 0)
		pr_err("tty log: cannot make '%s', error %d", path, -fd);
	t->log_fd = fd < 0 ? 0 : fd + 1;
}

static void to_file(struct tty *t, const void *data, size_t len)
{
	ssize r;

	for (const u8 *p = data; t->log_fd && len; p += r, len -= (size_t)r) {
		r = host_write(t->log_fd - 1, p, len);
		if (r > 0)
			continue;
		pr_err("tty log: error %d: no more of %s", (int)-r, t->name);
		host_close(t->log_fd - 1);
		t->log_fd = 0;
	}
}

/* --- what happens --- */

void tty_log_opened(struct tty *t)
{
	struct tty *from = current && current->proc ? process_tty(current->proc) : NULL;
	u32 old = from ? from->dev : 0;

	if (!tty_logging)
		return;
	record(t, LOG_OPEN, &old, sizeof(old), 0);
	if (sink.fd < 0 && dir)
		open_file(t);
}

void tty_log_closed(struct tty *t)
{
	if (t->log_fd)
		host_close(t->log_fd - 1);
	t->log_fd = 0;
	if (tty_logging)
		record(t, LOG_CLOSE, NULL, 0, 0);
}

void tty_log_read(struct tty *t, const void *buf, size_t n)
{
	if (tty_logging)
		record(t, LOG_DATA, buf, n, TTY_LOG_READ);
}

void tty_send(struct tty *t, const u8 *buf, size_t n)
{
	t->ops->write(t, buf, n);
	if (!tty_logging)
		return;
	record(t, LOG_DATA, buf, n, TTY_LOG_WRITE);
	to_file(t, buf, n);
}

void tty_log_exec(const char *args, size_t len)
{
	struct tty *t = tty_logging && current->proc ? process_tty(current->proc) : NULL;

	if (t)
		record(t, LOG_EXEC, args, MIN(len, (size_t)ARGS_MAX), 0);
}

/* --- the command line --- */

int tty_log_setup_fd(const char *value)
{
	char *end;
	long fd = strtol(value, &end, 0);
	int err = end == value || *end || fd < 0 ? -EINVAL : host_stream_open((int)fd, true, &sink);

	if (err)
		sink.fd = -1;
	tty_logging = dir || !err;
	return err;
}

const char *tty_log_setup_dir(const char *value)
{
	dir = value;
	tty_logging = true;
	return dir;
}
