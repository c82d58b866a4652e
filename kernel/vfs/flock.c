/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks: POSIX record locks (owner: the descriptor table), open-file-description locks
 * (owner: the open file) and flock() locks (owner: the open file, whole file).
 *
 * They hang on the inode. A request that conflicts waits on the inode's lock queue, which every
 * release wakes. Deadlocks of POSIX locks are found by following "owner waits for owner" before going to sleep.
 */
#include "vfs/vfs.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "vfs/flock.h"

#define OFFSET_MAX INT64_MAX
#define MAX_DEADLOCK_STEPS 10

struct lock {
	struct list_head node;
	off64 start, end;		/* last byte included */
	int type;			/* F_RDLCK, F_WRLCK, F_UNLCK in a request */
	const void *owner;
	struct file *file;		/* borrowed */
	int pid;			/* of the process; -1 for OFD locks */
	enum lock_kind kind;
};

struct flock_ctx {
	struct list_head records;	/* POSIX and OFD, by owner, then start */
	struct list_head flocks;
	struct wait_queue wq;
	int waiters;
};

/* A task that sleeps for a POSIX lock. */
struct lock_wait {
	struct list_head node;
	const void *owner, *blocker;
};

static LIST_HEAD(lock_waits);

static struct flock_ctx *ctx_get(struct inode *inode)
{
	struct flock_ctx *c = inode->flock;

	if (c)
		return c;
	c = kzalloc(sizeof(*c));
	if (!c)
		return NULL;
	list_init(&c->records);
	list_init(&c->flocks);
	wq_init(&c->wq);
	inode->flock = c;
	return c;
}

static void ctx_put_if_empty(struct inode *inode)
{
	struct flock_ctx *c = inode->flock;

	if (!c || c->waiters || !list_empty(&c->records) || !list_empty(&c->flocks))
		return;
	inode->flock = NULL;
	kfree(c);
}

static void lock_free(struct lock *l)
{
	list_del_init(&l->node);
	kfree(l);
}

static bool conflicts(const struct lock *held, const struct lock *req)
{
	if (held->owner == req->owner)
		return false;
	if (held->type != F_WRLCK && req->type != F_WRLCK)
		return false;
	return held->start <= req->end && req->start <= held->end;
}

static struct lock *find_conflict(struct list_head *list, const struct lock *req)
{
	struct lock *l;

	list_for_each(l, list, node)
		if (conflicts(l, req))
			return l;
	return NULL;
}

/* ---- record locks ---- */

static struct lock *lock_copy(const struct lock *l)
{
	struct lock *n = kmalloc(sizeof(*n));

	if (n) {
		*n = *l;
		list_init(&n->node);
	}
	return n;
}

/* Before the first lock of the same owner that starts later, else after the owner's last, else at the end. */
static void record_insert(struct flock_ctx *c, struct lock *new)
{
	struct list_head *before = &c->records;
	bool mine = false;
	struct lock *l;

	list_for_each(l, &c->records, node) {
		if (l->owner != new->owner) {
			if (!mine)
				continue;
			before = &l->node;
			break;
		}
		mine = true;
		if (l->start > new->start) {
			before = &l->node;
			break;
		}
	}
	list_add_tail(&new->node, before);
}

/* Cuts req's range out of the owner's locks. spare is used (and cleared) when one is split in two. */
static void record_cut(struct flock_ctx *c, const struct lock *req, struct lock **spare)
{
	struct lock *l, *tmp;

	list_for_each_safe(l, tmp, &c->records, node) {
		if (l->owner != req->owner || l->end < req->start || l->start > req->end)
			continue;
		if (l->start < req->start && l->end > req->end) {
			struct lock *right = *spare;

			*spare = NULL;
			*right = *l;
			list_init(&right->node);
			right->start = req->end + 1;
			l->end = req->start - 1;
			record_insert(c, right);
			return;
		}
		if (l->start < req->start)
			l->end = req->start - 1;
		else if (l->end > req->end)
			l->start = req->end + 1;
		else
			lock_free(l);
	}
}

