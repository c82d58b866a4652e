/* SPDX-License-Identifier: MIT */
/*
 * Terminal ioctls apart from the settings (termios.c) and job control (jobctl.c). Most work the
 * same on a pty's master, which then speaks of its slave; "master" says that the caller holds it.
 */
#include "tty/priv.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/user.h"
#include "vfs/vfs.h"

#define CAP_SYS_ADMIN_K 21

static size_t outq(struct tty *t)
{
	return t->ops->outq ? t->ops->outq(t) : 0;
}

int tty_wait_drained(struct tty *t)
{
	return wait_event_interruptible(&t->write_wait, !outq(t) || t->other_closed, "tty_drain");
}

static long tiocsti(struct tty *t, u64 arg)
{
	u8 c;

	if (!tty_is_mine(t) && !capable(CAP_SYS_ADMIN_K))
		return -EPERM;
	if (get_user(c, arg))
		return -EFAULT;
	tty_receive_queued(t, &c, 1);
	return 0;
}

static long set_winsize(struct tty *t, u64 arg)
{
	struct winsize ws;

	if (copy_from_user(&ws, arg, sizeof(ws)))
		return -EFAULT;
	tty_resize(t, &ws);
	return 0;
}

/* STOP and START characters go out even when output is stopped. */
static void send_xchar(struct tty *t, u8 c)
{
	bool was = t->stopped;

	if (c == CC_DISABLED)
		return;
	t->stopped = false;
	tty_write_bytes(t, &c, 1);
	t->stopped = was;
}

static long tcxonc(struct tty *t, u64 arg)
{
	int err = tty_check_change(t, SIGTTOU);

	if (err)
		return err;
	switch (arg) {
	case TCOOFF:
		tty_stop(t);
		t->tco_stopped = true;
		return 0;
	case TCOON:
		if (t->tco_stopped) {
			t->tco_stopped = false;
			tty_start(t);
		}
		return 0;
	case TCIOFF:
		send_xchar(t, tty_cc(t, VSTOP));
		return 0;
	case TCION:
		send_xchar(t, tty_cc(t, VSTART));
		return 0;
	}
	return -EINVAL;
}

static long tcflsh(struct tty *t, u64 arg)
{
	int err = tty_check_change(t, SIGTTOU);

	if (err)
		return err;
	if (arg != TCIFLUSH && arg != TCOFLUSH && arg != TCIOFLUSH)
		return -EINVAL;
	if (arg != TCOFLUSH)
		ldisc_flush_input(t);
	if (arg != TCIFLUSH) {
		t->ld.echo_len = 0;
		tty_flush_output(t);
	}
	return 0;
}

/* There is no line on which a break could be seen. */
static long send_break(struct tty *t, u32 cmd, u64 arg)
{
	int err = tty_check_change(t, SIGTTOU);

	if (err || cmd == TIOCCBRK)
		return err;
	return tty_wait_drained(t);
}

static long set_ldisc(struct tty *t, u64 arg)
{
	int err = tty_check_change(t, SIGTTOU), disc;

	if (err)
		return err;
	if (get_user(disc, arg))
		return -EFAULT;
	return disc == N_TTY ? 0 : -EINVAL;
}

static long set_exclusive(struct tty *t, bool on)
{
	t->exclusive = on;
	return 0;
}

static long vhangup_ioctl(struct tty *t)
{
	if (!capable(CAP_SYS_ADMIN_K))
		return -EPERM;
	tty_hangup(t, false);
	return 0;
}

static long simple_ioctl(struct tty *t, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TIOCSTI:
		return tiocsti(t, arg);
	case TIOCGWINSZ:
		return copy_to_user(arg, &t->ws, sizeof(t->ws));
	case TIOCSWINSZ:
		return set_winsize(t, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		return set_exclusive(t, cmd == TIOCEXCL);
	case TIOCGEXCL:
		return put_user((int)t->exclusive, arg);
	case TIOCGETD:
		return put_user((int)N_TTY, arg);
	case TIOCSETD:
		return set_ldisc(t, arg);
	case TIOCVHANGUP:
		return vhangup_ioctl(t);
	case TIOCGDEV:
		return put_user((unsigned int)t->dev, arg);
	case TIOCSBRK:
	case TIOCCBRK:
	case TCSBRK:
	case TCSBRKP:
		return send_break(t, cmd, arg);
	}
	return -ENOIOCTLCMD_K;
}

/* What a pty's master and its slave have in common. */
long tty_common_ioctl(struct tty *t, struct file *f, bool master, u32 cmd, u64 arg)
{
	long r = simple_ioctl(t, cmd, arg);

	if (r == -ENOIOCTLCMD_K)
		r = tty_jobctl_ioctl(t, f, master, cmd, arg);
	if (r == -ENOIOCTLCMD_K)
		r = tty_mode_ioctl(t, f, cmd, arg);
	return r;
}

long tty_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct tty *t = file_tty(f);
	long r = tty_common_ioctl(t, f, false, cmd, arg);

	if (r != -ENOIOCTLCMD_K)
		return r;
	switch (cmd) {
	case FIONREAD:
		return put_user((int)ldisc_inq(t), arg);
	case TIOCOUTQ:
		return put_user((int)outq(t), arg);
	case TCXONC:
		return tcxonc(t, arg);
	case TCFLSH:
		return tcflsh(t, arg);
	}
	return t->ops->ioctl ? t->ops->ioctl(t, cmd, arg) : -ENOIOCTLCMD_K;
}
