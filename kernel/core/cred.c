/* SPDX-License-Identifier: MIT */
/*
 * Credentials: immutable, shared by reference. The group list is sorted, so membership is
 * a binary search.
 */
#include "core/cred.h"

#include <string.h>

#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

struct cred init_cred = {
	.ref = { 1 },
	.cap_permitted = CAP_FULL_SET,
	.cap_effective = CAP_FULL_SET,
	.cap_bounding = CAP_FULL_SET,
};

struct cred *cred_get(struct cred *c)
{
	ref_get(&c->ref);
	return c;
}

void cred_ring_put(struct cred_ring *cr)
{
	if (cr && ref_put(&cr->ref))
		cr->free(cr);
}

void cred_put(struct cred *c)
{
	if (!c || !ref_put(&c->ref))
		return;
	for (int i = 0; i < CRED_RINGS; i++)
		cred_ring_put(c->rings[i]);
	kfree(c->groups);
	kfree(c);
}

struct cred *cred_dup(const struct cred *c)
{
	struct cred *n = kmalloc(sizeof(*n));

	if (!n)
		return NULL;
	*n = *c;
	ref_init(&n->ref);
	n->groups = NULL;
	if (c->ngroups) {
		n->groups = kmalloc(c->ngroups * sizeof(u32));
		if (!n->groups) {
			kfree(n);
			return NULL;
		}
		memcpy(n->groups, c->groups, c->ngroups * sizeof(u32));
	}
	for (int i = 0; i < CRED_RINGS; i++)
		if (n->rings[i])
			ref_get(&n->rings[i]->ref);
	return n;
}

struct cred *cred_dup_for(const struct cred *c, bool thread)
{
	struct cred *n = cred_dup(c);

	for (int i = 0; n && i < (thread ? CRED_RING_PROCESS : CRED_RING_SESSION); i++) {
		cred_ring_put(n->rings[i]);
		n->rings[i] = NULL;
	}
	return n;
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	u32 lo = 0, hi = c->ngroups;

	if (gid == c->fsgid)
		return true;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool cred_capable(const struct cred *c, int cap)
{
	return c->cap_effective >> cap & 1;
}

bool capable(int cap)
{
	return cred_capable(current_cred(), cap);
}

const struct cred *current_cred(void)
{
	struct task *t = current;

	return t ? t->cred : &init_cred;
}
