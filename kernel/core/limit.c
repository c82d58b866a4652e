/* SPDX-License-Identifier: MIT */
/*
 * Resource limits: what init starts with, and what each user has of processes and queued
 * signals. User records are few and live for ever (a list is enough).
 */
#include "core/task.h"

#include "abi/resource.h"
#include "core/sched.h"
#include "lib/alloc.h"

#define INF RLIM64_INFINITY

struct user {
	struct list_head node;
	u32 uid;
	int nproc;
	u64 sigpending;
};

static LIST_HEAD(users);
static struct user nobody_left;		/* shared by users for whom there was no memory */

static struct user *user_find(u32 uid)
{
	struct user *u;

	list_for_each(u, &users, node)
		if (u->uid == uid)
			return u;
	u = kzalloc(sizeof(*u));
	if (!u)
		return &nobody_left;
	u->uid = uid;
	list_add(&u->node, &users);
	return u;
}

int user_nproc(u32 uid)
{
	return user_find(uid)->nproc;
}

void user_nproc_add(u32 uid, int n)
{
	user_find(uid)->nproc += n;
}

bool user_sigpending_add(u32 uid, u64 limit)
{
	struct user *u = user_find(uid);

	if (u->sigpending >= limit)
		return false;
	u->sigpending++;
	return true;
}

void user_sigpending_sub(u32 uid)
{
	struct user *u = user_find(uid);

	if (u->sigpending)
		u->sigpending--;
}

static const struct rlimit_k init_limits[RLIM_NLIMITS_K] = {
	[RLIMIT_CPU] = { INF, INF },
	[RLIMIT_FSIZE] = { INF, INF },
	[RLIMIT_DATA] = { INF, INF },
	[RLIMIT_STACK] = { 8 << 20, INF },
	[RLIMIT_CORE] = { 0, INF },
	[RLIMIT_RSS] = { INF, INF },
	[RLIMIT_NPROC] = { PID_MAX_DEFAULT / 2, PID_MAX_DEFAULT / 2 },
	[RLIMIT_NOFILE] = { 1024, 4096 },
	[RLIMIT_MEMLOCK] = { 8 << 20, 8 << 20 },
	[RLIMIT_AS] = { INF, INF },
	[RLIMIT_LOCKS] = { INF, INF },
	[RLIMIT_SIGPENDING] = { PID_MAX_DEFAULT / 2, PID_MAX_DEFAULT / 2 },
	[RLIMIT_MSGQUEUE] = { 819200, 819200 },
	[RLIMIT_NICE] = { 0, 0 },
	[RLIMIT_RTPRIO] = { 0, 0 },
	[RLIMIT_RTTIME] = { INF, INF },
};

void rlimits_init(struct process *p)
{
	for (int i = 0; i < RLIM_NLIMITS_K; i++)
		p->rlim[i] = init_limits[i];
}

u64 rlimit(int which)
{
	struct task *t = current;

	return t && t->proc ? t->proc->rlim[which].cur : init_limits[which].cur;
}
