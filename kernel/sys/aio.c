/* SPDX-License-Identifier: MIT */
/*
 * Asynchronous I/O contexts (io_setup and its kin). A request is carried out when it is submitted, as
 * Linux does for everything but direct I/O on files; what is asynchronous is only the collecting of
 * results. Polls are not supported.
 *
 * The number of a context is the address of a page in the guest, as on Linux, because libaio looks there
 * for a ring of results that it could read by itself. The page stays zero, so it asks us.
 */
#include "sys/aio.h"

#include "abi/aio.h"
#include "abi/fcntl.h"
#include "abi/mman.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/wait.h"
#include "lib/alloc.h"
#include "lib/list.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "sys/arg.h"
#include "sys/exithook.h"
#include "sys/sigmask.h"
#include "sys/timespec.h"
#include "vfs/poll.h"

#define AIO_MAX_NR 65536

struct aio_done {
	struct list_head node;
	struct io_event ev;
};

struct aio_ctx {
	struct refcount ref;		/* the list, each call inside */
	struct list_head node;
	const struct process *proc;	/* identity only */
	const struct mm *mm;		/* identity only */
	u64 id;
	u32 max, queued;
	bool dead;
	struct list_head done;
	struct wait_queue wq;
};

static LIST_HEAD(contexts);
static u64 aio_nr;

static void ctx_put(struct aio_ctx *c)
{
	if (!ref_put(&c->ref))
		return;
	while (!list_empty(&c->done)) {
		struct aio_done *d = list_first(&c->done, struct aio_done, node);

		list_del_init(&d->node);
		kfree(d);
	}
	kfree(c);
}

/* Returns a reference; NULL: no such context. */
static struct aio_ctx *ctx_get(u64 id)
{
	struct aio_ctx *c;

	list_for_each(c, &contexts, node) {
		if (c->id == id && c->mm == current->mm && c->proc == current->proc) {
			ref_get(&c->ref);
			return c;
		}
	}
	return NULL;
}

static void ctx_end(struct aio_ctx *c)
{
	if (c->dead)
		return;
	c->dead = true;
	list_del_init(&c->node);
	aio_nr -= c->max;
	wake_up_all(&c->wq);
	ctx_put(c);
}

void aio_exit(struct process *p)
{
	struct aio_ctx *c, *next;

	list_for_each_safe(c, next, &contexts, node) {
		if (c->proc == p)
			ctx_end(c);
	}
}

/* --- contexts --- */

static s64 map_page(void)
{
	struct mmap_args a = { .len = PAGE_SIZE, .prot = PROT_READ | PROT_WRITE,
			       .flags = MAP_PRIVATE | MAP_ANONYMOUS };

	return mm_mmap(current->mm, current->ut, &a);
}

long sys_io_setup(u32 nr, uaddr_t uctx)
{
	struct aio_ctx *c;
	u64 id;
	s64 at;

	if (get_user(id, uctx))
		return -EFAULT;
	if (id || !nr || nr > 0x10000000 / sizeof(struct io_event))
		return -EINVAL;
	if (nr > AIO_MAX_NR || aio_nr + nr > AIO_MAX_NR)
		return -EAGAIN;
	at = map_page();
	if (at < 0)
		return at;
	c = kzalloc(sizeof(*c));
	if (!c || put_user((u64)at, uctx)) {
		kfree(c);
		mm_munmap(current->mm, current->ut, at, PAGE_SIZE);
		return c ? -EFAULT : -ENOMEM;
	}
	ref_init(&c->ref);
	list_init(&c->done);
	wq_init(&c->wq);
	c->id = at;
	c->mm = current->mm;
	c->proc = current->proc;
	c->max = nr;
	aio_nr += nr;
	list_add(&c->node, &contexts);
	exit_hook_needed();
	return 0;
}

