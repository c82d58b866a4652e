/* SPDX-License-Identifier: MIT */
/*
 * Checksums of ext4's metadata, written anew after a mutation, so that it gets past them. Written for itself and not
 * with the kernel's functions, which check what they sum: here anything may be summed.
 */
#include <string.h>

#include "lib/crc32c.h"
#include "tests/fuzz/ext_map.h"

typedef void fix_fn(const struct ext_map *m, u8 *image, const struct ext_item *it);

static u32 inode_seed(const struct ext_map *m, const u8 *image, u32 ino)
{
	u32 at = ext_inode_at(m, image, ino), generation = 0;

	if (at)
		memcpy(&generation, image + at + offsetof(struct ext4_raw_inode, generation), 4);
	return crc32c(crc32c(m->seed, &ino, 4), &generation, 4);
}

/* With the n bytes at `hole` taken for zeroes. */
static u32 sum_around(u32 c, const u8 *p, size_t len, size_t hole, size_t n)
{
	static const u8 zeroes[4];

	c = crc32c(c, p, hole);
	c = crc32c(c, zeroes, n);
	return crc32c(c, p + hole + n, len - hole - n);
}

static void put32(u8 *p, u32 v)
{
	memcpy(p, &v, 4);
}

static void put16(u8 *p, u32 v)
{
	memcpy(p, &v, 2);
}

static void fix_super(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	put32(image + it->off + offsetof(struct ext4_sb, checksum),
	      crc32c(~0u, image + it->off, offsetof(struct ext4_sb, checksum)));
}

static void fix_desc(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	const size_t at = offsetof(struct ext4_desc, checksum);
	u8 *p = image + it->off;
	u16 c;

	if (m->csum) {
		put16(p + at, sum_around(crc32c(m->seed, &it->nr, 4), p, m->desc_size, at, 2));
		return;
	}
	c = crc16(0xffff, image + EXT4_SB_OFFSET + offsetof(struct ext4_sb, uuid), 16);
	c = crc16(crc16(c, &it->nr, 4), p, at);
	put16(p + at, m->desc_size > 32 ? crc16(c, p + at + 2, m->desc_size - at - 2) : c);
}

static void fix_bitmap(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	bool blocks = it->kind == EXT_BLOCK_BITMAP;
	struct ext_item desc = { .off = m->desc_at + it->nr * m->desc_size, .nr = it->nr };
	struct ext4_desc *d = (void *)(image + desc.off);
	u32 c = crc32c(m->seed, image + it->off, (blocks ? m->blocks_per_group : m->inodes_per_group) / 8);

	*(blocks ? &d->block_csum_lo : &d->inode_csum_lo) = (u16)c;
	if (m->desc_size >= 64)
		*(blocks ? &d->block_csum_hi : &d->inode_csum_hi) = (u16)(c >> 16);
	fix_desc(m, image, &desc);
}

static void fix_inode(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	const size_t lo = offsetof(struct ext4_raw_inode, csum_lo), hi = offsetof(struct ext4_raw_inode, csum_hi);
	u8 copy[EXT4_MAX_BLOCK];
	struct ext4_raw_inode *r = (void *)copy;
	bool wide = m->inode_size > EXT4_GOOD_OLD_INODE;
	u32 c;

	memcpy(copy, image + it->off, m->inode_size);
	wide = wide && r->extra_isize >= 4;
	put16(copy + lo, 0);
	if (wide)
		put16(copy + hi, 0);
	c = crc32c(inode_seed(m, image, it->nr), copy, m->inode_size);
	put16(image + it->off + lo, c);
	if (wide)
		put16(image + it->off + hi, c >> 16);
}

static void fix_extents(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	const struct ext4_eh *eh = (const void *)(image + it->off);
	u32 at = (u32)sizeof(*eh) * (1u + eh->max);

	if (at + 4 <= it->len)
		put32(image + it->off + at, crc32c(inode_seed(m, image, it->nr), eh, at));
}

