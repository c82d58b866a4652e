/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C (Castagnoli) and CRC-16 (ANSI) as disk formats use them: the running value goes in and comes
 * out as it is, without the usual inversions. Pure, never blocks.
 */
#ifndef LIB_CRC32C_H
#define LIB_CRC32C_H

#include "lib/types.h"

u32 crc32c(u32 crc, const void *data, size_t n);
u16 crc16(u16 crc, const void *data, size_t n);

#endif