/* Joins new with its owner's neighbours of the same type. */
static void record_merge(struct flock_ctx *c, struct lock *new)
{
	struct lock *l, *tmp;

	list_for_each_safe(l, tmp, &c->records, node) {
		if (l == new || l->owner != new->owner || l->type != new->type)
			continue;
		if (l->end != OFFSET_MAX && l->end + 1 == new->start)
			new->start = l->start;
		else if (new->end != OFFSET_MAX && new->end + 1 == l->start)
			new->end = l->end;
		else
			continue;
		lock_free(l);
	}
}

/* No conflict is left: make it so. 0 or -ENOMEM (-ENOLCK in Linux's words). */
static int record_apply(struct flock_ctx *c, const struct lock *req)
{
	struct lock *spare = lock_copy(req), *new = NULL;

	if (!spare)
		return -ENOLCK;
	if (req->type != F_UNLCK) {
		new = lock_copy(req);
		if (!new) {
			kfree(spare);
			return -ENOLCK;
		}
	}
	record_cut(c, req, &spare);
	kfree(spare);
	if (new) {
		record_insert(c, new);
		record_merge(c, new);
	}
	wake_up_all(&c->wq);
	return 0;
}

/* Would owner, waiting for blocker, close a circle? */
static bool would_deadlock(const void *owner, const void *blocker)
{
	struct lock_wait *w;
	int steps;

	for (steps = 0; steps < MAX_DEADLOCK_STEPS; steps++) {
		bool found = false;

		list_for_each(w, &lock_waits, node) {
			if (w->owner == blocker) {
				blocker = w->blocker;
				found = true;
				break;
			}
		}
		if (!found)
			return false;
		if (blocker == owner)
			return true;
	}
	return false;
}

static int lock_sleep(struct flock_ctx *c, const struct lock *req, const struct lock *held)
{
	struct lock_wait w = { .owner = req->owner, .blocker = held->owner };
	bool posix = req->kind == LOCK_POSIX;
	int err;

	if (posix && would_deadlock(req->owner, held->owner))
		return -EDEADLK;
	list_init(&w.node);
	if (posix)
		list_add_tail(&w.node, &lock_waits);
	c->waiters++;
	err = wq_sleep(&c->wq, WAIT_INTERRUPTIBLE, KTIME_NEVER, "lock_wait");
	c->waiters--;
	list_del_init(&w.node);
	return err;
}

static int record_set(struct inode *inode, const struct lock *req, bool wait)
{
	struct flock_ctx *c = ctx_get(inode);
	struct lock *held;
	int err = 0;

	if (!c)
		return -ENOLCK;
	while (req->type != F_UNLCK && (held = find_conflict(&c->records, req))) {
		err = wait ? lock_sleep(c, req, held) : -EAGAIN;
		if (err)
			break;
	}
	if (!err)
		err = record_apply(c, req);
	ctx_put_if_empty(inode);
	return err;
}

/* ---- fcntl ---- */

/* Fills start and end from l_whence, l_start, l_len. */
static int lock_range(struct file *f, const struct flock *fl, struct lock *req)
{
	off64 base = 0, start, len = fl->l_len;
	struct kstat st;
	int err;

	switch (fl->l_whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file_pos(f);
		break;
	case SEEK_END:
		err = inode_getattr(f->inode, &st);
		if (err)
			return err;
		base = (off64)st.size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, (off64)fl->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	req->start = start;
	req->end = OFFSET_MAX;
	if (len > 0 && __builtin_add_overflow(start, len - 1, &req->end))
		return -EOVERFLOW;
	if (len < 0) {
		if (start + len < 0)
			return -EINVAL;
		req->start = start + len;
		req->end = start - 1;
	}
	return 0;
}

static bool is_ofd(int cmd)
{
	return cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
}

static int lock_request(struct file *f, int cmd, const struct flock *fl, struct lock *req)
{
	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK && fl->l_type != F_UNLCK)
		return -EINVAL;
	if (is_ofd(cmd) && fl->l_pid)
		return -EINVAL;
	*req = (struct lock){ .type = fl->l_type, .file = f };
	list_init(&req->node);
	req->kind = is_ofd(cmd) ? LOCK_OFD : LOCK_POSIX;
	req->owner = is_ofd(cmd) ? (const void *)f : (const void *)current->files;
	req->pid = is_ofd(cmd) ? -1 : current->proc->tgid;
	return lock_range(f, fl, req);
}

