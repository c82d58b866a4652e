/* SPDX-License-Identifier: MIT */
/*
 * Names that outlive a path: file handles. A handle is an inode's number and its generation; so an object that
 * took a deleted one's number is not mistaken for it. Which file systems find an inode by them: super_ops.by_number.
 */
#ifndef VFS_HANDLE_H
#define VFS_HANDLE_H

#include "vfs/vfs.h"

/* struct file_handle's contents as we make them; other systems' never have this type. */
#define FILE_HANDLE_TYPE 0x81		/* Linux's FILEID_INO64_GEN */
struct file_handle_k {
	u32 ino_lo, ino_hi, generation;
};

/* Of the inode at p. only_fid: it need not be found again by it. -EOPNOTSUPP: it could not. nb */
int handle_encode(const struct path *p, bool only_fid, struct file_handle_k *out);
/*
 * The object in the file system of anchor, as a path through anchor's mount (references). Names of directories
 * are found only while somebody uses them. -ESTALE: it is gone, or not known here. May block.
 */
int handle_decode(const struct path *anchor, const struct file_handle_k *h, struct path *out);

#endif
