/* SPDX-License-Identifier: MIT */
/* mount flags, statfs. */
#ifndef ABI_MOUNT_H
#define ABI_MOUNT_H

#include <linux/mount.h>
#include <asm/statfs.h>
#include <linux/magic.h>

#endif
