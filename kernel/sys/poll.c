/* SPDX-License-Identifier: MIT */
/*
 * poll, select and epoll as system calls: descriptor sets, timeouts, temporary signal masks.
 */
#include "sys/sys.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/resource.h"
#include "abi/time.h"
#include "abi/utsname.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/signal.h"
#include "core/task.h"
#include "mm/user.h"
#include "sys/timespec.h"
#include "sys/sigmask.h"
#include "vfs/poll.h"

#define EPOLL_BATCH 64			/* room for those that are added while we wait */

/* ---- temporary masks ---- */

/* The mask holds until the call ends, or until a handler has run. set 0: none. */
int mask_begin(uaddr_t set, size_t size)
{
	struct task *t = current;
	sigmask_t mask;

	if (!set)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, set))
		return -EFAULT;
	t->saved_blocked = t->blocked;
	t->restore_blocked = true;
	set_blocked(t, mask);
	return 0;
}

/* interrupted: the signal code restores the mask, once the signal that came through it is dealt with. */
void mask_end(bool interrupted)
{
	struct task *t = current;

	if (interrupted || !t->restore_blocked)
		return;
	t->restore_blocked = false;
	set_blocked(t, t->saved_blocked);
}

/* ---- timeouts ---- */

/* ts 0: no limit. *deadline: KTIME_NEVER, 0 (do not wait), or a moment. */
static int deadline_from_timespec(uaddr_t ts, ktime_t *deadline)
{
	ktime_t rel;
	int err;

	*deadline = KTIME_NEVER;
	if (!ts)
		return 0;
	err = get_timespec(&rel, ts);
	if (!err)
		*deadline = rel ? deadline_after(rel) : 0;
	return err;
}

static ktime_t time_left(ktime_t deadline)
{
	return deadline ? MAX(deadline - ktime_get(), 0) : 0;
}

/* Linux tells how much time was left, unless the personality wants what other systems do. */
static bool tells_time_left(uaddr_t at, ktime_t deadline)
{
	return at && deadline != KTIME_NEVER && !(current->proc->personality & STICKY_TIMEOUTS);
}

/* A read-only timeout is no error. */
static void timespec_left(uaddr_t ts, ktime_t deadline)
{
	if (tells_time_left(ts, deadline) && put_timespec(ts, time_left(deadline)))
		return;
}

static ktime_t deadline_from_ms(int ms)
{
	if (ms < 0)
		return KTIME_NEVER;
	return ms ? deadline_after(ms * NSEC_PER_MSEC) : 0;
}

/* ---- poll ---- */

static void put_items(struct poll_item *items, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (items[i].file)
			fput(items[i].file);
}

/* References to the files; the number of descriptors that are none. */
static int get_items(struct pollfd *fds, struct poll_item *items, u32 n)
{
	int bad = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		fds[i].revents = 0;
		items[i].file = fds[i].fd < 0 ? NULL : fd_get(fds[i].fd);
		items[i].events = (u16)fds[i].events | EPOLLERR | EPOLLHUP;
		items[i].revents = 0;
		if (!items[i].file && fds[i].fd >= 0) {
			fds[i].revents = POLLNVAL;
			bad++;
		}
	}
	return bad;
}

static int poll_fds(struct pollfd *fds, struct poll_item *items, u32 n, ktime_t deadline)
{
	int bad = get_items(fds, items, n), ready;
	u32 i;

	ready = poll_wait_items(items, n, bad ? 0 : deadline, "poll");
	for (i = 0; i < n; i++)
		if (items[i].file)
			fds[i].revents = (short)items[i].revents;
	put_items(items, n);
	return ready < 0 ? ready : ready + bad;
}

