/* SPDX-License-Identifier: MIT */
/* Kinds of advisory locks. */
#ifndef VFS_FLOCK_H
#define VFS_FLOCK_H

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };

#endif
