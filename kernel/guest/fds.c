/* SPDX-License-Identifier: MIT */
/*
 * The far side of near/files.c: which descriptors a guest process serves itself.
 *
 * The table (struct near_fd) is shared and hostile; what was given stands in struct guest_fds. All that is ever
 * read from it are counts that go back into it, file positions, and the lock over each: a process that never frees one
 * keeps those waiting that use the same open file, as one does on Linux whose read of it does not end; others wait for
 * it no longer than FOREIGN_WAIT.
 */
#include "guest/priv.h"

#include "abi/errno.h"
#include "abi/resource.h"
#include "abi/unistd.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "host/host.h"
#include "lib/alloc.h"

#define TABLE_SIZE (AREA_ATTRS - AREA_FDS + NEAR_FDS * sizeof(struct near_attr))
#define LOCK_WAIT (50 * NSEC_PER_USEC)
#define FOREIGN_WAIT NSEC_PER_SEC

_Static_assert(GUEST_FDS == NEAR_FDS, "GUEST_FDS");
_Static_assert(GUEST_FD_NULL == (int)NFD_NULL && GUEST_FD_ZERO == (int)NFD_ZERO &&
	       GUEST_FD_FILE == (int)NFD_FILE, "kinds");

#define MUTE 0xff			/* given, but not to be used any more */

struct guest_fds {
	struct refcount ref;
	struct space *space;		/* NULL: gone */
	const void *owner;		/* NULL: given up */
	struct near_fd *tab;		/* a mapping of our own: positions outlive the space */
	u8 given[NEAR_FDS];		/* enum guest_fd_kind */
	bool shown[NEAR_FDS];		/* attr_of() holds */
	u32 id[NEAR_FDS];		/* of what is given */
};

static void fds_put(struct guest_fds *t)
{
	if (!ref_put(&t->ref))
		return;
	host_unmap(t->tab, TABLE_SIZE);
	kfree(t);
}

u32 fds_flags(const struct uthread *ut)
{
	const struct guest_fds *t = ut->space->fds;

	if (!t || !uthread_fast(ut) || !ut->task->files || t->owner != ut->task->files)
		return 0;
	return NFILES_TABLE |
	       (ut->task->proc->rlim[RLIMIT_FSIZE].cur == RLIM64_INFINITY ? NFILES_WRITE : 0);
}

static void tell_threads(const struct space *s)
{
	struct uthread *ut;

	list_for_each(ut, &s->uthreads, node)
		if (ut->task && ut->task->proc)
			WRITE_ONCE(ut->area->files, fds_flags(ut));
}

struct guest_fds *guest_fds_new(struct uthread *ut, const void *owner)
{
	struct space *s = ut->space;
	struct guest_fds *t;

	if (s->fds || s->dead || !uthread_fast(ut))
		return NULL;
	t = kzalloc(sizeof(*t));
	if (!t)
		return NULL;
	t->tab = host_map_shared(s->memfd, AREA_FDS, TABLE_SIZE);
	if (!t->tab) {
		kfree(t);
		return NULL;
	}
	ref_init(&t->ref);
	ref_get(&t->ref);		/* the space's */
	t->space = s;
	t->owner = owner;
	s->fds = t;
	tell_threads(s);
	return t;
}

void fds_space_gone(struct space *s)
{
	struct guest_fds *t = s->fds;

	if (!t)
		return;
	s->fds = NULL;
	t->space = NULL;
	fds_put(t);
}

bool guest_fds_serve(const struct guest_fds *t, const struct uthread *ut)
{
	return t->space && t->space == ut->space && !t->space->dead;
}

/* --- descriptors --- */

static void order_call(struct uthread *ut, u64 nr, u64 a, u64 b, u64 c)
{
	struct near_order *o = uthread_order(ut, ORD_HOSTCALL);

	o->a[0] = nr;
	o->a[1] = a;
	o->a[2] = b;
	o->a[3] = c;
}

/* Never fails, unlike close(), so it may be carried out with the answer to a call. */
static void order_close(struct uthread *ut, int first, int last)
{
	if (!uthread_room(ut, 1))
		order_call(ut, __NR_close_range, NEAR_FD_BASE + (u64)first, NEAR_FD_BASE + (u64)last, 0);
}

/* From whatever number it arrives under to its place. */
static int order_place(struct uthread *ut, int fd, int hostfd)
{
	int err = uthread_room(ut, 3);

	if (!err)
		err = uthread_send_fds(ut, &hostfd, 1);
	if (err)
		return err;
	order_call(ut, __NR_dup3, FD_ARG, NEAR_FD_BASE + (u64)fd, 0);
	uthread_order(ut, ORD_CLOSEFD);
	return uthread_flush(ut);
}

int guest_fds_place(struct guest_fds *t, struct uthread *ut, int fd, int hostfd)
{
	int err;

	ref_get(&t->ref);
	err = order_place(ut, fd, hostfd);
	if (!err && !t->owner)
		err = -ESTALE;
	fds_put(t);
	return err;
}

void guest_fds_give(struct guest_fds *t, int fd, const struct guest_fd *g)
{
	struct near_fd *e = &t->tab[fd];
	u32 word = g->kind | (g->read ? NFD_READ : 0) | (g->write ? NFD_WRITE : 0);

	t->given[fd] = (u8)g->kind;
	t->id[fd] = g->id;
	WRITE_ONCE(e->limit, g->limit);
	__atomic_store_n(&e->word, word, __ATOMIC_RELEASE);
}

bool guest_fds_given(const struct guest_fds *t, int fd)
{
	return fd < NEAR_FDS && t->given[fd];
}