static int lock_get(struct inode *inode, const struct lock *req, struct flock *fl)
{
	struct lock *held = NULL;

	if (inode->flock)
		held = find_conflict(&inode->flock->records, req);
	if (!held) {
		fl->l_type = F_UNLCK;
		return 0;
	}
	fl->l_type = held->type;
	fl->l_whence = SEEK_SET;
	fl->l_start = held->start;
	fl->l_len = held->end == OFFSET_MAX ? 0 : held->end - held->start + 1;
	fl->l_pid = held->pid;
	return 0;
}

int vfs_fcntl_lock(struct file *f, int cmd, struct flock *fl)
{
	struct lock req;
	int err;

	if (!f->inode || (f->mode & FMODE_PATH))
		return -EBADF;
	if (cmd == F_GETLK && fl->l_type == F_UNLCK)
		return -EINVAL;
	err = lock_request(f, cmd, fl, &req);
	if (err)
		return err;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return lock_get(f->inode, &req, fl);
	if (req.type == F_RDLCK && !(f->mode & FMODE_READ))
		return -EBADF;
	if (req.type == F_WRLCK && !(f->mode & FMODE_WRITE))
		return -EBADF;
	return record_set(f->inode, &req, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
}

/* ---- flock ---- */

static struct lock *flock_of(struct flock_ctx *c, const struct file *f)
{
	struct lock *l;

	list_for_each(l, &c->flocks, node)
		if (l->owner == f)
			return l;
	return NULL;
}

static int flock_take(struct flock_ctx *c, const struct lock *req, bool wait)
{
	struct lock *new = lock_copy(req), *held;
	int err = 0;

	if (!new)
		return -ENOLCK;
	while ((held = find_conflict(&c->flocks, req))) {
		err = wait ? lock_sleep(c, req, held) : -EAGAIN;
		if (err) {
			kfree(new);
			return err;
		}
	}
	/* Another thread may have locked through the same open file while we slept. */
	held = flock_of(c, req->file);
	if (held)
		lock_free(held);
	list_add_tail(&new->node, &c->flocks);
	return 0;
}

int vfs_flock(struct file *f, int op)
{
	static const int types[] = { -1, F_RDLCK, F_WRLCK, -1, -1, -1, -1, -1, F_UNLCK };
	struct lock req = { .end = OFFSET_MAX, .owner = f, .file = f, .kind = LOCK_FLOCK };
	int what = op & ~LOCK_NB, err = 0;
	struct flock_ctx *c;
	struct lock *held;

	if (what < 0 || what > LOCK_UN || types[what] < 0)
		return -EINVAL;
	req.type = types[what];
	if (req.type != F_UNLCK && !(f->mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	c = f->inode ? ctx_get(f->inode) : NULL;
	if (!c)
		return -ENOLCK;
	req.pid = current->proc->tgid;
	held = flock_of(c, f);
	if (held && held->type != req.type) {
		/* A conversion is not atomic: the old lock goes first. */
		lock_free(held);
		wake_up_all(&c->wq);
		held = NULL;
	}
	if (!held && req.type != F_UNLCK)
		err = flock_take(c, &req, !(op & LOCK_NB));
	ctx_put_if_empty(f->inode);
	return err;
}

/* ---- the end of owners ---- */

static void remove_owned(struct inode *inode, struct list_head *list, const void *owner)
{
	struct lock *l, *tmp;
	bool any = false;

	list_for_each_safe(l, tmp, list, node) {
		if (l->owner != owner)
			continue;
		lock_free(l);
		any = true;
	}
	if (any)
		wake_up_all(&inode->flock->wq);
}

void locks_remove_posix(struct file *f, struct files *owner)
{
	struct inode *inode = f->inode;

	if (!inode || !inode->flock)
		return;
	remove_owned(inode, &inode->flock->records, owner);
	ctx_put_if_empty(inode);
}

void locks_remove_file(struct file *f)
{
	struct inode *inode = f->inode;

	if (!inode || !inode->flock)
		return;
	remove_owned(inode, &inode->flock->records, f);
	remove_owned(inode, &inode->flock->flocks, f);
	ctx_put_if_empty(inode);
}
