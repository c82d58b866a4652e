/* SPDX-License-Identifier: MIT */
/*
 * Terminal settings: the TCGET/TCSET family in its three layouts (termio, termios, termios2),
 * speeds, and locked settings. Inside there is one form, struct ktermios (= termios2).
 */
#include "tty/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/signal.h"
#include "core/cred.h"
#include "mm/user.h"

#define CAP_SYS_ADMIN_K 21

/* Speeds of the Bxxx codes, in order: B0..B38400, then B57600.. with CBAUDEX. */
static const u32 speeds[] = {
	0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
};
static const u32 ext_speeds[] = {
	0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000,
	2000000, 2500000, 3000000, 3500000, 4000000,
};

/* The speed that CBAUD bits stand for; other: what BOTHER says. */
static u32 code_speed(u32 code, u32 other)
{
	if (code == BOTHER)
		return other;
	return code & CBAUDEX ? ext_speeds[code & 0xf] : speeds[code & 0xf];
}

/* The numbers follow the codes; input speed code 0 means "as output". */
static void fix_speeds(struct ktermios *k)
{
	u32 in = (k->c_cflag >> IBSHIFT) & CBAUD;

	k->c_ospeed = code_speed(k->c_cflag & CBAUD, k->c_ospeed);
	k->c_ispeed = in ? code_speed(in, k->c_ispeed) : k->c_ospeed;
}

/* Where old is locked, the old value stays. */
static void keep_locked(struct ktermios *k, const struct ktermios *old, const struct ktermios *lock)
{
	unsigned int i;

#define KEEP(f) (k->f = (k->f & ~lock->f) | (old->f & lock->f))
	KEEP(c_iflag);
	KEEP(c_oflag);
	KEEP(c_cflag);
	KEEP(c_lflag);
#undef KEEP
	if (lock->c_line)
		k->c_line = old->c_line;
	for (i = 0; i < NCCS; i++)
		if (lock->c_cc[i])
			k->c_cc[i] = old->c_cc[i];
}

void tty_set_termios(struct tty *t, const struct ktermios *new_tio)
{
	struct ktermios old = t->termios;

	t->termios = *new_tio;
	keep_locked(&t->termios, &old, &t->locked);
	t->termios.c_line = old.c_line;
	if (t->is_pty) {
		t->termios.c_cflag &= ~(CSIZE | PARENB);
		t->termios.c_cflag |= CS8 | CREAD;
	}
	ldisc_set_termios(t, &old);
	if (t->ops->set_termios)
		t->ops->set_termios(t, &old);
}

/* --- the three layouts --- */

enum layout { LAYOUT_TERMIO, LAYOUT_TERMIOS, LAYOUT_TERMIOS2 };

static int get_layout(struct ktermios *k, enum layout l, uaddr_t arg)
{
	struct termio old;

	if (l == LAYOUT_TERMIOS2)
		return copy_from_user(k, arg, sizeof(struct termios2));
	if (l == LAYOUT_TERMIOS)
		return copy_from_user(k, arg, sizeof(struct termios));
	if (copy_from_user(&old, arg, sizeof(old)))
		return -EFAULT;
	/* Only the low halves are set. */
	k->c_iflag = (k->c_iflag & 0xffff0000) | old.c_iflag;
	k->c_oflag = (k->c_oflag & 0xffff0000) | old.c_oflag;
	k->c_cflag = (k->c_cflag & 0xffff0000) | old.c_cflag;
	k->c_lflag = (k->c_lflag & 0xffff0000) | old.c_lflag;
	k->c_line = old.c_line;
	memcpy(k->c_cc, old.c_cc, NCC);
	return 0;
}

static int put_layout(const struct ktermios *k, enum layout l, uaddr_t arg)
{
	struct termio old = {
		.c_iflag = k->c_iflag,
		.c_oflag = k->c_oflag,
		.c_cflag = k->c_cflag,
		.c_lflag = k->c_lflag,
		.c_line = k->c_line,
	};

	if (l == LAYOUT_TERMIOS2)
		return copy_to_user(arg, k, sizeof(struct termios2));
	if (l == LAYOUT_TERMIOS)
		return copy_to_user(arg, k, sizeof(struct termios));
	memcpy(old.c_cc, k->c_cc, NCC);
	return copy_to_user(arg, &old, sizeof(old));
}

/* --- TCSET* --- */

enum { SET_NOW = 0, SET_DRAIN = 1, SET_FLUSH = 2 };

static long set_layout(struct tty *t, enum layout l, int how, u64 arg)
{
	struct ktermios k;
	int err;

	err = tty_check_change(t, SIGTTOU);
	if (err)
		return err;
	k = t->termios;
	if (get_layout(&k, l, arg))
		return -EFAULT;
	fix_speeds(&k);
	if (how >= SET_DRAIN) {
		err = tty_wait_drained(t);
		if (err)
			return err;
		if (how == SET_FLUSH)
			ldisc_flush_input(t);
		/* We slept: another may have stopped being the foreground, but the check was made. */
	}
	tty_set_termios(t, &k);
	return 0;
}

static long set_locked(struct tty *t, u64 arg)
{
	struct ktermios k = t->locked;

	if (!capable(CAP_SYS_ADMIN_K))
		return -EPERM;
	if (get_layout(&k, LAYOUT_TERMIOS, arg))
		return -EFAULT;
	t->locked = k;
	return 0;
}

static long softcar(struct tty *t, u32 cmd, u64 arg)
{
	int v = !!(t->termios.c_cflag & CLOCAL);

	if (cmd == TIOCGSOFTCAR)
		return put_user(v, arg);
	if (get_user(v, arg))
		return -EFAULT;
	t->termios.c_cflag = (t->termios.c_cflag & ~CLOCAL) | (v ? CLOCAL : 0);
	return 0;
}

static const struct {
	u32 cmd;
	u8 layout, how;
	bool set;
} modes[] = {
	{ TCGETS, LAYOUT_TERMIOS, 0, false },
	{ TCSETS, LAYOUT_TERMIOS, SET_NOW, true },
	{ TCSETSW, LAYOUT_TERMIOS, SET_DRAIN, true },
	{ TCSETSF, LAYOUT_TERMIOS, SET_FLUSH, true },
	{ TCGETS2, LAYOUT_TERMIOS2, 0, false },
	{ TCSETS2, LAYOUT_TERMIOS2, SET_NOW, true },
	{ TCSETSW2, LAYOUT_TERMIOS2, SET_DRAIN, true },
	{ TCSETSF2, LAYOUT_TERMIOS2, SET_FLUSH, true },
	{ TCGETA, LAYOUT_TERMIO, 0, false },
	{ TCSETA, LAYOUT_TERMIO, SET_NOW, true },
	{ TCSETAW, LAYOUT_TERMIO, SET_DRAIN, true },
	{ TCSETAF, LAYOUT_TERMIO, SET_FLUSH, true },
};

long tty_mode_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (modes[i].cmd != cmd)
			continue;
		if (modes[i].set)
			return set_layout(t, modes[i].layout, modes[i].how, arg);
		return put_layout(&t->termios, modes[i].layout, arg);
	}
	switch (cmd) {
	case TIOCGLCKTRMIOS:
		return put_layout(&t->locked, LAYOUT_TERMIOS, arg);
	case TIOCSLCKTRMIOS:
		return set_locked(t, arg);
	case TIOCGSOFTCAR:
	case TIOCSSOFTCAR:
		return softcar(t, cmd, arg);
	}
	return -ENOIOCTLCMD_K;
}
