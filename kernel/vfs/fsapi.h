/* SPDX-License-Identifier: MIT */
/*
 * Mounts as objects: trees that a descriptor holds until they are put somewhere (open_tree, fsmount, move_mount), their
 * attributes (mount_setattr) and what is known of them by number (statmount, listmount).
 *
 * The caller of everything here has checked CAP_SYS_ADMIN where Linux asks for it. Paths are borrowed.
 */
#ifndef VFS_FSAPI_H
#define VFS_FSAPI_H

#include "vfs/vfs.h"

struct mount_attr;
struct statmount_k;

/* MOUNT_ATTR_* of one mount. *out: flags of a mount. -EINVAL: unknown ones, two times of access. nb */
int mount_attr_flags(u64 attr, u32 *out);
/* Takes m, a tree in no namespace: *out is a file that ends it unless it was put somewhere before. -ENOMEM. nb */
int mount_file(struct mount *m, struct file **out);
/* A copy of what is at p (with what is mounted below it). *out: the reference of its tree. -EINVAL, -ENOMEM */
int mount_clone_at(const struct path *p, bool rec, struct mount **out);
/* move_mount(2): a mount of this namespace, or the tree of a mount_file(). flags: MOVE_MOUNT_BENEATH, _SET_GROUP. */
int mount_place(const struct path *from, const struct path *to, u32 flags);

/* mount_setattr(2), on p and with rec all below. Nothing changes on error: -EINVAL, -EBUSY (files open for writing). nb */
int mount_attr_check(const struct mount_attr *a);
int mount_attr_apply(const struct path *p, const struct mount_attr *a, bool rec);
/* The attributes of m, the other way round; nb */
u64 mount_attr_of(const struct mount *m);

/*
 * statmount(2): fills in sm, which has room for n bytes of strings behind it. mask: STATMOUNT_*; in sm->mask what was
 * known. -ENOENT: no such mount; -EPERM: out of reach of the caller's root; -EOVERFLOW: strings do not fit.
 */
int mount_stat(struct mount_ns *ns, u64 id, u64 mask, struct statmount_k *sm, size_t n);
/*
 * listmount(2): numbers of the mounts below id (LSMT_ROOT: the caller's root, that itself, too), rising or with reverse
 * falling, those behind last (0: all). *ids: kfree() it. Number of them, -ENOENT, -EPERM, -ENOMEM. nb
 */
ssize mount_list(struct mount_ns *ns, u64 id, u64 last, bool reverse, u64 **ids);
/* By its number, NULL. A reference. nb */
struct mount_ns *mount_ns_find(u64 id);

#endif
