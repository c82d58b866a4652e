/* SPDX-License-Identifier: MIT */
/*
 * Job control: sessions and their controlling terminals, foreground and background groups.
 *
 * A session has at most one terminal (session->tty), a terminal at most one session; both hold
 * references. A process can give the terminal up for itself alone (no_ctty).
 */
#include "tty/priv.h"

#include "abi/errno.h"
#include "abi/signal.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "mm/user.h"

#define CAP_SYS_ADMIN_K 21

struct tty *process_tty(const struct process *p)
{
	return p->session && !p->no_ctty ? p->session->tty : NULL;
}

bool tty_is_mine(const struct tty *t)
{
	return current && current->proc && process_tty(current->proc) == t;
}

static bool is_session_leader(const struct process *p)
{
	return p->session && p->session->sid == p->tgid;
}

int tty_pgrp_id(const struct tty *t)
{
	return t->pgrp ? t->pgrp->pgid : -1;
}

static void set_pgrp(struct tty *t, struct pgrp *pg)
{
	if (t->pgrp)
		pgrp_put(t->pgrp);
	t->pgrp = pg ? pgrp_get(pg) : NULL;
}

/* Breaks the tie between a session and its terminal, both ways. */
void session_clear_tty(struct session *s)
{
	struct tty *t = s->tty;

	if (!t)
		return;
	s->tty = NULL;
	set_pgrp(t, NULL);
	t->session = NULL;
	session_put(s);		/* the terminal's reference */
	tty_put(t);		/* the session's */
}

void tty_proc_set(struct tty *t)
{
	struct process *p = current->proc;
	struct session *s = p->session;

	if (s->tty)
		session_clear_tty(s);
	s->tty = tty_get(t);
	t->session = session_get(s);
	set_pgrp(t, p->pgrp);
	p->no_ctty = false;
	if (s->tty_old_pgrp)
		pgrp_put(s->tty_old_pgrp);
	s->tty_old_pgrp = NULL;
}

bool console_take(void)
{
	struct tty *t = console_tty();

	if (!t || !console_at_terminal() || t->session || current->proc->session->tty)
		return false;
	tty_proc_set(t);
	return true;
}

void tty_signal_pgrp(struct tty *t, int sig)
{
	if (t->pgrp)
		send_signal_pgrp(sig, NULL, t->pgrp);
}

int tty_check_change(struct tty *t, int sig)
{
	struct process *p = current ? current->proc : NULL;

	if (!p || process_tty(p) != t || !t->pgrp || t->pgrp == p->pgrp)
		return 0;
	if ((current->blocked & SIGBIT(sig)) || sig_ignored(current, sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_is_orphaned(p->pgrp, NULL))
		return -EIO;
	send_signal_pgrp(sig, NULL, p->pgrp);
	return -ERESTARTSYS;
}

/* --- the end of a session --- */

/* A hangup, to the leader of the session; exit_session: to the foreground group as well. */
void tty_signal_session(struct tty *t, bool exit_session)
{
	struct process *leader;

	if (!t->session)
		return;
	leader = find_process(t->session->sid);
	if (leader && leader->session == t->session) {
		send_signal_process(SIGHUP, NULL, leader);
		send_signal_process(SIGCONT, NULL, leader);
		/* It will hang its foreground group up when it ends. */
		if (t->pgrp && !t->session->tty_old_pgrp)
			t->session->tty_old_pgrp = pgrp_get(t->pgrp);
	}
	if (exit_session && t->pgrp)
		send_signal_pgrp(SIGHUP, NULL, t->pgrp);
}

static void hangup_old_pgrp(struct session *s, bool on_exit)
{
	if (!s->tty_old_pgrp)
		return;
	if (on_exit) {
		send_signal_pgrp(SIGHUP, NULL, s->tty_old_pgrp);
		send_signal_pgrp(SIGCONT, NULL, s->tty_old_pgrp);
	}
	pgrp_put(s->tty_old_pgrp);
	s->tty_old_pgrp = NULL;
}

/* The leader of s gives its terminal up: it ends, or TIOCNOTTY. */
static void session_disassociate(struct session *s, bool on_exit)
{
	struct tty *t = s->tty;

	if (!t) {
		hangup_old_pgrp(s, on_exit);
		return;
	}
	tty_get(t);
	if (on_exit && !t->is_pty) {
		tty_hangup(t, true);
		hangup_old_pgrp(s, false);
	} else {
		tty_signal_pgrp(t, SIGHUP);
		if (!on_exit)
			tty_signal_pgrp(t, SIGCONT);
	}
	session_clear_tty(s);
	tty_put(t);
}

void tty_session_exit(struct session *s, struct process *p)
{
	session_disassociate(s, true);
}

int tty_vhangup_self(void)
{
	struct tty *t = current->proc ? process_tty(current->proc) : NULL;

	if (t)
		tty_hangup(t, false);
	return 0;
}

/* --- ioctls --- */

static long tiocsctty(struct tty *t, struct file *f, u64 arg)
{
	struct process *p = current->proc;

	if (is_session_leader(p) && p->session == t->session)
		return 0;
	if (!is_session_leader(p) || process_tty(p))
		return -EPERM;
	if (t->session) {
		if (arg != 1 || !capable(CAP_SYS_ADMIN_K))
			return -EPERM;
		session_clear_tty(t->session);
	}
	if (!(f->mode & FMODE_READ) && !capable(CAP_SYS_ADMIN_K))
		return -EPERM;
	tty_proc_set(t);
	return 0;
}

static long tiocnotty(struct tty *t)
{
	struct process *p = current->proc;

	if (process_tty(p) != t)
		return -ENOTTY;
	if (is_session_leader(p))
		session_disassociate(p->session, false);
	else
		p->no_ctty = true;
	return 0;
}

static long tiocgpgrp(struct tty *t, bool master, u64 arg)
{
	if (!master && !tty_is_mine(t))
		return -ENOTTY;
	return put_user(t->pgrp ? t->pgrp->pgid : 0, arg);
}

static long tiocspgrp(struct tty *t, u64 arg)
{
	struct process *p = current->proc;
	struct pgrp *pg;
	int pgid, err;

	err = tty_check_change(t, SIGTTOU);
	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user(pgid, arg))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	if (!tty_is_mine(t) || t->session != p->session)
		return -ENOTTY;
	pg = find_pgrp(pgid);
	if (!pg)
		return -ESRCH;
	if (pg->session != p->session)
		return -EPERM;
	set_pgrp(t, pg);
	return 0;
}

static long tiocgsid(struct tty *t, bool master, u64 arg)
{
	if (!master && !tty_is_mine(t))
		return -ENOTTY;
	if (!t->session)
		return -ENOTTY;
	return put_user(t->session->sid, arg);
}

long tty_jobctl_ioctl(struct tty *t, struct file *f, bool master, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TIOCSCTTY:
		return tiocsctty(t, f, arg);
	case TIOCNOTTY:
		return master ? -ENOTTY : tiocnotty(t);
	case TIOCGPGRP:
		return tiocgpgrp(t, master, arg);
	case TIOCSPGRP:
		return tiocspgrp(t, arg);
	case TIOCGSID:
		return tiocgsid(t, master, arg);
	}
	return -ENOIOCTLCMD_K;
}
