/* SPDX-License-Identifier: MIT */
/*
 * Finds the metadata of a sound image: from the superblock to the groups, from there to all inodes in use, from each
 * to the blocks of its tree, its directory, its attributes; and all blocks of the journal that are no copies.
 */
#include "tests/fuzz/ext_map.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"
#include "lib/crc32c.h"

#define FILE_BLOCKS 16384u		/* of one file that are looked at */

struct scan {
	struct ext_map *m;
	const u8 *image;
	size_t size;
	u32 ino;
	u32 *blocks, nblocks;		/* of the file in hand, by logical number */
};

static void add(struct scan *s, enum ext_kind kind, u64 off, u32 len, u32 nr)
{
	if (s->m->n < EXT_ITEMS_MAX && off + len <= s->size)
		s->m->item[s->m->n++] = (struct ext_item){ kind, (u32)off, len, nr };
}

static void add_block(struct scan *s, enum ext_kind kind, u32 block, u32 nr)
{
	if (block)
		add(s, kind, (u64)block * s->m->block_size, s->m->block_size, nr);
}

static void note_block(struct scan *s, u32 lblk, u32 block)
{
	if (lblk >= FILE_BLOCKS || (u64)(block + 1) * s->m->block_size > s->size)
		return;
	s->blocks[lblk] = block;
	s->nblocks = MAX(s->nblocks, lblk + 1);
}

static void scan_extents(struct scan *s, const struct ext4_eh *eh, u32 depth)
{
	const struct ext4_extent *e = (const void *)(eh + 1);
	const struct ext4_idx *x = (const void *)(eh + 1);

	if (eh->magic != EXT4_EXT_MAGIC || depth > EXT4_EXT_MAX_DEPTH)
		return;
	for (u32 i = 0; i < eh->entries; i++) {
		if (eh->depth) {
			add_block(s, EXT_EXTENTS, x[i].leaf_lo, s->ino);
			scan_extents(s, (const void *)(s->image + (u64)x[i].leaf_lo * s->m->block_size), depth + 1);
			continue;
		}
		for (u32 k = 0; k < e[i].len && e[i].len <= EXT4_EXT_MAX_LEN; k++)
			note_block(s, e[i].block + k, e[i].start_lo + k);
	}
}

/* Returns the number of the next logical block. */
static u32 scan_indirect(struct scan *s, u32 block, u32 level, u32 lblk)
{
	u32 per = s->m->block_size / 4, span = 1;
	const u32 *p = (const u32 *)(s->image + (u64)block * s->m->block_size);

	for (u32 i = 0; i < level; i++)
		span *= per;
	if (!block || (u64)(block + 1) * s->m->block_size > s->size)
		return lblk + span;
	if (!level) {
		note_block(s, lblk, block);
		return lblk + 1;
	}
	add_block(s, EXT_INDIRECT, block, s->ino);
	for (u32 i = 0; i < per; i++)
		lblk = scan_indirect(s, p[i], level - 1, lblk);
	return lblk;
}

static void find_blocks(struct scan *s, const struct ext4_raw_inode *r)
{
	u32 lblk = 0;

	memset(s->blocks, 0, s->nblocks * sizeof(*s->blocks));
	s->nblocks = 0;
	if (r->flags & EXT4_EXTENTS_FL) {
		scan_extents(s, (const void *)r->block, 0);
		return;
	}
	for (u32 i = 0; i < EXT4_NBLOCKS; i++)
		lblk = scan_indirect(s, r->block[i], i < EXT4_NDIR ? 0 : i - EXT4_NDIR + 1, lblk);
}

static void add_dir(struct scan *s, const struct ext4_raw_inode *r)
{
	for (u32 i = 0; i < s->nblocks; i++) {
		const struct ext4_dirent *d = (const void *)(s->image + (u64)s->blocks[i] * s->m->block_size);
		bool node = !d->ino && d->rec_len == s->m->block_size;

		add_block(s, (r->flags & EXT4_INDEX_FL) && (!i || node) ? EXT_DX : EXT_DIR, s->blocks[i], s->ino);
	}
}

/* --- the journal --- */

static void add_journal_data(struct scan *s, u32 first, u32 desc_item)
{
	const u8 *desc = s->image + s->m->item[desc_item].off;
	u32 pos = sizeof(struct jbd_header);
	struct jbd_tag t;

	for (u32 i = first; i < s->nblocks && i < first + 16 && jbd_tag_read(&s->m->journal, desc, &pos, &t); i++)
		add_block(s, EXT_JOURNAL_DATA, s->blocks[i], desc_item);
}

static void add_journal(struct scan *s)
{
	static const enum ext_kind kinds[] = { [JBD_DESCRIPTOR] = EXT_JOURNAL_DESC, [JBD_COMMIT] = EXT_JOURNAL_COMMIT,
		[JBD_SUPER_V1] = EXT_JOURNAL_SUPER, [JBD_SUPER_V2] = EXT_JOURNAL_SUPER, [JBD_REVOKE] = EXT_JOURNAL_REVOKE };
	const struct jbd_super *js;

	if (!s->nblocks)
		return;
	js = (const void *)(s->image + (u64)s->blocks[0] * s->m->block_size);
	s->m->journal = (struct jbd_layout){ .block_size = s->m->block_size, .compat = be32(js->compat),
		.incompat = be32(js->incompat), .seed = crc32c(~0u, js->uuid, sizeof(js->uuid)) };
	for (u32 i = 0; i < s->nblocks; i++) {
		const struct jbd_header *h = (const void *)(s->image + (u64)s->blocks[i] * s->m->block_size);
		u32 type = be32(h->type);

		if (h->magic != be32(JBD_MAGIC) || type >= ARRAY_SIZE(kinds) || !type)
			continue;
		add_block(s, kinds[type], s->blocks[i], s->ino);
		if (type == JBD_DESCRIPTOR)
			add_journal_data(s, i + 1, s->m->n - 1);
	}
}

