/* SPDX-License-Identifier: MIT */
/*
 * squashfs: samples whose metadata are not compressed have a map of what lies in them (inodes, listings, numbers of
 * tables), and a gene hurts one field of one thing of any kind; the others, and now and then those, are hurt anywhere.
 * Then the image is mounted and used, and perhaps mounted again.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "block/blkdev.h"
#include "fs/squashfs/disk.h"
#include "lib/alloc.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/vfs.h"

#define ITEMS_MAX 8192u

enum kind { SUPER, LENGTH, INODE, LISTING, FRAGMENT, ID, XATTR, LIST, KINDS };

struct item {
	enum kind kind;
	u32 off, len;
};

struct squash_sample {
	struct blkdev *disk;
	u32 ninodes, n;
	struct item item[ITEMS_MAX];
};

static void note(struct squash_sample *q, const struct sample *s, enum kind kind, u64 off, u32 len)
{
	if (q->n < ITEMS_MAX && len && off < s->size && len <= s->size - off)
		q->item[q->n++] = (struct item){ kind, (u32)off, len };
}

static u16 word_at(const struct sample *s, u64 off)
{
	u16 w = 0;

	if (off + 2 <= s->size)
		memcpy(&w, s->bytes + off, 2);
	return w;
}

/* The metadata blocks of [from, to): their lengths, and pieces of step bytes of those that are plain. */
static void note_table(struct squash_sample *q, const struct sample *s, enum kind kind, u64 from, u64 to, u32 step)
{
	while (from < to && from + 2 < s->size) {
		u32 len = word_at(s, from) & ~SQ_META_PLAIN;

		note(q, s, LENGTH, from, 2);
		for (u32 at = 0; word_at(s, from) & SQ_META_PLAIN && at < len; at += step)
			note(q, s, kind, from + 2 + at, MIN(step, len - at));
		from += 2 + len;
	}
}

/* The list of offsets at list, n elements of some size, and the blocks that the first leads to. */
static void note_listed(struct squash_sample *q, const struct sample *s, enum kind kind, u64 list, u32 n, u32 size)
{
	u32 blocks = (n * size + SQ_META_SIZE - 1) / SQ_META_SIZE;
	u64 first;

	if (list >= s->size || s->size - list < 8)
		return;
	memcpy(&first, s->bytes + list, 8);
	note(q, s, LIST, list, 8 * blocks);
	note_table(q, s, kind, first, list, size);
}

static const u8 inode_len[] = {
	[SQ_DIR] = 16, [SQ_REG] = 16, [SQ_LNK] = 8, [SQ_BLK] = 8, [SQ_CHR] = 8, [SQ_FIFO] = 4, [SQ_SOCK] = 4,
	[SQ_LONG + SQ_DIR] = 24, [SQ_LONG + SQ_REG] = 40, [SQ_LONG + SQ_LNK] = 8, [SQ_LONG + SQ_BLK] = 12,
	[SQ_LONG + SQ_CHR] = 12, [SQ_LONG + SQ_FIFO] = 8, [SQ_LONG + SQ_SOCK] = 8,
};

/* Inodes of the first block of their table: those that begin where a type and a number that follows the last one are. */
static void note_inodes(struct squash_sample *q, const struct sample *s, u64 table, u64 end)
{
	for (u64 at = table + 2; at + 64 < end && at + 64 < s->size; at++) {
		struct sq_disk_inode d;

		memcpy(&d, s->bytes + at, sizeof(d));
		if (d.type < SQ_DIR || d.type >= ARRAY_SIZE(inode_len) || !inode_len[d.type] || !d.number ||
		    d.number > q->ninodes || d.uid > 1 || d.gid > 1 || d.mtime < 1500000000 || d.mtime > 1800000000)
			continue;
		note(q, s, INODE, at, sizeof(d) + inode_len[d.type] + 8);
	}
}

/* The table's head, the sets of attributes, names and values. */
static void note_xattrs(struct squash_sample *q, const struct sample *s, u64 table)
{
	struct sq_disk_xattrs x;
	u64 ids;

	if (table >= s->size || s->size - table < sizeof(x) + 8)
		return;
	memcpy(&x, s->bytes + table, sizeof(x));
	memcpy(&ids, s->bytes + table + sizeof(x), 8);
	note(q, s, XATTR, table, sizeof(x));
	note_listed(q, s, XATTR, table + sizeof(x), x.count, sizeof(struct sq_disk_xattr_id));
	note_table(q, s, XATTR, x.start, ids, 12);
}

