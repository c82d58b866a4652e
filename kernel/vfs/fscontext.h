/* SPDX-License-Identifier: MIT */
/*
 * A file system on its way to be mounted or changed: what fsopen(2) and fspick(2) return.
 *
 * Parameters are collected as the text of mount(2)'s data and given to the type's mount() or
 * remount() at once; so a bad one is found then, as in Linux's file systems without an
 * interface of their own.
 */
#ifndef VFS_FSCONTEXT_H
#define VFS_FSCONTEXT_H

#include "vfs/vfs.h"

struct fs_context;

/* fsopen: a new superblock of t. fspick: changes of the one below p. *out: a reference. nb */
int fs_context_new(const struct fs_type *t, struct file **out);
int fs_context_pick(const struct path *p, struct file **out);
/* Of f; NULL: f is something else. Borrowed, as long as f. nb */
struct fs_context *fs_context_of(struct file *f);

/*
 * One parameter. FS_VALUE_NONE: a flag; TEXT: key=value; OBJECT: a path, descriptor or bytes, which only the flags that
 * every superblock has take (and ignore). -EBUSY: not now, -EINVAL: a comma in it, too long. nb
 */
enum fs_value { FS_VALUE_NONE, FS_VALUE_TEXT, FS_VALUE_OBJECT };
int fs_context_set(struct fs_context *fc, const char *key, enum fs_value kind, const char *value);
/* Makes the superblock; changes it. -EBUSY: not the time for it; then what the type says. May block. */
int fs_context_create(struct fs_context *fc);
int fs_context_reconfigure(struct fs_context *fc);
/* Its mount, once, in no tree; mnt_flags: of a mount. *out: the reference of its tree. nb */
int fs_context_mount(struct fs_context *fc, u32 mnt_flags, struct mount **out);

#endif
