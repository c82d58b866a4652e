/* SPDX-License-Identifier: MIT */
/*
 * The terminal object: its life, its open files, hangup, flow control, size. What a terminal
 * does with bytes is the line discipline (ldisc*.c); who may use it is jobctl.c; where the bytes
 * go is the driver: line.c (consoles, serial lines) or pty.c.
 */
#include "tty/tty.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "core/cred.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "tty/priv.h"
#include "vfs/vfs.h"

#define CAP_SYS_ADMIN_K 21
#define TTY_MAJOR 4
#define TTYAUX_MAJOR 5

const struct ktermios tty_std_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD | HUPCL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {
		[VINTR] = 'C' & 0x1f, [VQUIT] = '\\' & 0x1f, [VERASE] = 0x7f,
		[VKILL] = 'U' & 0x1f, [VEOF] = 'D' & 0x1f, [VMIN] = 1,
		[VSTART] = 'Q' & 0x1f, [VSTOP] = 'S' & 0x1f, [VSUSP] = 'Z' & 0x1f,
		[VREPRINT] = 'R' & 0x1f, [VDISCARD] = 'O' & 0x1f, [VWERASE] = 'W' & 0x1f,
		[VLNEXT] = 'V' & 0x1f,
	},
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

/* --- life --- */

void tty_setup(struct tty *t, const struct tty_ops *ops, u32 dev, const char *name)
{
	ref_init(&t->ref);
	t->ops = ops;
	t->dev = dev;
	snprintf(t->name, sizeof(t->name), "%s", name);
	list_init(&t->files);
	wq_init(&t->read_wait);
	wq_init(&t->write_wait);
	wq_init(&t->turn_wait);
	t->inq.cap = TTY_RING;
	t->termios = tty_std_termios;
	ldisc_set_termios(t, NULL);
}

void tty_release_buffers(struct tty *t)
{
	kfree(t->ld.buf);
	kfree(t->ld.echo);
	kfree(t->obuf);
	t->ld.buf = t->ld.echo = t->obuf = NULL;
	t->ld.head = t->ld.tail = t->ld.canon_head = t->ld.echo_len = 0;
	ring_free(&t->inq);
}

struct tty *tty_get(struct tty *t)
{
	ref_get(&t->ref);
	return t;
}

void tty_put(struct tty *t)
{
	if (!t || !ref_put(&t->ref))
		return;
	tty_release_buffers(t);
	t->ops->free(t);
}

u32 tty_devnum(const struct tty *t)
{
	return t->dev;
}

const char *tty_name(const struct tty *t)
{
	return t->name;
}

/* --- open and close --- */

bool tty_hung_up(const struct file *f)
{
	return f->ops == &tty_hung_up_fops;
}

bool file_is_tty(const struct file *f)
{
	return f->ops == &tty_fops || tty_hung_up(f);
}

struct tty *file_tty(const struct file *f)
{
	const struct tty_file *tf = f->private;

	return tf->tty;
}

static int tty_buffers(struct tty *t)
{
	if (!t->ld.buf)
		t->ld.buf = kmalloc(LDISC_BUF);
	return t->ld.buf ? 0 : -ENOMEM;
}

static void tty_close_last(struct tty *t)
{
	t->stopped = t->tco_stopped = false;
	t->exclusive = false;
	if (t->ops->close)
		t->ops->close(t);
	tty_log_closed(t);
}

static void become_controlling(struct tty *t, struct file *f)
{
	struct process *p = current ? current->proc : NULL;

	if (!p || session_id(p) != p->tgid || p->session->tty || t->session)
		return;
	/* Who may only write could otherwise get at the input through /dev/tty. */
	if (f->mode & FMODE_READ)
		tty_proc_set(t);
}

int tty_open_file(struct tty *t, struct file *f, bool console, bool noctty)
{
	struct tty_file *tf;
	int err;

	if (t->exclusive && !capable(CAP_SYS_ADMIN_K))
		return -EBUSY;
	tf = kzalloc(sizeof(*tf));
	if (!tf)
		return -ENOMEM;
	tf->tty = tty_get(t);
	t->count++;
	err = tty_buffers(t);
	if (!err && t->ops->open)
		err = t->ops->open(t, f);
	if (err) {
		if (--t->count == 0)
			tty_close_last(t);
		tty_put(t);
		kfree(tf);
		return err;
	}
	if (t->count == 1)
		tty_log_opened(t);
	tf->file = f;
	tf->console = console;
	list_add_tail(&tf->node, &t->files);
	f->private = tf;
	f->ops = &tty_fops;
	if (!noctty)
		become_controlling(t, f);
	return 0;
}

static void tty_release(struct file *f)
{
	struct tty_file *tf = f->private;
	struct tty *t = tf->tty;

	list_del_init(&tf->node);
	kfree(tf);
	if (--t->count == 0)
		tty_close_last(t);
	tty_put(t);
}

/* --- turns --- */

int tty_take_turn(struct tty *t, bool *busy, const struct file *f)
{
	int err;

	if (*busy) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&t->turn_wait, !*busy, "tty_turn");
		if (err)
			return err;
	}
	*busy = true;
	return 0;
}

void tty_end_turn(struct tty *t, bool *busy)
{
	*busy = false;
	wake_up_all(&t->turn_wait);
}

/* --- flow --- */

