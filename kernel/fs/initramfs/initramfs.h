/* SPDX-License-Identifier: MIT */
/*
 * Unpacking of initramfs images.
 */
#ifndef FS_INITRAMFS_INITRAMFS_H
#define FS_INITRAMFS_INITRAMFS_H

#include "lib/types.h"

/*
 * Unpacks newc cpio archives (one after another, each plain, gzip, xz, zstd, or lz4 -l) into the current root. 0;
 * -EINVAL: not an archive or cut short; what came before the fault stays. May block; runs as a task.
 */
int initramfs_unpack(const void *data, size_t len);

#endif
