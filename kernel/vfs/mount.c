/* SPDX-License-Identifier: MIT */
/*
 * The tree of mounts and mount namespaces. The system calls that change it are mountcall.c
 * (mount, umount, pivot_root) and fsapi.c (the newer ones).
 */
#include "vfs/mount.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/log.h"
#include "core/sched.h"
#include "lib/alloc.h"
#include "vfs/dcache.h"
#include "vfs/fsapi.h"

/* Those of statmount(2) begin where no number of /proc/PID/mountinfo can be. */
#define UNIQUE_ID_FIRST (1ull << 31)
static u64 last_unique_id = UNIQUE_ID_FIRST + 20;
static u64 last_ns_id;
static LIST_HEAD(all_ns);

void mntget(struct mount *m)
{
	ref_get(&m->ref);
}

void mntput(struct mount *m)
{
	if (!m)
		return;
	m->expiry_mark = false;
	if (!ref_put(&m->ref))
		return;
	BUG_ON(!list_empty(&m->children));
	dput(m->root);
	super_put(m->sb);
	kfree(m->source);
	kfree(m);
}

void mnt_count_writers(struct mount *m, int n)
{
	if (!m)
		return;
	m->writers += n;
	m->sb->writers += n;
}

struct mount *mount_alloc(struct super *sb, struct dentry *root, u32 flags, const char *source)
{
	struct mount *m = kzalloc(sizeof(*m));

	if (!m)
		return NULL;
	m->source = kstrdup(source ? source : "none");
	if (!m->source) {
		kfree(m);
		return NULL;
	}
	ref_init(&m->ref);
	ref_get(&sb->ref);
	m->sb = sb;
	m->root = dget(root);
	m->parent = m;
	m->flags = flags & MNT_FLAGS_K;
	m->unique_id = ++last_unique_id;
	m->id = (int)(m->unique_id & (UNIQUE_ID_FIRST - 1));
	m->detached = true;
	list_init(&m->peers);
	list_init(&m->slaves);
	list_init(&m->slave_node);
	list_init(&m->reach);
	list_init(&m->order);
	list_init(&m->ns_node);
	list_init(&m->children);
	list_init(&m->sibling);
	return m;
}

u32 mount_flags_from_ms(u64 ms)
{
	u32 flags = (u32)ms & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
			       MS_NODIRATIME | MS_NOSYMFOLLOW_K);

	if (!(ms & (MS_NOATIME | MS_STRICTATIME)))
		flags |= MS_RELATIME;
	if (ms & MS_STRICTATIME)
		flags &= ~(u32)(MS_NOATIME | MS_RELATIME);
	return flags;
}

int vfs_kern_mount(const struct fs_type *t, const char *source, u32 flags, const char *data,
		   struct mount **out)
{
	struct super *sb;
	struct mount *m;
	int err = t->mount(t, source, flags, data, &sb);

	if (err)
		return err;
	if (!sb->source && source)
		sb->source = kstrdup(source);
	m = mount_alloc(sb, sb->root, mount_flags_from_ms(flags), source ? source : t->name);
	super_put(sb);
	if (!m)
		return -ENOMEM;
	*out = m;
	return 0;
}

struct mount *mount_on(const struct path *p)
{
	struct mount *m;

	if (!p->dentry->nmounts)
		return NULL;
	list_for_each(m, &p->mnt->children, sibling)
		if (m->mountpoint == p->dentry)
			return m;
	return NULL;
}

struct mount *mount_next(struct mount *m, const struct mount *top)
{
	if (!list_empty(&m->children))
		return list_first(&m->children, struct mount, sibling);
	while (m != top) {
		struct mount *parent = m->parent;

		if (m->sibling.next != &parent->children)
			return list_entry(m->sibling.next, struct mount, sibling);
		m = parent;
	}
	return NULL;
}

void mount_join(struct mount *m, const struct path *p)
{
	mntget(p->mnt);
	m->parent = p->mnt;
	m->mountpoint = dget(p->dentry);
	m->mountpoint->nmounts++;
	list_add_tail(&m->sibling, &p->mnt->children);
}

/* Not found any more below its parent, which it still holds. */
static void unhang(struct mount *m)
{
	if (list_empty(&m->sibling))
		return;
	list_del_init(&m->sibling);
	m->mountpoint->nmounts--;
}

void mount_cut(struct mount *m)
{
	struct mount *parent = m->parent;
	struct dentry *mp = m->mountpoint;

	if (parent == m)
		return;
	unhang(m);
	m->parent = m;
	m->mountpoint = NULL;
	dput(mp);
	mntput(parent);
}

void mount_ns_changed(struct mount_ns *ns)
{
	if (!ns)
		return;
	ns->event++;
	wake_up_all(&ns->poll);
}

void mount_enter_ns(struct mount *top, struct mount_ns *ns)
{
	struct mount *m;

	for (m = top; m; m = mount_next(m, top)) {
		m->ns = ns;
		m->detached = false;
		list_add_tail(&m->ns_node, &ns->mounts);
	}
	mount_ns_changed(ns);
}

int mount_attach(struct mount *top, const struct path *p)
{
	struct mount_ns *ns = p->mnt->ns;
	LIST_HEAD(reach);
	int err;

	if (!ns)
		return -EINVAL;
	err = propagate_begin(top, p, &reach);
	if (err)
		return err;
	mount_join(top, p);
	mount_enter_ns(top, ns);
	propagate_end(p, &reach);
	return 0;
}

