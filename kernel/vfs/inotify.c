/* SPDX-License-Identifier: MIT */
/*
 * inotify: telling what happens to files and directories.
 *
 * A watch ties an instance to an inode and holds a reference to it. The VFS calls notify_*() after each
 * event; most of the time nobody watches anything, and then they return at once.
 */
#include "vfs/poll.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "abi/tty.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/user.h"
#include "vfs/file.h"

#define MAX_QUEUED 16384
#define MAX_WATCHES 1048576
#define MAX_INSTANCES 1024
#define DIR_ONLY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define SELF_ONLY_EVENTS (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

struct inotify {
	struct wait_queue wq;
	struct list_head events;	/* struct queued */
	struct list_head watches;	/* watch.group_node */
	unsigned int nqueued;
	int last_wd;
};

struct watch {
	struct inotify *group;
	struct inode *inode;		/* reference */
	struct list_head group_node, inode_node;
	u32 mask;			/* events and IN_ONESHOT, IN_EXCL_UNLINK */
	int wd;
};

/* What inode->inotify points to. */
struct marks {
	struct list_head watches;	/* watch.inode_node */
};

struct queued {
	struct list_head node;
	struct inotify_event ev;	/* len: of name with its padding */
	char name[];
};

static const struct file_ops inotify_ops;
static unsigned int nwatches, ninstances;

/* ---- the queue ---- */

static bool same_event(const struct queued *q, int wd, u32 mask, u32 cookie, const char *name)
{
	if (q->ev.wd != wd || q->ev.mask != mask || q->ev.cookie != cookie)
		return false;
	return name ? q->ev.len && !strcmp(q->name, name) : !q->ev.len;
}

static void queue_event(struct inotify *g, int wd, u32 mask, u32 cookie, const char *name)
{
	size_t len = name ? ALIGN_UP(strlen(name) + 1, sizeof(struct inotify_event)) : 0;
	struct queued *q;

	if (g->nqueued > MAX_QUEUED)
		return;		/* the overflow was reported */
	if (g->nqueued == MAX_QUEUED) {
		wd = -1;
		mask = IN_Q_OVERFLOW;
		cookie = 0;
		name = NULL;
		len = 0;
	} else if (g->nqueued &&
		   same_event(list_last(&g->events, struct queued, node), wd, mask, cookie, name)) {
		return;
	}
	q = kzalloc(sizeof(*q) + len);
	if (!q)
		return;
	q->ev.wd = wd;
	q->ev.mask = mask;
	q->ev.cookie = cookie;
	q->ev.len = len;
	if (name)
		strcpy(q->name, name);
	list_add_tail(&q->node, &g->events);
	g->nqueued++;
	wake_up_events(&g->wq, EPOLLIN | EPOLLRDNORM);
}

static void drop_event(struct inotify *g, struct queued *q)
{
	list_del_init(&q->node);
	g->nqueued--;
	kfree(q);
}

static ssize inotify_read(struct file *f, struct iter *to, off64 *pos)
{
	struct inotify *g = f->private;
	ssize done = 0;
	int err;

	for (;;) {
		struct queued *q;
		ssize len;

		if (!g->nqueued) {
			if (done)
				return done;
			if (f->flags & O_NONBLOCK)
				return -EAGAIN;
			err = wait_event_interruptible(&g->wq, g->nqueued, "inotify_read");
			if (err)
				return err;
			continue;
		}
		q = list_first(&g->events, struct queued, node);
		len = sizeof(q->ev) + q->ev.len;
		if ((ssize)to->count < len)
			return done ? done : -EINVAL;
		/* Off the queue before the copy, which may let another reader run. */
		list_del_init(&q->node);
		g->nqueued--;
		if (iter_copy_to(to, &q->ev, len) != len) {
			kfree(q);
			return done ? done : -EFAULT;
		}
		kfree(q);
		done += len;
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *g = f->private;

	poll_wait(f, &g->wq, pt);
	return g->nqueued ? EPOLLIN | EPOLLRDNORM : 0;
}

static long inotify_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct inotify *g = f->private;
	struct queued *q;
	int bytes = 0;

	if (cmd != FIONREAD)
		return -ENOIOCTLCMD_K;
	list_for_each(q, &g->events, node)
		bytes += sizeof(q->ev) + q->ev.len;
	return put_user(bytes, (uaddr_t)arg);
}

/* ---- watches ---- */

/* Frees the watch and says so. May block when the inode's last reference goes. */
static void watch_drop(struct watch *w, bool tell)
{
	struct marks *m = w->inode->inotify;

	list_del_init(&w->group_node);
	list_del_init(&w->inode_node);
	if (list_empty(&m->watches)) {
		w->inode->inotify = NULL;
		kfree(m);
	}
	nwatches--;
	if (tell)
		queue_event(w->group, w->wd, IN_IGNORED, 0, NULL);
	iput(w->inode);
	kfree(w);
}

static struct watch *watch_of_inode(struct inotify *g, struct inode *inode)
{
	struct marks *m = inode->inotify;
	struct watch *w;

	if (m)
		list_for_each(w, &m->watches, inode_node)
			if (w->group == g)
				return w;
	return NULL;
}

static int watch_new(struct inotify *g, struct inode *inode, u32 mask)
{
	struct marks *m = inode->inotify;
	struct watch *w;

	if (nwatches >= MAX_WATCHES)
		return -ENOSPC;
	w = kzalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	if (!m) {
		m = kmalloc(sizeof(*m));
		if (!m) {
			kfree(w);
			return -ENOMEM;
		}
		list_init(&m->watches);
		inode->inotify = m;
	}
	w->group = g;
	w->inode = iget(inode);
	w->mask = mask;
	w->wd = ++g->last_wd;
	list_add_tail(&w->group_node, &g->watches);
	list_add_tail(&w->inode_node, &m->watches);
	nwatches++;
	served_revoke(inode);
	return w->wd;
}

