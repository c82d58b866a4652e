/* SPDX-License-Identifier: MIT */
/*
 * Asking files what they are ready for, and waiting for several of them (poll, select).
 */
#include "vfs/poll.h"

#include "abi/errno.h"
#include "abi/poll.h"
#include "core/sched.h"
#include "lib/alloc.h"

#define POLL_CHUNK 30

struct poll_reg {
	struct wait_entry we;
	struct poll_waiter *pw;
	u32 key;
};

struct poll_entry {
	struct poll_entry *next;
	unsigned int n;
	struct poll_reg reg[POLL_CHUNK];
};

u32 vfs_poll(struct file *f, struct poll_table *pt)
{
	if (!f->ops->poll)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	return f->ops->poll(f, pt);
}

static bool poll_wake(struct wait_entry *we, u32 events)
{
	struct poll_reg *r = we->private;

	if (events && !(events & r->key))
		return false;
	r->pw->woken = true;
	wake_up(&r->pw->wq);
	return true;
}

static void poll_queue(struct poll_table *pt, struct file *f, struct wait_queue *wq)
{
	struct poll_waiter *pw = container_of(pt, struct poll_waiter, pt);
	struct poll_entry *e = pw->entries;
	struct poll_reg *r;

	if (!e || e->n == POLL_CHUNK) {
		e = kmalloc(sizeof(*e));
		if (!e) {
			pw->nomem = true;
			return;
		}
		e->n = 0;
		e->next = pw->entries;
		pw->entries = e;
	}
	r = &e->reg[e->n++];
	r->pw = pw;
	r->key = pt->key | EPOLLERR | EPOLLHUP;
	list_init(&r->we.node);
	r->we.fn = poll_wake;
	r->we.private = r;
	r->we.exclusive = false;
	wq_add(wq, &r->we);
}

void poll_waiter_init(struct poll_waiter *pw)
{
	pw->pt.queue = poll_queue;
	pw->pt.key = ~0u;
	wq_init(&pw->wq);
	pw->entries = NULL;
	pw->woken = false;
	pw->nomem = false;
}

void poll_waiter_quiet(struct poll_waiter *pw)
{
	pw->pt.queue = NULL;
}

int poll_waiter_sleep(struct poll_waiter *pw, ktime_t deadline, const char *reason)
{
	int err;

	if (pw->nomem)
		return -ENOMEM;
	err = wait_event_full(&pw->wq, pw->woken, WAIT_INTERRUPTIBLE, deadline, reason);
	pw->woken = false;
	return err;
}

void poll_waiter_end(struct poll_waiter *pw)
{
	struct poll_entry *e;
	unsigned int i;

	while ((e = pw->entries)) {
		for (i = 0; i < e->n; i++)
			wq_remove(&e->reg[i].we);
		pw->entries = e->next;
		kfree(e);
	}
}

static int poll_scan(struct poll_waiter *pw, struct poll_item *items, unsigned int n)
{
	unsigned int i;
	int ready = 0;

	for (i = 0; i < n; i++) {
		struct poll_item *it = &items[i];

		if (!it->file)
			continue;
		pw->pt.key = it->events;
		it->revents = vfs_poll(it->file, &pw->pt) & it->events;
		if (it->revents) {
			ready++;
			/* The call will not sleep, so nothing more needs to wake it. */
			poll_waiter_quiet(pw);
		}
	}
	return ready;
}

int poll_wait_items(struct poll_item *items, unsigned int n, ktime_t deadline, const char *reason)
{
	struct poll_waiter pw;
	int ready, err = 0;

	poll_waiter_init(&pw);
	if (deadline <= 0)
		poll_waiter_quiet(&pw);
	for (;;) {
		ready = poll_scan(&pw, items, n);
		if (ready || err || deadline <= 0)
			break;
		poll_waiter_quiet(&pw);
		err = poll_waiter_sleep(&pw, deadline, reason);
		if (err && err != -ETIME)
			break;
	}
	poll_waiter_end(&pw);
	if (ready)
		return ready;
	return err == -ETIME ? 0 : err;
}