static int prepare(struct sample *s)
{
	struct squash_sample *q = kzalloc(sizeof(*q));
	struct sq_super es;
	char name[16];

	if (!q || s->size < sizeof(es))
		return -EINVAL;
	memcpy(&es, s->bytes, sizeof(es));
	q->ninodes = es.inodes;
	for (u32 i = 0; i < 8; i++)		/* as often as there are fields to choose from */
		note(q, s, SUPER, 0, sizeof(es));
	if (word_at(s, es.inode_table) & SQ_META_PLAIN)
		note_inodes(q, s, es.inode_table, es.dir_table);
	note_table(q, s, LISTING, es.dir_table, MIN(es.fragment_table, es.id_table) - 16, 24);
	note_listed(q, s, FRAGMENT, es.fragment_table, es.fragments, sizeof(struct sq_disk_fragment));
	note_listed(q, s, ID, es.id_table, es.ids, 4);
	note_xattrs(q, s, es.xattr_table);
	s->private = q;
	snprintf(name, sizeof(name), "sqsh%u", (u32)(s - samples));
	return fuzz_disk_add(name, s->size, &q->disk);
}

/* --- mutations --- */

/* Any item of a kind, each kind with the same likelihood. */
static const struct item *pick_item(const struct squash_sample *q, struct rng *r)
{
	enum kind want = rnd_below(r, KINDS);

	for (u32 tries = 0; tries < 64; tries++) {
		const struct item *it = &q->item[rnd_below(r, q->n)];

		if (it->kind == want)
			return it;
	}
	return &q->item[rnd_below(r, q->n)];
}

/* A number that means something in an image: a place, a length, a count. */
static u64 telling_number(const struct sample *s, struct rng *r)
{
	const struct squash_sample *q = s->private;
	const struct item *it = &q->item[rnd_below(r, q->n)];
	u64 root;

	switch (rnd_below(r, 10)) {
	case 0:
		return it->off;
	case 1:
		return (u64)it->off << 16;
	case 2:
		return s->size - rnd_below(r, 200);
	case 3:
		return SQ_NONE;
	case 4:
		return SQ_META_SIZE - rnd_below(r, 3);
	case 5:
		return SQ_BLOCK_PLAIN | rnd_below(r, 1 << 17);
	case 6:
		return rnd_below(r, 2) ? 1 + rnd_below(r, 14) : 255 + rnd_below(r, 3);
	case 7:
		memcpy(&root, s->bytes + offsetof(struct sq_super, root), 8);
		return rnd_below(r, 2) ? root : root >> 16;
	}
	return rnd_below(r, (u32)s->size);
}

static void put_number(const struct sample *s, struct rng *r, u8 *image, const struct item *it)
{
	u64 v = telling_number(s, r);
	u32 n = 2u << rnd_below(r, 3), at;

	n = MIN(n, it->len);
	at = rnd_below(r, it->len - n + 1) & ~1u;
	memcpy(image + it->off + at, &v, n);
}

static void mutate(const struct sample *s, u8 *image, u64 gene)
{
	const struct squash_sample *q = s->private;
	struct rng r = rng_of(gene);
	const struct item *it = pick_item(q, &r);

	switch (rnd_below(&r, 8)) {
	case 0:
		mutate_bytes(&r, image, s->size);
		break;
	case 1:
		mutate_bytes(&r, image + s->size / 2, s->size / 2);
		break;
	case 2:
	case 3:
	case 4:
		put_number(s, &r, image, it);
		break;
	default:
		mutate_bytes(&r, image + it->off, it->len);
	}
}

/* --- the work --- */

static void once(const struct squash_sample *q, struct rng *r, bool fail)
{
	fs_work_mounted(q->disk, "squashfs", MS_RDONLY, "", fail ? 2 + rnd_below(r, 100) : 0, r);
}

static void run(const struct sample *s, u8 *image, u64 work)
{
	const struct squash_sample *q = s->private;
	struct rng r = rng_of(work);

	once(q, &r, one_in(&r, 10));
	if (one_in(&r, 4))
		once(q, &r, false);
}

const struct target squash_target = { .name = "squash", .prepare = prepare, .mutate = mutate, .run = run };
