/* SPDX-License-Identifier: MIT */
/*
 * Events from the host: descriptors with callbacks, and the timer that ends the event worker's
 * sleep at the next deadline. Callbacks run under the kernel lock.
 */
#include "core/sched.h"

#include "abi/errno.h"
#include "abi/poll.h"
#include "core/schedpriv.h"
#include "core/time.h"
#include "core/wait.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "lib/list.h"

#define EVENTS 32

struct event_source {
	struct list_head node;
	int fd;
	u32 events;
	bool edge, dead;
	void (*fn)(void *arg, u32 events);
	void *arg;
};

static LIST_HEAD(graveyard);		/* deleted while a batch may still name them */
static int ep = -1, timerfd = -1;
static ktime_t armed = KTIME_NEVER;

int event_init(void)
{
	ep = host_epoll();
	if (ep < 0)
		return ep;
	timerfd = host_timerfd();
	if (timerfd < 0)
		return timerfd;
	return host_epoll_ctl(ep, EPOLL_CTL_ADD, timerfd, EPOLLIN, 0);
}

static u32 host_events(const struct event_source *es)
{
	return es->events | (es->edge ? EPOLLET : 0);
}

int event_add(int hostfd, u32 events, bool edge, void (*fn)(void *arg, u32 events), void *arg,
	      struct event_source **out)
{
	struct event_source *es = kzalloc(sizeof(*es));
	int err;

	if (!es)
		return -ENOMEM;
	es->fd = hostfd;
	es->events = events;
	es->edge = edge;
	es->fn = fn;
	es->arg = arg;
	list_init(&es->node);
	err = host_epoll_ctl(ep, EPOLL_CTL_ADD, hostfd, host_events(es), (u64)es);
	if (err) {
		kfree(es);
		return err;
	}
	*out = es;
	return 0;
}

void event_mod(struct event_source *es, u32 events)
{
	es->events = events;
	host_epoll_ctl(ep, EPOLL_CTL_MOD, es->fd, host_events(es), (u64)es);
}

void event_del(struct event_source *es)
{
	host_epoll_ctl(ep, EPOLL_CTL_DEL, es->fd, 0, 0);
	es->dead = true;
	list_add(&es->node, &graveyard);
}

static void bury(void)
{
	struct event_source *es, *tmp;

	list_for_each_safe(es, tmp, &graveyard, node) {
		list_del_init(&es->node);
		kfree(es);
	}
}

void event_arm_timer(void)
{
	ktime_t next = ktimer_next();

	if (next == armed)
		return;
	armed = next;
	host_timerfd_set(timerfd, next);
}

/* Ends a sleep in event_idle(), or the next one at once. */
void event_kick(void)
{
	armed = 1;
	host_timerfd_set(timerfd, armed);
}

static void timer_expired(void)
{
	u64 n;

	host_read(timerfd, &n, sizeof(n));
	armed = KTIME_NEVER;
	ktimer_run();
}

static void event_handle(const struct host_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		struct event_source *es = (struct event_source *)ev[i].data;

		if (!es)
			timer_expired();
		else if (!es->dead)
			es->fn(es->arg, ev[i].events);
	}
	bury();
}

void event_idle(void)
{
	struct host_event ev[EVENTS];
	int n;

	event_arm_timer();
	kernel_unlock();
	n = host_epoll_wait(ep, ev, EVENTS, -1);
	kernel_lock();
	event_handle(ev, n);
}

void event_poll(void)
{
	struct host_event ev[EVENTS];

	event_handle(ev, host_epoll_wait(ep, ev, EVENTS, 0));
}
