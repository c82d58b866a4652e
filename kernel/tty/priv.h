/* SPDX-License-Identifier: MIT */
/*
 * Inside tty/: the terminal object, its line discipline and its driver's operations.
 *
 * A tty is what programs open: a console, a serial line or the slave side of a pty. Its driver
 * (struct tty_ops) carries bytes away and hands bytes in by tty_receive(). The only line
 * discipline is N_TTY. All fields are guarded by the kernel lock; readers of one tty take turns
 * ("reading"), and so do writers, because a copy to or from the guest may let others run.
 */
#ifndef TTY_PRIV_H
#define TTY_PRIV_H

#include "abi/tty.h"
#include "core/wait.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "lib/types.h"
#include "tty/ring.h"
#include "tty/tty.h"
#include "vfs/types.h"

struct iter;

#define LDISC_BUF 4096u
#define ECHO_MAX 4096u
#define TTY_CHUNK 32768u		/* bytes of one write that are processed at a time */
#define TTY_RING 65536u
#define OUTPUT_WAKEUP_K 256u		/* fewer bytes waiting than this: writable for poll() */

/* c_cc[] value that matches no character. */
#define CC_DISABLED 0

struct ldisc {
	u32 head, canon_head, tail;	/* free running; [tail, canon_head) are complete lines */
	u8 *buf;			/* LDISC_BUF bytes */
	u64 eol[LDISC_BUF / 64];	/* bit set: the byte ends a line */
	u64 special[4];			/* bit set: the byte needs ldisc_special() */
	bool raw;			/* no input processing at all */
	bool lnext, erasing;
	u32 column;			/* of the cursor */
	u32 canon_column;		/* where the current input line began */
	u8 *echo;			/* echo that the driver did not take yet */
	u32 echo_len;
};

struct tty_ops {
	/* Every open, before the file counts. Optional. May block. */
	int (*open)(struct tty *t, struct file *f);
	/* The last file was closed. Optional. */
	void (*close)(struct tty *t);
	/* Bytes that write() takes now. Required. */
	size_t (*room)(struct tty *t);
	/* n is at most room(). Required. */
	void (*write)(struct tty *t, const u8 *buf, size_t n);
	size_t (*outq)(struct tty *t);		/* not yet transmitted. Default 0 */
	void (*flush)(struct tty *t);		/* forget output not yet transmitted. Optional */
	void (*unthrottle)(struct tty *t);	/* the line discipline has room again. Optional */
	void (*set_termios)(struct tty *t, const struct ktermios *old);		/* optional */
	void (*packet)(struct tty *t, u8 clear, u8 set);	/* TIOCPKT_* events of a pty. Optional */
	void (*resized)(struct tty *t);				/* optional */
	void (*free)(struct tty *t);		/* last reference. Required */
	long (*ioctl)(struct tty *t, u32 cmd, u64 arg);		/* -ENOIOCTLCMD_K: not its own. Optional */
};

struct tty {
	struct refcount ref;
	const struct tty_ops *ops;
	u32 dev;
	char name[16];
	bool is_pty;
	int count;			/* open files, hung up ones included */
	struct list_head files;		/* tty_file.node */
	struct ktermios termios, locked;
	struct winsize ws;
	struct session *session;	/* whose controlling terminal this is; a reference, NULL */
	struct pgrp *pgrp;		/* foreground group; a reference, NULL */
	bool exclusive;
	bool other_closed;		/* a pty whose master is gone */
	bool stopped, tco_stopped;	/* by ^S; by tcflow() */
	bool reading, writing;		/* a reader, a writer is inside */
	bool throttled;			/* the driver waits for unthrottle() */
	bool input_ended;		/* nothing will come any more: readers see the end of file */
	struct wait_queue read_wait, write_wait, turn_wait;
	struct ldisc ld;
	struct ring inq;		/* input that the line discipline had no room for */
	int log_fd;			/* of tty_log_dir=, plus one; 0: none */
	u8 *obuf;			/* processed output of the writer inside, TTY_OBUF bytes */
};

/* f->private of an open terminal. */
struct tty_file {
	struct tty *tty;		/* a reference */
	struct file *file;
	struct list_head node;
	bool console;			/* opened as /dev/console: a hangup passes it by */
};