int inotify_add(struct file *f, const struct path *p, u32 mask)
{
	struct inotify *g = f->private;
	struct inode *inode = p->dentry->inode;
	struct watch *w;
	u32 keep = mask & (IN_ALL_EVENTS | IN_UNMOUNT | IN_ONESHOT | IN_EXCL_UNLINK);
	int err;

	if (f->ops != &inotify_ops || !(mask & (IN_ALL_EVENTS | IN_UNMOUNT)))
		return -EINVAL;
	if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
		return -EINVAL;
	err = inode_permission(inode, MAY_READ);
	if (err)
		return err;
	w = watch_of_inode(g, inode);
	if (!w)
		return watch_new(g, inode, keep);
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	w->mask = mask & IN_MASK_ADD ? w->mask | keep : keep;
	return w->wd;
}

int inotify_rm(struct file *f, int wd)
{
	struct inotify *g = f->private;
	struct watch *w;

	if (f->ops != &inotify_ops)
		return -EINVAL;
	list_for_each(w, &g->watches, group_node) {
		if (w->wd == wd) {
			watch_drop(w, true);
			return 0;
		}
	}
	return -EINVAL;
}

static void inotify_fdinfo(struct file *f, struct seq_buf *s)
{
	struct inotify *g = f->private;
	struct watch *w;

	list_for_each(w, &g->watches, group_node)
		seq_printf(s, "inotify wd:%x ino:%llx sdev:%x mask:%x ignored_mask:0\n", w->wd,
			   (unsigned long long)w->inode->ino, w->inode->sb->dev,
			   w->mask);
}

static void inotify_release(struct file *f)
{
	struct inotify *g = f->private;

	while (!list_empty(&g->watches))
		watch_drop(list_first(&g->watches, struct watch, group_node), false);
	while (!list_empty(&g->events))
		drop_event(g, list_first(&g->events, struct queued, node));
	ninstances--;
	kfree(g);
}

static const struct file_ops inotify_ops = {
	.release = inotify_release,
	.read = inotify_read,
	.llseek = file_seek_null,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.fdinfo = inotify_fdinfo,
	.stream = true,
};

int inotify_create(u32 flags, struct file **out)
{
	struct inotify *g;
	int err;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	if (ninstances >= MAX_INSTANCES)
		return -EMFILE;
	g = kzalloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	wq_init(&g->wq);
	list_init(&g->events);
	list_init(&g->watches);
	err = anon_file("inotify", &inotify_ops, g, O_RDONLY | (flags & O_NONBLOCK), out);
	if (err)
		kfree(g);
	else
		ninstances++;
	return err;
}

/* ---- events ---- */

static bool watched(void)
{
	return nwatches || dnotify_count;
}

/* Tells the watches of inode; name NULL: it is about the inode itself. */
static void tell_inode(struct inode *inode, const char *name, u32 mask, u32 cookie, bool unlinked)
{
	struct marks *m = inode->inotify;
	struct watch *w, *tmp;
	bool last;

	if (!m)
		return;
	list_for_each_safe(w, tmp, &m->watches, inode_node) {
		last = &tmp->inode_node == &m->watches;
		if (!(w->mask & mask & IN_ALL_EVENTS))
			continue;
		if (unlinked && (w->mask & IN_EXCL_UNLINK))
			continue;
		queue_event(w->group, w->wd, mask, cookie, name);
		if (w->mask & IN_ONESHOT)
			watch_drop(w, true);
		if (last)
			break;	/* the list head may be gone with the last watch */
	}
}

static void tell(struct inode *dir, const char *name, struct inode *inode, u32 mask, u32 cookie,
		 bool unlinked)
{
	u32 dirbit = inode && S_ISDIR(inode->mode) ? IN_ISDIR : 0;

	if (mask & SELF_ONLY_EVENTS)
		dirbit = 0;	/* as Linux */
	if (dir && dir->dnotify)
		dnotify_event(dir, mask, cookie);
	if (inode && inode->dnotify && !(mask & (DIR_ONLY_EVENTS | SELF_ONLY_EVENTS)))
		dnotify_event(inode, mask, cookie);
	if (dir && name && !(mask & SELF_ONLY_EVENTS))
		tell_inode(dir, name, mask | dirbit, cookie, unlinked);
	if (inode && !(mask & DIR_ONLY_EVENTS))
		tell_inode(inode, NULL, mask | dirbit, cookie, false);
}

void notify_event(struct inode *dir, const char *name, struct inode *inode, u32 mask, u32 cookie)
{
	if (likely(!watched()))
		return;
	tell(dir, name, inode, mask, cookie, false);
}

void notify_dentry(struct dentry *d, u32 mask)
{
	struct inode *dir = d->parent && d->parent != d ? d->parent->inode : NULL;

	if (likely(!watched()))
		return;
	tell(dir, d->name, d->inode, mask, 0, d->unhashed);
}

void notify_file(struct file *f, u32 mask)
{
	if (likely(!watched()) || !f->path.dentry)
		return;
	notify_dentry(f->path.dentry, mask);
}

void notify_inode_gone(struct inode *inode)
{
	if (likely(!inode->inotify))
		return;
	iget(inode);
	tell_inode(inode, NULL, IN_DELETE_SELF, 0, false);
	while (inode->inotify) {
		struct marks *m = inode->inotify;

		watch_drop(list_first(&m->watches, struct watch, inode_node), true);
	}
	iput(inode);
}

u32 notify_cookie(void)
{
	static u32 last;

	return ++last ? last : ++last;
}
