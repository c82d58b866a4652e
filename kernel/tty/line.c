/* SPDX-License-Identifier: MIT */
/*
 * Consoles (tty0..15) and serial lines (ttyS0..63): the same driver under two names. A line
 * connects a tty with an input and an output channel on the host.
 *
 * Host descriptors are watched edge triggered: each event reads until there is nothing left or the
 * line discipline is full, and unthrottle() goes on from there, so a closed or hung up descriptor can
 * never keep the event loop busy. Input that cannot be polled (files) is read by a kernel thread.
 */
#include "tty/line.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/poll.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/time.h"
#include "host/host.h"

#define BACKGROUND_RETRY NSEC_PER_SEC
#define LINGER NSEC_PER_SEC		/* getty closes and opens again */
#define INPUT_CHUNK 4096

static struct line *lines[LINE_KINDS][LINE_MAX];

/* --- output --- */

static void line_out_event(void *arg, u32 events);

/* Called when the host takes no more: tell us when it does. */
static void line_arm_output(struct line *l)
{
	if (l->in == l->out && l->in_source)
		event_mod(l->in_source, EPOLLIN | EPOLLOUT);
	else if (l->out_source)
		event_mod(l->out_source, EPOLLOUT);
	else if (event_add(l->out->stream.fd, EPOLLOUT, true, line_out_event, l, &l->out_source))
		l->out_dead = true;
}

/* What the host takes of buf now. An output that failed swallows everything. */
static size_t line_push(struct line *l, const u8 *buf, size_t n)
{
	size_t done = 0;
	ssize r;

	if (l->out_dead || !l->out->open || l->out->stream.fd < 0)
		return n;
	while (done < n) {
		r = host_stream_write(&l->out->stream, buf + done, n - done);
		if (r == -EAGAIN)
			break;
		if (r < 0) {
			l->out_dead = true;
			return n;
		}
		done += r;
	}
	return done;
}

static void line_drain(struct line *l)
{
	const u8 *p;
	u32 n, took;

	while ((n = ring_front(&l->tx, &p)) != 0) {
		took = line_push(l, p, n);
		l->tx.tail += took;
		if (took < n) {
			line_arm_output(l);
			return;
		}
	}
}

static void line_out_event(void *arg, u32 events)
{
	struct line *l = arg;

	event_mod(l->out_source, 0);
	line_drain(l);
	tty_output_drained(&l->tty);
}

static size_t line_room(struct tty *t)
{
	return ring_room(&line_from_tty(t)->tx);
}

static void line_write(struct tty *t, const u8 *buf, size_t n)
{
	struct line *l = line_from_tty(t);
	size_t done = ring_len(&l->tx) ? 0 : line_push(l, buf, n);

	if (done == n)
		return;
	ring_put(&l->tx, buf + done, n - done);
	line_drain(l);
}

static size_t line_outq(struct tty *t)
{
	return ring_len(&line_from_tty(t)->tx);
}

static void line_flush_output(struct tty *t)
{
	ring_clear(&line_from_tty(t)->tx);
}

void line_flush(struct line *l, int timeout_ms)
{
	while (ring_len(&l->tx) && host_stream_wait(&l->out->stream, timeout_ms)) {
		u32 before = ring_len(&l->tx);

		line_drain(l);
		if (ring_len(&l->tx) == before)
			break;
	}
}

static void line_close_channels(struct line *l)
{
	if (l->in_source)
		event_del(l->in_source);
	if (l->out_source)
		event_del(l->out_source);
	l->in_source = l->out_source = NULL;
	ktimer_cancel(&l->retry);
	ktimer_cancel(&l->linger);
	ring_clear(&l->tx);
	l->opened = l->watched = l->eof = l->out_dead = false;
	l->tty.input_ended = false;
	console_line_changed(l);
	chan_close(&l->chans[0]);
	chan_close(&l->chans[1]);
}

/* --- input --- */

/* The host gives nothing while we are in the background of its terminal: look again later. */
static void line_retry_later(struct line *l)
{
	if (ktimer_start(&l->retry, ktime_get() + BACKGROUND_RETRY))
		l->eof = true;
}

/* The host's end of file is ours: a shell that reads from a file or from /dev/null ends with it. */
static void line_end_input(struct line *l)
{
	l->eof = true;
	tty_end_input(&l->tty);
}