size_t tty_room(struct tty *t)
{
	return t->stopped ? 0 : t->ops->room(t);
}

void tty_output_drained(struct tty *t)
{
	echo_flush(t);
	if (tty_write_room(t))
		wake_up_events(&t->write_wait, EPOLLOUT | EPOLLWRNORM);
}

void tty_stop(struct tty *t)
{
	if (t->stopped)
		return;
	t->stopped = true;
	tty_packet_event(t, TIOCPKT_START, TIOCPKT_STOP);
}

void tty_start(struct tty *t)
{
	if (!t->stopped || t->tco_stopped)
		return;
	t->stopped = false;
	tty_packet_event(t, TIOCPKT_STOP, TIOCPKT_START);
	tty_output_drained(t);
}

void tty_packet_event(struct tty *t, u8 clear, u8 set)
{
	if (t->ops->packet)
		t->ops->packet(t, clear, set);
}

void tty_flush_output(struct tty *t)
{
	if (t->ops->flush)
		t->ops->flush(t);
	tty_output_drained(t);
}

ssize tty_write_bytes(struct tty *t, const u8 *buf, size_t n)
{
	n = MIN(n, tty_room(t));
	if (n)
		tty_send(t, buf, n);
	return n;
}

void tty_resize(struct tty *t, const struct winsize *ws)
{
	if (!memcmp(&t->ws, ws, sizeof(*ws)))
		return;
	t->ws = *ws;
	tty_signal_pgrp(t, SIGWINCH);
	if (t->ops->resized)
		t->ops->resized(t);
}

/* --- hangup --- */

static void hangup_files(struct tty *t)
{
	struct tty_file *tf;

	list_for_each(tf, &t->files, node)
		if (!tf->console)
			tf->file->ops = &tty_hung_up_fops;
}

/*
 * Every open file of t becomes a dead one; the session is told and loses its terminal. The
 * terminal itself can be opened again.
 */
void tty_hangup(struct tty *t, bool exit_session)
{
	tty_get(t);
	hangup_files(t);
	tty_signal_session(t, exit_session);
	ldisc_flush_input(t);
	t->ld.echo_len = 0;
	if (t->session)
		session_clear_tty(t->session);
	t->stopped = t->tco_stopped = false;
	wake_up_events(&t->read_wait, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
	wake_up_events(&t->write_wait, EPOLLOUT | EPOLLWRNORM | EPOLLHUP);
	wake_up_all(&t->turn_wait);
	tty_put(t);
}

static ssize hung_read(struct file *f, struct iter *to, off64 *pos)
{
	return 0;
}

static ssize hung_write(struct file *f, struct iter *from, off64 *pos)
{
	return -EIO;
}

static u32 hung_poll(struct file *f, struct poll_table *pt)
{
	return EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | EPOLLWRNORM;
}

static long hung_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
}

const struct file_ops tty_hung_up_fops = {
	.read = hung_read,
	.write = hung_write,
	.llseek = file_noseek,
	.poll = hung_poll,
	.ioctl = hung_ioctl,
	.release = tty_release,
	.stream = true,
};

/* --- file operations --- */

static ssize tty_read(struct file *f, struct iter *to, off64 *pos)
{
	return ldisc_read(file_tty(f), f, to);
}

static ssize tty_write(struct file *f, struct iter *from, off64 *pos)
{
	return ldisc_write(file_tty(f), f, from);
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = file_tty(f);
	u32 mask = 0;

	poll_wait(f, &t->read_wait, pt);
	poll_wait(f, &t->write_wait, pt);
	if (ldisc_input_available(t, true))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (t->other_closed)
		mask |= EPOLLHUP;
	if (!t->writing && tty_write_room(t))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/* The numbers 5:0 (the controlling terminal), 5:1 (/dev/console) and 4:N (consoles, serial lines). */
static int tty_open(struct inode *inode, struct file *f)
{
	bool noctty = f->flags & O_NOCTTY;
	bool console = inode->rdev == makedev_k(TTYAUX_MAJOR, 1);
	struct tty *t;
	int err;

	if (inode->rdev == makedev_k(TTYAUX_MAJOR, 0))
		t = current->proc ? process_tty(current->proc) : NULL;
	else if (console)
		t = console_tty();
	else
		t = line_tty(inode->rdev);
	if (!t)
		return inode->rdev == makedev_k(TTYAUX_MAJOR, 0) ? -ENXIO : -ENODEV;
	tty_get(t);		/* open may block */
	err = tty_open_file(t, f, console, noctty || console);
	tty_put(t);
	return err;
}

const struct file_ops tty_fops = {
	.open = tty_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.llseek = file_noseek,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.stream = true,
};

int tty_init(void)
{
	static const struct {
		u32 major, minor, count;
		const char *name;
	} nums[] = {
		{ TTY_MAJOR, 0, 16, "tty" },
		{ TTY_MAJOR, 64, 64, "ttyS" },
		{ TTYAUX_MAJOR, 0, 1, "/dev/tty" },
		{ TTYAUX_MAJOR, 1, 1, "/dev/console" },
	};
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(nums); i++) {
		err = dev_register_chr(nums[i].major, nums[i].minor, nums[i].count, nums[i].name,
				       &tty_fops);
		if (err)
			return err;
	}
	err = console_init();
	return err ? err : pty_init();
}
