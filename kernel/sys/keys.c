/* SPDX-License-Identifier: MIT */
/* add_key, request_key and keyctl: arguments in, answers out. Keys are in keys/. */
#include "sys/sys.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/keyctl.h"
#include "abi/prctl.h"
#include "core/arena.h"
#include "core/sched.h"
#include "core/task.h"
#include "keys/keys.h"
#include "lib/alloc.h"
#include "mm/user.h"

#define TYPE_MAX 32
#define PAYLOAD_MAX (1024 * 1024 - 1)
#define NEGATIVE_SECONDS 60
#define NEW_PERM (KEY_POS(KEY_VIEW | KEY_SEARCH | KEY_LINK | KEY_SETATTR) | KEY_USR(KEY_VIEW))

static s64 now(void)
{
	return ktime_get_real() / NSEC_PER_SEC;
}

/* ---- arguments ---- */

static int get_type(uaddr_t utype, char name[TYPE_MAX])
{
	ssize n = strncpy_from_user(name, utype, TYPE_MAX);

	if (n < 0)
		return (int)n;
	if (!n || n >= TYPE_MAX)
		return -EINVAL;
	return *name == '.' ? -EPERM : 0;
}

/* Kernel memory to be freed. */
static int get_text(uaddr_t from, char **out)
{
	char *text = kmalloc(KEY_MAX_DESC);
	ssize n = text ? strncpy_from_user(text, from, KEY_MAX_DESC) : -ENOMEM;

	*out = NULL;
	if (n >= KEY_MAX_DESC)
		n = -EINVAL;
	if (n < 0) {
		kfree(text);
		return (int)n;
	}
	*out = text;
	return 0;
}

static int get_payload(uaddr_t from, size_t len, void **out)
{
	int err;

	*out = NULL;
	if (!len)
		return 0;
	if (len > PAYLOAD_MAX)
		return -EINVAL;
	*out = kmalloc(len);
	if (!*out)
		return -ENOMEM;
	err = copy_from_user(*out, from, len);
	if (err) {
		kfree(*out);
		*out = NULL;
	}
	return err;
}

static int check_payload(const struct key_type *t, size_t len)
{
	if (t == &key_keyring)
		return len ? -EINVAL : 0;
	return len && len <= t->max ? 0 : -EINVAL;
}

static int check_desc(const struct key_type *t, const char *desc)
{
	if (!*desc || (t->wants_prefix && (*desc == ':' || !strchr(desc, ':'))))
		return -EINVAL;
	return t == &key_keyring && *desc == '.' ? -EPERM : 0;
}

/* ---- add_key ---- */

static u32 new_perm(const struct key_type *t)
{
	u32 perm = NEW_PERM;

	if (t->readable)
		perm |= KEY_POS(KEY_READ);
	if (t == &key_keyring || t->updatable)
		perm |= KEY_POS(KEY_WRITE);
	return perm;
}

static long update(struct key *k, bool possessed, const void *data, size_t len)
{
	int err = key_allows(k, possessed, KEY_WRITE) ? key_set_data(k, data, len) : -EACCES;

	return err ? err : k->serial;
}

/* A new key, or new data for the one that has the name. */
static long add(struct key_ref ring, const struct key_type *t, const char *desc, const void *data,
		size_t len)
{
	struct key *k = t->updatable ? ring_find(ring.key, t, desc) : NULL;
	long ret;

	if (!key_is_ring(ring.key))
		return -ENOTDIR;
	if (k && !k->revoked)
		return update(k, ring.possessed, data, len);
	ret = key_new(t, desc, current_cred(), new_perm(t), true, data, len, &k);
	if (ret)
		return ret;
	ret = ring_link(ring.key, k);
	if (!ret)
		ret = k->serial;
	key_put(k);
	return ret;
}

