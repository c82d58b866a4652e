/* SPDX-License-Identifier: MIT */
/*
 * epoll: a set of files, and the list of those that may be ready.
 *
 * Each item registers a callback on the wait queues of its file; a wakeup puts it at the end of the
 * ready list. Collecting asks each file on the list again: level-triggered items that are still ready go back to
 * the end, edge-triggered ones leave until the next wakeup. An item holds no reference to its file: the
 * last fput() takes it out (epoll_file_gone).
 */
#include "vfs/poll.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "lib/alloc.h"
#include "vfs/file.h"

#define EP_PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EP_EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define EP_MAX_NESTS 4
#define EP_MIN_BUCKETS 16

struct eventpoll {
	struct wait_queue wq;		/* epoll_wait() */
	struct wait_queue poll_wq;	/* those who poll the epoll file itself */
	struct list_head ready;		/* epitem.ready_node */
	struct list_head *buckets;	/* epitem.hash_node */
	unsigned int nbuckets, nitems;
	struct file *file;		/* borrowed: the set lives as long as it */
	u32 visit;			/* mark of the last loop check */
};

/* A registration on one wait queue of the item's file. */
struct ep_reg {
	struct wait_entry we;
	struct epitem *item;
	struct ep_reg *next;
};

struct epitem {
	struct eventpoll *ep;
	struct file *file;		/* borrowed */
	int fd;
	struct epoll_event event;
	struct list_head ready_node, hash_node, file_node;
	struct ep_reg *regs;
	bool nomem;
};

struct ep_poll_table {
	struct poll_table pt;
	struct epitem *item;
};

static const struct file_ops epoll_ops;

/* ---- the hash of items ---- */

static unsigned int ep_hash(const struct eventpoll *ep, const struct file *f, int fd)
{
	u64 h = ((u64)(uintptr_t)f >> 4) * 31 + (u32)fd;

	h *= 0x9e3779b97f4a7c15ULL;
	return (h >> 40) & (ep->nbuckets - 1);
}

static struct list_head *buckets_new(unsigned int n)
{
	struct list_head *b = kmalloc(n * sizeof(*b));
	unsigned int i;

	for (i = 0; b && i < n; i++)
		list_init(&b[i]);
	return b;
}

/* Best effort: a full table only gets slower. */
static void ep_grow(struct eventpoll *ep)
{
	struct list_head *old = ep->buckets, *new;
	unsigned int n = ep->nbuckets, i;

	if (ep->nitems < n)
		return;
	new = buckets_new(n * 2);
	if (!new)
		return;
	ep->buckets = new;
	ep->nbuckets = n * 2;
	for (i = 0; i < n; i++) {
		while (!list_empty(&old[i])) {
			struct epitem *it = list_first(&old[i], struct epitem, hash_node);

			list_del_init(&it->hash_node);
			list_add(&it->hash_node, &new[ep_hash(ep, it->file, it->fd)]);
		}
	}
	kfree(old);
}

static struct epitem *ep_find(struct eventpoll *ep, struct file *f, int fd)
{
	struct list_head *b = &ep->buckets[ep_hash(ep, f, fd)];
	struct epitem *it;

	list_for_each(it, b, hash_node)
		if (it->file == f && it->fd == fd)
			return it;
	return NULL;
}

/* ---- wakeups ---- */

static bool ep_wake(struct wait_entry *we, u32 events)
{
	struct epitem *it = ((struct ep_reg *)we->private)->item;
	struct eventpoll *ep = it->ep;
	u32 mine = it->event.events;
	bool waited;

	if (!(mine & ~EP_PRIVATE_BITS))
		return false;	/* a spent one-shot */
	if (events && !(events & mine))
		return false;
	if (list_empty(&it->ready_node))
		list_add_tail(&it->ready_node, &ep->ready);
	/* An exclusive wakeup counts only when it reached somebody. */
	waited = wq_active(&ep->wq);
	wake_up(&ep->wq);
	wake_up_events(&ep->poll_wq, EPOLLIN | EPOLLRDNORM);
	return waited || !(mine & EPOLLEXCLUSIVE);
}

static void ep_queue(struct poll_table *pt, struct file *f, struct wait_queue *wq)
{
	struct epitem *it = container_of(pt, struct ep_poll_table, pt)->item;
	struct ep_reg *r = kmalloc(sizeof(*r));

	if (!r) {
		it->nomem = true;
		return;
	}
	r->item = it;
	r->next = it->regs;
	it->regs = r;
	list_init(&r->we.node);
	r->we.fn = ep_wake;
	r->we.private = r;
	r->we.exclusive = it->event.events & EPOLLEXCLUSIVE;
	wq_add(wq, &r->we);
}

static u32 ep_item_poll(struct epitem *it, struct poll_table *pt)
{
	if (pt)
		pt->key = it->event.events;
	return vfs_poll(it->file, pt) & it->event.events;
}