long sys_io_destroy(u64 id)
{
	struct aio_ctx *c = ctx_get(id);

	if (!c)
		return -EINVAL;
	ctx_end(c);
	ctx_put(c);
	mm_munmap(current->mm, current->ut, id, PAGE_SIZE);
	return 0;
}

/* --- submitting --- */

static ssize do_rw(struct file *f, const struct iocb *cb, bool write, bool vector)
{
	off64 pos = cb->aio_offset, *where = f->ops->stream ? NULL : &pos;
	struct iter it;
	int err = 0;

	if (vector)
		err = iter_init_iovec(&it, cb->aio_buf, cb->aio_nbytes);
	else
		iter_init_user(&it, cb->aio_buf, cb->aio_nbytes);
	if (err)
		return err;
	return write ? vfs_write_flags(f, &it, where, cb->aio_rw_flags) :
		       vfs_read_flags(f, &it, where, cb->aio_rw_flags);
}

static ssize do_sync(struct file *f, bool datasync)
{
	return f->ops->fsync ? f->ops->fsync(f, datasync) : -EINVAL;
}

static ssize carry_out(struct file *f, const struct iocb *cb)
{
	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PREADV:
		return do_rw(f, cb, false, cb->aio_lio_opcode == IOCB_CMD_PREADV);
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PWRITEV:
		return do_rw(f, cb, true, cb->aio_lio_opcode == IOCB_CMD_PWRITEV);
	default:
		return do_sync(f, cb->aio_lio_opcode == IOCB_CMD_FDSYNC);
	}
}