static int do_poll(uaddr_t ufds, u32 n, ktime_t deadline)
{
	struct poll_item *items;
	struct pollfd *fds;
	int ret;

	if (n > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	fds = arena_alloc(n * sizeof(*fds) + 1);
	items = arena_alloc(n * sizeof(*items) + 1);
	if (!fds || !items)
		return -ENOMEM;
	if (n && copy_from_user(fds, ufds, n * sizeof(*fds)))
		return -EFAULT;
	ret = poll_fds(fds, items, n, deadline);
	if (ret >= 0 && n && copy_to_user(ufds, fds, n * sizeof(*fds)))
		return -EFAULT;
	return ret;
}

static long poll_interruptible(uaddr_t fds, u32 n, ktime_t deadline);

static long poll_restart(struct restart_block *rb)
{
	return poll_interruptible(rb->a, (u32)rb->b, rb->deadline);
}

static long poll_interruptible(uaddr_t fds, u32 n, ktime_t deadline)
{
	struct restart_block *rb = &current->restart;
	int ret = do_poll(fds, n, deadline);

	if (ret != -ERESTARTSYS)
		return ret;
	rb->fn = poll_restart;
	rb->deadline = deadline;
	rb->a = fds;
	rb->b = n;
	return -ERESTART_RESTARTBLOCK;
}

long sys_poll(uaddr_t fds, u32 nfds, int timeout)
{
	return poll_interruptible(fds, nfds, deadline_from_ms(timeout));
}

long sys_ppoll(uaddr_t fds, u32 nfds, uaddr_t ts, uaddr_t set, size_t sigsetsize)
{
	ktime_t deadline;
	int ret = deadline_from_timespec(ts, &deadline);

	if (!ret)
		ret = mask_begin(set, sigsetsize);
	if (ret)
		return ret;
	ret = do_poll(fds, nfds, deadline);
	mask_end(ret == -ERESTARTSYS);
	timespec_left(ts, deadline);
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

/* ---- select ---- */

#define SEL_IN (EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR)
#define SEL_OUT (EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR)
#define SEL_EX EPOLLPRI

/* The three sets of a call, as words of 64 descriptors. */
struct fd_sets {
	int n, words;
	u64 *set[3];		/* in, out, ex; all words zero when not given */
	uaddr_t user[3];
};

static const u32 sel_events[3] = { SEL_IN, SEL_OUT, SEL_EX };

static int sets_get(struct fd_sets *s)
{
	size_t bytes;
	int i, max = files_max(current->files);

	if (s->n < 0)
		return -EINVAL;
	s->n = MIN(s->n, max);
	s->words = (s->n + 63) / 64;
	bytes = s->words * sizeof(u64);
	for (i = 0; i < 3; i++) {
		s->set[i] = arena_alloc(bytes + 1);
		if (!s->set[i])
			return -ENOMEM;
		memset(s->set[i], 0, bytes);
		if (s->user[i] && bytes && copy_from_user(s->set[i], s->user[i], bytes))
			return -EFAULT;
	}
	return 0;
}

static int sets_put(struct fd_sets *s)
{
	int i;

	for (i = 0; i < 3; i++)
		if (s->user[i] && s->words &&
		    copy_to_user(s->user[i], s->set[i], s->words * sizeof(u64)))
			return -EFAULT;
	return 0;
}

static u32 wanted_events(const struct fd_sets *s, int fd)
{
	u64 bit = 1ULL << (fd % 64);
	u32 events = 0;
	int i;

	for (i = 0; i < 3; i++)
		if (s->set[i][fd / 64] & bit)
			events |= sel_events[i];
	return events;
}

/* Fills items and fds for every descriptor in a set. Their number, or -EBADF. */
static int sets_items(const struct fd_sets *s, struct poll_item *items, int *fds)
{
	int fd, n = 0;

	for (fd = 0; fd < s->n; fd++) {
		u32 events = wanted_events(s, fd);

		if (!events)
			continue;
		items[n].file = fd_get(fd);
		items[n].events = events;
		items[n].revents = 0;
		if (!items[n].file) {
			put_items(items, n);
			return -EBADF;
		}
		fds[n++] = fd;
	}
	return n;
}

static int sets_count(const struct fd_sets *s)
{
	int w, i, n = 0;

	for (w = 0; w < s->words; w++) {
		u64 any = s->set[0][w] | s->set[1][w] | s->set[2][w];

		if (s->n - w * 64 < 64)
			any &= (1ULL << (s->n - w * 64)) - 1;
		n += __builtin_popcountll(any);
		for (i = 0; i < 3 && s->n - w * 64 < 64; i++)
			s->set[i][w] &= (1ULL << (s->n - w * 64)) - 1;
	}
	return n;
}

/* Turns the request into the result: the number of bits set. */
static int sets_result(struct fd_sets *s, const struct poll_item *items, const int *fds, int n)
{
	int i, k, count = 0;

	for (i = 0; i < 3; i++) {
		for (k = 0; k < n; k++) {
			u64 *w = &s->set[i][fds[k] / 64], bit = 1ULL << (fds[k] % 64);

			if (!(*w & bit))
				continue;
			if (items[k].revents & sel_events[i])
				count++;
			else
				*w &= ~bit;
		}
	}
	return count;
}

static int do_select(struct fd_sets *s, ktime_t deadline)
{
	struct poll_item *items;
	int err = sets_get(s), n, ready, *fds;

	if (err)
		return err;
	n = sets_count(s);
	items = arena_alloc(n * sizeof(*items) + 1);
	fds = arena_alloc(n * sizeof(*fds) + 1);
	if (!items || !fds)
		return -ENOMEM;
	n = sets_items(s, items, fds);
	if (n < 0)
		return n;
	ready = poll_wait_items(items, n, deadline, "select");
	if (ready >= 0)
		ready = sets_result(s, items, fds, n);
	put_items(items, n);
	if (ready >= 0 && sets_put(s))
		return -EFAULT;
	return ready;
}

static int deadline_from_timeval(uaddr_t utv, ktime_t *deadline)
{
	struct __kernel_old_timeval tv;
	s64 sec;

	*deadline = KTIME_NEVER;
	if (!utv)
		return 0;
	if (get_user(tv, utv))
		return -EFAULT;
	if (tv.tv_sec < 0 || tv.tv_usec < 0)
		return -EINVAL;
	if (__builtin_add_overflow(tv.tv_sec, tv.tv_usec / 1000000, &sec) ||
	    sec >= KTIME_NEVER / NSEC_PER_SEC)
		return 0;
	*deadline = sec * NSEC_PER_SEC + tv.tv_usec % 1000000 * NSEC_PER_USEC;
	if (*deadline)
		*deadline = deadline_after(*deadline);
	return 0;
}

static void timeval_left(uaddr_t utv, ktime_t deadline)
{
	ktime_t left = time_left(deadline);
	struct __kernel_old_timeval tv = { left / NSEC_PER_SEC, left % NSEC_PER_SEC / NSEC_PER_USEC };

	if (tells_time_left(utv, deadline) && put_user(tv, utv))
		return;		/* a read-only timeout is no error */
}

long sys_select(int n, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t tv)
{
	struct fd_sets s = { .n = n, .user = { in, out, ex } };
	ktime_t deadline;
	int ret = deadline_from_timeval(tv, &deadline);

	if (ret)
		return ret;
	ret = do_select(&s, deadline);
	timeval_left(tv, deadline);
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

long sys_pselect6(int n, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t ts, uaddr_t sig)
{
	struct fd_sets s = { .n = n, .user = { in, out, ex } };
	struct {
		uaddr_t set;
		u64 size;
	} arg = { 0, 0 };
	ktime_t deadline;
	int ret;

	if (sig && get_user(arg, sig))
		return -EFAULT;
	ret = deadline_from_timespec(ts, &deadline);
	if (!ret)
		ret = mask_begin(arg.set, arg.size);
	if (ret)
		return ret;
	ret = do_select(&s, deadline);
	mask_end(ret == -ERESTARTSYS);
	timespec_left(ts, deadline);
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

/* ---- epoll ---- */

long sys_epoll_create1(uhex_t flags)
{
	struct file *f;
	int err, fd;

	if (flags & ~(u32)O_CLOEXEC)
		return -EINVAL;
	err = epoll_create_file(flags, &f);
	if (err)
		return err;
	fd = fd_add(f, flags);
	if (fd < 0)
		fput(f);
	return fd;
}

long sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

long sys_epoll_ctl(ufd_t epfd, int op, ufd_t fd, uaddr_t event)
{
	struct epoll_event ev = { 0 };
	struct file *epf, *f;
	int err = -EBADF;

	if (op != EPOLL_CTL_DEL && get_user(ev, event))
		return -EFAULT;
	epf = fd_get(epfd);
	if (!epf)
		return -EBADF;
	f = fd_get(fd);
	if (f) {
		err = epoll_control(epf, op, fd, f, &ev);
		fput(f);
	}
	fput(epf);
	return err;
}

static long do_epoll_wait(int epfd, uaddr_t events, int max, ktime_t deadline)
{
	struct epoll_event *out;
	struct file *f;
	int n;

	if (max <= 0 || max > INT32_MAX / (int)sizeof(*out))
		return -EINVAL;
	f = fd_get(epfd);
	if (!f)
		return -EBADF;
	max = MIN(max, MAX(EPOLL_BATCH, epoll_size(f)));
	out = arena_alloc(max * sizeof(*out));
	n = out ? epoll_collect(f, out, max, deadline) : -ENOMEM;
	fput(f);
	if (n > 0 && copy_to_user(events, out, n * sizeof(*out)))
		return -EFAULT;
	return n == -ERESTARTSYS ? -EINTR : n;
}

long sys_epoll_wait(ufd_t epfd, uaddr_t events, int max, int timeout)
{
	return do_epoll_wait(epfd, events, max, deadline_from_ms(timeout));
}

static long epoll_wait_masked(int epfd, uaddr_t events, int max, ktime_t deadline, uaddr_t set,
			      size_t sigsetsize)
{
	long ret = mask_begin(set, sigsetsize);

	if (ret)
		return ret;
	ret = do_epoll_wait(epfd, events, max, deadline);
	mask_end(ret == -EINTR);
	return ret;
}

long sys_epoll_pwait(ufd_t epfd, uaddr_t events, int max, int timeout, uaddr_t set, size_t sigsetsize)
{
	return epoll_wait_masked(epfd, events, max, deadline_from_ms(timeout), set, sigsetsize);
}

long sys_epoll_pwait2(ufd_t epfd, uaddr_t events, int max, uaddr_t ts, uaddr_t set, size_t sigsetsize)
{
	ktime_t deadline;
	int err = deadline_from_timespec(ts, &deadline);

	return err ? err : epoll_wait_masked(epfd, events, max, deadline, set, sigsetsize);
}
