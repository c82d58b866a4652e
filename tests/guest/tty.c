/* SPDX-License-Identifier: MIT */
/*
 * Terminals, on pseudo-terminals: settings, canonical and raw input, echo, output processing, signals
 * from keys, job control, window size, controlling terminals, hang-up.
 */
#include "test.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;
static char slave_name[64], buf[8192];

static void open_pty(void)
{
	int n, zero = 0;

	master = OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	OK(ioctl(master, TIOCSPTLCK, &zero));
	OK(ioctl(master, TIOCGPTN, &n));
	snprintf(slave_name, sizeof(slave_name), "/dev/pts/%d", n);
	slave = OK(open(slave_name, O_RDWR | O_NOCTTY));
}

static void type(const char *keys)
{
	EQ(write(master, keys, strlen(keys)), strlen(keys));
}

/* What comes out of the descriptor within a short time. */
static int take(int fd)
{
	struct pollfd f = { fd, POLLIN, 0 };
	int n = 0, r;

	while (n < (int)sizeof(buf) - 1 && poll(&f, 1, n ? 30 : 1000) == 1 && f.revents & POLLIN) {
		r = read(fd, buf + n, sizeof(buf) - 1 - n);
		if (r <= 0)
			break;
		n += r;
	}
	buf[n] = 0;
	return n;
}

static int nothing(int fd)
{
	struct pollfd f = { fd, POLLIN, 0 };

	return poll(&f, 1, 30) == 0;
}

#define SEES(fd, text) do {							\
	take(fd);								\
	if (strcmp(buf, text))							\
		FAIL("line %d: got \"%.60s\"", __LINE__, buf);			\
} while (0)

static void change(tcflag_t off_l, tcflag_t on_l)
{
	struct termios t;

	OK(tcgetattr(slave, &t));
	t.c_lflag = (t.c_lflag & ~off_l) | on_l;
	OK(tcsetattr(slave, TCSANOW, &t));
}

/* In a child: a new session whose terminal is the slave. */
static void take_terminal(void)
{
	OK(setsid());
	OK(ioctl(slave, TIOCSCTTY, 0));
}

TEST(open_and_names)
{
	struct stat st;
	char name[64];

	open_pty();
	CHECK(isatty(slave) && isatty(master));
	ZERO(ptsname_r(master, name, sizeof(name)));
	CHECK(!strcmp(name, slave_name));
	OK(fstat(slave, &st));
	CHECK(S_ISCHR(st.st_mode));
	EQ(st.st_rdev >> 8, 136);
	OK(open(slave_name, O_RDONLY | O_NOCTTY));
}

TEST(locked_until_told)
{
	int m = OK(open("/dev/ptmx", O_RDWR | O_NOCTTY)), n;
	char name[64];

	OK(ioctl(m, TIOCGPTN, &n));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	ERR(open(name, O_RDWR | O_NOCTTY), EIO);
	OK(unlockpt(m));
	OK(open(name, O_RDWR | O_NOCTTY));
	OK(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY));
}

TEST(default_settings)
{
	struct termios t;

	open_pty();
	OK(tcgetattr(slave, &t));
	EQ(t.c_iflag, ICRNL | IXON);
	EQ(t.c_oflag, OPOST | ONLCR);
	EQ(t.c_cflag, B38400 | CS8 | CREAD);
	EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	EQ(t.c_cc[VINTR], 3);
	EQ(t.c_cc[VEOF], 4);
	EQ(t.c_cc[VERASE], 0x7f);
	EQ(t.c_cc[VKILL], 0x15);
	EQ(t.c_cc[VSUSP], 0x1a);
	EQ(t.c_cc[VMIN], 1);
	ERR(tcgetattr(OK(open("f", O_RDWR | O_CREAT, 0644)), &t), ENOTTY);
	ERR(ioctl(slave, TCGETS, BAD_PTR), EFAULT);
	ERR(ioctl(slave, 0x54ff, 0), ENOTTY);
	ERR(lseek(slave, 0, SEEK_SET), ESPIPE);
}

TEST(settings_are_kept)
{
	struct termios t, u;

	open_pty();
	OK(tcgetattr(slave, &t));
	cfmakeraw(&t);
	t.c_cc[VTIME] = 7;
	OK(tcsetattr(slave, TCSADRAIN, &t));
	OK(tcgetattr(master, &u));	/* both ends show the same */
	EQ(u.c_lflag, t.c_lflag);
	EQ(u.c_iflag, t.c_iflag);
	EQ(u.c_cc[VTIME], 7);
}