long sys_add_key(ustr_t utype, ustr_t udesc, uaddr_t upayload, size_t len, int ring)
{
	const struct key_type *t;
	struct key_ref to;
	char type[TYPE_MAX], *desc;
	void *data;
	long ret = get_type(utype, type);

	if (ret)
		return ret;
	if (len > PAYLOAD_MAX)
		return -EINVAL;
	ret = udesc ? get_text(udesc, &desc) : -EINVAL;
	if (ret)
		return ret;
	ret = get_payload(upayload, len, &data);
	if (ret)
		goto out;
	ret = key_lookup(ring, true, KEY_WRITE, false, &to);
	if (ret)
		goto out_data;
	t = key_type_find(type);
	ret = t ? check_desc(t, desc) : -ENODEV;
	if (!ret)
		ret = check_payload(t, len);
	if (!ret)
		ret = add(to, t, desc, data, len);
	key_put(to.key);
out_data:
	kfree(data);
out:
	kfree(desc);
	return ret;
}

/* ---- request_key ---- */

/*
 * Where Linux would run /sbin/request-key there is nobody to ask: as there without that program the
 * key is known for a while to be missing.
 */
static long make_negative(struct key *ring, const struct key_type *t, const char *desc)
{
	struct key *k;
	int err = key_new(t, desc, current_cred(), new_perm(t), true, NULL, 0, &k);

	if (err)
		return err;
	k->negative = -ENOKEY;
	k->expiry = now() + NEGATIVE_SECONDS;
	err = ring ? ring_link(ring, k) : 0;
	key_put(k);
	return err ? err : -ENOKEY;
}

static long request(const struct key_type *t, const char *desc, bool callout, struct key *to)
{
	struct key_ref found;
	struct key *ring;
	long ret = own_search(t, desc, &found);

	if (!ret) {
		ret = to ? ring_link(to, found.key) : 0;
		if (!ret)
			ret = found.key->serial;
		key_put(found.key);
		return ret;
	}
	if (ret != -EAGAIN || !callout)
		return ret == -EAGAIN ? -ENOKEY : ret;
	if (t == &key_keyring)
		return -EPERM;	/* nobody outside makes keyrings */
	ring = to ? key_get(to) : own_default_ring();
	if (!to && ring && !key_allows(ring, true, KEY_WRITE))
		ret = -EACCES;
	else
		ret = make_negative(ring, t, desc);
	key_put(ring);
	return ret;
}

long sys_request_key(ustr_t utype, ustr_t udesc, ustr_t uinfo, int ring)
{
	struct key_ref to = { NULL, false };
	const struct key_type *t;
	char type[TYPE_MAX], *desc, *info = NULL;
	long ret = get_type(utype, type);

	if (ret)
		return ret;
	ret = get_text(udesc, &desc);
	if (ret)
		return ret;
	ret = uinfo ? get_text(uinfo, &info) : 0;
	if (!ret && ring)
		ret = key_lookup(ring, true, KEY_WRITE, false, &to);
	if (!ret) {
		t = key_type_find(type);
		ret = t ? request(t, desc, info, to.key) : -ENOKEY;
	}
	key_put(to.key);
	kfree(info);
	kfree(desc);
	return ret;
}

/* ---- keyctl ---- */

static long get_ring_id(u64 *a)
{
	struct key_ref r;
	long ret = key_lookup((int)a[0], a[1], KEY_SEARCH, false, &r);

	if (ret)
		return ret;
	ret = r.key->serial;
	key_put(r.key);
	return ret;
}

static long join_session(u64 *a)
{
	char *name = NULL;
	long ret = a[0] ? get_text(a[0], &name) : 0;

	if (ret)
		return ret;
	if (name && *name == '.')
		ret = -EPERM;
	else
		ret = session_join(name);
	kfree(name);
	return ret;
}

static long update_key(u64 *a)
{
	struct key_ref r;
	void *data;
	long ret = a[2] > 4096 ? -EINVAL : get_payload(a[1], a[2], &data);

	if (ret)
		return ret;
	ret = key_lookup((int)a[0], false, KEY_WRITE, true, &r);
	if (!ret) {
		ret = key_state(r.key);
		if (!ret && !r.key->type->updatable)
			ret = -EOPNOTSUPP;
		if (!ret)
			ret = check_payload(r.key->type, a[2]);
		if (!ret)
			ret = key_set_data(r.key, data, a[2]);
		key_put(r.key);
	}
	kfree(data);
	return ret;
}