static void ep_unregister(struct epitem *it)
{
	struct ep_reg *r;

	while ((r = it->regs)) {
		it->regs = r->next;
		wq_remove(&r->we);
		kfree(r);
	}
}

static void ep_remove(struct epitem *it)
{
	ep_unregister(it);
	list_del_init(&it->ready_node);
	list_del_init(&it->hash_node);
	list_del_init(&it->file_node);
	it->ep->nitems--;
	kfree(it);
}

void epoll_file_gone(struct file *f)
{
	while (!list_empty(&f->epoll_links))
		ep_remove(list_first(&f->epoll_links, struct epitem, file_node));
}

/* ---- nesting ---- */

static u32 ep_visit;

/* Depth of sets below ep; -1: target is among them, or too deep. */
static int ep_depth(struct eventpoll *ep, const struct eventpoll *target, int level)
{
	int deepest = 0, d;
	unsigned int i;

	if (ep == target || level > EP_MAX_NESTS)
		return -1;
	if (ep->visit == ep_visit)
		return 0;
	ep->visit = ep_visit;
	for (i = 0; i < ep->nbuckets; i++) {
		struct epitem *it;

		list_for_each(it, &ep->buckets[i], hash_node) {
			if (it->file->ops != &epoll_ops)
				continue;
			d = ep_depth(it->file->private, target, level + 1);
			if (d < 0)
				return -1;
			deepest = MAX(deepest, d + 1);
		}
	}
	return deepest;
}

/* How many sets lie above ep (watch it), at most. */
static int ep_height(struct eventpoll *ep, int level)
{
	struct epitem *it;
	int highest = 0;

	if (level > EP_MAX_NESTS)
		return level;
	list_for_each(it, &ep->file->epoll_links, file_node)
		highest = MAX(highest, 1 + ep_height(it->ep, level + 1));
	return highest;
}

/* May the set inner be put into outer? 0 or -ELOOP. */
static int ep_loop_check(struct eventpoll *outer, struct eventpoll *inner)
{
	int depth;

	ep_visit++;
	depth = ep_depth(inner, outer, 0);
	if (depth < 0 || depth + 1 + ep_height(outer, 0) > EP_MAX_NESTS)
		return -ELOOP;
	return 0;
}

/* ---- control ---- */

static void ep_make_ready(struct epitem *it)
{
	struct eventpoll *ep = it->ep;

	if (!list_empty(&it->ready_node))
		return;
	list_add_tail(&it->ready_node, &ep->ready);
	wake_up(&ep->wq);
	wake_up_events(&ep->poll_wq, EPOLLIN | EPOLLRDNORM);
}

static int ep_insert(struct eventpoll *ep, struct file *f, int fd, const struct epoll_event *ev)
{
	struct ep_poll_table ept = { .pt.queue = ep_queue };
	struct epitem *it;
	u32 ready;
	int err;

	if (f->ops == &epoll_ops) {
		err = ep_loop_check(ep, f->private);
		if (err)
			return err;
	}
	it = kzalloc(sizeof(*it));
	if (!it)
		return -ENOMEM;
	it->ep = ep;
	it->file = f;
	it->fd = fd;
	it->event = *ev;
	list_init(&it->ready_node);
	ep_grow(ep);
	list_add(&it->hash_node, &ep->buckets[ep_hash(ep, f, fd)]);
	list_add_tail(&it->file_node, &f->epoll_links);
	ep->nitems++;
	ept.item = it;
	ready = ep_item_poll(it, &ept.pt);
	if (it->nomem) {
		ep_remove(it);
		return -ENOMEM;
	}
	if (ready)
		ep_make_ready(it);
	return 0;
}

static void ep_modify(struct epitem *it, const struct epoll_event *ev)
{
	it->event = *ev;
	if (ep_item_poll(it, NULL))
		ep_make_ready(it);
}

static int ep_check_exclusive(struct file *f, int op, const struct epitem *it, u32 events)
{
	if (op == EPOLL_CTL_MOD && it && (it->event.events & EPOLLEXCLUSIVE))
		return -EINVAL;
	if (!(events & EPOLLEXCLUSIVE))
		return 0;
	if (op == EPOLL_CTL_MOD || f->ops == &epoll_ops || (events & ~EP_EXCLUSIVE_OK))
		return -EINVAL;
	return 0;
}