TEST(canonical_line)
{
	open_pty();
	type("hel");
	CHECK(nothing(slave));
	type("lo\n");
	SEES(slave, "hello\n");
	type("a\rb\n");		/* ICRNL */
	EQ(read(slave, buf, 100), 2);
	EQ(read(slave, buf, 100), 2);
}

TEST(partial_reads_of_a_line)
{
	open_pty();
	type("abcdef\n");
	EQ(read(slave, buf, 3), 3);
	EQ(read(slave, buf, 100), 4);
	CHECK(!memcmp(buf, "def\n", 4));
}

TEST(erase_and_kill)
{
	open_pty();
	change(ECHO, 0);
	type("abX\x7f" "c\n");
	SEES(slave, "abc\n");
	type("gone\x15kept\n");
	SEES(slave, "kept\n");
	type("one two\x17three\n");	/* word erase */
	SEES(slave, "one three\n");
	type("\x7f\x7fx\n");
	SEES(slave, "x\n");
	type("lit\x16\x7f\n");		/* literal next */
	SEES(slave, "lit\x7f\n");
}

TEST(end_of_file)
{
	open_pty();
	change(ECHO, 0);
	type("\x04");
	EQ(read(slave, buf, 10), 0);
	type("abc\x04");
	EQ(read(slave, buf, 10), 3);
	type("\n");
	EQ(read(slave, buf, 10), 1);
}

TEST(echo)
{
	open_pty();
	type("ab\n");
	SEES(master, "ab\r\n");
	type("\x01x\x7f\n");
	SEES(master, "^Ax\b \b\r\n");
	change(ECHO, 0);
	type("silent\n");
	CHECK(nothing(master));
	change(0, ECHONL);
	type("n\n");
	SEES(master, "\r\n");
}

TEST(output_processing)
{
	struct termios t;

	open_pty();
	EQ(write(slave, "a\nb\n", 4), 4);
	SEES(master, "a\r\nb\r\n");
	OK(tcgetattr(slave, &t));
	t.c_oflag &= ~OPOST;
	OK(tcsetattr(slave, TCSANOW, &t));
	EQ(write(slave, "a\nb", 3), 3);
	SEES(master, "a\nb");
}

TEST(raw_mode)
{
	struct termios t;

	open_pty();
	OK(tcgetattr(slave, &t));
	cfmakeraw(&t);
	OK(tcsetattr(slave, TCSANOW, &t));
	type("a\x03\x04\r");
	SEES(slave, "a\x03\x04\r");
	CHECK(nothing(master));
}

TEST(vmin_vtime)
{
	struct termios t;
	int64_t start;
	pid_t kid;

	open_pty();
	OK(tcgetattr(slave, &t));
	cfmakeraw(&t);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 0;
	OK(tcsetattr(slave, TCSANOW, &t));
	EQ(read(slave, buf, 10), 0);
	t.c_cc[VTIME] = 1;
	OK(tcsetattr(slave, TCSANOW, &t));
	start = now_ns();
	EQ(read(slave, buf, 10), 0);
	CHECK(now_ns() - start >= 90000000);
	t.c_cc[VMIN] = 4;
	t.c_cc[VTIME] = 0;
	OK(tcsetattr(slave, TCSANOW, &t));
	kid = CHILD(type("ab"); sleep_ms(30); type("cd"));
	EQ(read(slave, buf, 10), 4);
	WAIT_EXIT(kid, 0);
}

TEST(nonblock)
{
	open_pty();
	OK(fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK));
	ERR(read(slave, buf, 10), EAGAIN);
	type("x");
	ERR(read(slave, buf, 10), EAGAIN);	/* no line yet */
	type("\n");
	SEES(slave, "x\n");
}

TEST(flush_and_queues)
{
	int n;

	open_pty();
	type("abc\n");
	UNTIL(!ioctl(slave, FIONREAD, &n) && n == 4);	/* input may take its time */
	OK(tcflush(slave, TCIFLUSH));
	CHECK(nothing(slave));
	ERR(ioctl(slave, TCFLSH, 9), EINVAL);
	EQ(write(slave, "out", 3), 3);
	OK(ioctl(master, FIONREAD, &n));
	CHECK(n >= 3);
	OK(tcdrain(slave));
}

