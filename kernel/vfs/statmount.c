/* SPDX-License-Identifier: MIT */
/*
 * Mounts by number: statmount(2) and listmount(2).
 *
 * A reply is a structure and, behind it, strings; the structure has their offsets.
 */
#include "vfs/fsapi.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "core/cred.h"
#include "lib/alloc.h"
#include "lib/sort.h"
#include "vfs/mount.h"

/* One statmount(2) on its way. */
struct reply {
	const struct mount *m;
	struct path root;		/* the caller's; borrowed */
	struct statmount_k *sm;
	size_t used, room;		/* of strings */
};

/* --- what there is --- */

static int put_string(struct reply *r, const char *s, u32 *offset)
{
	size_t n = strlen(s) + 1;

	if (n > r->room - r->used)
		return -EOVERFLOW;
	memcpy(r->sm->str + r->used, s, n);
	*offset = (u32)r->used;
	r->used += n;
	return 0;
}

static int put_sb_basic(struct reply *r)
{
	struct path p = { (struct mount *)r->m, r->m->root };
	const struct super *sb = r->m->sb;
	struct statfs_k st;
	int err = vfs_statfs(&p, &st);

	r->sm->sb_dev_major = major_k(sb->dev);
	r->sm->sb_dev_minor = minor_k(sb->dev);
	r->sm->sb_magic = err ? 0 : st.type;
	r->sm->sb_flags = sb->flags & (MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME);
	return 0;
}

/* The tree's top hangs on itself, in Linux on a hidden mount: its parent is shown as itself. */
static int put_mnt_basic(struct reply *r)
{
	const struct mount *m = r->m;

	r->sm->mnt_id = m->unique_id;
	r->sm->mnt_parent_id = m->parent->unique_id;
	r->sm->mnt_id_old = (u32)m->id;
	r->sm->mnt_parent_id_old = (u32)m->parent->id;
	r->sm->mnt_attr = mount_attr_of(m);
	r->sm->mnt_propagation = mount_type(m);
	r->sm->mnt_peer_group = (u64)m->peer_group;
	r->sm->mnt_master = m->master ? (u64)m->master->peer_group : 0;
	return 0;
}

static int put_propagate_from(struct reply *r)
{
	const struct mount *m;

	if (!r->m->master)
		return 0;
	list_for_each(m, &r->m->ns->mounts, ns_node)
		if (m->peer_group == r->m->master->peer_group)
			r->sm->propagate_from = (u64)m->peer_group;
	return 0;
}

static int put_mnt_root(struct reply *r)
{
	char *buf = kmalloc(PATH_MAX), *text;
	int err = buf ? mount_root_text(r->m, buf, PATH_MAX, &text) : -ENOMEM;

	if (!err)
		err = put_string(r, text, &r->sm->mnt_root);
	kfree(buf);
	return err;
}

static int put_mnt_point(struct reply *r)
{
	struct path at = { (struct mount *)r->m, r->m->root };
	char *buf = kmalloc(PATH_MAX), *text = "";
	int err = buf ? 0 : -ENOMEM;

	if (!err && path_is_under(&at, &r->root))
		err = d_path_root(&at, &r->root, buf, PATH_MAX, &text);
	if (!err)
		err = put_string(r, text, &r->sm->mnt_point);
	kfree(buf);
	return err;
}

static int put_fs_type(struct reply *r)
{
	return put_string(r, r->m->sb->type->name, &r->sm->fs_type);
}

static int put_ns_id(struct reply *r)
{
	r->sm->mnt_ns_id = r->m->ns->id;
	return 0;
}

static int put_mnt_opts(struct reply *r)
{
	const struct super *sb = r->m->sb;
	struct seq_buf s = { 0 };
	int err;

	if (sb->ops && sb->ops->show_options)
		sb->ops->show_options((struct super *)sb, &s);
	if (s.overflow)
		err = -ENOMEM;
	else
		err = put_string(r, s.len ? s.buf + (*s.buf == ',') : "", &r->sm->mnt_opts);
	seq_free(&s);
	return err;
}

