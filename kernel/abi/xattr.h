/* SPDX-License-Identifier: MIT */
/* Extended attribute flags, inotify. */
#ifndef ABI_XATTR_H
#define ABI_XATTR_H

#include <linux/xattr.h>
#include <linux/inotify.h>

#endif