TEST(stop_and_start_output)
{
	open_pty();
	change(ECHO, 0);
	type("\x13");		/* ^S */
	sleep_ms(30);
	OK(fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK));
	EQ(write(slave, "x", 1) == 1 || errno == EAGAIN, 1);
	CHECK(nothing(master));
	type("\x11");		/* ^Q */
	sleep_ms(30);
	EQ(write(slave, "y", 1), 1);
	take(master);
	CHECK(strchr(buf, 'y'));
}

TEST(window_size)
{
	struct winsize w = { 24, 80, 1, 2 }, v;

	open_pty();
	OK(ioctl(slave, TIOCGWINSZ, &v));
	EQ(v.ws_row, 0);
	OK(ioctl(master, TIOCSWINSZ, &w));
	OK(ioctl(slave, TIOCGWINSZ, &v));
	EQ(v.ws_row, 24);
	EQ(v.ws_col, 80);
	ERR(ioctl(slave, TIOCGWINSZ, BAD_PTR), EFAULT);
}

static volatile int got;

static void note(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	(void)ctx;
	got = sig;
}

TEST(sigwinch)
{
	struct winsize w = { 30, 90, 0, 0 };
	volatile int *ready = shared_page();
	pid_t kid;

	open_pty();
	kid = CHILD(take_terminal(); on_signal(SIGWINCH, note, 0); ready[0] = 1;
		    UNTIL(got == SIGWINCH));
	UNTIL(ready[0]);
	OK(ioctl(master, TIOCSWINSZ, &w));
	WAIT_EXIT(kid, 0);
}

TEST(controlling_terminal)
{
	open_pty();
	WAIT_EXIT(CHILD(
		OK(setsid());
		ERR(open("/dev/tty", O_RDWR), ENXIO);
		ERR(tcgetpgrp(slave), ENOTTY);
		OK(ioctl(slave, TIOCSCTTY, 0));
		EQ(tcgetpgrp(slave), getpid());
		EQ(tcgetsid(slave), getpid());
		int t = OK(open("/dev/tty", O_RDWR));
		EQ(write(t, "via tty", 7), 7);
		ERR(ioctl(OK(dup(1)), TIOCSCTTY, 0) == 0 ? -1 : (errno = EPERM, -1), EPERM);
		signal(SIGHUP, SIG_IGN);
		OK(ioctl(t, TIOCNOTTY));
		ERR(open("/dev/tty", O_RDWR), ENXIO)), 0);
	SEES(master, "via tty");
}

TEST(open_without_noctty_takes_it)
{
	open_pty();
	WAIT_EXIT(CHILD(OK(setsid()); OK(open(slave_name, O_RDWR));
			OK(open("/dev/tty", O_RDWR)); EQ(tcgetpgrp(slave), getpid())), 0);
}

TEST(interrupt_key)
{
	volatile int *ready = shared_page();
	pid_t kid;

	open_pty();
	kid = CHILD(take_terminal(); ready[0] = 1; for (;;) pause());
	UNTIL(ready[0]);
	type("typed\x03");
	WAIT_SIGNAL(kid, SIGINT);
	take(master);
	CHECK(strstr(buf, "^C"));
}

/*
 * A program that draws, changes its signal mask and the terminal's settings, and waits for keys, as
 * line editors do. Each ^C comes at another moment; each must reach the handler, also those that come
 * between a call's return and the next one.
 */
static volatile int *interrupts;

static void count_interrupt(int sig, siginfo_t *si, void *ctx)
{
	(void)sig, (void)si, (void)ctx;
	interrupts[0]++;
}

static void draw_for_ever(void)
{
	struct pollfd p = { slave, POLLIN, 0 };
	sigset_t ints, old;
	struct termios t;
	char c;

	take_terminal();
	on_signal(SIGINT, count_interrupt, 0);
	sigemptyset(&ints);
	sigaddset(&ints, SIGINT);
	OK(tcgetattr(slave, &t));
	for (interrupts[1] = 1; !interrupts[2]; ) {
		sigprocmask(SIG_BLOCK, &ints, &old);
		while (write(slave, "x\b", 2) < 0 && errno == EINTR)
			;
		sigprocmask(SIG_SETMASK, &old, NULL);
		t.c_lflag ^= ICANON;
		while (tcsetattr(slave, TCSADRAIN, &t) < 0 && errno == EINTR)
			;
		if (poll(&p, 1, 1) > 0 && p.revents & POLLIN)
			(void)!read(slave, &c, 1);
	}
}

