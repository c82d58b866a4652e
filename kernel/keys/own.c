/* SPDX-License-Identifier: MIT */
/*
 * The keyrings that a task has: of the thread, the process and the session, kept in its credentials,
 * and those of its user. What can be reached from them the task possesses.
 */
#include "keys/keys.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"

#define RING_PERM (KEY_POS(KEY_ALL) | KEY_USR(KEY_VIEW))
#define USER_RING_PERM (KEY_POS(KEY_ALL & ~KEY_SETATTR) | KEY_USR(KEY_ALL))

static struct key *held(int slot)
{
	struct cred_ring *cr = current->cred->rings[slot];

	return cr ? container_of(cr, struct key, cr) : NULL;
}

/* Takes the reference to k. */
static int hold(int slot, struct key *k)
{
	struct cred *c = cred_dup(current->cred);

	if (!c) {
		key_put(k);
		return -ENOMEM;
	}
	cred_ring_put(c->rings[slot]);
	c->rings[slot] = &k->cr;
	task_set_cred(current, c);
	return 0;
}

/* ---- a user's ---- */

static int make_user_rings(struct key_user *u)
{
	struct cred owner = { .fsuid = u->uid, .fsgid = (u32)-1 };
	struct key *ring, *session;
	char name[32];
	int err;

	if (u->session)
		return 0;
	snprintf(name, sizeof(name), "_uid.%u", u->uid);
	err = key_new(&key_keyring, name, &owner, USER_RING_PERM, false, NULL, 0, &ring);
	if (err)
		return err;
	snprintf(name, sizeof(name), "_uid_ses.%u", u->uid);
	err = key_new(&key_keyring, name, &owner, USER_RING_PERM, false, NULL, 0, &session);
	if (!err)
		err = ring_link(session, ring);
	if (err) {
		key_put(ring);
		return err;
	}
	u->ring = ring;
	u->session = session;
	return 0;
}

static int user_ring(bool session, struct key **out)
{
	struct key_user *u = key_user_of(current_cred()->uid);
	int err = u ? make_user_rings(u) : -ENOMEM;

	if (!err)
		*out = key_get(session ? u->session : u->ring);
	return err;
}

/* ---- a task's ---- */

static int make_ring(int slot, const char *name)
{
	struct key *k;
	u32 perm = RING_PERM | (slot == CRED_RING_SESSION ? KEY_USR(KEY_READ) : 0);
	int err = key_new(&key_keyring, name, current_cred(), perm, true, NULL, 0, &k);

	return err ? err : hold(slot, k);
}

/* Without one of its own a task's session keyring is its user's; who wants to write gets a new one. */
static int session_ring(bool create, struct key **out)
{
	int err = 0;

	if (!held(CRED_RING_SESSION) && !create)
		return user_ring(true, out);
	if (!held(CRED_RING_SESSION))
		err = make_ring(CRED_RING_SESSION, "_ses");
	if (!err)
		*out = key_get(held(CRED_RING_SESSION));
	return err;
}

static int task_ring(int slot, const char *name, bool create, struct key **out)
{
	int err = 0;

	if (!held(slot))
		err = create ? make_ring(slot, name) : -ENOKEY;
	if (!err)
		*out = key_get(held(slot));
	return err;
}

int keys_for_thread(struct cred *c)
{
	struct key *k;
	int err = key_new(&key_keyring, "_tid", c, RING_PERM, true, NULL, 0, &k);

	if (!err)
		c->rings[CRED_RING_THREAD] = &k->cr;
	return err;
}

static int special_ring(int id, bool create, struct key **out)
{
	switch (id) {
	case KEY_SPEC_THREAD_KEYRING:
		return task_ring(CRED_RING_THREAD, "_tid", create, out);
	case KEY_SPEC_PROCESS_KEYRING:
		return task_ring(CRED_RING_PROCESS, "_pid", create, out);
	case KEY_SPEC_SESSION_KEYRING:
		return session_ring(create, out);
	case KEY_SPEC_USER_KEYRING:
		return user_ring(false, out);
	case KEY_SPEC_USER_SESSION_KEYRING:
		return user_ring(true, out);
	case KEY_SPEC_REQKEY_AUTH_KEY:
		return -ENOKEY;
	default:
		return -EINVAL;
	}
}

