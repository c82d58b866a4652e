/* SPDX-License-Identifier: MIT */
/*
 * The hashes of indexed directories: a simple one of old times, four rounds of TEA, and half of
 * MD4. Each exists for signed and for unsigned characters, as machines once differed.
 */
#include "fs/ext4/priv.h"

#include <string.h>

enum {
	HASH_LEGACY,
	HASH_HALF_MD4,
	HASH_TEA,
	HASH_LEGACY_UNSIGNED,
	HASH_HALF_MD4_UNSIGNED,
	HASH_TEA_UNSIGNED
};

#define EOF_HASH 0x7fffffffu /* stands for the end of the directory in readdir positions */

static u32 rol(u32 x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static int char_at(const char *s, u32 i, bool is_unsigned)
{
	return is_unsigned ? (u8)s[i] : (signed char)s[i];
}

/* Up to n words of the name, padded with its length. */
static void to_words(const char *s, u32 len, u32 *words, u32 n, bool is_unsigned)
{
	u32 pad = len | len << 8, used = MIN(len, n * 4), word, i, w = 0;

	pad |= pad << 16;
	word = pad;
	for (i = 0; i < used; i++) {
		word = (u32)char_at(s, i, is_unsigned) + (word << 8);
		if (i % 4 == 3) {
			words[w++] = word;
			word = pad;
		}
	}
	if (w < n)
		words[w++] = word;
	while (w < n)
		words[w++] = pad;
}

static void tea(u32 state[4], const u32 in[4])
{
	u32 sum = 0, a = state[0], b = state[1];

	for (int i = 0; i < 16; i++) {
		sum += 0x9e3779b9;
		a += ((b << 4) + in[0]) ^ (b + sum) ^ ((b >> 5) + in[1]);
		b += ((a << 4) + in[2]) ^ (a + sum) ^ ((a >> 5) + in[3]);
	}
	state[0] += a;
	state[1] += b;
}

/* RFC 1320's three functions; each round takes the eight words in an order of its own. */
static u32 md4_function(int round, u32 x, u32 y, u32 z)
{
	if (round == 0)
		return (x & y) | (~x & z);
	if (round == 1)
		return (x & y) | (x & z) | (y & z);
	return x ^ y ^ z;
}

static void half_md4(u32 state[4], const u32 in[8])
{
	static const u8 order[3][8] = { { 0, 1, 2, 3, 4, 5, 6, 7 },
					{ 1, 3, 5, 7, 0, 2, 4, 6 },
					{ 3, 7, 2, 6, 1, 5, 0, 4 } };
	static const u8 shift[3][4] = { { 3, 7, 11, 19 }, { 3, 5, 9, 13 }, { 3, 9, 11, 15 } };
	static const u32 constant[3] = { 0, 0x5a827999, 0x6ed9eba1 };
	u32 v[4] = { state[0], state[1], state[2], state[3] };

	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 8; i++) {
			/* a, d, c, b take turns */
			int a = (4 - i % 4) % 4;
			u32 t = v[a] +
				md4_function(round, v[(a + 1) % 4], v[(a + 2) % 4],
					     v[(a + 3) % 4]) +
				in[order[round][i]] + constant[round];

			v[a] = rol(t, shift[round][i % 4]);
		}
	for (int i = 0; i < 4; i++)
		state[i] += v[i];
}

static u32 legacy(const char *s, u32 len, bool is_unsigned)
{
	u32 hash, h0 = 0x12a3fe2d, h1 = 0x37abe8f9;

	for (u32 i = 0; i < len; i++) {
		hash = h1 + (h0 ^ (u32)(char_at(s, i, is_unsigned) * 7152373));
		if (hash & 0x80000000)
			hash -= 0x7fffffff;
		h1 = h0;
		h0 = hash;
	}
	return h0 << 1;
}

int ext4_dirhash(const struct ext4 *fs, u8 version, const char *name, u32 len,
		 struct ext4_hash *out)
{
	u32 state[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, in[8];
	bool is_unsigned = version >= HASH_LEGACY_UNSIGNED;
	const u32 *seed = fs->hash_seed;

	if (seed[0] | seed[1] | seed[2] | seed[3])
		memcpy(state, seed, sizeof(state));
	out->minor = 0;
	switch (is_unsigned ? version - HASH_LEGACY_UNSIGNED : version) {
	case HASH_LEGACY:
		out->hash = legacy(name, len, is_unsigned);
		break;
	case HASH_HALF_MD4:
		for (u32 at = 0; at < len; at += 32) {
			to_words(name + at, len - at, in, 8, is_unsigned);
			half_md4(state, in);
		}
		out->hash = state[1];
		out->minor = state[2];
		break;
	case HASH_TEA:
		for (u32 at = 0; at < len; at += 16) {
			to_words(name + at, len - at, in, 4, is_unsigned);
			tea(state, in);
		}
		out->hash = state[0];
		out->minor = state[1];
		break;
	default:
		return -EINVAL;
	}
	out->hash &= ~1u;
	if (out->hash == EOF_HASH << 1)
		out->hash = (EOF_HASH - 1) << 1;
	return 0;
}

u8 ext4_new_dir_hash(const struct ext4 *fs)
{
	return fs->es->def_hash_version <= HASH_TEA ? fs->es->def_hash_version : HASH_HALF_MD4;
}
