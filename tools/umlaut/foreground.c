/* SPDX-License-Identifier: MIT */
/*
 * A command in the foreground of a terminal: signals and window sizes go to it, the terminal is raw
 * meanwhile and as before at the end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "lib/control_proto.h"
#include "tools/libumlaut/judge.h"
#include "tools/umlaut/priv.h"

bool want_tty(int wish)
{
	return wish >= 0 ? wish : isatty(0) && isatty(1);
}

/* --- the terminal --- */

static struct termios saved;
static bool is_raw;

static void terminal_raw(void)
{
	struct termios t;

	if (tcgetattr(0, &saved))
		return;
	t = saved;
	cfmakeraw(&t);
	is_raw = !tcsetattr(0, TCSADRAIN, &t);
}

static void terminal_back(void)
{
	if (is_raw)
		tcsetattr(0, TCSADRAIN, &saved);
	is_raw = false;
}

/* --- signals --- */

struct foreground {
	struct watch signals;
	struct outcome *out;
};

static void on_signal(struct session *s, struct watch *w)
{
	struct foreground *f = (struct foreground *)w;
	struct signalfd_siginfo si;

	if (read(w->fd, &si, sizeof(si)) != sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGWINCH:
		session_tell(s, CTL_WINCH, 0);
		return;
	case SIGTSTP:
		terminal_back();
		raise(SIGSTOP);
		if (s->flags & CTL_TTY)
			terminal_raw();
		return;
	case SIGUSR1: case SIGUSR2: case SIGQUIT:
		session_tell(s, CTL_SIGNAL, si.ssi_signo);
		return;
	default:
		f->out->interrupted = true;
		session_end(s, (int)si.ssi_signo);
	}
}

static int open_signals(sigset_t *old)
{
	static const int sigs[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGWINCH,
				    SIGUSR1, SIGUSR2, SIGTSTP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int session_foreground(struct session *s, struct outcome *out)
{
	struct foreground f = { .signals = { .ready = on_signal }, .out = out };
	sigset_t old;
	int err;

	memset(out, 0, sizeof(*out));
	f.signals.fd = open_signals(&old);
	s->watches = &f.signals;
	err = session_send(s);
	if (!err) {
		if (s->flags & CTL_TTY)
			terminal_raw();
		session_wait(s, out);
		terminal_back();
	}
	s->watches = NULL;
	close(f.signals.fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return err;
}

int session_status(const struct session *s, const struct outcome *o)
{
	struct umlaut_result r = { 0 };

	judge(s, o, &r);
	if (*r.message)
		fail("%s", r.message);
	return r.status;
}
