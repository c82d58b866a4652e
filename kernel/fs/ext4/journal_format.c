/* SPDX-License-Identifier: MIT */
/*
 * jbd2's format: reading and writing of tags, and the checksums. Pure. Three generations of
 * checksums exist: v1, one sum in the commit block over all that came before (a compatible
 * feature); v2 and v3, one in each block and tag, which differ in the tag: v2 keeps 16 bits and,
 * by an old mistake of Linux, two bytes more than it needs.
 */
#include "fs/ext4/journal_format.h"

#include <string.h>

#include "lib/crc32c.h"
#include "lib/endian.h"

#define UUID_SIZE 16u
#define CSUM_SIZE 4u

static u32 get_be16(const u8 *p)
{
	return (u32)p[0] << 8 | p[1];
}

static void put_be16(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

bool jbd_header_ok(const void *block, u32 type, u32 sequence)
{
	const struct jbd_header *h = block;

	return h->magic == be32(JBD_MAGIC) && h->type == be32(type) &&
	       h->sequence == be32(sequence);
}

void jbd_header_set(void *block, u32 type, u32 sequence)
{
	struct jbd_header *h = block;

	h->magic = be32(JBD_MAGIC);
	h->type = be32(type);
	h->sequence = be32(sequence);
}

u32 jbd_tail(const struct jbd_layout *l)
{
	return jbd_has_csum(l) ? CSUM_SIZE : 0;
}

/* Without the UUID that may follow. */
static u32 tag_size(const struct jbd_layout *l)
{
	if (l->incompat & JBD_CSUM_V3)
		return 16;
	return 8 + (l->incompat & JBD_64BIT ? 4 : 0) + (l->incompat & JBD_CSUM_V2 ? 2 : 0);
}

u32 jbd_tags_max(const struct jbd_layout *l)
{
	u32 other = (u32)sizeof(struct jbd_header) + UUID_SIZE + jbd_tail(l);

	return (l->block_size - other) / tag_size(l);
}

u32 jbd_revoke_size(const struct jbd_layout *l)
{
	return l->incompat & JBD_64BIT ? 8 : 4;
}

u32 jbd_revokes_max(const struct jbd_layout *l)
{
	return (l->block_size - (u32)sizeof(struct jbd_revoke) - jbd_tail(l)) / jbd_revoke_size(l);
}

bool jbd_tag_read(const struct jbd_layout *l, const u8 *desc, u32 *pos, struct jbd_tag *t)
{
	const u8 *p = desc + *pos;
	u32 high = 0;

	if (*pos + tag_size(l) > l->block_size - jbd_tail(l))
		return false;
	if (l->incompat & JBD_CSUM_V3) {
		t->flags = get_be32(p + 4);
		t->csum = get_be32(p + 12);
	} else {
		t->csum = get_be16(p + 4);
		t->flags = get_be16(p + 6);
	}
	if (l->incompat & JBD_64BIT)
		high = get_be32(p + 8);
	t->block = (u64)high << 32 | get_be32(p);
	*pos += tag_size(l) + (t->flags & TAG_SAME_UUID ? 0 : UUID_SIZE);
	if (t->flags & TAG_LAST)
		*pos = l->block_size;
	return true;
}

void jbd_tag_write(const struct jbd_layout *l, u8 *desc, u32 *pos, const struct jbd_tag *t,
		   const u8 *uuid)
{
	u8 *p = desc + *pos;
	bool first = *pos == sizeof(struct jbd_header);
	u32 flags = t->flags | (first ? 0 : TAG_SAME_UUID);

	put_be32(p, (u32)t->block);
	if (l->incompat & JBD_CSUM_V3) {
		put_be32(p + 4, flags);
		put_be32(p + 12, t->csum);
	} else {
		put_be16(p + 4, l->incompat & JBD_CSUM_V2 ? t->csum & 0xffff : 0);
		put_be16(p + 6, flags);
	}
	if (l->incompat & JBD_64BIT)
		put_be32(p + 8, (u32)(t->block >> 32));
	*pos += tag_size(l);
	if (first) {
		memcpy(desc + *pos, uuid, UUID_SIZE);
		*pos += UUID_SIZE;
	}
}

u32 jbd_data_csum(const struct jbd_layout *l, u32 sequence, const void *data)
{
	u32 seq = be32(sequence);

	return crc32c(crc32c(l->seed, &seq, sizeof(seq)), data, l->block_size);
}

bool jbd_data_csum_ok(const struct jbd_layout *l, u32 sequence, const void *data,
		      const struct jbd_tag *t)
{
	u32 mask = l->incompat & JBD_CSUM_V3 ? ~0u : 0xffffu;

	return !jbd_has_csum(l) || !((jbd_data_csum(l, sequence, data) ^ t->csum) & mask);
}

/* The sum of a block in which the sum itself, at off, counts as zero. */
static u32 block_csum(const struct jbd_layout *l, const u8 *block, u32 off)
{
	static const u8 zero[CSUM_SIZE];
	u32 c = crc32c(l->seed, block, off);

	c = crc32c(c, zero, CSUM_SIZE);
	return crc32c(c, block + off + CSUM_SIZE, l->block_size - off - CSUM_SIZE);
}

static void csum_set(const struct jbd_layout *l, u8 *block, u32 off)
{
	if (jbd_has_csum(l))
		put_be32(block + off, block_csum(l, block, off));
}

static bool csum_ok(const struct jbd_layout *l, const u8 *block, u32 off)
{
	return !jbd_has_csum(l) || get_be32(block + off) == block_csum(l, block, off);
}

void jbd_tail_csum_set(const struct jbd_layout *l, u8 *block)
{
	csum_set(l, block, l->block_size - CSUM_SIZE);
}

bool jbd_tail_csum_ok(const struct jbd_layout *l, const u8 *block)
{
	return csum_ok(l, block, l->block_size - CSUM_SIZE);
}

void jbd_commit_csum_set(const struct jbd_layout *l, u8 *block)
{
	csum_set(l, block, offsetof(struct jbd_commit, chksum));
}

bool jbd_commit_csum_ok(const struct jbd_layout *l, const u8 *block)
{
	return csum_ok(l, block, offsetof(struct jbd_commit, chksum));
}

u32 jbd_super_csum(const struct jbd_super *s)
{
	static const u8 zero[CSUM_SIZE];
	const u8 *p = (const u8 *)s;
	u32 off = offsetof(struct jbd_super, checksum);
	u32 c = crc32c(~0u, p, off);

	c = crc32c(c, zero, CSUM_SIZE);
	return crc32c(c, p + off + CSUM_SIZE, JBD_SUPER_SIZE - off - CSUM_SIZE);
}

/* The other polynomial, most significant bit first. Only old journals have it: no table. */
u32 jbd_crc32(u32 crc, const void *data, size_t n)
{
	for (const u8 *p = data; n--; p++) {
		crc ^= (u32)*p << 24;
		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7u : 0);
	}
	return crc;
}
