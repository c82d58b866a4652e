/* SPDX-License-Identifier: MIT */
/*
 * Keys and keyrings that processes keep in the kernel: keyrings(7). The calls are in sys/keys.c.
 *
 * A key lives while something refers to it: a keyring, the credentials of a task, a user, a call. All
 * here runs under the kernel lock and never blocks. Keys belong to quotas of their users.
 */
#ifndef KEYS_KEYS_H
#define KEYS_KEYS_H

#include "abi/keyctl.h"
#include "core/cred.h"
#include "core/time.h"
#include "lib/list.h"
#include "lib/types.h"

#define KEY_MAX_DESC 4096
#define KEY_DEPTH 6		/* of keyrings in keyrings */

/* Rights, repeated for possessor, user, group and others: bits 24, 16, 8 and 0 of a key's mask. */
enum {
	KEY_VIEW = 1, KEY_READ = 2, KEY_WRITE = 4, KEY_SEARCH = 8, KEY_LINK = 16, KEY_SETATTR = 32,
	KEY_ALL = 63,
};
#define KEY_POS(r) ((u32)(r) << 24)
#define KEY_USR(r) ((u32)(r) << 16)

struct key;
struct seq_buf;

struct key_type {
	const char *name;
	size_t max;		/* bytes of payload */
	bool readable;
	bool updatable;
	bool wants_prefix;	/* the description is "service:name" */
};

struct key_link {
	struct list_head node;
	struct key *key;	/* a reference */
};

struct key_user {
	struct list_head node;
	u32 uid;
	int nkeys, nbytes;
	struct key *ring, *session;	/* references; NULL: not made yet */
};

struct key {
	struct cred_ring cr;	/* counted; first */
	struct list_head all;
	struct list_head links;		/* a keyring's */
	const struct key_type *type;
	struct key_user *user;		/* whose quota it is in */
	int serial;
	u32 uid, gid, perm;
	s64 expiry;		/* CLOCK_REALTIME in seconds, 0: never */
	int negative;		/* an errno that finding it gives, 0: a real key */
	bool revoked, invalid, counted;
	int charged;		/* bytes of the quota */
	char *desc;
	void *data;
	size_t len;
};

/* A key and whether the caller possesses it: reaches it from keyrings of its own. */
struct key_ref {
	struct key *key;	/* a reference */
	bool possessed;
};

extern struct list_head all_keys, all_key_users;
extern const struct key_type key_keyring;
extern int keys_maxkeys, keys_maxbytes, keys_root_maxkeys, keys_root_maxbytes;

/* key.c */
const struct key_type *key_type_find(const char *name);		/* NULL */
/* A new key of the current user; *out gets a reference. data is copied. EDQUOT, ENOMEM. */
int key_new(const struct key_type *t, const char *desc, const struct cred *c, u32 perm, bool quota,
	    const void *data, size_t len, struct key **out);
int key_set_data(struct key *k, const void *data, size_t len);	/* EDQUOT, ENOMEM: as before then */
int key_charge(struct key *k, int bytes);			/* EDQUOT; negative always works */
int key_chown(struct key *k, u32 uid);				/* moves the quota: EDQUOT, ENOMEM */
struct key *key_get(struct key *k);				/* returns it */
void key_put(struct key *k);					/* NULL is fine */
struct key *key_find(int serial);				/* borrowed, NULL */
struct key_user *key_user_of(u32 uid);				/* NULL: no memory */
int key_state(const struct key *k);				/* 0, EKEYREVOKED, EKEYEXPIRED, ENOKEY */
bool key_allows(const struct key *k, bool possessed, u32 rights);
static inline bool key_is_ring(const struct key *k)
{
	return k->type == &key_keyring;
}

/* ring.c */
/* Puts key in, instead of one with its type and description. ENOTDIR, EDEADLK, ELOOP, EDQUOT, ENOMEM. */
int ring_link(struct key *ring, struct key *key);
int ring_unlink(struct key *ring, struct key *key);		/* ENOENT */
void ring_clear(struct key *ring);
struct key *ring_find(struct key *ring, const struct key_type *t, const char *desc);	/* borrowed, NULL */
/* Below ring, where the caller may search: 0 and a reference, EAGAIN: none, or why what is there does not count. */
int ring_search(struct key_ref ring, const struct key_type *t, const char *desc, struct key_ref *out);
bool ring_reaches(struct key *ring, const struct key *key);
void key_invalidate(struct key *k);		/* no keyring has it any more */

/* own.c: the keyrings of the current task */
/* The key for a serial number or KEY_SPEC_*; create: makes a missing special keyring. rights 0: none needed. */
int key_lookup(int id, bool create, u32 rights, bool partial, struct key_ref *out);
int own_search(const struct key_type *t, const char *desc, struct key_ref *out);
int session_join(const char *name);		/* NULL: a new one. The serial number */
struct key *own_default_ring(void);		/* where requested keys go: a reference, NULL */
bool own_possesses(const struct key *k);
/* c, of a thread to be whose maker has a thread keyring, gets one of its own. EDQUOT, ENOMEM */
int keys_for_thread(struct cred *c);

#endif
