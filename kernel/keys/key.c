/* SPDX-License-Identifier: MIT */
/*
 * Keys: their kinds, numbers, users and quotas, lives and rights.
 *
 * A key that ends may end what it links to, which may be a long chain: the dead are put on a list and
 * freed one by one, never by recursion.
 */
#include "keys/keys.h"

#include <string.h>

#include "abi/errno.h"
#include "core/random.h"
#include "lib/alloc.h"

LIST_HEAD(all_keys);
LIST_HEAD(all_key_users);
int keys_maxkeys = 200, keys_maxbytes = 20000;
int keys_root_maxkeys = 1000000, keys_root_maxbytes = 25000000;

const struct key_type key_keyring = { .name = "keyring", .readable = true };

static const struct key_type types[] = {
	{ .name = "user", .max = 32767, .readable = true, .updatable = true },
	{ .name = "logon", .max = 32767, .updatable = true, .wants_prefix = true },
	{ .name = "big_key", .max = 1024 * 1024 - 1, .readable = true, .updatable = true },
};

const struct key_type *key_type_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return strcmp(name, key_keyring.name) ? NULL : &key_keyring;
}

/* ---- users and quotas ---- */

struct key_user *key_user_of(u32 uid)
{
	struct key_user *u;

	list_for_each(u, &all_key_users, node)
		if (u->uid == uid)
			return u;
	u = kzalloc(sizeof(*u));
	if (!u)
		return NULL;
	u->uid = uid;
	list_add_tail(&u->node, &all_key_users);
	return u;
}

static bool fits(const struct key_user *u, int keys, int bytes)
{
	int maxkeys = u->uid ? keys_maxkeys : keys_root_maxkeys;
	int maxbytes = u->uid ? keys_maxbytes : keys_root_maxbytes;

	return u->nkeys + keys <= maxkeys && u->nbytes <= maxbytes - bytes;
}

int key_charge(struct key *k, int bytes)
{
	if (!k->counted)
		return 0;
	if (bytes > 0 && !fits(k->user, 0, bytes))
		return -EDQUOT;
	k->user->nbytes += bytes;
	k->charged += bytes;
	return 0;
}

int key_chown(struct key *k, u32 uid)
{
	struct key_user *u = key_user_of(uid);

	if (!u)
		return -ENOMEM;
	if (k->counted && u != k->user) {
		if (!fits(u, 1, k->charged))
			return -EDQUOT;
		k->user->nkeys--;
		k->user->nbytes -= k->charged;
		u->nkeys++;
		u->nbytes += k->charged;
	}
	k->user = u;
	k->uid = uid;
	return 0;
}

/* ---- lives ---- */

struct key *key_get(struct key *k)
{
	ref_get(&k->cr.ref);
	return k;
}

static void free_one(struct key *k)
{
	list_del_init(&k->all);
	if (k->counted) {
		k->user->nkeys--;
		k->user->nbytes -= k->charged;
	}
	kfree(k->desc);
	kfree(k->data);
	kfree(k);
}

/* The last reference is gone. all is what the list of the dead goes through. */
static void bury(struct cred_ring *cr)
{
	static LIST_HEAD(dead);
	struct key *k = container_of(cr, struct key, cr);
	struct key_link *l;

	list_del_init(&k->all);
	list_add_tail(&k->all, &dead);
	while (!list_empty(&dead)) {
		k = list_first(&dead, struct key, all);
		while (!list_empty(&k->links)) {
			l = list_first(&k->links, struct key_link, node);
			list_del_init(&l->node);
			if (ref_put(&l->key->cr.ref)) {
				list_del_init(&l->key->all);
				list_add_tail(&l->key->all, &dead);
			}
			kfree(l);
		}
		free_one(k);
	}
}

void key_put(struct key *k)
{
	if (k)
		cred_ring_put(&k->cr);
}

struct key *key_find(int serial)
{
	struct key *k;

	list_for_each(k, &all_keys, all)
		if (k->serial == serial)
			return k;
	return NULL;
}

static int new_serial(void)
{
	int serial;

	do
		serial = (int)(random_u64() & INT32_MAX);
	while (serial < 3 || key_find(serial));
	return serial;
}

static int copy(const void *data, size_t len, void **out)
{
	*out = NULL;
	if (!len)
		return 0;
	*out = kmalloc(len);
	if (!*out)
		return -ENOMEM;
	memcpy(*out, data, len);
	return 0;
}

int key_set_data(struct key *k, const void *data, size_t len)
{
	void *own;
	int err = copy(data, len, &own);

	if (!err)
		err = key_charge(k, (int)len - (int)k->len);
	if (err) {
		kfree(own);
		return err;
	}
	kfree(k->data);
	k->data = own;
	k->len = len;
	k->negative = 0;
	k->expiry = 0;
	return 0;
}

int key_new(const struct key_type *t, const char *desc, const struct cred *c, u32 perm, bool quota,
	    const void *data, size_t len, struct key **out)
{
	struct key_user *u = key_user_of(c->fsuid);
	size_t named = strlen(desc) + 1;
	struct key *k;
	int err = -ENOMEM;

	if (!u)
		return -ENOMEM;
	if (quota && !fits(u, 1, (int)(named + len)))
		return -EDQUOT;
	k = kzalloc(sizeof(*k));
	if (!k)
		return -ENOMEM;
	if (copy(desc, named, (void **)&k->desc) || copy(data, len, &k->data))
		goto fail;
	ref_init(&k->cr.ref);
	k->cr.free = bury;
	list_init(&k->links);
	k->type = t;
	k->user = u;
	k->serial = new_serial();
	k->uid = c->fsuid;
	k->gid = c->fsgid;
	k->perm = perm;
	k->counted = quota;
	k->charged = (int)(named + len);
	k->len = len;
	if (quota) {
		u->nkeys++;
		u->nbytes += k->charged;
	}
	list_add_tail(&k->all, &all_keys);
	*out = k;
	return 0;
fail:
	kfree(k->desc);
	kfree(k);
	return err;
}

/* ---- state and rights ---- */

int key_state(const struct key *k)
{
	if (k->invalid)
		return -ENOKEY;
	if (k->revoked)
		return -EKEYREVOKED;
	return k->expiry && k->expiry <= ktime_get_real() / NSEC_PER_SEC ? -EKEYEXPIRED : 0;
}

bool key_allows(const struct key *k, bool possessed, u32 rights)
{
	const struct cred *c = current_cred();
	u32 have = k->perm;

	if (k->uid == c->fsuid)
		have >>= 16;
	else if (k->gid != (u32)-1 && k->perm >> 8 & KEY_ALL && cred_in_group(c, k->gid))
		have >>= 8;
	if (possessed)
		have |= k->perm >> 24;
	return !(rights & ~have);
}
