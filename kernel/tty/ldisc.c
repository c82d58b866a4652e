/* SPDX-License-Identifier: MIT */
/*
 * N_TTY, input side: bytes from the driver become characters of a line being edited (canonical
 * mode) or are passed on, signals are raised, and echo is produced.
 *
 * The read buffer is a ring of 4096 bytes. In canonical mode [tail, canon_head) are finished
 * lines, whose last bytes have their bit in eol[]; [canon_head, head) is the line being edited. An
 * end-of-file character is stored as CC_DISABLED with its bit set, and never copied to a reader.
 */
#include "tty/priv.h"

#include <string.h>

#include "abi/poll.h"
#include "abi/signal.h"

static u8 ascii_lower(u8 c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool is_cntrl(u8 c)
{
	return c < 32 || c == 127;
}

static bool is_alnum(u8 c)
{
	return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static bool is_continuation(const struct tty *t, u8 c)
{
	return I_FLAG(t, IUTF8) && (c & 0xc0) == 0x80;
}

static u8 *ldisc_at(struct ldisc *ld, u32 i)
{
	return &ld->buf[i & (LDISC_BUF - 1)];
}

static void eol_set(struct ldisc *ld, u32 i)
{
	i &= LDISC_BUF - 1;
	ld->eol[i / 64] |= 1ULL << (i % 64);
}

static void ldisc_put(struct ldisc *ld, u8 c)
{
	*ldisc_at(ld, ld->head) = c;
	ld->head++;
}

static void ldisc_reset_input(struct ldisc *ld)
{
	ld->head = ld->canon_head = ld->tail = 0;
	memset(ld->eol, 0, sizeof(ld->eol));
	ld->erasing = ld->lnext = false;
}

void ldisc_flush_input(struct tty *t)
{
	ldisc_reset_input(&t->ld);
	ring_clear(&t->inq);
	tty_packet_event(t, 0, TIOCPKT_FLUSHREAD);
	ldisc_check_unthrottle(t);
}

/* --- editing --- */

static void finish_erasing(struct tty *t)
{
	if (t->ld.erasing) {
		echo_raw(t, '/');
		t->ld.erasing = false;
	}
}

/* Columns from the last tab (or the start of the line) to the end: how far an erased tab reached. */
static void erase_tab(struct tty *t)
{
	struct ldisc *ld = &t->ld;
	bool after_tab = false;
	u32 chars = 0, i = ld->head;
	u8 c;

	while (i != ld->canon_head) {
		c = *ldisc_at(ld, --i);
		if (c == '\t') {
			after_tab = true;
			break;
		}
		if (is_cntrl(c))
			chars += L_FLAG(t, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(t, c))
			chars++;
	}
	echo_erase_tab(t, chars, after_tab);
}

static void echo_rubout(struct tty *t)
{
	echo_raw(t, '\b');
	echo_raw(t, ' ');
	echo_raw(t, '\b');
}

/* Shows that the character c of cnt bytes, just behind head, is gone. */
static void echo_erased(struct tty *t, u8 c, u32 cnt, bool one_char)
{
	struct ldisc *ld = &t->ld;
	u32 i;

	if (L_FLAG(t, ECHOPRT)) {
		if (!ld->erasing) {
			echo_raw(t, '\\');
			ld->erasing = true;
		}
		echo_char(t, c);
		for (i = 1; i < cnt; i++)
			echo_raw(t, *ldisc_at(ld, ld->head + i));
	} else if (one_char && !L_FLAG(t, ECHOE)) {
		echo_char(t, tty_cc(t, VERASE));
	} else if (c == '\t') {
		erase_tab(t);
	} else {
		if (is_cntrl(c) && L_FLAG(t, ECHOCTL))
			echo_rubout(t);
		if (!is_cntrl(c) || L_FLAG(t, ECHOCTL))
			echo_rubout(t);
	}
}

/* VKILL when the line is not rubbed out character by character. True: done. */
static bool kill_line_simply(struct tty *t)
{
	struct ldisc *ld = &t->ld;

	if (L_FLAG(t, ECHO) && L_FLAG(t, ECHOK) && L_FLAG(t, ECHOKE) && L_FLAG(t, ECHOE))
		return false;
	ld->head = ld->canon_head;
	if (L_FLAG(t, ECHO)) {
		finish_erasing(t);
		echo_char(t, tty_cc(t, VKILL));
		if (L_FLAG(t, ECHOK))
			echo_raw(t, '\n');
	}
	return true;
}

enum erase_kind { ERASE_CHAR, ERASE_WORD, ERASE_LINE };

static void erase(struct tty *t, enum erase_kind kind)
{
	struct ldisc *ld = &t->ld;
	bool seen_word = false;
	u32 head, cnt;
	u8 c;

	if (ld->head == ld->canon_head)
		return;
	if (kind == ERASE_LINE && kill_line_simply(t))
		return;
	while (ld->head != ld->canon_head) {
		head = ld->head;
		do
			c = *ldisc_at(ld, --head);
		while (is_continuation(t, c) && head != ld->canon_head);
		if (is_continuation(t, c))
			break;		/* never half a character */
		if (kind == ERASE_WORD) {
			if (is_alnum(c) || c == '_')
				seen_word = true;
			else if (seen_word)
				break;
		}
		cnt = ld->head - head;
		ld->head = head;
		if (L_FLAG(t, ECHO))
			echo_erased(t, c, cnt, kind == ERASE_CHAR);
		if (kind == ERASE_CHAR)
			break;
	}
	if (ld->head == ld->canon_head && L_FLAG(t, ECHO))
		finish_erasing(t);
}

static void reprint(struct tty *t, u8 c)
{
	struct ldisc *ld = &t->ld;
	u32 i;

	finish_erasing(t);
	echo_char(t, c);
	echo_raw(t, '\n');
	for (i = ld->canon_head; i != ld->head; i++)
		echo_char(t, *ldisc_at(ld, i));
}

static void end_line(struct tty *t, u8 c)
{
	struct ldisc *ld = &t->ld;

	eol_set(ld, ld->head);
	ldisc_put(ld, c);
	ld->canon_head = ld->head;
	wake_up_events(&t->read_wait, EPOLLIN | EPOLLRDNORM);
}

/* --- characters --- */

static void receive_normal(struct tty *t, u8 c)
{
	struct ldisc *ld = &t->ld;

	if (L_FLAG(t, ECHO)) {
		finish_erasing(t);
		if (ld->canon_head == ld->head)
			ld->canon_column = ld->column;
		if (c == '\n')
			echo_raw(t, c);
		else
			echo_char(t, c);
	}
	if (c == 0xff && I_FLAG(t, PARMRK))
		ldisc_put(ld, c);
	ldisc_put(ld, c);
}

static void receive_signal(struct tty *t, int sig, u8 c)
{
	tty_signal_pgrp(t, sig);
	if (!L_FLAG(t, NOFLSH)) {
		t->ld.echo_len = 0;
		tty_flush_output(t);
		ldisc_reset_input(&t->ld);
		tty_packet_event(t, 0, TIOCPKT_FLUSHREAD);
	}
	if (I_FLAG(t, IXON))
		tty_start(t);
	if (L_FLAG(t, ECHO))
		echo_char(t, c);
}

static bool is_cc(const struct tty *t, int i, u8 c)
{
	return tty_cc(t, i) == c && c != CC_DISABLED;
}

/* Flow control and signals. True: c was one. */
static bool special_control(struct tty *t, u8 c)
{
	if (I_FLAG(t, IXON)) {
		if (is_cc(t, VSTART, c)) {
			tty_start(t);
			return true;
		}
		if (is_cc(t, VSTOP, c)) {
			tty_stop(t);
			return true;
		}
	}
	if (L_FLAG(t, ISIG)) {
		static const struct {
			u8 cc, sig;
		} sigs[] = { { VINTR, SIGINT }, { VQUIT, SIGQUIT }, { VSUSP, SIGTSTP } };
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(sigs); i++)
			if (is_cc(t, sigs[i].cc, c)) {
				receive_signal(t, sigs[i].sig, c);
				return true;
			}
	}
	return false;
}

static bool special_edit(struct tty *t, u8 c)
{
	bool ext = L_FLAG(t, IEXTEN);

	if (is_cc(t, VERASE, c)) {
		erase(t, ERASE_CHAR);
	} else if (is_cc(t, VKILL, c)) {
		erase(t, ERASE_LINE);
	} else if (ext && is_cc(t, VWERASE, c)) {
		erase(t, ERASE_WORD);
	} else if (ext && is_cc(t, VLNEXT, c)) {
		t->ld.lnext = true;
		if (L_FLAG(t, ECHO)) {
			finish_erasing(t);
			if (L_FLAG(t, ECHOCTL)) {
				echo_raw(t, '^');
				echo_raw(t, '\b');
			}
		}
	} else if (ext && L_FLAG(t, ECHO) && is_cc(t, VREPRINT, c)) {
		reprint(t, c);
	} else {
		return false;
	}
	return true;
}

/* Ends of lines in canonical mode. True: c was one. */
static bool special_eol(struct tty *t, u8 c)
{
	struct ldisc *ld = &t->ld;

	if (c == '\n') {
		if (L_FLAG(t, ECHO | ECHONL))
			echo_raw(t, '\n');
		end_line(t, c);
		return true;
	}
	if (is_cc(t, VEOF, c)) {
		end_line(t, CC_DISABLED);
		return true;
	}
	if (!is_cc(t, VEOL, c) && !(is_cc(t, VEOL2, c) && L_FLAG(t, IEXTEN)))
		return false;
	if (L_FLAG(t, ECHO)) {
		if (ld->canon_head == ld->head)
			ld->canon_column = ld->column;
		echo_char(t, c);
	}
	if (c == 0xff && I_FLAG(t, PARMRK))
		ldisc_put(ld, c);
	end_line(t, c);
	return true;
}

static void restart_any(struct tty *t)
{
	if (t->stopped && !t->tco_stopped && I_FLAG(t, IXON) && I_FLAG(t, IXANY))
		tty_start(t);
}

static void receive_special(struct tty *t, u8 c)
{
	if (special_control(t, c))
		return;
	restart_any(t);
	if (c == '\r') {
		if (I_FLAG(t, IGNCR))
			return;
		if (I_FLAG(t, ICRNL))
			c = '\n';
	} else if (c == '\n' && I_FLAG(t, INLCR)) {
		c = '\r';
	}
	if (L_FLAG(t, ICANON) && (special_edit(t, c) || special_eol(t, c)))
		return;
	receive_normal(t, c);
}

static void receive_char(struct tty *t, u8 c)
{
	struct ldisc *ld = &t->ld;
	bool lnext = ld->lnext;

	if (I_FLAG(t, ISTRIP))
		c &= 0x7f;
	if (I_FLAG(t, IUCLC) && L_FLAG(t, IEXTEN))
		c = ascii_lower(c);
	ld->lnext = false;
	if (L_FLAG(t, EXTPROC)) {
		ldisc_put(ld, c);
		return;
	}
	if (!lnext && (ld->special[c / 64] >> (c % 64) & 1)) {
		receive_special(t, c);
		return;
	}
	restart_any(t);
	receive_normal(t, c);
}

/* --- from the driver --- */

static bool ldisc_canon(const struct tty *t)
{
	return L_FLAG(t, ICANON) && !L_FLAG(t, EXTPROC);
}

/*
 * Characters that fit. A line being edited that fills the buffer must still be able to end, so
 * then there is room for one, which takes the place of the last ("overflow").
 */
static u32 receive_room(struct tty *t, bool adjust)
{
	struct ldisc *ld = &t->ld;
	s32 room = LDISC_BUF - (ld->head - ld->tail);

	if (I_FLAG(t, PARMRK))
		room = (room + 2) / 3;
	room--;
	if (room > 0)
		return room;
	if (!L_FLAG(t, ICANON) || ld->canon_head != ld->tail)
		return 0;
	if (room < 0 && adjust)
		ld->head--;
	return 1;
}

size_t tty_receive_room(const struct tty *t)
{
	return receive_room((struct tty *)t, false);
}

static void receive_raw(struct ldisc *ld, const u8 *buf, u32 n)
{
	u32 at = ld->head & (LDISC_BUF - 1), first = MIN(n, LDISC_BUF - at);

	memcpy(ld->buf + at, buf, first);
	memcpy(ld->buf, buf + first, n - first);
	ld->head += n;
}

size_t tty_receive(struct tty *t, const u8 *buf, size_t n)
{
	struct ldisc *ld = &t->ld;
	size_t done = 0;
	u32 room, i;

	while (done < n) {
		room = MIN(receive_room(t, true), n - done);
		if (!room) {
			t->throttled = true;
			break;
		}
		if (ld->raw)
			receive_raw(ld, buf + done, room);
		else
			for (i = 0; i < room; i++)
				receive_char(t, buf[done + i]);
		done += room;
	}
	echo_flush(t);
	if (!ldisc_canon(t) && ld->head != ld->tail)
		wake_up_events(&t->read_wait, EPOLLIN | EPOLLRDNORM);
	return done;
}

size_t tty_receive_queued(struct tty *t, const u8 *buf, size_t n)
{
	size_t done = ring_len(&t->inq) ? 0 : tty_receive(t, buf, n);

	return done + ring_put(&t->inq, buf + done, n - done);
}

/* After a read: queued input moves up, then the driver may send more. */
void ldisc_check_unthrottle(struct tty *t)
{
	bool moved = t->throttled;
	const u8 *p;
	u32 n, took;

	while ((n = ring_front(&t->inq, &p)) != 0) {
		took = tty_receive(t, p, n);
		t->inq.tail += took;
		moved |= took > 0;
		if (took < n)
			break;
	}
	if (!moved || !(ring_len(&t->inq) || tty_receive_room(t)))
		return;
	t->throttled = ring_len(&t->inq) != 0;
	if (t->ops->unthrottle)
		t->ops->unthrottle(t);
}

/* --- settings --- */

static void special_add(struct tty *t, u8 c)
{
	t->ld.special[c / 64] |= 1ULL << (c % 64);
}

static void special_add_all(struct tty *t, const u8 *ccs, size_t n)
{
	while (n--)
		special_add(t, tty_cc(t, *ccs++));
}

static void build_special(struct tty *t)
{
	static const u8 flow[] = { VSTART, VSTOP }, sigs[] = { VINTR, VQUIT, VSUSP };
	static const u8 canon[] = { VERASE, VKILL, VEOF, VEOL };
	static const u8 ext[] = { VWERASE, VLNEXT, VREPRINT, VEOL2 };

	memset(t->ld.special, 0, sizeof(t->ld.special));
	if (I_FLAG(t, IXON))
		special_add_all(t, flow, sizeof(flow));
	if (L_FLAG(t, ISIG))
		special_add_all(t, sigs, sizeof(sigs));
	if (L_FLAG(t, ICANON)) {
		special_add_all(t, canon, sizeof(canon));
		special_add(t, '\n');
		if (L_FLAG(t, IEXTEN))
			special_add_all(t, ext, sizeof(ext));
	}
	t->ld.special[0] &= ~(1ULL << CC_DISABLED);
	if (I_FLAG(t, IGNCR | ICRNL))
		special_add(t, '\r');
	if (I_FLAG(t, INLCR))
		special_add(t, '\n');
	t->ld.raw = !I_FLAG(t, ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK) &&
		    !L_FLAG(t, ICANON | ISIG | ECHO);
}

/* What was typed in one mode stays readable in the other. */
static void change_canon(struct ldisc *ld, bool canon)
{
	memset(ld->eol, 0, sizeof(ld->eol));
	if (!canon || ld->head == ld->tail) {
		ld->canon_head = ld->tail;
	} else {
		eol_set(ld, ld->head - 1);
		ld->canon_head = ld->head;
	}
	ld->erasing = ld->lnext = false;
}

void ldisc_set_termios(struct tty *t, const struct ktermios *old)
{
	if (!old || (old->c_lflag ^ t->termios.c_lflag) & (ICANON | EXTPROC))
		change_canon(&t->ld, L_FLAG(t, ICANON));
	build_special(t);
	if (old && (old->c_iflag & IXON) && !I_FLAG(t, IXON) && !t->tco_stopped)
		tty_start(t);
	ldisc_check_unthrottle(t);
	wake_up_all(&t->write_wait);
	wake_up_all(&t->read_wait);
}
