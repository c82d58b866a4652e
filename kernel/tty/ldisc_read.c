/* SPDX-License-Identifier: MIT */
/*
 * N_TTY: read(2). Canonical mode gives at most one line; raw mode follows VMIN and VTIME:
 *
 *   MIN > 0, TIME = 0   waits for MIN bytes (or as many as were asked for, if fewer)
 *   MIN > 0, TIME > 0   waits for the first byte, then until MIN or a gap of TIME
 *   MIN = 0, TIME > 0   waits at most TIME for a byte
 *   MIN = 0, TIME = 0   takes what there is
 */
#include "tty/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "mm/iter.h"

#define VTIME_UNIT (NSEC_PER_SEC / 10)

static bool canonical(const struct tty *t)
{
	return L_FLAG(t, ICANON) && !L_FLAG(t, EXTPROC);
}

bool ldisc_input_available(const struct tty *t, bool poll)
{
	const struct ldisc *ld = &t->ld;
	u32 need = poll && !tty_cc(t, VTIME) && tty_cc(t, VMIN) ? tty_cc(t, VMIN) : 1;

	if (poll && t->input_ended)
		return true;
	if (canonical(t))
		return ld->canon_head != ld->tail;
	return ld->head - ld->tail >= need;
}

/* A line without its end counts as one; what was queued is read first. */
void tty_end_input(struct tty *t)
{
	u8 eof = tty_cc(t, VEOF);

	if (canonical(t) && t->ld.head != t->ld.canon_head && eof != CC_DISABLED)
		tty_receive_queued(t, &eof, 1);
	t->input_ended = true;
	wake_up_all(&t->read_wait);
}

static bool eol_test(const struct ldisc *ld, u32 i)
{
	i &= LDISC_BUF - 1;
	return ld->eol[i / 64] >> (i % 64) & 1;
}

static void eol_clear(struct ldisc *ld, u32 i)
{
	i &= LDISC_BUF - 1;
	ld->eol[i / 64] &= ~(1ULL << (i % 64));
}

static u8 byte_at(const struct ldisc *ld, u32 i)
{
	return ld->buf[i & (LDISC_BUF - 1)];
}

/* FIONREAD: end-of-file marks are no bytes. */
size_t ldisc_inq(const struct tty *t)
{
	const struct ldisc *ld = &t->ld;
	size_t n = ld->head - ld->tail;
	u32 i;

	if (!canonical(t))
		return n;
	if (ld->canon_head == ld->tail)
		return 0;
	n = ld->canon_head - ld->tail;
	for (i = ld->tail; i != ld->canon_head; i++)
		if (eol_test(ld, i) && byte_at(ld, i) == CC_DISABLED)
			n--;
	return n;
}

/* Moves up to n bytes of the current line to dst; *end: the line is over. */
static size_t take_line(struct ldisc *ld, u8 *dst, size_t n, bool *end)
{
	size_t done = 0;

	*end = false;
	while (ld->tail != ld->canon_head && !*end) {
		u32 i = ld->tail;
		u8 c = byte_at(ld, i);

		*end = eol_test(ld, i);
		/* An end-of-file mark right behind a full buffer goes with it. */
		if (*end && c == CC_DISABLED) {
			eol_clear(ld, i);
			ld->tail++;
			break;
		}
		if (done == n) {
			*end = false;
			break;
		}
		if (*end)
			eol_clear(ld, i);
		dst[done++] = c;
		ld->tail++;
	}
	return done;
}

static size_t take_raw(struct ldisc *ld, u8 *dst, size_t n)
{
	u32 at = ld->tail & (LDISC_BUF - 1), first;

	n = MIN(n, (size_t)(ld->head - ld->tail));
	first = MIN(n, LDISC_BUF - at);
	memcpy(dst, ld->buf + at, first);
	memcpy(dst + first, ld->buf, n - first);
	ld->tail += n;
	if ((s32)(ld->canon_head - ld->tail) < 0)
		ld->canon_head = ld->tail;
	return n;
}

struct read_timing {
	u32 min;			/* enough bytes */
	ktime_t deadline;		/* of the wait that comes next */
	ktime_t gap;			/* between bytes; 0: none */
	bool no_wait;
};

static void timing_init(struct tty *t, struct read_timing *rt)
{
	ktime_t time = tty_cc(t, VTIME) * VTIME_UNIT;

	memset(rt, 0, sizeof(*rt));
	rt->deadline = KTIME_NEVER;
	if (canonical(t))
		return;
	rt->min = tty_cc(t, VMIN);
	if (rt->min) {
		rt->gap = time;
		return;
	}
	rt->min = 1;
	if (time)
		rt->deadline = ktime_get() + time;
	else
		rt->no_wait = true;
}

/* Sleeps until there may be input. 0: look again; 1: no more will come in time; negative errno. */
static int wait_input(struct tty *t, struct file *f, struct read_timing *rt)
{
	int err;

	if (t->other_closed)
		return -EIO;
	if (tty_hung_up(f) || t->input_ended || rt->no_wait)
		return 1;
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	err = wq_sleep(&t->read_wait, WAIT_INTERRUPTIBLE, rt->deadline, "tty_read");
	if (err == -ETIME)
		return ldisc_input_available(t, false) ? 0 : 1;
	return err;
}

/* Fills buf from the line discipline: bytes, or an error when there are none. */
static ssize read_buffer(struct tty *t, struct file *f, u8 *buf, size_t n, struct read_timing *rt)
{
	size_t done = 0;
	bool end;
	int err;

	while (done < n) {
		if (!ldisc_input_available(t, false)) {
			err = wait_input(t, f, rt);
			if (err > 0)
				break;
			if (err)
				return done ? (ssize)done : err;
			continue;
		}
		if (canonical(t)) {
			done += take_line(&t->ld, buf + done, n - done, &end);
			ldisc_check_unthrottle(t);
			break;
		}
		done += take_raw(&t->ld, buf + done, n - done);
		ldisc_check_unthrottle(t);
		if (done >= rt->min)
			break;
		if (rt->gap)
			rt->deadline = ktime_get() + rt->gap;
	}
	return done;
}

ssize ldisc_read(struct tty *t, struct file *f, struct iter *to)
{
	struct read_timing rt;
	u8 buf[LDISC_BUF];
	ssize n;

	if (!to->count)
		return 0;
	if (tty_is_mine(t)) {
		n = tty_check_change(t, SIGTTIN);
		if (n)
			return n;
	}
	n = tty_take_turn(t, &t->reading, f);
	if (n)
		return n;
	timing_init(t, &rt);
	n = read_buffer(t, f, buf, MIN(to->count, sizeof(buf)), &rt);
	if (n > 0)
		tty_log_read(t, buf, n);
	if (n > 0)
		n = iter_copy_to(to, buf, n);
	tty_end_turn(t, &t->reading);
	return n;
}
