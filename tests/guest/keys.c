/* SPDX-License-Identifier: MIT */
/* Keys and keyrings: add, find, read, rights, lives, quotas, inheritance. */
#include "test.h"
#include <linux/keyctl.h>
#include <pthread.h>

static long add(const char *type, const char *name, const char *data, int ring)
{
	return syscall(SYS_add_key, type, name, data, data ? strlen(data) : 0, ring);
}

static long ctl(int op, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static long request(const char *type, const char *name, const char *info, int ring)
{
	return syscall(SYS_request_key, type, name, info, ring);
}

static void need_keys(void)
{
	if (ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) < 0)
		SKIP("no keys here: %s", strerrorname_np(errno));
}

TEST(add_read_update)
{
	char b[16] = "";
	long k;

	need_keys();
	k = OK(add("user", "a", "one", KEY_SPEC_PROCESS_KEYRING));
	EQ(ctl(KEYCTL_READ, k, (long)b, sizeof(b), 0), 3);
	CHECK(!memcmp(b, "one", 3));
	EQ(ctl(KEYCTL_READ, k, 0, 0, 0), 3);
	memset(b, 0, sizeof(b));
	EQ(ctl(KEYCTL_READ, k, (long)b, 2, 0), 3);
	EQ(b[0], 0);
	EQ(add("user", "a", "three", KEY_SPEC_PROCESS_KEYRING), k);
	EQ(ctl(KEYCTL_READ, k, (long)b, sizeof(b), 0), 5);
	OK(ctl(KEYCTL_UPDATE, k, (long)"xy", 2, 0));
	EQ(ctl(KEYCTL_READ, k, (long)b, sizeof(b), 0), 2);
	CHECK(add("user", "b", "one", KEY_SPEC_PROCESS_KEYRING) != k);
}

TEST(add_errors)
{
	need_keys();
	ERR(add("user", "a", NULL, KEY_SPEC_PROCESS_KEYRING), EINVAL);
	ERR(add("nonsense", "a", "x", KEY_SPEC_PROCESS_KEYRING), ENODEV);
	ERR(add(".user", "a", "x", KEY_SPEC_PROCESS_KEYRING), EPERM);
	ERR(add("user", "", "x", KEY_SPEC_PROCESS_KEYRING), EINVAL);
	ERR(add("keyring", "r", "x", KEY_SPEC_PROCESS_KEYRING), EINVAL);
	ERR(add("logon", "noprefix", "x", KEY_SPEC_PROCESS_KEYRING), EINVAL);
	ERR(syscall(SYS_add_key, "user", "a", NULL, 5, KEY_SPEC_PROCESS_KEYRING), EFAULT);
	ERR(syscall(SYS_add_key, "user", "a", "x", 1 << 20, KEY_SPEC_PROCESS_KEYRING), EINVAL);
	ERR(syscall(SYS_add_key, BAD_PTR, "a", "x", 1, KEY_SPEC_PROCESS_KEYRING), EFAULT);
	ERR(add("user", "a", "x", 0), EINVAL);
	ERR(add("user", "a", "x", KEY_SPEC_GROUP_KEYRING), EINVAL);
	ERR(ctl(KEYCTL_READ, 2147483000, 0, 0, 0), ENOKEY);
	ERR(ctl(12345, 0, 0, 0, 0), EOPNOTSUPP);
	ERR(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0, 0), ENOKEY);
}

TEST(logon_keys_are_not_read)
{
	long k;

	need_keys();
	k = OK(add("logon", "service:me", "secret", KEY_SPEC_PROCESS_KEYRING));
	ERR(ctl(KEYCTL_READ, k, 0, 0, 0), EOPNOTSUPP);
}

TEST(keyrings_hold_keys)
{
	int ids[8] = { 0 };
	long r, s, k;

	need_keys();
	r = OK(add("keyring", "r", NULL, KEY_SPEC_PROCESS_KEYRING));
	s = OK(add("keyring", "s", NULL, r));
	k = OK(add("user", "deep", "x", s));
	EQ(ctl(KEYCTL_READ, s, (long)ids, sizeof(ids), 0), 4);
	EQ(ids[0], k);
	EQ(request("user", "deep", NULL, 0), k);
	EQ(ctl(KEYCTL_SEARCH, r, (long)"user", (long)"deep", 0), k);
	ERR(ctl(KEYCTL_SEARCH, r, (long)"user", (long)"none", 0), ENOKEY);
	ERR(ctl(KEYCTL_LINK, r, s, 0, 0), EDEADLK);
	ERR(ctl(KEYCTL_LINK, k, k, 0, 0), ENOTDIR);
	OK(ctl(KEYCTL_LINK, k, r, 0, 0));
	EQ(ctl(KEYCTL_READ, r, (long)ids, sizeof(ids), 0), 8);
	OK(ctl(KEYCTL_UNLINK, k, s, 0, 0));
	ERR(ctl(KEYCTL_UNLINK, k, s, 0, 0), ENOENT);
	OK(ctl(KEYCTL_CLEAR, r, 0, 0, 0));
	EQ(ctl(KEYCTL_READ, r, (long)ids, sizeof(ids), 0), 0);
	ERR(request("user", "deep", NULL, 0), ENOKEY);
}