static int put_sb_source(struct reply *r)
{
	return put_string(r, r->m->source, &r->sm->sb_source);
}

static const struct {
	u32 bit;
	int (*put)(struct reply *r);
	bool string;
} parts[] = {
	{ STATMOUNT_SB_BASIC, put_sb_basic, false },
	{ STATMOUNT_MNT_BASIC, put_mnt_basic, false },
	{ STATMOUNT_PROPAGATE_FROM, put_propagate_from, false },
	{ STATMOUNT_MNT_ROOT, put_mnt_root, true },
	{ STATMOUNT_MNT_POINT, put_mnt_point, true },
	{ STATMOUNT_FS_TYPE, put_fs_type, true },
	{ STATMOUNT_MNT_NS_ID, put_ns_id, false },
	{ STATMOUNT_MNT_OPTS, put_mnt_opts, true },
	{ STATMOUNT_SB_SOURCE, put_sb_source, true },
};

/* --- which mount --- */

static struct mount *find(struct mount_ns *ns, u64 id)
{
	struct mount *m;

	list_for_each(m, &ns->mounts, ns_node)
		if (m->unique_id == id)
			return m;
	return NULL;
}

/* What a caller's root hides is shown to those only who may look everywhere. */
static bool may_see(const struct mount *m, const struct path *root)
{
	struct path at = { (struct mount *)m, m->root };

	return capable(CAP_SYS_ADMIN) || path_is_under(&at, root);
}

static int fill(struct reply *r, u64 mask)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(parts); i++) {
		if (!(mask & parts[i].bit))
			continue;
		err = parts[i].string && !r->room ? -EOVERFLOW : parts[i].put(r);
		r->sm->mask |= parts[i].bit;
	}
	r->sm->size = (u32)(sizeof(*r->sm) + r->used);
	return err;
}

int mount_stat(struct mount_ns *ns, u64 id, u64 mask, struct statmount_k *sm, size_t n)
{
	struct reply r = { .m = find(ns, id), .root = fs_ctx_current()->root, .sm = sm, .room = n };
	struct mount *m = (struct mount *)r.m;
	int err;

	if (!m)
		return -ENOENT;
	if (!may_see(m, &r.root))
		return -EPERM;
	memset(sm, 0, sizeof(*sm));
	/* A file system may block when it is asked; the mount must still be there then. */
	mntget(m);
	path_get(&r.root);
	err = fill(&r, mask);
	path_put(&r.root);
	mntput(m);
	return err;
}

/* --- lists --- */

static int by_number(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static int by_number_down(const void *a, const void *b)
{
	return by_number(b, a);
}

static bool is_behind(u64 id, u64 last, bool reverse)
{
	return !last || (reverse ? id < last : id > last);
}

ssize mount_list(struct mount_ns *ns, u64 id, u64 last, bool reverse, u64 **ids)
{
	struct path root = fs_ctx_current()->root, top = root, at;
	size_t n = 0, all = 0;
	struct mount *m;
	u64 *list;

	if (id != LSMT_ROOT) {
		top.mnt = find(ns, id);
		if (!top.mnt)
			return -ENOENT;
		top.dentry = top.mnt->root;
		if (!may_see(top.mnt, &root))
			return -EPERM;
	}
	list_for_each(m, &ns->mounts, ns_node)
		all++;
	list = kmalloc(all * sizeof(*list) + 1);
	if (!list)
		return -ENOMEM;
	list_for_each(m, &ns->mounts, ns_node) {
		at.mnt = m;
		at.dentry = m->root;
		if (m->unique_id != id && is_behind(m->unique_id, last, reverse) &&
		    path_is_under(&at, &top))
			list[n++] = m->unique_id;
	}
	qsort(list, n, sizeof(*list), reverse ? by_number_down : by_number);
	*ids = list;
	return (ssize)n;
}
