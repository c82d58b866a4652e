/* SPDX-License-Identifier: MIT */
/*
 * Terminals, for the rest of the kernel. struct tty itself is private to tty/ (priv.h).
 * Unless said, functions hold the kernel lock and do not block.
 */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "lib/list.h"
#include "lib/types.h"

struct file;
struct inode;
struct path;
struct process;
struct pgrp;
struct session;
struct super;
struct tty;

/* --- start (tty.c) --- */
/* Registers the device numbers, opens the console's channel (raw mode). After sched_init(). 0 or -errno */
int tty_init(void);

/* --- configuration, before tty_init() (line.c, console.c) --- */
/*
 * "con=CHAN", "conN=CHAN", "ssl=CHAN", "sslN=CHAN", "ssl-non-raw". 0; -ENOENT: not such an option;
 * -EINVAL: bad value, a message was logged.
 */
int line_setup(const char *option);
/* Is a channel of a kind that begins so ("port", "xterm") configured? */
bool line_config_names(const char *channel);
void line_set_machine(const char *name);	/* for titles of windows; stays */
int console_setup(const char *name);	/* console=tty0, ttyS1,9600: the last one is /dev/console. 0, -EINVAL */

/*
 * At run time (line_hot.c), for the management console: what = "con" or "ssl", arg = "N=CHAN", "N". 0 or an error,
 * *error a static text. May block.
 */
struct seq_buf;
int line_hot_config(const char *what, const char *arg, const char **error);
int line_hot_get(const char *what, const char *arg, struct seq_buf *out, const char **error);
int line_hot_remove(const char *what, const char *arg, const char **error);

/*
 * A terminal of the host that came with a descriptor (borrowed until the end of the lease) as a serial line
 * (line_lease.c). Its index, and its name in /dev; -EAGAIN: all are in use. The end hangs up whoever has it open.
 */
int line_lease(int hostfd, char *path, size_t n);
void line_lease_resized(int index);
void line_lease_end(int index);			/* may block a little */

/* --- console (console.c) --- */
/* Log lines to the host side of the console; before tty_init() to stderr. Any host thread. Blocks at most a second. */
void console_log_sink(const char *text, size_t len);
/* When somebody sits at the console: it becomes current's controlling terminal, as a login would do. */
bool console_take(void);
bool console_at_terminal(void);	/* its input is a terminal of the host */
void console_winch(void);		/* the host's terminal changed its size */
void console_restore(void);		/* host terminal back to its old settings. Any thread, signal handlers */
void console_flush(void);		/* at the end: output that still waits for the host. Blocks a little */

/* --- the log of what goes over terminals (ttylog.c) --- */
int tty_log_setup_fd(const char *value);		/* tty_log_fd=N: 0, -EINVAL, -EBADF. At boot */
const char *tty_log_setup_dir(const char *value);	/* tty_log_dir=DIR, stays. At boot */
/* current has begun to run a program: its arguments, each with a NUL. */
void tty_log_exec(const char *args, size_t len);

/* --- sessions (jobctl.c) --- */
/* process/'s session_exit_hook: s's leader p ends. May block. */
void tty_session_exit(struct session *s, struct process *p);
int tty_vhangup_self(void);		/* vhangup(2), rights checked by the caller. May block */
struct tty *process_tty(const struct process *p);	/* controlling terminal; returns borrowed, NULL */

/* --- what /proc shows --- */
u32 tty_devnum(const struct tty *t);	/* makedev_k() */
const char *tty_name(const struct tty *t);	/* "tty0", "pts/3" */
int tty_pgrp_id(const struct tty *t);	/* foreground group, -1: none */
bool file_is_tty(const struct file *f);

/* --- ptys (pty.c), for fs/devpts --- */
struct pts_instance {
	struct list_head node;		/* all instances */
	struct list_head ptys;		/* struct pty, by index */
	struct super *sb;
	u32 mode, ptmxmode, max;
	u32 uid, gid;
	bool setuid, setgid;
	int count;
};
void pts_instance_add(struct pts_instance *pi);		/* the rest of the fields is set */
void pts_instance_del(struct pts_instance *pi);		/* its last superblock reference went: no ptys */
/* What /dev/pts/N is. false: there is no such terminal. */
struct pts_info {
	u32 index, mode, uid, gid, rdev;
	struct inode **inode;	/* the node's inode, made by the file system; the reference is dropped here */
};
bool pts_find(struct pts_instance *pi, u32 index, struct pts_info *out);
bool pts_next(struct pts_instance *pi, u32 from, struct pts_info *out);	/* the first with index >= from */

#define PTMX_RDEV ((5u << 8) | 2)
#define PTS_MAJOR 136

#endif