/* --- tty.c --- */
void tty_setup(struct tty *t, const struct tty_ops *ops, u32 dev, const char *name);
void tty_release_buffers(struct tty *t);
struct tty *tty_get(struct tty *t);
void tty_put(struct tty *t);			/* takes */
int tty_open_file(struct tty *t, struct file *f, bool console, bool noctty);	/* may block */
struct tty *file_tty(const struct file *f);	/* of a tty or pty slave file; borrowed */
bool tty_hung_up(const struct file *f);
void tty_hangup(struct tty *t, bool exit_session);
void tty_start(struct tty *t);
void tty_stop(struct tty *t);
void tty_resize(struct tty *t, const struct winsize *ws);
void tty_packet_event(struct tty *t, u8 clear, u8 set);
size_t tty_room(struct tty *t);			/* 0 while stopped */
void tty_output_drained(struct tty *t);		/* the driver has room again: wakes writers, sends echo */
void tty_flush_output(struct tty *t);
ssize tty_write_bytes(struct tty *t, const u8 *buf, size_t n);	/* raw, by the kernel: what fits */
extern const struct ktermios tty_std_termios;
extern const struct file_ops tty_fops, tty_hung_up_fops;

/* --- ttylog.c; none blocks longer than the host's file system --- */
enum { TTY_LOG_READ = 1, TTY_LOG_WRITE };
extern bool tty_logging;
/* ops->write(), and the log. buf must be out of the guest's reach when tty_logging. */
void tty_send(struct tty *t, const u8 *buf, size_t n);
void tty_log_read(struct tty *t, const void *buf, size_t n);
void tty_log_opened(struct tty *t);	/* the first open */
void tty_log_closed(struct tty *t);	/* the last close */

/* --- jobctl.c --- */
int tty_check_change(struct tty *t, int sig);	/* background: SIGTTOU or SIGTTIN and -ERESTARTSYS; -EIO */
bool tty_is_mine(const struct tty *t);		/* current's controlling terminal */
void tty_proc_set(struct tty *t);		/* becomes current's */
void session_clear_tty(struct session *s);
void tty_signal_session(struct tty *t, bool exit_session);
void tty_signal_pgrp(struct tty *t, int sig);
void tty_disassociate(bool on_exit);
long tty_jobctl_ioctl(struct tty *t, struct file *f, bool master, u32 cmd, u64 arg);

/* --- ioctl.c, termios.c --- */
long tty_ioctl(struct file *f, u32 cmd, u64 arg);
long tty_common_ioctl(struct tty *t, struct file *f, bool master, u32 cmd, u64 arg);
long tty_mode_ioctl(struct tty *t, struct file *f, u32 cmd, u64 arg);
void tty_set_termios(struct tty *t, const struct ktermios *new_tio);
int tty_wait_drained(struct tty *t);		/* blocks; 0, -ERESTARTSYS */

/* --- ldisc.c: input --- */
/* From the driver: bytes taken, fewer than n when there is no room (then unthrottle() will follow). */
size_t tty_receive(struct tty *t, const u8 *buf, size_t n);
/* The same, but what does not fit is queued as far as inq has room. */
size_t tty_receive_queued(struct tty *t, const u8 *buf, size_t n);
size_t tty_receive_room(const struct tty *t);
void tty_end_input(struct tty *t);
void ldisc_flush_input(struct tty *t);
void ldisc_set_termios(struct tty *t, const struct ktermios *old);	/* old NULL: all may have changed */
void ldisc_check_unthrottle(struct tty *t);

/* --- ldisc_read.c --- */
ssize ldisc_read(struct tty *t, struct file *f, struct iter *to);
bool ldisc_input_available(const struct tty *t, bool poll);
size_t ldisc_inq(const struct tty *t);		/* FIONREAD */

/* --- ldisc_out.c --- */
/* OPOST: turns up to n bytes of src into at most room bytes at dst; *out: how many. Bytes of src used. */
size_t opost(struct tty *t, const u8 *src, size_t n, u8 *dst, size_t room, size_t *out);
void echo_char(struct tty *t, u8 c);		/* control characters as ^X if ECHOCTL */
void echo_raw(struct tty *t, u8 c);
void echo_erase_tab(struct tty *t, u32 chars, bool after_tab);
void echo_flush(struct tty *t);
size_t tty_write_room(struct tty *t);		/* what write(2) may add; 0: it waits */
ssize ldisc_write(struct tty *t, struct file *f, struct iter *from);

static inline u8 tty_cc(const struct tty *t, int i)
{
	return t->termios.c_cc[i];
}
#define I_FLAG(t, f) ((t)->termios.c_iflag & (f))
#define O_FLAG(t, f) ((t)->termios.c_oflag & (f))
#define L_FLAG(t, f) ((t)->termios.c_lflag & (f))

/* One reader (writer) at a time. -EAGAIN: f does not wait; -ERESTARTSYS. Blocks. */
int tty_take_turn(struct tty *t, bool *busy, const struct file *f);
void tty_end_turn(struct tty *t, bool *busy);

/* --- line.c (more in line.h) --- */
struct tty *line_tty(u32 dev);			/* borrowed; NULL: no such device */

/* --- console.c --- */
int console_init(void);
struct tty *console_tty(void);			/* borrowed; NULL */

/* --- pty.c --- */
int pty_init(void);

#endif