/* --- inodes and groups --- */

static void add_inode(struct scan *s, const struct ext4_raw_inode *r, u32 orphans)
{
	add(s, EXT_INODE, (u64)((const u8 *)r - s->image), s->m->inode_size, s->ino);
	if (r->file_acl_lo)
		add_block(s, EXT_XATTR, r->file_acl_lo, s->ino);
	if ((r->flags & EXT4_INLINE_DATA_FL) || (S_ISLNK(r->mode) && r->size_lo < sizeof(r->block)) ||
	    S_ISCHR(r->mode) || S_ISBLK(r->mode))
		return;
	find_blocks(s, r);
	if (s->ino == EXT4_JOURNAL_INO)
		add_journal(s);
	else if (s->ino == orphans)
		for (u32 i = 0; i < s->nblocks; i++)
			add_block(s, EXT_ORPHANS, s->blocks[i], s->ino);
	else if (S_ISDIR(r->mode))
		add_dir(s, r);
	else if (S_ISLNK(r->mode))
		add_block(s, EXT_SYMLINK, s->blocks[0], s->ino);
}

static void add_group(struct scan *s, u32 g, u32 orphans)
{
	const struct ext4_desc *d = (const void *)(s->image + s->m->desc_at + g * s->m->desc_size);

	add(s, EXT_DESC, (u64)s->m->desc_at + g * s->m->desc_size, s->m->desc_size, g);
	add_block(s, EXT_BLOCK_BITMAP, d->block_bitmap_lo, g);
	add_block(s, EXT_INODE_BITMAP, d->inode_bitmap_lo, g);
	for (u32 i = 0; i < s->m->inodes_per_group; i++) {
		const struct ext4_raw_inode *r;

		s->ino = g * s->m->inodes_per_group + i + 1;
		r = (const void *)(s->image + ext_inode_at(s->m, s->image, s->ino));
		if ((const u8 *)r != s->image && r->links)
			add_inode(s, r, orphans);
	}
}

/* Journal data point to their descriptors by index: these move, too. */
static void sort_by_kind(struct ext_map *m)
{
	struct ext_item *old = kmalloc(m->n * sizeof(*old));
	u32 *to = kmalloc(m->n * sizeof(*to)), n = 0;

	memcpy(old, m->item, m->n * sizeof(*old));
	for (int k = 0; k < EXT_KINDS; k++) {
		m->first[k] = n;
		for (u32 i = 0; i < m->n; i++) {
			if ((int)old[i].kind != k)
				continue;
			to[i] = n;
			m->item[n++] = old[i];
		}
	}
	m->first[EXT_KINDS] = n;
	for (u32 i = m->first[EXT_JOURNAL_DATA]; i < m->first[EXT_JOURNAL_DATA + 1]; i++)
		m->item[i].nr = to[m->item[i].nr];
	kfree(old);
	kfree(to);
}

struct ext_map *ext_map_new(const u8 *image, size_t size)
{
	const struct ext4_sb *es = (const void *)(image + EXT4_SB_OFFSET);
	struct ext_map *m = kzalloc(sizeof(*m));
	struct scan s = { .m = m, .image = image, .size = size };

	if (!m || size < 64 * 1024 || es->magic != EXT4_MAGIC)
		return NULL;
	m->block_size = 1024u << es->log_block_size;
	m->inode_size = es->rev_level ? es->inode_size : EXT4_GOOD_OLD_INODE;
	m->desc_size = es->feature_incompat & INCOMPAT_64BIT ? es->desc_size : 32;
	m->first_data_block = es->first_data_block;
	m->nblocks = es->blocks_count_lo;
	m->inodes_per_group = es->inodes_per_group;
	m->blocks_per_group = es->blocks_per_group;
	m->ngroups = (m->nblocks - m->first_data_block + m->blocks_per_group - 1) / m->blocks_per_group;
	m->desc_at = (m->first_data_block + 1) * m->block_size;
	m->csum = es->feature_ro_compat & RO_COMPAT_METADATA_CSUM;
	m->gdt_csum = !m->csum && es->feature_ro_compat & RO_COMPAT_GDT_CSUM;
	m->seed = es->feature_incompat & INCOMPAT_CSUM_SEED ? es->checksum_seed : crc32c(~0u, es->uuid, 16);
	s.blocks = kzalloc(FILE_BLOCKS * sizeof(*s.blocks));
	if (!s.blocks)
		return NULL;
	add(&s, EXT_SUPER, EXT4_SB_OFFSET, EXT4_SB_SIZE, 0);
	for (u32 g = 0; g < m->ngroups; g++)
		add_group(&s, g, es->feature_compat & COMPAT_ORPHAN_FILE ? es->orphan_file_inum : 0);
	sort_by_kind(m);
	kfree(s.blocks);
	return m;
}
