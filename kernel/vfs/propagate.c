/* SPDX-License-Identifier: MIT */
/*
 * Mount propagation: what is mounted on one mount appears on its peers and slaves, and goes there, too.
 *
 * A shared mount is in a group, whose members (a ring, peers) get each other's mounts. A slave gets what its master's group
 * gets, and gives nothing back; it can be shared itself. Who is reached from a mount is collected in a list, groups of
 * masters before those of slaves: so the model for a slave's copy exists when its turn comes. A list and no
 * recursion, as a guest may make chains of any length.
 */
#include "vfs/mount.h"

#include "abi/errno.h"
#include "abi/mount.h"
#include "vfs/dcache.h"

static int last_group;

/* --- types --- */

static bool has_peers(const struct mount *m)
{
	return !list_empty(&m->peers);
}

static struct mount *next_peer(const struct mount *m)
{
	return list_entry(m->peers.next, struct mount, peers);
}

static void set_master(struct mount *m, struct mount *master)
{
	list_del_init(&m->slave_node);
	m->master = master;
	if (master)
		list_add_tail(&m->slave_node, &master->slaves);
}

/* m is shared no more. Its slaves get another peer as their master, or m's own one. Who that is, or NULL. */
static struct mount *leave_group(struct mount *m)
{
	struct mount *heir = has_peers(m) ? next_peer(m) : m->master;

	while (!list_empty(&m->slaves))
		set_master(list_first(&m->slaves, struct mount, slave_node), heir);
	list_del_init(&m->peers);
	m->peer_group = 0;
	return heir;
}

void mount_set_type(struct mount *m, u32 type)
{
	struct mount *heir;

	if (type != MS_SLAVE)	/* which leaves one unbindable that is so */
		m->unbindable = type == MS_UNBINDABLE;
	if (type == MS_SHARED) {
		if (!m->peer_group)
			m->peer_group = ++last_group;
		return;
	}
	heir = leave_group(m);
	set_master(m, type == MS_SLAVE ? heir : NULL);
}

void mount_inherit_type(struct mount *c, struct mount *m, u32 flags)
{
	c->unbindable = m->unbindable;
	if (flags & COPY_SLAVE) {
		set_master(c, m);
	} else {
		set_master(c, m->master);
		c->peer_group = m->peer_group;
		if (m->peer_group)
			list_add(&c->peers, &m->peers);
	}
	if ((flags & COPY_SHARED) && !c->peer_group)
		c->peer_group = ++last_group;
}

u32 mount_type(const struct mount *m)
{
	u32 type = (m->peer_group ? MS_SHARED : 0) | (m->master ? MS_SLAVE : 0) |
		   (m->unbindable ? MS_UNBINDABLE : 0);

	return type ? type : MS_PRIVATE;
}

/* --- who is reached --- */

static void add_group(struct mount *m, struct list_head *out)
{
	while (!m->reached) {
		m->reached = true;
		m->copy = NULL;
		list_add_tail(&m->reach, out);
		if (has_peers(m))
			m = next_peer(m);
	}
}

/* From m on, which comes first. */
static void collect(struct mount *m, struct list_head *out)
{
	struct mount *s;

	add_group(m, out);
	list_for_each(m, out, reach)
		list_for_each(s, &m->slaves, slave_node)
			add_group(s, out);
}

static struct mount *take(struct list_head *reach)
{
	struct mount *m = list_first(reach, struct mount, reach);

	list_del_init(&m->reach);
	m->reached = false;
	return m;
}

/* --- a tree comes --- */

/* A mount of m's group that has a copy already. */
static struct mount *copied_peer(struct mount *m)
{
	struct mount *p = m;

	do {
		if (p->reached && p->copy)
			return p;
		p = has_peers(p) ? next_peer(p) : m;
	} while (p != m);
	return NULL;
}

static int copy_for(struct mount *m)
{
	struct mount *model = copied_peer(m), *at = m;
	u32 flags = COPY_REC;

	while (!model && at->master) {
		at = at->master;
		model = copied_peer(at);
		flags = COPY_REC | COPY_SLAVE | (m->peer_group ? COPY_SHARED : 0);
	}
	return model ? mount_copy_tree(model->copy, model->copy->root, flags, &m->copy) : 0;
}

/* The tree's mounts are shared where they come to a shared one. order keeps those that were not. */
static int share_tree(struct mount *top, struct list_head *fresh)
{
	struct mount *m;

	for (m = top; m; m = mount_next(m, top))
		if (m->unbindable)
			return -EINVAL;
	for (m = top; m; m = mount_next(m, top)) {
		if (m->peer_group)
			continue;
		list_add_tail(&m->order, fresh);
		mount_set_type(m, MS_SHARED);
	}
	return 0;
}

