/* SPDX-License-Identifier: MIT */
/*
 * Permission rules that the name operations share; everybody else uses vfs.h.
 */
#ifndef VFS_PERM_H
#define VFS_PERM_H

#include "abi/ioctl.h"
#include "vfs/vfs.h"

#define S_IXUGO_K 0111

/* May an entry be made in dir / victim be removed from it? 0 or negative errno. May block. */
int may_create(struct inode *dir);
int may_delete(struct inode *dir, const struct dentry *victim, bool isdir);
/* -EPERM when dir is sticky and the object is someone else's. Never blocks. */
int check_sticky(const struct inode *dir, const struct inode *inode);
/*
 * What the fs.protected_* settings forbid in directories that everybody may write (all nb, but may_link_to()). 0, or:
 * -EACCES: follow link, found in dir; open with O_CREAT what exists in a directory of that mode and owner.
 * -EPERM: a new name for somebody else's file. May block.
 */
int may_follow_link(const struct inode *dir, const struct inode *link);
int may_open_in_sticky(u32 dir_mode, u32 dir_uid, const struct inode *inode);
int may_link_to(struct inode *inode);
/* Immutable or append-only: neither its names nor its attributes change. */
static inline bool inode_is_fixed(const struct inode *i)
{
	return i->fsflags & (FS_IMMUTABLE_FL | FS_APPEND_FL);
}
/* May the current task keep a set-group-ID bit for this group? Never blocks. */
bool mode_keeps_sgid(u32 gid);

#endif
