/* SPDX-License-Identifier: MIT */
/*
 * Device numbers as guest programs see them: Linux's new_encode_dev().
 */
#ifndef LIB_DEVNUM_H
#define LIB_DEVNUM_H

#include "lib/types.h"

static inline u32 makedev_k(u32 major, u32 minor)
{
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

static inline u32 major_k(u32 dev)
{
	return (dev & 0xfff00) >> 8;
}

static inline u32 minor_k(u32 dev)
{
	return (dev & 0xff) | ((dev >> 12) & 0xfff00);
}

#endif
