/* SPDX-License-Identifier: MIT */
/*
 * N_TTY, output side: post-processing (OPOST), echo, and write(2).
 *
 * Output of one write is processed into one buffer and handed to the driver in one piece, so
 * that a program's write becomes one write on the host. Echo goes the same way; what the driver has
 * no room for waits in ld.echo and is sent first when there is room again.
 */
#include "tty/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/iter.h"

#define TAB_WIDTH 8

static const u8 spaces[TAB_WIDTH + 1] = "        ";

/* One character that is not plain text, to dst with room for room bytes: bytes made, -1: no room. */
static int opost_control(struct tty *t, u8 c, u8 *dst, size_t room)
{
	struct ldisc *ld = &t->ld;
	u32 n;

	switch (c) {
	case '\n':
		if (O_FLAG(t, ONLRET))
			ld->column = 0;
		if (O_FLAG(t, ONLCR)) {
			if (room < 2)
				return -1;
			ld->canon_column = ld->column = 0;
			dst[0] = '\r';
			dst[1] = '\n';
			return 2;
		}
		ld->canon_column = ld->column;
		break;
	case '\r':
		if (O_FLAG(t, ONOCR) && ld->column == 0)
			return 0;
		if (O_FLAG(t, OCRNL)) {
			c = '\n';
			if (!O_FLAG(t, ONLRET))
				break;
		}
		ld->canon_column = ld->column = 0;
		break;
	case '\t':
		n = TAB_WIDTH - (ld->column & (TAB_WIDTH - 1));
		if (O_FLAG(t, TABDLY) == XTABS) {
			if (room < n)
				return -1;
			ld->column += n;
			memcpy(dst, spaces, n);
			return n;
		}
		ld->column += n;
		break;
	case '\b':
		if (ld->column > 0)
			ld->column--;
		break;
	}
	*dst = c;
	return 1;
}

static int opost_char(struct tty *t, u8 c, u8 *dst, size_t room)
{
	if (!room)
		return -1;
	if (c < 32)
		return opost_control(t, c, dst, room);
	if (O_FLAG(t, OLCUC) && c >= 'a' && c <= 'z')
		c -= 32;
	if (c != 127 && !(I_FLAG(t, IUTF8) && (c & 0xc0) == 0x80))
		t->ld.column++;
	*dst = c;
	return 1;
}

size_t opost(struct tty *t, const u8 *src, size_t n, u8 *dst, size_t room, size_t *out)
{
	bool plain = !O_FLAG(t, OLCUC) && !I_FLAG(t, IUTF8);
	size_t i = 0, o = 0;
	int made;

	while (i < n) {
		if (plain) {
			size_t start = o, end = o + MIN(n - i, room - o);
			u8 c;

			/* src may change while we look (guest memory): read each byte once. */
			while (o < end && (c = READ_ONCE(src[i])) >= 32 && c != 127) {
				dst[o++] = c;
				i++;
			}
			t->ld.column += o - start;
			if (i == n)
				break;
		}
		made = opost_char(t, READ_ONCE(src[i]), dst + o, room - o);
		if (made < 0)
			break;
		o += made;
		i++;
	}
	*out = o;
	return i;
}

/* --- echo --- */

static bool echo_ready(struct ldisc *ld, u32 n)
{
	if (!ld->echo)
		ld->echo = kmalloc(ECHO_MAX);
	return ld->echo && ld->echo_len + n <= ECHO_MAX;
}

void echo_flush(struct tty *t)
{
	struct ldisc *ld = &t->ld;
	size_t n;

	if (!ld->echo_len)
		return;
	n = MIN(tty_room(t), (size_t)ld->echo_len);
	if (!n)
		return;
	tty_send(t, ld->echo, n);
	ld->echo_len -= n;
	memmove(ld->echo, ld->echo + n, ld->echo_len);
}

/* Echo that nobody takes is lost at last, as on a real line. */
static void echo_put(struct tty *t, const u8 *buf, u32 n)
{
	struct ldisc *ld = &t->ld;

	if (!echo_ready(ld, n)) {
		echo_flush(t);
		if (!echo_ready(ld, n))
			return;
	}
	memcpy(ld->echo + ld->echo_len, buf, n);
	ld->echo_len += n;
}

