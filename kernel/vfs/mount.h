/* SPDX-License-Identifier: MIT */
/*
 * The tree of mounts, as the files of vfs/ see it; everybody else uses vfs.h.
 *
 * References to a mount: one of its tree (that which mount_alloc() returned), one of each child,
 * one of each path. A tree ends by mount_remove_tree(), whether it was in a namespace or not.
 * Changes of the tree happen between blocking points; what they let go is put afterwards.
 */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

#include "vfs/vfs.h"

#define MNT_FLAGS_K (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | \
		     MS_RELATIME | MS_NOSYMFOLLOW_K)
#define MNT_ATIME_K (MS_NOATIME | MS_NODIRATIME | MS_RELATIME)
#define MS_NOSYMFOLLOW_K 256
#define MS_PROPAGATION_K (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* The mount on exactly this place. Returns borrowed, NULL. Never blocks. */
struct mount *mount_on(const struct path *p);
/* A mount of root (a dentry of sb), in no tree, one reference. NULL: no memory. Never blocks. */
struct mount *mount_alloc(struct super *sb, struct dentry *root, u32 flags, const char *source);
/*
 * Copies of m from dentry root down, in no namespace. COPY_REC: with its submounts. They are peers of what is shared and have
 * the same masters; or COPY_SLAVE: slaves of what they are copies of; COPY_SHARED: in groups of their own.
 */
enum { COPY_REC = 1, COPY_UNBINDABLE = 2, COPY_SLAVE = 4, COPY_SHARED = 8 };
int mount_copy_tree(struct mount *m, struct dentry *root, u32 flags, struct mount **out);
/*
 * Puts the tree top (in no tree so far; takes the reference) at p, in p's namespace, and copies where p's mount has peers
 * and slaves. 0 or errno.
 */
int mount_attach(struct mount *top, const struct path *p);
void mount_enter_ns(struct mount *top, struct mount_ns *ns);	/* with what is on it. nb */
/* Cuts m from its parent, whose reference is put; its subtree stays in its namespace list. */
void mount_cut(struct mount *m);
/* Joins m, cut before, to p. Never blocks. */
void mount_join(struct mount *m, const struct path *p);
/* m and everything on it leave their namespace and each other; their references are put. */
void mount_remove_tree(struct mount *m);
/* The same in two steps: nobody finds them any more (nb); their references are put (blocks). */
void mount_unlink_tree(struct mount *top, struct list_head *gone);
void mount_put_unlinked(struct list_head *gone);
/* Next in the subtree of top, depth first; NULL at the end. Never blocks. */
struct mount *mount_next(struct mount *m, const struct mount *top);
/* Is m in the current task's namespace? */
bool mount_is_ours(const struct mount *m);
/* Is p at or below root, over mounts? */
bool path_is_under(const struct path *p, const struct path *root);
void mount_ns_changed(struct mount_ns *ns);
/* A file with FMODE_UNMOUNT was closed: ends the tree of m unless it was put somewhere. May block. (fsapi.c) */
void mount_file_close(struct mount *m);
/* The part of the file system that m shows, into buf; *out: its start. nb (mountshow.c) */
int mount_root_text(const struct mount *m, char *buf, size_t n, char **out);
/* Default relatime and so on: mount(2) flags to a mount's flags. */
u32 mount_flags_from_ms(u64 ms);


/* mountcall.c, shared with fsapi.c. add takes m on success only. */
int mount_add(struct mount *m, const struct path *at);
int mount_hang(struct mount *m, const struct path *at);	/* also the same file system twice */
int mount_move(const struct path *from, const struct path *to);
int mount_set_propagation(struct mount *top, u32 type, bool rec);

/*
 * propagate.c: peers and slaves. Nothing of it blocks.
 *
 * A tree comes to at: begin makes copies for all whom at's mount reaches, with changes to top's types that fit; nothing is
 * to be seen yet. 0, -EINVAL (something unbindable), -ENOMEM. end puts them in place.
 */
int propagate_begin(struct mount *top, const struct path *at, struct list_head *reach);
void propagate_end(const struct path *at, struct list_head *reach);
/* top is about to go: what came elsewhere with it goes, too, into gone. busy: is any of that in use? */
void propagate_umount(struct mount *top, struct list_head *gone);
bool propagate_busy(struct mount *m);
/* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE. */
void mount_set_type(struct mount *m, u32 type);
/* c, fresh, is a copy of m: COPY_*. */
void mount_inherit_type(struct mount *c, struct mount *m, u32 flags);
u32 mount_type(const struct mount *m);		/* MS_* bits, as statmount(2) shows them */

#endif
