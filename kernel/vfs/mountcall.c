/* SPDX-License-Identifier: MIT */
/*
 * mount(2), umount2(2), pivot_root(2), chroot(2): the rules. The tree itself is mount.c, what peers and slaves
 * see of it propagate.c.
 */
#include "vfs/mount.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/sched.h"
#include "core/task.h"
#include "vfs/dcache.h"
#include "vfs/super.h"

#define MS_NOUSER_K (1u << 31)	/* the header shifts a signed 1 */
#define UMOUNT_FORCE 1
#define UMOUNT_DETACH 2
#define UMOUNT_EXPIRE 4
#define UMOUNT_NOFOLLOW_K 8

static bool is_dir(const struct dentry *d)
{
	return d->inode && S_ISDIR(d->inode->mode);
}

static bool is_mount_root(const struct path *p)
{
	return p->dentry == p->mnt->root;
}

/* What may hang where: both directories or neither. */
static int check_place(const struct path *at, const struct dentry *root)
{
	if (!mount_is_ours(at->mnt))
		return -EINVAL;
	if (d_unlinked(at->dentry) || !at->dentry->inode)
		return -ENOENT;
	/* Entries of /proc/PID/fd come and go. */
	if (at->dentry->inode->ops->follow)
		return -ENOENT;
	return is_dir(at->dentry) == is_dir(root) ? 0 : -ENOTDIR;
}

int mount_hang(struct mount *m, const struct path *at)
{
	int err = check_place(at, m->root);

	return err ? err : mount_attach(m, at);
}

int mount_add(struct mount *m, const struct path *at)
{
	if (at->mnt->sb == m->sb && is_mount_root(at) && at->mnt->root == m->root)
		return -EBUSY;
	return mount_hang(m, at);
}

static int do_new_mount(const char *source, const struct path *at, const char *type, u64 flags,
			const char *data)
{
	const struct fs_type *t;
	struct mount *m;
	int err;

	if (!type)
		return -EINVAL;
	t = fs_type_find(type);
	if (!t)
		return -ENODEV;
	if (!mount_is_ours(at->mnt))
		return -EINVAL;
	err = vfs_kern_mount(t, source, (u32)flags, data, &m);
	if (err)
		return err;
	err = mount_add(m, at);
	if (err)
		mntput(m);
	return err;
}

static int do_bind(const char *source, const struct path *at, bool rec)
{
	struct path from;
	struct mount *m;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = -EINVAL;
	if (from.mnt->unbindable)
		goto out;
	if (!mount_is_ours(at->mnt) || !mount_is_ours(from.mnt))
		goto out;
	err = mount_copy_tree(from.mnt, from.dentry, rec ? COPY_REC : 0, &m);
	if (err)
		goto out;
	err = mount_hang(m, at);
	if (err)
		mount_remove_tree(m);
out:
	path_put(&from);
	return err;
}

