/* SPDX-License-Identifier: MIT */
/*
 * Trees of mounts that a descriptor holds, where they are put, and attributes of mounts.
 *
 * Such a tree is in no namespace; its top is marked `floating`. Whoever puts it somewhere takes the mark and with
 * it the tree's reference; the file that still has it when it is closed ends the tree.
 */
#include "vfs/fsapi.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "vfs/dcache.h"
#include "vfs/mount.h"

/* --- trees in hand --- */

int mount_file(struct mount *m, struct file **out)
{
	struct path p = { m, m->root };
	int err = file_open_path(&p, O_PATH, out);

	if (err) {
		mount_remove_tree(m);
		return err;
	}
	m->floating = true;
	(*out)->mode |= FMODE_UNMOUNT;
	return 0;
}

void mount_file_close(struct mount *m)
{
	if (!m->floating)
		return;
	m->floating = false;
	mount_remove_tree(m);
}

static struct mount *top_of(struct mount *m)
{
	while (m->parent != m)
		m = m->parent;
	return m;
}

/* In this namespace, or in a tree that somebody holds. */
static bool may_use(const struct mount *m)
{
	return mount_is_ours(m) || top_of((struct mount *)m)->floating;
}

int mount_clone_at(const struct path *p, bool rec, struct mount **out)
{
	if (!may_use(p->mnt) || p->mnt->unbindable)
		return -EINVAL;
	return mount_copy_tree(p->mnt, p->dentry, rec ? COPY_REC : 0, out);
}

/* --- putting them somewhere --- */

static bool is_dir(const struct dentry *d)
{
	return d->inode && S_ISDIR(d->inode->mode);
}

static int check_from(const struct path *from)
{
	struct mount *m = from->mnt;

	if (from->dentry != m->root)
		return -EINVAL;
	if (m->floating)
		return 0;
	if (!mount_is_ours(m) || m->parent == m || m->parent->peer_group)
		return -EINVAL;
	return 0;
}

static int check_beneath(const struct path *from, const struct path *to)
{
	struct mount *top = to->mnt;

	if (to->dentry != top->root || !mount_is_ours(top) || top->parent == top)
		return -EINVAL;
	if (top == fs_ctx_current()->root.mnt || from->mnt == top)
		return -EINVAL;
	if (is_dir(from->dentry) != is_dir(top->mountpoint))
		return -EINVAL;
	return path_is_under(to, from) ? -ELOOP : 0;
}

static int place_beneath(const struct path *from, const struct path *to)
{
	struct path under = { from->mnt, from->mnt->root }, place;
	struct mount *top = to->mnt;
	int err = check_beneath(from, to);

	if (err)
		return err;
	place.mnt = top->parent;
	place.dentry = top->mountpoint;
	path_get(&place);
	mount_cut(top);
	if (from->mnt->floating) {
		from->mnt->floating = false;
		err = mount_attach(from->mnt, &place);
	} else {
		mount_cut(from->mnt);
		mount_join(from->mnt, &place);
	}
	mount_join(top, &under);
	mount_ns_changed(top->ns);
	path_put(&place);
	return err;
}

/* The group of from's mount becomes that of to's, which shows the same or less of the same file system. */
static int set_group(const struct path *from, const struct path *to)
{
	struct mount *f = from->mnt, *t = to->mnt;

	if (from->dentry != f->root || to->dentry != t->root)
		return -EINVAL;
	if (!mount_is_ours(f) || !mount_is_ours(t) || f->sb != t->sb)
		return -EINVAL;
	if ((!f->peer_group && !f->master) || t->peer_group || t->master)
		return -EINVAL;
	if (!d_is_below(t->root, f->root))
		return -EINVAL;
	mount_inherit_type(t, f, 0);
	mount_ns_changed(t->ns);
	return 0;
}

int mount_place(const struct path *from, const struct path *to, u32 flags)
{
	int err;

	if (flags & MOVE_MOUNT_SET_GROUP)
		return set_group(from, to);
	err = check_from(from);
	if (err)
		return err;
	if (flags & MOVE_MOUNT_BENEATH)
		return place_beneath(from, to);
	if (!from->mnt->floating)
		return mount_move(from, to);
	if (is_dir(from->dentry) != is_dir(to->dentry))
		return -EINVAL;
	err = mount_hang(from->mnt, to);
	if (!err)
		from->mnt->floating = false;
	return err;
}

