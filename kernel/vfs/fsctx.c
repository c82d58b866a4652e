/* SPDX-License-Identifier: MIT */
/*
 * What a process sees of the file system: root, working directory, umask, mount namespace.
 * Shared between tasks with CLONE_FS.
 */
#include "vfs/vfs.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

static struct fs_ctx *boot_ctx;

struct fs_ctx *fs_ctx_new(struct mount_ns *ns, const struct path *root)
{
	struct fs_ctx *c = kzalloc(sizeof(*c));

	if (!c)
		return NULL;
	ref_init(&c->ref);
	c->ns = mount_ns_get(ns);
	c->root = *root;
	path_get(&c->root);
	c->cwd = *root;
	path_get(&c->cwd);
	c->umask = 022;
	return c;
}

struct fs_ctx *fs_ctx_get(struct fs_ctx *c)
{
	ref_get(&c->ref);
	return c;
}

struct fs_ctx *fs_ctx_dup(const struct fs_ctx *c)
{
	struct fs_ctx *n = fs_ctx_new(c->ns, &c->root);

	if (!n)
		return NULL;
	fs_ctx_set_cwd(n, &c->cwd);
	n->umask = c->umask;
	return n;
}

void fs_ctx_put(struct fs_ctx *c)
{
	if (!c || !ref_put(&c->ref))
		return;
	path_put(&c->cwd);
	path_put(&c->root);
	mount_ns_put(c->ns);
	kfree(c);
}

struct fs_ctx *fs_ctx_current(void)
{
	struct task *t = current_task();

	return t && t->fs ? t->fs : boot_ctx;
}

void fs_ctx_set_boot(struct fs_ctx *c)
{
	boot_ctx = c;
}

static void replace(struct path *where, const struct path *p)
{
	struct path old = *where;

	*where = *p;
	path_get(where);
	path_put(&old);
}

void fs_ctx_set_cwd(struct fs_ctx *c, const struct path *p)
{
	replace(&c->cwd, p);
}

void fs_ctx_set_root(struct fs_ctx *c, const struct path *p)
{
	replace(&c->root, p);
}

int vfs_chdir(const struct path *p)
{
	struct inode *inode = p->dentry->inode;
	int err;

	if (!inode || !S_ISDIR(inode->mode))
		return -ENOTDIR;
	err = inode_permission(inode, MAY_EXEC);
	if (!err)
		fs_ctx_set_cwd(fs_ctx_current(), p);
	return err;
}
