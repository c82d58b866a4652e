/* SPDX-License-Identifier: MIT */
/* Bitmaps as they lie on disk: bit n is bit n % 8 of byte n / 8. */
#include "fs/ext4/priv.h"

#include <string.h>

bool ext4_test_bit(const void *map, u32 bit)
{
	return ((const u8 *)map)[bit / 8] >> (bit % 8) & 1;
}

void ext4_set_bit(void *map, u32 bit)
{
	((u8 *)map)[bit / 8] |= (u8)(1u << (bit % 8));
}

void ext4_clear_bit(void *map, u32 bit)
{
	((u8 *)map)[bit / 8] &= (u8) ~(1u << (bit % 8));
}

/* The first bit in [from, end) that is set in map ^ flip. Whole words where that is possible. */
static u32 find(const void *map, u32 from, u32 end, u64 flip)
{
	while (from < end) {
		u64 word;

		if (from % 64 || end - from < 64) {
			if (ext4_test_bit(map, from) ^ (flip & 1))
				return from;
			from++;
			continue;
		}
		memcpy(&word, (const u8 *)map + from / 8, sizeof(word));
		word ^= flip;
		if (word)
			return from + (u32)__builtin_ctzll(word);
		from += 64;
	}
	return end;
}

u32 ext4_find_zero(const void *map, u32 from, u32 end)
{
	return find(map, from, end, ~0ULL);
}

u32 ext4_find_set(const void *map, u32 from, u32 end)
{
	return find(map, from, end, 0);
}

void ext4_set_bits(void *map, u32 from, u32 n)
{
	for (; n && (from % 8 || n < 8); n--)
		ext4_set_bit(map, from++);
	memset((u8 *)map + from / 8, 0xff, n / 8);
	from += n / 8 * 8;
	for (n %= 8; n; n--)
		ext4_set_bit(map, from++);
}

void ext4_clear_bits(void *map, u32 from, u32 n)
{
	for (; n && (from % 8 || n < 8); n--)
		ext4_clear_bit(map, from++);
	memset((u8 *)map + from / 8, 0, n / 8);
	from += n / 8 * 8;
	for (n %= 8; n; n--)
		ext4_clear_bit(map, from++);
}