static void fix_dir(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	u32 at = it->len - (u32)sizeof(struct ext4_dir_tail);

	put32(image + it->off + it->len - 4, crc32c(inode_seed(m, image, it->nr), image + it->off, at));
}

static void fix_dx(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	u8 *p = image + it->off;
	bool node = ((const struct ext4_dirent *)p)->rec_len == m->block_size;
	u32 at = node ? EXT4_DX_NODE_ENTRIES : EXT4_DX_ROOT_INFO + (u32)sizeof(struct ext4_dx_info), c;
	const struct ext4_dx_countlimit *cl = (const void *)(p + at);
	u32 end = at + 8u * cl->count, tail = at + 8u * cl->limit;

	if (end > it->len || tail + 8 > it->len)
		return;
	c = crc32c(inode_seed(m, image, it->nr), p, end);
	put32(p + tail + 4, sum_around(c, p + tail, 8, 4, 4));
}

static void fix_xattr(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	const size_t at = offsetof(struct ext4_xattr_header, csum);
	u64 block = it->off / m->block_size;

	put32(image + it->off + at, sum_around(crc32c(m->seed, &block, 8), image + it->off, it->len, at, 4));
}

static void fix_orphans(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	u64 block = it->off / m->block_size;
	u32 seed = crc32c(inode_seed(m, image, it->nr), &block, 8);

	put32(image + it->off + it->len - 4, crc32c(seed, image + it->off, it->len - 8));
}

/* --- the journal: always summed when its superblock says so --- */

static void fix_journal_super(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	struct jbd_super *s = (void *)(image + it->off);

	s->checksum = be32(jbd_super_csum(s));
}

static void fix_journal_tail(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	if (jbd_has_csum(&m->journal))
		jbd_tail_csum_set(&m->journal, image + it->off);
}

static void fix_journal_commit(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	if (jbd_has_csum(&m->journal))
		jbd_commit_csum_set(&m->journal, image + it->off);
}

/* The sum of a copy stands in its tag, of which the descriptor's sum is made. */
static void fix_journal_data(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	const struct ext_item *desc = &m->item[it->nr], *i = it;
	u8 *d = image + desc->off, zero[16] = { 0 };
	u32 pos = sizeof(struct jbd_header), at = pos, index = 0;
	struct jbd_tag t;

	if (!jbd_has_csum(&m->journal))
		return;
	for (; i > m->item + m->first[EXT_JOURNAL_DATA] && i[-1].nr == it->nr; i--)
		index++;
	for (u32 k = 0; k <= index; k++) {
		at = pos;
		if (!jbd_tag_read(&m->journal, d, &pos, &t))
			return;
	}
	t.csum = jbd_data_csum(&m->journal, be32(((struct jbd_header *)d)->sequence), image + it->off);
	jbd_tag_write(&m->journal, d, &at, &t, zero);
	fix_journal_tail(m, image, desc);
}

void ext_fix_sum(const struct ext_map *m, u8 *image, const struct ext_item *it)
{
	static fix_fn *const fixes[EXT_KINDS] = {
		[EXT_SUPER] = fix_super, [EXT_DESC] = fix_desc, [EXT_BLOCK_BITMAP] = fix_bitmap,
		[EXT_INODE_BITMAP] = fix_bitmap, [EXT_INODE] = fix_inode, [EXT_EXTENTS] = fix_extents, [EXT_DIR] = fix_dir,
		[EXT_DX] = fix_dx, [EXT_XATTR] = fix_xattr, [EXT_ORPHANS] = fix_orphans,
		[EXT_JOURNAL_SUPER] = fix_journal_super, [EXT_JOURNAL_DESC] = fix_journal_tail,
		[EXT_JOURNAL_REVOKE] = fix_journal_tail, [EXT_JOURNAL_COMMIT] = fix_journal_commit,
		[EXT_JOURNAL_DATA] = fix_journal_data,
	};
	bool always = it->kind >= EXT_JOURNAL_SUPER || (it->kind == EXT_DESC && m->gdt_csum);

	if (fixes[it->kind] && (m->csum || always))
		fixes[it->kind](m, image, it);
}