void mount_unlink_tree(struct mount *top, struct list_head *gone)
{
	struct mount_ns *ns = top->ns;
	struct mount *m;

	unhang(top);
	for (m = top; m; m = mount_next(m, top)) {
		list_del_init(&m->ns_node);
		list_add_tail(&m->ns_node, gone);
		m->ns = NULL;
		m->detached = true;
		mount_set_type(m, MS_PRIVATE);
	}
	mount_ns_changed(ns);
}

void mount_put_unlinked(struct list_head *gone)
{
	struct mount *m;

	/* Each is still held by the reference of its tree; children go before parents. */
	while (!list_empty(gone)) {
		m = list_last(gone, struct mount, ns_node);
		list_del_init(&m->ns_node);
		mount_cut(m);
		mntput(m);
	}
}

void mount_remove_tree(struct mount *top)
{
	LIST_HEAD(gone);

	mount_unlink_tree(top, &gone);
	mount_put_unlinked(&gone);
}

static struct mount *mount_clone(struct mount *m, struct dentry *root, u32 flags)
{
	struct mount *c = mount_alloc(m->sb, root, m->flags, m->source);

	if (c)
		mount_inherit_type(c, m, flags);
	return c;
}

/* Copies the children of m that hang below root onto copy, and theirs in turn. */
static int copy_children(struct mount *m, struct dentry *root, u32 flags, struct mount *copy)
{
	struct mount *child, *c;
	struct path at;
	int err;

	list_for_each(child, &m->children, sibling) {
		if (child->unbindable && !(flags & COPY_UNBINDABLE))
			continue;
		if (!d_is_below(child->mountpoint, root))
			continue;
		c = mount_clone(child, child->root, flags);
		if (!c)
			return -ENOMEM;
		at.mnt = copy;
		at.dentry = child->mountpoint;
		mount_join(c, &at);
		err = copy_children(child, child->root, flags, c);
		if (err)
			return err;
	}
	return 0;
}

int mount_copy_tree(struct mount *m, struct dentry *root, u32 flags, struct mount **out)
{
	struct mount *c = mount_clone(m, root, flags);
	int err = 0;

	if (!c)
		return -ENOMEM;
	if (flags & COPY_REC)
		err = copy_children(m, root, flags, c);
	if (err) {
		mount_remove_tree(c);
		return err;
	}
	*out = c;
	return 0;
}

bool mount_is_ours(const struct mount *m)
{
	struct fs_ctx *fs = fs_ctx_current();

	return fs && m->ns == fs->ns;
}

bool path_is_under(const struct path *p, const struct path *root)
{
	const struct mount *m = p->mnt;
	const struct dentry *d = p->dentry;

	while (m != root->mnt) {
		if (m->parent == m)
			return false;
		d = m->mountpoint;
		m = m->parent;
	}
	return d_is_below(d, root->dentry);
}

struct mount *mount_find_id(struct mount_ns *ns, int id)
{
	struct mount *m;

	list_for_each(m, &ns->mounts, ns_node)
		if (m->id == id)
			return m;
	return NULL;
}

/* Takes root's reference. */
struct mount_ns *mount_ns_new(struct mount *root)
{
	struct mount_ns *ns = kzalloc(sizeof(*ns));

	if (!ns)
		return NULL;
	ref_init(&ns->ref);
	list_init(&ns->mounts);
	wq_init(&ns->poll);
	ns->id = ++last_ns_id;
	list_add_tail(&ns->node, &all_ns);
	ns->root = root;
	mount_enter_ns(root, ns);
	return ns;
}

struct mount_ns *mount_ns_get(struct mount_ns *ns)
{
	ref_get(&ns->ref);
	return ns;
}

struct mount_ns *mount_ns_find(u64 id)
{
	struct mount_ns *ns;

	list_for_each(ns, &all_ns, node)
		if (ns->id == id)
			return mount_ns_get(ns);
	return NULL;
}

void mount_ns_put(struct mount_ns *ns)
{
	if (!ns || !ref_put(&ns->ref))
		return;
	list_del_init(&ns->node);
	mount_remove_tree(ns->root);
	kfree(ns);
}

/* The path in the copied tree that stands for p in the old one: same shape, walked in step. */
static void translate(struct path *p, struct mount *old, struct mount *new)
{
	struct mount *o = old, *n = new;
	struct path to;

	for (; o && n; o = mount_next(o, old), n = mount_next(n, new)) {
		if (o != p->mnt)
			continue;
		to.mnt = n;
		to.dentry = p->dentry;
		path_get(&to);
		path_put(p);
		*p = to;
		return;
	}
}

int mount_ns_unshare(struct fs_ctx *fs)
{
	struct mount_ns *old = fs->ns, *ns;
	struct mount *root;
	int err = mount_copy_tree(old->root, old->root->root, COPY_REC | COPY_UNBINDABLE, &root);

	if (err)
		return err;
	ns = mount_ns_new(root);
	if (!ns) {
		mount_remove_tree(root);
		return -ENOMEM;
	}
	translate(&fs->root, old->root, root);
	translate(&fs->cwd, old->root, root);
	fs->ns = ns;
	mount_ns_put(old);
	return 0;
}
