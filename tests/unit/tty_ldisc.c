/* SPDX-License-Identifier: MIT */
/*
 * N_TTY over a driver that keeps its output in a string: editing and echo in canonical mode, end of
 * file, the 4096-byte limit, raw mode, flow control, output processing. What is expected here is
 * what Linux does.
 */
#include "tests/unit/fake/guest.c"
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/sched.c"

#include "tty/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "mm/iter.h"
#include "tests/unit/test.h"

/* Lines are not opened here, but archives bring their code. */
static struct {
	struct tty tty;
	char out[16384];
	size_t len, room;
} d;

static struct file file;

static size_t drv_room(struct tty *t)
{
	return MIN(d.room, sizeof(d.out) - d.len);
}

static void drv_write(struct tty *t, const u8 *buf, size_t n)
{
	memcpy(d.out + d.len, buf, n);
	d.len += n;
}

static void drv_free(struct tty *t)
{
}

static const struct tty_ops drv_ops = { .room = drv_room, .write = drv_write, .free = drv_free };

static int setup(void **state)
{
	memset(&d, 0, sizeof(d));
	memset(&file, 0, sizeof(file));
	d.room = sizeof(d.out);
	file.flags = O_NONBLOCK;
	tty_setup(&d.tty, &drv_ops, 0, "test");
	d.tty.ld.buf = kmalloc(LDISC_BUF);
	return 0;
}

static int teardown(void **state)
{
	tty_put(&d.tty);
	return 0;
}

static void type(const char *s)
{
	assert_int_equal(tty_receive(&d.tty, (const u8 *)s, strlen(s)), strlen(s));
}

static void expect_out(const char *s)
{
	assert_int_equal(d.len, strlen(s));
	assert_memory_equal(d.out, s, d.len);
	d.len = 0;
}

static ssize get(char *buf, size_t n)
{
	struct iter it;

	iter_init_kernel(&it, buf, n);
	return ldisc_read(&d.tty, &file, &it);
}

static void expect_read(const char *s)
{
	char buf[256];

	assert_int_equal(get(buf, sizeof(buf)), strlen(s));
	assert_memory_equal(buf, s, strlen(s));
}

static void expect_nothing(void)
{
	char buf[8];

	assert_int_equal(get(buf, sizeof(buf)), -EAGAIN);
}

static void change(u32 loff, u32 lon)
{
	struct ktermios k = d.tty.termios;

	k.c_lflag = (k.c_lflag & ~loff) | lon;
	tty_set_termios(&d.tty, &k);
}

static void canonical_line(void **state)
{
	type("ab");
	expect_nothing();
	assert_int_equal(ldisc_inq(&d.tty), 0);
	type("c\r");
	expect_out("abc\r\n");
	assert_int_equal(ldisc_inq(&d.tty), 4);
	expect_read("abc\n");
	expect_nothing();
}

static void two_lines(void **state)
{
	char c;

	type("x\ny\n");
	assert_int_equal(get(&c, 1), 1);
	expect_read("\n");
	expect_read("y\n");
}

static void erase_chars(void **state)
{
	type("ab\x7f\x7f\x7f" "c\n");
	expect_out("ab\b \b\b \bc\r\n");
	expect_read("c\n");
}

static void erase_control_and_tab(void **state)
{
	type("a\x01\t\x7f\x7f\x7f\n");
	expect_out("a^A\t\b\b\b\b\b\b \b\b \b\b \b\r\n");
	expect_read("\n");
}

static void erase_word(void **state)
{
	type("foo ba_r  \x17x\n");
	expect_out("foo ba_r  \b \b\b \b\b \b\b \b\b \b\b \bx\r\n");
	expect_read("foo x\n");
}

static void kill_line(void **state)
{
	type("abc\x15z\n");
	expect_out("abc\b \b\b \b\b \bz\r\n");
	expect_read("z\n");
	change(ECHOKE, 0);
	type("abc\x15z\n");
	expect_out("abc^U\r\nz\r\n");
	expect_read("z\n");
}

static void erase_printer(void **state)
{
	change(0, ECHOPRT);
	type("ab\x7f\x7f\n");
	expect_out("ab\\ba/\r\n");
	expect_read("\n");
}

static void erase_utf8(void **state)
{
	struct ktermios k = d.tty.termios;

	k.c_iflag |= IUTF8;
	tty_set_termios(&d.tty, &k);
	type("\xc3\xa4\x7fo\n");
	expect_out("\xc3\xa4\b \bo\r\n");
	expect_read("o\n");
}

static void literal_next(void **state)
{
	type("\x16\x03\n");
	expect_out("^\b^C\r\n");
	expect_read("\x03\n");
}