static void end_sharing(struct list_head *fresh, bool undo)
{
	while (!list_empty(fresh)) {
		struct mount *m = list_first(fresh, struct mount, order);

		list_del_init(&m->order);
		if (undo)
			leave_group(m);
	}
}

/* Copies for all who see the place. Those in no namespace are on their way to one. */
static int copy_for_all(struct mount *top, const struct path *at, struct list_head *reach)
{
	struct mount *m;
	int err = 0;

	list_for_each(m, reach, reach) {
		if (m == at->mnt)
			m->copy = top;
		else if (m->ns && d_is_below(at->dentry, m->root))
			err = copy_for(m);
		if (err)
			break;
	}
	return err;
}

int propagate_begin(struct mount *top, const struct path *at, struct list_head *reach)
{
	LIST_HEAD(fresh);
	struct mount *m;
	int err;

	if (!at->mnt->peer_group)
		return 0;
	err = share_tree(top, &fresh);
	if (err)
		return err;
	collect(at->mnt, reach);
	err = copy_for_all(top, at, reach);
	while (err && !list_empty(reach)) {
		m = take(reach);
		if (m->copy && m->copy != top)
			mount_remove_tree(m->copy);
	}
	end_sharing(&fresh, err);
	return err;
}

/* What is mounted there already comes to lie on the new one. */
static void put_under(struct mount *c, struct mount *m, struct dentry *mountpoint)
{
	struct path place = { m, mountpoint }, over = { c, c->root };
	struct mount *old = mount_on(&place);

	if (old) {
		mntget(m);
		mount_cut(old);
	}
	mount_join(c, &place);
	mount_enter_ns(c, m->ns);
	if (old) {
		mount_join(old, &over);
		mntput(m);
	}
}

void propagate_end(const struct path *at, struct list_head *reach)
{
	while (!list_empty(reach)) {
		struct mount *m = take(reach);

		if (m != at->mnt && m->copy)
			put_under(m->copy, m, at->dentry);
	}
}

/* --- a tree goes --- */

static bool is_in(const struct mount *m, const struct mount *top)
{
	while (m != top && m->parent != m)
		m = m->parent;
	return m == top;
}

/* The only mount on m lies on all of it: it was there before m came. */
static struct mount *covering(const struct mount *m)
{
	struct mount *c = list_empty(&m->children) ? NULL : list_first(&m->children, struct mount, sibling);

	return c && c->sibling.next == &m->children && c->mountpoint == m->root ? c : NULL;
}

static struct mount *came_with(const struct mount *m, struct mount *receiver)
{
	struct path place = { receiver, m->mountpoint };

	return receiver == m->parent ? NULL : mount_on(&place);
}

static void remove_one(struct mount *c, struct list_head *gone)
{
	struct mount *over = covering(c);
	struct path place = { c->parent, c->mountpoint };

	if (over) {
		path_get(&place);
		mount_cut(over);
	}
	mount_unlink_tree(c, gone);
	if (over) {
		mount_join(over, &place);
		path_put(&place);
	}
}

static void umount_copies(struct mount *m, struct mount *top, struct list_head *gone)
{
	LIST_HEAD(reach);
	struct mount *r, *c;

	collect(m->parent, &reach);
	while (!list_empty(&reach)) {
		r = take(&reach);
		c = came_with(m, r);
		if (c && !is_in(c, top) && (list_empty(&c->children) || covering(c))) {
			/* It may be reached itself. */
			list_del_init(&c->reach);
			c->reached = false;
			remove_one(c, gone);
		}
	}
}

void propagate_umount(struct mount *top, struct list_head *gone)
{
	LIST_HEAD(order);
	struct mount *m;

	/* Children before parents. */
	for (m = top; m; m = mount_next(m, top))
		list_add(&m->order, &order);
	while (!list_empty(&order)) {
		m = list_first(&order, struct mount, order);
		list_del_init(&m->order);
		if (m->parent != m)
			umount_copies(m, top, gone);
	}
}

bool propagate_busy(struct mount *m)
{
	LIST_HEAD(reach);
	struct mount *c;
	bool busy = false;

	collect(m->parent, &reach);
	while (!list_empty(&reach)) {
		c = came_with(m, take(&reach));
		/* One that keeps what is on it stays, and so is in nobody's way. */
		if (c && list_empty(&c->children) && ref_read(&c->ref) > 1)
			busy = true;
	}
	return busy;
}