void guest_fds_mute(struct guest_fds *t, int fd)
{
	__atomic_store_n(&t->tab[fd].word, 0, __ATOMIC_SEQ_CST);
	t->given[fd] = MUTE;
}

void guest_fds_limit(struct guest_fds *t, int fd, u64 limit)
{
	WRITE_ONCE(t->tab[fd].limit, limit);
}

void guest_fds_take(struct guest_fds *t, struct uthread *ut, int fd)
{
	bool closed = t->given[fd] == GUEST_FD_NULL || t->given[fd] == GUEST_FD_ZERO;

	__atomic_store_n(&t->tab[fd].word, 0, __ATOMIC_SEQ_CST);
	t->given[fd] = 0;
	t->id[fd] = 0;
	if (!closed && ut && guest_fds_serve(t, ut))
		order_close(ut, fd, fd);
}

void guest_fds_end(struct guest_fds *t, struct uthread *ut)
{
	struct space *s = t->space;

	t->owner = NULL;
	for (int fd = 0; fd < NEAR_FDS; fd++) {
		WRITE_ONCE(t->tab[fd].word, 0);
		guest_fds_hide(t, fd);
	}
	if (s)
		tell_threads(s);
	if (ut && guest_fds_serve(t, ut)) {
		order_close(ut, 0, NEAR_FDS - 1);
		(void)!uthread_flush(ut);
	}
	if (t->space)
		fds_space_gone(t->space);
	fds_put(t);
}

/* --- attributes --- */

static struct near_attr *attr_of(const struct guest_fds *t, int fd)
{
	return (struct near_attr *)((u8 *)t->tab + (AREA_ATTRS - AREA_FDS)) + fd;
}

u32 guest_fds_id(const struct guest_fds *t, int fd)
{
	return t->id[fd];
}

u32 guest_fds_moves(const struct guest_fds *t, int fd)
{
	return __atomic_load_n(&t->tab[fd].moves, __ATOMIC_SEQ_CST);
}

void guest_fds_show(struct guest_fds *t, int fd, const struct guest_stat *st, u32 moves)
{
	static u32 last;
	struct near_attr *at = attr_of(t, fd);

	guest_fds_hide(t, fd);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*at = (struct near_attr){
		.mode = st->mode, .nlink = st->nlink, .uid = st->uid, .gid = st->gid, .dev = st->dev,
		.rdev = st->rdev, .blksize = st->blksize, .ino = st->ino, .size = st->size,
		.blocks = st->blocks, .atime = st->atime.sec, .mtime = st->mtime.sec,
		.ctime = st->ctime.sec, .atime_nsec = st->atime.nsec, .mtime_nsec = st->mtime.nsec,
		.ctime_nsec = st->ctime.nsec, .moves = moves,
	};
	if (!++last)
		last = 1;
	__atomic_store_n(&at->stamp, last, __ATOMIC_RELEASE);
	t->shown[fd] = true;
}

void guest_fds_hide(struct guest_fds *t, int fd)
{
	if (!t->shown[fd])
		return;
	__atomic_store_n(&attr_of(t, fd)->stamp, 0, __ATOMIC_SEQ_CST);
	t->shown[fd] = false;
}

/* --- positions --- */

static bool try_lock(struct near_fd *e)
{
	u32 free = NFDL_FREE;

	return __atomic_compare_exchange_n(&e->lock, &free, NFDL_FAR, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void unlock(struct near_fd *e)
{
	__atomic_store_n(&e->lock, NFDL_FREE, __ATOMIC_RELEASE);
}

static u64 sane(u64 pos)
{
	return (s64)pos < 0 ? 0 : pos;
}

int guest_fds_publish_pos(struct guest_fds *t, int fd, u64 pos)
{
	struct near_fd *e = &t->tab[fd];

	if (!t->given[fd] || t->given[fd] == MUTE || !try_lock(e))
		return -EBUSY;
	WRITE_ONCE(e->pos, pos);
	__atomic_or_fetch(&e->word, NFD_POS, __ATOMIC_SEQ_CST);
	unlock(e);
	return 0;
}

/* Does whoever holds the lock still run? */
static bool alive(const struct guest_fds *t)
{
	return t->space && !t->space->dead;
}

int guest_fds_lock_pos(struct guest_fds *t, int fd, u64 *pos)
{
	struct near_fd *e = &t->tab[fd];
	bool own = current->ut && guest_fds_serve(t, current->ut);
	ktime_t end = ktime_get() + FOREIGN_WAIT;

	ref_get(&t->ref);
	while (!try_lock(e) && alive(t) && (own || ktime_get() < end)) {
		if (wq_sleep(NULL, WAIT_KILLABLE, ktime_get() + LOCK_WAIT, "file_pos") == -EINTR) {
			fds_put(t);
			return -EINTR;
		}
	}
	*pos = sane(READ_ONCE(e->pos));
	return 0;
}

void guest_fds_unlock_pos(struct guest_fds *t, int fd, u64 pos)
{
	WRITE_ONCE(t->tab[fd].pos, pos);
	unlock(&t->tab[fd]);
	fds_put(t);
}

u64 guest_fds_peek_pos(const struct guest_fds *t, int fd)
{
	return sane(READ_ONCE(t->tab[fd].pos));
}

int guest_fds_withdraw_pos(struct guest_fds *t, int fd, bool force, u64 *pos)
{
	struct near_fd *e = &t->tab[fd];
	bool locked = try_lock(e);

	if (!locked && !force && alive(t))
		return -EBUSY;
	__atomic_and_fetch(&e->word, ~(u32)NFD_POS, __ATOMIC_SEQ_CST);
	*pos = sane(READ_ONCE(e->pos));
	if (locked)
		unlock(e);
	return 0;
}
