/* SPDX-License-Identifier: MIT */
/*
 * Waiting for any of several files: the machinery of poll(), select() and epoll.
 *
 * A struct poll_waiter collects registrations on wait queues while files are asked; a wakeup on any of them
 * ends poll_waiter_sleep(). The files must stay referenced until poll_waiter_end().
 */
#ifndef VFS_POLL_H
#define VFS_POLL_H

#include "core/time.h"
#include "core/signal.h"
#include "core/wait.h"
#include "vfs/vfs.h"

struct poll_entry;

struct poll_waiter {
	struct poll_table pt;
	struct wait_queue wq;
	struct poll_entry *entries;	/* chunks of registrations */
	bool woken;
	bool nomem;			/* a registration failed: never sleep */
};

void poll_waiter_init(struct poll_waiter *pw);		/* nb */
void poll_waiter_quiet(struct poll_waiter *pw);		/* from now on only ask; nb */
/* 0: look again; -ETIME, -ERESTARTSYS, -ENOMEM. May block. */
int poll_waiter_sleep(struct poll_waiter *pw, ktime_t deadline, const char *reason);
void poll_waiter_end(struct poll_waiter *pw);		/* nb */

/* One file of a poll() call; file NULL: no such descriptor. */
struct poll_item {
	struct file *file;
	u32 events, revents;		/* EPOLL* bits; EPOLLERR, EPOLLHUP are not added by themselves */
};
/*
 * Waits until an item has revents or the deadline passed (KTIME_NEVER: never; 0 or past: do not sleep). The number of items
 * with revents; -ERESTARTSYS, -ENOMEM. May block.
 */
int poll_wait_items(struct poll_item *items, unsigned int n, ktime_t deadline, const char *reason);

/* epoll.c: the bodies of the calls. */
struct epoll_event;
int epoll_create_file(u32 flags, struct file **out);
int epoll_control(struct file *epf, int op, int fd, struct file *f, const struct epoll_event *ev);
int epoll_size(struct file *epf);	/* files registered; 0: epf is no epoll file */
/* Up to max events into kernel memory; number; -ERESTARTSYS, -EINVAL: epf is no epoll file. May block. */
int epoll_collect(struct file *epf, struct epoll_event *out, int max, ktime_t deadline);

/* Makers of the other event files; all may block. */
int eventfd_create(u64 count, u32 flags, struct file **out);		/* EFD_* */
bool file_is_eventfd(const struct file *f);
void eventfd_signal(struct file *f);	/* counts one event, never waits; f must be an eventfd */
int signalfd_create(sigmask_t mask, u32 flags, struct file **out);	/* SFD_* */
int signalfd_set(struct file *f, sigmask_t mask);			/* -EINVAL */
int timerfd_create_file(int clock, u32 flags, struct file **out);	/* TFD_* */
struct timerfd_spec {
	ktime_t value, interval;
};
int timerfd_set(struct file *f, int flags, const struct timerfd_spec *spec, struct timerfd_spec *old);
int timerfd_get(struct file *f, struct timerfd_spec *spec);
void timerfd_clock_was_set(void);					/* CLOCK_REALTIME jumped: CANCEL_ON_SET; nb */
int inotify_create(u32 flags, struct file **out);			/* IN_CLOEXEC, IN_NONBLOCK */
int inotify_add(struct file *f, const struct path *p, u32 mask);	/* watch descriptor or -errno */
int inotify_rm(struct file *f, int wd);
int memfd_create_file(const char *name, u32 flags, u32 mode, struct file **out);	/* MFD_* */

/* splice.c; off NULL: the file's own position. Bytes or -errno. */
ssize vfs_splice(struct file *in, off64 *off_in, struct file *out, off64 *off_out, size_t len, u32 flags);
ssize vfs_tee(struct file *in, struct file *out, size_t len, u32 flags);
ssize vfs_vmsplice(struct file *f, struct iter *it, u32 flags);
ssize vfs_sendfile(struct file *out, struct file *in, off64 *off_in, size_t len);
ssize vfs_copy_file_range(struct file *in, off64 *off_in, struct file *out, off64 *off_out, size_t len,
			  u32 flags);

#endif
