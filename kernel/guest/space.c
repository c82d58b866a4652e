/* SPDX-License-Identifier: MIT */
/*
 * Spaces: host processes and their areas.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/background.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "host/host.h"
#include "lib/alloc.h"

#define PID_HASH 4096

static struct space *table[SPACES_MAX];
static u32 next_slot = 1;
static struct space *by_pid[PID_HASH];
static LIST_HEAD(doomed);		/* struct space.pool_node: to be killed, but not before what somebody waits for */
static LIST_HEAD(graves);		/* the same: nothing names them any more */

struct space *space_by_slot(u32 slot)
{
	return slot < SPACES_MAX ? table[slot] : NULL;
}

u32 bell_id(const struct space *s, u32 index)
{
	return (u32)s->slot * AREA_MAX + index;
}

static int slot_take(struct space *s)
{
	for (u32 i = 0; i < SPACES_MAX - 1; i++) {
		u32 slot = next_slot;

		next_slot = next_slot % (SPACES_MAX - 1) + 1;
		if (!table[slot]) {
			table[slot] = s;
			s->slot = (int)slot;
			return 0;
		}
	}
	return -EAGAIN;
}

static struct chunk *chunk_make(struct space *s, u32 c)
{
	struct chunk *new = kzalloc(sizeof(*new));

	if (new)
		new->map = host_map_shared(s->memfd, (u64)c * CHUNK_AREAS * AREA_SIZE, CHUNK_AREAS * AREA_SIZE);
	if (new && new->map)
		return new;
	kfree(new);
	return NULL;
}

struct near_area *space_area(struct space *s, u32 index)
{
	u32 c = index / CHUNK_AREAS;

	if (!s->chunk[c])
		s->chunk[c] = chunk_make(s, c);
	if (!s->chunk[c])
		return NULL;
	return (struct near_area *)((char *)s->chunk[c]->map + (index % CHUNK_AREAS) * AREA_SIZE);
}

struct uthread *space_thread(const struct space *s, u32 index)
{
	const struct chunk *c = s->chunk[index / CHUNK_AREAS];

	return c ? c->thread[index % CHUNK_AREAS] : NULL;
}

void spaces_each(void (*fn)(struct space *s))
{
	for (u32 i = 0; i < SPACES_MAX; i++)
		if (table[i])
			fn(table[i]);
}

/* An area is free again when the host says that its last thread is gone. */
static bool area_quiet(struct space *s, u32 i)
{
	return !s->chunk[i / CHUNK_AREAS] || !READ_ONCE(space_area(s, i)->alive);
}

int area_take(struct space *s)
{
	for (u32 w = 0; w < AREA_MAX / 64; w++) {
		u64 free = ~s->used[w];

		while (free) {
			u32 i = w * 64 + (u32)__builtin_ctzll(free);

			free &= free - 1;
			if (!area_quiet(s, i))
				continue;
			s->used[w] |= 1ULL << (i % 64);
			return (int)i;
		}
	}
	return -EAGAIN;
}

void area_drop(struct space *s, u32 i)
{
	s->used[i / 64] &= ~(1ULL << (i % 64));
}

void space_set_pid(struct space *s, int pid)
{
	s->hostpid = pid;
	s->pid_next = by_pid[(u32)pid % PID_HASH];
	by_pid[(u32)pid % PID_HASH] = s;
}

static void pid_unhash(struct space *s)
{
	struct space **p = &by_pid[(u32)s->hostpid % PID_HASH];

	while (*p && *p != s)
		p = &(*p)->pid_next;
	if (*p)
		*p = s->pid_next;
}

static struct space *list_pop(struct list_head *list)
{
	struct space *s = list_first(list, struct space, pool_node);

	list_del_init(&s->pool_node);
	return s;
}

static void bury(struct space *s)
{
	host_brief_begin();
	for (u32 c = 0; c < CHUNKS; c++)
		if (s->chunk[c])
			host_unmap(s->chunk[c]->map, CHUNK_AREAS * AREA_SIZE);
	host_close(s->memfd);
	host_close(s->ctl);
	host_brief_end();
	for (u32 c = 0; c < CHUNKS; c++)
		kfree(s->chunk[c]);
	kfree(s);
}

