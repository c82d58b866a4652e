/* SPDX-License-Identifier: MIT */
/* What the three kinds of System V IPC objects share. See ipc.h. */
#include "ipc/ipc.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "core/time.h"
#include "lib/alloc.h"

s64 ipc_now(void)
{
	return ktime_get_real() / NSEC_PER_SEC;
}

static int grow(struct ipc_table *t)
{
	int cap = t->cap ? t->cap * 2 : 16;
	struct ipc_obj **slot;

	if (t->cap >= IPC_SLOTS)
		return -ENOSPC;
	slot = krealloc(t->slot, cap * sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	memset(slot + t->cap, 0, (cap - t->cap) * sizeof(*slot));
	t->slot = slot;
	t->cap = cap;
	return 0;
}

static int free_slot(struct ipc_table *t, int from)
{
	int i, err;

	while (from >= t->cap) {
		err = grow(t);
		if (err)
			return err;
	}
	for (i = from; i < t->cap; i++) {
		if (!t->slot[i])
			return i;
	}
	err = grow(t);
	return err ? err : i;
}

int ipc_add(struct ipc_table *t, struct ipc_obj *o, int key, u32 mode)
{
	const struct cred *c = current_cred();
	int wish = t->next_id, from = wish < 0 ? t->low : wish & (IPC_SLOTS - 1);
	int i = free_slot(t, from);

	if (i < 0)
		return i;
	ref_init(&o->ref);
	o->key = key;
	o->mode = mode & 0777;
	o->uid = o->cuid = c->euid;
	o->gid = o->cgid = c->egid;
	/* A wish, which checkpoint and restore need, is for one object only. */
	t->next_id = -1;
	o->seq = wish < 0 ? t->seq : (u16)(wish >> 15);
	if (wish < 0)
		t->seq = (t->seq + 1) & 0x7fff;
	o->id = (int)o->seq << 15 | i;
	t->slot[i] = o;
	if (from == t->low)
		t->low = i + 1;
	t->used++;
	return o->id;
}

void ipc_remove(struct ipc_table *t, struct ipc_obj *o)
{
	if (o->dead)
		return;
	o->dead = true;
	t->slot[o->id & (IPC_SLOTS - 1)] = NULL;
	t->low = MIN(t->low, o->id & (IPC_SLOTS - 1));
	t->used--;
	ipc_put(t, o);
}

struct ipc_obj *ipc_at(struct ipc_table *t, int index)
{
	return index >= 0 && index < t->cap ? t->slot[index] : NULL;
}

struct ipc_obj *ipc_find(struct ipc_table *t, int id)
{
	struct ipc_obj *o = id < 0 ? NULL : ipc_at(t, id & (IPC_SLOTS - 1));

	return o && o->id == id ? o : NULL;
}

struct ipc_obj *ipc_find_key(struct ipc_table *t, int key)
{
	int i;

	for (i = 0; i < t->cap; i++) {
		if (t->slot[i] && t->slot[i]->key == key && key != IPC_PRIVATE)
			return t->slot[i];
	}
	return NULL;
}

int ipc_max_index(const struct ipc_table *t)
{
	int i = t->cap - 1;

	while (i >= 0 && !t->slot[i])
		i--;
	return i;
}

void ipc_get(struct ipc_obj *o)
{
	ref_get(&o->ref);
}

void ipc_put(struct ipc_table *t, struct ipc_obj *o)
{
	if (ref_put(&o->ref))
		t->free(o);
}

int ipc_allowed(const struct ipc_obj *o, u32 mode)
{
	const struct cred *c = current_cred();
	u32 want = (mode >> 6 | mode >> 3 | mode) & 7, have = o->mode;

	if (c->euid == o->uid || c->euid == o->cuid)
		have >>= 6;
	else if (cred_in_group(c, o->gid) || cred_in_group(c, o->cgid))
		have >>= 3;
	if (!(want & ~have))
		return 0;
	return capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

int ipc_may_control(const struct ipc_obj *o)
{
	const struct cred *c = current_cred();

	if (c->euid == o->uid || c->euid == o->cuid || capable(CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

void ipc_fill_perm(const struct ipc_obj *o, struct ipc64_perm *p)
{
	memset(p, 0, sizeof(*p));
	p->key = o->key;
	p->uid = o->uid;
	p->gid = o->gid;
	p->cuid = o->cuid;
	p->cgid = o->cgid;
	p->mode = o->mode;
	p->seq = o->seq;
}

int ipc_set_perm(struct ipc_obj *o, const struct ipc64_perm *p)
{
	if (p->uid == (u32)-1 || p->gid == (u32)-1)
		return -EINVAL;
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (o->mode & ~0777u) | (p->mode & 0777);
	return 0;
}

int ipc_lookup_get(struct ipc_table *t, int key, u32 flags, struct ipc_obj **out)
{
	struct ipc_obj *o = ipc_find_key(t, key);

	*out = NULL;
	if (key == IPC_PRIVATE)
		return 0;
	if (!o)
		return flags & IPC_CREAT ? 0 : -ENOENT;
	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	*out = o;
	return 0;
}
