/* SPDX-License-Identifier: MIT */
/*
 * Pseudo terminals (Unix98): /dev/ptmx gives the master, /dev/pts/N is the slave.
 *
 * Only the slave is a struct tty. The master is two byte streams: what the slave's line
 * discipline put out (a ring), and what goes into it. Settings, size and job control asked through the
 * master are the slave's. A number is free again when both sides are closed.
 */
#include "tty/tty.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "tty/priv.h"
#include "vfs/vfs.h"

#define CAP_SYS_ADMIN_K 21
#define PTY_LIMIT 4096

struct pty {
	struct tty tty;			/* the slave */
	struct list_head node;		/* in inst->ptys, sorted by index */
	struct pts_instance *inst;	/* with a reference to inst->sb; NULL: number given back */
	u32 index, uid, gid;
	struct inode *inode;		/* of /dev/pts/N while the master is open; NULL until asked for */
	struct ring out;		/* from the slave to the master */
	struct wait_queue master_wait;	/* master's readers and writers */
	bool master_open, slave_closed, locked;
	bool packet;			/* TIOCPKT */
	u8 pktstatus;
	bool reading, writing;		/* a reader, a writer of the master is inside */
};

static LIST_HEAD(instances);
static int pty_total;

static struct pty *pty_of(struct tty *t)
{
	return container_of(t, struct pty, tty);
}

/* --- instances of devpts --- */

void pts_instance_add(struct pts_instance *pi)
{
	list_init(&pi->ptys);
	list_add_tail(&pi->node, &instances);
}

void pts_instance_del(struct pts_instance *pi)
{
	list_del_init(&pi->node);
}

static struct pts_instance *instance_of(const struct super *sb)
{
	struct pts_instance *pi;

	list_for_each(pi, &instances, node)
		if (pi->sb == sb)
			return pi;
	return NULL;
}

static void pty_info(struct pty *p, struct pts_info *out)
{
	out->index = p->index;
	out->mode = p->inst->mode;
	out->uid = p->uid;
	out->gid = p->gid;
	out->rdev = p->tty.dev;
	out->inode = &p->inode;
}

bool pts_next(struct pts_instance *pi, u32 from, struct pts_info *out)
{
	struct pty *p;

	list_for_each(p, &pi->ptys, node) {
		if (p->index >= from && p->master_open) {
			pty_info(p, out);
			return true;
		}
	}
	return false;
}

bool pts_find(struct pts_instance *pi, u32 index, struct pts_info *out)
{
	return pts_next(pi, index, out) && out->index == index;
}

/* The devpts that a ptmx node belongs to: its own file system, or "pts" beside it. */
static int find_devpts(struct file *f, struct path *out)
{
	char buf[512], name[520], *dir = buf;
	struct path parent = f->path;
	int err;

	if (instance_of(f->path.dentry->sb)) {
		*out = f->path;
		out->dentry = f->path.dentry->sb->root;
		path_get(out);
		return 0;
	}
	parent.dentry = f->path.dentry->parent;
	err = d_path(&parent, buf, sizeof(buf), &dir);
	if (err < 0)
		return err;
	snprintf(name, sizeof(name), "%s/pts", dir);
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, out);
	if (err)
		return err;
	if (instance_of(out->dentry->sb))
		return 0;
	path_put(out);
	return -ENODEV;
}

/* --- the slave's driver --- */

static void pty_forget_number(struct pty *p)
{
	struct pts_instance *pi = p->inst;

	if (!pi || p->master_open || p->tty.count)
		return;
	p->inst = NULL;
	list_del_init(&p->node);
	pi->count--;
	pty_total--;
	super_put(pi->sb);
}

static void wake_master(struct pty *p, u32 events)
{
	wake_up_events(&p->master_wait, events);
}

static size_t pty_room(struct tty *t)
{
	return ring_room(&pty_of(t)->out);
}

static void pty_write(struct tty *t, const u8 *buf, size_t n)
{
	struct pty *p = pty_of(t);

	ring_put(&p->out, buf, n);
	wake_master(p, EPOLLIN | EPOLLRDNORM);
}

static void pty_flush(struct tty *t)
{
	ring_clear(&pty_of(t)->out);
	tty_packet_event(t, 0, TIOCPKT_FLUSHWRITE);
}