/* Blocks. True: there was something. */
static bool bury_all(void)
{
	bool any = false;

	for (; !list_empty(&graves); any = true)
		bury(list_pop(&graves));
	return any;
}

static void clear_away(void)
{
	while (!list_empty(&doomed))
		space_kill(list_pop(&doomed));
	bury_all();
}

static BACKGROUND(undertaker, clear_away);

static void space_free(struct space *s)
{
	pid_unhash(s);
	fds_space_gone(s);
	table[s->slot] = NULL;
	space_sent(s);
	list_del_init(&s->pool_node);
	list_add_tail(&s->pool_node, &graves);
	background_run(&undertaker);
}

void space_sent(struct space *s)
{
	if (s->ctl_guest >= 0)
		host_close(s->ctl_guest);
	s->ctl_guest = -1;
}

static int alloc(struct space **out)
{
	struct space *s = kzalloc(sizeof(*s));
	int sv[2], err;

	if (!s)
		return -ENOMEM;
	list_init(&s->uthreads);
	list_init(&s->pool_node);
	mutex_init(&s->channel, "channel", RANK_CHANNEL);
	s->memfd = host_memfd("umlaut-areas", NEAR_SHARED_SIZE);
	if (s->memfd < 0) {
		err = s->memfd;
		goto fail;
	}
	err = host_socketpair_seqpacket(sv);
	if (err)
		goto fail_memfd;
	s->ctl = sv[0];
	s->ctl_guest = sv[1];
	err = slot_take(s);
	if (err)
		goto fail_ctl;
	*out = s;
	return 0;
fail_ctl:
	host_close(sv[0]);
	host_close(sv[1]);
fail_memfd:
	host_close(s->memfd);
fail:
	kfree(s);
	return err;
}

static bool want_fds(int err)
{
	return err == -EMFILE || err == -ENFILE;
}

/* The dead may still have the descriptors that are missing. */
int space_alloc(struct space **out)
{
	int err = alloc(out);

	while (want_fds(err) && bury_all())
		err = alloc(out);
	return want_fds(err) ? -EAGAIN : err;
}

/* The host makes its end a part of somebody's way, so it is to come after what that one is waiting for. */
static void doom(struct space *s)
{
	if (s->maker || s->killed) {
		space_kill(s);
		return;
	}
	list_del_init(&s->pool_node);
	list_add_tail(&s->pool_node, &doomed);
	background_run(&undertaker);
}

void space_discard(struct space *s)
{
	forks_look();
	s->put = true;
	if (s->dead || (!s->hostpid && !s->maker))
		space_free(s);
	else if (!s->leaving)
		doom(s);
}

void space_died(struct space *s)
{
	struct uthread *ut;

	s->dead = true;
	fork_no_more(s);
	list_for_each(ut, &s->uthreads, node) {
		fork_over(ut);
		if (ut->running)
			uthread_trapped(ut);
		else
			uthread_wake(ut);
	}
	if (s->put)
		space_free(s);
}

void space_kill(struct space *s)
{
	if (s->dead || s->killed || (!s->hostpid && !s->maker))
		return;
	s->killed = true;		/* one that is yet to be born dies then */
	if (s->hostpid)
		host_kill(s->hostpid, 9);
}

void space_put(struct space *s)
{
	struct uthread *ut, *tmp;

	list_for_each_safe(ut, tmp, &s->uthreads, node) {
		if (!ut->task)
			uthread_free(ut);
	}
	space_discard(s);
}

int space_hostpid(const struct space *s)
{
	forks_look();
	return s->hostpid;
}

struct space *uthread_space(struct uthread *ut)
{
	return ut->space;
}

struct space *space_by_pid(int pid)
{
	struct space *s = by_pid[(u32)pid % PID_HASH];

	while (s && (s->hostpid != pid || s->dead))
		s = s->pid_next;
	return s;
}

/* The host told of a dead child. */
void space_reaped(int pid)
{
	struct space *s = space_by_pid(pid);

	if (s)
		space_died(s);
}

/* The lifeline first: the host forgets whom to kill when the template, which holds its other end, is dead. */
void guest_shutdown(void)
{
	forks_look();
	template_cut_lifeline();
	spaces_each(space_kill);
}