/* With the right to write, or to set attributes. */
static int lookup_for(int id, u32 right, u32 other, struct key_ref *r)
{
	int err = key_lookup(id, false, right, false, r);

	return err == -EACCES ? key_lookup(id, false, other, false, r) : err;
}

static long revoke_key(u64 *a)
{
	struct key_ref r;
	int err = lookup_for((int)a[0], KEY_WRITE, KEY_SETATTR, &r);

	if (err)
		return err;
	r.key->revoked = true;
	if (key_is_ring(r.key))
		ring_clear(r.key);
	key_put(r.key);
	return 0;
}

static long chown_key(u64 *a)
{
	u32 uid = (u32)a[1], gid = (u32)a[2];
	bool root = capable(CAP_SYS_ADMIN);
	struct key_ref r;
	int err = 0;

	if (uid == (u32)-1 && gid == (u32)-1)
		return 0;
	err = key_lookup((int)a[0], true, KEY_SETATTR, true, &r);
	if (err)
		return err;
	if (!root && ((uid != (u32)-1 && uid != r.key->uid) ||
		      (gid != (u32)-1 && gid != r.key->gid && !cred_in_group(current_cred(), gid))))
		err = -EACCES;
	if (!err && uid != (u32)-1)
		err = key_chown(r.key, uid);
	if (!err && gid != (u32)-1)
		r.key->gid = gid;
	key_put(r.key);
	return err;
}

static long set_perm(u64 *a)
{
	u32 perm = (u32)a[1];
	struct key_ref r;
	int err;

	if (perm & ~0x3f3f3f3fu)
		return -EINVAL;
	err = key_lookup((int)a[0], true, KEY_SETATTR, true, &r);
	if (err)
		return err;
	if (r.key->uid != current_cred()->fsuid && !capable(CAP_SYS_ADMIN))
		err = -EACCES;
	else
		r.key->perm = perm;
	key_put(r.key);
	return err;
}

/* Only whole answers are copied, but their length is always told. */
static long give(u64 to, u64 room, const void *data, size_t len)
{
	int err = to && room >= len ? copy_to_user(to, data, len) : 0;

	return err ? err : (long)len;
}

static long describe(u64 *a)
{
	char *text;
	struct key_ref r;
	long ret = key_lookup((int)a[0], true, KEY_VIEW, true, &r);
	int n;

	if (ret)
		return ret;
	text = kmalloc(KEY_MAX_DESC + 128);
	if (text) {
		n = snprintf(text, KEY_MAX_DESC + 128, "%s;%d;%d;%08x;%s", r.key->type->name,
			     (int)r.key->uid, (int)r.key->gid, r.key->perm, r.key->desc);
		ret = give(a[1], a[2], text, (size_t)n + 1);
	} else {
		ret = -ENOMEM;
	}
	kfree(text);
	key_put(r.key);
	return ret;
}

static long clear_ring(u64 *a)
{
	struct key_ref r;
	int err = key_lookup((int)a[0], true, KEY_WRITE, false, &r);

	if (err)
		return err;
	if (key_is_ring(r.key))
		ring_clear(r.key);
	else
		err = -ENOTDIR;
	key_put(r.key);
	return err;
}

static long link_key(u64 *a)
{
	struct key_ref ring, r;
	int err = key_lookup((int)a[1], true, KEY_WRITE, false, &ring);

	if (err)
		return err;
	err = key_lookup((int)a[0], true, KEY_LINK, false, &r);
	if (!err) {
		err = ring_link(ring.key, r.key);
		key_put(r.key);
	}
	key_put(ring.key);
	return err;
}

static long unlink_key(u64 *a)
{
	struct key_ref ring, r;
	int err = key_lookup((int)a[1], false, KEY_WRITE, false, &ring);

	if (err)
		return err;
	err = key_lookup((int)a[0], false, 0, true, &r);
	if (!err) {
		err = key_is_ring(ring.key) ? ring_unlink(ring.key, r.key) : -ENOTDIR;
		key_put(r.key);
	}
	key_put(ring.key);
	return err;
}