TEST_TIMEOUT(interrupts_at_any_moment, 30)
{
	pid_t kid;
	int i;

	interrupts = shared_page();
	open_pty();
	OK(fcntl(master, F_SETFL, O_NONBLOCK));
	kid = CHILD(draw_for_ever());
	UNTIL(interrupts[1]);
	for (i = 1; i <= 300; i++) {
		struct timespec ts = { 0, i * 7919L % 1500 * 1000 };

		nanosleep(&ts, NULL);
		type("\x03");
		UNTIL(interrupts[0] == i);
		while (read(master, buf, sizeof(buf)) > 0)
			;
	}
	interrupts[2] = 1;
	WAIT_EXIT(kid, 0);
}

/* Blocked except inside ppoll(): whatever the moment of the ^C, the wait that follows ends with it. */
static void wait_for_interrupts(int n)
{
	struct pollfd p = { slave, POLLIN, 0 };
	struct timespec ts = { 5, 0 };
	sigset_t ints, none;
	int i;

	take_terminal();
	on_signal(SIGINT, count_interrupt, SA_RESTART);
	sigemptyset(&none);
	sigemptyset(&ints);
	sigaddset(&ints, SIGINT);
	OK(sigprocmask(SIG_BLOCK, &ints, NULL));
	for (i = 1; i <= n; i++) {
		interrupts[1] = i;
		while (interrupts[2] < i * 3 % 40)
			interrupts[2]++, (void)!write(slave, "x\b", 2);
		ERR(ppoll(&p, 1, &ts, &none), EINTR);
		EQ(interrupts[0], i);
		interrupts[2] = 0;
	}
}

TEST_TIMEOUT(interrupt_before_the_wait, 30)
{
	pid_t kid;
	int i;

	interrupts = shared_page();
	open_pty();
	OK(fcntl(master, F_SETFL, O_NONBLOCK));
	kid = CHILD(wait_for_interrupts(300));
	for (i = 1; i <= 300; i++) {
		UNTIL(interrupts[1] == i || proc_state(kid) == 'Z');
		type("\x03");
		while (read(master, buf, sizeof(buf)) > 0)
			;
	}
	WAIT_EXIT(kid, 0);
}

TEST(quit_key)
{
	volatile int *ready = shared_page();
	pid_t kid;

	open_pty();
	kid = CHILD(take_terminal(); ready[0] = 1; for (;;) pause());
	UNTIL(ready[0]);
	type("\x1c");
	WAIT_SIGNAL(kid, SIGQUIT);
}

TEST(interrupt_goes_to_the_foreground_group)
{
	volatile int *ready = shared_page();
	pid_t kid;

	open_pty();
	kid = CHILD(
		take_terminal();
		signal(SIGTTOU, SIG_IGN);
		pid_t fg = CHILD(setpgid(0, 0); ready[0] = 1; for (;;) pause());
		setpgid(fg, fg);
		pid_t bg = CHILD(setpgid(0, 0); ready[1] = 1; for (;;) pause());
		setpgid(bg, bg);
		UNTIL(ready[0] && ready[1]);
		OK(tcsetpgrp(slave, fg));
		EQ(tcgetpgrp(slave), fg);
		ready[2] = 1;
		WAIT_SIGNAL(fg, SIGINT);
		EQ(waitpid(bg, NULL, WNOHANG), 0);
		kill(bg, SIGKILL);
		WAIT_SIGNAL(bg, SIGKILL));
	UNTIL(ready[2]);
	type("\x03");
	WAIT_EXIT(kid, 0);
}

TEST(suspend_key)
{
	volatile int *ready = shared_page();
	pid_t kid;

	open_pty();
	kid = CHILD(
		int status;

		take_terminal();
		signal(SIGTTOU, SIG_IGN);
		pid_t fg = CHILD(setpgid(0, 0); ready[0] = 1; for (;;) pause());
		setpgid(fg, fg);
		UNTIL(ready[0]);
		OK(tcsetpgrp(slave, fg));
		ready[1] = 1;
		EQ(waitpid(fg, &status, WUNTRACED), fg);
		EQ(WSTOPSIG(status), SIGTSTP);
		kill(fg, SIGKILL);
		WAIT_SIGNAL(fg, SIGKILL));
	UNTIL(ready[1]);
	type("\x1a");
	WAIT_EXIT(kid, 0);
}