static void line_read_host(struct line *l)
{
	u8 buf[INPUT_CHUNK];
	size_t room;
	ssize n;

	if (l->eof || l->pumped || !l->in->open || l->in->stream.fd < 0)
		return;
	while (l->tty.count) {
		room = tty_receive_room(&l->tty);
		if (!room) {
			l->tty.throttled = true;
			return;
		}
		n = host_stream_read(&l->in->stream, buf, MIN(room, sizeof(buf)));
		if (n == -EAGAIN)
			return;
		if (n <= 0 && l->in->ops->dials) {
			tty_hangup(&l->tty, false);
			line_close_channels(l);
			return;
		}
		if (n == -EIO && !host_term_foreground(l->in->fd)) {
			line_retry_later(l);
			return;
		}
		if (n <= 0) {
			line_end_input(l);
			return;
		}
		tty_receive(&l->tty, buf, n);
	}
}

static void line_retry(struct ktimer *timer)
{
	struct line *l = container_of(timer, struct line, retry);

	if (!l->in->open || l->in->stream.kind != HOST_STREAM_TTY)
		return;
	if (!host_term_foreground(l->in->fd)) {
		line_retry_later(l);
		return;
	}
	if (l->in->raw)
		host_term_raw(l->in->fd);
	line_sync_size(l);
	line_read_host(l);
}

static void line_in_event(void *arg, u32 events)
{
	struct line *l = arg;

	if ((events & EPOLLOUT) && l->in == l->out) {
		event_mod(l->in_source, EPOLLIN);
		line_drain(l);
		tty_output_drained(&l->tty);
	}
	if (!(events & ~(u32)EPOLLOUT))
		return;
	/* Nobody tells us when the other side of a pty of ours changes its size. */
	if (l->in->slave >= 0 || l->in->ops->dials)
		line_sync_size(l);
	line_read_host(l);
}

/* Whether somebody has room for input; if not, unthrottle() wakes the pump. */
static bool line_wants_input(struct line *l)
{
	if (!l->tty.count)
		return false;
	if (tty_receive_room(&l->tty))
		return true;
	l->tty.throttled = true;
	return false;
}

/* Reads what cannot be polled: a file, /dev/null. */
static void line_pump(void *arg)
{
	struct line *l = arg;
	u8 buf[INPUT_CHUNK];
	size_t room;
	ssize n;

	for (;;) {
		if (wait_event_interruptible(&l->pump_wait, line_wants_input(l), "line_pump"))
			return;
		room = tty_receive_room(&l->tty);
		host_block_begin();
		n = host_stream_read(&l->in->stream, buf, MIN(room, sizeof(buf)));
		host_block_end();
		if (n <= 0)
			break;
		tty_receive_queued(&l->tty, buf, n);
	}
	line_end_input(l);
}

static void line_unthrottle(struct tty *t)
{
	struct line *l = line_from_tty(t);

	if (l->pumped)
		wake_up_all(&l->pump_wait);
	else
		line_read_host(l);
}

static void line_watch_input(struct line *l)
{
	int err;

	if (l->in->stream.fd < 0)
		return;
	err = -EPERM;
	if (l->in->stream.kind != HOST_STREAM_FILE)
		err = event_add(l->in->stream.fd, EPOLLIN, true, line_in_event, l, &l->in_source);
	if (err == -EPERM) {
		l->pumped = true;
		err = kthread_run(l->tty.name, line_pump, l);
	}
	if (err) {
		pr_err("%s: no input: error %d", l->tty.name, err);
		l->eof = true;
	}
	if (l->in->stream.kind == HOST_STREAM_TTY && !host_term_foreground(l->in->fd))
		line_retry_later(l);
}

/* --- the tty's side --- */

void line_sync_size(struct line *l)
{
	struct host_winsize hw;
	struct winsize ws = { 0 };

	if ((l->out->stream.fd < 0 || host_term_winsize(l->out->stream.fd, &hw)) &&
	    (l->in->stream.fd < 0 || host_term_winsize(l->in->stream.fd, &hw)))
		return;
	ws.ws_row = hw.rows;
	ws.ws_col = hw.cols;
	ws.ws_xpixel = hw.xpixel;
	ws.ws_ypixel = hw.ypixel;
	tty_resize(&l->tty, &ws);
}

