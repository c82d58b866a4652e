/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: permission bits, capabilities, ownership, and the rules for changing
 * attributes (chmod, chown, utimes, truncate).
 */
#include "vfs/perm.h"

#include "abi/errno.h"
#include "abi/mount.h"
#include "abi/prctl.h"
#include "abi/stat.h"
#include "abi/xattr.h"
#include "core/cred.h"
#include "core/sysctl.h"
#include "vfs/file.h"

int mnt_want_write(const struct mount *m)
{
	return (m->flags & MS_RDONLY) || (m->sb->flags & MS_RDONLY) ? -EROFS : 0;
}

bool inode_owner_or_capable(const struct inode *inode)
{
	const struct cred *c = current_cred();

	return c->fsuid == inode->uid || cred_capable(c, CAP_FOWNER);
}

int generic_permission(struct inode *inode, u32 mask)
{
	const struct cred *c = current_cred();
	u32 mode = inode->mode;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if (c->fsuid == inode->uid)
		mode >>= 6;
	else if (cred_in_group(c, inode->gid))
		mode >>= 3;
	if (!(mask & ~mode & 7))
		return 0;
	if (S_ISDIR(inode->mode)) {
		if (!(mask & MAY_WRITE) && cred_capable(c, CAP_DAC_READ_SEARCH))
			return 0;
		return cred_capable(c, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (mask == MAY_READ && cred_capable(c, CAP_DAC_READ_SEARCH))
		return 0;
	/* Even root executes only what someone may execute. */
	if (!(mask & MAY_EXEC) || (inode->mode & S_IXUGO_K))
		if (cred_capable(c, CAP_DAC_OVERRIDE))
			return 0;
	return -EACCES;
}

int inode_permission(struct inode *inode, u32 mask)
{
	u32 m = inode->mode;

	if ((mask & MAY_WRITE) && inode->sb && (inode->sb->flags & MS_RDONLY) &&
	    (S_ISREG(m) || S_ISDIR(m) || S_ISLNK(m)))
		return -EROFS;
	if ((mask & MAY_WRITE) && (inode->fsflags & FS_IMMUTABLE_FL))
		return -EPERM;
	if (inode->ops->permission)
		return inode->ops->permission(inode, mask);
	return generic_permission(inode, mask);
}

int check_sticky(const struct inode *dir, const struct inode *inode)
{
	u32 fsuid = current_cred()->fsuid;

	if (!(dir->mode & S_ISVTX) || inode->uid == fsuid || dir->uid == fsuid)
		return 0;
	return capable(CAP_FOWNER) ? 0 : -EPERM;
}

int may_create(struct inode *dir)
{
	if (dir->dead)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

int may_delete(struct inode *dir, const struct dentry *victim, bool isdir)
{
	struct inode *inode = victim->inode;
	int err;

	if (!inode)
		return -ENOENT;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	err = check_sticky(dir, inode);
	if (err)
		return err;
	if ((dir->fsflags & FS_APPEND_FL) || inode_is_fixed(inode))
		return -EPERM;
	if (isdir && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	if (isdir && victim->parent == victim)
		return -EBUSY;
	if (!isdir && S_ISDIR(inode->mode))
		return -EISDIR;
	return dir->dead ? -ENOENT : 0;
}

static int may_chown(const struct inode *inode, const struct iattr *a)
{
	const struct cred *c = current_cred();

	if (cred_capable(c, CAP_CHOWN))
		return 0;
	if ((a->valid & ATTR_UID) && !(c->fsuid == inode->uid && a->uid == inode->uid))
		return -EPERM;
	if ((a->valid & ATTR_GID) && !(c->fsuid == inode->uid &&
				       (a->gid == inode->gid || cred_in_group(c, a->gid))))
		return -EPERM;
	return 0;
}

static int may_set_times(struct inode *inode, const struct iattr *a)
{
	u32 now = a->valid & (ATTR_ATIME_NOW | ATTR_MTIME_NOW);

	if (!(a->valid & (ATTR_ATIME | ATTR_MTIME)) && !now)
		return 0;
	if (a->valid & (ATTR_SIZE | ATTR_OPEN))
		return 0;
	if (inode_owner_or_capable(inode))
		return 0;
	/* Only "both are now" is open to everyone who may write. */
	if (now == (ATTR_ATIME_NOW | ATTR_MTIME_NOW))
		return inode_permission(inode, MAY_WRITE);
	return -EPERM;
}

bool mode_keeps_sgid(u32 gid)
{
	return cred_in_group(current_cred(), gid) || capable(CAP_FSETID);
}

/* Adds the loss of set-ID bits to a change of owner or size. */
static void drop_setid(const struct inode *inode, struct iattr *a)
{
	bool chown = a->valid & (ATTR_UID | ATTR_GID);
	u32 mode = a->valid & ATTR_MODE ? a->mode : inode->mode;
	u32 drop = mode & S_ISUID;

	if (!S_ISREG(inode->mode) && !(chown && !S_ISDIR(inode->mode)))
		return;
	if (!chown && capable(CAP_FSETID))
		return;
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || !mode_keeps_sgid(inode->gid)))
		drop |= S_ISGID;
	if (!drop)
		return;
	a->valid |= ATTR_MODE;
	a->mode = mode & ~drop & S_IALLUGO;
}

/* What chattr's flags forbid: all but setting both times to now on append-only files. */
static int may_change_fixed(const struct inode *inode, const struct iattr *a)
{
	u32 now = ATTR_ATIME_NOW | ATTR_MTIME_NOW;
	bool touch = a->valid == now;

	if (likely(!inode_is_fixed(inode)))
		return 0;
	return touch && !(inode->fsflags & FS_IMMUTABLE_FL) ? 0 : -EPERM;
}

static int change_prepare(struct inode *inode, struct iattr *a)
{
	int err = may_change_fixed(inode, a);

	if (!err)
		err = may_chown(inode, a);
	if (err)
		return err;
	err = may_set_times(inode, a);
	if (err)
		return err;
	if (a->valid & ATTR_MODE) {
		u32 gid = a->valid & ATTR_GID ? a->gid : inode->gid;

		if (!inode_owner_or_capable(inode))
			return -EPERM;
		a->mode &= S_IALLUGO;
		if ((a->mode & S_ISGID) && !mode_keeps_sgid(gid))
			a->mode &= ~S_ISGID;
	}
	return 0;
}

void inode_apply_attr(struct inode *inode, const struct iattr *a)
{
	struct ts_k now = inode_time(inode, current_ts());

	if (a->valid & ATTR_MODE)
		inode->mode = (inode->mode & S_IFMT) | (a->mode & S_IALLUGO);
	if (a->valid & ATTR_UID)
		inode->uid = a->uid;
	if (a->valid & ATTR_GID)
		inode->gid = a->gid;
	if (a->valid & ATTR_SIZE)
		inode->size = a->size;
	if (a->valid & ATTR_ATIME)
		inode->atime = inode_time(inode, a->atime);
	if (a->valid & ATTR_MTIME)
		inode->mtime = inode_time(inode, a->mtime);
	if (a->valid & ATTR_ATIME_NOW)
		inode->atime = now;
	if (a->valid & (ATTR_MTIME_NOW | ATTR_SIZE))
		inode->mtime = now;
	inode->ctime = now;
	inode_changed(inode);
}

static u32 change_event(const struct iattr *a)
{
	u32 times = a->valid & (ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_NOW | ATTR_MTIME_NOW);
	u32 event = 0;

	if (a->valid & ATTR_SIZE)
		event |= IN_MODIFY;
	else if (times || (a->valid & (ATTR_UID | ATTR_GID)))
		event |= IN_ATTRIB;
	if (a->valid & ATTR_MODE)
		event |= IN_ATTRIB;
	return event;
}

int notify_change(const struct path *p, const struct iattr *want)
{
	struct inode *inode = p->dentry->inode;
	struct iattr a = *want;
	int err;

	if (!inode)
		return -ENOENT;
	if (a.valid & ATTR_ATIME_NOW)
		a.valid &= ~ATTR_ATIME;
	if (a.valid & ATTR_MTIME_NOW)
		a.valid &= ~ATTR_MTIME;
	if (p->mnt && (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode) ||
		       !(a.valid & ATTR_SIZE))) {
		err = mnt_want_write(p->mnt);
		if (err)
			return err;
	}
	if ((a.valid & ATTR_MODE) && S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	err = change_prepare(inode, &a);
	if (err)
		return err;
	if (a.valid & (ATTR_UID | ATTR_GID | ATTR_SIZE))
		drop_setid(inode, &a);
	if (inode->ops->setattr) {
		err = inode->ops->setattr(inode, &a);
		if (err)
			return err;
	} else {
		inode_apply_attr(inode, &a);
	}
	if (a.valid & ATTR_MODE && a.mode & (S_ISUID | S_ISGID))
		served_revoke(inode);
	if (change_event(&a))
		notify_dentry(p->dentry, change_event(&a));
	return 0;
}

/* --- directories that everybody may write --- */

int may_follow_link(const struct inode *dir, const struct inode *link)
{
	const u32 open_to_all = S_ISVTX | S_IWOTH;

	if (!sysctl.protected_symlinks || current_cred()->fsuid == link->uid)
		return 0;
	if ((dir->mode & open_to_all) != open_to_all || dir->uid == link->uid)
		return 0;
	return -EACCES;
}

/* The setting that covers the kind of file: 0, 1, 2. Other kinds are always covered. */
static int protection(u32 mode)
{
	return S_ISREG(mode) ? sysctl.protected_regular : S_ISFIFO(mode) ? sysctl.protected_fifos : 1;
}

int may_open_in_sticky(u32 dir_mode, u32 dir_uid, const struct inode *inode)
{
	int level = protection(inode->mode);

	if (!(dir_mode & S_ISVTX) || !level)
		return 0;
	if (inode->uid == dir_uid || inode->uid == current_cred()->fsuid)
		return 0;
	if (dir_mode & S_IWOTH || (dir_mode & S_IWGRP && level >= 2))
		return -EACCES;
	return 0;
}

/* A name for it is harmless: no special file, none that gives rights, and one that could be changed anyway. */
static bool harmless_to_link(struct inode *inode)
{
	u32 mode = inode->mode;

	if (!S_ISREG(mode) || mode & S_ISUID || (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return false;
	return !inode_permission(inode, MAY_READ | MAY_WRITE);
}

int may_link_to(struct inode *inode)
{
	if (!sysctl.protected_hardlinks || inode_owner_or_capable(inode))
		return 0;
	return harmless_to_link(inode) ? 0 : -EPERM;
}