/* What makes the submission itself fail; all other errors are the request's result. */
static int check_iocb(const struct file *f, const struct iocb *cb)
{
	bool vector = cb->aio_lio_opcode == IOCB_CMD_PREADV || cb->aio_lio_opcode == IOCB_CMD_PWRITEV;
	u32 need = 0;

	switch (cb->aio_lio_opcode) {
	case IOCB_CMD_PREAD: case IOCB_CMD_PREADV:
		need = FMODE_READ;
		break;
	case IOCB_CMD_PWRITE: case IOCB_CMD_PWRITEV:
		need = FMODE_WRITE;
		break;
	case IOCB_CMD_FSYNC: case IOCB_CMD_FDSYNC:
		return cb->aio_buf || cb->aio_offset || cb->aio_nbytes || cb->aio_rw_flags ||
		       !f->ops->fsync ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
	if (!(f->mode & need))
		return -EBADF;
	if (!vector && (cb->aio_buf > GUEST_TASK_SIZE ||
			cb->aio_nbytes > GUEST_TASK_SIZE - cb->aio_buf))
		return -EFAULT;
	return 0;
}

static int run_iocb(struct aio_ctx *c, struct file *f, struct file *evfd, uaddr_t ucb,
		    const struct iocb *cb)
{
	struct aio_done *d;
	int err = check_iocb(f, cb);

	if (err)
		return err;
	d = kzalloc(sizeof(*d));
	if (!d)
		return -EAGAIN;
	c->queued++;
	d->ev.res = carry_out(f, cb);
	if (d->ev.res <= -512)		/* a restart code: the request cannot be made again */
		d->ev.res = -EINTR;
	d->ev.data = cb->aio_data;
	d->ev.obj = ucb;
	list_add_tail(&d->node, &c->done);
	wake_up_all(&c->wq);
	if (evfd)
		eventfd_signal(evfd);
	return 0;
}

static int submit_one(struct aio_ctx *c, uaddr_t ucb)
{
	struct file *f, *evfd = NULL;
	struct iocb cb;
	int err;

	if (copy_from_user(&cb, ucb, sizeof(cb)))
		return -EFAULT;
	if (cb.aio_reserved2 || (s64)cb.aio_nbytes < 0)
		return -EINVAL;
	if (c->queued >= c->max)
		return -EAGAIN;
	f = fd_get(cb.aio_fildes);
	if (!f)
		return -EBADF;
	if (cb.aio_flags & IOCB_FLAG_RESFD) {
		evfd = fd_get(cb.aio_resfd);
		err = !evfd ? -EBADF : file_is_eventfd(evfd) ? 0 : -EINVAL;
	} else {
		err = put_user((u32)0, ucb + offsetof(struct iocb, aio_key));
	}
	if (!err)
		err = run_iocb(c, f, evfd, ucb, &cb);
	if (evfd)
		fput(evfd);
	fput(f);
	return err;
}

long sys_io_submit(u64 id, s64 n, uaddr_t ucbs)
{
	struct aio_ctx *c;
	u64 ucb;
	s64 i;
	int err = 0;

	if (n < 0)
		return -EINVAL;
	c = ctx_get(id);
	if (!c)
		return -EINVAL;
	for (i = 0; i < n && !err; i++) {
		err = get_user(ucb, ucbs + i * sizeof(ucb));
		if (!err)
			err = submit_one(c, ucb);
		if (err)
			break;
	}
	ctx_put(c);
	return i ? i : err;
}

/* Everything submitted is done already. */
long sys_io_cancel(u64 id, uaddr_t ucb, uaddr_t result)
{
	struct aio_ctx *c;
	u32 key;

	if (get_user(key, ucb + offsetof(struct iocb, aio_key)))
		return -EFAULT;
	c = key ? NULL : ctx_get(id);
	if (c)
		ctx_put(c);
	return -EINVAL;
}

/* --- collecting --- */

static long hand_out(struct aio_ctx *c, s64 n, uaddr_t uevents)
{
	struct aio_done *d;
	s64 i;

	for (i = 0; i < n && !list_empty(&c->done); i++) {
		d = list_first(&c->done, struct aio_done, node);
		if (copy_to_user(uevents + i * sizeof(d->ev), &d->ev, sizeof(d->ev)))
			return i ? i : -EFAULT;
		list_del_init(&d->node);
		c->queued--;
		kfree(d);
	}
	return i;
}

static long get_events(u64 id, s64 min, s64 n, uaddr_t events, ktime_t deadline)
{
	struct aio_ctx *c = ctx_get(id);
	long got = 0, more;
	int err = 0;

	if (!c)
		return -EINVAL;
	if (min < 0 || n < 0 || min > n) {
		ctx_put(c);
		return -EINVAL;
	}
	for (;;) {
		more = hand_out(c, n - got, events + got * sizeof(struct io_event));
		if (more < 0)
			err = more;
		else
			got += more;
		if (err || got >= min || c->dead)
			break;
		err = wait_event_interruptible_timeout(&c->wq, !list_empty(&c->done) || c->dead,
						       deadline, "io_getevents");
	}
	ctx_put(c);
	if (got || err == -ETIME)
		return got;
	return err == -ERESTARTSYS ? -EINTR : err;
}

static int get_timeout(uaddr_t ts, ktime_t *deadline)
{
	ktime_t rel;
	int err;

	*deadline = KTIME_NEVER;
	if (!ts)
		return 0;
	err = get_timespec(&rel, ts);
	if (!err)
		*deadline = deadline_after(rel);
	return err;
}

long sys_io_getevents(u64 ctx, s64 min, s64 n, uaddr_t events, uaddr_t ts)
{
	ktime_t deadline;
	int err = get_timeout(ts, &deadline);

	return err ? err : get_events(ctx, min, n, events, deadline);
}

long sys_io_pgetevents(u64 ctx, s64 min, s64 n, uaddr_t events, uaddr_t ts, uaddr_t usig)
{
	struct {
		u64 set, size;
	} sig = { 0, 0 };
	ktime_t deadline;
	long ret = get_timeout(ts, &deadline);

	if (!ret && usig)
		ret = copy_from_user(&sig, usig, sizeof(sig));
	if (!ret)
		ret = mask_begin(sig.set, sig.size);
	if (ret)
		return ret;
	ret = get_events(ctx, min, n, events, deadline);
	mask_end(ret == -EINTR);
	return ret;
}