/* The session keyring that counts: the user's if there is no other. Borrowed, NULL. */
static struct key *effective(int slot)
{
	struct key_user *u;

	if (slot != CRED_RING_SESSION || held(slot))
		return held(slot);
	u = key_user_of(current_cred()->uid);
	return u ? u->session : NULL;
}

bool own_possesses(const struct key *k)
{
	for (int slot = 0; slot < CRED_RINGS; slot++) {
		struct key *ring = effective(slot);

		if (ring && ring_reaches(ring, k))
			return true;
	}
	return false;
}

/* As in Linux a keyring without the key outweighs one in which it does not count. */
int own_search(const struct key_type *t, const char *desc, struct key_ref *out)
{
	int none = 0, bad = -EAGAIN, err;

	for (int slot = 0; slot < CRED_RINGS; slot++) {
		struct key_ref ring = { effective(slot), true };

		if (!ring.key)
			continue;
		err = ring_search(ring, t, desc, out);
		if (!err)
			return 0;
		if (err == -ENOKEY || (err == -EAGAIN && !none))
			none = err;
		else if (err != -EAGAIN)
			bad = err;
	}
	return none ? none : bad;
}

int key_lookup(int id, bool create, u32 rights, bool partial, struct key_ref *out)
{
	struct key_ref ref = { NULL, true };
	int err;

	if (id < 0) {
		err = special_ring(id, create, &ref.key);
		if (err)
			return err;
	} else {
		ref.key = id ? key_find(id) : NULL;
		if (!ref.key)
			return id ? -ENOKEY : -EINVAL;
		key_get(ref.key);
		ref.possessed = own_possesses(ref.key);
	}
	err = partial ? 0 : key_state(ref.key);
	if (!err && ref.key->negative && !partial)
		err = ref.key->negative;
	if (!err && !key_allows(ref.key, ref.possessed, rights))
		err = -EACCES;
	if (err) {
		key_put(ref.key);
		return err;
	}
	*out = ref;
	return 0;
}

/* A keyring with this name that the caller may search. Borrowed, NULL. */
static struct key *find_session(const char *name)
{
	struct key *k;

	list_for_each(k, &all_keys, all)
		if (key_is_ring(k) && !strcmp(k->desc, name) && !key_state(k) && *name != '_' &&
		    key_allows(k, false, KEY_SEARCH))
			return k;
	return NULL;
}

int session_join(const char *name)
{
	struct key *k = name ? find_session(name) : NULL;
	int err = 0;

	if (k)
		err = hold(CRED_RING_SESSION, key_get(k));
	else if (name)
		err = key_new(&key_keyring, name, current_cred(),
			      KEY_POS(KEY_ALL) | KEY_USR(KEY_VIEW | KEY_READ | KEY_LINK), true,
			      NULL, 0, &k) ?: hold(CRED_RING_SESSION, k);
	else
		err = make_ring(CRED_RING_SESSION, "_ses");
	return err ? err : held(CRED_RING_SESSION)->serial;
}

struct key *own_default_ring(void)
{
	static const int slots[] = {
		[KEY_REQKEY_DEFL_THREAD_KEYRING] = CRED_RING_THREAD,
		[KEY_REQKEY_DEFL_PROCESS_KEYRING] = CRED_RING_PROCESS,
		[KEY_REQKEY_DEFL_SESSION_KEYRING] = CRED_RING_SESSION,
	};
	u32 want = current->cred->reqkey_ring;
	struct key *k = NULL;

	if (want == KEY_REQKEY_DEFL_USER_KEYRING || want == KEY_REQKEY_DEFL_USER_SESSION_KEYRING)
		return user_ring(want == KEY_REQKEY_DEFL_USER_SESSION_KEYRING, &k) ? NULL : k;
	if (want != KEY_REQKEY_DEFL_DEFAULT && want < ARRAY_SIZE(slots)) {
		k = held(slots[want]);
	} else {
		for (int slot = 0; slot < CRED_RINGS && !k; slot++)
			k = held(slot);
	}
	if (k)
		return key_get(k);
	return session_ring(false, &k) ? NULL : k;
}