int epoll_control(struct file *epf, int op, int fd, struct file *f, const struct epoll_event *ev)
{
	struct eventpoll *ep = epf->private;
	struct epoll_event e = { 0 };
	struct epitem *it;
	int err;

	if (!f->ops->poll)
		return -EPERM;
	if (f == epf || epf->ops != &epoll_ops)
		return -EINVAL;
	it = ep_find(ep, f, fd);
	if (op == EPOLL_CTL_DEL) {
		if (!it)
			return -ENOENT;
		ep_remove(it);
		return 0;
	}
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD)
		return -EINVAL;
	e = *ev;
	err = ep_check_exclusive(f, op, it, e.events);
	if (err)
		return err;
	e.events |= EPOLLERR | EPOLLHUP;
	if (op == EPOLL_CTL_ADD)
		return it ? -EEXIST : ep_insert(ep, f, fd, &e);
	if (!it)
		return -ENOENT;
	ep_modify(it, &e);
	return 0;
}

/* ---- collecting ---- */

/* Moves ready events out; the list keeps what is level-triggered and still ready. */
static int ep_take(struct eventpoll *ep, struct epoll_event *out, int max)
{
	struct list_head again = LIST_HEAD_INIT(again);
	int n = 0;

	while (n < max && !list_empty(&ep->ready)) {
		struct epitem *it = list_first(&ep->ready, struct epitem, ready_node);
		u32 ready;

		list_del_init(&it->ready_node);
		ready = ep_item_poll(it, NULL);
		if (!ready)
			continue;
		out[n].events = ready;
		out[n].data = it->event.data;
		n++;
		if (it->event.events & EPOLLONESHOT)
			it->event.events &= EP_PRIVATE_BITS;
		else if (!(it->event.events & EPOLLET))
			list_add_tail(&it->ready_node, &again);
	}
	while (!list_empty(&again)) {
		struct list_head *node = again.next;

		list_del_init(node);
		list_add_tail(node, &ep->ready);
	}
	return n;
}

/* Is anything really ready? Takes stale items off the list. */
static bool ep_any_ready(struct eventpoll *ep)
{
	struct epitem *it, *tmp;

	list_for_each_safe(it, tmp, &ep->ready, ready_node) {
		if (ep_item_poll(it, NULL))
			return true;
		list_del_init(&it->ready_node);
	}
	return false;
}

/* How many events can be ready at most. */
int epoll_size(struct file *epf)
{
	struct eventpoll *ep = epf->private;

	return epf->ops == &epoll_ops ? (int)ep->nitems : 0;
}

int epoll_collect(struct file *epf, struct epoll_event *out, int max, ktime_t deadline)
{
	struct eventpoll *ep = epf->private;
	int n, err;

	if (epf->ops != &epoll_ops)
		return -EINVAL;
	for (;;) {
		n = ep_take(ep, out, max);
		if (n || deadline <= 0)
			return n;
		err = wait_event_interruptible_timeout(&ep->wq, !list_empty(&ep->ready), deadline,
						       "ep_poll");
		if (err == -ETIME)
			return 0;
		if (err)
			return err;
	}
}

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct eventpoll *ep = f->private;

	poll_wait(f, &ep->poll_wq, pt);
	return ep_any_ready(ep) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void epoll_fdinfo(struct file *f, struct seq_buf *s)
{
	struct eventpoll *ep = f->private;
	struct epitem *it;
	unsigned int i;

	for (i = 0; i < ep->nbuckets; i++)
		list_for_each(it, &ep->buckets[i], hash_node)
			seq_printf(s, "tfd: %8d events: %8x data: %16llx  pos:%lli ino:%llx sdev:%x\n",
				   it->fd, it->event.events, (unsigned long long)it->event.data,
				   (long long)it->file->pos,
				   (unsigned long long)(it->file->inode ? it->file->inode->ino : 0),
				   it->file->inode ? it->file->inode->sb->dev : 0);
}

static void epoll_release(struct file *f)
{
	struct eventpoll *ep = f->private;
	unsigned int i;

	for (i = 0; i < ep->nbuckets; i++)
		while (!list_empty(&ep->buckets[i]))
			ep_remove(list_first(&ep->buckets[i], struct epitem, hash_node));
	kfree(ep->buckets);
	kfree(ep);
}

static const struct file_ops epoll_ops = {
	.release = epoll_release,
	.poll = epoll_poll,
	.llseek = file_seek_null,
	.fdinfo = epoll_fdinfo,
	.stream = true,
};

int epoll_create_file(u32 flags, struct file **out)
{
	struct eventpoll *ep = kzalloc(sizeof(*ep));
	int err = -ENOMEM;

	if (!ep)
		return -ENOMEM;
	wq_init(&ep->wq);
	wq_init(&ep->poll_wq);
	list_init(&ep->ready);
	ep->nbuckets = EP_MIN_BUCKETS;
	ep->buckets = buckets_new(ep->nbuckets);
	if (ep->buckets)
		err = anon_file("[eventpoll]", &epoll_ops, ep, O_RDWR | (flags & O_CLOEXEC), out);
	if (err) {
		kfree(ep->buckets);
		kfree(ep);
		return err;
	}
	ep->file = *out;
	return 0;
}
