/* SPDX-License-Identifier: MIT */
/* Keyrings: lists of links to keys, some of which are keyrings. None holds itself, at any depth. */
#include "keys/keys.h"

#include <string.h>

#include "abi/errno.h"
#include "lib/alloc.h"

#define LINK_BYTES 4	/* what a link costs of the quota, as in Linux */

static bool is_named(const struct key *k, const struct key_type *t, const char *desc)
{
	return k->type == t && !strcmp(k->desc, desc);
}

static struct key_link *find_link(struct key *ring, const struct key *key)
{
	struct key_link *l;

	list_for_each(l, &ring->links, node)
		if (l->key == key)
			return l;
	return NULL;
}

struct key *ring_find(struct key *ring, const struct key_type *t, const char *desc)
{
	struct key_link *l;

	list_for_each(l, &ring->links, node)
		if (is_named(l->key, t, desc))
			return l->key;
	return NULL;
}

/* Is key below ring? -EDEADLK: yes; -ELOOP: that is too deep to know. */
static int check_cycle(struct key *ring, const struct key *key, int depth)
{
	struct key_link *l;
	int err = 0;

	if (ring == key)
		return -EDEADLK;
	if (depth > KEY_DEPTH)
		return -ELOOP;
	list_for_each(l, &ring->links, node) {
		if (key_is_ring(l->key))
			err = check_cycle(l->key, key, depth + 1);
		if (err)
			break;
	}
	return err;
}

int ring_link(struct key *ring, struct key *key)
{
	struct key *old;
	struct key_link *l;
	int err;

	if (!key_is_ring(ring))
		return -ENOTDIR;
	err = key_is_ring(key) ? check_cycle(key, ring, 0) : 0;
	if (err)
		return err;
	old = ring_find(ring, key->type, key->desc);
	if (old) {
		l = find_link(ring, old);
		l->key = key_get(key);
		key_put(old);
		return 0;
	}
	l = kzalloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	err = key_charge(ring, LINK_BYTES);
	if (err) {
		kfree(l);
		return err;
	}
	l->key = key_get(key);
	list_add_tail(&l->node, &ring->links);
	return 0;
}

static void drop_link(struct key *ring, struct key_link *l)
{
	list_del_init(&l->node);
	key_charge(ring, -LINK_BYTES);
	key_put(l->key);
	kfree(l);
}

int ring_unlink(struct key *ring, struct key *key)
{
	struct key_link *l = find_link(ring, key);

	if (!l)
		return -ENOENT;
	drop_link(ring, l);
	return 0;
}

void ring_clear(struct key *ring)
{
	while (!list_empty(&ring->links))
		drop_link(ring, list_first(&ring->links, struct key_link, node));
}

/* The caller holds a reference to k, so all_keys loses others at most. */
void key_invalidate(struct key *k)
{
	struct key_link *l;
	struct key *ring;

	k->invalid = true;
	list_for_each(ring, &all_keys, all) {
		l = find_link(ring, k);
		if (l)
			drop_link(ring, l);
	}
}

/* A found key that does not count says why: the last reason is told when nothing better is found. */
static int judge(struct key *k, bool possessed)
{
	int err = key_state(k);

	if (!err && !key_allows(k, possessed, KEY_SEARCH))
		err = -EACCES;
	return err ? err : k->negative;
}

static int search_below(struct key *ring, bool possessed, const struct key_type *t, const char *desc,
			int depth, struct key **out)
{
	struct key_link *l;
	int best = -EAGAIN, err;

	list_for_each(l, &ring->links, node) {
		if (!is_named(l->key, t, desc))
			continue;
		err = judge(l->key, possessed);
		if (!err)
			*out = l->key;
		return err;
	}
	list_for_each(l, &ring->links, node) {
		if (!key_is_ring(l->key) || depth >= KEY_DEPTH || key_state(l->key) ||
		    !key_allows(l->key, possessed, KEY_SEARCH))
			continue;
		err = search_below(l->key, possessed, t, desc, depth + 1, out);
		if (!err)
			return 0;
		if (err != -EAGAIN)
			best = err;
	}
	return best;
}

int ring_search(struct key_ref ring, const struct key_type *t, const char *desc, struct key_ref *out)
{
	struct key *found;
	int err;

	if (!key_is_ring(ring.key))
		return -ENOTDIR;
	if (!key_allows(ring.key, ring.possessed, KEY_SEARCH))
		return -EACCES;
	if (is_named(ring.key, t, desc)) {
		err = judge(ring.key, ring.possessed);
		found = ring.key;
	} else {
		err = search_below(ring.key, ring.possessed, t, desc, 0, &found);
	}
	if (err)
		return err;
	*out = (struct key_ref){ key_get(found), ring.possessed };
	return 0;
}

static bool reaches(struct key *ring, const struct key *key, int depth)
{
	struct key_link *l;

	if (ring == key)
		return true;
	list_for_each(l, &ring->links, node) {
		if (l->key == key && key_allows(key, true, KEY_SEARCH))
			return true;
		if (key_is_ring(l->key) && depth < KEY_DEPTH && key_allows(l->key, true, KEY_SEARCH) &&
		    reaches(l->key, key, depth + 1))
			return true;
	}
	return false;
}

bool ring_reaches(struct key *ring, const struct key *key)
{
	return key_allows(ring, true, KEY_SEARCH) && reaches(ring, key, 0);
}