static long search_found(struct key_ref *found, int to_id)
{
	struct key_ref to;
	long ret = 0;

	if (to_id) {
		ret = key_lookup(to_id, true, KEY_WRITE, false, &to);
		if (ret)
			return ret;
		ret = key_allows(found->key, found->possessed, KEY_LINK) ?
		      ring_link(to.key, found->key) : -EACCES;
		key_put(to.key);
	}
	return ret ? ret : found->key->serial;
}

static long search_ring(u64 *a)
{
	const struct key_type *t;
	struct key_ref ring, found;
	char type[TYPE_MAX], *desc;
	long ret = get_type(a[1], type);

	if (ret)
		return ret;
	ret = get_text(a[2], &desc);
	if (ret)
		return ret;
	ret = key_lookup((int)a[0], false, KEY_SEARCH, false, &ring);
	if (!ret) {
		t = key_type_find(type);
		ret = t ? ring_search(ring, t, desc, &found) : -ENOKEY;
		if (!ret) {
			ret = search_found(&found, (int)a[3]);
			key_put(found.key);
		}
		key_put(ring.key);
	}
	kfree(desc);
	return ret == -EAGAIN ? -ENOKEY : ret;
}

/* A keyring's contents are the numbers in it; as many as there is room for. */
static long read_ring(const struct key *ring, u64 to, u64 room)
{
	struct key_link *l;
	size_t n = 0, i = 0;
	int *ids;
	long ret;

	list_for_each(l, &ring->links, node)
		n++;
	if (!to || !n)
		return (long)(n * sizeof(int));
	ids = kmalloc(n * sizeof(int));
	if (!ids)
		return -ENOMEM;
	list_for_each(l, &ring->links, node)
		ids[i++] = l->key->serial;
	ret = copy_to_user(to, ids, MIN(n * sizeof(int), room & ~3ull));
	kfree(ids);
	return ret ? ret : (long)(n * sizeof(int));
}

static long read_key(u64 *a)
{
	struct key_ref r;
	void *copy;
	long ret = key_lookup((int)a[0], false, 0, false, &r);

	if (ret)
		return ret;
	if (!key_allows(r.key, r.possessed, KEY_READ) && !r.possessed)
		ret = -EACCES;
	else if (!r.key->type->readable)
		ret = -EOPNOTSUPP;
	else if (key_is_ring(r.key))
		ret = read_ring(r.key, a[1], a[2]);
	if (ret || key_is_ring(r.key))
		goto out;
	/* The copy to the guest may block, and the key be updated meanwhile. */
	copy = kmalloc(r.key->len);
	ret = copy ? 0 : -ENOMEM;
	if (copy) {
		size_t len = r.key->len;

		memcpy(copy, r.key->data, len);
		ret = give(a[1], a[2], copy, len);
		kfree(copy);
	}
out:
	key_put(r.key);
	return ret;
}

static long set_reqkey_ring(u64 *a)
{
	u32 old = current->cred->reqkey_ring;
	int want = (int)a[0];
	struct cred *c;

	if (want == KEY_REQKEY_DEFL_NO_CHANGE)
		return old;
	if (want < KEY_REQKEY_DEFL_NO_CHANGE || want > KEY_REQKEY_DEFL_REQUESTOR_KEYRING ||
	    want == KEY_REQKEY_DEFL_GROUP_KEYRING)
		return -EINVAL;
	c = cred_dup(current->cred);
	if (!c)
		return -ENOMEM;
	c->reqkey_ring = (u32)want;
	task_set_cred(current, c);
	return old;
}

static long set_timeout(u64 *a)
{
	struct key_ref r;
	int err = key_lookup((int)a[0], true, KEY_SETATTR, true, &r);

	if (err)
		return err;
	err = key_state(r.key);
	if (!err)
		r.key->expiry = (u32)a[1] ? now() + (u32)a[1] : 0;
	key_put(r.key);
	return err;
}

