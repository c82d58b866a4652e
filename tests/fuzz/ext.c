/* SPDX-License-Identifier: MIT */
/*
 * ext2, ext3, ext4: a gene hurts one piece of metadata, of any kind with the same likelihood, and writes its checksum
 * again in half of the cases. Then the image is mounted, used, unmounted, and mounted once more.
 */
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "block/blkdev.h"
#include "tests/fuzz/ext_map.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/vfs.h"

struct ext_sample {
	struct ext_map *map;
	struct blkdev *disk;
};

static struct ext_sample ext_samples[SAMPLES_MAX];

static int prepare(struct sample *s)
{
	struct ext_sample *e = &ext_samples[s - samples];
	char name[16];

	e->map = ext_map_new(s->bytes, s->size);
	if (!e->map)
		return -EINVAL;
	snprintf(name, sizeof(name), "fuzz%u", (u32)(s - samples));
	s->private = e;
	return fuzz_disk_add(name, s->size, &e->disk);
}

/* --- mutations --- */

static const struct ext_item *pick_item(const struct ext_map *m, struct rng *r, enum ext_kind kind)
{
	return &m->item[m->first[kind] + rnd_below(r, m->first[kind + 1] - m->first[kind])];
}

/* A number that means something somewhere: of a block or an inode. */
static u32 telling_number(const struct ext_map *m, struct rng *r, const struct ext_item *self)
{
	switch (rnd_below(r, 8)) {
	case 0:
		return self->off / m->block_size;
	case 1:
		return m->nblocks - rnd_below(r, 3);
	case 2:
		return rnd_below(r, m->nblocks);
	case 3:
		return 1 + rnd_below(r, 12);
	case 4:
		return m->ngroups * m->inodes_per_group + rnd_below(r, 2);
	case 5:
		return pick_item(m, r, EXT_INODE)->nr;
	}
	return m->item[rnd_below(r, m->n)].off / m->block_size;
}

/* Fields are most of the time where the pointers are: i_block, entries of trees, of directories. */
static void put_number(const struct ext_map *m, struct rng *r, u8 *image, const struct ext_item *it)
{
	u32 v = telling_number(m, r, it), limit = one_in(r, 2) ? MIN(it->len, 96u) : it->len, at;

	at = it->kind == EXT_INODE ? 0x28 + 4 * rnd_below(r, EXT4_NBLOCKS) : rnd_below(r, limit / 4) * 4;
	if (it->kind >= EXT_JOURNAL_SUPER)
		v = be32(v);
	memcpy(image + it->off + at, &v, 4);
}

static void splice(const struct ext_map *m, struct rng *r, u8 *image, const struct ext_item *it)
{
	const struct ext_item *from = pick_item(m, r, it->kind);
	u32 n = MIN(it->len, from->len), at = 0;

	if (one_in(r, 2)) {
		at = rnd_below(r, n) & ~3u;
		n = MIN(n - at, 4u << rnd_below(r, 6));
	}
	memmove(image + it->off + at, image + from->off + at, n);
}

/* Features decide which code runs at all. */
static void flip_feature(struct rng *r, u8 *image)
{
	struct ext4_sb *es = (void *)(image + EXT4_SB_OFFSET);
	u32 *const words[] = { &es->feature_compat, &es->feature_incompat, &es->feature_ro_compat };

	*words[rnd_below(r, 3)] ^= 1u << rnd_below(r, 18);
}

static void flip_flags(struct rng *r, u8 *image, const struct ext_item *it)
{
	static const u32 flags[] = { EXT4_INDEX_FL, EXT4_EXTENTS_FL, EXT4_INLINE_DATA_FL, EXT4_HUGE_FILE_FL,
		EXT4_JOURNAL_DATA_FL, EXT4_EA_INODE_FL, EXT4_ENCRYPT_FL, EXT4_IMMUTABLE_FL };
	static const u16 modes[] = { 0xc000, 0xa000, 0x8000, 0x6000, 0x4000, 0x2000, 0x1000, 0 };
	struct ext4_raw_inode *raw = (void *)(image + it->off);

	if (one_in(r, 2))
		raw->flags ^= flags[rnd_below(r, ARRAY_SIZE(flags))];
	else
		raw->mode = (u16)((raw->mode & 0xfff) | modes[rnd_below(r, ARRAY_SIZE(modes))]);
}

static void mutate(const struct sample *s, u8 *image, u64 gene)
{
	const struct ext_map *m = ((const struct ext_sample *)s->private)->map;
	struct rng r = rng_of(gene);
	enum ext_kind kind;
	const struct ext_item *it;

	do
		kind = rnd_below(&r, EXT_KINDS);
	while (m->first[kind] == m->first[kind + 1]);
	it = pick_item(m, &r, kind);
	switch (rnd_below(&r, 8)) {
	case 0:
		splice(m, &r, image, it);
		break;
	case 1:
	case 2:
		put_number(m, &r, image, it);
		break;
	case 3:
		if (kind == EXT_SUPER || kind == EXT_INODE) {
			if (kind == EXT_SUPER)
				flip_feature(&r, image);
			else
				flip_flags(&r, image, it);
			break;
		}
		/* fall through */
	default:
		mutate_bytes(&r, image + it->off, it->len);
	}
	if (one_in(&r, 2))
		ext_fix_sum(m, image, it);
}

/* --- the work --- */

static void options(struct rng *r, char *buf, size_t n)
{
	static const char *const data[] = { "", "", "", ",data=journal", ",data=writeback", ",nodelalloc", ",discard",
		",nobarrier", ",noload", ",commit=1" };

	/* Errors that make it read-only would end most of the work. */
	snprintf(buf, n, "errors=%s%s", one_in(r, 4) ? "remount-ro" : "continue", data[rnd_below(r, ARRAY_SIZE(data))]);
}

static void once(const struct ext_sample *e, struct rng *r, u64 flags, bool fail)
{
	char data[64];

	options(r, data, sizeof(data));
	fs_work_mounted(e->disk, "ext4", flags, data, fail ? 2 + rnd_below(r, 300) : 0, r);
}

static void run(const struct sample *s, u8 *image, u64 work)
{
	const struct ext_sample *e = s->private;
	struct rng r = rng_of(work);

	once(e, &r, one_in(&r, 8) ? MS_RDONLY : 0, one_in(&r, 12));
	if (one_in(&r, 3))
		once(e, &r, MS_RDONLY, false);
}

const struct target ext_target = { .name = "ext", .prepare = prepare, .mutate = mutate, .run = run };
