/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C with the processor's instruction where there is one (every x86-64 since 2008), else with
 * a table of 256 entries that is made at the first use.
 */
#include "lib/crc32c.h"

#include <string.h>

#define POLY32C 0x82f63b78u		/* reversed */
#define POLY16 0xa001u

static u32 table[256];
static u32 (*implementation)(u32 crc, const u8 *p, size_t n);

static u32 by_table(u32 crc, const u8 *p, size_t n)
{
	while (n--)
		crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

__attribute__((target("sse4.2"))) static u32 by_instruction(u32 crc, const u8 *p, size_t n)
{
	u64 c = crc, word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	crc = (u32)c;
	while (n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

static bool have_instruction(void)
{
	u32 a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c & (1u << 20);		/* SSE4.2 */
}

static u32 choose(u32 crc, const u8 *p, size_t n)
{
	for (u32 i = 0; i < 256; i++) {
		u32 v = i;

		for (int bit = 0; bit < 8; bit++)
			v = (v >> 1) ^ (v & 1 ? POLY32C : 0);
		table[i] = v;
	}
	if (have_instruction())
		implementation = by_instruction;
	else
		implementation = by_table;
	return implementation(crc, p, n);
}

static u32 (*implementation)(u32 crc, const u8 *p, size_t n) = choose;

u32 crc32c(u32 crc, const void *data, size_t n)
{
	return implementation(crc, data, n);
}

u16 crc16(u16 crc, const void *data, size_t n)
{
	const u8 *p = data;

	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = (u16)((crc >> 1) ^ (crc & 1 ? POLY16 : 0));
	}
	return crc;
}