TEST(ends_of_keys)
{
	long k, l, m;

	need_keys();
	k = OK(add("user", "revoked", "x", KEY_SPEC_PROCESS_KEYRING));
	l = OK(add("user", "expired", "x", KEY_SPEC_PROCESS_KEYRING));
	m = OK(add("user", "invalid", "x", KEY_SPEC_PROCESS_KEYRING));
	OK(ctl(KEYCTL_REVOKE, k, 0, 0, 0));
	ERR(ctl(KEYCTL_READ, k, 0, 0, 0), EKEYREVOKED);
	ERR(ctl(KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, (long)"user", (long)"revoked", 0), EKEYREVOKED);
	/* Another keyring that has no such key is believed rather. */
	ERR(request("user", "revoked", NULL, 0), ENOKEY);
	OK(ctl(KEYCTL_SET_TIMEOUT, l, 1, 0, 0));
	sleep_ms(1100);
	ERR(ctl(KEYCTL_READ, l, 0, 0, 0), EKEYEXPIRED);
	ERR(ctl(KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, (long)"user", (long)"expired", 0), EKEYEXPIRED);
	OK(ctl(KEYCTL_INVALIDATE, m, 0, 0, 0));
	ERR(request("user", "invalid", NULL, 0), ENOKEY);
}

TEST(rights)
{
	char b[128];
	long k;

	need_keys();
	k = OK(add("user", "r", "x", KEY_SPEC_PROCESS_KEYRING));
	OK(ctl(KEYCTL_DESCRIBE, k, (long)b, sizeof(b), 0));
	CHECK(strstr(b, ";3f010000;r"));
	OK(ctl(KEYCTL_SETPERM, k, 0x29000000, 0, 0));
	ERR(ctl(KEYCTL_UPDATE, k, (long)"y", 1, 0), EACCES);
	ERR(ctl(KEYCTL_SETPERM, k, 0x40000000, 0, 0), EINVAL);
	OK(ctl(KEYCTL_SETPERM, k, 0, 0, 0));
	ERR(ctl(KEYCTL_DESCRIBE, k, (long)b, sizeof(b), 0), EACCES);
}

static void *other_thread(void *arg)
{
	long own = ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0, 0);
	const long *ids = arg;

	EQ(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0, 0), ids[0]);
	return (void *)(long)(own > 0 && own != ids[1]);
}

TEST(who_inherits_which)
{
	long session, ids[2];
	pthread_t t;
	void *ok;

	need_keys();
	session = OK(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1, 0, 0));
	ids[0] = OK(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1, 0, 0));
	ids[1] = OK(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 1, 0, 0));
	ZERO(pthread_create(&t, NULL, other_thread, ids));
	ZERO(pthread_join(t, &ok));
	CHECK(ok);
	WAIT_EXIT(CHILD(EQ(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0), session);
			ERR(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0, 0), ENOKEY);
			ERR(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0, 0), ENOKEY)), 0);
}

TEST(move)
{
	long r, s, k;

	need_keys();
	r = OK(add("keyring", "r", NULL, KEY_SPEC_PROCESS_KEYRING));
	s = OK(add("keyring", "s", NULL, KEY_SPEC_PROCESS_KEYRING));
	k = OK(add("user", "k", "x", r));
	OK(ctl(KEYCTL_MOVE, k, r, s, 0));
	ERR(ctl(KEYCTL_UNLINK, k, r, 0, 0), ENOENT);
	OK(add("user", "k", "y", r));
	ERR(ctl(KEYCTL_MOVE, k, s, r, KEYCTL_MOVE_EXCL), EEXIST);
	ERR(ctl(KEYCTL_MOVE, k, s, r, 8), EINVAL);
	OK(ctl(KEYCTL_MOVE, k, s, r, 0));
}

TEST(requested_in_vain)
{
	need_keys();
	ERR(request("user", "guest-test-none", NULL, 0), ENOKEY);
	ERR(request("keyring", "guest-test-none", "info", 0), EPERM);
	ERR(request("nonsense", "x", NULL, 0), ENOKEY);
}

TEST(nothing_is_requested_into_a_closed_keyring)
{
	need_keys();
	OK(ctl(KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, 0x0b000000, 0, 0));
	OK(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_SESSION_KEYRING, 0, 0, 0));
	ERR(request("user", "guest-test-none", "info", 0), EACCES);
	EQ(ctl(KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, 0, 0, 0), 0);
}

/* A long chain goes without a trace, and without deep recursion. */
TEST(chains)
{
	long ring, top, next;
	char name[16];

	need_keys();
	top = ring = OK(add("keyring", "top", NULL, KEY_SPEC_PROCESS_KEYRING));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		next = OK(add("keyring", name, NULL, KEY_SPEC_PROCESS_KEYRING));
		OK(ctl(KEYCTL_SETPERM, next, 0x3f3f0000, 0, 0));
		OK(ctl(KEYCTL_LINK, next, ring, 0, 0));
		if (i)
			OK(ctl(KEYCTL_UNLINK, ring, KEY_SPEC_PROCESS_KEYRING, 0, 0));
		ring = next;
	}
	OK(ctl(KEYCTL_UNLINK, ring, KEY_SPEC_PROCESS_KEYRING, 0, 0));
	OK(ctl(KEYCTL_UNLINK, top, KEY_SPEC_PROCESS_KEYRING, 0, 0));
	UNTIL(ctl(KEYCTL_DESCRIBE, ring, 0, 0, 0) == -1);
}

TEST(quota)
{
	long k = 0;
	char name[16];
	int i;

	need_keys();
	if (!getuid()) {
		OK(setgid(54321));
		OK(setuid(54321));
	}
	OK(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
	for (i = 0; i < 2000 && k >= 0; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		k = add("user", name, "x", KEY_SPEC_SESSION_KEYRING);
	}
	EQ(k, -1);
	EQ(errno, EDQUOT);
}

TEST_MAIN("keys")