static void pty_packet(struct tty *t, u8 clear, u8 set)
{
	struct pty *p = pty_of(t);

	if (!p->packet)
		return;
	p->pktstatus = (p->pktstatus & ~clear) | set;
	wake_master(p, EPOLLIN | EPOLLRDNORM | EPOLLPRI);
}

static bool std_flow(const struct ktermios *k)
{
	return (k->c_iflag & IXON) && k->c_cc[VSTOP] == ('S' & 0x1f) &&
	       k->c_cc[VSTART] == ('Q' & 0x1f);
}

static void pty_set_termios(struct tty *t, const struct ktermios *old)
{
	bool was = std_flow(old), is = std_flow(&t->termios);

	if (was != is)
		tty_packet_event(t, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP,
				 is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	if ((old->c_lflag | t->termios.c_lflag) & EXTPROC)
		tty_packet_event(t, 0, TIOCPKT_IOCTL);
}

static void pty_unthrottle(struct tty *t)
{
	wake_master(pty_of(t), EPOLLOUT | EPOLLWRNORM);
}

static void pty_slave_close(struct tty *t)
{
	struct pty *p = pty_of(t);

	p->slave_closed = true;
	p->packet = p->packet && p->master_open;
	wake_master(p, EPOLLIN | EPOLLHUP);
	pty_forget_number(p);
}

static void pty_free(struct tty *t)
{
	struct pty *p = pty_of(t);

	ring_free(&p->out);
	kfree(p);
}

static const struct tty_ops pty_slave_ops = {
	.close = pty_slave_close,
	.room = pty_room,
	.write = pty_write,
	.flush = pty_flush,
	.unthrottle = pty_unthrottle,
	.set_termios = pty_set_termios,
	.packet = pty_packet,
	.free = pty_free,
};

static struct pty *find_pty(const struct inode *inode)
{
	struct pts_instance *pi = instance_of(inode->sb);
	struct pty *p;

	if (!pi)
		return NULL;
	list_for_each(p, &pi->ptys, node)
		if (p->tty.dev == inode->rdev && p->inode == inode)
			return p;
	return NULL;
}

static int pts_open(struct inode *inode, struct file *f)
{
	struct pty *p = find_pty(inode);
	int err;

	if (!p || !p->master_open || p->locked)
		return -EIO;
	err = tty_open_file(&p->tty, f, false, f->flags & O_NOCTTY);
	if (!err)
		p->slave_closed = false;
	return err;
}

static const struct file_ops pts_fops = {
	.open = pts_open,
	.llseek = file_noseek,
	.stream = true,
};

/* --- the master: making and ending it --- */

/* The lowest free number of the instance, and its place in the list. */
static int pty_number(struct pts_instance *pi, struct pty *p)
{
	struct list_head *at = &pi->ptys;
	struct pty *q;
	u32 n = 0;

	list_for_each(q, &pi->ptys, node) {
		if (q->index != n)
			break;
		at = &q->node;
		n++;
	}
	if (n >= pi->max || pty_total >= PTY_LIMIT)
		return -ENOSPC;
	p->index = n;
	list_link(&p->node, at, at->next);
	p->inst = pi;
	pi->count++;
	pty_total++;
	ref_get(&pi->sb->ref);
	return 0;
}

static int pty_new(struct pts_instance *pi, struct pty **out)
{
	struct pty *p = kzalloc(sizeof(*p));
	const struct cred *c = current_cred();
	char name[16];
	int err;

	if (!p)
		return -ENOMEM;
	list_init(&p->node);
	wq_init(&p->master_wait);
	p->out.cap = TTY_RING;
	p->tty.ld.buf = kmalloc(LDISC_BUF);
	err = p->tty.ld.buf && ring_ready(&p->out) ? pty_number(pi, p) : -ENOMEM;
	if (err) {
		kfree(p->tty.ld.buf);
		ring_free(&p->out);
		kfree(p);
		return err;
	}
	p->uid = pi->setuid ? pi->uid : c->fsuid;
	p->gid = pi->setgid ? pi->gid : c->fsgid;
	p->locked = p->master_open = true;
	snprintf(name, sizeof(name), "pts/%u", p->index);
	tty_setup(&p->tty, &pty_slave_ops, makedev_k(PTS_MAJOR, p->index), name);
	p->tty.is_pty = true;
	p->tty.termios.c_ospeed = p->tty.termios.c_ispeed = 38400;
	p->tty.termios.c_cflag = B38400 | CS8 | CREAD;
	*out = p;
	return 0;
}

static int ptmx_open(struct inode *inode, struct file *f)
{
	struct path devpts;
	struct pty *p;
	int err;

	err = find_devpts(f, &devpts);
	if (err)
		return err;
	err = pty_new(instance_of(devpts.dentry->sb), &p);
	path_put(&devpts);
	if (err)
		return err;
	f->private = p;
	return 0;
}

static void ptm_release(struct file *f)
{
	struct pty *p = f->private;
	struct inode *inode = p->inode;

	p->master_open = false;
	p->packet = false;
	p->tty.other_closed = true;
	ring_clear(&p->out);
	wake_up_events(&p->tty.read_wait, EPOLLIN | EPOLLHUP);
	wake_up_events(&p->tty.write_wait, EPOLLOUT | EPOLLHUP);
	tty_hangup(&p->tty, false);
	p->inode = NULL;
	if (inode) {
		inode->nlink = 0;
		iput(inode);
	}
	pty_forget_number(p);
	tty_put(&p->tty);
}

/* --- the master: bytes --- */

static int master_wait(struct pty *p, struct file *f, bool write)
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	if (write)
		return wait_event_interruptible(&p->master_wait, ring_room(&p->tty.inq),
						"ptm_write");
	return wait_event_interruptible(&p->master_wait,
					ring_len(&p->out) || p->slave_closed || p->pktstatus,
					"ptm_read");
}