TEST(background_read_and_write)
{
	pid_t kid;

	open_pty();
	kid = CHILD(
		int status;
		char c;

		take_terminal();
		pid_t bg = CHILD(setpgid(0, 0); (void)!read(slave, &c, 1));
		setpgid(bg, bg);
		EQ(waitpid(bg, &status, WUNTRACED), bg);
		EQ(WSTOPSIG(status), SIGTTIN);
		kill(bg, SIGKILL);
		WAIT_SIGNAL(bg, SIGKILL);
		/* ignored: the read fails */
		WAIT_EXIT(CHILD(setpgid(0, 0); signal(SIGTTIN, SIG_IGN);
				ERR(read(slave, &c, 1), EIO)), 0);
		/* writing is allowed without TOSTOP and stops with it */
		WAIT_EXIT(CHILD(setpgid(0, 0); EQ(write(slave, "w", 1), 1)), 0);
		change(0, TOSTOP);
		bg = CHILD(setpgid(0, 0); (void)!write(slave, "w", 1));
		setpgid(bg, bg);
		EQ(waitpid(bg, &status, WUNTRACED), bg);
		EQ(WSTOPSIG(status), SIGTTOU);
		kill(bg, SIGKILL);
		WAIT_SIGNAL(bg, SIGKILL);
		/* so does tcsetpgrp from the background */
		bg = CHILD(setpgid(0, 0); tcsetpgrp(slave, getpid()));
		setpgid(bg, bg);
		EQ(waitpid(bg, &status, WUNTRACED), bg);
		EQ(WSTOPSIG(status), SIGTTOU);
		kill(bg, SIGKILL);
		WAIT_SIGNAL(bg, SIGKILL));
	WAIT_EXIT(kid, 0);
}

TEST(tcsetpgrp_errors)
{
	open_pty();
	WAIT_EXIT(CHILD(take_terminal();
			ERR(tcsetpgrp(slave, 0x3fffffff), ESRCH);
			ERR(tcsetpgrp(slave, -1), EINVAL);
			ERR(tcsetpgrp(slave, getppid()), EPERM);
			ERR(tcsetpgrp(0x3ff, getpid()), EBADF)), 0);
	ERR(tcsetpgrp(slave, getpgrp()), ENOTTY);
}

TEST(isig_off)
{
	open_pty();
	change(ISIG | ECHO, 0);
	type("a\x03\n");
	SEES(slave, "a\x03\n");
}

TEST(hangup_when_the_master_closes)
{
	volatile int *ready = shared_page();
	struct pollfd f;
	pid_t kid;

	open_pty();
	kid = CHILD(close(master); take_terminal(); ready[0] = 1; for (;;) pause());
	UNTIL(ready[0]);
	OK(close(master));
	WAIT_SIGNAL(kid, SIGHUP);
	EQ(read(slave, buf, 10), 0);
	ERR(write(slave, "x", 1), EIO);
	f = (struct pollfd){ slave, POLLIN, 0 };
	EQ(poll(&f, 1, 0), 1);
	EQ(f.revents & POLLHUP, POLLHUP);
}

TEST(master_sees_the_slave_close)
{
	open_pty();
	EQ(write(slave, "bye", 3), 3);
	OK(close(slave));
	EQ(read(master, buf, 10), 3);
	ERR(read(master, buf, 10), EIO);
	slave = OK(open(slave_name, O_RDWR | O_NOCTTY));
	EQ(write(slave, "back", 4), 4);
	EQ(read(master, buf, 10), 4);
}

TEST(session_leader_exit_hangs_up)
{
	volatile int *ready = shared_page();
	pid_t kid;

	open_pty();
	kid = CHILD(take_terminal();
		    CHILD(on_signal(SIGHUP, note, 0); ready[0] = 1; UNTIL(got); ready[1] = got);
		    UNTIL(ready[0]));
	WAIT_EXIT(kid, 0);
	UNTIL(ready[1]);
	EQ(ready[1], SIGHUP);
}

TEST(tiocsti_and_packet_errors)
{
	int on = 1;

	open_pty();
	OK(ioctl(master, TIOCPKT, &on));
	EQ(write(slave, "pk", 2), 2);
	EQ(read(master, buf, 10), 3);
	EQ(buf[0], 0);
	CHECK(!memcmp(buf + 1, "pk", 2));
	ERR(ioctl(slave, TIOCPKT, &on), ENOTTY);
}

TEST(large_output)
{
	char line[81];
	int i, n = 0;
	pid_t kid;

	open_pty();
	memset(line, 'L', 79);
	line[79] = '\n';
	kid = CHILD(for (i = 0; i < 500; i++) EQ(write(slave, line, 80), 80));
	while (n < 500 * 81)
		n += OK(read(master, buf, sizeof(buf)));
	EQ(n, 500 * 81);
	WAIT_EXIT(kid, 0);
}

TEST_MAIN("tty")
