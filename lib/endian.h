/* SPDX-License-Identifier: MIT */
/*
 * Numbers in bytes from outside, whatever their alignment: le little endian, be big endian.
 */
#ifndef LIB_ENDIAN_H
#define LIB_ENDIAN_H

#include <string.h>

#include "lib/types.h"

static inline u16 get_le16(const void *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u32 get_le32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u64 get_le64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline u32 get_be32(const void *p)
{
	return __builtin_bswap32(get_le32(p));
}

static inline u64 get_be64(const void *p)
{
	return __builtin_bswap64(get_le64(p));
}

static inline void put_be32(void *p, u32 v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_be64(void *p, u64 v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

#endif