/* Moves what is there. The copy may let others run, so the ring is asked again each time. */
static ssize read_ring(struct pty *p, struct iter *to)
{
	ssize done = 0, n;
	void *dst;
	int err;

	while (to->count && ring_len(&p->out)) {
		n = iter_stage_to(to, &dst, MIN(to->count, (size_t)ring_len(&p->out)));
		if (n <= 0)
			return done ? done : n;
		n = ring_get(&p->out, dst, n);
		err = iter_commit_to(to, n);
		if (err)
			return done ? done : err;
		done += n;
	}
	if (done && !p->tty.stopped)
		tty_output_drained(&p->tty);
	return done;
}

/* Packet mode puts a byte in front: events without data, or 0 and data. */
static ssize read_packet(struct pty *p, struct iter *to)
{
	u8 c = p->pktstatus;
	ssize n, data;

	p->pktstatus = 0;
	n = iter_copy_to(to, &c, 1);
	if (c || n <= 0)
		return n;
	data = read_ring(p, to);
	return data > 0 ? n + data : n;
}

static ssize master_read(struct pty *p, struct file *f, struct iter *to)
{
	ssize n;

	while (!ring_len(&p->out) && !(p->packet && p->pktstatus)) {
		if (p->slave_closed)
			return -EIO;
		n = master_wait(p, f, false);
		if (n)
			return n;
	}
	return p->packet ? read_packet(p, to) : read_ring(p, to);
}

static ssize ptm_read(struct file *f, struct iter *to, off64 *pos)
{
	struct pty *p = f->private;
	ssize n;

	if (!to->count)
		return 0;
	n = tty_take_turn(&p->tty, &p->reading, f);
	if (n)
		return n;
	n = master_read(p, f, to);
	tty_end_turn(&p->tty, &p->reading);
	return n;
}

static ssize write_step(struct pty *p, struct file *f, struct iter *from)
{
	const void *src;
	ssize n;

	if (!ring_room(&p->tty.inq)) {
		n = master_wait(p, f, true);
		if (n)
			return n;
	}
	n = iter_stage_from(from, &src, MIN(from->count, (size_t)TTY_CHUNK));
	if (n <= 0)
		return n ? n : -EFAULT;
	n = tty_receive_queued(&p->tty, src, n);
	iter_advance(from, n);
	return n;
}

static ssize ptm_write(struct file *f, struct iter *from, off64 *pos)
{
	struct pty *p = f->private;
	size_t total = from->count;
	ssize n;

	n = tty_take_turn(&p->tty, &p->writing, f);
	if (n)
		return n;
	while (from->count) {
		n = write_step(p, f, from);
		if (n < 0)
			break;
		if (from->count && signal_pending(current)) {
			n = -ERESTARTSYS;
			break;
		}
	}
	tty_end_turn(&p->tty, &p->writing);
	return from->count == total && n < 0 ? n : (ssize)(total - from->count);
}

