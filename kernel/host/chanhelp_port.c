/* SPDX-License-Identifier: MIT */
/*
 * One telnet connection: between the caller and a pseudo terminal whose slave the kernel has. We
 * echo and do not want lines; the caller tells the size of its window. A caller that speaks no
 * telnet is served, too.
 */
#include "host/chanhelp_priv.h"

#include <arpa/telnet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define CHUNK 4096

enum state { TEXT, AFTER_CR, AFTER_IAC, AFTER_VERB, SUB, SUB_IAC };

struct telnet {
	int conn, master;
	enum state state;
	u8 verb;
	u8 sub[16];
	size_t nsub;
};

int chanhelp_pty(int *master, int *slave)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), s = -1;
	struct termios t;
	char name[64];

	if (m < 0)
		return -errno;
	if (!grantpt(m) && !unlockpt(m) && !ptsname_r(m, name, sizeof(name)))
		s = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0) {
		close(m);
		return -EIO;
	}
	if (!tcgetattr(s, &t)) {
		cfmakeraw(&t);
		tcsetattr(s, TCSANOW, &t);
	}
	*master = m;
	*slave = s;
	return 0;
}

static bool write_all(int fd, const u8 *p, size_t n)
{
	while (n) {
		ssize r = write(fd, p, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		p += r;
		n -= (size_t)r;
	}
	return true;
}

static void answer(struct telnet *t, u8 verb, u8 option)
{
	const u8 text[] = { IAC, verb, option };

	write_all(t->conn, text, sizeof(text));
}

/* What we offered or asked for at the start needs no answer; everything else is declined. */
static void negotiate(struct telnet *t, u8 option)
{
	if (t->verb == DO && option != TELOPT_ECHO && option != TELOPT_SGA)
		answer(t, WONT, option);
	else if (t->verb == WILL && option != TELOPT_NAWS && option != TELOPT_SGA)
		answer(t, DONT, option);
}

static void sub_end(struct telnet *t)
{
	struct winsize ws = { 0 };

	if (t->nsub != 5 || t->sub[0] != TELOPT_NAWS)
		return;
	ws.ws_col = (unsigned short)(t->sub[1] << 8 | t->sub[2]);
	ws.ws_row = (unsigned short)(t->sub[3] << 8 | t->sub[4]);
	ioctl(t->master, TIOCSWINSZ, &ws);
}

/* One byte from the caller; true: *c is input for the terminal. */
static bool take(struct telnet *t, u8 *c)
{
	switch (t->state) {
	case AFTER_CR:
		t->state = TEXT;
		if (*c == 0 || *c == '\n')
			return false;
		/* fall through */
	case TEXT:
		t->state = *c == IAC ? AFTER_IAC : *c == '\r' ? AFTER_CR : TEXT;
		return *c != IAC;
	case AFTER_IAC:
		t->state = *c >= WILL && *c <= DONT ? AFTER_VERB : *c == SB ? SUB : TEXT;
		t->verb = *c;
		t->nsub = 0;
		if (*c == IP || *c == BREAK)
			*c = 3;			/* ^C */
		return *c == IAC || *c == 3;
	case AFTER_VERB:
		negotiate(t, *c);
		t->state = TEXT;
		return false;
	case SUB:
		if (*c == IAC)
			t->state = SUB_IAC;
		else if (t->nsub < sizeof(t->sub))
			t->sub[t->nsub++] = *c;
		return false;
	case SUB_IAC:
		t->state = *c == IAC ? SUB : TEXT;
		if (*c == SE)
			sub_end(t);
		else if (*c == IAC && t->nsub < sizeof(t->sub))
			t->sub[t->nsub++] = *c;
		return false;
	}
	return false;
}

static bool from_caller(struct telnet *t)
{
	u8 in[CHUNK], out[CHUNK];
	ssize r = read(t->conn, in, sizeof(in));
	size_t n = 0;

	if (r <= 0)
		return r < 0 && errno == EINTR;
	for (ssize i = 0; i < r; i++)
		if (take(t, &in[i]))
			out[n++] = in[i];
	return write_all(t->master, out, n);
}

static bool to_caller(struct telnet *t)
{
	u8 in[CHUNK], out[2 * CHUNK];
	ssize r = read(t->master, in, sizeof(in));
	size_t n = 0;

	if (r <= 0)
		return r < 0 && errno == EINTR;
	for (ssize i = 0; i < r; i++) {
		if (in[i] == IAC)
			out[n++] = IAC;
		out[n++] = in[i];
	}
	return write_all(t->conn, out, n);
}

void chanhelp_telnet(int reply, int conn)
{
	static const u8 hello[] = { IAC, WILL, TELOPT_ECHO, IAC, WILL, TELOPT_SGA,
				    IAC, DO,   TELOPT_SGA,  IAC, DO,   TELOPT_NAWS };
	struct telnet t = { .conn = conn };
	struct pollfd p[2];
	int slave, err = chanhelp_pty(&t.master, &slave);

	if (err) {
		chanhelp_reply(reply, err, -1);
		_exit(1);
	}
	write_all(conn, hello, sizeof(hello));
	if (chanhelp_reply(reply, 0, slave))
		_exit(1);
	/* Ours must go, or the end of the kernel's would not be seen; it holds the message's copy by then. */
	close(slave);
	close(reply);
	for (bool on = true; on; ) {
		p[0] = (struct pollfd){ .fd = conn, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = t.master, .events = POLLIN };
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			on = to_caller(&t);
		if (on && p[0].revents)
			on = from_caller(&t);
	}
	_exit(0);
}

void chanhelp_nobody(int conn)
{
	static const char text[] =
		"\r\n****\r\n"
		"There are currently no UML consoles waiting for port connections.\r\n"
		"Either disconnect from one to make it available or activate some more\r\n"
		"by enabling more consoles in the UML /etc/inittab.\r\n"
		"****\r\n";

	if (write(conn, text, sizeof(text) - 1) < 0)
		errno = 0;		/* it went away by itself */
}