static void reprint_line(void **state)
{
	type("ab\x12\n");
	expect_out("ab^R\r\nab\r\n");
	expect_read("ab\n");
}

static void end_of_file(void **state)
{
	char buf[8];

	type("ab\x04");
	expect_read("ab");
	expect_nothing();
	type("\x04");
	assert_int_equal(get(buf, sizeof(buf)), 0);
	type("abcd\x04");	/* a read that just fits takes the mark along */
	assert_int_equal(get(buf, 4), 4);
	expect_nothing();
}

static void interrupt_flushes(void **state)
{
	type("abc\x03z\n");
	expect_out("^Cz\r\n" + 0);
	expect_read("z\n");
}

static void interrupt_noflush(void **state)
{
	change(0, NOFLSH);
	type("abc\x03z\n");
	expect_out("abc^Cz\r\n");
	expect_read("abcz\n");
}

static void line_limit(void **state)
{
	static char buf[8192];
	int i;

	change(ECHO, 0);
	for (i = 0; i < 5000; i++)
		type("a");
	type("\n");
	assert_int_equal(get(buf, sizeof(buf)), 4096);
	assert_int_equal(buf[4094], 'a');
	assert_int_equal(buf[4095], '\n');
	expect_nothing();
}

static void full_with_lines(void **state)
{
	static char buf[8192];
	size_t n;

	change(ECHO, 0);
	memset(buf, '\n', sizeof(buf));
	n = tty_receive(&d.tty, (u8 *)buf, sizeof(buf));
	assert_int_equal(n, 4095);
	assert_true(d.tty.throttled);
}

static void raw_mode(void **state)
{
	change(ICANON | ECHO | ISIG, 0);
	type("a\x03");
	expect_out("");
	expect_read("a\x03");
	expect_nothing();
	d.tty.termios.c_cc[VMIN] = 0;
	assert_int_equal(get((char[4]){ 0 }, 4), 0);
}

static void raw_min(void **state)
{
	change(ICANON, 0);
	d.tty.termios.c_cc[VMIN] = 3;
	type("ab");
	assert_false(ldisc_input_available(&d.tty, true));
	type("c");
	assert_true(ldisc_input_available(&d.tty, true));
	expect_read("abc");
}

static void change_of_mode(void **state)
{
	type("abc");
	change(ICANON, 0);
	expect_read("abc");
	type("de");
	change(0, ICANON);
	expect_read("de");
}

static void input_mapping(void **state)
{
	struct ktermios k = d.tty.termios;

	k.c_iflag = INLCR | IGNCR | ISTRIP;
	k.c_lflag = ECHO;
	tty_set_termios(&d.tty, &k);
	type("a\r\n\xe2");
	expect_read("a\rb");
}

static void flow_control(void **state)
{
	type("\x13");
	assert_int_equal(tty_room(&d.tty), 0);
	type("ab\n");
	expect_out("");
	type("\x11");
	expect_out("ab\r\n");
	expect_read("ab\n");
}

static void put(const char *s)
{
	struct iter it;

	iter_init_kernel(&it, (void *)s, strlen(s));
	assert_int_equal(ldisc_write(&d.tty, &file, &it), strlen(s));
}

static void output(void **state)
{
	struct ktermios k = d.tty.termios;

	put("a\nb\r\n");
	expect_out("a\r\nb\r\r\n");
	k.c_oflag = OPOST | ONOCR | OCRNL | XTABS | OLCUC;
	tty_set_termios(&d.tty, &k);
	put("\rab\tc\r");
	expect_out("AB      C\n");
	k.c_oflag = ONLCR;
	tty_set_termios(&d.tty, &k);
	put("a\n");
	expect_out("a\n");
}

static void tab_column(void **state)
{
	put("prompt> ");
	d.len = 0;
	type("\t\x7f");
	expect_out("\t\b\b\b\b\b\b\b\b");
}

static void echo_waits_for_room(void **state)
{
	d.room = 0;
	type("ab");
	expect_out("");
	d.room = 100;
	tty_output_drained(&d.tty);
	expect_out("ab");
}

#define WITH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

RUN(WITH(canonical_line), WITH(two_lines), WITH(erase_chars), WITH(erase_control_and_tab),
    WITH(erase_word), WITH(kill_line), WITH(erase_printer), WITH(erase_utf8), WITH(literal_next),
    WITH(reprint_line), WITH(end_of_file), WITH(interrupt_flushes), WITH(interrupt_noflush),
    WITH(line_limit), WITH(full_with_lines), WITH(raw_mode), WITH(raw_min), WITH(change_of_mode),
    WITH(input_mapping), WITH(flow_control), WITH(output), WITH(tab_column),
    WITH(echo_waits_for_room))