static u32 ptm_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->private;
	u32 mask = 0;

	poll_wait(f, &p->master_wait, pt);
	if (ring_len(&p->out))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (p->packet && p->pktstatus)
		mask |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
	if (p->slave_closed)
		mask |= EPOLLHUP;
	if (ring_room(&p->tty.inq))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

/* --- the master: ioctls --- */

static long set_lock(struct pty *p, u64 arg)
{
	int v;

	if (get_user(v, arg))
		return -EFAULT;
	p->locked = v;
	return 0;
}

static long set_packet(struct pty *p, u64 arg)
{
	int v;

	if (get_user(v, arg))
		return -EFAULT;
	if (v && !p->packet)
		p->pktstatus = 0;
	p->packet = v;
	return 0;
}

static long send_sig(struct pty *p, u64 arg)
{
	if (arg < 1 || arg > NSIG_K)
		return -EINVAL;
	tty_signal_pgrp(&p->tty, arg);
	return 0;
}

/* TIOCGPTPEER: the slave, without going through a path. */
static long open_peer(struct file *f, struct pty *p, u32 flags)
{
	char name[16];
	struct file *slave;
	struct dentry *d;
	struct path path;
	int err, fd;

	err = find_devpts(f, &path);
	if (err)
		return err;
	snprintf(name, sizeof(name), "%u", p->index);
	err = lookup_one(path.dentry, name, strlen(name), &d);
	if (err) {
		path_put(&path);
		return err;
	}
	dput(path.dentry);
	path.dentry = d;
	err = file_open_checked(&path, flags, &slave);
	path_put(&path);
	if (err)
		return err;
	fd = fd_add(slave, flags);
	if (fd < 0)
		fput(slave);
	return fd;
}

/* The master's queues are the slave's, seen from the other end. */
static long ptm_flush(struct pty *p, u64 arg)
{
	if (arg != TCIFLUSH && arg != TCOFLUSH && arg != TCIOFLUSH)
		return -EINVAL;
	if (arg != TCOFLUSH) {
		ring_clear(&p->out);
		tty_output_drained(&p->tty);
	}
	if (arg != TCIFLUSH)
		ring_clear(&p->tty.inq);
	return 0;
}

static long ptm_xonc(struct pty *p, u64 arg)
{
	u8 c = tty_cc(&p->tty, arg == TCIOFF ? VSTOP : VSTART);

	if (arg != TCIOFF && arg != TCION)
		return -EINVAL;
	if (c != CC_DISABLED)
		tty_receive_queued(&p->tty, &c, 1);
	return 0;
}

static long ptm_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pty *p = f->private;

	switch (cmd) {
	case TIOCSPTLCK:
		return set_lock(p, arg);
	case TIOCGPTLCK:
		return put_user((int)p->locked, arg);
	case TIOCPKT:
		return set_packet(p, arg);
	case TIOCGPKT:
		return put_user((int)p->packet, arg);
	case TIOCGPTN:
		return put_user((unsigned int)p->index, arg);
	case TIOCSIG:
		return send_sig(p, arg);
	case TIOCGPTPEER:
		return open_peer(f, p, (u32)arg);
	case FIONREAD:
		return put_user((int)ring_len(&p->out), arg);
	case TIOCOUTQ:
		return put_user((int)0, arg);
	case TCFLSH:
		return ptm_flush(p, arg);
	case TCXONC:
		return ptm_xonc(p, arg);
	case TIOCSTI:
		return capable(CAP_SYS_ADMIN_K) ? -EIO : -EPERM;
	}
	return tty_common_ioctl(&p->tty, f, true, cmd, arg);
}

static const struct file_ops ptm_fops = {
	.open = ptmx_open,
	.release = ptm_release,
	.read = ptm_read,
	.write = ptm_write,
	.llseek = file_noseek,
	.poll = ptm_poll,
	.ioctl = ptm_ioctl,
	.stream = true,
};

int pty_init(void)
{
	int err = dev_register_chr(5, 2, 1, "/dev/ptmx", &ptm_fops);

	return err ? err : dev_register_chr(PTS_MAJOR, 0, PTY_LIMIT, "pts", &pts_fops);
}
