/* SPDX-License-Identifier: MIT */
/* ioctl encodings and file ioctls. */
#ifndef ABI_IOCTL_H
#define ABI_IOCTL_H

#include <asm/ioctl.h>
#include <linux/fs.h>
#include <linux/nsfs.h>

#endif