/* A channel that fails is silent; the other direction may still work. */
static int open_channels(struct line *l)
{
	bool both = l->in == l->out;
	int err = chan_open(l->in, true, both);

	if (err == -ERESTARTSYS)
		return err;
	if (!both && chan_open(l->out, false, true) == -ERESTARTSYS)
		return -ERESTARTSYS;
	return l->in->ops->dials ? err : 0;
}

int line_open_channels(struct line *l)
{
	int err;

	if (l->opened)
		return 0;
	if (l->opening) {
		err = wait_event_interruptible(&l->pump_wait, !l->opening, "line_open");
		if (err || l->opened)
			return err;
	}
	l->opening = true;
	err = open_channels(l);
	l->opening = false;
	l->opened = !err;
	wake_up_all(&l->pump_wait);
	if (err)
		return err;
	console_line_changed(l);
	line_sync_size(l);
	return 0;
}

static int line_tty_open(struct tty *t, struct file *f)
{
	struct line *l = line_from_tty(t);
	int err = line_open_channels(l);

	if (err)
		return err == -ERESTARTSYS ? err : -EIO;
	if (!l->watched) {
		l->watched = true;
		if (l->in->open)
			line_watch_input(l);
	} else if (t->count == 1) {
		line_unthrottle(t);	/* nobody read while nobody had it open */
	}
	return 0;
}

static void line_tty_close(struct tty *t)
{
	struct line *l = line_from_tty(t);

	if (l->opened && l->in->ops->dials && ktimer_start(&l->linger, ktime_get() + LINGER))
		line_close_channels(l);
}

static void line_lingered(struct ktimer *timer)
{
	struct line *l = container_of(timer, struct line, linger);

	if (!l->tty.count && l->opened && !line_is_console(l))
		line_close_channels(l);
}

static void line_tty_free(struct tty *t)
{
	BUG_ON(true);		/* the table keeps a reference for ever */
}

static const struct tty_ops line_tty_ops = {
	.open = line_tty_open,
	.close = line_tty_close,
	.room = line_room,
	.write = line_write,
	.outq = line_outq,
	.flush = line_flush_output,
	.unthrottle = line_unthrottle,
	.free = line_tty_free,
};

/* --- making lines --- */

struct tty *line_of_tty(struct line *l)
{
	return &l->tty;
}

struct line *line_from_tty(struct tty *t)
{
	return container_of(t, struct line, tty);
}

int line_out_stream(const struct line *l, struct host_stream *out)
{
	if (!l->out->open || l->out->stream.fd < 0)
		return -ENODEV;
	*out = l->out->stream;
	return 0;
}

static struct line *line_new(enum line_kind kind, unsigned int index)
{
	struct line *l = kzalloc(sizeof(*l));
	char name[16];

	if (!l)
		return NULL;
	if (line_channels(kind, index, l)) {
		kfree(l);
		return NULL;
	}
	snprintf(name, sizeof(name), "%s%u", kind == LINE_CON ? "tty" : "ttyS", index);
	tty_setup(&l->tty, &line_tty_ops, makedev_k(4, (kind == LINE_CON ? 0 : 64) + index), name);
	l->tx.cap = TTY_RING;
	wq_init(&l->pump_wait);
	ktimer_init(&l->retry, line_retry);
	ktimer_init(&l->linger, line_lingered);
	return l;
}

struct line *line_find(enum line_kind kind, unsigned int index)
{
	struct line *l;

	if (index >= (kind == LINE_CON ? CON_MAX : SSL_MAX))
		return NULL;
	if (!lines[kind][index])
		lines[kind][index] = line_new(kind, index);
	l = lines[kind][index];
	return l && !l->absent ? l : NULL;
}

struct line *line_existing(enum line_kind kind, unsigned int index)
{
	return lines[kind][index];
}

void line_disconnect(struct line *l)
{
	line_close_channels(l);
	chan_free(&l->chans[0]);
	chan_free(&l->chans[1]);
}

struct tty *line_tty(u32 dev)
{
	u32 minor = minor_k(dev);
	struct line *l;

	if (minor < 64)
		l = line_find(LINE_CON, minor);
	else
		l = line_find(LINE_SSL, minor - 64);
	return l ? &l->tty : NULL;
}

/* The host changed the size of a terminal of ours. */
void lines_sync_sizes(void)
{
	unsigned int k, i;

	for (k = 0; k < LINE_KINDS; k++)
		for (i = 0; i < LINE_MAX; i++)
			if (lines[k][i] && lines[k][i]->opened)
				line_sync_size(lines[k][i]);
}