/* No security module labels keys: the label is empty, with its end. */
static long get_security(u64 *a)
{
	struct key_ref r;
	long ret = key_lookup((int)a[0], false, KEY_VIEW, true, &r);

	if (ret)
		return ret;
	key_put(r.key);
	return give(a[1], a[2], "", 1);
}

static long invalidate(u64 *a)
{
	struct key_ref r;
	int err = key_lookup((int)a[0], false, KEY_SEARCH, false, &r);

	if (err)
		return err;
	key_invalidate(r.key);
	key_put(r.key);
	return 0;
}

/* Nobody is ever asked to make a key, so nobody has the right to fill one. */
static long no_authority(u64 *a)
{
	return -EPERM;
}

static long assume_authority(u64 *a)
{
	if ((int)a[0] < 0)
		return -EINVAL;
	return a[0] ? -ENOKEY : 0;
}

static long move_between(u64 *a, struct key *k)
{
	struct key_ref from, to;
	long err = key_lookup((int)a[1], false, KEY_WRITE, false, &from);

	if (err)
		return err;
	err = key_lookup((int)a[2], true, KEY_WRITE, false, &to);
	if (err)
		goto out;
	if (!key_is_ring(from.key) || !key_is_ring(to.key))
		err = -ENOTDIR;
	else if ((a[3] & KEYCTL_MOVE_EXCL) && ring_find(to.key, k->type, k->desc))
		err = -EEXIST;
	else if (from.key != to.key)
		err = ring_unlink(from.key, k) ?: ring_link(to.key, k);
	key_put(to.key);
out:
	key_put(from.key);
	return err;
}

static long move_key(u64 *a)
{
	struct key_ref r;
	long err;

	if (a[3] & ~(u64)KEYCTL_MOVE_EXCL)
		return -EINVAL;
	err = key_lookup((int)a[0], true, KEY_LINK, false, &r);
	if (err)
		return err;
	err = move_between(a, r.key);
	key_put(r.key);
	return err;
}

static long capabilities(u64 *a)
{
	static const u8 caps[] = { KEYCTL_CAPS0_CAPABILITIES | KEYCTL_CAPS0_BIG_KEY |
				   KEYCTL_CAPS0_INVALIDATE | KEYCTL_CAPS0_MOVE, 0 };
	int err = copy_to_user(a[0], caps, MIN(a[1], sizeof(caps)));

	return err ? err : (long)sizeof(caps);
}

static long (*const ops[])(u64 *a) = {
	[KEYCTL_GET_KEYRING_ID] = get_ring_id,
	[KEYCTL_JOIN_SESSION_KEYRING] = join_session,
	[KEYCTL_UPDATE] = update_key,
	[KEYCTL_REVOKE] = revoke_key,
	[KEYCTL_CHOWN] = chown_key,
	[KEYCTL_SETPERM] = set_perm,
	[KEYCTL_DESCRIBE] = describe,
	[KEYCTL_CLEAR] = clear_ring,
	[KEYCTL_LINK] = link_key,
	[KEYCTL_UNLINK] = unlink_key,
	[KEYCTL_SEARCH] = search_ring,
	[KEYCTL_READ] = read_key,
	[KEYCTL_INSTANTIATE] = no_authority,
	[KEYCTL_NEGATE] = no_authority,
	[KEYCTL_SET_REQKEY_KEYRING] = set_reqkey_ring,
	[KEYCTL_SET_TIMEOUT] = set_timeout,
	[KEYCTL_ASSUME_AUTHORITY] = assume_authority,
	[KEYCTL_GET_SECURITY] = get_security,
	[KEYCTL_REJECT] = no_authority,
	[KEYCTL_INSTANTIATE_IOV] = no_authority,
	[KEYCTL_INVALIDATE] = invalidate,
	[KEYCTL_MOVE] = move_key,
	[KEYCTL_CAPABILITIES] = capabilities,
};

long sys_keyctl(int option, uhex64_t a2, uhex64_t a3, uhex64_t a4, uhex64_t a5)
{
	u64 a[] = { a2, a3, a4, a5 };

	if (option < 0 || (size_t)option >= ARRAY_SIZE(ops) || !ops[option])
		return -EOPNOTSUPP;
	return ops[option](a);
}