static void set_mount_flags(struct mount *m, u64 flags)
{
	u32 want = mount_flags_from_ms(flags);

	/* Without any word about access times they stay as they are. */
	if (!(flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		want = (want & ~(u32)MNT_ATIME_K) | (m->flags & MNT_ATIME_K);
	m->flags = want;
	mount_ns_changed(m->ns);
}

static int do_remount(const struct path *at, u64 flags, const char *data)
{
	int err;

	if (!is_mount_root(at) || !mount_is_ours(at->mnt))
		return -EINVAL;
	if ((flags & MS_BIND) && (flags & MS_RDONLY) && at->mnt->writers)
		return -EBUSY;
	if (!(flags & MS_BIND)) {
		err = super_remount(at->mnt->sb, (u32)flags, data);
		if (err)
			return err;
	}
	set_mount_flags(at->mnt, flags);
	return 0;
}

int mount_set_propagation(struct mount *top, u32 type, bool rec)
{
	struct mount *m;

	for (m = top; m; m = rec ? mount_next(m, top) : NULL)
		mount_set_type(m, type);
	mount_ns_changed(top->ns);
	return 0;
}

static int do_change_type(const struct path *at, u64 flags)
{
	u32 type = (u32)flags & MS_PROPAGATION_K;

	if ((flags & ~(u64)(MS_REC | MS_SILENT | MS_PROPAGATION_K)) || (type & (type - 1)))
		return -EINVAL;
	if (!is_mount_root(at))
		return -EINVAL;
	return mount_set_propagation(at->mnt, type, flags & MS_REC);
}

int mount_move(const struct path *from, const struct path *to)
{
	struct mount *m = from->mnt;
	LIST_HEAD(reach);
	int err;

	if (!is_mount_root(from) || !mount_is_ours(m) || m->parent == m)
		return -EINVAL;
	if (!mount_is_ours(to->mnt))
		return -EINVAL;
	if (is_dir(to->dentry) != is_dir(from->dentry) || m->parent->peer_group)
		return -EINVAL;
	if (d_unlinked(to->dentry))
		return -ENOENT;
	if (path_is_under(to, from))
		return -ELOOP;
	err = propagate_begin(m, to, &reach);
	if (err)
		return err;
	mount_cut(m);
	mount_join(m, to);
	mount_ns_changed(m->ns);
	propagate_end(to, &reach);
	return 0;
}

static int do_move(const char *source, const struct path *at)
{
	struct path from;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = mount_move(&from, at);
	path_put(&from);
	return err;
}

static int mount_dispatch(const char *source, const struct path *at, const char *type, u64 flags,
			  const char *data)
{
	if (flags & MS_REMOUNT)
		return do_remount(at, flags, data);
	if (flags & MS_BIND)
		return do_bind(source, at, flags & MS_REC);
	if (flags & MS_PROPAGATION_K)
		return do_change_type(at, flags);
	if (flags & MS_MOVE)
		return do_move(source, at);
	return do_new_mount(source, at, type, flags, data);
}

int vfs_mount(const char *source, const char *target, const char *type, u64 flags, const char *data)
{
	struct path at;
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(u64)MS_MGC_MSK;
	if (flags & MS_NOUSER_K)
		return -EINVAL;
	err = path_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &at);
	if (err)
		return err;
	if (!capable(CAP_SYS_ADMIN))
		err = -EPERM;
	else
		err = mount_dispatch(source, &at, type, flags, data);
	path_put(&at);
	return err;
}

/* How many references a mount has that nobody but the mount tree and one path holds. */
#define IDLE_REFS 2

static int umount_expire(struct mount *m, int flags)
{
	if (m == fs_ctx_current()->root.mnt || (flags & (UMOUNT_FORCE | UMOUNT_DETACH)))
		return -EINVAL;
	if (ref_read(&m->ref) > IDLE_REFS)
		return -EBUSY;
	return m->expiry_mark ? 0 : -EAGAIN;
}

static int do_umount(struct mount *m, int flags)
{
	LIST_HEAD(gone);
	int err;

	if (flags & UMOUNT_EXPIRE) {
		err = umount_expire(m, flags);
		if (err)
			return err;
	}
	/* The root stays, but may be made read-only: what shutdown scripts rely on. */
	if (m == fs_ctx_current()->root.mnt && !(flags & UMOUNT_DETACH)) {
		if (!(m->sb->flags & MS_RDONLY))
			return super_remount(m->sb, m->sb->flags | MS_RDONLY, NULL);
		return 0;
	}
	if (m->parent == m)
		return -EINVAL;
	if (!(flags & UMOUNT_DETACH) &&
	    (!list_empty(&m->children) || ref_read(&m->ref) > IDLE_REFS))
		return -EBUSY;
	if (!(flags & UMOUNT_DETACH) && propagate_busy(m))
		return -EBUSY;
	propagate_umount(m, &gone);
	mount_unlink_tree(m, &gone);
	mount_put_unlinked(&gone);
	return 0;
}

int vfs_umount(const char *target, int flags)
{
	u32 lookup = flags & UMOUNT_NOFOLLOW_K ? 0 : LOOKUP_FOLLOW;
	struct path at;
	struct mount *m;
	int err;

	if (flags & ~(UMOUNT_FORCE | UMOUNT_DETACH | UMOUNT_EXPIRE | UMOUNT_NOFOLLOW_K))
		return -EINVAL;
	err = path_lookup(AT_FDCWD, target, lookup, &at);
	if (err)
		return err;
	m = at.mnt;
	if (!capable(CAP_SYS_ADMIN))
		err = -EPERM;
	else if (!is_mount_root(&at) || !mount_is_ours(m))
		err = -EINVAL;
	else
		err = do_umount(m, flags);
	/* Our own path must not look like a use of the mount. */
	dput(at.dentry);
	if (err == -EAGAIN) {
		mntput(m);
		m->expiry_mark = true;
	} else {
		mntput(m);
	}
	return err;
}

/* Everyone who stood at the old root stands at the new one. */
static void move_tasks(const struct path *old, const struct path *new)
{
	struct process *p;
	struct task *t;

	list_for_each(p, &process_list, all_node) {
		list_for_each(t, &p->threads, thread_node) {
			struct fs_ctx *fs = t->fs;

			if (!fs)
				continue;
			if (fs->root.mnt == old->mnt && fs->root.dentry == old->dentry)
				fs_ctx_set_root(fs, new);
			if (fs->cwd.mnt == old->mnt && fs->cwd.dentry == old->dentry)
				fs_ctx_set_cwd(fs, new);
		}
	}
}

static int pivot_check(const struct path *new, const struct path *old, const struct path *root)
{
	if (!mount_is_ours(root->mnt) || !mount_is_ours(new->mnt) || !mount_is_ours(old->mnt))
		return -EINVAL;
	if (d_unlinked(new->dentry))
		return -ENOENT;
	if (new->mnt == root->mnt || old->mnt == root->mnt)
		return -EBUSY;
	if (!is_mount_root(root) || !is_mount_root(new) || new->mnt->parent == new->mnt)
		return -EINVAL;
	if (new->mnt->parent->peer_group || old->mnt->peer_group ||
	    (root->mnt->parent != root->mnt && root->mnt->parent->peer_group))
		return -EINVAL;
	if (!path_is_under(old, new) || !path_is_under(new, root))
		return -EINVAL;
	return 0;
}

/*
 * new takes root's place in the tree, root is put on old. Other than in Linux root may also be the
 * root of the namespace: there is no hidden rootfs below it here.
 */
static int do_pivot(const struct path *new, const struct path *old, const struct path *root)
{
	struct mount *nm = new->mnt, *rm = root->mnt;
	struct path place = { NULL, NULL };
	bool has_parent = rm->parent != rm;
	int err = pivot_check(new, old, root);

	if (err)
		return err;
	if (has_parent) {
		place.mnt = rm->parent;
		place.dentry = rm->mountpoint;
		path_get(&place);
		mount_cut(rm);
	}
	mount_cut(nm);
	if (has_parent) {
		mount_join(nm, &place);
		path_put(&place);
	} else {
		rm->ns->root = nm;
	}
	mount_join(rm, old);
	mount_ns_changed(nm->ns);
	move_tasks(root, new);
	return 0;
}

int vfs_pivot_root(const char *newroot, const char *putold)
{
	struct path new, old, root;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = path_lookup(AT_FDCWD, newroot, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (err)
		return err;
	err = path_lookup(AT_FDCWD, putold, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	if (err)
		goto put_new;
	root = fs_ctx_current()->root;
	path_get(&root);
	err = do_pivot(&new, &old, &root);
	path_put(&root);
	path_put(&old);
put_new:
	path_put(&new);
	return err;
}

int vfs_chroot(const char *name)
{
	struct path p;
	int err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (!err && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		fs_ctx_set_root(fs_ctx_current(), &p);
	path_put(&p);
	return err;
}
