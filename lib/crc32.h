/* SPDX-License-Identifier: MIT */
/*
 * CRC-32 of IEEE 802.3 (GPT, gzip, Ethernet).
 */
#ifndef LIB_CRC32_H
#define LIB_CRC32_H

#include "lib/types.h"

/* Of n more bytes; crc is 0 at the start, or what the call for the bytes before returned. */
u32 crc32_ieee(u32 crc, const void *p, size_t n);

#endif