void echo_raw(struct tty *t, u8 c)
{
	u8 buf[TAB_WIDTH];
	int n = 1;

	if (O_FLAG(t, OPOST))
		n = opost_char(t, c, buf, sizeof(buf));
	else
		buf[0] = c;
	if (n > 0)
		echo_put(t, buf, n);
}

void echo_char(struct tty *t, u8 c)
{
	if (L_FLAG(t, ECHOCTL) && (c < 32 || c == 127) && c != '\t') {
		u8 buf[2] = { '^', c ^ 0x40 };

		echo_put(t, buf, 2);
		t->ld.column += 2;
		return;
	}
	echo_raw(t, c);
}

void echo_erase_tab(struct tty *t, u32 chars, bool after_tab)
{
	u32 n;

	/* Without a tab in front the line began somewhere in the middle of a row. */
	if (!after_tab)
		chars += t->ld.canon_column;
	n = TAB_WIDTH - (chars & (TAB_WIDTH - 1));
	while (n--) {
		u8 c = '\b';

		echo_put(t, &c, 1);
		if (t->ld.column > 0)
			t->ld.column--;
	}
}

/* --- write(2) --- */

/* The longest thing that one character becomes must fit, or we would turn in circles. */
size_t tty_write_room(struct tty *t)
{
	size_t room = tty_room(t);

	return room >= TAB_WIDTH ? room : 0;
}

/* Waits for room in the driver for the writer of f: 0, or why it cannot go on. */
static int wait_room(struct tty *t, struct file *f)
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(&t->write_wait,
					tty_write_room(t) || tty_hung_up(f) || t->other_closed,
					"tty_write");
}

/* Hands some of p to the driver. Bytes of p used; -ENOMEM. */
static ssize write_some(struct tty *t, const u8 *p, size_t n)
{
	size_t room = tty_room(t), used, made;

	if (!O_FLAG(t, OPOST) && !tty_logging) {
		used = MIN(n, room);
		if (used)
			t->ops->write(t, p, used);
		return used;
	}
	if (!t->obuf)
		t->obuf = kmalloc(2 * TTY_CHUNK);
	if (!t->obuf)
		return -ENOMEM;
	/* p may be the guest's memory: what is logged must be what was sent. */
	if (!O_FLAG(t, OPOST)) {
		used = MIN(MIN(n, room), (size_t)TTY_CHUNK);
		memcpy(t->obuf, p, used);
		if (used)
			tty_send(t, t->obuf, used);
		return used;
	}
	used = opost(t, p, n, t->obuf, MIN(room, 2 * (size_t)TTY_CHUNK), &made);
	if (made)
		tty_send(t, t->obuf, made);
	return used;
}

static ssize write_step(struct tty *t, struct file *f, struct iter *from)
{
	const void *p;
	ssize n;

	if (tty_hung_up(f) || t->other_closed)
		return -EIO;
	echo_flush(t);
	if (!tty_write_room(t))
		return wait_room(t, f);
	n = iter_stage_from(from, &p, MIN(from->count, (size_t)TTY_CHUNK));
	if (n <= 0)
		return n ? n : -EFAULT;
	if (tty_hung_up(f))
		return -EIO;
	n = write_some(t, p, n);
	if (n > 0)
		iter_advance(from, n);
	return n;
}

ssize ldisc_write(struct tty *t, struct file *f, struct iter *from)
{
	size_t total = from->count;
	ssize n = 0;

	if (L_FLAG(t, TOSTOP)) {
		n = tty_check_change(t, SIGTTOU);
		if (n)
			return n;
	}
	n = tty_take_turn(t, &t->writing, f);
	if (n)
		return n;
	while (from->count) {
		n = write_step(t, f, from);
		if (n < 0)
			break;
		if (from->count && signal_pending(current)) {
			n = -ERESTARTSYS;
			break;
		}
	}
	tty_end_turn(t, &t->writing);
	return from->count == total && n < 0 ? n : (ssize)(total - from->count);
}
