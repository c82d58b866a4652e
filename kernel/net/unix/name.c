/* SPDX-License-Identifier: MIT */
/*
 * Names of unix sockets. Abstract ones live in a hash here; a path makes a socket file, whose
 * inode points back to the socket for as long as it is bound.
 */
#include "net/unix/unix.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#define NBUCKETS 64
#define SUN_MAX ((int)sizeof(struct sockaddr_un))

static struct list_head buckets[NBUCKETS];

struct uname *uname_get(struct uname *n)
{
	if (n)
		ref_get(&n->ref);
	return n;
}

void uname_put(struct uname *n)
{
	if (n && ref_put(&n->ref))
		kfree(n);
}

static struct list_head *bucket_of(const u8 *bytes, int len)
{
	u32 h = 2166136261u;
	int i;

	if (!buckets[0].next)
		for (i = 0; i < NBUCKETS; i++)
			list_init(&buckets[i]);
	for (i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 16777619u;
	return &buckets[h % NBUCKETS];
}

static struct usock *abstract_find(const u8 *bytes, int len, int type)
{
	struct usock *u;

	list_for_each(u, bucket_of(bytes, len), hash_node)
		if (u->name->len == len && u->sk.type == type && !memcmp(u->name->bytes, bytes, len))
			return u;
	return NULL;
}

int unix_check_addr(const struct sockaddr_buf *a)
{
	if (a->len < UNIX_PATH_OFF || a->len > SUN_MAX || a->family != AF_UNIX_K)
		return -EINVAL;
	return 0;
}

static bool is_abstract(const struct sockaddr_buf *a)
{
	return a->len > UNIX_PATH_OFF && !a->bytes[UNIX_PATH_OFF];
}

/* The path of a sockaddr, terminated, into path[SUN_MAX]. */
static void addr_path(const struct sockaddr_buf *a, char *path)
{
	size_t n = a->len - UNIX_PATH_OFF;

	memcpy(path, a->bytes + UNIX_PATH_OFF, n);
	path[n] = '\0';
}

static struct uname *uname_new(const u8 *bytes, int len, bool abstract)
{
	struct uname *n = kzalloc(sizeof(*n));

	if (!n)
		return NULL;
	ref_init(&n->ref);
	n->len = len;
	n->abstract = abstract;
	memcpy(n->bytes, bytes, len);
	return n;
}

static int bind_abstract(struct usock *u, const u8 *bytes, int len)
{
	struct uname *n;

	if (abstract_find(bytes, len, u->sk.type))
		return -EADDRINUSE;
	n = uname_new(bytes, len, true);
	if (!n)
		return -ENOMEM;
	u->name = n;
	list_add_tail(&u->hash_node, bucket_of(bytes, len));
	return 0;
}

int unix_autobind(struct usock *u)
{
	static u32 next;
	u8 bytes[UNIX_PATH_OFF + 6] = { AF_UNIX_K, 0, 0 };
	char digits[8];
	int tries, err = -ENOSPC;

	if (u->name)
		return 0;
	for (tries = 0; tries < 0x100000; tries++) {
		snprintf(digits, sizeof(digits), "%05x", next++ & 0xfffff);
		memcpy(bytes + UNIX_PATH_OFF + 1, digits, 5);
		err = bind_abstract(u, bytes, sizeof(bytes));
		if (err != -EADDRINUSE)
			break;
	}
	return err;
}

static int bind_path(struct usock *u, const struct sockaddr_buf *a)
{
	char path[SUN_MAX + 1];
	struct uname *n;
	struct path p;
	int err;

	addr_path(a, path);
	n = uname_new(a->bytes, (int)(UNIX_PATH_OFF + strlen(path) + 1), false);
	if (!n)
		return -ENOMEM;
	err = vfs_mknod(AT_FDCWD, path, S_IFSOCK | 0777, 0);
	if (err == -EEXIST)
		err = -EADDRINUSE;
	if (!err)
		err = path_lookup(AT_FDCWD, path, 0, &p);
	if (err) {
		uname_put(n);
		return err;
	}
	if (u->name || !S_ISSOCK(p.dentry->inode->mode)) {
		err = -EINVAL;		/* another thread bound it, or replaced the file */
		uname_put(n);
	} else {
		u->name = n;
		u->inode = iget(p.dentry->inode);
		u->inode->sock = u;
	}
	path_put(&p);
	return err;
}

int unix_bind(struct sock *sk, const struct sockaddr_buf *a)
{
	struct usock *u = usk(sk);
	int err = unix_check_addr(a);

	if (err)
		return err;
	if (a->len == UNIX_PATH_OFF)
		return unix_autobind(u);
	if (u->name)
		return -EINVAL;
	if (is_abstract(a))
		return bind_abstract(u, a->bytes, a->len);
	return bind_path(u, a);
}

void unix_unbind(struct usock *u)
{
	struct inode *inode = u->inode;

	list_del_init(&u->hash_node);
	u->inode = NULL;
	if (!inode)
		return;
	if (inode->sock == u)
		inode->sock = NULL;
	iput(inode);
}

static int find_path(const struct sockaddr_buf *a, struct usock **out)
{
	char path[SUN_MAX + 1];
	struct inode *inode;
	struct path p;
	int err;

	addr_path(a, path);
	err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	inode = p.dentry->inode;
	err = inode_permission(inode, MAY_WRITE);
	if (!err && (!S_ISSOCK(inode->mode) || !inode->sock))
		err = -ECONNREFUSED;
	if (!err) {
		*out = inode->sock;
		sock_get(&(*out)->sk);
	}
	path_put(&p);
	return err;
}

int unix_find(const struct sockaddr_buf *a, int type, struct usock **out)
{
	struct usock *u = NULL;
	int err;

	if (a->len == UNIX_PATH_OFF)
		return -ECONNREFUSED;
	if (!is_abstract(a)) {
		err = find_path(a, &u);
		if (err)
			return err;
	} else {
		u = abstract_find(a->bytes, a->len, type);
		if (!u)
			return -ECONNREFUSED;
		sock_get(&u->sk);
	}
	if (u->sk.type != type) {
		sock_put(&u->sk);
		return -EPROTOTYPE;
	}
	*out = u;
	return 0;
}

void unix_copy_name(const struct uname *n, struct sockaddr_buf *out)
{
	if (!n) {
		out->len = UNIX_PATH_OFF;
		out->family = AF_UNIX_K;
		return;
	}
	out->len = n->len;
	memcpy(out->bytes, n->bytes, n->len);
}