/* --- attributes --- */

static const struct {
	u64 attr;
	u32 flag;
} attr_flags[] = {
	{ MOUNT_ATTR_RDONLY, MS_RDONLY },	{ MOUNT_ATTR_NOSUID, MS_NOSUID },
	{ MOUNT_ATTR_NODEV, MS_NODEV },		{ MOUNT_ATTR_NOEXEC, MS_NOEXEC },
	{ MOUNT_ATTR_NODIRATIME, MS_NODIRATIME }, { MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW_K },
};

static u64 known_attrs(void)
{
	u64 known = MOUNT_ATTR__ATIME;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attr_flags); i++)
		known |= attr_flags[i].attr;
	return known;
}

/* Of the attributes but the choice of access times. */
static u32 plain_flags(u64 attr)
{
	u32 flags = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attr_flags); i++)
		if (attr & attr_flags[i].attr)
			flags |= attr_flags[i].flag;
	return flags;
}

static int atime_flags(u64 attr, u32 *out)
{
	switch (attr & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_RELATIME:
		*out = MS_RELATIME;
		return 0;
	case MOUNT_ATTR_NOATIME:
		*out = MS_NOATIME;
		return 0;
	case MOUNT_ATTR_STRICTATIME:
		*out = 0;
		return 0;
	default:
		return -EINVAL;
	}
}

int mount_attr_flags(u64 attr, u32 *out)
{
	u32 atime;

	if ((attr & ~known_attrs()) || atime_flags(attr, &atime))
		return -EINVAL;
	*out = plain_flags(attr) | atime;
	return 0;
}

u64 mount_attr_of(const struct mount *m)
{
	u64 attr = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attr_flags); i++)
		if (m->flags & attr_flags[i].flag)
			attr |= attr_flags[i].attr;
	if (m->flags & MS_NOATIME)
		attr |= MOUNT_ATTR_NOATIME;
	else if (!(m->flags & MS_RELATIME))
		attr |= MOUNT_ATTR_STRICTATIME;
	return attr;
}

int mount_attr_check(const struct mount_attr *a)
{
	u64 both = a->attr_set | a->attr_clr;
	u32 atime;

	if ((both & ~known_attrs()) || (a->propagation & ~(u64)MS_PROPAGATION_K) ||
	    (a->propagation & (a->propagation - 1)))
		return -EINVAL;
	/* The access times are one choice of three: all of it is cleared, then one is set. */
	if (a->attr_clr & MOUNT_ATTR__ATIME)
		return (a->attr_clr & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME ?
		       atime_flags(a->attr_set, &atime) : -EINVAL;
	return a->attr_set & MOUNT_ATTR__ATIME ? -EINVAL : 0;
}

static u32 new_flags(const struct mount *m, const struct mount_attr *a)
{
	u32 flags = (m->flags & ~plain_flags(a->attr_clr)) | plain_flags(a->attr_set), atime = 0;

	if (!(a->attr_clr & MOUNT_ATTR__ATIME) || atime_flags(a->attr_set, &atime))
		return flags;
	return (flags & ~(u32)(MS_NOATIME | MS_RELATIME)) | atime;
}

int mount_attr_apply(const struct path *p, const struct mount_attr *a, bool rec)
{
	struct mount *top = p->mnt, *m;

	if (p->dentry != top->root || !may_use(top))
		return -EINVAL;
	for (m = top; m; m = rec ? mount_next(m, top) : NULL)
		if ((new_flags(m, a) & MS_RDONLY) && !(m->flags & MS_RDONLY) && m->writers)
			return -EBUSY;
	for (m = top; m; m = rec ? mount_next(m, top) : NULL)
		m->flags = new_flags(m, a);
	if (a->propagation)
		return mount_set_propagation(top, (u32)a->propagation, rec);
	mount_ns_changed(top->ns);
	return 0;
}
